"""The journal: what happened to the lake, in order, and the fence of every change.

One object per version, `journal/v00000042.json`, created once and never overwritten: whoever creates version 43 has
committed it, everyone else has to look at it first. Everything the lake says follows from the journal and the staged
results.

Closed ranges of versions are compacted into segments, `journal/segments/v00000001.json.gz`: one read instead of hundreds.
A range is closed once all its versions are there, since none of them ever changes; so whoever makes a segment makes the
same, and one that was killed left it whole or not at all. The single objects stay: they are the fence.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import json
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, get_args, get_type_hints

from cnbudget.errors import CommitConflict, StorageRefused
from cnbudget.model import DocumentState, ObjectState
from warehouse.bucket import Bucket

_WIDEST = 32
"""Versions that are asked for at once by a reader that is far behind."""
SEGMENT = 256
"""Versions of a segment: from one that is a multiple of it plus one, to the next multiple."""


class Decision(StrEnum):
    """What a person decides about a document; the latest one counts."""

    APPROVE = "approve"
    REJECT = "reject"
    RETRY = "retry"
    WITHDRAW = "withdraw"
    REVOKE = "revoke"
    """Takes back the decision before it: the document stands as it did without."""


@dataclass(frozen=True, slots=True)
class SourceAdded:
    """A file, folder or prefix is watched from now on: the balance of the bucket counts it."""

    source_uri: str


@dataclass(frozen=True, slots=True)
class ObjectRecorded:
    """An object version was seen, landed as a document, skipped as none, or found to be gone.

    With a `member_name` it is not listed by its source: it stands in an archive that is, and `source_uri` is
    `archive!/member`; it shares the archive's version and is gone when the archive is.
    """

    source_uri: str
    source_version: str
    etag: str | None
    n_bytes: int
    last_modified_at: datetime | None
    state: ObjectState
    document_id: str | None = None
    reason: str | None = None
    member_name: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentAudited:
    """A document has a staged result and the gate's verdict on it. `parsed` means: may be published.

    `facts_sha256` is the digest of its figures, without their places: what two renditions share. Where not
    `is_approvable`, what holds it is no matter of judgement (a key that is not unique) and no approval can publish it.
    Year and jurisdiction say on which shelf its rows are published.
    """

    document_id: str
    extractor_version: str
    state: DocumentState
    state_reason: str | None
    budget_id: str | None
    facts_sha256: str
    is_approvable: bool = True
    judgement: str | None = None
    """Where it was judged again: which file beside the staged result has its findings now (`staging.judgement_key`)."""
    fiscal_year: int | None = None
    jurisdiction_code: str | None = None


@dataclass(frozen=True, slots=True)
class DocumentsPublished:
    """From this version on these documents take part in `latest/`, as far as their states allow."""

    document_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionMade:
    """A person's decision. An approval counts for the figures it was given for (`facts_sha256`) and no others."""

    document_id: str
    decision: Decision
    reason: str
    facts_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class FindingAccepted:
    """A finding was accepted; that expires when its evidence changes."""

    finding_id: str
    evidence_sha256: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleAccepted:
    """All findings of a rule about a publisher were accepted, those to come as well."""

    rule_id: str
    publisher_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class AcceptanceRevoked:
    """The acceptance of a finding, or of a rule and a publisher, was taken back."""

    finding_id: str | None
    rule_id: str | None
    publisher_id: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class ValidationRun:
    """Rules and suites ran: over a batch that was read (`ingestion`) or over what was read before (`revalidation`).

    The three last counts are of findings that were not there before, are gone, or say something else than before.
    """

    run_id: str
    occasion: str
    scope: str
    started_at: datetime
    extractor_version: str
    rules_version: str
    suites_version: str
    n_documents: int
    n_held: int
    n_findings: int
    n_expectations: int
    n_expectations_unmet: int
    n_new: int
    n_resolved: int
    n_changed: int


@dataclass(frozen=True, slots=True)
class ExpectationChecked:
    """How an expectation came out in a run. Of an ingestion those that were not met, of a revalidation all."""

    run_id: str
    dataset: str
    expectation_id: str
    severity: str
    is_met: bool
    n_unexpected: int
    n_documents: int
    document_ids: str


Entry = (
    SourceAdded
    | ObjectRecorded
    | DocumentAudited
    | DocumentsPublished
    | DecisionMade
    | FindingAccepted
    | RuleAccepted
    | AcceptanceRevoked
    | ValidationRun
    | ExpectationChecked
)
_KINDS: dict[str, type[Entry]] = {kind.__name__: kind for kind in get_args(Entry)}


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of the journal: what happened, when (UTC) and by whom. `nonce` tells one's own commit from others."""

    version: int
    at: datetime
    by: str
    nonce: str
    entries: tuple[Entry, ...]

    def to_json(self) -> bytes:
        """The commit as its object holds it."""
        head = {"version": self.version, "at": self.at.isoformat(), "by": self.by, "nonce": self.nonce}
        entries = [{"kind": type(entry).__name__} | _to_plain(entry) for entry in self.entries]
        return json.dumps(head | {"entries": entries}, ensure_ascii=False, indent=0).encode()

    @classmethod
    def from_json(cls, data: bytes, *, where: str) -> Commit:
        """The commit of these bytes. Raises StorageRefused where they are damaged or newer than this code."""
        with _unreadable(where, "restore it from a copy, or upgrade"):
            return _to_commit(json.loads(data))


