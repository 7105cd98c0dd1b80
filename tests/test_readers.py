"""Naive readers of latest/ see the same rows: DuckDB, polars, pandas and PyArrow, by a glob or by the folder; and the standard's
validator finds the files to be what the package says of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path

import duckdb
import frictionless
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from cnbudget.datapackage import table_schema
from cnbudget.schema import DATASETS, RUNS, ColumnType, Dataset
from warehouse.parquet import to_parquet

THERE = [name for name in DATASETS if name not in RUNS]
"""The lake of samples was read without the gate: it has no runs of rules and suites."""

Seen = tuple[int, dict[str, Decimal]]

READERS: Mapping[str, Callable[[Path], pl.DataFrame]] = {
    "DuckDB, glob": lambda folder: duckdb.sql(f"SELECT * FROM '{folder}/*.parquet'").pl(),
    "polars, glob": lambda folder: pl.read_parquet(f"{folder}/*.parquet"),
    "polars, folder": pl.read_parquet,
    "polars, lazily": lambda folder: pl.scan_parquet(folder / "*.parquet").collect(),
    "pandas, folder": lambda folder: pl.from_pandas(pd.read_parquet(folder)),
    "pandas, pyarrow types": lambda folder: pl.from_pandas(pd.read_parquet(folder, dtype_backend="pyarrow")),
    "PyArrow, table": lambda folder: pl.DataFrame(pq.read_table(folder)),
    "PyArrow, dataset": lambda folder: pl.DataFrame(ds.dataset(folder).to_table()),
}


def seen(frame: pl.DataFrame, dataset: Dataset) -> Seen:
    """The number of rows, and the sums of all columns of money."""
    money = [column.name for column in dataset.columns if column.type is ColumnType.DECIMAL]
    sums = frame.select(pl.col(name).cast(pl.Decimal(38, 2)).sum() for name in money)
    return frame.height, dict(zip(money, sums.row(0), strict=True)) if money else {}


@pytest.mark.parametrize("reader", READERS)
def test_latest__every_reader_sees_the_same(reader: str, sample_latest: Path) -> None:
    for name in THERE:
        dataset = DATASETS[name]
        folder = sample_latest / name
        files = [pl.read_parquet(path, use_pyarrow=True) for path in sorted(folder.iterdir())]
        frame = READERS[reader](folder)
        assert frame.columns == dataset.column_names, name
        assert seen(frame, dataset) == seen(pl.concat(files), dataset), name


def test_latest__every_dataset_has_rows_in_the_samples(sample_latest: Path) -> None:
    counts = {
        name: pl.scan_parquet(sample_latest / name / "*.parquet").select(pl.len()).collect().item() for name in THERE
    }
    assert [name for name, n_rows in counts.items() if not n_rows] == []


def test_latest__the_marts_are_the_sums_of_the_lines(sample_latest: Path) -> None:
    def read(name: str) -> pl.DataFrame:
        return pl.read_parquet(sample_latest / name / "*.parquet")

    lines = read("expenditure_lines").filter(pl.col("publisher_kind") == "department")
    function, overview = read("budget_by_function_year"), read("department_overview")
    by_document = pl.col("amount_yuan").sum()
    expected = dict(lines.group_by("document_id").agg(by_document).iter_rows())
    assert dict(function.group_by("document_id").agg(by_document).iter_rows()) == expected
    basic = read("basic_by_economic").group_by("document_id").agg(by_document)
    together = overview.join(basic, on="document_id")
    assert together.height == overview.height == len(expected)
    gap = pl.col("amount_yuan") - pl.col("personnel_yuan") - pl.col("operating_yuan")
    assert together.filter(gap.abs() > 20).is_empty()  # half a yuan for each printed figure
    pair = overview.filter(pl.col("previous_document_id").is_not_null())
    assert pair.height == 2
    change = dict(function.group_by("document_id").agg(pl.col("change_yuan").sum()).iter_rows())
    for row in pair.iter_rows(named=True):
        assert abs(change[row["document_id"]] - row["expenditure_change_yuan"]) <= 40


def test_latest__figures_of_held_documents_are_in_no_dataset_but_documents(sample_latest: Path) -> None:
    documents = pl.read_parquet(sample_latest / "documents" / "*.parquet")
    shown = set(documents.filter(pl.col("state").is_in(["published", "superseded"]))["document_id"])
    hidden = set(documents["document_id"]) - shown
    assert hidden
    for name in THERE:
        columns = [column for column in DATASETS[name].column_names if column.endswith("document_id")]
        if name not in ("documents", "document_sources") and columns:
            frame = pl.read_parquet(sample_latest / name / "*.parquet", columns=columns)
            assert {value for column in columns for value in frame[column]} & hidden == set(), name


def test_latest__the_package_is_valid_and_lists_what_is_there(sample_latest: Path) -> None:
    package = json.loads((sample_latest / "datapackage.json").read_bytes())
    assert frictionless.Package.validate_descriptor(package).valid
    listed = {path for resource in package["resources"] for path in resource["path"]}
    assert listed == {str(path.relative_to(sample_latest)) for path in sample_latest.rglob("*.parquet")}
    assert [resource["name"] for resource in package["resources"]] == THERE


@pytest.mark.parametrize("name", THERE)
def test_latest__the_rows_are_what_the_table_schema_says(
    name: str, sample_latest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The validator takes a table for one file and looks at its rows one by one: some of all files, put together.
    frame = pl.read_parquet(sample_latest / name / "*.parquet").sort(DATASETS[name].key)
    monkeypatch.chdir(tmp_path)
    Path("a.parquet").write_bytes(to_parquet(frame.gather_every(max(1, frame.height // 40)), name))
    schema = frictionless.Schema.from_descriptor(table_schema(DATASETS[name]))
    report = frictionless.Resource(path="a.parquet", schema=schema).validate()
    assert report.flatten(["rowNumber", "type", "fieldName", "message"]) == []
