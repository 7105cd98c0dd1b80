"""Rules over several documents: the year before, and a department and its units (editions of a budget: `editions`).

They look at frames of published datasets, so that re-validation can run them over the lake without reading a document again;
a budget is compared with the current edition of another. Each returns findings by document_id, signed as those of a single
document are, and none of them holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import polars as pl

from cnbudget import publishers
from cnbudget.model import Finding, FormId, Severity
from cnbudget.rules.case import FORM_NAMES, Family, Found, Rule, money_text, yuan_text

Findings = dict[str, list[Finding]]

_T1, _T3, _T9 = (
    FormId.FINANCIAL_SUMMARY.value,
    FormId.EXPENDITURE_SUMMARY.value,
    FormId.THREE_PUBLIC_AND_AGENCY_OPERATING.value,
)
_T4 = FormId.FISCAL_APPROPRIATION_SUMMARY.value


def history_rule(
    rule_id: str, severity: Severity, zh: str, en: str, explanation: str, rests_on: str, example: str
) -> Rule:
    """A rule over several documents: its findings are made by a function of frames."""
    return Rule(rule_id, severity, Family.HISTORY, zh, en, explanation, rests_on, example)


def signed(rule: Rule, found: Iterable[tuple[object, Found]]) -> Findings:
    """Findings by document_id under a rule's id."""
    findings: Findings = {}
    for document_id, each in found:
        findings.setdefault(str(document_id), []).append(rule.signed(each))
    return findings


base_differs = history_rule(
    "base_differs_from_last_year",
    Severity.WARNING,
    "上年基数与上年预算不符",
    "The base is not what last year's budget printed",
    "A stated amount less its stated change is the figure of the publisher's budget of the year before, within rounding.",
    "编制说明与上年预算比较；上年公开的预算",
    "900万元, 60万元 more than the year before: its budget printed 860万元.",
)
change_unexplained = history_rule(
    "change_unexplained",
    Severity.INFO,
    "大幅变动未作说明",
    "A large change without a word",
    "Agency operating expenses that change by three tenths and more against the budget of the year before are explained.",
    "机关运行经费；上年公开的预算",
    "机关运行经费40万元, 80万元 the year before.",
)
vehicles_reclassified = history_rule(
    "vehicles_reclassified",
    Severity.WARNING,
    "车辆分类口径变化",
    "Vehicles are counted by other kinds than the year before",
    "The same number of vehicles falls into the same kinds as the year before, or the change is explained.",
    "国有资产占有使用情况；上年公开的预算",
    "Nine vehicles: 机要通信4、应急保障5 the year before, 其他9 now.",
)
department_differs = history_rule(
    "department_differs_from_units",
    Severity.WARNING,
    "部门预算与所属单位之和不符",
    "A department's figure is not the sum of its units'",
    "A department's budget contains those of its units: where all units listed have published, their figures come to the "
    "department's; where only some have, none of them exceeds it.",
    "部门预算由本级和所属单位预算汇总",
    "支出总计 of the department 100万元, of its three units 101万元 together.",
)
RULES = (base_differs, change_unexplained, vehicles_reclassified, department_differs)

_BUDGET = ("publisher_id", "publisher_kind", "stage")


def _with_last_year(documents: pl.DataFrame) -> pl.DataFrame:
    """document_id beside `before_id`, the current edition of the same publisher's budget of the year before."""
    known = documents.filter(pl.col("publisher_id").is_not_null() & pl.col("fiscal_year").is_not_null())
    before = known.filter("is_current").select(*_BUDGET, pl.col("fiscal_year") + 1, before_id="document_id")
    return known.join(before, on=[*_BUDGET, "fiscal_year"], nulls_equal=True).select("document_id", "before_id")


# --- the year before -------------------------------------------------------------------------------------------------

