"""Archives that were opened: their members as documents of their own, whose sources are wherever the archive stands.

What a reader found in an archive is kept with its staged result, so that it is there whole or not at all; with the verdict
on the archive its members land, and each is recorded for every object that holds these bytes, and from then on with every
further one. (So who only reads and stages, a worker elsewhere, need not be allowed to land anything.)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import polars as pl

from cnbudget.model import DocumentState
from cnbudget.results import split_members
from warehouse.bucket import printable
from warehouse.journal import DocumentAudited, ObjectRecorded
from warehouse.ledger import Room, read_all
from warehouse.staging import landed_key

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Member:
    """A document that stands in an archive."""

    name: str
    document_id: str
    n_bytes: int


Members = Mapping[str, Sequence[Member]]
"""What archives hold, by their document_id."""


class Archives(Room):
    """From an archive's bytes to those of its members, and to their sources."""

    def keep_members(self, archive_id: str, result: bytes, extractor_version: str) -> bytes:
        """Store what a reader found in an archive, bytes and names, beside its staged result. To be called before that is
        staged; what is to be staged."""
        result, found = split_members(result)
        if found is not None:
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                keys = [_bytes_key(archive_id, extractor_version, each) for each in found["member_id"]]
                list(pool.map(self.bucket.write, keys, found["data"]))
            rows = found.select("member_name", "member_id", pl.col("data").bin.size())
            members = [[printable(name), member_id, n_bytes] for name, member_id, n_bytes in rows.iter_rows()]
            self.bucket.write(_key(archive_id, extractor_version), json.dumps(members).encode())
        return result

    def _opened_members(self, audits: Iterable[DocumentAudited]) -> Members:
        """The members of the archives among these, landed. Raises StorageError where what was kept is not there any more."""
        opened = [audit for audit in audits if audit.state == DocumentState.OPENED]
        kept = read_all(self.bucket, [_key(a.document_id, a.extractor_version) for a in opened], json.loads)
        members = {a.document_id: [Member(*row) for row in rows] for a, rows in zip(opened, kept, strict=True)}
        for audit in opened:
            self._land_members(audit, members[audit.document_id])
        return members

    def _land_members(self, archive: DocumentAudited, members: Sequence[Member]) -> None:
        """Put the members' bytes where those of other documents are, unless they are there, one that large at a time."""
        for member in members:
            if self.bucket.head(landed_key(member.document_id)) is None:
                key = _bytes_key(archive.document_id, archive.extractor_version, member.document_id)
                self.bucket.write(landed_key(member.document_id), *read_all(self.bucket, [key], bytes))

    def _member_records(self, members: Members) -> list[ObjectRecorded]:
        """The records of these members, for every object that holds their archive; gone where that is gone."""
        rows = self._ledger.query(_HOLDING, ids=list(members)).iter_rows() if members else ()
        return list(member_records([ObjectRecorded(*row) for row in rows], members))

    def _known_members(self, document_ids: Iterable[str | None]) -> Members:
        """The members that are recorded of these documents, as far as they are archives that were opened."""
        ids = [document_id for document_id in document_ids if document_id]
        found: dict[str, list[Member]] = {}
        for archive_id, *row in self._ledger.query(_KNOWN, ids=ids).iter_rows() if ids else ():
            found.setdefault(archive_id, []).append(Member(*row))
        return found


def member_records(objects: Iterable[ObjectRecorded], members: Members) -> Iterator[ObjectRecorded]:
    """The records of the members of those of these objects that are archives."""
    for each in objects:
        for member in members.get(each.document_id or "", ()):
            yield replace(
                each,
                source_uri=f"{each.source_uri}!/{member.name}",
                n_bytes=member.n_bytes,
                document_id=member.document_id,
                member_name=member.name,
            )


def _key(archive_id: str, extractor_version: str) -> str:
    return f"staged/{extractor_version}/{archive_id}/members.json"


def _bytes_key(archive_id: str, extractor_version: str, member_id: str) -> str:
    return f"staged/{extractor_version}/{archive_id}/members/{member_id}"


_HOLDING = """
    SELECT source_uri, source_version, etag, n_bytes, last_modified_at, state, document_id, nullif(reason, '')
    FROM ledger.objects WHERE member_name IS NULL AND list_contains($ids, document_id)
    ORDER BY source_uri, source_version
"""
_KNOWN = """
    SELECT DISTINCT a.document_id, m.member_name, m.document_id, m.n_bytes
    FROM ledger.objects a JOIN ledger.objects m
        ON m.source_version = a.source_version AND m.source_uri = a.source_uri || '!/' || m.member_name
    WHERE m.member_name IS NOT NULL AND list_contains($ids, a.document_id)
    ORDER BY ALL
"""
