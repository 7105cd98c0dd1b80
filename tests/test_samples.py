"""The sample budgets balance, and what is printed is what the truth says."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import openpyxl
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnbudget.model import DocumentState, FormId, Fund, Measure, PublisherKind, RevenueSource, Side
from samples.__main__ import main
from samples.bucket import (
    SAMPLES,
    Sample,
    build,
    city,
    district,
    district_revised,
    district_unit,
    draw,
    wrong_narrative_department,
    wrong_total_unit,
)
from samples.budget import Budget, EconomicLine, Line, Publisher, Style, allocate
from samples.content import PrintedForm, ordinal
from samples.draw import Traits, draw_budget, draw_layout
from samples.forms import counted_rows, printed, printed_forms
from samples.load import account_names, load_budget
from samples.render_pdf import Continuation, PageLayout, render_pdf, wrapped
from samples.render_text import render_text
from samples.truth import FACT_SCHEMA, expected_facts

T1, T2, T3, T4, T5, T6, T7, T8, T9 = FormId
FUND_FORMS = dict(zip(Fund, (T5, T6, T7), strict=True))
PARTS = {
    T2: (
        Measure.FISCAL_APPROPRIATION,
        Measure.PUBLIC_SERVICE_REVENUE,
        Measure.BUSINESS_REVENUE,
        Measure.OTHER_REVENUE,
    ),
    T3: (Measure.BASIC, Measure.PROJECT),
    T5: (Measure.BASIC, Measure.PROJECT),
    T6: (Measure.BASIC, Measure.PROJECT),
    T7: (Measure.BASIC, Measure.PROJECT),
    T8: (Measure.PERSONNEL, Measure.OPERATING),
}
"""What 合计 of a coded form is the sum of, in each row."""

seeds = st.integers(min_value=0, max_value=1_000_000)
sizes = st.integers(min_value=1, max_value=60)
maybe = st.sampled_from([None, True, False])
traits = st.builds(
    Traits,
    kind=st.sampled_from([None, *PublisherKind]),
    has_public_service=maybe,
    has_business=maybe,
    has_other_revenue=maybe,
    has_government_fund=maybe,
    has_state_capital=maybe,
    has_bare_sections=maybe,
    has_rounding=st.booleans(),
)


@dataclass
class Figures:
    """The printed amounts by form, place and measure; what is blank counts as nothing."""

    amounts: dict[tuple[FormId, str, Measure], Decimal]
    half_unit: Decimal

    @classmethod
    def of(cls, budget: Budget) -> Figures:
        rows = expected_facts(budget).iter_rows(named=True)
        amounts = {
            (
                FormId(row["form_id"]),
                row["functional_code"] or row["economic_code"] or row["row_label"] or "",
                Measure(row["measure"]),
            ): row["amount_yuan"]
            for row in rows
        }
        return cls(amounts, Decimal("0.5").scaleb(-budget.style.decimals))

    def __call__(self, form_id: FormId, place: str, measure: Measure) -> Decimal:
        return self.amounts.get((form_id, place, measure), Decimal(0))

    def codes(self, form_id: FormId, *digits: int) -> list[str]:
        places = {place for form, place, _ in self.amounts if form is form_id and place[:1].isdigit()}
        return sorted(place for place in places if place.isdigit() and len(place) in digits)

    def sum_differs(
        self, name: str, whole: Decimal, parts: Sequence[Decimal], half: Decimal | None = None
    ) -> list[str]:
        """Names the identity if `whole` and `parts` are further apart than the rounding of their cells allows."""
        tolerance = (half or self.half_unit) * (1 + len(parts))
        return [] if abs(whole - sum(parts, Decimal(0))) <= tolerance else [name]


def broken(budget: Budget) -> list[str]:
    """The identities of the nine forms that do not hold in what is printed."""
    at = Figures.of(budget)
    return [*broken_in_forms(at), *broken_across_forms(at), *broken_wide_summary(at), *broken_three_public(at)]


def broken_in_forms(at: Figures) -> Iterator[str]:
    for form_id, parts in PARTS.items():
        lengths = (3, 5) if form_id is T8 else (3, 5, 7)
        for code in [*at.codes(form_id, *lengths), "合计"]:
            row = [at(form_id, code, part) for part in parts]
            yield from at.sum_differs(f"{form_id} {code} row", at(form_id, code, Measure.TOTAL), row)
        for measure in (Measure.TOTAL, *parts):
            classes = [at(form_id, code, measure) for code in at.codes(form_id, 3)]
            yield from at.sum_differs(f"{form_id} 合计 {measure}", at(form_id, "合计", measure), classes)
            for code in at.codes(form_id, *lengths[:-1]):
                below = [c for c in at.codes(form_id, len(code) + 2) if c.startswith(code)]
                if below:
                    amounts = [at(form_id, c, measure) for c in below]
                    yield from at.sum_differs(f"{form_id} {code} {measure}", at(form_id, code, measure), amounts)


def broken_across_forms(at: Figures) -> Iterator[str]:
    left = {label: at(T1, label, Measure.REVENUE) for form, label, _ in at.amounts if form is T1}
    funds = [
        at(T4, label, Measure.REVENUE) for label in ("一、一般公共预算资金", "二、政府性基金", "三、国有资本经营预算")
    ]
    own = [left.get(label, Decimal(0)) for label in ("二、事业收入", "三、事业单位经营收入", "四、其他收入")]
    fiscal = left.get("一、财政拨款收入", Decimal(0))
    total = at(T1, "收入总计", Measure.REVENUE)
    yield from at.sum_differs("T1 sources", total, [fiscal, *own])
    yield from at.sum_differs("T4 funds", at(T4, "收入总计", Measure.REVENUE), funds)
    t2_columns = [at(T2, "合计", measure) for measure in PARTS[T2]]
    copies = {
        "T1 revenue, expenditure": (total, at(T1, "支出总计", Measure.EXPENDITURE)),
        "T1, T2": (total, at(T2, "合计", Measure.TOTAL)),
        "T1, T3": (total, at(T3, "合计", Measure.TOTAL)),
        "T1, T2 sources": ([fiscal, *own], t2_columns),
        "T2, T4": (at(T2, "合计", Measure.FISCAL_APPROPRIATION), at(T4, "支出总计", Measure.TOTAL)),
        "T5, T8": (at(T5, "合计", Measure.BASIC), at(T8, "合计", Measure.TOTAL)),
        "T1, T3 classes": pair(at, (T1, Measure.EXPENDITURE), (T3, Measure.TOTAL), at.codes(T3, 3)),
        "T2, T3 codes": pair(at, (T2, Measure.TOTAL), (T3, Measure.TOTAL), at.codes(T3, 3, 5, 7)),
        "T2, T4 classes": pair(at, (T2, Measure.FISCAL_APPROPRIATION), (T4, Measure.TOTAL), at.codes(T2, 3)),
    }
    for fund, form_id in FUND_FORMS.items():
        copies[f"T4, {form_id}"] = pair(at, (T4, Measure(fund)), (form_id, Measure.TOTAL), at.codes(T4, 3))
    yield from (name for name, (one, other) in copies.items() if one != other)
    for code in at.codes(T4, 3):
        row = [at(T4, code, Measure(fund)) for fund in Fund]
        yield from at.sum_differs(f"T4 {code}", at(T4, code, Measure.TOTAL), row)
    for code in at.codes(T3, 3, 5, 7):
        paid = [at(form_id, code, Measure.TOTAL) for form_id in FUND_FORMS.values()]
        paid += [at(T2, code, measure) for measure in PARTS[T2][1:]]
        yield from at.sum_differs(f"T3 {code} funding", at(T3, code, Measure.TOTAL), paid)


def pair(
    at: Figures, one: tuple[FormId, Measure], other: tuple[FormId, Measure], codes: list[str]
) -> tuple[list[Decimal], list[Decimal]]:
    return [at(one[0], code, one[1]) for code in codes], [at(other[0], code, other[1]) for code in codes]


def broken_three_public(at: Figures) -> Iterator[str]:
    half = Decimal(50)
    kinds = (Measure.OVERSEAS_TRAVEL, Measure.OFFICIAL_RECEPTION, Measure.VEHICLE_TOTAL)
    yield from at.sum_differs("T9 total", at(T9, "", Measure.TOTAL), [at(T9, "", kind) for kind in kinds], half)
    vehicles = [at(T9, "", kind) for kind in (Measure.VEHICLE_PURCHASE, Measure.VEHICLE_OPERATION)]
    yield from at.sum_differs("T9 vehicles", at(T9, "", Measure.VEHICLE_TOTAL), vehicles, half)
    for measure, section in ((Measure.OFFICIAL_RECEPTION, "30217"), (Measure.VEHICLE_OPERATION, "30231")):
        if at(T9, "", measure) + half < at(T8, section, Measure.TOTAL):
            yield f"T9 {measure} below T8 {section}"
    if at(T9, "", Measure.AGENCY_OPERATING_EXPENSES) > at(T8, "合计", Measure.OPERATING) + half:
        yield "T9 agency operating above T8"


def broken_wide_summary(at: Figures) -> Iterator[str]:
    parts = (Measure.BASIC_PERSONNEL, Measure.BASIC_OPERATING, Measure.PROJECT)
    if at(T1, "支出总计", parts[0]) or at(T1, "支出总计", parts[1]) or at(T1, "支出总计", parts[2]):
        for place in [*at.codes(T1, 3), "支出总计"]:
            row = [at(T1, place, part) for part in parts]
            yield from at.sum_differs(f"T1 {place} row", at(T1, place, Measure.EXPENDITURE), row)


def pdf_pages(document: bytes) -> list[str]:
    pdf = pypdfium2.PdfDocument(document)
    try:
        return [page.get_textpage().get_text_range() for page in pdf]
    finally:
        pdf.close()


def printed_texts(document: bytes) -> list[str]:
    """What a PDF, a workbook or a text shows, in words."""
    if document.startswith(b"%PDF"):
        return "\n".join(pdf_pages(document)).split()
    if not document.startswith(b"PK"):
        return document.decode().split()
    cells = [cell for sheet in openpyxl.load_workbook(io.BytesIO(document)) for row in sheet for cell in row]
    decimals = {"#,##0.00": 2, "#,##0": 0}
    return [
        f"{cell.value:,.{decimals[cell.number_format]}f}" if isinstance(cell.value, int | float) else str(cell.value)
        for cell in cells
        if cell.value is not None
    ]


def printed_amounts(budget: Budget) -> Counter[str]:
    return Counter(expected_facts(budget)["amount_printed"].to_list())


@settings(max_examples=60, deadline=None)
@given(seed=seeds, n_items=sizes, wanted=traits)
def test_draw_budget__balances_however_it_is_drawn(seed: int, n_items: int, wanted: Traits) -> None:
    assert broken(draw_budget(seed, n_items, wanted)) == []


@pytest.mark.parametrize("budget", [city(), district(), district_revised(), district_unit()])
def test_load_budget__balances(budget: Budget) -> None:
    assert broken(budget) == []


def test_misprint__breaks_the_identities_of_its_cell_and_no_other() -> None:
    names = broken(wrong_total_unit())

    assert names == [
        "expenditure_summary 合计 row",
        "expenditure_summary 合计 total",
        "T1, T3",
    ]


def test_budget__refuses_an_economic_side_that_does_not_match() -> None:
    lines = [Line("2080101", RevenueSource.GENERAL_PUBLIC_BUDGET, personnel=Decimal(100))]
    publisher = Publisher("上海市某局", PublisherKind.DEPARTMENT, "上海市")

    with pytest.raises(ValueError, match="personnel is 100 yuan by function and 99 yuan by economic section"):
        Budget(publisher, 2024, 1, lines, [EconomicLine("30101", Decimal(99))], account_names())


def test_draw_budget__same_seed_same_budget_and_every_seed_its_own_publisher() -> None:
    assert draw_budget(5, 9) == draw_budget(5, 9)
    assert len({draw_budget(seed, 1).publisher.name for seed in range(300)}) == 300


def test_draw_budget__follows_its_traits() -> None:
    style = Style(decimals=0, is_wide=True, are_zeros_printed=True)
    budget = draw_budget(3, 20, Traits(PublisherKind.UNIT, 2025, style, True, True, True, True, True, True))
    sources = {line.source for line in budget.lines}

    assert sources == set(RevenueSource) - {RevenueSource.FISCAL_APPROPRIATION}
    assert (budget.publisher.kind, budget.year, budget.style) == (PublisherKind.UNIT, 2025, style)
    assert any(len(line.code) == 5 for line in budget.lines)


def test_draw_budget__is_of_any_size() -> None:
    assert len({line.code for line in draw_budget(1, 900, Traits(has_bare_sections=False)).lines}) == 900


@pytest.mark.parametrize(("seed", "n_items"), [(0, 0), (-1, 5), (0, 1_000_000)])
def test_draw_budget__refuses_what_it_cannot_draw(seed: int, n_items: int) -> None:
    with pytest.raises(ValueError, match="draw_budget: "):
        draw_budget(seed, n_items)


def test_allocate__loses_nothing() -> None:
    assert allocate(Decimal("10.00"), [1, 1, 1]) == [Decimal("3.33"), Decimal("3.33"), Decimal("3.34")]


def test_load_budget__unknown_key_names_those_that_exist() -> None:
    with pytest.raises(KeyError, match=r"no budget 'town'.*'city', 'district'"):
        load_budget("town")


def test_expected_facts__of_the_district() -> None:
    facts = expected_facts(district())
    rows = facts.select("form_id", "side", "row_no", "row_label", "code_printed", "functional_code", "amount_printed")

    assert dict(facts.schema) == FACT_SCHEMA
    assert (T1, Side.RIGHT, 2, "二、科学技术支出", "", "206", "476,628,242.44") in rows.rows()
    assert (T1, Side.LEFT, 8, "收入总计", "", None, "700,807,459.36") in rows.rows()
    assert (T2, None, 10, "一般行政管理事务", "2080102", "2080102", "480,000.00") in rows.rows()
    assert (T3, None, 35, "合计", "", None, "106,813,891.24") in rows.rows()
    assert (T9, None, 1, None, "", None, "796.48") in rows.rows()
    assert facts.filter(amount_printed="796.48")["amount_yuan"].to_list() == [Decimal("7964800.00")]
    assert facts.filter(economic_code="30217")["amount_yuan"].to_list() == [Decimal("31000.00")] * 2


def test_expected_facts__blank_is_no_fact_and_zero_is_one() -> None:
    blank = draw_budget(8, 6, Traits(style=Style(are_zeros_printed=False)))
    zeros = replace(blank, style=Style(are_zeros_printed=True))

    zero_cells = expected_facts(zeros).filter(amount_yuan=Decimal(0))

    assert expected_facts(blank).filter(amount_yuan=Decimal(0)).is_empty()
    assert set(zero_cells["amount_printed"]) == {"0", "0.00"}, "0 in the ninth form, 0.00 in the coded ones"
    assert expected_facts(zeros).height == expected_facts(blank).height + zero_cells.height


@settings(max_examples=12, deadline=None)
@given(seed=seeds, n_items=sizes, wanted=traits)
def test_render_pdf__prints_every_figure_and_is_deterministic(seed: int, n_items: int, wanted: Traits) -> None:
    budget = draw_budget(seed, n_items, wanted)
    document = render_pdf(printed(budget), draw_layout(seed))
    tokens = Counter(token for page in pdf_pages(document) for token in page.split())

    assert document == render_pdf(printed(draw_budget(seed, n_items, wanted)), draw_layout(seed))
    assert printed_amounts(budget) - tokens == Counter()


def test_render_pdf__shows_cover_contents_titles_and_notes() -> None:
    pages = pdf_pages(render_pdf(printed(district())))
    text = "".join(pages).replace("\r\n", "")
    titles = [form.title for form in printed_forms(district())]

    assert pages[0].split() == [
        "上海市云川区2024年区级部门预算",
        "预算主管部门：上海市云川区民生保障与人才事务局",
        "2024年2月",
    ]
    assert pages[1].startswith("目 录")
    assert all(text.count(title) == 2 for title in titles), "once on the contents page, once over its form"
    assert "注：本部门2024年无政府性基金预算财政拨款安排的预算，故本表为空表。" in text
    assert "2024年“三公”经费预算数为10.60万元，比2023年预算减少1.50万元。" in text


@pytest.mark.parametrize(
    ("continuation", "n_pages", "n_headers"),
    [(Continuation.REPEATED, 7, 7), (Continuation.NARROWER, 7, 7), (Continuation.BARE, 6, 1)],
)
def test_render_pdf__continues_tables(continuation: Continuation, n_pages: int, n_headers: int) -> None:
    budget = draw_budget(2, 40, Traits(has_bare_sections=False))
    layout = PageLayout(continuation, is_total_alone=True, row_height=26.0)
    pages = pdf_pages(render_pdf(printed(budget), layout))
    titles = [form.title for form in printed_forms(budget)]
    first, end = (next(n for n, page in enumerate(pages) if page.startswith(title)) for title in titles[1:3])
    revenue_summary = pages[first:end]
    last_page = revenue_summary[-1].splitlines()

    assert len(revenue_summary) == n_pages
    assert sum("类 款 项" in page for page in revenue_summary) == n_headers
    assert [line for line in last_page if line[:3].isdigit()] == [], "合计 is alone on its page"
    assert last_page[-1].startswith("合计")


def test_wrapped__never_breaks_a_number() -> None:
    assert wrapped("合计为1,234,567.89元整", 6.0) == ("合计为", "1,234,567.89", "元整")


@pytest.mark.parametrize("budget", [city(), district_unit(), draw_budget(11, 30)])
def test_render_text__keeps_every_row_under_its_title(budget: Budget) -> None:
    lines = render_text(printed(budget)).decode().splitlines()

    for form in printed_forms(budget):
        start = len(lines) - lines[::-1].index(form.title)
        table = [tuple(line.split("\t")) for line in lines[start:] if line.count("\t") == form.n_columns - 1]
        rows = iter(table)
        assert all(tuple(row.cells) in rows for row in form.rows if not row.is_blank), form.title


def test_render_text__repeats_the_header_on_the_next_page() -> None:
    lines = render_text(printed(city()), rows_per_page=10).decode().splitlines()

    assert lines.count("类\t款\t项\t\t\t\t\t\t") == 4, "33 rows of the revenue summary, ten a page"


def test_counted_rows__share_a_number_between_both_sides() -> None:
    form: PrintedForm = printed_forms(city())[0]
    numbered = dict(counted_rows(form))

    assert [numbered[1].cells[0], numbered[1].cells[2]] == ["一、财政拨款收入", "一、教育支出"]
    assert numbered[8].cells[0] == "收入总计", "blank filler rows are not counted"


@pytest.mark.parametrize(("number", "word"), [(1, "一"), (10, "十"), (12, "十二"), (20, "二十"), (35, "三十五")])
def test_ordinal__counts_in_chinese(number: int, word: str) -> None:
    assert ordinal(number) == word


def test_build__writes_what_the_list_says(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    build(first)
    build(second)

    assert {path.name for path in first.iterdir()} == {sample.file_name for sample in SAMPLES}
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}
    for sample in SAMPLES:
        assert (first / sample.file_name).stat().st_mtime == sample.modified_at.timestamp()


def test_samples__are_of_every_kind() -> None:
    states = Counter(sample.state for sample in SAMPLES)
    by_budget = {sample.budget: sample for sample in SAMPLES if sample.budget}

    assert states[DocumentState.PUBLISHED] >= 5
    assert states[DocumentState.HELD] == states[DocumentState.UNSUPPORTED] == 2
    assert states[DocumentState.SUPERSEDED] == states[DocumentState.REJECTED] == 1
    assert by_budget[district_revised].modified_at > by_budget[district].modified_at
    assert all(sample.reason for sample in SAMPLES)


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.budget], ids=lambda sample: sample.reason)
def test_samples__hold_what_their_state_says(sample: Sample) -> None:
    assert sample.budget is not None
    budget, document = sample.budget(), sample.document()

    assert printed_amounts(budget) - Counter(printed_texts(document)) == Counter()
    assert bool(broken(budget)) == (sample.state is DocumentState.HELD)


def test_district_revised__changes_figures_of_the_same_budget() -> None:
    key = ["form_id", "side", "row_no", "measure"]
    both = expected_facts(district()).join(expected_facts(district_revised()), on=key, nulls_equal=True)
    changed = both.filter(both["amount_yuan"] != both["amount_yuan_right"])

    assert district().publisher == district_revised().publisher
    assert both.height == expected_facts(district()).height
    assert set(changed["functional_code"].drop_nulls()) == {"208", "20801", "2080107", "2080108"}


def test_wrong_narrative__states_ten_times_the_amount() -> None:
    budget = wrong_narrative_department()
    code, stated = next(iter(budget.misstatements.items()))
    facts = expected_facts(budget).filter(form_id=T3, functional_code=code, measure=Measure.TOTAL)
    narrative = next(section for section in printed(budget).sections if "编制说明" in section.title)

    assert stated == facts["amount_yuan"].item() * 10
    assert any(f"{stated / 10_000:,.2f}万元" in paragraph for paragraph in narrative.paragraphs)


def test_samples__truncated_pdf_cannot_be_opened() -> None:
    broken_file = next(sample for sample in SAMPLES if sample.file_name == "损坏的文件.pdf").document()

    assert broken_file.startswith(b"%PDF")
    with pytest.raises(pypdfium2.PdfiumError):
        pypdfium2.PdfDocument(broken_file)


def test_draw__writes_documents_that_the_seed_names(tmp_path: Path) -> None:
    paths = draw(tmp_path, 2, seed=7, n_items=4)
    texts = draw(tmp_path, 1, seed=7, n_items=4, is_text=True)

    assert [path.name[:6] for path in paths] == ["000007", "000008"]
    assert paths[0].read_bytes() == render_pdf(printed(draw_budget(7, 4)), draw_layout(7))
    assert texts[0].read_bytes() == render_text(printed(draw_budget(7, 4)))


def test_main__lists_and_builds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    main(["draw", str(tmp_path), "--count", "1", "--items", "2", "--format", "txt"])
    listed = capsys.readouterr().out.splitlines()

    assert listed[: len(SAMPLES)] == [f"{s.file_name}\t{s.state}\t{s.reason}" for s in SAMPLES]
    assert listed[-1] == f"1 drawn budgets in {tmp_path}"
