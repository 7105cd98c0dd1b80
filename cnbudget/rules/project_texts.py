"""The text of projects: fields that are missing or cut off, titles out of place, one text for several projects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from cnbudget import money
from cnbudget.model import AmountSource, Severity
from cnbudget.prose.projects import Project
from cnbudget.prose.sections import Line, SectionKind
from cnbudget.rules.case import Case, Family, Found, per_case, rule, yuan_text
from cnbudget.rules.projects import PROJECTS, is_short_of_items, project_locus, project_title

_FIELDS = (
    ("overview", "一、项目概述"),
    ("legal_basis", "二、立项依据"),
    ("implementer", "三、实施主体"),
    ("plan", "四、实施方案"),
    ("period", "五、实施周期"),
    ("budget", "六、年度预算安排"),
    ("goals", "七、绩效目标"),
)


def _missing(project: Project) -> tuple[list[str], list[str]]:
    """Fields without text: those that another one follows, and those that the text ends before."""
    empty = [name for field, name in _FIELDS if not getattr(project, field)]
    last = max((index for index, (field, _) in enumerate(_FIELDS) if getattr(project, field)), default=-1)
    at_end = {name for _, name in _FIELDS[last + 1 :]}
    return [name for name in empty if name not in at_end], [name for name in empty if name in at_end]


def _ends_open(project: Project) -> bool:
    return re.search(r"其中[:：]?\s*$", project.budget or "") is not None


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目文字被截断",
    "The text of a project breaks off",
    rests_on=PROJECTS,
    example="The text ends behind 四、实施方案; budget and goals are not there. Or the budget ends in 其中：.",
)
def project_text_cut(case: Case) -> Iterator[Found]:
    """A project's text goes on to its goals. Whose error it is, stays open: pages may be lost in the file or on its way."""
    for project in case.projects:
        _, at_end = _missing(project)
        if not project.is_cut or is_short_of_items(project) or not (at_end or _ends_open(project)):
            continue
        lacks = "、".join(at_end) or "明细"
        yield Found(
            f"{project_locus(project)}/cut",
            f"项目“{project_title(project)}”的文字中断，缺少“{lacks}”。请对照原件，核对是否缺页。",
            f"the text of the project {project_title(project)} breaks off: {lacks} is not there. Compare with the page.",
            expected=lacks,
            page=project.page,
            box=project.box,
            quote=(project.budget or project.period or project.plan or project.overview or "")[-40:],
        )


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目缺少栏目",
    "A field of a project is missing",
    rests_on=PROJECTS,
    example="四、实施方案 is followed by 六、年度预算安排.",
)
def project_field_missing(case: Case) -> Iterator[Found]:
    """The seven fields of a project are all there, in their order."""
    for project in case.projects:
        between, _ = _missing(project)
        if project.is_cut and between:
            yield Found(
                f"{project_locus(project)}/fields",
                f"项目“{project_title(project)}”缺少“{'、'.join(between)}”，其后栏目尚在。请补充，或对照原件。",
                f"the project {project_title(project)} lacks {', '.join(between)}, while later fields are there. Add them, or "
                "compare with the page.",
                expected="、".join(between),
                page=project.page,
                box=project.box,
            )


@rule(
    Severity.INFO,
    Family.PROJECTS,
    "项目栏目为空",
    "A field of a project is empty",
    rests_on=PROJECTS,
    example="七、绩效目标 is a title with nothing below it.",
)
def project_field_empty(case: Case) -> Iterator[Found]:
    """A field that has its title has its text. Not asked of a text whose order is lost: what stands below is another's then."""
    for project in case.projects if not _displaced(case) else ():
        between, at_end = _missing(project)
        empty = [name for name in (*between, *at_end) if name != "三、实施主体"]
        if not project.is_cut and not project.is_table and empty:
            yield Found(
                f"{project_locus(project)}/empty",
                f"项目“{project_title(project)}”的“{'、'.join(empty)}”标题下没有内容。请补充。",
                f"the project {project_title(project)}: nothing stands below {', '.join(empty)}. Add it.",
                expected="、".join(empty),
                page=project.page,
                box=project.box,
            )


