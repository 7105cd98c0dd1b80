"""The gate: a clean batch passes, and every expectation of every suite fails when it should, for the right document."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cnbudget.schema import DATASETS, STAGED, ColumnType
from expectations import gate
from expectations.__main__ import main
from expectations.gate import Verdict, audit, run_suite
from expectations.suites import FOLDER, read_suites, suites_as_json, write_suites

A, B = "a" * 64, "b" * 64
ROOT = Path(__file__).parents[1]
Frames = dict[str, pl.DataFrame]
SUITES = read_suites()
CASES = [
    pytest.param(name, expectation, id=f"{name}-{expectation['meta']['id']}")
    for name, suite in SUITES.items()
    for expectation in suite["expectations"]
]

# form, side, role, measure, amount, unit; the fact's id is its place in this list
FORMS = [
    ("financial_summary", "left", "grand_total", "revenue", "300.00", "元"),
    ("financial_summary", "right", "grand_total", "expenditure", "300.00", "元"),
    ("revenue_summary", None, "leaf", "fiscal_appropriation", "250.00", "元"),
    ("revenue_summary", None, "leaf", "other_revenue", "50.00", "元"),
    ("revenue_summary", None, "total", "total", "300.00", "元"),
    ("revenue_summary", None, "total", "fiscal_appropriation", "250.00", "元"),
    ("revenue_summary", None, "total", "other_revenue", "50.00", "元"),
    ("expenditure_summary", None, "leaf", "basic", "180.40", "元"),
    ("expenditure_summary", None, "leaf", "project", "119.60", "元"),
    ("expenditure_summary", None, "total", "total", "300", "元"),
    ("expenditure_summary", None, "total", "basic", "180", "元"),
    ("expenditure_summary", None, "total", "project", "120", "元"),
    ("general_public_budget_by_function", None, "leaf", "basic", "180.00", "元"),
    ("general_public_budget_by_function", None, "total", "basic", "0.02", "万元"),
    ("general_public_budget_by_function", None, "total", "total", "0.02", "万元"),
    ("government_fund_budget_by_function", None, "leaf", "project", "70.00", "元"),
    ("government_fund_budget_by_function", None, "total", "project", "70.00", "元"),
    ("government_fund_budget_by_function", None, "total", "total", "70.00", "元"),
]
LINES = {
    "revenue_lines": [(2, {"revenue_source": "fiscal_appropriation"}), (3, {"revenue_source": "other"})],
    "expenditure_lines": [(7, {"nature": "basic"}), (8, {"nature": "project"})],
    "fiscal_expenditure_lines": [
        (12, {"fund": "general_public_budget", "nature": "basic"}),
        (15, {"fund": "government_fund_budget", "nature": "project"}),
    ],
}
YUAN = {"元": 1, "万元": 10_000}


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=DATASETS[name].polars_schema())


def amount(place: int) -> Decimal:
    *_, printed, unit = FORMS[place]
    return Decimal(printed) * YUAN[unit]


def facts_of(document_id: str) -> list[dict[str, Any]]:
    return [
        {
            "fact_id": f"{document_id}/{place}",
            "document_id": document_id,
            "fiscal_year": 2024,
            "stage": "budget",
            "form_id": form,
            "side": side,
            "row_no": place + 1,
            "row_role": role,
            "code_printed": "",
            "measure": measure,
            "amount_yuan": amount(place),
            "amount_printed": printed,
            "printed_unit": unit,
            "provenance": "printed",
            "n_identities": 1,
            "n_identities_holding": 1,
            "page": 7,
        }
        for place, (form, side, role, measure, printed, unit) in enumerate(FORMS)
    ]


def lines_of(document_id: str, name: str) -> list[dict[str, Any]]:
    common = {"document_id": document_id, "fiscal_year": 2024, "stage": "budget", "functional_code": "2080101"}
    return [
        common | {"fact_id": f"{document_id}/{place}", "amount_yuan": amount(place)} | kind
        for place, kind in LINES[name]
    ]


def document(document_id: str, name: str) -> dict[str, Any]:
    zero = ("n_identities_broken", "n_numbers_unassigned", "n_findings_error")
    return {
        "document_id": document_id,
        "file_name": name,
        "media_type": "application/pdf",
        "n_bytes": 1000,
        "n_pages": 9,
        "publisher_kind": "unit",
        "jurisdiction_code": "310000",
        "fiscal_year": 2024,
        "stage": "budget",
        "is_current": False,
        "recognised_as": "nine_forms",
        "state": "parsed",
        "extractor_version": "1",
        "n_facts": len(FORMS),
        "n_identities": 2,
        "n_identities_not_checkable": 1,
        "n_findings_warning": 1,
    } | dict.fromkeys(zero, 0)


def checks_of(document_id: str) -> list[dict[str, Any]]:
    common = {"document_id": document_id, "fiscal_year": 2024}
    rounded = {
        "status": "rounded",
        "left_yuan": 180,
        "right_yuan": Decimal("180.40"),
        "residual_yuan": Decimal("-0.40"),
    }
    return [
        common | {"check_id": f"{document_id}:1", "identity_id": "sum", "instance": "basic"} | rounded,
        common | {"check_id": f"{document_id}:2", "identity_id": "x", "instance": "y", "status": "not_checkable"},
    ]


def terms_of(document_id: str) -> list[dict[str, Any]]:
    common = {"check_id": f"{document_id}:1", "document_id": document_id, "fiscal_year": 2024}
    return [
        common | {"fact_id": f"{document_id}/10", "sign": 1},
        common | {"fact_id": f"{document_id}/7", "sign": -1},
    ]


def finding_of(document_id: str) -> dict[str, Any]:
    texts = ("rule_id", "locus", "message_zh", "message_en", "evidence_sha256")
    return {
        "finding_id": "same budget, rule and locus",
        "document_id": document_id,
        "severity": "warning",
        "cause": "publisher",
        "is_holding": False,
    } | dict.fromkeys(texts, "x")


def plain_row(name: str, document_id: str) -> dict[str, Any]:
    """A row of a dataset in which only the schema's own terms matter: what must be there, with the least it may be."""
    values: dict[ColumnType, Any] = {ColumnType.STRING: f"{document_id} text", ColumnType.BOOLEAN: False}
    row = {
        column.name: column.allowed[0] if column.allowed else values.get(column.type, column.minimum or 0)
        for column in DATASETS[name].columns
        if not column.is_nullable
    }
    return row | {"document_id": document_id}


