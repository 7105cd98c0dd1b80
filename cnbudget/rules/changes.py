"""Changes against the year before, as the text states them: direction, percent, reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal

from cnbudget.model import ClaimMeasure, Severity
from cnbudget.rules.case import Case, Family, Found, StatedClaim, rule
from cnbudget.rules.narrative import CHANGES, FISCAL, NARRATIVE, accounts

_M = ClaimMeasure
_Interval = tuple[Decimal, Decimal]
_PERCENT = re.compile(r"(\d+(?:\.(\d+))?)[%％﹪]")
_HUNDRED = Decimal(100)


def _interval(claim: StatedClaim) -> _Interval | None:
    """What an amount may stand for, cut off or rounded; None where it is malformed."""
    if claim.amount_yuan is None:
        return None
    return claim.amount_yuan - claim.precision / 2, claim.amount_yuan + claim.precision


def _percents(amount: _Interval, base: _Interval) -> _Interval | None:
    """The change in percent that two amounts may stand for; None where the base may be nothing."""
    if base[0] <= 0:
        return None
    return (amount[0] / base[1] - 1) * _HUNDRED, (amount[1] / base[0] - 1) * _HUNDRED


def _compared(case: Case) -> Iterator[tuple[StatedClaim, list[_Interval], _Interval]]:
    """Claims with a percent: the amounts it may be counted from (预算安排 and the headline), and the base."""
    for account in accounts(case):
        planned, executed = account.planned, account.executed
        if planned is None or executed is None or planned.compared_basis != "executed":
            continue
        amounts = [found for claim in (planned, account.headline) if (found := _interval(claim)) is not None]
        base = _interval(executed)
        if planned.change_percent is not None and amounts and base is not None:
            yield planned, amounts, base
    for claim in case.claims:
        amount = _interval(claim)
        if claim.change_percent and claim.change_yuan and amount is not None:
            slack = max(claim.precision, Decimal(1))
            base = amount[0] - claim.change_yuan - slack, amount[1] - claim.change_yuan + slack
            yield claim, [amount], base


@rule(
    Severity.WARNING,
    Family.NARRATIVE,
    "增减百分比有误",
    "A percent does not follow from its amounts",
    rests_on=CHANGES,
    example="预算执行数为80万元，预算安排60万元，减少35% (it is 25 %).",
)
def narrative_percent_differs(case: Case) -> Iterator[Found]:
    """A stated percent follows from the stated amounts, whatever their rounding allows."""
    for claim, amounts, base in _compared(case):
        stated = claim.change_percent
        ranges = [found for amount in amounts if (found := _percents(amount, base)) is not None]
        if stated is None or not ranges or _contradicts(stated, ranges) or (stated == 0 and claim.change_yuan == 0):
            continue
        digits = _PERCENT.search(claim.quote)
        last_digit = Decimal(1).scaleb(-len(digits[2] or "")) if digits else Decimal("0.01")
        if any(low - last_digit <= stated <= high + last_digit for low, high in ranges):
            continue
        middle = ((ranges[0][0] + ranges[0][1]) / 2).quantize(Decimal("0.01"))
        yield Found(
            f"narrative/{claim.measure}/{claim.functional_code or claim.subject}/percent",
            f"“{claim.subject}”写增减{stated}%，按文中金额计算为{middle}%，相差{stated - middle}个百分点。请核对比例。",
            f"{claim.subject}: the text states a change of {stated} %, its amounts give {middle} %, "
            f"{stated - middle} points apart. Check the percent.",
            expected=f"{middle}%",
            found=f"{stated}%",
            difference=str(stated - middle),
            page=claim.page,
            box=claim.box,
            quote=claim.quote,
        )


def _contradicts(stated: Decimal, ranges: list[_Interval]) -> bool:
    """Whether every pair of amounts goes the other way than the text says."""
    if stated > 0:
        return all(high < 0 for _, high in ranges)
    return stated < 0 and all(low > 0 for low, _ in ranges)


@rule(
    Severity.ERROR,
    Family.NARRATIVE,
    "增减方向与金额相反",
    "The stated direction is the opposite of the amounts",
    rests_on=CHANGES,
    example="预算执行数为10万元，预算安排12万元，减少20%.",
)
def narrative_direction_differs(case: Case) -> Iterator[Found]:
    """An account that is said to rise has more than the year before, one that is said to stay has about the same."""
    for claim, amounts, base in _compared(case):
        ranges = [found for amount in amounts if (found := _percents(amount, base)) is not None]
        stated = claim.change_percent
        if stated is None or not ranges:
            continue
        is_level = stated == 0 and "基本" not in claim.quote and all(low > 1 or high < -1 for low, high in ranges)
        if not is_level and not _contradicts(stated, ranges):
            continue
        middle = ((ranges[0][0] + ranges[0][1]) / 2).quantize(Decimal("0.01"))
        said_zh, said_en = (
            ("持平", "no change") if is_level else ("增加", "a rise") if stated > 0 else ("减少", "a fall")
        )
        yield Found(
            f"narrative/{claim.measure}/{claim.functional_code or claim.subject}/direction",
            f"“{claim.subject}”写{said_zh}，按文中金额为{middle}%，方向不符。请核对增减。",
            f"{claim.subject}: the text states {said_en}, its amounts give {middle} %. Check the direction.",
            expected=f"{middle}%",
            found=said_zh,
            page=claim.page,
            box=claim.box,
            quote=claim.quote,
            severity=Severity.WARNING if is_level else None,
        )


@rule(
    Severity.INFO,
    Family.NARRATIVE,
    "基数为零的增长比例",
    "A percent on a base of zero",
    rests_on=CHANGES,
    example="预算执行数为0万元，预算安排6万元，增加100%.",
)
def increase_on_zero(case: Case) -> Iterator[Found]:
    """Where there was nothing the year before a percent says nothing; the amount would."""
    for account in accounts(case):
        executed, planned = account.executed, account.planned
        if executed is None or planned is None or executed.amount_yuan != 0 or not planned.change_percent:
            continue
        yield Found(
            f"narrative/{planned.measure}/{planned.functional_code or planned.subject}/zero_base",
            f"“{planned.subject}”上年为0，写增减{planned.change_percent}%没有意义。请改为“新增{planned.printed}”。",
            f"{planned.subject} was 0 the year before: a change of {planned.change_percent} % says nothing. "
            f"State the amount, {planned.printed}.",
            found=f"{planned.change_percent}%",
            page=planned.page,
            box=planned.box,
            quote=planned.quote,
        )


# --- reasons ---------------------------------------------------------------------------------------------------------

_MONEY = r"(?:经费|预算|支出|费用?|补贴|拨款|投入|资金)(?:有所|略有)?的?"
_RISES = re.compile(_MONEY + r"(?:增加|增长|上升|提高)$")
_FALLS = re.compile(_MONEY + r"(?:减少|下降|降低|压减|缩减)$")
_ANY_RISE, _ANY_FALL = re.compile(r"增|上升|提高|新|扩"), re.compile(r"减|降|缩|取消|不再|无|未|结束|完成|调整至|划转")
_MANY = re.compile(r"[,，、;；及和与]|自有|其他资金|一是|二是")


def _reason_says(reason: str) -> int:
    """1 where a reason is one clause that says of money that it rises, -1 that it falls, else 0."""
    text = reason.rstrip("。； ")
    if _MANY.search(text):
        return 0
    if _RISES.search(text) and not _ANY_FALL.search(text):
        return 1
    return -1 if _FALLS.search(text) and not _ANY_RISE.search(text) else 0


def _change(claim: StatedClaim) -> Decimal | None:
    return claim.change_percent if claim.change_percent is not None else claim.change_yuan


@rule(
    Severity.ERROR,
    Family.NARRATIVE,
    "原因与增减方向矛盾",
    "The stated reason contradicts the direction",
    rests_on=CHANGES,
    example="减少5%，主要原因是信息化建设经费增加.",
)
def reason_contradicts_direction(case: Case) -> Iterator[Found]:
    """A fall is not explained by money that rises, nor a rise by money that falls. Asked of reasons of one clause alone."""
    for claim in case.claims:
        change = _change(claim)
        says = _reason_says(claim.stated_reason or "")
        if change is None or not says or change * says > 0 or "基本" in claim.quote:
            continue
        said_zh, said_en = (
            ("增加", "a rise") if change > 0 else ("减少", "a fall") if change < 0 else ("持平", "no change")
        )
        yield Found(
            f"{claim.section}/{claim.measure}/{claim.functional_code or claim.subject}/reason",
            f"“{claim.subject}”写{said_zh}，原因却是“{claim.stated_reason}”，方向矛盾。请更正原因或增减。",
            f"{claim.subject}: the text states {said_en}, and as its reason {claim.stated_reason}. Correct the one or the other.",
            expected="增加" if says > 0 else "减少",
            found=said_zh,
            page=claim.page,
            box=claim.box,
            quote=f"{claim.quote}：{claim.stated_reason}",
            severity=Severity.WARNING if change == 0 else None,
        )


_ASKED_IN_NOTES = (
    _M.OVERSEAS_TRAVEL.value,
    _M.VEHICLE_PURCHASE.value,
    _M.VEHICLE_OPERATION.value,
    _M.OFFICIAL_RECEPTION.value,
)


@rule(
    Severity.WARNING,
    Family.NARRATIVE,
    "未说明增减原因",
    "A change without its reason",
    rests_on=CHANGES,
    example="财政拨款收入900万元, 60万元 more than the year before, and no 主要原因是 anywhere.",
)
def reason_missing(case: Case) -> Iterator[Found]:
    """A change of the fiscal appropriation, or of one of the “三公” expenses, comes with its reason."""
    fiscal = case.claims_of(NARRATIVE, *FISCAL, _M.EXPENDITURE_GENERAL_PUBLIC_BUDGET.value)
    asked = [claim for claim in fiscal if claim.change_yuan][:1]
    if any(claim.stated_reason for claim in fiscal):
        asked = []
    notes = case.claims_of("other_notes", *_ASKED_IN_NOTES, _M.VEHICLE_TOTAL.value)
    vehicles = {claim.stated_reason for claim in notes if claim.measure.startswith("vehicle")} - {None, ""}
    for claim in notes:
        is_asked = claim.measure in _ASKED_IN_NOTES and claim.change_yuan and not claim.stated_reason
        if is_asked and not (claim.measure.startswith("vehicle") and vehicles):
            asked.append(claim)
    for claim in asked:
        change = f"{abs(claim.change_yuan or Decimal(0)) / 10_000:,.2f}万元"
        yield Found(
            f"{claim.section}/{claim.measure}/reason_missing",
            f"“{claim.subject}”比上年增减{change}，未说明原因。请补充“主要原因是……”。",
            f"{claim.subject} changes by {change} against the year before, and no reason is given. Add it.",
            expected="主要原因是……",
            page=claim.page,
            box=claim.box,
            quote=claim.quote,
        )


@rule(
    Severity.WARNING,
    Family.NARRATIVE,
    "比较年度有误",
    "Compared with another year than the one before",
    rests_on=CHANGES,
    example="A budget of 2030 says 比2028年预算增加.",
)
def compared_year_wrong(case: Case) -> Iterator[Found]:
    """A budget is compared with the year before it."""
    year = case.cover.fiscal_year
    for claim in case.claims:
        if year is not None and claim.compared_year is not None and claim.compared_year != year - 1:
            yield Found(
                f"{claim.section}/{claim.measure}/{claim.functional_code or claim.subject}/compared_year",
                f"“{claim.subject}”与{claim.compared_year}年比较，{year}年预算应与{year - 1}年比较。请核对年份。",
                f"{claim.subject} is compared with {claim.compared_year}; a budget of {year} is compared with {year - 1}. "
                "Check the year.",
                expected=str(year - 1),
                found=str(claim.compared_year),
                page=claim.page,
                box=claim.box,
                quote=claim.quote,
            )


RULES = (
    narrative_percent_differs,
    narrative_direction_differs,
    increase_on_zero,
    reason_contradicts_direction,
    reason_missing,
    compared_year_wrong,
)