class Journal:
    """The journal of one lake. It keeps no state: the caller remembers up to where it has read."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self, *, after: int) -> Iterator[Commit]:
        """The commits later than version `after`, in order: by segments where there are some, else many at once."""
        width = 1
        with ThreadPoolExecutor(_WIDEST) as pool:
            while True:
                segment = self._segment(after + 1) if after % SEGMENT == 0 else None
                upto = min(after + width, after - after % SEGMENT + SEGMENT)
                for commit in segment or pool.map(self.get, range(after + 1, upto + 1)):
                    if commit is None:
                        return
                    after = commit.version
                    yield commit
                width = min(2 * width, _WIDEST)

    def _segment(self, first: int) -> list[Commit] | None:
        """The commits of the segment that starts with this version, or None where none was made."""
        key = _segment_key(first)
        data = self._bucket.read(key)
        if data is None:
            return None
        with _unreadable(
            f"{self._bucket.uri}/{key}", "delete this segment: what it holds stands in single objects too"
        ):
            return [_to_commit(plain) for plain in json.loads(gzip.decompress(data))]

    def compact(self, *, head: int) -> int:
        """Make the segments of all closed ranges up to the head that have none yet; how many were made."""
        made = {info.key for info in self._bucket.list("journal/segments/")}
        n_made = 0
        for first in range(1, head - SEGMENT + 2, SEGMENT):
            if _segment_key(first) not in made:
                with ThreadPoolExecutor(_WIDEST) as pool:
                    commits = list(pool.map(self._plain, range(first, first + SEGMENT)))
                data = b"[" + b",".join(commits) + b"]"
                n_made += self._bucket.create(_segment_key(first), gzip.compress(data, mtime=0))
        return n_made

    def _plain(self, version: int) -> bytes:
        commit = self.get(version)
        if commit is None:
            raise StorageRefused(
                "a version below the head is not there; put it back from a copy of the lake",
                where=f"{self._bucket.uri}/{_key(version)}",
            )
        return commit.to_json()

    def get(self, version: int) -> Commit | None:
        """One commit, or None where the journal does not reach so far."""
        data = self._bucket.read(_key(version))
        return None if data is None else Commit.from_json(data, where=f"{self._bucket.uri}/{_key(version)}")

    def has(self, version: int) -> bool:
        """Whether the journal reaches so far."""
        return self._bucket.head(_key(version)) is not None

    def append(self, entries: Sequence[Entry], *, after: int, by: str, at: datetime) -> Commit:
        """Commit the entries as the version next to `after`.

        Raises CommitConflict where someone else has made that version: read it, derive the entries anew, try again.
        """
        commit = Commit(after + 1, at, by, uuid.uuid4().hex, tuple(entries))
        if self._bucket.create(_key(commit.version), commit.to_json()):
            return commit
        raise CommitConflict(
            "someone else made this version first; read on from it and derive the entries anew",
            where=f"{self._bucket.uri}/{_key(commit.version)}",
        )


def probe_create(bucket: Bucket) -> None:
    """Prove that a second create of one key is refused. Raises StorageRefused where it is not: no fence, no lake."""
    key = f"journal/probe-{uuid.uuid4().hex}"
    try:
        is_first, is_second = bucket.create(key, b"first"), bucket.create(key, b"second")
        found = bucket.read(key)
    finally:
        bucket.delete(key)
    if not is_first or is_second or found != b"first":
        raise StorageRefused(
            "create-only writes (If-None-Match: *) are not honoured, so two publishers could overwrite each other; "
            "use an unversioned bucket, another server, or a lake on local disk",
            where=bucket.uri,
        )


def _key(version: int) -> str:
    return f"journal/v{version:08d}.json"


def _segment_key(first: int) -> str:
    return f"journal/segments/v{first:08d}.json.gz"


@contextlib.contextmanager
def _unreadable(where: str, advice: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, OSError, EOFError, zlib.error) as error:
        raise StorageRefused(f"not an entry this version can read ({error!r}); {advice}", where=where) from error


def _to_commit(plain: dict[str, Any]) -> Commit:
    entries = tuple(_to_entry(entry) for entry in plain["entries"])
    return Commit(plain["version"], datetime.fromisoformat(plain["at"]), plain["by"], plain["nonce"], entries)


def _to_plain(entry: Entry) -> dict[str, object]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(entry).items()}


def _to_entry(plain: dict[str, Any]) -> Entry:
    name = plain.pop("kind")
    readers = _readers(name)
    build: Callable[..., Entry] = _KINDS[name]
    return build(**{name: value if value is None else readers[name](value) for name, value in plain.items()})


@functools.cache
def _readers(kind: str) -> dict[str, Callable[[Any], Any]]:
    """What makes each field's value from its JSON, by the field's type."""
    readers: dict[str, Callable[[Any], Any]] = {}
    for name, hint in get_type_hints(_KINDS[kind]).items():
        if hint == tuple[str, ...]:
            readers[name] = tuple
        else:
            plain = next((part for part in get_args(hint) if part is not type(None)), hint)
            readers[name] = datetime.fromisoformat if plain is datetime else plain
    return readers
