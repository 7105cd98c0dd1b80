"""The lake: everything a task does to the storage, in the order of a document's life.

land -> (parse) -> stage -> (audit) -> record_audit -> publish, and a person's decisions. Each step is safe to repeat,
and what a killed one left open is done by the next: landed bytes, staged results and the journal are the truth, the
store and `curated/` follow from them. What comes before and beside has rooms of its own: `landing`, `balance`,
`decisions`, `acceptances`, `judging`, `companions`, `notes`.
"""

from __future__ import annotations

import getpass
import hashlib
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import polars as pl

from cnbudget.classification import classification_frames
from cnbudget.errors import ReleaseRefused, SettingsError
from cnbudget.results import Frames
from warehouse.acceptances import Acceptances
from warehouse.balance import Balancing
from warehouse.bucket import Bucket, LocalBucket, PatientBucket, open_bucket
from warehouse.companions import Comparing
from warehouse.curated import Curated, Reports
from warehouse.decisions import Decisions
from warehouse.journal import (
    DocumentAudited,
    DocumentsPublished,
    Entry,
    Journal,
    probe_create,
)
from warehouse.judging import Judging
from warehouse.landing import Landing
from warehouse.ledger import Ledger, read_staged, utc_now
from warehouse.publisher import Publisher
from warehouse.releases import Manifest, Releases
from warehouse.sources import Source
from warehouse.staging import StagedResult, landed_key, staged_key
from warehouse.store import Store
from warehouse.verdicts import to_verdicts

_AT_ONCE = 8
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Pending:
    """A landed document that waits for its result. `is_retry`: read it again although there is one."""

    document_id: str
    file_name: str
    n_bytes: int
    is_retry: bool


