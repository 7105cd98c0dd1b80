"""Parquet as readers meet it: every column says what it means, and the same rows give the same bytes.

File metadata: `cnbudget.dataset`, `cnbudget.schema_version`, what one row is, and `cnbudget.columns` (JSON) with each column's
meaning in both languages and its unit, for readers that show file metadata alone. The same stands with each field, for
those that know Arrow's.
"""

from __future__ import annotations

import io
import json
from functools import cache

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from cnbudget.schema import DATASETS, SCHEMA_VERSION, Column, ColumnType, Dataset

ROWS_PER_GROUP = 131_072
"""A shard's dataset fits into one group; reference data and a reader's own merges may have more."""

_CODED = ("document_id", "publisher_id", "budget_id", "form_id", "rule_id", "identity_id", "previous_document_id")
"""Ids that repeat over many rows: a dictionary holds them best. Other ids are unique and begin alike."""


def to_parquet(frame: pl.DataFrame, dataset: str) -> bytes:
    """The rows of a dataset as Parquet: zstd, statistics, in the order they come in, which should be that of the key."""
    return _without_rows(dataset) if frame.is_empty() else _to_parquet(frame, dataset)


@cache
def _without_rows(dataset: str) -> bytes:
    """The same for each partition, and a third of the files of a small one."""
    return _to_parquet(pl.DataFrame(schema=DATASETS[dataset].polars_schema()), dataset)


def _to_parquet(frame: pl.DataFrame, dataset: str) -> bytes:
    schema = _arrow_schema(dataset)
    # One piece, however many the frame was put together of: the same rows give the same pages.
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).select(schema.names).cast(schema)
    unique = [name for name in schema.names if name.endswith("_id") and name not in _CODED]
    order = [pq.SortingColumn(schema.names.index(name)) for name in DATASETS[dataset].key]
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        row_group_size=ROWS_PER_GROUP,
        compression="zstd",
        compression_level=3,
        store_decimal_as_integer=True,
        use_dictionary=[name for name in schema.names if name not in unique],
        column_encoding=dict.fromkeys(unique, "DELTA_BYTE_ARRAY"),
        sorting_columns=order,
    )
    return buffer.getvalue()


def plain_parquet(frame: pl.DataFrame) -> bytes:
    """A frame that is no dataset as Parquet, with the same compression."""
    buffer = io.BytesIO()
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    pq.write_table(table, buffer, compression="zstd", compression_level=3, store_decimal_as_integer=True)
    return buffer.getvalue()


@cache
def _arrow_schema(dataset: str) -> pa.Schema:
    """The dataset's columns as Arrow fields with their meaning; plain strings, which every reader knows."""
    found = DATASETS[dataset]
    types = pl.DataFrame(schema=found.polars_schema()).to_arrow(compat_level=pl.CompatLevel.oldest()).schema.types
    plain = [pa.string() if kind == pa.large_string() else kind for kind in types]
    fields = [
        pa.field(column.name, kind, metadata=_meaning(column))
        for column, kind in zip(found.columns, plain, strict=True)
    ]
    about = {
        "cnbudget.dataset": dataset,
        "cnbudget.schema_version": SCHEMA_VERSION,
        "cnbudget.description": found.en,
        "cnbudget.description_zh": found.zh,
        "cnbudget.columns": json.dumps({c.name: _meaning(c) for c in found.columns}, ensure_ascii=False),
        "pandas": json.dumps(_pandas(found)),
    }
    return pa.schema(fields, metadata=about)


def _pandas(dataset: Dataset) -> dict[str, object]:
    """Has pandas read whole numbers as whole numbers: a column with nulls would become floating point."""
    whole = [column.name for column in dataset.columns if column.type is ColumnType.INTEGER]
    columns = [
        {"name": name, "field_name": name, "pandas_type": "int64", "numpy_type": "Int64", "metadata": None}
        for name in whole
    ]
    return {"index_columns": [], "column_indexes": [], "columns": columns, "creator": {}, "pandas_version": "2.2.0"}


def _meaning(column: Column) -> dict[str, str]:
    unit = {"unit": column.unit} if column.unit else {}
    return {"description": column.en, "description_zh": column.zh, **unit}