_BASES = pl.DataFrame(
    [
        ("revenue_fiscal_appropriation", _T4, "revenue", "grand_total"),
        ("expenditure_fiscal_appropriation", _T4, "total", "grand_total"),
        ("expenditure_general_public_budget", _T4, "general_public_budget", "grand_total"),
        ("expenditure_government_fund_budget", _T4, "government_fund_budget", "grand_total"),
        ("expenditure_state_capital_operations_budget", _T4, "state_capital_operations_budget", "grand_total"),
        ("revenue_total", _T1, "revenue", "grand_total"),
        ("expenditure_total", _T1, "expenditure", "grand_total"),
        *(
            (measure, _T9, column, None)
            for measure, column in (
                ("three_public_total", "total"),
                ("overseas_travel", "overseas_travel"),
                ("official_reception", "official_reception"),
                ("vehicle_total", "vehicle_total"),
                ("vehicle_purchase", "vehicle_purchase"),
                ("vehicle_operation", "vehicle_operation"),
            )
        ),
    ],
    schema=["claim_measure", "form_id", "measure", "role"],
    orient="row",
)
"""Measures of the text that are compared with a year, and the figure of the forms that they are."""


def bases_against_last_year(documents: pl.DataFrame, facts: pl.DataFrame, claims: pl.DataFrame) -> Findings:
    """Stated changes against the publisher's budget of the year before: rule `base_differs_from_last_year`."""
    stated = differing_bases(_with_last_year(documents), facts, claims)
    return signed(base_differs, ((row["document_id"], _base_found(row)) for row in stated.iter_rows(named=True)))


def differing_bases(pairs: pl.DataFrame, facts: pl.DataFrame, claims: pl.DataFrame) -> pl.DataFrame:
    """The claims whose stated change makes another `base` of the year before than its budget prints (`printed_yuan`,
    `printed_fact_id`; `gap` apart). `pairs`: document_id beside before_id; `facts` and `claims`: of both.

    A figure that the year before did not print counts as 0 where its form was there. Two amounts of the text were rounded, so a
    base may be off by two of its last digits.
    """
    printed = facts.join(_BASES, on=["form_id", "measure"]).filter(
        pl.col("role").is_null() | (pl.col("row_role") == pl.col("role"))
    )
    before = printed.select(
        before_id="document_id", measure="claim_measure", printed_yuan="amount_yuan", printed_fact_id="fact_id"
    ).unique(["before_id", "measure"], keep="first", maintain_order=True)
    there = facts.select(before_id="document_id", form_id="form_id").unique()
    forms = _BASES.select(pl.col("claim_measure").alias("measure"), "form_id")
    return (
        claims.filter((pl.col("compared_basis") == "budget") & pl.col("change_yuan").is_not_null())
        .join(pairs, on="document_id", maintain_order="left")
        .join(forms, on="measure", maintain_order="left")
        .join(there, on=["before_id", "form_id"], maintain_order="left")
        .join(before, on=["before_id", "measure"], how="left", maintain_order="left")
        .with_columns(pl.col("printed_yuan").fill_null(Decimal(0)), base=pl.col("amount_yuan") - pl.col("change_yuan"))
        .with_columns(gap=pl.col("base") - pl.col("printed_yuan"))
        .filter(pl.col("gap").abs() > 2 * pl.col("precision_yuan").fill_null(Decimal(1)))
    )


def _base_found(row: Mapping[str, object]) -> Found:
    base, printed, gap = (Decimal(str(row[name])) for name in ("base", "printed_yuan", "gap"))
    subject, year = row["subject"], row["compared_year"]
    return Found(
        f"{row['section']}/{row['measure']}/base",
        f"“{subject}”按所写增减推算{year}年为{money_text(base)}元，{year}年公开的预算为{money_text(printed)}元，"
        f"相差{money_text(gap)}元。请核对基数。",
        f"{subject}: the stated change makes it {money_text(base)} yuan in {year}, the budget of {year} printed "
        f"{money_text(printed)}, {money_text(gap)} apart. Check the base.",
        expected=yuan_text(printed),
        found=yuan_text(base),
        difference=yuan_text(gap),
        page=row["page"] if isinstance(row["page"], int) else None,
        quote=str(row["quote"]),
    )


