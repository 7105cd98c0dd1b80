"""Judging again: which documents, and recording what came of it (what they are compared with: `companions`).

A judgement is the `documents` row and the findings of one document, as one more file beside its staged result; the audit that
names it makes it count. What a judgement does not change leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from cnbudget.results import Frames, result_to_case
from warehouse.journal import DocumentAudited, Entry
from warehouse.ledger import Room, read_all, read_staged
from warehouse.staging import JUDGED, StagedResult, to_judgements
from warehouse.verdicts import to_verdicts

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Scope:
    """Which documents are judged again: all, or those of some years, jurisdictions (codes) or ids."""

    years: Sequence[int] = ()
    jurisdictions: Sequence[str] = ()
    document_ids: Sequence[str] = ()

    def __str__(self) -> str:
        parts = {"years": self.years, "jurisdictions": self.jurisdictions, "documents": self.document_ids}
        said = [f"{name} {', '.join(str(value)[:12] for value in values)}" for name, values in parts.items() if values]
        return "; ".join(said) or "all"


@dataclass(frozen=True, slots=True)
class Standing:
    """A document with figures as it stands: its staged result, and the verdict that counts with the version of its entry."""

    result: StagedResult
    audit_version: int
    verdict: tuple[str, str | None, bool]
    """State, reason, and whether it may be approved."""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """A document that was judged again: its result and verdict before the first time, and now."""

    before: StagedResult
    after: StagedResult
    was: str
    now: str


class Judging(Room):
    """Documents that were read before, for today's rules and suites."""

    def standings(self, scope: Scope) -> list[Standing]:
        """Documents of a scope that have figures and whose state rules may decide, in the order of their ids.

        Not those that a person put aside, nor those that will be read again anyway.
        """
        rows = self._ledger.query_head(
            _STANDINGS, years=list(scope.years), places=list(scope.jurisdictions), ids=list(scope.document_ids)
        )
        return [Standing(StagedResult(*row[:3]), row[3], row[4:]) for row in rows.iter_rows()]

    def results(self, results: Sequence[StagedResult]) -> tuple[dict[str, pl.DataFrame], dict[str, bytes]]:
        """The frames of staged results as they were judged last, and the cases that were kept with them."""
        cases = read_all(self.bucket, [result.key for result in results], result_to_case)
        kept = {result.document_id: case for result, case in zip(results, cases, strict=True) if case is not None}
        return read_staged(self.bucket, results), kept

    def record_judgements(
        self,
        standings: Sequence[Standing],
        frames: Frames,
        critical: Mapping[str, Sequence[str]],
        *,
        unapprovable: Collection[str] = (),
        changed: Collection[str] = (),
    ) -> list[DocumentAudited]:
        """Record the judgements on these documents: their frames with `documents` and `findings` as judged; the verdicts.

        Left out are documents whose findings have not `changed` and whose verdict is what it was, and those on which someone
        else gave a verdict since `standings`: they were judged on what has passed.
        """
        ours = {standing.result.document_id: standing for standing in standings}
        judgements = to_judgements(frames)
        verdicts = to_verdicts(frames, critical, unapprovable, {name: key for name, (key, _) in judgements.items()})
        news = {
            v.document_id: v for v in verdicts if v.document_id in changed or _said(v) != ours[v.document_id].verdict
        }
        self._write({_result_of(verdict): judgements[name][1] for name, verdict in news.items()})
        recorded: list[DocumentAudited] = []

        def still_standing() -> list[Entry]:
            rows = self._ledger.query(_AUDIT_VERSIONS, ids=list(news))
            recorded[:] = [news[name] for name, version in rows.iter_rows() if version == ours[name].audit_version]
            return list(recorded)

        if news:
            own = pl.col("document_id").is_in(list(news))
            self._ledger.commit(still_standing, at_hand={name: frames[name].filter(own) for name in JUDGED})
        return recorded

    def _write(self, judgements: Mapping[StagedResult, bytes]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(lambda item: self.bucket.write(str(item[0].judgement_key), item[1]), judgements.items()))

    def record_run(self, entries: Sequence[Entry]) -> None:
        """Record a run and how its expectations came out."""
        self._ledger.commit(lambda: entries)

    def judged_since(self, version: int) -> list[Rejudged]:
        """The documents that were judged again after a version."""
        rows = self._ledger.query_head(_JUDGED_SINCE, version=version)
        return [Rejudged(StagedResult(*row[:3]), StagedResult(row[0], *row[3:5]), *row[5:]) for row in rows.iter_rows()]

    def findings_of(self, results: Sequence[StagedResult]) -> pl.DataFrame:
        """The findings of these results, as they were judged."""
        return read_staged(self.bucket, results)["findings"]

    def is_recorded(self, run_id: str) -> bool:
        """Whether a run was recorded to its end."""
        return not self._ledger.query_head("FROM ledger.validation_runs WHERE run_id = $id", id=run_id).is_empty()


def _said(verdict: DocumentAudited) -> tuple[str, str | None, bool]:
    return verdict.state.value, verdict.state_reason, verdict.is_approvable


def _result_of(verdict: DocumentAudited) -> StagedResult:
    return StagedResult(verdict.document_id, verdict.extractor_version, verdict.judgement)


_AUDIT_VERSIONS = """
    SELECT document_id, audit_version FROM ledger.document_states WHERE list_contains($ids, document_id)
    ORDER BY document_id
"""
_STANDINGS = """
    SELECT a.document_id, a.extractor_version, a.judgement, a.version, a.state, a.state_reason, a.is_approvable
    FROM ledger.audits a
    JOIN ledger.document_states d ON d.document_id = a.document_id AND d.audit_version = a.version
    JOIN staged.documents s ON s.document_id = a.document_id
    WHERE d.state IN ('parsed', 'published', 'superseded', 'held') AND s.n_facts > 0 AND d.decision IS DISTINCT FROM 'retry'
        AND (len($years) = 0 OR list_contains($years, s.fiscal_year))
        AND (len($places) = 0 OR list_contains($places, s.jurisdiction_code))
        AND (len($ids) = 0 OR list_contains($ids, a.document_id))
    ORDER BY a.document_id
"""
_JUDGED_SINCE = """
    WITH judged AS (
        SELECT document_id, min(version) AS first_version, max(version) AS last_version FROM ledger.audits
        WHERE version > $version AND judgement IS NOT NULL GROUP BY document_id
    ),
    before AS (
        SELECT j.document_id, max(a.version) AS version
        FROM judged j JOIN ledger.audits a ON a.document_id = j.document_id AND a.version < j.first_version
        GROUP BY j.document_id
    )
    SELECT b.document_id, a.extractor_version, a.judgement, n.extractor_version, n.judgement, a.state, n.state
    FROM judged j
    JOIN before b USING (document_id)
    JOIN ledger.audits a ON a.document_id = b.document_id AND a.version = b.version
    JOIN ledger.audits n ON n.document_id = j.document_id AND n.version = j.last_version
    ORDER BY b.document_id
"""
