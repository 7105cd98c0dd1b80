"""Journal and store together: commits go through here, and the store follows them.

A commit is derived from the state at the head and appended as the next version. Whoever loses the race for a version
reads it and derives again, so nobody ever acts on a state that has passed.
"""

from __future__ import annotations

import functools
import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

import polars as pl

from cnbudget.errors import CommitConflict, StorageError, StoreDamaged
from cnbudget.results import Frames, result_to_row, rows_to_frames
from warehouse.bucket import Bucket
from warehouse.journal import Commit, DocumentAudited, Entry, Journal, probe_create
from warehouse.staging import StagedResult, judged
from warehouse.store import Store

Read = TypeVar("Read")

_COMMITS_AT_ONCE = 256
_DOCUMENTS_AT_ONCE = 100
"""Whose staged results are in memory together when the store catches up."""
_READS_AT_ONCE = 8
_TRIES = 50
_LEFT_SECONDS = 24 * 3600

_log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Ledger:
    """The journal of a lake and the store that follows it. `by` signs the commits."""

    def __init__(self, bucket: Bucket, store: Store, *, by: str, clock: Callable[[], datetime] = utc_now) -> None:
        self.store = store
        self._bucket = bucket
        self._journal = Journal(bucket)
        self._by = by
        self._clock = clock

    def check(self) -> bool:
        """Build the store anew where it is outdated, damaged or of another lake; whether it was. Probes the storage of an
        empty lake.

        Raises StorageRefused where create-only writes are not honoured.
        """
        reason = self._why_useless()
        if reason:
            _log.warning("%s: building the store anew from the journal: %s", self.store.path, reason)
            self.rebuild()
        return bool(reason)

    def _why_useless(self) -> str | None:
        try:
            if self.store.is_outdated():
                return "it was made by another version"
            last = self.query("SELECT version, nonce FROM ledger.commits ORDER BY version DESC LIMIT 1")
        except StoreDamaged as error:
            return str(error)
        version, nonce = last.row(0) if last.height else (1, None)
        found = self._journal.get(version)
        if nonce and (found is None or found.nonce != nonce):
            # A lake that was put back from a copy has another history than its store.
            return "it tells of another history than the journal"
        if found is None:
            probe_create(self._bucket)
        return None

    def query(self, sql: str, **parameters: object) -> pl.DataFrame:
        """A question to the store as it is; `sync` first where the head matters."""
        with self.store.transaction() as store:
            return store.query(sql, **parameters)

    def query_head(self, sql: str, **parameters: object) -> pl.DataFrame:
        """A question to the store, brought up to the head."""
        with self.store.session():
            self.sync()
            return self.query(sql, **parameters)

    def sync(self) -> int:
        """Bring the store up to the head of the journal; its version."""
        # Asked each time: another process may have brought it further, or have put an older one in its place.
        with self.store.transaction() as store:
            head = store.head()
        return self._follow(self.store, head)

    def commit(
        self, derive: Callable[[], Sequence[Entry]], *, by: str | None = None, at_hand: Frames | None = None
    ) -> None:
        """Append what `derive` makes of the state at the head; it is asked again whenever someone else was first.

        `at_hand`: staged frames of the audits among the entries, which then need no reading; all, or those that changed.
        """
        for attempt in range(_TRIES):
            with self.store.session():
                if self._try_commit(derive, by or self._by, at_hand):
                    return
            _pause(attempt)
        raise CommitConflict("others committed first, again and again; try later", where=self._bucket.uri)

    def _try_commit(self, derive: Callable[[], Sequence[Entry]], by: str, at_hand: Frames | None) -> bool:
        head = self.sync()
        entries = derive()
        if entries:
            try:
                commit = self._journal.append(entries, after=head, by=by, at=self._clock())
            except CommitConflict:
                return False
            self._apply(self.store, [commit], at_hand)
        return True

    def settle(self, write: Callable[[int, Callable[[], bool]], bool]) -> None:
        """Call `write` with the head, the store being there, until it says that the head has not moved meanwhile."""
        for attempt in range(_TRIES):
            head = self.sync()
            if write(head, functools.partial(self._journal.has, head + 1)):
                return
            _pause(attempt)
        raise StorageError("the journal moves on faster than it can be published; try later", where=self._bucket.uri)

    def compact(self) -> int:
        """Compact what of the journal can be; how many segments were made."""
        return self._journal.compact(head=self.sync())

    def rebuild(self) -> None:
        """Make the store anew from the journal and the staged results."""
        # A name of its own, for others may be rebuilding too; a killed one's file is thrown away by a later one.
        for left in self.store.path.parent.glob(f"{self.store.path.name}.*.rebuilding*"):
            if time.time() - left.stat().st_mtime > _LEFT_SECONDS:
                left.unlink(missing_ok=True)
        aside = Store(self.store.path.with_name(f"{self.store.path.name}.{uuid.uuid4().hex[:8]}.rebuilding"))
        try:
            with aside.transaction() as store:
                head = store.head()
            self._follow(aside, head)
            self.store.replace(aside)
        finally:
            aside.remove()

    def _follow(self, target: Store, head: int) -> int:
        commits: list[Commit] = []
        for commit in self._journal.read(after=head):
            commits.append(commit)
            if len(commits) >= _COMMITS_AT_ONCE or len(_audits(commits)) >= _DOCUMENTS_AT_ONCE:
                head, commits = self._apply(target, commits), []
        return self._apply(target, commits) if commits else head

    def _apply(self, target: Store, commits: Sequence[Commit], at_hand: Frames | None = None) -> int:
        """Append commits to the store; the head that it has then."""
        frames = self._frames_of(_audits(commits), at_hand)
        with target.transaction() as store:
            head = store.head()
            follows = head >= commits[0].version - 1
            if follows:
                store.apply(commits, frames)
        # Where it does not, someone threw the file away meanwhile.
        return max(head, commits[-1].version) if follows else self._follow(target, head)

    def _frames_of(self, audits: Sequence[DocumentAudited], at_hand: Frames | None) -> Iterator[Frames]:
        """What was staged for the audits, few documents at a time."""
        if at_hand is not None and {a.document_id for a in audits} == set(at_hand["documents"]["document_id"]):
            yield at_hand
            return
        results = [StagedResult(a.document_id, a.extractor_version, a.judgement) for a in audits]
        for start in range(0, len(results), _DOCUMENTS_AT_ONCE):
            yield read_staged(self._bucket, results[start : start + _DOCUMENTS_AT_ONCE])


