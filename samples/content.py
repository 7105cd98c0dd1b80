"""The printed content of a document, shared by all renderers: sections of paragraphs and forms of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from cnbudget.model import FormId, Measure, Side

NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True)
class HeadCell:
    """A cell of a form's header, or of its whole table (`table_cells`); rows and columns count from 0."""

    text: str
    row: int
    column: int
    row_span: int = 1
    column_span: int = 1


@dataclass(frozen=True, slots=True)
class Figure:
    """What the amount printed in a row's `column` is: its measure, and the label and codes that it stands under."""

    column: int
    measure: Measure
    label: str | None
    side: Side | None = None
    code_printed: str = ""
    functional_code: str | None = None
    economic_code: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A body row: one string a column, blank where nothing is printed, and what its figures are.

    `label_span` is the number of columns that the first cell covers (合计 stands across the code and name columns).
    """

    cells: Sequence[str]
    figures: Sequence[Figure] = ()
    is_total: bool = False
    label_span: int = 1

    @property
    def is_blank(self) -> bool:
        return not any(self.cells)


@dataclass(frozen=True, slots=True)
class PrintedForm:
    """A form as printed. `aligns` holds l, c or r for each column, `widths` their shares of the table's width.

    `form_id` is null for a form that is none of the nine.
    """

    title: str
    publisher_line: str
    unit_line: str
    head: Sequence[HeadCell]
    aligns: str
    widths: Sequence[float]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    form_id: FormId | None = None

    @property
    def n_columns(self) -> int:
        return len(self.aligns)

    @property
    def n_head_rows(self) -> int:
        return max(cell.row + cell.row_span for cell in self.head)

    @property
    def unit_text(self) -> str:
        """Publisher and unit as one line."""
        return "　".join(text for text in (self.publisher_line, self.unit_line) if text)


@dataclass(frozen=True, slots=True)
class Section:
    """A titled section of running text."""

    title: str
    paragraphs: Sequence[str]


@dataclass(frozen=True, slots=True)
class Content:
    """A whole document: the lines of its cover, its contents page (none where empty), sections and forms in order."""

    cover: Sequence[str]
    contents: Sequence[str]
    parts: Sequence[Section | PrintedForm]

    @property
    def forms(self) -> list[PrintedForm]:
        return [part for part in self.parts if isinstance(part, PrintedForm)]

    @property
    def sections(self) -> list[Section]:
        return [part for part in self.parts if isinstance(part, Section)]


TITLE_ROWS = 2
"""Rows that title, publisher and unit take where they stand inside the table."""


def table_cells(form: PrintedForm, *, has_title: bool = False) -> Iterator[HeadCell]:
    """The filled cells of a form's table, header and body on one grid; `has_title` puts title and unit on top of it."""
    top = TITLE_ROWS if has_title else 0
    cells = [*form.head, *_body_cells(form)]
    if has_title:
        n_left = form.n_columns - form.n_columns // 2
        yield HeadCell(form.title, 0, 0, 1, form.n_columns)
        yield from (
            cell
            for cell in (
                HeadCell(form.publisher_line, 1, 0, 1, n_left),
                HeadCell(form.unit_line, 1, n_left, 1, form.n_columns - n_left),
            )
            if cell.text
        )
    yield from (replace(cell, row=cell.row + top) for cell in cells)


def _body_cells(form: PrintedForm) -> Iterator[HeadCell]:
    for number, row in enumerate(form.rows, start=form.n_head_rows):
        for column, text in enumerate(row.cells):
            if text:
                yield HeadCell(text, number, column, column_span=1 if column else row.label_span)


def split_form(form: PrintedForm, rows_per_page: int | None) -> list[PrintedForm]:
    """The form in pieces of so many rows, each with the header; notes stand under the last. One piece without a number."""
    step = rows_per_page or max(len(form.rows), 1)
    starts = range(0, max(len(form.rows), 1), step)
    last = starts[-1]
    return [
        replace(form, rows=form.rows[start : start + step], notes=form.notes if start == last else ())
        for start in starts
    ]


def ordinal(number: int) -> str:
    """1 -> 一, 12 -> 十二, 20 -> 二十."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("十" if tens == 1 else NUMERALS[tens - 1] + "十")
    return head + (NUMERALS[ones - 1] if ones else "")


def grouped(amount: Decimal, decimals: int) -> str:
    """`9,501,164` or `9,501,164.00`; half up, as spreadsheets round."""
    return f"{amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP):,f}"
