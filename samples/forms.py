"""A budget -> its printed content: the nine statutory forms between the sections of text.

Titles and headers are the statutory words of the Shanghai forms; every figure is a sum of the budget's lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import zip_longest

from cnbudget.model import FormId, Measure, PublisherKind, RevenueSource, Side
from samples import prose
from samples.budget import (
    ALL_NATURES,
    ALL_SOURCES,
    BASIC,
    FISCAL_SOURCES,
    ZERO,
    Budget,
    EconomicLine,
    Ledger,
    Misprint,
    Nature,
    is_personnel_code,
)
from samples.content import Content, Figure, HeadCell, PrintedForm, Row, Section, grouped, ordinal

T1_ROWS, T4_ROWS, EMPTY_ROWS = 12, 8, 8
"""Rows that a form has at the least, blank ones included."""

TITLES = {
    FormId.FINANCIAL_SUMMARY: "财务收支预算总表",
    FormId.REVENUE_SUMMARY: "收入预算总表",
    FormId.EXPENDITURE_SUMMARY: "支出预算总表",
    FormId.FISCAL_APPROPRIATION_SUMMARY: "财政拨款收支预算总表",
    FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION: "一般公共预算支出功能分类预算表",
    FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION: "政府性基金预算支出功能分类预算表",
    FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION: "国有资本经营预算支出功能分类预算表",
    FormId.BASIC_EXPENDITURE_BY_ECONOMIC: "一般公共预算基本支出部门预算经济分类预算表",
    FormId.THREE_PUBLIC_AND_AGENCY_OPERATING: "“三公”经费和机关运行经费预算表",
}

FUND_FORMS = {
    FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION: (RevenueSource.GENERAL_PUBLIC_BUDGET, "一般公共预算"),
    FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION: (RevenueSource.GOVERNMENT_FUND_BUDGET, "政府性基金预算"),
    FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION: (
        RevenueSource.STATE_CAPITAL_OPERATIONS_BUDGET,
        "国有资本经营预算",
    ),
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A measure of a form by function: which sources and natures it adds up."""

    header: str
    measure: Measure
    sources: Sequence[RevenueSource] = ALL_SOURCES
    natures: Sequence[Nature] = ALL_NATURES


@dataclass(frozen=True, slots=True)
class _Frame:
    """The fixed part of a form: its header, and alignment and share of width of each column."""

    head: Sequence[HeadCell]
    aligns: str
    widths: Sequence[float]


@dataclass(frozen=True, slots=True)
class _Side:
    """Half a row of a two-sided form: a label and its amounts."""

    label: str
    amounts: Sequence[tuple[Measure, Decimal]]
    functional_code: str | None = None


def printed(budget: Budget) -> Content:
    """The whole document as it is printed, misprints and misstatements included."""
    before, after = prose.sections(budget)
    forms = printed_forms(budget)
    parts: list[Section | PrintedForm] = [*before, *forms, *after]
    return Content(prose.cover(budget), prose.contents(budget, [form.title for form in forms]), parts)


def printed_forms(budget: Budget) -> list[PrintedForm]:
    """The nine forms in the order of print."""
    ledger = Ledger(budget.lines)
    forms = [
        _financial_summary(budget, ledger),
        _revenue_summary(budget, ledger),
        _expenditure_summary(budget, ledger),
        _fiscal_appropriation_summary(budget, ledger),
        *(_fund_form(budget, ledger, form_id) for form_id in FUND_FORMS),
        _economic_form(budget),
        _three_public_form(budget),
    ]
    return [_misprint(form, [m for m in budget.misprints if m.form_id is form.form_id]) for form in forms]


def counted_rows(form: PrintedForm) -> Iterator[tuple[int, Row]]:
    """The rows that print a label, numbered from 1; the one row of the ninth form is row 1."""
    number = 0
    for row in form.rows:
        has_label = any(row.cells[column] for column, align in enumerate(form.aligns) if align != "r")
        if has_label or form.form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING:
            number += 1
            yield number, row