@pytest.fixture(scope="module")
def clean() -> Frames:
    both = (A, B)
    return {
        **{name: frame(name, [plain_row(name, each) for each in both]) for name in STAGED},
        "documents": frame("documents", [document(A, "a.pdf"), document(B, "b.pdf")]),
        "budget_facts": frame("budget_facts", [row for each in both for row in facts_of(each)]),
        **{name: frame(name, [row for each in both for row in lines_of(each, name)]) for name in LINES},
        "identity_checks": frame("identity_checks", [row for each in both for row in checks_of(each)]),
        "identity_terms": frame("identity_terms", [row for each in both for row in terms_of(each)]),
        "findings": frame("findings", [finding_of(each) for each in both]),
    }


Change = Callable[[pl.DataFrame], pl.DataFrame]


def where(condition: pl.Expr, column: str, value: Any) -> Change:
    return lambda frame: frame.with_columns(
        pl.when(condition).then(pl.lit(value)).otherwise(pl.col(column)).cast(frame.schema[column]).alias(column)
    )


def of_b(column: str, value: Any) -> Change:
    return where(pl.col("document_id") == B, column, value)


def of_fact(place: int, column: str, value: Any) -> Change:
    return where(pl.col("fact_id") == f"{B}/{place}", column, value)


def without_b(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("document_id") != B)


