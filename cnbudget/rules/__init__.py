"""Findings: one rule = one small function in one list, by family.

A rule looks at one `Case` (a document, what was recognised in it, and how its figures and words compare) and yields what it
finds. What holds a document: unreadable input, numbers without a place, a broken identity of any cause, a missing form, and a
cover that contradicts the forms. Everything else publishes with its findings, whatever their severity. Rules over several
documents (the year before, a department and its units, revisions) are in
`cnbudget.rules.history` and `cnbudget.rules.editions`.
"""

from __future__ import annotations

from cnbudget.model import Finding
from cnbudget.rules import (
    changes,
    codes,
    disclosures,
    editions,
    forms,
    history,
    leftovers,
    names,
    narrative,
    notes,
    project_texts,
    project_years,
    projects,
    reading,
    structure,
    sums,
    text_names,
    totals,
)
from cnbudget.rules.case import (
    FORM_NAMES,
    Case,
    CheckOutcome,
    Family,
    Figure,
    Found,
    Rule,
    StatedClaim,
    Suspect,
    Text,
)

__all__ = [
    "CATALOGUE",
    "FORM_NAMES",
    "RULES",
    "Case",
    "CheckOutcome",
    "Family",
    "Figure",
    "Found",
    "Rule",
    "StatedClaim",
    "Suspect",
    "Text",
    "findings_of",
]

RULES: tuple[Rule, ...] = (
    *forms.RULES,
    *totals.RULES,
    *codes.RULES,
    *names.RULES,
    *text_names.RULES,
    *notes.RULES,
    *narrative.RULES,
    *sums.RULES,
    *changes.RULES,
    *structure.RULES,
    *leftovers.RULES,
    *disclosures.RULES,
    *projects.RULES,
    *project_years.RULES,
    *project_texts.RULES,
)
"""Rules over one document, in the order in which their findings are listed."""

CATALOGUE: tuple[Rule, ...] = (*reading.RULES, *RULES, *history.RULES, *editions.RULES)
"""Every rule by which a finding may be signed."""


def findings_of(case: Case) -> list[Finding]:
    """What all rules find in one document."""
    return [finding for rule in RULES for finding in rule.findings(case)]