def _financial_summary(budget: Budget, ledger: Ledger) -> PrintedForm:
    fiscal = ledger.amount(sources=FISCAL_SOURCES)
    labels = ("1、一般公共预算资金", "2、政府性基金", "3、国有资本经营预算")
    funds = [(label, ledger.amount(sources=[source])) for label, source in zip(labels, FISCAL_SOURCES, strict=True)]
    own = [
        ("二、事业收入", ledger.amount(sources=[RevenueSource.PUBLIC_SERVICE])),
        ("三、事业单位经营收入", ledger.amount(sources=[RevenueSource.BUSINESS])),
        ("四、其他收入", ledger.amount(sources=[RevenueSource.OTHER])),
    ]
    left = [_Side(label, [(Measure.REVENUE, yuan)]) for label, yuan in [("一、财政拨款收入", fiscal), *funds, *own]]
    right = [
        _Side(f"{ordinal(number)}、{budget.names[code]}", _class_amounts(budget, ledger, code), code)
        for number, code in enumerate(ledger.codes(digits=[3]), start=1)
    ]
    totals = (
        _Side("收入总计", [(Measure.REVENUE, ledger.amount())]),
        _Side("支出总计", _class_amounts(budget, ledger, "")),
    )
    rows = _two_sided_rows(budget, left, right, totals, T1_ROWS)
    frame = _T1_WIDE if budget.style.is_wide else _T1_NARROW
    return _form(budget, FormId.FINANCIAL_SUMMARY, frame, rows)


def _class_amounts(budget: Budget, ledger: Ledger, code: str) -> list[tuple[Measure, Decimal]]:
    amounts = [(Measure.EXPENDITURE, ledger.amount(code))]
    if budget.style.is_wide:
        amounts += [
            (Measure.BASIC_PERSONNEL, ledger.amount(code, natures=[Nature.PERSONNEL])),
            (Measure.BASIC_OPERATING, ledger.amount(code, natures=[Nature.OPERATING])),
            (Measure.PROJECT, ledger.amount(code, natures=[Nature.PROJECT])),
        ]
    return amounts


def _fiscal_appropriation_summary(budget: Budget, ledger: Ledger) -> PrintedForm:
    labels = ("一、一般公共预算资金", "二、政府性基金", "三、国有资本经营预算")
    left = [
        _Side(label, [(Measure.REVENUE, ledger.amount(sources=[source]))])
        for label, source in zip(labels, FISCAL_SOURCES, strict=True)
    ]
    right = [
        _Side(f"{ordinal(number)}、{budget.names[code]}", _fund_amounts(ledger, code), code)
        for number, code in enumerate(ledger.codes(FISCAL_SOURCES, digits=[3]), start=1)
    ]
    total = ledger.amount(sources=FISCAL_SOURCES)
    totals = (_Side("收入总计", [(Measure.REVENUE, total)]), _Side("支出总计", _fund_amounts(ledger, "")))
    rows = _two_sided_rows(budget, left, right, totals, T4_ROWS)
    return _form(budget, FormId.FISCAL_APPROPRIATION_SUMMARY, _T4_FRAME, rows)


def _fund_amounts(ledger: Ledger, code: str) -> list[tuple[Measure, Decimal]]:
    funds = [(Measure(source.value), ledger.amount(code, [source])) for source in FISCAL_SOURCES]
    return [(Measure.TOTAL, ledger.amount(code, FISCAL_SOURCES)), *funds]


def _two_sided_rows(
    budget: Budget, left: Sequence[_Side], right: Sequence[_Side], totals: tuple[_Side, _Side], at_least: int
) -> list[Row]:
    filler = [_Side("", [(measure, ZERO) for measure, _ in totals[1].amounts])]
    right = [*right, *filler * (max(len(left), at_least) - len(right))]
    pairs = zip_longest(left, right, fillvalue=_Side("", ()))
    rows = [_two_sided_row(budget, *pair) for pair in pairs]
    return [*rows, replace(_two_sided_row(budget, *totals), is_total=True)]


