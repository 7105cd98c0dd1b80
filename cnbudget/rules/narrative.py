"""Narrative against tables: an amount, its parts, a change and its percent, what is left out. None of it holds a document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from cnbudget.model import Cause, ClaimMeasure, ClaimStatus, Severity
from cnbudget.rules.case import Case, Family, Found, StatedClaim, money_text, per_case, rule, yuan_text

FORMS_AGREE = "编制说明应与预算表一致；《地方预决算公开操作规程》（财预〔2016〕143号）"
CHANGES = "编制说明应说明与上年的增减变化及原因；《地方预决算公开操作规程》（财预〔2016〕143号）"

_M = ClaimMeasure
NARRATIVE = "narrative"
ACCOUNT, PLANNED, EXECUTED = _M.ACCOUNT_BUDGET.value, _M.ACCOUNT_PLANNED.value, _M.ACCOUNT_EXECUTED.value
FISCAL = (_M.EXPENDITURE_FISCAL_APPROPRIATION.value, _M.REVENUE_FISCAL_APPROPRIATION.value)


@dataclass(frozen=True, slots=True)
class AccountClaims:
    """What the narrative says of one account: the headline, the year before and 预算安排, in printed order."""

    headline: StatedClaim
    executed: StatedClaim | None = None
    planned: StatedClaim | None = None


@per_case
def accounts(case: Case) -> list[AccountClaims]:
    """The accounts of the narrative, each once."""
    found: dict[tuple[str, str], AccountClaims] = {}
    last: AccountClaims | None = None
    for claim in case.claims:
        if claim.section != NARRATIVE:
            continue
        if claim.measure == ACCOUNT:
            last = found.setdefault((claim.subject, claim.amount_printed), AccountClaims(claim))
        elif last is not None and claim.measure in {EXECUTED, PLANNED} and claim.subject == last.headline.subject:
            headline, executed, planned = last.headline, last.executed, last.planned
            if claim.measure == EXECUTED:
                executed = executed or claim
            else:
                planned = planned or claim
            last = AccountClaims(headline, executed, planned)
            found[headline.subject, headline.amount_printed] = last
    return list(found.values())


def _locus(claim: StatedClaim) -> str:
    return f"narrative/{claim.measure}/{claim.functional_code or claim.subject}"


@rule(
    Severity.ERROR,
    Family.NARRATIVE,
    "文字与预算表不符",
    "The text contradicts a form",
    rests_on=FORMS_AGREE,
    example="The text states 512.30万元 for an account of which the forms print 123,000 yuan (12.30万元).",
)
def narrative_differs(case: Case) -> Iterator[Found]:
    """An amount of the text is the figure that it speaks of, rounded or cut off at the most. The publisher's error only where
    two identities or more confirm the figure of the forms."""
    for claim in case.claims:
        stated, printed = claim.amount_yuan, claim.table_yuan
        if claim.status != ClaimStatus.DIFFERS or claim.measure == PLANNED or stated is None or printed is None:
            continue
        gap = stated - printed
        yield Found(
            _locus(claim),
            f"文字说明“{claim.subject}”为{claim.printed}，表中为{money_text(printed)}元，相差{money_text(gap)}元。请更正文字或预算表。",
            f"the text states {claim.printed} for {claim.subject}, the form prints {money_text(printed)} yuan, "
            f"{money_text(gap)} apart. Correct the text or the form.",
            expected=yuan_text(printed),
            found=yuan_text(stated),
            difference=yuan_text(gap),
            page=claim.page,
            box=claim.box,
            quote=claim.quote,
            cause=Cause.PUBLISHER if claim.is_proved else Cause.UNKNOWN,
        )


@rule(
    Severity.ERROR,
    Family.NARRATIVE,
    "预算安排数与该项金额不一致",
    "预算安排 differs from the account's own amount",
    rests_on=FORMS_AGREE,
    example="“购房补贴（项）”40.10万元 … 2030年预算安排42.60万元.",
)
def narrative_planned_differs(case: Case) -> Iterator[Found]:
    """The amount of 预算安排 in an account's sentence is the amount at its head."""
    for account in accounts(case):
        planned, headline = account.planned, account.headline
        if planned is None or planned.amount_yuan is None or headline.amount_yuan is None:
            continue
        gap = planned.amount_yuan - headline.amount_yuan
        headline_is_off = headline.status == ClaimStatus.DIFFERS and planned.status != ClaimStatus.DIFFERS
        if abs(gap) < max(planned.precision, headline.precision, Decimal("0.01")) or headline_is_off:
            continue
        yield Found(
            _locus(planned),
            f"文字说明“{planned.subject}”预算安排{planned.printed}，同一段开头为{headline.printed}，相差{money_text(gap)}元。"
            "请核对是否沿用了旧数。",
            f"the text plans {planned.printed} for {planned.subject}, the same passage begins with {headline.printed}, "
            f"{money_text(gap)} yuan apart. Check for a figure of last year.",
            expected=yuan_text(headline.table_yuan or headline.amount_yuan),
            found=yuan_text(planned.amount_yuan),
            difference=yuan_text(gap),
            page=planned.page,
            box=planned.box,
            quote=planned.quote,
            cause=Cause.PUBLISHER if planned.is_proved and planned.status == ClaimStatus.DIFFERS else Cause.UNKNOWN,
        )