def unexplained_changes(
    documents: pl.DataFrame, facts: pl.DataFrame, claims: pl.DataFrame, share: float = 0.3
) -> Findings:
    """Agency operating expenses that changed by `share` and more with no comparison in the text: `change_unexplained`."""
    measure = "agency_operating_expenses"
    own = facts.filter((pl.col("form_id") == _T9) & (pl.col("measure") == measure))
    before = own.select(before_id="document_id", was="amount_yuan")
    said = claims.filter((pl.col("measure") == measure) & pl.col("compared_year").is_not_null()).select("document_id")
    changed = (
        own.join(_with_last_year(documents), on="document_id", maintain_order="left")
        .join(before, on="before_id", maintain_order="left")
        .join(said, on="document_id", how="anti")
        .filter((pl.col("was") > 0) & ((pl.col("amount_yuan") - pl.col("was")).abs() >= share * pl.col("was")))
    )

    def found(row: Mapping[str, object]) -> Found:
        now, was = Decimal(str(row["amount_yuan"])), Decimal(str(row["was"]))
        percent = f"{(now / was - 1) * 100:+.1f}%"
        return Found(
            f"{_T9}/{measure}/change",
            f"机关运行经费{money_text(now)}元，上年{money_text(was)}元（{percent}），文中未作说明。请补充说明。",
            f"agency operating expenses are {money_text(now)} yuan, {money_text(was)} the year before ({percent}), and the text says "
            "nothing of it. Explain it.",
            expected=yuan_text(was),
            found=yuan_text(now),
            difference=yuan_text(now - was),
            page=row["page"] if isinstance(row["page"], int) else None,
            quote=str(row["amount_printed"]),
        )

    return signed(change_unexplained, ((row["document_id"], found(row)) for row in changed.iter_rows(named=True)))


def vehicles_against_last_year(documents: pl.DataFrame, disclosures: pl.DataFrame) -> Findings:
    """The same number of vehicles under other kinds than the year before: `vehicles_reclassified`."""
    stock = disclosures.filter(pl.col("key") == "vehicles_stock").select("document_id", "item", "value", "page")
    pairs = _with_last_year(documents)
    now = stock.join(pairs, on="document_id", maintain_order="left")
    before = stock.select(before_id="document_id", item="item", was="value")
    both = now.join(before, on=["before_id", "item"], how="left", nulls_equal=True, maintain_order="left")
    totals = both.filter(pl.col("item").is_null() & (pl.col("value") == pl.col("was"))).select("document_id", "page")
    kinds = both.filter(pl.col("item").is_not_null()).with_columns(
        pl.col("was").fill_null(Decimal(0)), moved=(pl.col("value") - pl.col("was").fill_null(Decimal(0))).abs()
    )
    moved = (
        kinds.filter(pl.col("moved") > 0)
        .group_by("document_id", maintain_order=True)
        .agg(
            kinds=pl.format("{} {}→{}", "item", pl.col("was").cast(pl.Int64), pl.col("value").cast(pl.Int64)).str.join(
                "、"
            )
        )
        .join(totals, on="document_id", maintain_order="left")
    )

    def found(row: Mapping[str, object]) -> Found:
        return Found(
            "other_notes/vehicles_stock/kinds",
            f"车辆总数与上年相同，分类却不同：{row['kinds']}。请说明口径变化。",
            f"the number of vehicles is that of the year before, the kinds are not: {row['kinds']}. Explain the change.",
            found=str(row["kinds"]),
            page=row["page"] if isinstance(row["page"], int) else None,
        )

    return signed(vehicles_reclassified, ((row["document_id"], found(row)) for row in moved.iter_rows(named=True)))


# --- a department and its units --------------------------------------------------------------------------------------

_ADDED_UP = (
    (_T1, "revenue", "grand_total"),
    (_T3, "total", "total"),
    (_T3, "basic", "total"),
    (_T3, "project", "total"),
)


