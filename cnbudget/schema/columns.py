"""What a dataset is made of: columns with type, unit, meaning in both languages and bounds, and the columns many share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

FIRST_YEAR, LAST_YEAR = 2000, 2099


class ColumnType(StrEnum):
    """Types that Parquet, DuckDB, polars and GX all know."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, whether it may be null, what it means in both languages, its unit and its bounds."""

    name: str
    type: ColumnType
    en: str
    zh: str
    unit: str | None = None
    is_nullable: bool = True
    allowed: Sequence[str] | None = None
    minimum: int | None = None
    maximum: int | None = None


class Origin(StrEnum):
    """Where the rows of a dataset come from."""

    DOCUMENT = "document"
    """A parsed document yields them: they are staged with it."""
    LEDGER = "ledger"
    """The journal says them."""
    RUN = "run"
    """The journal says them of a run of rules and suites, and not of a document."""
    MART = "mart"
    """They are made of other datasets when these are published."""
    REFERENCE = "reference"
    """They are the same for every document: written once, not by partition."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its columns in order, the key that is unique in it, and what one row is."""

    name: str
    en: str
    zh: str
    key: Sequence[str]
    columns: Sequence[Column]
    origin: Origin = Origin.DOCUMENT

    @property
    def is_reference(self) -> bool:
        return self.origin is Origin.REFERENCE

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def polars_schema(self) -> dict[str, pl.DataType]:
        """The dataset's columns as polars types, in order."""
        return {column.name: _polars_type(column.type) for column in self.columns}


def _polars_type(kind: ColumnType) -> pl.DataType:
    import polars as pl

    types: dict[ColumnType, pl.DataType] = {
        ColumnType.STRING: pl.String(),
        ColumnType.INTEGER: pl.Int64(),
        ColumnType.DECIMAL: pl.Decimal(18, 2),
        ColumnType.DOUBLE: pl.Float64(),
        ColumnType.BOOLEAN: pl.Boolean(),
        ColumnType.TIMESTAMP: pl.Datetime("us", "UTC"),
    }
    return types[kind]


def text(name: str, en: str, zh: str, *, required: bool = False, allowed: type[StrEnum] | None = None) -> Column:
    values = tuple(member.value for member in allowed) if allowed else None
    return Column(name, ColumnType.STRING, en, zh, is_nullable=not required, allowed=values)


def count(name: str, en: str, zh: str, *, required: bool = True, minimum: int = 0) -> Column:
    return Column(name, ColumnType.INTEGER, en, zh, is_nullable=not required, minimum=minimum)


def yuan(name: str, en: str, zh: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.DECIMAL, en, zh, unit="CNY", is_nullable=not required)


def flag(name: str, en: str, zh: str) -> Column:
    return Column(name, ColumnType.BOOLEAN, en, zh, is_nullable=False)


def time(name: str, en: str, zh: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.TIMESTAMP, en, zh, unit="UTC", is_nullable=not required)


def point(name: str, en: str, zh: str) -> Column:
    return Column(name, ColumnType.DOUBLE, en, zh, unit="PDF point")


DOCUMENT_ID = text("document_id", "sha256 of the document's bytes", "文件内容的 sha256", required=True)
FISCAL_YEAR = Column(
    "fiscal_year",
    ColumnType.INTEGER,
    "budget year",
    "预算年度",
    is_nullable=False,
    minimum=FIRST_YEAR,
    maximum=LAST_YEAR,
)
YEAR_IF_KNOWN = Column(
    "fiscal_year", ColumnType.INTEGER, "budget year", "预算年度", minimum=FIRST_YEAR, maximum=LAST_YEAR
)
PLACE = (
    count(
        "page",
        "page, from 1; null where the format has none",
        "页码，从 1 起；无页的格式为空",
        required=False,
        minimum=1,
    ),
    point("x0", "left edge of the printed text", "印刷文字左边缘"),
    point("y0", "top edge, from the top of the page", "上边缘，自页面顶端起"),
    point("x1", "right edge", "右边缘"),
    point("y1", "bottom edge", "下边缘"),
)
