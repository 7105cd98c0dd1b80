"""What the rest of a document says: claims, institutions, disclosures, projects."""

from __future__ import annotations

from cnbudget.model import AmountSource, ClaimMeasure, ClaimStatus, ComparedBasis, InstitutionKind, InstitutionRow
from cnbudget.schema.columns import (
    DOCUMENT_ID,
    FISCAL_YEAR,
    PLACE,
    Column,
    ColumnType,
    Dataset,
    count,
    flag,
    text,
    yuan,
)

NARRATIVE_CLAIMS = Dataset(
    "narrative_claims",
    "One row per figure that the prose states, with the printed figure of the forms that it speaks of.",
    "文字说明中的每个数字，及其与预算表的核对。",
    key=("claim_id",),
    columns=(
        text("claim_id", "document and position", "陈述标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("section", "narrative, other_notes, or forms (prose between the forms)", "所在部分", required=True),
        text("subject", "the words that name it", "陈述对象", required=True),
        text("functional_code", "account, where it was found in the forms", "功能分类科目编码"),
        text("measure", "what it measures", "指标", required=True, allowed=ClaimMeasure),
        Column("year", ColumnType.INTEGER, "year it speaks of", "年度", is_nullable=False),
        yuan("amount_yuan", "the amount in yuan; null for counts and malformed numbers", "金额（元）"),
        yuan("precision_yuan", "one unit of its last printed digit", "印刷精度（元）"),
        count("n_counted", "the number of vehicles, projects or units, where it is a count", "个数", required=False),
        text("amount_printed", "the number as it stands", "印刷的数字", required=True),
        text("printed_unit", "its unit; empty where none is printed", "单位", required=True),
        Column("compared_year", ColumnType.INTEGER, "year it is compared with", "比较年度"),
        text("compared_basis", "budget or executed", "比较口径", allowed=ComparedBasis),
        yuan("change_yuan", "stated change; negative for a fall", "增减额（元）"),
        Column("change_percent", ColumnType.DECIMAL, "stated change in percent", "增减幅度", unit="%"),
        text("stated_reason", "reason given", "原因"),
        text("stated_use", "what the money is for", "用途"),
        text("as_of", "date (ISO) of a stock", "截止日期"),
        text("status", "how it compares with the figure of the forms", "核对结果", required=True, allowed=ClaimStatus),
        text("fact_id", "the figure it was compared with", "对应的数字标识"),
        yuan("table_yuan", "that figure", "表中金额（元）"),
        text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)

INSTITUTIONS = Dataset(
    "institutions",
    "The institutions that a document lists, and the numbers of them that it states.",
    "机构设置：列出的机构与陈述的个数。",
    key=("institution_id",),
    columns=(
        text("institution_id", "document and position", "机构标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("row_type", "stated (a number) or listed (a name)", "类型", required=True, allowed=InstitutionRow),
        text("kind", "kind of institution", "机构种类", required=True, allowed=InstitutionKind),
        count("position", "order in the list, from 1", "序号", required=False, minimum=1),
        text("name", "name as printed", "名称"),
        count("n_stated", "stated number", "陈述的个数", required=False),
        text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)

DISCLOSURES = Dataset(
    "disclosures",
    "Procurement, performance targets, vehicles and equipment, agency operating and three-public expenses as stated.",
    "政府采购、绩效目标、车辆设备、机关运行经费与“三公”经费的陈述。",
    key=("disclosure_id",),
    columns=(
        text("disclosure_id", "document and position", "披露标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("key", "what is disclosed", "项目", required=True),
        text("item", "kind of vehicle, kind of unit or project; null for a total", "细项"),
        Column("value", ColumnType.DECIMAL, "amounts in yuan; counts as they are", "数值"),
        text("unit", "元, or the unit of the count", "单位", required=True),
        text("as_of", "date (ISO) of a stock", "截止日期"),
        text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)

PROJECTS = Dataset(
    "projects",
    "One row per project described (name and implementer), pieces and repetitions put together.",
    "项目经费情况说明，以项目名称与实施主体为一行。",
    key=("project_id",),
    columns=(
        text("project_id", "document, name and implementer", "项目标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("name", "name; null where none is printed", "项目名称"),
        text("implementer", "who carries it out", "实施主体"),
        text("overview", "project overview", "项目概述"),
        text("legal_basis", "legal basis as printed", "立项依据"),
        text("cited_documents", "JSON list of the documents cited there: title and number", "引用文件"),
        text("plan", "plan of implementation", "实施方案"),
        text("period", "period", "实施周期"),
        text("goals", "performance goals", "绩效目标"),
        text("budget", "annual budget as printed", "年度预算安排"),
        yuan("annual_budget_yuan", "annual budget; null where it is neither stated nor proved", "年度预算（元）"),
        text("amount_printed", "the amount as it stands; null where it was added up", "印刷的金额"),
        text("amount_source", "stated, added_up or proved", "金额来源", allowed=AmountSource),
        count("n_items", "items with an amount", "明细项数"),
        yuan("items_yuan", "sum of the items", "明细合计（元）"),
        flag("is_cut", "a part of the text is missing", "文本是否残缺"),
        text("quote", "first words", "原文", required=True),
        *PLACE,
    ),
)

PROJECT_ITEMS = Dataset(
    "project_items",
    "One row per item of a project's budget.",
    "项目预算的明细。",
    key=("project_item_id",),
    columns=(
        text("project_item_id", "project and position", "明细标识", required=True),
        text("project_id", "the project", "项目标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        count("item_no", "order, from 1", "序号", minimum=1),
        text("name", "name as printed", "名称", required=True),
        yuan("amount_yuan", "amount", "金额（元）", required=True),
        text("amount_printed", "the amount as it stands", "印刷的金额", required=True),
        text("printed_unit", "its unit; empty where none is printed", "单位", required=True),
        text("formula", "the calculation beside it", "计算式"),
        text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
)
