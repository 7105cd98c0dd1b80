"""Printed content -> PDF: A4 landscape, ruled tables over several pages, as publishers make them.

The same content gives the same bytes. The font is one of the standard Chinese ones that a reader brings along; nothing
is embedded.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from samples.content import Content, HeadCell, PrintedForm, Row, Section

FONT = "STSong-Light"
PAGE_WIDTH, PAGE_HEIGHT = 841.9, 595.3
MARGIN_X, MARGIN_TOP, MARGIN_BOTTOM = 60.0, 62.0, 56.0
TEXT_SIZE, LINE_HEIGHT = 11.0, 17.5
TABLE_SIZE, TABLE_LEADING = 9.0, 11.0
HEAD_ROW_HEIGHT = 21.0
PADDING = 2.5
UNBREAKABLE = re.compile(r"[0-9A-Za-z,.%]+|.", re.DOTALL)
"""Text is broken between any two characters, but not within a number."""


class Continuation(StrEnum):
    """What a table's further pages look like."""

    REPEATED = "repeated"
    """The header again."""
    NARROWER = "narrower"
    """The header again, on a table that is narrower than on the first page."""
    BARE = "bare"
    """Rows only."""


@dataclass(frozen=True, slots=True)
class PageLayout:
    """How a document is laid out. Lengths are PDF points.

    `is_total_alone` puts the 合计 row of a table that runs over pages on a page of its own. A small `name_share`
    makes long account names wrap over two lines.
    """

    continuation: Continuation = Continuation.REPEATED
    is_total_alone: bool = False
    row_height: float = 24.0
    name_share: float = 1.0
    has_page_numbers: bool = False
    has_leaders: bool = True


DEFAULT_LAYOUT = PageLayout()


def render_pdf(content: Content, layout: PageLayout = DEFAULT_LAYOUT) -> bytes:
    """The document as a PDF: cover, contents, sections and forms, each on pages of its own."""
    paper = _Paper(layout)
    paper.cover(content.cover)
    if content.contents:
        paper.contents(content.contents)
    for part in content.parts:
        if isinstance(part, Section):
            paper.section(part)
        else:
            paper.form(part)
    return paper.finish()


