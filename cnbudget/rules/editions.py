"""Rules over several documents: editions of one budget, and budgets that print the same figures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import polars as pl

from cnbudget.model import FormId, Severity
from cnbudget.rules.case import FORM_NAMES, Found, money_text, yuan_text
from cnbudget.rules.history import Findings, history_rule, signed

figures_of_other = history_rule(
    "figures_of_another_budget",
    Severity.WARNING,
    "与另一预算数字完全相同",
    "The same figures as another budget",
    "Two budgets, of other publishers or years, do not print the same figures throughout.",
    "每份预算独立编制",
    "The budget of 2030 prints every figure of the one of 2029.",
)
figures_revised = history_rule(
    "figures_revised",
    Severity.INFO,
    "修订后数字有变化",
    "A revision changes figures",
    "What a later edition of a budget changes, so that readers of the first one know: its largest changes figure by figure, and how "
    "many more there are. `budget_fact_history` has every one.",
    "同一预算的先后两版",
    "项目支出 of 一般行政管理事务 rises from 100,000 to 160,000 yuan.",
)

RULES = (figures_of_other, figures_revised)


def same_figures(documents: pl.DataFrame) -> Findings:
    """Budgets that print every figure of another one: `figures_of_another_budget`. Renditions of one budget are none.

    `documents`: with `facts_sha256`, the digest of a document's figures (null where it has none).
    """
    own = documents.select("document_id", "budget_id", "file_name", "n_facts", "facts_sha256").drop_nulls()
    twins = (
        own.join(own, on="facts_sha256", suffix="_other")
        .filter(pl.col("budget_id") != pl.col("budget_id_other"))
        .sort("document_id", "budget_id_other", "document_id_other")
        .unique("document_id", keep="first", maintain_order=True)
    )

    def found(row: Mapping[str, object]) -> Found:
        other = f"{row['file_name_other']}（{row['budget_id_other']}）"
        return Found(
            f"document/{row['budget_id_other']}",
            f"全部{row['n_facts']}个数字与{other}相同。请核对是否误发。",
            f"all {row['n_facts']} figures are those of {other}. Check whether the wrong file was published.",
            found=str(row["budget_id_other"]),
        )

    return signed(figures_of_other, ((row["document_id"], found(row)) for row in twins.iter_rows(named=True)))


_FIGURE = ("form_id", "side", "functional_code", "economic_code", "row_label", "measure")


def revision_changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """What one edition's facts change of another's, figure by figure.

    Columns: form_id, side, functional_code, economic_code, row_label, measure, before_yuan, after_yuan (null where the figure is
    not there), change_yuan, page (of the later edition).
    """
    key = [pl.col(name) for name in _FIGURE]
    old = before.group_by(key, maintain_order=True).agg(before_yuan=pl.col("amount_yuan").sum())
    new = after.group_by(key, maintain_order=True).agg(
        after_yuan=pl.col("amount_yuan").sum(), page=pl.col("page").first()
    )
    return (
        new.join(old, on=list(_FIGURE), how="full", coalesce=True, nulls_equal=True)
        .with_columns(
            change_yuan=pl.col("after_yuan").fill_null(Decimal(0)) - pl.col("before_yuan").fill_null(Decimal(0))
        )
        .filter(pl.col("before_yuan").ne_missing(pl.col("after_yuan")))
        .sort(*_FIGURE)
        .select(*_FIGURE, "before_yuan", "after_yuan", "change_yuan", "page")
    )


NAMED_CHANGES = 20
"""An edition that replaces everything changes hundreds of figures: more than anyone reads one by one."""


def revised_figures(document_id: str, changes: pl.DataFrame) -> Findings:
    """The changes of `revision_changes` as findings of the later edition, `figures_revised`: the largest, and how many more."""
    largest = changes.with_row_index("place").sort(pl.col("change_yuan").abs(), descending=True, maintain_order=True)
    named, others = largest.head(NAMED_CHANGES).sort("place"), largest.slice(NAMED_CHANGES)
    found = [_revised(row) for row in named.iter_rows(named=True)]
    if others.height:
        found.append(_more_revised(others.sort("place"), changes.height))
    return signed(figures_revised, ((document_id, each) for each in found))


def _revised(row: Mapping[str, object]) -> Found:
    zh, en = FORM_NAMES[FormId(str(row["form_id"]))]
    code = row["functional_code"] or row["economic_code"] or ""
    was, now = (None if row[name] is None else Decimal(str(row[name])) for name in ("before_yuan", "after_yuan"))
    before, after = (None if amount is None else money_text(amount) for amount in (was, now))
    row_name = f"{code} {row['row_label']}".strip()
    return Found(
        f"{row['form_id']}/{code}/{row['row_label']}/{row['measure']}/revised",
        f"《{zh}》{code}“{row['row_label']}”（{row['measure']}）由{before or '空'}改为{after or '空'}元。请以修订后为准。",
        f"{en}, {row_name} ({row['measure']}): {before or 'blank'} became {after or 'blank'} yuan. Use the revision.",
        expected=None if was is None else yuan_text(was),
        found=None if now is None else yuan_text(now),
        difference=yuan_text(Decimal(str(row["change_yuan"]))),
        page=row["page"] if isinstance(row["page"], int) else None,
    )


def _more_revised(others: pl.DataFrame, n_changes: int) -> Found:
    """What tells of the changes that are not named, by form."""
    counts = others.group_by("form_id", maintain_order=True).len()
    zh, en = (
        ", ".join(f"{FORM_NAMES[FormId(form_id)][language]} {n}" for form_id, n in counts.iter_rows())
        for language in (0, 1)
    )
    return Found(
        "document/revised",
        f"共有{n_changes}个数字被修订，除上列变动最大的{NAMED_CHANGES}个外另有{others.height}个（{zh.replace(', ', '、')}），"
        "逐项见budget_fact_history。请以修订后为准。",
        f"the revision changes {n_changes} figures: beside the {NAMED_CHANGES} largest changes, which are named, {others.height} more "
        f"({en}); budget_fact_history has each. Use the revision.",
        found=f"{n_changes} figures",
    )
