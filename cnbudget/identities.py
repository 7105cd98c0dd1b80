"""Accounting identities, declared as data, and how they come out.

An identity says that two sides of figures agree. A `Selection` picks facts and gives each the instance it belongs to (a row, a
code, a form); the figures of one instance make one check. A printed number stands for half its last printed unit to either
side, so that a sum of n numbers may be off by n halves; a copy of one quantity in one unit has no tolerance.
Source: the explanatory notes of the statutory forms (DESIGN 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from cnbudget.model import CheckStatus, FormId, Measure, RowRole

T1, T2, T3, T4, T5, T6, T7, T8, T9 = (form.value for form in FormId)
M = Measure

_form, _measure, _role, _code = pl.col("form_id"), pl.col("measure"), pl.col("row_role"), pl.col("code")
_total = _role.is_in([RowRole.TOTAL.value, RowRole.GRAND_TOTAL.value])
_class = (pl.col("code_level") == "class") & ~_total
_row = pl.concat_str(_form, pl.col("row_no").cast(pl.String), separator="/")
_whole = pl.lit("total")


@dataclass(frozen=True, slots=True)
class Pick:
    """Facts of some forms: `forms` says which have to be there for the facts to be all of them."""

    forms: tuple[str, ...]
    where: pl.Expr

    def __and__(self, also: pl.Expr) -> Pick:
        return Pick(self.forms, self.where & also)


@dataclass(frozen=True, slots=True)
class Selection:
    """One side of an identity: which facts, and what instance each belongs to.

    `may_be_blank`: a side without any figure leaves the check open instead of breaking it (a printed total that is blank).
    """

    pick: Pick
    instance: pl.Expr
    may_be_blank: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """left = right, for every instance; a copy compares one quantity printed twice and has no tolerance."""

    identity_id: str
    zh: str
    en: str
    left: Selection
    right: Selection
    is_copy: bool = False


def _is(form: str, *measures: str) -> Pick:
    return _of((form,), *measures)


def _of(forms: tuple[str, ...], *measures: str) -> Pick:
    where = _form.is_in(list(forms))
    return Pick(forms, where & _measure.is_in(list(measures)) if measures else where)


@dataclass(frozen=True, slots=True)
class RowSum:
    """Columns of one form that add up within every row."""

    identity_id: str
    form_id: str
    total: str
    parts: Sequence[str]
    zh: str
    en: str


ROW_SUMS: tuple[RowSum, ...] = (
    RowSum(
        "T1_row", T1, M.EXPENDITURE, (M.BASIC_PERSONNEL, M.BASIC_OPERATING, M.PROJECT),
        "T1：支出合计 = 人员经费 + 公用经费 + 项目支出", "T1: expenditure = personnel + operating + project",
    ),
    RowSum(
        "T2_row", T2, M.TOTAL, (M.FISCAL_APPROPRIATION, M.PUBLIC_SERVICE_REVENUE, M.BUSINESS_REVENUE, M.OTHER_REVENUE),
        "T2：合计 = 各项收入之和", "T2: total = sum of the revenue sources",
    ),
    RowSum("T3_row", T3, M.TOTAL, (M.BASIC, M.PROJECT), "T3：合计 = 基本支出 + 项目支出", "T3: total = basic + project"),
    RowSum(
        "T4_row", T4, M.TOTAL,
        (M.GENERAL_PUBLIC_BUDGET, M.GOVERNMENT_FUND_BUDGET, M.STATE_CAPITAL_OPERATIONS_BUDGET),
        "T4：合计 = 三类预算之和", "T4: total = sum of the three funds",
    ),
    RowSum("T5_row", T5, M.TOTAL, (M.BASIC, M.PROJECT), "T5：合计 = 基本支出 + 项目支出", "T5: total = basic + project"),
    RowSum("T6_row", T6, M.TOTAL, (M.BASIC, M.PROJECT), "T6：合计 = 基本支出 + 项目支出", "T6: total = basic + project"),
    RowSum("T7_row", T7, M.TOTAL, (M.BASIC, M.PROJECT), "T7：合计 = 基本支出 + 项目支出", "T7: total = basic + project"),
    RowSum(
        "T8_row", T8, M.TOTAL, (M.PERSONNEL, M.OPERATING),
        "T8：合计 = 人员经费 + 公用经费", "T8: total = personnel + operating",
    ),
    RowSum(
        "T9_total", T9, M.TOTAL, (M.OVERSEAS_TRAVEL, M.OFFICIAL_RECEPTION, M.VEHICLE_TOTAL),
        "T9：“三公”合计 = 因公出国 + 公务接待 + 公务用车", "T9: three-public = overseas + reception + vehicles",
    ),
    RowSum(
        "T9_vehicles", T9, M.VEHICLE_TOTAL, (M.VEHICLE_PURCHASE, M.VEHICLE_OPERATION),
        "T9：公务用车小计 = 购置费 + 运行费", "T9: vehicles = purchase + operation",
    ),
)  # fmt: skip


def _row_sum(item: RowSum) -> Identity:
    return Identity(
        item.identity_id,
        item.zh,
        item.en,
        Selection(_is(item.form_id, item.total) & pl.col("has_parts_columns"), _row, True),
        Selection(_is(item.form_id, *item.parts), _row),
    )


def _nested(form: str, number: str) -> list[Identity]:
    """Total = classes, class = sections, section = items, per measure."""
    code = pl.concat_str(_code, _measure, separator="/")
    parent = pl.concat_str(pl.col("parent"), _measure, separator="/")
    subtotal = _role == RowRole.SUBTOTAL.value
    return [
        Identity(
            f"{number}_parts",
            f"{number}：上级科目 = 下级科目之和",
            f"{number}: each code is the sum of the codes printed below it",
            Selection(_is(form) & subtotal, code, may_be_blank=True),
            Selection(_is(form) & pl.col("parent").is_not_null(), parent),
        ),
        Identity(
            f"{number}_total",
            f"{number}：合计 = 各类之和",
            f"{number}: the total is the sum of the classes",
            Selection(_is(form) & _total, _measure, may_be_blank=True),
            Selection(_is(form) & _class, _measure),
        ),
    ]


def _copy(name: str, zh: str, en: str, left: Pick, right: Pick, instance: pl.Expr, *, blank: bool = False) -> Identity:
    return Identity(name, zh, en, Selection(left, instance, blank), Selection(right, instance, blank), is_copy=True)


def _sum(name: str, zh: str, en: str, left: Pick, right: Pick, instance: pl.Expr, *, blank: bool = True) -> Identity:
    return Identity(name, zh, en, Selection(left, instance, blank), Selection(right, instance))


_source = pl.col("revenue_source")
_funds = [M.GENERAL_PUBLIC_BUDGET.value, M.GOVERNMENT_FUND_BUDGET.value, M.STATE_CAPITAL_OPERATIONS_BUDGET.value]
_left_total, _right_total = (pl.col("side") == "left") & _total, (pl.col("side") == "right") & _total
_source_of_measure = _measure.replace_strict(
    {
        M.FISCAL_APPROPRIATION.value: "fiscal_appropriation",
        M.PUBLIC_SERVICE_REVENUE.value: "public_service",
        M.BUSINESS_REVENUE.value: "business",
        M.OTHER_REVENUE.value: "other",
    },
    default=None,
    return_dtype=pl.String,
)

IDENTITIES: tuple[Identity, ...] = (
    # Within a row: the total is the sum of its parts.
    *(_row_sum(item) for item in ROW_SUMS),
    # Down a form: totals, classes, sections, items.
    *_nested(T2, "T2"),
    *_nested(T3, "T3"),
    *_nested(T5, "T5"),
    *_nested(T6, "T6"),
    *_nested(T7, "T7"),
    *_nested(T8, "T8"),
    _sum(
        "T1_fiscal", "T1：财政拨款收入 = 三类资金之和", "T1: fiscal appropriation = sum of the funds",
        _is(T1, M.REVENUE) & (_source == "fiscal_appropriation") & (_role == RowRole.SUBTOTAL.value),
        _is(T1, M.REVENUE) & _source.is_in(_funds), _whole,
    ),
    _sum(
        "T1_revenue", "T1：收入总计 = 各项收入之和", "T1: revenue total = sum of the sources",
        _is(T1, M.REVENUE) & _total,
        _is(T1, M.REVENUE) & ~_total & ~_source.is_in(_funds).fill_null(False), _whole,
    ),
    _sum(
        "T1_expenditure", "T1：支出总计 = 各类支出之和", "T1: expenditure total = sum of the classes",
        _is(T1) & _right_total, _is(T1) & (pl.col("side") == "right") & ~_total, _measure,
    ),
    _sum(
        "T4_revenue", "T4：收入总计 = 各类资金之和", "T4: revenue total = sum of the funds",
        _is(T4, M.REVENUE) & _total, _is(T4, M.REVENUE) & ~_total, _whole,
    ),
    _sum(
        "T4_expenditure", "T4：支出总计 = 各类支出之和", "T4: expenditure total = sum of the classes",
        _is(T4) & _right_total, _is(T4) & (pl.col("side") == "right") & ~_total, _measure,
    ),
    # Copies: one quantity printed twice.
    _copy(
        "T1_balance", "T1：收入总计 = 支出总计", "T1: revenue total = expenditure total",
        _is(T1, M.REVENUE) & _total, _is(T1, M.EXPENDITURE) & _total, _whole, blank=True,
    ),
    _copy(
        "T4_balance", "T4：收入总计 = 支出总计", "T4: revenue total = expenditure total",
        _is(T4, M.REVENUE) & _total, _is(T4, M.TOTAL) & _total, _whole, blank=True,
    ),
    _copy(
        "T4_funds", "T4：各资金收入 = 该资金支出总计", "T4: revenue of each fund = its expenditure total",
        _is(T4, M.REVENUE) & ~_total, _is(T4, *_funds) & _total, pl.coalesce(_source, _measure), blank=True,
    ),
    _copy(
        "T1_T2_total", "T1 收入总计 = T2 合计", "T1 revenue total = T2 total",
        _is(T1, M.REVENUE) & _total, _is(T2, M.TOTAL) & _total, _whole, blank=True,
    ),
    _copy(
        "T1_T3_total", "T1 支出总计 = T3 合计", "T1 expenditure total = T3 total",
        _is(T1, M.EXPENDITURE) & _total, _is(T3, M.TOTAL) & _total, _whole, blank=True,
    ),
    _copy(
        "T1_T2_sources", "T1 各项收入 = T2 各栏合计", "T1 revenue sources = T2 column totals",
        _is(T1, M.REVENUE) & ~_total & ~_source.is_in(_funds),
        _is(T2, M.FISCAL_APPROPRIATION, M.PUBLIC_SERVICE_REVENUE, M.BUSINESS_REVENUE, M.OTHER_REVENUE) & _total,
        pl.coalesce(_source, _source_of_measure), blank=True,
    ),
    _copy(
        "T1_T3_classes", "T1 各类支出 = T3 各类合计", "T1 expenditure by class = T3 by class",
        _is(T1, M.EXPENDITURE) & _class, _is(T3, M.TOTAL) & _class, _code,
    ),
    _copy(
        "T1_T3_project", "T1 项目支出 = T3 项目支出，按类", "T1 project = T3 project, by class",
        _is(T1, M.PROJECT) & (_class | _total), _is(T3, M.PROJECT) & (_class | _total) & pl.col("has_wide_summary"),
        _code.fill_null("total"), blank=True,
    ),
    _sum(
        "T1_T3_basic", "T3 基本支出 = T1 人员经费 + 公用经费，按类", "T3 basic = T1 personnel + operating, by class",
        _is(T3, M.BASIC) & (_class | _total) & pl.col("has_wide_summary"),
        _is(T1, M.BASIC_PERSONNEL, M.BASIC_OPERATING) & (_class | _total), _code.fill_null("total"),
    ),
    _copy(
        "T2_T3_codes", "T2 合计 = T3 合计，按科目", "T2 total = T3 total, by code",
        _is(T2, M.TOTAL), _is(T3, M.TOTAL), pl.when(_total).then(_whole).otherwise(_code),
    ),
    _copy(
        "T2_T4_classes", "T2 财政拨款 = T4 支出，按类", "T2 fiscal appropriation = T4 expenditure, by class",
        _is(T2, M.FISCAL_APPROPRIATION) & (_class | _total), _is(T4, M.TOTAL) & (_class | _total), _code.fill_null("total"),
        blank=True,
    ),
    _copy(
        "T1_T4_total", "T1 财政拨款收入 = T4 收入总计", "T1 fiscal appropriation = T4 revenue total",
        _is(T1, M.REVENUE) & (_source == "fiscal_appropriation"), _is(T4, M.REVENUE) & _total, _whole, blank=True,
    ),
    _copy(
        "T1_T4_funds", "T1 各资金收入 = T4 各资金收入", "T1 revenue by fund = T4 revenue by fund",
        _is(T1, M.REVENUE) & _source.is_in(_funds), _is(T4, M.REVENUE) & _source.is_in(_funds), _source, blank=True,
    ),
    *(
        _copy(
            f"T4_{number}_classes", f"T4 {zh} = {number}，按类", f"T4 by class = {number}",
            _is(T4, fund) & (_class | _total), _is(form, M.TOTAL) & (_class | _total), _code.fill_null("total"),
        )
        for number, form, fund, zh in (
            ("T5", T5, _funds[0], "一般公共预算"), ("T6", T6, _funds[1], "政府性基金预算"), ("T7", T7, _funds[2], "国有资本经营预算")
        )
    ),
    _sum(
        "T2_funds_codes", "T2 财政拨款 = T5 + T6 + T7，按科目", "T2 fiscal appropriation = T5 + T6 + T7, by code",
        _is(T2, M.FISCAL_APPROPRIATION), _of((T5, T6, T7), M.TOTAL),
        pl.when(_total).then(_whole).otherwise(_code), blank=False,
    ),
    _sum(
        "T3_funds_codes", "T3 = T5 + T6 + T7（仅财政拨款的科目）", "T3 = T5 + T6 + T7, where fiscal money alone pays",
        _is(T3, M.BASIC, M.PROJECT) & pl.col("is_fiscal_only"),
        _of((T5, T6, T7), M.BASIC, M.PROJECT) & pl.col("is_fiscal_only"),
        pl.concat_str(_code.fill_null("total"), _measure, separator="/"), blank=False,
    ),
    _copy(
        "T5_T8_total", "T5 基本支出合计 = T8 合计", "T5 basic total = T8 total",
        _is(T5, M.BASIC) & _total, _is(T8, M.TOTAL) & _total, _whole, blank=True,
    ),
)  # fmt: skip

BY_ID = {identity.identity_id: identity for identity in IDENTITIES}


def check(facts: pl.DataFrame, absent: pl.DataFrame | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All identities over a batch of facts: (checks, terms).

    `absent` (document_id, form_id): forms that were not found, so that what needs them is not checkable instead of broken.
    checks: document_id, fiscal_year, identity_id, instance, check_id, status, left/right/residual/tolerance in thousandths of
    a yuan (`*_milli`), reason. terms: check_id, fact_id, sign, document_id, fiscal_year.
    """
    prepared = _prepared(facts)
    terms = pl.concat([_terms(prepared, form.value) for form in FormId])
    obstacles = _obstacles(facts, absent if absent is not None else facts.select("document_id", "form_id").clear())
    checks = _outcomes(
        _sums(terms).join(obstacles, on=["document_id", "identity_id"], how="left", maintain_order="left")
    )
    return checks, terms.join(checks.select("check_id"), on="check_id", how="semi").select(
        "check_id", "fact_id", "document_id", "fiscal_year", "sign"
    )


