"""PDF through pypdfium2: the only file that knows it, `standin.py` for its fonts aside.

Every page gives its lines of text; a page that looks tabular gives its grids as well, from the ruling lines of its path
objects and the boxes of its characters. Text that lies outside the page (clipped, it comes again on the next one) is not read.
"""

from __future__ import annotations

import ctypes
import hashlib
import itertools
import math
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from cnbudget.errors import EmptyDocument, EncryptedDocument, LimitExceeded, UnreadableDocument
from cnbudget.model import Block, Box, Document, MediaType, Paragraph
from cnbudget.reading.lattice import (
    Glyph,
    Lattice,
    Stroke,
    glyphs_to_lines,
    glyphs_to_text,
    lattice_to_grid,
    strokes_to_lattices,
)
from cnbudget.reading.standin import stand_in

MAX_PAGES = 2000

THIN = 3.0
"""A filled rectangle thinner than this is a ruling line (points)."""

_TABULAR = re.compile(
    r"分类科目|预算数|预算总表|预算表\s*$|(?:合\s*计|总\s*计|小\s*计|\d[\d,]*\.?\d*)[ \t]*\r?$", re.MULTILINE
)
"""A page with such a line may hold a table: a form's title or header word, or a line that ends in a number or a total."""

_RADICAL = re.compile("[⺀-⻳⼀-⿕]")

_SAMPLED = 8
"""So many characters of a page say which way its text runs."""
_AT_ENDS = 3
"""So many objects are looked at where a page begins and where it ends, for text that stands askew."""
_SLANT = 0.05
"""Radians by which text stands askew."""
MAX_NESTING = 8
"""Form objects inside form objects are followed this deep."""

Rectangle = tuple[float, float, float, float]
Flip = Callable[[float, float, float, float], Rectangle]


def _address(pointer: object) -> int:
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0  # type: ignore[arg-type]


def _direct(function: object, result: type, *arguments: type) -> Callable[..., int]:
    """A function of PDFium on bare addresses: the binding's own checks cost as much as the call, a million times a batch."""
    return ctypes.CFUNCTYPE(result, *arguments)(_address(function))


_POINTER, _INT = ctypes.c_void_p, ctypes.c_int
_get_char_box = _direct(raw.FPDFText_GetCharBox, _INT, _POINTER, _INT, _POINTER, _POINTER, _POINTER, _POINTER)
_get_object = _direct(raw.FPDFPage_GetObject, _POINTER, _POINTER, _INT)
_get_type = _direct(raw.FPDFPageObj_GetType, _INT, _POINTER)


def read(file_name: str, data: bytes) -> Document:
    """Reads a PDF. Raises UnreadableDocument, EncryptedDocument, EmptyDocument or LimitExceeded."""
    stand_in()
    document = _open(file_name, data)
    try:
        n_pages = len(document)
        if n_pages > MAX_PAGES:
            raise LimitExceeded(
                f"{n_pages} pages found, at most {MAX_PAGES} expected; split the document", where=file_name
            )
        blocks: list[Block] = []
        n_glyphs = 0
        for number in range(n_pages):
            page = _load(document, number, file_name)
            page_blocks, n_page_glyphs = _page_blocks(page, number + 1)
            blocks.extend(page_blocks)
            n_glyphs += n_page_glyphs
            page.close()
    finally:
        document.close()
    if not n_glyphs:
        raise EmptyDocument(
            f"no text on any of {n_pages} pages, perhaps a scan; publish a PDF with text or wait for OCR",
            where=file_name,
        )
    document_id = hashlib.sha256(data).hexdigest()
    return Document(document_id, file_name, MediaType.PDF, len(data), n_pages, blocks)


