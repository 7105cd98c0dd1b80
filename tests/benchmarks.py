"""`make bench`: speed as ratios in one run, and how many injected faults are noticed and located. Nothing here is a test.

Reads the published documents beside the checkout where they are, and budgets of our own where not.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import polars as pl

from cnbudget import identities
from cnbudget.cover import read_cover
from cnbudget.facts import Budget, statements_to_facts
from cnbudget.parse import parsed_to_frames, read_one, to_budget
from cnbudget.parsed import Parsed
from cnbudget.prose import read_prose
from cnbudget.reading import read_document
from cnbudget.recognise import Recognition, recognise
from cnbudget.recovery import recover
from tests import bench_scale
from tests.corpus import DOCUMENTS

Source = tuple[str, bytes]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        choices=[[], *PARTS, *LONG],
        help=f"which of {', '.join([*PARTS, *LONG])} (default: all but {', '.join(LONG)}, which take long)",
    )
    parser.add_argument("--drops", type=int, default=100, help="of `watch`, at each place (default: 100)")
    parser.add_argument(
        "--documents", type=int, default=300, help="of the largest lake of `scale`, and of `backfill` (300)"
    )
    parser.add_argument("--kept", type=Path, help="where `backfill` keeps its budgets and its lake (default: nowhere)")
    options = parser.parse_args()
    for part in options.parts or PARTS:
        print(f"\n== {part}", flush=True)
        if part in PARTS:
            PARTS[part]()
        else:
            LONG[part](options)


def readable_sources(*patterns: str) -> list[Source]:
    """Budgets of the nine forms: the published ones, or drawn ones where those are not here."""
    if DOCUMENTS.is_dir():
        paths = [path for pattern in patterns for path in sorted(DOCUMENTS.glob(pattern))]
        print(f"{len(paths)} published documents")
        return [(path.name, path.read_bytes()) for path in paths]
    print("no published documents beside the checkout: 12 drawn budgets instead")
    return drawn_sources(12)


def drawn_sources(count: int) -> list[Source]:
    from samples.draw import draw_budget
    from samples.forms import printed
    from samples.render_pdf import render_pdf

    return [(f"{seed}.pdf", render_pdf(printed(draw_budget(seed)))) for seed in range(count)]


def reading() -> None:
    """A whole document to facts and checks, against the bare text pass and against pdfplumber's tables."""
    sources = readable_sources("*.pdf", "shanghai-2026/*.pdf")
    bare_text(sources), facts_and_checks(sources)
    ratios = []
    for _ in range(7):
        bare, ours = seconds(lambda: bare_text(sources)), seconds(lambda: facts_and_checks(sources))
        ratios.append(ours / bare)
    plumber = seconds(lambda: plumber_tables(sources))
    print(f"bare text pass          {bare / len(sources) * 1000:7.1f} ms a document")
    print(f"bytes to checked facts  {ours / len(sources) * 1000:7.1f} ms a document")
    print(
        f"ratio to the bare pass  {statistics.median(ratios):7.2f}  (min {min(ratios):.2f}, max {max(ratios):.2f}; at most 3)"
    )
    print(
        f"pdfplumber, same pages  {plumber / len(sources) * 1000:7.1f} ms a document, {plumber / ours:.1f} times ours (at least 10)"
    )


def facts_and_checks(sources: Iterable[Source]) -> pl.DataFrame:
    """What `parse_documents` does up to facts and checks, without prose and findings."""
    gc.disable()
    recognitions = []
    for name, data in sources:
        document = read_document(name, data)
        recognition = recover(document, recognise(document))
        recognitions.append((document, recognition, read_cover(document, recognition)))
    facts = statements_to_facts(
        [
            Budget(
                document.document_id, cover.fiscal_year or 0, cover.stage, None, cover.publisher_kind, found.statements
            )
            for document, found, cover in recognitions
        ]
    )
    checks, _ = identities.check(facts)
    gc.enable()
    return checks


def bare_text(sources: Iterable[Source]) -> int:
    import pypdfium2

    n_characters = 0
    for _, data in sources:
        document = pypdfium2.PdfDocument(data)
        for number in range(len(document)):
            page = document[number]
            text_page = page.get_textpage()
            n_characters += len(text_page.get_text_range())
            text_page.close()
            page.close()
        document.close()
    return n_characters


def plumber_tables(sources: Iterable[Source]) -> int:
    import io

    import pdfplumber

    n_tables = 0
    for _, data in sources:
        with pdfplumber.open(io.BytesIO(data)) as document:
            n_tables += sum(len(page.extract_tables()) for page in document.pages)
    return n_tables


