"""Parsed results: one Parquet file per document, all its datasets in it.

The file has one row, and per dataset one column with a list of its rows. So a result is there whole or not at all, at
the cost of one write. `SELECT unnest(budget_facts, recursive := true) FROM '.../result.parquet'` reads it.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping, Sequence

import polars as pl

from cnbudget.schema import DATASETS, STAGED

Frames = Mapping[str, pl.DataFrame]

CASES = "cases"
"""Beside the datasets stands what rules looked at (`cnbudget.casefile`), read only where they are to judge again."""
MEMBERS = "members"
"""What a reader found in an archive (`cnbudget.opening`): `document_id` of the archive, `member_name`, `member_id`, `data`."""
_BESIDE = (CASES, MEMBERS)


def frames_to_results(frames: Frames) -> dict[str, bytes]:
    """The result of each document in a batch's frames, by document_id; a dataset without rows is left out."""
    parts: dict[str, list[pl.Series]] = {key: [] for key in frames["documents"]["document_id"].to_list()}
    for name in STAGED:
        for (key,), part in _conformed(frames, name).partition_by("document_id", as_dict=True).items():
            parts[str(key)].append(part.to_struct(name).implode())
    for name in _BESIDE:
        if name in frames:
            for (key,), part in frames[name].partition_by("document_id", as_dict=True).items():
                parts[str(key)].append(part.to_struct(name).implode())
    return {document_id: _to_file(columns) for document_id, columns in parts.items()}


def _to_file(columns: Sequence[pl.Series]) -> bytes:
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer, compression="lz4", statistics=False)
    return buffer.getvalue()


def result_to_row(data: bytes) -> pl.DataFrame:
    """A result as it stands: one row, a list of rows per dataset."""
    names = pl.read_parquet_schema(io.BytesIO(data))
    return pl.read_parquet(io.BytesIO(data), columns=[name for name in names if name not in _BESIDE])


def result_to_case(data: bytes) -> bytes | None:
    """The kept case of a result, where it has one."""
    if CASES not in pl.read_parquet_schema(io.BytesIO(data)):
        return None
    case: bytes = pl.read_parquet(io.BytesIO(data), columns=[CASES])[CASES].explode().struct.field("case").item()
    return case


def split_members(data: bytes) -> tuple[bytes, pl.DataFrame | None]:
    """The result of an archive without what was found in it, and that, where anything was."""
    if MEMBERS not in pl.read_parquet_schema(io.BytesIO(data)):
        return data, None
    row = pl.read_parquet(io.BytesIO(data))
    return _to_file(row.drop(MEMBERS).get_columns()), row[MEMBERS].explode().struct.unnest()


def rows_to_frames(rows: Sequence[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The frames of these results together, in the columns of today's schema."""
    return {name: _dataset(rows, name) for name in STAGED}


def _dataset(rows: Sequence[pl.DataFrame], name: str) -> pl.DataFrame:
    lists = [row.get_column(name) for row in rows if name in row.columns]
    parts = [_conformed({name: column.explode().struct.unnest()}, name) for column in _alike(lists)]
    return pl.concat(parts) if parts else _empty(name)


def _alike(lists: Sequence[pl.Series]) -> list[pl.Series]:
    """As few columns as can be. Results of another version may have other columns in them; those of one version come one
    after the other, and to try is cheaper than to ask each for its type."""
    try:
        return [pl.concat(lists)] if lists else []
    except pl.exceptions.SchemaError:
        return [pl.concat(list(group)) for _, group in itertools.groupby(lists, key=lambda column: column.dtype)]


def _conformed(frames: Frames, name: str) -> pl.DataFrame:
    """The frame with the columns and types of the schema; a column that a newer schema added is null."""
    if name not in frames:
        return _empty(name)
    schema = DATASETS[name].polars_schema()
    frame = frames[name]
    if frame.schema == pl.Schema(schema):
        return frame
    columns = [
        (pl.col(column) if column in frame.columns else pl.lit(None)).cast(kind).alias(column)
        for column, kind in schema.items()
    ]
    return frame.select(columns)


def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema=DATASETS[name].polars_schema())
