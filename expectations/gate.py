"""The gate: runs the suites over a batch read back from its staged Parquet, and says per document what failed.

What could not be evaluated is a critical verdict on the whole batch, never a pass.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from cnbudget.schema import STAGED
from expectations import balances
from expectations.suites import Suite, read_suites

if TYPE_CHECKING:
    from expectations.plans import Outcome

    Evaluate = Callable[[Suite, Any, str], dict[str, Outcome]]

PREPARED: dict[str, Callable[[balances.Frames], pl.DataFrame]] = {
    "column_types": balances.column_types,
    "printed_totals": balances.printed_totals,
    "document_counts": balances.document_counts,
    "recomputed_identities": balances.recomputed_identities,
}
N_EXAMPLES, N_NAMING = 3, 4
NAMING = (
    "balance",
    "form_id",
    "measure",
    "added_yuan",
    "printed_yuan",
    "identity_id",
    "instance",
    "fact_id",
    "file_name",
)
"""Columns that tell a reader which row is meant, the telling ones first."""
REPAIR = "stage the batch again; if it stays, the reader and the schema disagree"


@dataclass(frozen=True, slots=True)
class Verdict:
    """An expectation that a document did not meet; `document_id` is None where it is the whole batch.

    `severity` is critical (holds the document), warning or info. `is_approvable`: a person may publish it all the same.
    `n_rows`: how many rows do not meet it; 0 where that cannot be told.
    """

    document_id: str | None
    dataset: str
    expectation_id: str
    severity: str
    message: str
    is_approvable: bool = False
    n_rows: int = 0


def audit(frames: Mapping[str, pl.DataFrame]) -> list[Verdict]:
    """What a batch of staged frames (by dataset) does not meet; an empty list lets all of it pass.

    Documents are told by `document_id`. A missing or malformed frame is a critical verdict on the batch.
    """
    found = read_suites()
    verdicts = [
        verdict
        for name in dict.fromkeys((*STAGED, *PREPARED, *found))
        for verdict in run_suite(found.get(name, {"name": name, "expectations": []}), _frame_for(name, frames))
    ]
    # Great Expectations' objects hold each other, and with them the frames of the batch.
    gc.collect()
    return verdicts


def run_suite(suite: Suite, frame: pl.DataFrame | str) -> list[Verdict]:
    """The verdicts of one suite over its frame (or over the reason why there is none)."""
    name, expectations = suite["name"], _by_id(suite)
    if isinstance(frame, str):
        return [Verdict(None, name, "frame", "critical", f"{name}: {frame}; next: {REPAIR}")]
    if not expectations:  # an installation that lost its suites must not let everything pass
        lost = "no suite found; expected: expectations/suites/*.json; next: `python -m expectations write`"
        return [Verdict(None, name, "suite", "critical", f"{name}: {lost}")]
    evaluate, data = _great_expectations(), _to_pandas(frame)
    # Where rows fail is asked only of what failed: it makes GX take twice as long.
    outcomes = evaluate(suite, data, "BOOLEAN_ONLY")
    failed = {each: expectations[each] for each in expectations if each not in outcomes or not outcomes[each].is_met}
    if not failed:
        return []
    outcomes = evaluate(suite | {"expectations": list(failed.values())}, data, "COMPLETE")
    return [
        verdict
        for each, expectation in failed.items()
        for verdict in _verdicts(name, expectation, outcomes.get(each), frame)
    ]


def _by_id(suite: Suite) -> dict[str, dict[str, Any]]:
    return {expectation["meta"]["id"]: expectation for expectation in suite["expectations"]}


def _frame_for(name: str, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame | str:
    try:
        return PREPARED[name](frames) if name in PREPARED else frames[name]
    except KeyError as error:
        return f"frame {error} is missing; expected: every staged dataset"
    except pl.exceptions.PolarsError as error:
        return f"cannot be computed from the staged frames ({type(error).__name__}: {error}); expected: their schema"


@cache
def _great_expectations() -> Evaluate:
    """Imported when first needed: it costs seconds and hundreds of megabytes."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from expectations.plans import evaluate

        importlib.import_module("expectations.required")
    # What is loaded stays to the end: looking through all of it takes a fifth of a second of each collection.
    gc.freeze()
    atexit.register(gc.unfreeze)
    return evaluate


def _to_pandas(frame: pl.DataFrame) -> Any:
    """Keeps decimals and nullable integers; numbers without nulls as NumPy's, which GX compares without a loop."""
    converted = frame.to_pandas(use_pyarrow_extension_array=True)
    for name, dtype in frame.schema.items():
        if dtype in (pl.Int64, pl.Float64) and not frame[name].null_count():
            converted[name] = frame[name].to_numpy()
    return converted


def _verdicts(
    name: str, expectation: dict[str, Any], outcome: Outcome | None, frame: pl.DataFrame
) -> Iterator[Verdict]:
    failure = outcome.failure if outcome else "no result from Great Expectations"
    found = outcome.found if outcome else {}
    positions = found.get("unexpected_index_list")
    if failure or not positions:
        said = failure or str(found.get("observed_value", "a failure without rows"))
        yield _of_batch(name, expectation, said, is_exception=bool(failure))
        return
    rows = pl.DataFrame(
        {"document_id": frame["document_id"].gather(positions), "row": positions}, schema_overrides={"row": pl.Int64}
    )
    for (document_id,), mine in rows.group_by(["document_id"], maintain_order=True):
        examples = frame[mine["row"].unique(maintain_order=True).head(N_EXAMPLES)]
        found = f"{_examples(examples, expectation)} in {mine.height} row(s)"
        yield _verdict(None if document_id is None else str(document_id), name, expectation, found, mine.height)


def _examples(rows: pl.DataFrame, expectation: dict[str, Any]) -> str:
    """The offending values, each with what names its row."""
    kwargs = expectation["kwargs"]
    columns = [kwargs["column"]] if "column" in kwargs else list(kwargs["column_list"])
    if expectation["type"] == "expect_multicolumn_values_to_all_be_present":
        columns = [column for column in columns if rows[column].null_count()]
    naming = [column for column in NAMING if column in rows.columns and column not in columns]
    shown = rows.select(*columns, *naming[:N_NAMING]).to_dicts()
    return "; ".join(", ".join(f"{key} {value}" for key, value in row.items()) for row in shown)


def _of_batch(name: str, expectation: dict[str, Any], found: str, *, is_exception: bool = True) -> Verdict:
    verdict = _verdict(None, name, expectation, found[:500])
    if not is_exception:
        return verdict
    return Verdict(None, name, verdict.expectation_id, "critical", f"could not be evaluated: {verdict.message}")


def _verdict(document_id: str | None, name: str, expectation: dict[str, Any], found: str, n_rows: int = 0) -> Verdict:
    meta, where = expectation["meta"], f"{name}, document {document_id[:12]}" if document_id else f"{name}, whole batch"
    return Verdict(
        document_id,
        name,
        meta["id"],
        expectation["severity"],
        f"{where}: found {found}; expected {meta['expected']}; next: {meta['next_step']}",
        meta["is_approvable"],
        n_rows,
    )
