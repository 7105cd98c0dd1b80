"""Structure: the sections that a published budget has, its contents page, its years, and what a template left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnbudget import money
from cnbudget.model import Paragraph, Severity
from cnbudget.prose.sections import SectionKind, section_kind
from cnbudget.rules.case import Case, Family, Found, Text, per_case, rule

SECTIONS = "《地方预决算公开操作规程》（财预〔2016〕143号）：部门预算公开应包括职能、机构设置、预算表、增减变化说明和名词解释等"
TEMPLATE = "上海市部门（单位）预算公开模板"

_REQUIRED = {
    SectionKind.FUNCTIONS: ("主要职能", re.compile(r"主要职[能责]|(?:部门|单位|机构)职[能责]")),
    SectionKind.INSTITUTIONS: ("机构设置", re.compile(r"机构设置|内设机构")),
    SectionKind.GLOSSARY: ("名词解释", re.compile(r"名词解释")),
    SectionKind.NARRATIVE: ("预算编制说明", re.compile(r"预算编制(?:情况)?(?:的)?说明")),
    SectionKind.OTHER_NOTES: ("其他相关情况说明", re.compile(r"其[他它](?:相关|有关)?情况(?:的)?说明")),
}
_OPTIONAL = {SectionKind.PROJECTS: ("项目经费情况说明", re.compile(r"经费情况说明?|一、项目概[述况]"))}
_CONTENTS = re.compile(r"目录")
_ENTRY = re.compile(
    r"(?:第[一二三四五六七八九十]+部分|[一二三四五六七八九十]{1,3}[、.]|\(?\d{1,2}[.、)]|.*[….·．]{3,}\d*$)"
)


@per_case
def _split(case: Case) -> tuple[list[Paragraph], str]:
    """Lines of the contents page, and the text of all other lines as it is compared."""
    contents: list[Paragraph] = []
    body: list[str] = []
    page: int | None = None
    is_open = False
    for line in case.lines:
        text = money.joined(line.text)
        if not contents and not is_open and _CONTENTS.fullmatch(text):
            is_open, page = True, line.page
            continue
        is_open = is_open and line.page == page and (page is not None or bool(_ENTRY.match(text)))
        if is_open:
            contents.append(line)
        else:
            body.append(text)
    return contents, "\n".join(body)


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "缺少章节",
    "A section is missing",
    rests_on=SECTIONS,
    example="The document has no 名词解释.",
)
def section_missing(case: Case) -> Iterator[Found]:
    """Functions, institutions, glossary, narrative and the other notes are there, whatever their order and numbering. A file of
    tables alone, as a worksheet is, is named once, as information."""
    _, body = _split(case)
    kinds = {text.kind for text in case.texts}
    missing = {
        kind.value: name
        for kind, (name, pattern) in _REQUIRED.items()
        if kind not in kinds and not pattern.search(body)
    }
    is_bare = len(missing) == len(_REQUIRED)
    if is_bare:
        missing = {"all": "、".join(missing.values())} if case.lines or case.figures else {}
    for kind_name, name in missing.items():
        yield Found(
            f"section/{kind_name}",
            f"未找到“{name}”部分。请核对是否缺页，或补充该部分。",
            f"the section {name} was not found. Check for a missing page, or add it.",
            expected=name,
            severity=Severity.INFO if is_bare else None,
        )


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "目录与正文不符",
    "The contents list what the text does not have",
    rests_on=SECTIONS,
    example="The contents end in 七、项目经费情况说明, no such section follows.",
)
def contents_disagree(case: Case) -> Iterator[Found]:
    """Every section that the contents list is there."""
    contents, body = _split(case)
    for line in contents:
        kind = section_kind(re.sub(r"[….·．]{3,}\d*$", "", money.joined(line.text)))
        name, pattern = (_REQUIRED | _OPTIONAL).get(kind, ("", None)) if kind else ("", None)
        if pattern is not None and not pattern.search(body):
            yield Found(
                f"contents/{name}",
                f"目录列有“{name}”，正文没有该部分。请更正目录或补充正文。",
                f"the contents list {name}, the text has no such section. Correct the contents or add it.",
                expected=name,
                page=line.page,
                box=line.box,
                quote=line.text,
            )


@rule(
    Severity.INFO,
    Family.STRUCTURE,
    "没有封面",
    "No cover",
    rests_on=TEMPLATE,
    example="The text begins with 主要职能; year and publisher stand in the form titles alone.",
)
def cover_missing(case: Case) -> Iterator[Found]:
    """A budget begins with a cover that names year and publisher; without it they are taken from the forms."""
    if (case.lines or case.figures) and not case.cover.is_stated:
        yield Found(
            "cover",
            "未找到写明年度和预算单位的封面。请核对导出时是否缺页。",
            "no cover with year and publisher was found. Check whether it was lost in the export.",
            expected="××年××预算",
        )


_YEARS_OF_TEXT = (
    (SectionKind.NARRATIVE, re.compile(r"^(20\d\d)年(?:度)?[,，]")),
    (SectionKind.OTHER_NOTES, re.compile(r"一、(20\d\d)年(?:度)?“?三公")),
    (SectionKind.OTHER_NOTES, re.compile(r"(20\d\d)年(?:度)?“?三公“?经费预算数")),
    (SectionKind.OTHER_NOTES, re.compile(r"(20\d\d)年(?:度)?(?:本单位|本部门)政府采购预算")),
    (SectionKind.OTHER_NOTES, re.compile(r"(20\d\d)年(?:度)?(?:部门|单位)预算安排购置")),
    (SectionKind.OTHER_NOTES, re.compile(r"(20\d\d)年(?:度)?[^。；，]{4,40}财政拨款的机关运行经费")),
)


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "年度有误",
    "A year that is not the budget's",
    rests_on="标题和说明应指本预算年度",
    example="2029年部门预算编制说明 stands in a budget of 2030.",
)
def year_wrong(case: Case) -> Iterator[Found]:
    """Titles of sections, and the sentences that open them, name the fiscal year."""
    year = case.cover.fiscal_year
    for text in case.texts if year is not None else ():
        places = [(match[1], *text.passage.place(*match.span()), match[0]) for match in _years_of(text)]
        titled = re.search(r"(20\d\d)年", text.title)
        if titled and text.kind in {SectionKind.NARRATIVE, SectionKind.OTHER_NOTES, SectionKind.GLOSSARY}:
            places.append((titled[1], text.page, None, text.title))
        for stated, page, box, quote in places:
            if int(stated) != year:
                yield Found(
                    f"{text.kind.value}/year/{money.key(quote)[:30]}",
                    f"“{quote}”写{stated}年，本预算为{year}年。请更正年份。",
                    f"{quote} names {stated}, the budget is of {year}. Correct the year.",
                    expected=str(year),
                    found=stated,
                    page=page,
                    box=box,
                    quote=quote,
                )


def _years_of(text: Text) -> Iterator[re.Match[str]]:
    for kind, pattern in _YEARS_OF_TEXT:
        if kind is text.kind:
            yield from pattern.finditer(text.passage.folded)


# --- the glossary ----------------------------------------------------------------------------------------------------


def _glossary(case: Case) -> Text | None:
    return next((text for text in case.texts if text.kind is SectionKind.GLOSSARY), None)


_CITY_LEVEL = re.compile(r"市级(?:预算主管部门|财政)")


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "照抄市级模板",
    "The glossary of another level of government",
    rests_on=TEMPLATE,
    example="A bureau of a district explains 市级预算主管部门.",
)
def glossary_of_other_level(case: Case) -> Iterator[Found]:
    """A district's budget explains its terms for the district."""
    glossary = _glossary(case)
    if glossary is None or case.cover.jurisdiction_level != "district":
        return
    found = list(_CITY_LEVEL.finditer(glossary.passage.folded))
    if found and "区级" not in glossary.passage.folded:
        page, box = glossary.passage.place(*found[0].span())
        yield Found(
            "glossary/level",
            f"名词解释{len(found)}处写“{found[0][0]}”，本预算为区级。请改为区级。",
            f"the glossary says {found[0][0]} in {len(found)} places, the budget is a district's. Say 区级.",
            expected="区级",
            found="市级",
            page=page,
            box=box,
            quote=found[0][0],
        )


