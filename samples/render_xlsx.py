"""Printed content -> a workbook: one sheet a section, as the districts' templates have it, or all on one sheet."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import openpyxl
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter

from samples.content import TITLE_ROWS, Content, HeadCell, PrintedForm, Section, table_cells
from samples.office import undated

_NUMBER = re.compile(r"-?[\d,]+(?:\.(\d+))?")
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]|20\d\d年(?:预算单位|部门|单位)?")
_LONGEST_NAME = 31


class Numbers(StrEnum):
    """How an amount stands in its cell."""

    TEXT = "text"
    FORMATTED = "formatted"
    """A number, shown by its format as it is printed."""
    PLAIN = "plain"
    """A number in the format General: without separators, without zeros at its end."""


@dataclass(frozen=True, slots=True)
class WorkbookLayout:
    """How a workbook is laid out: a sheet for each section (封面, 目录, 财务收支预算总表 ...) or one sheet for all."""

    is_one_sheet: bool = False
    numbers: Numbers = Numbers.FORMATTED


DEFAULT_LAYOUT = WorkbookLayout()


def render_xlsx(content: Content, layout: WorkbookLayout = DEFAULT_LAYOUT) -> bytes:
    """The document as .xlsx; the same content and layout give the same bytes."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    writer = _Writer(book, layout)
    writer.lines("封面", content.cover)
    if content.contents:
        writer.lines("目录", ["目  录", *content.contents])
    for part in content.parts:
        if isinstance(part, Section):
            writer.lines(part.title, [part.title, *part.paragraphs])
        else:
            writer.form(part)
    stream = io.BytesIO()
    book.save(stream)
    return undated(stream.getvalue())


class _Writer:
    """Fills the sheets; `row` is the next free one of the sheet at hand, from 0."""

    def __init__(self, book: Any, layout: WorkbookLayout) -> None:
        self.book = book
        self.layout = layout
        self.sheet: Any = None
        self.row = 0

    def lines(self, name: str, lines: Sequence[str]) -> None:
        self.begin(name)
        for line in lines:
            self.put(HeadCell(line, 0, 0))
            self.row += 1

    def form(self, form: PrintedForm) -> None:
        self.begin(form.title)
        body_start = TITLE_ROWS + form.n_head_rows
        for cell in table_cells(form, has_title=True):
            self.put(cell, is_amount=cell.row >= body_start and form.aligns[cell.column] == "r")
        self.row += body_start + len(form.rows)
        for note in form.notes:
            self.put(HeadCell(note, 0, 0, 1, form.n_columns))
            self.row += 1
        if not self.layout.is_one_sheet:
            for column, width in enumerate(form.widths, start=1):
                self.sheet.column_dimensions[get_column_letter(column)].width = 7 * width

    def begin(self, name: str) -> None:
        """A sheet of this name or, where one sheet holds all, a blank row after what is there."""
        if self.sheet is not None and self.layout.is_one_sheet:
            self.row += 1
            return
        self.sheet = self.book.create_sheet("预算公开" if self.layout.is_one_sheet else self.sheet_name(name))
        self.row = 0

    def sheet_name(self, title: str) -> str:
        """The last words of a title, without the year; numbered where there is one of that name already."""
        name = _NO_SHEET_NAME.sub("", title)[-_LONGEST_NAME:]
        return f"{name[-_LONGEST_NAME + 3 :]}{len(self.book.sheetnames)}" if name in self.book.sheetnames else name

    def put(self, cell: HeadCell, *, is_amount: bool = False) -> None:
        top, left = self.row + cell.row + 1, cell.column + 1
        place = self.sheet.cell(top, left, cell.text)
        number = _NUMBER.fullmatch(cell.text)
        if is_amount and number and self.layout.numbers is not Numbers.TEXT:
            place.value = float(cell.text.replace(",", ""))
            if self.layout.numbers is Numbers.FORMATTED:
                place.number_format = "#,##0" + ("." + "0" * len(number[1]) if number[1] else "")
        if cell.row_span * cell.column_span > 1:
            self.sheet.merge_cells(
                start_row=top,
                start_column=left,
                end_row=top + cell.row_span - 1,
                end_column=left + cell.column_span - 1,
            )
            place.alignment = Alignment("center", "center", wrap_text=True)
