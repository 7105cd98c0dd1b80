"""Sums of the text: its accounts against the fiscal appropriation, and the parts that it lists against their totals."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cnbudget.model import Cause, ClaimMeasure, ClaimStatus, Severity
from cnbudget.rules.case import Case, Family, Found, StatedClaim, money_text, per_case, rule, yuan_text
from cnbudget.rules.narrative import CHANGES, FISCAL, FORMS_AGREE, NARRATIVE, accounts

_M = ClaimMeasure
OTHER_NOTES = "other_notes"


@dataclass(frozen=True, slots=True)
class Listing:
    """The accounts that the narrative lists, the total they should come to, and the accounts of the forms it leaves out."""

    total: StatedClaim
    items: Sequence[StatedClaim]
    unnamed: Sequence[tuple[str, str, Decimal]]
    """Accounts (code, name, yuan) that no item names."""

    @property
    def omitted(self) -> list[tuple[str, str, Decimal]]:
        """Accounts that no item names, nor gives the amount of under another name."""
        odd = [claim for claim in self.items if not claim.functional_code]
        return [row for row in self.unnamed if not any(_is_amount(claim, row[2]) for claim in odd)]

    @property
    def sum_yuan(self) -> Decimal:
        return sum((claim.amount_yuan or Decimal(0) for claim in self.items), Decimal(0))

    @property
    def omitted_yuan(self) -> Decimal:
        return sum((yuan for _, _, yuan in self.omitted), Decimal(0))

    @property
    def tolerance(self) -> Decimal:
        """A whole last digit for each amount, since some are cut off instead of rounded."""
        return self.total.precision + sum((claim.precision for claim in self.items), Decimal(0))

    @property
    def gap(self) -> Decimal:
        assert self.total.amount_yuan is not None
        return self.sum_yuan - self.total.amount_yuan


@per_case
def listing(case: Case) -> Listing | None:
    """The accounts of the narrative beside the fiscal appropriation's total; None where there is nothing to compare."""
    totals = [claim for claim in case.claims_of(NARRATIVE, *FISCAL) if claim.amount_yuan]
    listed = [account.headline for account in accounts(case)]
    if not totals or not listed or any(claim.amount_yuan is None for claim in listed):
        return None
    codes = {claim.functional_code for claim in listed if claim.functional_code}
    items = [claim for claim in listed if not _is_below(claim.functional_code, codes)]
    total = min(totals, key=lambda claim: claim.measure != FISCAL[0])
    return Listing(total, items, _unnamed(case, items))


def _is_below(code: str | None, codes: set[str]) -> bool:
    """Whether an account above this one is listed too, so that adding both would count it twice."""
    return code is not None and any(code[:length] in codes for length in (3, 5) if length < len(code))


def _unnamed(case: Case, items: Sequence[StatedClaim]) -> list[tuple[str, str, Decimal]]:
    """Accounts of the fund forms (code, name, yuan), at the level the narrative lists, that none of its items speaks of."""
    named = {claim.functional_code for claim in items if claim.functional_code}
    if not named:
        return []
    depth = max(set(lengths := [len(code) for code in named]), key=lengths.count)
    amounts: dict[str, tuple[str, Decimal]] = {}
    for figure in case.figures:
        if figure.form_id in _BY_FUND and figure.measure == "total" and figure.code and len(figure.code) <= depth:
            name, before = amounts.get(figure.code, (figure.row_label or "", Decimal(0)))
            amounts[figure.code] = name, before + figure.yuan
    lowest = {code for code in amounts if not any(other != code and other.startswith(code) for other in amounts)}
    return [
        (code, *amounts[code])
        for code in sorted(lowest)
        if amounts[code][1] and not any(code.startswith(own) or own.startswith(code) for own in named)
    ]


_BY_FUND = frozenset(
    f"{fund}_budget_by_function" for fund in ("general_public", "government_fund", "state_capital_operations")
)


def _is_amount(claim: StatedClaim, yuan: Decimal) -> bool:
    return claim.amount_yuan is not None and abs(claim.amount_yuan - yuan) <= claim.precision


