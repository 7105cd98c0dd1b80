"""Documents as other publishers may print them: each is read right, or held with the right reason, and never published wrong."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pypdfium2 as pdfium
import pytest
from polars.testing import assert_frame_equal

from cnbudget.model import FormId
from cnbudget.parse import parse_documents
from samples.bucket import district
from samples.budget import Budget
from samples.content import Content, HeadCell, PrintedForm, Row
from samples.draw import Traits, draw_budget
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.render_text import render_text
from samples.truth import FACT_SCHEMA, expected_facts

Change = Callable[[PrintedForm], PrintedForm | list[PrintedForm]]
T2, T3, T7, T8, T9 = (list(FormId)[number - 1] for number in (2, 3, 7, 8, 9))
KEY = ["form_id", "row_no", "measure"]


@cache
def everything() -> Budget:
    """A small budget with every source of money, zeros left blank."""
    return draw_budget(52, 6, Traits(None, None, None, True, True, True, True, True, True))


def changed(change: Change, budget: Budget | None = None) -> Content:
    """The printed budget with each form changed (into several, or none)."""
    content = printed(budget or everything())
    parts: list[Any] = []
    for part in content.parts:
        found = change(part) if isinstance(part, PrintedForm) else part
        parts += found if isinstance(found, list) else [found]
    return replace(content, parts=parts)


def read(content: Content, *, as_pdf: bool = False) -> tuple[dict[str, Any], pl.DataFrame]:
    """Its row of `documents` and its facts."""
    source = ("budget.pdf", render_pdf(content)) if as_pdf else ("budget.txt", render_text(content))
    frames = parse_documents([source])
    (document,) = frames["documents"].to_dicts()
    return document, frames["budget_facts"]


def assert_read_right(content: Content, budget: Budget | None = None, *, as_pdf: bool = False) -> None:
    document, facts = read(content, as_pdf=as_pdf)
    assert document["state"] == "parsed", document["state_reason"]
    expected = expected_facts(budget or everything())
    assert_frame_equal(facts.select(list(FACT_SCHEMA)).sort(KEY), expected.sort(KEY), check_dtypes=False)


def headers(*changes: tuple[str, str], only: FormId | None = None) -> Change:
    """Header cells in other words: patterns that match them whole, and what stands there instead."""

    def change(form: PrintedForm) -> PrintedForm:
        head: Sequence[HeadCell] = form.head if only in (None, form.form_id) else ()
        for pattern, text in changes:
            head = [replace(cell, text=re.sub(f"^(?:{pattern})$", text, cell.text)) for cell in head]
        return replace(form, head=head or form.head)

    return change


def with_column(header: str, amount: str) -> Change:
    """T2 with one more column, the same amount in every row."""

    def change(form: PrintedForm) -> PrintedForm:
        if form.form_id is not T2:
            return form
        head = [replace(c, column_span=c.column_span + 1) if c.text == "收入预算" else c for c in form.head]
        return replace(
            form,
            head=[*head, HeadCell(header, 1, form.n_columns, row_span=2)],
            aligns=form.aligns + "r",
            widths=[*form.widths, 2.6],
            rows=[replace(row, cells=[*row.cells, amount if any(row.cells) else ""]) for row in form.rows],
        )

    return change


def in_unit(unit: str, factor: int, decimals: int) -> Change:
    """The forms in yuan printed by another factor, under the words `单位：` and a unit; the ninth as it is."""

    def amount(text: str) -> str:
        return f"{Decimal(text.replace(',', '')) / factor:,.{decimals}f}"

    def change(form: PrintedForm) -> PrintedForm:
        if form.form_id is T9:
            return form
        rows = [
            replace(row, cells=[amount(c) if c and form.aligns[i] == "r" else c for i, c in enumerate(row.cells)])
            for row in form.rows
        ]
        return replace(form, rows=rows, unit_line=f"单位：{unit}")

    return change


# Read right


@pytest.mark.parametrize(
    "change",
    [
        headers(("功能分类科目编码", "支出功能分类科目编码"), ("功能分类科目名称", "支出功能分类科目名称")),
        headers(("(.*)编码", r"\1代码")),
        headers(("项目", "预算科目")),
        headers(("本年收入", "收入"), ("本年支出", "支出")),
        headers(("本年收入", "收入预算"), ("本年支出", "支出预算")),
        headers(("预算数", "2031年预算数")),
        headers(("预算数", "预算金额")),
        headers(("预算数", "预算数（元）")),
        headers(("事业收入", "事业收入（含财政专户管理资金）")),
        headers(("一般公共预算", "一般公共预算财政拨款")),
        headers(("人员经费", "人员支出"), ("公用经费", "公用支出")),
        headers(("公务用车购置及运行费", "公务用车购置及运行维护费"), ("运行费", "公务用车运行维护费")),
        with_column("财政专户管理资金收入", ""),
        with_column("上级补助收入", "0.00"),
    ],
    ids=["支出功能分类", "代码", "预算科目", "收入/支出", "收入预算/支出预算", "2031年预算数", "预算金额", "预算数（元）",
         "含财政专户", "财政拨款", "人员支出", "运行维护费", "blank column", "column of zeros"],
)  # fmt: skip
def test_header__in_other_words(change: Change) -> None:
    assert_read_right(changed(change))


@pytest.mark.parametrize(
    "retitled",
    [
        lambda title: f"上海市青浦区{title}",
        lambda title: f"{title}（公开01表）",
        lambda title: f"附表1：{title}",
        " ".join,
        lambda title: title.replace("经费和机关运行经费预算表", "经费及机关运行经费表"),
    ],
    ids=["place", "numbered behind", "annex", "spaced", "T9 shorter"],
)
def test_title__in_other_words(retitled: Callable[[str], str]) -> None:
    assert_read_right(changed(lambda form: replace(form, title=retitled(form.title))))


@pytest.mark.parametrize("line", ["单位：人民币元", "金额单位：元", "（单位：元）", "单位: 元"])
def test_unit__in_other_words_beside_the_publisher(line: str) -> None:
    def change(form: PrintedForm) -> PrintedForm:
        return form if form.form_id is T9 else replace(form, unit_line=line)

    assert_read_right(changed(change, district()), district(), as_pdf=True)


@pytest.mark.parametrize(
    "note",
    [
        "注：1.本表按预算批复数填列，其中基本支出1,234.00元；2.因四舍五入合计数可能存在尾差。",
        "填表人：张三  联系电话：021-12345678",
    ],
)
def test_note__numbers_below_a_table_are_no_figures(note: str) -> None:
    assert_read_right(changed(lambda form: replace(form, notes=[*form.notes, note])))


def test_forms__in_another_order() -> None:
    content = printed(everything())
    assert_read_right(replace(content, parts=[*content.sections[:4], *content.forms[::-1], *content.sections[4:]]))


def test_forms__a_tenth_over_two_pages_is_counted_apart() -> None:
    """The government's economic classification behind the departmental one: same columns, codes of its own."""

    def change(form: PrintedForm) -> PrintedForm | list[PrintedForm]:
        if form.form_id is not T8:
            return form
        head = [replace(cell, text=cell.text.replace("部门预算经济", "政府预算经济")) for cell in form.head]
        rows = [replace(row, cells=[re.sub(r"^30", "50", row.cells[0]), *row.cells[1:]]) for row in form.rows]
        title = form.title.replace("部门预算经济分类", "政府预算经济分类")
        return [form, replace(form, title=title, head=head, rows=rows, form_id=None)]

    assert_read_right(changed(change, district()), district(), as_pdf=True)


