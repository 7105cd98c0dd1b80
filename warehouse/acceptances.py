"""Accepting findings: one by one, until what they rest on changes, or all of a rule about a publisher, those to come as well."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cnbudget.errors import DecisionRefused
from cnbudget.rules import CATALOGUE
from warehouse.journal import AcceptanceRevoked, Entry, FindingAccepted, RuleAccepted
from warehouse.ledger import Room


class Acceptances(Room):
    """Who accepted which findings, and why. It publishes nothing: what holds a document is approved, not accepted."""

    def accept(self, prefixes: Sequence[str], *, reason: str, by: str | None = None) -> list[str]:
        """Accept findings, given by unambiguous prefixes of their ids; the ids. Raises DecisionRefused."""
        accepted: list[str] = []

        def entries() -> list[Entry]:
            rows = [self._finding(prefix) for prefix in prefixes]
            accepted[:] = [finding_id for finding_id, _ in rows]
            return [FindingAccepted(finding_id, evidence, reason) for finding_id, evidence in rows]

        self._ledger.commit(entries, by=by)
        return accepted

    def accept_rule(self, rule_id: str, publisher: str, *, reason: str, by: str | None = None) -> str:
        """Accept all findings of a rule about a publisher, given by id or name; its id. Raises DecisionRefused."""
        if rule_id not in {rule.rule_id for rule in CATALOGUE}:
            raise DecisionRefused("no such rule; docs/reference/rules.md lists them", where=rule_id)
        publisher_id = self.publisher_id(publisher)
        self._ledger.commit(lambda: [RuleAccepted(rule_id, publisher_id, reason)], by=by)
        return publisher_id

    def unaccept(self, prefixes: Sequence[str], *, reason: str, by: str | None = None) -> list[str]:
        """Take back the acceptance of findings; their ids. Raises DecisionRefused where one is not accepted by itself."""
        revoked: list[str] = []

        def entries() -> list[Entry]:
            revoked[:] = [self._accepted(prefix) for prefix in prefixes]
            return [AcceptanceRevoked(finding_id, None, None, reason) for finding_id in revoked]

        self._ledger.commit(entries, by=by)
        return revoked

    def unaccept_rule(self, rule_id: str, publisher: str, *, reason: str, by: str | None = None) -> str:
        """Take back the acceptance of a rule about a publisher; its id. Raises DecisionRefused where there is none."""
        publisher_id = self.publisher_id(publisher)

        def entries() -> list[Entry]:
            if self._ledger.query(_RULE_ACCEPTED, rule=rule_id, publisher=publisher_id).is_empty():
                raise DecisionRefused(
                    "this rule is not accepted for this publisher", where=f"{rule_id}, {publisher_id}"
                )
            return [AcceptanceRevoked(None, rule_id, publisher_id, reason)]

        self._ledger.commit(entries, by=by)
        return publisher_id

    def acceptances(self) -> pl.DataFrame:
        """The acceptances in force: kind, what, by, at, reason, and how many findings each covers now."""
        return self._ledger.query_head(_ACCEPTANCES)

    def publisher_id(self, publisher: str) -> str:
        """The id of a publisher, given by id or by a name that only one has. Raises DecisionRefused."""
        found = self._ledger.query_head(_PUBLISHERS, publisher=publisher)["publisher_id"].to_list()
        if len(found) != 1:
            said = f"publishers found: {', '.join(found) or 'none'}; expected one; give its publisher_id or full name"
            raise DecisionRefused(said, where=publisher)
        return str(found[0])

    def _finding(self, prefix: str) -> tuple[str, str]:
        found = self._ledger.query(_FINDINGS, prefix=prefix.lower())
        if found["finding_id"].n_unique() != 1 or not prefix:
            names = ", ".join(found["finding_id"].unique(maintain_order=True).head(5))
            said = f"findings found: {names}; expected one; give more of its id" if names else _NO_FINDING
            raise DecisionRefused(said, where=prefix or "''")
        # Editions and renditions share the id; the current one is what people look at.
        return str(found["finding_id"][0]), str(found["evidence_sha256"][0])

    def _accepted(self, prefix: str) -> str:
        found = self._ledger.query(_FINDING_ACCEPTED, prefix=prefix.lower())["finding_id"].to_list()
        if len(found) != 1 or not prefix:
            said = f"accepted findings found: {', '.join(found) or 'none'}; expected one (of a rule: give --rule and --publisher)"
            raise DecisionRefused(said, where=prefix)
        return str(found[0])


_NO_FINDING = "no finding has an id that begins so; python -m flows findings lists those that wait"
_FINDINGS = """
    SELECT finding_id, evidence_sha256
    FROM staged.findings JOIN ledger.document_states USING (document_id)
    WHERE starts_with(finding_id, $prefix) ORDER BY is_current DESC, finding_id, document_id LIMIT 9
"""
_FINDING_ACCEPTED = """
    SELECT finding_id FROM ledger.accepted_singly WHERE starts_with(finding_id, $prefix) ORDER BY finding_id LIMIT 9
"""
_RULE_ACCEPTED = "FROM ledger.accepted_rules WHERE rule_id = $rule AND publisher_id = $publisher"
_PUBLISHERS = """
    SELECT DISTINCT publisher_id FROM staged.documents
    WHERE publisher_id IS NOT NULL AND (publisher_id = $publisher OR publisher_name = $publisher) ORDER BY publisher_id
"""
_ACCEPTANCES = """
    WITH covered AS (SELECT * FROM ledger.accepted_findings)
    SELECT 'finding' AS kind, a.finding_id AS what, a."by", a."at", a.reason, (
        SELECT count(*) FROM covered c WHERE c.finding_id = a.finding_id AND c.publisher_id IS NULL
    ) AS n_findings
    FROM ledger.accepted_singly a
    UNION ALL
    SELECT 'rule', a.rule_id || ', ' || a.publisher_id, a."by", a."at", a.reason, (
        SELECT count(*) FROM covered c WHERE c.rule_id = a.rule_id AND c.publisher_id = a.publisher_id
    )
    FROM ledger.accepted_rules a
    ORDER BY "at", what
"""
