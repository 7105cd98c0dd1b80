"""Columns found again in flattened text: published documents, drawn budgets, single wrong digits, and text made to do harm."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnbudget import recovery as recovering
from cnbudget.identities import BY_ID
from cnbudget.model import Document, FormId, MediaType, Paragraph, Provenance, Side
from cnbudget.parse import parse_documents
from cnbudget.reading import read_document
from cnbudget.recognise import Recognition, recognise
from cnbudget.recovery import balance, recover
from cnbudget.recovery.flattened import MAX_ROWS, document_to_forms
from cnbudget.recovery.solver import Equation, Search, Term, Variable, propagate
from samples.bucket import district, own_revenue_unit
from samples.budget import Budget, ThreePublic
from samples.draw import draw_budget
from samples.forms import printed
from samples.render_text import render_text
from samples.truth import expected_facts
from tests.corpus import DOCUMENTS, named, needs_corpus, true_facts
from tests.flatten import Wear, flatten
from tests.waiting import ends

Key = tuple[str, int, str, str]
WEARS = [
    Wear(),
    Wear(drop_zeros=True, seed=2),
    Wear(centred=True, wrap_at=9, seed=4),
    Wear(glue=False, wrap_at=6, overlap=3, page_numbers=False, seed=3),
]


def read(text: str) -> Recognition:
    document = read_document("budget.txt", text.encode())
    return recover(document, recognise(document))


def amounts(recognition: Recognition) -> dict[Key, str]:
    return {
        (s.form.form_id.value, row.row_no, row.labels.get(a.side) or row.labels.get(None) or "", a.measure.value): (
            a.text.replace(",", "")
        )
        for s in recognition.statements
        for row in s.rows
        for a in row.amounts
    }


def truth_of(budget: Budget) -> dict[Key, str]:
    return {
        (f["form_id"], f["row_no"], f["row_label"] or "", f["measure"]): f["amount_printed"].replace(",", "")
        for f in expected_facts(budget).iter_rows(named=True)
    }


def worn(budget: Budget, wear: Wear = WEARS[0]) -> str:
    return flatten(read_document("budget.txt", render_text(printed(budget))), wear)


def differing(found: Mapping[Key, str], truth: Mapping[Key, str]) -> dict[Key, str]:
    return {key: amount for key, amount in found.items() if truth.get(key) != amount}


@pytest.fixture(scope="module")
def district_text() -> str:
    return worn(district())


# --- published documents ----------------------------------------------------------------------------------------------


def labelled(path: Path) -> dict[Key, str]:
    return {
        (f["form_id"], int(f["row_no"]), f["row_label"], f["measure"]): f["amount_printed"] for f in true_facts(path)
    }


@needs_corpus
def test_recover__text_that_was_published_flattened_is_whole() -> None:
    path = DOCUMENTS / "songjiang-hrss-2024-dept.txt"

    found = read(path.read_text())

    assert amounts(found) == labelled(path)
    assert not found.unassigned and not found.missing and not found.incomplete
    assert {s.year for s in found.statements} == {2024, None}  # T9's title names no year
    assert {s.unit for s in found.statements} == {"元", "万元"}


@pytest.mark.parametrize("path", named("*.pdf", "shanghai-hrss*.txt", "shanghai-2026/*.pdf"))
@pytest.mark.parametrize("wear", WEARS[:2], ids=["worn", "zeros dropped"])
def test_recover__published_documents_flattened(path: Path, wear: Wear) -> None:
    truth = labelled(path)

    found = read(flatten(read_document(path.name, path.read_bytes()), wear))

    lost = [key for key in truth.keys() - amounts(found).keys() if not wear.drop_zeros or float(truth[key])]
    assert not differing(amounts(found), truth)
    assert len(lost) <= 0.02 * len(truth)
    assert bool(lost) == bool(found.unassigned)
    assert all(item.is_open_zero for item in found.unassigned)  # nothing of it holds the document


@needs_corpus
def test_recover__other_layouts_are_left_alone() -> None:
    for path in sorted((DOCUMENTS / "other-layouts").iterdir()):
        document = read_document(path.name, path.read_bytes())
        before = recognise(document)
        assert recover(document, before) is before


# --- budgets of our own -----------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.sampled_from(WEARS))
def test_recover__any_drawn_budget_gives_no_wrong_fact(seed: int, n_items: int, wear: Wear) -> None:
    truth = truth_of(draw_budget(seed, n_items))

    found = read(worn(draw_budget(seed, n_items), wear))

    assert not differing(amounts(found), truth)
    assert not found.missing
    if not wear.drop_zeros and len(found.unassigned) < recovering.MAX_NAMED:
        assert len(amounts(found)) + len(found.unassigned) == len(truth)  # each number is placed or named


def test_recover__whole_rows_are_printed_and_others_recovered(district_text: str) -> None:
    found = read(district_text)

    by_count: dict[int, set[Provenance]] = {}
    for row in next(s for s in found.statements if s.form.form_id is FormId.EXPENDITURE_SUMMARY).rows:
        by_count.setdefault(len(row.amounts), set()).update(amount.provenance for amount in row.amounts)
    assert Provenance.RECOVERED in by_count[2]
    assert by_count[3] == {Provenance.PRINTED}


def test_recover__document_is_published_with_every_identity(district_text: str) -> None:
    frames = parse_documents([("district.txt", district_text.encode())])

    (document,) = frames["documents"].to_dicts()
    assert (document["state"], document["n_facts"]) == ("parsed", len(truth_of(district())))
    assert document["n_identities_broken"] == 0
    assert set(frames["budget_facts"]["provenance"]) == {"printed", "recovered"}


def test_recover__single_wrong_digits_are_found_and_nothing_is_guessed(district_text: str) -> None:
    truth = truth_of(district())
    chance = random.Random(7)
    start = district_text.rindex("财务收支预算总表")
    end = district_text.rindex("其他相关情况说明")
    tokens = [
        m for m in re.finditer(r"(?<=[ \n])\d{1,3}(?:,\d{3})+\.\d\d(?=\s)", district_text) if start < m.start() < end
    ]
    undetected = []
    for token in tokens[::9]:
        at = token.start() + chance.choice([i for i, c in enumerate(token[0][:-3]) if c.isdigit()])
        wrong = str((int(district_text[at]) + chance.randrange(1, 9)) % 10)
        text = district_text[:at] + wrong + district_text[at + 1 :]
        printed_now = text[token.start() : token.end()].replace(",", "")
        found = read(text)
        assert not {k: v for k, v in differing(amounts(found), truth).items() if v != printed_now}
        if not found.unassigned:
            (document,) = parse_documents([("x.txt", text.encode())])["documents"].to_dicts()
            if document["state"] != "held":
                undetected.append(token[0])
    assert not undetected


def test_recover__the_row_of_a_wrong_digit_is_named(district_text: str) -> None:
    row = re.search(r"^208 01 07 (\S+) ([\d,.]+) \2$", district_text, re.MULTILINE)
    assert row is not None
    at = row.start(2) + 1

    found = read(f"{district_text[:at]}9{district_text[at + 1 :]}")

    assert f"({row[1]})" in found.unassigned[0].why
    assert "add up in no placement" in found.unassigned[0].why
    assert found.incomplete


def test_recover__order_of_pages_does_not_matter(district_text: str) -> None:
    start = district_text.rindex("\n\n", 0, district_text.rindex("部门财务收支预算总表"))
    end = district_text.rindex("其他相关情况说明")
    tables = re.split(r"(?=^\d{4}年部门.*预算.*表$|^部门“三公.*表$)", district_text[start:end], flags=re.MULTILINE)
    chance = random.Random(3)
    assert len(tables) == 10
    for _ in range(3):
        chance.shuffle(tables)
        text = "".join(
            [district_text[:start], "\n", *(f"{table.strip()}\n\n" for table in tables), district_text[end:]]
        )
        assert amounts(read(text)) == truth_of(district())


def test_recover__titles_behind_their_tables(district_text: str) -> None:
    """Each form's title stands below it, as where a title is a text box of its own."""
    start = district_text.rindex("部门财务收支预算总表") - 5
    end = district_text.rindex("其他相关情况说明")
    tables = re.split(r"(?=^\d{4}年部门.*预算.*表$|^部门“三公.*表$)", district_text[start:end], flags=re.MULTILINE)
    moved = [f"{rest}{title}\n\n" for title, _, rest in (table.partition("\n") for table in tables if table.strip())]

    found = read(district_text[:start] + "".join(moved) + district_text[end:])

    assert not differing(amounts(found), truth_of(district()))
    assert not found.missing