_TERMS = {
    "财政拨款收入": ("revenue_source", "fiscal_appropriation"),
    "事业收入": ("revenue_source", "public_service"),
    "事业单位经营收入": ("revenue_source", "business"),
    "其他收入": ("revenue_source", "other"),
    "基本支出": ("measure", "basic"),
    "项目支出": ("measure", "project"),
    "三公": ("measure", "total"),
    "机关运行经费": ("measure", "agency_operating_expenses"),
}


@rule(
    Severity.INFO,
    Family.STRUCTURE,
    "名词解释不全",
    "A term that the budget uses is not explained",
    rests_on=SECTIONS,
    example="The unit has 事业收入 of 30万元, the glossary does not explain it.",
)
def glossary_incomplete(case: Case) -> Iterator[Found]:
    """The glossary explains the kinds of revenue and expenditure of which the budget has figures."""
    glossary = _glossary(case)
    if glossary is None:
        return
    said = money.key(glossary.passage.text)
    used = {(field, getattr(figure, field)) for figure in case.figures if figure.amount_milli for field in _FIELDS}
    missing = [term for term, use in _TERMS.items() if use in used and term not in said]
    if missing:
        yield Found(
            "glossary/terms",
            f"名词解释缺少“{'、'.join(missing)}”，而本预算有相应数字。请补充。",
            f"the glossary lacks {', '.join(missing)}, of which the budget has figures. Add them.",
            expected="、".join(missing),
            page=glossary.page,
        )


_FIELDS = ("revenue_source", "measure")

RULES = (section_missing, contents_disagree, cover_missing, year_wrong, glossary_of_other_level, glossary_incomplete)
