"""Projects: the amounts of each, their sum against the forms, who carries them out, and what of their text is missing."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from cnbudget import money
from cnbudget.model import AmountSource, Cause, FormId, InstitutionKind, InstitutionRow, Severity
from cnbudget.prose.projects import Item, Project
from cnbudget.rules.case import Case, Family, Found, money_text, rule, yuan_text

PROJECTS = "项目经费情况说明（一、项目概述至七、绩效目标）；《地方预决算公开操作规程》（财预〔2016〕143号）"
EXPENDITURE = "项目支出见《支出预算总表》"

_FEN = Decimal("0.01")


def project_locus(project: Project) -> str:
    """Where a project stands, stable over runs: its key."""
    return f"projects/{project.name or '-'}/{(project.implementer or '-')[:24]}"


def project_title(project: Project) -> str:
    """A project's name for messages, the beginning of its text where it has none."""
    return project.name or (project.overview or "")[:12] or "未命名项目"


def _who(project: Project) -> str:
    return f"（{project.implementer}）" if project.implementer else ""


@rule(
    Severity.ERROR,
    Family.PROJECTS,
    "项目金额不是一个数",
    "A malformed amount of a project",
    rests_on=PROJECTS,
    example="年度预算 is printed as 1.200.00元.",
)
def project_amount_malformed(case: Case) -> Iterator[Found]:
    """A project's budget is one well-formed number. The publisher's error where the project expenditure of the forms proves
    what was meant."""
    for project in case.projects:
        amount, is_proved = project.annual_budget_yuan, project.amount_source is AmountSource.PROVED
        if not is_proved and (amount is not None or project.amount_printed is None):
            continue
        meant_zh = f"由项目支出合计倒推应为{money_text(amount)}元，请更正" if amount is not None else "请更正"
        meant_en = (
            f"the project expenditure leaves {money_text(amount)} yuan for it; correct it" if amount else "correct it"
        )
        yield Found(
            project_locus(project),
            f"项目“{project_title(project)}”{_who(project)}的预算写作{project.amount_printed}，不是一个数；{meant_zh}。",
            f"the budget of the project {project_title(project)} {_who(project)} is printed as {project.amount_printed}, which is no "
            f"number; {meant_en}.",
            expected=None if amount is None else yuan_text(amount),
            found=project.amount_printed,
            page=project.page,
            box=project.box,
            quote=project.budget,
            cause=Cause.PUBLISHER if is_proved else Cause.UNKNOWN,
        )


# --- items -----------------------------------------------------------------------------------------------------------


def _gap(project: Project) -> Decimal | None:
    """What the items come to, less the budget; None where one of them is not stated or rounding explains it."""
    total = project.annual_budget_yuan
    if not project.items or total is None or project.amount_source is not AmountSource.STATED:
        return None
    gap = sum((item.amount_yuan for item in project.items), Decimal(0)) - total
    slack = sum((_last_digit(item) for item in project.items), Decimal(0)) / 2
    return gap if abs(gap) > max(slack, _FEN) else None


def _last_digit(item: Item) -> Decimal:
    unit = money.YUAN_PER_UNIT.get(item.printed_unit or "元", 1)
    return Decimal(unit).scaleb(-money.decimals(item.amount_printed))


_SOME_ONLY = re.compile(r"主要|等|部分|重点|包括")


def is_short_of_items(project: Project) -> bool:
    """Whether `project_items_differ` names the project."""
    return _gap(project) is not None


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目明细与总额不符",
    "Items do not come to the project's budget",
    rests_on=PROJECTS,
    example="年度预算90万元, its five items come to 40万元; the text breaks off behind them.",
)
def project_items_differ(case: Case) -> Iterator[Found]:
    """The items of a project come to its budget. Whose error it is, stays open: where the text is cut, items are lost."""
    for project in case.projects:
        gap, total = _gap(project), project.annual_budget_yuan
        if gap is None or total is None:
            continue
        is_partial = gap < 0 and not project.is_cut and _SOME_ONLY.search(project.budget or "") is not None
        cut_zh = "其后文字缺失，可能是文本被截断，请对照原件。" if project.is_cut else "请核对明细和总额。"
        cut_en = (
            "The text breaks off behind them: compare with the page." if project.is_cut else "Check items and budget."
        )
        yield Found(
            f"{project_locus(project)}/items",
            f"项目“{project_title(project)}”{_who(project)}预算{money_text(total)}元，所列{len(project.items)}项明细合计"
            f"{money_text(total + gap)}元，相差{money_text(gap)}元。{cut_zh}",
            f"the project {project_title(project)} {_who(project)} has a budget of {money_text(total)} yuan, its {len(project.items)} items "
            f"come to {money_text(total + gap)}, {money_text(gap)} apart. {cut_en}",
            expected=yuan_text(total),
            found=yuan_text(total + gap),
            difference=yuan_text(gap),
            page=project.items[-1].page,
            box=project.items[-1].box,
            quote=project.items[-1].quote,
            severity=Severity.INFO if is_partial else None,
        )


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目明细金额未写单位",
    "An item's amount without a unit",
    rests_on=PROJECTS,
    example="树木养护120000；",
)
def project_item_without_unit(case: Case) -> Iterator[Found]:
    """Every amount of a project states its unit. It is read as yuan."""
    for project in case.projects:
        for number, item in enumerate(project.items, 1):
            if item.printed_unit == "":
                yield Found(
                    f"{project_locus(project)}/items/{number}",
                    f"项目“{project_title(project)}”的“{item.name}”{item.amount_printed}未写单位。请补“元”。",
                    f"the project {project_title(project)}: {item.name} {item.amount_printed} states no unit. Add 元.",
                    expected=f"{item.amount_printed}元",
                    found=item.amount_printed,
                    page=item.page,
                    box=item.box,
                    quote=item.quote,
                )


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目明细重名",
    "Two items of one name",
    rests_on=PROJECTS,
    example="树木养护 20,000 yuan and 树木养护 35,000 yuan in one project.",
)
def project_item_repeated(case: Case) -> Iterator[Found]:
    """Items of one project bear different names."""
    for project in case.projects:
        by_name: dict[str, list[Item]] = defaultdict(list)
        for item in project.items:
            by_name[money.key(item.name)].append(item)
        for name, items in by_name.items():
            if len(items) < 2 or len(name) < 3 or "季度" in name:
                continue
            amounts = "、".join(item.amount_printed + item.printed_unit for item in items)
            yield Found(
                f"{project_locus(project)}/items/{name}",
                f"项目“{project_title(project)}”有{len(items)}项明细都叫“{name}”（{amounts}）。请核对是否漏写区分。",
                f"the project {project_title(project)} has {len(items)} items called {name} ({amounts}). Check their names.",
                found=amounts,
                page=items[1].page,
                box=items[1].box,
                quote=items[1].quote,
            )


