"""kill -9 at random moments, over and over, with a reader of latest/ looking on."""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl

from cnbudget.schema import MARTS, STAGED
from tests.drilling import Broken, draw_inbox, forking, reader_beside
from tests.lakes import curated

MOMENTS = ["watching", "landed", "read", "audited", "published"]
"""What the watcher's log says, in order: the drill kills it a moment after one of these."""
FIGURES = [name for name in (*STAGED, *MARTS) if name not in ("documents", "budget_fact_history")]
"""What is the same whenever it was published."""


def kills(folder: Path, options: argparse.Namespace) -> str:
    """Start the watcher, give it documents, kill it, again and again; a reader looks on."""
    rng, inbox, home = random.Random(options.seed), folder / "inbox", folder / "lake"
    inbox.mkdir()
    waiting = draw_inbox(folder / "drawn", options.documents)
    n_documents, per_round = len(waiting), max(1, -(-len(waiting) // options.kills))
    where: Counter[str] = Counter()
    with reader_beside(home) as seen:
        for number in range(options.kills):
            for path in waiting[:per_round]:
                path.rename(inbox / path.name)
            del waiting[:per_round]
            log = folder / f"{number}.log"
            where[_killed_watcher(inbox, home, log, rng.choice(MOMENTS), rng.uniform(0.0, 0.8))] += 1
        for path in waiting:
            path.rename(inbox / path.name)
        _finish(inbox, home, folder / "last.log")
    check_whole(inbox, home, folder / "clean", n_documents)
    falls = ", ".join(f"{count} after `{what}`" for what, count in where.most_common())
    return f"{options.kills} kills ({falls}); {n_documents} documents, none lost, none doubled; reader: {seen}"


def work(inbox: str, home: str, log: str) -> None:
    """What is killed: the watcher, until it has nothing to do."""
    from flows.settings import quieten

    quieten()
    sys.stderr = Path(log).open("a", buffering=1)  # noqa: SIM115
    from flows.logs import log_to_stderr
    from flows.watch import run_until

    log_to_stderr("text")
    run_until(threading.Event(), [inbox], home, is_done=lambda watcher: watcher.is_idle)


def _start(inbox: Path, home: Path, log: Path) -> Any:
    process = forking().Process(target=work, args=(str(inbox), str(home), str(log)))
    process.start()
    return process


def _killed_watcher(inbox: Path, home: Path, log: Path, moment: str, seconds: float) -> str:
    """Kill the watcher a moment after its log says this, however fast the machine is; the last thing that it said."""
    process = _start(inbox, home, log)
    until = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < until and not (log.exists() and moment in log.read_text()):
        time.sleep(0.01)
    process.join(seconds)
    process.kill()
    process.join()
    lines = log.read_text().splitlines() if log.exists() else []
    if any("Traceback" in line for line in lines):
        raise Broken(f"the watcher fell over: {lines[-1]}")
    said = [moment for line in lines for moment in MOMENTS if f" {moment} " in line]
    return said[-1] if said else "start"


def _finish(inbox: Path, home: Path, log: Path) -> None:
    process = _start(inbox, home, log)
    process.join(600)
    if process.exitcode != 0:
        process.kill()
        raise Broken(f"the last run did not end: {log.read_text()[-2000:]}")


def check_whole(inbox: Path, home: Path, clean: Path, n_documents: int) -> None:
    """Compare a lake with one into which the same inbox was ingested in peace."""
    _finish(inbox, clean, clean.with_suffix(".log"))
    ours, theirs = curated(home), curated(clean)
    if ours.keys() != theirs.keys():
        raise Broken(f"other files: {ours.keys() ^ theirs.keys()}")
    differ = [name for name in ours if name.split("/")[1] in FIGURES and ours[name] != theirs[name]]
    if differ:
        raise Broken(f"other figures than without kills: {differ}")
    ours_documents, theirs_documents = _documents(home), _documents(clean)
    if not ours_documents.equals(theirs_documents):
        differ = [name for name in ours_documents.columns if not ours_documents[name].equals(theirs_documents[name])]
        raise Broken(f"`documents` says something else than without kills: {differ}")
    if ours_documents.height != n_documents or ours_documents["state"].is_in(["held"]).any():
        raise Broken(f"{ours_documents.height} of {n_documents} documents, states {set(ours_documents['state'])}")


def _documents(home: Path) -> pl.DataFrame:
    # Times, and the code that someone may be working on meanwhile, are allowed to differ.
    frame = pl.read_parquet(home / "curated/latest/documents/*.parquet")
    return frame.drop("first_seen_at", "published_at", "extractor_version").sort("document_id")
