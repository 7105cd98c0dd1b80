"""One budget in every format: the same facts, the same cover, the same digest; and what only some formats can hold."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from random import Random
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cnbudget.model import FormId, Measure, PublisherKind
from cnbudget.parse import parse_documents
from cnbudget.reading.archive import expand
from cnbudget.support import holds_budget
from samples.bucket import city, district, district_unit, own_revenue_unit, wrong_narrative_department, wrong_total_unit
from samples.budget import Budget, Misprint, Style
from samples.content import Content, PrintedForm
from samples.draw import Traits, draw_budget
from samples.forms import printed
from samples.render_docx import WordLayout, render_docx
from samples.render_flattened import Flattening, render_flattened
from samples.render_html import render_html
from samples.render_markdown import render_markdown
from samples.render_pdf import render_pdf
from samples.render_text import render_text
from samples.render_xlsx import Numbers, WorkbookLayout, render_xlsx
from samples.truth import FACT_SCHEMA, expected_facts
from warehouse.staging import facts_digests

KEY = ["form_id", "row_no", "measure"]
COVER = ("publisher_name", "publisher_kind", "fiscal_year", "stage", "jurisdiction_name", "jurisdiction_level")

FORMATS: Mapping[str, Callable[[Content], bytes]] = {
    "ruled.pdf": render_pdf,
    "tabs.txt": render_text,
    "bars.md": render_markdown,
    "html-tables.md": partial(render_markdown, has_html_tables=True),
    "utf8.html": render_html,
    "gb18030-titles-in-tables.html": partial(render_html, encoding="gb18030", has_titles_in_tables=True),
    "whole-tables.docx": render_docx,
    "titles-in-tables-of-a-page.docx": partial(render_docx, layout=WordLayout(True, rows_per_table=12)),
    "sheet-a-section-numbers.xlsx": render_xlsx,
    "one-sheet-text.xlsx": partial(render_xlsx, layout=WorkbookLayout(True, Numbers.TEXT)),
}
"""By file name: what is particular about it, and its format."""

BARE_TITLES = Style(has_year_in_titles=False, has_straight_quotes=True, unit_word="单位", are_zeros_printed=True)

BUDGETS: Mapping[str, Callable[[], Budget]] = {
    "city": city,
    "district": district,
    "district-unit": district_unit,
    "own-revenue": own_revenue_unit,
    "wrong-total": wrong_total_unit,
    "wrong-narrative": wrong_narrative_department,
    "no-year-straight-quotes": lambda: draw_budget(9, 14, Traits(PublisherKind.UNIT, 2025, BARE_TITLES)),
    "all-funds": lambda: draw_budget(52, 30, Traits(None, None, None, True, True, True, True, True, True)),
}


PROSE = ("narrative_claims", "institutions", "disclosures", "projects", "project_items")
PLACE = pl.selectors.matches(
    r"^(?:page|[xy][01]|document_id|fact_id|claim_id|institution_id|disclosure_id|project_id|project_item_id)$"
)
"""What formats give apart: where a record stands, and the names that follow from the bytes."""


@dataclass(frozen=True)
class Read:
    """What came of one document."""

    document: dict[str, Any]
    facts: pl.DataFrame
    digest: str
    prose: Mapping[str, pl.DataFrame]


def read_all(documents: Mapping[str, bytes]) -> dict[str, Read]:
    """Documents by name, read as one batch."""
    frames = parse_documents(list(documents.items()))
    digests = facts_digests(frames["budget_facts"])
    read = {}
    for document in frames["documents"].iter_rows(named=True):
        document_id = document["document_id"]
        facts = frames["budget_facts"].filter(document_id=document_id)
        prose = {name: frames[name].filter(document_id=document_id) for name in PROSE}
        read[document["file_name"]] = Read(document, facts, digests.get(document_id, ""), prose)
    return read


def read_one(name: str, document: bytes) -> Read:
    return read_all({name: document})[name]


@cache
def in_every_format(budget: str) -> dict[str, Read]:
    content = printed(BUDGETS[budget]())
    return read_all({name: render(content) for name, render in FORMATS.items()})


def assert_same_facts(read: Read, budget: Budget) -> None:
    facts, expected = read.facts.select(list(FACT_SCHEMA)), expected_facts(budget)
    assert_frame_equal(facts.sort(KEY), expected.sort(KEY), check_dtypes=False)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_format__gives_the_same_facts(budget: str, name: str) -> None:
    read, ruled, source = in_every_format(budget)[name], in_every_format(budget)["ruled.pdf"], BUDGETS[budget]()

    assert_same_facts(read, source)
    assert read.digest == ruled.digest
    assert read.document["budget_id"] == ruled.document["budget_id"]
    assert [read.document[column] for column in COVER] == [ruled.document[column] for column in COVER]
    assert [read.document[column] for column in COVER[:3]] == [
        source.publisher.name,
        source.publisher.kind,
        source.year,
    ]
    expected_state = "held" if source.misprints else "parsed"
    assert read.document["state"] == expected_state, read.document["state_reason"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_format__gives_the_same_records_of_the_prose(budget: str, name: str) -> None:
    read, ruled = in_every_format(budget)[name].prose, in_every_format(budget)["ruled.pdf"].prose

    assert ruled["narrative_claims"].height > 40 and ruled["disclosures"].height > 30
    for dataset in PROSE:
        assert_frame_equal(read[dataset].select(~PLACE), ruled[dataset].select(~PLACE))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 50), st.sampled_from(list(FORMATS)))
def test_every_format__reads_back_any_drawn_budget(seed: int, n_items: int, name: str) -> None:
    budget = draw_budget(seed, n_items)
    read = read_one(name, FORMATS[name](printed(budget)))

    assert read.document["state"] == "parsed", read.document["state_reason"]
    assert_same_facts(read, budget)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from(list(FORMATS)), st.randoms(use_true_random=False))
def test_every_format__one_wrong_digit_is_found_in_its_form(seed: int, n_items: int, name: str, chance: Random) -> None:
    """Any figure but 机关运行经费, which stands in no sum; any digit that rounding cannot explain."""
    budget = draw_budget(seed, n_items)
    figures = expected_facts(budget).filter(pl.col("amount_yuan") > 0, pl.col("measure") != "agency_operating_expenses")
    figure = figures.row(chance.randrange(figures.height), named=True)
    printed_before = figure["amount_printed"]
    digits = [place for place, sign in enumerate(printed_before) if sign.isdigit()]
    place = chance.choice(digits[: max(1, len(digits) - 2)])
    digit = chance.choice([each for each in "123456789" if each != printed_before[place]])
    wrong = printed_before[:place] + digit + printed_before[place + 1 :]
    misprint = Misprint(FormId(figure["form_id"]), figure["row_no"], Measure(figure["measure"]), wrong)

    read = read_one(name, FORMATS[name](printed(replace(budget, misprints=[misprint]))))

    assert read.document["state"] == "held", misprint
    assert read.document["n_identities_broken"] > 0
    found = read.facts.filter(form_id=figure["form_id"], row_no=figure["row_no"], measure=figure["measure"])
    assert found["n_identities_holding"].item() < found["n_identities"].item()


def test_every_format__says_where_each_figure_stands() -> None:
    for name, read in in_every_format("city").items():
        places = read.facts.select("page", "cell_ref")
        if name.endswith(("docx", "xlsx", "html", "md")):
            assert places["cell_ref"].n_unique() == places.height, name
        elif name.endswith("pdf"):
            assert places["page"].null_count() == 0


@pytest.mark.parametrize("name", ["sheet-a-section-numbers.xlsx", "one-sheet-text.xlsx"])
def test_cell_ref__names_the_cell_that_holds_the_figure(name: str) -> None:
    book = openpyxl.load_workbook(io.BytesIO(FORMATS[name](printed(district_unit()))))
    facts = in_every_format("district-unit")[name].facts

    for cell_ref, amount in facts.select("cell_ref", "amount_printed").iter_rows():
        sheet, _, place = cell_ref.rpartition("!")
        assert book[sheet][place].value in (amount, float(amount.replace(",", "")))


@pytest.mark.parametrize(
    ("style", "kind", "first", "last"),
    [
        (Style(), PublisherKind.DEPARTMENT, "2025年部门财务收支预算总表", "2025年部门“三公”经费和机关运行经费预算表"),
        (Style(), PublisherKind.UNIT, "2025年预算单位财务收支预算总表", "2025年单位“三公”经费和机关运行经费预算表"),
        (BARE_TITLES, PublisherKind.UNIT, "单位财务收支预算总表", '单位"三公"经费和机关运行经费预算表'),
        (BARE_TITLES, PublisherKind.DEPARTMENT, "部门财务收支预算总表", '部门"三公"经费和机关运行经费预算表'),
    ],
)
def test_titles__vary_as_publishers_word_them(style: Style, kind: PublisherKind, first: str, last: str) -> None:
    forms = printed(draw_budget(9, 3, Traits(kind, 2025, style))).forms

    assert (forms[0].title, forms[-1].title) == (first, last)


@pytest.mark.parametrize("name", [name for name in FORMATS if name.endswith(("docx", "xlsx"))])
def test_render__same_content_same_bytes(name: str) -> None:
    content = printed(draw_budget(5, 2))

    assert FORMATS[name](content) == FORMATS[name](content)
    with zipfile.ZipFile(io.BytesIO(FORMATS[name](content))) as package:
        assert {info.date_time for info in package.infolist()} == {(2024, 1, 2, 0, 0, 0)}


# What only a workbook can hold


def edited(document: bytes, edit: Callable[[openpyxl.Workbook], None]) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(document))
    edit(book)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def with_values(document: bytes, change: Callable[[str], str]) -> bytes:
    """The workbook with each stored number changed in its markup."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(packed, "w") as target:
        for name in source.namelist():
            part = source.read(name).decode("utf-8", "surrogateescape")
            if name.startswith("xl/worksheets/"):
                part = re.sub(r't="n"><v>([^<]+)', lambda match: f't="n"><v>{change(match[1])}', part)
            target.writestr(name, part.encode("utf-8", "surrogateescape"))
    return packed.getvalue()


