"""The vocabulary: every term of the domain, once. Imports nothing from the project.

Enums hold the identifiers that appear in the data; their docstrings give the Chinese term. The records are frozen:
a document is read once and never edited.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Stage(StrEnum):
    """预算 / 调整预算 / 决算: what the figures are, in the yearly cycle."""

    BUDGET = "budget"
    ADJUSTED_BUDGET = "adjusted_budget"
    FINAL_ACCOUNTS = "final_accounts"


class PublisherKind(StrEnum):
    """部门 / 单位. A department's budget contains those of its units: never add the two."""

    DEPARTMENT = "department"
    UNIT = "unit"


class JurisdictionLevel(StrEnum):
    """市级 / 区级 / 镇级 and others: whose treasury pays."""

    MUNICIPAL = "municipal"
    DISTRICT = "district"
    TOWNSHIP = "township"
    PROVINCIAL = "provincial"
    OTHER = "other"


class FormId(StrEnum):
    """The nine statutory forms (预算表), in the order in which they are printed."""

    FINANCIAL_SUMMARY = "financial_summary"
    REVENUE_SUMMARY = "revenue_summary"
    EXPENDITURE_SUMMARY = "expenditure_summary"
    FISCAL_APPROPRIATION_SUMMARY = "fiscal_appropriation_summary"
    GENERAL_PUBLIC_BUDGET_BY_FUNCTION = "general_public_budget_by_function"
    GOVERNMENT_FUND_BUDGET_BY_FUNCTION = "government_fund_budget_by_function"
    STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION = "state_capital_operations_budget_by_function"
    BASIC_EXPENDITURE_BY_ECONOMIC = "basic_expenditure_by_economic"
    THREE_PUBLIC_AND_AGENCY_OPERATING = "three_public_and_agency_operating"


class Fund(StrEnum):
    """一般公共预算 / 政府性基金预算 / 国有资本经营预算."""

    GENERAL_PUBLIC_BUDGET = "general_public_budget"
    GOVERNMENT_FUND_BUDGET = "government_fund_budget"
    STATE_CAPITAL_OPERATIONS_BUDGET = "state_capital_operations_budget"


class RevenueSource(StrEnum):
    """财政拨款收入 (in all, or by fund) / 事业收入 / 事业单位经营收入 / 其他收入."""

    FISCAL_APPROPRIATION = "fiscal_appropriation"
    GENERAL_PUBLIC_BUDGET = "general_public_budget"
    GOVERNMENT_FUND_BUDGET = "government_fund_budget"
    STATE_CAPITAL_OPERATIONS_BUDGET = "state_capital_operations_budget"
    PUBLIC_SERVICE = "public_service"
    BUSINESS = "business"
    OTHER = "other"


class Measure(StrEnum):
    """What a column of a form measures: 合计, 基本支出, 项目支出, 人员经费, 公用经费, the sources, the funds, 三公."""

    REVENUE = "revenue"
    EXPENDITURE = "expenditure"
    BASIC_PERSONNEL = "basic_personnel"
    BASIC_OPERATING = "basic_operating"
    TOTAL = "total"
    FISCAL_APPROPRIATION = "fiscal_appropriation"
    PUBLIC_SERVICE_REVENUE = "public_service_revenue"
    BUSINESS_REVENUE = "business_revenue"
    OTHER_REVENUE = "other_revenue"
    BASIC = "basic"
    PROJECT = "project"
    GENERAL_PUBLIC_BUDGET = "general_public_budget"
    GOVERNMENT_FUND_BUDGET = "government_fund_budget"
    STATE_CAPITAL_OPERATIONS_BUDGET = "state_capital_operations_budget"
    PERSONNEL = "personnel"
    OPERATING = "operating"
    OVERSEAS_TRAVEL = "overseas_travel"
    OFFICIAL_RECEPTION = "official_reception"
    VEHICLE_TOTAL = "vehicle_total"
    VEHICLE_PURCHASE = "vehicle_purchase"
    VEHICLE_OPERATION = "vehicle_operation"
    AGENCY_OPERATING_EXPENSES = "agency_operating_expenses"


class Side(StrEnum):
    """本年收入 (left) / 本年支出 (right): the halves of the two-sided forms."""

    LEFT = "left"
    RIGHT = "right"


class RowRole(StrEnum):
    """项 without parts / 小计 / 合计 / 收入总计, 支出总计. A leaf has nothing printed below it that is part of it."""

    LEAF = "leaf"
    SUBTOTAL = "subtotal"
    TOTAL = "total"
    GRAND_TOTAL = "grand_total"


class Level(StrEnum):
    """类 / 款 / 项 of a classification."""

    CLASS = "class"
    SECTION = "section"
    ITEM = "item"


class Provenance(StrEnum):
    """Printed in its cell, or recovered through the identities where a text lost its columns."""

    PRINTED = "printed"
    RECOVERED = "recovered"


class CheckStatus(StrEnum):
    """How an identity came out. `not_checkable` is a result with a reason, never silence."""

    EXACT = "exact"
    ROUNDED = "rounded"
    BROKEN = "broken"
    NOT_CHECKABLE = "not_checkable"


