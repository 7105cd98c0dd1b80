"""Judging again: the same rules change nothing, other words do, and findings over several documents come in."""

from __future__ import annotations

import polars as pl
import pytest

from cnbudget.model import Cause, Finding, Severity
from cnbudget.revalidation import finding_changes, judge_again, moved
from cnbudget.rules.across import RULES, findings_across
from cnbudget.schema import STAGED
from tests.test_history import T4, claim, document, fact, frame
from tests.whole_budget import parsed

BROKEN = ("合计\t\t\t\t9,500,000\t9,000,000", "合计\t\t\t\t9,700,000\t9,000,000")


def case_of(frames: dict[str, pl.DataFrame]) -> dict[str, bytes]:
    return dict(frames["cases"].iter_rows())


def of_last_year(frames: dict[str, pl.DataFrame]) -> dict[str, list[Finding]]:
    found = Finding("change_unexplained", Severity.INFO, Cause.UNKNOWN, "t9/change", "说明", "explain it", expected="1")
    return {frames["documents"]["document_id"][0]: [found]}


def test_judge_again__with_the_same_rules_nothing_changes() -> None:
    for frames in (parsed(), parsed(BROKEN)):
        again = judge_again(frames, case_of(frames), {})
        assert again["documents"].equals(frames["documents"])
        assert again["findings"].equals(frames["findings"])


def test_judge_again__a_held_document_whose_rule_is_gone_may_be_published(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = parsed(BROKEN)
    assert frames["documents"]["state"].to_list() == ["held"]
    monkeypatch.setattr("cnbudget.revalidation.findings_of", lambda _case: [])
    again = judge_again(frames, case_of(frames), {})
    assert again["documents"].select("state", "state_reason", "n_findings_error").row(0) == ("parsed", None, 0)
    assert moved(frames["documents"], again["documents"]) == frames["documents"]["document_id"].to_list()
    changes = finding_changes(frames["findings"], again["findings"])
    assert set(changes["change"]) == {"resolved"}
    assert changes.height == frames["findings"].height


def test_judge_again__without_a_case_what_was_staged_stays() -> None:
    frames = parsed(BROKEN)
    again = judge_again(frames, {}, of_last_year(frames))
    new = finding_changes(frames["findings"], again["findings"])
    assert new.select("change", "rule_id").rows() == [("new", "change_unexplained")]
    assert again["documents"].equals(frames["documents"])


def test_judge_again__findings_over_several_documents_are_made_anew() -> None:
    frames = parsed()
    once = judge_again(frames, case_of(frames), of_last_year(frames))
    assert once["findings"]["rule_id"].to_list() == ["change_unexplained"]
    again = judge_again({**frames, **once}, case_of(frames), {})
    assert again["findings"].is_empty()


def test_finding_changes__tells_new_changed_and_resolved() -> None:
    def rows(**expected: str) -> pl.DataFrame:
        own = {"document_id": "d", "rule_id": "r", "severity": "info", "evidence_sha256": "e", "page": 1}
        return frame("findings", *(own | {"finding_id": name, "expected": value} for name, value in expected.items()))

    changes = finding_changes(rows(same="1", other="1", gone="1"), rows(same="1", other="2", fresh="3"))
    assert changes.select("change", "finding_id", "expected").rows() == [
        ("changed", "other", "2"),
        ("new", "fresh", "3"),
        ("resolved", "gone", "1"),
    ]
    moved_on_the_page = rows(same="1").with_columns(page=pl.lit(2, pl.Int64))
    assert finding_changes(rows(same="1"), moved_on_the_page).is_empty()


def test_findings_across__puts_the_rules_together() -> None:
    documents = frame(
        "documents", document("now", 2031), document("then", 2030), document("copy", 2031, publisher="乙局")
    ).with_columns(n_facts=pl.lit(1), facts_sha256=pl.lit("f"))
    facts = frame("budget_facts", *(fact(name, T4, "revenue", 900_000) for name in ("now", "then", "copy")))
    claims = frame("narrative_claims", claim("now", "revenue_fiscal_appropriation", 1_000_000, 50_000))
    empty = {name: frame(name) for name in ("disclosures", "institutions")}
    found = findings_across(
        {"documents": documents, "budget_facts": facts, "narrative_claims": claims, **empty}, [("now", "then")]
    )
    assert {name: [finding.rule_id for finding in own] for name, own in found.items()} == {
        "now": ["base_differs_from_last_year", "figures_of_another_budget"],
        "then": ["figures_of_another_budget"],
        "copy": ["figures_of_another_budget"],
    }
    assert {"base_differs_from_last_year", "figures_of_another_budget"} <= {rule.rule_id for rule in RULES}


def test_findings_across__a_budget_without_companions_finds_nothing() -> None:
    frames = parsed()
    documents = frames["documents"].with_columns(facts_sha256=pl.lit("f"))
    assert findings_across({name: frames[name] for name in STAGED} | {"documents": documents}) == {}
