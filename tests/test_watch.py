"""The watcher with its sources of events, without a server of Prefect's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cnbudget.errors import SettingsError, StorageError
from flows.events import Notice
from flows.settings import quieten
from tests.drilling import settle, watcher_of
from tests.lakes import EXTRACTOR, FailingBucket, curated, drop, lake_at, read_latest, states
from tests.waiting import until
from warehouse.bucket import LocalBucket, ObjectInfo
from warehouse.lake import Lake

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")


def test_turn__takes_up_what_stood_there_and_what_a_killed_run_left(inbox: Path, home: Path, budget_text: str) -> None:
    document = drop(inbox, "a.txt", budget_text.encode())
    lake = lake_at(home)
    (_, source) = watcher_of(lake, inbox)[1:]
    lake.land(source, list(source.objects()))
    late = drop(inbox, "b.txt", b"no budget")
    settle(lake, inbox)
    assert states(lake).keys() == {document, late}
    assert states(lake)[document] == "published"


def test_turn__events_that_come_twice_or_name_nothing_change_nothing(inbox: Path, home: Path, budget_text: str) -> None:
    lake = lake_at(home)
    watcher, box, source = watcher_of(lake, inbox)
    drop(inbox, "a.txt", budget_text.encode())
    while not watcher.is_idle:
        watcher.turn()
    before, head = curated(home), lake.head()
    for _ in range(3):
        box.put(Notice(source, {"a.txt": None, "never.txt": None, "../../etc/passwd": None}), kind="test")
    watcher.turn()
    assert (curated(home), lake.head()) == (before, head)


def test_turn__a_store_that_is_damaged_meanwhile_is_built_anew(
    inbox: Path, home: Path, budget_text: str, caplog: pytest.LogCaptureFixture
) -> None:
    first = drop(inbox, "a.txt", budget_text.encode())
    lake = lake_at(home)
    watcher, box, source = watcher_of(lake, inbox)
    while not watcher.is_idle:
        watcher.turn()
    store = home / "store.duckdb"
    store.write_bytes(store.read_bytes()[: store.stat().st_size // 2])
    second = drop(inbox, "b.txt", b"no budget")
    box.put(Notice(source, {"b.txt": None}), kind="test")
    watcher.turn()
    until(lambda: bool(watcher.turn()) and watcher.is_idle)
    assert states(lake) == {first: "published", second: "rejected"}
    assert any("building the store anew from the journal" in record.getMessage() for record in caplog.records)


def test_turn__writes_the_site_when_nothing_has_come_for_a_while(inbox: Path, home: Path, budget_text: str) -> None:
    lake = lake_at(home)
    watcher, _, _ = watcher_of(lake, inbox)
    drop(inbox, "a.txt", budget_text.encode())
    site = home / "curated" / "reports"
    while not watcher.is_idle:
        watcher.turn()
        assert not site.exists()
    assert watcher.turn() is False, "the next document may be coming"
    until(watcher.turn)
    assert len(list(site.glob("budgets/*.html"))) == 1
    assert watcher.turn() is False


def test_turn__an_object_that_is_overwritten_and_one_that_is_deleted(inbox: Path, home: Path, budget_text: str) -> None:
    lake = lake_at(home)
    old, kept = drop(inbox, "a.txt", b"old"), drop(inbox, "b.txt", budget_text.encode())
    watcher, box, source = watcher_of(lake, inbox)
    while not watcher.is_idle:
        watcher.turn()
    new = drop(inbox, "a.txt", b"new", day=2)
    (inbox / "b.txt").unlink()
    box.put(Notice(source, {"b.txt": None, "a.txt": None}), kind="test")
    watcher.turn()
    assert states(lake).keys() == {old, new, kept}
    assert states(lake)[kept] == "published"
    assert lake.balance().objects == {"gone": 2, "landed": 1}
    assert lake.balance().is_balanced


def test_turn__a_document_that_is_moved_or_copied_stays_what_it_is(inbox: Path, home: Path, budget_text: str) -> None:
    lake = lake_at(home)
    document = drop(inbox, "a.txt", budget_text.encode())
    watcher, box, source = watcher_of(lake, inbox)
    while not watcher.is_idle:
        watcher.turn()
    figures = read_latest(home, "budget_facts")
    (inbox / "a.txt").rename(inbox / "b.txt")
    drop(inbox, "copy/c.txt", budget_text.encode(), day=9)
    box.put(Notice(source, {"b.txt": None, "copy/c.txt": None, "a.txt": None}), kind="test")
    watcher.turn()
    row = lake.documents().row(0, named=True)
    assert (row["document_id"], row["state"], row["revision"]) == (document, "published", 1)
    assert read_latest(home, "budget_facts").equals(figures)
    sources = read_latest(home, "document_sources").sort("source_uri").select("source_uri", "gone_at").rows()
    assert [(uri.rpartition("/")[2], gone_at is None) for uri, gone_at in sources] == [
        ("a.txt", False),
        ("b.txt", True),
        ("c.txt", True),
    ]


def test_turn__a_notice_is_confirmed_once_its_objects_are_in_the_journal(inbox: Path, home: Path) -> None:
    class Down(FailingBucket):
        is_up = False

        def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
            if not self.is_up:
                raise StorageError("503", where=key)
            return self.inner.fetch(key)

    bucket, confirmed = Down(LocalBucket(inbox)), []
    lake = lake_at(home)
    watcher, box, source = watcher_of(lake, inbox, bucket=bucket)
    while not watcher.is_idle:
        watcher.turn()
    document = drop(inbox, "a.pdf", b"1")
    box.put(Notice(source, {"a.pdf": None}, lambda: confirmed.append("first")), kind="test")
    watcher.turn()
    assert (confirmed, lake.balance().objects, watcher.is_idle) == ([], {"seen": 1}, False)
    bucket.is_up, watcher._resume_at = True, 0.0
    watcher.turn()
    assert (states(lake), watcher.is_idle, confirmed) == ({document: "held"}, True, ["first"])
    box.put(Notice(source, {"a.pdf": None}, lambda: confirmed.append("again")), kind="test")
    watcher.turn()
    assert confirmed == ["first", "again"]
    assert lake.counts()["failures", "land"] == 1


def test_turn__a_deletion_that_cannot_be_recorded_is_looked_at_again(inbox: Path, home: Path) -> None:
    class Full(FailingBucket):
        is_full = False

        def create(self, key: str, data: bytes) -> bool:
            if self.is_full:
                raise StorageError("no space left", where=key, transient=False)
            return self.inner.create(key, data)

    bucket, confirmed = Full(LocalBucket(home)), []
    lake = lake_at(home, bucket=bucket)
    watcher, box, source = watcher_of(lake, inbox)
    drop(inbox, "a.txt", b"1")
    while not watcher.is_idle:
        watcher.turn()
    (inbox / "a.txt").unlink()
    bucket.is_full = True
    box.put(Notice(source, {"a.txt": None}, lambda: confirmed.append("gone")), kind="test")
    watcher.turn()
    assert (confirmed, lake.balance().objects, watcher.is_idle) == ([], {"landed": 1}, False)
    bucket.is_full, watcher._resume_at = False, 0.0
    watcher.turn()
    assert (lake.balance().objects, watcher.is_idle, confirmed) == ({"gone": 1}, True, ["gone"])
    assert lake.balance().is_balanced


def test_turn__what_is_dropped_is_read_before_what_stood_there(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    for number in range(7):
        drop(inbox, f"old/{number}.txt", f"{number}".encode())
    watcher, box, source = watcher_of(lake, inbox, batch_documents=2)
    watcher.turn()  # lists
    watcher.turn()  # lands two, reads two
    assert len(states(lake)) == 2
    new = drop(inbox, "new.txt", b"new")
    box.put(Notice(source, {"new.txt": None}), kind="test")
    watcher.turn()
    assert new in states(lake)
    assert len(states(lake)) < 8, "and not all at once"
    until(lambda: not watcher.turn() or watcher.is_idle)
    assert len(states(lake)) == 8
    assert lake.balance().is_balanced


def test_turn__an_object_that_keeps_failing_does_not_keep_others_waiting(inbox: Path, home: Path) -> None:
    class Broken(FailingBucket):
        def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
            if key == "4.txt":
                raise StorageError("503", where=key)
            return self.inner.fetch(key)

    lake = lake_at(home)
    for number in range(10):
        drop(inbox, f"{number}.txt", f"{number}".encode())
    watcher, _, _ = watcher_of(lake, inbox, bucket=Broken(LocalBucket(inbox)), batch_documents=2)
    pauses = []
    while len(states(lake)) < 9:
        watcher.turn()
        pauses.append(watcher._resume_at > time.monotonic())
        watcher._resume_at = 0.0
    assert lake.balance().objects == {"landed": 9, "seen": 1}
    assert not any(pauses[:4])
    watcher.turn()
    assert watcher._resume_at > time.monotonic()


def test_turn__a_document_whose_bytes_are_gone_is_in_nobodys_way(
    inbox: Path, home: Path, budget_text: str, caplog: pytest.LogCaptureFixture
) -> None:
    lake = lake_at(home)
    lost = [drop(inbox, f"{number}.txt", f"{number}".encode()) for number in range(3)]
    good = drop(inbox, "good.txt", budget_text.encode())
    watcher, _, source = watcher_of(lake, inbox, reads_listing=False, batch_documents=2)
    lake.land(source, list(source.objects()))
    for document_id in lost:
        (home / "landed" / document_id).unlink()
    until(lambda: _turned(watcher) and good in states(lake))
    assert states(lake) == {good: "published"}
    assert {pending.document_id for pending in lake.pending(EXTRACTOR)} == set(lost)
    said = [record.getMessage() for record in caplog.records]
    assert any("not in the lake any more" in line and "put them back" in line for line in said)
    for number, document_id in enumerate(lost):
        (home / "landed" / document_id).write_bytes(f"{number}".encode())
    until(lambda: _turned(watcher) and len(states(lake)) == 4)
    assert lake.pending(EXTRACTOR) == []


def _turned(watcher: Any) -> bool:
    """A round without the pause after a failure."""
    watcher._resume_at = 0.0
    return bool(watcher.turn())


@pytest.mark.usefixtures("s3_environment")
def test_watch__s3_events_through_sqs(
    tmp_path: Path, sample_budgets: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    from flows.watch import run_until

    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    s3, sqs = boto3.client("s3"), boto3.client("sqs")
    s3.create_bucket(Bucket="watched")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = {"deadLetterTargetArn": _arn(sqs, dead), "maxReceiveCount": 1}
    attributes = {"VisibilityTimeout": "5", "RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName="events", Attributes=attributes)["QueueUrl"]
    configuration = {"QueueArn": _arn(sqs, url), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket="watched", NotificationConfiguration={"QueueConfigurations": [configuration]}
    )
    sqs.send_message(QueueUrl=url, MessageBody="nonsense")
    (name, data), *_ = sample_budgets
    home, stop = tmp_path / "lake", threading.Event()
    watching = threading.Thread(target=run_until, args=(stop, ["s3://watched/in"], str(home)), kwargs={"queue": url})
    watching.start()
    try:
        until((home / "curated/latest/datapackage.json").exists)
        s3.put_object(Bucket="watched", Key=f"in/一 a+b {name}", Body=data)
        until((home / "curated/latest/documents").exists)
        until(lambda: _waiting(sqs, url) == 0)
        until(lambda: _waiting(sqs, dead) >= 1)
    finally:
        stop.set()
        watching.join(60)
    assert not watching.is_alive()
    assert read_latest(home, "documents")["file_name"].to_list() == [f"一 a+b {name}"]
    assert Lake.open(str(home)).balance().is_balanced
    assert Lake.open(str(home)).counts()["events_malformed", "sqs"] == 1
    assert [message["Body"] for message in sqs.receive_message(QueueUrl=dead)["Messages"]] == ["nonsense"]


def _arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])


def _waiting(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_watch__a_folder_from_the_command_line_until_a_signal(
    inbox: Path, home: Path, budget_text: str, number: signal.Signals
) -> None:
    environment = os.environ | {"CNBUDGET_WORKERS": "1", "CNBUDGET_LOG_FORMAT": "json"}
    command = [sys.executable, "-m", "flows", "watch", str(inbox), "--lake", str(home), "--poll", "0.2"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, env=environment, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        until((home / "curated/latest/datapackage.json").exists)
        document = drop(inbox, "a.txt", budget_text.encode())
        until((home / "curated/latest/documents").exists)
        process.send_signal(number)
        log = process.communicate(timeout=30)[1]
    assert process.returncode == 0
    lines = [json.loads(line) for line in log.splitlines()]
    assert lines[-1]["message"] == "stopped; the next start goes on from here"
    about = [line["message"].partition(" document_id")[0] for line in lines if line.get("document_id") == document]
    assert about == ["landed", "read", "audited parsed", "published"]
    assert read_latest(home, "documents")["document_id"].to_list() == [document]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["nowhere"], "no such file or folder"), ([".", "--listen", "127.0.0.1:0"], "CNBUDGET_WEBHOOK_TOKEN")],
)
def test_watch__what_makes_no_sense_is_refused(
    inbox: Path, home: Path, arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from flows.__main__ import main

    monkeypatch.chdir(inbox)
    monkeypatch.delenv("CNBUDGET_WEBHOOK_TOKEN", raising=False)
    assert main(["watch", *arguments, "--lake", str(home)]) == 1
    assert message in capsys.readouterr().err


def test_take_webhook__notifications_over_http_reach_the_watcher(inbox: Path) -> None:
    from functools import partial

    from flows.events import Inbox
    from flows.watch import _take_webhook
    from warehouse.notifications import Happening
    from warehouse.sources import Source

    box = Inbox()

    class InS3(FailingBucket):
        @property
        def uri(self) -> str:
            return "s3://in/prefix"

    source = Source(InS3(LocalBucket(inbox)))
    take = partial(_take_webhook, [source], box)
    take([Happening("in", "prefix/a.pdf", ""), Happening("other", "a.pdf", "")])
    (notice,) = box.gather(wait_seconds=0, gather_seconds=0, limit=9)
    assert list(notice.objects) == ["a.pdf"]
    assert box.counts == {("events", "webhook"): 1, ("events_foreign", "webhook"): 1}


def test_run_until__a_lake_inside_its_source_is_refused(inbox: Path) -> None:
    from flows.watch import run_until

    with pytest.raises(SettingsError, match="inside the source"):
        run_until(threading.Event(), [str(inbox)], str(inbox / "lake"))


def test_run_until__storage_that_does_not_answer_at_the_start_is_waited_for(
    inbox: Path, home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from flows.events import Poller
    from flows.watch import run_until

    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    document, real, n_asked = drop(inbox, "a.txt", b"no budget"), Poller.poll, 0

    def poll(poller: Poller) -> dict[str, ObjectInfo | None]:
        nonlocal n_asked
        n_asked += 1
        if n_asked == 1:
            raise StorageError("503", where="s3://in")
        return real(poller)

    monkeypatch.setattr(Poller, "poll", poll)
    run_until(threading.Event(), [str(inbox)], str(home), is_done=lambda watcher: watcher.is_idle)
    assert "waiting for storage: s3://in: 503" in caplog.text
    assert states(Lake.open(str(home))).keys() == {document}
    stopped = threading.Event()
    stopped.set()
    n_asked = 0
    with pytest.raises(StorageError, match="503"):
        run_until(stopped, [str(inbox)], str(home))
