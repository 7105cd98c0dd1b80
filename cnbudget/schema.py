"""The published datasets, declared once.

DDL, Great Expectations suites, data dictionary and data package are all derived from `DATASETS`. Adding a column is a
minor version of the schema, anything else a major one. Blank is not zero: an empty cell of a form is no row here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cnbudget.model import (
    AmountSource,
    Cause,
    CheckStatus,
    ClaimMeasure,
    ClaimStatus,
    ComparedBasis,
    DocumentState,
    FormId,
    Fund,
    InstitutionKind,
    InstitutionRow,
    JurisdictionLevel,
    Level,
    Measure,
    Provenance,
    PublisherKind,
    RecognisedAs,
    RevenueSource,
    RowRole,
    Severity,
    Side,
    Stage,
)

if TYPE_CHECKING:
    import polars as pl

SCHEMA_VERSION = "1.0.0"

FIRST_YEAR, LAST_YEAR = 2000, 2099


class ColumnType(StrEnum):
    """Types that Parquet, DuckDB, polars and GX all know."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its type, whether it may be null, what it means in both languages, its unit and its bounds."""

    name: str
    type: ColumnType
    en: str
    zh: str
    unit: str | None = None
    is_nullable: bool = True
    allowed: Sequence[str] | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Dataset:
    """One dataset: its columns in order, the key that is unique in it, and what one row is."""

    name: str
    en: str
    zh: str
    key: Sequence[str]
    columns: Sequence[Column]
    is_reference: bool = False
    """Reference data is the same for every document: written once, not by partition."""

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    def polars_schema(self) -> dict[str, pl.DataType]:
        """The dataset's columns as polars types, in order."""
        return {column.name: _polars_type(column.type) for column in self.columns}


def _polars_type(kind: ColumnType) -> pl.DataType:
    import polars as pl

    types: dict[ColumnType, pl.DataType] = {
        ColumnType.STRING: pl.String(),
        ColumnType.INTEGER: pl.Int64(),
        ColumnType.DECIMAL: pl.Decimal(18, 2),
        ColumnType.DOUBLE: pl.Float64(),
        ColumnType.BOOLEAN: pl.Boolean(),
        ColumnType.TIMESTAMP: pl.Datetime("us", "UTC"),
    }
    return types[kind]


def _text(name: str, en: str, zh: str, *, required: bool = False, allowed: type[StrEnum] | None = None) -> Column:
    values = tuple(member.value for member in allowed) if allowed else None
    return Column(name, ColumnType.STRING, en, zh, is_nullable=not required, allowed=values)


def _count(name: str, en: str, zh: str, *, required: bool = True, minimum: int = 0) -> Column:
    return Column(name, ColumnType.INTEGER, en, zh, is_nullable=not required, minimum=minimum)


def _yuan(name: str, en: str, zh: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.DECIMAL, en, zh, unit="CNY", is_nullable=not required)


def _flag(name: str, en: str, zh: str) -> Column:
    return Column(name, ColumnType.BOOLEAN, en, zh, is_nullable=False)


def _time(name: str, en: str, zh: str, *, required: bool = False) -> Column:
    return Column(name, ColumnType.TIMESTAMP, en, zh, unit="UTC", is_nullable=not required)


def _point(name: str, en: str, zh: str) -> Column:
    return Column(name, ColumnType.DOUBLE, en, zh, unit="PDF point")


DOCUMENT_ID = _text("document_id", "sha256 of the document's bytes", "文件内容的 sha256", required=True)
FISCAL_YEAR = Column(
    "fiscal_year",
    ColumnType.INTEGER,
    "budget year",
    "预算年度",
    is_nullable=False,
    minimum=FIRST_YEAR,
    maximum=LAST_YEAR,
)
YEAR_IF_KNOWN = Column(
    "fiscal_year", ColumnType.INTEGER, "budget year", "预算年度", minimum=FIRST_YEAR, maximum=LAST_YEAR
)
PLACE = (
    _count("page", "page, from 1; null where the format has none", "页码", required=False, minimum=1),
    _point("x0", "left edge of the printed text", "左"),
    _point("y0", "top edge, from the top of the page", "上"),
    _point("x1", "right edge", "右"),
    _point("y1", "bottom edge", "下"),
)

