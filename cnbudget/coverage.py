"""Coverage: of the publishers and years that are expected, who has published, who has not, and who is held.

The list is a CSV file with the columns `jurisdiction_code, publisher_name, publisher_kind, fiscal_year`. Names are matched
as everywhere (`publishers.publisher_id`): by their normal spelling within the jurisdiction, never by likeness.
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import polars as pl

from cnbudget.errors import SettingsError
from cnbudget.model import DocumentState, PublisherKind, Stage
from cnbudget.publishers import publisher_id

EXPECTED_COLUMNS = ("jurisdiction_code", "publisher_name", "publisher_kind", "fiscal_year")
STATUSES = ("published", "held", "unsupported", "withdrawn", "rejected", "pending", "missing", "unexpected")
"""What a row of the coverage says, the one that counts first: with a budget published and another held, it is published."""

_KEY = ("publisher_id", "publisher_kind", "fiscal_year")
_STATUS_OF_STATE = {"superseded": "published", "parsed": "pending"}
_CODE = re.compile(r"\d{6}")
_YEARS = range(1990, 2101)


def read_expected(path: Path) -> pl.DataFrame:
    """The expected publishers and years, one row each, with their `publisher_id`; lines that repeat one are taken once.

    Raises SettingsError, which names the line, where the file is not such a list.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot be read ({error}); expected a CSV file in UTF-8", where=str(path)) from error
    lines = csv.DictReader(io.StringIO(text, newline=""))
    missing = [name for name in EXPECTED_COLUMNS if name not in (lines.fieldnames or ())]
    if missing:
        found, expected = ", ".join(lines.fieldnames or ()) or "nothing", ", ".join(EXPECTED_COLUMNS)
        raise SettingsError(f"columns found: {found}; expected: {expected}", where=f"{path}:1")
    rows = [_expected_row(line, f"{path}:{lines.line_num}") for line in lines]
    schema = {"jurisdiction_code": pl.String, "publisher_name": pl.String, "publisher_kind": pl.String}
    frame = pl.DataFrame(rows, schema=schema | {"fiscal_year": pl.Int64, "publisher_id": pl.String}, orient="row")
    return frame.unique(list(_KEY), keep="first", maintain_order=True)


def _expected_row(line: dict[str, str | None], where: str) -> tuple[str, str, str, int, str]:
    code, name, kind, year = ((line[column] or "").strip() for column in EXPECTED_COLUMNS)
    if not _CODE.fullmatch(code):
        raise SettingsError(f"jurisdiction_code {code!r}; expected six digits, as 310117", where=where)
    if not name:
        raise SettingsError("no publisher_name; expected a name", where=where)
    if kind not in set(PublisherKind):
        raise SettingsError(f"publisher_kind {kind!r}; expected {' or '.join(PublisherKind)}", where=where)
    if not year.isascii() or not year.isdecimal() or int(year) not in _YEARS:
        raise SettingsError(f"fiscal_year {year!r}; expected a year, as 2024", where=where)
    return code, name, kind, int(year), publisher_id(name, code)


def coverage(expected: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """One row per expected publisher, kind and year, and per one that has a budget and was not expected.

    `expected` as of `read_expected`, `documents` the dataset. Columns: those of the list, publisher_id, status (one of
    STATUSES), n_documents, and of the document that decides the status document_id, state, state_reason and published_at.
    Final accounts and adjusted budgets do not count. A document whose publisher, kind or year is unknown is unexpected.
    """
    found = _deciding(documents)
    rows = expected.join(found.drop("jurisdiction_code", "publisher_name"), on=_KEY, how="left", nulls_equal=True)
    others = found.join(expected, on=_KEY, how="anti", nulls_equal=True).with_columns(status=pl.lit("unexpected"))
    rows = rows.with_columns(pl.col("status").fill_null("missing"), pl.col("n_documents").fill_null(0))
    both = pl.concat([rows, others.select(rows.columns)])
    return both.sort("fiscal_year", "jurisdiction_code", _rank(), "publisher_name", "document_id", nulls_last=True)


def _rank() -> pl.Expr:
    return pl.col("status").replace_strict({status: n for n, status in enumerate(STATUSES)}, return_dtype=pl.Int8)


def _deciding(documents: pl.DataFrame) -> pl.DataFrame:
    """The document that counts of each publisher, kind and year; each for itself where one of these is not known."""
    is_known = pl.all_horizontal(pl.col(_KEY).is_not_null())
    is_budget = pl.col("stage").is_null() | (pl.col("stage") == Stage.BUDGET)
    budgets = documents.filter(is_budget & (pl.col("state") != DocumentState.OPENED))  # its members count
    ranked = budgets.with_columns(
        pl.col("state").replace(_STATUS_OF_STATE).alias("status"),
        pl.when(~is_known).then("document_id").alias("alone"),
    ).sort(_rank(), ~pl.col("is_current"), "document_id")
    columns = ["jurisdiction_code", "publisher_name", "status", "document_id", "state", "state_reason", "published_at"]
    return (
        ranked.group_by(*_KEY, "alone", maintain_order=True)
        .agg(*(pl.first(name) for name in columns), pl.len().cast(pl.Int64).alias("n_documents"))
        .drop("alone")
    )
