"""The reports of re-validations, beside the data: `curated/reports/runs/` (ours, offline) and `data_docs/` (of the last run)."""

from __future__ import annotations

import io
from collections.abc import Sequence

import polars as pl

from cnbudget.run_report import render_index, render_run
from tasks.validation import Tally
from warehouse.judging import Rejudged
from warehouse.lake import Lake

RUNS = "curated/reports/runs/"
DATA_DOCS = "curated/reports/data_docs/"
_LISTED = 500


def write(lake: Lake, tally: Tally, changes: pl.DataFrame, moves: Sequence[Rejudged]) -> str:
    """Write the pages of a recorded run and the rows of its changes; where the run's page is."""
    run_id = tally.run_id
    (run,) = _rows(lake, "SELECT * FROM validation_runs WHERE run_id = $run_id", run_id=run_id)
    checked = _rows(lake, "SELECT * FROM validation_results WHERE run_id = $run_id", run_id=run_id)
    ids = {*changes["document_id"], *(each.before.document_id for each in moves)}
    names = lake.query(_NAMES, ids=list(ids))
    shown = [(each.before.document_id, each.was, each.now) for each in moves]
    page = render_run(run, changes, shown, checked, dict(names.iter_rows()))
    lake.bucket.write(f"{RUNS}{run_id}.html", page.encode())
    buffer = io.BytesIO()
    changes.write_parquet(buffer)
    lake.bucket.write(f"{RUNS}{run_id}.parquet", buffer.getvalue())
    lake.bucket.write(f"{RUNS}index.html", render_index(_rows(lake, _LAST_RUNS)).encode())
    _write_data_docs(lake, tally)
    return f"{lake.bucket.uri}/{RUNS}{run_id}.html"


def _write_data_docs(lake: Lake, tally: Tally) -> None:
    from expectations.data_docs import data_docs

    unmet = {key: (each.n_rows, sorted(each.document_ids)) for key, each in tally.unmet.items()}
    for name, page in data_docs(unmet, tally.run_id, tally.started_at).items():
        lake.bucket.write(f"{DATA_DOCS}{name}", page.encode())


def _rows(lake: Lake, sql: str, **parameters: object) -> list[dict[str, object]]:
    return lake.query(sql, **parameters).to_dicts()


_NAMES = """
    SELECT document_id, coalesce(publisher_name || ' ' || fiscal_year, file_name) AS name FROM documents
    WHERE list_contains($ids, document_id)
"""
_LAST_RUNS = f"""
    SELECT * FROM validation_runs WHERE occasion = 'revalidation' ORDER BY started_at DESC, run_id LIMIT {_LISTED}
"""
