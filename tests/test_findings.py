"""What is found in the published documents beside the checkout: every labelled error, most warnings, and hardly a false alarm."""

from __future__ import annotations

import re

import pytest

from cnbudget import money
from cnbudget.model import Severity
from cnbudget.reading import read_document
from tests.corpus import DOCUMENTS, needs_corpus
from tests.defect_labels import Defect, by_kind, defects, found, is_found, judged, named_by

pytestmark = needs_corpus


def decidable(severity: str) -> list[Defect]:
    return [defect for defect in defects() if defect.is_decidable and defect.severity == severity]


def test_defects__every_decidable_error_is_found_at_its_place() -> None:
    assert [defect.defect_id for defect in decidable("error") if not is_found(defect)] == []


def test_defects__four_fifths_of_the_decidable_warnings_counted_by_kind() -> None:
    kinds = by_kind(decidable("warning"))
    shares = [n_found / n for n_found, n in kinds.values()]
    assert sum(shares) / len(shares) >= 0.8, kinds


def test_defects__an_error_of_the_document_is_an_error_of_ours() -> None:
    rows = [found()[finding_id] for defect in decidable("error") for finding_id in named_by()[defect.defect_id]]
    assert {row["severity"] for row in rows} == {Severity.ERROR.value}


def test_defects__where_the_text_is_cut_the_publisher_is_not_blamed() -> None:
    cut = [d for d in defects() if d.kind in ("cut_text", "project_items_mismatch") and is_found(d)]
    assert len(cut) >= 8
    causes = {found()[finding_id]["cause"] for defect in cut for finding_id in named_by()[defect.defect_id]}
    assert "publisher" not in causes


@pytest.mark.parametrize("name", ["putuo-finance-2025-dept.pdf", "putuo-welfare-2024-unit.pdf", "wanli-2024-dept.pdf", "wanli-2025-dept.pdf"])  # fmt: skip
def test_defects__the_page_of_a_finding_is_the_page_of_the_quote(name: str) -> None:
    lines = [block for block in read_document(name, (DOCUMENTS / name).read_bytes()).paragraphs() if block.page]
    pages = {
        page: "".join(money.key(line.text) for line in lines if line.page == page) for page in {b.page for b in lines}
    }
    checked = 0
    for defect in defects():
        # A name alone may stand anywhere; a label that names two places may be found at the other one.
        if (
            defect.document != name
            or not is_found(defect)
            or len(defect.quote) < 8
            or re.search(r"/|^T\d", defect.where)
        ):
            continue
        stands_on = {page for page, text in pages.items() if money.key(defect.quote) in text}
        rows = [found()[finding_id] for finding_id in named_by()[defect.defect_id]]
        if len(stands_on) == 1 and not any(str(row["locus"]).startswith("narrative/omitted") for row in rows):
            # Text of a paragraph that runs over a page stands on the next one too.
            assert {row["page"] for row in rows} & {*stands_on, min(stands_on) - 1}, defect.defect_id
            checked += 1
    assert checked >= 2


def test_findings__each_has_been_read_and_judged() -> None:
    """A finding that is new, or gone, has to be read (or struck out) in tests/golden/findings.csv."""
    rows = {finding_id: (row["rule_id"], row["severity"]) for finding_id, row in found().items()}
    assert rows == {finding_id: (row["rule_id"], row["severity"]) for finding_id, row in judged().items()}


def test_findings__no_false_alarm_among_errors_and_few_in_all() -> None:
    false = [row for row in judged().values() if "false" in (row["first"], row["second"])]
    assert [row["finding_id"] for row in false if row["severity"] == "error"] == []
    assert len(false) <= 0.05 * len(judged())


def test_findings__nothing_that_looks_like_a_defect_and_is_none_is_said_above_information() -> None:
    """All that is said above information was judged true; what the list of traps names is none of it."""
    above = {row["rule_id"] for row in found().values() if row["severity"] != "info"}
    assert (
        above
        & {
            "identity_broken",  # a parent one yuan off its parts
            "narrative_cut_off",  # cut off, not rounded
            "narrative_percent_differs",  # a full stop or a parenthesis inside a comparison
            "increase_on_zero",
            "performance_covers_part",
            "performance_exceeds_expenditure",
            "institutions_differ",
            "projects_differ_from_expenditure",  # one name for several implementers
        }
        == set()
    )
    assert all(
        judged()[finding_id]["second"] == "true" for finding_id, row in found().items() if row["severity"] != "info"
    )


def test_findings__have_both_languages_a_place_and_a_stable_id() -> None:
    for row in found().values():
        assert row["message_zh"] and row["message_en"] and row["locus"]
        assert row["page"] is not None or str(row["file_name"]).endswith(".txt") or "section" in str(row["locus"])