def without_first_of_b(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([without_b(frame), frame.filter(pl.col("document_id") == B)[1:]])


# What must be done to the staged frames for an expectation over sums, counts or references to fail.
STAGED_MUTATIONS: dict[str, tuple[str, Change]] = {
    "column_type.in_set": ("budget_facts", lambda frame: frame.cast({"amount_yuan": pl.Float64})),
    "expenditure_lines_excess_yuan.max_0": ("expenditure_lines", without_first_of_b),
    "fiscal_expenditure_lines_excess_yuan.max_0": ("budget_facts", of_fact(16, "amount_yuan", Decimal("70.02"))),
    "revenue_lines_excess_yuan.max_0": ("revenue_lines", of_fact(3, "revenue_source", "business")),
    "financial_summary_excess_yuan.max_0": ("budget_facts", of_fact(1, "amount_yuan", Decimal("300.02"))),
    "printed_yuan.known": ("budget_facts", of_fact(6, "row_role", "leaf")),
    "n_listed.min_1.max_1": ("documents", without_b),
    "n_facts_difference.min_0.max_0": ("budget_facts", without_first_of_b),
    "n_identities_difference.min_0.max_0": ("identity_checks", without_first_of_b),
    "n_identities_broken_difference.min_0.max_0": ("documents", of_b("n_identities_broken", 1)),
    "n_identities_not_checkable_difference.min_0.max_0": ("documents", of_b("n_identities_not_checkable", 0)),
    "n_findings_error_difference.min_0.max_0": ("findings", of_b("severity", "error")),
    "n_findings_warning_difference.min_0.max_0": ("findings", without_b),
    "n_lines_without_fact.max_0": ("expenditure_lines", of_fact(7, "amount_yuan", Decimal("180.39"))),
    "n_terms_without_fact.max_0": ("identity_terms", of_fact(7, "fact_id", "lost")),
    "n_terms_without_check.max_0": ("identity_terms", of_b("check_id", "lost")),
    "excess_yuan.max_0": ("budget_facts", of_fact(10, "amount_yuan", Decimal("179"))),
    "n_terms.min_1": ("identity_terms", without_b),
    "residual_difference_yuan.min_0.max_0": ("identity_checks", of_b("residual_yuan", Decimal("0.40"))),
}


def out_of_bounds(frame: pl.DataFrame, column: str, bounds: dict[str, Any]) -> pl.DataFrame:
    return of_b(column, bounds["max_value"] + 1 if "max_value" in bounds else bounds["min_value"] - 1)(frame)


# What must be done to a frame for an expectation of this kind to fail; those of the whole frame name no document.
FRAME_MUTATIONS: dict[str, Callable[[pl.DataFrame, str, dict[str, Any]], pl.DataFrame]] = {
    "expect_table_columns_to_match_ordered_list": lambda frame, *_: frame.select(reversed(frame.columns)),
    "expect_column_values_to_not_be_null": lambda frame, column, _: of_b(column, None)(frame),
    "expect_multicolumn_values_to_all_be_present": lambda frame, _, kwargs: of_b(kwargs["column_list"][-1], None)(
        frame
    ),
    "expect_column_values_to_be_in_set": lambda frame, column, _: of_b(column, "nonsense")(frame),
    "expect_column_values_to_not_be_in_set": lambda frame, column, kwargs: of_b(column, kwargs["value_set"][0])(frame),
    "expect_column_values_to_be_between": out_of_bounds,
    "expect_column_values_to_be_unique": lambda frame, *_: pl.concat([frame, frame.filter(pl.col("document_id") == B)]),
    "expect_compound_columns_to_be_unique": lambda frame, *_: pl.concat(
        [frame, frame.filter(pl.col("document_id") == B)]
    ),
}
OF_THE_BATCH = {"columns", "column_type.in_set"}
REQUIRED = [(name, column.name) for name in STAGED for column in DATASETS[name].columns if not column.is_nullable]


def mutated(name: str, expectation: dict[str, Any], clean: Frames) -> pl.DataFrame:
    if name in gate.PREPARED:
        dataset, change = STAGED_MUTATIONS[expectation["meta"]["id"]]
        return gate.PREPARED[name](clean | {dataset: change(clean[dataset])})
    kwargs = expectation["kwargs"]
    return FRAME_MUTATIONS[expectation["type"]](clean[name], kwargs.get("column", ""), kwargs)


@pytest.mark.parametrize(("name", "expectation"), CASES)
def test_suites__each_expectation_fails_when_it_should(name: str, expectation: dict[str, Any], clean: Frames) -> None:
    alone = {"name": name, "expectations": [expectation]}

    verdicts = run_suite(alone, mutated(name, expectation, clean))

    blamed = None if expectation["meta"]["id"] in OF_THE_BATCH else B
    assert [(v.document_id, v.dataset, v.expectation_id, v.severity) for v in verdicts] == [
        (blamed, name, expectation["meta"]["id"], expectation["severity"])
    ]
    assert "could not be evaluated" not in verdicts[0].message
    assert all(part in verdicts[0].message for part in (": found ", "; expected ", "; next: "))


@pytest.mark.parametrize(("name", "column"), REQUIRED)
def test_suites__no_required_column_may_be_null(name: str, column: str, clean: Frames) -> None:
    required = [each for each in SUITES[name]["expectations"] if each["meta"]["id"] == "required.present"]

    verdicts = run_suite({"name": name, "expectations": required}, of_b(column, None)(clean[name]))

    assert [(v.document_id, v.severity) for v in verdicts] == [(None if column == "document_id" else B, "critical")]
    assert f": found {column} None" in verdicts[0].message


def test_audit__clean_batch_passes(clean: Frames) -> None:
    assert audit(clean) == []


def test_audit__one_bad_document_leaves_the_other_alone(clean: Frames) -> None:
    lost = without_first_of_b(clean["expenditure_lines"])

    verdicts = audit(clean | {"expenditure_lines": lost})

    message = (
        "printed_totals, document bbbbbbbbbbbb: "
        "found expenditure_lines_excess_yuan 179.5, balance expenditure_lines, form_id expenditure_summary, "
        "measure basic, added_yuan 0.00; "
        "expenditure_lines_excess_yuan 179.895, balance expenditure_lines, form_id expenditure_summary, "
        "measure total, added_yuan 119.60 in 2 row(s); "
        "expected expenditure_lines add up to the printed totals of the expenditure summary; "
        "next: compare the figures with the page; approve the document if it is really printed so"
    )
    assert verdicts == [
        Verdict(
            B,
            "printed_totals",
            "expenditure_lines_excess_yuan.max_0",
            "critical",
            message,
            is_approvable=True,
            n_rows=2,
        )
    ]


def test_audit__broken_identity_holds_whatever_the_status_says(clean: Frames) -> None:
    facts = of_fact(10, "amount_yuan", Decimal("170"))(clean["budget_facts"])
    checks = of_b("residual_yuan", Decimal("-10.40"))(clean["identity_checks"])

    found = {
        (v.document_id, v.expectation_id) for v in audit(clean | {"budget_facts": facts, "identity_checks": checks})
    }

    assert (B, "excess_yuan.max_0") in found
    assert A not in {document_id for document_id, _ in found}


def test_audit__blank_total_is_a_warning_and_no_more(clean: Frames) -> None:
    blank = clean["budget_facts"].filter(pl.col("fact_id") != f"{B}/0")
    documents = of_b("n_facts", len(FORMS) - 1)(clean["documents"])

    verdicts = audit(clean | {"budget_facts": blank, "documents": documents})

    assert [(v.document_id, v.expectation_id, v.severity) for v in verdicts] == [(B, "printed_yuan.known", "warning")]


def test_audit__held_document_without_figures_passes_beside_others(clean: Frames) -> None:
    held = document("c" * 64, "c.pdf") | {"state": "held", "state_reason": "0 bytes", "fiscal_year": None}
    held |= dict.fromkeys(("n_facts", "n_identities", "n_identities_not_checkable", "n_findings_warning"), 0)

    assert audit(clean | {"documents": pl.concat([clean["documents"], frame("documents", [held])])}) == []


def test_audit__empty_batch_passes() -> None:
    assert audit({name: frame(name, []) for name in STAGED}) == []


def test_audit__missing_frame_holds_the_batch(clean: Frames) -> None:
    verdicts = audit({name: frame for name, frame in clean.items() if name != "identity_terms"})

    assert {(v.document_id, v.severity, v.expectation_id) for v in verdicts} == {(None, "critical", "frame")}
    assert {v.dataset for v in verdicts} == {
        "identity_terms",
        "column_types",
        "document_counts",
        "recomputed_identities",
    }


def test_audit__missing_column_holds_the_batch(clean: Frames) -> None:
    verdicts = audit(clean | {"findings": clean["findings"].drop("severity")})

    assert {(v.document_id, v.severity) for v in verdicts} == {(None, "critical")}
    assert {("findings", "columns"), ("findings", "severity.in_set"), ("document_counts", "frame")} <= {
        (v.dataset, v.expectation_id) for v in verdicts
    }
    assert any("could not be evaluated" in v.message for v in verdicts if v.expectation_id == "severity.in_set")


def test_audit__lost_suites_hold_the_batch(clean: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "read_suites", dict)

    verdicts = audit(clean)

    assert {(v.document_id, v.severity, v.expectation_id) for v in verdicts} == {(None, "critical", "suite")}
    assert {v.dataset for v in verdicts} == {*STAGED, *gate.PREPARED}


def test_run_suite__exception_inside_gx_is_critical_whatever_the_severity(clean: Frames) -> None:
    expectation = {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "file_name", "min_value": 1},
        "meta": {"id": "x", "expected": "e", "next_step": "n", "is_approvable": True},
        "severity": "info",
    }

    verdicts = run_suite({"name": "documents", "expectations": [expectation]}, clean["documents"])

    assert [(v.document_id, v.severity, v.is_approvable) for v in verdicts] == [(None, "critical", False)]


