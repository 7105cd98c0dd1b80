"""Re-validation as a flow: findings over several documents come in, documents move, and a run that was killed goes on."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import StorageError
from cnbudget.model import Cause, Finding, Severity
from cnbudget.parse import extractor_version, parse_to_results
from flows.__main__ import main
from flows.settings import quieten
from tests.lakes import curated, drop, lake_at, land, read_latest
from tests.whole_budget import TEXT
from warehouse.lake import Lake

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")

NEXT_YEAR = TEXT.replace("2030", "2031").replace("2029", "2030")
"""The budget of the year after, which says that its figures rose from what the year before did not print."""


@pytest.fixture(scope="module")
def two_years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with the budgets of two years of one publisher, read and published."""
    from tasks import stages

    folder = tmp_path_factory.mktemp("two_years")
    drop(folder / "inbox", "2030.txt", TEXT.encode())
    drop(folder / "inbox", "2031.txt", NEXT_YEAR.encode())
    lake = lake_at(folder / "lake")
    land(lake, folder / "inbox")
    ids = stages.parse.fn(lake, parse_to_results, extractor_version(), lake.pending(extractor_version()))
    stages.audit.fn(lake, extractor_version(), ids)
    assert lake.publish() == sorted(ids)
    return folder / "lake"


@pytest.fixture
def home(two_years: Path, tmp_path: Path) -> Path:
    """A copy of it, for one test."""
    return Path(shutil.copytree(two_years, tmp_path / "lake"))


def run(home: Path, **scope: object) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from flows.revalidate import revalidate

        return revalidate.fn(lake=str(home), **scope)


def rules_of(home: Path) -> set[tuple[int, str]]:
    return set(read_latest(home, "findings").select("fiscal_year", "rule_id").unique().rows())


def test_revalidate__findings_over_years_come_in_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert rules_of(home) == set()
    assert main(["revalidate", "--lake", str(home)]) == 0
    said = capsys.readouterr().out
    assert "2 documents judged again: none moved" in said
    assert (2031, "base_differs_from_last_year") in rules_of(home)
    n_new = read_latest(home, "findings").height
    assert f"findings: {n_new} new, 0 changed, 0 resolved" in said
    before = curated(home)
    assert main(["revalidate", "--lake", str(home)]) == 0
    assert "findings: 0 new, 0 changed, 0 resolved" in capsys.readouterr().out
    assert curated(home) == before
    runs = read_latest(home, "validation_runs").sort("started_at")
    assert runs.select("occasion", "n_documents", "n_new").rows() == [
        ("ingestion", 2, 0),
        ("revalidation", 2, n_new),
        ("revalidation", 2, 0),
    ]
    assert set(runs["n_expectations"]) == {runs["n_expectations"][0]} - {0}
    results = read_latest(home, "validation_results").filter(pl.col("run_id") == runs["run_id"][2])
    assert (results.height, results["is_met"].all()) == (runs["n_expectations"][2], True)


def test_revalidate__its_report_stands_beside_the_data(home: Path) -> None:
    found = run(home)
    (run_id,) = read_latest(home, "validation_runs").filter(pl.col("occasion") == "revalidation")["run_id"]
    folder = home / "curated/reports"
    assert found.report == f"{home.as_uri()}/curated/reports/runs/{run_id}.html"  # type: ignore[attr-defined]
    page = (folder / "runs" / f"{run_id}.html").read_text("utf-8")
    changes = pl.read_parquet(folder / "runs" / f"{run_id}.parquet")
    assert set(changes["change"]) == {"new"}
    assert changes["message_zh"][0] in page
    assert f'href="{run_id}.html"' in (folder / "runs/index.html").read_text("utf-8")
    assert (folder / "data_docs/budget_facts.html").is_file()


def test_revalidate__by_year_looks_at_that_year_and_at_what_it_concerns(home: Path) -> None:
    assert run(home, years=[2030]).n_documents == 1  # type: ignore[attr-defined]
    runs = read_latest(home, "validation_runs").sort("started_at")
    assert runs.select("occasion", "scope", "n_documents").rows()[1:] == [
        ("revalidation", "years 2030", 1),
        # The budget of 2031 is compared with that of 2030, which was judged anew.
        ("ingestion", "compared with other budgets", 1),
    ]


def test_revalidate__documents_move_and_come_back(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holding = Finding("identity_broken", Severity.ERROR, Cause.PUBLISHER, "x", "错", "wrong", is_holding=True)
    with monkeypatch.context() as patch:
        patch.setattr(
            "cnbudget.revalidation.findings_of", lambda case: [holding] if case.cover.fiscal_year == 2031 else []
        )
        found = run(home)
    assert found.moved == {"parsed -> held": 1}  # type: ignore[attr-defined]
    assert set(read_latest(home, "budget_facts")["fiscal_year"]) == {2030}
    assert run(home).moved == {"held -> parsed": 1}  # type: ignore[attr-defined]
    assert set(read_latest(home, "budget_facts")["fiscal_year"]) == {2030, 2031}


def test_revalidate__a_run_that_was_killed_tells_everything_in_the_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise StorageError("killed", where="x")

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "record_run", killed)
        assert run(home).failures == ["publish: x: killed"]  # type: ignore[attr-defined]
    assert (2031, "base_differs_from_last_year") in rules_of(home)
    found = run(home)
    n_new = read_latest(home, "findings").height
    assert (found.failures, found.changes) == ([], {"new": n_new})  # type: ignore[attr-defined]
    runs = read_latest(home, "validation_runs").filter(pl.col("occasion") == "revalidation")
    assert runs["n_new"].to_list() == [n_new]


def test_revalidate__a_rebuilt_lake_says_the_same(home: Path) -> None:
    run(home)
    before = curated(home)
    Lake.open(str(home)).rebuild()
    assert curated(home) == before
