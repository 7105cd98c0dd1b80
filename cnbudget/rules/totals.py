"""Totals: figures that confirm one another, inside a form and across forms, by the accounting identities."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from cnbudget import money
from cnbudget.identities import BY_ID
from cnbudget.model import CheckStatus, FormId, Severity
from cnbudget.recognise import PrintedAmount, Statement, StatementRow, is_total
from cnbudget.rules.case import FORM_NAMES, Case, CheckOutcome, Family, Found, money_text, per_case, rule

IDENTITIES = "各表式的编制说明：合计等于各项之和，同一数字在各表中一致（勾稽关系见 identities.md）"


@rule(
    Severity.ERROR,
    Family.TOTALS,
    "勾稽关系不成立",
    "An accounting identity is broken",
    rests_on=IDENTITIES,
    example="合计 is 350.00, its classes add up to 300.00.",
    is_holding=True,
)
def identity_broken(case: Case) -> Iterator[Found]:
    """Figures that confirm one another by an accounting identity agree within rounding."""
    for item in case.outcomes:
        if item.status is not CheckStatus.BROKEN:
            continue
        identity = BY_ID[item.identity_id]
        left, right, gap = (money_text(Decimal(yuan)) for yuan in (item.left, item.right, item.residual))
        yield Found(
            f"{item.identity_id}/{item.instance}",
            f"{identity.zh}（{item.instance}）：左边 {left} 元，右边 {right} 元，相差 {gap} 元。请核对这些数字。",
            f"{identity.en} ({item.instance}): left {left} yuan, right {right} yuan, difference {gap} yuan. "
            "Compare these figures with the page.",
            expected=item.right,
            found=item.left,
            difference=item.residual,
            page=item.page,
            box=item.box,
            quote=item.quote,
            cause=item.cause,
        )


@rule(
    Severity.WARNING,
    Family.TOTALS,
    "疑似有误的数字",
    "The figure that broken identities point at",
    rests_on=IDENTITIES,
    example="309 stands in two broken identities; both ask for 300.",
)
def figure_suspected(case: Case) -> Iterator[Found]:
    """Where identities break, the figure that all of them share is named, with the value they agree on. Never changed."""
    for item in case.suspects:
        zh, en = FORM_NAMES[item.form_id]
        proposed = money_text(Decimal(item.proposed)) if item.proposed else ""
        proposal_zh = f"多条勾稽关系一致指向 {proposed} 元。" if proposed else ""
        proposal_en = f" Identities agree on {proposed} yuan." if proposed else ""
        yield Found(
            f"{item.form_id.value}/{item.row_no}/{item.measure}",
            f"《{zh}》“{item.row_label}”的 {item.printed} 参与的 {item.n_broken} 条勾稽关系均不成立。{proposal_zh}请核对该数字。",
            f"{en}, {item.row_label}: all {item.n_broken} identities of {item.printed} are broken.{proposal_en} "
            "Compare it with the page.",
            expected=item.proposed,
            found=item.printed,
            page=item.page,
            box=item.box,
            quote=item.printed,
        )


@rule(
    Severity.WARNING,
    Family.TOTALS,
    "合计未填",
    "A total is blank",
    rests_on=IDENTITIES,
    example="收入总计 is blank while the rows above it hold amounts.",
)
def total_blank(case: Case) -> Iterator[Found]:
    """A column that holds amounts has its total printed: a blank is not zero, and leaves the sums unchecked."""
    for statement, row, label, measure in _blank_totals(case):
        zh, en = FORM_NAMES[statement.form.form_id]
        expected = _asked_for(case.outcomes, statement.form.form_id)
        asked_zh = f"其他表给出 {expected} 元。" if expected else ""
        asked_en = f" Other figures give {expected} yuan." if expected else ""
        yield Found(
            f"{statement.form.form_id.value}/{row.row_no}/{measure}",
            f"《{zh}》“{label}”一栏为空，而该栏其他行有数字。{asked_zh}请补填合计。",
            f"{en}: {label} is blank while other rows of its column hold amounts.{asked_en} Fill it in.",
            expected=expected,
            page=row.page or (statement.pages[-1] if statement.pages else None),
            box=row.amounts[0].cell.box if row.amounts else None,
            quote=label,
        )


@per_case
def _blank_totals(case: Case) -> list[tuple[Statement, StatementRow, str, str]]:
    """Rows of totals without an amount in a column that has amounts, and the measure of that column."""
    found = []
    for statement in case.recognition.statements:
        if statement.form.form_id in case.recognition.incomplete:
            continue
        totals = [
            (row, side, label)
            for row in statement.rows
            for side, label in row.labels.items()
            if "计" in label and is_total(label)
        ]
        for side in {side for _, side, _ in totals}:
            own = [(row, label) for row, its_side, label in totals if its_side is side]
            printed = {amount.measure for row, _ in own for amount in row.amounts if amount.side is side}
            rows = {id(row) for row, _ in own}
            filled = {
                amount.measure
                for row in statement.rows
                for amount in row.amounts
                if amount.side is side and amount.measure not in printed and id(row) not in rows and _is_filled(amount)
            }
            for measure in sorted(filled):
                found.append((statement, *own[-1], measure.value))
    return found


def _is_filled(amount: PrintedAmount) -> bool:
    return bool(money.parse_amount(amount.text))


def _asked_for(outcomes: Sequence[CheckOutcome], form_id: FormId) -> str | None:
    """The amount that every open check of a form has on its other side; None where they differ."""
    asked = {
        item.right if item.reason == "the left side is blank" else item.left
        for item in outcomes
        if item.reason in {"the left side is blank", "the right side is blank"} and form_id in _forms_of(item)
    }
    return asked.pop() if len(asked) == 1 else None


def _forms_of(item: CheckOutcome) -> set[str]:
    identity = BY_ID[item.identity_id]
    return {*identity.left.pick.forms, *identity.right.pick.forms}


@rule(
    Severity.WARNING,
    Family.TOTALS,
    "无法核对",
    "What could not be checked",
    rests_on=IDENTITIES,
    example="收入总计 is blank, so that it cannot be compared with 支出总计.",
)
def identity_not_checkable(case: Case) -> Iterator[Found]:
    """What could not be checked is said and counted. Information where a form is missing or a total is blank: that is a
    finding of its own."""
    is_explained = bool(_blank_totals(case))
    for item in case.outcomes:
        if item.status is not CheckStatus.NOT_CHECKABLE:
            continue
        identity = BY_ID[item.identity_id]
        is_blank = "blank" in (item.reason or "")
        other = item.right if item.left == "0.00" else item.left
        why_zh = f"一侧为空，另一侧为 {other} 元。请补填空白的数字" if is_blank else f"{_why_zh(item.reason)}"
        next_en = " Fill in the blank figure." if is_blank else ""
        yield Found(
            f"{item.identity_id}/{item.instance}",
            f"{identity.zh}（{item.instance}）无法核对：{why_zh}。",
            f"{identity.en} ({item.instance}) cannot be checked: {item.reason}.{next_en}",
            expected=other,
            page=item.page,
            box=item.box,
            quote=item.quote,
            severity=Severity.WARNING if is_blank and not is_explained else Severity.INFO,
        )


def _why_zh(reason: str | None) -> str:
    return "所需的表缺失" if "missing" in (reason or "") else "所需的科目名称无法识别"


RULES = (identity_broken, figure_suspected, total_blank, identity_not_checkable)
