"""The budget text of a project: its total and its items, among formulas, unit prices and amounts without a unit."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from cnbudget import money

Span = tuple[int, int]

_AMOUNT = re.compile(
    r"(?<![\d.,*×A-Za-z])(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)*)"
    r"(?P<unit>亿元|百万元|千元|万元|元|(?<=\d{4})(?=[;、。]|等|$))"
)
_FORMULA = re.compile(r"\d[^,，;。、:()]{0,60}=$")
_PER_UNIT = re.compile(r"(?:人均|每人|每月|每年|每[场人月年次份][次]?|单价|标准为?)$")
_SUM = re.compile(r"(?:合计|总计|总金额|总额|总预算)(?:预算|金额|资金)?[约为:共]*$")
_STATED = re.compile(
    r"(?:年度?|项目|本年|资金)[^,，;。:、]{0,30}(?:预算|资金|金额|安排)[^,，;。:、]{0,4}$|^预算[约为]?$|^年度预算.{0,6}$"
)
_SHARED = re.compile(r"(?:用款计划|季度)")
_ENUMERATOR = re.compile(r"(?:(?<=[;。,，、:)])|^)(?:(?:-\s?)?\d{1,2}[.、]|\(\s?\d{1,2}\)|[①-⑳]|\d(?=[一-鿿]))\s?")
_LEAD = re.compile(r"^(?:[;。,，、:)]|以及|和|及|其中|主要|预计|包括|用于|拟)+")
_TRAIL = re.compile(r"(?:[,，、:]|共\d{1,6}[人个名次项]|预算(?:资金)?|用款计划|测算金额|金额|共计|合计|为|约)+$")
_USED_FOR = re.compile(r"用于(?P<name>[^,，;。]{2,60})")
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


def read_budget(text: str) -> BudgetText:
    """Total and items of a project's budget, from folded text."""
    if len(text) > MAX_TEXT:
        return BudgetText(None, None, [])
    total: re.Match[str] | None = None
    amounts: list[tuple[re.Match[str], int]] = []
    boundary = 0
    for match in _AMOUNT.finditer(text):
        if _is_factor(text, match, boundary):
            continue
        lead = text[boundary : match.start()]
        if total is None and _is_total(lead, is_first=not amounts):
            total = match
        else:
            amounts.append((match, boundary))
        boundary = match.end()
    if total is None and len(amounts) == 1 and not _SHARED.search(text):
        total, amounts = amounts[0][0], []
    items = [item for match, start in amounts if (item := _item(text, match, start)) is not None]
    if total is None:
        return BudgetText(None, None, items)
    return BudgetText(_yuan(total), total["number"] + total["unit"], items)


def _is_factor(text: str, match: re.Match[str], boundary: int) -> bool:
    """Whether an amount is a price or part of a formula, not what it comes to."""
    after = re.match(r"[^,，;。、:]{0,40}", text[match.end() : match.end() + 40])
    is_in_formula = after is not None and "=" in after[0]
    is_price = after is not None and after[0].startswith(("/", "*", "×"))
    before = text[max(boundary, match.start() - 12) : match.start()]
    return is_in_formula or is_price or _PER_UNIT.search(before) is not None


def _is_total(lead: str, *, is_first: bool) -> bool:
    clause = re.split(r"[,，;。:]", lead)[-1]
    if _SHARED.search(clause):
        return False
    return _SUM.search(clause) is not None or (is_first and _STATED.search(clause) is not None)


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
    lead = _LEAD.match(part[first:last])
    first += lead.end() if lead else 0
    return (start + first, start + last) if first < last else None


def _trailing(text: str) -> str:
    match = _TRAIL.search(text)
    return match[0] if match else ""


def _name_after(text: str, end: int) -> Span:
    """The name where it follows its amount (`500元用于办公`); nothing where there is none."""
    match = _USED_FOR.match(text, end)
    return match.span("name") if match else (end, end)