def test_unit__ten_thousands_in_all_forms() -> None:
    document, facts = read(changed(in_unit("万元", 10_000, 6)))
    assert document["state"] == "parsed", document["state_reason"]
    columns = [*KEY, "amount_yuan"]
    assert_frame_equal(
        facts.select(columns).sort(KEY), expected_facts(everything()).select(columns).sort(KEY), check_dtypes=False
    )


def test_total__first_or_spaced_or_of_another_name() -> None:
    def change(form: PrintedForm) -> PrintedForm:
        words = {"合计": "总　　计", "收入总计": "收入合计", "支出总计": "支出合计"}
        return replace(form, rows=[replace(r, cells=[words.get(c, c) for c in r.cells]) for r in form.rows])

    document, facts = read(changed(change))
    assert document["state"] == "parsed", document["state_reason"]
    assert facts.height == expected_facts(everything()).height


@pytest.mark.parametrize("mark", ["-", "——", "/"])
def test_mark__for_no_amount_is_no_figure(mark: str) -> None:
    def change(form: PrintedForm) -> PrintedForm:
        rows = [
            replace(
                r,
                cells=[mark if not c and form.aligns[i] == "r" and any(r.cells) else c for i, c in enumerate(r.cells)],
            )
            for r in form.rows
        ]
        return replace(form, rows=rows)

    assert_read_right(changed(change))


# Held, with the right reason