# --- what no identity tells -------------------------------------------------------------------------------------------


def test_recover__a_column_that_nothing_pins_is_named_and_not_guessed(district_text: str) -> None:
    """T9 without the sentences about it, and without T8's lines for the same purpose."""
    cut = district_text.rindex("其他相关情况说明")
    text = re.sub(r"^302 (17|31) .*\n", "", district_text[:cut], flags=re.MULTILINE)

    found = read(text)

    in_t9 = [item for item in found.unassigned if "overseas_travel or official_reception" in item.why]
    assert in_t9
    assert all(key[3] != "official_reception" for key in amounts(found))
    assert FormId.THREE_PUBLIC_AND_AGENCY_OPERATING in found.incomplete


def test_recover__zeros_whose_column_is_lost_are_named_and_hold_nothing() -> None:
    """Two zeros under four columns that are all nothing: no sum and no sentence tells which, and none depends on it."""
    spent = ThreePublic(official_reception=Decimal("1431900"))
    source = own_revenue_unit()
    source = replace(source, disclosures=replace(source.disclosures, three_public=spent, agency_operating=Decimal(0)))
    text, n_lines = re.subn(r"^143\.19 0 143\.19 0 0 0 0$", "143.19 0 143.19 0 0", worn(source), flags=re.MULTILINE)
    assert n_lines == 1

    frames = parse_documents([("unit.txt", text.encode())])

    (document,) = frames["documents"].to_dicts()
    assert (document["state"], document["n_numbers_unassigned"]) == ("parsed", 0)
    assert document["n_identities_not_checkable"] == document["n_identities_broken"] == 0
    t9 = frames["budget_facts"].filter(form_id="three_public_and_agency_operating")
    assert t9["measure"].to_list() == ["total", "overseas_travel", "official_reception"]
    named = frames["findings"].filter(rule_id="zero_unassigned")
    assert named["found"].to_list() == ["0", "0"]
    assert "vehicle_total or vehicle_purchase or vehicle_operation; no identity tells which" in named["message_en"][0]


