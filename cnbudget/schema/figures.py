"""What the nine forms print, and the lines of it that are safe to sum. Blank is not zero: an empty cell is no row."""

from __future__ import annotations

from cnbudget.model import FormId, Fund, Level, Measure, Provenance, PublisherKind, RevenueSource, RowRole, Side, Stage
from cnbudget.schema.columns import DOCUMENT_ID, FISCAL_YEAR, PLACE, Column, ColumnType, Dataset, count, text, yuan

BUDGET_FACTS = Dataset(
    "budget_facts",
    "One row per printed amount of the nine forms. Never sum it: nine forms repeat the same money; use the lines datasets.",
    "九张预算表的每个数字一行；各表相互重复，不可直接加总。",
    key=("fact_id",),
    columns=(
        text("fact_id", "document, form, side, row and measure", "数字标识", required=True),
        DOCUMENT_ID,
        FISCAL_YEAR,
        text("publisher_id", "see documents", "公开主体标识"),
        text("publisher_kind", "see documents", "部门或单位", allowed=PublisherKind),
        text("stage", "see documents", "预算阶段", required=True, allowed=Stage),
        text("form_id", "which of the nine forms", "表", required=True, allowed=FormId),
        text("side", "half of a two-sided form", "收入侧或支出侧", allowed=Side),
        count("row_no", "rows that print a label, counted from 1 through the form", "行号", minimum=1),
        text("row_label", "label as printed, line wraps joined", "行名称"),
        text("row_role", "leaf, subtotal, total or grand total", "行的角色", required=True, allowed=RowRole),
        text("fund", "which fund; null where a form covers all", "资金性质", allowed=Fund),
        text("revenue_source", "which source of revenue", "收入来源", allowed=RevenueSource),
        text("functional_code", "functional classification, normalised", "功能分类科目编码"),
        text("economic_code", "departmental economic classification, normalised", "部门预算经济分类科目编码"),
        text("code_level", "class, section or item", "科目级次", allowed=Level),
        text("code_printed", "digits of the code cells joined; empty where none", "印刷的编码", required=True),
        text("measure", "what the column measures", "栏目", required=True, allowed=Measure),
        yuan("amount_yuan", "the amount in yuan", "金额（元）", required=True),
        text("amount_printed", "the amount as it stands on the page", "印刷的金额", required=True),
        text("printed_unit", "unit of the form: 元 or 万元", "金额单位", required=True),
        text("provenance", "printed in its cell, or recovered", "取得方式", required=True, allowed=Provenance),
        count("n_identities", "identities this figure takes part in", "参与的勾稽关系数"),
        count("n_identities_holding", "of these, how many hold", "成立的勾稽关系数"),
        *PLACE,
        text("cell_ref", "Sheet!C5 where the format has cells and no pages", "单元格"),
    ),
)


def _lines(name: str, en: str, zh: str, *kinds: Column) -> Dataset:
    return Dataset(
        name,
        en,
        zh,
        key=("fact_id",),
        columns=(
            text("fact_id", "the printed figure in budget_facts", "数字标识", required=True),
            DOCUMENT_ID,
            FISCAL_YEAR,
            text("publisher_id", "see documents", "公开主体标识"),
            text("publisher_kind", "see documents; choose one before you sum", "部门或单位", allowed=PublisherKind),
            text("stage", "see documents", "预算阶段", required=True, allowed=Stage),
            text("functional_code", "code of the leaf", "功能分类科目编码"),
            text("row_label", "name of the account as printed", "科目名称"),
            *kinds,
            yuan("amount_yuan", "the amount in yuan", "金额（元）", required=True),
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
    text("fund", "which fund", "资金性质", required=True, allowed=Fund),
    NATURE,
)
REVENUE_LINES = _lines(
    "revenue_lines",
    "Leaves of the revenue summary by source: safe to sum within one publisher_kind.",
    "收入预算总表的末级科目，可加总。",
    text("revenue_source", "which source", "收入来源", required=True, allowed=RevenueSource),
)
