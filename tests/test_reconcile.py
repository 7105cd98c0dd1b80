"""Reconciling, without a server of Prefect's."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import StorageError
from flows.__main__ import main
from flows.settings import quieten
from tests.lakes import drop, ingest, lake_at, staged_frames, states
from warehouse.bucket import LocalBucket
from warehouse.lake import Lake
from warehouse.sources import Source

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    return tmp_path / "lake"


def test_reconcile__ingests_what_events_never_told_and_marks_what_is_gone(
    inbox: Path, home: Path, budget_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, held = drop(inbox, "a.pdf", b"1"), drop(inbox, "b.pdf", b"2")
    ingest(lake_at(home), inbox, [staged_frames(gone), staged_frames(held, 200, budget_id="c", state="held")])
    (inbox / "a.pdf").unlink()
    missed = drop(inbox, "c.txt", budget_text.encode())
    assert main(["reconcile", "--lake", str(home)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("2 objects listed, 1 new, 1 gone, 1 published\n")
    assert shown.endswith("balanced\n")
    assert states(Lake.open(str(home))) == {gone: "published", held: "held", missed: "published"}


def test_reconcile__a_run_that_was_killed_goes_on_after_its_last_page(
    inbox: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.reconcile import reconcile

    for name in "abcdef":
        drop(inbox, f"{name}.pdf", name.encode())
    real = Lake.land

    def killed_at_e(lake: Lake, source: Source, objects: list) -> list:  # type: ignore[type-arg]
        if any(info.key == "e.pdf" for info in objects):
            raise KeyboardInterrupt
        return real(lake, source, objects)

    monkeypatch.setattr(Lake, "land", killed_at_e)
    with pytest.raises(KeyboardInterrupt):
        reconcile.fn([str(inbox)], str(home), page=2)
    assert len(states(Lake.open(str(home)))) == 4
    monkeypatch.setattr(Lake, "land", real)
    found = reconcile.fn([str(inbox)], str(home), page=2)
    assert (found.n_listed, found.n_new, found.failures) == (2, 2, [])
    assert Lake.open(str(home)).balance().is_balanced
    assert reconcile.fn([str(inbox)], str(home), page=2).n_listed == 6


def test_reconcile__a_source_that_cannot_be_listed_does_not_stop_the_others(
    tmp_path: Path, inbox: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.reconcile import reconcile

    other = tmp_path / "other"
    other.mkdir()
    drop(inbox, "a.pdf", b"1")
    drop(other, "b.pdf", b"2")
    real = LocalBucket.list

    def broken(bucket: LocalBucket, prefix: str = "", *, after: str = "") -> object:
        if bucket.root == inbox:
            raise StorageError("no permission", where=bucket.uri, transient=False)
        return real(bucket, prefix, after=after)

    monkeypatch.setattr(LocalBucket, "list", broken)
    found = reconcile.fn([str(inbox), str(other)], str(home))
    assert found.n_new == 1
    assert found.failures == [f"file://{inbox}: file://{inbox}: no permission"]


def test_to_markdown__the_balance_and_what_is_held(inbox: Path, home: Path) -> None:
    from flows.reconcile import to_markdown

    held = drop(inbox, "b.pdf", b"2")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(held, state="held", state_reason="a sum is wrong")])
    text = to_markdown(lake, ["land: 503"])
    assert "| document held | 1 |" in text
    assert "a sum is wrong" in text
    assert "* land: 503" in text


def test_reconcile__keeps_a_dataset_of_who_has_published(
    inbox: Path, home: Path, budget_text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cnbudget.coverage import EXPECTED_COLUMNS

    document = drop(inbox, "c.txt", budget_text.encode())
    ingest(lake_at(home), inbox, [staged_frames(document)])
    assert main(["coverage", "--lake", str(home)]) == 1
    assert "--expected or CNBUDGET_EXPECTED: no list" in capsys.readouterr().err
    expected = inbox.parent / "expected.csv"
    expected.write_text(f"{','.join(EXPECTED_COLUMNS)}\n310117,某局,department,2024\n", "utf-8")
    monkeypatch.setenv("CNBUDGET_EXPECTED", str(expected))
    assert main(["reconcile", "--lake", str(home)]) == 0
    capsys.readouterr()
    dataset = pl.read_parquet(home / "curated" / "reports" / "coverage.parquet")
    assert sorted(dataset["status"]) == ["missing", "unexpected"]
    assert main(["coverage", "--lake", str(home)]) == 0
    shown = capsys.readouterr().out
    assert "missing      1\n" in shown
    assert "  missing      310117 2024 某局 (department)\n" in shown


def test_reconcile__a_run_of_a_deployment_in_which_something_failed_is_a_failed_run(
    inbox: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.ingest import RunFailed
    from flows.reconcile import reconcile

    document = drop(inbox, "a.txt", b"1")
    lake, source = lake_at(home), Source(LocalBucket(inbox))
    lake.land(source, list(source.objects()))
    (home / "landed" / document).unlink()
    assert len(reconcile.fn([str(inbox)], str(home)).failures) == 1
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "a deployment's")
    with pytest.raises(RunFailed, match=r"1 failures, the first: parse: a\.txt: its bytes are not in the lake"):
        reconcile.fn([str(inbox)], str(home))
    (home / "landed" / document).write_bytes(b"1")
    assert reconcile.fn([f"{inbox}\n{inbox / 'a.txt'}\n"], str(home)).failures == []
    assert states(Lake.open(str(home))).keys() == {document}
