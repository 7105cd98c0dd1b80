"""Data Docs: a page for each suite, and an index; of our own results, without a context of Great Expectations."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from expectations.data_docs import data_docs
from expectations.suites import read_suites

pytestmark = pytest.mark.filterwarnings("ignore")


def test_data_docs__has_a_page_for_each_suite_and_names_what_was_not_met() -> None:
    unmet = {("documents", "jurisdiction_code.known"): (3, ["a" * 64, "b" * 64])}
    pages = data_docs(unmet, "run1", datetime(2026, 1, 1, tzinfo=UTC))
    assert set(pages) == {"index.html", *(f"{name}.html" for name in read_suites())}
    assert "jurisdiction_code.known: 3 rows of 2 documents: aaaaaaaaaaaa, bbbbbbbbbbbb" in pages["index.html"]
    assert "fa-times" in pages["documents.html"]
    assert "fa-times" not in pages["budget_facts.html"]
    assert pages["index.html"].count("all met") == len(read_suites()) - 1
    assert "CDN" in pages["index.html"]
