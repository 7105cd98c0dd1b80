"""Budgets and account names from the CSV files of `figures/`."""

from __future__ import annotations

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path

from cnbudget.model import PublisherKind, RevenueSource
from samples.budget import (
    Budget,
    Disclosures,
    EconomicLine,
    Institution,
    Line,
    Project,
    ProjectItem,
    Publisher,
    Style,
    ThreePublic,
)

FIGURES = Path(__file__).parent / "figures"


@cache
def account_names() -> dict[str, str]:
    """Name of every functional and departmental economic account that the samples use, by code (3, 5 or 7 digits).

    The names are those of the 政府收支分类科目, as published budgets print them; the list is not complete.
    """
    return {row["code"]: row["name"] for row in _rows("accounts")}


@cache
def items_by_fund() -> dict[RevenueSource, list[str]]:
    """Functional items (7 digits) whose section is known, by the fund that usually pays them."""
    items: dict[RevenueSource, list[str]] = {}
    for row in _rows("accounts"):
        if row["kind"] == "functional" and len(row["code"]) == 7:
            items.setdefault(RevenueSource(row["fund"]), []).append(row["code"])
    return items


def economic_sections() -> list[str]:
    """Sections (5 digits) of the departmental economic classification."""
    return [row["code"] for row in _rows("accounts") if row["kind"] == "economic" and len(row["code"]) == 5]


def load_budget(key: str) -> Budget:
    """The budget `key` of `figures/budgets.csv` (`city`, `district`). Raises KeyError for another."""
    profile = next((row for row in _rows("budgets") if row["budget"] == key), None)
    if profile is None:
        raise KeyError(f"figures/budgets.csv: no budget {key!r}; it has {[r['budget'] for r in _rows('budgets')]}")
    return Budget(
        publisher=Publisher(profile["publisher"], PublisherKind(profile["kind"]), profile["jurisdiction"]),
        year=int(profile["year"]),
        month=int(profile["month"]),
        lines=[_line(row) for row in _rows("lines", key)],
        economic=[EconomicLine(row["code"], Decimal(row["amount_yuan"])) for row in _rows("economic", key)],
        names=account_names(),
        disclosures=_disclosures(key),
        institutions=[
            Institution(row["name"], row["is_administrative"] == "true") for row in _rows("institutions", key)
        ],
        projects=_projects(key),
        fiscal_before=Decimal(profile["fiscal_before_yuan"]),
        style=Style(
            decimals=int(profile["decimals"]),
            is_wide=profile["is_wide"] == "true",
            is_narrative_by_item=profile["narrative"] == "item",
        ),
    )


def _line(row: dict[str, str]) -> Line:
    amounts = [Decimal(row[column]) for column in ("personnel_yuan", "operating_yuan", "project_yuan")]
    return Line(row["code"], RevenueSource(row["source"]), *amounts)


def _disclosures(key: str) -> Disclosures:
    value = {row["key"]: Decimal(row["value"]) for row in _rows("disclosures", key)}
    kinds = ("overseas_travel", "official_reception", "vehicle_purchase", "vehicle_operation")
    return Disclosures(
        three_public=ThreePublic(*(value[f"{kind}_yuan"] for kind in kinds)),
        three_public_before=ThreePublic(*(value[f"{kind}_before_yuan"] for kind in kinds)),
        agency_operating=value["agency_operating_yuan"],
        procurement_goods=value["procurement_goods_yuan"],
        procurement_works=value["procurement_works_yuan"],
        procurement_services=value["procurement_services_yuan"],
        vehicles=int(value["vehicles"]),
        vehicles_to_buy=int(value["vehicles_to_buy"]),
        equipment=int(value["equipment"]),
    )


def _institutions(key: str) -> list[Institution]:
    return [Institution(row["name"], row["is_administrative"] == "true") for row in _rows("institutions", key)]


def _projects(key: str) -> list[Project]:
    items: dict[tuple[str, str], list[ProjectItem]] = {}
    for row in _rows("projects", key):
        item = ProjectItem(row["item"], Decimal(row["amount_yuan"]))
        items.setdefault((row["project"], row["implementer"]), []).append(item)
    return [Project(name, implementer, parts) for (name, implementer), parts in items.items()]


@cache
def _rows(table: str, budget: str | None = None) -> list[dict[str, str]]:
    with (FIGURES / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if budget is None or row["budget"] == budget]
