"""All rules over several documents at once, over a batch of documents and the others that they are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from cnbudget.rules import editions, history
from cnbudget.rules.history import Findings

RULES = (*history.RULES, *editions.RULES)


def findings_across(frames: Mapping[str, pl.DataFrame], revisions: Iterable[tuple[str, str]] = ()) -> Findings:
    """What all rules over several documents find, by document_id.

    `frames`: the datasets `documents` (with `is_current`, and with `facts_sha256`, the digest of the figures), `budget_facts`, `narrative_claims`, `disclosures` and `institutions`
    of all documents concerned. `revisions`: document_ids of a later edition of a budget and of the one before it.
    """
    documents, facts = frames["documents"], frames["budget_facts"]
    found = [
        history.bases_against_last_year(documents, facts, frames["narrative_claims"]),
        history.unexplained_changes(documents, facts, frames["narrative_claims"]),
        history.vehicles_against_last_year(documents, frames["disclosures"]),
        history.departments_against_units(documents, facts, frames["institutions"]),
        editions.same_figures(documents),
    ]
    for later_id, earlier_id in revisions:
        before, after = (facts.filter(pl.col("document_id") == name) for name in (earlier_id, later_id))
        found.append(editions.revised_figures(later_id, editions.revision_changes(before, after)))
    findings: Findings = {}
    for each in found:
        for document_id, own in each.items():
            findings.setdefault(document_id, []).extend(own)
    return findings
