"""The labelled defects of the published documents beside the checkout, and what is found in these documents.

The findings were read one by one, twice, with the document beside them. The second reading was blind (`tests.blind_reading`):
the reader had the documents alone, and among the 133 findings stood 45 of documents in which words and digits had been
changed. 34 of these were judged false; the other 11 say what a true one says. `tests/golden` keeps both judgements by finding
id (`first`, `second`), and which finding names which defect. Neither holds a word of the documents. A finding's id follows
from budget, rule and place, so that one that moves or changes its rule is a new one, and has to be read again.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cnbudget.parse import parse_documents
from tests.corpus import DOCUMENTS, TRUTH

GOLDEN = Path(__file__).parent / "golden"

RULES_OF: dict[str, frozenset[str]] = {
    "narrative_vs_table": frozenset({"narrative_differs", "narrative_planned_differs"}),
    "narrative_arithmetic": frozenset({"narrative_sum_differs"}),
    "narrative_omission": frozenset({"narrative_omits_account"}),
    "reason_direction": frozenset({"reason_contradicts_direction"}),
    "percent_wrong": frozenset({"increase_on_zero"}),
    "malformed_code": frozenset({"code_malformed"}),
    "code_name_mismatch": frozenset({"code_name_disagrees"}),
    "name_variant": frozenset(
        {"name_variant", "name_retired", "narrative_name_variant", "narrative_name_retired", "narrative_path_differs"}
    ),
    "wrong_template_note": frozenset({"note_of_other_fund", "empty_note_under_filled_form", "glossary_of_other_level"}),
    "placeholder_text": frozenset({"placeholder_left", "annex_missing"}),
    "unit_mismatch": frozenset({"unit_incomplete", "project_item_without_unit"}),
    "count_mismatch": frozenset({"performance_item_not_described", "civil_service_managed_not_listed"}),
    "structure": frozenset(
        {"project_text_shared", "project_titles_displaced", "template_row_left", "project_numbering_broken"}
    ),
    "wrong_year": frozenset({"project_year_wrong", "project_words_of_other_year"}),
    "malformed_number": frozenset({"project_amount_malformed"}),
    "project_items_mismatch": frozenset({"project_items_differ"}),
    "cut_text": frozenset(
        {"project_text_cut", "project_field_missing", "project_field_empty", "project_numbering_broken"}
    ),
    "missing_section": frozenset({"cover_missing", "project_field_missing", "reason_missing", "glossary_incomplete"}),
    "duplicate_name": frozenset({"project_item_repeated"}),
    "missing_total": frozenset({"project_total_missing"}),
    "rounding": frozenset({"narrative_cut_off"}),
    "number_format": frozenset({"number_format_mixed"}),
    "coverage_gap": frozenset({"performance_covers_part"}),
    "policy_check": frozenset({"procurement_micro_share_low"}),
    "typo": frozenset({"three_public_name_variant", "words_doubled"}),
    "wording": frozenset({"kind_of_publisher_confused"}),
    "cross_section": frozenset({"project_of_unlisted_institution"}),
}
"""Which rules speak of which kind of defect."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A label; `where` as the labeller wrote it."""

    document: str
    defect_id: str
    kind: str
    severity: str
    where: str
    quote: str
    is_decidable: bool


def shanghai_documents() -> list[str]:
    """File names of the published budgets of the nine forms."""
    paths = [*DOCUMENTS.glob("*.pdf"), *DOCUMENTS.glob("*.txt"), *DOCUMENTS.glob("shanghai-2026/*.pdf")]
    return sorted(path.name for path in paths)


@cache
def found() -> dict[str, dict[str, object]]:
    """Findings of all these documents by finding_id, with `file_name`."""
    paths = {path.name: path for path in DOCUMENTS.rglob("*") if path.is_file()}
    frames = parse_documents([(name, paths[name].read_bytes()) for name in shanghai_documents()])
    names = frames["documents"].select("document_id", "file_name")
    rows = frames["findings"].join(names, on="document_id", maintain_order="left")
    return {row["finding_id"]: row for row in rows.iter_rows(named=True)}


@cache
def defects() -> list[Defect]:
    with (TRUTH / "defects.csv").open(encoding="utf-8-sig", newline="") as lines:
        return [
            Defect(
                *(row[name] for name in ("doc", "defect_id", "kind", "severity", "where", "evidence_quote")),
                is_decidable=row["machine_decidable"].startswith("yes"),
            )
            for row in csv.DictReader(lines)
        ]


@cache
def named_by() -> dict[str, list[str]]:
    """finding_ids that name a defect, by defect_id, as reviewed."""
    with (GOLDEN / "defects.csv").open(encoding="utf-8", newline="") as lines:
        return {row["defect_id"]: row["finding_ids"].split() for row in csv.DictReader(lines)}


@cache
def judged() -> dict[str, dict[str, str]]:
    """The judgements of two readers on every finding, by finding_id: rule_id, severity, first, second (true | false)."""
    with (GOLDEN / "findings.csv").open(encoding="utf-8", newline="") as lines:
        return {row["finding_id"]: row for row in csv.DictReader(lines)}


def is_found(defect: Defect) -> bool:
    """Whether every finding that was judged to name the defect is there, in its document, by a rule for its kind."""
    ids = named_by().get(defect.defect_id, [])
    rules = RULES_OF.get(defect.kind, frozenset())
    rows = [found().get(finding_id) for finding_id in ids]
    return bool(ids) and all(
        row is not None and row["file_name"] == defect.document and row["rule_id"] in rules for row in rows
    )


def by_kind(own: list[Defect]) -> dict[str, tuple[int, int]]:
    """kind -> (found, labelled)."""
    kinds = dict.fromkeys(defect.kind for defect in own)
    return {kind: (sum(is_found(d) for d in own if d.kind == kind), sum(d.kind == kind for d in own)) for kind in kinds}
