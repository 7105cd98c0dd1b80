"""Printed numbers: what they say, in which unit, and how far rounding lets them be off.

Amounts are yuan as `Decimal`; a printed number stands for the closed interval of half its last printed unit to either
side. Blank is not zero: what prints no digit parses to None.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

YUAN_PER_UNIT = {"元": 1, "千元": 1_000, "万元": 10_000, "百万元": 1_000_000, "亿元": 100_000_000}
"""Units that the forms and the narrative print."""

NUMBER = r"[-+]?\d[\d,]*(?:\.\d+)?"
"""A printed amount after `plain`: thousands separators wherever the publisher put them (`128138,600`)."""

_NUMBER = re.compile(NUMBER)
_BRACKETED = re.compile(rf"\(({NUMBER})\)")
_WIDE = str.maketrans("０１２３４５６７８９，．－−—（）　＋", "0123456789,.---() +")
NIL_MARKS = frozenset({"-", "--", "/", "\\", "无", "*"})
"""What publishers print for no amount."""


def plain(text: str) -> str:
    """Full-width digits and signs as ASCII, without white space around."""
    return text.translate(_WIDE).strip()


def is_nil(text: str) -> bool:
    """Whether the text is a mark for no amount, such as a dash."""
    return plain(text) in NIL_MARKS


def printed_amount(text: str) -> str | None:
    """The one number that a cell prints, as it stands but half-width and on one line; None where it is not one number.

    A number wrapped over lines is joined only where the first line ends in a separator: two stacked numbers are not one.
    """
    lines = [plain(line) for line in text.split("\n") if line.strip()]
    if any(not line.endswith((",", ".")) for line in lines[:-1]):
        return None
    joined = "".join(lines)
    return joined if _NUMBER.fullmatch(joined) or _BRACKETED.fullmatch(joined) else None


def parse_amount(text: str) -> Decimal | None:
    """The number a cell prints, in its own unit; brackets are a minus. None where it is not one number."""
    printed = printed_amount(text)
    if printed is None:
        return None
    number = Decimal(printed.strip("()").replace(",", ""))
    return -number if printed.startswith("(") else number


def decimals(text: str) -> int:
    """How many digits stand behind the decimal point."""
    return len(plain(text).rstrip(")").partition(".")[2])


def to_yuan(amount: Decimal, unit: str) -> Decimal:
    """An amount of a unit of `YUAN_PER_UNIT` in yuan."""
    return amount * YUAN_PER_UNIT[unit]


def half_unit(text: str, unit: str) -> Decimal:
    """Half of the last printed unit, in yuan: what rounding may have taken away or added."""
    return Decimal(YUAN_PER_UNIT[unit]).scaleb(-decimals(text)) / 2


def joined(text: str) -> str:
    """A printed label as one word: line wraps joined and inner spaces removed, otherwise as it stands."""
    return "".join(text.split())


def key(text: str) -> str:
    """A text as it is compared: compatibility forms folded, white space and quotation marks gone."""
    return re.sub(r"[\s“”\"'‘’「」『』]", "", unicodedata.normalize("NFKC", text))


def digits_expression(column: str) -> pl.Expr:
    """The number of a text column that `is_amount` accepts, as text that casts to Decimal."""
    import polars as pl

    text = pl.col(column).str.replace_all(r"[\s,]", "")
    return pl.when(text.str.starts_with("(")).then("-" + text.str.strip_chars("()")).otherwise(text)


MILLI = 1000
"""Money is added up as whole thousandths of a yuan, so that half of a printed fen is still a whole number."""


def milli_to_yuan(column: str) -> pl.Expr:
    """A column of thousandths of a yuan as yuan, exactly (half a fen is rounded away from zero)."""
    import polars as pl

    return (pl.col(column).cast(pl.Decimal(38, 3)) / MILLI).round(2).cast(pl.Decimal(18, 2))
