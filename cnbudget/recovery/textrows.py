"""Lines of a form -> rows: codes, labels and numbers in printed order.

Three kinds of form, three ways to read a line: rows that begin with a code, rows of two halves that begin with numbered
labels, and T9's numbers alone. A line that is no row goes on with the row above (the rest of a wrapped name, its numbers), or
ends the table.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal

from cnbudget import money
from cnbudget.classification import (
    class_by_name,
    economic_classification,
    functional_classification,
    name_key,
)
from cnbudget.forms import Form
from cnbudget.model import FormId, Paragraph, Side

MAX_HEADER_LINES = 30
MAX_FRAGMENT = 24
MAX_TOKENS = 60
"""A row is not given more numbers than this; with so many it has no placement anyway."""

_CJK = r"[㐀-䶿一-鿿]"
_CODE = re.compile(
    r"(?:(?P<whole>[23]\d{4}(?:\d\d)?)(?![\d.,])"
    r"|(?P<class>[23]\d\d)(?![\d.,])(?:\s*(?P<section>\d\d?)(?![\d.,])(?:\s*(?P<item>\d\d?)(?![\d.,]))?)?"
    rf"|(?P<odd>\d{{1,3}})\s+(?P<odd_section>\d\d?)(?:\s+(?P<odd_item>\d\d?))?(?=\s*{_CJK}))\s*(?P<rest>.*)"
)
"""Code cells at the start of a row; a misprinted class (`7` for 210) is taken as it stands where sections and a name follow."""
TOTAL = re.compile(r"((?:合|总)\s*计|(?:本\s*年\s*)?(?:收\s*入|支\s*出)\s*(?:总|合)\s*计)\s*(?P<rest>.*)")
_ORDINAL = (
    r"[一二三四五六七八九十]{1,3}、|[(（][一二三四五六七八九十\d]{1,2}[)）]|(?<![\d.,])\d{1,2}\s*[.、．]\s*(?![\d.])"
)
ORDINAL = re.compile(_ORDINAL)
_LABEL_START = re.compile(rf"{_ORDINAL}|(?:本年)?(?:收入|支出)(?:总计|合计)")
_SPACED = re.compile(rf"(?<={_CJK})\s+(?={_CJK})")
_AFTER_ORDINAL = re.compile(rf"({_ORDINAL})\s+")
_LABEL_END = re.compile(r"[㐀-䶿一-鿿A-Za-z、][()（）]*(?=[^㐀-䶿一-鿿A-Za-z]*$)")
_PLAIN = re.compile(r"\d[\d,]*(?:\.\d+)?", re.ASCII)
_TWO_DECIMALS = re.compile(r"(?:-?\d[\d,]*\.\d\d)+")
_ONE_OF_TWO = re.compile(r"-?\d[\d,]*\.\d\d")
_REVENUE = re.compile(
    r"(?:财政拨款|一般公共预算|政府性基金|国有资本经营|事业收入|(?:事业单位)?经营收入|其他收入|收入|本年收入"
    r"|上年结(?:转|余)|财政专户管理资金|上级补助收入|附属单位(?:上缴|缴款)|(?:用|使用)(?:事业基金|非财政拨款结余))"
)
_REVENUE_WORDS = ("财政拨款", "一般公共预算", "政府性基金", "国有资本经营", "事业单位经营收入", "其他收入", "经营收入")
_PAGE_NUMBER = re.compile(r"[-—–\s]*(?:第\s*)?\d{1,4}(?:\s*页)?(?:\s*[/共]\s*\d{1,4}\s*页?)?[-—–\s]*")
_PROSE = re.compile(r"[。；;，]|[:：]")


@dataclass(frozen=True, slots=True)
class Token:
    """A number, or a mark for none (`is_nil`), as it stands in a line."""

    text: str
    line: Paragraph
    amount: Decimal | None = None

    @property
    def is_nil(self) -> bool:
        return self.amount is None


@dataclass(slots=True)
class TextRow:
    """A row: code cells, labels by side and tokens by side (None in one-sided forms), all in printed order."""

    codes: tuple[str, str, str]
    labels: dict[Side | None, str]
    tokens: dict[Side | None, list[Token]]
    page: int | None = None
    is_split: bool = False
    """Whether its label or numbers came from more than one line."""
    n_before: int = 0
    is_unnamed: bool = False
    """Whether no name stands on or before its line, though it has a code."""

    @property
    def key(self) -> tuple[object, ...]:
        return self.codes, tuple(self.labels.items())

    @property
    def texts(self) -> list[str]:
        return [token.text for tokens in self.tokens.values() for token in tokens]

    @property
    def is_total(self) -> bool:
        return not any(self.codes) and any(TOTAL.fullmatch(label) for label in self.labels.values())


@dataclass(slots=True)
class Page:
    """A run of rows under one title or header."""

    form: Form | None
    title: str | None = None
    head: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    rows: list[TextRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    strays: list[Token] = field(default_factory=list)
    skipped: list[Token] = field(default_factory=list)
    n_skipped: int = 0
    """Amounts on lines since the table seemed to end, and the number of these lines."""
    fragments: list[str] = field(default_factory=list)
    is_open: bool = True
    in_header: bool = True


def _numbers(line: Paragraph, text: str) -> list[Token] | None:
    """The tokens of a text of nothing but numbers and marks for none; None for any other text."""
    tokens: list[Token] = []
    for piece in text.split():
        if _PLAIN.fullmatch(piece):
            tokens.append(Token(piece, line, Decimal(piece.replace(",", ""))))
        elif money.is_nil(piece):
            tokens.append(Token(piece, line))
        elif (amount := money.parse_amount(piece)) is not None:
            tokens.append(Token(piece, line, amount))
        elif _TWO_DECIMALS.fullmatch(money.plain(piece)):
            tokens.extend(
                Token(part, line, money.parse_amount(part)) for part in _ONE_OF_TWO.findall(money.plain(piece))
            )
        else:
            return None
    return tokens


def _label_and_numbers(line: Paragraph, text: str) -> tuple[str, list[Token]] | None:
    """A label and the numbers behind it; None where what follows the label is not numbers alone."""
    end = _LABEL_END.search(text)
    cut = end.end() if end else 0
    tokens = None if amounts_of(line, text[:cut]) else _numbers(line, text[cut:])
    return None if tokens is None else (money.joined(text[:cut]), tokens)


def read_row(page: Page, form: Form, line: Paragraph, text: str) -> bool:
    """Takes one line of a form; False where it ends the table. `text`: the line with plain digits."""
    if _PAGE_NUMBER.fullmatch(text):
        return True
    if form.form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING:
        return _read_loose(page, line, text)
    return (_read_two_sided if form.is_two_sided else _read_coded)(page, line, text)


def begins_row(form: Form, line: Paragraph, text: str) -> bool:
    """Whether a line by itself reads as a row of a coded form: code, name and numbers, and nothing else."""
    code = _CODE.match(text) if form.has_codes else None
    found = _label_and_numbers(line, code["rest"]) if code else None
    return found is not None and bool(found[0]) and len(found[1]) > 1


def _extend(row: TextRow, side: Side | None, tokens: list[Token]) -> None:
    """Gives a row what stands on a further line."""
    own = row.tokens.setdefault(side, [])
    own.extend(tokens[: max(0, MAX_TOKENS - len(own))])
    row.is_split = True


# --- coded forms -----------------------------------------------------------------------------------------------------


def _read_coded(page: Page, line: Paragraph, text: str) -> bool:
    total = TOTAL.match(text)
    if total and not (page.in_header and money.key(text) == "合计" and "合计" not in money.key("".join(page.headers))):
        tokens = _numbers(line, total["rest"])
        if tokens is not None:
            return _add(page, TextRow(("", "", ""), {None: money.joined(total[1])}, {None: tokens}, line.page))
        if not page.in_header:
            return False
    code = _CODE.match(text)
    if code:
        found = _label_and_numbers(line, code["rest"])
        if found is not None and (found[0] or found[1]):
            cells = (
                code["whole"] or code["class"] or code["odd"],
                code["section"] or code["odd_section"] or "",
                code["item"] or code["odd_item"] or "",
            )
            return _add(page, TextRow(cells, {None: found[0]} if found[0] else {}, {None: found[1]}, line.page))
    if page.in_header:
        page.headers.append(text)
        return len(page.headers) <= MAX_HEADER_LINES
    return _continue_row(page, line, text, None)


def _add(page: Page, row: TextRow) -> bool:
    """Takes a new row; lines of text between it and the last one are shared out among the two."""
    if page.in_header and not row.labels and any(row.codes) and page.headers and _begins_name(row, page.headers[-1]):
        page.fragments.append(money.joined(page.headers.pop()))
    page.in_header = False
    if page.rows and page.fragments and not row.labels and any(row.codes):
        own = page.rows[-1].n_before  # a broken name beside its row has as many lines below as above
        kept, page.fragments = page.fragments[own:], page.fragments[:own]
        _flush(page)
        page.fragments = kept
    if not row.labels and any(row.codes) and page.fragments:
        row.labels = {None: "".join(page.fragments)}
        row.n_before, row.is_split = len(page.fragments), True
        page.fragments = []
    elif not row.labels and any(row.codes):
        row.is_unnamed = True
    elif not _flush(page):
        page.fragments = []
    page.rows.append(row)
    return True


def _flush(page: Page) -> bool:
    """Joins waiting pieces of text to the label of the last row, unless the label is whole without them."""
    if not page.fragments:
        return True
    tail, page.fragments = "".join(page.fragments), []
    if not page.rows:
        return False
    row = page.rows[-1]
    label = row.labels.get(None, "")
    if row.is_total or (_is_name(row, label) and not _is_name(row, label + tail)):
        return False
    row.labels[None] = label + tail
    row.is_split = True
    return True


def _is_name(row: TextRow, label: str) -> bool:
    return name_key(label) in _names(row)


def _begins_name(row: TextRow, text: str) -> bool:
    return any(f"{name}支出".startswith(money.key(text)) for name in _names(row))


def _names(row: TextRow) -> Collection[str]:
    """The names of a row's code, in any year, without a final 支出."""
    code = "".join(row.codes)
    book = economic_classification() if code.startswith("3") else functional_classification()
    return book.names.get(code, ())


