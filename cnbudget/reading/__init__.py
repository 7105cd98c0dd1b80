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
}


def read_document(file_name: str, data: bytes) -> Document:
    """Reads a document of any supported format, told from its bytes.

    Raises UnreadableDocument (or one of its kinds) where the bytes are no document, and LimitExceeded.
    """
    if not data:
        raise EmptyDocument("0 bytes; fetch the file again", where=file_name)
    if len(data) > MAX_BYTES:
        raise LimitExceeded(f"{len(data)} bytes found, at most {MAX_BYTES} expected", where=file_name)
    kind, claimed = sniff(file_name, data), suffix_media_type(file_name)
    if kind not in READERS:
        raise UnsupportedFormat(f"no reader for {kind}; convert it to PDF", where=file_name)
    if claimed not in (MediaType.UNKNOWN, kind) and {claimed, kind} != {MediaType.TEXT, MediaType.MARKDOWN}:
        raise UnsupportedFormat(
            f"the name says {claimed}, the bytes say {kind}; check what it is and give it the right ending",
            where=file_name,
        )
    read: Callable[[str, bytes], Document] = import_module(READERS[kind]).read
    return read(file_name, data)