@rule(
    Severity.INFO,
    Family.NARRATIVE,
    "截位未四舍五入",
    "An amount is cut off, not rounded",
    rests_on=FORMS_AGREE,
    example="123,480 yuan is stated as 12.34万元; rounded it is 12.35万元.",
)
def narrative_cut_off(case: Case) -> Iterator[Found]:
    """An amount of the text that is the form's cut off at its last digit: no error, but it makes sums drift."""
    for claim in case.claims:
        if claim.status == ClaimStatus.TRUNCATES_TO and claim.table_yuan is not None:
            yield Found(
                _locus(claim),
                f"文字说明“{claim.subject}”{claim.printed}为截位，表中为{money_text(claim.table_yuan)}元。建议四舍五入。",
                f"the text cuts {claim.subject} off at {claim.printed}; the form prints {money_text(claim.table_yuan)} yuan. "
                "Round it.",
                expected=yuan_text(claim.table_yuan),
                found=claim.printed,
                page=claim.page,
                box=claim.box,
                quote=claim.quote,
            )


@rule(
    Severity.INFO,
    Family.NARRATIVE,
    "千分位写法不统一",
    "Thousands are separated here and not there",
    rests_on="同一说明内数字写法应一致",
    example="12,345.67万元 and 2345.67万元 stand in one narrative.",
)
def number_format_mixed(case: Case) -> Iterator[Found]:
    """Amounts of a thousand and more are written one way within the narrative."""
    large = [
        c for c in case.claims if c.section == NARRATIVE and re.match(r"\d,?\d{3}|\d{2,3},\d{3}", c.amount_printed)
    ]
    bare = [claim for claim in large if "," not in claim.amount_printed]
    if bare and len(bare) < len(large):
        parted = next(claim for claim in large if "," in claim.amount_printed)
        yield Found(
            "narrative/number_format",
            f"编制说明中 {parted.printed} 用千分位，{bare[0].printed} 不用（共{len(bare)}处）。建议统一。",
            f"the narrative writes {parted.printed} with separators and {bare[0].printed} without ({len(bare)} places). "
            "Write them one way.",
            expected=parted.amount_printed,
            found=bare[0].amount_printed,
            page=bare[0].page,
            box=bare[0].box,
            quote=bare[0].quote,
        )


RULES = (
    narrative_differs,
    narrative_planned_differs,
    narrative_cut_off,
    number_format_mixed,
)
