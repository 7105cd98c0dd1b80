"""The objects of the sources: compared with the ledger, landed, recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnbudget.errors import SettingsError, StorageError
from cnbudget.model import ObjectState
from tests.lakes import (
    FailingBucket,
    drop,
    lake_at,
    land,
)
from warehouse.bucket import LocalBucket, open_bucket
from warehouse.lake import Lake
from warehouse.sources import Source, open_source
from warehouse.store import Store


def test_compare__lists_what_is_new_and_what_is_gone(inbox: Path, home: Path) -> None:
    lake, source = lake_at(home), Source(LocalBucket(inbox))
    drop(inbox, "a.pdf", b"1")
    drop(inbox, "b.pdf", b"2")
    land(lake, inbox)
    (inbox / "a.pdf").unlink()
    drop(inbox, "b.pdf", b"changed", day=3)
    comparison = lake.compare(source)
    assert [info.key for info in comparison.new] == ["b.pdf"]
    assert sorted(entry.source_uri.rpartition("/")[2] for entry in comparison.gone) == ["a.pdf", "b.pdf"]
    land(lake, inbox)
    assert lake.balance().objects == {"gone": 2, "landed": 1}
    assert lake.balance().is_balanced


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_compare_pages__say_together_what_compare_says(inbox: Path, home: Path, size: int) -> None:
    lake, source = lake_at(home), Source(LocalBucket(inbox))
    names = ["a.pdf", "a/b.pdf", "a/c.pdf", "b.pdf", os.fsdecode(b"\xb2.pdf"), "z.pdf"]
    for name in names:
        drop(inbox, name, name.encode("utf-8", "replace"))
    land(lake, inbox)
    for name in ("a.pdf", "a/c.pdf", names[4]):
        (inbox / name).unlink()
    drop(inbox, "b.pdf", b"changed", day=3)
    drop(inbox, "zz.pdf", b"late")
    whole, pages = lake.compare(source), list(lake.compare_pages(source, size=size))
    assert [info for page in pages for info in page.new] == list(whole.new)
    assert {entry.source_uri for page in pages for entry in page.gone} == {entry.source_uri for entry in whole.gone}
    assert len(whole.gone) == 4
    assert sum(page.n_listed for page in pages) == whole.n_listed
    (first, *_), after = pages, pages[0].last_key
    rest = list(lake.compare_pages(source, after=after, size=size)) if after else []
    assert [*first.new, *(info for page in rest for info in page.new)] == list(whole.new)


def test_compare_objects__asks_storage_for_what_events_name(inbox: Path, home: Path) -> None:
    lake, source = lake_at(home), Source(LocalBucket(inbox))
    for name in ("a.pdf", "b.pdf", "same.pdf"):
        drop(inbox, name, name.encode())
    land(lake, inbox)
    (inbox / "a.pdf").unlink()
    drop(inbox, "b.pdf", b"changed", day=3)
    drop(inbox, "c.pdf", b"new")
    names = ["c.pdf", "b.pdf", "a.pdf", "same.pdf", "never.pdf", "../outside.pdf"]
    found = lake.compare_objects(source, dict.fromkeys(names))
    assert [info.key for info in found.new] == ["c.pdf", "b.pdf"]
    assert sorted(entry.source_uri.rpartition("/")[2] for entry in found.gone) == ["a.pdf", "b.pdf"]


def test_sources__a_file_that_was_removed_is_an_empty_one(inbox: Path, home: Path) -> None:
    drop(inbox, "a", b"1")
    lake, file = lake_at(home), open_source(str(inbox / "a"))
    lake.land(file, list(file.objects()))
    (inbox / "a").unlink()
    (source,) = lake.sources()
    assert (source.uri, list(source.objects())) == (file.uri, [])
    lake.record_gone(lake.compare(source).gone)
    assert lake.balance().objects == {"gone": 1}
    assert lake.balance().is_balanced


def test_sources__a_folder_that_is_not_there_is_none(inbox: Path, home: Path) -> None:
    drop(inbox, "a", b"1")
    lake = lake_at(home)
    land(lake, inbox)
    inbox.rename(inbox.with_name("elsewhere"))
    assert lake.sources() == []


def test_compare__a_lake_inside_its_source_is_refused(inbox: Path) -> None:
    drop(inbox, "a.pdf", b"1")
    with pytest.raises(SettingsError, match="inside the source"):
        lake_at(inbox / "lake").compare(Source(LocalBucket(inbox)))


def test_land__an_object_of_a_known_source_is_no_source_of_its_own(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    drop(inbox, "a.pdf", b"1")
    land(lake, inbox)
    drop(inbox, "b.pdf", b"2")
    source = open_source(str(inbox / "b.pdf"))
    lake.land(source, list(source.objects()))
    assert [source.uri for source in lake.sources()] == [f"file://{inbox}"]
    assert (lake.balance().n_listed, lake.balance().unrecorded) == (2, 0)


def test_land__every_object_ends_in_one_state_with_a_reason(inbox: Path, home: Path, tmp_path: Path) -> None:
    lake, source = lake_at(home), Source(LocalBucket(inbox))
    empty = drop(inbox, "empty.pdf", b"")
    drop(inbox, "sub dir/.DS_Store", b"x")
    drop(inbox, "~$a.docx", b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    (inbox / "link.pdf").symlink_to(tmp_path / "secret")
    drop(inbox, "gone.pdf", b"x")
    listed = list(source.objects())
    (inbox / "gone.pdf").unlink()
    landed = {entry.source_uri.rpartition("/")[2]: entry for entry in lake.land(source, listed)}
    assert {name: entry.state for name, entry in landed.items()} == {
        "empty.pdf": ObjectState.LANDED,
        ".DS_Store": ObjectState.SKIPPED,
        "~$a.docx": ObjectState.SKIPPED,
        "link.pdf": ObjectState.SKIPPED,
        "gone.pdf": ObjectState.GONE,
    }
    assert all(entry.reason for entry in landed.values() if entry.state != ObjectState.LANDED)
    assert lake.read_landed([empty]) == {empty: b""}
    assert lake.balance().is_balanced


def test_land__an_unreadable_object_is_seen_and_the_others_land(inbox: Path, home: Path) -> None:
    drop(inbox, "a.pdf", b"1")
    drop(inbox, "b.pdf", b"2")

    class Flaky(FailingBucket):
        is_up = False

        def fetch(self, key: str):  # type: ignore[no-untyped-def]
            if key == "a.pdf" and not self.is_up:
                raise StorageError("503", where=key)
            return self.inner.fetch(key)

    lake, bucket = lake_at(home), Flaky(LocalBucket(inbox))
    source = Source(bucket)
    with pytest.raises(StorageError, match="1 objects could not be read"):
        lake.land(source, lake.compare(source).new)
    assert lake.balance().objects == {"landed": 1, "seen": 1}
    assert not lake.balance().is_balanced
    bucket.is_up = True
    lake.land(source, lake.compare(source).new)
    assert lake.balance().objects == {"landed": 2}


@pytest.mark.usefixtures("s3_environment")
def test_compare__a_lake_inside_its_s3_source_is_refused(tmp_path: Path) -> None:
    lake = Lake(open_bucket("s3://s3-lake/in/lake"), Store(tmp_path / "store.duckdb"), by="tester")
    with pytest.raises(SettingsError, match="inside the source"):
        lake.compare(Source(open_bucket("s3://s3-lake/in")))
