"""Marts: datasets ready to be charted, made of those of the documents and of the same publishers' budgets a year before.

Pure functions of frames, for some budgets at a time: a row depends on its budget and on the one before it, on no other.
Only current documents go in, so held, withdrawn and superseded ones never come out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import polars as pl

from cnbudget import classification, revisions
from cnbudget.model import FormId, Measure, Presence, PublisherKind, RevenueSource, RowRole, Stage
from cnbudget.schema import DATASETS, SCHEMA_VERSION
from cnbudget.schema.marts import THREE_PUBLIC, WHOSE

Frames = Mapping[str, pl.DataFrame]

INPUTS = (
    *("documents", "budget_facts", "expenditure_lines", "fiscal_expenditure_lines"),
    *("narrative_claims", "disclosures", "projects"),
)
"""The datasets that marts are made of."""

BUDGET = ("publisher_id", "publisher_kind", "stage")
"""What a budget shares with that of the year before."""

_T1, _T2, _T3 = FormId.FINANCIAL_SUMMARY, FormId.REVENUE_SUMMARY, FormId.EXPENDITURE_SUMMARY
_T8, _T9 = FormId.BASIC_EXPENDITURE_BY_ECONOMIC, FormId.THREE_PUBLIC_AND_AGENCY_OPERATING
_WHOSE = [column.name for column in WHOSE]


@cache
def marts_version() -> str:
    """A hash of the code and data that make marts and history of the same frames."""
    files = [Path(module) for module in (__file__, revisions.__file__)]
    files += [classification.DATA / f"{name}_classification.csv" for name in ("functional", "economic")]
    return hashlib.sha256(b"\0".join([SCHEMA_VERSION.encode(), *(file.read_bytes() for file in files)])).hexdigest()[
        :12
    ]


def make_marts(now: Frames, before: Frames) -> dict[str, pl.DataFrame]:
    """The marts of the current budgets in `now`; `before` has the `INPUTS` of their publishers' budgets of the year before.

    All datasets of `schema.MARTS` but `budget_fact_history`, each in the order of its key.
    """
    pairs = _pairs(now["documents"], before["documents"])
    is_budget = pl.col("stage") == Stage.BUDGET.value
    departments = pairs.filter(is_budget & (pl.col("publisher_kind") == PublisherKind.DEPARTMENT.value))
    units = pairs.filter(is_budget & (pl.col("publisher_kind") == PublisherKind.UNIT.value))
    made = {
        "budget_by_function_year": _by_function(departments, now, before),
        "basic_by_economic": _by_economic(departments, now, before),
        "three_public_by_year": _three_public(departments, now, before),
        "department_overview": _overview(departments, now, before),
        "unit_overview": _overview(units, now, before),
        "restatements": revisions.restatements(pairs, now, before),
    }
    return {name: conformed(frame, name) for name, frame in made.items()}


def conformed(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The frame with the columns, types and order of the dataset."""
    schema = DATASETS[name].polars_schema()
    return frame.select(pl.col(column).cast(kind) for column, kind in schema.items()).sort(DATASETS[name].key)


