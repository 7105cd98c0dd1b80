"""Printed content -> text in which a table's rows are lines of tab-separated cells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from samples.content import Content, PrintedForm, Section


def render_text(content: Content, rows_per_page: int = 16) -> bytes:
    """The document as UTF-8 text. The header of a table is printed again after `rows_per_page` rows.

    Blank filler rows are left out; cells that a header or 合计 covers stay empty.
    """
    return "".join(f"{line}\n" for line in _document(content, rows_per_page)).encode()


def _document(content: Content, rows_per_page: int) -> Iterator[str]:
    yield from _spaced(content.cover)
    if content.contents:
        yield from _spaced(["目 录"])
        yield from content.contents
        yield ""
    for part in content.parts:
        if isinstance(part, Section):
            yield from _spaced([part.title, *part.paragraphs])
        else:
            yield from _form(part, rows_per_page)


def _form(form: PrintedForm, rows_per_page: int) -> Iterator[str]:
    yield from _spaced([form.title, form.publisher_line, form.unit_line])
    rows = ["\t".join(row.cells) for row in form.rows if not row.is_blank]
    for start in range(0, max(len(rows), 1), rows_per_page):
        yield from _head(form)
        yield from rows[start : start + rows_per_page]
        yield ""
    yield from _spaced(form.notes)


def _head(form: PrintedForm) -> Iterator[str]:
    texts = {(cell.row, cell.column): cell.text for cell in form.head}
    for row in range(form.n_head_rows):
        yield "\t".join(texts.get((row, column), "") for column in range(form.n_columns))


def _spaced(lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield line
        yield ""
