"""The objects of the sources: compared with the ledger, landed under their sha256, recorded as gone."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from cnbudget.errors import SettingsError, StorageError, StorageRefused
from cnbudget.model import ObjectState
from warehouse.archives import Archives, member_records
from warehouse.bucket import ObjectInfo
from warehouse.journal import ObjectRecorded, SourceAdded
from warehouse.sources import Source, not_a_document
from warehouse.staging import landed_key

MAX_OBJECT_BYTES = 256 << 20
PAGE = 5000
"""Objects of a listing that are compared at once."""
_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Comparison:
    """A source's listing beside the ledger: what is to be landed, and what is recorded and no longer there.

    `last_key` is where the listing was: it can be gone on with after it.
    """

    n_listed: int
    new: Sequence[ObjectInfo]
    gone: Sequence[ObjectRecorded]
    last_key: str = ""


class Landing(Archives):
    """From an object of a source to bytes in the lake."""

    def compare(self, source: Source) -> Comparison:
        """List the source and compare it with the ledger."""
        self.check_source(source)
        # The ledger first: what another writer records meanwhile is then new to us, and not gone.
        recorded = self._recorded(source)
        return _compared(source, list(source.objects()), recorded)

    def compare_pages(self, source: Source, *, after: str = "", size: int = PAGE) -> Iterator[Comparison]:
        """As `compare`, a page of the listing at a time: for sources of millions of objects, to be gone on with."""
        self.check_source(source)
        objects = source.objects(after=after)
        while True:
            page = list(itertools.islice(objects, size))
            last_key = page[-1].key if len(page) == size else ""
            recorded = self._recorded(source, after=after, upto=last_key)
            found = _compared(source, page, recorded)
            yield replace(found, gone=self._still_gone(source, found.gone), last_key=last_key)
            if not last_key:
                return
            after = last_key

    def compare_objects(self, source: Source, objects: Mapping[str, ObjectInfo | None]) -> Comparison:
        """As `compare`, of these keys alone: as they were listed, or None where storage has to be asked."""
        recorded = self._recorded(source, keys=list(objects))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(lambda key: objects[key] or _head_or_none(source, key), objects)
            return _compared(source, [info for info in found if info], recorded)

    def _still_gone(self, source: Source, entries: Sequence[ObjectRecorded]) -> list[ObjectRecorded]:
        """Those of which storage says so too: between listing and ledger another writer may have recorded some."""
        keys = [source.key_of(entry.source_uri) for entry in entries]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(lambda key: _head_or_none(source, key), keys))
        return [e for e, info in zip(entries, found, strict=True) if info is None or info.version != e.source_version]

    def land(self, source: Source, objects: Sequence[ObjectInfo]) -> list[ObjectRecorded]:
        """Store the objects' bytes under their sha256 and record each object version.

        Raises StorageError (transient) once all others are recorded, where some could not be read; landing the same
        objects again takes up those alone. One that cannot be read for good stays `seen`, with the reason.
        """
        recorded = self._recorded(source, keys=[info.key for info in objects])
        known = {key for key, entry in recorded.items() if entry.state != ObjectState.SEEN}
        todo = [info for info in objects if (source.uri_of(info.key), info.version) not in known]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            landed = list(pool.map(lambda info: self._land_one(source, info), todo))
        # A reason that has not changed is no news: trying again leaves no trace.
        news = [entry for entry, _ in landed if recorded.get(_name(entry)) != entry]
        self._ledger.commit(lambda: [*self._new_source(source), *self._with_members(news)])
        if failed := [error for _, error in landed if error and error.transient]:
            raise StorageError(f"{len(failed)} objects could not be read, the first: {failed[0]}", where=source.uri)
        return [entry for entry, _ in landed]

    def _land_one(self, source: Source, info: ObjectInfo) -> tuple[ObjectRecorded, StorageError | None]:
        if reason := not_a_document(info):
            return _record(source, info, ObjectState.SKIPPED, reason), None
        if info.n_bytes > MAX_OBJECT_BYTES:
            reason = f"{info.n_bytes} bytes, more than the {MAX_OBJECT_BYTES} an object may have"
            return _record(source, info, ObjectState.SKIPPED, reason), None
        try:
            found = source.fetch(info.key)
        except StorageRefused as error:
            return _record(source, info, ObjectState.SKIPPED, str(error)), None
        except StorageError as error:
            return _record(source, info, ObjectState.SEEN, str(error)), error
        if found is None:
            return _record(source, info, ObjectState.GONE, "deleted before it could be read"), None
        info, data = found
        document_id = hashlib.sha256(data).hexdigest()
        key = landed_key(document_id)
        if self.bucket.head(key) is None:
            self.bucket.write(key, data)
        return _record(source, info, ObjectState.LANDED, None, document_id), None

    def record_gone(self, gone: Sequence[ObjectRecorded]) -> None:
        """Record that these objects are no longer there; their documents stay."""
        entries = [replace(entry, state=ObjectState.GONE, reason="no longer listed") for entry in gone]
        self._ledger.commit(lambda: self._with_members(entries))

    def _with_members(self, entries: Sequence[ObjectRecorded]) -> list[ObjectRecorded]:
        """The records, and those of the members of archives that were opened before: these come and go with them."""
        known = self._known_members(entry.document_id for entry in entries)
        return [*entries, *member_records(entries, known)]

    def _recorded(
        self, source: Source, *, after: str = "", upto: str = "", keys: Sequence[str] | None = None
    ) -> dict[tuple[str, str], ObjectRecorded]:
        """The recorded versions below a source that are not gone, as entries that would say so; of all its keys, of
        those in a range, or of these alone."""
        where: str = _IN_SOURCE
        parameters: dict[str, object] = {"uri": source.uri}
        if keys is not None:
            where, parameters = "list_contains($uris, source_uri)", {"uris": [source.uri_of(key) for key in keys]}
        elif after or upto:
            where = f"{_IN_SOURCE} AND source_uri > $after AND ($upto = '' OR source_uri <= $upto)"
            parameters |= {"after": source.uri_of(after), "upto": source.uri_of(upto) if upto else ""}
        rows = self._ledger.query_head(f"{_RECORDED} AND {where}", **parameters)
        entries = [ObjectRecorded(*row) for row in rows.iter_rows()]
        return {_name(entry): entry for entry in entries}

    def _new_source(self, source: Source) -> list[SourceAdded]:
        """The source, where neither it nor one that holds it is known: an object named by an event is no new source."""
        known = "source_uri = $uri OR starts_with($uri, source_uri || '/')"
        found = self._ledger.query(f"SELECT 1 FROM ledger.sources WHERE {known} LIMIT 1", uri=source.uri)
        return [] if found.height else [SourceAdded(source.uri)]

    def check_source(self, source: Source) -> None:
        """Raise SettingsError where the lake would read its own files as documents."""
        own = self.bucket.uri
        if source.key is None and (own == source.uri or own.startswith(f"{source.uri}/")):
            raise SettingsError(
                "the lake lies inside the source and would read itself; choose another folder", where=own
            )


_IN_SOURCE = "(source_uri = $uri OR starts_with(source_uri, $uri || '/'))"
_RECORDED = """
    SELECT source_uri, source_version, etag, n_bytes, last_modified_at, state, document_id, reason
    FROM ledger.objects WHERE state <> 'gone' AND member_name IS NULL
"""


def _head_or_none(source: Source, key: str) -> ObjectInfo | None:
    """The object as it stands; a name that storage refuses is no object."""
    try:
        return source.head(key)
    except StorageRefused:
        return None


def _compared(
    source: Source, listed: Sequence[ObjectInfo], recorded: dict[tuple[str, str], ObjectRecorded]
) -> Comparison:
    new = []
    for info in listed:
        old = recorded.pop((source.uri_of(info.key), info.version), None)
        if old is None or old.state == ObjectState.SEEN:
            new.append(info)
    return Comparison(len(listed), new, list(recorded.values()))


def _name(entry: ObjectRecorded) -> tuple[str, str]:
    return entry.source_uri, entry.source_version


def _record(
    source: Source, info: ObjectInfo, state: ObjectState, reason: str | None, document_id: str | None = None
) -> ObjectRecorded:
    uri = source.uri_of(info.key)
    return ObjectRecorded(uri, info.version, info.etag, info.n_bytes, info.last_modified_at, state, document_id, reason)