class ValidationOccasion(StrEnum):
    """入库校验 / 复核: rules and suites over a batch that was read, or over what was read before."""

    INGESTION = "ingestion"
    REVALIDATION = "revalidation"


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Cause(StrEnum):
    """Whose error it is: the publisher's, our reading's, or not known (DESIGN: never blame without proof)."""

    PUBLISHER = "publisher"
    EXTRACTION = "extraction"
    UNKNOWN = "unknown"


class ClaimMeasure(StrEnum):
    """What a figure of the prose speaks of. `account_*` are of one account of the functional classification.

    `_executed` is 预算执行数 of the year before, `_planned` 预算安排; `_stock` what there is (截至), `_purchase` what is to be
    bought; `vehicles_mentioned` a number of vehicles in a stated reason; `other` an amount whose subject is none of these.
    """

    REVENUE_TOTAL = "revenue_total"
    REVENUE_FISCAL_APPROPRIATION = "revenue_fiscal_appropriation"
    REVENUE_PUBLIC_SERVICE = "revenue_public_service"
    REVENUE_BUSINESS = "revenue_business"
    REVENUE_OTHER = "revenue_other"
    EXPENDITURE_TOTAL = "expenditure_total"
    EXPENDITURE_FISCAL_APPROPRIATION = "expenditure_fiscal_appropriation"
    EXPENDITURE_GENERAL_PUBLIC_BUDGET = "expenditure_general_public_budget"
    EXPENDITURE_GOVERNMENT_FUND_BUDGET = "expenditure_government_fund_budget"
    EXPENDITURE_STATE_CAPITAL_OPERATIONS_BUDGET = "expenditure_state_capital_operations_budget"
    ACCOUNT_BUDGET = "account_budget"
    ACCOUNT_EXECUTED = "account_executed"
    ACCOUNT_PLANNED = "account_planned"
    THREE_PUBLIC_TOTAL = "three_public_total"
    OVERSEAS_TRAVEL = "overseas_travel"
    OFFICIAL_RECEPTION = "official_reception"
    VEHICLE_TOTAL = "vehicle_total"
    VEHICLE_PURCHASE = "vehicle_purchase"
    VEHICLE_OPERATION = "vehicle_operation"
    AGENCY_OPERATING_EXPENSES = "agency_operating_expenses"
    AGENCY_OPERATING_UNITS = "agency_operating_units"
    PROCUREMENT_TOTAL = "procurement_total"
    PROCUREMENT_GOODS = "procurement_goods"
    PROCUREMENT_WORKS = "procurement_works"
    PROCUREMENT_SERVICES = "procurement_services"
    PROCUREMENT_SME_RESERVED = "procurement_sme_reserved"
    PROCUREMENT_MICRO_RESERVED = "procurement_micro_reserved"
    PERFORMANCE_UNITS = "performance_units"
    PERFORMANCE_OVERALL_GOALS = "performance_overall_goals"
    PERFORMANCE_POLICIES = "performance_policies"
    PERFORMANCE_POLICY_AMOUNT = "performance_policy_amount"
    PERFORMANCE_PROJECTS = "performance_projects"
    PERFORMANCE_LARGE_PROJECTS = "performance_large_projects"
    PERFORMANCE_AMOUNT = "performance_amount"
    PERFORMANCE_ITEM = "performance_item"
    VEHICLES_STOCK = "vehicles_stock"
    VEHICLES_PURCHASE = "vehicles_purchase"
    VEHICLES_MENTIONED = "vehicles_mentioned"
    EQUIPMENT_STOCK = "equipment_stock"
    EQUIPMENT_PURCHASE = "equipment_purchase"
    OTHER = "other"


class ClaimStatus(StrEnum):
    """How a figure of the prose compares with the table's: the same, rounded or cut off at its last digit, or neither."""

    AGREES = "agrees"
    ROUNDS_TO = "rounds_to"
    TRUNCATES_TO = "truncates_to"
    DIFFERS = "differs"
    NOT_CHECKABLE = "not_checkable"


class ComparedBasis(StrEnum):
    """比上年预算 / 比上年预算执行数: what a change is counted from."""

    BUDGET = "budget"
    EXECUTED = "executed"


class InstitutionRow(StrEnum):
    """A stated number of institutions, or one of them by name."""

    STATED = "stated"
    LISTED = "listed"


class InstitutionKind(StrEnum):
    """预算单位 / 行政单位 / 参公单位 / 事业单位 / 内设机构 / 派出机构."""

    BUDGET_UNIT = "budget_unit"
    ADMINISTRATIVE = "administrative"
    CIVIL_SERVICE_MANAGED = "civil_service_managed"
    PUBLIC_INSTITUTION = "public_institution"
    INTERNAL_DEPARTMENT = "internal_department"
    DISPATCHED_AGENCY = "dispatched_agency"


