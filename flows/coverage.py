"""Who has published, who has not, and who is held, of a list of who is expected: `python -m flows coverage`, and a dataset
that `reconcile` keeps where the settings name the list."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import polars as pl

from cnbudget.coverage import STATUSES, coverage, read_expected
from warehouse.lake import Lake

DATASET = "coverage.parquet"
"""Its name in `curated/reports/`."""
FORMATS = ("text", "csv", "json", "parquet")


def of_lake(lake: Lake, expected: Path) -> pl.DataFrame:
    """The coverage of a lake as it is now. Raises SettingsError where the list makes no sense."""
    return coverage(read_expected(expected), lake.documents())


def write_dataset(lake: Lake, expected: Path | None) -> None:
    """Write the coverage beside what is published (DATASET), where there is a list. Raises SettingsError, StorageError."""
    if expected:
        data = io.BytesIO()
        of_lake(lake, expected).write_parquet(data)
        lake.reports.write(DATASET, data.getvalue())


def write(frame: pl.DataFrame, form: str, output: Path | None) -> None:
    """Write the frame in one of FORMATS to a file or, all but Parquet, to the standard output."""
    if form == "parquet":
        frame.write_parquet(output or sys.stdout.buffer)
        return
    text = {"text": to_text, "csv": pl.DataFrame.write_csv, "json": pl.DataFrame.write_json}[form](frame)
    if output:
        output.write_text(text, "utf-8")
    else:
        print(text, end="" if text.endswith("\n") else "\n")


def to_text(frame: pl.DataFrame) -> str:
    """How many there are of each status, and all that is not published."""
    counts = dict(frame["status"].value_counts().iter_rows())
    lines = [f"{status:<12} {counts[status]}" for status in STATUSES if status in counts]
    for row in frame.filter(pl.col("status") != "published").iter_rows(named=True):
        name = row["publisher_name"] or "publisher unknown"
        where = f"{row['jurisdiction_code'] or 'unknown'} {row['fiscal_year'] or 'year unknown'}"
        document = f" {row['document_id'][:12]}" if row["document_id"] else ""
        reason = f": {row['state_reason']}" if row["state_reason"] else ""
        lines.append(
            f"  {row['status']:<12} {where} {name} ({row['publisher_kind'] or 'kind unknown'}){document}{reason}"
        )
    return "\n".join(lines) + "\n"
