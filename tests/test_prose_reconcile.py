"""The text against the tables: status by rounding, accounts by name, findings, and a malformed project budget."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from cnbudget.model import ClaimMeasure, ClaimStatus, Paragraph
from cnbudget.prose.narrative import claims
from cnbudget.prose.reconcile import claims_frame, proved, reconcile
from cnbudget.prose.sections import Section, SectionKind, to_lines
from cnbudget.schema import DATASETS
from tests.corpus import needs_corpus
from tests.prose_labels import LABELLED, frames, labels_of

T5 = "general_public_budget_by_function"
DOCUMENT = "d" * 64


def facts(*rows: tuple[str, str, str | None, str, int], holding: int = 2) -> pl.DataFrame:
    """Figures as (form_id, row label, code, measure, yuan)."""
    return pl.DataFrame(
        [
            {
                "document_id": DOCUMENT,
                "form_id": form_id,
                "row_label": label,
                "code": code,
                "measure": measure,
                "amount_milli": yuan * 1000,
                "half_milli": 500,
                "row_role": {"收入总计": "grand_total", "支出总计": "grand_total", "合计": "total"}.get(label, "leaf"),
                "revenue_source": {"一、财政拨款收入": "fiscal_appropriation"}.get(label),
                "fact_id": f"{form_id}/{label}",
                "n_identities_holding": holding,
            }
            for form_id, label, code, measure, yuan in rows
        ],
        schema_overrides={"code": pl.String, "revenue_source": pl.String},
    )


def reconciled(text: str, figures: pl.DataFrame, kind: SectionKind = SectionKind.NARRATIVE) -> pl.DataFrame:
    found = claims([Section(kind, "", to_lines([Paragraph(text)]))], 2031)
    return reconcile(claims_frame([(DOCUMENT, 2031, found)]), figures)


@pytest.mark.parametrize(
    ("stated", "printed", "status"),
    [
        ("1200万元", 12_000_000, "agrees"),
        ("1,234.57万元", 12_345_678, "rounds_to"),
        ("1,234.56万元", 12_345_678, "truncates_to"),
        ("1,234.55万元", 12_345_678, "differs"),
        ("1,234.58万元", 12_345_678, "differs"),
        ("1,235万元", 12_345_678, "rounds_to"),
        ("1,234万元", 12_345_678, "truncates_to"),
        ("0.12亿元", 12_345_678, "rounds_to"),
        ("887.36万元", 873_617, "differs"),
    ],
)
def test_reconcile__status_by_printed_precision(stated: str, printed: int, status: str) -> None:
    row = reconciled(f"某馆收入预算{stated}", facts(("financial_summary", "收入总计", None, "revenue", printed)))
    assert row["status"].to_list() == [status]
    assert row["fact_id"].to_list() == ["financial_summary/收入总计"]
    assert row["table_yuan"].to_list() == [Decimal(printed)]


def test_reconcile__zero_agrees_with_a_blank_cell_of_a_form_that_is_there() -> None:
    figures = facts(("financial_summary", "收入总计", None, "revenue", 100))
    assert reconciled("事业收入0万元", figures)["status"].to_list() == ["agrees"]
    assert reconciled("事业收入5万元", figures)["status"].to_list() == ["not_checkable"]
    assert reconciled("政府性基金拨款支出预算0万元", figures)["status"].to_list() == ["not_checkable"]


ACCOUNTS = facts(
    (T5, "农林水支出", "213", "total", 900_000),
    (T5, "林业和草原", "21302", "total", 500_000),
    (T5, "行政运行", "2130201", "total", 500_000),
    (T5, "水利", "21303", "total", 400_000),
    (T5, "行政运行", "2130301", "total", 400_000),
)


@pytest.mark.parametrize(
    ("subject", "stated", "code", "status"),
    [
        ("农林水支出（类）水利（款）行政运行（项）", "40万元", "2130301", "agrees"),
        ("农林水支出（类）水利（款）行政运行（项）", "41万元", "2130301", "differs"),
        ("农业支出（类）水利（款）行政运行（项）", "40万元", "2130301", "agrees"),
        ("农林水支出", "90万元", "213", "agrees"),
        ("行政运行", "40万元", "2130301", "agrees"),
        ("行政运行", "41万元", None, "not_checkable"),
        ("气象事务", "41万元", None, "not_checkable"),
    ],
)
def test_reconcile__account_by_name(subject: str, stated: str, code: str | None, status: str) -> None:
    row = reconciled(f"1.“{subject}”科目{stated}，主要用于河道。", ACCOUNTS)
    assert (row["functional_code"].to_list(), row["status"].to_list()) == ([code], [status])


def test_reconcile__account_paid_from_two_funds_is_added_up() -> None:
    figures = facts(
        (T5, "水利", "21303", "total", 100), ("government_fund_budget_by_function", "水利", "21303", "total", 50)
    )
    assert reconciled("1.“水利”科目150元", figures)["status"].to_list() == ["agrees"]


def test_reconcile__counts_and_last_years_figures_are_not_checkable() -> None:
    rows = reconciled("1.“行政运行”50万元。2030年预算执行数为7万元", ACCOUNTS)
    assert rows["status"].to_list() == ["agrees", "not_checkable"]


def test_reconcile__no_claims_and_no_facts() -> None:
    nothing = claims_frame([])
    assert reconcile(nothing, ACCOUNTS).is_empty()
    assert reconciled("收入预算5万元", ACCOUNTS.clear())["status"].to_list() == ["not_checkable"]


def budgets(*amounts: tuple[str, str | None]) -> pl.DataFrame:
    """Projects as (amount printed, amount in yuan)."""
    rows = [
        {"project_id": str(number), "document_id": DOCUMENT, "name": f"项目{number}", "amount_printed": printed,
         "annual_budget_yuan": None if yuan is None else Decimal(yuan), "amount_source": "stated"}
        for number, (printed, yuan) in enumerate(amounts)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=DATASETS["projects"].polars_schema(), orient="row")


EXPENDITURE = facts(("expenditure_summary", "合计", None, "project", 3_500_500))


def test_proved__reads_a_malformed_budget_as_what_the_forms_leave() -> None:
    frame = proved(budgets(("500.5元", "500.50"), ("350.0000.00元", None)), EXPENDITURE)
    assert frame["annual_budget_yuan"].to_list() == [Decimal("500.50"), None]
    frame = proved(budgets(("500元", "500"), ("350.0000.00元", None)), EXPENDITURE)
    assert frame["annual_budget_yuan"].to_list() == [Decimal(500), Decimal(3_500_000)]
    assert frame["amount_source"].to_list() == ["stated", "proved"]


def test_proved__never_guesses_between_two() -> None:
    frame = proved(budgets(("500.00.元", None), ("350.0000.00元", None)), EXPENDITURE)
    assert frame["annual_budget_yuan"].to_list() == [None, None]


# --- the corpus ------------------------------------------------------------------------------------------------------

_CHECKED = ("account_budget", "account_planned", "revenue", "expenditure", "three", "overseas", "official", "vehicle_")


@needs_corpus
def test_corpus__status_of_every_claim_is_the_labelled_one() -> None:
    n_wrong, n_rows = 0, 0
    wrong = []
    for name in LABELLED:
        for row in frames(name)["narrative_claims"].iter_rows(named=True):
            if not row["measure"].startswith((*_CHECKED, "agency_operating_expenses")):
                wanted = {ClaimStatus.NOT_CHECKABLE}
            else:
                wanted = _wanted(name, row)
            n_rows += 1
            if row["status"] not in wanted:
                n_wrong += 1
                wrong.append((name, row["subject"], row["amount_printed"], row["status"], wanted))
    assert n_rows >= 470
    assert n_wrong / n_rows <= 0.01, wrong


def _wanted(name: str, row: dict[str, object]) -> set[ClaimStatus]:
    """The status that the labelled defects give a claim: those that are none agree or are rounded."""
    last = str(row["subject"]).removesuffix("（项）").rpartition("）")[2]
    printed = str(row["amount_printed"])
    for defect in labels_of("defects", name):
        is_it = printed in defect["claim"] and (
            last in defect["claim"] + defect["evidence_quote"] or "预算安排" in defect["claim"]
        )
        if is_it and defect["kind"] == "narrative_vs_table" and "用途" not in defect["where"]:
            of_plan = row["measure"] == ClaimMeasure.ACCOUNT_PLANNED
            if of_plan or "预算安排" not in defect["claim"]:
                return {ClaimStatus.DIFFERS}
        if is_it and defect["kind"] == "rounding":
            return {ClaimStatus.TRUNCATES_TO, ClaimStatus.ROUNDS_TO}
    return {ClaimStatus.AGREES, ClaimStatus.ROUNDS_TO}


@needs_corpus
def test_corpus__the_malformed_project_is_proved_and_the_projects_add_up() -> None:
    found = frames("songjiang-hrss-2024-dept.txt")["projects"]
    assert found["annual_budget_yuan"].sum() == Decimal("593993568.12")
    assert found.filter(pl.col("amount_source") == "proved")["name"].to_list() == ["退休干部管理"]