_TERM_COLUMNS = ["document_id", "fiscal_year", "fact_id", "amount_milli", "half_milli", "row_role"]


def _terms(facts: pl.DataFrame, form: str) -> pl.DataFrame:
    """Every figure of one form with each instance it stands in: a column for each side of an identity, then turned to rows."""
    asked = [
        pl.when(side.pick.where).then(side.instance).alias(identity.identity_id + sign)
        for identity in IDENTITIES
        for side, sign in ((identity.left, "+"), (identity.right, "-"))
        if form in side.pick.forms
    ]
    name = pl.col("side_of")
    return (
        facts.filter(_form == form)
        .select(*_TERM_COLUMNS, *asked)
        .unpivot(index=_TERM_COLUMNS, variable_name="side_of", value_name="instance")
        .filter(pl.col("instance").is_not_null())
        .with_columns(identity_id=name.str.head(-1), sign=pl.when(name.str.ends_with("+")).then(1).otherwise(-1))
        .with_columns(
            pl.col("sign").cast(pl.Int64),
            check_id=pl.concat_str(pl.col("document_id").str.head(16), "identity_id", "instance", separator=":"),
        )
        .drop("side_of")
    )


def _prepared(facts: pl.DataFrame) -> pl.DataFrame:
    """Facts with what the identities ask of their surroundings."""
    wide = [M.BASIC_PERSONNEL.value, M.BASIC_OPERATING.value, M.PROJECT.value]
    has_wide = ((_form == T1) & _measure.is_in(wide)).any().over("document_id")
    is_part = ~_measure.is_in([M.TOTAL.value, M.EXPENDITURE.value, M.REVENUE.value, M.AGENCY_OPERATING_EXPENSES.value])
    in_t9 = _measure.is_in([M.VEHICLE_PURCHASE.value, M.VEHICLE_OPERATION.value]).any().over("document_id", "form_id")
    parts = is_part.any().over("document_id", "form_id")
    other = _measure.is_in([M.PUBLIC_SERVICE_REVENUE.value, M.BUSINESS_REVENUE.value, M.OTHER_REVENUE.value])
    mixed = (
        ((_form == T2) & other & (pl.col("amount_milli") != 0))
        .any()
        .over("document_id", pl.col("code").fill_null("total"))
    )
    return facts.with_columns(
        has_wide_summary=has_wide,
        has_parts_columns=pl.when(_measure == M.VEHICLE_TOTAL.value).then(in_t9).otherwise(parts),
        is_fiscal_only=~mixed,
    )


