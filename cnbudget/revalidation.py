"""Judging again what was read before: today's rules over kept cases, and what that changes."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cnbudget.casefile import from_casefile
from cnbudget.parsed import Judged, finding_counts, findings_frame, state_by
from cnbudget.rules import across, findings_of
from cnbudget.rules.history import Findings
from cnbudget.schema import DATASETS

Frames = Mapping[str, pl.DataFrame]

_KEY = ["finding_id", "document_id"]
_SAID = (
    *("severity", "cause", "is_holding", "expected", "found", "difference"),
    *("message_zh", "message_en", "evidence_sha256"),
)
"""What makes a finding another one in the eyes of a reader; its place on the page alone does not."""
ACROSS = tuple(rule.rule_id for rule in across.RULES)
"""The rules over several documents."""


def judge_again(staged: Frames, cases: Mapping[str, bytes], found_across: Findings) -> dict[str, pl.DataFrame]:
    """`documents` and `findings` of staged frames as today's rules have them.

    `cases`: kept cases by document_id. Where a document has none, or one of a version that knew other cases, the findings on
    that document alone stay as they are staged; those over several documents are made anew for all.
    """
    judged, states = [], []
    columns = ("document_id", "budget_id", "fiscal_year")
    for document_id, budget_id, fiscal_year in staged["documents"].select(columns).iter_rows():
        case = from_casefile(cases[document_id]) if document_id in cases else None
        found = [] if case is None else findings_of(case)
        if case is not None:
            states.append((document_id, *state_by(found)))
        judged.append(Judged(document_id, budget_id, fiscal_year, [*found, *found_across.get(document_id, ())]))
    names = ("document_id", "state", "state_reason")
    again = pl.DataFrame(states, schema=dict.fromkeys(names, pl.String()), orient="row")
    kept = staged["findings"].filter(
        ~pl.col("document_id").is_in(again["document_id"].to_list()), ~pl.col("rule_id").is_in(ACROSS)
    )
    findings = pl.concat([kept, findings_frame(judged)])
    return {"documents": _documents(staged["documents"], again, findings), "findings": findings}


def _documents(staged: pl.DataFrame, again: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """`documents` with the states and counts that these findings make."""
    states = again.with_columns(is_again=pl.lit(True))
    counts = finding_counts(findings)
    own = counts.columns[1:]
    rows = staged.drop(own).join(counts, on="document_id", how="left", maintain_order="left")
    rows = rows.join(states, on="document_id", how="left", maintain_order="left", suffix="_again").with_columns(
        *(pl.col(name).fill_null(0) for name in own),
        *(pl.when("is_again").then(f"{name}_again").otherwise(name).alias(name) for name in ("state", "state_reason")),
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in DATASETS["documents"].polars_schema().items())


def differing(documents: pl.DataFrame, before: pl.DataFrame, found_across: Findings) -> list[str]:
    """Those of `documents` whose findings over several documents are others than they were `before` (no other rules)."""
    ids = documents["document_id"]
    keys = documents.select("document_id", "budget_id", "fiscal_year").iter_rows()
    now = findings_frame([Judged(name, budget, year, found_across.get(name, ())) for name, budget, year in keys])
    changes = finding_changes(before.filter(pl.col("document_id").is_in(ids.to_list())), now)
    return ids.filter(ids.is_in(changes["document_id"].to_list())).to_list()


def finding_changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """What differs between two states of `findings` of the same documents: its rows with `change` new, resolved or changed.

    A resolved finding is the row that it was, the others are the rows that they are now.
    """
    was = before.select(*_KEY, pl.struct(_SAID).hash().alias("was"))
    now = after.join(was, on=_KEY, how="left", maintain_order="left").with_columns(
        change=pl.when(pl.col("was").is_null())
        .then(pl.lit("new"))
        .when(pl.struct(_SAID).hash() != pl.col("was"))
        .then(pl.lit("changed"))
    )
    gone = before.join(after, on=_KEY, how="anti", maintain_order="left").with_columns(change=pl.lit("resolved"))
    changed = now.filter(pl.col("change").is_not_null()).drop("was")
    return pl.concat([changed, gone.select(changed.columns)]).select("change", *before.columns)


def moved(before: pl.DataFrame, after: pl.DataFrame) -> list[str]:
    """Documents whose state or reason differs between two states of `documents`."""
    both = before.select("document_id", "state", "state_reason").join(
        after.select("document_id", "state", "state_reason"), on="document_id", suffix="_now"
    )
    differs = pl.col("state").ne_missing(pl.col("state_now")) | pl.col("state_reason").ne_missing(
        pl.col("state_reason_now")
    )
    return both.filter(differs)["document_id"].to_list()