class Room:
    """A part of what a lake does; `warehouse.lake.Lake` is all of them together. None keeps a state of its own."""

    def __init__(self, bucket: Bucket, ledger: Ledger) -> None:
        self.bucket = bucket
        self._ledger = ledger


def _audits(commits: Sequence[Commit]) -> list[DocumentAudited]:
    """The audits that count among these: of each document the last."""
    audits = {e.document_id: e for commit in commits for e in commit.entries if isinstance(e, DocumentAudited)}
    return list(audits.values())


def read_staged(bucket: Bucket, results: Sequence[StagedResult]) -> dict[str, pl.DataFrame]:
    """The frames of staged results, with findings as they were judged last.

    Raises as `read_all`, and StorageError where one speaks of another document than the one it is filed under.
    """
    rows = read_all(bucket, [result.key for result in results], result_to_row)
    keys = {number: key for number, result in enumerate(results) if (key := result.judgement_key)}
    for number, judgement in zip(keys, read_all(bucket, list(keys.values()), result_to_row), strict=True):
        rows[number] = judged(rows[number], judgement)
    frames = rows_to_frames(rows)
    found = frames["documents"]["document_id"].to_list()
    for result, document_id in itertools.zip_longest(results, found):
        if result is None or result.document_id != document_id:
            message = f"the staged result speaks of {document_id}; expected: its own document; retry it"
            raise StorageError(message, where=result.key if result else bucket.uri, transient=False)
    return frames


def read_all(bucket: Bucket, keys: Sequence[str], decode: Callable[[bytes], Read]) -> list[Read]:
    """All these objects of the lake, decoded. Raises StorageError where one is not there any more."""

    def read(key: str) -> Read:
        data = bucket.read(key)
        if data is not None:
            return decode(data)
        raise StorageError(
            "the journal speaks of it and it is not there; put it back from a copy of the lake",
            where=f"{bucket.uri}/{key}",
            transient=False,
        )

    with ThreadPoolExecutor(_READS_AT_ONCE) as pool:
        return list(pool.map(read, keys))


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, min(0.01 * 2**attempt, 1.0)))
