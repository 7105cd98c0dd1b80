"""ZIP archives of attachments: their members within limits, and one budget spread over several of them.

Nothing is ever written to disk under a member's name, and no size in the archive is believed: bytes are counted as they
come.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import IO

from cnbudget.errors import (
    CnbudgetError,
    EmptyDocument,
    EncryptedDocument,
    LimitExceeded,
    UnreadableDocument,
    UnsupportedFormat,
)
from cnbudget.model import Block, Document, Grid, MediaType
from cnbudget.reading.blocks import Notes, build_document
from cnbudget.reading.media import sniff

INSIDE = "!/"
"""Between the name of an archive and that of a member: no file name holds a slash."""

_MIB = 1024 * 1024
_CHUNK = 256 * 1024
_ALWAYS_ALLOWED = _MIB
"""Small members may compress as well as they like: a blank sheet reaches a ratio of a few hundred."""

_FURNITURE = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|~\$|\._)", re.I)

_BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError, EOFError, OSError)
"""What the standard library raises on broken archives."""

ReadMember = Callable[[str, bytes], Document]


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold, nested archives included; sizes in bytes as unpacked."""

    max_members: int = 500
    max_member_bytes: int = 64 * _MIB
    max_total_bytes: int = 256 * _MIB
    max_ratio: int = 200
    max_depth: int = 2


DEFAULT_LIMITS = ArchiveLimits()


@dataclass(slots=True)
class Spent:
    """What has been unpacked so far, over an archive and those inside it."""

    n_members: int = 0
    n_bytes: int = 0


class BoundedZip:
    """A ZIP file whose members are read within limits. `names` are in the archive's order, Chinese names decoded.

    Raises UnreadableDocument for what is no ZIP file or has a member whose name leaves the archive, and LimitExceeded.
    """

    def __init__(
        self, where: str, data: bytes, limits: ArchiveLimits = DEFAULT_LIMITS, spent: Spent | None = None
    ) -> None:
        self.where = where
        self._limits = limits
        self._spent = spent or Spent()
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            infos = self._zip.infolist()
        except _BROKEN as error:
            raise UnreadableDocument(
                f"no readable ZIP structure found ({error}), expected one; fetch the file again", where=where
            ) from error
        self._spent.n_members += len(infos)
        if self._spent.n_members > limits.max_members:
            raise LimitExceeded(
                f"{self._spent.n_members} members found, at most {limits.max_members} expected; split the archive",
                where=where,
            )
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            self._add(info)

    @property
    def names(self) -> list[str]:
        return list(self._infos)

    def inner(self, name: str, data: bytes) -> BoundedZip:
        """An archive found in this one; what it unpacks counts for both."""
        return BoundedZip(f"{self.where}/{name}", data, self._limits, self._spent)

    def read(self, name: str) -> bytes:
        """One member's bytes. Raises EncryptedDocument, UnreadableDocument or LimitExceeded."""
        info = self._infos[name]
        where = f"{self.where}/{name}"
        if info.flag_bits & 0x1:
            raise EncryptedDocument("the member is encrypted, expected a plain one; remove the password", where=where)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadableDocument(
                f"compression method {info.compress_type} found, expected stored or deflated; pack the archive again",
                where=where,
            )
        try:
            with self._zip.open(info) as stream:
                return b"".join(self._chunks(stream, info.compress_size, where))
        except _BROKEN as error:
            raise UnreadableDocument(
                f"the member cannot be unpacked ({error}), expected whole data; fetch the file again", where=where
            ) from error

    def _chunks(self, stream: IO[bytes], n_packed: int, where: str) -> Iterator[bytes]:
        limits = self._limits
        n_member = 0
        while chunk := stream.read(_CHUNK):
            n_member += len(chunk)
            self._spent.n_bytes += len(chunk)
            if n_member > limits.max_member_bytes or self._spent.n_bytes > limits.max_total_bytes:
                raise LimitExceeded(
                    f"more than {limits.max_member_bytes} bytes in a member or {limits.max_total_bytes} in all found"
                    " when unpacked; split the archive",
                    where=where,
                )
            if n_member > _ALWAYS_ALLOWED and n_member > limits.max_ratio * max(n_packed, 1):
                raise LimitExceeded(
                    f"data packed by more than {limits.max_ratio} to 1 found, as in a ZIP bomb; pack documents only",
                    where=where,
                )
            yield chunk

    def _add(self, info: zipfile.ZipInfo) -> None:
        name = _member_name(info)
        if not name or name.startswith("/") or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
            raise UnreadableDocument(
                f"member name {name!r} found, expected one inside the archive; pack it with relative names",
                where=self.where,
            )
        if name in self._infos:
            raise UnreadableDocument(
                f"two members named {name!r} found, expected names that differ; pack it again", where=self.where
            )
        if not info.is_dir():
            self._infos[name] = info


