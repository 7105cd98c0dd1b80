"""The budget text of a project: its total and its items, among formulas, unit prices and amounts without a unit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from cnbudget import money

Span = tuple[int, int]

_AMOUNT = re.compile(
    r"(?<![\d.,*×A-Za-z])(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)*)"
    r"(?P<unit>亿元|百万元|千元|万元|元|(?:(?<=\d{4})|(?<=,\d{3})|(?<=\d{3}\.\d\d))(?=[;、。]|等|$))"
)
_FORMULA = re.compile(r"\d[^,，;。、:()]{0,60}=$")
_PER_UNIT = re.compile(r"(?:人均|每人|每月|每年|每[场人月年次份][次]?|单价|标准为?)$")
_EARLIER = re.compile(
    r"上年|去年|上一年|以前年度|往年|累计|已(?:支付|安排|投入|下达|完成)|^(?:比|较|同比)|^(?:增加|减少|增长|下降)了?$"
)
_ALL_YEARS = re.compile(r"总(?:投资|预算|概算|金额|额|费用)(?:预算|金额|资金|概算)?[约为:共]*$|概算[约为:]*$")
_SUM = re.compile(r"(?:合计|总计)(?:预算|金额|资金)?[约为:共]*$")
_TOGETHER = re.compile(r"(?:共计|共需|^共)(?:预算|金额|资金|安排)?[约为:共]*$")
"""Of the budget where the text begins with it, else of an item (`共14人,共计67200元`)."""
_THIS_YEAR = re.compile(
    r"(?:(?P<year>20\d\d)|本|当|该)年度?[^,，;。:、]{0,20}(?:预算|安排|资金|金额|经费|申请)[^,，;。、]{0,6}$"
)
_STATED = re.compile(
    r"(?:年度?|项目|本年|资金)[^,，;。:、]{0,30}(?:预算|资金|金额|安排)[^,，;。、]{0,4}$|^预算(?:金额)?[约为:]?$|^年度预算.{0,6}$"
)
_SHARED = re.compile(r"(?:用款计划|季度)")
_ENUMERATOR = re.compile(
    r"(?:(?<=[;。,，、:)])|^)"
    r"(?:(?:-\s?)?\d{1,2}[.、)]|\(\s?\d{1,2}\)|[①-⑳]|[一二三四五六七八九十]{1,3}、|\([一二三四五六七八九十]{1,3}\)|\d(?=[一-鿿]))\s?"
)
_LEAD = re.compile(r"^(?:[;。,，、:)]|以及|和|及|其中|主要|预计|包括|用于|拟)+")
_TRAIL = re.compile(r"(?:[,，、:=\s]|共\d{1,6}[人个名次项]|预算(?:资金)?|用款计划|测算金额|金额|共计|合计|为|约)+$")
_MAX_TRAIL = 80
_USED_FOR = re.compile(r"用于(?P<name>[^,，;。]{2,60})")
_NO_NAME = re.compile(r"(?:全年|每年|年度|年|小计|共需?|需|预计)*")
MAX_TEXT = 50_000
"""A longer text is no project's budget (the longest seen has 500 characters)."""


@dataclass(frozen=True, slots=True)
class Amount:
    """An item: its amount in yuan, and where name, formula and quote stand in the text."""

    yuan: Decimal
    printed: str
    unit: str
    name: Span
    formula: Span | None
    span: Span


@dataclass(frozen=True, slots=True)
class BudgetText:
    """What a budget text says. `total_yuan` is None where there is no total, or a malformed one (`total_printed` is set)."""

    total_yuan: Decimal | None
    total_printed: str | None
    items: Sequence[Amount]


class _Role(Enum):
    """What an amount is to the budget it stands in."""

    STATED = auto()
    THIS_YEAR = auto()
    SUM = auto()
    ALL_YEARS = auto()
    OTHER_YEAR = auto()
    EARLIER = auto()
    ITEM = auto()


_Found = tuple[re.Match[str], int, _Role]
"""An amount, where the text that leads to it begins, and its role."""


def read_budget(text: str, year: int | None = None) -> BudgetText:
    """Total of the fiscal year and items of a project's budget, from folded text."""
    if len(text) > MAX_TEXT:
        return BudgetText(None, None, [])
    found = list(_amounts(text, year))
    total = _total(found)
    amounts = [
        (match, start)
        for match, start, role in found
        if role is _Role.ITEM or (match is not total and role is _Role.THIS_YEAR)
    ]
    if total is None and len(amounts) == 1 and not _SHARED.search(text):
        total, amounts = amounts[0][0], []
    items = [item for match, start in amounts if (item := _item(text, match, start)) is not None]
    if total is None:
        return BudgetText(None, None, items)
    return BudgetText(_yuan(total), total["number"] + total["unit"], items)


