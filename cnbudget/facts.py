"""Statements -> tidy polars frames, for a batch of documents at once.

Normalisation, codes, roles and lines are expressions over the whole batch. Money is carried as whole thousandths of a yuan
(`amount_milli`), so that half of a printed fen is still a whole number; the published column is yuan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import polars as pl

from cnbudget import classification, money
from cnbudget.forms import CODE_COLUMNS, FORMS, REVENUE_SOURCE_LABELS
from cnbudget.model import FormId, Level, Measure, RowRole, Side
from cnbudget.recognise import PrintedAmount, Statement, StatementRow
from cnbudget.schema import DATASETS

TWO_SIDED = [form.form_id.value for form in FORMS if form.is_two_sided]
CODED = [form.form_id.value for form in FORMS if form.has_codes]
ECONOMIC = FormId.BASIC_EXPENDITURE_BY_ECONOMIC.value

FORM_FUND = {form.form_id.value: form.fund.value for form in FORMS if form.fund is not None}
FUND_MEASURES = [
    Measure.GENERAL_PUBLIC_BUDGET.value,
    Measure.GOVERNMENT_FUND_BUDGET.value,
    Measure.STATE_CAPITAL_OPERATIONS_BUDGET.value,
]
SOURCE_OF_MEASURE = {
    Measure.FISCAL_APPROPRIATION.value: "fiscal_appropriation",
    Measure.PUBLIC_SERVICE_REVENUE.value: "public_service",
    Measure.BUSINESS_REVENUE.value: "business",
    Measure.OTHER_REVENUE.value: "other",
}


@dataclass(frozen=True, slots=True)
class Budget:
    """One recognised budget: its statements and what its cover says, as far as every fact carries it."""

    document_id: str
    fiscal_year: int
    stage: str
    publisher_id: str | None
    publisher_kind: str | None
    statements: Sequence[Statement]


def statements_to_facts(budgets: Sequence[Budget]) -> pl.DataFrame:
    """Facts of a batch: the columns of `budget_facts` (identity counts still 0) and the working columns of identities.

    Working columns: `amount_milli` and `half_milli` (thousandths of a yuan; half of the last printed unit), `code` (as the
    form nests, also where a private numbering leaves the published code null) and `parent`.
    """
    frame = pl.DataFrame(_columns(budgets), schema=_RAW)
    frame = _with_amounts(frame)
    frame = _with_codes(frame)
    frame = _with_sources(frame)
    return _with_roles(frame)


_RAW: dict[str, pl.DataType] = {
    "document_id": pl.String(),
    "fiscal_year": pl.Int64(),
    "publisher_id": pl.String(),
    "publisher_kind": pl.String(),
    "stage": pl.String(),
    "form_id": pl.String(),
    "side": pl.String(),
    "row_no": pl.Int64(),
    "row_label": pl.String(),
    **{column: pl.String() for column in CODE_COLUMNS},
    "measure": pl.String(),
    "amount_printed": pl.String(),
    "printed_unit": pl.String(),
    "provenance": pl.String(),
    "page": pl.Int64(),
    "x0": pl.Float64(),
    "y0": pl.Float64(),
    "x1": pl.Float64(),
    "y1": pl.Float64(),
    "cell_ref": pl.String(),
}


def _columns(budgets: Sequence[Budget]) -> dict[str, list[object]]:
    """The printed amounts of all statements as columns, in printed order."""
    columns: dict[str, list[object]] = {name: [] for name in _RAW}
    for budget in budgets:
        for statement in budget.statements:
            printed = [(row, amount) for row in statement.rows for amount in row.amounts]
            whole = {
                "document_id": budget.document_id,
                "fiscal_year": budget.fiscal_year,
                "publisher_id": budget.publisher_id,
                "publisher_kind": budget.publisher_kind,
                "stage": budget.stage,
                "form_id": statement.form.form_id.value,
                "printed_unit": statement.unit,
            }
            for name, value in whole.items():
                columns[name].extend([value] * len(printed))
            for name, values in _printed_columns(printed).items():
                columns[name].extend(values)
    return columns


def _printed_columns(printed: Sequence[tuple[StatementRow, PrintedAmount]]) -> dict[str, Sequence[object]]:
    """What every amount of one form carries itself, as columns."""
    cells = [amount.cell for _, amount in printed]
    nowhere = (None, None, None, None)
    boxes = [(box.x0, box.y0, box.x1, box.y1) if (box := cell.box) else nowhere for cell in cells]
    columns: dict[str, Sequence[object]] = {
        "side": [amount.side for _, amount in printed],
        "row_no": [row.row_no for row, _ in printed],
        "row_label": [row.labels.get(amount.side) or row.labels.get(None) for row, amount in printed],
        "measure": [amount.measure for _, amount in printed],
        "amount_printed": [amount.text for _, amount in printed],
        "provenance": [amount.provenance for _, amount in printed],
        "page": [cell.page for cell in cells],
        "cell_ref": [cell.cell_ref for cell in cells],
    }
    for position, name in enumerate(CODE_COLUMNS):
        columns[name] = [row.codes[position] for row, _ in printed]
    for position, name in enumerate(("x0", "y0", "x1", "y1")):
        columns[name] = [box[position] for box in boxes]
    return columns


def _with_amounts(frame: pl.DataFrame) -> pl.DataFrame:
    digits = money.digits_expression("amount_printed")
    factor = pl.col("printed_unit").replace_strict(money.YUAN_PER_UNIT, return_dtype=pl.Int64)
    decimals = digits.str.extract(r"\.(\d+)$").str.len_chars().fill_null(0)
    milli = digits.cast(pl.Decimal(30, 8)) * (factor * money.MILLI).cast(pl.Decimal(18, 0))
    return frame.with_columns(
        amount_milli=milli.round(0).cast(pl.Int64),
        half_milli=(factor * money.MILLI // 2) // pl.lit(10, pl.Int64).pow(decimals.cast(pl.Int64)),
    ).with_columns(amount_yuan=money.milli_to_yuan("amount_milli"))


def _with_codes(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes from the code cells, repaired where misprinted, and from the class names of the two summaries."""
    cells = [pl.col(column) for column in CODE_COLUMNS]
    frame = frame.with_columns(code_printed=pl.concat_str(cells), is_total=_is_total())
    clean = (
        cells[0].str.contains(r"^\d{3}$")
        & cells[1].str.contains(r"^(?:\d{2})?$")
        & cells[2].str.contains(r"^(?:\d{2})?$")
        & ((cells[1] != "") | (cells[2] == ""))
    ) | cells[0].str.contains(r"^\d{3}(?:\d\d){0,2}$") & (cells[1] == "") & (cells[2] == "")
    coded = pl.col("form_id").is_in(CODED) & ~pl.col("is_total")
    frame = frame.with_columns(code=pl.when(coded & clean).then(pl.col("code_printed")))
    frame = _repaired(frame, frame.filter(coded & pl.col("code").is_null() | (pl.col("form_id") == ECONOMIC) & coded))
    classes = {label: classification.class_by_name(label) for label in _class_labels(frame)}
    named = (pl.col("side") == Side.RIGHT.value) & ~pl.col("is_total")
    by_name = pl.col("row_label").replace_strict(classes, default=None, return_dtype=pl.String)
    frame = frame.with_columns(code=pl.when(named).then(by_name).otherwise(pl.col("code")))
    economic = pl.col("form_id") == ECONOMIC
    length = pl.col("code").str.len_chars()
    return frame.with_columns(
        functional_code=pl.when(~economic).then(pl.col("code")),
        economic_code=pl.when(economic).then(pl.col("published")),
        code_level=length.replace_strict(
            {3: Level.CLASS, 5: Level.SECTION, 7: Level.ITEM}, default=None, return_dtype=pl.String
        ),
        parent=pl.when(length > 3).then(pl.col("code").str.head(length - 2)),
    )