def test_workbook__hidden_sheet_with_old_figures_is_not_read() -> None:
    def add_old_sheets(book: openpyxl.Workbook) -> None:
        for sheet in list(book.worksheets):
            old = book.copy_worksheet(sheet)
            old.title, old.sheet_state = f"旧{len(book.sheetnames)}", "hidden"
            book.move_sheet(old, -len(book.sheetnames))
            for cell in (cell for row in old.iter_rows() for cell in row if isinstance(cell.value, float | int)):
                cell.value = cell.value * 2

    read = read_one("budget.xlsx", edited(render_xlsx(printed(district())), add_old_sheets))

    assert read.document["state"] == "parsed", read.document["state_reason"]
    assert_same_facts(read, district())


def test_workbook__hidden_rows_with_old_figures_are_not_read() -> None:
    def add_old_rows(book: openpyxl.Workbook) -> None:
        sheet = book["支出预算总表"]
        last = sheet.max_row
        for column in range(1, sheet.max_column + 1):
            sheet.cell(last + 1, column, 12345)
        sheet.row_dimensions[last + 1].hidden = True

    read = read_one("budget.xlsx", edited(render_xlsx(printed(district())), add_old_rows))

    assert read.document["state"] == "parsed", read.document["state_reason"]
    assert_same_facts(read, district())