def _two_sided_row(budget: Budget, left: _Side, right: _Side) -> Row:
    cells, figures = [], []
    for side, half in ((Side.LEFT, left), (Side.RIGHT, right)):
        amounts = half.amounts or [(Measure.REVENUE, ZERO)]
        cells.append(half.label)
        for measure, yuan in amounts:
            figures.append(Figure(len(cells), measure, half.label, side, functional_code=half.functional_code))
            cells.append(grouped(yuan, budget.style.decimals) if yuan else "")
    return Row(cells, figures)


def _revenue_summary(budget: Budget, ledger: Ledger) -> PrintedForm:
    columns = (
        _Column("合计", Measure.TOTAL),
        _Column("财政拨款收入", Measure.FISCAL_APPROPRIATION, FISCAL_SOURCES),
        _Column("事业收入", Measure.PUBLIC_SERVICE_REVENUE, [RevenueSource.PUBLIC_SERVICE]),
        _Column("事业单位经营收入", Measure.BUSINESS_REVENUE, [RevenueSource.BUSINESS]),
        _Column("其他收入", Measure.OTHER_REVENUE, [RevenueSource.OTHER]),
    )
    return _form_by_function(budget, ledger, FormId.REVENUE_SUMMARY, "收入预算", columns)


def _expenditure_summary(budget: Budget, ledger: Ledger) -> PrintedForm:
    columns = _spending_columns(ALL_SOURCES)
    return _form_by_function(budget, ledger, FormId.EXPENDITURE_SUMMARY, "支出预算", columns)


def _fund_form(budget: Budget, ledger: Ledger, form_id: FormId) -> PrintedForm:
    source, fund = FUND_FORMS[form_id]
    form = _form_by_function(budget, ledger, form_id, f"{fund}支出", _spending_columns([source]))
    if ledger.codes([source]):
        return form
    who = "本部门" if budget.publisher.kind is PublisherKind.DEPARTMENT else "本单位"
    note = f"注：{who}{budget.year}年无{fund}财政拨款安排的预算，故本表为空表。"
    return replace(form, notes=[note])


def _spending_columns(sources: Sequence[RevenueSource]) -> tuple[_Column, ...]:
    return (
        _Column("合计", Measure.TOTAL, sources),
        _Column("基本支出", Measure.BASIC, sources, BASIC),
        _Column("项目支出", Measure.PROJECT, sources, [Nature.PROJECT]),
    )


def _form_by_function(
    budget: Budget, ledger: Ledger, form_id: FormId, group: str, columns: Sequence[_Column]
) -> PrintedForm:
    codes = ledger.codes(columns[0].sources)
    rows = [_function_row(budget, ledger, code, columns) for code in codes]
    if not codes:
        rows = [Row([""] * (4 + len(columns)))] * EMPTY_ROWS
    rows.append(_function_row(budget, ledger, "", columns))
    head = _coded_head(("类", "款", "项"), "功能分类科目编码", "功能分类科目名称", group, [c.header for c in columns])
    frame = _Frame(head, "cccl" + "r" * len(columns), (1, 1, 1, 6, *(2.6 for _ in columns)))
    return _form(budget, form_id, frame, rows)


def _function_row(budget: Budget, ledger: Ledger, code: str, columns: Sequence[_Column]) -> Row:
    label = budget.names[code] if code else "合计"
    levels = [code[:3], code[3:5], code[5:7], label] if code else [label, "", "", ""]
    figures = [
        Figure(number, column.measure, label, code_printed=code, functional_code=code or None)
        for number, column in enumerate(columns, start=4)
    ]
    amounts = [_coded_cell(budget, ledger.amount(code, column.sources, column.natures)) for column in columns]
    return Row([*levels, *amounts], figures, is_total=not code, label_span=1 if code else 4)


