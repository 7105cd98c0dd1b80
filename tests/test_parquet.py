"""Parquet as readers meet it: the same rows in all of them, and what a column means."""

from __future__ import annotations

import json
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from cnbudget.schema import DATASETS, SCHEMA_VERSION
from tests.lakes import staged_frames
from warehouse.parquet import ROWS_PER_GROUP, to_parquet


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.parquet"
    path.write_bytes(to_parquet(staged_frames("a", 42)["budget_facts"], "budget_facts"))
    return path


def test_to_parquet__the_same_rows_give_the_same_bytes_whatever_their_chunks() -> None:
    one = staged_frames("a")["budget_facts"]
    whole = pl.concat([one] * 1000, rechunk=True)
    pieces = pl.concat([one] * 1000, rechunk=False)
    assert to_parquet(whole, "budget_facts") == to_parquet(pieces, "budget_facts")


@pytest.mark.parametrize("name", DATASETS)
def test_to_parquet__types_are_those_of_the_schema(name: str) -> None:
    empty = pl.DataFrame(schema=DATASETS[name].polars_schema())
    assert pl.read_parquet(to_parquet(empty, name)).schema == empty.schema


def test_to_parquet__each_column_says_what_it_means(facts: Path) -> None:
    field = pq.read_schema(facts).field("amount_yuan")
    assert field.metadata == {
        b"description": b"the amount in yuan", b"description_zh": "金额（元）".encode(), b"unit": b"CNY",
    }  # fmt: skip
    found = duckdb.sql(
        f"SELECT decode(value) FROM parquet_kv_metadata('{facts}') WHERE decode(key) = 'cnbudget.columns'"
    )
    (text,) = found.fetchall()[0]
    assert json.loads(text)["amount_yuan"]["unit"] == "CNY"
    assert set(json.loads(text)) == set(DATASETS["budget_facts"].column_names)
    assert pl.read_parquet_metadata(facts)["cnbudget.schema_version"] == SCHEMA_VERSION


def test_to_parquet__every_reader_gets_the_same_types_and_rows(facts: Path) -> None:
    one = Decimal("42.00")
    assert pl.read_parquet(facts)["amount_yuan"].to_list() == [one]
    assert pq.read_table(facts)["amount_yuan"].to_pylist() == [one]
    assert pd.read_parquet(facts)["amount_yuan"].to_list() == [one]
    assert duckdb.sql(f"SELECT amount_yuan, typeof(amount_yuan) FROM '{facts}'").fetchall() == [(one, "DECIMAL(18,2)")]


def test_to_parquet__whole_numbers_stay_whole_in_pandas() -> None:
    documents = pl.concat([staged_frames(name, revision=n)["documents"] for name, n in (("a", None), ("b", 2))])
    frame = pd.read_parquet(BytesIO(to_parquet(documents, "documents")))
    assert (str(frame["revision"].dtype), str(frame["fiscal_year"].dtype)) == ("Int64", "Int64")
    assert frame["revision"].isna().tolist() == [True, False]


def test_to_parquet__statistics_sizes_and_order() -> None:
    facts = staged_frames("a")["budget_facts"]
    many = (
        pl.concat([facts] * (ROWS_PER_GROUP + 1)).with_row_index().with_columns(fact_id=pl.col("index").cast(pl.String))
    )
    file = pq.ParquetFile(BytesIO(to_parquet(many.sort("fact_id"), "budget_facts")))
    assert [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)] == [ROWS_PER_GROUP, 1]
    column = file.metadata.row_group(0).column(file.schema_arrow.names.index("fact_id"))
    assert (column.compression, column.statistics.has_min_max) == ("ZSTD", True)
    assert "DELTA_BYTE_ARRAY" in column.encodings
    (order,) = file.metadata.row_group(0).sorting_columns
    assert file.schema_arrow.names[order.column_index] == "fact_id"