def _member_name(info: zipfile.ZipInfo) -> str:
    """Chinese packers write GBK without saying so, Apple's UTF-8 without saying so; zipfile then reads cp437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        for encoding in ("utf-8", "gb18030"):
            try:
                name = info.filename.encode("cp437").decode(encoding)
                break
            except UnicodeError:
                continue
    return name.replace("\\", "/")


def members(data: bytes, limits: ArchiveLimits = DEFAULT_LIMITS, *, where: str = "archive") -> list[tuple[str, bytes]]:
    """Name and bytes of every document in the archive, by name (2 before 10); archives inside it are opened too.

    What packers and desktops leave behind (`__MACOSX/`, `Thumbs.db`, `~$` lock files) is no document. Raises as
    `BoundedZip`.
    """
    found = list(_walk(BoundedZip(where, data, limits), "", limits.max_depth))
    return sorted(found, key=lambda member: _natural(member[0]))


def _walk(archive: BoundedZip, prefix: str, depth_left: int) -> Iterator[tuple[str, bytes]]:
    for name in archive.names:
        if _FURNITURE.search(name):
            continue
        content = archive.read(name)
        if not _is_plain_zip(content):
            yield prefix + name, content
        elif depth_left > 1:
            yield from _walk(archive.inner(name, content), f"{prefix}{name}/", depth_left - 1)
        else:
            raise LimitExceeded(
                "archives nested too deep found; unpack the inner ones", where=f"{archive.where}/{name}"
            )


def expand(
    file_name: str, data: bytes, holds_budget: Callable[[str, bytes], bool], limits: ArchiveLimits = DEFAULT_LIMITS
) -> list[tuple[str, bytes]]:
    """The documents that a file stands for: itself or, where an archive holds several budgets, each member on its own.

    `holds_budget(name, data)` says whether a member is a budget by itself; it is asked until two are found. One budget
    spread over several members stays the archive, and so does what cannot be opened: reading it says why. Members are
    named `archive!/member`.
    """
    if not _is_plain_zip(data):
        return [(file_name, data)]
    try:
        units, n_budgets = _units(BoundedZip(file_name, data, limits), limits.max_depth, holds_budget)
    except CnbudgetError:
        return [(file_name, data)]
    if n_budgets < 2:
        return [(file_name, data)]
    return [
        (f"{file_name}{INSIDE}{name}", content) for name, content in sorted(units, key=lambda unit: _natural(unit[0]))
    ]


def _units(
    archive: BoundedZip, depth_left: int, holds_budget: Callable[[str, bytes], bool]
) -> tuple[list[tuple[str, bytes]], int]:
    """Members, those of inner archives that hold several budgets among them; and how many are budgets by themselves."""
    units: list[tuple[str, bytes]] = []
    n_budgets = 0
    for name in archive.names:
        if _FURNITURE.search(name):
            continue
        content = archive.read(name)
        if depth_left > 1 and _is_plain_zip(content):
            inner, n_inner = _units(archive.inner(name, content), depth_left - 1, holds_budget)
            if n_inner > 1:
                units.extend((f"{name}/{inner_name}", inner_content) for inner_name, inner_content in inner)
                n_budgets += n_inner
                continue
        units.append((name, content))
        n_budgets += n_budgets < 2 and holds_budget(name, content)
    return units, n_budgets


def _is_plain_zip(data: bytes) -> bool:
    """A ZIP archive that opens, and not a document of an office program, which is one as well."""
    if sniff("", data) is not MediaType.ZIP:
        return False
    try:
        zipfile.ZipFile(io.BytesIO(data)).close()
    except _BROKEN:
        return False
    return True


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d{1,18})", name) if part]


def read(file_name: str, data: bytes, read_member: ReadMember, limits: ArchiveLimits = DEFAULT_LIMITS) -> Document:
    """A budget spread over the files of one archive, as one document: the members' blocks in the order of names.

    Pages count on through the parts, `cell_ref` becomes `[part]Sheet!C5`, and the notes name each part with its pages.
    A member of a kind that has no reader, or without text, is named in the notes. Raises what `members` and
    `read_member` raise, and UnsupportedFormat when there is no part to read.
    """
    blocks: list[Block] = []
    notes = Notes()
    n_pages = n_parts = 0
    for name, content in members(data, limits, where=file_name):
        try:
            part = read_member(name, content)
        except (UnsupportedFormat, EmptyDocument) as error:
            notes.add("parts_not_read", f"{name}: {error.message}")
            continue
        blocks.extend(_as_part(block, name, n_pages) for block in part.blocks)
        pages = f" (pages {n_pages + 1}-{n_pages + part.n_pages})" if part.n_pages else ""
        notes.add("parts", f"{name}{pages}")
        for subject, text in part.notes.items():
            notes.add(subject, f"{name}: {text}")
        n_pages += part.n_pages
        n_parts += 1
    if not n_parts:
        reasons = notes.texts().get("parts_not_read", "it is empty")
        raise UnsupportedFormat(
            f"no member that can be read found ({reasons}), expected documents; pack PDF, Word or Excel files",
            where=file_name,
        )
    return replace(build_document(file_name, data, MediaType.ZIP, blocks, notes), n_pages=n_pages)


def _as_part(block: Block, part_name: str, n_pages_before: int) -> Block:
    page = block.page and block.page + n_pages_before
    if not isinstance(block, Grid):
        return replace(block, page=page)
    cells = tuple(
        replace(
            cell,
            page=cell.page and cell.page + n_pages_before,
            cell_ref=cell.cell_ref and f"[{part_name}]{cell.cell_ref}",
        )
        for cell in block.cells
    )
    return replace(block, page=page, cells=cells)