@pytest.mark.parametrize("label", ["上年结转", "上年结余", "财政专户管理资金收入", "使用非财政拨款结余"])
def test_recover__a_source_of_revenue_beside_the_seven_stands_on_its_side(district_text: str, label: str) -> None:
    at = district_text.index("四、其他收入", district_text.rindex("部门财务收支预算总表"))
    line_end = district_text.index("\n", at)
    text = f"{district_text[:line_end]}\n\n五、{label}{district_text[line_end:]}"

    found = read(text)

    assert not found.unassigned
    (t1,) = [s for s in found.statements if s.form.form_id is FormId.FINANCIAL_SUMMARY]
    assert f"五、{label}" in [row.labels.get(Side.LEFT) for row in t1.rows]


def test_recover__a_contents_page_is_no_form(district_text: str) -> None:
    title = re.search(r"^部门“三公.*表$|^\d{4}年部门“三公.*表$", district_text, re.MULTILINE)
    assert title is not None
    start = district_text.rindex(title[0])
    text = district_text[:start] + district_text[district_text.rindex("其他相关情况说明") :]

    assert "三公" in text[:start]
    assert read(text).missing == [FormId.THREE_PUBLIC_AND_AGENCY_OPERATING]


def test_recover__grids_are_taken_as_they_were_read() -> None:
    document = read_document("budget.txt", render_text(printed(district())))
    before = recognise(document)
    assert recover(document, before) is before


# --- lines to rows ----------------------------------------------------------------------------------------------------

HEADER = "项目 支出预算\n功能分类科目编码 功能分类科目名称 合计 基本支出 项目支出\n类 款 项\n"


def rows_of(body: str) -> list[tuple[str, str, list[str]]]:
    document = read_document("form.txt", f"2031年部门支出预算总表\n编制部门：某局 单位：元\n{HEADER}{body}".encode())
    (form,) = document_to_forms(document, list(FormId))
    assert form.problem is None
    return [("".join(row.codes), row.labels[None], row.texts) for row in form.rows]