def _obstacles(facts: pl.DataFrame, absent: pl.DataFrame) -> pl.DataFrame:
    """What stands in the way of an identity, by document: a form that is missing, or a class name that is not known."""
    uses = pl.DataFrame(
        [(i.identity_id, form) for i in IDENTITIES for form in {*i.left.pick.forms, *i.right.pick.forms}],
        schema=["identity_id", "form_id"],
        orient="row",
    )
    unnamed = facts.filter((pl.col("side") == "right") & ~_total & _code.is_null()).select("document_id", "form_id")
    place = ["document_id", "identity_id"]
    return (
        absent.join(uses, on="form_id")
        .group_by(place)
        .agg(missing_form=pl.col("form_id").min())
        .join(
            unnamed.unique().join(uses, on="form_id").group_by(place).agg(unnamed_form=pl.col("form_id").min()),
            on=place,
            how="full",
            coalesce=True,
        )
    )


def _sums(terms: pl.DataFrame) -> pl.DataFrame:
    """One row per check: both sides added up, how many figures each has, and what rounding allows."""
    left, right = pl.col("sign") == 1, pl.col("sign") == -1
    milli, half = pl.col("amount_milli"), pl.col("half_milli")
    copies = [identity.identity_id for identity in IDENTITIES if identity.is_copy]
    is_copy = pl.col("identity_id").first().is_in(copies)
    return (
        terms.group_by("check_id", maintain_order=True)
        .agg(
            pl.col("document_id", "fiscal_year", "identity_id", "instance").first(),
            no_left=left.sum() == 0,
            no_right=right.sum() == 0,
            left_milli=milli.filter(left).sum(),
            right_milli=milli.filter(right).sum(),
            is_all_totals=pl.col("row_role").is_in([RowRole.TOTAL.value, RowRole.GRAND_TOTAL.value]).all() & is_copy,
            tolerance_milli=pl.when(is_copy & (half.n_unique() == 1)).then(0).otherwise(half.sum()),
        )
        .with_columns(residual_milli=pl.col("left_milli") - pl.col("right_milli"))
    )


