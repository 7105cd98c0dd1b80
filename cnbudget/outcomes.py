"""How a batch's identities came out, as rules look at it: causes, places and suspected figures by document."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cnbudget import identities, money, placement
from cnbudget.model import Box, Cause, CheckStatus, FormId
from cnbudget.recognise import Statement
from cnbudget.rules import CheckOutcome, Suspect

Statements = Mapping[str, Mapping[FormId, Statement]]
"""The forms of each document, by document_id."""


def with_causes(checks: pl.DataFrame, terms: pl.DataFrame, facts: pl.DataFrame, statements: Statements) -> pl.DataFrame:
    """Checks with the cause of each broken one."""
    broken = checks.filter(pl.col("status") == CheckStatus.BROKEN.value)
    if broken.is_empty():
        return checks.with_columns(cause=pl.lit(None, pl.String))
    placed = terms.join(broken.select("check_id"), on="check_id", how="semi").join(
        facts.select("fact_id", "form_id", "row_no", "side", "measure"), on="fact_id"
    )
    by_check: dict[str, list[placement.Term]] = {}
    for check_id, *term in placed.select("check_id", "form_id", "row_no", "side", "measure", "sign").iter_rows():
        by_check.setdefault(check_id, []).append(placement.Term(*term))
    causes = {
        check_id: placement.cause_of(by_check.get(check_id, ()), residual, tolerance, statements[document_id]).value
        for check_id, document_id, residual, tolerance in broken.select(
            "check_id", "document_id", "residual_milli", "tolerance_milli"
        ).iter_rows()
    }
    return checks.with_columns(cause=pl.col("check_id").replace_strict(causes, default=None, return_dtype=pl.String))


def outcomes_of(checks: pl.DataFrame, terms: pl.DataFrame, facts: pl.DataFrame) -> dict[str, list[CheckOutcome]]:
    """Broken and open checks by document, with the place of their first figure."""
    odd = checks.filter(pl.col("status").is_in([CheckStatus.BROKEN.value, CheckStatus.NOT_CHECKABLE.value]))
    first = terms.unique("check_id", keep="first", maintain_order=True).select("check_id", "fact_id")
    place = facts.select("fact_id", "page", "x0", "y0", "x1", "y1", "amount_printed")
    rows = odd.join(first, on="check_id", how="left", maintain_order="left").join(
        place, on="fact_id", how="left", maintain_order="left"
    )
    yuan = [money.milli_to_yuan(f"{side}_milli").alias(side) for side in ("left", "right", "residual")]
    found: dict[str, list[CheckOutcome]] = {}
    for row in rows.with_columns(yuan).iter_rows(named=True):
        box = None if row["x0"] is None else Box(row["x0"], row["y0"], row["x1"], row["y1"])
        found.setdefault(row["document_id"], []).append(
            CheckOutcome(
                row["identity_id"],
                row["instance"],
                CheckStatus(row["status"]),
                str(row["left"]),
                str(row["right"]),
                str(row["residual"]),
                Cause(row["cause"]) if row["cause"] else Cause.UNKNOWN,
                row["reason"],
                row["page"],
                box,
                row["amount_printed"],
            )
        )
    return found


def suspects_of(checks: pl.DataFrame, terms: pl.DataFrame, facts: pl.DataFrame) -> dict[str, list[Suspect]]:
    """Figures that the broken checks of each document point at."""
    if not (checks["status"] == CheckStatus.BROKEN.value).any():
        return {}
    rows = (
        identities.suspects(facts, checks, terms)
        .join(facts.drop("document_id"), on="fact_id")
        .with_columns(proposed=money.milli_to_yuan("proposed_milli"))
        .sort("document_id", "form_id", "row_no", "measure")
    )
    found: dict[str, list[Suspect]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault(row["document_id"], []).append(
            Suspect(
                FormId(row["form_id"]),
                row["row_no"],
                row["row_label"] or row["measure"],
                row["measure"],
                row["amount_printed"],
                row["n_broken"],
                str(row["proposed"]) if row["n_agreeing"] > 1 else None,
                row["page"],
                None if row["x0"] is None else Box(row["x0"], row["y0"], row["x1"], row["y1"]),
            )
        )
    return found
