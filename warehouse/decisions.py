"""What people decide about documents, and in which states they may."""

from __future__ import annotations

from collections.abc import Sequence

from cnbudget.errors import DecisionRefused
from cnbudget.model import DocumentState
from warehouse.journal import Decision, DecisionMade, Entry
from warehouse.ledger import Room

_DECIDABLE = {
    Decision.APPROVE: {DocumentState.HELD, DocumentState.WITHDRAWN},
    Decision.REJECT: {DocumentState.HELD, DocumentState.UNSUPPORTED, DocumentState.WITHDRAWN},
    Decision.RETRY: {DocumentState.HELD, DocumentState.UNSUPPORTED, DocumentState.REJECTED, DocumentState.WITHDRAWN},
    Decision.WITHDRAW: {DocumentState.PUBLISHED, DocumentState.SUPERSEDED},
}


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

    def _decidable(self, prefix: str, decision: Decision) -> dict[str, object]:
        found = self._ledger.query(
            """SELECT document_id, d.state, d.facts_sha256, d.is_approvable, n_facts, fiscal_year
                FROM ledger.document_states d JOIN staged.documents s USING (document_id)
                WHERE starts_with(document_id, $prefix) ORDER BY document_id LIMIT 9""",
            prefix=prefix.lower(),
        )
        if found.height != 1 or not prefix:
            names = ", ".join(document_id[:12] for document_id in found["document_id"]) or "none"
            raise DecisionRefused(f"documents found: {names}; expected one; give more of its id", where=prefix)
        row = found.row(0, named=True)
        allowed = _DECIDABLE[decision]
        if row["state"] not in allowed:
            expected = " or ".join(sorted(allowed))
            raise DecisionRefused(
                f"the document is {row['state']}; {decision} needs one that is {expected}", where=prefix
            )
        if decision == Decision.APPROVE and (not row["n_facts"] or row["fiscal_year"] is None):
            raise DecisionRefused(
                "no figures, or no year, were read from it; there is nothing to publish", where=prefix
            )
        if decision == Decision.APPROVE and not row["is_approvable"]:
            raise DecisionRefused("what holds it would break the published data; retry or reject it", where=prefix)
        return row
