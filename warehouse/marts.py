"""The frames that marts and history are made of, read from the store, and what comes out by partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from cnbudget.marts import INPUTS, conformed, make_marts
from cnbudget.revisions import fact_history
from cnbudget.schema import DATASETS
from warehouse.store import Transaction

HISTORY = "budget_fact_history"

_BEFORE = ("documents", "budget_facts", "expenditure_lines")
"""What of the year before the marts look at."""

_CURRENT = (
    "SELECT document_id, partition FROM ledger.document_states WHERE is_current AND list_contains($names, partition)"
)
_YEARS_BEFORE = "SELECT DISTINCT document_id FROM ledger.years_before WHERE list_contains($names, partition)"
_REVISIONS = """
    SELECT document_id, budget_key AS budget_id, revision, valid_from, partition
    FROM ledger.document_states WHERE valid_from IS NOT NULL AND list_contains($names, partition)
"""

ByPartition = dict[str, pl.DataFrame]


def marts_of(store: Transaction, partitions: Sequence[str]) -> dict[str, ByPartition]:
    """All marts but the history of these partitions: dataset name to partition to rows."""
    names = list(partitions)
    places = store.query(_CURRENT, names=names)
    before = store.query(_YEARS_BEFORE, names=names)["document_id"].to_list()
    ids = places["document_id"].to_list()
    old = {name: _rows(store, name, before if name in _BEFORE else []) for name in INPUTS}
    made = make_marts({name: _rows(store, name, ids) for name in INPUTS}, old)
    return {name: _split(frame, places, partitions) for name, frame in made.items()}


def history_of(store: Transaction, partitions: Sequence[str]) -> dict[str, ByPartition]:
    """The history of the figures of these partitions."""
    revisions = store.query(_REVISIONS, names=list(partitions))
    facts = _rows(store, "staged.budget_facts", revisions["document_id"].to_list())
    history = conformed(fact_history(revisions.drop("partition"), facts), HISTORY)
    return {HISTORY: _split(history, revisions.select("document_id", "partition"), partitions)}


def _rows(store: Transaction, dataset: str, document_ids: Sequence[str]) -> pl.DataFrame:
    schema: Mapping[str, pl.DataType] = DATASETS[dataset.removeprefix("staged.")].polars_schema()
    if not document_ids:
        return pl.DataFrame(schema=schema)
    found = store.query(
        f"SELECT {', '.join(schema)} FROM {dataset} WHERE document_id IN (SELECT unnest($ids::VARCHAR[]))",
        ids=list(document_ids),
    )
    # A join gives no order, and the first of equals is taken where there are several.
    return found.cast(dict(schema)).sort(DATASETS[dataset.removeprefix("staged.")].key)  # type: ignore[arg-type]


def _split(frame: pl.DataFrame, places: pl.DataFrame, partitions: Sequence[str]) -> ByPartition:
    placed = frame.join(places, on="document_id", maintain_order="left")
    parts = {
        str(name): part for (name,), part in placed.partition_by("partition", as_dict=True, include_key=False).items()
    }
    return {name: parts.get(name, frame.clear()) for name in partitions}
