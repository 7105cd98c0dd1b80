from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cnbudget.errors import CommitConflict, StorageError, StorageRefused
from cnbudget.model import DocumentState, ObjectState
from tests.lakes import FailingBucket
from warehouse import journal as journal_module
from warehouse.bucket import LocalBucket, ObjectInfo
from warehouse.journal import (
    Decision,
    DecisionMade,
    DocumentAudited,
    DocumentsPublished,
    Entry,
    FindingAccepted,
    Journal,
    ObjectRecorded,
    SourceAdded,
    probe_create,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ENTRIES: list[Entry] = [
    SourceAdded("file:///一"),
    ObjectRecorded("file:///一/二 \\xff.pdf", "v1", "e", 3, NOW, ObjectState.LANDED, "d1"),
    ObjectRecorded("s3://b/~$x", "v1", None, 3, None, ObjectState.SKIPPED, None, "lock file"),
    DocumentAudited("d1", "x1", DocumentState.HELD, "a sum", None, "f", False),
    DocumentsPublished(("d1", "d2")),
    DecisionMade("d1", Decision.APPROVE, "fine", "f"),
    FindingAccepted("b/r/l", "e", "known"),
]


def test_append__every_kind_of_entry_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(LocalBucket(tmp_path))
    commit = journal.append(ENTRIES, after=0, by="li", at=NOW)
    assert list(journal.read(after=0)) == [commit]
    assert (commit.version, commit.by, commit.at, list(commit.entries)) == (1, "li", NOW, ENTRIES)
    assert type(commit.entries[1].state) is ObjectState  # type: ignore[union-attr]


def test_append__the_second_one_loses(tmp_path: Path) -> None:
    journal = Journal(LocalBucket(tmp_path))
    journal.append(ENTRIES[:1], after=0, by="li", at=NOW)
    with pytest.raises(CommitConflict, match="read on from it") as raised:
        journal.append(ENTRIES[:1], after=0, by="wang", at=NOW)
    assert raised.value.transient
    assert [commit.by for commit in journal.read(after=0)] == ["li"]


def test_append__writers_in_parallel_lose_and_double_nothing(tmp_path: Path) -> None:
    def write(name: str) -> None:
        journal, head = Journal(LocalBucket(tmp_path)), 0
        for n in range(10):
            while True:
                head = max((commit.version for commit in journal.read(after=head)), default=head)
                try:
                    journal.append([SourceAdded(f"{name}{n}")], after=head, by=name, at=NOW)
                    break
                except CommitConflict:
                    continue

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    commits = list(Journal(LocalBucket(tmp_path)).read(after=0))
    assert [commit.version for commit in commits] == list(range(1, 31))
    names = [entry.source_uri for commit in commits for entry in commit.entries if isinstance(entry, SourceAdded)]
    assert sorted(names) == sorted(f"{name}{n}" for name in "abc" for n in range(10))


def test_read__goes_forward_from_a_version_without_listing(tmp_path: Path) -> None:
    class NeverListed(FailingBucket):
        def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
            raise AssertionError(f"listed {prefix}{after}")

    journal = Journal(NeverListed(LocalBucket(tmp_path)))
    for version in range(70):
        journal.append([SourceAdded(str(version))], after=version, by="li", at=NOW)
    assert [commit.version for commit in journal.read(after=67)] == [68, 69, 70]
    assert len(list(journal.read(after=0))) == 70
    assert (journal.has(70), journal.has(71)) == (True, False)


@pytest.mark.parametrize(
    "data", [b"", b"{", b'{"version": 1}', b'{"version":1,"at":"x","by":"","nonce":"","entries":[]}']
)
def test_get__a_damaged_entry_says_what_to_do(tmp_path: Path, data: bytes) -> None:
    bucket = LocalBucket(tmp_path)
    bucket.write("journal/v00000001.json", data)
    with pytest.raises(StorageRefused, match=r"v00000001\.json: not an entry .* restore it"):
        Journal(bucket).get(1)


def test_get__an_entry_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    bucket = LocalBucket(tmp_path)
    commit = Journal(bucket).append(ENTRIES[:1], after=0, by="li", at=NOW)
    bucket.write("journal/v00000002.json", commit.to_json().replace(b"SourceAdded", b"SourceTurned"))
    with pytest.raises(StorageRefused, match="upgrade"):
        Journal(bucket).get(2)


def test_probe_create__accepts_a_bucket_that_honours_the_condition(tmp_path: Path) -> None:
    probe_create(LocalBucket(tmp_path))
    assert list(LocalBucket(tmp_path).list()) == []


def test_probe_create__refuses_a_bucket_that_ignores_it(tmp_path: Path) -> None:
    class Ignoring(FailingBucket):
        def create(self, key: str, data: bytes) -> bool:
            self.inner.write(key, data)
            return True

    with pytest.raises(StorageRefused, match=r"create-only writes .* are not honoured"):
        probe_create(Ignoring(LocalBucket(tmp_path)))


def short_segments(monkeypatch: pytest.MonkeyPatch, folder: Path, n_commits: int) -> FailingBucket:
    monkeypatch.setattr(journal_module, "SEGMENT", 4)
    bucket = FailingBucket(LocalBucket(folder))
    for after in range(n_commits):
        Journal(bucket).append([SourceAdded(f"s3://{after}"), *ENTRIES], after=after, by="li", at=NOW)
    return bucket


def test_compact__gives_the_same_commits_in_fewer_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = short_segments(monkeypatch, tmp_path, 10)
    plain = list(Journal(bucket).read(after=0))
    assert Journal(bucket).compact(head=10) == 2
    for version in range(1, 9):
        (tmp_path / f"journal/v{version:08d}.json").unlink()  # nobody does this: it shows what is read
    for after in (0, 4, 8, 9, 10):
        assert list(Journal(bucket).read(after=after)) == plain[after:]


def test_compact__is_safe_to_repeat_and_to_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = short_segments(monkeypatch, tmp_path, 12)
    bucket.n_writes = 1
    with pytest.raises(StorageError, match="killed"):
        Journal(bucket).compact(head=12)
    bucket.n_writes = 10
    assert Journal(bucket).compact(head=12) == 2
    assert Journal(bucket).compact(head=12) == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "journal/segments").iterdir()}
    assert list(files) and sorted(files) == [f"v0000000{first}.json.gz" for first in (1, 5, 9)]
    for path in (tmp_path / "journal/segments").iterdir():
        path.unlink()
    Journal(LocalBucket(tmp_path)).compact(head=12)
    assert {path.name: path.read_bytes() for path in (tmp_path / "journal/segments").iterdir()} == files


def test_read__a_damaged_segment_is_named_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = short_segments(monkeypatch, tmp_path, 4)
    Journal(bucket).compact(head=4)
    (tmp_path / "journal/segments/v00000001.json.gz").write_bytes(b"cut")
    with pytest.raises(StorageRefused, match=r"segments/v00000001.*delete this segment"):
        list(Journal(bucket).read(after=0))
    (tmp_path / "journal/segments/v00000001.json.gz").unlink()
    assert len(list(Journal(bucket).read(after=0))) == 4
