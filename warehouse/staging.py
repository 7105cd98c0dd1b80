"""Staged results: one Parquet file per document and extractor version, all its datasets in it.

The file has one row, and per dataset one column with a list of its rows. So a staged result is there whole or not at
all, at the cost of one write. `SELECT unnest(budget_facts, recursive := true) FROM '.../result.parquet'` reads it.
"""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Mapping, Sequence

import polars as pl

from cnbudget.schema import DATASETS, STAGED

Frames = Mapping[str, pl.DataFrame]
Parts = dict[str, pl.DataFrame]

CASES = "cases"
"""Beside the datasets stands what rules looked at (`cnbudget.casefile`), read only where they are to judge again."""

_FACT_CONTENT = (
    *("form_id", "side", "row_role", "fund", "revenue_source", "functional_code", "economic_code"),
    *("measure", "amount_yuan"),
)
"""What two renditions of one budget share: neither places nor spellings."""


def staged_key(document_id: str, extractor_version: str) -> str:
    """Where the staged result of a document stands in the lake."""
    return f"staged/{extractor_version}/{document_id}/result.parquet"


def to_staged(frames: Frames) -> dict[str, Parts]:
    """The rows of each document in a batch's frames, by document_id and dataset; to be made a file by `to_file`."""
    documents: dict[str, Parts] = {key: {} for key in frames["documents"]["document_id"].to_list()}
    for name in STAGED:
        for (key,), part in _conformed(frames, name).partition_by("document_id", as_dict=True).items():
            documents[str(key)][name] = part
    if CASES in frames:
        for (key,), part in frames[CASES].partition_by("document_id", as_dict=True).items():
            documents[str(key)][CASES] = part
    return documents


def to_file(parts: Parts) -> bytes:
    """One document's rows as the bytes of its staged result; a dataset without rows is left out."""
    buffer = io.BytesIO()
    table = pl.DataFrame([part.to_struct(name).implode() for name, part in parts.items()])
    table.write_parquet(buffer, compression="lz4", statistics=False)
    return buffer.getvalue()


def from_file(data: bytes) -> pl.DataFrame:
    """A staged result as it stands: one row, a list of rows per dataset."""
    names = pl.read_parquet_schema(io.BytesIO(data))
    return pl.read_parquet(io.BytesIO(data), columns=[name for name in names if name != CASES])


def case_of_file(data: bytes) -> bytes | None:
    """The kept case of a staged result, where it has one."""
    if CASES not in pl.read_parquet_schema(io.BytesIO(data)):
        return None
    case: bytes = pl.read_parquet(io.BytesIO(data), columns=[CASES])[CASES].explode().struct.field("case").item()
    return case


def from_staged(rows: Sequence[pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The frames of these staged results together, in the columns of today's schema."""
    return {name: _dataset(rows, name) for name in STAGED}


def _dataset(rows: Sequence[pl.DataFrame], name: str) -> pl.DataFrame:
    lists = [row.get_column(name) for row in rows if name in row.columns]
    # Results of another version may have other columns; those of one version come one after the other.
    alike = [pl.concat(list(group)) for _, group in itertools.groupby(lists, key=lambda column: column.dtype)]
    parts = [_conformed({name: column.explode().struct.unnest()}, name) for column in alike]
    return pl.concat(parts) if parts else _empty(name)


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


def facts_digests(facts: pl.DataFrame) -> dict[str, str]:
    """The digest of each document's figures, by document_id; documents without figures are not in it."""
    content = [pl.col(name).cast(pl.String).fill_null("") for name in _FACT_CONTENT]
    lines = facts.select("document_id", pl.concat_str(content, separator="\x1f").alias("line")).sort(
        "document_id", "line"
    )
    texts = lines.group_by("document_id", maintain_order=True).agg(pl.col("line").str.join("\n"))
    return {document_id: hashlib.sha256(text.encode()).hexdigest() for document_id, text in texts.iter_rows()}


NO_FACTS = hashlib.sha256(b"").hexdigest()
"""The digest of a document without figures."""
