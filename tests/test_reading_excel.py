"""Excel, new and old, and old Word: what is in the file and what must come out stand side by side."""

from __future__ import annotations

import openpyxl
import pytest
import xlwt

from cnbudget.errors import (
    EmptyDocument,
    EncryptedDocument,
    LimitExceeded,
    UnreadableDocument,
    UnsupportedFormat,
)
from cnbudget.model import GridSource, MediaType
from cnbudget.reading import doc, docx, xls, xlsx
from tests.office_files import (
    ACCOUNTING,
    FORM,
    FORM_SHAPE,
    NOTE,
    TITLE,
    form_sheet,
    legacy_bytes,
    only_texts,
    repacked,
    rows,
    shape,
    unzipped,
    workbook_bytes,
    zipped,
)


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


def test_xlsx_read__nine_forms_with_thousands_of_blank_cells() -> None:
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
    document = xlsx.read("a.xlsx", data)
    assert [(grid.n_rows, grid.n_columns) for grid in document.grids()] == [(41, 8)] * 9


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
