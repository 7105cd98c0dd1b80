"""Backfill on Dask: in this process, behind a scheduler with workers that have nothing but the bucket, and killed midway."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import psutil
import pytest

from cnbudget.errors import CnbudgetError, SettingsError, StorageError
from cnbudget.parse import extractor_version
from cnbudget.sandbox import Readers
from flows.settings import load_settings, quieten
from tests.lakes import curated, drop, land, read_latest, states
from tests.servers import dask
from tests.waiting import until
from warehouse.lake import Lake, Pending

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def inbox(tmp_path: Path, sample_budgets: list[tuple[str, bytes]]) -> Path:
    """Three budgets, one of them under two names, and two files that cannot be read."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name, data in [
        *sample_budgets,
        ("copy.pdf", sample_budgets[0][1]),
        ("empty.pdf", b""),
        ("cut.pdf", b"%PDF-1.7"),
    ]:
        drop(folder, name, data)
    return folder


def without_times(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files that hold no time of this run."""
    return {
        name: data
        for name, data in files.items()
        if name.startswith(("latest/budget_facts/", "latest/expenditure_lines/"))
    }


def ingest_here(inbox: Path, home: Path) -> None:
    """What the flow `ingest` does, without a run of it."""
    from flows import screen
    from flows.ingest import Run, read_and_check

    lake, settings = Lake.open(str(home)), load_settings()
    land(lake, inbox)
    with Readers(1) as readers, screen.progress(False) as progress:
        read_and_check(Run(), lake, readers, lake.pending(extractor_version()), settings, progress)
    lake.publish()


def test_backfill__publishes_what_ingest_publishes_and_twice_changes_no_byte(tmp_path: Path, inbox: Path) -> None:
    from flows.backfill import backfill

    one, other = tmp_path / "one", tmp_path / "other"
    run = backfill.fn([str(inbox)], str(one), page=2)
    ingest_here(inbox, other)
    assert run.failures == []
    assert states(Lake.open(str(one))) == states(Lake.open(str(other)))
    assert without_times(curated(one)) == without_times(curated(other)) != {}
    assert Lake.open(str(one)).balance().is_balanced
    assert (run.n_read, run.n_published) == (5, 3)
    before = curated(one)
    again = backfill.fn([str(inbox)], str(one))
    assert (again.n_read, again.n_published, curated(one)) == (0, 0, before)


def test_chunks__dask_listens_on_loopback_alone_and_keeps_no_profile(tmp_path: Path) -> None:
    from flows.backfill import _chunks
    from flows.ingest import Run

    with _chunks(None, Lake.open(str(tmp_path / "lake")), load_settings(), Run()) as chunks:
        listening = {
            socket.laddr.ip for socket in psutil.Process().net_connections("tcp") if socket.status == psutil.CONN_LISTEN
        }
        (callbacks,) = chunks._client.run(lambda dask_worker: set(dask_worker.periodic_callbacks)).values()
    assert listening <= {"127.0.0.1"}
    assert callbacks
    assert "profile" not in callbacks


@pytest.fixture
def scheduler(tmp_path: Path, s3_environment: None) -> Iterator[str]:  # noqa: ARG001
    """Dask's scheduler and a worker as processes of their own, which reach the bucket and no Prefect."""
    with dask(tmp_path / "worker", {}) as address:
        yield address


def test_backfill__workers_behind_a_scheduler_need_only_the_bucket(tmp_path: Path, inbox: Path, scheduler: str) -> None:
    from flows.backfill import backfill

    boto3.client("s3").create_bucket(Bucket="dask")
    os.environ["CNBUDGET_STORE_PATH"] = str(tmp_path / "store.duckdb")
    try:
        run = backfill.fn([str(inbox)], "s3://dask/lake", scheduler)
    finally:
        del os.environ["CNBUDGET_STORE_PATH"]
    assert run.failures == []
    assert sorted(run.documents["state"]) == ["held", "held", "published", "published", "published"]
    assert run.seconds["parse"] > 0


def test_backfill__killed_midway_is_finished_by_the_next(tmp_path: Path, inbox: Path) -> None:
    from flows.backfill import backfill

    lake = tmp_path / "lake"
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", "backfill", str(inbox), "--lake", str(lake)],
        env=os.environ | {"CNBUDGET_BATCH_DOCUMENTS": "1", "CNBUDGET_WORKERS": "1"},
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: any(lake.glob("staged/*/*/result.parquet")) or process.poll() is not None)
    process.kill()
    process.wait()
    staged = {path: path.stat().st_mtime_ns for path in lake.glob("staged/*/*/result.parquet")}
    assert len(staged) > 0
    assert not list(lake.glob("curated/latest/documents/2024-*.parquet"))
    run = backfill.fn([str(inbox)], str(lake))
    assert run.failures == []
    assert read_latest(lake, "budget_facts")["document_id"].n_unique() == 3
    assert {path: path.stat().st_mtime_ns for path in staged} == staged


def test_backfill__no_scheduler_at_the_address(tmp_path: Path, inbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows import backfill

    monkeypatch.setattr(backfill, "CONNECT_SECONDS", 1)
    with pytest.raises(SettingsError, match="no Dask scheduler answers"):
        backfill.backfill.fn([str(inbox)], str(tmp_path / "lake"), "tcp://127.0.0.1:1")


@pytest.mark.parametrize(("is_transient", "n_tries"), [(True, 4), (False, 1)])
def test_chunks__only_transient_failures_are_sent_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_transient: bool, n_tries: int
) -> None:
    from distributed import Client

    from flows import backfill
    from flows.ingest import Run

    tries = tmp_path / "tries"

    def fail(*_: object) -> None:
        with tries.open("a") as file:
            file.write("x")
        raise StorageError("503", transient=is_transient)

    monkeypatch.setattr(backfill, "read_chunk", fail)
    run = Run()
    with Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as client:
        chunks = backfill.Chunks(client, "s3://lake", "readers", run)
        chunks.send([Pending("d", "d.pdf", 1, False)])
        assert list(chunks.results(keep=0)) == []
    assert (len(tries.read_text()), run.failures, chunks.sent) == (n_tries, ["parse: 503"], {"d"})


def test_read_chunk__a_worker_with_other_code_is_refused(tmp_path: Path) -> None:
    from distributed import Client

    from tasks.chunk import read_chunk

    with Client(n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0") as client:
        asked = client.submit(read_chunk, str(tmp_path), "readers", "another", [])
        with pytest.raises(CnbudgetError, match="expected another: run the same image everywhere"):
            asked.result()