# --- all projects against the forms ----------------------------------------------------------------------------------


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "项目金额之和与项目支出不符",
    "The projects do not fit the project expenditure",
    rests_on=EXPENDITURE,
    example="The projects described come to 600万元, the forms print 590万元.",
)
def projects_differ_from_expenditure(case: Case) -> Iterator[Found]:
    """The projects described never exceed the project expenditure, and equal the stated amount where all are described."""
    amounts = [project.annual_budget_yuan for project in case.projects if project.annual_budget_yuan is not None]
    printed = case.total_of(FormId.EXPENDITURE_SUMMARY, "project")
    together = sum(amounts, Decimal(0))
    count = [claim.n_counted for claim in case.claims_of("other_notes", "performance_projects")]
    stated = [claim for claim in case.claims_of("other_notes", "performance_amount") if claim.amount_yuan]
    is_all = count == [len(case.projects)] and len(amounts) == len(case.projects)
    bounds: list[tuple[str, str, Decimal, Decimal]] = []
    if printed is not None and together > printed + 1:
        bounds.append(("项目支出", "the project expenditure", printed, Decimal(1)))
    if is_all and stated and stated[0].amount_yuan is not None:
        bounds.append(("绩效目标涉及资金", "the performance amount", stated[0].amount_yuan, stated[0].precision))
    for zh, en, yuan, slack in bounds:
        if abs(together - yuan) > slack:
            yield Found(
                f"projects/{en}",
                f"{len(amounts)}个项目合计{money_text(together)}元，{zh}为{money_text(yuan)}元，"
                f"相差{money_text(together - yuan)}元。请核对各项目金额。",
                f"{len(amounts)} projects come to {money_text(together)} yuan, {en} is {money_text(yuan)}, "
                f"{money_text(together - yuan)} apart. Check the projects' amounts.",
                expected=yuan_text(yuan),
                found=yuan_text(together),
                difference=yuan_text(together - yuan),
                page=case.projects[0].page,
            )


_INSTITUTION = re.compile(r"(?:局|委|会|中心|院|馆|所|队|处|校|站|社|部)(?:[（(].{1,20}[）)])?$")


@rule(
    Severity.WARNING,
    Family.PROJECTS,
    "实施主体不在机构设置中",
    "A project of an institution that is not listed",
    rests_on="机构设置应列示全部预算单位",
    example="某市园林博物馆 carries out a project; 机构设置 lists six units, it is not among them.",
)
def project_of_unlisted_institution(case: Case) -> Iterator[Found]:
    """Who carries out a project is among the institutions listed. Asked of full names alone."""
    names = _listed(case)
    area = (case.cover.jurisdiction_name or "")[:2]
    for project in case.projects:
        who = _bare(project.implementer or "")
        is_full = bool(area) and who.startswith(area) and _INSTITUTION.search(who) is not None
        if names and is_full and not any(who in name or name in who for name in names):
            yield Found(
                f"{project_locus(project)}/implementer",
                f"项目“{project_title(project)}”的实施主体“{project.implementer}”不在机构设置所列的{len(names)}家单位中。请核对。",
                f"the project {project_title(project)} is carried out by {project.implementer}, which is not among the {len(names)} "
                "institutions listed. Check the one or the other.",
                found=project.implementer,
                page=project.page,
                box=project.box,
                quote=project.implementer,
            )


def _listed(case: Case) -> list[str]:
    own = [_bare(case.cover.publisher_name)] if case.cover.publisher_name else []
    rows = [row for row in case.institutions if row.row_type is InstitutionRow.LISTED and row.name]
    units = [_bare(row.name or "") for row in rows if row.kind is InstitutionKind.BUDGET_UNIT]
    return sorted({*own, *units}) if len(units) > 1 else []


def _bare(name: str) -> str:
    return re.sub(r"\(?(?:本级|本部|部门)\)?$", "", money.key(name))


RULES = (
    project_amount_malformed,
    project_items_differ,
    project_item_without_unit,
    project_item_repeated,
    projects_differ_from_expenditure,
    project_of_unlisted_institution,
)
