"""The bucket balance: every object version that the sources list is in exactly one state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cnbudget.model import ObjectState
from warehouse.ledger import Room
from warehouse.sources import Source, known_source


@dataclass(frozen=True, slots=True)
class Balance:
    """The bucket balance. Every object version that is listed is in exactly one state, or it is `unrecorded`."""

    n_listed: int
    objects: Mapping[str, int]
    unrecorded: int
    stale: int
    """Recorded and no longer listed; the next ingestion marks them gone."""
    documents: Mapping[str, int]
    oldest_unseen_at: datetime | None = None
    """When the oldest object was put that is not recorded yet, or that could not be read yet."""

    @property
    def is_balanced(self) -> bool:
        """Whether listing and states agree, and no object waits to be read."""
        n_here = sum(n for state, n in self.objects.items() if state != ObjectState.GONE)
        waiting = self.objects.get(ObjectState.SEEN, 0)
        return not self.unrecorded and not self.stale and not waiting and n_here == self.n_listed


class Balancing(Room):
    """The sources of a lake, and whether all that they hold is accounted for."""

    def sources(self) -> list[Source]:
        """Every source that was ever ingested and can be listed; a file that was removed is one that holds nothing."""
        rows = self._ledger.query_head(_SOURCES).iter_rows()
        return [source for source in (known_source(uri, is_object=is_object) for uri, is_object in rows) if source]

    def balance(self) -> Balance:
        """List every source and compare it with the states."""
        listed = {
            (source.uri_of(info.key), info.version): info.last_modified_at
            for source in self.sources()
            for info in source.objects()
        }
        with self._ledger.store.transaction() as store:
            recorded = {row[:2]: row[2] for row in store.query(_OBJECT_STATES).iter_rows()}
            documents = dict(store.query(_DOCUMENT_COUNTS).iter_rows())
        here = {name for name, state in recorded.items() if state != ObjectState.GONE}
        states = pl.Series(list(recorded.values()), dtype=pl.String).value_counts(name="n").sort("")
        objects = dict(states.iter_rows())
        unseen = [at for name, at in listed.items() if recorded.get(name, ObjectState.SEEN) == ObjectState.SEEN]
        stale = len(here - listed.keys())
        return Balance(
            len(listed), objects, len(listed.keys() - here), stale, documents, min(unseen) if unseen else None
        )


_SOURCES = """
    SELECT DISTINCT source_uri, source_uri IN (SELECT source_uri FROM ledger.object_records) AS is_object
    FROM ledger.sources ORDER BY source_uri
"""
_OBJECT_STATES = "SELECT source_uri, source_version, state FROM ledger.objects WHERE member_name IS NULL"
_DOCUMENT_COUNTS = """
    SELECT coalesce(state, 'landed') AS state, count(*) AS n
    FROM ledger.arrivals LEFT JOIN ledger.document_states USING (document_id)
    GROUP BY ALL ORDER BY state
"""
