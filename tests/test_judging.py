"""Judging again, in the lake: what changes is recorded, moves documents and survives a rebuild; what does not leaves no trace."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cnbudget.results import frames_to_results
from tests.lakes import EXTRACTOR, curated, drop, ingest, lake_at, read_latest, staged_frames, states
from warehouse.judging import Judging, Scope, Standing
from warehouse.lake import Lake

Frames = dict[str, pl.DataFrame]


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def two(inbox: Path, home: Path) -> tuple[Lake, str, str]:
    """A lake with two published documents, of 2023 and 2024."""
    old, new = drop(inbox, "a.pdf", b"a"), drop(inbox, "b.pdf", b"b")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(old, fiscal_year=2023, budget_id="b23"), staged_frames(new, budget_id="b24")])
    return lake, old, new


ALL = Scope()


def judged(lake: Judging, scope: Scope = ALL) -> tuple[list[Standing], Frames]:
    standings = lake.standings(scope)
    frames, _ = lake.results([standing.result for standing in standings])
    return standings, frames


def holding(frames: Frames, document_id: str) -> Frames:
    """The frames with a finding that holds a document."""
    mine = pl.col("document_id") == document_id
    findings = frames["findings"].with_columns(
        is_holding=mine, severity=pl.when(mine).then(pl.lit("error")).otherwise("severity")
    )
    documents = frames["documents"].with_columns(
        state=pl.when(mine).then(pl.lit("held")).otherwise("state"),
        state_reason=pl.when(mine).then(pl.lit("odd")).otherwise("state_reason"),
        n_findings_error=pl.when(mine).then(1).otherwise("n_findings_error").cast(pl.Int64),
    )
    return frames | {"findings": findings, "documents": documents}


def test_standings__by_year_jurisdiction_and_document(inbox: Path, home: Path) -> None:
    lake, old, new = two(inbox, home)

    def ids(**scope: list[object]) -> set[str]:
        return {standing.result.document_id for standing in lake.standings(Scope(**scope))}  # type: ignore[arg-type]

    assert ids() == {old, new}
    assert ids(years=[2024]) == {new}
    assert ids(document_ids=[old]) == {old}
    assert (ids(jurisdictions=["310117"]), ids(jurisdictions=["000000"])) == ({old, new}, set())
    assert str(Scope(years=[2023, 2024], document_ids=[old])) == f"years 2023, 2024; documents {old[:12]}"


def test_record_judgements__what_does_not_change_leaves_no_trace(inbox: Path, home: Path) -> None:
    lake, _, _ = two(inbox, home)
    before, files = lake.head(), sorted(home.rglob("*.parquet"))
    assert lake.record_judgements(*judged(lake), {}) == []
    assert (lake.head(), sorted(home.rglob("*.parquet"))) == (before, files)


def test_record_judgements__a_document_that_is_held_leaves_latest_and_comes_back(inbox: Path, home: Path) -> None:
    lake, old, new = two(inbox, home)
    standings, frames = judged(lake)
    (verdict,) = lake.record_judgements(standings, holding(frames, new), {})
    lake.publish()
    assert (verdict.document_id, states(lake)) == (new, {old: "published", new: "held"})
    assert read_latest(home, "budget_facts")["document_id"].to_list() == [old]
    document = read_latest(home, "documents").row(by_predicate=pl.col("document_id") == new, named=True)
    assert (document["state_reason"], document["n_findings_error"]) == ("odd", 1)

    standings, _ = judged(lake, Scope(document_ids=[new]))
    fresh, _ = lake.results([standing.result._replace(judgement=None) for standing in standings])
    lake.record_judgements(standings, fresh, {}, changed=[new])
    lake.publish()
    assert states(lake) == {old: "published", new: "published"}
    assert read_latest(home, "documents")["n_findings_error"].to_list() == [0, 0]


def test_record_judgements__a_rebuilt_store_says_the_same(inbox: Path, home: Path) -> None:
    lake, _, new = two(inbox, home)
    standings, frames = judged(lake)
    said = frames | {"findings": frames["findings"].with_columns(message_en=pl.lit("odder"))}
    lake.record_judgements(standings, said, {}, changed=[new])
    lake.publish()
    assert sorted(read_latest(home, "findings")["message_en"]) == ["odd", "odder"]
    assert {path.name[:9] for path in home.glob(f"staged/{EXTRACTOR}/*/judgement-*")} == {"judgement"}
    before = curated(home)
    lake.rebuild()
    assert curated(home) == before


def test_record_judgements__the_gate_holds_too(inbox: Path, home: Path) -> None:
    lake, old, new = two(inbox, home)
    standings, frames = judged(lake)
    lake.record_judgements(standings, frames, {new: ["sums differ"]}, unapprovable=[new])
    assert states(lake) == {old: "published", new: "held"}
    assert lake.documents([new])["state_reason"].to_list() == ["sums differ"]


def test_record_judgements__not_on_what_someone_else_judged_meanwhile(inbox: Path, home: Path) -> None:
    lake, old, new = two(inbox, home)
    standings, frames = judged(lake)
    other = lake_at(home, store="other.duckdb")
    other.stage(frames_to_results(staged_frames(new, 200, budget_id="b24")), EXTRACTOR)
    other.record_audit(other.staged([new], EXTRACTOR), {})
    assert lake.record_judgements(standings, holding(frames, new), {}) == []
    assert states(lake) == {old: "published", new: "published"}


def test_standings__not_what_a_person_put_aside_or_wants_read_again(inbox: Path, home: Path) -> None:
    from warehouse.journal import Decision

    lake, old, new = two(inbox, home)
    lake.decide([old], Decision.WITHDRAW, reason="r")
    assert [standing.result.document_id for standing in lake.standings(ALL)] == [new]
    lake.decide([old], Decision.RETRY, reason="r")
    assert [standing.result.document_id for standing in lake.standings(ALL)] == [new]


def test_judged_since__names_the_result_before_and_now(inbox: Path, home: Path) -> None:
    lake, _, new = two(inbox, home)
    since = lake.head()
    assert lake.judged_since(since) == []
    for _ in range(2):
        standings, frames = judged(lake)
        more = frames["findings"].with_columns(message_en=pl.col("message_en") + "!")
        lake.record_judgements(standings, frames | {"findings": more}, {}, changed=[new])
    (each,) = lake.judged_since(since)
    assert (each.before.document_id, each.before.judgement, each.was, each.now) == (new, None, "parsed", "parsed")
    assert lake.findings_of([each.before])["message_en"].to_list() == ["odd"]
    assert lake.findings_of([each.after])["message_en"].to_list() == ["odd!!"]
