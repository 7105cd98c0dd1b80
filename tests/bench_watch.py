"""From the arrival of a single document to its figures in latest/, with a warm watcher that is a process of its own, as
people start it: a folder, S3 with SQS (moto), Ceph's gateway that is polled, and the same pushing notifications."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from tests.servers import Server, free_ports, missing, push_to, running
from warehouse.bucket import Bucket, open_bucket
from warehouse.lake import Lake

Drop = Callable[[str, bytes], object]
_PATIENCE_SECONDS = 120.0
_REST_SECONDS = 0.3


def watch(draw: Callable[[int], Sequence[tuple[str, bytes]]], n_drops: int) -> None:
    """Print, for each place, the median and the 95th percentile over so many single drops, and where the time goes."""
    sources = draw(n_drops)
    for place, run in PLACES.items():
        programs = missing("ceph") if "Ceph" in place else []
        if programs:
            print(f"{place}: skipped, Ceph is not installed; `make servers` does it")
            continue
        with tempfile.TemporaryDirectory() as folder:
            took, spent = run(Path(folder), sources)
        took.sort()
        print(
            f"{place}: {len(took)} drops, median {statistics.median(took):.2f} s, 95th percentile "
            f"{took[-(-95 * len(took) // 100) - 1]:.2f} s (under 5), slowest {took[-1]:.2f} s; seconds a drop: {spent}",
            flush=True,
        )


def on_folder(folder: Path, sources: Iterable[tuple[str, bytes]]) -> tuple[list[float], str]:
    inbox = folder / "inbox"
    inbox.mkdir()

    def drop(name: str, data: bytes) -> None:
        (folder / name).write_bytes(data)
        (folder / name).rename(inbox / name)

    return measured(folder, str(folder / "lake"), drop, sources, [str(inbox)], {})


def on_sqs(folder: Path, sources: Iterable[tuple[str, bytes]]) -> tuple[list[float], str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    server = Server("moto", f"http://{host}:{port}", "a", "b")
    s3, sqs = server.client(), server.client("sqs")
    s3.create_bucket(Bucket="incoming")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    told = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket="incoming", NotificationConfiguration=told)
    arguments = ["s3://incoming", "--queue", queue]
    try:
        return measured(folder, "s3://lake", putting(server), sources, arguments, server.environment)
    finally:
        moto.stop()


def on_ceph_polled(folder: Path, sources: Iterable[tuple[str, bytes]]) -> tuple[list[float], str]:
    with running("ceph") as server:
        server.client().create_bucket(Bucket="incoming")
        return measured(folder, "s3://lake", putting(server), sources, ["s3://incoming"], server.environment)


def on_ceph_pushing(folder: Path, sources: Iterable[tuple[str, bytes]]) -> tuple[list[float], str]:
    (port,) = free_ports(1)
    arguments = ["s3://incoming", "--listen", f"127.0.0.1:{port}", "--poll", "0"]
    with running("ceph") as server:
        server.client().create_bucket(Bucket="incoming")
        token = {"CNBUDGET_WEBHOOK_TOKEN": "t0ken"}

        def listens() -> None:
            push_to(server, "incoming", f"http://ceph:t0ken@127.0.0.1:{port}/")

        return measured(
            folder, "s3://lake", putting(server), sources, arguments, server.environment | token, prepare=listens
        )


def putting(server: Server) -> Drop:
    server.client().create_bucket(Bucket="lake")
    s3 = server.client()
    return lambda name, data: s3.put_object(Bucket="incoming", Key=f"预算/{name}", Body=data)


def measured(
    folder: Path,
    lake: str,
    drop: Drop,
    sources: Iterable[tuple[str, bytes]],
    arguments: Sequence[str],
    names: dict[str, str],
    *,
    prepare: Callable[[], object] = lambda: None,
) -> tuple[list[float], str]:
    """Seconds from each drop until `documents` and the figures of latest/ show it, one drop after the other; and the
    seconds that the watcher's stages took of them."""
    names = names | {"CNBUDGET_STORE_PATH": str(folder / "store.duckdb")}
    with as_environment(names), watching(folder / "watch.log", [*arguments, "--lake", lake]) as check:
        shown = Shown(open_bucket(lake))
        wait_until(shown.is_there, check)
        prepare()
        took = []
        for name, data in sources:
            time.sleep(_REST_SECONDS)
            document_id, started = hashlib.sha256(data).hexdigest(), time.perf_counter()
            drop(name, data)
            wait_until(lambda: shown.has(document_id), check)  # noqa: B023
            took.append(time.perf_counter() - started)
        counts = Lake.open(lake, store_path=folder / "store.duckdb").counts()
    spent = {label: seconds / len(took) for (name, label), seconds in counts.items() if name == "stage_seconds"}
    return took, ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in spent.items())


@contextlib.contextmanager
def as_environment(names: dict[str, str]) -> Iterator[None]:
    import boto3

    before = dict(os.environ)
    boto3.DEFAULT_SESSION = None  # it keeps the credentials that it once found
    os.environ.update(names)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        boto3.DEFAULT_SESSION = None


@contextlib.contextmanager
def watching(log: Path, arguments: Sequence[str]) -> Iterator[Callable[[], None]]:
    """A watcher; the value raises where it has ended."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "flows", "watch", *arguments], stderr=output)

    def check() -> None:
        if process.poll() is not None:
            raise SystemExit(f"the watcher ended: {log.read_text('utf-8')[-2000:]}")

    try:
        yield check
    finally:
        process.terminate()
        process.wait()


def wait_until(is_so: Callable[[], bool], check: Callable[[], None]) -> None:
    end = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        check()
        if time.monotonic() > end:
            raise SystemExit(f"not in {_PATIENCE_SECONDS:.0f} s")
        time.sleep(0.02)


class Shown:
    """What latest/ shows, looked at file by file as they change."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._known: dict[str, tuple[str, set[str]]] = {}

    def is_there(self) -> bool:
        """Whether a watcher has published for the first time."""
        return self._bucket.head("curated/latest/datapackage.json") is not None

    def has(self, document_id: str) -> bool:
        """Whether the document is listed, and its figures are there."""
        return all(self._shows(dataset, document_id) for dataset in ("documents", "expenditure_lines"))

    def _shows(self, dataset: str, document_id: str) -> bool:
        for info in self._bucket.list(f"curated/latest/{dataset}/"):
            if self._known.get(info.key, ("", set()))[0] != info.etag and (data := self._bucket.read(info.key)):
                ids: Any = pl.read_parquet(io.BytesIO(data), columns=["document_id"])["document_id"]
                self._known[info.key] = (info.etag, set(ids))
            if document_id in self._known.get(info.key, ("", set()))[1]:
                return True
        return False


PLACES = {
    "a folder": on_folder,
    "S3 with SQS (moto), the lake there too": on_sqs,
    "Ceph's gateway, polled, the lake there too": on_ceph_polled,
    "Ceph's gateway, pushing notifications, the lake there too": on_ceph_pushing,
}
