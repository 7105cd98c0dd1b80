"""The report of a run: both languages, nothing from elsewhere, and every change with its document."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import polars as pl

from cnbudget.run_report import SHOWN, render_index, render_run, when
from cnbudget.schema import DATASETS
from tests.test_history import frame

RUN = dict.fromkeys(DATASETS["validation_runs"].column_names, 0) | {
    "run_id": "run1",
    "occasion": "revalidation",
    "scope": "years 2024",
    "by": "ann",
    "started_at": datetime(2026, 1, 1, 20, 0, tzinfo=UTC),
    "extractor_version": "x",
    "rules_version": "r",
    "suites_version": "s",
    "n_new": 1,
}


def changes(*kinds: str) -> pl.DataFrame:
    own = {
        "document_id": "d" * 64,
        "rule_id": "code_unknown",
        "severity": "warning",
        "message_zh": "编码<不明>",
        "message_en": "unknown & odd",
    }
    rows = frame("findings", *(own | {"finding_id": str(number), "page": 7} for number in range(len(kinds))))
    return rows.select(pl.Series("change", kinds, pl.String), pl.all())


def checked(**own: object) -> dict[str, object]:
    return {
        "dataset": "documents",
        "expectation_id": "e1",
        "severity": "info",
        "is_met": False,
        "n_unexpected": 3,
        "n_documents": 2,
    } | own


def test_render_run__says_what_changed_and_what_moved_in_both_languages() -> None:
    moves = [("d" * 64, "parsed", "held")]
    page = render_run(
        RUN, changes("new"), moves, [checked(), checked(expectation_id="e2", is_met=True)], {"d" * 64: "某局 2024"}
    )
    for said in (
        "编码&lt;不明&gt;",
        "unknown &amp; odd",
        "某局 2024",
        "p. 7",
        "暂缓发布",
        "Held",
        "2026-01-02 04:00",
        "e1",
        "years 2024",
    ):
        assert said in page
    assert "e2" not in page


def test_render_run__asks_for_nothing_and_runs_nothing() -> None:
    page = render_run(RUN, changes("new", "resolved"), [], [], {})
    assert "default-src 'none'" in page
    assert not re.search(r"<script|<link|<img|@import|url\(|https?://", page)


def test_render_run__of_nothing_says_so() -> None:
    page = render_run(RUN | {"n_new": 0}, changes(), [], [], {})
    assert "Nothing differs from the last run" in page
    assert "Some things differ" not in page


def test_render_run__many_changes_are_counted_and_not_all_listed() -> None:
    page = render_run(RUN, changes(*["new"] * (SHOWN + 5)), [], [], {})
    assert page.count('<li class="finding') == SHOWN
    assert f">{SHOWN + 5}<" in page


def test_render_index__leads_to_every_run() -> None:
    page = render_index([RUN, RUN | {"run_id": "run2", "scope": "<all>"}, RUN | {"run_id": "run3", "scope": "all"}])
    assert re.findall(r'href="(run\d\.html)"', page) == ["run1.html", "run2.html", "run3.html"]
    assert "&lt;all&gt;" in page
    assert '<td><span class="zh" lang="zh-Hans">全部</span><span class="en" lang="en">All</span></td>' in page


def test_when__is_shanghais_time() -> None:
    assert when(datetime(2026, 12, 31, 16, 30, tzinfo=UTC)) == "2027-01-01 00:30"
