"""Accepting findings: singly until their evidence changes, by rule and publisher for good, and taking it back."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import DecisionRefused
from cnbudget.results import frames_to_results
from tests.lakes import EXTRACTOR, curated, drop, ingest, lake_at, read_latest, staged_frames
from warehouse.lake import Lake


@pytest.fixture
def lake(tmp_path: Path, home: Path) -> Lake:
    """A lake with the budgets of two publishers, each with one finding of rule `code_unknown`."""
    lake = lake_at(home)
    ids = [drop(tmp_path / "inbox", f"{name}.pdf", name.encode()) for name in "pq"]
    ingest(lake, tmp_path / "inbox", [frames(name, publisher) for name, publisher in zip(ids, "pq", strict=True)])
    return lake


def frames(document_id: str, publisher: str, evidence: str = "e", amount: int = 100) -> dict[str, pl.DataFrame]:
    own = staged_frames(
        document_id, amount, publisher_id=publisher, publisher_name=f"{publisher}局", budget_id=publisher
    )
    own["findings"] = own["findings"].with_columns(
        finding_id=pl.lit(f"{publisher}0001"), rule_id=pl.lit("code_unknown"), evidence_sha256=pl.lit(evidence)
    )
    return own


def accepted(home: Path) -> list[tuple[str, str | None, str | None]]:
    found = read_latest(home, "findings").sort("finding_id")
    return found.select("finding_id", "accepted_by", "accepted_reason").rows()


NONE = [("p0001", None, None), ("q0001", None, None)]


def test_accept__a_finding_until_it_is_taken_back(lake: Lake, home: Path) -> None:
    assert lake.accept(["p00"], reason="known", by="ann") == ["p0001"]
    lake.publish()
    assert accepted(home) == [("p0001", "ann", "known"), ("q0001", None, None)]
    said = lake.acceptances().select("kind", "what", "by", "reason", "n_findings").rows()
    assert said == [("finding", "p0001", "ann", "known", 1)]
    assert lake.unaccept(["p0001"], reason="mistake", by="bob") == ["p0001"]
    lake.publish()
    assert accepted(home) == NONE
    assert lake.acceptances().is_empty()
    lake.accept(["p0001"], reason="after all", by="cid")
    lake.publish()
    assert accepted(home)[0] == ("p0001", "cid", "after all")


def test_accept__expires_when_what_it_rests_on_changes(lake: Lake, home: Path) -> None:
    lake.accept(["p0001"], reason="known")
    name = str(lake.query("SELECT document_id FROM staged.documents WHERE publisher_id = 'p'").item())
    lake.stage(frames_to_results(frames(name, "p", evidence="other")), EXTRACTOR)
    lake.record_audit(lake.staged([name], EXTRACTOR), {})
    lake.publish()
    assert accepted(home) == NONE
    assert lake.acceptances()["n_findings"].to_list() == [0]


def test_accept_rule__covers_what_comes_later_too(lake: Lake, home: Path, tmp_path: Path) -> None:
    assert lake.accept_rule("code_unknown", "p局", reason="own codes", by="ann") == "p"
    lake.publish()
    assert accepted(home) == [("p0001", "ann", "own codes"), ("q0001", None, None)]
    later = drop(tmp_path / "inbox", "later.pdf", b"later", day=2)
    own = frames(later, "p", evidence="new")
    ingest(lake, tmp_path / "inbox", [own])
    assert accepted(home)[0] == ("p0001", "ann", "own codes")
    assert lake.acceptances().select("kind", "what").rows() == [("rule", "code_unknown, p")]
    lake.unaccept_rule("code_unknown", "p", reason="codes were published", by="bob")
    lake.publish()
    assert [row[1:] for row in accepted(home)] == [(None, None)] * 2


def test_accept__one_by_one_says_more_than_by_rule(lake: Lake, home: Path) -> None:
    lake.accept_rule("code_unknown", "p", reason="own codes", by="ann")
    lake.accept(["p0001"], reason="asked them", by="bob")
    lake.publish()
    assert accepted(home)[0] == ("p0001", "bob", "asked them")


def test_acceptances__a_rebuilt_store_says_the_same(lake: Lake, home: Path) -> None:
    lake.accept_rule("code_unknown", "p", reason="own codes")
    lake.accept(["q0001"], reason="known")
    lake.unaccept(["q0001"], reason="mistake")
    lake.publish()
    before, said = curated(home), lake.acceptances()
    lake.rebuild()
    assert curated(home) == before
    assert lake.acceptances().equals(said)
    other = lake_at(home, store="other.duckdb")
    other.publish()
    assert (curated(home), other.acceptances().equals(said)) == (before, True)


@pytest.mark.parametrize(
    ("prefix", "found"),
    [("zz", "no finding has an id that begins so"), ("", "findings found: p0001, q0001")],
    ids=["none", "two"],
)
def test_accept__refuses_what_is_not_one_finding(lake: Lake, prefix: str, found: str) -> None:
    head = lake.head()
    with pytest.raises(DecisionRefused, match=found):
        lake.accept([prefix], reason="r")
    assert lake.head() == head


def test_accept_rule__refuses_what_it_does_not_know(lake: Lake) -> None:
    with pytest.raises(DecisionRefused, match="no such rule"):
        lake.accept_rule("no_rule", "p", reason="r")
    with pytest.raises(DecisionRefused, match="publishers found: none"):
        lake.accept_rule("code_unknown", "nobody", reason="r")
    with pytest.raises(DecisionRefused, match="not accepted for this publisher"):
        lake.unaccept_rule("code_unknown", "p", reason="r")
    with pytest.raises(DecisionRefused, match="accepted findings found: none"):
        lake.unaccept(["p0001"], reason="r")