def _outcomes(sums: pl.DataFrame) -> pl.DataFrame:
    """How each check came out, and why where it could not be made; without those where nothing is printed to compare."""
    name, residual = pl.col("identity_id"), pl.col("residual_milli")
    no_left, no_right = pl.col("no_left"), pl.col("no_right")
    open_left = name.is_in([i.identity_id for i in IDENTITIES if i.left.may_be_blank]) | pl.col("is_all_totals")
    open_right = name.is_in([i.identity_id for i in IDENTITIES if i.right.may_be_blank]) | pl.col("is_all_totals")
    reason = (
        pl.when(pl.col("missing_form").is_not_null())
        .then(pl.format("the form {} is missing", "missing_form"))
        .when((no_left | no_right) & pl.col("unnamed_form").is_not_null())
        .then(pl.format("a class name of {} is not known", "unnamed_form"))
        .when(no_left & open_left)
        .then(pl.lit("the left side is blank"))
        .when(no_right & open_right)
        .then(pl.lit("the right side is blank"))
    )
    status = (
        pl.when(pl.col("reason").is_not_null())
        .then(pl.lit(CheckStatus.NOT_CHECKABLE.value))
        .when(residual == 0)
        .then(pl.lit(CheckStatus.EXACT.value))
        .when(residual.abs() <= pl.col("tolerance_milli"))
        .then(pl.lit(CheckStatus.ROUNDED.value))
        .otherwise(pl.lit(CheckStatus.BROKEN.value))
    )
    nothing_printed = (no_left & (pl.col("right_milli") == 0)) | (no_right & (pl.col("left_milli") == 0))
    return (
        sums.filter(~nothing_printed)
        .with_columns(reason=reason)
        .with_columns(status=status)
        .drop("no_left", "no_right", "is_all_totals", "missing_form", "unnamed_form")
    )