def test_workbook__binary_fractions_are_shown_as_formatted() -> None:
    stored: list[str] = []

    def as_excel_stores(value: str) -> str:
        stored.append(f"{float(value):.17g}")
        return stored[-1]

    document = with_values(render_xlsx(printed(district())), as_excel_stores)
    read = read_one("budget.xlsx", document)

    assert any(len(value) > 16 for value in stored), "such as 44900.010000000002"
    assert_same_facts(read, district())


def test_workbook__numbers_without_a_format_are_the_same_money() -> None:
    read = read_one("budget.xlsx", render_xlsx(printed(district()), WorkbookLayout(numbers=Numbers.PLAIN)))
    ruled = in_every_format("district")["ruled.pdf"]

    assert (read.document["state"], read.digest) == ("parsed", ruled.digest)
    assert read.facts["amount_printed"].to_list()[0] == "700327459.36"


def test_workbook__title_may_stand_in_the_name_of_the_sheet_alone() -> None:
    def blank_titles(book: openpyxl.Workbook) -> None:
        for sheet in book:
            if str(sheet["A1"].value).endswith("表"):
                sheet["A1"].value = None

    read = read_one("budget.xlsx", edited(render_xlsx(printed(district())), blank_titles))

    assert read.document["state"] == "parsed", read.document["state_reason"]
    assert_same_facts(read, district())


