"""`make bench`, parts scale and backfill: what one more document costs in lakes of different sizes, and a true backfill.

A lake is filled quickly through its own public steps (land, stage, record_audit, publish) with copies of a few drawn
budgets, rendered as PDF and read: every copy is a document of its own, with ids, publisher and budget of its own, and as
many rows as the one that was read. Reading each and the gate are left out: they do not depend on the lake.
"""

from __future__ import annotations

import hashlib
import os
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import polars as pl

from cnbudget.parse import parse_documents
from cnbudget.results import Frames, frames_to_results
from cnbudget.schema import STAGED
from explorer.pictures import held_result
from explorer.publish import publish_site
from warehouse.bucket import LocalBucket
from warehouse.lake import Lake
from warehouse.sources import Source
from warehouse.store import Store

N_DRAWN = 40
AT_ONCE = 100
N_MORE = 7
"""Documents that are added one by one to a lake that is measured."""
VERSION = "bench"
QUESTION = """
    SELECT fiscal_year, functional_code[:3] AS class, sum(amount_yuan) FROM read_parquet('{}/expenditure_lines/*.parquet')
    GROUP BY ALL ORDER BY ALL
"""


def scale(n_documents: int) -> None:
    """Lakes of a hundred documents, of a tenth of these, and of these: what one more costs there, against the first; a
    question; rebuilding; memory."""
    drawn = drawn_frames()
    first: dict[str, float] = {}
    for size in sorted({100, max(100, n_documents // 10), n_documents}):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            lake = fill(Path(folder), drawn, size)
            print(f"{size:6} documents filled in {time.perf_counter() - start:.0f} s")
            costs = one_more(lake, Path(folder), drawn, size)
            first = first or costs
            for name, cost in costs.items():
                print(f"       {name:20} {cost * 1000:7.0f} ms of CPU, {cost / first[name]:.2f} of the first")
            print(f"       sum by class and year {ask(Path(folder)):.0f} ms in DuckDB over latest/")
            start = time.perf_counter()
            lake.rebuild()
            print(f"       rebuild {time.perf_counter() - start:.1f} s; {sizes_of(Path(folder))}")
            print(f"       peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def drawn_frames() -> list[dict[str, pl.DataFrame]]:
    """Budgets drawn, rendered as PDF and read: the frames of each."""
    from tests.benchmarks import drawn_sources

    return [parse_documents([source]) for source in drawn_sources(N_DRAWN)]


def shelf(number: int, size: int) -> tuple[int, str]:
    """Year and jurisdiction of a document: of every five one in 2024-310117, the others on forty shelves; all of a small
    lake in the first. What is added to a lake goes to 2024-310117, whose last file is half full then."""
    if size <= 2 * AT_ONCE or number % 5 == 0:
        return 2024, "310117"
    return 2020 + number % 8, f"3101{number % 5:02}"


def copied(frames: Frames, document_id: str, budget: str, year: int, place: str) -> dict[str, pl.DataFrame]:
    """The frames of a document as those of another one, of another publisher."""
    old = frames["documents"]["document_id"].item()
    names = [pl.col(pl.String).str.replace_all(old[:16], document_id[:16], literal=True)]
    whose = {"document_id": pl.lit(document_id), "fiscal_year": pl.lit(year, pl.Int64), "publisher_id": pl.lit(budget)}
    whose |= {"budget_id": pl.lit(budget), "jurisdiction_code": pl.lit(place), "extractor_version": pl.lit(VERSION)}
    whose |= {"finding_id": pl.concat_str(pl.lit(document_id[:8]), pl.col("finding_id").str.tail(12))}
    return {
        name: frame.with_columns(names).with_columns(
            **{key: value for key, value in whose.items() if key in frame.columns}
        )
        for name, frame in frames.items()
        if name in STAGED
    }


def documents_of(inbox: Path, drawn: Sequence[Frames], numbers: Sequence[int], size: int) -> dict[str, pl.DataFrame]:
    """Objects for these documents in the inbox; what they will have yielded."""
    parts = []
    for number in numbers:
        data = f"document {number}".encode()
        (inbox / f"{number:07}.pdf").write_bytes(data)
        year, place = shelf(number, size)
        document_id = hashlib.sha256(data).hexdigest()
        parts.append(copied(drawn[number % len(drawn)], document_id, f"{place}/{number}/{year}", year, place))
    return {name: pl.concat([part[name] for part in parts]) for name in STAGED}


def fill(folder: Path, drawn: Sequence[Frames], size: int) -> Lake:
    """A lake of so many published documents, a commit each of a batch."""
    lake = Lake(LocalBucket(folder / "lake"), Store(folder / "lake/store.duckdb"), by="bench")
    for start in range(0, size, AT_ONCE):
        inbox = folder / f"in-{start}"
        inbox.mkdir()
        add(lake, inbox, documents_of(inbox, drawn, range(start, min(start + AT_ONCE, size)), size))
    lake.publish()
    return lake


def add(lake: Lake, inbox: Path, frames: Frames) -> None:
    source = Source(LocalBucket(inbox))
    lake.land(source, list(source.objects()))
    ids = lake.stage(frames_to_results(frames), VERSION)
    lake.record_audit(lake.staged(ids, VERSION), {})


def one_more(lake: Lake, folder: Path, drawn: Sequence[Frames], size: int) -> dict[str, float]:
    """Seconds of CPU that landing, committing and publishing one more document cost, at the median of a few."""
    costs: dict[str, list[float]] = {"land": [], "stage and commit": [], "publish": [], "pages": []}
    # Half a file more first, so that each of those that are measured rewrites a file of some fifty documents.
    half = folder / "half"
    half.mkdir()
    add(lake, half, documents_of(half, drawn, range(5 * size, 5 * size + 5 * (AT_ONCE // 2), 5), size))
    lake.publish()
    publish_site(lake.curated, lake.reports, _not_drawn)
    for number in range(10 * size, 10 * size + 5 * N_MORE, 5):
        inbox = folder / f"one-{number}"
        inbox.mkdir()
        frames = documents_of(inbox, drawn, [number], size)
        source = Source(LocalBucket(inbox))
        with timed(costs["land"]):
            lake.land(source, list(source.objects()))
        with timed(costs["stage and commit"]):
            ids = lake.stage(frames_to_results(frames), VERSION)
            lake.record_audit(lake.staged(ids, VERSION), {})
        with timed(costs["publish"]):
            assert len(lake.publish()) == 1
        with timed(costs["pages"]):
            assert publish_site(lake.curated, lake.reports, _not_drawn).n_budgets == 1
    costs["in all"] = [sum(each) for each in zip(*costs.values(), strict=True)]
    return {name: statistics.median(values) for name, values in costs.items()}


def _not_drawn(sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """No pictures: what drawing costs does not depend on the lake, and copies of documents have no bytes to draw."""
    return [held_result(name, data, "", "") for name, data in sources]


class timed:
    def __init__(self, into: list[float]) -> None:
        self._into = into

    def __enter__(self) -> None:
        self._start = time.process_time()

    def __exit__(self, *error: object) -> None:
        self._into.append(time.process_time() - self._start)


def ask(folder: Path) -> float:
    """Milliseconds of a question to latest/, by a reader who knows nothing; the median of five."""
    question, took = QUESTION.format(folder / "lake/curated/latest"), []
    for _ in range(5):
        start = time.perf_counter()
        duckdb.sql(question).fetchall()
        took.append(time.perf_counter() - start)
    return statistics.median(took) * 1000


def sizes_of(folder: Path) -> str:
    return ", ".join(f"{name} {size:.0f} MB in {n} files" for name, n, size in _sizes(folder))


def _sizes(folder: Path) -> Iterator[tuple[str, int, float]]:
    for name in ("staged", "journal", "curated/latest"):
        files = [path.stat().st_size for path in (folder / "lake" / name).rglob("*") if path.is_file()]
        yield name, len(files), sum(files) / 1e6
    yield "store", 1, (folder / "lake/store.duckdb").stat().st_size / 1e6


def backfill(n_documents: int, kept: Path | None = None) -> None:
    """So many drawn budgets as PDF backfilled: documents per second, memory over time, what is spent outside parsing.

    In the folder `kept` the budgets, of which only those that are missing are drawn, and the lake stay.
    """
    from flows.settings import quieten

    quieten()
    from flows.backfill import backfill as flow
    from flows.ingest import connect

    with tempfile.TemporaryDirectory() as name:
        folder = kept or Path(name)
        draw(folder / "bucket", n_documents)
        connect()
        before = time.perf_counter(), *cpu_seconds()
        with sampled(folder / "lake") as samples:
            run = flow([str(folder / "bucket")], str(folder / "lake"))
        after = time.perf_counter(), *cpu_seconds()
        took, own, children = pl.Series(after) - pl.Series(before)
        share = own / (own + children)
        print(f"{run.n_published} of {n_documents} published in {took:.0f} s, {n_documents / took:.2f} a second")
        print(f"CPU: {children:.0f} s in the readers, {own:.0f} s outside: {share:.0%} (at most a third)")
        print(", ".join(f"{stage} {spent:.1f} s" for stage, spent in run.seconds.items()))
        report(samples, n_documents)
        print(sizes_of(folder))
        for failure in run.failures:
            print(f"FAILED {failure}")


def draw(bucket: Path, n_documents: int) -> None:
    """The bucket; one page of a listing is landed before the reading starts, as in a real one."""
    from samples.draw import draw_budget
    from samples.forms import printed
    from samples.render_pdf import render_pdf

    bucket.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    missing = [seed for seed in range(n_documents) if not (bucket / f"{seed:06}.pdf").exists()]
    for seed in missing:
        (bucket / f"{seed:06}.pdf").write_bytes(render_pdf(printed(draw_budget(seed))))
    print(f"{len(missing)} of {n_documents} budgets drawn in {time.perf_counter() - start:.0f} s", flush=True)


Sample = tuple[float, int, int]
"""Seconds since the start, documents staged so far, MB of this process and its children (each page counted once)."""


@contextmanager
def sampled(lake: Path, every: float = 2.0) -> Iterator[list[Sample]]:
    samples: list[Sample] = []
    stop, start = threading.Event(), time.perf_counter()

    def look() -> None:
        while not stop.wait(every):
            staged = sum(1 for version in (lake / "staged").glob("*") for _ in os.scandir(version))
            samples.append((time.perf_counter() - start, staged, tree_megabytes()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def tree_megabytes() -> int:
    """Memory of this process and all below it, shared pages counted once (Pss)."""
    total = 0
    for pid in tree(os.getpid()):
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total // 1024


def tree(pid: int) -> Iterator[int]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in path.read_text().split():
                yield from tree(int(child))


def report(samples: Sequence[Sample], n_documents: int) -> None:
    """Milliseconds a document and memory, by tenths of the documents but the first, in which a page of the listing is landed."""
    tenth, rates = max(1, n_documents // 10), []

    def reached(count: int) -> Sample:
        # The first look at so many: what comes after the last one is publishing.
        return next((sample for sample in samples if sample[1] >= count), samples[-1])

    for upto in range(2 * tenth, n_documents + 1, tenth):
        start, end = reached(upto - tenth), reached(upto)
        if end[1] == start[1]:  # in the lake before this run
            continue
        rates.append((end[0] - start[0]) / (end[1] - start[1]) * 1000)
        peak = max(sample[2] for sample in samples if start[0] <= sample[0] <= end[0])
        print(f"  {start[1]:6} to {end[1]:6} documents: {rates[-1]:5.0f} ms each, up to {peak} MB")
    last = [sample[2] for sample in samples if sample[1] >= n_documents]
    print(f"  publishing: up to {max(last, default=0)} MB; peak of all {max(s[2] for s in samples)} MB (under 1500)")
    if len(rates) > 1:
        print(f"  time per document, last tenth to second: {rates[-1] / rates[0]:.2f} (at most 1.10)")


def cpu_seconds() -> tuple[float, float]:
    """CPU seconds of this process, and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own, children = (usage.ru_utime + usage.ru_stime for usage in used)
    return own, children
