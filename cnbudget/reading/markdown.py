"""Markdown: pipe tables, HTML tables (which converters write where cells are merged), and lines of text.

Read line by line and not through a renderer: that would take `1.` off an account's name as the mark of a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cnbudget.errors import LimitExceeded
from cnbudget.model import Block, Document, GridSource, MediaType
from cnbudget.reading.blocks import (
    MarkupCell,
    Notes,
    build_document,
    cells_to_blocks,
    rows_to_cells,
    text_to_paragraphs,
)
from cnbudget.reading.html import MAX_BYTES, markup_to_blocks
from cnbudget.reading.text import decode, spans_of

_TABLE_TAG = re.compile(r"<(/?)table\b[^<>]*>", re.I)
_BREAK = re.compile(r"<br\s*/?>", re.I)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BAR = re.compile(r"(?<!\\)\|")


def read(file_name: str, data: bytes) -> Document:
    """Reads Markdown. Raises UnreadableDocument (broken bytes), EmptyDocument or LimitExceeded."""
    if len(data) > MAX_BYTES:
        raise LimitExceeded(
            f"{len(data)} bytes of Markdown found, at most {MAX_BYTES} expected; split the file", where=file_name
        )
    text = decode(file_name, data)
    notes = Notes()
    reader = _Tables(notes, file_name)
    blocks: list[Block] = []
    at = 0
    for start, end in _html_tables(text):
        blocks.extend(reader.lines(text[at:start].splitlines()))
        blocks.extend(reader.markup(text[start:end]))
        at = end
    blocks.extend(reader.lines(text[at:].splitlines()))
    return build_document(file_name, data, MediaType.MARKDOWN, blocks, notes)


def _html_tables(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each outermost table that is closed."""
    start = depth = 0
    for match in _TABLE_TAG.finditer(text):
        if match[1]:
            depth -= 1
            if depth == 0:
                yield start, match.end()
            depth = max(depth, 0)
        else:
            start = start if depth else match.start()
            depth += 1


class _Tables:
    """Reads pieces of one file and counts its tables."""

    def __init__(self, notes: Notes, where: str) -> None:
        self._notes = notes
        self._where = where
        self._n_tables = 0

    def markup(self, markup: str) -> list[Block]:
        """A table written as HTML."""
        blocks = markup_to_blocks(markup, self._notes, where=self._where, n_tables_before=self._n_tables)
        self._n_tables += 1
        return blocks

    def lines(self, lines: Sequence[str]) -> list[Block]:
        """Lines of text, and tables of bars."""
        blocks: list[Block] = []
        at = 0
        while at < len(lines):
            end = _table_end(lines, at)
            if end > at:
                self._n_tables += 1
                rows = [_row(line) for number, line in enumerate(lines[at:end]) if number != 1]
                cells = rows_to_cells(_with_spans(rows), f"table {self._n_tables}")
                blocks.extend(cells_to_blocks(cells, GridSource.MARKUP))
                at = end
            else:
                blocks.extend(text_to_paragraphs(_line_text(lines[at])))
                at += 1
        return blocks


def _table_end(lines: Sequence[str], start: int) -> int:
    """Where the table that starts here ends; `start` itself when none does."""
    if start + 1 >= len(lines) or "|" not in lines[start] or not _is_underline(lines[start + 1]):
        return start
    end = start + 2
    while end < len(lines) and "|" in lines[end]:
        end += 1
    return end


def _is_underline(line: str) -> bool:
    return "|" in line and "-" in line and not line.strip("|-: \t")


def _row(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [_inline(cell) for cell in _BAR.split(inner)]


def _with_spans(rows: Sequence[Sequence[str]]) -> Iterator[list[MarkupCell]]:
    """Bars cannot say that cells are merged: a header reaches over the blank ones beside it."""
    for texts, spans in zip(rows, spans_of(rows), strict=True):
        ends = {column: min(column + span, len(texts)) for column, span in spans.items()}
        covered = {other for column, end in ends.items() for other in range(column + 1, end)}
        yield [MarkupCell(text, 1, spans.get(column, 1)) for column, text in enumerate(texts) if column not in covered]


def _line_text(line: str) -> str:
    """A line without the marks of headings; rules and fences are no text."""
    bare = line.strip()
    if bare.startswith(("```", "~~~")) or (len(bare) > 2 and not bare.strip(bare[0] + " ") and bare[0] in "-=*_"):
        return ""
    unmarked = bare.lstrip("#")
    is_heading = unmarked != bare and unmarked.startswith(" ")
    return _inline(unmarked.rstrip("#") if is_heading else bare)


def _inline(text: str) -> str:
    """Text without marks of emphasis and escapes; a break becomes a line break."""
    text = _BREAK.sub("\n", text).replace("**", "").replace("&nbsp;", " ")
    return "\n".join(_ESCAPED.sub(r"\1", line).strip() for line in text.split("\n")).strip()