def _is_total() -> pl.Expr:
    label = pl.col("row_label").str.replace_all(r"\s", "")
    return label.str.contains(r"^(?:(?:本年)?(?:收入|支出)(?:总计|合计)|总计|合计)$").fill_null(False)


def _class_labels(frame: pl.DataFrame) -> list[str]:
    right = frame.filter((pl.col("side") == Side.RIGHT.value) & pl.col("row_label").is_not_null())
    return right["row_label"].unique().to_list()


def _repaired(frame: pl.DataFrame, odd: pl.DataFrame) -> pl.DataFrame:
    """Codes of whole forms with a misprinted cell or a numbering of their own, read row by row in printed order."""
    keys = ["document_id", "form_id", "row_no"]
    wanted = odd.select("document_id", "form_id").unique()
    rows = (
        frame.join(wanted, on=["document_id", "form_id"], how="semi")
        .filter(~pl.col("is_total"))
        .unique(keys, keep="first", maintain_order=True)
        .select(*keys, *CODE_COLUMNS, pl.col("row_label").fill_null(""))
    )
    if rows.is_empty():
        return frame.with_columns(published=pl.lit(None, pl.String))
    printed = rows.select("document_id", "form_id", *CODE_COLUMNS, "row_label").iter_rows()
    readings: list[classification.CodeReading] = []
    for (_, form_id), group in groupby(printed, key=itemgetter(0, 1)):
        is_economic = form_id == ECONOMIC
        read = classification.read_economic_codes if is_economic else classification.read_functional_codes
        readings += read([classification.CodeRow(*row[2:]) for row in group])
    fixed = rows.select(keys).with_columns(
        numbering=pl.Series([reading.numbering for reading in readings], dtype=pl.String),
        published=pl.Series([reading.code for reading in readings], dtype=pl.String),
    )
    return (
        frame.join(fixed, on=keys, how="left", maintain_order="left")
        .with_columns(code=pl.coalesce("numbering", "code"))
        .drop("numbering")
    )


