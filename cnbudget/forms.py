"""The nine statutory forms, declared: how their titles and column headers are worded, and what each column measures.

New wording is a line here and a test; no code changes. Patterns are matched in full against `money.key` of the printed
text; a column's header is the path of its header cells from top to bottom, joined by `/`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from cnbudget.model import FormId, Fund, Measure, Side

CLASS, SECTION, ITEM = "code_class", "code_section", "code_item"
NAME, LABEL_LEFT, LABEL_RIGHT = "name", "label_left", "label_right"
CODE_COLUMNS = (CLASS, SECTION, ITEM)


@dataclass(frozen=True, slots=True)
class Form:
    """One statutory form: title endings, columns by header pattern, and the unit it is customarily printed in."""

    form_id: FormId
    titles: Sequence[str]
    columns: Mapping[str, str | Measure]
    fund: Fund | None = None

    @property
    def is_two_sided(self) -> bool:
        return LABEL_LEFT in self.columns.values()

    @property
    def has_codes(self) -> bool:
        return CLASS in self.columns.values()


_CODE_HEADER = r".*科目/?(?:编码|代码|编号)"
_CODES: dict[str, str | Measure] = {
    rf"{_CODE_HEADER}/类": CLASS,
    rf"{_CODE_HEADER}/款": SECTION,
    rf"{_CODE_HEADER}/项": ITEM,
    _CODE_HEADER: CLASS,
    r".*科目/?名称": NAME,
}
_BY_NATURE: dict[str, str | Measure] = _CODES | {
    r"(?:.*/)?合计": Measure.TOTAL,
    r"(?:.*/)?基本支出": Measure.BASIC,
    r"(?:.*/)?项目支出": Measure.PROJECT,
}
_YEAR = r"(?:\d{4}年(?:度)?)?"
_OF_UNIT = r"(?:\((?:单位:)?(?:元|万元)\))?"
_AMOUNT = rf"{_YEAR}(?:预算数?|预算金额|预算额|金额){_OF_UNIT}"

_ITEM = "(?:项目|(?:预算)?科目)(?:名称)?"
_MONEY = "(?:资金|支出|(?:财政)?拨款)?"
_INCOME, _SPENDING = "(?:本年)?收入(?:预算)?", "(?:本年)?支出(?:预算)?"

FORMS: tuple[Form, ...] = (
    Form(
        FormId.FINANCIAL_SUMMARY,
        ("财务收支预算总表",),
        {
            rf"{_INCOME}/{_ITEM}": LABEL_LEFT,
            rf"{_INCOME}/{_AMOUNT}(?:/合计)?": Measure.REVENUE,
            rf"{_SPENDING}/{_ITEM}": LABEL_RIGHT,
            rf"{_SPENDING}/{_AMOUNT}(?:/合计)?": Measure.EXPENDITURE,
            rf"{_SPENDING}/(?:.*/)?合计": Measure.EXPENDITURE,
            rf"{_SPENDING}/(?:.*/)?基本支出/人员(?:经费|支出)": Measure.BASIC_PERSONNEL,
            rf"{_SPENDING}/(?:.*/)?基本支出/公用(?:经费|支出)": Measure.BASIC_OPERATING,
            rf"{_SPENDING}/(?:.*/)?项目支出": Measure.PROJECT,
        },
    ),
    Form(
        FormId.REVENUE_SUMMARY,
        ("收入预算总表",),
        _CODES
        | {
            r"(?:.*/)?合计": Measure.TOTAL,
            r"(?:.*/)?财政拨款(?:收入)?": Measure.FISCAL_APPROPRIATION,
            r"(?:.*/)?事业收入(?:\(含.{1,20}\))?": Measure.PUBLIC_SERVICE_REVENUE,
            r"(?:.*/)?(?:事业单位)?经营收入": Measure.BUSINESS_REVENUE,
            r"(?:.*/)?其他收入": Measure.OTHER_REVENUE,
        },
    ),
    Form(FormId.EXPENDITURE_SUMMARY, ("支出预算总表",), _BY_NATURE),
    Form(
        FormId.FISCAL_APPROPRIATION_SUMMARY,
        ("财政拨款收支预算总表",),
        {
            rf"财政拨款收入/{_ITEM}": LABEL_LEFT,
            rf"财政拨款收入/{_AMOUNT}": Measure.REVENUE,
            rf"财政拨款支出/{_ITEM}": LABEL_RIGHT,
            rf"财政拨款支出/(?:.*/)?(?:合计|{_AMOUNT})": Measure.TOTAL,
            rf"财政拨款支出/(?:.*/)?一般公共预算{_MONEY}": Measure.GENERAL_PUBLIC_BUDGET,
            rf"财政拨款支出/(?:.*/)?政府性基金(?:预算)?{_MONEY}": Measure.GOVERNMENT_FUND_BUDGET,
            rf"财政拨款支出/(?:.*/)?国有资本经营(?:预算)?{_MONEY}": Measure.STATE_CAPITAL_OPERATIONS_BUDGET,
        },
    ),
    Form(
        FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION,
        ("一般公共预算支出功能分类预算表",),
        _BY_NATURE,
        Fund.GENERAL_PUBLIC_BUDGET,
    ),
    Form(
        FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION,
        ("政府性基金预算支出功能分类预算表", "政府性基金支出功能分类预算表"),
        _BY_NATURE,
        Fund.GOVERNMENT_FUND_BUDGET,
    ),
    Form(
        FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION,
        ("国有资本经营预算支出功能分类预算表", "国有资本经营支出功能分类预算表"),
        _BY_NATURE,
        Fund.STATE_CAPITAL_OPERATIONS_BUDGET,
    ),
    Form(
        FormId.BASIC_EXPENDITURE_BY_ECONOMIC,
        (
            "一般公共预算基本支出部门预算经济分类预算表",
            "一般公共预算基本支出经济分类预算表",
            "一般公共预算基本支出部门经济分类预算表",
        ),
        _CODES
        | {
            r"(?:.*/)?合计": Measure.TOTAL,
            r"(?:.*/)?人员(?:经费|支出)": Measure.PERSONNEL,
            r"(?:.*/)?公用(?:经费|支出)": Measure.OPERATING,
        },
        Fund.GENERAL_PUBLIC_BUDGET,
    ),
    Form(
        FormId.THREE_PUBLIC_AND_AGENCY_OPERATING,
        tuple(
            f"三公经费{joint}机关运行经费{ending}"
            for joint in ("和", "及", "、")
            for ending in ("预算表", "表", "预算情况表")
        ),
        {
            rf"{_YEAR}三公经费(?:预算数?)?/合计": Measure.TOTAL,
            r".*/因公出国(?:\(境\))?(?:费|费用|经费)?": Measure.OVERSEAS_TRAVEL,
            r".*/公务接待费": Measure.OFFICIAL_RECEPTION,
            r".*/公务用车购置(?:及|和)运行(?:维护)?费/(?:小计|合计)": Measure.VEHICLE_TOTAL,
            r".*/公务用车购置(?:及|和)运行(?:维护)?费/(?:公务用车)?购置费": Measure.VEHICLE_PURCHASE,
            r".*/公务用车购置(?:及|和)运行(?:维护)?费/(?:公务用车)?运行(?:维护)?费": Measure.VEHICLE_OPERATION,
            rf"{_YEAR}机关运行(?:经)?费(?:预算数?)?": Measure.AGENCY_OPERATING_EXPENSES,
        },
    ),
)

BY_ID: Mapping[FormId, Form] = {form.form_id: form for form in FORMS}

HEADER_WORDS = re.compile(
    rf"{_ITEM}|{_AMOUNT}|{_INCOME}|{_SPENDING}|财政拨款(?:收入|支出)?|类|款|项|合计|小计|基本支出|项目支出"
    r"|人员(?:经费|支出)|公用(?:经费|支出)|.{0,8}分类科目|编码|代码|编号|名称"
    r"|.*科目(?:编码|代码|编号|名称)|事业收入(?:\(含.{1,20}\))?|(?:事业单位)?经营收入|其他收入"
    rf"|一般公共预算(?:基本支出|{_MONEY})|政府性基金(?:预算)?{_MONEY}|国有资本经营(?:预算)?{_MONEY}"
    rf"|{_YEAR}三公经费(?:预算数?)?|因公出国(?:\(境\))?(?:费|费用|经费)?|公务接待费|公务用车购置(?:及|和)运行(?:维护)?费"
    rf"|(?:公务用车)?(?:购置|运行(?:维护)?)费|{_YEAR}机关运行(?:经)?费(?:预算数?)?|备注|单位[:：].*"
)
"""What a header cell may say: a row of nothing else is a header row."""

TITLE_PREFIX = re.compile(
    r"^(?:\d+[.、)]|[(（]?[一二三四五六七八九十]+[、)）.]|附件\d*[:：]?|(?:附|公开|预算)?(?:\d+)?表(?:\d+)?[:：]?)*"
)
OTHER_FORM_TITLE = re.compile(r".{0,40}(?:预算|支出|收入|收支|决算|经费|绩效目标|项目).{0,20}表")
"""A title of a form that is none of the nine: it ends the form before it."""

GRAND_TOTAL_LABEL = re.compile(r"(?:本年)?(?:收入|支出)(?:总计|合计)|总计|合计")

REVENUE_SOURCE_LABELS = {
    r"^财政拨款": "fiscal_appropriation",
    r"^一般公共预算": "general_public_budget",
    r"^政府性基金": "government_fund_budget",
    r"^国有资本经营": "state_capital_operations_budget",
    r"^事业收入": "public_service",
    r"^(?:事业单位)?经营收入": "business",
    r"^其他收入": "other",
}
"""Rows on the revenue side of the two summaries, by the start of their label without its number."""


_NUMBERED = re.compile(r"[(（](?:公开|附|预算|部门|单位)?表?[\d一二三四五六七八九十]{1,3}表?[)）]$")
"""The number of a form behind its name: 收入预算总表（公开02表）."""


def title_form(title: str) -> Form | None:
    """The form that a printed title names, whatever stands before its name; None where it names none of the nine."""
    text = _NUMBERED.sub("", title.rstrip(":："))
    best: tuple[int, Form] | None = None
    for form in FORMS:
        for ending in form.titles:
            if text.endswith(ending) and len(text) - len(ending) <= 40 and (best is None or len(ending) > best[0]):
                best = len(ending), form
    return best[1] if best else None


@cache
def column_of(form_id: FormId, path: str) -> str | Measure | None:
    """What the column under a header path holds; None for one that the form does not declare."""
    for pattern, column in BY_ID[form_id].columns.items():
        if re.fullmatch(pattern, path):
            return column
    return None


def sides_of(form: Form, column: str | Measure) -> Side | None:
    """Which half of a two-sided form a column belongs to; None for one-sided forms."""
    if not form.is_two_sided:
        return None
    return Side.LEFT if column in (LABEL_LEFT, Measure.REVENUE) else Side.RIGHT