class AmountSource(StrEnum):
    """A project's budget as stated, added up from its items, or proved by the project expenditure of the forms."""

    STATED = "stated"
    ADDED_UP = "added_up"
    PROVED = "proved"


class DocumentState(StrEnum):
    """Where a document stands in its life."""

    PARSED = "parsed"
    PUBLISHED = "published"
    HELD = "held"
    REJECTED = "rejected"
    UNSUPPORTED = "unsupported"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    OPENED = "opened"
    """An archive of several budgets: its members are documents of their own."""


class RecognisedAs(StrEnum):
    """What a document is: 九张预算表 / 其他地区格式 / 决算 / 空白模板 / 多份预算 / 非预算 / 无法识读."""

    NINE_FORMS = "nine_forms"
    OTHER_LAYOUT = "other_layout"
    FINAL_ACCOUNTS = "final_accounts"
    TEMPLATE = "template"
    SEVERAL_BUDGETS = "several_budgets"
    NO_BUDGET = "no_budget"
    UNREADABLE = "unreadable"


class Presence(StrEnum):
    """Whether an account stands in a budget and in the one of the year before (可比, 新增, 取消, 不可比)."""

    BOTH = "both"
    NEW = "new"
    ENDED = "ended"
    NOT_COMPARABLE = "not_comparable"


class Change(StrEnum):
    """What a revision did to a figure: it came with the first one, was added, or changed (首版, 新增, 变更)."""

    FIRST = "first"
    ADDED = "added"
    CHANGED = "changed"


class End(StrEnum):
    """How a figure ceased to stand: the next revision changed or removed it (变更, 删除)."""

    CHANGED = "changed"
    REMOVED = "removed"


class CofogShare(StrEnum):
    """How much of a functional class goes to a function of COFOG: most, some, or it has none (主要, 部分, 缺口)."""

    MAIN = "main"
    PART = "part"
    GAP = "gap"


class Confidence(StrEnum):
    """How sure a mapping is (把握程度: 高, 中, 低)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ObjectState(StrEnum):
    """Where an object version of the incoming bucket stands."""

    SEEN = "seen"
    LANDED = "landed"
    SKIPPED = "skipped"
    GONE = "gone"


class MediaType(StrEnum):
    """The formats that have a reader or that are told apart, by their bytes and never by their name."""

    PDF = "application/pdf"
    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    DOC = "application/msword"
    XLS = "application/vnd.ms-excel"
    ZIP = "application/zip"
    OFD = "application/ofd"
    OPEN_DOCUMENT = "application/vnd.oasis.opendocument"
    RAR = "application/vnd.rar"
    SEVEN_ZIP = "application/x-7z-compressed"
    UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page: PDF points, origin at the top left."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Cell:
    """A filled cell of a grid; an empty cell is not listed.

    `row` and `column` count from 0. `text` keeps line breaks as `\\n`. `box` bounds the text, not the ruled cell.
    `cell_ref` (`Sheet!C5`) stands where a format has cells but no pages.
    """

    row: int
    column: int
    text: str
    row_span: int = 1
    column_span: int = 1
    page: int | None = None
    box: Box | None = None
    cell_ref: str | None = None


class GridSource(StrEnum):
    """What the cells of a grid rest on: ruling lines, tab stops, table markup or a worksheet."""

    RULED = "ruled"
    TABS = "tabs"
    MARKUP = "markup"
    SHEET = "sheet"


@dataclass(frozen=True, slots=True)
class Grid:
    """A table as it stands: `n_rows` x `n_columns`, filled cells in reading order."""

    cells: Sequence[Cell]
    n_rows: int
    n_columns: int
    source: GridSource
    page: int | None = None
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One printed line of text (a paragraph where the format has them), as it stands, not joined with the next."""

    text: str
    page: int | None = None
    box: Box | None = None


Block = Grid | Paragraph


@dataclass(frozen=True, slots=True)
class Document:
    """A document as read: blocks in reading order, pages counted from 1 (0 pages where the format has none)."""

    document_id: str
    file_name: str
    media_type: MediaType
    n_bytes: int
    n_pages: int
    blocks: Sequence[Block]
    notes: Mapping[str, str] = field(default_factory=dict)

    def paragraphs(self) -> list[Paragraph]:
        """The lines of text alone, in reading order."""
        return [block for block in self.blocks if isinstance(block, Paragraph)]

    def grids(self) -> list[Grid]:
        """The tables alone, in reading order."""
        return [block for block in self.blocks if isinstance(block, Grid)]


@dataclass(frozen=True, slots=True)
class Finding:
    """A data problem as a value: where, found, expected, difference, and what to do next.

    `locus` names the place in a way that is stable over runs (`revenue_summary/2080501/total`); with the budget and
    `rule_id` it makes the finding's id. `is_holding` findings keep the document from being published.
    """

    rule_id: str
    severity: Severity
    cause: Cause
    locus: str
    message_zh: str
    message_en: str
    expected: str | None = None
    found: str | None = None
    difference: str | None = None
    page: int | None = None
    box: Box | None = None
    evidence_quote: str | None = None
    is_holding: bool = False
