"""A grid's header rows -> what each of its columns holds, for one form.

The header of a column is the path of its header cells from top to bottom; `forms` says which path is what. A grid without a
header goes on with the columns of the one before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cnbudget import money
from cnbudget.forms import (
    CODE_COLUMNS,
    HEADER_WORDS,
    LABEL_LEFT,
    LABEL_RIGHT,
    NAME,
    OTHER_FORM_TITLE,
    TITLE_PREFIX,
    Form,
    column_of,
    title_form,
)
from cnbudget.model import Cell, Grid, Measure, Paragraph, Side

LABELS = {NAME: None, LABEL_LEFT: Side.LEFT, LABEL_RIGHT: Side.RIGHT}
"""Columns that hold a row's label, and the side that they label."""

MANY_WORDS = 3
"""So many header words beside a word that is none make a header: a row of a form has at most two labels."""
_DIGITS = re.compile(r"\d(?!\d*年)")
_HEAD_LINE = re.compile(r"编制(?:部门|单位)[:：]|^(?:金额)?单位[:：]")


@dataclass(slots=True)
class Columns:
    """What each column of a grid holds, and which rows are header."""

    by_index: dict[int, str | Measure]
    n_header_rows: int
    headers: dict[int, Cell]

    @property
    def measures(self) -> list[int]:
        return [index for index, column in self.by_index.items() if isinstance(column, Measure)]

    @property
    def has_labels(self) -> bool:
        return any(column in LABELS for column in self.by_index.values())


def split_head(grid: Grid) -> tuple[list[Paragraph], Grid]:
    """Title, 编制部门 and 单位 that stand in the table's own first rows, as lines; and the table without these rows."""
    by_row: dict[int, list[Cell]] = {}
    for cell in grid.cells:
        by_row.setdefault(cell.row, []).append(cell)
    lines: list[Paragraph] = []
    n_head = 0
    for row in sorted(by_row)[:6]:
        texts = [money.key(cell.text) for cell in by_row[row]]
        if len(texts) > 3 or not any(is_title(text) or _HEAD_LINE.search(text) for text in texts):
            break
        lines.extend(Paragraph(cell.text, cell.page, cell.box) for cell in by_row[row])
        n_head = row + 1
    if not n_head:
        return [], grid
    body = [replace(cell, row=cell.row - n_head) for cell in grid.cells if cell.row >= n_head]
    return lines, replace(grid, cells=body, n_rows=grid.n_rows - n_head)


def is_title(text: str) -> bool:
    return title_form(text) is not None or bool(OTHER_FORM_TITLE.fullmatch(TITLE_PREFIX.sub("", text)))


def bind(form: Form, grid: Grid) -> Columns:
    """Header rows of a grid and what its columns hold, by the form's header patterns."""
    n_header_rows = _count_header_rows(grid)
    paths: dict[int, list[str]] = {}
    headers: dict[int, Cell] = {}
    for cell in grid.cells:
        if cell.row < n_header_rows:
            for column in range(cell.column, cell.column + cell.column_span):
                paths.setdefault(column, []).append(money.key(cell.text))
                headers[column] = cell
    by_index: dict[int, str | Measure] = {}
    for index, parts in paths.items():
        column_found = column_of(form.form_id, "/".join(parts))
        if column_found is not None and (column_found not in by_index.values() or headers[index].column != index):
            by_index[index] = column_found
    return Columns(_spread_codes(by_index), n_header_rows, headers)


def _spread_codes(by_index: dict[int, str | Measure]) -> dict[int, str | Measure]:
    """A code header over several columns without 类, 款, 项 below it: they follow in that order."""
    run = [index for index, column in sorted(by_index.items()) if column == CODE_COLUMNS[0]]
    if len(run) > 1:
        for position, index in enumerate(run[:3]):
            by_index[index] = CODE_COLUMNS[position]
    return by_index


def _count_header_rows(grid: Grid) -> int:
    """Rows from the top whose cells say nothing but header words, or mostly these: a column may be one that no form declares."""
    by_row: dict[int, list[Cell]] = {}
    for cell in grid.cells:
        by_row.setdefault(cell.row, []).append(cell)
    end = 0
    for row in range(grid.n_rows):
        cells = by_row.get(row, [])
        words = [money.key(cell.text) for cell in cells]
        if not _is_header(words) or words in (["合计"], ["小计"]):
            break
        if not cells and row >= end:
            break
        end = max(end, *(cell.row + cell.row_span for cell in cells), row + 1) if cells else max(end, row + 1)
    return end


def _is_header(words: Sequence[str]) -> bool:
    known = sum(HEADER_WORDS.fullmatch(word) is not None for word in words)
    if known == len(words):
        return True
    return known >= MANY_WORDS and 2 * known > len(words) and not any(map(_DIGITS.search, words))


def is_same_form(columns: Columns, before: Columns) -> bool:
    """Whether a header repeats the one before (any part of it, for a form wider than the page)."""
    if columns.has_labels:
        return {c for c in columns.by_index.values() if isinstance(c, Measure)} <= {
            c for c in before.by_index.values() if isinstance(c, Measure)
        } or len(columns.measures) > 1
    return bool(columns.measures)


def aligned(grid: Grid, last: Grid, columns: Columns) -> Columns | None:
    """Columns of a grid without a header: those of the grid before, counted from the right where cells are merged."""
    if grid.n_columns == last.n_columns:
        return Columns(columns.by_index, 0, {})
    missing = last.n_columns - grid.n_columns
    first_measure = min(columns.measures)
    if 0 < missing < first_measure and columns.measures == list(range(first_measure, last.n_columns)):
        moved = {index - missing: column for index, column in columns.by_index.items() if index >= first_measure}
        labels = [column for index, column in columns.by_index.items() if column in LABELS and index < first_measure]
        moved |= dict.fromkeys(range(first_measure - missing), labels[-1]) if labels else {}
        return Columns(moved, 0, {})
    return None


def body_rows(grid: Grid, columns: Columns) -> Iterable[list[Cell]]:
    by_row: dict[int, list[Cell]] = {}
    for cell in grid.cells:
        if cell.row >= columns.n_header_rows:
            by_row.setdefault(cell.row, []).append(cell)
    for row in range(columns.n_header_rows, grid.n_rows):
        yield by_row.get(row, [])
