"""Word documents (.docx): paragraphs and tables in the order of the text.

Read from the markup itself: the usual library passes over content controls, text boxes and tracked insertions, and what
it passes over would be missing from a budget without a trace. Tracked changes are read as accepted, and noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from xml.etree.ElementTree import Element

from cnbudget.errors import LimitExceeded
from cnbudget.model import Block, Cell, Document, GridSource, MediaType
from cnbudget.reading.blocks import (
    MAX_CELLS,
    MAX_COLUMNS,
    Notes,
    build_document,
    cell_name,
    cells_to_blocks,
    text_to_paragraphs,
    too_large,
)
from cnbudget.reading.ooxml import Package

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PICTURE = "{http://schemas.openxmlformats.org/drawingml/2006/picture}pic"
_PARAGRAPH, _TABLE, _ROW, _CELL, _TEXT_BOX = (f"{_W}{name}" for name in ("p", "tbl", "tr", "tc", "txbxContent"))

_DELETED = {f"{_W}{name}" for name in ("del", "moveFrom")}
_PASSED_OVER = {_FALLBACK, *(f"{_W}{name}" for name in ("pPr", "rPr", "tblPr", "trPr", "tcPr", "instrText", "delText"))}
_MARKS = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
    f"{_W}softHyphen": "",
    f"{_W}sym": "□",
}
_MAX_DEPTH = 60


def read(file_name: str, data: bytes) -> Document:
    """Reads a .docx file. Raises UnreadableDocument and its kinds, or LimitExceeded.

    `notes`: hidden_text, hidden_rows, tracked_changes, automatic_numbering, pictures_not_read, parts_not_read.
    """
    package = Package(file_name, data)
    part = package.main_part("word/document.xml")
    reader = _Reader(file_name)
    blocks = list(reader.blocks(package.xml(part), 0))
    for kind, name in package.related(part).values():
        if kind in ("footnotes", "endnotes") and package.has(name):
            blocks.extend(reader.blocks(package.xml(name), 0))
        elif kind == "aFChunk":
            reader.notes.add("parts_not_read", name)
    return build_document(file_name, data, MediaType.DOCX, blocks, reader.notes)


class _Reader:
    """Walks the markup of one document, counting its tables and noting what is not read."""

    def __init__(self, file_name: str) -> None:
        self.notes = Notes()
        self._file_name = file_name
        self._n_tables = 0
        self._n_cells = 0

    def blocks(self, element: Element, depth: int) -> Iterator[Block]:
        for child in self._children(element, depth):
            if child.tag == _PARAGRAPH:
                boxes: list[Element] = []
                yield from text_to_paragraphs(self._paragraph_text(child, boxes, depth + 1))
                for box in boxes:
                    yield from self.blocks(box, depth + 1)
            elif child.tag == _TABLE:
                yield from self._table(child, depth + 1)
            else:
                yield from self.blocks(child, depth + 1)

    def _children(self, element: Element, depth: int) -> Iterator[Element]:
        if depth > _MAX_DEPTH:
            raise LimitExceeded(
                f"markup nested deeper than {_MAX_DEPTH} found, expected paragraphs and tables; save it as plain .docx",
                where=self._file_name,
            )
        for child in element:
            if child.tag in _DELETED:
                self.notes.add("tracked_changes", f"deleted: {_raw_text(child)[:40]!r}")
            elif child.tag not in _PASSED_OVER:
                if child.tag == f"{_W}ins":
                    self.notes.add("tracked_changes", f"inserted: {_raw_text(child)[:40]!r}")
                yield child

    def _paragraph_text(self, paragraph: Element, boxes: list[Element], depth: int) -> str:
        if paragraph.find(f"{_W}pPr/{_W}numPr") is not None:
            self.notes.add("automatic_numbering", _raw_text(paragraph)[:20])
        return "".join(self._texts(paragraph, boxes, depth))

    def _texts(self, element: Element, boxes: list[Element], depth: int) -> Iterator[str]:
        for child in self._children(element, depth):
            if child.tag == f"{_W}t":
                yield child.text or ""
            elif child.tag in _MARKS:
                yield _MARKS[child.tag]
            elif child.tag == _TEXT_BOX:
                boxes.append(child)
            elif child.tag == _PICTURE:
                self.notes.add("pictures_not_read", f"picture after {self._n_tables} tables")
            elif child.tag == f"{_W}r" and _is_on(child.find(f"{_W}rPr/{_W}vanish")):
                self.notes.add("hidden_text", repr(_raw_text(child)[:40]))
            else:
                yield from self._texts(child, boxes, depth + 1)

    def _table(self, table: Element, depth: int) -> Iterator[Block]:
        # A table that holds tables only lays out the page: its cells are read as text and tables of their own.
        if sum(1 for _ in table.iter(_TABLE)) > 1:
            yield from self.blocks(table, depth)
            return
        self._n_tables += 1
        boxes: list[Element] = []
        cells = self._table_cells(table, boxes, depth)
        yield from cells_to_blocks(cells, GridSource.MARKUP)
        for box in boxes:
            yield from self.blocks(box, depth)

    def _table_cells(self, table: Element, boxes: list[Element], depth: int) -> list[Cell]:
        name = f"table {self._n_tables}"
        cells: list[Cell] = []
        open_cells: dict[int, int] = {}
        for row_number, row in enumerate(self._within(table, _ROW, depth)):
            if self._is_hidden_row(row, f"{name} row {row_number + 1}"):
                continue
            column = _number(row.find(f"{_W}trPr/{_W}gridBefore"), 0)
            for element in self._within(row, _CELL, depth):
                span = max(_number(element.find(f"{_W}tcPr/{_W}gridSpan"), 1), 1)
                if _continues(element) and column in open_cells:
                    above = cells[open_cells[column]]
                    cells[open_cells[column]] = replace(above, row_span=row_number - above.row + 1)
                    if covered := _raw_text(element).strip():
                        self.notes.add("hidden_text", f"under a merged cell: {covered[:40]!r}")
                else:
                    open_cells[column] = len(cells)
                    text = self._cell_text(element, boxes, depth + 1)
                    reference = f"{name}!{cell_name(row_number, column)}"
                    cells.append(Cell(row_number, column, text, 1, span, cell_ref=reference))
                column += span
                self._n_cells += 1
                if column > MAX_COLUMNS or self._n_cells > MAX_CELLS:
                    raise too_large(f"{self._file_name}: {name}")
        return [cell for cell in cells if cell.text]

    def _cell_text(self, element: Element, boxes: list[Element], depth: int) -> str:
        paragraphs = self._within(element, _PARAGRAPH, depth)
        return "\n".join(self._paragraph_text(each, boxes, depth + 1) for each in paragraphs).strip()

    def _within(self, element: Element, tag: str, depth: int) -> Iterator[Element]:
        """The nearest descendants of this tag, through content controls and insertions."""
        for child in self._children(element, depth):
            if child.tag == tag:
                yield child
            else:
                yield from self._within(child, tag, depth + 1)

    def _is_hidden_row(self, row: Element, name: str) -> bool:
        if row.find(f"{_W}trPr/{_W}del") is not None:
            self.notes.add("tracked_changes", f"deleted: {name}")
            return True
        if _is_on(row.find(f"{_W}trPr/{_W}hidden")):
            self.notes.add("hidden_rows", name)
            return True
        return False


def _raw_text(element: Element) -> str:
    return "".join(each.text or "" for each in element.iter() if each.tag in (f"{_W}t", f"{_W}delText"))


def _is_on(switch: Element | None) -> bool:
    return switch is not None and switch.get(f"{_W}val", "1") not in ("0", "false", "off")


def _number(element: Element | None, default: int) -> int:
    value = element.get(f"{_W}val", "") if element is not None else ""
    return int(value) if value.isdecimal() and len(value) < 6 else default


def _continues(cell: Element) -> bool:
    merge = cell.find(f"{_W}tcPr/{_W}vMerge")
    return merge is not None and merge.get(f"{_W}val", "continue") != "restart"
