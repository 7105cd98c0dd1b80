"""The lake: everything a task does to the storage, in the order of a document's life.

land -> (parse) -> stage -> (audit) -> record_audit -> publish, and a person's decisions. Each step is safe to repeat,
and what a killed one left open is done by the next: landed bytes, staged results and the journal are the truth, the
store and `curated/` follow from them.
"""

from __future__ import annotations

import getpass
import hashlib
import itertools
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl

from cnbudget.classification import classification_frames
from cnbudget.errors import DecisionRefused, SettingsError, StorageError, StorageRefused
from cnbudget.model import DocumentState, ObjectState
from warehouse.bucket import Bucket, LocalBucket, ObjectInfo, PatientBucket, open_bucket
from warehouse.journal import (
    Decision,
    DecisionMade,
    DocumentAudited,
    DocumentsPublished,
    Entry,
    Journal,
    ObjectRecorded,
    SourceAdded,
    probe_create,
)
from warehouse.ledger import Ledger, read_all, read_staged, utc_now
from warehouse.publisher import Publisher
from warehouse.sources import Source, known_source, not_a_document
from warehouse.staging import NO_FACTS, Frames, facts_digests, staged_key, to_file, to_staged
from warehouse.store import Store

MAX_OBJECT_BYTES = 256 << 20
PAGE = 5000
"""Objects of a listing that are compared at once."""
_AT_ONCE = 8