def _open(file_name: str, data: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower() or "security" in str(error).lower():
            raise EncryptedDocument("needs a password; publish it without one", where=file_name) from error
        raise UnreadableDocument(
            f"no PDF that can be opened ({error}); fetch it again, it may be cut off", where=file_name
        ) from error


def _load(document: pdfium.PdfDocument, number: int, file_name: str) -> pdfium.PdfPage:
    try:
        return document[number]
    except pdfium.PdfiumError as error:
        raise UnreadableDocument(
            f"page {number + 1} of {len(document)} cannot be loaded; fetch the file again, it may be damaged",
            where=file_name,
        ) from error


def _page_blocks(page: pdfium.PdfPage, number: int) -> tuple[list[Block], int]:
    """The blocks of one page from top to bottom, and how many characters they rest on."""
    text_page = page.get_textpage()
    try:
        text = _page_text(text_page)
        if _has_slanted_text(page.raw):
            text = _without_slanted(text_page, text)
        frame = _page_frame(page, _turn_of(text_page, text) if text.strip() else page.get_rotation())
        lattices: list[Lattice] = []
        if _TABULAR.search(text):
            lattices = strokes_to_lattices(*_page_strokes(page.raw, frame.flip))
        if not lattices:
            return _top_to_bottom(list(_text_lines(text_page, text, number, frame))), len(text)
        return _grids_and_lines(lattices, _page_glyphs(text_page, text, frame), number), len(text)
    finally:
        text_page.close()


def _page_text(text_page: pdfium.PdfTextPage) -> str:
    """The page's characters, one for each index of PDFium's text page."""
    count = text_page.count_chars()
    text: str = text_page.get_text_range(0, count) if count else ""
    if len(text) != count:
        text = "".join(_character(raw.FPDFText_GetUnicode(text_page.raw, index)) for index in range(count))
    if _RADICAL.search(text):
        text = _RADICAL.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    return text


def _has_slanted_text(page: raw.FPDF_PAGE) -> bool:
    """Whether text stands askew among the objects that are drawn first or last, as a watermark does: over or under a table."""
    count = raw.FPDFPage_CountObjects(page)
    ends = {*range(min(count, _AT_ENDS)), *range(max(0, count - _AT_ENDS), count)}
    return any(_is_slanted(raw.FPDFPage_GetObject(page, index)) for index in ends)


def _is_slanted(item: raw.FPDF_PAGEOBJECT, depth: int = 0) -> bool:
    """Whether an object is text askew, or a form object that is or holds such."""
    kind = raw.FPDFPageObj_GetType(item)
    if kind not in (raw.FPDF_PAGEOBJ_TEXT, raw.FPDF_PAGEOBJ_FORM):
        return False
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
    upright, sideways = abs(matrix.a) + abs(matrix.d), abs(matrix.b) + abs(matrix.c)
    if min(upright, sideways) > _SLANT * max(upright, sideways):
        return True
    if kind == raw.FPDF_PAGEOBJ_TEXT or depth >= MAX_NESTING:
        return False
    inner = range(min(raw.FPDFFormObj_CountObjects(item), _AT_ENDS))
    return any(_is_slanted(raw.FPDFFormObj_GetObject(item, index), depth + 1) for index in inner)


def _without_slanted(text_page: pdfium.PdfTextPage, text: str) -> str:
    """The text with blanks for characters that stand askew to the page's sides."""
    quarter = math.pi / 2

    def is_slanted(index: int) -> bool:
        angle: float = raw.FPDFText_GetCharAngle(text_page.raw, index) % quarter
        return min(angle, quarter - angle) > _SLANT

    return "".join(" " if is_slanted(index) else character for index, character in enumerate(text))


def _character(code: int) -> str:
    return chr(code) if code and code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "\ufffd"


@dataclass(frozen=True, slots=True)
class Frame:
    """A page's size as it is read, and how to turn PDF space (rotation and crop included) to points from the top left."""

    flip: Flip
    width: float
    height: float


def _turn_of(text_page: pdfium.PdfTextPage, text: str) -> int:
    """By how many degrees a page has to be turned for its text to stand upright: by its /Rotate as a rule, but a table may be
    set sideways on its page, or the page be shown so."""
    shown = [index for index, character in enumerate(text) if not character.isspace()]
    some = shown[:: max(1, len(shown) // _SAMPLED)]
    # PDFium counts angles clockwise: text that runs upwards, and is turned to the right to be read, is at 270 degrees.
    turns: list[int] = [-round(raw.FPDFText_GetCharAngle(text_page.raw, index) / (math.pi / 2)) % 4 for index in some]
    return 90 * max(sorted(set(turns)), key=turns.count)


def _page_frame(page: pdfium.PdfPage, rotation: int) -> Frame:
    left, bottom, right, top = page.get_bbox()
    width, height = right - left, top - bottom
    if rotation == 90:
        return Frame(lambda x0, y0, x1, y1: (y0 - bottom, x0 - left, y1 - bottom, x1 - left), height, width)
    if rotation == 180:
        return Frame(lambda x0, y0, x1, y1: (right - x1, y0 - bottom, right - x0, y1 - bottom), width, height)
    if rotation == 270:
        return Frame(lambda x0, y0, x1, y1: (top - y1, right - x1, top - y0, right - x0), height, width)
    return Frame(lambda x0, y0, x1, y1: (x0 - left, top - y1, x1 - left, top - y0), width, height)


def _page_glyphs(text_page: pdfium.PdfTextPage, text: str, frame: Frame) -> list[Glyph]:
    """Every character that can be seen on the page with its box, in stream order."""
    box = (ctypes.c_double * 4)()
    left = ctypes.addressof(box)
    right, bottom, top = left + 8, left + 16, left + 24
    handle, read_box = _address(text_page.raw), struct.Struct("4d").unpack_from
    flip, make, right_edge, bottom_edge = frame.flip, Glyph._make, 2 * frame.width, 2 * frame.height
    glyphs = []
    for index, character in enumerate(text):
        if character.isspace() or not _get_char_box(handle, index, left, right, bottom, top):
            continue
        x0, x1, y0, y1 = read_box(box)
        x0, y0, x1, y1 = flip(x0, y0, x1, y1)
        if 0 <= x0 + x1 <= right_edge and 0 <= y0 + y1 <= bottom_edge:
            glyphs.append(make((character, x0, y0, x1, y1)))
    return glyphs


def _page_strokes(page: raw.FPDF_PAGE, flip: Flip) -> tuple[list[Stroke], list[Stroke]]:
    """The horizontal and the vertical ruling lines among a page's path objects."""
    horizontal: list[Stroke] = []
    vertical: list[Stroke] = []
    for x0, y0, x1, y1 in _rectangles(page):
        left, top, right, bottom = flip(x0, y0, x1, y1)
        if bottom - top <= THIN and right - left > THIN:
            horizontal.append(Stroke((top + bottom) / 2, left, right))
        elif right - left <= THIN and bottom - top > THIN:
            vertical.append(Stroke((left + right) / 2, top, bottom))
    return horizontal, vertical


def _rectangles(page: raw.FPDF_PAGE) -> Iterator[Rectangle]:
    """The parts of all paths, those inside form objects too; a stroked rectangle comes as its four sides."""
    handle = _address(page)
    for index in range(raw.FPDFPage_CountObjects(page)):
        kind = _get_type(_get_object(handle, index))
        if kind == raw.FPDF_PAGEOBJ_PATH:
            yield from _path_rectangles(raw.FPDFPage_GetObject(page, index))
        elif kind == raw.FPDF_PAGEOBJ_FORM:
            yield from _form_rectangles(raw.FPDFPage_GetObject(page, index))


def _form_rectangles(form: raw.FPDF_PAGEOBJECT, depth: int = 0) -> Iterator[Rectangle]:
    """The same of a form object, whose paths have a space of their own."""
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(form, ctypes.byref(matrix))
    a, b, c, d, e, f = (getattr(matrix, name) for name in "abcdef")
    for index in range(raw.FPDFFormObj_CountObjects(form) if depth < MAX_NESTING else 0):
        item = raw.FPDFFormObj_GetObject(form, index)
        kind = raw.FPDFPageObj_GetType(item)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            inner = _path_rectangles(item)
        elif kind == raw.FPDF_PAGEOBJ_FORM:
            inner = _form_rectangles(item, depth + 1)
        else:
            continue
        for x0, y0, x1, y1 in inner:
            xs, ys = (a * x0 + c * y0 + e, a * x1 + c * y1 + e), (b * x0 + d * y0 + f, b * x1 + d * y1 + f)
            yield min(xs), min(ys), max(xs), max(ys)


def _path_rectangles(item: raw.FPDF_PAGEOBJECT) -> Iterator[Rectangle]:
    bounds = (ctypes.c_float * 4)()
    left, bottom, right, top = (
        ctypes.cast(ctypes.byref(bounds, 4 * i), ctypes.POINTER(ctypes.c_float)) for i in range(4)
    )
    raw.FPDFPageObj_GetBounds(item, left, bottom, right, top)
    x0, y0, x1, y1 = bounds
    if x1 - x0 <= THIN or y1 - y0 <= THIN:
        yield x0, y0, x1, y1
    elif raw.FPDFPath_CountSegments(item) > 5 or _is_stroked(item):
        yield from _path_parts(item)


def _is_stroked(item: raw.FPDF_PAGEOBJECT) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(item, ctypes.byref(fill), ctypes.byref(stroke))
    return bool(stroke.value)


def _path_parts(item: raw.FPDF_PAGEOBJECT) -> Iterator[Rectangle]:
    """Thin subpaths as their box; of a stroked path every straight segment."""
    stroked = _is_stroked(item)
    for points in _subpaths(item):
        xs, ys = [x for x, _ in points], [y for _, y in points]
        if min(max(xs) - min(xs), max(ys) - min(ys)) <= THIN:
            yield min(xs), min(ys), max(xs), max(ys)
        elif stroked:
            for (xa, ya), (xb, yb) in itertools.pairwise(points):
                yield min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)


def _subpaths(item: raw.FPDF_PAGEOBJECT) -> Iterator[list[tuple[float, float]]]:
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    points: list[tuple[float, float]] = []
    for index in range(raw.FPDFPath_CountSegments(item)):
        segment = raw.FPDFPath_GetPathSegment(item, index)
        if raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_MOVETO and points:
            yield points
            points = []
        raw.FPDFPathSegment_GetPoint(segment, ctypes.byref(x), ctypes.byref(y))
        points.append(
            (matrix.a * x.value + matrix.c * y.value + matrix.e, matrix.b * x.value + matrix.d * y.value + matrix.f)
        )
        if raw.FPDFPathSegment_GetClose(segment):
            points.append(points[0])
    if points:
        yield points


def _grids_and_lines(lattices: list[Lattice], glyphs: list[Glyph], number: int) -> list[Block]:
    blocks: list[tuple[float, Block]] = []
    for lattice in lattices:
        grid, glyphs = lattice_to_grid(lattice, glyphs, number)
        blocks.append((lattice.ys[0], grid))
    for line in glyphs_to_lines(glyphs):
        text, box = glyphs_to_text(line)
        blocks.append((box.y0, Paragraph(text, number, box)))
    return [block for _, block in sorted(blocks, key=lambda item: item[0])]


def _top_to_bottom(lines: list[Paragraph]) -> list[Block]:
    """Lines as they stand on the page where the page has one column; some programs write a heading after its text.

    Pieces of one line stay together. Lines beside one another that do not follow each other are columns: left as they are.
    """
    rows: list[list[Paragraph]] = []
    for line in lines:
        if rows and _is_beside(rows[-1][-1], line):
            rows[-1].append(line)
        else:
            rows.append([line])
    ordered = sorted(rows, key=lambda row: row[0].box.y0 if row[0].box else 0.0)
    if any(_is_beside(above[0], below[0]) for above, below in itertools.pairwise(ordered)):
        return [*lines]
    return [line for row in ordered for line in row]


def _is_beside(one: Paragraph, other: Paragraph) -> bool:
    """Whether two lines share more than half of the lower one's height."""
    a, b = one.box, other.box
    if a is None or b is None:
        return False
    return min(a.y1, b.y1) - max(a.y0, b.y0) > min(a.y1 - a.y0, b.y1 - b.y0) / 2


def _text_lines(text_page: pdfium.PdfTextPage, text: str, number: int, frame: Frame) -> Iterator[Paragraph]:
    """The lines of a page without tables; a line's box is that from its first to its last character."""
    handle = text_page.raw
    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    pointers = tuple(ctypes.byref(value) for value in (left, right, bottom, top))
    for match in re.finditer(r"[^\r\n]+", text):
        line = match[0].strip()
        if not line:
            continue
        start = match.start() + len(match[0]) - len(match[0].lstrip())
        boxes = []
        for index in (start, start + len(line) - 1):
            if raw.FPDFText_GetCharBox(handle, index, *pointers):
                boxes.append(frame.flip(left.value, bottom.value, right.value, top.value))
        if not boxes:
            continue
        box = Box(
            min(item[0] for item in boxes),
            min(item[1] for item in boxes),
            max(item[2] for item in boxes),
            max(item[3] for item in boxes),
        )
        middle = (box.y0 + box.y1) / 2
        if box.x0 < frame.width and box.x1 > 0 and 0 <= middle <= frame.height:
            yield Paragraph(line, number, box)
