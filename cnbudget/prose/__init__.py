"""The prose of documents as datasets: one call reads a document, one makes the frames of a batch.

Reading needs the document alone; comparing needs the figures of the batch (`budget_facts` with their working columns).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from cnbudget import money
from cnbudget.model import Box, Document, InstitutionRow
from cnbudget.prose.disclosures import Disclosure, Institution, disclosures, institutions
from cnbudget.prose.narrative import Claim, claims
from cnbudget.prose.project_tables import project_tables
from cnbudget.prose.projects import Item, Project, projects
from cnbudget.prose.reconcile import claims_frame, proved, reconcile
from cnbudget.prose.sections import Section, sections
from cnbudget.schema import DATASETS

if TYPE_CHECKING:
    import polars as pl

_FEN = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Prose:
    """What the words of one document say."""

    document_id: str
    fiscal_year: int
    claims: Sequence[Claim]
    institutions: Sequence[Institution]
    disclosures: Sequence[Disclosure]
    projects: Sequence[Project]
    sections: Sequence[Section] = ()


def read_prose(document: Document, fiscal_year: int) -> Prose:
    """Claims, institutions, disclosures and projects of a document, in printed order.

    A project that the text tells of is not taken from its table again.
    """
    parts = sections(document)
    listed = institutions(parts)
    found = claims(parts, fiscal_year)
    names = [row.name for row in listed if row.row_type is InstitutionRow.LISTED and row.name]
    told = projects(parts, names, fiscal_year)
    own = {money.key(project.name or "") for project in told}
    told += [project for project in project_tables(document) if money.key(project.name or "") not in own]
    return Prose(document.document_id, fiscal_year, found, listed, disclosures(found), told, parts)


def prose_frames(batch: Sequence[Prose], facts: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The five datasets of the prose of a batch, reconciled with its figures.

    `facts` are `budget_facts` with `code`, `amount_milli` and `half_milli`, identities counted. `narrative_claims` has the
    working column `n_identities_holding` besides, for the rules.
    """
    stated = claims_frame((prose.document_id, prose.fiscal_year, prose.claims) for prose in batch)
    project_rows, item_rows = _project_rows(batch)
    return {
        "narrative_claims": reconcile(stated, facts),
        "institutions": _frame("institutions", _institution_rows(batch)),
        "disclosures": _frame("disclosures", _disclosure_rows(batch)),
        "projects": proved(_frame("projects", project_rows), facts),
        "project_items": _frame("project_items", item_rows),
    }


def _frame(name: str, rows: Sequence[Mapping[str, object]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(rows, schema=DATASETS[name].polars_schema(), orient="row")


def _place(page: int | None, box: Box | None) -> dict[str, object]:
    x0, y0, x1, y1 = astuple(box) if box is not None else (None,) * 4
    return {"page": page, "x0": x0, "y0": y0, "x1": x1, "y1": y1}


def _institution_rows(batch: Sequence[Prose]) -> list[dict[str, object]]:
    return [
        {
            "institution_id": f"{prose.document_id[:16]}:institution:{number}",
            "document_id": prose.document_id,
            "fiscal_year": prose.fiscal_year,
            "row_type": row.row_type.value,
            "kind": row.kind.value,
            "position": row.position,
            "name": row.name,
            "n_stated": row.n_stated,
            "quote": row.quote,
            **_place(row.page, row.box),
        }
        for prose in batch
        for number, row in enumerate(prose.institutions, 1)
    ]


def _disclosure_rows(batch: Sequence[Prose]) -> list[dict[str, object]]:
    return [
        {
            "disclosure_id": f"{prose.document_id[:16]}:disclosure:{number}",
            "document_id": prose.document_id,
            "fiscal_year": prose.fiscal_year,
            "key": row.key,
            "item": row.item,
            "value": _to_fen(row.value),
            "unit": row.unit,
            "as_of": row.as_of,
            "quote": row.quote,
            **_place(row.page, row.box),
        }
        for prose in batch
        for number, row in enumerate(prose.disclosures, 1)
    ]


def _project_rows(batch: Sequence[Prose]) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of `projects` and of `project_items`."""
    projects_found: list[dict[str, object]] = []
    items: list[dict[str, object]] = []
    for prose in batch:
        seen: Counter[str] = Counter()
        for project in prose.projects:
            key = hashlib.sha256(f"{project.name or ''}\0{project.implementer or ''}".encode()).hexdigest()[:12]
            seen[key] += 1
            project_id = f"{prose.document_id[:16]}:project:{key}" + (f":{seen[key]}" if seen[key] > 1 else "")
            shared: dict[str, object] = {
                "project_id": project_id,
                "document_id": prose.document_id,
                "fiscal_year": prose.fiscal_year,
            }
            projects_found.append(shared | _project_row(project))
            items.extend(
                {"project_item_id": f"{project_id}:{number}", **shared, **_item_row(number, item)}
                for number, item in enumerate(project.items, 1)
            )
    return projects_found, items


def _project_row(project: Project) -> dict[str, object]:
    items_yuan = sum((item.amount_yuan for item in project.items), Decimal(0)) if project.items else None
    return {
        "name": project.name,
        "implementer": project.implementer,
        "overview": project.overview,
        "legal_basis": project.legal_basis,
        "cited_documents": project.cited_documents,
        "plan": project.plan,
        "period": project.period,
        "goals": project.goals,
        "budget": project.budget,
        "annual_budget_yuan": _to_fen(project.annual_budget_yuan),
        "amount_printed": project.amount_printed,
        "amount_source": project.amount_source,
        "n_items": len(project.items),
        "items_yuan": _to_fen(items_yuan),
        "is_cut": project.is_cut,
        "quote": project.quote,
        **_place(project.page, project.box),
    }


def _item_row(number: int, item: Item) -> dict[str, object]:
    return {
        "item_no": number,
        "name": item.name,
        "amount_yuan": _to_fen(item.amount_yuan),
        "amount_printed": item.amount_printed,
        "printed_unit": item.printed_unit,
        "formula": item.formula,
        "quote": item.quote,
        **_place(item.page, item.box),
    }


def _to_fen(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(_FEN)
