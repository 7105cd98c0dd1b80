"""A stored number and its number format, to the text that a spreadsheet shows.

A workbook holds the double 31214205.800000001 and the format `#,##0.00`; the sheet shows 31,214,205.80, and that was
published. Formats after ECMA-376 part 1, 18.8.30 and 18.8.31, with the built-in ones as in Chinese Excel.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

GENERAL = "General"

_ACCOUNTING = '_ {0}* {1}_ ;_ {0}* -{1}_ ;_ {0}* "-"{2}_ ;_ @_ '
_DATE, _MONTH, _DAY_MONTH = "yyyy/m/d", 'yyyy"年"m"月"', 'm"月"d"日"'
BUILT_IN = {
    0: GENERAL,
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    49: "@",
    5: "¥#,##0;¥-#,##0",
    6: "¥#,##0;¥-#,##0",
    7: "¥#,##0.00;¥-#,##0.00",
    8: "¥#,##0.00;¥-#,##0.00",
    37: "#,##0;-#,##0",
    38: "#,##0;-#,##0",
    39: "#,##0.00;-#,##0.00",
    40: "#,##0.00;-#,##0.00",
    41: _ACCOUNTING.format("", "#,##0", ""),
    42: _ACCOUNTING.format("¥", "#,##0", ""),
    43: _ACCOUNTING.format("", "#,##0.00", "??"),
    44: _ACCOUNTING.format("¥", "#,##0.00", "??"),
    14: _DATE,
    22: "yyyy/m/d h:mm",
    20: "h:mm",
    21: "h:mm:ss",
    31: 'yyyy"年"m"月"d"日"',
    **dict.fromkeys((27, 36, 50, 52, 57), _MONTH),
    **dict.fromkeys((28, 29, 51, 53, 54, 58), _DAY_MONTH),
}
"""The formats that a workbook names by number alone. What is missing (fractions, powers of ten) is no form's amount."""

_WIDE = Context(prec=2000, rounding=ROUND_HALF_UP)
_LONGEST_FORMAT = 255
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|[\\!](?P<escaped>.)|_(?P<space>.)|\*(?P<fill>.)|\[(?P<bracket>[^\]]*)\]'
    r"|(?P<general>General|G/通用格式)|(?P<power>[Ee][+-])|(?P<date>[yY]+|[mM]+|[dD]+|[hH]+|[sS]+|[eE]+)"
    r"|(?P<digit>[0#?])|(?P<point>\.)|(?P<comma>,)|(?P<percent>%)|(?P<text>@)|(?P<literal>.)",
    re.DOTALL,
)
_COLOURS = re.compile(r"(?:black|blue|cyan|green|magenta|red|white|yellow|[黑蓝绿红白黄]色?|color\d+|颜色\d+)", re.I)


class UnknownFormat(ValueError):
    """A number format that is not rendered here: fractions, powers of ten, conditions, names of days."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def stored_to_decimal(text: str) -> Decimal | None:
    """The number that a workbook stores as text, at the 15 digits that Excel keeps; None if it is no finite number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return Decimal(format(value, ".15g")) if math.isfinite(value) else None


def number_to_text(value: Decimal, format_code: str, *, starts_1904: bool = False) -> str:
    """The text that a cell of this format shows, without padding; empty where the format hides the value.

    `General` shows 11 characters, as Excel does, but never drops fen: a value of two decimals is shown in full.
    Raises UnknownFormat.
    """
    sections = _parse(format_code)
    numeric = sections[:3]
    if len(numeric) == 1 or value > 0 or (value == 0 and len(numeric) == 2):
        tokens = numeric[0]
        sign = "-" if value < 0 else ""
    else:
        tokens, sign = numeric[1 if value < 0 else 2], ""
    value = abs(value)
    kinds = {token.kind for token in tokens}
    if "date" in kinds:
        return _date_to_text(value, tokens, starts_1904)
    if kinds & {"general", "text"} or (not tokens and len(numeric) == 1):
        shown = _literals(tokens, _general(value))
    else:
        shown = _fill(value, tokens)
    return sign + shown.strip() if shown.strip() else ""


@lru_cache(maxsize=256)
def _parse(format_code: str) -> tuple[tuple[_Token, ...], ...]:
    if len(format_code) > _LONGEST_FORMAT:
        raise UnknownFormat(f"{format_code[:40]}...")
    sections: list[list[_Token]] = [[]]
    for match in _TOKEN.finditer(format_code):
        kind = match.lastgroup or "literal"
        text = match[kind]
        if kind == "literal" and text == ";":
            sections.append([])
        elif kind == "bracket":
            sections[-1].extend(_bracket(text))
        elif kind == "power" or (text == "/" and any(token.kind == "digit" for token in sections[-1])):
            raise UnknownFormat(format_code)
        elif kind in ("quoted", "escaped", "literal"):
            sections[-1].append(_Token("literal", text))
        elif kind in ("space", "fill"):
            sections[-1].append(_Token("literal", " "))
        else:
            sections[-1].append(_Token(kind, text))
    return tuple(tuple(section) for section in sections)


