"""A run of rules and suites as entries of the journal."""

from __future__ import annotations

import pytest

from expectations.gate import Verdict
from expectations.suites import read_suites
from tasks.validation import NAMED, Tally
from tests.lakes import staged_frames
from warehouse.journal import ExpectationChecked, ValidationRun

FINDINGS = staged_frames("a")["findings"]
N_ASKED = sum(len(suite["expectations"]) for suite in read_suites().values())


def verdict(document_id: str, n_rows: int = 1) -> Verdict:
    return Verdict(document_id, "documents", "jurisdiction_code.known", "info", "m", n_rows=n_rows)


def test_tally__puts_batches_together() -> None:
    tally = Tally("revalidation", "all")
    tally.add(FINDINGS, [verdict("a", 2)], ["parsed", "held"])
    tally.add(FINDINGS, [verdict("b"), verdict("a")], ["parsed"])
    tally.changes.update({"new": 2})
    run, unmet = tally.to_entries()
    assert isinstance(run, ValidationRun)
    assert (run.n_documents, run.n_held, run.n_findings, run.n_new) == (3, 1, 2, 2)
    assert (run.n_expectations, run.n_expectations_unmet) == (N_ASKED, 1)
    assert unmet == ExpectationChecked(tally.run_id, "documents", "jurisdiction_code.known", "info", False, 4, 2, "a b")


def test_tally__on_demand_tells_of_what_was_met_as_well() -> None:
    tally = Tally("revalidation", "all")
    tally.add(FINDINGS, [verdict("a")], ["parsed"])
    _, *checked = tally.to_entries(with_met=True)
    assert len(checked) == N_ASKED
    assert [each.expectation_id for each in checked if not each.is_met] == ["jurisdiction_code.known"]  # type: ignore[union-attr]


@pytest.mark.parametrize(("n", "n_named"), [(3, 3), (NAMED + 5, NAMED)])
def test_tally__names_some_documents_and_counts_all(n: int, n_named: int) -> None:
    tally = Tally("ingestion", "a batch")
    tally.add(FINDINGS, [verdict(f"{number:03}") for number in range(n)], ["parsed"])
    _, unmet = tally.to_entries()
    assert isinstance(unmet, ExpectationChecked)
    assert (unmet.n_documents, len(unmet.document_ids.split())) == (n, n_named)
