"""Printed content -> a Word document with real tables: merged header cells, as publishers make them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import docx
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls

from samples.content import TITLE_ROWS, Content, HeadCell, PrintedForm, Section, split_form, table_cells
from samples.office import undated


@dataclass(frozen=True, slots=True)
class WordLayout:
    """How the tables are made.

    `has_titles_in_tables` puts title, publisher and unit into a table's first rows. With `rows_per_table` a long form
    is several tables, each with the header, as programs write that turn a PDF into a Word document.
    """

    has_titles_in_tables: bool = False
    rows_per_table: int | None = None


DEFAULT_LAYOUT = WordLayout()


def render_docx(content: Content, layout: WordLayout = DEFAULT_LAYOUT) -> bytes:
    """The document as .docx; the same content and layout give the same bytes."""
    document = docx.Document()
    for line in content.cover:
        document.add_paragraph(line, style="Title")
    if content.contents:
        document.add_page_break()
        for entry in ["目 录", *content.contents]:
            document.add_paragraph(entry)
    for part in content.parts:
        document.add_page_break()
        if isinstance(part, Section):
            _section(document, part)
        else:
            _form(document, part, layout)
    stream = io.BytesIO()
    document.save(stream)
    return undated(stream.getvalue())


def _section(document: Any, section: Section) -> None:
    document.add_paragraph(section.title, style="Heading 1")
    for paragraph in section.paragraphs:
        document.add_paragraph(paragraph)


def _form(document: Any, form: PrintedForm, layout: WordLayout) -> None:
    if not layout.has_titles_in_tables:
        document.add_paragraph(form.title, style="Heading 1")
        document.add_paragraph(form.unit_text)
    for number, piece in enumerate(split_form(form, layout.rows_per_table)):
        if number:
            document.add_page_break()
        _table(document, piece, has_title=layout.has_titles_in_tables and number == 0)
    for note in form.notes:
        document.add_paragraph(note)


def _table(document: Any, form: PrintedForm, *, has_title: bool) -> None:
    # Written as markup: the library's own cells take a tenth of a second a form.
    cells = {(cell.row, cell.column): cell for cell in table_cells(form, has_title=has_title)}
    owners = {(row, cell.column): cell for cell in cells.values() for row in range(cell.row, cell.row + cell.row_span)}
    n_rows = form.n_head_rows + len(form.rows) + (TITLE_ROWS if has_title else 0)
    rows = "".join(f"<w:tr>{''.join(_row(owners, row, form.n_columns))}</w:tr>" for row in range(n_rows))
    columns = "<w:gridCol/>" * form.n_columns
    document.element.body.insert_element_before(
        parse_xml(
            f'<w:tbl {nsdecls("w")}><w:tblPr><w:tblStyle w:val="TableGrid"/></w:tblPr>'
            f"<w:tblGrid>{columns}</w:tblGrid>{rows}</w:tbl>"
        ),
        "w:sectPr",
    )


def _row(owners: Mapping[tuple[int, int], HeadCell], row: int, n_columns: int) -> Iterator[str]:
    column = 0
    while column < n_columns:
        cell = owners.get((row, column), HeadCell("", row, column))
        merge = ""
        if cell.row_span > 1:
            merge = '<w:vMerge w:val="restart"/>' if cell.row == row else "<w:vMerge/>"
        text = escape(cell.text) if cell.row == row else ""
        yield (
            f'<w:tc><w:tcPr><w:gridSpan w:val="{cell.column_span}"/>{merge}</w:tcPr>'
            f'<w:p><w:r><w:t xml:space="preserve">{text}</w:t></w:r></w:p></w:tc>'
        )
        column += cell.column_span
