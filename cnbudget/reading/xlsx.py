"""Excel workbooks (.xlsx): what each visible sheet shows, cell by cell.

Read from the markup itself. A cell's formula, its cached value, its number format and the visibility of its row are all
needed at once. The usual library loads a workbook twice for that and takes twelve times as long where blank cells come
by the thousand; the fast ones drop formats.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from cnbudget.errors import UnreadableDocument, UnsupportedFormat
from cnbudget.model import Block, Document, MediaType
from cnbudget.reading.blocks import MAX_CELLS, Notes, build_document, too_large
from cnbudget.reading.number_format import BUILT_IN, GENERAL
from cnbudget.reading.ooxml import RELATIONSHIP_ID, Package
from cnbudget.reading.worksheets import Area, Worksheet, worksheet_to_blocks

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_CELL, _VALUE, _FORMULA, _INLINE = f"{_S}c", f"{_S}v", f"{_S}f", f"{_S}is"
_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_BLANK_CELL = re.compile(rb'<c r="[A-Z]{1,3}\d{1,7}"[^<>]*(?:/>|></c>)')
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_LAST_COLUMN = 16_383
_LONGEST_REFERENCE = len("XFD1048576")


@dataclass(frozen=True, slots=True)
class _Book:
    """What the sheets of a workbook share."""

    package: Package
    strings: Sequence[str]
    formats: Sequence[str]
    starts_1904: bool
    notes: Notes


def read(file_name: str, data: bytes) -> Document:
    """Reads an .xlsx file. Raises UnreadableDocument and its kinds, or LimitExceeded.

    `notes`: hidden_sheets, hidden_rows, hidden_columns, hidden_under_merge, hidden_by_format, formulas_without_value,
    formats_not_rendered, sheets_not_read, drawings_not_read.
    """
    package = Package(file_name, data)
    if package.has("xl/workbook.bin"):
        raise UnsupportedFormat("a binary workbook (.xlsb) found, expected .xlsx; save it as .xlsx", where=file_name)
    part = package.main_part("xl/workbook.xml")
    workbook = package.xml(part)
    related = package.related(part)
    names = dict(related.values())
    properties = workbook.find(f"{_S}workbookPr")
    notes = Notes()
    book = _Book(
        package,
        list(_strings(package, names.get("sharedStrings"))),
        _formats(package, names.get("styles")),
        properties is not None and properties.get("date1904") in ("1", "true"),
        notes,
    )
    blocks: list[Block] = []
    for sheet in workbook.iterfind(f"{_S}sheets/{_S}sheet"):
        name = sheet.get("name", "")
        kind, target = related.get(sheet.get(RELATIONSHIP_ID, ""), ("", ""))
        if sheet.get("state", "visible") != "visible":
            notes.add("hidden_sheets", name)
        elif kind != "worksheet":
            notes.add("sheets_not_read", f"{name} ({kind or 'missing'})")
        else:
            blocks.extend(worksheet_to_blocks(_worksheet(book, name, target)))
    return build_document(file_name, data, MediaType.XLSX, blocks, notes)


def _strings(package: Package, part: str | None) -> Iterator[str]:
    if part is None or not package.has(part):
        return
    for element in package.elements(part):
        if element.tag == f"{_S}si":
            yield _rich_text(element)
            element.clear()


def _rich_text(element: Element) -> str:
    """The runs of a string joined, without the reading aids (`rPh`) that Eastern workbooks may hold."""
    pieces = [element.findtext(f"{_S}t") or "", *(run.findtext(f"{_S}t") or "" for run in element.iterfind(f"{_S}r"))]
    return _unescape("".join(pieces))


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _formats(package: Package, part: str | None) -> list[str]:
    """The number format of each cell style, by the style's number."""
    if part is None or not package.has(part):
        return []
    styles = package.xml(part)
    own = {each.get("numFmtId", ""): each.get("formatCode", "") for each in styles.iterfind(f"{_S}numFmts/{_S}numFmt")}
    built_in = {str(number): code for number, code in BUILT_IN.items()}
    ids = [style.get("numFmtId", "0") for style in styles.iterfind(f"{_S}cellXfs/{_S}xf")]
    return [own.get(number) or built_in.get(number) or f"[built-in {number}]" for number in ids]


