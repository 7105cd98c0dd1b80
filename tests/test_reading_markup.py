"""HTML and Markdown: what is in the file and what must come out stand side by side."""

from __future__ import annotations

import contextlib

import pytest

from cnbudget.errors import (
    EmptyDocument,
    LimitExceeded,
    UnreadableDocument,
)
from cnbudget.model import Grid, MediaType, Paragraph
from cnbudget.reading import html, markdown
from tests.office_files import FORM, FORM_SHAPE, NOTE, TITLE, UNIT, html_form, only_texts, shape
from tests.waiting import ends


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("gb2312", "utf-8"),
        ("utf-8", "gb18030"),
        ("gbk", "gb18030"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
    ],
)
def test_html_read__encoding_follows_from_the_bytes(declared: str, encoding: str) -> None:
    data = html_form(f'<meta charset="{declared}">').encode(encoding)
    document = html.read("a.html", data)
    assert shape(document.blocks) == [TITLE, UNIT.replace("  ", " "), *FORM_SHAPE[2:]]
    assert document.media_type is MediaType.HTML


def test_html_read__broken_bytes_name_their_place() -> None:
    data = html_form().encode("gb18030")
    at = data.index("合计".encode("gb18030"))
    with pytest.raises(UnreadableDocument, match=f"byte {at}"):
        html.read("a.html", data[:at] + b"\xff" + data[at:])


def test_html_read__spans_and_title_row_inside_the_table() -> None:
    markup = """<table><tr><td colspan=3><b>甲预算</b>总表</td></tr><tr><th rowspan=2>项目<th colspan=2>支出
        <tr><th>基本<th>其<br>他<tbody><tr><td>a<td align=right>1,000.00<td><span>2</span></table>"""
    title, grid = html.read("a.html", markup.encode()).blocks
    assert title == Paragraph("甲预算总表")
    assert isinstance(grid, Grid)
    assert [(cell.text, cell.row, cell.column, cell.row_span, cell.column_span) for cell in grid.cells] == [
        *(("项目", 0, 0, 2, 1), ("支出", 0, 1, 1, 2), ("基本", 1, 1, 1, 1), ("其\n他", 1, 2, 1, 1)),
        *(("a", 2, 0, 1, 1), ("1,000.00", 2, 1, 1, 1), ("2", 2, 2, 1, 1)),
    ]
    assert grid.cells[4].cell_ref == "table 1!A4"


def test_html_read__hidden_and_layout() -> None:
    markup = """<title>甲局</title><script>var x=1</script><p style="display:none">隐</p>
        <p>一&nbsp;二<span>三</span><br>四</p>
        <table><tr><td>外<table><tr><td>项目<td>合计<tr><td>a<td>1</table></td></tr></table>"""
    document = html.read("a.html", markup.encode())
    assert shape(document.blocks) == ["一 二三", "四", "外", [["项目", "合计"], ["a", "1"]]]
    assert dict(document.notes) == {"title": "甲局", "hidden_text": "'隐'"}


@pytest.mark.parametrize(
    "markup",
    [
        pytest.param("<p>a</p>" * 13_000_000, id="100 MB"),
        pytest.param("<i>" * 1_100_000, id="a million tags"),
        pytest.param("<div>" * 5000 + "x", id="deep"),
        pytest.param("<table>" + "<tr>" + "<td rowspan=9999 colspan=1000>1" * 50, id="spans"),
        pytest.param("<table>" + "<tr><td rowspan=9999 colspan=900>1" * 20_000, id="many spans"),
    ],
)
def test_html_read__hostile_page_is_stopped(markup: str) -> None:
    with ends(), pytest.raises(LimitExceeded):
        html.read("a.html", markup.encode())


def test_html_read__nothing_visible_is_empty() -> None:
    for markup in ("", "<html></html>", "<!-- -->", "<p hidden>a"):
        with pytest.raises(EmptyDocument):
            html.read("a.html", markup.encode())


def test_markdown_read__pipe_table_between_lines() -> None:
    table = [" | ".join(text or "" for text in row) for row in FORM]
    lines = [
        f"# {TITLE}",
        "",
        UNIT,
        "",
        f"| {table[0]} |",
        "|---|:--|--:|---|",
        *(f"| {row} |" for row in table[1:]),
        "",
        NOTE,
    ]
    document = markdown.read("a.md", "\n".join(lines).encode())
    assert shape(document.blocks) == FORM_SHAPE
    assert document.media_type is MediaType.MARKDOWN
    assert only_texts(document)["table 1!C2"] == "3,508,644.00"


def test_markdown_read__html_table_breaks_bars_and_numbered_names() -> None:
    text = "1. 一般公共预算\n\n---\n\n**重**\\*\n\n名|数\n-|-\na\\|b<br>c|1\n\n"
    text += "<table><tr><td>x<td>1<tr><td>y<td>2</table>\n末"
    document = markdown.read("a.md", text.encode())
    assert shape(document.blocks) == [
        *("1. 一般公共预算", "重*", [["名", "数"], ["a|b\nc", "1"]], [["x", "1"], ["y", "2"]], "末")
    ]
    assert "table 2!B2" in only_texts(document)


def test_markdown_read__header_reaches_over_the_blank_cells_beside_it() -> None:
    text = "|项目| |收入预算| |\n|-|-|-|-|\n|编码|名称|合计|其他收入|\n|205|教育支出| |1|"
    (grid,) = markdown.read("a.md", text.encode()).grids()
    assert [(cell.text, cell.column, cell.column_span) for cell in grid.cells[:2]] == [
        ("项目", 0, 2),
        ("收入预算", 2, 2),
    ]
    assert {cell.column_span for cell in grid.cells[2:]} == {1}


@pytest.mark.parametrize("rows", [["a|" * 50_000, *["a|b"] * 50_000], ["a|b", *["a|b"] * 50_000, "a|" * 50_000]])
def test_markdown_read__one_row_as_wide_as_a_book_is_stopped(rows: list[str]) -> None:
    with ends(), pytest.raises(LimitExceeded, match="1000 columns"):
        markdown.read("a.md", "\n".join([rows[0], "-|-", *rows[1:]]).encode())


@pytest.mark.parametrize("unit", ["<table>", "# ", " | ", "|-", "**a", "<table", "- ", "</table>", "\\", "<br "])
def test_markdown_read__hostile_text_ends(unit: str) -> None:
    with ends(), contextlib.suppress(LimitExceeded):
        markdown.read("a.md", (unit * (1_000_000 // len(unit)) + "x").encode())
