"""What the store remembers for those who run the lake. It is no part of the truth and goes with the store."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from warehouse.ledger import Room


class Notes(Room):
    """Texts under a name, and counters."""

    def note(self, name: str, value: str | None) -> None:
        """Remember a text under a name until it is None."""
        with self._ledger.store.transaction() as store:
            store.execute("DELETE FROM ledger.notes WHERE name = $name", name=name)
            if value is not None:
                store.execute("INSERT INTO ledger.notes VALUES ($name, $value)", name=name, value=value)

    def noted(self, name: str) -> str | None:
        """What was last remembered under a name."""
        found = self._ledger.query("SELECT value FROM ledger.notes WHERE name = $name", name=name)
        return None if found.is_empty() else str(found.item())

    def count(self, counts: Mapping[tuple[str, str], float]) -> None:
        """Add to counters, by name and label."""
        rows = [(name, label, float(value)) for (name, label), value in counts.items() if value]
        frame = pl.DataFrame(rows, schema=["name", "label", "value"], orient="row")
        with self._ledger.store.transaction() as store:
            store.insert("ledger.counts", frame)
            store.execute(_SUM_COUNTS)

    def counts(self) -> dict[tuple[str, str], float]:
        """The counters, since this store was made."""
        rows = self._ledger.query("SELECT name, label, sum(value) FROM ledger.counts GROUP BY ALL ORDER BY ALL")
        return {(str(name), str(label)): float(value) for name, label, value in rows.iter_rows()}


_SUM_COUNTS = """
    CREATE OR REPLACE TABLE ledger.counts AS
    SELECT name, label, sum(value) AS value FROM ledger.counts GROUP BY ALL
"""
