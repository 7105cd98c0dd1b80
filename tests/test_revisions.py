"""The history of figures over revisions, and what later years restate."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from cnbudget.marts import conformed, make_marts
from cnbudget.revisions import changed_budgets, changed_figures, fact_history
from cnbudget.schema import DATASETS
from tests.test_marts import budgets, document, fact, frame

DAYS = [datetime(2024, 2, day, tzinfo=UTC) for day in (1, 2, 3)]
T3, T9 = "expenditure_summary", "three_public_and_agency_operating"


def revisions(*ids: str) -> pl.DataFrame:
    rows = [(name, "b", number, DAYS[number - 1]) for number, name in enumerate(ids, start=1)]
    times = pl.Datetime("us", "UTC")
    schema = {"document_id": pl.String, "budget_id": pl.String, "revision": pl.Int64, "valid_from": times}
    return pl.DataFrame(rows, schema=schema, orient="row")


def figure(document_id: str, code: str | None, yuan: int, row_no: int = 1, **more: object) -> dict[str, object]:
    fact_id = f"{document_id}/{row_no}"
    return fact(document_id, T3, "total", yuan, functional_code=code, fact_id=fact_id, row_no=row_no, **more)


def history(ids: tuple[str, ...], *figures: dict[str, object]) -> pl.DataFrame:
    return conformed(fact_history(revisions(*ids), frame("budget_facts", *figures)), "budget_fact_history")


def spells(rows: pl.DataFrame) -> list[tuple[object, ...]]:
    columns = ["functional_code", "amount_yuan", "revision", "last_revision", "change", "previous_amount_yuan", "end"]
    return sorted(rows.select(columns).rows(), key=str)


def test_fact_history__a_figure_that_stays_is_one_row() -> None:
    rows = history(("x", "y"), figure("x", "2080101", 5), figure("y", "2080101", 5, row_no=9))
    assert spells(rows) == [("2080101", Decimal(5), 1, 2, "first", None, None)]
    assert rows.select("document_id", "fact_id", "valid_from", "valid_to").row(0) == ("x", "x/1", DAYS[0], None)


def test_fact_history__beside_a_revised_budget_one_that_was_not() -> None:
    others = pl.DataFrame([("z", "c", 1, DAYS[0])], schema=revisions().schema, orient="row")
    facts = frame("budget_facts", figure("x", "1", 5), figure("y", "1", 6), figure("z", "1", 7), figure("z", "1", 7, 2))
    rows = conformed(fact_history(pl.concat([revisions("x", "y"), others]), facts), "budget_fact_history")
    assert spells(rows.filter(pl.col("budget_id") == "b")) == [
        ("1", Decimal(5), 1, 1, "first", None, "changed"),
        ("1", Decimal(6), 2, 2, "changed", Decimal(5), None),
    ]
    alone = rows.filter(pl.col("budget_id") == "c")
    assert spells(alone) == [("1", Decimal(7), 1, 1, "first", None, None)] * 2
    assert alone["valid_to"].null_count() == 2


def test_fact_history__changed_added_and_removed() -> None:
    rows = history(
        ("x", "y"),
        figure("x", "2080101", 5), figure("x", "2080102", 7, 2),
        figure("y", "2080101", 6), figure("y", "2080103", 8, 2),
    )  # fmt: skip
    assert spells(rows) == [
        ("2080101", Decimal(5), 1, 1, "first", None, "changed"),
        ("2080101", Decimal(6), 2, 2, "changed", Decimal(5), None),
        ("2080102", Decimal(7), 1, 1, "first", None, "removed"),
        ("2080103", Decimal(8), 2, 2, "added", None, None),
    ]
    times = dict(rows.select("fact_id", "valid_to").iter_rows())
    assert times == {"x/1": DAYS[1], "x/2": DAYS[1], "y/1": None, "y/2": None}


def test_fact_history__as_of_any_moment_it_is_the_budget_of_then() -> None:
    amounts = {"x": [5, 7], "y": [6], "z": [6, 7]}
    figures = [
        figure(name, f"208010{number}", yuan, number)
        for name, yuans in amounts.items()
        for number, yuan in enumerate(yuans, start=1)
    ]
    rows = history(("x", "y", "z"), *figures)
    for moment, name in zip(DAYS, amounts, strict=True):
        stands = (pl.col("valid_from") <= moment) & (pl.col("valid_to").is_null() | (pl.col("valid_to") > moment))
        assert [int(yuan) for yuan in rows.filter(stands).sort("functional_code")["amount_yuan"]] == amounts[name]
    assert ("2080102", Decimal(7), 3, 3, "added", None, None) in spells(rows)


def test_fact_history__two_rows_of_one_account_are_two_figures() -> None:
    rows = history(
        ("x", "y"),
        figure("x", "2080101", 5), figure("x", "2080101", 9, 2),
        figure("y", "2080101", 5), figure("y", "2080101", 9, 2),
    )  # fmt: skip
    assert [(int(a), n) for a, n in rows.sort("amount_yuan").select("amount_yuan", "last_revision").rows()] == [
        (5, 2),
        (9, 2),
    ]


def test_fact_history__of_nothing_is_nothing() -> None:
    assert history(()).schema == pl.Schema(DATASETS["budget_fact_history"].polars_schema())


def test_restatements__a_base_that_the_year_before_did_not_print() -> None:
    claim = {
        "document_id": "now", "claim_id": "now/c", "section": "narrative", "subject": "三公", "measure": "three_public_total",
        "amount_yuan": Decimal(500_000), "change_yuan": Decimal(-100_000), "precision_yuan": Decimal(100),
        "compared_year": 2023, "compared_basis": "budget", "quote": "减少10万元", "page": 6,
    }  # fmt: skip
    now = budgets(documents=[document("now", 2024)], narrative_claims=[claim])
    before = budgets(
        documents=[document("then", 2023)], budget_facts=[fact("then", T9, "total", 650_000, fact_id="then/t")]
    )
    (row,) = make_marts(now, before)["restatements"].iter_rows(named=True)
    assert (row["restated_year"], row["restated_yuan"], row["printed_yuan"]) == (2023, 600_000, 650_000)
    assert (row["difference_yuan"], row["fact_id"], row["previous_document_id"]) == (-50_000, "then/t", "then")
    assert (row["claim_id"], row["quote"], row["page"]) == ("now/c", "减少10万元", 6)
    agreeing = budgets(documents=[document("then", 2023)], budget_facts=[fact("then", T9, "total", 600_000)])
    assert make_marts(now, agreeing)["restatements"].is_empty()


def current(name: str, budget_id: str, *, is_current: bool = True) -> dict[str, object]:
    return document(name, 2024, budget_id=budget_id, is_current=is_current)


def test_changed_budgets__added_revised_withdrawn_and_the_same() -> None:
    before = frame("documents", current("a", "b1"), current("b", "b2"), current("c", "b3"))
    after = frame(
        "documents", current("a", "b1"), current("b", "b2", is_current=False), current("b2", "b2"), current("d", "b4")
    )
    rows = changed_budgets(before, after).select("budget_id", "change", "previous_document_id", "document_id").rows()
    assert rows == [
        ("b1", None, "a", "a"),
        ("b2", "revised", "b", "b2"),
        ("b3", "withdrawn", "c", None),
        ("b4", "added", None, "d"),
    ]


def test_changed_figures__of_revised_documents_and_of_those_read_anew() -> None:
    budgets_ = changed_budgets(
        frame("documents", current("x", "b"), current("s", "same")),
        frame("documents", current("y", "b"), current("s", "same")),
    )
    before = frame("budget_facts", figure("x", "2080101", 5), figure("x", "2080102", 6, 2), figure("s", "2080101", 1))
    after = frame("budget_facts", figure("y", "2080101", 7), figure("y", "2080103", 8, 2), figure("s", "2080101", 2))
    rows = changed_figures(budgets_, before, after).select(
        "budget_id", "functional_code", "previous_amount_yuan", "amount_yuan"
    )
    assert rows.rows() == [
        ("b", "2080101", Decimal(5), Decimal(7)),
        ("b", "2080102", Decimal(6), None),
        ("b", "2080103", None, Decimal(8)),
        ("same", "2080101", Decimal(1), Decimal(2)),
    ]