def _worksheet(book: _Book, name: str, part: str) -> Worksheet:
    sheet = Worksheet(name, book.notes, book.starts_1904)
    row_number = -1
    n_cells = 0
    for element in book.package.elements(part, without=_BLANK_CELL):
        if element.tag == _CELL:
            continue
        kind = element.tag.removeprefix(_S)
        if kind == "row":
            row_number = _whole(element.get("r"), row_number + 2) - 1
            n_cells += _read_row(book, sheet, row_number, element)
            if n_cells > MAX_CELLS:
                raise too_large(f"{book.package.file_name}: {name}")
            element.clear()
        elif kind == "sheetView":
            sheet.shows_zeros = element.get("showZeros") not in ("0", "false")
        elif kind == "col" and _is_hidden(element, "width"):
            first, last = _whole(element.get("min"), 1), _whole(element.get("max"), 1)
            sheet.hidden_columns.update(range(first - 1, min(last, _LAST_COLUMN + 1)))
        elif kind == "mergeCell":
            sheet.merged.append(_area(book, name, element.get("ref", "")))
        elif kind == "drawing":
            book.notes.add("drawings_not_read", name)
    return sheet


def _read_row(book: _Book, sheet: Worksheet, row: int, element: Element) -> int:
    """Puts the row's filled cells onto the sheet; how many there were."""
    if _is_hidden(element, "ht"):
        sheet.hidden_rows.add(row)
    n_cells = 0
    reference, n_after = "", -1
    for cell in element:
        own_reference = cell.get("r")
        if own_reference:
            _check_reference(book, sheet, own_reference)
            reference, n_after = own_reference, 0
        else:
            n_after += 1
        if len(cell):
            _read_cell(book, sheet, row, _column(reference) + n_after, cell)
            n_cells += 1
    return n_cells


def _check_reference(book: _Book, sheet: Worksheet, reference: str) -> None:
    if len(reference) > _LONGEST_REFERENCE:
        raise UnreadableDocument(
            f"cell {reference[:20]!r}... found, expected one such as C5; save the workbook again in Excel",
            where=f"{book.package.file_name}: {sheet.name}",
        )


def _read_cell(book: _Book, sheet: Worksheet, row: int, column: int, cell: Element) -> None:
    kind = cell.get("t", "n")
    value = cell.findtext(_VALUE) or ""
    inline = cell.find(_INLINE)
    formula = cell.find(_FORMULA)
    if inline is not None:
        sheet.put(row, column, _rich_text(inline))
    elif not value:
        # A formula whose value is an empty text says so by its type; one of no type was never calculated.
        if formula is not None and kind != "str":
            sheet.put_formula(row, column, formula.text or "(shared formula)")
    elif kind == "s":
        sheet.put(row, column, _shared(book, value, sheet.reference(row, column)))
    elif kind == "n":
        style = _whole(cell.get("s"), 0)
        sheet.put_number(row, column, value, book.formats[style] if style < len(book.formats) else GENERAL)
    elif kind == "b":
        sheet.put(row, column, "TRUE" if value == "1" else "FALSE")
    else:
        sheet.put(row, column, _unescape(value))


def _shared(book: _Book, value: str, place: str) -> str:
    number = _whole(value, -1)
    if not 0 <= number < len(book.strings):
        raise UnreadableDocument(
            f"shared text number {value} found, expected one of {len(book.strings)}; save the workbook again in Excel",
            where=f"{book.package.file_name}: {place}",
        )
    return book.strings[number]


def _is_hidden(element: Element, size: str) -> bool:
    """Hidden outright, or made invisible by a height or width of nothing."""
    extent = element.get(size)
    return element.get("hidden") in ("1", "true") or (
        extent is not None and re.fullmatch(r"0(?:\.0*)?", extent) is not None
    )


def _column(reference: str) -> int:
    number = 0
    for letter in reference.rstrip("0123456789").upper():
        number = number * 26 + ord(letter) - 64
    return max(number - 1, 0)


def _area(book: _Book, sheet_name: str, reference: str) -> Area:
    first, _, last = reference.partition(":")
    corners = [_REFERENCE.fullmatch(corner) for corner in (first, last or first)]
    if corners[0] is None or corners[1] is None:
        raise UnreadableDocument(
            f"merged area {reference!r} found, expected one such as A1:C2; save the workbook again in Excel",
            where=f"{book.package.file_name}: {sheet_name}",
        )
    (top, left), (bottom, right) = ((int(corner[2]) - 1, _column(corner[1])) for corner in corners if corner)
    return top, left, bottom, right


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 10 else default
