"""One worksheet's printed cells to blocks: what the readers of .xlsx and .xls share.

What a sheet hides (rows, columns, cells under a merged one) is not printed and so not read; the notes name it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from cnbudget.model import Block, Cell, Grid, GridSource, Paragraph
from cnbudget.reading.blocks import Notes, cell_name, cells_to_blocks, column_name, is_title
from cnbudget.reading.number_format import GENERAL, UnknownFormat, number_to_text, stored_to_decimal

Area = tuple[int, int, int, int]
"""First row, first column, last row, last column; all counted from 0, all inside."""


@dataclass(slots=True)
class Worksheet:
    """A sheet as it is being read: printed texts by row and column, merged areas, hidden rows and columns."""

    name: str
    notes: Notes
    starts_1904: bool = False
    shows_zeros: bool = True
    texts: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[Area] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)

    def reference(self, row: int, column: int) -> str:
        """`Sheet!C5`."""
        return f"{self.name}!{cell_name(row, column)}"

    def put(self, row: int, column: int, text: str) -> None:
        """Adds a filled cell; blank text is no cell."""
        text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
        if text:
            self.texts.setdefault(row, {})[column] = text

    def put_number(self, row: int, column: int, stored: str, format_code: str) -> None:
        """Adds the text that the sheet shows for a number; what the format hides, or we cannot render, is noted."""
        value = stored_to_decimal(stored)
        if value is None:
            self.put(row, column, stored)
            return
        if value == 0 and not self.shows_zeros:
            return
        try:
            text = number_to_text(value, format_code, starts_1904=self.starts_1904)
        except UnknownFormat:
            self.notes.add("formats_not_rendered", f"{self.reference(row, column)} {format_code}")
            text = number_to_text(value, GENERAL)
        if not text and value != 0:
            self.notes.add("hidden_by_format", self.reference(row, column))
        self.put(row, column, text)

    def put_formula(self, row: int, column: int, formula: str) -> None:
        """Adds a formula that has no value: it stands there as text, which no one takes for a blank."""
        self.notes.add("formulas_without_value", f"{self.reference(row, column)} ={formula}")
        self.put(row, column, f"={formula}")


def worksheet_to_blocks(sheet: Worksheet) -> list[Block]:
    """The sheet's paragraphs and grids in reading order; its own name comes first if no title precedes its table."""
    blocks = cells_to_blocks(_visible_cells(sheet), GridSource.SHEET)
    for block in blocks:
        if isinstance(block, Grid):
            return [Paragraph(sheet.name), *blocks]
        if is_title(block.text):
            break
    return blocks


def _visible_cells(sheet: Worksheet) -> list[Cell]:
    ends = _merged_ends(sheet)
    cells: list[Cell] = []
    hidden_rows: set[int] = set()
    hidden_columns: set[int] = set()
    for row in sorted(sheet.texts):
        for column, text in sorted(sheet.texts[row].items()):
            last_row, last_column = ends.get((row, column), (row, column))
            # A merged cell is seen as long as any row and any column of it is.
            top = _first_visible(row, last_row, sheet.hidden_rows)
            left = _first_visible(column, last_column, sheet.hidden_columns)
            if top is None:
                hidden_rows.add(row)
            elif left is None:
                hidden_columns.add(column)
            else:
                spans = last_row - top + 1, last_column - left + 1
                cells.append(Cell(top, left, text, *spans, cell_ref=sheet.reference(row, column)))
    if hidden_rows:
        sheet.notes.add("hidden_rows", f"{sheet.name}!{_ranges(hidden_rows, lambda row: str(row + 1))}")
    if hidden_columns:
        sheet.notes.add("hidden_columns", f"{sheet.name}!{_ranges(hidden_columns, column_name)}")
    return cells


def _merged_ends(sheet: Worksheet) -> dict[tuple[int, int], tuple[int, int]]:
    """Last row and column by top left cell; takes out what lies under a merged cell, which no one sees."""
    ends = {}
    rows = sorted(sheet.texts)
    for first_row, first_column, last_row, last_column in sheet.merged:
        ends[first_row, first_column] = last_row, last_column
        for at in range(bisect_left(rows, first_row), len(rows)):
            row = rows[at]
            if row > last_row:
                break
            covered = [
                column
                for column in sheet.texts[row]
                if first_column <= column <= last_column and (row, column) != (first_row, first_column)
            ]
            for column in covered:
                sheet.notes.add("hidden_under_merge", f"{sheet.reference(row, column)} {sheet.texts[row].pop(column)}")
    return ends


def _first_visible(first: int, last: int, hidden: set[int]) -> int | None:
    while first in hidden:
        first += 1
    return first if first <= last else None


def _ranges(numbers: Iterable[int], name: Callable[[int], str]) -> str:
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(name(first) if first == last else f"{name(first)}-{name(last)}" for first, last in runs)