@pytest.mark.parametrize("text", ["=SUM(E7:E9)", "#REF!", "详见附件"])
def test_workbook__an_amount_that_is_no_number_holds_the_document_and_names_its_cell(text: str) -> None:
    def spoil(book: openpyxl.Workbook) -> None:
        book["支出预算总表"]["E9"].value = text

    read = read_one("budget.xlsx", edited(render_xlsx(printed(district())), spoil))

    assert read.document["state"] == "held"
    assert f"cell 支出预算总表!E9: the number {text} belongs to no figure" in read.document["state_reason"]


# Archives


def zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def spread(content: Content, text_name: str = "1.编制说明.docx") -> dict[str, bytes]:
    """One budget over three files: text with the cover, the first four forms, the other five."""
    return {
        text_name: render_docx(Content(content.cover, content.contents, content.sections)),
        "2.收支总表.xlsx": render_xlsx(Content(["附表一"], [], content.forms[:4])),
        "10.明细表.html": render_html(Content(["附表二"], [], content.forms[4:])),
    }


def test_archive__of_one_budget_is_that_budget() -> None:
    archive = zipped({"预算公开.xlsx": render_xlsx(printed(district()))})
    read = read_one("budget.zip", archive)

    assert expand("budget.zip", archive, holds_budget) == [("budget.zip", archive)]
    assert (read.document["state"], read.digest) == ("parsed", in_every_format("district")["ruled.pdf"].digest)
    assert_same_facts(read, district())
    assert read.facts["cell_ref"][0] == "[预算公开.xlsx]财务收支预算总表!B5"


@pytest.mark.parametrize("text_name", ["1.编制说明.docx", "99.编制说明.docx"])
@pytest.mark.parametrize("budget", ["district", "own-revenue"])
def test_archive__of_one_budget_in_several_files_is_one_document(budget: str, text_name: str) -> None:
    source = BUDGETS[budget]()
    archive = zipped(spread(printed(source), text_name))
    read, ruled = read_one("budget.zip", archive), in_every_format(budget)["ruled.pdf"]

    assert expand("budget.zip", archive, holds_budget) == [("budget.zip", archive)]
    assert read.document["state"] == "parsed", read.document["state_reason"]
    assert_same_facts(read, source)
    assert (read.digest, read.document["budget_id"]) == (ruled.digest, ruled.document["budget_id"])


