"""Word, Excel, HTML, Markdown and ZIP readers: what is in the file and what must come out stand side by side."""

from __future__ import annotations

import contextlib
import gzip
import io
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import docx as python_docx
import openpyxl
import pytest
import xlwt
from hypothesis import given
from hypothesis import strategies as st

from cnbudget.errors import (
    CnbudgetError,
    EmptyDocument,
    EncryptedDocument,
    LimitExceeded,
    UnreadableDocument,
    UnsupportedFormat,
)
from cnbudget.model import Block, Cell, Document, Grid, GridSource, MediaType, Paragraph
from cnbudget.reading import archive, doc, docx, html, markdown, xls, xlsx
from cnbudget.reading.blocks import cell_name, cells_to_blocks
from cnbudget.reading.number_format import UnknownFormat, number_to_text, stored_to_decimal

ACCOUNTING = '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ '
TITLE, UNIT, NOTE = "2024年部门收入预算总表", "编制部门：甲局  单位：元", "注：本表含上年结转。"
FORM = [
    ["科目编码", "科目名称", "合计", "财政拨款收入"],
    ["208", "社会保障和就业支出", "3,508,644.00", "3,508,644.00"],
    ["合计", None, "3,508,644.00", "3,508,644.00"],
]

Edit = Callable[[openpyxl.Workbook], None]


def workbook_bytes(edit: Edit, patches: Mapping[str, tuple[str, str]] | None = None) -> bytes:
    """A workbook as `edit` fills it, with texts of its parts replaced as in `patches`."""
    workbook = openpyxl.Workbook()
    edit(workbook)
    stream = io.BytesIO()
    workbook.save(stream)
    return repacked(stream.getvalue(), patches or {})


def repacked(data: bytes, patches: Mapping[str, tuple[str, str]], extra: Mapping[str, bytes] | None = None) -> bytes:
    members = dict(unzipped(data))
    for name, (old, new) in patches.items():
        assert old.encode() in members[name], f"{old} is not in {name}"
        members[name] = members[name].replace(old.encode(), new.encode())
    return zipped({**members, **(extra or {})})


