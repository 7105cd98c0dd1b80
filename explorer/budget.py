"""One document's frames -> what the page of its budget shows: figures with their proof, checks, findings, words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from cnbudget.crosslinks import View, anchor_of, to_view
from cnbudget.model import FormId

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]

LINES = ("expenditure_lines", "fiscal_expenditure_lines", "revenue_lines")
_FORMS = [form.value for form in FormId]

FACT = (
    *("form", "side", "row", "label", "role", "code", "level", "functional", "economic", "measure"),
    *("printed", "yuan", "unit", "proof", "holding", "checks", "recovered", "line", "page", "box", "cell"),
)
"""The columns of `facts`, in order. `line` is 1 where the figure is safe to sum, `box` is [x0, y0, x1, y1] in points."""

CHECK = ("identity", "instance", "status", "left", "right", "residual", "tolerance", "cause", "reason", "terms")
"""The columns of `checks`; `terms` are the positions of its figures from 1, negative on the right side."""

_DOCUMENT = (
    *("document_id", "file_name", "media_type", "n_bytes", "n_pages", "publisher_id", "publisher_name"),
    *("publisher_kind", "department_name", "jurisdiction_name", "jurisdiction_code", "fiscal_year", "stage"),
    *("budget_id", "revision", "state", "state_reason", "approved_by", "approval_reason", "published_at"),
    *("extractor_version", "n_facts", "n_identities", "n_identities_broken", "n_identities_not_checkable"),
)
_CLAIM = (
    *("section", "subject", "functional_code", "measure", "year", "amount_yuan", "amount_printed", "printed_unit"),
    *("compared_year", "change_yuan", "change_percent", "stated_reason", "status", "table_yuan", "quote", "page"),
)
_FINDING = (
    *("rule_id", "severity", "cause", "message_zh", "message_en", "expected", "found", "difference", "page"),
    *("evidence_quote", "accepted_by", "accepted_reason"),
)
_PROJECT = (
    *("name", "implementer", "overview", "legal_basis", "plan", "period", "goals", "budget"),
    *("annual_budget_yuan", "amount_source", "items_yuan", "is_cut", "page"),
)
_ITEM = ("name", "formula", "amount_printed", "printed_unit", "amount_yuan", "page")
_DISCLOSURE = ("key", "item", "value", "unit", "as_of", "quote", "page")
_INSTITUTION = ("row_type", "kind", "name", "n_stated", "quote", "page")


def to_budget(frames: Mapping[str, pl.DataFrame], partition: str) -> dict[str, object]:
    """What the page of a budget shows, from the frames of the document that stands for it."""
    rows = {name: frame.rows(named=True) for name, frame in frames.items()}
    view = to_view({name: part for name, part in rows.items() if name not in LINES})
    lines = {row["fact_id"] for name in LINES for row in rows[name]}
    positions = {fact_id: number for number, fact_id in enumerate(view.facts, 1)}
    items: dict[str, list[dict[str, object]]] = {}
    for item in rows["project_items"]:
        items.setdefault(item["project_id"], []).append(_picked(item, _ITEM) | _box(item))
    return {
        "format": 1,
        "partition": partition,
        "columns": {"facts": FACT, "checks": CHECK},
        "forms": _FORMS,
        "document": _picked(view.document, _DOCUMENT),
        "sources": [_picked(row, ("source_uri", "last_modified_at", "gone_at")) for row in rows["document_sources"]],
        "facts": [_fact(view, fact, fact["fact_id"] in lines) for fact in view.facts.values()],
        "checks": [_check(view, check, positions) for check in rows["identity_checks"]],
        "findings": [_finding(view, number, finding) for number, finding in enumerate(view.findings, 1)],
        "claims": [_claim(row, positions) for row in rows["narrative_claims"]],
        "projects": [
            _placed(row, _PROJECT, "project_id") | {"items": items.get(row["project_id"], [])}
            for row in rows["projects"]
        ],
        "disclosures": [_placed(row, _DISCLOSURE) for row in rows["disclosures"]],
        "institutions": [_placed(row, _INSTITUTION) for row in rows["institutions"]],
    }


def pages_of(budget: Mapping[str, Any]) -> set[int]:
    """The pages that hold a figure, a finding or a claim with a place, which are those worth a picture."""
    facts = {row[FACT.index("page")] for row in budget["facts"]}
    others = {row.get("page") for name in ("findings", "claims", "projects") for row in budget[name] if "box" in row}
    return {page for page in facts | others if page is not None}


def _fact(view: View, fact: Row, is_line: bool) -> list[object]:
    name = fact["fact_id"]
    return [
        _FORMS.index(fact["form_id"]) + 1,
        {"left": 1, "right": 2}.get(fact["side"], 0),
        fact["row_no"],
        fact["row_label"],
        fact["row_role"],
        fact["code_printed"],
        fact["code_level"],
        fact["functional_code"],
        fact["economic_code"],
        fact["measure"],
        fact["amount_printed"],
        _plain(fact["amount_yuan"]),
        fact["printed_unit"],
        view.proofs[name],
        fact["n_identities_holding"],
        fact["n_identities"],
        int(fact["provenance"] == "recovered"),
        int(is_line),
        fact["page"],
        _box(fact).get("box"),
        fact["cell_ref"],
    ]


def _check(view: View, check: Row, positions: Mapping[str, int]) -> list[object]:
    terms = [sign * positions[fact_id] for fact_id, sign in view.terms.get(check["check_id"], ())]
    amounts = [_plain(check[f"{side}_yuan"]) for side in ("left", "right", "residual", "tolerance")]
    names = ("identity_id", "instance", "status")
    return [*(check[name] for name in names), *amounts, check["cause"], check["reason"], terms]


def _finding(view: View, number: int, finding: Row) -> dict[str, object]:
    """A finding with the anchors of what it speaks of on the page."""
    places = [place.anchor for place in view.places[number]]
    flags = {"is_holding": True} if finding["is_holding"] else {}
    anchor = anchor_of("finding-" + finding["finding_id"])
    return {"anchor": anchor, **_picked(finding, _FINDING), **flags, **_box(finding), "places": places}


def _claim(claim: Row, positions: Mapping[str, int]) -> dict[str, object]:
    fact = positions.get(claim["fact_id"])
    return _placed(claim, _CLAIM, "claim_id") | ({"fact": fact} if fact else {})


def _placed(row: Row, names: Sequence[str], key: str | None = None) -> dict[str, object]:
    anchor = {"anchor": anchor_of(row[key])} if key else {}
    return anchor | _picked(row, names) | _box(row)


def _picked(row: Row, names: Sequence[str]) -> dict[str, object]:
    return {name: _plain(row[name]) for name in names if row[name] is not None and row[name] is not False}


def _box(row: Row) -> dict[str, object]:
    edges = [row[name] for name in ("x0", "y0", "x1", "y1")]
    return {} if None in edges else {"box": [round(edge, 1) for edge in edges]}


def _plain(value: object) -> object:
    """A value as JSON has it; amounts as numbers of yuan, which doubles hold to the cent up to 90 trillion."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.isoformat() if isinstance(value, datetime) else value