@pytest.mark.parametrize(
    "body",
    [
        "205 教育支出 7.00 7.00\n合计 7.00 7.00",
        "205教育支出7.00 7.00\n合  计 7.00 7.00",
        "205 教育支\n出\n7.00 7.00\n- 12 -\n合计 7.00 7.00",
        "205 教育支\n出 7.00 7.00\n第 12 页\n合计 7.00 7.00",
        "教育支\n205 7.00 7.00\n出\n合计 7.00 7.00",
        "205 教育支出 7.007.00\n合计 7.00 7.00",
        "205 教育支出 7.00 7.00\n" + HEADER + "205 教育支出 7.00 7.00\n合计 7.00 7.00",
        "205 教育支出\n" + HEADER + "205 教育支出 7.00 7.00\n合计 7.00 7.00\n注：本表单位为元。\n208 支出 9.00",
    ],
    ids=["plain", "glued", "wrapped", "wrapped before amounts", "centred", "amounts touch", "overlap", "clipped"],
)
def test_document_to_forms__one_row_in_many_shapes(body: str) -> None:
    assert rows_of(body)[0] == ("205", "教育支出", ["7.00", "7.00"])
    assert [code for code, _, _ in rows_of(body)] == ["205", ""]


def test_document_to_forms__two_halves_touch() -> None:
    text = (
        "2031年部门财政拨款收支预算总表\n单位：元\n财政拨款收入 财政拨款支出\n项目 预算数 项目 合计 一般公共预算\n"
        "一、一般公共预算资金 700,327,459.36一、教育支出 12.00 12.00\n三、国有资本经营预算 二、卫生健康支出 3.00 3.00\n"
        "三、住房保障支出 4.00 4.00\n收入总计 9.00 支出总计 9.00 9.00\n"
    )
    (form,) = document_to_forms(read_document("form.txt", text.encode()), list(FormId))
    assert [(list(row.labels.values()), row.texts) for row in form.rows] == [
        (["一、一般公共预算资金", "一、教育支出"], ["700,327,459.36", "12.00", "12.00"]),
        (["三、国有资本经营预算", "二、卫生健康支出"], ["3.00", "3.00"]),
        (["三、住房保障支出"], ["4.00", "4.00"]),
        (["收入总计", "支出总计"], ["9.00", "9.00", "9.00"]),
    ]


def test_document_to_forms__a_number_on_no_row_makes_the_form_unreadable() -> None:
    text = (
        f"2031年部门支出预算总表\n单位：元\n{HEADER}205 教育支出 7.00 7.00\n其他（ 1,234.00 见附\n208 支出 1.00 1.00\n"
    )
    (form,) = document_to_forms(read_document("form.txt", text.encode()), list(FormId))
    assert form.problem is not None and "1,234.00" in form.problem


# --- the solver -------------------------------------------------------------------------------------------------------


def either(amount: int) -> Variable:
    return Variable({(0,): (amount, 0), (1,): (0, amount)})


def family(total: tuple[int, int], parts: list[Variable], tolerance: int = 0) -> Equation:
    whole = Term(Variable({(0, 1): total}), None, -1)
    return Equation("sum", [whole, *(Term(part, None) for part in parts)], (0, 0), tolerance)


def test_propagate__one_solution_is_found() -> None:
    parts = [either(amount) for amount in (1, 2, 4, 8)]
    propagate([family((5, 10), parts)], Search())
    assert [list(part.options) for part in parts] == [[(0,)], [(1,)], [(0,)], [(1,)]]


def test_propagate__two_solutions_leave_both() -> None:
    parts = [either(amount) for amount in (3, 3, 4)]
    propagate([family((3, 7), parts)], Search())
    assert [len(part.options) for part in parts] == [2, 2, 1]


def test_propagate__no_solution_strikes_out_nothing() -> None:
    parts = [either(amount) for amount in (3, 4)]
    equation = family((5, 2), parts)
    propagate([equation], Search())
    assert equation.is_broken
    assert [len(part.options) for part in parts] == [2, 2]


def test_propagate__within_the_tolerance() -> None:
    parts = [either(amount) for amount in (300, 400)]
    propagate([family((301, 399), parts, 2)], Search())
    assert all(part.is_settled for part in parts)


