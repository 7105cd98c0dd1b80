"""Office Open XML packages: the parts of a .docx or .xlsx file, read as XML that can do no harm.

The standard library's parser is enough, and faster here than others: it fetches no external entity, and a part with a
document type, which no Office file has, is refused before it is parsed.
"""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from cnbudget.errors import EncryptedDocument, UnreadableDocument, UnsupportedFormat
from cnbudget.reading.archive import ArchiveLimits, BoundedZip

_MIB = 1024 * 1024
_LIMITS = ArchiveLimits(max_members=5000, max_member_bytes=32 * _MIB, max_total_bytes=128 * _MIB)
_RELATIONSHIPS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"

_STRICT = {
    b"http://purl.oclc.org/ooxml/spreadsheetml/main": b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    b"http://purl.oclc.org/ooxml/wordprocessingml/main": b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
    b"http://purl.oclc.org/ooxml/officeDocument/relationships": (
        b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    ),
}
"""The ISO "strict" files use other names for the same things."""

RELATIONSHIP_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def refuse_encrypted(file_name: str, data: bytes) -> None:
    """Raises EncryptedDocument: Office wraps a document with a password, .docx and .xlsx too, into an OLE file."""
    if data.startswith(_OLE) and "EncryptedPackage".encode("utf-16-le") in data:
        raise EncryptedDocument(
            "an Office document with a password found, expected an open one; save it without the password",
            where=file_name,
        )


class Package:
    """The parts of one Office file. Raises EncryptedDocument, UnsupportedFormat (macros) or UnreadableDocument."""

    def __init__(self, file_name: str, data: bytes) -> None:
        refuse_encrypted(file_name, data)
        self.file_name = file_name
        self._zip = BoundedZip(file_name, data, _LIMITS)
        self._names = {name.lower(): name for name in self._zip.names}
        if any(name.endswith("vbaproject.bin") for name in self._names):
            raise UnsupportedFormat(
                "macros found, expected a document without; save it as .docx or .xlsx", where=file_name
            )

    def main_part(self, default: str) -> str:
        """The part that the package starts from, such as `xl/workbook.xml`."""
        targets = [target for kind, target in self.related("").values() if kind == "officeDocument"]
        return next((target for target in targets if target.lower() in self._names), default)

    def has(self, name: str) -> bool:
        return name.lower() in self._names

    def related(self, part: str) -> dict[str, tuple[str, str]]:
        """What a part refers to inside the package: relationship id to kind (`worksheet`, `styles`) and part name."""
        folder, _, leaf = part.rpartition("/")
        name = f"{folder}/_rels/{leaf}.rels".removeprefix("/")
        if not self.has(name):
            return {}
        related = {}
        for element in self.xml(name).iter(_RELATIONSHIPS):
            if element.get("TargetMode") != "External":
                kind = element.get("Type", "").rpartition("/")[2]
                target = posixpath.normpath(posixpath.join("/", folder, element.get("Target", "")))
                related[element.get("Id", "")] = (kind, target.lstrip("/"))
        return related

    def xml(self, name: str) -> ElementTree.Element:
        """One part, parsed whole."""
        try:
            return ElementTree.fromstring(self._part(name))
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise self._broken(name, error) from error

    def elements(self, name: str, *, without: re.Pattern[bytes] | None = None) -> Iterator[ElementTree.Element]:
        """The elements of one part, each when it ends: for a large part whose elements are cleared on the way.

        Markup that matches `without` is skipped unparsed, as blank cells that come by the thousand.
        """
        part = self._part(name)
        if without and b"<!" not in part:
            part = without.sub(b"", part)
        try:
            for _, element in ElementTree.iterparse(io.BytesIO(part)):
                yield element
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise self._broken(name, error) from error

    def _part(self, name: str) -> bytes:
        if not self.has(name):
            raise UnreadableDocument(
                f"no part {name} found, expected one; save the document again in its program", where=self.file_name
            )
        part = self._zip.read(self._names[name.lower()])
        plain = part.replace(b"\x00", b"")
        if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
            raise UnreadableDocument(
                f"a document type with entities found in {name}, expected none in an Office file; save it again",
                where=self.file_name,
            )
        for strict, transitional in _STRICT.items():
            part = part.replace(strict, transitional)
        return part

    def _broken(self, name: str, error: Exception) -> UnreadableDocument:
        return UnreadableDocument(
            f"broken XML found in {name} ({error}), expected whole parts; save the document again in its program",
            where=self.file_name,
        )
