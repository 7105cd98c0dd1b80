"""What people decide about documents: by rule, taken back, and nothing of it lost."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import DecisionRefused
from tests.lakes import curated, drop, ingest, lake_at, read_latest, staged_frames, states
from warehouse.journal import Decision
from warehouse.lake import Lake


def held(document_id: str, *rules: str, publisher: str = "p") -> dict[str, pl.DataFrame]:
    """A held document, with a holding finding of each of these rules."""
    own = staged_frames(
        document_id,
        state="held",
        state_reason="odd",
        publisher_id=publisher,
        publisher_name=f"{publisher}局",
        budget_id=document_id,
    )
    one = own["findings"].with_columns(is_holding=True)
    rows = [one.with_columns(rule_id=pl.lit(rule), finding_id=pl.lit(f"{rule}/{document_id}")) for rule in rules]
    return own | {"findings": pl.concat(rows)}


def lake_of(tmp_path: Path, home: Path, *results: tuple[str, tuple[str, ...], str]) -> tuple[Lake, list[str]]:
    lake = lake_at(home)
    ids = [drop(tmp_path / "inbox", f"{name}.pdf", name.encode()) for name, _, _ in results]
    frames = [held(own, *rules, publisher=publisher) for own, (_, rules, publisher) in zip(ids, results, strict=True)]
    ingest(lake, tmp_path / "inbox", frames)
    return lake, ids


def test_held_by__documents_that_nothing_else_holds(tmp_path: Path, home: Path) -> None:
    lake, (one, both, other) = lake_of(tmp_path, home, ("a", ("r",), "p"), ("b", ("r", "s"), "p"), ("c", ("r",), "q"))
    assert set(lake.held_by(["r"])) == {one, other}
    assert set(lake.held_by(["r", "s"])) == {one, both, other}
    assert lake.held_by(["r"], "q局") == [other]
    assert lake.held_by(["s"]) == []


def test_revoke__an_approval_takes_the_document_out_of_latest_again(tmp_path: Path, home: Path) -> None:
    lake, (one,) = lake_of(tmp_path, home, ("a", ("r",), "p"))
    empty = curated(home)
    lake.decide([one], Decision.APPROVE, reason="printed so", by="ann")
    lake.publish()
    assert read_latest(home, "budget_facts").height == 1
    assert read_latest(home, "documents").select("approved_by", "approval_reason").row(0) == ("ann", "printed so")
    lake.decide([one], Decision.REVOKE, reason="was another page", by="bob")
    lake.publish()
    assert states(lake) == {one: "held"}
    assert read_latest(home, "budget_facts").is_empty()
    assert read_latest(home, "documents").select("state", "approved_by").row(0) == ("held", None)
    assert {name for name, data in curated(home).items() if empty[name] != data} <= {
        name for name in empty if "manifests" in name
    }
    decisions = lake.query('SELECT decision, "by", reason FROM ledger.decisions ORDER BY version')
    assert decisions.rows() == [("approve", "ann", "printed so"), ("revoke", "bob", "was another page")]


@pytest.mark.parametrize("decision", [Decision.REJECT, Decision.WITHDRAW])
def test_revoke__takes_back_what_put_a_document_aside(tmp_path: Path, home: Path, decision: Decision) -> None:
    lake, (one,) = lake_of(tmp_path, home, ("a", ("r",), "p"))
    if decision == Decision.WITHDRAW:
        lake.decide([one], Decision.APPROVE, reason="x")
        lake.publish()
    before = "held"
    lake.decide([one], decision, reason="x")
    assert states(lake)[one] == ("rejected" if decision == Decision.REJECT else "withdrawn")
    lake.decide([one], Decision.REVOKE, reason="x")
    assert states(lake) == {one: before}, "the approval went with the withdrawal that came after it"


def test_revoke__refuses_where_nothing_was_decided(tmp_path: Path, home: Path) -> None:
    lake, (one,) = lake_of(tmp_path, home, ("a", ("r",), "p"))
    with pytest.raises(DecisionRefused, match="nothing to revoke"):
        lake.decide([one], Decision.REVOKE, reason="x")
    lake.decide([one], Decision.APPROVE, reason="x")
    lake.decide([one], Decision.REVOKE, reason="x")
    with pytest.raises(DecisionRefused, match="nothing to revoke"):
        lake.decide([one], Decision.REVOKE, reason="x")
