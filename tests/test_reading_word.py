"""Word: what is in the file and what must come out stand side by side."""

from __future__ import annotations

import docx as python_docx
import pytest

from cnbudget.errors import (
    LimitExceeded,
)
from cnbudget.model import GridSource, MediaType
from cnbudget.reading import docx
from tests.office_files import FORM, FORM_SHAPE, NOTE, TITLE, only_texts, shape, word_bytes, word_form


def test_docx_read__form_between_its_paragraphs() -> None:
    document = docx.read("a.docx", word_bytes(word_form))
    assert shape(document.blocks) == FORM_SHAPE
    assert document.media_type is MediaType.DOCX
    assert document.grids()[0].source is GridSource.MARKUP
    assert only_texts(document)["table 1!C2"] == "3,508,644.00"


def test_docx_read__title_and_note_in_the_table_itself() -> None:
    def edit(document: python_docx.document.Document) -> None:
        table = document.add_table(6, 4)
        texts = [[TITLE], ["编制部门：甲局", None, None, "单位：元"], *FORM, [NOTE]]
        for row, row_texts in enumerate(texts):
            for column, text in enumerate(row_texts):
                table.cell(row, column).text = text or ""
        for row in (0, 5):
            table.cell(row, 0).merge(table.cell(row, 3))

    assert shape(docx.read("a.docx", word_bytes(edit)).blocks) == FORM_SHAPE


def test_docx_read__merged_cells_become_spans() -> None:
    def edit(document: python_docx.document.Document) -> None:
        table = document.add_table(3, 3)
        for row, texts in enumerate([["项目", "支出", ""], ["", "基本", "其他"], ["a", "1", "2"]]):
            for column, text in enumerate(texts):
                table.cell(row, column).text = text
        table.cell(0, 0).merge(table.cell(1, 0))
        table.cell(0, 1).merge(table.cell(0, 2))

    (grid,) = docx.read("a.docx", word_bytes(edit)).grids()
    assert [(cell.text, cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells] == [
        *(("项目", 0, 0, 2, 1), ("支出", 0, 1, 1, 2), ("基本", 1, 1, 1, 1), ("其他", 1, 2, 1, 1)),
        *(("a", 2, 0, 1, 1), ("1", 2, 1, 1, 1), ("2", 2, 2, 1, 1)),
    ]


def test_docx_read__without_a_table_gives_paragraphs() -> None:
    data = word_bytes(lambda document: document.add_paragraph("第一句。\n第二句。"))
    assert shape(docx.read("a.docx", data).blocks) == ["第一句。", "第二句。"]


@pytest.mark.parametrize(
    ("markup", "expected", "noted"),
    [
        ("<w:sdt><w:sdtContent><w:p><w:r><w:t>控件</w:t></w:r></w:p></w:sdtContent></w:sdt>", ["控件"], {}),
        (
            "<w:p><w:del><w:r><w:delText>12</w:delText></w:r></w:del><w:ins><w:r><w:t>34</w:t></w:r></w:ins></w:p>",
            ["34"],
            {"tracked_changes": "deleted: '12'; inserted: '34'"},
        ),
        (
            "<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>隐</w:t></w:r><w:r><w:t>显</w:t></w:r></w:p>",
            ["显"],
            {"hidden_text": "'隐'"},
        ),
        (
            "<w:p><w:r><w:t>外</w:t></w:r><w:r><w:pict><w:txbxContent><w:p><w:r><w:t>框</w:t></w:r></w:p>"
            "</w:txbxContent></w:pict></w:r></w:p>",
            ["外", "框"],
            {},
        ),
    ],
)
def test_docx_read__what_the_usual_library_passes_over(markup: str, expected: list[str], noted: dict[str, str]) -> None:
    data = word_bytes(
        lambda document: document.add_paragraph("此处"), ("<w:p><w:r><w:t>此处</w:t></w:r></w:p>", markup)
    )
    document = docx.read("a.docx", data)
    assert shape(document.blocks) == expected
    assert dict(document.notes) == noted


def test_docx_read__table_that_lays_out_the_page_gives_its_inner_tables() -> None:
    def edit(document: python_docx.document.Document) -> None:
        outer = document.add_table(1, 1)
        outer.cell(0, 0).text = TITLE
        inner = outer.cell(0, 0).add_table(2, 2)
        for at, text in enumerate(["项目", "合计", "a", "1"]):
            inner.cell(at // 2, at % 2).text = text

    assert shape(docx.read("a.docx", word_bytes(edit)).blocks) == [TITLE, [["项目", "合计"], ["a", "1"]]]


def test_docx_read__nested_without_end_is_stopped() -> None:
    deep = "<w:sdt><w:sdtContent>" * 5000 + "</w:sdtContent></w:sdt>" * 5000
    with pytest.raises(LimitExceeded, match="nested deeper"):
        docx.read("a.docx", word_bytes(lambda _: None, ("<w:body>", f"<w:body>{deep}")))