def test_archive__of_two_budgets_is_held_whole_and_parsed_apart() -> None:
    members = {
        "甲.xlsx": render_xlsx(printed(district())),
        "乙.html": render_html(printed(district_unit())),
        "__MACOSX/._甲.xlsx": b"desktop",
    }
    archive = zipped(members)
    whole = read_one("all.zip", archive)
    apart = read_all(dict(expand("all.zip", archive, holds_budget)))

    assert (whole.document["state"], whole.facts.height) == ("held", 0)
    assert "more than one budget in one file (乙.html; 甲.xlsx): 9 of the nine forms" in whole.document["state_reason"]
    assert {name: read.document["state"] for name, read in apart.items()} == {
        "all.zip!/乙.html": "parsed",
        "all.zip!/甲.xlsx": "parsed",
    }
    assert_same_facts(apart["all.zip!/甲.xlsx"], district())
    assert_same_facts(apart["all.zip!/乙.html"], district_unit())


def test_expand__keeps_inner_archives_whole_where_they_hold_one_budget() -> None:
    inner, text = zipped(spread(printed(district()))), render_text(printed(city()))
    several = zipped({"云川.zip": inner, "市局/预算.txt": text})

    assert expand("all.zip", several, holds_budget) == [("all.zip!/云川.zip", inner), ("all.zip!/市局/预算.txt", text)]
    assert expand("outer.zip", zipped({"all.zip": several}), holds_budget)[0] == ("outer.zip!/all.zip/云川.zip", inner)


def test_archive__of_two_renditions_gives_each_alone_with_one_digest() -> None:
    content = printed(district_unit())
    archive = zipped({"预算.pdf": render_pdf(content), "预算.docx": render_docx(content)})
    read = read_all(dict(expand("unit.zip", archive, holds_budget)))

    assert {each.document["state"] for each in read.values()} == {"parsed"}
    assert {each.digest for each in read.values()} == {in_every_format("district-unit")["ruled.pdf"].digest}


@pytest.mark.parametrize("data", [b"PK\x03\x04 and then nothing", b"%PDF-1.4", zipped({}), zipped({"../a.txt": b"a"})])
def test_expand__leaves_what_it_cannot_open_to_the_reader(data: bytes) -> None:
    assert expand("a.zip", data, holds_budget) == [("a.zip", data)]


# Flattened text


def flattened(form: PrintedForm, flattening: Flattening) -> list[str]:
    return render_flattened(Content([], [], [form]), flattening).decode().split("\n")


@pytest.mark.parametrize("budget", ["city", "own-revenue", "all-funds"])
def test_render_flattened__holds_every_printed_amount_in_order(budget: str) -> None:
    amounts = expected_facts(BUDGETS[budget]())["amount_printed"].to_list()
    text = render_flattened(printed(BUDGETS[budget]()), Flattening(n_overlapping=2, name_width=9)).decode()
    at = 0

    for amount in amounts:
        found = re.compile(rf"(?<![\d,.]){re.escape(amount)}(?![\d,.])").search(text, at)
        assert found, f"{amount} after character {at}"
        at = found.end()


def test_render_flattened__loses_empty_cells_glues_labels_and_wraps_names() -> None:
    summary, _, expenditure, *_ = printed(district()).forms

    lines = flattened(summary, Flattening())
    assert "一、财政拨款收入 700,327,459.36一、教育支出 12,030,000.00" in lines
    assert "2、政府性基金 三、社会保障和就业支出 196,675,333.93" in lines

    lines = flattened(expenditure, Flattening(n_overlapping=1, name_width=16))
    wrapped = lines.index("208 01 99 其他人力资源和社会保障管理事务支")
    assert lines[wrapped + 1 : wrapped + 4] == ["出", "", "43,704,550.25 43,704,550.25"]
    assert lines.count("类 款 项") == 2
    assert lines.count("208 05 01 行政单位离退休 1,323,980.00 1,323,980.00") == 2, "the last row of the page before"


def test_render_flattened__may_drop_zeros() -> None:
    form = printed(own_revenue_unit()).forms[-1]
    kept, dropped = ("\n".join(flattened(form, Flattening(drops_zeros=drops))) for drops in (False, True))

    assert re.search(r"(?<![\d.])0(?![\d.])", kept)
    assert not re.search(r"(?<![\d.])0(?![\d.])", dropped)