def _economic_form(budget: Budget) -> PrintedForm:
    lines = sorted(budget.economic, key=lambda line: line.code)
    codes = sorted({code for line in lines for code in (line.code[:3], line.code)})
    rows = [_economic_row(budget, code, lines) for code in codes] or [Row([""] * 6)] * EMPTY_ROWS
    rows.append(_economic_row(budget, "", lines))
    is_department = budget.publisher.kind is PublisherKind.DEPARTMENT
    code_header = "部门预算经济分类科目编码" if is_department else "经济分类科目编码"
    name_header = "经济分类科目名称" if is_department else "部门经济分类科目名称"
    head = _coded_head(("类", "款"), code_header, name_header, "一般公共预算基本支出", ["合计", "人员经费", "公用经费"])
    frame = _Frame(head, "cclrrr", (1.4, 1.4, 6, 2.6, 2.6, 2.6))
    return _form(budget, FormId.BASIC_EXPENDITURE_BY_ECONOMIC, frame, rows)


def _economic_row(budget: Budget, code: str, lines: Sequence[EconomicLine]) -> Row:
    label = budget.names[code] if code else "合计"
    parts = [line for line in lines if line.code.startswith(code)]
    personnel = sum((line.amount for line in parts if is_personnel_code(line.code)), ZERO)
    operating = sum((line.amount for line in parts if not is_personnel_code(line.code)), ZERO)
    measures = (Measure.TOTAL, Measure.PERSONNEL, Measure.OPERATING)
    figures = [
        Figure(number, measure, label, code_printed=code, economic_code=code or None)
        for number, measure in enumerate(measures, start=3)
    ]
    amounts = [_coded_cell(budget, yuan) for yuan in (personnel + operating, personnel, operating)]
    levels = [code[:3], code[3:5], label] if code else [label, "", ""]
    return Row([*levels, *amounts], figures, is_total=not code, label_span=1 if code else 3)


def _three_public_form(budget: Budget) -> PrintedForm:
    spent = budget.disclosures.three_public
    amounts = (
        (Measure.TOTAL, spent.total),
        (Measure.OVERSEAS_TRAVEL, spent.overseas_travel),
        (Measure.OFFICIAL_RECEPTION, spent.official_reception),
        (Measure.VEHICLE_TOTAL, spent.vehicle_total),
        (Measure.VEHICLE_PURCHASE, spent.vehicle_purchase),
        (Measure.VEHICLE_OPERATION, spent.vehicle_operation),
        (Measure.AGENCY_OPERATING_EXPENSES, budget.disclosures.agency_operating),
    )
    figures = [Figure(column, measure, None) for column, (measure, _) in enumerate(amounts)]
    zero = "0" if budget.style.are_zeros_printed else ""
    cells = [grouped(yuan / 10_000, 2) if yuan else zero for _, yuan in amounts]
    form = _form(budget, FormId.THREE_PUBLIC_AND_AGENCY_OPERATING, _T9_FRAME, [Row(cells, figures)])
    return replace(form, unit_line="单位：万元")


def _coded_cell(budget: Budget, yuan: Decimal) -> str:
    if yuan or budget.style.are_zeros_printed:
        return grouped(yuan, budget.style.decimals)
    return ""


def _form(budget: Budget, form_id: FormId, frame: _Frame, rows: Sequence[Row]) -> PrintedForm:
    is_department = budget.publisher.kind is PublisherKind.DEPARTMENT
    publisher_line = f"{'编制部门' if is_department else '编制单位'}：{budget.publisher.name}"
    title = _title(budget, form_id)
    return PrintedForm(title, publisher_line, "单位：元", frame.head, frame.aligns, frame.widths, rows, form_id=form_id)