def test_run_suite__expectation_without_result_is_critical(clean: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_great_expectations", lambda: lambda *_: {})

    verdicts = run_suite(SUITES["document_counts"], clean["documents"])

    assert len(verdicts) == len(SUITES["document_counts"]["expectations"])
    assert {(v.document_id, v.severity) for v in verdicts} == {(None, "critical")}


def test_suites__json_on_disk_is_what_the_schema_generates() -> None:
    on_disk = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert on_disk == suites_as_json(), "run `python -m expectations write`"


def test_suites__cover_every_column_and_use_each_id_once() -> None:
    typed = SUITES["column_types"]["expectations"][0]["kwargs"]["value_set"]
    assert [text.partition(":")[0] for text in typed] == [
        f"{name}.{column}" for name in STAGED for column in DATASETS[name].column_names
    ]
    assert "budget_facts.amount_yuan: Decimal(precision=18, scale=2)" in typed
    for suite in SUITES.values():
        ids = [expectation["meta"]["id"] for expectation in suite["expectations"]]
        assert len(ids) == len(set(ids))


def test_write_suites__replaces_and_removes(tmp_path: Path) -> None:
    (tmp_path / "stale.json").write_text("{}")

    paths = write_suites(tmp_path)

    assert sorted(tmp_path.iterdir()) == paths
    assert json.loads((tmp_path / "documents.json").read_text()) == SUITES["documents"]


def test_main__unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["read"]) == 2
    assert "write" in capsys.readouterr().err


