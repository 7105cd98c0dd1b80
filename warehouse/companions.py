"""What a document is compared with: last year's budget, its units, its twins, the edition before it; and whose turn it is.

A comparison is made of the state of both sides, so it is made again wherever either changed: after a commit on a document, for
all editions of its budget, the budget of the year after, its twins, and the departments that list it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import polars as pl

from cnbudget.results import Frames
from cnbudget.rules.history import listed_units, listing_departments
from warehouse.notes import Notes
from warehouse.staging import NO_FACTS


@dataclass(frozen=True, slots=True)
class Companions:
    """What documents are compared with: the datasets of them and of the others, and (later, earlier) editions of a budget."""

    frames: Frames
    revisions: Sequence[tuple[str, str]]


class Comparing(Notes):
    """Documents beside those that they are compared with."""

    def companions(self, document_ids: Sequence[str]) -> Companions:
        """What these documents are compared with: budgets of the year before, units, twins and earlier editions."""
        with self._ledger.store.session():
            self._ledger.sync()
            query, links, revisions = self._ledger.query, self._links(document_ids), self._revisions(document_ids)
            ids = [*{*document_ids, *links["other_id"], *(earlier for _, earlier in revisions)}]
            frames = {name: query(_ROWS_OF.format(name=name), ids=ids) for name in _COMPARED}
            frames["documents"] = query(_DOCUMENTS_OF, ids=ids)
        return Companions(frames, revisions)

    def to_compare(self, rules: Collection[str]) -> tuple[int, list[str]]:
        """The version of the journal, and the documents of which `rules` over several documents may say something else
        after what happened since `note_compared`: those that have companions, or a finding from when they had."""
        with self._ledger.store.session():
            head, since = self._ledger.sync(), int(self.noted(_COMPARED_UP_TO) or 0)
            if since == head:
                return head, []
            # A store that was built anew remembers nothing; that of a lake put back from a copy, too much.
            affected = self._affected(since if since < head else 0)
            found = {*self._links(affected)["document_id"], *(later for later, _ in self._revisions(affected))}
            found |= set(self._ledger.query(_FOUND_BY, ids=affected, rules=list(rules))["document_id"])
        return head, sorted(found)

    def note_compared(self, version: int) -> None:
        """Remember that all that happened up to a version was compared."""
        self.note(_COMPARED_UP_TO, str(version))

    def findings_by(self, document_ids: Sequence[str], rules: Collection[str]) -> pl.DataFrame:
        """The findings of these rules on these documents, as they were judged last."""
        return self._ledger.query_head(_FOUND_BY, ids=list(document_ids), rules=list(rules))

    def _affected(self, since: int) -> list[str]:
        touched = self._ledger.query(_TOUCHED, since=since)
        rows = self._ledger.query(_AFFECTED, ids=touched["document_id"].to_list(), no_facts=NO_FACTS)
        units = touched.filter(pl.col("publisher_kind") == "unit")
        listed = self._ledger.query(_LISTED, **_places(units)) if units.height else None
        departments = [] if listed is None else listing_departments(units, listed)
        return [*{*rows["document_id"], *departments}]

    def _links(self, document_ids: Sequence[str]) -> pl.DataFrame:
        """document_id beside other_id: the budget of the year before, the twin, and each unit listed that is here."""
        query, ids = self._ledger.query, list(document_ids)
        links = query(_COMPARED_WITH, ids=ids)
        institutions = query(_INSTITUTIONS, ids=ids)
        if institutions.is_empty():
            return links
        own = query(_DOCUMENTS_OF, ids=institutions["document_id"].unique().to_list())
        units = query(_UNITS, **_places(own))
        here = listed_units(pl.concat([own, units]).unique("document_id", maintain_order=True), institutions)
        return pl.concat([links, here.rename({"unit_id": "other_id"}).drop_nulls()])

    def _revisions(self, document_ids: Sequence[str]) -> list[tuple[str, str]]:
        rows = self._ledger.query(_EARLIER, ids=list(document_ids))
        return [(str(later), str(earlier)) for later, earlier in rows.iter_rows()]


_COMPARED_UP_TO = "compared"


def _places(documents: pl.DataFrame) -> dict[str, list[object]]:
    """The years and jurisdictions of these documents."""
    columns = {"years": "fiscal_year", "places": "jurisdiction_code"}
    return {name: documents[column].drop_nulls().unique().to_list() for name, column in columns.items()}


_HERE = """
    list_contains($years, s.fiscal_year) AND (s.jurisdiction_code IS NULL OR list_contains($places, s.jurisdiction_code))
"""
_DOCUMENTS_OF = """
    SELECT s.document_id, s.file_name, s.publisher_id, s.publisher_name, s.publisher_kind, s.jurisdiction_code,
        s.fiscal_year, s.stage, s.budget_id, s.n_facts, d.is_current,
        CASE WHEN s.n_facts > 0 AND d.standing NOT IN ('rejected', 'withdrawn') THEN d.facts_sha256 END AS facts_sha256
    FROM staged.documents s JOIN ledger.document_states d USING (document_id)
    WHERE list_contains($ids, document_id) ORDER BY document_id
