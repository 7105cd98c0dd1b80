"""Marts: small budgets of two years in, rows out; the sums of the samples' marts are those of their lines."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from cnbudget.marts import INPUTS, make_marts
from cnbudget.schema import DATASETS, MARTS

T1, T2, T3, T8 = "financial_summary", "revenue_summary", "expenditure_summary", "basic_expenditure_by_economic"
T9 = "three_public_and_agency_operating"


def frame(name: str, *rows: dict[str, object]) -> pl.DataFrame:
    schema = DATASETS[name].polars_schema()
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema)


def document(name: str, year: int, kind: str = "department", **more: object) -> dict[str, object]:
    return {
        "document_id": name, "fiscal_year": year, "publisher_id": "p", "publisher_name": "甲局", "publisher_kind": kind,
        "stage": "budget", "is_current": True, "n_facts": 9, "n_findings_error": 0, "n_findings_warning": 1, **more,
    }  # fmt: skip


def line(document_id: str, code: str | None, yuan: int, nature: str = "basic", **more: object) -> dict[str, object]:
    row = {"document_id": document_id, "functional_code": code, "amount_yuan": Decimal(yuan), "nature": nature}
    return {"row_label": f"名{code}", "fund": "general_public_budget", **row, **more}


def fact(document_id: str, form_id: str, measure: str, yuan: int, **more: object) -> dict[str, object]:
    return {
        "document_id": document_id, "form_id": form_id, "measure": measure, "amount_yuan": Decimal(yuan),
        "row_role": "leaf", "row_label": "合计", "n_identities": 2, "n_identities_holding": 2, **more,
    }  # fmt: skip


def budgets(**rows: list[dict[str, object]]) -> dict[str, pl.DataFrame]:
    return {name: frame(name, *rows.get(name, [])) for name in INPUTS}


NOTHING = budgets()


def test_budget_by_function__change_presence_and_levels() -> None:
    now = budgets(
        documents=[document("now", 2024)],
        expenditure_lines=[
            line("now", "2080101", 100), line("now", "2080101", 20, "project"), line("now", "20802", 7), line("now", None, 1),
        ],
        fiscal_expenditure_lines=[line("now", "2080101", 90)],
    )  # fmt: skip
    before = budgets(
        documents=[document("then", 2023)],
        expenditure_lines=[line("then", "2080101", 150), line("then", "2210201", 40)],
    )
    mart = make_marts(now, before)["budget_by_function_year"]
    rows = {row["functional_code"]: row for row in mart.iter_rows(named=True)}
    columns = ("amount_yuan", "basic_yuan", "project_yuan", "fiscal_yuan", "previous_yuan", "change_yuan")
    assert {code: [None if row[c] is None else int(row[c]) for c in columns] for code, row in rows.items()} == {
        "2080101": [120, 100, 20, 90, 150, -30],
        "20802": [7, 7, None, None, None, 7],
        "2210201": [None, None, None, None, 40, -40],
        None: [1, 1, None, None, None, 1],
    }
    assert {code: row["presence"] for code, row in rows.items()} == {
        "2080101": "both", "20802": "new", "2210201": "ended", None: "new",
    }  # fmt: skip
    assert rows["2080101"]["change_percent"] == Decimal("-20.00")
    levels = ("class_code", "class_name", "section_code", "item_code")
    assert [rows["20802"][level] for level in levels] == ["208", "社会保障和就业支出", "20802", None]
    assert [rows["2080101"][level] for level in levels] == ["208", "社会保障和就业支出", "20801", "2080101"]
    assert int(mart["change_yuan"].sum()) == (120 + 7 + 1) - (150 + 40)


def test_budget_by_function__without_a_year_before_no_change_is_told() -> None:
    now = budgets(documents=[document("now", 2024)], expenditure_lines=[line("now", "2080101", 100)])
    others = budgets(
        documents=[document("older", 2022), document("unit", 2023, "unit"), document("theirs", 2023, publisher_id="q")],
        expenditure_lines=[line(name, "2080101", 1) for name in ("older", "unit", "theirs")],
    )
    (row,) = make_marts(now, others)["budget_by_function_year"].iter_rows(named=True)
    assert (row["presence"], row["change_yuan"], row["previous_document_id"]) == ("not_comparable", None, None)


def test_make_marts__only_departments_stand_where_rows_are_added_up() -> None:
    now = budgets(
        documents=[document("department", 2024), document("unit", 2024, "unit"), document("late", 2024, stage="adjusted_budget")],
        expenditure_lines=[line(name, "2080101", 1) for name in ("department", "unit", "late")],
        budget_facts=[fact(name, T8, "total", 1, economic_code="30101") for name in ("department", "unit", "late")],
    )  # fmt: skip
    made = make_marts(now, NOTHING)
    ids = {name: made[name]["document_id"].to_list() for name in made}
    assert ids == {name: ["department"] for name in made} | {"unit_overview": ["unit"], "restatements": []}


def test_make_marts__what_is_not_current_is_not_there() -> None:
    now = budgets(
        documents=[document("held", 2024, is_current=False)],
        expenditure_lines=[line("held", "2080101", 1)],
        budget_facts=[fact("held", T9, "total", 1)],
    )
    then = budgets(
        documents=[document("withdrawn", 2023, is_current=False)], expenditure_lines=[line("withdrawn", "2080101", 1)]
    )
    assert {frame.height for frame in make_marts(now, then).values()} == {0}
    shown = budgets(documents=[document("now", 2024)], expenditure_lines=[line("now", "2080101", 5)])
    assert make_marts(shown, then)["budget_by_function_year"]["previous_yuan"].to_list() == [None]


def test_basic_by_economic__leaves_alone_with_both_parts() -> None:
    facts = [
        fact("now", T8, "total", 30, economic_code="30101", row_label="基本工资"),
        fact("now", T8, "personnel", 30, economic_code="30101", row_label="基本工资"),
        fact("now", T8, "total", 30, economic_code="301", row_role="subtotal"),
        fact("now", T8, "total", 5, economic_code=None, row_label="自编"),
    ]
    mart = make_marts(budgets(documents=[document("now", 2024)], budget_facts=facts), NOTHING)["basic_by_economic"]
    columns = ["economic_code", "class_name", "account_name", "amount_yuan", "personnel_yuan", "operating_yuan"]
    assert sorted(mart.select(columns).rows(), key=str) == [
        ("30101", "工资福利支出", "基本工资", Decimal(30), Decimal(30), None),
        (None, None, "自编", Decimal(5), None, None),
    ]


def test_three_public__blank_counts_as_nothing_in_a_change() -> None:
    claim = {
        "document_id": "now", "measure": "three_public_total", "compared_basis": "budget",
        "amount_yuan": Decimal(50), "change_yuan": Decimal(-10),
    }  # fmt: skip
    now = budgets(
        documents=[document("now", 2024)],
        budget_facts=[fact("now", T9, "total", 50), fact("now", T9, "official_reception", 50)],
        narrative_claims=[claim],
    )
    before = budgets(
        documents=[document("then", 2023)],
        budget_facts=[fact("then", T9, "total", 80), fact("then", T9, "overseas_travel", 80)],
    )
    (row,) = make_marts(now, before)["three_public_by_year"].iter_rows(named=True)
    assert (row["total_yuan"], row["total_change_yuan"], row["total_change_percent"]) == (50, -30, Decimal("-37.50"))
    assert (row["overseas_travel_yuan"], row["overseas_travel_change_yuan"]) == (None, -80)
    assert (row["official_reception_previous_yuan"], row["official_reception_change_yuan"]) == (None, 50)
    assert row["vehicle_total_change_yuan"] is None
    assert row["total_previous_stated_yuan"] == 60


def test_overview__totals_counts_and_proof() -> None:
    facts = [
        fact("now", T1, "revenue", 900, row_role="grand_total"),
        fact("now", T1, "revenue", 700, revenue_source="general_public_budget"),
        fact("now", T1, "expenditure", 900, row_role="grand_total"),
        fact("now", T3, "basic", 600, row_role="total"),
        fact("now", T3, "basic", 400, row_role="subtotal"),
        fact("now", T9, "total", 3, n_identities=1, n_identities_holding=0),
        fact("now", T9, "agency_operating_expenses", 2, n_identities=0, n_identities_holding=0),
    ]
    now = budgets(
        documents=[document("now", 2024)],
        budget_facts=facts,
        disclosures=[
            {"document_id": "now", "key": "vehicles_stock", "item": None, "value": Decimal(4)},
            {"document_id": "now", "key": "vehicles_stock", "item": "其他用车", "value": Decimal(4)},
        ],
        projects=[
            {"document_id": "now", "annual_budget_yuan": Decimal(8)},
            {"document_id": "now", "annual_budget_yuan": None},
        ],
    )
    before = budgets(
        documents=[document("then", 2023)],
        budget_facts=[fact("then", T1, "expenditure", 600, row_role="grand_total")],
    )
    (row,) = make_marts(now, before)["department_overview"].iter_rows(named=True)
    assert {name: row[name] for name in ("revenue_yuan", "general_public_budget_yuan", "basic_yuan")} == {
        "revenue_yuan": 900, "general_public_budget_yuan": 700, "basic_yuan": 600,
    }  # fmt: skip
    assert (row["expenditure_change_yuan"], row["expenditure_change_percent"]) == (300, Decimal("50.00"))
    assert (row["n_vehicles"], row["n_projects"], row["projects_yuan"]) == (4, 2, 8)
    assert (row["three_public_yuan"], row["agency_operating_expenses_yuan"]) == (3, 2)
    assert (row["n_facts_proved"], row["n_findings_warning"]) == (5, 1)
    assert row["project_change_yuan"] is None


def test_overview__a_total_that_the_summary_leaves_out_is_that_of_the_form_of_its_side() -> None:
    facts = [
        fact("now", T2, "total", 900, row_role="total"),
        fact("now", T3, "total", 800, row_role="total"),
        fact("now", T1, "expenditure", 801, row_role="grand_total"),
    ]
    (row,) = make_marts(budgets(documents=[document("now", 2024)], budget_facts=facts), NOTHING)[
        "department_overview"
    ].iter_rows(named=True)
    assert (row["revenue_yuan"], row["expenditure_yuan"]) == (900, 801)


def test_make_marts__columns_and_keys_are_those_of_the_schema() -> None:
    now = budgets(
        documents=[document("a", 2024), document("b", 2024, publisher_id="q")],
        expenditure_lines=[line("b", "2080101", 1), line("a", "2210201", 1), line("a", "2080101", 1)],
    )
    made = make_marts(now, NOTHING)
    assert {*made, "budget_fact_history"} == set(MARTS)
    for name, rows in made.items():
        assert rows.schema == pl.Schema(DATASETS[name].polars_schema()), name
        assert rows.select(DATASETS[name].key).is_unique().all(), name
        assert rows.equals(rows.sort(DATASETS[name].key)), name