@rule(
    Severity.INFO,
    Family.PROJECTS,
    "项目没有总额",
    "A project without a total",
    rests_on=PROJECTS,
    example="Three items of 60,000 yuan together, and no 年度预算 in all.",
)
def project_total_missing(case: Case) -> Iterator[Found]:
    """A project states its budget, and not only its items."""
    for project in case.projects:
        if project.amount_source is AmountSource.ADDED_UP:
            yield Found(
                f"{project_locus(project)}/total",
                f"项目“{project_title(project)}”只列明细，未写总额（相加为{project.annual_budget_yuan:,.2f}元）。请写明总额。",
                f"the project {project_title(project)} lists items without a total (they come to "
                f"{project.annual_budget_yuan:,.2f} yuan). State it.",
                expected=yuan_text(project.annual_budget_yuan or Decimal(0)),
                page=project.page,
                box=project.box,
                quote=project.budget,
            )


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "多个项目合写一份说明",
    "One text for several projects",
    rests_on=PROJECTS,
    example="A text without a project's name has the budgets of three projects, which 绩效目标 names one by one.",
)
def project_text_shared(case: Case) -> Iterator[Found]:
    """Each project has a text of its own under its name. A text without a name alone is information."""
    named = {money.key(claim.subject) for claim in case.claims_of("other_notes", "performance_item")}
    for project in case.projects:
        if project.name:
            continue
        inside = [item.name for item in project.items if money.key(item.name) in named]
        several = len(inside) > 1
        names = "、".join(inside)
        yield Found(
            f"{project_locus(project)}/{(project.overview or '')[:10]}/name",
            f"一份项目说明合写{len(inside)}个项目（{names}），没有项目名称。请分别说明。"
            if several
            else "项目经费情况说明没有项目名称。请写明项目名称。",
            f"one text describes {len(inside)} projects ({names}) without a name. Give each its own."
            if several
            else "a project's text has no name. State the name of the project.",
            found=names or None,
            page=project.page,
            box=project.box,
            quote=project.quote,
            severity=None if several else Severity.INFO,
        )


_TITLE = re.compile(r".{2,40}(?:项目)?经费情况说明?")
_OPENING = re.compile(r"一、项目概")


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目标题不在正文之前",
    "Titles of projects stand behind their text or inside another's",
    rests_on=PROJECTS,
    example="树木养护项目经费情况说明 stands behind 七、绩效目标 of the project that it names.",
)
def project_titles_displaced(case: Case) -> Iterator[Found]:
    """The title of a project stands right before 一、项目概述. In a text taken from a PDF the order may be lost: one finding."""
    displaced = _displaced(case)
    if displaced:
        first = displaced[0]
        yield Found(
            "projects/titles",
            f"{len(displaced)}个项目标题不在其正文之前（如“{first.text.strip()}”）。请对照原件核对标题位置。",
            f"{len(displaced)} titles of projects do not stand before their text (such as {first.text.strip()}). Compare with "
            "the page.",
            found=str(len(displaced)),
            page=first.page,
            box=first.box,
            quote=first.text.strip(),
        )


@per_case
def _displaced(case: Case) -> list[Line]:
    """Titles that no opening follows within a line (a title may be wrapped), where there are several projects."""
    lines = [line for text in case.texts if text.kind is SectionKind.PROJECTS for line in text.passage.lines]
    if sum("一、项目概" in money.joined(line.text) for line in lines) < 2:
        return []
    found = []
    for index, line in enumerate(lines):
        if "经费情况说" in line.text and index and _TITLE.fullmatch(money.key(line.text)):
            following = [money.key(later.text) for later in lines[index + 1 : index + 3]]
            if not any(_OPENING.match(text) for text in following[: 1 + (len(following[0]) < 3 if following else 0)]):
                found.append(line)
    return found


_NUMBERED = re.compile(r"(?:[-•]\s*)?(\d{1,2})(?:、|\.(?!\d))")


@rule(
    Severity.INFO,
    Family.PROJECTS,
    "条目编号不连续",
    "Numbering with a gap or a repeat",
    rests_on=PROJECTS,
    example="立项依据 goes from 3 to 6; two items are numbered 4.",
)
def project_numbering_broken(case: Case) -> Iterator[Found]:
    """Numbered lines go up by one or begin again at 1; a gap may be a lost page."""
    for project in case.projects:
        for field, name in (("overview", "项目概述"), ("legal_basis", "立项依据"), ("budget", "年度预算安排")):
            lines = (getattr(project, field) or "").split("\n")
            numbers = [int(match[1]) for line in lines if (match := _NUMBERED.match(line))]
            for before, after in zip([0, *numbers], numbers, strict=False):
                if after in {before + 1, 1} or after < before:
                    continue
                yield Found(
                    f"{project_locus(project)}/{field}/{before}-{after}",
                    f"项目“{project_title(project)}”的{name}编号由{before}到{after}。请核对是否缺漏或重号。",
                    f"the project {project_title(project)}: the numbering of {name} goes from {before} to {after}. Check for a gap or "
                    "a repeat.",
                    expected=str(before + 1),
                    found=str(after),
                    page=project.page,
                )
                break


RULES = (
    project_text_cut,
    project_field_missing,
    project_field_empty,
    project_total_missing,
    project_text_shared,
    project_titles_displaced,
    project_numbering_broken,
)