DOCUMENTS = Dataset(
    "documents",
    "One row per document (distinct bytes), held and unsupported ones included, so that a gap is never silent.",
    "每份文件一行，含暂缓发布与不支持的文件。",
    key=("document_id",),
    columns=(
        DOCUMENT_ID,
        _text("file_name", "name under which it was first seen", "首次出现时的文件名", required=True),
        _text("media_type", "format, told from the bytes", "文件格式", required=True),
        _count("n_bytes", "size in bytes", "字节数"),
        _count("n_pages", "pages; 0 where the format has none", "页数"),
        _text("publisher_id", "stable over spellings of the name", "公开主体标识"),
        _text("publisher_name", "name as on the cover", "公开主体名称"),
        _text("publisher_kind", "department or unit; never add the two", "部门或单位", allowed=PublisherKind),
        _text("department_name", "for a unit: the department it belongs to, where stated", "主管部门"),
        _text("jurisdiction_name", "whose treasury pays", "行政区划"),
        _text("jurisdiction_level", "level of that treasury", "行政级次", allowed=JurisdictionLevel),
        _text("jurisdiction_code", "GB/T 2260, null where unknown", "行政区划代码"),
        YEAR_IF_KNOWN,
        _text("stage", "budget, adjusted budget or final accounts", "预算、调整预算或决算", allowed=Stage),
        _text("budget_id", "jurisdiction, publisher, kind, year and stage: what revisions share", "预算标识"),
        _count("revision", "1 for the first document of a budget, rising", "修订号", required=False, minimum=1),
        _flag("is_current", "the latest published revision of its budget", "是否为当前版本"),
        _text("recognised_as", "what the document is", "识别结果", required=True, allowed=RecognisedAs),
        _text("state", "where it stands in its life", "状态", required=True, allowed=DocumentState),
        _text("state_reason", "why, where it is not published", "状态原因"),
        _text("approved_by", "who published it in spite of its findings", "批准人"),
        _text("approval_reason", "the reason given", "批准理由"),
        _time("first_seen_at", "when the first object with these bytes was seen", "首次出现时间"),
        _time("published_at", "when it was first published", "发布时间"),
        _text("extractor_version", "hash of the code and data that decide the result", "解析器版本", required=True),
        _count("n_facts", "printed amounts read", "数字个数"),
        _count("n_identities", "accounting identities instantiated", "勾稽关系数"),
        _count("n_identities_broken", "of these, broken", "不成立数"),
        _count("n_identities_not_checkable", "of these, not checkable", "无法核对数"),
        _count("n_numbers_unassigned", "numbers on form pages that no fact, header or note accounts for", "未归属数字"),
        _count("n_findings_error", "findings of severity error", "错误数"),
        _count("n_findings_warning", "findings of severity warning", "警告数"),
    ),
)

DOCUMENT_SOURCES = Dataset(
    "document_sources",
    "One row per object version that holds a document: ten names of the same bytes are ten rows.",
    "文件的来源对象，每个对象版本一行。",
    key=("source_uri", "source_version"),
    columns=(
        DOCUMENT_ID,
        _text("source_uri", "where the object stands", "来源地址", required=True),
        _text("source_version", "object version, or its etag where the bucket keeps none", "对象版本", required=True),
        _text("etag", "entity tag of the object", "ETag"),
        _time("last_modified_at", "last-modified time of the object", "修改时间"),
        _time("first_seen_at", "when it was first listed or announced", "首次出现时间", required=True),
        _time("gone_at", "when it was found to be gone", "消失时间"),
    ),
)

