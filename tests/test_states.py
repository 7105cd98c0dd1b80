"""The states that follow each commit against those derived anew of everything, after random histories."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from cnbudget.model import DocumentState, ObjectState
from tests.lakes import staged_frames
from warehouse.journal import (
    Commit,
    Decision,
    DecisionMade,
    DocumentAudited,
    DocumentsPublished,
    Entry,
    FindingAccepted,
    ObjectRecorded,
)
from warehouse.store import FOLLOW, Store, Transaction

DERIVED = {
    "objects": ["source_uri", "source_version"],
    "arrivals": ["document_id"],
    "shelves": ["shelf", "budget_key"],
    "document_states": ["document_id"],
    "partitions": ["partition"],
}
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = [f"s3://in/{stem}.{ending}" for stem in "abc" for ending in ("pdf", "xlsx")]
DOCUMENTS = [f"{n:02}" for n in range(8)]
Frames = Mapping[str, pl.DataFrame]


class History:
    """Random entries about few documents of few budgets, so that they meet: revisions, renditions, ties, moves."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)
        self._draws = [self._object, self._object, self._audit, self._audit, self._publish, self._decide, self._accept]
        self.frames: dict[str, Frames] = {}
        """What is staged for each document now."""

    def commits(self, count: int) -> list[tuple[Commit, dict[str, Frames]]]:
        """Commits, each with the results of the documents that it audits."""
        found = []
        for version in range(1, count + 1):
            entries = [self._rng.choice(self._draws)() for _ in range(self._rng.randint(1, 5))]
            audited = {entry.document_id for entry in entries if isinstance(entry, DocumentAudited)}
            at = START + timedelta(hours=version)
            commit = Commit(version, at, self._rng.choice(["li", "wang"]), str(version), tuple(entries))
            found.append((commit, {document_id: self.frames[document_id] for document_id in audited}))
        return found

    def _object(self) -> Entry:
        state = self._rng.choice([ObjectState.LANDED, ObjectState.LANDED, ObjectState.GONE, ObjectState.SEEN])
        document_id = self._rng.choice(DOCUMENTS) if state is ObjectState.LANDED else None
        modified = START - timedelta(days=self._rng.randint(1, 3))
        return ObjectRecorded(
            self._rng.choice(NAMES), self._rng.choice("12"), "e", 1, modified, state, document_id, None
        )

    def _audit(self) -> Entry:
        document_id, budget = self._rng.choice(DOCUMENTS), self._rng.choice(["b1", "b2", None])
        state = self._rng.choice([DocumentState.PARSED, DocumentState.PARSED, DocumentState.HELD])
        year, figures = self._rng.choice([2024, 2025, None]), self._rng.randint(1, 3)
        media = self._rng.choice(["application/pdf", "text/plain"])
        self.frames[document_id] = staged_frames(
            document_id, figures, budget_id=budget, fiscal_year=year, media_type=media
        )
        return DocumentAudited(
            document_id, "x1", state, None, budget, str(figures), self._rng.random() < 0.9, None, year, "310117"
        )

    def _publish(self) -> Entry:
        audited = sorted(self.frames)
        return DocumentsPublished(tuple(self._rng.sample(audited, min(3, len(audited)))))

    def _decide(self) -> Entry:
        figures = str(self._rng.randint(1, 3))
        return DecisionMade(self._rng.choice(DOCUMENTS), self._rng.choice(list(Decision)), "because", figures)

    def _accept(self) -> Entry:
        return FindingAccepted(f"{self._rng.choice(['b1', 'b2', None])}/r", self._rng.choice("ef"), "known")


def derived(store: Transaction) -> dict[str, list[tuple[object, ...]]]:
    return {
        name: store.query(f"SELECT * FROM ledger.{name} ORDER BY {', '.join(key)}").rows()
        for name, key in DERIVED.items()
    }


def apply(store: Transaction, commits: Sequence[tuple[Commit, Mapping[str, Frames]]]) -> None:
    frames = {document_id: found for _, audited in commits for document_id, found in audited.items()}
    store.apply([commit for commit, _ in commits], frames.values())


def derive_anew(store: Transaction) -> None:
    for name in DERIVED:
        store.execute(f"DELETE FROM ledger.{name}")
    store.execute("UPDATE ledger.derived SET version = 0")
    store.execute(FOLLOW)


@pytest.mark.parametrize("seed", range(6))
def test_apply__what_follows_each_commit_is_what_deriving_all_anew_gives(seed: int, tmp_path: Path) -> None:
    commits = History(seed).commits(12)
    with Store(tmp_path / "one.duckdb").transaction() as store:
        for commit in commits:
            apply(store, [commit])
            followed = derived(store)
            derive_anew(store)
            assert followed == derived(store)
    with Store(tmp_path / "all.duckdb").transaction() as store:
        apply(store, commits)
        assert followed == derived(store)
    assert [row[0] for row in followed["document_states"]] == sorted({id for _, audited in commits for id in audited})
