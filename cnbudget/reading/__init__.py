"""Bytes in, `Document` out: one file hides one library, imported when its format is met."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from cnbudget.errors import EmptyDocument, LimitExceeded, UnsupportedFormat
from cnbudget.model import Document, MediaType
from cnbudget.reading.media import sniff, suffix_media_type

__all__ = ["MAX_BYTES", "read_document", "sniff"]

MAX_BYTES = 256_000_000
"""Larger files are refused unread: the largest budget seen is under 2 MB."""

READERS = {
    MediaType.PDF: "cnbudget.reading.pdf",
    MediaType.TEXT: "cnbudget.reading.text",
    MediaType.MARKDOWN: "cnbudget.reading.markdown",
    MediaType.HTML: "cnbudget.reading.html",
    MediaType.DOCX: "cnbudget.reading.docx",
    MediaType.XLSX: "cnbudget.reading.xlsx",
    MediaType.DOC: "cnbudget.reading.doc",
    MediaType.XLS: "cnbudget.reading.xls",
}

PASSING = {
    MediaType.TEXT: {MediaType.MARKDOWN},
    MediaType.MARKDOWN: {MediaType.TEXT},
    MediaType.XLS: {MediaType.XLSX, MediaType.HTML},
    MediaType.DOC: {MediaType.DOCX, MediaType.HTML},
}
"""Bytes of another format that a name may carry without a lie: office programs write them under the old ending."""


def read_document(file_name: str, data: bytes) -> Document:
    """Reads a document of any supported format, told from its bytes.

    Raises UnreadableDocument (or one of its kinds) where the bytes are no document, and LimitExceeded.
    """
    if not data:
        raise EmptyDocument("0 bytes; fetch the file again", where=file_name)
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{len(data)} bytes found, at most {MAX_BYTES} expected", where=file_name)
    kind, claimed = sniff(file_name, data), suffix_media_type(file_name)
    if kind not in READERS and kind is not MediaType.ZIP:
        advice = "unpack it" if kind in (MediaType.RAR, MediaType.SEVEN_ZIP) else "convert it to PDF"
        raise UnsupportedFormat(f"no reader for {kind}; {advice}", where=file_name)
    if claimed not in (MediaType.UNKNOWN, kind) and kind not in PASSING.get(claimed, ()):
        raise UnsupportedFormat(
            f"the name says {claimed}, the bytes say {kind}; check what it is and give it the right ending",
            where=file_name,
        )
    if kind is MediaType.ZIP:
        from cnbudget.reading import archive

        return archive.read(file_name, data, read_document)
    read: Callable[[str, bytes], Document] = import_module(READERS[kind]).read
    return read(file_name, data)
