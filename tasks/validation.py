"""What rules and suites said in a run, put together over its batches, as entries of the journal."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cnbudget.model import DocumentState
from cnbudget.parsed import extractor_version, rules_version
from warehouse.journal import Entry, ExpectationChecked, ValidationRun

if TYPE_CHECKING:
    import polars as pl

    from expectations.gate import Verdict

NAMED = 50
"""More documents than this are counted, but not named, where an expectation was not met."""

Key = tuple[str, str]


@dataclass(slots=True)
class Unmet:
    """An expectation that was not met: how much that matters, by how many rows, of which documents."""

    severity: str
    n_rows: int = 0
    document_ids: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Tally:
    """A run of rules and suites as it goes on."""

    occasion: str
    scope: str
    run_id: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    n_documents: int = 0
    n_held: int = 0
    n_findings: int = 0
    unmet: dict[Key, Unmet] = field(default_factory=dict)
    changes: Counter[str] = field(default_factory=Counter)

    def add(self, findings: pl.DataFrame, verdicts: Sequence[Verdict], states: Sequence[str]) -> None:
        """Add a batch: its findings, what the gate said of it, and the states that its documents have now."""
        self.n_documents += len(states)
        self.n_held += sum(state == DocumentState.HELD for state in states)
        self.n_findings += findings.height
        for verdict in verdicts:
            unmet = self.unmet.setdefault((verdict.dataset, verdict.expectation_id), Unmet(verdict.severity))
            unmet.n_rows += verdict.n_rows
            unmet.document_ids |= {verdict.document_id} - {None}  # type: ignore[operator]

    def to_entries(self, *, with_met: bool = False) -> list[Entry]:
        """The run and its expectations: those that were not met or, on demand, all."""
        from expectations.suites import read_suites, suites_version

        asked = {
            (name, expectation["meta"]["id"]): str(expectation["severity"])
            for name, suite in read_suites().items()
            for expectation in suite["expectations"]
        }
        run = ValidationRun(
            self.run_id,
            self.occasion,
            self.scope,
            self.started_at,
            extractor_version(),
            rules_version(),
            suites_version(),
            self.n_documents,
            self.n_held,
            self.n_findings,
            len(asked),
            len(self.unmet),
            *(self.changes[change] for change in ("new", "resolved", "changed")),
        )
        return [run, *self._checked(asked if with_met else {})]

    def _checked(self, asked: Mapping[Key, str]) -> list[Entry]:
        met = {key: Unmet(severity) for key, severity in asked.items() if key not in self.unmet}
        return [
            ExpectationChecked(
                self.run_id,
                dataset,
                expectation_id,
                each.severity,
                (dataset, expectation_id) in met,
                each.n_rows,
                len(each.document_ids),
                " ".join(sorted(each.document_ids)[:NAMED]),
            )
            for (dataset, expectation_id), each in sorted({**met, **self.unmet}.items())
        ]
