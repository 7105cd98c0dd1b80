"""Web pages through lxml: the only file that knows it.

The page is read as it is seen: what is hidden is passed over and noted, a table that holds tables only lays out
the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from cnbudget.errors import EmptyDocument, LimitExceeded, UnsupportedFormat
from cnbudget.model import Block, Document, GridSource, MediaType, Paragraph
from cnbudget.reading.blocks import (
    MarkupCell,
    Notes,
    build_document,
    cells_to_blocks,
    rows_to_cells,
    text_to_paragraphs,
)
from cnbudget.reading.text import decode

MAX_BYTES = 16 * 1024 * 1024
MAX_TAGS = 1_000_000

_UNSEEN = {"script", "style", "head", "title", "template", "noscript", "iframe", "object", "svg", "select", "textarea"}
_INLINE = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|img|input|ins|kbd|label|mark|nobr|q|s|samp|small"
    "|span|strike|strong|sub|sup|time|tt|u|var|wbr"
)
_HIDING = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.I)
_BLANKS = re.compile(r"[ \t\r\n\f\xa0]+")
_DOUBLE_SPACE = re.compile(r" {2,}")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


def read(file_name: str, data: bytes) -> Document:
    """Reads a web page. Raises UnreadableDocument (broken bytes), EmptyDocument or LimitExceeded.

    The encoding follows from the bytes: a declared one is often wrong. `notes`: title, hidden_text, pictures_not_read.
    """
    if len(data) > MAX_BYTES:
        raise LimitExceeded(
            f"{len(data)} bytes of HTML found, at most {MAX_BYTES} expected; save the budget's page alone",
            where=file_name,
        )
    notes = Notes()
    blocks = markup_to_blocks(decode(file_name, data), notes, where=file_name)
    return build_document(file_name, data, MediaType.HTML, blocks, notes)


def markup_to_blocks(markup: str, notes: Notes, *, where: str, n_tables_before: int = 0) -> list[Block]:
    """The visible text and tables of a page or of a piece of one. Raises EmptyDocument or LimitExceeded."""
    root = _parse(markup, where)
    title = root.findtext(".//title")
    if title and title.strip():
        notes.add("title", _squeeze(title))
    page = _Page(notes, n_tables_before)
    page.walk(root)
    page.end_paragraph()
    return page.blocks


def _parse(markup: str, where: str) -> Any:
    try:
        from lxml import etree
    except ImportError as error:
        raise UnsupportedFormat("HTML needs lxml; install cnbudget[office]", where=where) from error
    if markup.count("<") > MAX_TAGS:
        raise LimitExceeded(
            f"more than {MAX_TAGS} tags found, expected a page; save the budget's page alone", where=where
        )
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(markup.replace("\x00", "\ufffd").encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        raise EmptyDocument(f"no markup found ({error}), expected a page; save it again", where=where) from error
    # The parser gives up on markup that is nested too deep, or a text too long, and drops the rest.
    for entry in parser.error_log.filter_from_fatals():
        raise LimitExceeded(
            f"markup that no page needs found ({entry.message}, line {entry.line}); save it as plain HTML", where=where
        )
    if root is None:
        raise EmptyDocument("no element found, expected a page; save it again", where=where)
    return root


class _Page:
    """Blocks as they are met on the way through the tree. The parser bounds the depth of the tree."""

    def __init__(self, notes: Notes, n_tables_before: int = 0) -> None:
        self.blocks: list[Block] = []
        self._notes = notes
        self._n_tables = n_tables_before
        self._text: list[str] = []

    def walk(self, element: Any, *, is_preformatted: bool = False) -> None:
        """Reads an element: text runs on through inline elements, and ends at any other."""
        if self._is_unseen(element):
            return
        tag = element.tag
        if tag == "br":
            self._text.append("\n")
        elif tag == "table" and element.find(".//table") is None:
            self.end_paragraph()
            self._table(element)
        elif _INLINE.fullmatch(tag):
            self.walk_inside(element, is_preformatted=is_preformatted)
        else:
            self.end_paragraph()
            self.walk_inside(element, is_preformatted=is_preformatted or tag in ("pre", "listing"))
            self.end_paragraph()

    def walk_inside(self, element: Any, *, is_preformatted: bool = False) -> None:
        """Reads what an element contains."""
        self._text.append(_plain(element.text, is_preformatted))
        for child in element:
            self.walk(child, is_preformatted=is_preformatted)
            self._text.append(_plain(child.tail, is_preformatted))

    def end_paragraph(self) -> None:
        """Closes the running text."""
        text = "".join(self._text)
        self._text = []
        self.blocks.extend(text_to_paragraphs(_DOUBLE_SPACE.sub(" ", text)))

    def _is_unseen(self, element: Any) -> bool:
        if element.tag in _UNSEEN:
            return True
        if element.tag == "img":
            self._notes.add("pictures_not_read", (element.get("alt") or element.get("src") or "picture")[:60])
        if element.get("hidden") is None and not _HIDING.search(element.get("style") or ""):
            return False
        if text := _squeeze("".join(element.itertext())):
            self._notes.add("hidden_text", repr(text[:40]))
        return True

    def _table(self, table: Any) -> None:
        for caption in table.iterfind("caption"):
            self.walk(caption)
        self._n_tables += 1
        rows = [list(self._row_cells(row)) for row in _rows(table) if not self._is_unseen(row)]
        self.blocks.extend(cells_to_blocks(rows_to_cells(rows, f"table {self._n_tables}"), GridSource.MARKUP))

    def _row_cells(self, row: Any) -> Iterator[MarkupCell]:
        for cell in row.iterchildren("td", "th"):
            if not self._is_unseen(cell):
                row_span = _span(cell.get("rowspan"), 10_000)
                yield MarkupCell(self._cell_text(cell), row_span, _span(cell.get("colspan"), 1000))

    def _cell_text(self, cell: Any) -> str:
        """The lines of a cell, read as a small page of its own."""
        inner = _Page(self._notes)
        inner.walk_inside(cell)
        inner.end_paragraph()
        return "\n".join(block.text for block in inner.blocks if isinstance(block, Paragraph))


def _rows(table: Any) -> Sequence[Any]:
    """The rows as they are seen: a foot may stand before the body in the source."""
    rows = list(table.iter("tr"))
    return sorted(rows, key=lambda row: row.getparent().tag == "tfoot")


def _plain(text: str | None, is_preformatted: bool) -> str:
    text = (text or "").translate(_INVISIBLE)
    return text.replace("\xa0", " ") if is_preformatted else _BLANKS.sub(" ", text)


def _squeeze(text: str) -> str:
    return " ".join(text.split())


def _span(text: str | None, largest: int) -> int:
    value = (text or "").strip()
    return min(max(int(value), 1), largest) if value.isdecimal() and len(value) < 10 else 1
