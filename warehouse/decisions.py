"""What people decide about documents, and in which states they may."""

from __future__ import annotations

from collections.abc import Sequence

from cnbudget.errors import DecisionRefused
from cnbudget.model import DocumentState
from warehouse.journal import Decision, DecisionMade, Entry
from warehouse.ledger import Room
from warehouse.staging import landed_key

_DECIDABLE = {
    Decision.APPROVE: {DocumentState.HELD, DocumentState.WITHDRAWN},
    Decision.REJECT: {DocumentState.HELD, DocumentState.UNSUPPORTED, DocumentState.WITHDRAWN},
    Decision.RETRY: {
        DocumentState.HELD,
        DocumentState.UNSUPPORTED,
        DocumentState.REJECTED,
        DocumentState.WITHDRAWN,
        DocumentState.OPENED,
    },
    Decision.WITHDRAW: {DocumentState.PUBLISHED, DocumentState.SUPERSEDED},
    Decision.REVOKE: set(DocumentState),
}
_REVOCABLE = {Decision.APPROVE, Decision.REJECT, Decision.WITHDRAW}


class Decisions(Room):
    """A person's decisions, recorded where the document's state allows them."""

    def decide(self, prefixes: Sequence[str], decision: Decision, *, reason: str, by: str | None = None) -> list[str]:
        """Record a person's decision on documents, given by unambiguous prefixes of their ids; the ids.

        Raises DecisionRefused, and records nothing, where one is not found, not the only one, or in a state that does
        not allow the decision. Call `publish` after it.
        """
        decided: list[str] = []

        def entries() -> list[Entry]:
            rows = [self._decidable(prefix, decision) for prefix in prefixes]
            decided[:] = [str(row["document_id"]) for row in rows]
            return [DecisionMade(str(r["document_id"]), decision, reason, str(r["facts_sha256"])) for r in rows]

        self._ledger.commit(entries, by=by)
        return decided

    def held_by(self, rule_ids: Sequence[str], publisher: str | None = None) -> list[str]:
        """Held documents that nothing but findings of these rules holds, of one publisher (by id or name) or of any."""
        rows = self._ledger.query_head(_HELD_BY, rules=list(rule_ids), publisher=publisher)
        return [str(row[0]) for row in rows.iter_rows()]

    def known_ids(self, prefixes: Sequence[str]) -> list[str]:
        """The documents of unambiguous prefixes of their ids. Raises DecisionRefused where one is none."""
        self._ledger.sync()
        return [str(self._found(prefix)["document_id"]) for prefix in prefixes]

    def _found(self, prefix: str) -> dict[str, object]:
        found = self._ledger.query(_FIND, prefix=prefix.lower())
        if found.height != 1 or not prefix:
            raise DecisionRefused(_not_one(found["document_id"].to_list()), where=prefix or "''")
        return found.row(0, named=True)

    def _decidable(self, prefix: str, decision: Decision) -> dict[str, object]:
        row = self._found(prefix)
        if row["state"] not in (allowed := _DECIDABLE[decision]):
            expected = " or ".join(sorted(allowed))
            raise DecisionRefused(
                f"the document is {row['state']}; {decision} needs one that is {expected}", where=prefix
            )
        if decision == Decision.REVOKE and row["decision"] not in _REVOCABLE:
            raise DecisionRefused(
                "nobody approved, rejected or withdrew it, or that was taken back before; there is nothing to revoke",
                where=prefix,
            )
        landed = landed_key(str(row["document_id"]))
        if decision == Decision.RETRY and self.bucket.head(landed) is None:
            raise DecisionRefused(
                f"its bytes are not in the lake any more; put {landed} back from a copy first", where=prefix
            )
        if decision == Decision.APPROVE and (not row["n_facts"] or row["fiscal_year"] is None):
            raise DecisionRefused(
                "no figures, or no year, were read from it; there is nothing to publish", where=prefix
            )
        if decision == Decision.APPROVE and not row["is_approvable"]:
            raise DecisionRefused("what holds it would break the published data; retry or reject it", where=prefix)
        return row


def _not_one(found: Sequence[str]) -> str:
    """Why the beginning of an id does not name a document."""
    if not found:
        return "no document has an id that begins so; the dataset documents lists all, python -m flows held those that wait"
    named = ", ".join(document_id[:12] for document_id in found[:5])
    return (
        f"documents found: {len(found)} ({named}{', ...' if len(found) > 5 else ''}); expected one; give more of its id"
    )


_FIND = """
    SELECT document_id, d.state, d.decision, d.facts_sha256, d.is_approvable, n_facts, fiscal_year
    FROM ledger.document_states d JOIN staged.documents s USING (document_id)
    WHERE starts_with(document_id, $prefix) ORDER BY document_id LIMIT 9
"""
_HELD_BY = """
    SELECT document_id
    FROM ledger.document_states d
    JOIN staged.documents s USING (document_id)
    JOIN staged.findings f USING (document_id)
    WHERE d.state = 'held' AND d.is_approvable AND f.is_holding
        AND ($publisher IS NULL OR $publisher IN (s.publisher_id, s.publisher_name))
    GROUP BY document_id HAVING bool_and(list_contains($rules, f.rule_id))
    ORDER BY document_id
"""
