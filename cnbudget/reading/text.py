"""Plain text: tab-separated tables become grids, everything else lines.

Of a merged header cell a text export keeps the first cell alone; a header reaches as far as the next filled cell of its row
or the next cell that starts above it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence

from cnbudget.errors import EmptyDocument, LimitExceeded, UnreadableDocument
from cnbudget.model import Block, Cell, Document, Grid, GridSource, MediaType, Paragraph

MAX_BYTES = 64_000_000


def read(file_name: str, data: bytes) -> Document:
    """Reads plain text. Raises UnreadableDocument, EmptyDocument or LimitExceeded."""
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{len(data)} bytes of text, at most {MAX_BYTES} expected", where=file_name)
    text = decode(file_name, data)
    if not text.strip():
        raise EmptyDocument("no text in it", where=file_name)
    pages = text.split("\f")
    blocks: list[Block] = []
    for number, page in enumerate(pages, 1):
        blocks.extend(lines_to_blocks(page.splitlines(), number if len(pages) > 1 else None))
    n_pages = len(pages) if len(pages) > 1 else 0
    return Document(hashlib.sha256(data).hexdigest(), file_name, MediaType.TEXT, len(data), n_pages, blocks)


def decode(file_name: str, data: bytes) -> str:
    """Text of UTF-8, UTF-16 with a byte order mark, or GB18030; raises where a byte fits none of them."""
    encodings = ("utf-16",) if data.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "gb18030")
    failures = []
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            failures.append(f"{encoding} at byte {error.start}")
    raise UnreadableDocument(
        f"text in no known encoding ({', '.join(failures)}); save it as UTF-8 from its source", where=file_name
    )


def lines_to_blocks(lines: list[str], page: int | None) -> list[Block]:
    """Runs of lines with tabs as grids, other lines as paragraphs, in order."""
    blocks: list[Block] = []
    run: list[list[str]] = []
    for line in [*lines, ""]:
        if "\t" in line:
            run.append(line.split("\t"))
            continue
        if run:
            blocks.append(_rows_to_grid(run, page))
            run = []
        if line.strip():
            blocks.append(Paragraph(line.strip(), page))
    return blocks


def _rows_to_grid(rows: list[list[str]], page: int | None) -> Grid:
    cells = [
        Cell(number, column, rows[number][column].strip(), 1, span, page)
        for number, spans in enumerate(spans_of(rows))
        for column, span in spans.items()
    ]
    return Grid(cells, len(rows), max(len(row) for row in rows), GridSource.TABS, page)


def spans_of(rows: Sequence[Sequence[str]]) -> list[dict[int, int]]:
    """For each row of a table that cannot mark merged cells: its filled columns and how many columns each reaches over."""
    n_columns = max(len(row) for row in rows)
    starts: set[int] = set()
    edges = [n_columns]
    spans: list[dict[int, int]] = []
    for row in rows:
        filled = [column for column, text in enumerate(row) if text.strip()]
        if not starts.issuperset(filled):
            starts.update(filled)
            edges = sorted({*starts, n_columns})
        spans.append({column: edges[bisect_right(edges, column)] - column for column in filled})
    return spans
