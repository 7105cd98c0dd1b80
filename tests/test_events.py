from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from flows.events import Inbox, Notice, Poller, take_message, to_notices
from tests.lakes import drop
from warehouse.bucket import LocalBucket, S3Bucket
from warehouse.notifications import Happening, Message
from warehouse.sources import Source


@dataclass
class Hands:
    """A clock that stands where it is put."""

    now: float = 2e9

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeQueue:
    deleted: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)

    def hold(self, receipt: str) -> None:
        self.held.append(receipt)

    def delete(self, receipts: list[str]) -> None:
        self.deleted += receipts


def written(folder: Path, name: str, data: bytes, at: float) -> None:
    (folder / name).write_bytes(data)
    os.utime(folder / name, (at, at))


def test_poll__tells_what_is_new_changed_and_gone_and_not_what_stood_there(tmp_path: Path) -> None:
    for name in ("old.pdf", "changed.pdf", "gone.pdf"):
        drop(tmp_path, name, b"1")
    poller = Poller(Source(LocalBucket(tmp_path)))
    assert poller.poll() == {}
    drop(tmp_path, "new.pdf", b"1")
    drop(tmp_path, "changed.pdf", b"22", day=2)
    (tmp_path / "gone.pdf").unlink()
    changed = poller.poll()
    assert {key: info and info.n_bytes for key, info in changed.items()} == {
        "new.pdf": 1,
        "changed.pdf": 2,
        "gone.pdf": None,
    }
    assert poller.poll() == {}


def test_poll__a_file_is_told_once_it_is_written_to_its_end(tmp_path: Path) -> None:
    clock = Hands()
    poller = Poller(Source(LocalBucket(tmp_path)), clock=clock)
    poller.poll()
    written(tmp_path, "a.pdf", b"1", clock.now)
    assert poller.poll() == {}
    clock.now += 0.5
    written(tmp_path, "a.pdf", b"12", clock.now)
    clock.now += 0.5
    assert poller.poll() == {}
    clock.now += 1
    assert list(poller.poll()) == ["a.pdf"]


def test_poll__a_file_that_is_written_over_is_not_gone_meanwhile(tmp_path: Path) -> None:
    clock = Hands()
    written(tmp_path, "a.pdf", b"1", 1e9)
    poller = Poller(Source(LocalBucket(tmp_path)), clock=clock)
    poller.poll()
    written(tmp_path, "a.pdf", b"12", clock.now)
    assert poller.poll() == {}
    (tmp_path / "a.pdf").unlink()
    assert poller.poll() == {"a.pdf": None}


def test_poll__a_file_from_the_future_is_told_when_it_rests(tmp_path: Path) -> None:
    clock = Hands()
    poller = Poller(Source(LocalBucket(tmp_path)), clock=clock)
    poller.poll()
    written(tmp_path, "a.pdf", b"1", clock.now + 9999)
    assert poller.poll() == {}
    clock.now += 1.1
    assert list(poller.poll()) == ["a.pdf"]


@pytest.mark.usefixtures("s3_environment")
def test_poll__an_object_on_s3_is_whole_at_once() -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="polled")
    bucket = S3Bucket("polled")
    poller = Poller(Source(bucket))
    poller.poll()
    bucket.write("a.pdf", b"1")
    assert list(poller.poll()) == ["a.pdf"]


def test_gather__takes_what_comes_within_a_moment(tmp_path: Path) -> None:
    inbox, source = Inbox(), Source(LocalBucket(tmp_path))
    for key in "abc":
        inbox.put(Notice(source, {key: None}), kind="poll")
    gathered = inbox.gather(wait_seconds=1, gather_seconds=0, limit=2)
    assert [list(notice.objects) for notice in gathered] == [["a"], ["b"]]
    assert len(inbox.gather(wait_seconds=1, gather_seconds=0.01, limit=99)) == 1
    assert inbox.gather(wait_seconds=0, gather_seconds=0, limit=1) == []
    assert inbox.counts == {("events", "poll"): 3}


def notification(*keys: str, bucket: str = "in") -> str:
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]})


@pytest.mark.usefixtures("s3_environment")
def test_take_message__is_deleted_when_all_of_its_objects_are_recorded() -> None:
    inbox, queue = Inbox(), FakeQueue()
    sources = [Source(S3Bucket("in", "a")), Source(S3Bucket("in", "b"))]
    fake: Any = queue
    take_message(Message(notification("a/1.pdf", "b/2.pdf", "a/3.pdf"), "receipt", 1), fake, sources, inbox)
    first, second = inbox.gather(wait_seconds=0, gather_seconds=0.01, limit=9)
    assert queue.held == ["receipt"]
    assert [list(notice.objects) for notice in (first, second)] == [["1.pdf", "3.pdf"], ["2.pdf"]]
    first.confirm()
    assert queue.deleted == []
    second.confirm()
    assert queue.deleted == ["receipt"]


@pytest.mark.parametrize(
    ("body", "is_deleted", "counted"),
    [
        ('{"Event": "s3:TestEvent"}', True, {}),
        ("nonsense", False, {("events_malformed", "sqs"): 1}),
        (notification("x.pdf", bucket="other"), True, {("events_foreign", "sqs"): 1}),
    ],
)
def test_take_message__what_names_no_object_of_ours(
    tmp_path: Path, body: str, is_deleted: bool, counted: dict[tuple[str, str], int]
) -> None:
    inbox, queue = Inbox(), FakeQueue()
    fake: Any = queue
    take_message(Message(body, "receipt", 3), fake, [Source(LocalBucket(tmp_path))], inbox)
    assert (queue.deleted == ["receipt"]) == is_deleted
    assert queue.held == [], "what makes no sense has to reach the dead-letter queue"
    assert inbox.counts == counted
    assert inbox.gather(wait_seconds=0, gather_seconds=0, limit=9) == []


@pytest.mark.usefixtures("s3_environment")
def test_to_notices__a_prefix_is_a_folder_and_no_beginning_of_a_name() -> None:
    sources = [Source(S3Bucket("in", "a"))]
    happened = [Happening("in", key, "") for key in ("a/1", "ab/2", "a")]
    ((_, objects),) = to_notices(happened, sources, Inbox(), kind="sqs")
    assert list(objects) == ["1"]
