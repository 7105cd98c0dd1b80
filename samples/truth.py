"""What a reader should find in a sample: its printed amounts as rows."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from cnbudget.model import FormId
from samples.budget import Budget
from samples.forms import counted_rows, printed_forms

FACT_SCHEMA: dict[str, pl.DataType] = {
    "form_id": pl.String(),
    "side": pl.String(),
    "row_no": pl.Int64(),
    "row_label": pl.String(),
    "code_printed": pl.String(),
    "functional_code": pl.String(),
    "economic_code": pl.String(),
    "measure": pl.String(),
    "amount_yuan": pl.Decimal(18, 2),
    "amount_printed": pl.String(),
}
"""Columns as in the dataset `budget_facts`."""


def expected_facts(budget: Budget) -> pl.DataFrame:
    """One row per printed amount of the nine forms, in the order of print, with the columns of `FACT_SCHEMA`.

    `amount_yuan` is what is printed, misprints included. Rows that print a label count from 1 through a form; both
    sides of a two-sided form share the number of their row; the ninth form has row 1 and no label (null). Codes are
    null on 合计 rows; the class rows of the two-sided forms carry the code of their class and no `code_printed`.
    """
    return pl.DataFrame(_facts(budget), schema=FACT_SCHEMA, orient="row")


def _facts(budget: Budget) -> list[tuple[object, ...]]:
    return [
        (
            form.form_id,
            figure.side,
            row_no,
            figure.label,
            figure.code_printed,
            figure.functional_code,
            figure.economic_code,
            figure.measure,
            _yuan(row.cells[figure.column], form.form_id),
            row.cells[figure.column],
        )
        for form in printed_forms(budget)
        for row_no, row in counted_rows(form)
        for figure in row.figures
        if row.cells[figure.column]
    ]


def _yuan(printed: str, form_id: FormId | None) -> Decimal:
    unit = 10_000 if form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING else 1
    return (Decimal(printed.replace(",", "")) * unit).quantize(Decimal("0.01"))
