"""The drill's part on re-validation: kill -9 between and within batches, then storage that fails every third call."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from tests.drilling import Broken, draw_inbox, forking, settle

BATCH = 2


def revalidations(folder: Path, options: argparse.Namespace) -> str:
    """Re-validate a lake with revisions under kills and faults; in the end it is as one that was left in peace."""
    from tests.lakes import Clock, curated, lake_at

    inbox = folder / "inbox"
    draw_inbox(inbox, options.documents)
    settle(lake_at(folder / "clean", clock=Clock(0)), inbox)
    for name in ("killed", "faulty"):
        shutil.copytree(folder / "clean", folder / name)
    before = curated(folder / "clean")
    wanted = _in_peace(folder / "clean")
    if curated(folder / "clean") == before:
        raise Broken("re-validation found nothing: there is nothing to kill it in")
    n_killed = _killed(folder, options)
    n_failed = _faulty(folder, options)
    for name in ("killed", "faulty"):
        if curated(folder / name) != curated(folder / "clean"):
            raise Broken(f"{name}: other bytes than a re-validation in peace")
        if (changes := _changes(folder / name)) != wanted:
            raise Broken(f"{name}: its last run tells of {changes} findings, one in peace of {wanted}")
    return f"{n_killed} kills, {n_failed} calls failed over {options.documents} documents; the same bytes and report"


def _settings() -> Any:
    from flows.settings import load_settings

    return load_settings().model_copy(update={"batch_documents": BATCH, "prefect_api_url": None})


def _in_peace(home: Path) -> int:
    work(str(home), str(home.with_suffix(".log")))
    return _changes(home)


def _changes(home: Path) -> int:
    """The findings that the last re-validation says are new: those since it was first begun."""
    from tests.lakes import read_latest

    runs = read_latest(home, "validation_runs")
    return int(runs.filter(runs["occasion"] == "revalidation").sort("started_at")["n_new"][-1])


def work(home: str, log: str) -> None:
    """What is killed: a whole re-validation, in small batches."""
    from flows.settings import quieten

    quieten()
    sys.stderr = Path(log).open("a", buffering=1)  # noqa: SIM115
    from flows.logs import log_to_stderr
    from flows.revalidate import judge_again
    from warehouse.judging import Scope
    from warehouse.lake import Lake

    log_to_stderr("text")
    failures = judge_again(Lake.open(home), Scope(), _settings()).failures
    if failures:
        raise RuntimeError(failures[0])


def _killed(folder: Path, options: argparse.Namespace) -> int:
    """Start it, and kill it a moment after it has judged something; the last one may go on to its end."""
    rng, home = random.Random(options.seed), folder / "killed"
    for number in range(options.kills + 1):
        log = folder / f"killed-{number}.log"
        process = forking().Process(target=work, args=(str(home), str(log)))
        process.start()
        if number < options.kills:
            until = time.monotonic() + 60
            while (
                process.is_alive() and time.monotonic() < until and not (log.exists() and "judged" in log.read_text())
            ):
                time.sleep(0.01)
            process.join(rng.uniform(0.0, 0.5))
            process.kill()
        process.join(300)
    if process.exitcode != 0:
        raise Broken(f"the last re-validation did not end: {log.read_text()[-2000:]}")
    return int(options.kills)


def _faulty(folder: Path, options: argparse.Namespace) -> int:
    """Run it on storage that fails every third call until one run has no failure."""
    from cnbudget.errors import StorageError
    from flows.revalidate import judge_again
    from tests.drill_faults import FaultyBucket
    from warehouse.bucket import LocalBucket
    from warehouse.judging import Scope
    from warehouse.lake import Lake
    from warehouse.store import Store

    bucket = FaultyBucket(LocalBucket(folder / "faulty"), rng=random.Random(options.seed + 1))
    lake = Lake(bucket, Store(folder / "faulty" / "store.duckdb"), by="drill")
    failures: list[str] = ["not begun"]
    while failures:
        try:
            failures = judge_again(lake, Scope(), _settings()).failures
        except StorageError as error:
            failures = [str(error)]
    return bucket.n_failed
