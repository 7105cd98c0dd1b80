"""What kind of file the bytes are. The name is a hint that is checked, never believed."""

from __future__ import annotations

import io
import zipfile
from pathlib import PurePosixPath

from cnbudget.model import MediaType

BY_SUFFIX = {
    ".pdf": MediaType.PDF,
    ".txt": MediaType.TEXT,
    ".md": MediaType.MARKDOWN,
    ".markdown": MediaType.MARKDOWN,
    ".html": MediaType.HTML,
    ".htm": MediaType.HTML,
    ".mht": MediaType.HTML,
    ".docx": MediaType.DOCX,
    ".xlsx": MediaType.XLSX,
    ".xlsm": MediaType.XLSX,
    ".doc": MediaType.DOC,
    ".xls": MediaType.XLS,
    ".zip": MediaType.ZIP,
    ".ofd": MediaType.OFD,
    ".odt": MediaType.OPEN_DOCUMENT,
    ".ods": MediaType.OPEN_DOCUMENT,
    ".rar": MediaType.RAR,
    ".7z": MediaType.SEVEN_ZIP,
}
"""Formats by the ending of a name."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEAD = 4096


def suffix_media_type(file_name: str) -> MediaType:
    """The format that a name claims; UNKNOWN for an ending that says nothing."""
    return BY_SUFFIX.get(PurePosixPath(file_name.replace("\\", "/")).suffix.lower(), MediaType.UNKNOWN)


def sniff(file_name: str, data: bytes) -> MediaType:
    """The format of the bytes. The name decides only between formats whose bytes look alike (text and Markdown, OLE)."""
    head = data[:_HEAD]
    claimed = suffix_media_type(file_name)
    if b"%PDF-" in head[:1024]:
        return MediaType.PDF
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip_kind(data)
    if head.startswith((b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")):
        return MediaType.RAR if head.startswith(b"Rar!") else MediaType.SEVEN_ZIP
    if head.startswith(_OLE):
        return MediaType.XLS if _is_workbook(data) else MediaType.DOC
    if _is_html(head):
        return MediaType.HTML
    if _is_text(data):
        return MediaType.MARKDOWN if claimed is MediaType.MARKDOWN else MediaType.TEXT
    return MediaType.UNKNOWN


def _zip_kind(data: bytes) -> MediaType:
    """Which document format a ZIP is, by its own list of members; a plain archive otherwise (a broken one too)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return MediaType.ZIP
    if "OFD.xml" in names:
        return MediaType.OFD
    if "mimetype" in names and "content.xml" in names:
        return MediaType.OPEN_DOCUMENT
    if "[Content_Types].xml" not in names:
        return MediaType.ZIP
    if any(name.startswith("word/") for name in names):
        return MediaType.DOCX
    return MediaType.XLSX if any(name.startswith("xl/") for name in names) else MediaType.ZIP


def _is_workbook(data: bytes) -> bool:
    return "Workbook".encode("utf-16-le") in data or "Book".encode("utf-16-le") in data


def _is_html(head: bytes) -> bool:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return start.startswith(
        (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<meta", b"<!--", b"<div")
    ) or (start.startswith(b"<?xml") and b"<html" in start)


def _is_text(data: bytes) -> bool:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    sample = data[:65536]
    control = sum(byte < 32 and byte not in (9, 10, 12, 13) for byte in sample)
    return b"\x00" not in sample and control <= len(sample) // 1000