def _amounts(text: str, year: int | None) -> Iterator[_Found]:
    """The amounts that are no price, factor of a formula, or part of an item (in brackets behind it)."""
    boundary = inner = 0
    for match in _AMOUNT.finditer(text):
        if _is_factor(text, match, boundary):
            continue
        if match.start() >= inner:
            role = _role(text[boundary : match.start()], year, is_first=boundary == 0)
            yield match, boundary, role
            if role is _Role.ITEM and text.startswith("(", match.end()):
                inner = text.find(")", match.end())
        boundary = match.end()


def _total(found: Sequence[_Found]) -> re.Match[str] | None:
    """The amount that is the year's budget: one called so, else the sum of the items, of all years, or (a slip) another year's."""
    if found and found[0][2] is _Role.STATED:
        return found[0][0]
    for wanted in (_Role.THIS_YEAR, _Role.SUM, _Role.ALL_YEARS, _Role.OTHER_YEAR):
        for match, _, role in found:
            if role is wanted:
                return match
    return None


def _is_factor(text: str, match: re.Match[str], boundary: int) -> bool:
    """Whether an amount is a price or part of a formula, not what it comes to."""
    after = re.match(r"[^,，;。、:]{0,40}", text[match.end() : match.end() + 40])
    is_in_formula = after is not None and "=" in after[0]
    is_price = after is not None and after[0].startswith(("/", "*", "×"))
    before = text[max(boundary, match.start() - 12) : match.start()]
    return is_in_formula or is_price or _PER_UNIT.search(before) is not None


def _role(lead: str, year: int | None, *, is_first: bool) -> _Role:
    """The role of an amount, from the words of its clause; a colon leads from a label to its amount."""
    clause = re.split(r"[,，;。:(]", lead.rstrip(": "))[-1] + lead[len(lead.rstrip(": ")) :]
    if _SHARED.search(clause):
        return _Role.ITEM
    this_year = _THIS_YEAR.search(clause)
    if _EARLIER.search(clause):
        return _Role.EARLIER
    if this_year and this_year["year"] and year and int(this_year["year"]) != year:
        return _Role.OTHER_YEAR
    if _ALL_YEARS.search(clause):
        return _Role.ALL_YEARS
    if _SUM.search(clause) or (lead == clause and _TOGETHER.search(clause)):
        return _Role.SUM
    if is_first and _STATED.search(clause):
        return _Role.STATED
    return _Role.THIS_YEAR if this_year else _Role.ITEM


def _yuan(match: re.Match[str]) -> Decimal | None:
    if match["number"].count(".") > 1:
        return None
    return Decimal(match["number"].replace(",", "")) * money.YUAN_PER_UNIT[match["unit"] or "元"]


def _item(text: str, match: re.Match[str], start: int) -> Amount | None:
    yuan = _yuan(match)
    if yuan is None:
        return None
    formula = _FORMULA.search(text, start, match.start())
    end = formula.start() if formula else match.start()
    name = _name(text, start, end) or _name_after(text, match.end())
    first = min(name[0], match.start())
    span = first, max(match.end(), name[1])
    return Amount(yuan, match["number"], match["unit"], name, formula.span() if formula else None, span)


def _name(text: str, start: int, end: int) -> Span | None:
    """Where the name before an amount stands: behind its number in the list, or else the last clause."""
    part = text[start:end]
    numbered = [match.end() for match in _ENUMERATOR.finditer(part)]
    first = numbered[-1] if numbered else 0
    last = len(part) - len(_trailing(part[first:]))
    if not numbered:
        first = max(part.rfind(mark, 0, last) + 1 for mark in ";。,，")
    head, colon, tail = part[first:last].rpartition(":")
    if colon and tail and re.search(r"\d", tail):
        last = first + len(head)
    elif colon and tail:
        first += len(head) + 1
    if _NO_NAME.fullmatch(
        part[first:last].strip("、,，:")
    ):  # `人员经费:每人3000元,全年36万元`: the label before the colon
        sentence = max(part.rfind(mark, 0, first) for mark in ";。") + 1
        label = part.find(":", sentence, first)
        first, last = (sentence, label) if label > sentence else (first, last)
        first += len(match[0]) if (match := _ENUMERATOR.match(part[first:last])) else 0
    lead = _LEAD.match(part[first:last])
    first += lead.end() if lead else 0
    return (start + first, start + last) if first < last else None


def _trailing(text: str) -> str:
    match = _TRAIL.search(text, max(0, len(text) - _MAX_TRAIL))
    return match[0] if match else ""


def _name_after(text: str, end: int) -> Span:
    """The name where it follows its amount (`500元用于办公`); nothing where there is none."""
    match = _USED_FOR.match(text, end)
    return match.span("name") if match else (end, end)