@rule(
    Severity.ERROR,
    Family.NARRATIVE,
    "各项之和不等于财政拨款支出",
    "The accounts of the text do not add up",
    rests_on=FORMS_AGREE,
    example="财政拨款支出预算900.00万元, the three accounts below it come to 950.00万元.",
)
def narrative_sum_differs(case: Case) -> Iterator[Found]:
    """The accounts that the narrative lists come to the fiscal appropriation. What it leaves out is a finding of its own and
    counted in; rounding may take a last digit from each amount."""
    found = listing(case)
    if found is None or abs(found.gap) <= found.tolerance or abs(found.gap + found.omitted_yuan) <= found.tolerance:
        return
    if _lists_all_expenditure(case, found):
        return
    off = [claim for claim in found.items if claim.status == ClaimStatus.DIFFERS]
    explained = sum((c.amount_yuan - c.table_yuan for c in off if c.amount_yuan and c.table_yuan), Decimal(0))
    is_proved = bool(off) and all(claim.is_proved for claim in off)
    is_proved &= abs(found.gap + found.omitted_yuan - explained) <= found.tolerance
    total = found.total
    culprits = "、".join(claim.subject for claim in off)
    omitted = f"{_wan(found.omitted_yuan)}万元" if found.omitted_yuan else ""
    because_zh = f"差额来自“{culprits}”{f'，另漏列{omitted}' if omitted else ''}。" if is_proved else ""
    because_en = f" It comes from {culprits}{f', less {omitted} left out' if omitted else ''}." if is_proved else ""
    yield Found(
        f"narrative/{total.measure}/sum",
        f"编制说明列{len(found.items)}项，相加{_wan(found.sum_yuan)}万元，财政拨款支出为{total.printed}，"
        f"相差{_wan(found.gap)}万元。{because_zh}请逐项核对。",
        f"the {len(found.items)} accounts of the narrative come to {_wan(found.sum_yuan)}万元, its fiscal appropriation is "
        f"{total.printed}, {_wan(found.gap)}万元 apart.{because_en} Check the accounts one by one.",
        expected=yuan_text(total.amount_yuan or Decimal(0)),
        found=yuan_text(found.sum_yuan),
        difference=yuan_text(found.gap),
        page=total.page,
        box=total.box,
        quote=total.quote,
        cause=Cause.PUBLISHER if is_proved else Cause.UNKNOWN,
    )


_OF_FISCAL = re.compile(r"财政拨款支出的?主要(?:内容|用途|情况)")


def _lists_all_expenditure(case: Case, found: Listing) -> bool:
    """Whether the list is of all expenditure and not of the fiscal appropriation: it comes to that, and nothing says otherwise."""
    says = any(_OF_FISCAL.search(text.passage.folded) for text in case.texts if text.kind == NARRATIVE)
    everything = [claim.amount_yuan for claim in case.claims_of(NARRATIVE, _M.EXPENDITURE_TOTAL.value)]
    return not says and any(yuan is not None and abs(found.sum_yuan - yuan) <= found.tolerance for yuan in everything)


@rule(
    Severity.WARNING,
    Family.NARRATIVE,
    "编制说明漏列科目",
    "The text leaves an account out",
    rests_on=FORMS_AGREE,
    example="The forms print 5,000 yuan for 购房补贴, the narrative lists every other account and not this one.",
)
def narrative_omits_account(case: Case) -> Iterator[Found]:
    """A narrative that lists the accounts lists them all. Asked only where it covers nine tenths of the money."""
    found = listing(case)
    if found is None or found.omitted_yuan * 9 > found.sum_yuan:
        return
    for code, name, yuan in found.omitted:
        yield Found(
            f"narrative/omitted/{code}",
            f"预算表列有“{name}”（{code}）{money_text(yuan)}元，编制说明未列该项。请补充。",
            f"the forms print {money_text(yuan)} yuan for {name} ({code}), the narrative does not mention it. Add it.",
            expected=yuan_text(yuan),
            page=found.items[-1].page,
            box=found.items[-1].box,
            quote=name,
        )


def _wan(yuan: Decimal) -> str:
    return f"{yuan / 10_000:,.2f}"


# --- sums within the text --------------------------------------------------------------------------------------------

