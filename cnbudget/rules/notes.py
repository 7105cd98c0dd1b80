"""Notes under the forms: an empty form says that it is empty, a filled one does not, and each speaks of its own fund and year."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cnbudget import money
from cnbudget.model import Cause, FormId, Severity
from cnbudget.prose.sections import SectionKind
from cnbudget.recognise import Statement
from cnbudget.rules.case import FORM_NAMES, Case, Family, Found, rule

EMPTY_FORMS = "《地方预决算公开操作规程》（财预〔2016〕143号）：没有数据的表格应当列出空表并说明"

_SAYS_EMPTY = re.compile(r"空表|无数据|没有数据")
_EXPLAINS = re.compile(r"空表|无数据|没有数据|没有.{0,30}(?:安排|支出)|无.{0,40}(?:预算|支出|安排|收入)")
_FUNDS = {
    FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION: "一般公共预算",
    FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION: "政府性基金",
    FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION: "国有资本经营",
}
_YEAR = re.compile(r"20\d\d(?=年)")


def _is_filled(statement: Statement) -> bool:
    return any(money.parse_amount(amount.text) for row in statement.rows for amount in row.amounts)


def _page(statement: Statement) -> int | None:
    return statement.pages[-1] if statement.pages else None


@rule(
    Severity.ERROR,
    Family.NOTES,
    "有数字的表注明为空表",
    "A note says that a filled form is empty",
    rests_on=EMPTY_FORMS,
    example="本表为空表 stands under a form of “三公”经费 with 12.30万元.",
)
def empty_note_under_filled_form(case: Case) -> Iterator[Found]:
    """A note that says the form is empty (本表为空表) stands under an empty form."""
    for statement in case.recognition.statements:
        for note in statement.notes:
            if _SAYS_EMPTY.search(note) and _is_filled(statement):
                zh, en = FORM_NAMES[statement.form.form_id]
                yield Found(
                    statement.form.form_id.value,
                    f"《{zh}》有数字，表下却注明为空表。请删除该注或核对数字。",
                    f"{en} holds figures, but its note says that it is empty. Remove the note or check the figures.",
                    found=note,
                    page=_page(statement),
                    quote=note,
                    cause=Cause.PUBLISHER,
                )


@rule(
    Severity.WARNING,
    Family.NOTES,
    "表注说的是另一类预算",
    "A note that speaks of another fund",
    rests_on=EMPTY_FORMS,
    example="The note under the form of 国有资本经营预算 says that there is no 政府性基金预算.",
)
def note_of_other_fund(case: Case) -> Iterator[Found]:
    """The note under the form of one fund speaks of this fund."""
    for statement in case.recognition.statements:
        own = _FUNDS.get(statement.form.form_id)
        for note in statement.notes if own else ():
            others = [fund for fund in _FUNDS.values() if fund in note]
            if own and others and own not in note:
                zh, en = FORM_NAMES[statement.form.form_id]
                yield Found(
                    statement.form.form_id.value,
                    f"《{zh}》的注说的是“{others[0]}”，应为“{own}”。请更正表注。",
                    f"the note under {en} speaks of {others[0]}, expected {own}. Correct the note.",
                    expected=own,
                    found=others[0],
                    page=_page(statement),
                    quote=note,
                    cause=Cause.PUBLISHER,
                )


@rule(
    Severity.WARNING,
    Family.NOTES,
    "表注的年度有误",
    "A note of another year",
    rests_on="表注应指本预算年度",
    example="A note of 2029 stands in a budget of 2030.",
)
def note_of_other_year(case: Case) -> Iterator[Found]:
    """A note under a form speaks of the fiscal year."""
    year = str(case.cover.fiscal_year)
    for statement in case.recognition.statements:
        for note in statement.notes:
            years = _YEAR.findall(note)
            if case.cover.fiscal_year and years and year not in years:
                zh, en = FORM_NAMES[statement.form.form_id]
                yield Found(
                    f"{statement.form.form_id.value}/year",
                    f"《{zh}》的注写{years[0]}年，应为{year}年。请更正年份。",
                    f"the note under {en} says {years[0]}, expected {year}. Correct the year.",
                    expected=year,
                    found=years[0],
                    page=_page(statement),
                    quote=note,
                )


@rule(
    Severity.INFO,
    Family.NOTES,
    "空表没有说明",
    "An empty form without a note",
    rests_on=EMPTY_FORMS,
    example="The form of 政府性基金预算 is empty, nothing under it says why.",
)
def empty_form_without_note(case: Case) -> Iterator[Found]:
    """A form without figures says that it has none, and why."""
    for statement in case.recognition.statements:
        form_id = statement.form.form_id
        has_figures = any(row.amounts for row in statement.rows)
        if has_figures or form_id in case.recognition.incomplete or _is_explained(case, statement):
            continue
        zh, en = FORM_NAMES[form_id]
        yield Found(
            form_id.value,
            f"《{zh}》为空表，表下没有说明。请注明无该项预算，故本表为空表。",
            f"{en} is empty and no note says why. Add one.",
            expected="注：……故本表为空表",
            page=_page(statement),
        )


def _is_explained(case: Case, statement: Statement) -> bool:
    """Whether a note, or the text around the form, says that there is nothing."""
    around = [
        text.passage.text
        for text in case.texts
        if text.kind is SectionKind.FORMS and _is_title_of(text.title, statement)
    ]
    return any(_EXPLAINS.search(note) for note in (*statement.notes, *around))


def _is_title_of(title: str, statement: Statement) -> bool:
    return money.key(title) == money.key(statement.title)


RULES = (empty_note_under_filled_form, note_of_other_fund, note_of_other_year, empty_form_without_note)
