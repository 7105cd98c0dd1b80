"""Frames in which every sum of a batch is done again, from the amounts alone, for the suites to look at.

Sums are exact decimals; what a suite compares with zero is handed on as a float, whose sign is exact.
A printed number stands for half of its last printed unit to either side: `half_unit_yuan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from cnbudget.model import CheckStatus, FormId, Fund, Measure, RevenueSource, RowRole, Severity
from cnbudget.money import YUAN_PER_UNIT, half_unit
from cnbudget.schema import STAGED

Frames = Mapping[str, pl.DataFrame]

LINES = ("expenditure_lines", "fiscal_expenditure_lines", "revenue_lines")
BALANCES = {
    "expenditure_lines": "expenditure_lines add up to the printed totals of the expenditure summary",
    "fiscal_expenditure_lines": "fiscal_expenditure_lines add up to the printed totals of their fund's form",
    "revenue_lines": "revenue_lines add up to the printed totals of the revenue summary",
    "financial_summary": "total revenue equals total expenditure in the financial summary",
}
"""What is added up, and what it must equal within rounding."""

CLAIMED_COUNTS: dict[str, tuple[str, pl.Expr | None]] = {
    "n_facts": ("budget_facts", None),
    "n_identities": ("identity_checks", None),
    "n_identities_broken": ("identity_checks", pl.col("status") == CheckStatus.BROKEN),
    "n_identities_not_checkable": ("identity_checks", pl.col("status") == CheckStatus.NOT_CHECKABLE),
    "n_findings_error": ("findings", pl.col("severity") == Severity.ERROR),
    "n_findings_warning": ("findings", pl.col("severity") == Severity.WARNING),
}
"""Counts of `documents`: the dataset, and which of its rows are counted."""

REFERENCES = {
    "n_lines_without_fact": "every line is a fact of the same document and amount",
    "n_terms_without_fact": "every term is a fact of the same document",
    "n_terms_without_check": "every term belongs to a check of the same document",
}

FUND_FORMS = {
    Fund.GENERAL_PUBLIC_BUDGET: FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION,
    Fund.GOVERNMENT_FUND_BUDGET: FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION,
    Fund.STATE_CAPITAL_OPERATIONS_BUDGET: FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION,
}
SOURCE_MEASURES = {
    RevenueSource.FISCAL_APPROPRIATION: Measure.FISCAL_APPROPRIATION,
    RevenueSource.PUBLIC_SERVICE: Measure.PUBLIC_SERVICE_REVENUE,
    RevenueSource.BUSINESS: Measure.BUSINESS_REVENUE,
    RevenueSource.OTHER: Measure.OTHER_REVENUE,
}
EXACT, MOST_DECIMALS = pl.Decimal(38, 8), 6


def column_types(frames: Frames) -> pl.DataFrame:
    """One row per column of the staged datasets, `column_type` as in `budget_facts.page: Int64`; of no document."""
    types = [f"{name}.{column}: {kind}" for name in STAGED for column, kind in frames[name].schema.items()]
    return pl.DataFrame(
        {"document_id": None, "column_type": types}, schema={"document_id": pl.String, "column_type": pl.String}
    )


def printed_totals(frames: Frames) -> pl.DataFrame:
    """One row per printed total: document_id, balance, form_id, measure, added, printed, tolerance and excess in yuan.

    `excess` is by how much the sum misses the printed total beyond rounding (0 or less: it does not); it stands in the
    column of its balance, `<balance>_excess_yuan`. Null where no total is printed.
    """
    facts = _with_half_unit(frames["budget_facts"])
    balances = pl.concat(
        [_lines_against_totals(frames, facts), _revenue_against_expenditure(facts)], how="diagonal_relaxed"
    )
    gap = (pl.col("added_yuan") - pl.col("printed_yuan")).abs()
    excess = (gap - pl.col("tolerance_yuan")).cast(pl.Float64)
    return balances.with_columns(
        pl.when(pl.col("balance") == balance).then(excess).alias(f"{balance}_excess_yuan") for balance in BALANCES
    ).sort("document_id", "balance", "form_id", "measure")


def _with_half_unit(facts: pl.DataFrame) -> pl.DataFrame:
    decimals = pl.col("amount_printed").str.extract(r"[.．]([0-9０-９]*)").str.len_chars().fill_null(0)
    pairs = [(unit, digits) for unit in YUAN_PER_UNIT for digits in range(MOST_DECIMALS + 1)]
    table = pl.DataFrame(
        {
            "printed_unit": [unit for unit, _ in pairs],
            "decimals": [digits for _, digits in pairs],
            "half_unit_yuan": [half_unit("0." + "0" * digits, unit) for unit, digits in pairs],
        },
        schema={"printed_unit": pl.String, "decimals": pl.UInt32, "half_unit_yuan": EXACT},
    )
    return (
        facts.with_columns(decimals.clip(0, MOST_DECIMALS).alias("decimals"))
        .join(table, on=["printed_unit", "decimals"], how="left")
        .with_columns(pl.col("half_unit_yuan").fill_null(0))
    )


def _lines_against_totals(frames: Frames, facts: pl.DataFrame) -> pl.DataFrame:
    keys = ["document_id", "balance", "form_id", "measure"]
    halves = facts.select("document_id", "fact_id", "half_unit_yuan")
    lines = pl.concat(_parts(name, frames[name]) for name in LINES).join(halves, ["document_id", "fact_id"], "left")
    both = pl.concat([lines, lines.with_columns(measure=pl.lit(Measure.TOTAL.value))])
    added = both.group_by(keys).agg(
        pl.col("amount_yuan").sum().alias("added_yuan"),
        pl.col("half_unit_yuan").sum().alias("lines_tolerance_yuan"),
    )
    forms = _balance_of_form()
    printed = (
        facts.filter(pl.col("row_role").is_in([RowRole.TOTAL, RowRole.GRAND_TOTAL]))
        .join(forms, on="form_id")
        .select(*keys, pl.col("amount_yuan").alias("printed_yuan"), "half_unit_yuan")
    )
    return printed.join(added, on=keys, how="full", coalesce=True).select(
        *keys,
        pl.col("added_yuan").fill_null(0),
        "printed_yuan",
        pl.sum_horizontal("lines_tolerance_yuan", "half_unit_yuan").alias("tolerance_yuan"),
    )


def _balance_of_form() -> pl.DataFrame:
    forms = {
        FormId.EXPENDITURE_SUMMARY: "expenditure_lines",
        FormId.REVENUE_SUMMARY: "revenue_lines",
        **dict.fromkeys(FUND_FORMS.values(), "fiscal_expenditure_lines"),
    }
    return pl.DataFrame({"form_id": [form.value for form in forms], "balance": list(forms.values())})


def _parts(name: str, lines: pl.DataFrame) -> pl.DataFrame:
    """The lines with the form and the column (measure) they were printed in."""
    form, measure = {
        "expenditure_lines": (pl.lit(FormId.EXPENDITURE_SUMMARY.value), pl.col("nature")),
        "fiscal_expenditure_lines": (_mapped("fund", FUND_FORMS), pl.col("nature")),
        "revenue_lines": (pl.lit(FormId.REVENUE_SUMMARY.value), _mapped("revenue_source", SOURCE_MEASURES)),
    }[name]
    return lines.select(
        "document_id",
        "fact_id",
        "amount_yuan",
        form.alias("form_id"),
        measure.alias("measure"),
        pl.lit(name).alias("balance"),
    )


def _mapped(column: str, values: Mapping[Any, Any]) -> pl.Expr:
    return pl.col(column).replace({str(key): str(value) for key, value in values.items()})


def _revenue_against_expenditure(facts: pl.DataFrame) -> pl.DataFrame:
    is_total = pl.col("row_role").is_in([RowRole.TOTAL, RowRole.GRAND_TOTAL])
    totals = (
        facts.filter(is_total & (pl.col("form_id") == FormId.FINANCIAL_SUMMARY))
        # 收入总计 (with what is carried over) is the one that balances, where 合计 is printed as well.
        .filter(pl.col("row_role").is_in([RowRole.GRAND_TOTAL]) | _has_no_grand_total())
        .select("document_id", "measure", "amount_yuan", "half_unit_yuan")
    )
    revenue, expenditure = (totals.filter(pl.col("measure") == m).drop("measure") for m in ("revenue", "expenditure"))
    both = revenue.join(expenditure, on="document_id", how="full", coalesce=True, suffix="_right")
    amount, other = pl.col("amount_yuan"), pl.col("amount_yuan_right")
    return both.select(
        "document_id",
        pl.lit("financial_summary").alias("balance"),
        pl.lit(FormId.FINANCIAL_SUMMARY.value).alias("form_id"),
        pl.lit(Measure.REVENUE.value).alias("measure"),
        pl.coalesce(amount, other).alias("added_yuan"),
        pl.when(amount.is_not_null()).then(other).alias("printed_yuan"),
        (pl.col("half_unit_yuan") + pl.col("half_unit_yuan_right")).alias("tolerance_yuan"),
    )


def _has_no_grand_total() -> pl.Expr:
    return (pl.col("row_role") == RowRole.GRAND_TOTAL).any().over("document_id", "measure").not_()


def document_counts(frames: Frames) -> pl.DataFrame:
    """One row per document that any frame speaks of: what `documents` claims against what is there, lost references."""
    counts = pl.concat([frame.select("document_id") for frame in frames.values()]).unique()
    listed = (
        frames["documents"].group_by("document_id").agg(pl.len().alias("n_listed"), pl.col(*CLAIMED_COUNTS).first())
    )
    counts = counts.join(listed, on="document_id", how="left", nulls_equal=True)
    for column, (name, condition) in CLAIMED_COUNTS.items():
        rows = frames[name] if condition is None else frames[name].filter(condition)
        counts = _with_count(counts, rows, f"{column}_counted").with_columns(
            (pl.col(column).fill_null(0) - pl.col(f"{column}_counted")).alias(f"{column}_difference")
        )
    for column, lost in _lost_references(frames).items():
        counts = _with_count(counts, lost, column)
    return counts.with_columns(pl.col("n_listed").fill_null(0).cast(pl.Int64)).sort("document_id")


def _with_count(counts: pl.DataFrame, rows: pl.DataFrame, column: str) -> pl.DataFrame:
    counted = rows.group_by("document_id").agg(pl.len().cast(pl.Int64).alias(column))
    return counts.join(counted, on="document_id", how="left", nulls_equal=True).with_columns(
        pl.col(column).fill_null(0)
    )


def _lost_references(frames: Frames) -> dict[str, pl.DataFrame]:
    """The rows that refer to nothing, by the column of `REFERENCES` they are counted in."""
    facts, terms = frames["budget_facts"], frames["identity_terms"]
    line_key = ["document_id", "fact_id", "amount_yuan"]
    lines = pl.concat(frames[name].select(line_key) for name in LINES)
    return {
        "n_lines_without_fact": lines.join(facts, on=line_key, how="anti"),
        "n_terms_without_fact": terms.join(facts, on=["document_id", "fact_id"], how="anti"),
        "n_terms_without_check": terms.join(frames["identity_checks"], on=["document_id", "check_id"], how="anti"),
    }


def recomputed_identities(frames: Frames) -> pl.DataFrame:
    """One row per check that came out: its residual and tolerance summed up again from the amounts of its terms."""
    facts = _with_half_unit(frames["budget_facts"]).select("document_id", "fact_id", "amount_yuan", "half_unit_yuan")
    sums = (
        frames["identity_terms"]
        .join(facts, on=["document_id", "fact_id"])
        .group_by("document_id", "check_id")
        .agg(
            pl.len().cast(pl.Int64).alias("n_terms"),
            (pl.col("amount_yuan") * pl.col("sign")).sum().alias("recomputed_yuan"),
            pl.col("half_unit_yuan").sum().alias("recomputed_tolerance_yuan"),
        )
    )
    checks = frames["identity_checks"].filter(pl.col("status") != CheckStatus.NOT_CHECKABLE)
    excess = pl.col("recomputed_yuan").abs() - pl.col("recomputed_tolerance_yuan")
    return (
        checks.select("document_id", "check_id", "identity_id", "instance", "status", "residual_yuan")
        .join(sums, on=["document_id", "check_id"], how="left")
        .with_columns(
            pl.col("n_terms").fill_null(0),
            excess.cast(pl.Float64).alias("excess_yuan"),
            (pl.col("residual_yuan") - pl.col("recomputed_yuan")).cast(pl.Float64).alias("residual_difference_yuan"),
        )
        .sort("check_id")
    )