class Lake(Landing, Balancing, Decisions, Acceptances, Judging, Comparing):
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
        patient = PatientBucket(bucket)
        super().__init__(patient, Ledger(patient, store, by=by, clock=clock))
        self._references = references
        self._releases = Releases(self.bucket)
        self._is_schema_checked = False
        self.curated = Curated(patient, store)
        self.reports = Reports(patient)

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

    # Documents

    def pending(self, extractor_version: str, sources: Iterable[Source] = ()) -> list[Pending]:
        """Documents without a verdict, those to be read again, and those of `sources` that another version read, unless
        they were withdrawn: their bytes may be gone for good."""
        rows = self._ledger.query_head(
            _PENDING, extractor_version=extractor_version, roots=[source.uri for source in sources]
        )
        return [Pending(*row) for row in rows.iter_rows()]

    def read_landed(self, document_ids: Sequence[str]) -> dict[str, bytes]:
        """The bytes of these documents, by document_id; without those that are not there any more."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(self.bucket.read, map(landed_key, document_ids))
        return {name: data for name, data in zip(document_ids, found, strict=True) if data is not None}

    def staged_ids(self, document_ids: Sequence[str], extractor_version: str) -> set[str]:
        """Which of these documents have a staged result of this version."""
        keys = [staged_key(document_id, extractor_version) for document_id in document_ids]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = pool.map(self.bucket.head, keys)
        return {document_id for document_id, info in zip(document_ids, found, strict=True) if info}

    def stage(self, results: Mapping[str, bytes], extractor_version: str) -> list[str]:
        """Store the parsed results (`cnbudget.results`), by document_id; the ids of what was staged."""

        def write(document_id: str) -> None:
            self.bucket.write(staged_key(document_id, extractor_version), results[document_id])

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(write, results))
        return list(results)

    def staged(self, document_ids: Sequence[str], extractor_version: str) -> dict[str, pl.DataFrame]:
        """The frames of these documents, read back from their staged results."""
        return read_staged(self.bucket, [StagedResult(document_id, extractor_version) for document_id in document_ids])

    def record_audit(
        self,
        staged: Frames,
        critical: Mapping[str, Sequence[str]],
        *,
        unapprovable: Collection[str] = (),
        run_of: Callable[[Sequence[str]], Sequence[Entry]] | None = None,
    ) -> list[DocumentAudited]:
        """Record the verdict on each document of frames read back from staging; the verdicts.

        `critical` has the messages of the gate by document_id: they hold a document, as its own holding findings do.
        No approval can publish one that is `unapprovable`. `run_of` makes of the states the entries that tell of the run.
        The members of an archive that is `opened` are recorded with it.
        """
        verdicts = to_verdicts(staged, critical, unapprovable)
        run = run_of([verdict.state for verdict in verdicts]) if run_of else ()
        members = self._opened_members(verdicts)
        self._ledger.commit(lambda: [*verdicts, *run, *self._member_records(members)], at_hand=staged)
        return verdicts

    def publish(self) -> list[str]:
        """Publish what passed and bring `latest/` to what the journal says; the ids of what is newly published.

        Raises SchemaRefused where readers of the last release could not read what would be published.
        """
        new = self.promote()
        self.write_latest()
        return new

    def write_latest(self) -> None:
        """Bring `latest/` to what the journal says is published."""
        publisher = Publisher(self.bucket, self._ledger.store, self._references)
        with self._ledger.store.publishing():
            self._ledger.settle(publisher.write_stale)

    def drawing(self, goes_on: Callable[[], bool]) -> AbstractContextManager[bool]:
        """The turn to write the site; as the store's."""
        return self._ledger.store.drawing(goes_on)

    def promote(self) -> list[str]:
        """Record that what passed is published, which `write_latest` then makes true: their ids. Raises as `publish`."""
        if not self._is_schema_checked:
            self._releases.check_schema()
            self._is_schema_checked = True
        new: list[str] = []

        def passed() -> list[Entry]:
            found = self._ledger.query(
                "SELECT document_id FROM ledger.document_states WHERE state = 'parsed' ORDER BY document_id"
            )
            new[:] = found["document_id"].to_list()
            return [DocumentsPublished(tuple(new))] if new else []

        self._ledger.commit(passed)
        return new

    def release(self, name: str) -> Manifest:
        """Publish, and keep `latest/` for good as the release of this name.

        Raises ReleaseRefused where there is such a release, or others publish without a pause.
        """
        for _ in range(_TRIES):
            self.publish()
            head = self.head()
            found = self._ledger.query('SELECT "at" FROM ledger.commits WHERE version = $version', version=head)
            at: datetime = found.item()
            made = self._releases.make(name, version=head, at=at, is_settled=partial(self._is_head, head))
            if made:
                return made
        raise ReleaseRefused("others published meanwhile, again and again; try later", where=name)

    def _is_head(self, version: int) -> bool:
        return self.head() == version

    # Questions

    def query(self, sql: str, **parameters: object) -> pl.DataFrame:
        """A question to the store, brought up to date: the published datasets, `staged` and `ledger`."""
        return self._ledger.query_head(sql, **parameters)

    def documents(self, document_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """The dataset `documents` as the journal has it now, all or these."""
        which = "" if document_ids is None else "WHERE list_contains($ids, document_id)"
        sql = f"SELECT * FROM documents {which} ORDER BY first_seen_at, file_name, document_id"
        return self.query(sql, **({} if document_ids is None else {"ids": list(document_ids)}))

    def documents_of(self, sources: Iterable[Source]) -> pl.DataFrame:
        """The dataset `documents`, of these sources alone."""
        found = self.query(_OF_SOURCES, roots=[source.uri for source in sources])
        return self.documents(found["document_id"].to_list())

    def head(self) -> int:
        """The version of the journal, with the store brought up to it."""
        return self._ledger.sync()

    def changes(self, after: int) -> pl.DataFrame:
        """The rows of `documents` that commits later than version `after` spoke of, with that `version`, and of those that
        came into `latest/` or left it for what was said of another document of their budget."""
        return self.query(_CHANGES, after=after)

    def rebuild(self) -> None:
        """Build the store anew from the journal and the staged results, and check all of `latest/` against it."""
        self._ledger.rebuild()
        self.publish()

    def mend(self) -> bool:
        """Build the store anew where it is of no use any more, as opening the lake does; whether it was."""
        return self._ledger.check()

    def compact(self) -> int:
        """Compact the journal, so that it is read in few pieces; how many were made."""
        return self._ledger.compact()

    def probe(self) -> None:
        """Prove that the lake can be written to and honours create-only writes. Raises StorageError."""
        probe_create(self.bucket)


_OF_SOURCES = """
    SELECT DISTINCT document_id FROM ledger.objects, (SELECT unnest($roots::VARCHAR[]) AS root)
    WHERE document_id IS NOT NULL AND (
        source_uri = root OR starts_with(source_uri, root || '/') OR starts_with(source_uri, root || '!/')
    )
"""
_PENDING = f"""
    SELECT r.document_id, r.file_name, r.n_bytes, coalesce(is_retry, false) AS is_retry
    FROM ledger.arrivals r
    LEFT JOIN ledger.document_states a USING (document_id)
    WHERE a.document_id IS NULL OR a.is_retry OR (
        a.extractor_version <> $extractor_version AND a.state <> 'withdrawn' AND r.document_id IN ({_OF_SOURCES})
    )
    ORDER BY r.first_seen_at, r.file_name, r.document_id
"""
_CHANGES = """
    WITH said AS (
        SELECT document_id, version FROM ledger.audits WHERE version > $after
        UNION ALL SELECT document_id, version FROM ledger.publications WHERE version > $after
        UNION ALL SELECT document_id, version FROM ledger.decisions WHERE version > $after
    ),
    spoken AS (SELECT document_id, max(version) AS version FROM said GROUP BY document_id),
    touched AS (
        SELECT document_id FROM spoken
        UNION SELECT document_id FROM ledger.object_records WHERE version > $after
    ),
    -- A tie takes another revision out of latest/; what is taken away, or is now of another budget, leaves its place to another.
    moved AS (
        SELECT document_id, m.version
        FROM ledger.document_states JOIN ledger.moves m USING (document_id) ANTI JOIN spoken USING (document_id)
        WHERE m.version > $after
            AND budget_key IN (SELECT budget_key FROM ledger.placed_audits SEMI JOIN touched USING (document_id))
    )
    SELECT version, d.* FROM documents d JOIN (FROM spoken UNION ALL FROM moved) USING (document_id)
    ORDER BY version, document_id
"""


def _store_path(bucket: Bucket) -> Path:
    if isinstance(bucket, LocalBucket):
        return bucket.root / "store.duckdb"
    name = hashlib.sha256(bucket.uri.encode()).hexdigest()[:16]
    return Path.home() / ".cache" / "cnbudget" / f"{name}.duckdb"
