"""Pages of PDFs as pictures, drawn in the sandbox (`cnbudget.sandbox.Readers` with `explorer.pictures:draw`).

Eight shades of grey at 108 dots per inch, as lossless WebP: about 25 KB and 10 ms a page, and sharp at double size.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pypdfium2 as pdfium

DRAW = "explorer.pictures:draw"
"""What `Readers` is to call."""

VERSION = "1"
"""Raise it when pages are drawn in another way: they are drawn anew."""

DOTS_PER_POINT = 1.5
SHADES = 8
MAX_SIDE = 4000
"""Pixels; a page that claims to be larger is drawn smaller."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A page (from 1), its size in points, and how it looks, as WebP."""

    page: int
    width: float
    height: float
    data: bytes


def order(document_id: str, pages: Iterable[int]) -> str:
    """What to draw, as the name of a source for the sandbox: the document and its pages."""
    return f"{document_id} {','.join(map(str, sorted(pages)))}"


def draw(sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """The pictures of the pages that each source's name asks for, packed.

    Runs in a child of its own: a process that has read a PDF shows boxes where a font is not embedded
    (`cnbudget.reading.standin`), and here the machine's fonts are wanted.
    """
    import pypdfium2 as pdfium

    results = []
    for name, data in sources:
        wanted = [int(page) for page in name.partition(" ")[2].split(",") if page]
        document = pdfium.PdfDocument(data)
        try:
            results.append(_pack([_draw(page, document[page - 1]) for page in wanted if page <= len(document)]))
        finally:
            document.close()
    return results


def _draw(number: int, page: pdfium.PdfPage) -> Picture:
    width, height = page.get_size()
    scale = min(DOTS_PER_POINT, MAX_SIDE / max(width, height, 1))
    image = page.render(scale=scale, grayscale=True).to_pil()
    step = 256 // SHADES
    image = image.point([round(value // step * 255 / (SHADES - 1)) for value in range(256)])
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return Picture(number, round(width, 2), round(height, 2), buffer.getvalue())


def held_result(file_name: str, data: bytes, reason: str, rule_id: str) -> bytes:  # noqa: ARG001
    """No picture where the child died over a document: its page says so, and its figures are there all the same."""
    return _pack([])


def _pack(pictures: Sequence[Picture]) -> bytes:
    header = json.dumps([(each.page, each.width, each.height, len(each.data)) for each in pictures])
    return header.encode() + b"\n" + b"".join(each.data for each in pictures)


def unpack(packed: bytes) -> list[Picture]:
    """The pictures that a child packed."""
    header, _, data = packed.partition(b"\n")
    pictures, start = [], 0
    for page, width, height, n_bytes in json.loads(header):
        pictures.append(Picture(int(page), float(width), float(height), data[start : start + n_bytes]))
        start += n_bytes
    return pictures


def pages_digest(pages: Iterable[int]) -> str:
    """What decides a document's pictures, beside its bytes."""
    return hashlib.sha256(f"{VERSION} {sorted(pages)}".encode()).hexdigest()[:16]
