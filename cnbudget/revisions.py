"""The history of figures: what each revision of a budget printed and for how long it stood, and what later years restate.

Pure functions of frames. Only documents that were published go in: what is held or withdrawn has no history.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cnbudget.model import Change, End
from cnbudget.rules.history import differing_bases

_PLACE_OF = ("form_id", "side", "row_role", "fund", "revenue_source", "measure")


def fact_history(revisions: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """`budget_fact_history` of some budgets.

    `revisions` has one row per published revision: document_id, budget_id, revision (1 for the first, without gaps) and
    valid_from; `facts` are the `budget_facts` of all of them. A figure is the same over revisions by its form, side, fund,
    measure and account (its code, or its label where it has none), the n-th of equals being the n-th.
    """
    placed = facts.drop("budget_id", strict=False).join(revisions, on="document_id")
    revised = revisions.filter(pl.col("revision") > 1).select("budget_id").unique()
    # Nearly all budgets are never revised: each of their figures has stood since the first edition, whatever it is.
    unrevised = placed.join(revised, on="budget_id", how="anti").with_columns(
        last_revision=pl.col("revision"), change=pl.lit(Change.FIRST.value)
    )
    spells = _spells(placed.join(revised, on="budget_id", how="semi"), revisions)
    return pl.concat([unrevised, spells], how="diagonal_relaxed")


def _spells(facts: pl.DataFrame, revisions: pl.DataFrame) -> pl.DataFrame:
    """How long each amount stood, of budgets that were revised."""
    figure = ["budget_id", "figure"]
    stood = facts.pipe(_with_figures).sort(*figure, "revision")
    is_next = pl.col("revision") == pl.col("revision").shift(1).over(figure) + 1
    before = pl.when(is_next).then(pl.col("amount_yuan").shift(1).over(figure))
    stood = stood.with_columns(before=before).with_columns(
        starts=pl.col("before").is_null() | (pl.col("before") != pl.col("amount_yuan"))
    )
    spells = stood.with_columns(spell=pl.col("starts").cum_sum().over(figure))
    firsts = spells.filter("starts")
    lasts = spells.group_by(*figure, "spell").agg(last_revision=pl.col("revision").max())
    return _with_ends(firsts.join(lasts, on=[*figure, "spell"]), revisions)


def _with_figures(facts: pl.DataFrame) -> pl.DataFrame:
    """The facts with `figure`: what they have in common with those of other documents of the budget."""
    account = pl.coalesce("functional_code", "economic_code", "row_label", pl.lit(""))
    figure = pl.concat_str([*(pl.col(name).fill_null("") for name in _PLACE_OF), account], separator="\x1f")
    return (
        facts.with_columns(figure=figure)
        .sort("document_id", "row_no", "fact_id", nulls_last=True)
        .with_columns(nth=pl.col("fact_id").cum_count().over("document_id", "figure"))
        .with_columns(figure=pl.concat_str("figure", pl.col("nth").cast(pl.String), separator="\x1f"))
    )


def _with_ends(spells: pl.DataFrame, revisions: pl.DataFrame) -> pl.DataFrame:
    """The spells with their times, how they came and how they ended."""
    follows = revisions.select("budget_id", last_revision=pl.col("revision") - 1, valid_to="valid_from")
    changed = spells.filter(pl.col("before").is_not_null()).select(
        "budget_id", "figure", last_revision=pl.col("revision") - 1, is_changed=pl.lit(True)
    )
    change = (
        pl.when(pl.col("before").is_not_null())
        .then(pl.lit(Change.CHANGED.value))
        .when(pl.col("revision") == 1)
        .then(pl.lit(Change.FIRST.value))
        .otherwise(pl.lit(Change.ADDED.value))
    )
    end = pl.when(pl.col("is_changed")).then(pl.lit(End.CHANGED.value)).otherwise(pl.lit(End.REMOVED.value))
    return (
        spells.join(follows, on=["budget_id", "last_revision"], how="left")
        .join(changed, on=["budget_id", "figure", "last_revision"], how="left")
        .with_columns(change=change, previous_amount_yuan="before")
        .with_columns(end=pl.when(pl.col("valid_to").is_not_null()).then(end))
    )


def restatements(
    pairs: pl.DataFrame, now: Mapping[str, pl.DataFrame], before: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """`restatements` of the budgets in `pairs`: what their texts make of the year before, where its budget says otherwise.

    `pairs`: rows of `documents` beside `previous_document_id`; `now` and `before` as for `marts.make_marts`.
    """
    known = pairs.filter(pl.col("previous_document_id").is_not_null())
    differing = differing_bases(
        known.select("document_id", before_id="previous_document_id"), before["budget_facts"], now["narrative_claims"]
    )
    return (
        differing.drop("fiscal_year", "fact_id")
        .join(known.rename({"n_pages": "_"}), on="document_id")
        .with_columns(
            restated_year=pl.col("fiscal_year") - 1,
            restated_yuan="base",
            printed_yuan="printed_yuan",
            difference_yuan="gap",
            fact_id="printed_fact_id",
        )
    )


def changed_budgets(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Two states of `documents` compared: one row per budget that is current in one of them or in both.

    budget_id, publisher_name, publisher_kind, fiscal_year, document_id, previous_document_id, and change: added, revised,
    withdrawn, or null where the same document stands for it.
    """
    about = ("publisher_name", "publisher_kind", "fiscal_year")
    old, new = (
        documents.filter("is_current").select(
            pl.coalesce("budget_id", "document_id").alias("budget_id"), *about, "document_id"
        )
        for documents in (before, after)
    )
    both = new.join(
        old.rename({"document_id": "previous_document_id"}), on="budget_id", how="full", coalesce=True, suffix="_old"
    )
    change = (
        pl.when(pl.col("previous_document_id").is_null())
        .then(pl.lit("added"))
        .when(pl.col("document_id").is_null())
        .then(pl.lit("withdrawn"))
        .when(pl.col("document_id") != pl.col("previous_document_id"))
        .then(pl.lit("revised"))
    )
    named = both.with_columns(pl.coalesce(name, f"{name}_old").alias(name) for name in about)
    columns = ("budget_id", *about, "document_id", "previous_document_id")
    return named.select(*columns, change=change).sort("budget_id")


def changed_figures(budgets: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The figures that differ between the two documents of each of these `changed_budgets`, by their `budget_facts`.

    budget_id, form_id, side, row_label, functional_code, economic_code, measure, previous_amount_yuan, amount_yuan (null where
    the figure is not there), in this order.
    """
    kept = budgets.drop_nulls(["document_id", "previous_document_id"])
    about = ("form_id", "side", "row_label", "functional_code", "economic_code", "measure", "amount_yuan")
    old, new = (
        facts.join(kept.select("budget_id", document_id=name), on="document_id")
        .pipe(_with_figures)
        .select("budget_id", "figure", *about)
        for facts, name in ((before, "previous_document_id"), (after, "document_id"))
    )
    both = new.join(old, on=["budget_id", "figure"], how="full", coalesce=True, suffix="_old")
    differing = both.filter(pl.col("amount_yuan").ne_missing(pl.col("amount_yuan_old")))
    return differing.select(
        "budget_id",
        *(pl.coalesce(name, f"{name}_old").alias(name) for name in about[:-1]),
        previous_amount_yuan="amount_yuan_old",
        amount_yuan="amount_yuan",
    ).sort(pl.all())
