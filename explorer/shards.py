"""A partition's frames -> its rows of the index, of the findings board and of the account pages."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from cnbudget.model import FormId
from explorer.scripts import to_slug

Frames = Mapping[str, pl.DataFrame]

INDEX = (
    *("slug", "document_id", "digest", "file_name", "publisher", "publisher_id", "department", "kind"),
    *(
        "jurisdiction",
        "jurisdiction_code",
        "year",
        "stage",
        "state",
        "reason",
        "revision",
        "yuan",
        "project_yuan",
        "n_facts",
        "n_confirmed",
    ),
    *("n_errors", "n_warnings", "rules"),
)
"""The columns of the index. `slug` is null where there is no page; `rules` are [rule, severity, number of findings]."""

FINDING = ("slug", "anchor", "rule", "severity", "cause", "zh", "en", "difference", "page")
ACCOUNT = ("slug", "code", "part", "other")
"""The columns of an account's rows: basic and project by function, personnel and operating by economic class."""


def keys_of(documents: pl.DataFrame) -> dict[str, str]:
    """The names of the pages by document: one for each budget of which figures are published, the same over revisions."""
    current = documents.filter("is_current").select("document_id", pl.coalesce("budget_id", "document_id"))
    return {document_id: to_slug(key) for document_id, key in current.iter_rows()}


def digests_of(documents: pl.DataFrame, findings: pl.DataFrame, sources: pl.DataFrame, version: str) -> dict[str, str]:
    """What decides each document's page: its row, its findings as accepted, its sources, and this code.

    Everything else follows from the document's bytes and the extractor's version, which are in its row.
    """
    parts: dict[str, list[str]] = {}
    for frame, key in ((documents, "document_id"), (findings, "finding_id"), (sources, "source_uri")):
        for row in frame.sort(key).iter_rows(named=True):
            parts.setdefault(str(row["document_id"]), [version]).append(json.dumps(row, default=str))
    return {name: hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16] for name, rows in parts.items()}


def to_index(frames: Frames, slugs: Mapping[str, str], digests: Mapping[str, str]) -> dict[str, Any]:
    """The partition's rows of the index, held and unsupported documents among them."""
    lines = frames["expenditure_lines"].group_by("document_id").agg(
        pl.col("amount_yuan").sum().alias("yuan"),
        pl.col("amount_yuan").filter(pl.col("nature") == "project").sum().alias("project_yuan"),
    )  # fmt: skip
    proof = frames["budget_facts"].group_by("document_id").agg(
        (pl.col("n_identities_holding") > 0).sum().cast(pl.Int64).alias("n_confirmed")
    )  # fmt: skip
    rules = frames["findings"].group_by("document_id", "rule_id", "severity").len().sort("rule_id").group_by(
        "document_id", maintain_order=True
    ).agg(pl.concat_list("rule_id", "severity", pl.col("len").cast(pl.String)).alias("rules"))  # fmt: skip
    rows = frames["documents"].join(lines, on="document_id", how="left").join(proof, on="document_id", how="left")
    rows = rows.join(rules, on="document_id", how="left").sort("document_id")
    table = rows.select(
        pl.col("document_id").replace_strict(slugs, default=None, return_dtype=pl.String).alias("slug"),
        "document_id",
        pl.col("document_id").replace_strict(digests, default=None, return_dtype=pl.String).alias("digest"),
        "file_name",
        "publisher_name",
        "publisher_id",
        "department_name",
        "publisher_kind",
        "jurisdiction_name",
        "jurisdiction_code",
        "fiscal_year",
        "stage",
        "state",
        "state_reason",
        "revision",
        _number("yuan"),
        _number("project_yuan"),
        "n_facts",
        "n_confirmed",
        "n_findings_error",
        "n_findings_warning",
        "rules",
    )
    return {"columns": INDEX, "rows": table.rows()}


def to_findings(findings: pl.DataFrame, slugs: Mapping[str, str]) -> dict[str, Any]:
    """The partition's findings in words, for the board."""
    table = findings.sort("finding_id", "document_id").select(
        pl.col("document_id").replace_strict(slugs, default=None, return_dtype=pl.String),
        pl.format("finding-{}", "finding_id"),
        *("rule_id", "severity", "cause", "message_zh", "message_en", "difference", "page"),
    )
    return {"columns": FINDING, "rows": table.rows()}


def to_accounts(frames: Frames, slugs: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What each budget gives to each account, by class: `f208` of the functional, `e301` of the economic classification.

    Of budgets that have a page. Leaves of T3 (basic, project) and of T8 (personnel, operating) as printed: what stands
    above them is their sum.
    """
    lines = frames["expenditure_lines"]
    nature = pl.col("nature")
    functional = _by_account(lines, "f", "functional_code", nature == "basic", nature == "project")
    measure = pl.col("measure")
    leaves = frames["budget_facts"].filter(
        pl.col("form_id") == FormId.BASIC_EXPENDITURE_BY_ECONOMIC.value, pl.col("row_role") == "leaf"
    )
    economic = _by_account(leaves, "e", "economic_code", measure == "personnel", measure == "operating")
    table = pl.concat([functional, economic]).with_columns(
        pl.col("document_id").replace_strict(slugs, default=None, return_dtype=pl.String)
    )
    parts = (
        table.drop_nulls("document_id")
        .sort("class", "document_id", "code")
        .partition_by("class", as_dict=True, include_key=False)
    )
    return {str(name): {"columns": ACCOUNT, "rows": part.rows()} for (name,), part in parts.items()}


def _by_account(rows: pl.DataFrame, book: str, code: str, part: pl.Expr, other: pl.Expr) -> pl.DataFrame:
    amount = pl.col("amount_yuan")
    summed = rows.drop_nulls(code).group_by("document_id", code).agg(
        amount.filter(part).sum().alias("part"), amount.filter(other).sum().alias("other")
    )  # fmt: skip
    return summed.select(
        pl.format("{}{}", pl.lit(book), pl.col(code).str.slice(0, 3)).alias("class"),
        "document_id",
        pl.col(code).alias("code"),
        _number("part"),
        _number("other"),
    )


def _number(name: str) -> pl.Expr:
    """Yuan as a number of JSON, which doubles hold to the cent up to 90 trillion."""
    return pl.col(name).cast(pl.Float64)
