"""Printed content -> text as it comes out of a PDF without its columns: empty cells are gone and lines run together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from samples.content import Content, PrintedForm, Row, Section

_UNBREAKABLE = re.compile(r"[0-9A-Za-z,.%]+|.", re.DOTALL)
_ZERO = re.compile(r"0(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Flattening:
    """What the extraction does to a document.

    Names longer than `name_width` and headers longer than `header_width` characters wrap. A table's page holds
    `rows_per_page` rows; the next one begins with the header (`has_headers_repeated`) and with the last `n_overlapping`
    rows once more. `has_glued_labels`: an amount touches the label that follows it. `drops_zeros`: printed zeros are
    lost like empty cells.
    """

    name_width: int = 16
    header_width: int = 8
    line_width: int = 60
    rows_per_page: int = 18
    n_overlapping: int = 0
    has_headers_repeated: bool = True
    has_glued_labels: bool = True
    drops_zeros: bool = False


DEFAULT_FLATTENING = Flattening()


def render_flattened(content: Content, flattening: Flattening = DEFAULT_FLATTENING) -> bytes:
    """The document as UTF-8 text in which a table's cells are told apart by single spaces, or not at all."""
    return "".join(f"{line}\n" for line in _document(content, flattening)).encode()


def _document(content: Content, flattening: Flattening) -> Iterator[str]:
    yield from [*content.cover, "", ""]
    if content.contents:
        yield from ["目 录", "", *content.contents, "", ""]
    for part in content.parts:
        if isinstance(part, Section):
            yield from [part.title, ""]
            for paragraph in part.paragraphs:
                yield from _wrapped(f"    {paragraph}", flattening.line_width)
        else:
            yield from _form(part, flattening)
        yield from ["", ""]


def _form(form: PrintedForm, flattening: Flattening) -> Iterator[str]:
    yield from [form.title, "", f"{form.publisher_line} {form.unit_line}", ""]
    yield from _head(form, flattening.header_width)
    lines = [list(_row(row, form.aligns, flattening)) for row in form.rows if not row.is_blank]
    for start in range(0, len(lines), flattening.rows_per_page):
        if start:
            yield from ["", ""]
            if flattening.has_headers_repeated:
                yield from _head(form, flattening.header_width)
        first = max(start - flattening.n_overlapping, 0)
        for line in lines[first : start + flattening.rows_per_page]:
            yield from [*line, ""]
    for note in form.notes:
        yield from [note, ""]


def _head(form: PrintedForm, width: int) -> Iterator[str]:
    for number in range(form.n_head_rows):
        together: list[str] = []
        for text in (cell.text for cell in form.head if cell.row == number):
            if len(text) <= width:
                together.append(text)
                continue
            if together:
                yield from [" ".join(together), ""]
                together = []
            yield from [*_wrapped(text, width), ""]
        if together:
            yield from [" ".join(together), ""]


def _row(row: Row, aligns: str, flattening: Flattening) -> Iterator[str]:
    """The lines of a row: its cells one after the other; what follows a wrapped name stands below it."""
    line = ""
    was_amount = False
    for column, text in enumerate(row.cells):
        is_amount = aligns[column] == "r"
        if not text or (is_amount and flattening.drops_zeros and _ZERO.fullmatch(text)):
            continue
        *above, last = _wrapped(text, flattening.name_width)
        is_glued = was_amount and not is_amount and flattening.has_glued_labels
        line += ("" if is_glued or not line else " ") + (above[0] if above else last)
        was_amount = is_amount
        if above:
            yield from [line, *above[1:], last, ""]
            line = ""
    if line:
        yield line


def _wrapped(text: str, width: int) -> Sequence[str]:
    lines = [""]
    for token in _UNBREAKABLE.findall(text):
        if len(lines[-1]) + len(token) > width and lines[-1]:
            lines.append("")
        lines[-1] += token
    return lines
