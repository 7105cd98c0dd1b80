"""Where a document's bytes and its parsed result stand in the lake, and what of it tells budgets and renditions apart."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import polars as pl

from cnbudget.results import Frames, frames_to_results

_FACT_CONTENT = (
    *("form_id", "side", "row_role", "fund", "revenue_source", "functional_code", "economic_code"),
    *("measure", "amount_yuan"),
)
"""What two renditions of one budget share: neither places nor spellings."""


def landed_key(document_id: str) -> str:
    """Where the bytes of a document stand in the lake."""
    return f"landed/{document_id}"


def staged_key(document_id: str, extractor_version: str) -> str:
    """Where the staged result of a document stands in the lake."""
    return f"staged/{extractor_version}/{document_id}/result.parquet"


class StagedResult(NamedTuple):
    """A staged result, with the judgement that stands in the place of its findings where it was judged again."""

    document_id: str
    extractor_version: str
    judgement: str | None = None

    @property
    def key(self) -> str:
        return staged_key(self.document_id, self.extractor_version)

    @property
    def judgement_key(self) -> str | None:
        """Where the judgement stands, beside the result."""
        if self.judgement is None:
            return None
        return f"staged/{self.extractor_version}/{self.document_id}/judgement-{self.judgement}.parquet"


JUDGED = ("documents", "findings")
"""The datasets that a judgement holds."""


def to_judgements(frames: Frames) -> dict[str, tuple[str, bytes]]:
    """The judgement on each document of these `documents` and `findings`: its name, which says its content, and its bytes."""
    files = frames_to_results({name: frames[name] for name in JUDGED})
    return {name: (hashlib.sha256(data).hexdigest()[:16], data) for name, data in files.items()}


def judged(row: pl.DataFrame, judgement: pl.DataFrame) -> pl.DataFrame:
    """A staged result's row with the findings, and what follows from them, as judged."""
    return row.drop(JUDGED, strict=False).hstack(judgement)


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
