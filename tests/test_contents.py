"""Marts and history in the lake: they follow the figures they are made of, of this year and of the year before."""

from __future__ import annotations

import contextlib
import hashlib
import random
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import DecisionRefused
from cnbudget.results import frames_to_results
from cnbudget.schema import MARTS
from tests.lakes import FailingBucket, curated, drop, ingest, lake_at, read_latest, staged_frames
from warehouse.bucket import LocalBucket
from warehouse.journal import Decision
from warehouse.lake import Lake


def budget(inbox: Path, name: str, year: int, yuan: int, day: int = 1, **more: object) -> dict[str, pl.DataFrame]:
    """A department's budget of a year, dropped and read: one account of so many yuan."""
    about = {"fiscal_year": year, "budget_id": f"p/{year}", "publisher_name": "甲局", **more}
    return staged_frames(drop(inbox, name, name.encode(), day=day), yuan, **about)


def mart(home: Path) -> list[tuple[object, ...]]:
    columns = ["fiscal_year", "amount_yuan", "previous_yuan", "change_yuan", "presence"]
    return read_latest(home, "budget_by_function_year").select(columns).sort(columns).rows()


def documents_in(home: Path, name: str) -> set[str]:
    frame = read_latest(home, name)
    return {value for column in frame.columns if column.endswith("document_id") for value in frame[column].drop_nulls()}


ALONE = ("not_comparable", None, None)


@pytest.mark.parametrize("order", [(2023, 2024), (2024, 2023)])
def test_marts_of__the_year_before_is_seen_whichever_came_first(
    inbox: Path, home: Path, order: tuple[int, int]
) -> None:
    lake = lake_at(home)
    for year in order:
        ingest(lake, inbox, [budget(inbox, f"b{year}", year, year)])
    assert mart(home) == [
        (2023, Decimal(2023), None, None, "not_comparable"),
        (2024, Decimal(2024), Decimal(2023), Decimal(1), "both"),
    ]
    before = {key: data for key, data in curated(home).items() if key.partition("/")[2].partition("/")[0] in MARTS}
    lake_at(home, store="other.duckdb").rebuild()
    assert {key: curated(home)[key] for key in before} == before


