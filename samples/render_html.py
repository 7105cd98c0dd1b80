"""Printed content -> a web page, with merged cells as `rowspan` and `colspan`."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from samples.content import TITLE_ROWS, Content, PrintedForm, Section, table_cells


def render_html(content: Content, encoding: str = "utf-8", *, has_titles_in_tables: bool = False) -> bytes:
    """The document as one page in `encoding`, which it declares.

    `has_titles_in_tables` puts title, publisher and unit into the first rows of each table instead of above it.
    """
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="zh"><head><meta charset="{encoding}"><title>{escape(content.cover[0])}</title></head><body>',
        *_body(content, has_titles_in_tables),
        "</body></html>",
    ]
    return "".join(f"{line}\n" for line in lines).encode(encoding)


def _body(content: Content, has_titles_in_tables: bool) -> Iterator[str]:
    yield from (f"<h1>{escape(line)}</h1>" for line in content.cover)
    if content.contents:
        yield "<h2>目&nbsp;录</h2>"
        yield "<ul>" + "".join(f"<li>{escape(entry)}</li>" for entry in content.contents) + "</ul>"
    for part in content.parts:
        if isinstance(part, Section):
            yield f"<h2>{escape(part.title)}</h2>"
            yield from (f"<p>{escape(paragraph)}</p>" for paragraph in part.paragraphs)
        else:
            yield from _form(part, has_titles_in_tables)


def _form(form: PrintedForm, has_title: bool) -> Iterator[str]:
    if not has_title:
        yield f"<h2>{escape(form.title)}</h2>"
        yield f"<p>{escape(form.unit_text)}</p>"
    yield from table_lines(form, has_title=has_title)
    yield from (f"<p>{escape(note)}</p>" for note in form.notes)


def table_lines(form: PrintedForm, *, has_title: bool = False) -> Iterator[str]:
    """The table of a form as lines of markup."""
    cells = {(cell.row, cell.column): cell for cell in table_cells(form, has_title=has_title)}
    covered = {
        (row, column)
        for cell in cells.values()
        for row in range(cell.row, cell.row + cell.row_span)
        for column in range(cell.column, cell.column + cell.column_span)
    }
    yield '<table border="1">'
    for row in range(form.n_head_rows + len(form.rows) + (TITLE_ROWS if has_title else 0)):
        texts = []
        for column in range(form.n_columns):
            cell = cells.get((row, column))
            if cell is not None:
                spans = _span("rowspan", cell.row_span) + _span("colspan", cell.column_span)
                texts.append(f"<td{spans}>{escape(cell.text)}</td>")
            elif (row, column) not in covered:
                texts.append("<td>&nbsp;</td>")
        yield f"<tr>{''.join(texts)}</tr>"
    yield "</table>"


def _span(name: str, count: int) -> str:
    return f' {name}="{count}"' if count > 1 else ""
