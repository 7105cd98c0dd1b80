"""From the cells of markup and sheets to blocks: shared by the readers of Word, Excel, HTML and Markdown.

Publishers put a form's title, the line 编制部门 ... 单位：元 and its notes into rows of the same sheet or table, and
several forms below one another. Here such rows become paragraphs again, and what stands between them one `Grid` a form.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from cnbudget.errors import EmptyDocument, LimitExceeded
from cnbudget.model import Block, Cell, Document, Grid, GridSource, MediaType, Paragraph

MAX_COLUMNS = 1000
MAX_CELLS = 300_000
_MAX_STEPS = 5_000_000
_NOTE_ITEMS = 20

_NUMBER = re.compile(r"[-−(（]?[¥￥]?\s*[\d,，.]*\d[\d,，.]*\s*[%)）]?")
_TITLE = re.compile(r"表\s*(?:[（(][^（）()]{0,20}[）)])?$")
_UNIT_LINE = re.compile(
    r"(?:编制|填报|填表|预算|公开)?(?:部门|单位)(?:名称)?\s*[:：]|.{0,8}单位\s*[:：]\s*(?:人民币)?[千万亿]?元"
)
_NOTE = re.compile(r"(?:注|备注|说明|附注)\s*\d*\s*[:：]|[*＊※]")


class Notes:
    """What a reader has to say about a document beside its blocks; each subject keeps its first items and a count."""

    def __init__(self) -> None:
        self._items: dict[str, list[str]] = {}

    def add(self, subject: str, item: str) -> None:
        """Adds one item, such as a hidden sheet's name, under a subject, such as `hidden_sheets`."""
        self._items.setdefault(subject, []).append(item)

    def texts(self) -> Mapping[str, str]:
        """Subject to text, as `Document.notes` holds it."""
        return {subject: _shorten(items) for subject, items in self._items.items()}


def _shorten(items: Sequence[str]) -> str:
    more = len(items) - _NOTE_ITEMS
    return "; ".join(items[:_NOTE_ITEMS]) + (f"; and {more} more" if more > 0 else "")


def build_document(
    file_name: str, data: bytes, media_type: MediaType, blocks: Sequence[Block], notes: Notes
) -> Document:
    """The document of these blocks, without pages. Raises EmptyDocument when there is no block."""
    if not blocks:
        raise EmptyDocument(
            "no text and no table found, expected the text of a budget; publish it as text, not as pictures",
            where=file_name,
        )
    return Document(
        document_id=hashlib.sha256(data).hexdigest(),
        file_name=file_name,
        media_type=media_type,
        n_bytes=len(data),
        n_pages=0,
        blocks=tuple(blocks),
        notes=notes.texts(),
    )


def text_to_paragraphs(text: str) -> list[Paragraph]:
    """One paragraph a line; blank lines are none."""
    return [Paragraph(line.strip()) for line in text.splitlines() if line.strip()]


def cell_name(row: int, column: int) -> str:
    """`C5` for row 4 and column 2, both from 0."""
    return f"{column_name(column)}{row + 1}"


def column_name(column: int) -> str:
    """`C` for column 2, `AA` for 26."""
    higher, rest = divmod(column, 26)
    return (column_name(higher - 1) if higher else "") + chr(65 + rest)


def is_title(text: str) -> bool:
    """Whether a line reads as the title of a form: short, and ending in 表."""
    return len(text) < 80 and _TITLE.search(text) is not None


@dataclass(frozen=True, slots=True)
class MarkupCell:
    """A cell as markup gives it, before it has a place."""

    text: str
    row_span: int = 1
    column_span: int = 1


def rows_to_cells(rows: Iterable[Sequence[MarkupCell]], table_name: str) -> list[Cell]:
    """Gives the cells their places as HTML does, spans of rows above included; blank ones only take up room."""
    cells: list[Cell] = []
    taken: dict[int, int] = {}
    steps = 0
    for row, markup_cells in enumerate(rows):
        column = 0
        for cell in markup_cells:
            while taken.get(column, -1) >= row:
                column += 1
                steps += 1
            for covered in range(column, column + cell.column_span):
                taken[covered] = row + cell.row_span - 1
            if cell.text:
                reference = f"{table_name}!{cell_name(row, column)}"
                cells.append(Cell(row, column, cell.text, cell.row_span, cell.column_span, cell_ref=reference))
            column += cell.column_span
            steps += cell.column_span
            if column > MAX_COLUMNS or steps > _MAX_STEPS or len(cells) > MAX_CELLS:
                raise too_large(table_name)
    return cells