_PARTS: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    (
        NARRATIVE,
        _M.REVENUE_TOTAL,
        (_M.REVENUE_FISCAL_APPROPRIATION, _M.REVENUE_PUBLIC_SERVICE, _M.REVENUE_BUSINESS, _M.REVENUE_OTHER),
        "收入预算 = 各项收入之和",
        "revenue = sum of its sources",
    ),
    (
        NARRATIVE,
        _M.EXPENDITURE_FISCAL_APPROPRIATION,
        (
            _M.EXPENDITURE_GENERAL_PUBLIC_BUDGET,
            _M.EXPENDITURE_GOVERNMENT_FUND_BUDGET,
            _M.EXPENDITURE_STATE_CAPITAL_OPERATIONS_BUDGET,
        ),
        "财政拨款支出 = 三类预算之和",
        "fiscal appropriation = sum of the three funds",
    ),
    (
        OTHER_NOTES,
        _M.THREE_PUBLIC_TOTAL,
        (_M.OVERSEAS_TRAVEL, _M.VEHICLE_TOTAL, _M.OFFICIAL_RECEPTION),
        "“三公”经费 = 因公出国 + 公务用车 + 公务接待",
        "three-public = overseas + vehicles + reception",
    ),
    (
        OTHER_NOTES,
        _M.VEHICLE_TOTAL,
        (_M.VEHICLE_PURCHASE, _M.VEHICLE_OPERATION),
        "公务用车购置及运行费 = 购置费 + 运行费",
        "vehicles = purchase + operation",
    ),
    (
        OTHER_NOTES,
        _M.PROCUREMENT_TOTAL,
        (_M.PROCUREMENT_GOODS, _M.PROCUREMENT_WORKS, _M.PROCUREMENT_SERVICES),
        "政府采购预算 = 货物 + 工程 + 服务",
        "procurement = goods + works + services",
    ),
)
"""Sums that the text itself states: section, total, parts, in words."""


def _sums(case: Case) -> Iterator[tuple[StatedClaim, list[StatedClaim], str, str]]:
    """The total and the parts of each sum whose figures are all stated, the first of each."""
    for section, total, parts, zh, en in _PARTS:
        claims = [case.claims_of(section, measure) for measure in (total, *parts)]
        if all(claims):
            yield claims[0][0], [found[0] for found in claims[1:]], zh, en


@rule(
    Severity.WARNING,
    Family.NARRATIVE,
    "文字中的分项与合计不符",
    "Parts stated in the text do not come to their total",
    rests_on=FORMS_AGREE,
    example="政府采购预算90.00万元 of goods 10.00, works 0.00 and services 90.00.",
)
def narrative_parts_differ(case: Case) -> Iterator[Found]:
    """Parts that the text lists behind 其中 come to the total before it, within rounding."""
    for total, parts, zh, en in _sums(case):
        amounts = [claim.amount_yuan for claim in (total, *parts)]
        if any(yuan is None for yuan in amounts):
            continue
        stated, *own = [yuan for yuan in amounts if yuan is not None]
        gap = sum(own, Decimal(0)) - stated
        if abs(gap) > sum((claim.precision for claim in (total, *parts)), Decimal(0)):
            yield _parts_found("sum", total, zh, en, stated, gap)


@rule(
    Severity.WARNING,
    Family.NARRATIVE,
    "文字中的增减额与分项不符",
    "Stated changes of the parts do not come to the stated change of the total",
    rests_on=CHANGES,
    example="“三公”经费 is said to rise by 8万元, its parts by 6万元 together.",
)
def narrative_changes_differ(case: Case) -> Iterator[Found]:
    """Where the total and all its parts are compared with the same year, the changes add up as the amounts do."""
    for total, parts, zh, en in _sums(case):
        claims = (total, *parts)
        if len({claim.compared_year for claim in claims}) != 1 or any(claim.change_yuan is None for claim in claims):
            continue
        stated, *own = [claim.change_yuan for claim in claims if claim.change_yuan is not None]
        gap = sum(own, Decimal(0)) - stated
        if abs(gap) > sum((max(claim.precision, Decimal(100)) for claim in claims), Decimal(0)):
            yield _parts_found("change", total, f"增减额：{zh}", f"changes: {en}", stated, gap)


def _parts_found(what: str, total: StatedClaim, zh: str, en: str, stated: Decimal, gap: Decimal) -> Found:
    return Found(
        f"{total.section}/{total.measure}/{what}",
        f"{zh}：“{total.subject}”写{_wan(stated)}万元，分项相加{_wan(stated + gap)}万元，相差{_wan(gap)}万元。请核对各分项。",
        f"{en}: {total.subject} is stated as {_wan(stated)}万元, its parts come to {_wan(stated + gap)}万元, "
        f"{_wan(gap)}万元 apart. Check the parts.",
        expected=yuan_text(stated + gap),
        found=yuan_text(stated),
        difference=yuan_text(gap),
        page=total.page,
        box=total.box,
        quote=total.quote,
    )


RULES = (narrative_sum_differs, narrative_omits_account, narrative_parts_differ, narrative_changes_differ)
