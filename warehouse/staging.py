"""Where a document's parsed result stands in the lake, and what of it tells budgets and renditions apart."""

from __future__ import annotations

import hashlib

import polars as pl

_FACT_CONTENT = (
    *("form_id", "side", "row_role", "fund", "revenue_source", "functional_code", "economic_code"),
    *("measure", "amount_yuan"),
)
"""What two renditions of one budget share: neither places nor spellings."""


def staged_key(document_id: str, extractor_version: str) -> str:
    """Where the staged result of a document stands in the lake."""
    return f"staged/{extractor_version}/{document_id}/result.parquet"


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