def _bracket(text: str) -> list[_Token]:
    if text.startswith("$"):
        return [_Token("literal", text[1:].partition("-")[0])]
    if _COLOURS.fullmatch(text) or text.upper().startswith("DBNUM"):
        return []
    raise UnknownFormat(f"[{text}]")


def _general(value: Decimal) -> str:
    # 11 characters, the point among them; a cell that is wide enough shows no fewer.
    decimals = max(0, -int(value.normalize(_WIDE).as_tuple().exponent))
    if decimals > 2:
        decimals = max(10 - len(str(int(value))), 2)
    text = f"{value.quantize(Decimal(1).scaleb(-decimals), context=_WIDE):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _literals(tokens: Sequence[_Token], number: str) -> str:
    return "".join(number if token.kind in ("general", "text") else token.text for token in tokens) or number


def _fill(value: Decimal, tokens: Sequence[_Token]) -> str:
    point = next((at for at, token in enumerate(tokens) if token.kind == "point"), len(tokens))
    places = [at for at, token in enumerate(tokens) if token.kind == "digit"]
    whole_places = [at for at in places if at < point]
    decimals = len(places) - len(whole_places)
    last_place = max(whole_places, default=-1)
    commas = [at for at, token in enumerate(tokens[:point]) if token.kind == "comma"]
    scale = 2 * sum(token.kind == "percent" for token in tokens) - 3 * sum(at > last_place for at in commas)
    shown = value.scaleb(scale, context=_WIDE).quantize(Decimal(1).scaleb(-decimals), context=_WIDE)
    whole, _, fraction = f"{shown:f}".partition(".")
    is_grouped = any(at < last_place for at in commas)
    left = "".join(_fill_whole(whole.lstrip("0"), tokens[:point], is_grouped))
    return left + "".join(_fill_fraction(fraction, tokens[point:]))


def _fill_whole(digits: str, tokens: Sequence[_Token], is_grouped: bool) -> Iterator[str]:
    """Digits go into their places from the right; the leftmost place takes all that are left."""
    pieces: list[str] = []
    first = next((at for at, token in enumerate(tokens) if token.kind == "digit"), None)
    n_written = 0
    for at in range(len(tokens) - 1, -1, -1):
        token = tokens[at]
        if token.kind != "digit":
            pieces.append("" if token.kind == "comma" else token.text)
            continue
        count = max(len(digits), 1) if at == first else 1
        for _ in range(count):
            digit = digits[-1:] or {"0": "0", "?": " ", "#": ""}[token.text]
            digits = digits[:-1]
            pieces.append("," if is_grouped and digit and n_written and n_written % 3 == 0 else "")
            pieces.append(digit)
            n_written += bool(digit)
    return reversed(pieces)


def _fill_fraction(digits: str, tokens: Sequence[_Token]) -> Iterator[str]:
    significant = len(digits.rstrip("0"))
    at = 0
    for token in tokens:
        if token.kind != "digit":
            yield "" if token.kind == "comma" else token.text
            continue
        is_shown = at < significant or token.text == "0"
        yield digits[at] if is_shown else {"?": " ", "#": ""}[token.text]
        at += 1


def _date_to_text(value: Decimal, tokens: Sequence[_Token], starts_1904: bool) -> str:
    # Day 60 of the 1900 calendar is a 29 February that never was.
    epoch = datetime(1904, 1, 1) if starts_1904 else datetime(1899, 12, 30 if value >= 60 else 31)
    try:
        moment = epoch + timedelta(seconds=round(float(value) * 86400))
    except OverflowError as error:
        raise UnknownFormat(f"{value} is no date") from error
    letters = [token.text[0].lower() if token.kind == "date" else "" for token in tokens]
    pieces = []
    for at, token in enumerate(tokens):
        pieces.append(_date_piece(moment, token, letters, at) if token.kind == "date" else token.text)
    return "".join(pieces).strip()


def _date_piece(moment: datetime, token: _Token, letters: Sequence[str], at: int) -> str:
    letter, width = letters[at], len(token.text)
    if letter in "ye":
        return f"{moment.year:04}" if width > 2 or letter == "e" else f"{moment.year % 100:02}"
    if width > 2:
        raise UnknownFormat(token.text)
    if letter == "m":
        before = next((other for other in reversed(letters[:at]) if other), "")
        after = next((other for other in letters[at + 1 :] if other), "")
        number = moment.minute if before == "h" or after == "s" else moment.month
    else:
        number = {"d": moment.day, "h": moment.hour, "s": moment.second}[letter]
    return f"{number:0{min(width, 2)}}"