class _Paper:
    """A canvas whose heights are measured from the top of the page."""

    def __init__(self, layout: PageLayout) -> None:
        self.layout = layout
        self.bytes = io.BytesIO()
        # Streams stay uncompressed: that is faster to write and to read, and a sample is to be looked into.
        self.canvas = Canvas(self.bytes, pagesize=(PAGE_WIDTH, PAGE_HEIGHT), pageCompression=0, invariant=1)
        self.n_pages = 0

    def finish(self) -> bytes:
        self.canvas.save()
        return self.bytes.getvalue()

    def end_page(self) -> None:
        self.n_pages += 1
        if self.layout.has_page_numbers and self.n_pages > 1:
            self.text(PAGE_WIDTH / 2, PAGE_HEIGHT - 30, f"- {self.n_pages - 1} -", TEXT_SIZE, "c")
        self.canvas.showPage()

    def text(self, x: float, y: float, text: str, size: float, align: str = "l") -> None:
        """One line with its baseline at `y`; `x` is its left end, its middle or its right end."""
        if align != "l":
            x -= text_width(text) * size * (0.5 if align == "c" else 1.0)
        self.canvas.setFont(_font(), size)
        self.canvas.drawString(x, PAGE_HEIGHT - y, text)

    def cover(self, lines: Sequence[str]) -> None:
        for line, y, size in zip(lines, (190.0, 300.0, 420.0), (34.0, 20.0, 16.0), strict=False):
            self.text(PAGE_WIDTH / 2, y, line, size, "c")
        self.end_page()

    def contents(self, entries: Sequence[str]) -> None:
        self.text(PAGE_WIDTH / 2, 62, "目 录", 18, "c")
        for number, entry in enumerate(entries):
            x = 130 if entry[0].isdigit() else 105
            room = 730 - x - text_width(entry) * 13
            leaders = " " + "…" * int(room / 13) if self.layout.has_leaders else ""
            self.text(x, 108 + number * 25, entry + leaders, 13)
        self.end_page()

    def section(self, section: Section) -> None:
        self.text(PAGE_WIDTH / 2, 74, section.title, 17, "c")
        y = 110.0
        width = (PAGE_WIDTH - 2 * MARGIN_X) / TEXT_SIZE
        for paragraph in section.paragraphs:
            for number, line in enumerate(wrapped(paragraph, width, first_indent=2)):
                if y > PAGE_HEIGHT - MARGIN_BOTTOM:
                    self.end_page()
                    y = MARGIN_TOP
                self.text(MARGIN_X + (0 if number else 2 * TEXT_SIZE), y, line, TEXT_SIZE)
                y += LINE_HEIGHT
        self.end_page()

    def form(self, form: PrintedForm) -> None:
        self.text(PAGE_WIDTH / 2, 62, form.title, 17, "c")
        self.text(MARGIN_X, 84, form.publisher_line, TABLE_SIZE + 1)
        self.text(PAGE_WIDTH - MARGIN_X, 84, form.unit_line, TABLE_SIZE + 1, "r")
        columns = _columns(form, self.layout, PAGE_WIDTH - 2 * MARGIN_X)
        y = self.head(form, columns, 92.0)
        first_page = self.n_pages
        for row in form.rows:
            height = _row_height(row, columns, self.layout.row_height)
            is_alone = row.is_total and self.layout.is_total_alone and self.n_pages > first_page
            if is_alone or y + height > PAGE_HEIGHT - MARGIN_BOTTOM:
                columns, y = self.continued(form)
            y = self.row(form, row, columns, y, height)
        for number, note in enumerate(form.notes, start=1):
            self.text(MARGIN_X, y + number * 16, note, TABLE_SIZE + 1)
        self.end_page()

    def continued(self, form: PrintedForm) -> tuple[list[float], float]:
        """A further page of a table: its columns' edges and where the next row starts."""
        self.end_page()
        is_narrower = self.layout.continuation is Continuation.NARROWER
        width = (PAGE_WIDTH - 2 * MARGIN_X) * (0.84 if is_narrower else 1.0)
        columns = _columns(form, self.layout, width)
        if self.layout.continuation is Continuation.BARE:
            return columns, MARGIN_TOP
        return columns, self.head(form, columns, MARGIN_TOP)

    def head(self, form: PrintedForm, columns: Sequence[float], y: float) -> float:
        for cell in form.head:
            self.head_cell(cell, columns, y)
        return y + form.n_head_rows * HEAD_ROW_HEIGHT

    def head_cell(self, cell: HeadCell, columns: Sequence[float], y: float) -> None:
        x0, x1 = columns[cell.column], columns[cell.column + cell.column_span]
        top, height = y + cell.row * HEAD_ROW_HEIGHT, cell.row_span * HEAD_ROW_HEIGHT
        self.canvas.rect(x0, PAGE_HEIGHT - top - height, x1 - x0, height)
        self.cell_text(cell.text, (x0, x1), (top, height), "c")

    def row(self, form: PrintedForm, row: Row, columns: Sequence[float], y: float, height: float) -> float:
        edges = [columns[0], *columns[row.label_span :]]
        top, bottom = PAGE_HEIGHT - y, PAGE_HEIGHT - y - height
        rules = [(edges[0], level, edges[-1], level) for level in (top, bottom)]
        self.canvas.lines([*rules, *((x, top, x, bottom) for x in edges)])
        for column, text in enumerate(row.cells):
            if text:
                right = columns[max(column + 1, row.label_span)]
                align = "c" if row.is_total and form.aligns[column] != "r" else form.aligns[column]
                self.cell_text(text, (columns[column], right), (y, height), align)
        return y + height

    def cell_text(self, text: str, xs: tuple[float, float], ys: tuple[float, float], align: str) -> None:
        """Text in a cell: wrapped to its width, centred over its height."""
        x0, x1 = xs
        top, height = ys
        lines = wrapped(text, (x1 - x0 - 2 * PADDING) / TABLE_SIZE)
        x = {"l": x0 + PADDING, "c": (x0 + x1) / 2, "r": x1 - PADDING}[align]
        y = top + (height - len(lines) * TABLE_LEADING) / 2 + TABLE_SIZE
        for line in lines:
            self.text(x, y, line, TABLE_SIZE, align)
            y += TABLE_LEADING


@cache
def _font() -> str:
    pdfmetrics.registerFont(UnicodeCIDFont(FONT))
    return FONT


@cache
def _character_width(character: str) -> float:
    width: float = pdfmetrics.stringWidth(character, _font(), 1)
    return width


def text_width(text: str) -> float:
    """Width of a line in ems."""
    return sum(map(_character_width, text))


@lru_cache(maxsize=20_000)
def wrapped(text: str, width: float, first_indent: float = 0.0) -> tuple[str, ...]:
    """The lines of `text` when set to `width` ems; the first one is shorter by `first_indent`."""
    if text_width(text) + first_indent <= width:
        return (text,)
    *lines, last = _lines(text, width, first_indent)
    if lines and len(last) == 1 and len(lines[-1]) > 2:  # as typesetters do, no character is left alone
        lines[-1], last = lines[-1][:-1], lines[-1][-1] + last
    return (*lines, last)


def _lines(text: str, width: float, first_indent: float) -> Iterator[str]:
    line, taken = "", first_indent
    for token in UNBREAKABLE.findall(text):
        needed = text_width(token)
        if line and taken + needed > width:
            yield line
            line, taken = "", 0.0
        line += token
        taken += needed
    if line:
        yield line


def _columns(form: PrintedForm, layout: PageLayout, width: float) -> list[float]:
    """The x of every vertical rule, from left to right."""
    shares = [
        share * (layout.name_share if align == "l" else 1.0)
        for share, align in zip(form.widths, form.aligns, strict=True)
    ]
    edges = [MARGIN_X]
    for share in shares:
        edges.append(edges[-1] + width * share / sum(shares))
    return edges


def _row_height(row: Row, columns: Sequence[float], at_least: float) -> float:
    n_lines = 1
    for column, text in enumerate(row.cells):
        right = columns[max(column + 1, row.label_span)]
        n_lines = max(n_lines, len(wrapped(text, (right - columns[column] - 2 * PADDING) / TABLE_SIZE)))
    return max(at_least, n_lines * TABLE_LEADING + 4)