def test_marts_of__what_is_withdrawn_leaves_them_all(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    frames = [budget(inbox, f"b{year}", year, year) for year in (2023, 2024)]
    gone = str(frames[0]["documents"]["document_id"][0])
    ingest(lake, inbox, frames)
    assert [name for name in MARTS if gone in documents_in(home, name)] == [
        *("budget_by_function_year", "three_public_by_year", "department_overview", "budget_fact_history"),
    ]
    lake.decide([gone], Decision.WITHDRAW, reason="recalled", by="li")
    lake.publish()
    assert [name for name in MARTS if gone in documents_in(home, name)] == []
    assert mart(home) == [(2024, Decimal(2024), None, None, "not_comparable")]


def test_marts_of__held_documents_never_come_in(inbox: Path, home: Path) -> None:
    held = budget(inbox, "b2023", 2023, 9, state="held")
    ingest(lake_at(home), inbox, [held, budget(inbox, "b2024", 2024, 5)])
    document_id = str(held["documents"]["document_id"][0])
    assert [name for name in MARTS if document_id in documents_in(home, name)] == []
    assert mart(home) == [(2024, Decimal(5), None, None, "not_comparable")]


def test_marts_of__a_year_that_is_read_otherwise_is_no_longer_compared_with(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    frames = budget(inbox, "b2023", 2023, 1)
    ingest(lake, inbox, [frames, budget(inbox, "b2024", 2024, 5)])
    document_id = str(frames["documents"]["document_id"][0])
    again(lake, budget(inbox, "b2023", 2021, 1, extractor_version="x2"), document_id)
    assert mart(home) == [
        (2021, Decimal(1), None, None, "not_comparable"),
        (2024, Decimal(5), None, None, "not_comparable"),
    ]
    again(lake, budget(inbox, "b2023", 2023, 2, extractor_version="x3"), document_id)
    assert mart(home)[1] == (2024, Decimal(5), Decimal(2), Decimal(3), "both")


def again(lake: Lake, frames: dict[str, pl.DataFrame], document_id: str) -> None:
    """Read a document again with another version, with this result, and publish."""
    version = str(frames["documents"]["extractor_version"][0])
    lake.stage(frames_to_results(frames), version)
    lake.record_audit(lake.staged([document_id], version), {})
    lake.publish()


def test_marts_of__one_more_year_rewrites_its_own_files_and_the_marts_of_the_next(inbox: Path, home: Path) -> None:
    bucket = FailingBucket(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    years = [budget(inbox, f"b{year}", year, year) for year in (2020, 2024)]
    other = budget(inbox, "o", 2024, 7, publisher_id="q", budget_id="q/2024", jurisdiction_code="310101")
    ingest(lake, inbox, [*years, other])
    bucket.written.clear()
    ingest(lake, inbox, [budget(inbox, "b2023", 2023, 2023)])
    written = {key.removeprefix("curated/latest/") for key in bucket.written if key.startswith("curated/latest/")}
    changed = {key for key in written if "2024" in key}
    assert {key for key in written if "2020" in key or "310101" in key} == set()
    compared = ("budget_by_function_year", "three_public_by_year", "department_overview")
    assert changed == {*(f"{name}/2024-310117-001.parquet" for name in compared), "manifests/2024-310117-001.json"}


def test_history_of__every_revision_and_its_time(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    old, new = budget(inbox, "old", 2024, 100, day=1), budget(inbox, "new", 2024, 110, day=5)
    ingest(lake, inbox, [new])
    ingest(lake, inbox, [old])
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 5)]
    columns = ["amount_yuan", "revision", "valid_from", "valid_to", "change", "previous_amount_yuan", "end"]
    history = read_latest(home, "budget_fact_history").select(columns).sort("revision")
    assert history.rows() == [
        (Decimal(100), 1, days[0], days[1], "first", None, "changed"),
        (Decimal(110), 2, days[1], None, "changed", Decimal(100), None),
    ]
    lake.decide([str(new["documents"]["document_id"][0])], Decision.WITHDRAW, reason="recalled", by="li")
    lake.publish()
    history = read_latest(home, "budget_fact_history").select(columns)
    assert history.rows() == [(Decimal(100), 1, days[0], None, "first", None, None)]


def test_history_of__another_rendition_is_no_revision(inbox: Path, home: Path) -> None:
    one, other = budget(inbox, "b.pdf", 2024, 100), budget(inbox, "b.txt", 2024, 100, day=2, media_type="text/plain")
    ingest(lake_at(home), inbox, [one, other])
    assert documents_in(home, "budget_fact_history") == {str(one["documents"]["document_id"][0])}


def test_marts_of__a_budget_without_a_publisher_stands_in_no_mart_of_departments(inbox: Path, home: Path) -> None:
    frames = [budget(inbox, f"b{y}", y, 1, publisher_id=None, publisher_kind=None) for y in (2023, 2024)]
    ingest(lake_at(home), inbox, frames)
    assert mart(home) == []
    assert len(documents_in(home, "budget_fact_history")) == 2


@pytest.mark.parametrize("seed", [1, 2])
def test_marts_of__whatever_happened_they_are_what_a_new_store_makes(inbox: Path, home: Path, seed: int) -> None:
    """Budgets of three years of two publishers come, are revised, withdrawn, approved again and read otherwise, at random."""
    draw, lake, known = random.Random(seed), lake_at(home), list[str]()
    with lake._ledger.store.session():
        for step in range(10):
            choice = draw.choice(["come", "come", "withdraw", "approve", "again"] if known else ["come"])
            year, publisher = draw.randrange(2022, 2025), draw.choice("pq")
            about = {"publisher_id": publisher, "budget_id": f"{publisher}/{year}"}
            if choice == "come":
                frames = budget(inbox, f"f{step}", year, draw.randrange(100), day=1 + step, **about)
                known.append(str(frames["documents"]["document_id"][0]))
                ingest(lake, inbox, [frames])
            elif choice == "again":
                step_of = draw.randrange(len(known))
                name = next(path.name for path in inbox.iterdir() if sha256(path) == known[step_of])
                day = 1 + int(name[1:])
                frames = budget(inbox, name, year, draw.randrange(100), day=day, extractor_version=f"x{step}", **about)
                again(lake, frames, known[step_of])
            else:
                with contextlib.suppress(DecisionRefused):  # in a state that does not allow it
                    lake.decide([draw.choice(known)], Decision(choice), reason="r", by="li")
                lake.publish()
    before = curated(home)
    lake_at(home, store="other.duckdb").rebuild()
    assert curated(home) == before
    assert {row[0] for row in mart(home)} <= {2022, 2023, 2024}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
