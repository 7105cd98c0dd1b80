from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from flows.metrics import to_openmetrics
from tests.lakes import drop, ingest, lake_at, staged_frames


def test_to_openmetrics__states_lag_findings_and_counters(tmp_path: Path) -> None:
    inbox, lake = tmp_path / "in", lake_at(tmp_path / "lake")
    one = drop(inbox, "a.pdf", b"1")
    ingest(lake, inbox, [staged_frames(one)])
    drop(inbox, "unseen.pdf", b"2", day=3)
    lake.count({("stage_seconds", "parse"): 2.5, ("events", "sqs"): 7, ("failures", 'o"dd\n'): 1})
    text = to_openmetrics(lake, lake.balance(), datetime(2026, 1, 3, 0, 1, tzinfo=UTC))
    lines = text.splitlines()
    for line in (
        'cnbudget_objects{state="landed"} 1',
        'cnbudget_objects{state="unrecorded"} 1',
        'cnbudget_documents{state="published"} 1',
        "cnbudget_lag_seconds 60",
        "cnbudget_balanced 0",
        'cnbudget_findings{rule="r",severity="info"} 1',
        'cnbudget_stage_seconds_total{stage="parse"} 2.5',
        'cnbudget_events_total{source="sqs"} 7',
        'cnbudget_failures_total{stage="o\\"dd\\n"} 1',
    ):
        assert line in lines


def test_to_openmetrics__is_read_by_the_parser_of_prometheus(tmp_path: Path) -> None:
    inbox, lake = tmp_path / "in", lake_at(tmp_path / "lake")
    ingest(lake, inbox, [staged_frames(drop(inbox, "a.pdf", b"1"))])
    lake.count({("stage_seconds", "parse"): 2.5, ("failures", 'o"d\\d\n'): 1, ("events_malformed", "sqs"): 2})
    text = to_openmetrics(lake, lake.balance(), datetime.now(UTC))
    families = {family.name: family for family in text_string_to_metric_families(text)}
    kinds = {name: family.type for name, family in families.items()}
    assert kinds["cnbudget_objects"] == kinds["cnbudget_lag_seconds"] == "gauge"
    assert kinds["cnbudget_stage_seconds"] == kinds["cnbudget_events_malformed"] == "counter"
    assert [(s.labels, s.value) for s in families["cnbudget_failures"].samples] == [({"stage": 'o"d\\d\n'}, 1.0)]
    assert all(family.documentation and family.name.startswith("cnbudget_") for family in families.values())


def test_to_openmetrics__nothing_waits_in_a_lake_that_is_whole(tmp_path: Path) -> None:
    inbox, lake = tmp_path / "in", lake_at(tmp_path / "lake")
    ingest(lake, inbox, [staged_frames(drop(inbox, "a.pdf", b"1"))])
    lines = to_openmetrics(lake, lake.balance(), datetime.now(UTC)).splitlines()
    assert "cnbudget_lag_seconds 0" in lines
    assert "cnbudget_balanced 1" in lines