def too_large(where: str) -> LimitExceeded:
    """The error for a table that no budget has."""
    return LimitExceeded(
        f"a table of more than {MAX_COLUMNS} columns or {MAX_CELLS} filled cells found, expected the forms of a budget;"
        " remove what is not part of them",
        where=where,
    )


@dataclass(frozen=True, slots=True)
class _Row:
    index: int
    cells: Sequence[Cell]
    is_covered: bool
    follows_blank: bool
    is_wide: bool

    @property
    def text(self) -> str:
        return "  ".join(cell.text.strip() for cell in self.cells)

    @property
    def is_line(self) -> bool:
        """Text rather than a row of a table: alone in its row, or the line of 编制部门 and 单位."""
        return not self.is_covered and (len(self.cells) == 1 or self.is_unit_line)

    @property
    def is_unit_line(self) -> bool:
        return not self.has_number and any(_UNIT_LINE.match(cell.text.strip()) for cell in self.cells)

    @property
    def has_number(self) -> bool:
        return any(len(cell.text) < 50 and _NUMBER.fullmatch(cell.text.strip()) for cell in self.cells)

    @property
    def is_header(self) -> bool:
        return len(self.cells) > 1 and not self.has_number

    @property
    def opens_text(self) -> bool:
        """A line that cannot be a label whose amounts are blank."""
        text = self.text
        return bool(self.follows_blank or self.is_wide or self.is_unit_line or _NOTE.match(text) or is_title(text))


def cells_to_blocks(cells: Sequence[Cell], source: GridSource) -> list[Block]:
    """One sheet's or table's filled cells, to paragraphs and grids in reading order.

    A table starts at a row of several cells. It ends where lines follow that close the sheet, or that hold a title or a
    line of units and lead to another header (several cells, none of them a number). Other rows stay in their table.
    """
    rows = _cells_to_rows(cells)
    blocks: list[Block] = []
    at = 0
    while at < len(rows):
        head = _lines_end(rows, at)
        blocks.extend(paragraph for row in rows[at:head] for paragraph in text_to_paragraphs(row.text))
        at = _table_end(rows, head)
        if at > head:
            blocks.append(_rows_to_grid(rows[head:at], source))
    return blocks


def _cells_to_rows(cells: Sequence[Cell]) -> list[_Row]:
    by_row: dict[int, list[Cell]] = {}
    for cell in cells:
        by_row.setdefault(cell.row, []).append(cell)
    width = max((cell.column for cell in cells), default=0) + 1
    rows: list[_Row] = []
    covered_to = previous = -1
    for index in sorted(by_row):
        row = sorted(by_row[index], key=lambda cell: cell.column)
        is_wide = len(row) == 1 and row[0].column_span > 1 and row[0].column_span * 2 >= width
        rows.append(_Row(index, row, index <= covered_to, index > max(previous, covered_to) + 1, is_wide))
        covered_to = max(covered_to, *(cell.row + cell.row_span - 1 for cell in row))
        previous = index
    return rows


def _lines_end(rows: Sequence[_Row], start: int) -> int:
    end = start
    while end < len(rows) and rows[end].is_line:
        end += 1
    return end


def _table_end(rows: Sequence[_Row], start: int) -> int:
    at = start + 1
    while at < len(rows):
        end = _lines_end(rows, at)
        lines = rows[at:end]
        opening = next((number for number, row in enumerate(lines) if row.opens_text), None)
        if opening is not None and not any(row.has_number for row in lines) and _leads_on(rows, lines, end):
            return at + opening
        at = end + 1
    return len(rows)


def _leads_on(rows: Sequence[_Row], lines: Sequence[_Row], end: int) -> bool:
    if end == len(rows):
        return True
    return rows[end].is_header and any(row.is_unit_line or is_title(row.text) for row in lines)


def _rows_to_grid(rows: Sequence[_Row], source: GridSource) -> Grid:
    # Rows and columns that hold nothing are left out, so that a stray cell far away cannot make a huge grid.
    row_indices = [row.index for row in rows]
    column_indices = sorted({cell.column for row in rows for cell in row.cells})
    cells = []
    for row_number, row in enumerate(rows):
        for cell in row.cells:
            column = bisect_right(column_indices, cell.column) - 1
            row_end = bisect_right(row_indices, cell.row + cell.row_span - 1)
            column_end = bisect_right(column_indices, cell.column + cell.column_span - 1)
            cells.append(
                replace(
                    cell, row=row_number, column=column, row_span=row_end - row_number, column_span=column_end - column
                )
            )
    return Grid(tuple(cells), len(rows), len(column_indices), source)
