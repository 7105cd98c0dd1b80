"""What people see: tables of documents on the screen and in Markdown, progress, and the next thing to type."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, TypeVar

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

Batch = TypeVar("Batch", bound=Sequence[object])

HEADERS = ("document", "publisher", "year", "pages", "figures", "identities", "findings", "state", "why")
_NUMBERS = {"year", "pages", "figures", "identities", "findings"}
_STYLES = {
    "published": "green",
    "held": "yellow",
    "rejected": "red",
    "unsupported": "magenta",
    "superseded": "dim",
    "opened": "dim",
}


class Steps(Protocol):
    """Goes through batches and shows how far it is."""

    def track(self, batches: Sequence[Batch], title: str) -> Iterator[Batch]:
        """The batches, one after the other."""


class _Shown:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def track(self, batches: Sequence[Batch], title: str) -> Iterator[Batch]:
        bar = self._progress.add_task(title, total=sum(map(len, batches)))
        for batch in batches:
            yield batch
            self._progress.advance(bar, len(batch))


@contextlib.contextmanager
def progress(is_shown: bool) -> Iterator[Steps]:
    """Progress on the error stream, where one is a terminal and it is wanted."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not (is_shown and console.is_terminal), transient=True) as shown:
        yield _Shown(shown)


@contextlib.contextmanager
def waiting(title: str) -> Iterator[None]:
    """Say what is being waited for, on the error stream where it is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(title):
        yield


def to_rows(documents: pl.DataFrame) -> list[tuple[str, ...]]:
    """The documents as the texts of a table with `HEADERS`."""
    return [
        (
            f"{row['document_id'][:12]} {row['file_name']}",
            row["publisher_name"] or "",
            str(row["fiscal_year"] or ""),
            str(row["n_pages"] or ""),
            str(row["n_facts"]),
            _identities(row),
            str((row["n_findings_error"] or 0) + (row["n_findings_warning"] or 0)),
            row["state"] + (f" r{row['revision']}" if (row["revision"] or 1) > 1 else ""),
            row["state_reason"] or (f"approved by {row['approved_by']}" if row["approved_by"] else ""),
        )
        for row in documents.iter_rows(named=True)
    ]


def _identities(row: Mapping[str, int]) -> str:
    if not row["n_identities"]:
        return ""
    return (
        f"{row['n_identities'] - row['n_identities_broken'] - row['n_identities_not_checkable']}/{row['n_identities']}"
    )


def show_documents(documents: pl.DataFrame, *, limit: int = 200) -> None:
    """Print the documents as a table."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for header in HEADERS:
        table.add_column(header, justify="right" if header in _NUMBERS else "left", overflow="fold")
    for row in to_rows(documents.head(limit)):
        cells = [Text(cell) for cell in row]
        cells[7].stylize(_STYLES.get(row[7].split(" ")[0], ""))
        table.add_row(*cells)
    console = _console()
    console.print(table)
    if documents.height > limit:
        console.print(f"... and {documents.height - limit} more")


def _console() -> Console:
    """The screen; a pipe has no width, and a table must not be cut there."""
    return Console() if sys.stdout.isatty() else Console(width=200)


def to_markdown(documents: pl.DataFrame, *, limit: int = 500) -> str:
    """The same table as Markdown; what documents say about themselves cannot break out of its cell."""
    lines = [f"| {' | '.join(HEADERS)} |", f"|{'---|' * len(HEADERS)}"]
    rows = [[_escaped(cell) for cell in row] for row in to_rows(documents.head(limit))]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    more = documents.height - limit
    return "\n".join([*lines, *([f"\n... and {more} more"] if more > 0 else [])])


def _escaped(text: str) -> str:
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#" else char for char in plain)


def show_counts(documents: pl.DataFrame, seconds: Mapping[str, float]) -> None:
    """Print how many documents are in which state and where the time went."""
    states = documents["state"].value_counts(sort=True).iter_rows()
    print(", ".join(f"{n} {state}" for state, n in states) or "no documents")
    work = {stage: spent for stage, spent in seconds.items() if stage != "start" and spent >= 0.05}
    if work:
        spent = ", ".join(f"{stage} {value:.1f} s" for stage, value in work.items())
        print(f"{sum(work.values()):.1f} s ({spent}); start-up apart: {seconds.get('start', 0.0):.1f} s")


def show_where(lake_uri: str) -> None:
    """Print where the Parquet is and a question that can be pasted."""
    place = lake_uri.removeprefix("file://") + "/curated/latest"
    ask = _ASK_S3 if place.startswith("s3://") else _ASK
    print(f"\nThe site, to be opened in a browser: {place.removesuffix('latest')}reports/index.html")
    print(f"The Parquet: {place}/<dataset>/*.parquet. A question to paste:\n")
    print(f"{sys.executable} - <<'END'\n{ask.format(place=place)}END")


_ASK = """\
import duckdb
duckdb.sql('''
    SELECT publisher_name, d.fiscal_year, nature, sum(amount_yuan) AS yuan
    FROM "{place}/expenditure_lines/*.parquet" JOIN "{place}/documents/*.parquet" d USING (document_id)
    GROUP BY ALL ORDER BY ALL''').show()
"""
_ASK_S3 = """\
import polars as pl
lines = pl.scan_parquet("{place}/expenditure_lines/*.parquet")
documents = pl.scan_parquet("{place}/documents/*.parquet").select("document_id", "publisher_name")
sums = lines.join(documents, on="document_id").group_by("publisher_name", "fiscal_year", "nature").agg(pl.sum("amount_yuan"))
print(sums.sort("publisher_name", "fiscal_year", "nature").collect())
"""
