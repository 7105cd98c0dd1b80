"""What is made of the datasets for reading: marts, one row ready to be charted, and the history of every figure.

The three marts that are made for adding up hold departments' budgets alone: a department's budget contains its units',
so nobody can add both up by mistake. `unit_overview` has the units, and the lines datasets have both.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnbudget.model import (
    Change,
    ClaimMeasure,
    End,
    FormId,
    Fund,
    Measure,
    Presence,
    PublisherKind,
    RevenueSource,
    Side,
    Stage,
)
from cnbudget.schema.columns import (
    DOCUMENT_ID,
    FISCAL_YEAR,
    PLACE,
    Column,
    ColumnType,
    Dataset,
    Origin,
    count,
    text,
    time,
    yuan,
)

WHOSE = (
    DOCUMENT_ID,
    FISCAL_YEAR,
    text("jurisdiction_name", "whose treasury pays", "行政区划"),
    text("jurisdiction_code", "GB/T 2260, null where unknown", "行政区划代码"),
    text("publisher_id", "stable over spellings of the name and over years", "公开主体标识"),
    text("publisher_name", "name as on the cover", "公开主体名称"),
    text("publisher_kind", "department or unit; never add the two", "部门或单位", required=True, allowed=PublisherKind),
)
"""Whose budget a row is about; stands in every mart."""

BEFORE = text(
    "previous_document_id",
    "the publisher's budget of the year before; null where none is published here: then no change is told",
    "上年预算的文件；未收录则为空，不计增减",
)


def percent(name: str, en: str, zh: str) -> Column:
    return Column(name, ColumnType.DECIMAL, en, zh, unit="%")


def compared(name: str, en: str, zh: str) -> Iterator[Column]:
    """An amount, the same of the year before, and the change: `<name>_yuan`, `<name>_previous_yuan`, `<name>_change_yuan`."""
    yield yuan(f"{name}_yuan", f"{en}; null where nothing is printed", f"{zh}（元）")
    yield yuan(f"{name}_previous_yuan", f"{en} in the budget of the year before", f"上年{zh}（元）")
    yield yuan(f"{name}_change_yuan", f"{en}: change; what is not printed counts as nothing", f"{zh}增减（元）")


def _mart(name: str, en: str, zh: str, *columns: Column, key: tuple[str, ...] = ()) -> Dataset:
    return Dataset(name, en, zh, ("document_id", *key), (*WHOSE, *columns), Origin.MART)


CHANGED = (
    BEFORE,
    yuan("previous_yuan", "the same account in the budget of the year before", "上年预算（元）"),
    yuan(
        "change_yuan",
        "change; an account that is in one of the two years alone counts as nothing in the other",
        "增减（元）",
    ),
    percent("change_percent", "change in percent of the year before", "增减幅度"),
    text(
        "presence",
        "both years, new, ended (a row of the year before alone: its amounts are null), or not_comparable",
        "两年均有、新增、取消或不可比",
        required=True,
        allowed=Presence,
    ),
)

BUDGET_BY_FUNCTION_YEAR = _mart(
    "budget_by_function_year",
    "Departments' expenditure by functional account, its class and section beside it, with the change to the year before. "
    "One row per leaf: safe to sum at every level.",
    "部门支出预算按功能分类科目，附上年对比；每行为末级科目，各级均可加总。",
    text("functional_code", "code of the leaf; null where it cannot be told", "功能分类科目编码"),
    text("account_name", "name of the account as printed", "科目名称", required=True),
    text("class_code", "class: 3 digits", "类级编码"),
    text("class_name", "official name of the class in that year", "类级名称"),
    text("section_code", "section: 5 digits", "款级编码"),
    text("section_name", "official name of the section", "款级名称"),
    text("item_code", "item: 7 digits; null where a section is printed without its items", "项级编码"),
    text("item_name", "official name of the item", "项级名称"),
    yuan("amount_yuan", "budget of the year, all funding", "预算（元）"),
    yuan("basic_yuan", "of this, basic expenditure", "基本支出（元）"),
    yuan("project_yuan", "of this, project expenditure", "项目支出（元）"),
    yuan("fiscal_yuan", "of this, paid from fiscal appropriation", "财政拨款（元）"),
    *CHANGED,
    key=("functional_code", "account_name"),
)

BASIC_BY_ECONOMIC = _mart(
    "basic_by_economic",
    "Departments' basic expenditure (general public budget) by economic section, with the change to the year before. "
    "One row per leaf: safe to sum.",
    "部门一般公共预算基本支出按经济分类，附上年对比；可加总。",
    text("economic_code", "code of the leaf; null where the form has a numbering of its own", "经济分类科目编码"),
    text("account_name", "name of the account as printed", "科目名称", required=True),
    text("class_code", "class: 3 digits", "类级编码"),
    text("class_name", "official name of the class in that year", "类级名称"),
    yuan("amount_yuan", "budget of the year", "预算（元）"),
    yuan("personnel_yuan", "of this, personnel", "人员经费（元）"),
    yuan("operating_yuan", "of this, operating", "公用经费（元）"),
    *CHANGED,
    key=("economic_code", "account_name"),
)

THREE_PUBLIC = (
    ("total", "'three public' expenses", "“三公”经费合计"),
    ("overseas_travel", "overseas travel", "因公出国（境）费"),
    ("official_reception", "official reception", "公务接待费"),
    ("vehicle_total", "vehicles, purchase and operation", "公务用车购置及运行费"),
    ("vehicle_purchase", "purchase of vehicles", "公务用车购置费"),
    ("vehicle_operation", "operation of vehicles", "公务用车运行费"),
    ("agency_operating_expenses", "agency operating expenses", "机关运行经费"),
)
"""The measures of T9 with their names."""

THREE_PUBLIC_BY_YEAR = _mart(
    "three_public_by_year",
    "Departments' 'three public' and agency operating expenses, one row per budget, with the change to the year before.",
    "部门“三公”经费与机关运行经费，每份预算一行，附上年对比。",
    BEFORE,
    *(column for measure in THREE_PUBLIC for column in compared(*measure)),
    percent("total_change_percent", "change of the total in percent", "合计增减幅度"),
    yuan(
        "total_previous_stated_yuan",
        "the total of the year before as the text of this budget states it, by amount less change",
        "本年说明推算的上年合计（元）",
    ),
)

_OVERVIEW = (
    text("stage", "budget, adjusted budget or final accounts", "预算阶段", required=True, allowed=Stage),
    count("revision", "revision of the budget that the row shows", "修订号", required=False, minimum=1),
    BEFORE,
    *compared("revenue", "revenue in all", "收入总计"),
    yuan("fiscal_appropriation_yuan", "revenue: fiscal appropriation", "财政拨款收入（元）"),
    yuan("general_public_budget_yuan", "of this, general public budget", "一般公共预算资金（元）"),
    yuan("government_fund_budget_yuan", "of this, government funds", "政府性基金（元）"),
    yuan("state_capital_operations_budget_yuan", "of this, state capital operations", "国有资本经营预算（元）"),
    yuan("public_service_revenue_yuan", "revenue: public services", "事业收入（元）"),
    yuan("business_revenue_yuan", "revenue: business of public institutions", "事业单位经营收入（元）"),
    yuan("other_revenue_yuan", "revenue: other", "其他收入（元）"),
    *compared("expenditure", "expenditure in all", "支出总计"),
    percent("expenditure_change_percent", "change of expenditure in percent", "支出增减幅度"),
    *compared("basic", "basic expenditure", "基本支出"),
    *compared("project", "project expenditure", "项目支出"),
    *compared("personnel", "personnel, general public budget", "人员经费"),
    *compared("operating", "operating, general public budget", "公用经费"),
    yuan("three_public_yuan", "'three public' expenses", "“三公”经费（元）"),
    yuan("agency_operating_expenses_yuan", "agency operating expenses", "机关运行经费（元）"),
    count("n_vehicles", "vehicles in stock as stated; null where nothing is", "车辆数", required=False),
    count("n_projects", "projects described", "项目数"),
    yuan("projects_yuan", "annual budget of the projects described, where stated or proved", "项目年度预算合计（元）"),
    count("n_facts", "printed amounts read", "数字个数"),
    count("n_facts_proved", "of these, in at least one accounting identity, all of which hold", "经勾稽证实的数字个数"),
    count("n_findings_error", "findings of severity error", "错误数"),
    count("n_findings_warning", "findings of severity warning", "警告数"),
)
DEPARTMENT_OVERVIEW = _mart(
    "department_overview",
    "One row per department's budget: where the money comes from and goes, how it changed, how sure it is.",
    "部门预算一览，每份预算一行。",
    *_OVERVIEW,
)
UNIT_OVERVIEW = _mart(
    "unit_overview",
    "One row per budget unit's budget; what departments' budgets contain. Never add it to department_overview.",
    "单位预算一览，每份预算一行；不可与部门相加。",
    *_OVERVIEW,
)

BUDGET_FACT_HISTORY = Dataset(
    "budget_fact_history",
    "Every figure of every published revision of a budget, with the time for which it stood. A figure that a revision "
    "repeats is one row. As of a moment: valid_from <= it and (valid_to is null or valid_to > it).",
    "预算各次修订中每个数字及其有效期；连续各版相同的数字为一行。",
    key=("fact_id",),
    columns=(
        text("fact_id", "the figure in the document that printed it first", "数字标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("budget_id", "what revisions share", "预算标识", required=True),
        text("publisher_id", "see documents", "公开主体标识"),
        text("publisher_kind", "see documents; choose one before you sum", "部门或单位", allowed=PublisherKind),
        text("form_id", "which of the nine forms", "表", required=True, allowed=FormId),
        text("side", "half of a two-sided form", "收入侧或支出侧", allowed=Side),
        text("row_label", "label as printed", "行名称"),
        text("fund", "which fund", "资金性质", allowed=Fund),
        text("revenue_source", "which source of revenue", "收入来源", allowed=RevenueSource),
        text("functional_code", "functional classification", "功能分类科目编码"),
        text("economic_code", "departmental economic classification", "部门预算经济分类科目编码"),
        text("measure", "what the column measures", "栏目", required=True, allowed=Measure),
        yuan("amount_yuan", "the amount in yuan", "金额（元）", required=True),
        count("revision", "the first revision that prints it so", "起始修订号", minimum=1),
        count("last_revision", "the last one", "末次修订号", minimum=1),
        time("valid_from", "when the source's object of that revision was last modified", "有效期起"),
        time("valid_to", "when the next revision took its place; null while it stands", "有效期止"),
        text("change", "first, added or changed against the revision before", "变动", required=True, allowed=Change),
        yuan("previous_amount_yuan", "what the revision before printed", "变动前金额（元）"),
        text("end", "changed or removed by the next revision; null while it stands", "终止方式", allowed=End),
    ),
    origin=Origin.MART,
)

RESTATEMENTS = Dataset(
    "restatements",
    "Figures of the year before that a later budget states otherwise than the budget of that year printed them.",
    "本年预算对上年数字的重述：与上年公开的预算不一致者。",
    key=("claim_id",),
    columns=(
        text("claim_id", "the statement in narrative_claims", "陈述标识", required=True),
        *WHOSE,
        Column(
            "restated_year", ColumnType.INTEGER, "the year that is stated otherwise", "被重述年度", is_nullable=False
        ),
        text("measure", "which figure", "指标", required=True, allowed=ClaimMeasure),
        yuan(
            "restated_yuan",
            "what it was, by amount less change as the text states them",
            "重述金额（元）",
            required=True,
        ),
        yuan(
            "printed_yuan",
            "what the budget of that year prints; 0 where its form prints nothing",
            "原公开金额（元）",
            required=True,
        ),
        yuan("difference_yuan", "restated less printed; beyond what rounding allows", "差额（元）", required=True),
        text("previous_document_id", "the budget of that year", "上年预算的文件", required=True),
        text("fact_id", "the figure there; null where its form prints nothing", "原数字标识"),
        text("quote", "the words", "原文", required=True),
        *PLACE,
    ),
    origin=Origin.MART,
)