def departments_against_units(documents: pl.DataFrame, facts: pl.DataFrame, institutions: pl.DataFrame) -> Findings:
    """Departments against the units that their 机构设置 lists and that are here: `department_differs_from_units`."""
    places = listed_units(documents, institutions)
    sums = [_added_up(places, facts, *place) for place in _ADDED_UP]
    found = pl.concat(sums).filter(
        pl.when(pl.col("is_whole"))
        .then((pl.col("yuan") - pl.col("units_yuan")).abs() > pl.col("slack"))
        .otherwise(pl.col("units_yuan") - pl.col("yuan") > pl.col("slack"))
    )
    return signed(department_differs, ((row["document_id"], _units_found(row)) for row in found.iter_rows(named=True)))


def listed_units(documents: pl.DataFrame, institutions: pl.DataFrame) -> pl.DataFrame:
    """Each unit that a department's 机构设置 lists: document_id, and unit_id, its current budget of the year (null: not here).

    Bodies of one name are told apart by their jurisdiction.
    """
    known = documents.filter("is_current")
    units = known.filter(pl.col("publisher_kind") == "unit")
    departments = known.filter(pl.col("publisher_kind") == "department").select("document_id", *_PLACE)
    return (
        institutions.filter((pl.col("row_type") == "listed") & (pl.col("kind") == "budget_unit"))
        .select("document_id", body=_body("name"))
        .join(departments, on="document_id", maintain_order="left")
        .join(
            units.select(*_PLACE, unit_id="document_id", body=_body("publisher_name")),
            on=[*_PLACE, "body"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        .select("document_id", "unit_id")
    )


def listing_departments(units: pl.DataFrame, listed: pl.DataFrame) -> list[str]:
    """The departments whose 机构设置 lists one of these `units` (rows of `documents`), whatever became of it.

    `listed`: document_id, fiscal_year and jurisdiction_code of departments, beside each `name` that they list.
    """
    bodies = units.select(*_PLACE, body=_body("publisher_name"))
    found = listed.with_columns(body=_body("name")).join(bodies, on=[*_PLACE, "body"], how="semi", nulls_equal=True)
    return found["document_id"].unique().sort().to_list()


_PLACE = ("fiscal_year", "jurisdiction_code")


def _body(name: str) -> pl.Expr:
    return pl.col(name).map_elements(publishers.normalise_publisher, pl.String)


def _added_up(places: pl.DataFrame, facts: pl.DataFrame, form_id: str, measure: str, role: str) -> pl.DataFrame:
    """One figure of each department beside the sum of its units that are here."""
    own = facts.filter(
        (pl.col("form_id") == form_id) & (pl.col("measure") == measure) & (pl.col("row_role") == role)
    ).select("document_id", "amount_yuan", "page")
    return (
        places.join(own.select(unit_id="document_id", unit_yuan="amount_yuan"), on="unit_id", how="left")
        .group_by("document_id", maintain_order=True)
        .agg(
            units_yuan=pl.col("unit_yuan").sum(),
            n_units=pl.col("unit_yuan").count(),
            n_listed=pl.len(),
            is_whole=pl.col("unit_yuan").count() == pl.len(),
            slack=pl.len().cast(pl.Decimal(18, 2)),
        )
        .join(own.rename({"amount_yuan": "yuan"}), on="document_id")
        .filter(pl.col("n_units") > 0)
        .with_columns(form_id=pl.lit(form_id), measure=pl.lit(measure))
    )


def _units_found(row: Mapping[str, object]) -> Found:
    ours, units = Decimal(str(row["yuan"])), Decimal(str(row["units_yuan"]))
    zh, en = FORM_NAMES[FormId(str(row["form_id"]))]
    return Found(
        f"{row['form_id']}/total/{row['measure']}/units",
        f"《{zh}》合计（{row['measure']}）{money_text(ours)}元，所列{row['n_listed']}家单位中{row['n_units']}家合计"
        f"{money_text(units)}元，相差{money_text(ours - units)}元。请核对。",
        f"{en}, total of {row['measure']}: {money_text(ours)} yuan; {row['n_units']} of the {row['n_listed']} units listed come to "
        f"{money_text(units)}, {money_text(ours - units)} apart. Check both.",
        expected=yuan_text(units),
        found=yuan_text(ours),
        difference=yuan_text(ours - units),
        page=row["page"] if isinstance(row["page"], int) else None,
    )