def prose() -> None:
    """The words of every document against its tables, in CPU time: reading, recognising and recovering, without facts."""
    ratios = {}
    for name, data in readable_sources("*.*", "shanghai-2026/*.pdf"):
        document = read_document(name, data)
        tables = cpu_seconds(lambda name=name, data=data: _tables(name, data))  # type: ignore[misc]
        words = cpu_seconds(lambda document=document: read_prose(document, 2031))  # type: ignore[misc]
        ratios[name] = words / tables
        print(f"tables {tables * 1000:6.1f} ms  words {words * 1000:6.1f} ms  ratio {ratios[name]:.2f}  {name}")
    worst = max(ratios, key=lambda name: ratios[name])
    print(f"largest ratio {ratios[worst]:.2f} (at most 1), of {worst}")


def _tables(name: str, data: bytes) -> Recognition:
    document = read_document(name, data)
    return recover(document, recognise(document))


def cpu_seconds(work: Callable[[], object], n_times: int = 7) -> float:
    """The least CPU time of several runs."""
    times = []
    for _ in range(n_times):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def faults() -> None:
    """Every non-zero figure once, one digit changed by more than rounding explains: noticed, and located?"""
    sources = readable_sources("putuo-*.pdf", "wanli-*.pdf", "shanghai-hrss-*.txt", "shanghai-2026/*.pdf")
    rows = [row for source in sources for row in document_faults(read_one(*source))]
    score = pl.DataFrame(rows, schema=["form_id", "measure", "is_noticed", "is_located"], orient="row")
    print(f"{len(score)} figures changed: {score['is_noticed'].mean():.2%} noticed (at least 99.5 %)")
    print(f"of the noticed {score.filter('is_noticed')['is_located'].mean():.2%} located to the row (at least 95 %)")
    missed = score.filter(~pl.col("is_noticed")).group_by("form_id", "measure").len().sort("len", descending=True)
    for form_id, measure, count in missed.iter_rows():
        print(f"  not noticed: {count} of {form_id} {measure}")


def document_faults(parsed: Parsed, chunk: int = 250, every: int = 1) -> Iterable[tuple[str, str, bool, bool]]:
    """One row for every non-zero figure of a document (or every so many): form, measure, noticed, located to its row."""
    facts = statements_to_facts([to_budget(parsed)])
    changed = [
        (index, other_digit(amount, half, index))
        for index, (amount, half) in enumerate(facts.select("amount_milli", "half_milli").iter_rows())
        if amount != 0
    ][::every]
    for start in range(0, len(changed), chunk):
        yield from _chunk_faults(facts, changed[start : start + chunk])