def _title(budget: Budget, form_id: FormId) -> str:
    kind = "部门" if budget.publisher.kind is PublisherKind.DEPARTMENT else budget.style.unit_word
    if form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING:
        kind = kind.removeprefix("预算")
    title = (f"{budget.year}年" if budget.style.has_year_in_titles else "") + kind + TITLES[form_id]
    return title.replace("“", '"').replace("”", '"') if budget.style.has_straight_quotes else title


def _misprint(form: PrintedForm, misprints: Sequence[Misprint]) -> PrintedForm:
    rows = list(form.rows)
    for wrong in misprints:
        row = next(row for number, row in counted_rows(form) if number == wrong.row_no)
        column = next(figure.column for figure in row.figures if figure.measure is wrong.measure)
        cells = [wrong.printed if number == column else cell for number, cell in enumerate(row.cells)]
        position = next(number for number, other in enumerate(form.rows) if other is row)
        rows[position] = replace(rows[position], cells=cells)
    return replace(form, rows=rows)


def _coded_head(
    levels: Sequence[str], code_header: str, name_header: str, group: str, columns: Sequence[str]
) -> list[HeadCell]:
    n_codes = len(levels)
    return [
        HeadCell("项目", 0, 0, column_span=n_codes + 1),
        HeadCell(group, 0, n_codes + 1, column_span=len(columns)),
        HeadCell(code_header, 1, 0, column_span=n_codes),
        HeadCell(name_header, 1, n_codes, row_span=2),
        *(HeadCell(text, 1, column, row_span=2) for column, text in enumerate(columns, start=n_codes + 1)),
        *(HeadCell(text, 2, column) for column, text in enumerate(levels)),
    ]


_T1_NARROW = _Frame(
    [
        HeadCell("本年收入", 0, 0, column_span=2),
        HeadCell("本年支出", 0, 2, column_span=2),
        *(HeadCell(text, 1, column) for column, text in enumerate(("项目", "预算数", "项目", "预算数"))),
    ],
    "lrlr",
    (3, 2, 3, 2),
)
_T1_WIDE = _Frame(
    [
        HeadCell("本年收入", 0, 0, column_span=2),
        HeadCell("本年支出", 0, 2, column_span=5),
        HeadCell("项目", 1, 0, row_span=3),
        HeadCell("预算数", 1, 1, row_span=3),
        HeadCell("项目", 1, 2, row_span=3),
        HeadCell("预算数", 1, 3, column_span=4),
        HeadCell("合计", 2, 3, row_span=2),
        HeadCell("基本支出", 2, 4, column_span=2),
        HeadCell("项目支出", 2, 6, row_span=2),
        HeadCell("人员经费", 3, 4),
        HeadCell("公用经费", 3, 5),
    ],
    "lrlrrrr",
    (3, 2, 3, 2, 2, 2, 2),
)
_T4_COLUMNS = ("项目", "预算数", "项目", "合计", "一般公共预算", "政府性基金预算", "国有资本经营预算")
_T4_FRAME = _Frame(
    [
        HeadCell("财政拨款收入", 0, 0, column_span=2),
        HeadCell("财政拨款支出", 0, 2, column_span=5),
        *(HeadCell(text, 1, column) for column, text in enumerate(_T4_COLUMNS)),
    ],
    "lrlrrrr",
    (3, 2, 3, 2, 2, 2, 2),
)
_T9_FRAME = _Frame(
    [
        HeadCell("“三公”经费预算数", 0, 0, column_span=6),
        HeadCell("机关运行经费预算数", 0, 6, row_span=3),
        HeadCell("合计", 1, 0, row_span=2),
        HeadCell("因公出国(境)费", 1, 1, row_span=2),
        HeadCell("公务接待费", 1, 2, row_span=2),
        HeadCell("公务用车购置及运行费", 1, 3, column_span=3),
        *(HeadCell(text, 2, column) for column, text in enumerate(("小计", "购置费", "运行费"), start=3)),
    ],
    "r" * 7,
    (2, 2, 2, 2, 2, 2, 2.4),
)
