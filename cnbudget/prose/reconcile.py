"""Claims -> frame, compared with the figures of the forms: does the text say what the tables say?

Work on a batch of documents is polars expressions. A figure of the text is known to its last printed digit; the forms print
yuan, so most figures of the text are rounded, some cut off.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from cnbudget import money
from cnbudget.model import AmountSource, ClaimMeasure, ClaimStatus, FormId
from cnbudget.prose.narrative import Claim
from cnbudget.schema import DATASETS

if TYPE_CHECKING:
    import polars as pl

_M = ClaimMeasure
_FEN = Decimal("0.01")


def claims_frame(batch: Iterable[tuple[str, int, Sequence[Claim]]]) -> pl.DataFrame:
    """Claims of (document_id, fiscal_year, claims) as `narrative_claims`, not yet reconciled: `status` not_checkable."""
    import polars as pl

    rows = [
        _row(document_id, year, position, claim)
        for document_id, year, found in batch
        for position, claim in enumerate(found, 1)
    ]
    return pl.DataFrame(rows, schema=DATASETS["narrative_claims"].polars_schema(), orient="row")


def _row(document_id: str, fiscal_year: int, position: int, claim: Claim) -> dict[str, object]:
    is_count = claim.printed_unit not in money.YUAN_PER_UNIT and claim.printed_unit != ""
    unit = money.YUAN_PER_UNIT.get(claim.printed_unit)
    is_exact = claim.amount_yuan is not None and claim.amount_yuan == claim.amount_yuan.quantize(_FEN)
    places = money.decimals(claim.amount_printed)
    return {
        "claim_id": f"{document_id[:16]}:claim:{position}",
        "document_id": document_id,
        "fiscal_year": fiscal_year,
        "section": claim.section.value,
        "subject": claim.subject,
        "measure": claim.measure.value,
        "year": claim.year,
        "amount_yuan": claim.amount_yuan if is_exact else None,
        "precision_yuan": max(Decimal(unit).scaleb(-places), _FEN) if unit and is_exact else None,
        "n_counted": int(claim.value) if is_count and claim.value is not None else None,
        "amount_printed": claim.amount_printed,
        "printed_unit": claim.printed_unit,
        "compared_year": claim.compared_year,
        "compared_basis": claim.compared_basis,
        "change_yuan": None if claim.change_yuan is None else claim.change_yuan.quantize(_FEN),
        "change_percent": None if claim.change_percent is None else claim.change_percent.quantize(_FEN),
        "stated_reason": claim.reason,
        "stated_use": claim.use,
        "as_of": claim.as_of,
        "status": ClaimStatus.NOT_CHECKABLE.value,
        "quote": claim.quote,
        "page": claim.page,
        **({} if claim.box is None else dict(zip(("x0", "y0", "x1", "y1"), astuple(claim.box), strict=True))),
    }


@dataclass(frozen=True, slots=True)
class _Target:
    """Where the forms print what a measure speaks of: form, column and the rows in question."""

    measure: ClaimMeasure
    form_id: FormId
    column: str
    row_role: str | None = None
    revenue_source: str | None = None


_T1, _T2, _T3 = FormId.FINANCIAL_SUMMARY, FormId.REVENUE_SUMMARY, FormId.EXPENDITURE_SUMMARY
_T4, _T9 = FormId.FISCAL_APPROPRIATION_SUMMARY, FormId.THREE_PUBLIC_AND_AGENCY_OPERATING
_BY_FUND = (
    FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION,
    FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION,
    FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION,
)
_TARGETS = (
    _Target(_M.REVENUE_TOTAL, _T1, "revenue", "grand_total"),
    _Target(_M.REVENUE_TOTAL, _T2, "total", "total"),
    _Target(_M.REVENUE_FISCAL_APPROPRIATION, _T1, "revenue", revenue_source="fiscal_appropriation"),
    _Target(_M.REVENUE_FISCAL_APPROPRIATION, _T2, "fiscal_appropriation", "total"),
    _Target(_M.REVENUE_PUBLIC_SERVICE, _T1, "revenue", revenue_source="public_service"),
    _Target(_M.REVENUE_PUBLIC_SERVICE, _T2, "public_service_revenue", "total"),
    _Target(_M.REVENUE_BUSINESS, _T1, "revenue", revenue_source="business"),
    _Target(_M.REVENUE_BUSINESS, _T2, "business_revenue", "total"),
    _Target(_M.REVENUE_OTHER, _T1, "revenue", revenue_source="other"),
    _Target(_M.REVENUE_OTHER, _T2, "other_revenue", "total"),
    _Target(_M.EXPENDITURE_TOTAL, _T1, "expenditure", "grand_total"),
    _Target(_M.EXPENDITURE_TOTAL, _T3, "total", "total"),
    _Target(_M.EXPENDITURE_FISCAL_APPROPRIATION, _T4, "total", "grand_total"),
    _Target(_M.EXPENDITURE_FISCAL_APPROPRIATION, _T4, "revenue", "grand_total"),
    *(
        _Target(_M(f"expenditure_{form_id.removesuffix('_by_function')}"), *place)
        for form_id in _BY_FUND
        for place in ((_T4, form_id.removesuffix("_by_function"), "grand_total"), (form_id, "total", "total"))
    ),
    _Target(_M.THREE_PUBLIC_TOTAL, _T9, "total"),
    *(
        _Target(_M(column), _T9, column)
        for column in (
            "overseas_travel",
            "official_reception",
            "vehicle_total",
            "vehicle_purchase",
            "vehicle_operation",
            "agency_operating_expenses",
        )
    ),
)
"""In order of preference: the first that prints an amount is compared."""


def reconcile(claims: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """`narrative_claims` of a batch compared with its figures: status, fact_id, table_yuan and functional_code filled.

    `facts` are `budget_facts` with `code`, `amount_milli` and `half_milli`. Adds the working column
    `n_identities_holding` of the figure. A figure of zero agrees with a blank cell of a form that is there.
    """
    import polars as pl

    claims = claims.with_row_index("row").with_columns(
        claim_milli=(pl.col("amount_yuan") * money.MILLI).cast(pl.Int64),
        precision_milli=(pl.col("precision_yuan") * money.MILLI).cast(pl.Int64).fill_null(0),
    )
    by_measure = _measure_targets(facts)
    by_account = _account_targets(claims, facts)
    own = ["row", "table_milli", "table_half", "table_fact", "table_holding", "code"]
    found = pl.concat(
        [
            claims.select("row", "document_id", "measure")
            .join(by_measure, on=["document_id", "measure"])
            .with_columns(code=pl.lit(None, pl.String))
            .select(own),
            by_account.select(own),
        ]
    )
    joined = claims.join(found, on="row", how="left", maintain_order="left").join(
        _forms_there(facts), on=["document_id", "measure"], how="left", maintain_order="left"
    )
    return joined.with_columns(
        status=_status(),
        fact_id=pl.col("table_fact"),
        functional_code=pl.col("code"),
        n_identities_holding=pl.col("table_holding"),
        table_yuan=money.milli_to_yuan("table_milli"),
    ).select(*DATASETS["narrative_claims"].column_names, "n_identities_holding")


def _status() -> pl.Expr:
    import polars as pl

    stated, printed = pl.col("claim_milli"), pl.col("table_milli")
    off = (stated - printed).abs()
    cut = printed.abs() - stated.abs()
    half = pl.max_horizontal(pl.col("precision_milli") // 2, pl.col("table_half"))
    return (
        pl.when(stated.is_null() | (printed.is_null() & ~((stated == 0) & pl.col("is_there").fill_null(False))))
        .then(pl.lit(ClaimStatus.NOT_CHECKABLE.value))
        .when(printed.is_null() | (off == 0))
        .then(pl.lit(ClaimStatus.AGREES.value))
        .when(off <= half)
        .then(pl.lit(ClaimStatus.ROUNDS_TO.value))
        .when((cut > 0) & (cut < pl.col("precision_milli")))
        .then(pl.lit(ClaimStatus.TRUNCATES_TO.value))
        .otherwise(pl.lit(ClaimStatus.DIFFERS.value))
    )


def _measure_targets(facts: pl.DataFrame) -> pl.DataFrame:
    """Per document and measure the figure of the forms: the first of `_TARGETS` that is printed."""
    import polars as pl

    parts = []
    for rank, target in enumerate(_TARGETS):
        wanted = (pl.col("form_id") == target.form_id.value) & (pl.col("measure") == target.column)
        if target.row_role is not None:
            wanted &= pl.col("row_role") == target.row_role
        if target.revenue_source is not None:
            wanted &= pl.col("revenue_source") == target.revenue_source
        parts.append(
            facts.filter(wanted).select(
                "document_id",
                measure=pl.lit(target.measure.value),
                table_milli="amount_milli",
                table_half="half_milli",
                table_fact="fact_id",
                table_holding="n_identities_holding",
                rank=pl.lit(rank),
            )
        )
    found = pl.concat(parts).sort("rank", maintain_order=True)
    return found.unique(["document_id", "measure"], keep="first", maintain_order=True)


def _forms_there(facts: pl.DataFrame) -> pl.DataFrame:
    """Per document and measure whether the form that would print it is there."""
    import polars as pl

    forms = pl.DataFrame(
        {"measure": [t.measure.value for t in _TARGETS], "form_id": [t.form_id.value for t in _TARGETS]}
    )
    there = facts.select("document_id", "form_id").unique().join(forms, on="form_id")
    return there.select("document_id", "measure").unique().with_columns(is_there=pl.lit(True))


_CLASS = r"^(.+?)\(类\)"
_SECTION = r"^(?:.*\(类\))?(.+)\(款\)"
_ITEM = r"^(?:.*\([类款]\))?(.+)\(项\)$"


def _names(column: str) -> pl.Expr:
    """Account names as they are compared: brackets plain, no white space or numbering, 其它 as 其他."""
    import polars as pl

    name = (
        pl.col(column).str.replace_all(r"^\d{3,7}|[\s“”\"]", "").str.replace_all("（", "(").str.replace_all("）", ")")
    )
    return name.str.replace_all("其它", "其他", literal=True)


def _account_targets(claims: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """For each claim on an account the account of the fund forms that it names, over all funds.

    By class, section and item; else by section and item; else by its last name alone, if that leaves one amount or one
    that agrees. What stays ambiguous has no row.
    """
    import polars as pl

    stated = claims.filter(pl.col("measure").is_in([_M.ACCOUNT_BUDGET.value, _M.ACCOUNT_PLANNED.value]))
    name = _names("subject")
    stated = stated.select(
        "row", "document_id", "claim_milli", name=name, c=name.str.extract(_CLASS), s=name.str.extract(_SECTION),
        i=name.str.extract(_ITEM),
    )  # fmt: skip
    last = pl.coalesce("i", "s", "c", "name")
    keys = [
        pl.concat_str("c", "s", "i", separator="|", ignore_nulls=True),
        pl.concat_str("s", "i", separator="|"),
        last,
    ]
    wanted = pl.concat(
        stated.select("row", "document_id", "claim_milli", key=key, rank=pl.lit(rank)) for rank, key in enumerate(keys)
    )
    found = (
        wanted.filter(pl.col("key") != "")
        .join(_accounts(facts), on=["document_id", "rank", "key"])
        .with_columns(agrees=pl.col("claim_milli") == pl.col("table_milli"))
        .filter(pl.col("rank") == pl.col("rank").min().over("row"))
        .with_columns(n_amounts=pl.col("table_milli").n_unique().over("row"))
        .sort("row", "agrees", pl.col("code").str.len_chars(), descending=[False, True, True], maintain_order=True)
        .unique("row", keep="first", maintain_order=True)
    )
    return found.filter(pl.col("agrees") | (pl.col("n_amounts") == 1))


def _accounts(facts: pl.DataFrame) -> pl.DataFrame:
    """Accounts of the fund forms under the names that may be used for them: (document_id, rank, key) -> figure."""
    import polars as pl

    total = pl.col("form_id").is_in([form_id.value for form_id in _BY_FUND]) & (pl.col("measure") == "total")
    accounts = (
        facts.filter(total & pl.col("code").is_not_null())
        .sort("amount_milli", descending=True, maintain_order=True)
        .group_by("document_id", "code", maintain_order=True)
        .agg(
            table_milli=pl.col("amount_milli").sum(),
            table_half=pl.col("half_milli").sum(),
            table_fact=pl.col("fact_id").first(),
            table_holding=pl.col("n_identities_holding").min(),
            label=_names("row_label").first(),
        )
    )
    names = accounts.select("document_id", parent="code", name="label")
    for level, length in (("c", 3), ("s", 5)):
        parents = names.rename({"name": level})
        accounts = (
            accounts.with_columns(parent=pl.col("code").str.head(length))
            .join(parents, on=["document_id", "parent"], how="left", maintain_order="left")
            .drop("parent")
        )
    n_digits = pl.col("code").str.len_chars()
    section = pl.when(n_digits > 3).then(pl.col("s"))
    item = pl.when(n_digits > 5).then(pl.col("label"))
    keys = [pl.concat_str("c", section, item, separator="|", ignore_nulls=True), section + "|" + item, pl.col("label")]
    return pl.concat(
        accounts.with_columns(key=key, rank=pl.lit(rank)).filter(pl.col("key").is_not_null())
        for rank, key in enumerate(keys)
    )


def proved(projects: pl.DataFrame, facts: pl.DataFrame) -> pl.DataFrame:
    """`projects` with the one malformed budget of a document read as what its project expenditure leaves for it.

    Only where every other project has an amount, and the digits are those that are printed.
    """
    import polars as pl

    total = (
        facts.filter(
            (pl.col("form_id") == _T3.value) & (pl.col("row_role") == "total") & (pl.col("measure") == "project")
        )
        .group_by("document_id")
        .agg(total_milli=pl.col("amount_milli").first())
    )
    amount = pl.col("annual_budget_yuan")
    left = pl.col("total_milli") - (amount.sum().over("document_id") * money.MILLI).cast(pl.Int64)
    digits = pl.col("amount_printed").str.replace_all(r"[^\d]", "")
    is_open = amount.is_null() & pl.col("amount_printed").is_not_null()
    is_only = amount.is_null().sum().over("document_id") == 1
    is_proved = (is_open & is_only & ((left // 10).cast(pl.String) == digits) & (left % 10 == 0)).fill_null(False)
    return (
        projects.join(total, on="document_id", how="left", maintain_order="left")
        .with_columns(left=left, is_proved=is_proved)
        .with_columns(
            annual_budget_yuan=pl.when("is_proved").then(money.milli_to_yuan("left")).otherwise(amount),
            amount_source=pl.when("is_proved").then(pl.lit(AmountSource.PROVED.value)).otherwise("amount_source"),
        )
        .select(DATASETS["projects"].column_names)
    )