"""
_UNITS = _DOCUMENTS_OF.replace(
    "list_contains($ids, document_id)", f"d.is_current AND s.publisher_kind = 'unit' AND {_HERE}"
)
_ROWS_OF = """
    SELECT * EXCLUDE (loaded) FROM staged.{name}
    WHERE loaded IN (SELECT loaded FROM staged.documents WHERE list_contains($ids, document_id)) ORDER BY ALL
"""
_COMPARED = ("budget_facts", "narrative_claims", "disclosures", "institutions")
"""The datasets that rules over several documents look at, beside `documents`."""
_INSTITUTIONS = """
    SELECT * EXCLUDE (loaded) FROM staged.institutions
    WHERE row_type = 'listed' AND kind = 'budget_unit' AND loaded IN (
        SELECT loaded FROM staged.documents WHERE list_contains($ids, document_id) AND publisher_kind = 'department'
    )
    ORDER BY ALL
"""
_LISTED = f"""
    SELECT document_id, s.fiscal_year, s.jurisdiction_code, i.name
    FROM staged.institutions i JOIN staged.documents s USING (document_id)
    WHERE s.publisher_kind = 'department' AND i.row_type = 'listed' AND i.kind = 'budget_unit'
        AND {_HERE}
    ORDER BY ALL
"""
_EARLIER = """
    SELECT later.document_id, min(earlier.document_id)
    FROM ledger.document_states later
    JOIN ledger.document_states earlier
        ON earlier.budget_key = later.budget_key AND earlier.revision = later.revision - 1
    WHERE list_contains($ids, later.document_id)
    GROUP BY later.document_id ORDER BY later.document_id
"""
_COMPARED_WITH = """
    SELECT o.document_id, b.document_id AS other_id
    FROM staged.documents o
    JOIN staged.documents b ON b.publisher_id = o.publisher_id AND b.fiscal_year = o.fiscal_year - 1
        AND b.publisher_kind IS NOT DISTINCT FROM o.publisher_kind AND b.stage IS NOT DISTINCT FROM o.stage
    JOIN ledger.document_states d ON d.document_id = b.document_id AND d.is_current
    WHERE list_contains($ids, o.document_id)
    UNION
    -- Of several twins the one that the finding names.
    SELECT o.document_id, arg_min(t.document_id, (t.budget_key, t.document_id))
    FROM ledger.document_states o
    JOIN ledger.document_states t ON t.facts_sha256 = o.facts_sha256 AND t.budget_key <> o.budget_key
        AND t.standing NOT IN ('rejected', 'withdrawn')
    JOIN staged.documents s ON s.document_id = o.document_id AND s.n_facts > 0
    WHERE list_contains($ids, o.document_id)
    GROUP BY o.document_id
    ORDER BY ALL
"""
_TOUCHED = """
    WITH spoken_of AS (
        SELECT document_id FROM ledger.audits WHERE version > $since
        UNION SELECT document_id FROM ledger.publications WHERE version > $since
        UNION SELECT document_id FROM ledger.decisions WHERE version > $since
    )
    SELECT s.document_id, s.publisher_name, s.publisher_kind, s.fiscal_year, s.jurisdiction_code
    FROM ledger.document_states d JOIN staged.documents s USING (document_id)
    WHERE d.budget_key IN (FROM ledger.document_states SEMI JOIN spoken_of USING (document_id) SELECT budget_key)
    ORDER BY s.document_id
"""
"""All documents of the budgets that were spoken of: when one comes, another may be the edition that counts no more."""
_AFFECTED = """
    WITH touched AS (SELECT unnest($ids::VARCHAR[]) AS document_id)
    FROM touched
    UNION
    SELECT later.document_id
    FROM staged.documents own SEMI JOIN touched USING (document_id)
    JOIN staged.documents later ON later.publisher_id = own.publisher_id AND later.fiscal_year = own.fiscal_year + 1
        AND later.publisher_kind IS NOT DISTINCT FROM own.publisher_kind AND later.stage IS NOT DISTINCT FROM own.stage
    UNION
    -- Twins of what it prints, and of what it printed before it was read again.
    SELECT twin.document_id
    FROM ledger.audits own SEMI JOIN touched USING (document_id)
    JOIN ledger.document_states twin ON twin.facts_sha256 = own.facts_sha256
    WHERE own.facts_sha256 <> $no_facts
"""
_FOUND_BY = """
    SELECT * EXCLUDE (loaded) FROM staged.findings
    WHERE list_contains($rules, rule_id)
        AND loaded IN (SELECT loaded FROM staged.documents WHERE list_contains($ids, document_id))
"""