def _pairs(now: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """The current documents with a publisher, each beside its budget of the year before."""
    last = (
        before.filter("is_current")
        .select(*BUDGET, pl.col("fiscal_year") + 1, previous_document_id="document_id")
        .sort("previous_document_id")
        .unique([*BUDGET, "fiscal_year"], keep="first", maintain_order=True)
    )
    known = now.filter(pl.col("is_current"), pl.col("publisher_kind").is_not_null())
    return known.join(last, on=[*BUDGET, "fiscal_year"], how="left")


# --- accounts --------------------------------------------------------------------------------------------------------


def _by_function(pairs: pl.DataFrame, now: Frames, before: Frames) -> pl.DataFrame:
    fiscal = _accounts(now["fiscal_expenditure_lines"], "functional_code", pairs, fiscal_yuan=pl.lit(True))
    both = _beside_last_year(
        pairs,
        lambda frames, ids: _accounts(
            frames["expenditure_lines"],
            "functional_code",
            ids,
            amount_yuan=pl.lit(True),
            basic_yuan=pl.col("nature") == "basic",
            project_yuan=pl.col("nature") == "project",
        ),
        now,
        before,
    ).join(fiscal.select("document_id", "account", "fiscal_yuan"), on=["document_id", "account"], how="left")
    code = pl.col("code")
    coded = both.with_columns(
        functional_code=code,
        class_code=code.str.head(3),
        section_code=pl.when(code.str.len_chars() >= 5).then(code.str.head(5)),
        item_code=pl.when(code.str.len_chars() == 7).then(code),
    )
    return _named(coded, classification.functional_codes, "class", "section", "item")


def _by_economic(pairs: pl.DataFrame, now: Frames, before: Frames) -> pl.DataFrame:
    def accounts(frames: Frames, ids: pl.DataFrame) -> pl.DataFrame:
        is_leaf = (pl.col("form_id") == _T8.value) & (pl.col("row_role") == RowRole.LEAF.value)
        measure = pl.col("measure")
        return _accounts(
            frames["budget_facts"].filter(is_leaf),
            "economic_code",
            ids,
            amount_yuan=measure == Measure.TOTAL.value,
            personnel_yuan=measure == Measure.PERSONNEL.value,
            operating_yuan=measure == Measure.OPERATING.value,
        )

    both = _beside_last_year(pairs, accounts, now, before)
    coded = both.with_columns(economic_code=pl.col("code"), class_code=pl.col("code").str.head(3))
    return _named(coded, classification.economic_codes, "class")


def _accounts(rows: pl.DataFrame, code: str, ids: pl.DataFrame, **amounts: pl.Expr) -> pl.DataFrame:
    """One row per document and account: the sum of the rows that each condition takes, null where it takes none.

    `account` is the code, or the printed name where the code cannot be told.
    """
    yuan = pl.col("amount_yuan")
    return (
        rows.join(ids.select("document_id"), on="document_id", how="semi")
        .with_columns(account=pl.coalesce(code, "row_label", pl.lit("")))
        .group_by("document_id", "account")
        .agg(
            code=pl.col(code).first(),
            account_name=pl.col("row_label").fill_null("").first(),
            **{name: pl.when(takes.any()).then(yuan.filter(takes).sum()) for name, takes in amounts.items()},
        )
    )


def _beside_last_year(
    pairs: pl.DataFrame,
    accounts: Callable[[Frames, pl.DataFrame], pl.DataFrame],
    now: Frames,
    before: Frames,
) -> pl.DataFrame:
    """The accounts of each budget beside those of the year before, those that ended among them."""
    last_ids = pairs.select(document_id="previous_document_id").drop_nulls().unique()
    old = accounts(before, last_ids).select(
        "account",
        previous_document_id="document_id",
        old_code="code",
        old_name="account_name",
        previous_yuan="amount_yuan",
        was=pl.lit(True),
    )
    new = accounts(now, pairs).with_columns(stands=pl.lit(True))
    old = pairs.select("document_id", "previous_document_id").join(old, on="previous_document_id")
    both = (
        new.join(old.drop("previous_document_id"), on=["document_id", "account"], how="full", coalesce=True)
        .join(pairs.select(*_WHOSE, "previous_document_id"), on="document_id")
        .with_columns(code=pl.coalesce("code", "old_code"), account_name=pl.coalesce("account_name", "old_name"))
    )
    presence = (
        pl.when(pl.col("previous_document_id").is_null())
        .then(pl.lit(Presence.NOT_COMPARABLE.value))
        .when(pl.col("stands").is_null())
        .then(pl.lit(Presence.ENDED.value))
        .when(pl.col("was").is_null())
        .then(pl.lit(Presence.NEW.value))
        .otherwise(pl.lit(Presence.BOTH.value))
    )
    change = _change("amount_yuan", "previous_yuan")
    return both.with_columns(presence=presence, change_yuan=change).with_columns(
        change_percent=_percent("change_yuan", "previous_yuan")
    )


def _named(rows: pl.DataFrame, names: Callable[[int], Mapping[str, str]], *levels: str) -> pl.DataFrame:
    """The official names, as of each row's year, of the codes `<level>_code`."""
    years = rows["fiscal_year"].unique().to_list()
    known = [(year, code, name) for year in years for code, name in names(year).items()]
    book = pl.DataFrame(known, schema=["fiscal_year", "code", "name"], orient="row")
    book = book.cast({"fiscal_year": pl.Int64, "code": pl.String, "name": pl.String})
    for level in levels:
        named = book.rename({"code": f"{level}_code", "name": f"{level}_name"})
        rows = rows.join(named, on=["fiscal_year", f"{level}_code"], how="left")
    return rows


def _change(now: str, before: str) -> pl.Expr:
    """What is not printed counts as nothing; null where neither is, or where there is no budget to compare with."""
    change = pl.col(now).fill_null(0) - pl.col(before).fill_null(0)
    is_told = pl.col("previous_document_id").is_not_null() & (pl.col(now).is_not_null() | pl.col(before).is_not_null())
    return pl.when(is_told).then(change)


def _percent(change: str, before: str) -> pl.Expr:
    share = pl.col(change).cast(pl.Float64) / pl.col(before).cast(pl.Float64)
    return pl.when(pl.col(before) > 0).then((share * 100).round(2)).cast(pl.Decimal(18, 2))


# --- budgets as a whole ----------------------------------------------------------------------------------------------

_FUNDS = {
    "general_public_budget_yuan": RevenueSource.GENERAL_PUBLIC_BUDGET,
    "government_fund_budget_yuan": RevenueSource.GOVERNMENT_FUND_BUDGET,
    "state_capital_operations_budget_yuan": RevenueSource.STATE_CAPITAL_OPERATIONS_BUDGET,
}
_TOTALS: Mapping[str, tuple[FormId, RowRole, Measure]] = {
    "revenue_yuan": (_T1, RowRole.GRAND_TOTAL, Measure.REVENUE),
    "expenditure_yuan": (_T1, RowRole.GRAND_TOTAL, Measure.EXPENDITURE),
    "revenue_again_yuan": (_T2, RowRole.TOTAL, Measure.TOTAL),
    "expenditure_again_yuan": (_T3, RowRole.TOTAL, Measure.TOTAL),
    "fiscal_appropriation_yuan": (_T2, RowRole.TOTAL, Measure.FISCAL_APPROPRIATION),
    "public_service_revenue_yuan": (_T2, RowRole.TOTAL, Measure.PUBLIC_SERVICE_REVENUE),
    "business_revenue_yuan": (_T2, RowRole.TOTAL, Measure.BUSINESS_REVENUE),
    "other_revenue_yuan": (_T2, RowRole.TOTAL, Measure.OTHER_REVENUE),
    "basic_yuan": (_T3, RowRole.TOTAL, Measure.BASIC),
    "project_yuan": (_T3, RowRole.TOTAL, Measure.PROJECT),
    "personnel_yuan": (_T8, RowRole.TOTAL, Measure.PERSONNEL),
    "operating_yuan": (_T8, RowRole.TOTAL, Measure.OPERATING),
}
_COMPARED = ("revenue", "expenditure", "basic", "project", "personnel", "operating")
_T9_MEASURES = [name for name, _, _ in THREE_PUBLIC]


def _totals(facts: pl.DataFrame) -> pl.DataFrame:
    """The printed totals of each document, one row a document, null where none is printed."""
    form, role, measure = pl.col("form_id"), pl.col("row_role"), pl.col("measure")
    takes = {
        name: (form == in_form.value) & (role == as_role.value) & (measure == what.value)
        for name, (in_form, as_role, what) in _TOTALS.items()
    }
    takes |= {name: (form == _T1.value) & (pl.col("revenue_source") == fund.value) for name, fund in _FUNDS.items()}
    # Some summaries leave out the total of a side, which the form of that side prints too.
    return _firsts(facts, takes).with_columns(
        pl.coalesce(f"{side}_yuan", f"{side}_again_yuan").alias(f"{side}_yuan") for side in ("revenue", "expenditure")
    )


def _t9(facts: pl.DataFrame) -> pl.DataFrame:
    is_t9 = pl.col("form_id") == _T9.value
    return _firsts(facts, {f"{name}_yuan": is_t9 & (pl.col("measure") == name) for name in _T9_MEASURES})


def _firsts(facts: pl.DataFrame, takes: Mapping[str, pl.Expr]) -> pl.DataFrame:
    amounts = {name: pl.col("amount_yuan").filter(condition).first() for name, condition in takes.items()}
    return facts.group_by("document_id").agg(**amounts)


def _with_last_year(pairs: pl.DataFrame, now: pl.DataFrame, before: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Each budget's amounts, and those of `names` in the year before with their change."""
    old = before.select(
        pl.col("document_id").alias("previous_document_id"),
        *(pl.col(f"{name}_yuan").alias(f"{name}_previous_yuan") for name in names),
    )
    both = pairs.join(now, on="document_id", how="left").join(old, on="previous_document_id", how="left")
    changes = [_change(f"{n}_yuan", f"{n}_previous_yuan").alias(f"{n}_change_yuan") for n in names]
    return both.with_columns(changes)


def _three_public(pairs: pl.DataFrame, now: Frames, before: Frames) -> pl.DataFrame:
    is_stated = (pl.col("measure") == "three_public_total") & (pl.col("compared_basis") == "budget")
    stated = (
        now["narrative_claims"]
        .filter(is_stated & pl.col("change_yuan").is_not_null())
        .unique("document_id", keep="first", maintain_order=True)
        .select("document_id", total_previous_stated_yuan=pl.col("amount_yuan") - pl.col("change_yuan"))
    )
    both = _with_last_year(pairs, _t9(now["budget_facts"]), _t9(before["budget_facts"]), _T9_MEASURES)
    return both.with_columns(total_change_percent=_percent("total_change_yuan", "total_previous_yuan")).join(
        stated, on="document_id", how="left"
    )


def _overview(pairs: pl.DataFrame, now: Frames, before: Frames) -> pl.DataFrame:
    t9 = _t9(now["budget_facts"]).select(
        "document_id", "agency_operating_expenses_yuan", three_public_yuan="total_yuan"
    )
    both = _with_last_year(pairs, _totals(now["budget_facts"]), _totals(before["budget_facts"]), list(_COMPARED))
    both = both.with_columns(
        expenditure_change_percent=_percent("expenditure_change_yuan", "expenditure_previous_yuan")
    )
    for counts in (t9, *_counts(now)):
        both = both.join(counts, on="document_id", how="left")
    return both.with_columns(pl.col("n_projects", "n_facts_proved").fill_null(0))


def _counts(now: Frames) -> list[pl.DataFrame]:
    """What is counted of each document: vehicles as stated, projects described, figures that are proved."""
    is_stock = (pl.col("key") == "vehicles_stock") & pl.col("item").is_null()
    is_proved = (pl.col("n_identities") > 0) & (pl.col("n_identities") == pl.col("n_identities_holding"))
    budgets = pl.col("annual_budget_yuan")
    return [
        now["disclosures"].filter(is_stock).group_by("document_id").agg(n_vehicles=pl.col("value").first()),
        now["projects"]
        .group_by("document_id")
        .agg(n_projects=pl.len(), projects_yuan=pl.when(budgets.count() > 0).then(budgets.sum())),
        now["budget_facts"].group_by("document_id").agg(n_facts_proved=is_proved.sum()),
    ]
