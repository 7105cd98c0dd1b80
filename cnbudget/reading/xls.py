"""Excel 97 to 2003 workbooks (.xls) through xlrd: the only file that knows it."""

from __future__ import annotations

import io
from typing import Any

from cnbudget.errors import CnbudgetError, EncryptedDocument, UnreadableDocument, UnsupportedFormat
from cnbudget.model import Block, Document, MediaType
from cnbudget.reading.blocks import MAX_CELLS, Notes, build_document, too_large
from cnbudget.reading.number_format import GENERAL
from cnbudget.reading.ooxml import refuse_encrypted
from cnbudget.reading.worksheets import Worksheet, worksheet_to_blocks

MAX_BYTES = 32 * 1024 * 1024
_MACROS = "_VBA_PROJECT".encode("utf-16-le")
_EMPTY, _TEXT, _BOOLEAN, _ERROR, _BLANK = 0, 1, 4, 5, 6
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}


def read(file_name: str, data: bytes) -> Document:
    """Reads an .xls file; formulas give their cached values. Raises UnreadableDocument and its kinds, or LimitExceeded.

    `notes` as for .xlsx.
    """
    try:
        import xlrd
    except ImportError as error:
        raise UnsupportedFormat(".xls needs xlrd; install cnbudget[office]", where=file_name) from error
    refuse_encrypted(file_name, data)
    if _MACROS in data:
        raise UnsupportedFormat("macros found, expected a workbook without; save it as .xlsx", where=file_name)
    if len(data) > MAX_BYTES:
        raise too_large(file_name)
    try:
        book = xlrd.open_workbook(file_contents=data, formatting_info=True, on_demand=True, logfile=io.StringIO())
        notes = Notes()
        blocks: list[Block] = []
        for number, name in enumerate(book.sheet_names()):
            if book._sheet_visibility[number]:
                notes.add("hidden_sheets", name)
            else:
                blocks.extend(worksheet_to_blocks(_worksheet(file_name, book, number, notes)))
    except CnbudgetError:
        raise
    except Exception as error:  # records of a broken file lead xlrd astray in more ways than it names
        if "encrypted" in str(error).lower():
            raise EncryptedDocument(
                "a workbook with a password found, expected an open one; save it without", where=file_name
            ) from error
        raise UnreadableDocument(
            f"no readable workbook found ({type(error).__name__}: {error}), expected .xls; save it as .xlsx",
            where=file_name,
        ) from error
    return build_document(file_name, data, MediaType.XLS, blocks, notes)


def _worksheet(file_name: str, book: Any, number: int, notes: Notes) -> Worksheet:
    source = book.sheet_by_index(number)
    sheet = Worksheet(source.name, notes, bool(book.datemode), bool(source.show_zero_values))
    sheet.merged = [(top, left, bottom - 1, right - 1) for top, bottom, left, right in source.merged_cells]
    sheet.hidden_rows = {row for row, info in source.rowinfo_map.items() if info.hidden or info.height == 0}
    sheet.hidden_columns = {column for column, info in source.colinfo_map.items() if info.hidden or info.width == 0}
    n_cells = 0
    for row in range(source.nrows):
        for column, cell in enumerate(source.row(row)):
            if cell.ctype not in (_EMPTY, _BLANK):
                n_cells += 1
                _read_cell(book, sheet, row, column, cell)
        if n_cells > MAX_CELLS:
            raise too_large(f"{file_name}: {source.name}")
    return sheet


def _read_cell(book: Any, sheet: Worksheet, row: int, column: int, cell: Any) -> None:
    if cell.ctype == _TEXT:
        sheet.put(row, column, str(cell.value))
    elif cell.ctype == _BOOLEAN:
        sheet.put(row, column, "TRUE" if cell.value else "FALSE")
    elif cell.ctype == _ERROR:
        sheet.put(row, column, _ERRORS.get(cell.value, "#ERROR"))
    else:
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str or GENERAL
        sheet.put_number(row, column, repr(cell.value), code)