def _with_sources(frame: pl.DataFrame) -> pl.DataFrame:
    """Fund and revenue source, from the form, the measure or the label of a revenue row."""
    bare = pl.col("row_label").str.replace(r"^[一二三四五六七八九十\d]*[、.．,，]?", "")
    source = pl.lit(None, pl.String)
    for pattern, name in reversed(REVENUE_SOURCE_LABELS.items()):
        source = pl.when(bare.str.contains(pattern)).then(pl.lit(name)).otherwise(source)
    is_source = (pl.col("side") == Side.LEFT.value) & ~pl.col("is_total")
    by_form = pl.col("form_id").replace_strict(FORM_FUND, default=None, return_dtype=pl.String)
    by_measure = pl.when(pl.col("measure").is_in(FUND_MEASURES)).then(pl.col("measure"))
    return frame.with_columns(fund=pl.coalesce(by_measure, by_form), revenue_source=pl.when(is_source).then(source))


def _with_roles(frame: pl.DataFrame) -> pl.DataFrame:
    """Role of each row: a leaf has no row with an amount below it that is part of it."""
    place = ["document_id", "form_id"]
    parents = frame.filter(pl.col("parent").is_not_null()).select(*place, code="parent").unique()
    grand = parents.filter(pl.col("code").str.len_chars() == 5).with_columns(pl.col("code").str.head(3)).unique()
    parents = pl.concat([parents, grand]).unique().with_columns(has_parts=pl.lit(True))
    frame = frame.join(parents, on=[*place, "code"], how="left", maintain_order="left")
    fiscal = pl.col("revenue_source") == "fiscal_appropriation"
    funds = pl.col("revenue_source").is_in(FUND_MEASURES) & (pl.col("side") == Side.LEFT.value)
    splits = fiscal & (funds.fill_null(False).any().over(place))
    role = (
        pl.when(pl.col("is_total") & pl.col("form_id").is_in(TWO_SIDED))
        .then(pl.lit(RowRole.GRAND_TOTAL.value))
        .when(pl.col("is_total"))
        .then(pl.lit(RowRole.TOTAL.value))
        .when(pl.col("has_parts").fill_null(False) | splits.fill_null(False))
        .then(pl.lit(RowRole.SUBTOTAL.value))
        .otherwise(pl.lit(RowRole.LEAF.value))
    )
    fact_id = pl.concat_str(
        pl.col("document_id").str.head(16),
        "form_id",
        pl.col("side").fill_null("-"),
        pl.col("row_no").cast(pl.String),
        "measure",
        separator=":",
    )
    zero = pl.lit(0, pl.Int64)
    return frame.with_columns(row_role=role, fact_id=fact_id, n_identities=zero, n_identities_holding=zero).drop(
        "has_parts"
    )


def facts_to_lines(facts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The three datasets that are safe to sum: leaves of T3, of T5 to T7, and of T2."""
    leaves = facts.filter(pl.col("row_role") == RowRole.LEAF.value)
    nature = pl.col("measure").is_in([Measure.BASIC.value, Measure.PROJECT.value])
    form = pl.col("form_id")
    funds = [form_id for form_id in FORM_FUND if form_id != ECONOMIC]
    source = pl.col("measure").replace_strict(SOURCE_OF_MEASURE, default=None, return_dtype=pl.String)
    lines = {
        "expenditure_lines": leaves.filter((form == FormId.EXPENDITURE_SUMMARY.value) & nature),
        "fiscal_expenditure_lines": leaves.filter(form.is_in(funds) & nature),
        "revenue_lines": leaves.filter(
            (form == FormId.REVENUE_SUMMARY.value) & (pl.col("measure") != Measure.TOTAL.value)
        ).with_columns(revenue_source=source),
    }
    return {
        name: frame.with_columns(nature=pl.col("measure")).select(DATASETS[name].column_names)
        for name, frame in lines.items()
    }