def test_audit__lets_go_of_the_batch(clean: Frames) -> None:
    import pandas as pd

    audit(clean)

    assert [each for each in gc.get_objects() if isinstance(each, pd.DataFrame) and "document_id" in each.columns] == []


@pytest.mark.parametrize("result_format", ["BOOLEAN_ONLY", "COMPLETE"])
@pytest.mark.parametrize("name", SUITES)
def test_evaluate__says_what_the_validator_of_great_expectations_says(
    name: str, result_format: str, clean: Frames
) -> None:
    evaluate = gate._great_expectations()
    from great_expectations.core import ExpectationSuite
    from great_expectations.execution_engine import PandasExecutionEngine
    from great_expectations.validator.validator import Validator

    whole = gate.PREPARED[name](clean) if name in gate.PREPARED else clean[name]
    for frame in (whole, *(mutated(name, each, clean) for each in SUITES[name]["expectations"])):
        data = gate._to_pandas(frame)
        validator = Validator(execution_engine=PandasExecutionEngine(batch_data_dict={"batch": data}))
        results = validator.graph_validate(
            ExpectationSuite(**SUITES[name]).expectation_configurations,
            {"result_format": {"result_format": result_format, "return_unexpected_index_query": False}},
        )

        outcomes = evaluate(SUITES[name], data, result_format)

        assert len(outcomes) == len(results)
        for theirs in results:
            ours = outcomes[theirs.expectation_config.meta["id"]]
            assert (ours.is_met, ours.failure) == (theirs.success, None)
            if result_format == "COMPLETE":
                assert ours.found == theirs.result


def test_evaluate__what_cannot_be_evaluated_says_why_and_leaves_the_others_alone(clean: Frames) -> None:
    evaluate = gate._great_expectations()
    kinds = {
        "unknown": ("expect_nothing_of_the_kind", {}),
        "wrong": ("expect_column_values_to_be_unique", {"column": "x"}),
    }
    kinds["right"] = ("expect_column_values_to_be_unique", {"column": "document_id"})
    suite = {"expectations": [{"type": t, "kwargs": k, "meta": {"id": name}} for name, (t, k) in kinds.items()]}

    outcomes = evaluate(suite, gate._to_pandas(clean["documents"]), "BOOLEAN_ONLY")

    assert {name: outcome.is_met for name, outcome in outcomes.items()} == {
        "unknown": False,
        "wrong": False,
        "right": True,
    }
    assert "expect_nothing_of_the_kind" in str(outcomes["unknown"].failure)
    assert '"x"' in str(outcomes["wrong"].failure)


def test_audit__leaves_no_file_and_prints_nothing(tmp_path: Path) -> None:
    script = """
import polars as pl
from cnbudget.schema import DATASETS, STAGED, ColumnType
from expectations.gate import audit
assert audit({name: pl.DataFrame(schema=DATASETS[name].polars_schema()) for name in STAGED}) == []
"""
    (tmp_path / "home").mkdir()
    (tmp_path / "cwd").mkdir()
    env = os.environ | {"HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path / "cwd", env=env, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [*(tmp_path / "home").iterdir(), *(tmp_path / "cwd").iterdir()] == []
