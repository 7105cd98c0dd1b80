"""What the drills share: the budgets that are dropped, a reader of latest/ beside, and a watcher inside of this process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from warehouse.bucket import LocalBucket

_SPAWNING = multiprocessing.get_context("spawn")


class Broken(Exception):
    """The drill found what must not be."""


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


def forking() -> Any:
    """Children of a server that has everything imported and has run nothing: they start at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["flows.watch", "expectations.gate", "great_expectations", "duckdb", "pandas"])
    return context


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
def reader_beside(home: Path, *, may_leave: bool = False) -> Iterator[Seen]:
    """A process that reads latest/ all the time; raises Broken at the end where it saw what must not be. `may_leave`:
    budgets may be withdrawn meanwhile."""
    ours, theirs = _SPAWNING.Pipe()
    process = _SPAWNING.Process(target=read_always, args=(str(home), theirs, may_leave), daemon=True)
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


def read_always(home: str, connection: Any, may_leave: bool) -> None:
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
            found = look(home)
        except BaseException:
            n_retries += 1
            continue
        n_reads += 1
        wrong = complaint(*found, set() if may_leave else budgets)
        budgets |= set(found[1].filter("is_current")["budget_id"])
    connection.send(wrong or (n_reads, n_retries, len(budgets)))


def look(home: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    # The figures first: a document that comes is put into `documents` after them.
    facts = pl.read_parquet(f"{home}/curated/latest/budget_facts/*.parquet", columns=["document_id", "fact_id"])
    documents = pl.read_parquet(f"{home}/curated/latest/documents/*.parquet")
    return facts, documents


def complaint(facts: pl.DataFrame, documents: pl.DataFrame, budgets: set[str]) -> str | None:
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


# In this process


class Unhurried:
    """Reads in this process: what a child process adds is tried elsewhere."""

    def parse(self, sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
        from cnbudget.parse import parse_to_results

        return parse_to_results(sources)


def watcher_of(
    lake: Any, inbox: Path, *, reads_listing: bool = True, bucket: Any = None, batch_documents: int = 100
) -> Any:
    """A watcher of a folder with its inbox, reading in this process."""
    from flows.events import Inbox
    from flows.settings import load_settings
    from flows.watch import Watcher
    from warehouse.sources import Source

    box, source = Inbox(), Source(bucket or LocalBucket(inbox))
    changed = {"gather_seconds": 0.0, "prefect_api_url": None, "batch_documents": batch_documents}
    settings = load_settings().model_copy(update=changed)
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
