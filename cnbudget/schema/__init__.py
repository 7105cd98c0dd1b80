"""The published datasets, declared once.

DDL, Great Expectations suites, data dictionary and data package are all derived from `DATASETS`. Adding a column is a
minor version of the schema, anything else a major one.
"""

from __future__ import annotations

from cnbudget.schema.checks import FINDINGS, IDENTITY_CHECKS, IDENTITY_TERMS
from cnbudget.schema.classifications import COFOG_MAPPING, ECONOMIC_CLASSIFICATION, FUNCTIONAL_CLASSIFICATION
from cnbudget.schema.columns import FIRST_YEAR, LAST_YEAR, Column, ColumnType, Dataset, Origin
from cnbudget.schema.documents import DOCUMENT_SOURCES, DOCUMENTS
from cnbudget.schema.figures import BUDGET_FACTS, EXPENDITURE_LINES, FISCAL_EXPENDITURE_LINES, REVENUE_LINES
from cnbudget.schema.marts import (
    BASIC_BY_ECONOMIC,
    BUDGET_BY_FUNCTION_YEAR,
    BUDGET_FACT_HISTORY,
    DEPARTMENT_OVERVIEW,
    RESTATEMENTS,
    THREE_PUBLIC_BY_YEAR,
    UNIT_OVERVIEW,
)
from cnbudget.schema.prose import DISCLOSURES, INSTITUTIONS, NARRATIVE_CLAIMS, PROJECT_ITEMS, PROJECTS
from cnbudget.schema.validation import VALIDATION_RESULTS, VALIDATION_RUNS

__all__ = [
    "BASIC_BY_ECONOMIC",
    "BUDGET_BY_FUNCTION_YEAR",
    "BUDGET_FACTS",
    "BUDGET_FACT_HISTORY",
    "COFOG_MAPPING",
    "DATASETS",
    "DEPARTMENT_OVERVIEW",
    "DISCLOSURES",
    "DOCUMENTS",
    "DOCUMENT_SOURCES",
    "ECONOMIC_CLASSIFICATION",
    "EXPENDITURE_LINES",
    "FINDINGS",
    "FIRST_YEAR",
    "FISCAL_EXPENDITURE_LINES",
    "FUNCTIONAL_CLASSIFICATION",
    "IDENTITY_CHECKS",
    "IDENTITY_TERMS",
    "INSTITUTIONS",
    "LAST_YEAR",
    "MARTS",
    "NARRATIVE_CLAIMS",
    "PROJECTS",
    "PROJECT_ITEMS",
    "RESTATEMENTS",
    "REVENUE_LINES",
    "RUNS",
    "SCHEMA_VERSION",
    "STAGED",
    "THREE_PUBLIC_BY_YEAR",
    "UNIT_OVERVIEW",
    "VALIDATION_RESULTS",
    "VALIDATION_RUNS",
    "Column",
    "ColumnType",
    "Dataset",
    "Origin",
]

SCHEMA_VERSION = "1.1.0"

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        DOCUMENTS,
        DOCUMENT_SOURCES,
        BUDGET_FACTS,
        EXPENDITURE_LINES,
        FISCAL_EXPENDITURE_LINES,
        REVENUE_LINES,
        IDENTITY_CHECKS,
        IDENTITY_TERMS,
        FINDINGS,
        NARRATIVE_CLAIMS,
        INSTITUTIONS,
        DISCLOSURES,
        PROJECTS,
        PROJECT_ITEMS,
        BUDGET_BY_FUNCTION_YEAR,
        THREE_PUBLIC_BY_YEAR,
        DEPARTMENT_OVERVIEW,
        UNIT_OVERVIEW,
        BASIC_BY_ECONOMIC,
        BUDGET_FACT_HISTORY,
        RESTATEMENTS,
        VALIDATION_RUNS,
        VALIDATION_RESULTS,
        FUNCTIONAL_CLASSIFICATION,
        ECONOMIC_CLASSIFICATION,
        COFOG_MAPPING,
    )
}

STAGED = tuple(name for name, dataset in DATASETS.items() if dataset.origin is Origin.DOCUMENT)
"""What one parsed document yields: the datasets that are staged for it, `documents` among them."""

RUNS = tuple(name for name, dataset in DATASETS.items() if dataset.origin is Origin.RUN)
"""What rules and suites said, a file for each month of runs."""

MARTS = tuple(name for name, dataset in DATASETS.items() if dataset.origin is Origin.MART)
"""What is made of other datasets when they are published."""
