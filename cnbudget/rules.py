"""Findings: one rule = one small function in one list.

A rule looks at one `Case` (a document, what was recognised in it, and how its identities came out) and yields findings. What
holds a document: unreadable input, numbers without a place, a broken identity of any cause, a missing form, and a cover that
contradicts the forms. Everything else publishes with its findings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnbudget import money
from cnbudget.cover import Contradiction, Cover
from cnbudget.identities import BY_ID
from cnbudget.model import Box, Cause, CheckStatus, Document, Finding, FormId, Severity
from cnbudget.recognise import Recognition, is_total

FORM_NAMES: Mapping[FormId, tuple[str, str]] = {
    FormId.FINANCIAL_SUMMARY: ("财务收支预算总表", "T1 financial summary"),
    FormId.REVENUE_SUMMARY: ("收入预算总表", "T2 revenue summary"),
    FormId.EXPENDITURE_SUMMARY: ("支出预算总表", "T3 expenditure summary"),
    FormId.FISCAL_APPROPRIATION_SUMMARY: ("财政拨款收支预算总表", "T4 fiscal appropriation summary"),
    FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION: (
        "一般公共预算支出功能分类预算表",
        "T5 general public budget by function",
    ),
    FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION: (
        "政府性基金预算支出功能分类预算表",
        "T6 government fund budget by function",
    ),
    FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION: (
        "国有资本经营预算支出功能分类预算表",
        "T7 state capital operations budget by function",
    ),
    FormId.BASIC_EXPENDITURE_BY_ECONOMIC: (
        "一般公共预算基本支出部门预算经济分类预算表",
        "T8 basic expenditure by economic classification",
    ),
    FormId.THREE_PUBLIC_AND_AGENCY_OPERATING: (
        "“三公”经费和机关运行经费预算表",
        "T9 three-public and agency operating",
    ),
}


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """An identity that broke or could not be checked, with the place of its first figure. Amounts in yuan as text."""

    identity_id: str
    instance: str
    status: CheckStatus
    left: str
    right: str
    residual: str
    cause: Cause = Cause.UNKNOWN
    reason: str | None = None
    page: int | None = None
    box: Box | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A figure that stands in broken identities and in none that holds; `proposed` is what two or more of them agree on."""

    form_id: FormId
    row_no: int
    row_label: str
    measure: str
    printed: str
    n_broken: int
    proposed: str | None = None
    page: int | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a rule may look at."""

    document: Document
    cover: Cover
    recognition: Recognition
    contradictions: Sequence[Contradiction] = ()
    outcomes: Sequence[CheckOutcome] = ()
    suspects: Sequence[Suspect] = ()


Rule = Callable[[Case], Iterator[Finding]]


def form_missing(case: Case) -> Iterator[Finding]:
    """Each of the nine forms has to be there (empty ones are printed empty). Source: the statutory list of forms."""
    for form_id in case.recognition.missing:
        zh, en = FORM_NAMES[form_id]
        listed = [page for listed_id, _, page in case.recognition.titles if listed_id is form_id]
        yield Finding(
            "form_missing",
            Severity.ERROR,
            Cause.UNKNOWN,
            form_id.value,
            f"未找到《{zh}》；应有九张表。请核对文件是否缺页，或表式与标题是否改动。",
            f"{en} was not found; nine forms are expected. Check for a missing page or an altered title.",
            expected="1 form",
            found="0 forms" + (f", title listed on page {listed[0]}" if listed and listed[0] else ""),
            is_holding=True,
        )


def number_unassigned(case: Case) -> Iterator[Finding]:
    """Every number on a form page ends in one fact, or is a header, page number or note (conservation)."""
    for index, item in enumerate(case.recognition.unassigned, 1):
        zh = f"单元格 {item.cell_ref} " if item.cell_ref else f"第{item.page or '?'}页"
        en = f"cell {item.cell_ref}" if item.cell_ref else f"page {item.page or '?'}"
        yield Finding(
            "number_unassigned",
            Severity.ERROR,
            Cause.EXTRACTION,
            f"{en if item.cell_ref else f'page {item.page}'}/{index}",
            f"{zh}的数字 {item.text} 未能归入任何栏目（{item.why}）。请对照原文核对该处。",
            f"{en}: the number {item.text} belongs to no figure ({item.why}). Compare with the document.",
            found=item.text,
            page=item.page,
            box=item.box,
            evidence_quote=item.text,
            is_holding=True,
        )


def unit_missing(case: Case) -> Iterator[Finding]:
    """A form states the unit of its amounts; without it none of them can be told."""
    for statement in case.recognition.statements:
        if statement.unit is None:
            zh, en = FORM_NAMES[statement.form.form_id]
            yield Finding(
                "unit_missing",
                Severity.ERROR,
                Cause.UNKNOWN,
                statement.form.form_id.value,
                f"《{zh}》未标明金额单位（元或万元）。请补充“单位：元”。",
                f"{en} states no unit (元 or 万元). Add it under the title.",
                expected="单位：元",
                page=statement.pages[0] if statement.pages else None,
                is_holding=True,
            )


def total_row_missing(case: Case) -> Iterator[Finding]:
    """Every form but the last ends in a row of totals: without it a page may be lost that no sum would miss."""
    for statement in case.recognition.statements:
        if statement.form.form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING or not statement.rows:
            continue
        labels = [label for row in statement.rows for label in row.labels.values()]
        if not any(is_total(label) for label in labels):
            zh, en = FORM_NAMES[statement.form.form_id]
            page = statement.pages[-1] if statement.pages else None
            yield Finding(
                "total_row_missing",
                Severity.ERROR,
                Cause.UNKNOWN,
                statement.form.form_id.value,
                f"《{zh}》没有合计行，最后一行是“{labels[-1] if labels else ''}”。请核对第{page or '?'}页之后是否缺页。",
                f"{en} has no row of totals; its last row is {labels[-1] if labels else 'blank'}. "
                f"Check whether a page after page {page or '?'} is missing.",
                expected="合计",
                found=labels[-1] if labels else None,
                page=page,
                is_holding=True,
            )


def table_between_forms(case: Case) -> Iterator[Finding]:
    """A table with numbers but without a title among the forms may be a part of one that was not recognised."""
    pages = [page for statement in case.recognition.statements for page in statement.pages]
    for index, item in enumerate(case.recognition.others, 1):
        if not item.title and item.n_numbers and item.page and pages and min(pages) < item.page < max(pages):
            yield Finding(
                "table_between_forms",
                Severity.ERROR,
                Cause.EXTRACTION,
                f"page {item.page}/{index}",
                f"第{item.page}页的表没有标题，其 {item.n_numbers} 个数字不能归入前后的预算表。请对照原文核对该页。",
                f"page {item.page}: a table without a title holds {item.n_numbers} numbers that fit no form around it. "
                "Compare with the page.",
                page=item.page,
                is_holding=True,
            )


def cover_contradicts_forms(case: Case) -> Iterator[Finding]:
    """Cover, form titles and 编制部门 name the same year, publisher and kind of publisher."""
    for item in case.contradictions:
        yield Finding(
            "cover_contradicts_forms",
            Severity.ERROR,
            Cause.UNKNOWN,
            f"{item.where}/{item.what}",
            f"封面写“{item.cover}”，第{item.page or '?'}页的表写“{item.elsewhere}”。请核对是否混入了别的预算的页面。",
            f"the cover says {item.cover}, the form on page {item.page or '?'} says {item.elsewhere}. "
            "Check whether a page of another budget slipped in.",
            expected=item.cover,
            found=item.elsewhere,
            page=item.page,
            is_holding=True,
        )


def identity_broken(case: Case) -> Iterator[Finding]:
    """Figures that confirm one another by an accounting identity agree within rounding."""
    for item in case.outcomes:
        if item.status is not CheckStatus.BROKEN:
            continue
        identity = BY_ID[item.identity_id]
        yield Finding(
            "identity_broken",
            Severity.ERROR,
            item.cause,
            f"{item.identity_id}/{item.instance}",
            f"{identity.zh}（{item.instance}）：左边 {item.left} 元，右边 {item.right} 元，相差 {item.residual} 元。请核对这些数字。",
            f"{identity.en} ({item.instance}): left {item.left} yuan, right {item.right} yuan, difference {item.residual} yuan. "
            "Compare these figures with the page.",
            expected=item.right,
            found=item.left,
            difference=item.residual,
            page=item.page,
            box=item.box,
            evidence_quote=item.quote,
            is_holding=True,
        )


def figure_suspected(case: Case) -> Iterator[Finding]:
    """Where identities break, the figure that all of them share is named, with the value that they agree on. Never changed."""
    for item in case.suspects:
        zh, en = FORM_NAMES[item.form_id]
        proposal_zh = f"多条勾稽关系一致指向 {item.proposed} 元。" if item.proposed else ""
        proposal_en = f" Identities agree on {item.proposed} yuan." if item.proposed else ""
        yield Finding(
            "figure_suspected",
            Severity.WARNING,
            Cause.UNKNOWN,
            f"{item.form_id.value}/{item.row_no}/{item.measure}",
            f"《{zh}》“{item.row_label}”的 {item.printed} 参与的 {item.n_broken} 条勾稽关系均不成立。{proposal_zh}请核对该数字。",
            f"{en}, {item.row_label}: all {item.n_broken} identities of {item.printed} are broken.{proposal_en} "
            "Compare it with the page.",
            expected=item.proposed,
            found=item.printed,
            page=item.page,
            box=item.box,
            evidence_quote=item.printed,
        )


def identity_not_checkable(case: Case) -> Iterator[Finding]:
    """What could not be checked is said and counted: most often a printed total is blank."""
    for item in case.outcomes:
        if item.status is not CheckStatus.NOT_CHECKABLE:
            continue
        identity = BY_ID[item.identity_id]
        yield Finding(
            "identity_not_checkable",
            Severity.WARNING if "blank" in (item.reason or "") else Severity.INFO,
            Cause.UNKNOWN,
            f"{item.identity_id}/{item.instance}",
            f"{identity.zh}（{item.instance}）无法核对：一侧为空，另一侧为 {item.right if item.left == '0.00' else item.left} 元。"
            "请补填空白的合计。",
            f"{identity.en} ({item.instance}) cannot be checked: {item.reason}. Fill in the blank figure.",
            expected=item.right if item.left == "0.00" else item.left,
            page=item.page,
            box=item.box,
            evidence_quote=item.quote,
        )


def other_form(case: Case) -> Iterator[Finding]:
    """A table beside the nine forms is named, and its numbers are counted apart."""
    for index, item in enumerate(case.recognition.others, 1):
        yield Finding(
            "other_form",
            Severity.INFO,
            Cause.UNKNOWN,
            f"page {item.page}/{index}",
            f"第{item.page or '?'}页的表“{item.title or '无标题'}”不属于九张预算表，其中 {item.n_numbers} 个数字未采集。",
            f"page {item.page or '?'}: the table {item.title or 'without a title'} is none of the nine forms; "
            f"{item.n_numbers} numbers in it are not collected.",
            found=item.title or None,
            page=item.page,
        )


def empty_note_under_filled_form(case: Case) -> Iterator[Finding]:
    """A note that says the form is empty (本表为空表) stands under an empty form."""
    for statement in case.recognition.statements:
        filled = any(money.parse_amount(amount.text) for row in statement.rows for amount in row.amounts)
        for note in statement.notes:
            if filled and "空表" in note:
                zh, en = FORM_NAMES[statement.form.form_id]
                yield Finding(
                    "empty_note_under_filled_form",
                    Severity.WARNING,
                    Cause.PUBLISHER,
                    statement.form.form_id.value,
                    f"《{zh}》有数字，表下却注明为空表。请删除该注或核对数字。",
                    f"{en} holds figures, but its note says that it is empty. Remove the note or check the figures.",
                    found=note,
                    page=statement.pages[-1] if statement.pages else None,
                    evidence_quote=note,
                )


RULES: tuple[Rule, ...] = (
    form_missing,
    unit_missing,
    total_row_missing,
    table_between_forms,
    cover_contradicts_forms,
    number_unassigned,
    identity_broken,
    figure_suspected,
    identity_not_checkable,
    other_form,
    empty_note_under_filled_form,
)


RULES_ELSEWHERE: Mapping[str, str] = {
    "unreadable": "The bytes can be read as what they say they are: not empty, not cut off, not encrypted, of a known format.",
    "limit_exceeded": "A document takes no more pages, bytes, memory or time than one may.",
    "reader_died": "The process that reads a document lives to its end.",
    "reading_failed": "Reading ends without an error that nobody foresaw.",
    "narrative_differs": "An amount in the narrative is the figure that it speaks of, rounded or cut off at the most.",
    "project_amount_malformed": "An amount of a project is one well-formed number.",
}
"""Rules whose findings are made where a document is read, and not in the list above."""


def findings_of(case: Case) -> list[Finding]:
    """What all rules find in one document."""
    return [finding for rule in RULES for finding in rule(case)]
