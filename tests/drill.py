"""`make drill`: what the pipeline has to survive, tried on this machine: kill -9 at random moments with a reader of latest/
looking on, events that come twice, in any order or never, storage that fails every third call, and a disk that is full.

Bounded by its parameters; loopback and temporary folders only. Nothing here is a test: tests run small versions of it.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from cnbudget.errors import StorageError
from cnbudget.schema import STAGED
from tests.lakes import FailingBucket, curated
from warehouse.bucket import LocalBucket, ObjectInfo

_SPAWNING = multiprocessing.get_context("spawn")
MOMENTS = ["watching", "landed", "read", "audited", "published"]
"""What the watcher's log says, in order: the drill kills it a moment after one of these."""
FIGURES = [name for name in STAGED if name != "documents"]


class Broken(Exception):
    """The drill found what must not be."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.drill", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help=f"which of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--documents", type=int, default=60, help="of each part (default: 60)")
    parser.add_argument("--kills", type=int, default=60, help="random kills (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["CNBUDGET_WORKERS"] = "1"
    for part in options.parts or PARTS:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            result = PARTS[part](Path(folder), options)
        print(f"{part}: {result}; {time.perf_counter() - started:.0f} s", flush=True)


def draw_inbox(folder: Path, count: int) -> list[Path]:
    """Budgets of different publishers, a fifth of them with a later revision; half of them PDF."""
    from datetime import UTC, datetime

    from samples.draw import draw_budget
    from samples.forms import printed
    from samples.render_pdf import render_pdf
    from samples.render_text import render_text

    paths = []
    for number in range(count):
        is_revision = number % 5 == 4
        budget = draw_budget(number - 1 if is_revision else number, 9 if is_revision else 6)
        render, suffix = (render_pdf, "pdf") if number % 2 else (render_text, "txt")
        path = folder / f"{number:05}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(render(printed(budget)))
        seconds = datetime(2026, 1, 2 if is_revision else 1, tzinfo=UTC).timestamp()
        os.utime(path, (seconds, seconds))
        paths.append(path)
    return paths


# kill -9


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
    process = _forking().Process(target=work, args=(str(inbox), str(home), str(log)))
    process.start()
    return process


def _forking() -> Any:
    """Children of a server that has everything imported and has run nothing: they start at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.watch", "expectations.gate", "great_expectations", "duckdb", "pandas"])
    return context


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


# The reader beside


@dataclass
class Seen:
    """What a reader of latest/ saw."""

    n_reads: int = 0
    n_retries: int = 0
    n_documents: int = 0

    def __str__(self) -> str:
        return f"{self.n_reads} reads up to {self.n_documents} documents, {self.n_retries} met a file being replaced"


@contextlib.contextmanager
def reader_beside(home: Path) -> Iterator[Seen]:
    """A process that reads latest/ all the time; raises Broken at the end where it saw what must not be."""
    ours, theirs = _SPAWNING.Pipe()
    process = _SPAWNING.Process(target=read_always, args=(str(home), theirs), daemon=True)
    process.start()
    seen = Seen()
    try:
        yield seen
    finally:
        ours.send("stop")
        said = ours.recv() if ours.poll(60) else "the reader does not answer"
        process.kill()
        process.join()
    if isinstance(said, str):
        raise Broken(f"the reader saw: {said}")
    seen.n_reads, seen.n_retries, seen.n_documents = said


