"""What a rule may look at, and what a rule is: the vocabulary of this package.

A rule is one small function over a `Case` (one document with everything that was read from it). The decorator `rule` gives it
its severity, titles, the regulation or form it rests on, and an example, so that the reference is generated from the code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, TypeVar

from cnbudget.cover import Contradiction, Cover
from cnbudget.model import Box, Cause, CheckStatus, Finding, FormId, Paragraph, Severity
from cnbudget.prose.disclosures import Institution
from cnbudget.prose.projects import Project
from cnbudget.prose.sections import Passage, SectionKind
from cnbudget.recognise import Recognition

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


class Family(StrEnum):
    """阅读 / 表式 / 勾稽 / 科目 / 表注 / 文字与表 / 结构 / 情况说明 / 项目 / 历年与上下级: what a rule is about."""

    READING = "reading"
    FORMS = "forms"
    TOTALS = "totals"
    CODES = "codes"
    NOTES = "notes"
    NARRATIVE = "narrative"
    STRUCTURE = "structure"
    DISCLOSURES = "disclosures"
    PROJECTS = "projects"
    HISTORY = "history"


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


class Figure(NamedTuple):
    """A printed amount, as `budget_facts` has it. `code` is what the form nests by, private numberings included."""

    form_id: str
    side: str | None
    row_no: int
    row_label: str | None
    row_role: str
    code: str | None
    revenue_source: str | None
    measure: str
    amount_milli: int
    half_milli: int
    page: int | None

    @property
    def yuan(self) -> Decimal:
        return Decimal(self.amount_milli) / 1000


class StatedClaim(NamedTuple):
    """A claim of the prose, compared with the forms, as `narrative_claims` has it."""

    section: str
    subject: str
    functional_code: str | None
    measure: str
    amount_yuan: Decimal | None
    precision_yuan: Decimal | None
    n_counted: int | None
    amount_printed: str
    printed_unit: str
    compared_year: int | None
    compared_basis: str | None
    change_yuan: Decimal | None
    change_percent: Decimal | None
    stated_reason: str | None
    status: str
    table_yuan: Decimal | None
    n_identities_holding: int | None
    quote: str
    page: int | None
    x0: float | None
    y0: float | None
    x1: float | None
    y1: float | None

    @property
    def box(self) -> Box | None:
        if self.x0 is None or self.y0 is None or self.x1 is None or self.y1 is None:
            return None
        return Box(self.x0, self.y0, self.x1, self.y1)

    @property
    def printed(self) -> str:
        """The amount with its unit, as it stands."""
        return self.amount_printed + self.printed_unit

    @property
    def precision(self) -> Decimal:
        """One unit of the last printed digit, in yuan; 0 where a zero is printed without a unit."""
        return self.precision_yuan or Decimal(0)

    @property
    def is_proved(self) -> bool:
        """Whether two identities or more confirm the figure of the forms: then the text is wrong, and not our reading of it."""
        return (self.n_identities_holding or 0) >= 2


@dataclass(frozen=True, slots=True)
class Text:
    """A section of the prose as one joined passage."""

    kind: SectionKind
    title: str
    passage: Passage
    page: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """Everything a rule may look at: the lines of one document, what was recognised in it, and how its figures and words compare.

    Cases are told apart by identity, so that what several rules ask of one is worked out once (`per_case`).
    """

    cover: Cover
    recognition: Recognition
    lines: Sequence[Paragraph] = ()
    contradictions: Sequence[Contradiction] = ()
    outcomes: Sequence[CheckOutcome] = ()
    suspects: Sequence[Suspect] = ()
    figures: Sequence[Figure] = ()
    claims: Sequence[StatedClaim] = ()
    projects: Sequence[Project] = ()
    institutions: Sequence[Institution] = ()
    texts: Sequence[Text] = ()

    def claims_of(self, section: str, *measures: str) -> list[StatedClaim]:
        """Claims of a section with one of the measures, in printed order."""
        return [claim for claim in self.claims if claim.section == section and claim.measure in measures]

    def total_of(self, form_id: FormId, measure: str) -> Decimal | None:
        """The printed 合计 of one column of a form; None where it is blank or the form is not there."""
        for figure in self.figures:
            if figure.form_id == form_id and figure.measure == measure and figure.row_role in {"total", "grand_total"}:
                return figure.yuan
        return None


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule finds, before it is signed with the rule's id. `severity` only where it is not the rule's own."""

    locus: str
    zh: str
    en: str
    expected: str | None = None
    found: str | None = None
    difference: str | None = None
    page: int | None = None
    box: Box | None = None
    quote: str | None = None
    cause: Cause = Cause.UNKNOWN
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of the catalogue. `find` is None where the finding is made elsewhere: in reading, or over several documents."""

    rule_id: str
    severity: Severity
    family: Family
    title_zh: str
    title_en: str
    explanation: str
    rests_on: str
    example: str
    find: Callable[[Case], Iterator[Found]] | None = None
    is_holding: bool = False

    def findings(self, case: Case) -> Iterator[Finding]:
        """What the rule finds in one document."""
        for found in self.find(case) if self.find is not None else ():
            yield self.signed(found)

    def signed(self, found: Found) -> Finding:
        """The finding under this rule's id, severity and consequence."""
        return Finding(
            self.rule_id,
            found.severity or self.severity,
            found.cause,
            found.locus,
            found.zh,
            found.en,
            found.expected,
            found.found,
            found.difference,
            found.page,
            found.box,
            found.quote,
            self.is_holding,
        )


T = TypeVar("T")


def per_case(work: Callable[[Case], T]) -> Callable[[Case], T]:
    """A function of a case that is worked out once for the case at hand: rules run one document after the other."""
    return lru_cache(maxsize=1)(work)


def rule(
    severity: Severity,
    family: Family,
    zh: str,
    en: str,
    *,
    rests_on: str,
    example: str,
    is_holding: bool = False,
) -> Callable[[Callable[[Case], Iterator[Found]]], Rule]:
    """Makes a rule of a function: its name becomes the id, its docstring the explanation."""

    def made(find: Callable[[Case], Iterator[Found]]) -> Rule:
        explanation = " ".join((find.__doc__ or "").split())
        return Rule(find.__name__, severity, family, zh, en, explanation, rests_on, example, find, is_holding)

    return made


def money_text(yuan: Decimal) -> str:
    """An amount in yuan as messages print it."""
    return f"{yuan:,.2f}"


def yuan_text(yuan: Decimal) -> str:
    """An amount in yuan as `expected`, `found` and `difference` carry it."""
    return f"{yuan:.2f}"
