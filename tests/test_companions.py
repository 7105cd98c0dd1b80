"""Budgets beside those that they have to do with: the findings over several of them come with ingestion, in any order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import StorageError
from cnbudget.parse import extractor_version, parse_to_results
from cnbudget.revalidation import ACROSS
from flows.__main__ import main
from flows.settings import quieten
from tasks import stages
from tests.lakes import curated, drop, ingest, lake_at, land, read_latest, staged_frames
from tests.whole_budget import TEXT
from warehouse.journal import Decision
from warehouse.lake import Lake

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")

LAST, THIS = TEXT, TEXT.replace("2030", "2031").replace("2029", "2030")
"""The budget of the year after says that its figures rose from what the year before did not print."""
NAMES = ("last.txt", "this.txt")


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


def take(lake: Lake, folder: Path) -> list[str]:
    """Land what is new in a folder, read it and publish it; what is newly published."""
    with lake._ledger.store.session():  # opened once: that is most of the time of a small test
        land(lake, folder)
        ids = stages.parse.fn(lake, parse_to_results, extractor_version(), lake.pending(extractor_version()))
        stages.audit.fn(lake, extractor_version(), ids)
        return stages.publish.fn(lake)


def taken(folder: Path, batches: Iterable[Sequence[str]]) -> Path:
    """A lake into which the two budgets came in these batches."""
    texts = dict(zip(NAMES, (LAST, THIS), strict=True))
    lake = lake_at(folder / "lake")
    for batch in batches:
        for name in batch:
            drop(folder / "inbox", name, texts[name].encode())
        take(lake, folder / "inbox")
    return folder / "lake"


def findings(home: Path) -> dict[str, bytes]:
    return {name: data for name, data in curated(home).items() if name.startswith("latest/findings/")}


def rules_of(home: Path) -> set[tuple[int, str]]:
    return set(read_latest(home, "findings").select("fiscal_year", "rule_id").unique().rows())


def test_publish__findings_over_years_are_the_same_in_any_order(tmp_path: Path) -> None:
    orders: dict[str, list[list[str]]] = {
        "in turn": [["last.txt"], ["this.txt"]],
        "backwards": [["this.txt"], ["last.txt"]],
        "together": [["last.txt", "this.txt"]],
    }
    homes = {name: taken(tmp_path / name, batches) for name, batches in orders.items()}
    assert (2031, "base_differs_from_last_year") in rules_of(homes["in turn"])
    for one, other in itertools.pairwise(homes):
        assert findings(homes[one]) == findings(homes[other]), (one, other)
    counts = {
        name: read_latest(home, "documents").sort("fiscal_year")["n_findings_warning"] for name, home in homes.items()
    }
    assert len({tuple(each) for each in counts.values()}) == 1


def test_publish__a_killed_comparison_is_made_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = findings(taken(tmp_path / "whole", [["last.txt", "this.txt"]]))

    def killed(*_: object, **__: object) -> None:
        raise StorageError("killed", where="x")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "record_judgements", killed)
        home = taken(tmp_path / "killed", [["last.txt"], ["this.txt"]])
    assert len(read_latest(home, "documents").filter(state="published")) == 2, "figures do not wait for findings"
    assert rules_of(home) == set()
    assert take(lake_at(home), tmp_path / "killed" / "inbox") == []
    assert findings(home) == expected


def test_decide__what_is_withdrawn_is_compared_with_no_longer(tmp_path: Path) -> None:
    home = taken(tmp_path, [["last.txt", "this.txt"]])
    (last,) = read_latest(home, "documents").filter(pl.col("fiscal_year") == 2030)["document_id"]
    signed = ("--by", "me", "--reason", "checked", "--lake", str(home))
    assert main(["withdraw", last, *signed]) == 0
    assert rules_of(home) == set()
    assert main(["revoke", last, *signed]) == 0
    assert (2031, "base_differs_from_last_year") in rules_of(home)


def test_compare__tells_of_its_run_and_again_finds_nothing_to_do(tmp_path: Path) -> None:
    home = taken(tmp_path, [["last.txt"], ["this.txt"]])
    runs = read_latest(home, "validation_runs").filter(scope="compared with other budgets")
    n_across = read_latest(home, "findings").filter(pl.col("rule_id").is_in(ACROSS)).height
    assert runs.select("occasion", "n_new", "n_resolved").rows() == [("ingestion", n_across, 0)]
    lake = lake_at(home)
    before = curated(home)
    assert stages.compare(lake) == []
    head = lake.head()
    assert stages.compare(lake) == []
    assert lake.head() == head
    lake.rebuild()
    assert stages.compare(lake_at(home)) == [], "a store that was built anew compares again and finds the same"
    assert curated(home) == before


def test_companions__are_last_years_budget_and_earlier_editions(inbox: Path, home: Path) -> None:
    ids = [drop(inbox, f"{n}.pdf", f"{n}".encode(), day=n) for n in (1, 2, 3)]
    before, first, second = ids
    lake = lake_at(home)
    own = {"publisher_id": "p", "fiscal_year": 2024, "budget_id": "b24"}
    ingest(
        lake,
        inbox,
        [
            staged_frames(before, 50, fiscal_year=2023, budget_id="b23"),
            staged_frames(first, 100, **own),
            staged_frames(second, 200, **own),
        ],
    )
    found = lake.companions([second])
    assert found.revisions == [(second, first)]
    assert set(found.frames["documents"]["document_id"]) == {before, first, second}
    assert set(found.frames["budget_facts"]["document_id"]) == {before, first, second}
    assert set(lake.companions([before]).frames["documents"]["document_id"]) == {before}


def test_companions__are_budgets_with_the_same_figures(inbox: Path, home: Path) -> None:
    ids = [drop(inbox, f"{n}.pdf", f"{n}".encode()) for n in (1, 2, 3)]
    lake = lake_at(home)
    ingest(
        lake,
        inbox,
        [
            staged_frames(name, yuan, budget_id=name, publisher_id=name)
            for name, yuan in zip(ids, (7, 7, 9), strict=True)
        ],
    )
    assert set(lake.companions(ids[:1]).frames["documents"]["document_id"]) == set(ids[:2])
    assert set(lake.companions(ids[2:]).frames["documents"]["document_id"]) == {ids[2]}


def listing(document_id: str, *names: str) -> pl.DataFrame:
    from cnbudget.schema import DATASETS

    own = {"document_id": document_id, "fiscal_year": 2024, "row_type": "listed", "kind": "budget_unit"}
    rows = [own | {"row_no": number, "name": name} for number, name in enumerate(names, 1)]
    return pl.DataFrame(rows, schema=DATASETS["institutions"].polars_schema(), orient="row")


def test_to_compare__a_unit_that_comes_concerns_the_department_that_lists_it(inbox: Path, home: Path) -> None:
    department, other = drop(inbox, "d.pdf", b"d"), drop(inbox, "o.pdf", b"o")
    lake = lake_at(home)
    bodies = [(department, "甲局", "甲局（本级）"), (other, "丙局", "丁中心")]
    ingest(
        lake,
        inbox,
        [
            staged_frames(document_id, number, publisher_id=name, publisher_name=name, budget_id=name)
            | {"institutions": listing(document_id, unit)}
            for number, (document_id, name, unit) in enumerate(bodies, 1)
        ],
    )
    head, ids = lake.to_compare(ACROSS)
    assert ids == []
    lake.note_compared(head)
    unit = drop(inbox, "u.pdf", b"u")
    body = {"publisher_id": "u", "publisher_name": "甲局", "publisher_kind": "unit", "budget_id": "u"}
    ingest(lake, inbox, [staged_frames(unit, 5, **body)])
    head, ids = lake.to_compare(ACROSS)
    assert ids == [department]
    assert set(lake.companions(ids).frames["documents"]["document_id"]) == {department, unit}
    lake.note_compared(head)
    lake.decide([unit], Decision.WITHDRAW, reason="wrong", by="me")
    assert lake.to_compare(ACROSS)[1] == [], "the department has no finding, and no unit any more"


def test_to_compare__the_year_after_a_revision_and_twins_of_what_was_printed(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    first, after, twin = (drop(inbox, f"{name}.pdf", name.encode()) for name in ("first", "after", "twin"))
    ingest(
        lake,
        inbox,
        [
            staged_frames(first, 7, fiscal_year=2024, budget_id="b24"),
            staged_frames(after, 8, fiscal_year=2025, budget_id="b25"),
            staged_frames(twin, 7, publisher_id="q", budget_id="q"),
        ],
    )
    head, ids = lake.to_compare(ACROSS)
    assert ids == sorted([first, after, twin])
    lake.note_compared(head)
    second = drop(inbox, "second.pdf", b"second", day=2)
    ingest(lake, inbox, [staged_frames(second, 9, fiscal_year=2024, budget_id="b24")])
    # The revision, the edition that it replaces and its twin, and the year after.
    assert lake.to_compare(ACROSS)[1] == sorted([first, second, twin, after])


def test_to_compare__documents_without_figures_are_nobodys_twins(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    ids = [drop(inbox, f"{n}.pdf", f"{n}".encode()) for n in (1, 2)]
    ingest(lake, inbox, [staged_frames(each, state="unsupported", n_facts=0, budget_id=each) for each in ids])
    assert lake.to_compare(ACROSS)[1] == []