BUDGET_FACTS = Dataset(
    "budget_facts",
    "One row per printed amount of the nine forms. Never sum it: nine forms repeat the same money; use the lines datasets.",
    "九张预算表的每个数字一行；各表相互重复，不可直接加总。",
    key=("fact_id",),
    columns=(
        _text("fact_id", "document, form, side, row and measure", "数字标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _text("publisher_id", "see documents", "公开主体标识"),
        _text("publisher_kind", "see documents", "部门或单位", allowed=PublisherKind),
        _text("stage", "see documents", "预算阶段", required=True, allowed=Stage),
        _text("form_id", "which of the nine forms", "表", required=True, allowed=FormId),
        _text("side", "half of a two-sided form", "收入侧或支出侧", allowed=Side),
        _count("row_no", "rows that print a label, counted from 1 through the form", "行号", minimum=1),
        _text("row_label", "label as printed, line wraps joined", "行名称"),
        _text("row_role", "leaf, subtotal, total or grand total", "行的角色", required=True, allowed=RowRole),
        _text("fund", "which fund; null where a form covers all", "资金性质", allowed=Fund),
        _text("revenue_source", "which source of revenue", "收入来源", allowed=RevenueSource),
        _text("functional_code", "functional classification, normalised", "功能分类科目编码"),
        _text("economic_code", "departmental economic classification, normalised", "部门预算经济分类科目编码"),
        _text("code_level", "class, section or item", "科目级次", allowed=Level),
        _text("code_printed", "digits of the code cells joined; empty where none", "印刷的编码", required=True),
        _text("measure", "what the column measures", "栏目", required=True, allowed=Measure),
        _yuan("amount_yuan", "the amount in yuan", "金额（元）", required=True),
        _text("amount_printed", "the amount as it stands on the page", "印刷的金额", required=True),
        _text("printed_unit", "unit of the form: 元 or 万元", "金额单位", required=True),
        _text("provenance", "printed in its cell, or recovered", "取得方式", required=True, allowed=Provenance),
        _count("n_identities", "identities this figure takes part in", "参与的勾稽关系数"),
        _count("n_identities_holding", "of these, how many hold", "成立的勾稽关系数"),
        *PLACE,
        _text("cell_ref", "Sheet!C5 where the format has cells and no pages", "单元格"),
    ),
)


def _lines(name: str, en: str, zh: str, *kinds: Column) -> Dataset:
    return Dataset(
        name,
        en,
        zh,
        key=("fact_id",),
        columns=(
            _text("fact_id", "the printed figure in budget_facts", "数字标识", required=True),
            DOCUMENT_ID,
            FISCAL_YEAR,
            _text("publisher_id", "see documents", "公开主体标识"),
            _text("publisher_kind", "see documents; choose one before you sum", "部门或单位", allowed=PublisherKind),
            _text("stage", "see documents", "预算阶段", required=True, allowed=Stage),
            _text("functional_code", "code of the leaf", "功能分类科目编码"),
            _text("row_label", "name of the account as printed", "科目名称"),
            *kinds,
            _yuan("amount_yuan", "the amount in yuan", "金额（元）", required=True),
        ),
    )


NATURE = Column(
    "nature", ColumnType.STRING, "basic or project", "基本或项目支出", is_nullable=False, allowed=("basic", "project")
)
EXPENDITURE_LINES = _lines(
    "expenditure_lines",
    "Leaves of the expenditure summary by basic and project: safe to sum within one publisher_kind.",
    "支出预算总表的末级科目，可加总。",
    NATURE,
)
FISCAL_EXPENDITURE_LINES = _lines(
    "fiscal_expenditure_lines",
    "Leaves of the three fund forms by basic and project: safe to sum within one publisher_kind.",
    "三类财政拨款支出表的末级科目，可加总。",
    _text("fund", "which fund", "资金性质", required=True, allowed=Fund),
    NATURE,
)
REVENUE_LINES = _lines(
    "revenue_lines",
    "Leaves of the revenue summary by source: safe to sum within one publisher_kind.",
    "收入预算总表的末级科目，可加总。",
    _text("revenue_source", "which source", "收入来源", required=True, allowed=RevenueSource),
)

IDENTITY_CHECKS = Dataset(
    "identity_checks",
    "One row per instance of an accounting identity: what was added up and how it came out.",
    "勾稽关系核对结果。",
    key=("check_id",),
    columns=(
        _text("check_id", "document, identity and instance", "核对标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _text("identity_id", "which identity; see the identity reference", "勾稽关系", required=True),
        _text("instance", "code, row or measure it was asked for", "对象", required=True),
        _text("status", "exact, rounded, broken or not_checkable", "结果", required=True, allowed=CheckStatus),
        _yuan("left_yuan", "left side", "左边"),
        _yuan("right_yuan", "right side", "右边"),
        _yuan("residual_yuan", "left minus right", "差额"),
        _yuan("tolerance_yuan", "what rounding of the printed figures allows", "容差"),
        _text("cause", "whose error a broken identity is", "原因", allowed=Cause),
        _text("reason", "why it could not be checked", "无法核对的原因"),
    ),
)

IDENTITY_TERMS = Dataset(
    "identity_terms",
    "Which figures stand in which check, and with which sign.",
    "勾稽关系的各项。",
    key=("check_id", "fact_id"),
    columns=(
        _text("check_id", "the check", "核对标识", required=True),
        _text("fact_id", "the figure", "数字标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        Column(
            "sign",
            ColumnType.INTEGER,
            "1 on the left side, -1 on the right",
            "符号",
            is_nullable=False,
            minimum=-1,
            maximum=1,
        ),
    ),
)

FINDINGS = Dataset(
    "findings",
    "What is wrong, or could not be checked, with its place and what to do next.",
    "检查发现的问题。",
    key=("finding_id", "document_id"),
    columns=(
        _text("finding_id", "budget, rule and locus: the same over runs", "问题标识", required=True),
        DOCUMENT_ID,
        YEAR_IF_KNOWN,
        _text("rule_id", "which rule", "规则", required=True),
        _text("severity", "error, warning or info", "严重程度", required=True, allowed=Severity),
        _text("cause", "whose error it is", "原因", required=True, allowed=Cause),
        _flag("is_holding", "keeps the document from being published", "是否暂缓发布"),
        _text("locus", "the place, stable over runs", "位置", required=True),
        _text("message_zh", "where, found, expected, difference, next step", "说明（中文）", required=True),
        _text("message_en", "the same in English", "说明（英文）", required=True),
        _text("expected", "what should stand there", "应为"),
        _text("found", "what stands there", "实为"),
        _text("difference", "by how much", "差额"),
        *PLACE,
        _text("evidence_quote", "the printed words it speaks of", "原文"),
        _text("evidence_sha256", "an acceptance expires when this changes", "原文摘要", required=True),
        _text("accepted_by", "who accepted it", "接受人"),
        _text("accepted_reason", "why", "接受理由"),
    ),
)


NARRATIVE_CLAIMS = Dataset(
    "narrative_claims",
    "One row per figure that the prose states, with the printed figure of the forms that it speaks of.",
    "文字说明中的每个数字，及其与预算表的核对。",
    key=("claim_id",),
    columns=(
        _text("claim_id", "document and position", "陈述标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _text("section", "narrative, other_notes, or forms (prose between the forms)", "所在部分", required=True),
        _text("subject", "the words that name it", "陈述对象", required=True),
        _text("functional_code", "account, where it was found in the forms", "功能分类科目编码"),
        _text("measure", "what it measures", "指标", required=True, allowed=ClaimMeasure),
        Column("year", ColumnType.INTEGER, "year it speaks of", "年度", is_nullable=False),
        _yuan("amount_yuan", "the amount in yuan; null for counts and malformed numbers", "金额（元）"),
        _yuan("precision_yuan", "one unit of its last printed digit", "印刷精度（元）"),
        _count("n_counted", "the number of vehicles, projects or units, where it is a count", "个数", required=False),
        _text("amount_printed", "the number as it stands", "印刷的数字", required=True),
        _text("printed_unit", "its unit; empty where none is printed", "单位", required=True),
        Column("compared_year", ColumnType.INTEGER, "year it is compared with", "比较年度"),
        _text("compared_basis", "budget or executed", "比较口径", allowed=ComparedBasis),
        _yuan("change_yuan", "stated change; negative for a fall", "增减额（元）"),
        Column("change_percent", ColumnType.DECIMAL, "stated change in percent", "增减幅度", unit="%"),
        _text("stated_reason", "reason given", "原因"),
        _text("stated_use", "what the money is for", "用途"),
        _text("as_of", "date (ISO) of a stock", "截止日期"),
        _text("status", "how it compares with the figure of the forms", "核对结果", required=True, allowed=ClaimStatus),
        _text("fact_id", "the figure it was compared with", "对应的数字标识"),
        _yuan("table_yuan", "that figure", "表中金额（元）"),
        _text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)

INSTITUTIONS = Dataset(
    "institutions",
    "The institutions that a document lists, and the numbers of them that it states.",
    "机构设置：列出的机构与陈述的个数。",
    key=("institution_id",),
    columns=(
        _text("institution_id", "document and position", "机构标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _text("row_type", "stated (a number) or listed (a name)", "类型", required=True, allowed=InstitutionRow),
        _text("kind", "kind of institution", "机构种类", required=True, allowed=InstitutionKind),
        _count("position", "order in the list, from 1", "序号", required=False, minimum=1),
        _text("name", "name as printed", "名称"),
        _count("n_stated", "stated number", "陈述的个数", required=False),
        _text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)

DISCLOSURES = Dataset(
    "disclosures",
    "Procurement, performance targets, vehicles and equipment, agency operating and three-public expenses as stated.",
    "政府采购、绩效目标、车辆设备、机关运行经费与“三公”经费的陈述。",
    key=("disclosure_id",),
    columns=(
        _text("disclosure_id", "document and position", "披露标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _text("key", "what is disclosed", "项目", required=True),
        _text("item", "kind of vehicle, kind of unit or project; null for a total", "细项"),
        Column("value", ColumnType.DECIMAL, "amounts in yuan; counts as they are", "数值"),
        _text("unit", "元, or the unit of the count", "单位", required=True),
        _text("as_of", "date (ISO) of a stock", "截止日期"),
        _text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)

PROJECTS = Dataset(
    "projects",
    "One row per project described (name and implementer), pieces and repetitions put together.",
    "项目经费情况说明，以项目名称与实施主体为一行。",
    key=("project_id",),
    columns=(
        _text("project_id", "document, name and implementer", "项目标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _text("name", "name; null where none is printed", "项目名称"),
        _text("implementer", "who carries it out", "实施主体"),
        _text("overview", "project overview", "项目概述"),
        _text("legal_basis", "legal basis as printed", "立项依据"),
        _text("cited_documents", "JSON list of the documents cited there: title and number", "引用文件"),
        _text("plan", "plan of implementation", "实施方案"),
        _text("period", "period", "实施周期"),
        _text("goals", "performance goals", "绩效目标"),
        _text("budget", "annual budget as printed", "年度预算安排"),
        _yuan("annual_budget_yuan", "annual budget; null where it is neither stated nor proved", "年度预算（元）"),
        _text("amount_printed", "the amount as it stands; null where it was added up", "印刷的金额"),
        _text("amount_source", "stated, added_up or proved", "金额来源", allowed=AmountSource),
        _count("n_items", "items with an amount", "明细项数"),
        _yuan("items_yuan", "sum of the items", "明细合计（元）"),
        _flag("is_cut", "a part of the text is missing", "文本是否残缺"),
        _text("quote", "first words", "原文", required=True),
        *PLACE,
    ),
)

PROJECT_ITEMS = Dataset(
    "project_items",
    "One row per item of a project's budget.",
    "项目预算的明细。",
    key=("project_item_id",),
    columns=(
        _text("project_item_id", "project and position", "明细标识", required=True),
        _text("project_id", "the project", "项目标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        _count("item_no", "order, from 1", "序号", minimum=1),
        _text("name", "name as printed", "名称", required=True),
        _yuan("amount_yuan", "amount", "金额（元）", required=True),
        _text("amount_printed", "the amount as it stands", "印刷的金额", required=True),
        _text("printed_unit", "its unit; empty where none is printed", "单位", required=True),
        _text("formula", "the calculation beside it", "计算式"),
        _text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)


def _classification(name: str, en: str, zh: str) -> Dataset:
    return Dataset(
        name,
        en,
        zh,
        key=("code", "valid_from_year", "name"),
        columns=(
            _text("code", "digits", "编码", required=True),
            _text("name", "official name", "名称", required=True),
            _text("level", "class, section or item", "级次", required=True, allowed=Level),
            _text("parent", "code one level up", "上级编码"),
            Column(
                "valid_from_year",
                ColumnType.INTEGER,
                "first year of use, as far as known",
                "启用年度",
                is_nullable=False,
            ),
            Column("valid_to_year", ColumnType.INTEGER, "last year of use; null while in use", "停用年度"),
            _text("source", "where the row is from", "来源", required=True),
        ),
        is_reference=True,
    )


FUNCTIONAL_CLASSIFICATION = _classification(
    "functional_classification", "Functional classification of expenditure.", "支出功能分类科目。"
)
ECONOMIC_CLASSIFICATION = _classification(
    "economic_classification", "Departmental economic classification.", "部门预算支出经济分类科目。"
)

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        DOCUMENTS,
        DOCUMENT_SOURCES,
        BUDGET_FACTS,
        EXPENDITURE_LINES,
        FISCAL_EXPENDITURE_LINES,
        REVENUE_LINES,
        IDENTITY_CHECKS,
        IDENTITY_TERMS,
        FINDINGS,
        NARRATIVE_CLAIMS,
        INSTITUTIONS,
        DISCLOSURES,
        PROJECTS,
        PROJECT_ITEMS,
        FUNCTIONAL_CLASSIFICATION,
        ECONOMIC_CLASSIFICATION,
    )
}

STAGED = tuple(name for name, dataset in DATASETS.items() if name != "document_sources" and not dataset.is_reference)
"""What one parsed document yields: the datasets that are staged for it, `documents` among them."""
