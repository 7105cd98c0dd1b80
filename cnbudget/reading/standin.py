"""The typeface that stands in for fonts which a PDF names but does not carry.

PDFium looks for such fonts on the machine. What it finds decides where characters stand, and whether they are read at all: it
leaves out a text without an outline, even where the PDF says (ToUnicode) which character it is. With one typeface of ours, a
box for every character, a document reads the same on every machine, fonts or none. The advance widths come from the PDF.
"""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Callable
from functools import cache
from itertools import pairwise

from pypdfium2 import raw

_EM = 1000
_BOX = (50, -80, 950, 820)
"""Left, bottom, right and top of the ink of a character, about that of Chinese type."""
_NARROW = (30, -80, 450, 820)
"""The same of ASCII: figures and Latin letters are about half as wide as they are high, in Chinese type too."""
_STANDARD = re.compile(rb"(?:Helvetica|Courier|Times|Symbol|ZapfDingbats)(?:[-,].*)?")
"""The fonts that PDFium carries itself, since a PDF may leave out even their widths."""
_HANDLE = 1


@cache
def typeface() -> bytes:
    """A TrueType font of three glyphs: none for white space, a narrow box for ASCII, a wide one for all else of Unicode."""
    narrow, wide = _outline(_NARROW), _outline(_BOX)
    left, _, right, top = _BOX
    # Format 13 of `cmap` gives whole ranges of characters one glyph.
    ranges = struct.pack(">2H3L", 13, 0, 40, 0, 2) + struct.pack(">6L", 0x21, 0x7E, 1, 0xA1, 0x10FFFF, 2)
    return _font_file(
        {
            b"cmap": struct.pack(">4HL", 0, 1, 3, 10, 12) + ranges,
            b"glyf": narrow + wide,
            b"head": struct.pack(">4L2H2q4h2H3h", 0x10000, 0x10000, 0, 0x5F0F3CF5, 0, _EM, 0, 0, *_BOX, 0, 8, 2, 1, 0),
            b"hhea": struct.pack(">L3hH11hH", 0x10000, top, -180, 0, _EM, left, left, right, 1, *[0] * 7, 3),
            b"hmtx": struct.pack(">HhHhHh", _EM, 0, _EM // 2, _NARROW[0], _EM, left),
            b"loca": struct.pack(">4L", 0, 0, len(narrow), len(narrow + wide)),
            b"maxp": struct.pack(">L14H", 0x10000, 3, 4, 1, 0, 0, 2, *[0] * 8),
            b"name": struct.pack(">9H", 0, 1, 18, 3, 1, 0x409, 1, 6, 0) + "Box".encode("utf-16-be"),
            b"post": struct.pack(">Ll2h5L", 0x30000, 0, 0, 0, *[0] * 5),
        }
    )


def _outline(box: tuple[int, int, int, int]) -> bytes:
    """A glyph of one contour around a box."""
    left, bottom, right, top = box
    corners = [(left, bottom), (left, top), (right, top), (right, bottom)]
    steps = [corners[0], *((x - u, y - v) for (u, v), (x, y) in pairwise(corners))]
    outline = struct.pack(">5h2H4B", 1, left, bottom, right, top, 3, 0, 1, 1, 1, 1)
    outline += struct.pack(">4h4h", *(dx for dx, _ in steps), *(dy for _, dy in steps))
    return outline + bytes(-len(outline) % 4)


def _font_file(tables: dict[bytes, bytes]) -> bytes:
    """Tables under their directory, each at a multiple of four bytes."""
    directory = struct.pack(">L4H", 0x10000, len(tables), 128, 3, len(tables) * 16 - 128)
    body = b""
    for tag, table in sorted(tables.items()):
        directory += tag + struct.pack(">3L", 0, 12 + 16 * len(tables) + len(body), len(table))
        body += table + bytes(-len(table) % 4)
    return directory + body


def _table(tag: int) -> bytes:
    """One table of the typeface; all of it for tag 0; nothing for a table that it has not."""
    data = typeface()
    if not tag:
        return data
    for at in range(12, 12 + 16 * struct.unpack_from(">H", data, 4)[0], 16):
        name, _, offset, length = struct.unpack_from(">4L", data, at)
        if name == tag:
            return data[offset : offset + length]
    return b""


def _map_font(*arguments: object) -> int:
    """(this, weight, is italic, character set, pitch, face, is exact) -> handle, 0 for a font that PDFium has itself."""
    face = ctypes.cast(arguments[5], ctypes.c_char_p).value or b""  # type: ignore[arg-type]
    return 0 if _STANDARD.fullmatch(face) else _HANDLE


def _font_data(*arguments: int) -> int:
    """(this, handle, tag, buffer, size) -> length of the table, which is copied where the buffer holds it."""
    _, _, tag, buffer, size = arguments
    data = _table(tag)
    if data and size >= len(data):
        ctypes.memmove(buffer, data, len(data))
    return len(data)


def _nothing(*_: object) -> None:
    return None


def _zero(*_: object) -> int:
    return 0


_CALLS: dict[str, Callable[..., int | None]] = {
    "Release": _nothing,
    "EnumFonts": _nothing,
    "MapFont": _map_font,
    "GetFont": _zero,
    "GetFontData": _font_data,
    "GetFaceName": _zero,
    "GetFontCharset": _zero,
    "DeleteFont": _nothing,
}


@cache
def stand_in() -> raw.FPDF_SYSFONTINFO:
    """Makes PDFium use the typeface from now on, once a process; what is returned must live as long as PDFium does."""
    info = raw.FPDF_SYSFONTINFO()
    info.version = 1
    kinds = dict(raw.FPDF_SYSFONTINFO._fields_)
    for name, call in _CALLS.items():
        setattr(info, name, kinds[name](call))
    raw.FPDF_SetSystemFontInfo(ctypes.byref(info))
    return info
