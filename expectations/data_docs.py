"""Data Docs: Great Expectations' own pages on how its expectations came out, one a suite, and an index.

An extra for those who know them: the pages load style and scripts from CDNs. The report of a run that needs nothing else is
`cnbudget.run_report`.
"""

from __future__ import annotations

import html
import importlib
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from expectations.suites import Suite, read_suites

Unmet = Mapping[tuple[str, str], tuple[int, Sequence[str]]]
"""By suite and expectation id: how many rows did not meet it, and of which documents; all others were met."""


def data_docs(unmet: Unmet, run_id: str, at: datetime) -> dict[str, str]:
    """The pages of a run by file name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pages = {f"{name}.html": _page(suite, unmet, run_id, at) for name, suite in read_suites().items()}
    rows = "".join(
        f'<tr><td><a href="{name}">{name.removesuffix(".html")}</a></td><td>{_unmet_of(name, unmet) or "all met"}</td></tr>'
        for name in pages
    )
    title = f"Data Docs of run {html.escape(run_id)}, {at:%Y-%m-%d %H:%M} UTC"
    note = "Pages of Great Expectations; they load style and scripts from CDNs."
    head = f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
    table = f"<table><tr><th>suite</th><th>not met</th></tr>{rows}</table>"
    return {"index.html": f"{head}<body><h1>{title}</h1><p>{note}</p>{table}</body></html>\n", **pages}


def _unmet_of(page: str, unmet: Unmet) -> str:
    own = {key: found for (suite, key), found in unmet.items() if suite == page.removesuffix(".html")}
    return "<br>".join(f"{html.escape(key)}: {html.escape(_said(*found))}" for key, found in own.items())


def _said(n_rows: int, document_ids: Sequence[str]) -> str:
    named = ", ".join(name[:12] for name in document_ids[:10])
    return f"{n_rows} rows of {len(document_ids)} documents: {named}"


def _page(suite: Suite, unmet: Unmet, run_id: str, at: datetime) -> str:
    from great_expectations.core import ExpectationSuite
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.render.renderer import ValidationResultsPageRenderer
    from great_expectations.render.view import DefaultJinjaPageView

    importlib.import_module("expectations.required")
    results = [
        ExpectationValidationResult(**_result(config, unmet.get((suite["name"], config.meta["id"]))))
        for config in ExpectationSuite(**suite).expectation_configurations
    ]
    n_met = sum(bool(result.success) for result in results)
    whole = ExpectationSuiteValidationResult(
        success=n_met == len(results),
        results=results,
        suite_name=suite["name"],
        statistics={
            "evaluated_expectations": len(results),
            "successful_expectations": n_met,
            "unsuccessful_expectations": len(results) - n_met,
            "success_percent": 100.0 * n_met / max(1, len(results)),
        },
        meta={
            "run_id": {"run_name": run_id, "run_time": at.isoformat()},
            "validation_time": at.isoformat(),
            "batch_markers": {},
            "active_batch_definition": {},
        },
    )
    page: str = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(whole))
    return page


def _result(config: Any, unmet: tuple[int, Sequence[str]] | None) -> dict[str, Any]:
    found = _said(*unmet) if unmet else "all rows"
    raised = {"raised_exception": False, "exception_message": None, "exception_traceback": None}
    return {
        "success": unmet is None,
        "expectation_config": config,
        # Great Expectations looks up the columns of a table in what was observed of them.
        "result": {"observed_value": config.kwargs.get("column_list", found)},
        "exception_info": raised,
    }