def _continue_row(page: Page, line: Paragraph, text: str, side: Side | None) -> bool:
    """A line without a code: numbers or a piece of the label of the row above, or the end of the table."""
    last = page.rows[-1] if page.rows else None
    tokens = _numbers(line, text)
    if tokens is not None:
        if last is None:
            page.strays.extend(tokens)
            return True
        _flush(page)
        own = last.tokens.setdefault(side, [])
        if len(tokens) < 2 or [token.text for token in tokens] != [token.text for token in own]:
            _extend(last, side, tokens)
        return True
    found = _label_and_numbers(line, text)
    if found is None or last is None or len(found[0]) > MAX_FRAGMENT or _PROSE.search(found[0]):
        _lose(page, line, text)
        return False
    if last.is_total or (found[1] and last.tokens.get(side)):
        _lose(page, line, text)
        return False
    page.fragments.append(found[0])
    if found[1]:
        _flush(page)
        _extend(last, side, found[1])
    return True


def _lose(page: Page, line: Paragraph, text: str) -> None:
    """Amounts of a line that ends a table are named: a row may have been misread."""
    page.strays.extend(amounts_of(line, text))


def amounts_of(line: Paragraph, text: str) -> list[Token]:
    """The words of a line that can only be amounts: with thousands separators or two decimals."""
    amounts = [piece for piece in text.split() if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|-?\d+\.\d\d", piece)]
    return [Token(piece, line, money.parse_amount(piece)) for piece in amounts]


# --- forms with two halves -------------------------------------------------------------------------------------------


def _read_two_sided(page: Page, line: Paragraph, text: str) -> bool:
    text = _SPACED.sub(" ", _AFTER_ORDINAL.sub(r"\1", text))
    close = re.sub(rf"(?<={_CJK}) (?={_CJK}(?: |$))", "", text)
    starts = [match.start() for match in _LABEL_START.finditer(close)]
    if not starts or (page.in_header and not any(_LABEL_START.match(close[start:]) for start in starts)):
        if page.in_header:
            page.headers.append(text)
            return len(page.headers) <= MAX_HEADER_LINES
        return _continue_two_sided(page, line, text)
    parts = [close[start:end] for start, end in zip(starts, [*starts[1:], len(close)], strict=True)]
    cells = [_label_and_numbers(line, part) for part in parts]
    sides = [_side(cell[0]) for cell in cells if cell is not None]
    lead = close[: starts[0]].strip()
    if None in cells or len(set(sides)) < len(sides) or sides == [Side.RIGHT, Side.LEFT] or (lead and page.in_header):
        _lose(page, line, text)
        return page.in_header or _PROSE.search(text) is None
    if lead and not _continue_two_sided(page, line, lead):
        return False
    row = TextRow(("", "", ""), {}, {}, line.page)
    for cell, side in zip(cells, sides, strict=True):
        assert cell is not None
        row.labels[side], row.tokens[side] = cell
    page.in_header = False
    page.rows.append(row)
    return True


def _side(label: str) -> Side:
    """Which half a label stands in: sources and funds on the left, classes of expenditure on the right."""
    bare = re.sub(rf"^(?:{_ORDINAL})", "", money.key(label))
    is_clipped = len(bare) > 2 and any(word.startswith(bare) for word in _REVENUE_WORDS)
    return Side.LEFT if is_clipped or (_REVENUE.match(bare) and not bare.endswith("支出")) else Side.RIGHT


def _continue_two_sided(page: Page, line: Paragraph, text: str) -> bool:
    """Pieces of labels, or the numbers of the last label."""
    if not page.rows:
        _lose(page, line, text)
        return True
    row = page.rows[-1]
    side = next(reversed(row.labels))
    tokens = _numbers(line, text)
    if tokens is not None:
        _extend(row, side, tokens)
        return True
    found = _label_and_numbers(line, text)
    if found is None or row.is_total or _PROSE.search(text) or len(found[0]) > MAX_FRAGMENT:
        _lose(page, line, text)
        return False
    pieces = text.split()
    if len(row.labels) == 2 and len(pieces) >= 2 and money.parse_amount(pieces[1]) is None:
        row.labels[Side.LEFT] += pieces[0]
        found = _label_and_numbers(line, " ".join(pieces[1:])) or found
    elif side is Side.RIGHT and len(row.labels) == 2 and class_by_name(row.labels[side]) and not found[1]:
        side = Side.LEFT
    row.labels[side] += found[0]
    _extend(row, side, found[1])
    return True


# --- T9: numbers alone -----------------------------------------------------------------------------------------------


def _read_loose(page: Page, line: Paragraph, text: str) -> bool:
    tokens = _numbers(line, text)
    if tokens is None:
        if page.in_header:
            page.headers.append(text)
        return page.in_header and len(page.headers) <= MAX_HEADER_LINES
    page.in_header = False
    if page.rows:
        _extend(page.rows[0], None, tokens)
    else:
        page.rows.append(TextRow(("", "", ""), {}, {None: tokens}, line.page))
    return True


def close_page(page: Page) -> None:
    """Gives the last row its waiting pieces of text."""
    if page.rows and page.fragments:
        last = page.rows[-1]
        if last.n_before:
            page.fragments = page.fragments[: last.n_before]
        _flush(page)
    page.fragments = []
    for row in page.rows:
        _move_over(row)


def _move_over(row: TextRow) -> None:
    """A lone label whose last line shows that it stands in the other half: 国有资本经营预算 and, below it, 支出."""
    if len(row.labels) == 1 and None not in row.labels:
        ((side, label),) = row.labels.items()
        if (right := _side(label)) is not side:
            row.labels, row.tokens = {right: label}, {right: row.tokens[side]}