def read_always(home: str, connection: Any) -> None:
    """Join latest/ on `documents` until told to stop; what is wrong is sent as a text, else the counts."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # polars prints a panic where a file was replaced under it
    n_reads = n_retries = 0
    budgets: set[str] = set()
    wrong = None
    while not connection.poll():
        if wrong or not Path(home, "curated/latest/documents").exists():
            time.sleep(0.05)
            continue
        try:
            found = _look(home)
        except BaseException:
            n_retries += 1
            continue
        n_reads += 1
        wrong = _complaint(*found, budgets)
        budgets |= set(found[1].filter("is_current")["budget_id"])
    connection.send(wrong or (n_reads, n_retries, len(budgets)))


def _look(home: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    # The figures first: a document that comes is put into `documents` after them.
    facts = pl.read_parquet(f"{home}/curated/latest/budget_facts/*.parquet", columns=["document_id", "fact_id"])
    documents = pl.read_parquet(f"{home}/curated/latest/documents/*.parquet")
    return facts, documents


def _complaint(facts: pl.DataFrame, documents: pl.DataFrame, budgets: set[str]) -> str | None:
    if facts["fact_id"].is_duplicated().any():
        return "a figure twice"
    if documents["document_id"].is_duplicated().any():
        return "a document twice"
    rows = facts.group_by("document_id").len().join(documents, on="document_id", how="inner")
    cut = rows.filter(pl.col("len") != pl.col("n_facts"))
    if cut.height:
        return f"{cut.height} documents with another number of figures than `documents` says"
    missing = budgets - set(documents.filter("is_current")["budget_id"])
    return f"budgets that were there and are not: {sorted(missing)[:3]}" if missing else None


# Events


class Unhurried:
    """Reads in this process: what a child process adds is tried elsewhere."""

    def parse(self, sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
        from cnbudget.parse import parse_to_results

        return parse_to_results(sources)


def events(folder: Path, options: argparse.Namespace) -> str:
    """Events of all objects three times, in any order, a tenth never; then reconciled: the same bytes as ingested."""
    from flows.events import Notice
    from tests.lakes import Clock, lake_at

    rng, inbox = random.Random(options.seed), folder / "inbox"
    draw_inbox(inbox, options.documents)
    source_keys = sorted(path.name for path in inbox.iterdir())
    withheld = set(rng.sample(source_keys, max(1, len(source_keys) // 10)))
    told = [key for key in source_keys if key not in withheld] * 3
    rng.shuffle(told)
    lake = lake_at(folder / "lake", clock=Clock(0))
    watcher, box, source = watcher_of(lake, inbox, reads_listing=False)
    while told:
        some = [told.pop() for _ in range(min(len(told), rng.randint(1, 40)))]
        box.put(Notice(source, dict.fromkeys([*some, f"never-{rng.random()}.pdf"])), kind="drill")
        watcher.turn()
    n_before = lake.documents().height
    if n_before != len(source_keys) - len(withheld):
        raise Broken(f"{n_before} documents after the events of {len(source_keys) - len(withheld)} objects")
    settle(lake, inbox)
    clean = lake_at(folder / "clean", clock=Clock(0))
    settle(clean, inbox)
    if curated(folder / "lake") != curated(folder / "clean"):
        raise Broken("events gave other bytes than an ingestion")
    return (
        f"{3 * n_before} events of {len(source_keys)} objects, {len(source_keys) - n_before} withheld: the same bytes"
    )


def watcher_of(lake: Any, inbox: Path, *, reads_listing: bool = True, bucket: Any = None) -> Any:
    """A watcher of a folder with its inbox, reading in this process."""
    from flows.events import Inbox
    from flows.settings import load_settings
    from flows.watch import Watcher
    from warehouse.sources import Source

    box, source = Inbox(), Source(bucket or LocalBucket(inbox))
    settings = load_settings().model_copy(update={"gather_seconds": 0.0, "prefect_api_url": None})
    reader: Any = Unhurried()
    return Watcher(lake, [source] if reads_listing else [], box, reader, settings), box, source


def settle(lake: Any, inbox: Path, *, bucket: Any = None, n_turns: int = 1000) -> int:
    """Go on until all that stands in the folder is published; how many rounds that took."""
    watcher, _, _ = watcher_of(lake, inbox, bucket=bucket)
    for number in range(n_turns):
        if watcher.is_idle:
            return number
        watcher._resume_at = 0.0
        watcher.turn()
    raise Broken(f"not done after {n_turns} rounds")


# Storage that fails


@dataclass
class FaultyBucket(FailingBucket):
    """Every third call fails, half of those after it was done: 503, a timeout, a reply that is cut off."""

    rng: random.Random = field(default_factory=random.Random)
    turn: threading.Lock = field(default_factory=threading.Lock)
    n_failed: int = 0
    share: float = 1 / 3

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._fail("list")
        yield from self.inner.list(prefix, after=after)

    def head(self, key: str) -> ObjectInfo | None:
        self._fail(key)
        return self.inner.head(key)

    def read(self, key: str) -> bytes | None:
        self._fail(key)
        return self.inner.read(key)

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        self._fail(key)
        return self.inner.fetch(key)

    def write(self, key: str, data: bytes) -> str:
        is_lost = self._fail(key, has_effect=True)
        etag = self.inner.write(key, data)
        self._lose(key, is_lost)
        return etag

    def create(self, key: str, data: bytes) -> bool:
        is_lost = self._fail(key, has_effect=True)
        is_made = self.inner.create(key, data)
        self._lose(key, is_lost)
        return is_made

    def _fail(self, key: str, *, has_effect: bool = False) -> bool:
        """Raise for this call, or say that its reply is to be lost."""
        with self.turn:
            fails = self.rng.random() < self.share
            self.n_failed += fails
            is_lost = fails and has_effect and self.rng.random() < 0.5
            reason = self.rng.choice(["the server answers 503 SlowDown", "read timeout", "3 bytes of 9 arrived"])
        if fails and not is_lost:
            raise StorageError(f"{reason}; try again", where=key)
        return is_lost

    def _lose(self, key: str, is_lost: bool) -> None:
        if is_lost:
            raise StorageError("the connection was lost before the reply", where=key)


def faults(folder: Path, options: argparse.Namespace) -> str:
    """Source and lake fail every third call; all is ingested in the end, and nothing else."""
    from tests.lakes import Clock, lake_at

    inbox = folder / "inbox"
    draw_inbox(inbox, options.documents)
    clean = lake_at(folder / "clean", clock=Clock(0))
    settle(clean, inbox)
    bucket = FaultyBucket(LocalBucket(folder / "lake"), share=0.0)
    source = FaultyBucket(LocalBucket(inbox), rng=random.Random(options.seed))
    lake = lake_at(folder / "lake", bucket=bucket, clock=Clock(0))
    bucket.rng, bucket.share = random.Random(options.seed + 1), 1 / 3
    n_turns = _until_done(lake, inbox, source)
    bucket.share = source.share = 0.0
    if curated(folder / "lake") != curated(folder / "clean"):
        raise Broken("storage that fails gave other bytes")
    return f"{bucket.n_failed + source.n_failed} calls failed over {options.documents} documents in {n_turns} rounds; the same bytes"


def _until_done(lake: Any, inbox: Path, source: Any) -> int:
    n_turns = 0
    while True:
        try:
            return n_turns + settle(lake, inbox, bucket=source)
        except StorageError:  # at the start, before the watcher stands
            n_turns += 1


# A disk that is full


class SmallDisk(LocalBucket):
    """A folder on a disk with so much room, and no more."""

    room = 1 << 62

    @contextlib.contextmanager
    def _scratch(self, data: bytes) -> Iterator[Path]:
        is_full = len(data) > self.room
        self.room -= 0 if is_full else len(data)
        with super()._scratch(data[: self.room] if is_full else data) as path:
            if is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            yield path


def disk(folder: Path, options: argparse.Namespace) -> str:
    """The disk is full at some moment of a publish; latest/ stays readable, and room lets it go on."""
    from tests.lakes import Clock, lake_at

    rng, inbox, n_full, told = random.Random(options.seed), folder / "inbox", 0, ""
    paths = draw_inbox(folder / "drawn", min(options.documents, 20))
    inbox.mkdir()
    bucket = SmallDisk(folder / "lake")
    lake = lake_at(folder / "lake", bucket=bucket, clock=Clock(0))
    for path in paths:
        path.rename(inbox / path.name)
        watcher, _, _ = watcher_of(lake, inbox)
        bucket.room = rng.randint(0, 120_000)
        failures = failures_of(watcher)
        if failures:
            n_full, told = n_full + 1, failures[-1]
            if "No space left" not in told:
                raise Broken(f"a full disk is not called by its name: {told}")
        if (folder / "lake/curated/latest/documents").exists():
            wrong = _complaint(*_look(str(folder / "lake")), set())
            if wrong:
                raise Broken(f"on a full disk, latest/ shows {wrong}")
        bucket.room = 1 << 62
        settle(lake, inbox)
    clean = lake_at(folder / "clean", clock=Clock(0))
    settle(clean, inbox)
    if curated(folder / "lake") != curated(folder / "clean"):
        raise Broken("a disk that was full left other bytes")
    return f"full in {n_full} of {len(paths)} rounds ({told[:90]}...); latest/ readable, then the same bytes"


def failures_of(watcher: Any) -> list[str]:
    """What fails in a few rounds of a watcher."""
    import logging

    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("flows.watch")
    logger.addHandler(handler)
    try:
        for _ in range(3):
            watcher._resume_at = 0.0
            watcher.turn()
    finally:
        logger.removeHandler(handler)
    return told


PARTS = {"kills": kills, "events": events, "faults": faults, "disk": disk}

if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
