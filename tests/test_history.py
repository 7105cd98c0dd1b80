"""Rules over several documents: frames in, findings out; the published pairs of years beside the checkout where they are."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from cnbudget.parse import parse_documents
from cnbudget.rules.editions import revised_figures, revision_changes, same_figures
from cnbudget.rules.history import (
    bases_against_last_year,
    departments_against_units,
    unexplained_changes,
    vehicles_against_last_year,
)
from cnbudget.schema import DATASETS
from tests.corpus import DOCUMENTS, needs_corpus
from warehouse.staging import facts_digests

T1, T3, T4 = "financial_summary", "expenditure_summary", "fiscal_appropriation_summary"
T9 = "three_public_and_agency_operating"


def frame(name: str, *rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=DATASETS[name].polars_schema(), orient="row")


def document(
    name: str, year: int, kind: str = "department", publisher: str = "甲局", **more: object
) -> dict[str, object]:
    return {
        "document_id": name, "file_name": f"{name}.pdf", "fiscal_year": year, "publisher_id": publisher, "publisher_name": publisher,
        "publisher_kind": kind, "stage": "budget", "is_current": True, "budget_id": f"{publisher}/{kind}/{year}", **more,
    }  # fmt: skip


def fact(
    document_id: str, form_id: str, measure: str, yuan: int, role: str | None = None, **more: object
) -> dict[str, object]:
    defaults = {T1: "grand_total", T4: "grand_total", T3: "total", T9: "leaf"}
    return {
        "document_id": document_id, "form_id": form_id, "measure": measure, "amount_yuan": Decimal(yuan),
        "row_role": role or defaults[form_id], "row_label": "合计", "page": 9, "amount_printed": str(yuan), **more,
    }  # fmt: skip


def claim(document_id: str, measure: str, yuan: int, change: int, precision: int = 100) -> dict[str, object]:
    return {
        "document_id": document_id, "section": "narrative", "subject": measure, "measure": measure, "amount_yuan": Decimal(yuan),
        "precision_yuan": Decimal(precision), "change_yuan": Decimal(change), "compared_year": 2030, "compared_basis": "budget",
        "quote": "q", "page": 6,
    }  # fmt: skip


YEARS = frame("documents", document("now", 2031), document("then", 2030))


def test_bases_against_last_year__names_both_figures() -> None:
    facts = frame("budget_facts", fact("then", T4, "revenue", 900_000))
    stated = frame("narrative_claims", claim("now", "revenue_fiscal_appropriation", 1_000_000, 50_000))
    (finding,) = bases_against_last_year(YEARS, facts, stated)["now"]
    assert (finding.expected, finding.found, finding.difference) == ("900000.00", "950000.00", "50000.00")
    assert (finding.rule_id, finding.is_holding) == ("base_differs_from_last_year", False)


def test_bases_against_last_year__two_roundings_are_no_difference() -> None:
    facts = frame("budget_facts", fact("then", T4, "revenue", 950_080))
    stated = frame("narrative_claims", claim("now", "revenue_fiscal_appropriation", 1_000_000, 50_100))
    assert bases_against_last_year(YEARS, facts, stated) == {}


def test_bases_against_last_year__blank_counts_as_zero_where_the_form_was_there() -> None:
    stated = frame("narrative_claims", claim("now", "vehicle_purchase", 250_000, 250_000))
    assert bases_against_last_year(YEARS, frame("budget_facts", fact("then", T9, "total", 5)), stated) == {}
    rising = frame("narrative_claims", claim("now", "vehicle_purchase", 250_000, 100_000))
    assert "now" in bases_against_last_year(YEARS, frame("budget_facts", fact("then", T9, "total", 5)), rising)
    assert bases_against_last_year(YEARS, frame("budget_facts"), rising) == {}


def test_unexplained_changes__of_three_tenths_and_more() -> None:
    facts = frame(
        "budget_facts",
        fact("now", T9, "agency_operating_expenses", 500),
        fact("then", T9, "agency_operating_expenses", 800),
    )
    (finding,) = unexplained_changes(YEARS, facts, frame("narrative_claims"))["now"]
    assert "-37.5%" in finding.message_zh
    said = frame("narrative_claims", claim("now", "agency_operating_expenses", 500, -300))
    assert unexplained_changes(YEARS, facts, said) == {}
    assert unexplained_changes(YEARS, facts, frame("narrative_claims"), share=0.5) == {}


def test_vehicles_against_last_year__other_kinds_of_the_same_number() -> None:
    def stock(document_id: str, **kinds: int) -> list[dict[str, object]]:
        counts = {None: sum(kinds.values()), **kinds}
        return [
            {"document_id": document_id, "key": "vehicles_stock", "item": item, "value": Decimal(value), "page": 20}
            for item, value in counts.items()
        ]

    moved = frame("disclosures", *stock("now", 其他用车=9), *stock("then", 应急保障用车=5, 其他用车=4))
    (finding,) = vehicles_against_last_year(YEARS, moved)["now"]
    assert finding.found == "其他用车 4→9"
    grown = frame("disclosures", *stock("now", 其他用车=10), *stock("then", 其他用车=9))
    assert vehicles_against_last_year(YEARS, grown) == {}


UNITS = frame(
    "documents",
    document("d", 2031),
    document("a", 2031, "unit", "云川区财政局", budget_id="a"),
    document("b", 2031, "unit", "乙中心", budget_id="b"),
)


def listed(*names: str) -> pl.DataFrame:
    return frame(
        "institutions",
        *(
            {"document_id": "d", "fiscal_year": 2031, "row_type": "listed", "kind": "budget_unit", "name": name}
            for name in names
        ),
    )


def test_departments_against_units__all_units_come_to_the_department() -> None:
    facts = frame(
        "budget_facts", fact("d", T3, "total", 1000), fact("a", T3, "total", 600), fact("b", T3, "total", 300)
    )
    (finding,) = departments_against_units(UNITS, facts, listed("云川区财政局本级", "乙中心"))["d"]
    assert (finding.expected, finding.found, finding.difference) == ("900.00", "1000.00", "100.00")
    whole = frame("budget_facts", fact("d", T3, "total", 901), fact("a", T3, "total", 600), fact("b", T3, "total", 300))
    assert departments_against_units(UNITS, whole, listed("云川区财政局本级", "乙中心")) == {}


def test_departments_against_units__some_units_only_may_not_exceed_it() -> None:
    some = listed("云川区财政局本级", "乙中心", "丙院")
    facts = frame(
        "budget_facts", fact("d", T3, "total", 1000), fact("a", T3, "total", 600), fact("b", T3, "total", 300)
    )
    assert departments_against_units(UNITS, facts, some) == {}
    more = frame("budget_facts", fact("d", T3, "total", 500), fact("a", T3, "total", 600))
    assert [f.difference for f in departments_against_units(UNITS, more, some)["d"]] == ["-100.00"]


def test_revision_changes__figure_by_figure() -> None:
    before = frame(
        "budget_facts",
        fact("r1", T3, "total", 100, row_label="甲", functional_code="2010101"),
        fact("r1", T3, "total", 5, row_label="乙"),
        fact("r1", T3, "project", 7, row_label="丙"),
    )
    after = frame(
        "budget_facts",
        fact("r2", T3, "total", 130, row_label="甲", functional_code="2010101"),
        fact("r2", T3, "total", 5, row_label="乙"),
        fact("r2", T3, "basic", 9, row_label="丁"),
    )
    changes = revision_changes(before, after)
    assert changes.select("row_label", "before_yuan", "after_yuan", "change_yuan").rows() == [
        ("丁", None, Decimal(9), Decimal(9)),
        ("丙", Decimal(7), None, Decimal(-7)),
        ("甲", Decimal(100), Decimal(130), Decimal(30)),
    ]
    assert [f.difference for f in revised_figures("r2", changes)["r2"]] == ["9.00", "-7.00", "30.00"]
    assert revision_changes(before, before).is_empty()


def test_revised_figures__names_the_largest_changes_and_counts_the_rest() -> None:
    before = frame("budget_facts", *(fact("r1", T3, "total", n, row_label=f"{n:02}") for n in range(1, 24)))
    after = frame("budget_facts", *(fact("r2", T3, "total", 3 * n, row_label=f"{n:02}") for n in range(1, 24)))
    *named, rest = revised_figures("r2", revision_changes(before, after))["r2"]
    assert [f.difference for f in named] == [f"{2 * n}.00" for n in range(4, 24)]
    assert (rest.rule_id, rest.locus, rest.found) == ("figures_revised", "document/revised", "23 figures")
    assert "共有23个数字被修订，除上列变动最大的20个外另有3个（支出预算总表 3）" in rest.message_zh
    assert "3 more (T3 expenditure summary 3)" in rest.message_en


def test_same_figures__of_two_budgets_and_not_of_two_renditions() -> None:
    documents = pl.concat([YEARS, frame("documents", document("copy", 2031))]).with_columns(n_facts=pl.lit(1))
    found = same_figures(documents.with_columns(facts_sha256=pl.lit("f")))
    assert {name: [finding.found for finding in own] for name, own in found.items()} == {
        "copy": ["甲局/department/2030"],
        "now": ["甲局/department/2030"],
        "then": ["甲局/department/2031"],
    }
    assert same_figures(documents.with_columns(facts_sha256="document_id")) == {}
    assert same_figures(documents.with_columns(facts_sha256=pl.lit(None, pl.String))) == {}


@needs_corpus
def test_corpus__two_years_of_one_publisher_agree_with_one_another() -> None:
    paths = [DOCUMENTS / f"wanli-{year}-dept.pdf" for year in (2024, 2025)]
    frames = parse_documents([(path.name, path.read_bytes()) for path in paths])
    documents, facts, claims = (frames[name] for name in ("documents", "budget_facts", "narrative_claims"))
    documents = documents.with_columns(is_current=pl.lit(True))
    assert bases_against_last_year(documents, facts, claims) == {}
    digests = pl.DataFrame(list(facts_digests(facts).items()), schema=["document_id", "facts_sha256"], orient="row")
    assert same_figures(documents.join(digests, on="document_id")) == {}
    changed = facts.with_columns(
        amount_yuan=pl.when((pl.col("fiscal_year") == 2024) & (pl.col("form_id") == T9))
        .then(pl.col("amount_yuan") + 50_000)
        .otherwise("amount_yuan")
    )
    found = bases_against_last_year(documents, changed, claims)
    measures = {finding.locus.split("/")[1] for findings in found.values() for finding in findings}
    assert {"three_public_total", "vehicle_operation", "official_reception"} <= measures