def count_holding(facts: pl.DataFrame, checks: pl.DataFrame, terms: pl.DataFrame) -> pl.DataFrame:
    """Facts with the number of checks each takes part in, and of those that hold: the proof level of the figure."""
    holds = pl.col("status").is_in([CheckStatus.EXACT.value, CheckStatus.ROUNDED.value])
    counted = (
        terms.join(checks.select("check_id", "status"), on="check_id")
        .filter(pl.col("status") != CheckStatus.NOT_CHECKABLE.value)
        .group_by("fact_id")
        .agg(n_identities=pl.len().cast(pl.Int64), n_identities_holding=holds.sum().cast(pl.Int64))
    )
    zero = pl.lit(0, pl.Int64)
    return (
        facts.drop("n_identities", "n_identities_holding")
        .join(counted, on="fact_id", how="left", maintain_order="left")
        .with_columns(pl.col("n_identities").fill_null(zero), pl.col("n_identities_holding").fill_null(zero))
    )


def suspects(facts: pl.DataFrame, checks: pl.DataFrame, terms: pl.DataFrame) -> pl.DataFrame:
    """Figures that broken checks point at: in at least one broken check and in none that holds.

    Columns document_id, fact_id, n_broken, proposed_milli, n_agreeing: the value (thousandths of a yuan) on which most of its
    broken checks agree, and how many different identities do. With two or more it is worth showing; it is never put in place.
    """
    asked = terms.join(checks.select("check_id", "identity_id", "status", "residual_milli"), on="check_id").filter(
        pl.col("status") != CheckStatus.NOT_CHECKABLE.value
    )
    is_broken = pl.col("status") == CheckStatus.BROKEN.value
    pointed = asked.filter(is_broken.any().over("fact_id") & is_broken.all().over("fact_id")).join(
        facts.select("fact_id", "amount_milli"), on="fact_id"
    )
    votes = (
        pointed.with_columns(proposed_milli=pl.col("amount_milli") - pl.col("sign") * pl.col("residual_milli"))
        .group_by("document_id", "fact_id", "proposed_milli")
        .agg(n_agreeing=pl.col("identity_id").n_unique(), n_votes=pl.len())
    )
    return (
        votes.sort("n_agreeing", "proposed_milli", descending=[True, False])
        .group_by("document_id", "fact_id", maintain_order=True)
        .agg(
            n_broken=pl.col("n_votes").sum(),
            proposed_milli=pl.col("proposed_milli").first(),
            n_agreeing=pl.col("n_agreeing").first(),
        )
    )