def other_digit(amount: int, half: int, seed: int, parts: int = 60) -> int:
    """The amount with one digit changed by more than a sum of `parts` numbers may be off (the first where none is)."""
    random, unit = Random(seed), 2 * half
    digits = list(str(abs(amount) // unit))
    places = [i for i in range(len(digits)) if 10 ** (len(digits) - 1 - i) > parts / 2] or [0]
    place = random.choice(places)
    digits[place] = random.choice([d for d in "0123456789" if d != digits[place]])
    return int("".join(digits)) * unit * (1 if amount > 0 else -1)


def _chunk_faults(facts: pl.DataFrame, changed: list[tuple[int, int]]) -> Iterable[tuple[str, str, bool, bool]]:
    copies = []
    for number, (index, amount) in enumerate(changed):
        mark = f"{number:016x}"
        copies.append(
            facts.with_columns(
                document_id=pl.lit(mark + "0" * 48),
                fact_id=pl.lit(mark) + pl.col("fact_id").str.tail(-16),
                amount_milli=pl.when(pl.int_range(pl.len()) == index).then(amount).otherwise(pl.col("amount_milli")),
            )
        )
    batch = pl.concat(copies)
    checks, terms = identities.check(batch)
    broken = set(checks.filter(pl.col("status") == "broken")["document_id"])
    pointed = identities.suspects(batch, checks, terms).join(batch.select("fact_id", "form_id", "row_no"), on="fact_id")
    rows_of = {
        key[0]: set(group.select("form_id", "row_no").iter_rows()) for key, group in pointed.group_by("document_id")
    }
    for number, (index, _) in enumerate(changed):
        document_id = f"{number:016x}" + "0" * 48
        form_id, row_no, measure = facts.select("form_id", "row_no", "measure").row(index)
        yield form_id, measure, document_id in broken, rows_of.get(document_id) == {(form_id, row_no)}


def batch() -> None:
    """Figures and checks of many documents at once: what a document costs beside its reading."""
    parsed = [read_one(*source) for source in drawn_sources(100)]
    for count in (10, 100):
        took = seconds(lambda: parsed_to_frames(parsed[:count]))  # noqa: B023
        print(f"{count:4} documents: {took / count * 1000:5.1f} ms each from statements to datasets")
        for item in parsed:
            item.findings.clear()


def pipeline() -> None:
    """A batch of 100 documents through the whole pipeline: what everything outside of parsing costs beside it."""
    import resource
    import tempfile

    from flows.settings import quieten

    quieten()
    start = time.perf_counter()
    from flows import ingest as flow

    flow.connect()
    started = time.perf_counter() - start
    cpu: dict[str, float] = {}
    write_pages, warm_up = flow.write_pages, flow.warm_up

    def write_pages_apart(*arguments: Any) -> Any:
        cpu["ours"] += time.process_time()
        return write_pages(*arguments)

    def warm_up_apart(*arguments: Any) -> None:
        cpu["ours"] += time.process_time()
        warm_up(*arguments)
        cpu["ours"] -= time.process_time()

    flow.write_pages, flow.warm_up = write_pages_apart, warm_up_apart
    with tempfile.TemporaryDirectory() as folder:
        bucket = Path(folder, "bucket")
        bucket.mkdir()
        for name, data in drawn_sources(100):
            (bucket / name).write_bytes(data)
        cpu["ours"] = -time.process_time()
        with watched_readers() as readers:
            run = flow.ingest([str(bucket)], str(Path(folder, "lake")))
    inside, pages, start_up = (run.seconds.pop(stage, 0.0) for stage in ("parse", "pages", "start"))
    outside = sum(run.seconds.values())
    stages = ", ".join(f"{name} {spent:.1f} s" for name, spent in run.seconds.items())
    print(f"{run.n_published} of 100 documents published; start-up apart: {start_up + started:.1f} s")
    print(f"on the clock: parsing {inside:.1f} s with two readers, outside {outside:.1f} s ({stages})")
    ours, theirs = cpu["ours"], sum(seconds for _, seconds in readers.values())
    print(f"CPU: parsing {theirs:.1f} s, outside {ours:.1f} s: {ours / theirs:.2f} of it (at most 0.5)")
    print(f"pages of the explorer, after all is published: {pages:.1f} s")
    own, largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, max(mb for mb, _ in readers.values())
    print(f"peak memory: {largest} MB in the largest reader (at most 500), {own} MB in the pipeline's process")


@contextmanager
def watched_readers() -> Iterator[dict[int, tuple[int, float]]]:
    """The most MB that each reading process was seen to hold, and its seconds of CPU. (What the kernel says of the memory
    of a child that has ended counts what its parent held when it was forked.)"""
    seen: dict[int, tuple[int, float]] = {}
    stop, tick = threading.Event(), os.sysconf("SC_CLK_TCK")

    def look() -> None:
        while not stop.wait(0.05):
            for child in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, IndexError):
                    command = (child / "cmdline").read_bytes()
                    if b"cnbudget.sandbox" in command and b"explorer.pictures" not in command:
                        peak = (child / "status").read_text().partition("VmHWM:")[2].split()[0]
                        spent = sum(map(int, (child / "stat").read_text().rpartition(")")[2].split()[11:13]))
                        seen[int(child.name)] = int(peak) // 1024, spent / tick

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def watch(n_drops: int = 100) -> None:
    """Arrival to readable in latest/ for single drops with a warm watcher."""
    from tests import bench_watch

    bench_watch.watch(drawn_sources, n_drops)


def explorer() -> None:
    """What the site costs, and how soon its index can be used."""
    from tests import bench_explorer

    bench_explorer.bench_explorer()


def findings() -> None:
    """What is found in the published documents, and how much of it is true; and what rules and suites cost."""
    from tests import bench_findings

    bench_findings.findings(drawn_sources)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


PARTS: dict[str, Callable[[], None]] = {
    "reading": reading,
    "prose": prose,
    "batch": batch,
    "pipeline": pipeline,
    "faults": faults,
    "findings": findings,
    "explorer": explorer,
}
LONG: dict[str, Callable[[argparse.Namespace], None]] = {
    "watch": lambda options: watch(options.drops),
    "scale": lambda options: bench_scale.scale(options.documents),
    "backfill": lambda options: bench_scale.backfill(options.documents, options.kept),
}

if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
