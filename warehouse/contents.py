"""What the files of some partitions hold, read from the store: a dataset that was staged is read once, for its own files,
for the marts and for the history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from cnbudget.marts import INPUTS, conformed, make_marts
from cnbudget.revisions import fact_history
from cnbudget.schema import DATASETS, MARTS
from warehouse.store import IS_LOADED, LOADED, Transaction, staged_rows

HISTORY = "budget_fact_history"

_MADE = frozenset(MARTS) - {HISTORY}
_BEFORE = ("documents", "budget_facts", "expenditure_lines")
"""What of the year before the marts look at."""

_PLACES = f"""
    SELECT d.partition, d.document_id, s.{LOADED}, d.is_current, d.budget_key AS budget_id, d.revision, d.valid_from
    FROM ledger.document_states d JOIN staged.documents s USING (document_id)
    WHERE list_contains($names, d.partition)
"""
_YEARS_BEFORE = f"""
    SELECT DISTINCT b.document_id, s.{LOADED} FROM ledger.years_before b JOIN staged.documents s USING (document_id)
    WHERE list_contains($names, b.partition)
"""
_SOURCES = f"""
    SELECT {", ".join(DATASETS["document_sources"].column_names)} FROM ledger.objects
    WHERE document_id IN (SELECT unnest($ids::VARCHAR[]))
"""

ByPartition = dict[str, pl.DataFrame]


class Contents:
    """The rows of datasets in partitions. `wanted` names the partitions, by dataset."""

    def __init__(self, store: Transaction, wanted: Mapping[str, Sequence[str]]) -> None:
        self._store = store
        self._wanted = wanted
        with_marts = sorted({name for dataset in _MADE & wanted.keys() for name in wanted[dataset]})
        self._places = store.query(_PLACES, names=sorted({name for names in wanted.values() for name in names}))
        self._charted = self._places.filter(pl.col("is_current"), pl.col("partition").is_in(with_marts))
        self._before = store.query(_YEARS_BEFORE, names=with_marts)
        self._inputs: dict[str, pl.DataFrame] = {}
        self._marts: Mapping[str, pl.DataFrame] | None = None

    def of(self, dataset: str) -> ByPartition:
        """The rows of each partition that is wanted, in the order of their key; of none where nothing in it is published."""
        if dataset in _MADE:
            return self._split(self._made()[dataset], self._charted, dataset)
        if dataset == HISTORY:
            revisions = self._revisions()
            about = revisions.select("document_id", "budget_id", "revision", "valid_from")
            history = fact_history(about, _of(self._rows("budget_facts"), revisions))
            return self._split(conformed(history, HISTORY), revisions, dataset)
        return self._split(self._rows(dataset), self._shown(dataset), dataset)

    def _shown(self, dataset: str) -> pl.DataFrame:
        """The documents whose rows the dataset's partitions hold."""
        places = self._places.filter(pl.col("partition").is_in(list(self._wanted.get(dataset, ()))))
        return places if dataset in ("documents", "document_sources") else places.filter("is_current")

    def _revisions(self) -> pl.DataFrame:
        is_wanted = pl.col("partition").is_in(list(self._wanted.get(HISTORY, ())))
        return self._places.filter(is_wanted, pl.col("valid_from").is_not_null())

    def _made(self) -> Mapping[str, pl.DataFrame]:
        if self._marts is None:
            now = {name: _of(self._rows(name), self._charted) for name in INPUTS}
            before = {name: _of(self._rows(name), self._before if name in _BEFORE else None) for name in INPUTS}
            self._marts = make_marts(now, before)
        return self._marts

    def _rows(self, dataset: str) -> pl.DataFrame:
        """The dataset's rows of all documents that any of its partitions, the marts or the history ask for."""
        if dataset in self._inputs:
            return self._inputs[dataset]
        places = [self._shown(dataset)]
        places += [self._charted] if dataset in INPUTS else []
        places += [self._before] if dataset in _BEFORE else []
        places += [self._revisions()] if dataset == "budget_facts" else []
        documents = pl.concat([place.select("document_id", LOADED) for place in places]).unique()
        rows = conformed(self._read(dataset, documents), dataset)
        if dataset in INPUTS:
            self._inputs[dataset] = rows
        return rows

    def _read(self, dataset: str, documents: pl.DataFrame) -> pl.DataFrame:
        if dataset == "document_sources":
            return self._store.query(_SOURCES, ids=documents["document_id"].to_list())
        return self._store.query(f"{staged_rows(dataset)} WHERE s.{IS_LOADED}", loaded=documents[LOADED].to_list())

    def _split(self, rows: pl.DataFrame, places: pl.DataFrame, dataset: str) -> ByPartition:
        placed = rows.join(places.select("document_id", "partition"), on="document_id", maintain_order="left")
        parts = placed.partition_by("partition", as_dict=True, include_key=False)
        return {name: parts.get((name,), rows.clear()) for name in self._wanted[dataset]}


def _of(rows: pl.DataFrame, documents: pl.DataFrame | None) -> pl.DataFrame:
    return (
        rows.clear() if documents is None else rows.join(documents, on="document_id", how="semi", maintain_order="left")
    )