_DECIDABLE = {
    Decision.APPROVE: {DocumentState.HELD, DocumentState.WITHDRAWN},
    Decision.REJECT: {DocumentState.HELD, DocumentState.UNSUPPORTED, DocumentState.WITHDRAWN},
    Decision.RETRY: {DocumentState.HELD, DocumentState.UNSUPPORTED, DocumentState.REJECTED, DocumentState.WITHDRAWN},
    Decision.WITHDRAW: {DocumentState.PUBLISHED, DocumentState.SUPERSEDED},
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A source's listing beside the ledger: what is to be landed, and what is recorded and no longer there.

    `last_key` is where the listing was: it can be gone on with after it.
    """

    n_listed: int
    new: Sequence[ObjectInfo]
    gone: Sequence[ObjectRecorded]
    last_key: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A landed document that waits for its result. `is_retry`: read it again although there is one."""

    document_id: str
    file_name: str
    n_bytes: int
    is_retry: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """The bucket balance. Every object version that is listed is in exactly one state, or it is `unrecorded`."""

    n_listed: int
    objects: Mapping[str, int]
    unrecorded: int
    stale: int
    """Recorded and no longer listed; the next ingestion marks them gone."""
    documents: Mapping[str, int]
    oldest_unseen_at: datetime | None = None
    """When the oldest object was put that is not recorded yet, or that could not be read yet."""

    @property
    def is_balanced(self) -> bool:
        """Whether listing and states agree, and no object waits to be read."""
        n_here = sum(n for state, n in self.objects.items() if state != ObjectState.GONE)
        waiting = self.objects.get(ObjectState.SEEN, 0)
        return not self.unrecorded and not self.stale and not waiting and n_here == self.n_listed


class Lake:
    """One lake. `by` signs what it records; `clock` gives UTC."""

    def __init__(
        self,
        bucket: Bucket,
        store: Store,
        *,
        by: str,
        clock: Callable[[], datetime] = utc_now,
        references: Callable[[], Mapping[str, pl.DataFrame]] = classification_frames,
    ) -> None:
        self.bucket: Bucket = PatientBucket(bucket)
        self._ledger = Ledger(self.bucket, store, by=by, clock=clock)
        self._publisher = Publisher(self.bucket, store, references)

    @classmethod
    def open(cls, uri: str, *, store_path: Path | None = None, by: str | None = None, must_exist: bool = False) -> Lake:
        """The lake at this address, made with its first document; the store beside it, or in the user's cache for S3.

        Raises StorageRefused where the storage does not honour create-only writes (asked once, of an empty lake), and
        SettingsError where it `must_exist` and does not.
        """
        bucket = open_bucket(uri)
        if must_exist and not Journal(bucket).has(1):
            raise SettingsError("no lake here; check --lake, or ingest something first", where=bucket.uri)
        lake = cls(
            bucket, Store(store_path or _store_path(bucket)), by=by or f"{getpass.getuser()}@{socket.gethostname()}"
        )
        lake._ledger.check()
        return lake

    # Objects

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
        keys = [entry.source_uri.removeprefix(f"{source.bucket.uri}/") for entry in entries]
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
        self._ledger.commit(lambda: [*self._new_source(source), *news])
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
        key = f"landed/{document_id}"
        if self.bucket.head(key) is None:
            self.bucket.write(key, data)
        return _record(source, info, ObjectState.LANDED, None, document_id), None

    def record_gone(self, gone: Sequence[ObjectRecorded]) -> None:
        """Record that these objects are no longer there; their documents stay."""
        entries = [replace(entry, state=ObjectState.GONE, reason="no longer listed") for entry in gone]
        self._ledger.commit(lambda: entries)

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

    # Documents

    def pending(self, extractor_version: str, sources: Iterable[Source] = ()) -> list[Pending]:
        """Documents without a verdict, those to be read again, and those of `sources` that another version read."""
        rows = self._ledger.query_head(
            _PENDING, extractor_version=extractor_version, roots=[source.uri for source in sources]
        )
        return [Pending(*row) for row in rows.iter_rows()]

    def read_landed(self, document_ids: Sequence[str]) -> list[bytes]:
        """The bytes of these documents. Raises StorageError where one is not there any more."""
        return read_all(self.bucket, [f"landed/{document_id}" for document_id in document_ids], bytes)

    def staged_ids(self, document_ids: Sequence[str], extractor_version: str) -> set[str]:
        """Which of these documents have a staged result of this version."""
        keys = [staged_key(document_id, extractor_version) for document_id in document_ids]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(self.bucket.head, keys)
        return {document_id for document_id, info in zip(document_ids, found, strict=True) if info}

    def stage(self, frames: Frames, extractor_version: str) -> list[str]:
        """Store the parsed frames, one file a document; the ids of what was staged."""
        documents = to_staged(frames)

        def write(document_id: str) -> None:
            self.bucket.write(staged_key(document_id, extractor_version), to_file(documents[document_id]))

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(write, documents))
        return list(documents)

    def staged(self, document_ids: Sequence[str], extractor_version: str) -> dict[str, pl.DataFrame]:
        """The frames of these documents, read back from their staged results."""
        return read_staged(self.bucket, [(document_id, extractor_version) for document_id in document_ids])

    def record_audit(
        self, staged: Frames, critical: Mapping[str, Sequence[str]], *, unapprovable: Collection[str] = ()
    ) -> list[DocumentAudited]:
        """Record the verdict on each document of frames read back from staging; the verdicts.

        `critical` has the messages of the gate by document_id: they hold a document, as its own holding findings do.
        No approval can publish one that is `unapprovable`.
        """
        entries = _audited(staged, critical, unapprovable)
        self._ledger.commit(lambda: entries, at_hand=staged)
        return entries

    def publish(self) -> list[str]:
        """Publish what passed and bring `latest/` to what the journal says; the ids of what is newly published."""
        new: list[str] = []

        def passed() -> list[Entry]:
            found = self._ledger.query(
                "SELECT document_id FROM ledger.document_states WHERE state = 'parsed' ORDER BY document_id"
            )
            new[:] = found["document_id"].to_list()
            return [DocumentsPublished(tuple(new))] if new else []

        self._ledger.commit(passed)
        self._ledger.settle(self._publisher.write_stale)
        return new

    # Decisions and questions

    def decide(self, prefixes: Sequence[str], decision: Decision, *, reason: str, by: str | None = None) -> list[str]:
        """Record a person's decision on documents, given by unambiguous prefixes of their ids; the ids.

        Raises DecisionRefused, and records nothing, where one is not found, not the only one, or in a state that does
        not allow the decision. Call `publish` after it.
        """
        decided: list[str] = []

        def entries() -> list[Entry]:
            rows = [self._decidable(prefix, decision) for prefix in prefixes]
            decided[:] = [str(row["document_id"]) for row in rows]
            return [DecisionMade(str(r["document_id"]), decision, reason, str(r["facts_sha256"])) for r in rows]

        self._ledger.commit(entries, by=by)
        return decided

    def _decidable(self, prefix: str, decision: Decision) -> dict[str, object]:
        found = self._ledger.query(
            """SELECT document_id, d.state, d.facts_sha256, d.is_approvable, n_facts, fiscal_year
                FROM ledger.document_states d JOIN staged.documents s USING (document_id)
                WHERE starts_with(document_id, $prefix) ORDER BY document_id LIMIT 9""",
            prefix=prefix.lower(),
        )
        if found.height != 1 or not prefix:
            names = ", ".join(document_id[:12] for document_id in found["document_id"]) or "none"
            raise DecisionRefused(f"documents found: {names}; expected one; give more of its id", where=prefix)
        row = found.row(0, named=True)
        allowed = _DECIDABLE[decision]
        if row["state"] not in allowed:
            expected = " or ".join(sorted(allowed))
            raise DecisionRefused(
                f"the document is {row['state']}; {decision} needs one that is {expected}", where=prefix
            )
        if decision == Decision.APPROVE and (not row["n_facts"] or row["fiscal_year"] is None):
            raise DecisionRefused(
                "no figures, or no year, were read from it; there is nothing to publish", where=prefix
            )
        if decision == Decision.APPROVE and not row["is_approvable"]:
            raise DecisionRefused("what holds it would break the published data; retry or reject it", where=prefix)
        return row

    def query(self, sql: str, **parameters: object) -> pl.DataFrame:
        """A question to the store, brought up to date: the published datasets, `staged` and `ledger`."""
        return self._ledger.query_head(sql, **parameters)

    def documents(self, document_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """The dataset `documents` as the journal has it now, all or these."""
        frame = self.query("SELECT * FROM documents ORDER BY first_seen_at, file_name, document_id")
        return frame if document_ids is None else frame.filter(pl.col("document_id").is_in(list(document_ids)))

    def documents_of(self, sources: Iterable[Source]) -> pl.DataFrame:
        """The dataset `documents`, of these sources alone."""
        found = self.query(_OF_SOURCES, roots=[source.uri for source in sources])
        return self.documents(found["document_id"].to_list())

    def balance(self) -> Balance:
        """List every source and compare it with the states."""
        listed = {
            (source.uri_of(info.key), info.version): info.last_modified_at
            for source in self.sources()
            for info in source.objects()
        }
        with self._ledger.store.transaction() as store:
            recorded = {row[:2]: row[2] for row in store.query(_OBJECT_STATES).iter_rows()}
            documents = dict(store.query(_DOCUMENT_COUNTS).iter_rows())
        here = {name for name, state in recorded.items() if state != ObjectState.GONE}
        states = pl.Series(list(recorded.values()), dtype=pl.String).value_counts(name="n").sort("")
        objects = dict(states.iter_rows())
        unseen = [at for name, at in listed.items() if recorded.get(name, ObjectState.SEEN) == ObjectState.SEEN]
        stale = len(here - listed.keys())
        return Balance(
            len(listed), objects, len(listed.keys() - here), stale, documents, min(unseen) if unseen else None
        )

    def head(self) -> int:
        """The version of the journal, with the store brought up to it."""
        return self._ledger.sync()

    def sources(self) -> list[Source]:
        """Every source that was ever ingested and can be listed; a file that was removed is one that holds nothing."""
        rows = self.query(_SOURCES).iter_rows()
        return [source for source in (known_source(uri, is_object=is_object) for uri, is_object in rows) if source]

    def changes(self, after: int) -> pl.DataFrame:
        """The rows of `documents` that commits later than version `after` spoke of, with that `version`."""
        return self.query(_CHANGES, after=after)

    # What the store remembers for those who run the lake. It is no part of the truth and goes with the store.

    def note(self, name: str, value: str | None) -> None:
        """Remember a text under a name until it is None."""
        with self._ledger.store.transaction() as store:
            store.execute("DELETE FROM ledger.notes WHERE name = $name", name=name)
            if value is not None:
                store.execute("INSERT INTO ledger.notes VALUES ($name, $value)", name=name, value=value)

    def noted(self, name: str) -> str | None:
        """What was last remembered under a name."""
        found = self._ledger.query("SELECT value FROM ledger.notes WHERE name = $name", name=name)
        return None if found.is_empty() else str(found.item())

    def count(self, counts: Mapping[tuple[str, str], float]) -> None:
        """Add to counters, by name and label."""
        rows = [(name, label, float(value)) for (name, label), value in counts.items() if value]
        frame = pl.DataFrame(rows, schema=["name", "label", "value"], orient="row")
        with self._ledger.store.transaction() as store:
            store.insert("ledger.counts", frame)
            store.execute(_SUM_COUNTS)

    def counts(self) -> dict[tuple[str, str], float]:
        """The counters, since this store was made."""
        rows = self._ledger.query("SELECT name, label, sum(value) FROM ledger.counts GROUP BY ALL ORDER BY ALL")
        return {(str(name), str(label)): float(value) for name, label, value in rows.iter_rows()}

    def rebuild(self) -> None:
        """Build the store anew from the journal and the staged results, and check all of `latest/` against it."""
        self._ledger.rebuild()
        self.publish()

    def probe(self) -> None:
        """Prove that the lake can be written to and honours create-only writes. Raises StorageError."""
        probe_create(self.bucket)


_IN_SOURCE = "(source_uri = $uri OR starts_with(source_uri, $uri || '/'))"
_RECORDED = """
    SELECT source_uri, source_version, etag, n_bytes, last_modified_at, state, document_id, reason
    FROM ledger.objects WHERE state <> 'gone'
"""
_OF_SOURCES = """
    SELECT DISTINCT document_id FROM ledger.objects, (SELECT unnest($roots::VARCHAR[]) AS root)
    WHERE document_id IS NOT NULL AND (source_uri = root OR starts_with(source_uri, root || '/'))
"""
_PENDING = f"""
    SELECT r.document_id, r.file_name, r.n_bytes, coalesce(d.decision = 'retry', false) AS is_retry
    FROM ledger.arrivals r
    LEFT JOIN ledger.latest_audits a USING (document_id)
    LEFT JOIN ledger.latest_decisions d ON d.document_id = r.document_id AND d.version > a.version
    WHERE a.document_id IS NULL OR d.decision = 'retry' OR (
        a.extractor_version <> $extractor_version AND r.document_id IN ({_OF_SOURCES})
    )
    ORDER BY r.first_seen_at, r.file_name, r.document_id
"""
_SOURCES = """
    SELECT DISTINCT source_uri, source_uri IN (SELECT source_uri FROM ledger.object_records) AS is_object
    FROM ledger.sources ORDER BY source_uri
"""
_CHANGES = """
    SELECT version, d.* FROM documents d JOIN (
        SELECT document_id, max(version) AS version FROM (
            SELECT document_id, version FROM ledger.audits
            UNION ALL SELECT document_id, version FROM ledger.publications
            UNION ALL SELECT document_id, version FROM ledger.decisions
        ) GROUP BY document_id
    ) USING (document_id)
    WHERE version > $after ORDER BY version, document_id
"""
_SUM_COUNTS = """
    CREATE OR REPLACE TABLE ledger.counts AS
    SELECT name, label, sum(value) AS value FROM ledger.counts GROUP BY ALL
"""
_OBJECT_STATES = "SELECT source_uri, source_version, state FROM ledger.objects"
_DOCUMENT_COUNTS = """
    SELECT coalesce(state, 'landed') AS state, count(*) AS n
    FROM ledger.arrivals LEFT JOIN ledger.document_states USING (document_id)
    GROUP BY ALL ORDER BY state
"""


def _store_path(bucket: Bucket) -> Path:
    if isinstance(bucket, LocalBucket):
        return bucket.root / "store.duckdb"
    name = hashlib.sha256(bucket.uri.encode()).hexdigest()[:16]
    return Path.home() / ".cache" / "cnbudget" / f"{name}.duckdb"


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


def _audited(
    staged: Frames, critical: Mapping[str, Sequence[str]], unapprovable: Collection[str]
) -> list[DocumentAudited]:
    """The verdicts: as parsed, but held where a finding or the gate says so."""
    holding = staged["findings"].filter("is_holding").group_by("document_id", maintain_order=True).agg("message_en")
    reasons = {document_id: list(messages) for document_id, messages in holding.iter_rows()}
    digests = facts_digests(staged["budget_facts"])
    columns = ["document_id", "extractor_version", "state", "state_reason", "budget_id"]
    return [
        DocumentAudited(
            document_id,
            extractor_version,
            *_verdict(DocumentState(state), reason, [*reasons.get(document_id, ()), *critical.get(document_id, ())]),
            budget_id,
            digests.get(document_id, NO_FACTS),
            document_id not in unapprovable,
        )
        for document_id, extractor_version, state, reason, budget_id in staged["documents"].select(columns).iter_rows()
    ]


def _verdict(state: DocumentState, reason: str | None, messages: Sequence[str]) -> tuple[DocumentState, str | None]:
    if state != DocumentState.PARSED or not messages:
        return state, reason
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    return DocumentState.HELD, f"{messages[0]}{more}"