def test_propagate__gives_up() -> None:
    parts = [either(2**40 + 7919 * n * n) for n in range(60)]
    search = Search()
    propagate([family((30 * 2**40, 30 * 2**40), parts, 10**7)], search)
    assert search.is_exhausted


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=8))
def test_propagate__is_exact(drawn: list[tuple[int, bool]]) -> None:
    """What is left are the placements that take part in a solution, by trying them all."""
    total = (sum(a for a, left in drawn if left), sum(a for a, left in drawn if not left))
    parts = [either(amount) for amount, _ in drawn]
    propagate([family(total, parts)], Search())
    every = [[bool(bits >> n & 1) for n in range(len(drawn))] for bits in range(2 ** len(drawn))]
    solutions = [s for s in every if sum(a for (a, _), left in zip(drawn, s, strict=True) if left) == total[0]]
    for n, part in enumerate(parts):
        assert set(part.options) == {(0,) if solution[n] else (1,) for solution in solutions}


def test_equations__bear_the_names_of_identities() -> None:
    source = Path(balance.__file__).read_text()
    names = set(re.findall(r'"(T\d_[A-Za-z0-9_]+)"', source))
    assert len(names) > 5
    assert names <= BY_ID.keys()


# --- text made to do harm ---------------------------------------------------------------------------------------------


def hostile(lines: list[str]) -> Recognition:
    document = Document("0" * 64, "x.txt", MediaType.TEXT, 1, 0, [Paragraph(line) for line in lines])
    with ends():
        return recover(document, Recognition([], [], [], []))


def titles() -> list[str]:
    return [
        line
        for form in printed(district()).parts
        if hasattr(form, "form_id")
        for line in (form.title, "单位：元", *HEADER.split("\n"))
    ]


def test_recover__thousands_of_numbers_in_one_row() -> None:
    lines = [
        *titles()[:-5],
        "2031年部门支出预算总表",
        *HEADER.split("\n"),
        "205 教育支出 1.00 2.00",
        *["3.00 4.00 5.00"] * 20_000,
    ]
    found = hostile([*lines, "7 " * 100_000])
    assert not amounts(found)
    assert any("numbers, the form has" in item.why or "is no row" in item.why for item in found.unassigned)
    assert len(found.unassigned) < 10 * recovering.MAX_NAMED


@pytest.mark.parametrize(
    "line",
    ["2031年部门支出预算总表", "205 08 03 培训支出 7.00 7.00", "项目 支出预算", "出", "。" * 50],
    ids=["titles", "rows", "headers", "pieces", "prose"],
)
def test_recover__a_million_lines(line: str) -> None:
    paragraph = Paragraph(line)
    blocks = [*map(Paragraph, titles()), *[paragraph] * 1_000_000]
    document = Document("0" * 64, "x.txt", MediaType.TEXT, 1, 0, blocks)
    with ends():
        recover(document, Recognition([], [], [], []))


def test_recover__a_search_that_explodes_is_given_up() -> None:
    amount = [1_000_000 + 7919 * n * n for n in range(90)]
    children = [f"205 08 {n + 1:02} 某项支出 {a:,}.00 {a:,}.00" for n, a in enumerate(amount)]
    total = sum(amount)
    parts = f"{total:,}.00 {sum(amount[::2]):,}.00 {sum(amount[1::2]):,}.00"
    form = [f"205 教育支出 {parts}", f"205 08 进修及培训 {parts}", *children, f"合计 {parts}"]
    found = hostile([*titles()[:-5], "2031年部门支出预算总表", "单位：元", *HEADER.split("\n"), *form])
    assert any("given up after" in item.why for item in found.unassigned)


def test_recover__more_rows_than_any_budget() -> None:
    rows = [f"{200 + n % 90} {n // 90 % 90 + 10} {n % 77 + 10} 某项支出 7.00 7.00" for n in range(MAX_ROWS + 1)]
    found = hostile([*titles(), "2031年部门支出预算总表", "单位：元", *HEADER.split("\n"), *rows])
    assert not amounts(found)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("一、教育支出合计总收入项目表0123456789.,- ()（）：元单位年部门预算\n", max_size=40), max_size=25),
    st.randoms(),
)
def test_recover__any_text_ends_quietly(junk: list[str], chance: random.Random) -> None:
    lines = [*titles(), *junk]
    chance.shuffle(lines)
    hostile([line for line in lines if line.strip()])
