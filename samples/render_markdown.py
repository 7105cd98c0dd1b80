"""Printed content -> Markdown: tables of bars, or HTML where merged cells are to be kept, as converters write both."""

from __future__ import annotations

from collections.abc import Iterator

from samples.content import Content, PrintedForm, Section, table_cells
from samples.render_html import table_lines


def render_markdown(content: Content, *, has_html_tables: bool = False) -> bytes:
    """The document as UTF-8 Markdown. In tables of bars a merged cell stands in its first column, the others are blank."""
    return "".join(f"{line}\n" for line in _document(content, has_html_tables)).encode()


def _document(content: Content, has_html_tables: bool) -> Iterator[str]:
    title, *lines = content.cover
    yield from _spaced([f"# {title}", *lines])
    if content.contents:
        yield from _spaced(["## 目录", *(f"- {entry}" for entry in content.contents)])
    for part in content.parts:
        yield from _spaced([f"## {part.title}"])
        if isinstance(part, Section):
            yield from _spaced(part.paragraphs)
        else:
            yield from _spaced([part.unit_text])
            yield from table_lines(part) if has_html_tables else _bars(part)
            yield from _spaced(["", *part.notes])


def _bars(form: PrintedForm) -> Iterator[str]:
    texts = {(cell.row, cell.column): cell.text.replace("|", "\\|") for cell in table_cells(form)}
    for row in range(form.n_head_rows + len(form.rows)):
        yield "| " + " | ".join(texts.get((row, column), "") for column in range(form.n_columns)) + " |"
        if row == 0:
            yield "|" + "".join(" ---: |" if align == "r" else " --- |" for align in form.aligns)


def _spaced(lines: list[str] | tuple[str, ...]) -> Iterator[str]:
    for line in lines:
        yield line
        yield ""
