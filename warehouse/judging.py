"""Judging again: which documents, what they are compared with, and recording what came of it.

A judgement is the `documents` row and the findings of one document, as one more file beside its staged result; the audit that
names it makes it count. What a judgement does not change leaves no trace.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from cnbudget.results import Frames, result_to_case
from cnbudget.rules.history import listed_units
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


@dataclass(frozen=True, slots=True)
class Companions:
    """What documents are compared with: the datasets of them and of the others, and (later, earlier) editions of a budget."""

    frames: Frames
    revisions: Sequence[tuple[str, str]]


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

    def companions(self, document_ids: Sequence[str]) -> Companions:
        """What these documents are compared with: budgets of the year before, units, twins and earlier editions."""
        with self._ledger.store.session():
            self._ledger.sync()
            query = self._ledger.query
            own = query(_DOCUMENTS_OF, ids=list(document_ids))
            units = query(_UNITS, years=own["fiscal_year"].drop_nulls().unique().to_list())
            institutions = query(_ROWS_OF.format(name="institutions"), ids=list(document_ids))
            revisions = [
                (str(later), str(earlier)) for later, earlier in query(_EARLIER, ids=list(document_ids)).iter_rows()
            ]
            ids = {*document_ids, *(earlier for _, earlier in revisions)}
            ids |= set(query(_COMPARED_WITH, ids=list(document_ids))["document_id"])
            ids |= set(
                listed_units(pl.concat([own, units]).unique("document_id"), institutions)["unit_id"].drop_nulls()
            )
            frames = {name: query(_ROWS_OF.format(name=name), ids=list(ids)) for name in _COMPARED}
            frames["documents"] = query(_DOCUMENTS_OF, ids=list(ids))
        return Companions(frames, revisions)

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
_DOCUMENTS_OF = """
    SELECT s.document_id, s.file_name, s.publisher_id, s.publisher_name, s.publisher_kind, s.jurisdiction_code,
        s.fiscal_year, s.stage, s.budget_id, d.is_current
    FROM staged.documents s JOIN ledger.document_states d USING (document_id)
    WHERE list_contains($ids, document_id) ORDER BY document_id
"""
_UNITS = _DOCUMENTS_OF.replace(
    "list_contains($ids, document_id)",
    "d.is_current AND s.publisher_kind = 'unit' AND list_contains($years, s.fiscal_year)",
)
_ROWS_OF = """
    SELECT * EXCLUDE (loaded) FROM staged.{name}
    WHERE loaded IN (SELECT loaded FROM staged.documents WHERE list_contains($ids, document_id)) ORDER BY ALL
"""
_COMPARED = ("budget_facts", "narrative_claims", "disclosures", "institutions")
"""The datasets that rules over several documents look at, beside `documents`."""
_EARLIER = """
    SELECT later.document_id, min(earlier.document_id)
    FROM ledger.document_states later
    JOIN ledger.document_states earlier
        ON earlier.budget_key = later.budget_key AND earlier.revision = later.revision - 1
    WHERE list_contains($ids, later.document_id)
    GROUP BY later.document_id ORDER BY later.document_id
"""
_COMPARED_WITH = """
    SELECT b.document_id
    FROM staged.documents o
    JOIN staged.documents b ON b.publisher_id = o.publisher_id AND b.fiscal_year = o.fiscal_year - 1
        AND b.publisher_kind IS NOT DISTINCT FROM o.publisher_kind AND b.stage IS NOT DISTINCT FROM o.stage
    JOIN ledger.document_states d ON d.document_id = b.document_id AND d.is_current
    WHERE list_contains($ids, o.document_id)
    UNION
    SELECT min(t.document_id)
    FROM ledger.document_states o
    JOIN ledger.document_states t ON t.facts_sha256 = o.facts_sha256 AND t.budget_key <> o.budget_key
    JOIN staged.documents s ON s.document_id = o.document_id AND s.n_facts > 0
    WHERE list_contains($ids, o.document_id)
    GROUP BY o.document_id
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