def unzipped(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return [(name, source.read(name)) for name in source.namelist()]


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def form_sheet(workbook: openpyxl.Workbook) -> None:
    sheet = workbook.active
    for row in [[TITLE], ["编制部门：甲局", None, None, "单位：元"], *FORM, [NOTE]]:
        sheet.append(row)
    sheet.merge_cells("A1:D1")


def rows(grid: Grid) -> list[list[str]]:
    """The grid as rows of texts, blank where nothing stands."""
    table = [[""] * grid.n_columns for _ in range(grid.n_rows)]
    for cell in grid.cells:
        table[cell.row][cell.column] = cell.text
    return table


def shape(blocks: Sequence[Block]) -> list[object]:
    """Paragraphs as their texts, grids as their rows."""
    return [block.text if isinstance(block, Paragraph) else rows(block) for block in blocks]


FORM_SHAPE = [TITLE, UNIT, [[text or "" for text in row] for row in FORM], NOTE]


def only_texts(document: Document) -> dict[str, str]:
    """Text by cell_ref, of all grids."""
    return {cell.cell_ref or "": cell.text for grid in document.grids() for cell in grid.cells}


# number formats


@pytest.mark.parametrize(
    ("stored", "code", "shown"),
    [
        ("31214205.800000001", "#,##0.00", "31,214,205.80"),
        ("31214205.800000001", "General", "31214205.8"),
        ("31214205.8", "0", "31214206"),
        ("31214205.8", "0.00", "31214205.80"),
        ("31214205.8", "#,##0", "31,214,206"),
        ("31214205.8", ACCOUNTING, "31,214,205.80"),
        ("-31214205.8", ACCOUNTING, "-31,214,205.80"),
        ("0", ACCOUNTING, "-"),
        ("0", "#,##0.00", "0.00"),
        ("0", "#,##0.00;-#,##0.00;;", ""),
        ("-5", "#,##0.00_);(#,##0.00)", "(5.00)"),
        ("2.675", "0.00", "2.68"),
        ("0.30000000000000004", "General", "0.3"),
        ("2502032850.55", "General", "2502032850.55"),
        ("1154.9255146", "General", "1154.925515"),
        ("31214205.8", "0!.0,", "3121.4"),
        ("1234567", '[$¥-804]#,##0.00"元"', "¥1,234,567.00元"),
        ("8", "[红色]000", "008"),
        ("0.125", "0.0%", "12.5%"),
        ("45323", 'yyyy"年"m"月"', "2024年2月"),
        ("45323.5", "yyyy/mm/dd hh:mm", "2024/02/01 12:00"),
        ("5", ";;;", ""),
    ],
)
def test_number_to_text__as_excel_shows_it(stored: str, code: str, shown: str) -> None:
    value = stored_to_decimal(stored)
    assert value is not None
    assert number_to_text(value, code) == shown


@pytest.mark.parametrize("code", ["# ?/?", "0.00E+00", "[>=10000]0;0.0", "dddd"])
def test_number_to_text__unknown_format_is_not_guessed(code: str) -> None:
    with pytest.raises(UnknownFormat):
        number_to_text(Decimal("1.5"), code)


@given(cents=st.integers(-(10**14), 10**14))
def test_number_to_text__every_amount_comes_back_from_its_double(cents: int) -> None:
    amount = Decimal(cents) / 100
    value = stored_to_decimal(f"{float(amount):.17g}")
    assert value is not None
    assert Decimal(number_to_text(value, "#,##0.00").replace(",", "")) == amount
    assert Decimal(number_to_text(value, "General")) == amount


# sheets and tables to blocks


def grid_cells(*lines: str) -> list[Cell]:
    """`a|b||c` a row; `_` widens the cell before it."""
    cells: list[Cell] = []
    for row, line in enumerate(lines):
        for column, text in enumerate(line.split("|")):
            if text == "_":
                last = cells.pop()
                cells.append(Cell(last.row, last.column, last.text, 1, last.column_span + 1))
            elif text:
                cells.append(Cell(row, column, text))
    return cells


def test_cells_to_blocks__forms_below_one_another_part_at_their_titles() -> None:
    cells = grid_cells(
        *("甲预算总表|_|_", "编制部门：甲局||单位：元", "项目|科目|合计", "收入|a|1", "支出||2", "注：无", ""),
        *("乙预算总表（二）", "单位：万元", "项目|合计", "b|3"),
    )
    assert shape(cells_to_blocks(cells, GridSource.SHEET)) == [
        *("甲预算总表", "编制部门：甲局  单位：元", [["项目", "科目", "合计"], ["收入", "a", "1"], ["支出", "", "2"]]),
        *("注：无", "乙预算总表（二）", "单位：万元", [["项目", "合计"], ["b", "3"]]),
    ]


def test_cells_to_blocks__label_without_amount_stays_in_its_table() -> None:
    cells = grid_cells(
        "收支预算总表", "收入|预算数|支出|预算数", "一、甲|1|一、乙|1", "二、丙", "", "三、丁", "总计|1|总计|1"
    )
    assert shape(cells_to_blocks(cells, GridSource.SHEET))[1:] == [
        [
            ["收入", "预算数", "支出", "预算数"],
            ["一、甲", "1", "一、乙", "1"],
            *(["二、丙", "", "", ""], ["三、丁", "", "", ""]),
            ["总计", "1", "总计", "1"],
        ]
    ]


def test_cells_to_blocks__amount_alone_at_the_end_stays_in_its_table() -> None:
    assert shape(cells_to_blocks(grid_cells("a|b", "c|1", "", "|2"), GridSource.SHEET)) == [
        [["a", "b"], ["c", "1"], ["", "2"]]
    ]


def test_cells_to_blocks__stray_cell_far_away_makes_no_huge_grid() -> None:
    cells = [Cell(0, 0, "a"), Cell(0, 1, "b", 1, 16_000), Cell(1, 0, "c"), Cell(1_048_575, 16_383, "7")]
    (grid,) = cells_to_blocks(cells, GridSource.SHEET)
    assert isinstance(grid, Grid)
    assert (grid.n_rows, grid.n_columns) == (3, 3)


@given(
    st.lists(
        st.lists(st.sampled_from(["", "表", "注：", "单位：元", "项目", "1", "2,000.00"]), max_size=4), max_size=12
    )
)
def test_cells_to_blocks__loses_no_text_and_keeps_its_order(table: list[list[str]]) -> None:
    cells = grid_cells(*("|".join(row) for row in table))
    blocks = cells_to_blocks(cells, GridSource.SHEET)
    texts = [
        text
        for block in blocks
        for text in ([block.text] if isinstance(block, Paragraph) else [cell.text for cell in block.cells])
    ]
    assert "".join(texts).replace(" ", "") == "".join(cell.text for cell in cells)


# Excel


def test_xlsx_read__form_with_title_unit_and_note() -> None:
    data = workbook_bytes(form_sheet)
    document = xlsx.read("a.xlsx", data)
    assert shape(document.blocks) == FORM_SHAPE
    assert (document.media_type, document.n_pages, document.n_bytes) == (MediaType.XLSX, 0, len(data))
    assert only_texts(document)["Sheet!C4"] == "3,508,644.00"
    assert document.grids()[0].source is GridSource.SHEET
    assert not document.notes


def test_xlsx_read__merged_header_becomes_spans() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.active
        for row in [["收支预算总表"], ["项目", "支出", None], [None, "基本", "项目支出"], ["a", 1, 2]]:
            sheet.append(row)
        sheet.merge_cells("A2:A3")
        sheet.merge_cells("B2:C2")

    (grid,) = xlsx.read("a.xlsx", workbook_bytes(edit)).grids()
    spans = {cell.text: (cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells}
    assert spans["项目"] == (0, 0, 2, 1)
    assert spans["支出"] == (0, 1, 1, 2)
    assert (grid.n_rows, grid.n_columns) == (3, 3)


def test_xlsx_read__numbers_print_by_their_formats() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.active
        sheet.append(["编码", "甲", "乙", "丙", "丁"])
        sheet.append(["208", 31214205.8, 0.1 + 0.2, 0, 0])
        for cell, code in zip(sheet[2], ["@", "#,##0.00", "General", ACCOUNTING, "0.00"], strict=True):
            cell.number_format = code

    (grid,) = xlsx.read("a.xlsx", workbook_bytes(edit)).grids()
    assert rows(grid)[1] == ["208", "31,214,205.80", "0.3", "-", "0.00"]


def test_xlsx_read__formula_gives_its_cached_value_or_stands_as_text() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.active
        for row in [["项目", "合计"], ["a", 1], ["b", "=SUM(B2:B2)"], ["c", "=SUM(B2:B3)"]]:
            sheet.append(row)

    cached = {"xl/worksheets/sheet1.xml": ("<f>SUM(B2:B2)</f><v></v>", "<f>SUM(B2:B2)</f><v>1</v>")}
    document = xlsx.read("a.xlsx", workbook_bytes(edit, cached))
    assert rows(document.grids()[0])[2:] == [["b", "1"], ["c", "=SUM(B2:B3)"]]
    assert document.notes["formulas_without_value"] == "Sheet!B4 =SUM(B2:B3)"


def test_xlsx_read__what_is_hidden_is_noted_and_not_read() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        form_sheet(workbook)
        sheet = workbook.active
        sheet.insert_rows(4)
        sheet["A4"], sheet["C4"], sheet["E5"] = "旧数", 9, 8
        sheet.row_dimensions[4].hidden = True
        sheet.column_dimensions["E"].hidden = True
        workbook.create_sheet("往年")["A1"] = "旧表"
        workbook["往年"].sheet_state = "veryHidden"

    document = xlsx.read("a.xlsx", workbook_bytes(edit))
    assert shape(document.blocks) == FORM_SHAPE
    assert dict(document.notes) == {
        "hidden_sheets": "往年",
        "hidden_rows": "Sheet!4",
        "hidden_columns": "Sheet!E",
    }


def test_xlsx_read__merged_cell_with_its_first_row_hidden_is_still_seen() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.active
        for row in [["项目", "合计"], ["a", 1], [None, 2]]:
            sheet.append(row)
        sheet.merge_cells("A2:A3")
        sheet.row_dimensions[2].hidden = True

    assert rows(xlsx.read("a.xlsx", workbook_bytes(edit)).grids()[0]) == [["项目", "合计"], ["a", "2"]]


def test_xlsx_read__zero_that_the_sheet_does_not_show_is_blank() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        workbook.active.append(["项目", "合计"])
        workbook.active.append(["a", 0])
        workbook.active.sheet_view.showZeros = False

    assert rows(xlsx.read("a.xlsx", workbook_bytes(edit)).grids()[0])[1:] == [["a", ""]]


def test_xlsx_read__value_under_a_merged_cell_or_a_hiding_format_is_noted() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        sheet = workbook.active
        for row in [["项目", "合计", "其中"], ["a", 7, 5]]:
            sheet.append(row)
        sheet["B2"].number_format = ";;;"

    merged = {
        "xl/worksheets/sheet1.xml": ("</sheetData>", '</sheetData><mergeCells><mergeCell ref="A2:A2"/></mergeCells>')
    }
    covered = {
        "xl/worksheets/sheet1.xml": ("</sheetData>", '</sheetData><mergeCells><mergeCell ref="A2:C2"/></mergeCells>')
    }
    document = xlsx.read("a.xlsx", workbook_bytes(edit, merged))
    assert rows(document.grids()[0])[1] == ["a", "", "5"]
    assert document.notes["hidden_by_format"] == "Sheet!B2"
    assert xlsx.read("a.xlsx", workbook_bytes(edit, covered)).notes["hidden_under_merge"] == "Sheet!C2 5"


def test_xlsx_read__one_sheet_a_form_in_the_order_of_the_book() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        workbook.active.title = "封面"
        workbook.active["B3"] = "2024年度部门预算"
        for name in ("表二", "表一"):
            sheet = workbook.create_sheet(name)
            sheet.append(["单位：万元"])
            sheet.append(["项目", "合计"])
            sheet.append([name, 1])

    assert shape(xlsx.read("a.xlsx", workbook_bytes(edit)).blocks) == [
        "2024年度部门预算",
        *("表二", "单位：万元", [["项目", "合计"], ["表二", "1"]]),
        *("表一", "单位：万元", [["项目", "合计"], ["表一", "1"]]),
    ]


def test_xlsx_read__unknown_format_prints_plainly_and_is_noted() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        workbook.active.append(["项目", 0.5])
        workbook.active["B1"].number_format = "# ??/16"

    document = xlsx.read("a.xlsx", workbook_bytes(edit))
    assert only_texts(document)["Sheet!B1"] == "0.5"
    assert document.notes["formats_not_rendered"] == "Sheet!B1 # ??/16"


def test_xlsx_read__nine_forms_with_thousands_of_blank_cells_in_time() -> None:
    def edit(workbook: openpyxl.Workbook) -> None:
        for number in range(9):
            sheet = workbook.create_sheet(f"表{number}")
            sheet.append([TITLE])
            sheet.append([f"列{column}" for column in range(8)])
            for row in range(40):
                sheet.append([f"科目{row}", *(31214205.8 + row * column for column in range(7))])
            for row in range(43, 243):
                for column in range(1, 21):
                    sheet.cell(row, column).number_format = "0.00"

    data = workbook_bytes(edit)
    seconds = []
    for _ in range(3):
        start = time.process_time()
        document = xlsx.read("a.xlsx", data)
        seconds.append(time.process_time() - start)
    assert [(grid.n_rows, grid.n_columns) for grid in document.grids()] == [(41, 8)] * 9
    assert min(seconds) < 0.15


def test_xlsx_read__macros_are_refused() -> None:
    data = repacked(workbook_bytes(form_sheet), {}, {"xl/vbaProject.bin": b"\xd0\xcf"})
    with pytest.raises(UnsupportedFormat, match=r"a\.xlsm: macros found.*save it as \.docx or \.xlsx"):
        xlsx.read("a.xlsm", data)


def test_xlsx_read__entity_bomb_is_refused_before_it_is_parsed() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><worksheet'
    data = workbook_bytes(form_sheet, {"xl/worksheets/sheet1.xml": ("<worksheet", bomb)})
    with pytest.raises(UnreadableDocument, match=r"document type with entities found in xl/worksheets/sheet1\.xml"):
        xlsx.read("a.xlsx", data)


def test_xlsx_read__external_entity_in_another_encoding_reads_nothing() -> None:
    part = '<?xml version="1.0" encoding="cp037"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x>&e;</x>'
    data = repacked(workbook_bytes(form_sheet), {}, {"xl/worksheets/sheet1.xml": part.encode("cp037")})
    with pytest.raises(UnreadableDocument, match="broken XML"):
        xlsx.read("a.xlsx", data)


def shared_text_bytes(number: int) -> bytes:
    """A workbook as Excel writes it: the text of A1 stands in a part of its own, in runs, with a reading aid."""
    strings = (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>x</t></si>'
        "<si><r><t>收入</t></r><r><t>预算</t></r><rPh><t>shou</t></rPh></si></sst>"
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    relation = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
    cell = f'<sheetData><row><c t="s"><v>{number}</v></c><c/><c><v>2</v></c></row></sheetData>'
    patches = {
        "xl/_rels/workbook.xml.rels": ("</Relationships>", relation),
        "xl/worksheets/sheet1.xml": ("<sheetData></sheetData>", cell),
    }
    return repacked(workbook_bytes(lambda _: None), patches, {"xl/sharedStrings.xml": strings.encode()})


def test_xlsx_read__shared_text_and_cells_without_a_reference() -> None:
    assert only_texts(xlsx.read("a.xlsx", shared_text_bytes(1))) == {"Sheet!A1": "收入预算", "Sheet!C1": "2"}


def test_xlsx_read__shared_text_that_is_not_there_names_its_cell() -> None:
    with pytest.raises(UnreadableDocument, match=r"Sheet!A1: shared text number 99 found"):
        xlsx.read("a.xlsx", shared_text_bytes(99))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/styles.xml"]
)
def test_xlsx_read__broken_part_names_itself(part: str) -> None:
    members = dict(unzipped(shared_text_bytes(0)))
    members[part] = members[part][:-10]
    with pytest.raises(UnreadableDocument, match=rf"a\.xlsx: broken XML found in {part}"):
        xlsx.read("a.xlsx", zipped(members))


def test_xlsx_read__cell_reference_without_end_is_unreadable() -> None:
    cell = f'<sheetData><row><c r="{"A" * 100_000}1"><v>1</v></c></row></sheetData>'
    data = workbook_bytes(lambda _: None, {"xl/worksheets/sheet1.xml": ("<sheetData></sheetData>", cell)})
    with pytest.raises(UnreadableDocument, match=r"a\.xlsx: Sheet: cell 'A+'\.\.\. found"):
        xlsx.read("a.xlsx", data)


def test_xlsx_read__sheet_that_unpacks_to_gigabytes_is_stopped() -> None:
    members = dict(unzipped(workbook_bytes(form_sheet)))
    members["xl/worksheets/sheet1.xml"] = b"<worksheet>" + b" " * 40_000_000
    with pytest.raises(LimitExceeded, match="ZIP bomb"):
        xlsx.read("a.xlsx", zipped(members))


def test_xlsx_read__empty_workbook_says_so() -> None:
    with pytest.raises(EmptyDocument, match="no text and no table"):
        xlsx.read("a.xlsx", workbook_bytes(lambda _: None))


def test_xlsx_read__password_says_so() -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    for reader in (xlsx, docx, xls, doc):
        with pytest.raises(EncryptedDocument, match="without the password"):
            reader.read("a", data)


def legacy_bytes(edit: Callable[[xlwt.Workbook], None]) -> bytes:
    workbook = xlwt.Workbook()
    edit(workbook)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def test_xls_read__form_with_formats_merged_and_hidden() -> None:
    def edit(workbook: xlwt.Workbook) -> None:
        sheet = workbook.add_sheet("收入")
        sheet.write_merge(0, 0, 0, 3, TITLE)
        sheet.write(1, 0, "编制部门：甲局")
        sheet.write(1, 3, "单位：元")
        for row, texts in enumerate(FORM, 2):
            for column, text in enumerate(texts):
                if text and "," in text:
                    sheet.write(row, column, 3508644.0, xlwt.easyxf(num_format_str="#,##0.00"))
                elif text:
                    sheet.write(row, column, text)
        sheet.write(5, 0, NOTE)
        sheet.write(6, 1, "隐")
        sheet.row(6).hidden = True
        workbook.add_sheet("往年").write(0, 0, "旧表")
        workbook.get_sheet(1).visibility = 1

    document = xls.read("a.xls", legacy_bytes(edit))
    assert shape(document.blocks) == FORM_SHAPE
    assert only_texts(document)["收入!C4"] == "3,508,644.00"
    assert dict(document.notes) == {"hidden_sheets": "往年", "hidden_rows": "收入!7"}


@pytest.mark.parametrize("cut", [200, 600, 1500, 3000])
def test_xls_read__truncated_file_is_unreadable(cut: int) -> None:
    data = legacy_bytes(lambda workbook: workbook.add_sheet("a").write(0, 0, "b"))
    with pytest.raises(UnreadableDocument, match="no readable workbook found"):
        xls.read("a.xls", data[:cut])


def test_doc_read__says_how_to_go_on() -> None:
    with pytest.raises(UnsupportedFormat, match=r"a\.doc: a Word 97-2003 document \(\.doc\) found.*save it as \.docx"):
        doc.read("a.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")


# Word


def word_bytes(edit: Callable[[python_docx.document.Document], None], *patches: tuple[str, str]) -> bytes:
    document = python_docx.Document()
    edit(document)
    stream = io.BytesIO()
    document.save(stream)
    data = stream.getvalue()
    for patch in patches:
        data = repacked(data, {"word/document.xml": patch})
    return data


def word_form(document: python_docx.document.Document) -> None:
    document.add_paragraph(TITLE)
    document.add_paragraph(UNIT)
    table = document.add_table(len(FORM), len(FORM[0]))
    for row, texts in enumerate(FORM):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text or ""
    document.add_paragraph(NOTE)


def test_docx_read__form_between_its_paragraphs() -> None:
    document = docx.read("a.docx", word_bytes(word_form))
    assert shape(document.blocks) == FORM_SHAPE
    assert document.media_type is MediaType.DOCX
    assert document.grids()[0].source is GridSource.MARKUP
    assert only_texts(document)["table 1!C2"] == "3,508,644.00"


def test_docx_read__title_and_note_in_the_table_itself() -> None:
    def edit(document: python_docx.document.Document) -> None:
        table = document.add_table(6, 4)
        texts = [[TITLE], ["编制部门：甲局", None, None, "单位：元"], *FORM, [NOTE]]
        for row, row_texts in enumerate(texts):
            for column, text in enumerate(row_texts):
                table.cell(row, column).text = text or ""
        for row in (0, 5):
            table.cell(row, 0).merge(table.cell(row, 3))

    assert shape(docx.read("a.docx", word_bytes(edit)).blocks) == FORM_SHAPE


def test_docx_read__merged_cells_become_spans() -> None:
    def edit(document: python_docx.document.Document) -> None:
        table = document.add_table(3, 3)
        for row, texts in enumerate([["项目", "支出", ""], ["", "基本", "其他"], ["a", "1", "2"]]):
            for column, text in enumerate(texts):
                table.cell(row, column).text = text
        table.cell(0, 0).merge(table.cell(1, 0))
        table.cell(0, 1).merge(table.cell(0, 2))

    (grid,) = docx.read("a.docx", word_bytes(edit)).grids()
    assert [(cell.text, cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells] == [
        *(("项目", 0, 0, 2, 1), ("支出", 0, 1, 1, 2), ("基本", 1, 1, 1, 1), ("其他", 1, 2, 1, 1)),
        *(("a", 2, 0, 1, 1), ("1", 2, 1, 1, 1), ("2", 2, 2, 1, 1)),
    ]


def test_docx_read__without_a_table_gives_paragraphs() -> None:
    data = word_bytes(lambda document: document.add_paragraph("第一句。\n第二句。"))
    assert shape(docx.read("a.docx", data).blocks) == ["第一句。", "第二句。"]


@pytest.mark.parametrize(
    ("markup", "expected", "noted"),
    [
        ("<w:sdt><w:sdtContent><w:p><w:r><w:t>控件</w:t></w:r></w:p></w:sdtContent></w:sdt>", ["控件"], {}),
        (
            "<w:p><w:del><w:r><w:delText>12</w:delText></w:r></w:del><w:ins><w:r><w:t>34</w:t></w:r></w:ins></w:p>",
            ["34"],
            {"tracked_changes": "deleted: '12'; inserted: '34'"},
        ),
        (
            "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>隐</w:t></w:r><w:r><w:t>显</w:t></w:r></w:p>",
            ["显"],
            {"hidden_text": "'隐'"},
        ),
        (
            "<w:p><w:r><w:t>外</w:t></w:r><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>框</w:t></w:r></w:p>"
            "</w:txbxContent></w:pict></w:r></w:p>",
            ["外", "框"],
            {},
        ),
    ],
)
def test_docx_read__what_the_usual_library_passes_over(markup: str, expected: list[str], noted: dict[str, str]) -> None:
    data = word_bytes(
        lambda document: document.add_paragraph("此处"), ("<w:p><w:r><w:t>此处</w:t></w:r></w:p>", markup)
    )
    document = docx.read("a.docx", data)
    assert shape(document.blocks) == expected
    assert dict(document.notes) == noted


def test_docx_read__table_that_lays_out_the_page_gives_its_inner_tables() -> None:
    def edit(document: python_docx.document.Document) -> None:
        outer = document.add_table(1, 1)
        outer.cell(0, 0).text = TITLE
        inner = outer.cell(0, 0).add_table(2, 2)
        for at, text in enumerate(["项目", "合计", "a", "1"]):
            inner.cell(at // 2, at % 2).text = text

    assert shape(docx.read("a.docx", word_bytes(edit)).blocks) == [TITLE, [["项目", "合计"], ["a", "1"]]]


def test_docx_read__nested_without_end_is_stopped() -> None:
    deep = "<w:sdt><w:sdtContent>" * 5000 + "</w:sdtContent></w:sdt>" * 5000
    with pytest.raises(LimitExceeded, match="nested deeper"):
        docx.read("a.docx", word_bytes(lambda _: None, ("<w:body>", f"<w:body>{deep}")))


# HTML


def html_form(head: str = "") -> str:
    cells = "".join("<tr>" + "".join(f"<td>{text or '&nbsp;'}</td>" for text in row) + "</tr>" for row in FORM)
    return (
        f"<html><head>{head}</head><body><p>{TITLE}</p><div>{UNIT}</div><table>{cells}</table><p>{NOTE}</body></html>"
    )


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("gb2312", "utf-8"),
        ("utf-8", "gb18030"),
        ("gbk", "gb18030"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
    ],
)
def test_html_read__encoding_follows_from_the_bytes(declared: str, encoding: str) -> None:
    data = html_form(f'<meta charset="{declared}">').encode(encoding)
    document = html.read("a.html", data)
    assert shape(document.blocks) == [TITLE, UNIT.replace("  ", " "), *FORM_SHAPE[2:]]
    assert document.media_type is MediaType.HTML


def test_html_read__broken_bytes_name_their_place() -> None:
    data = html_form().encode("gb18030")
    at = data.index("合计".encode("gb18030"))
    with pytest.raises(UnreadableDocument, match=f"byte {at}"):
        html.read("a.html", data[:at] + b"\xff" + data[at:])


def test_html_read__spans_and_title_row_inside_the_table() -> None:
    markup = """<table><tr><td colspan=3><b>甲预算</b>总表</td></tr><tr><th rowspan=2>项目<th colspan=2>支出
        <tr><th>基本<th>其<br>他<tbody><tr><td>a<td align=right>1,000.00<td><span>2</span></table>"""
    title, grid = html.read("a.html", markup.encode()).blocks
    assert title == Paragraph("甲预算总表")
    assert isinstance(grid, Grid)
    assert [(cell.text, cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells] == [
        *(("项目", 0, 0, 2, 1), ("支出", 0, 1, 1, 2), ("基本", 1, 1, 1, 1), ("其\n他", 1, 2, 1, 1)),
        *(("a", 2, 0, 1, 1), ("1,000.00", 2, 1, 1, 1), ("2", 2, 2, 1, 1)),
    ]
    assert grid.cells[4].cell_ref == "table 1!A4"


def test_html_read__hidden_and_layout() -> None:
    markup = """<title>甲局</title><script>var x=1</script><p style="display:none">隐</p>
        <p>一&nbsp;二<span>三</span><br>四</p>
        <table><tr><td>外<table><tr><td>项目<td>合计<tr><td>a<td>1</table></td></tr></table>"""
    document = html.read("a.html", markup.encode())
    assert shape(document.blocks) == ["一 二三", "四", "外", [["项目", "合计"], ["a", "1"]]]
    assert dict(document.notes) == {"title": "甲局", "hidden_text": "'隐'"}


@pytest.mark.parametrize(
    "markup",
    [
        pytest.param("<p>a</p>" * 13_000_000, id="100 MB"),
        pytest.param("<i>" * 1_100_000, id="a million tags"),
        pytest.param("<div>" * 5000 + "x", id="deep"),
        pytest.param("<table>" + "<tr>" + "<td rowspan=9999 colspan=1000>1" * 50, id="spans"),
        pytest.param("<table>" + "<tr><td rowspan=9999 colspan=900>1" * 20_000, id="many spans"),
    ],
)
def test_html_read__hostile_page_is_stopped_in_time(markup: str) -> None:
    start = time.process_time()
    with pytest.raises(LimitExceeded):
        html.read("a.html", markup.encode())
    assert time.process_time() - start < 3


def test_html_read__nothing_visible_is_empty() -> None:
    for markup in ("", "<html></html>", "<!-- -->", "<p hidden>a"):
        with pytest.raises(EmptyDocument):
            html.read("a.html", markup.encode())


# Markdown


def test_markdown_read__pipe_table_between_lines() -> None:
    table = [" | ".join(text or "" for text in row) for row in FORM]
    lines = [
        f"# {TITLE}",
        "",
        UNIT,
        "",
        f"| {table[0]} |",
        "|---|:--|--:|---|",
        *(f"| {row} |" for row in table[1:]),
        "",
        NOTE,
    ]
    document = markdown.read("a.md", "\n".join(lines).encode())
    assert shape(document.blocks) == FORM_SHAPE
    assert document.media_type is MediaType.MARKDOWN
    assert only_texts(document)["table 1!C2"] == "3,508,644.00"


def test_markdown_read__html_table_breaks_bars_and_numbered_names() -> None:
    text = "1. 一般公共预算\n\n---\n\n**重**\\*\n\n名|数\n-|-\na\\|b<br>c|1\n\n"
    text += "<table><tr><td>x<td>1<tr><td>y<td>2</table>\n末"
    document = markdown.read("a.md", text.encode())
    assert shape(document.blocks) == [
        *("1. 一般公共预算", "重*", [["名", "数"], ["a|b\nc", "1"]], [["x", "1"], ["y", "2"]], "末")
    ]
    assert "table 2!B2" in only_texts(document)


def test_markdown_read__header_reaches_over_the_blank_cells_beside_it() -> None:
    text = "|项目| |收入预算| |\n|-|-|-|-|\n|编码|名称|合计|其他收入|\n|205|教育支出| |1|"
    (grid,) = markdown.read("a.md", text.encode()).grids()
    assert [(cell.text, cell.column, cell.column_span) for cell in grid.cells[:2]] == [
        ("项目", 0, 2),
        ("收入预算", 2, 2),
    ]
    assert {cell.column_span for cell in grid.cells[2:]} == {1}


@pytest.mark.parametrize("rows", [["a|" * 50_000, *["a|b"] * 50_000], ["a|b", *["a|b"] * 50_000, "a|" * 50_000]])
def test_markdown_read__one_row_as_wide_as_a_book_is_stopped_in_time(rows: list[str]) -> None:
    start = time.perf_counter()
    with pytest.raises(LimitExceeded, match="1000 columns"):
        markdown.read("a.md", "\n".join([rows[0], "-|-", *rows[1:]]).encode())
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("unit", ["<table>", "# ", " | ", "|-", "**a", "<table", "- ", "</table>", "\\", "<br "])
def test_markdown_read__hostile_text_takes_bounded_time(unit: str) -> None:
    start = time.process_time()
    with contextlib.suppress(LimitExceeded):
        markdown.read("a.md", (unit * (1_000_000 // len(unit)) + "x").encode())
    assert time.process_time() - start < 2


# ZIP


def read_text(name: str, data: bytes) -> Document:
    if name.endswith(".jpg"):
        raise UnsupportedFormat("a picture", where=name)
    if name.endswith(".xlsx"):
        return xlsx.read(name, data)
    return Document("id", name, MediaType.TEXT, len(data), 2, (Paragraph(data.decode(), 1),), {})


def test_archive_members__by_name_without_furniture_and_inner_archives_opened() -> None:
    inner = zipped({"c.txt": b"c"})
    data = zipped({"附件10.txt": b"10", "附件2.txt": b"2", "__MACOSX/a": b"", "~$a.docx": b"", "z.zip": inner})
    assert archive.members(data) == [("z.zip/c.txt", b"c"), ("附件2.txt", b"2"), ("附件10.txt", b"10")]


def test_archive_members__office_files_stay_whole() -> None:
    workbook = workbook_bytes(form_sheet)
    assert archive.members(zipped({"a.xlsx": workbook})) == [("a.xlsx", workbook)]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_archive_members__chinese_names_without_the_flag(encoding: str) -> None:
    raw = "预算表.txt".encode(encoding)
    data = zipped({"x" * len(raw): b"1"}).replace(b"x" * len(raw), raw)
    assert archive.members(data) == [("预算表.txt", b"1")]


@pytest.mark.parametrize("name", ["../a.txt", "a/../../b", "/etc/a", "C:\\a", "..\\a"])
def test_archive_members__name_that_leaves_the_archive(name: str) -> None:
    with pytest.raises(UnreadableDocument, match="expected one inside the archive"):
        archive.members(zipped({name: b"1"}))


@pytest.mark.parametrize(
    ("data", "limits", "message"),
    [
        (zipped({"a": b"0" * 50_000_000}), archive.ArchiveLimits(), "ZIP bomb"),
        (zipped({"a": b"12345"}), archive.ArchiveLimits(max_member_bytes=4), "more than 4 bytes in a member"),
        (zipped({"a.zip": zipped({"b": b"123"}), "c": b"4"}), archive.ArchiveLimits(max_total_bytes=103), "103 in all"),
        (zipped({str(n): b"" for n in range(4)}), archive.ArchiveLimits(max_members=3), "4 members found, at most 3"),
        (zipped({"a.zip": zipped({"b.zip": zipped({"c": b""})})}), archive.ArchiveLimits(), "nested too deep"),
    ],
)
def test_archive_members__limits(data: bytes, limits: archive.ArchiveLimits, message: str) -> None:
    with pytest.raises(LimitExceeded, match=message):
        archive.members(data, limits)


def test_archive_members__encrypted_member_names_itself() -> None:
    data = bytearray(zipped({"a.txt": b"1"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(EncryptedDocument, match=r"b\.zip/a\.txt: the member is encrypted"):
        archive.members(bytes(data), where="b.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archive_members__other_compression_is_refused(method: int) -> None:
    with pytest.raises(UnreadableDocument, match="compression method"):
        archive.members(zipped({"a": b"1" * 100}, method))


def test_archive_members__damaged_data() -> None:
    data = zipped({"a": bytes(range(256))}, zipfile.ZIP_STORED)
    for broken in (data.replace(b"\x10\x11", b"\x10\x10"), data[:-30], b"PK\x03\x04", gzip.compress(b"a")):
        with pytest.raises(UnreadableDocument):
            archive.members(broken)


def test_archive_read__parts_of_one_budget_become_one_document() -> None:
    data = zipped({"2.txt": b"two", "1.xlsx": workbook_bytes(form_sheet), "3.txt": b"three", "章.jpg": b""})
    document = archive.read("a.zip", data, read_text)
    assert document.media_type is MediaType.ZIP
    assert [block for block in document.blocks if isinstance(block, Paragraph)][-2:] == [
        Paragraph("two", 1),
        Paragraph("three", 3),
    ]
    assert "[1.xlsx]Sheet!C4" in only_texts(document)
    assert document.n_pages == 4
    assert dict(document.notes) == {
        "parts": "1.xlsx; 2.txt (pages 1-2); 3.txt (pages 3-4)",
        "parts_not_read": "章.jpg: a picture",
    }


def test_archive_read__without_a_part_to_read_gives_the_reasons() -> None:
    with pytest.raises(UnsupportedFormat, match=r"章\.jpg: a picture"):
        archive.read("a.zip", zipped({"章.jpg": b""}), read_text)


# any bytes


def test_cell_name__counts_as_spreadsheets_do() -> None:
    assert [cell_name(4, column) for column in (2, 25, 26, 701, 702)] == ["C5", "Z5", "AA5", "ZZ5", "AAA5"]


@given(place=st.integers(0, 10_000), garbage=st.binary(min_size=1, max_size=8))
def test_read__damaged_office_file_raises_only_what_is_declared(place: int, garbage: bytes) -> None:
    for reader, data in DAMAGED:
        at = place % len(data)
        broken = data[:at] + garbage + data[at + len(garbage) :]
        try:
            document = reader("a", broken)
        except CnbudgetError as error:
            assert error.where.startswith("a")
        else:
            assert document.blocks


DAMAGED: list[tuple[Callable[[str, bytes], Document], bytes]] = [
    (xlsx.read, zipped(dict(unzipped(workbook_bytes(form_sheet))), zipfile.ZIP_STORED)),
    (docx.read, zipped(dict(unzipped(word_bytes(word_form))), zipfile.ZIP_STORED)),
    (xls.read, legacy_bytes(lambda workbook: workbook.add_sheet("a").write(0, 0, "b"))),
    (html.read, html_form().encode()),
]