def without_points(form: PrintedForm) -> PrintedForm:
    """The form as a text that lost its decimal points has it."""
    rows = [
        replace(row, cells=[c.replace(".", "") if form.aligns[i] == "r" else c for i, c in enumerate(row.cells)])
        for row in form.rows
    ]
    return replace(form, rows=rows)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (in_unit("元", 10_000, 2), "amounts of the text are 10000 times those of the forms"),
        (in_unit("万元", 1, 2), "amounts of the text are 0.0001 times those of the forms"),
        (
            lambda form: replace(form, unit_line="单位：元"),
            "amounts of the text are 10000 times those of the forms (“三公”经费预算",
        ),
        (without_points, "amounts of the text are 0.01 times those of the forms"),
        (headers(("预算数", "预算数（万元）")), "T1 financial summary states no unit"),
        (with_column("上年结转", "5.00"), "the number 5.00 belongs to no figure (its column, 上年结转, is none that the form"),
        (headers(("其他收入", "上年结转"), only=T2), "(its column, 上年结转, is none that the form declares)"),
        (lambda form: [] if form.form_id is T7 else form, "T7 state capital operations budget by function was not found"),
        (lambda form: replace(form, title="2031年部门支出安排") if form.form_id is T3 else form, "T3 expenditure summary"),
        (
            lambda form: form if form.form_id in {FormId.FINANCIAL_SUMMARY, T3, T8, T9} else [],
            "only 4 tables could be read: T2, T4, T5, T6, T7 not found",
        ),
    ],
    ids=["元 for 万元", "万元 for 元", "T9 元 for 万元", "no points", "two units", "carried over", "carried over for other",
         "no T7", "no title", "four forms"],
)  # fmt: skip
def test_held__says_what_is_wrong(change: Change, reason: str) -> None:
    document, _ = read(changed(change))
    assert document["state"] == "held"
    assert reason in document["state_reason"]


@pytest.mark.parametrize(
    "change",
    [in_unit("元", 10_000, 2), in_unit("万元", 1, 2), lambda form: replace(form, unit_line="单位：元")],
    ids=["元 for 万元", "万元 for 元", "T9 元 for 万元"],
)
def test_held__a_wrong_unit_in_forms_without_a_word(change: Change) -> None:
    """Tables alone, as in a workbook: what T8 and T9 print for the same purposes tells, where general public money pays all."""
    content = changed(change, district())
    document, _ = read(replace(content, parts=content.forms))
    assert document["state"] == "held"
    assert re.search(r"of T8 .* are (?:10000|0\.0001) times those of T9", document["state_reason"])


def test_held__two_budgets_in_one_file() -> None:
    content = printed(everything())
    document, facts = read(replace(content, parts=[*content.parts, *printed(district()).parts]))
    assert (document["state"], document["recognised_as"], facts.height) == ("held", "several_budgets", 0)


@pytest.mark.parametrize(("filled", "how"), [("", "no figure is filled in"), ("0.00", "zeros alone are filled in")])
def test_template__without_figures_is_told_apart(filled: str, how: str) -> None:
    def change(form: PrintedForm) -> PrintedForm:
        rows = [
            replace(row, cells=[filled if form.aligns[i] == "r" else cell for i, cell in enumerate(row.cells)])
            for row in form.rows
            if any(row.cells)
        ]
        return replace(form, rows=rows)

    document, facts = read(changed(change))
    assert (document["state"], document["recognised_as"], facts.height) == ("unsupported", "template", 0)
    assert how in document["state_reason"]


def test_other_layout__with_a_table_of_ours_is_not_ours() -> None:
    """Two forms that are worded like ours among others that are not: still another layout."""

    def change(form: PrintedForm) -> PrintedForm:
        if form.form_id in {T3, T8}:
            return form
        return replace(form, title=f"部门{form.form_id}情况表".replace("_", ""), rows=[Row([""] * form.n_columns)])

    content = changed(change)
    document, _ = read(replace(content, contents=[], parts=content.forms))
    assert (document["state"], document["recognised_as"]) == ("unsupported", "other_layout")


def test_held__a_scanned_page_is_named() -> None:
    """The form between two others is a picture: its page is there, without a word."""
    content = changed(lambda form: [] if form.form_id is T3 else form)
    document = pdfium.PdfDocument(render_pdf(content))
    page = document.new_page(842, 595, index=6)
    page.close()
    stream = io.BytesIO()
    document.save(stream)

    (row,) = parse_documents([("budget.pdf", stream.getvalue())])["documents"].to_dicts()

    assert row["state"] == "held"
    assert "T3 expenditure summary was not found" in row["state_reason"]
    assert "Page 7 has no text and may be scanned." in row["state_reason"]
