"""Disclosures: procurement, performance targets, vehicles and institutions, against one another and against the forms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from cnbudget import money
from cnbudget.model import FormId, InstitutionKind, InstitutionRow, Severity
from cnbudget.prose.disclosures import Institution
from cnbudget.rules.case import Case, Family, Found, StatedClaim, money_text, rule, yuan_text

OTHER_NOTES = "other_notes"
SMALL_FIRMS = "《政府采购促进中小企业发展管理办法》（财库〔2020〕46号）：预留份额中给小微企业的比例不低于60%"
PERFORMANCE = "绩效目标设置情况；项目支出见《支出预算总表》"
INSTITUTIONS = "机构设置；机关运行经费的单位家数"
ASSETS = "国有资产占有使用情况"

_K = InstitutionKind


def _first(case: Case, measure: str) -> StatedClaim | None:
    return next(iter(case.claims_of(OTHER_NOTES, measure)), None)


def _performance_amount(case: Case) -> StatedClaim | None:
    """The money of the projects with targets, and not of the policies beside them."""
    claims = case.claims_of(OTHER_NOTES, "performance_amount")
    return next((claim for claim in claims if "项目" in claim.subject), claims[0] if claims else None)


def _at(claim: StatedClaim, what: str, zh: str, en: str, expected: str | None, found: str | None) -> Found:
    return Found(
        f"other_notes/{claim.measure}/{what}",
        zh,
        en,
        expected=expected,
        found=found,
        page=claim.page,
        box=claim.box,
        quote=claim.quote,
    )


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "预留采购份额大于总额",
    "More is reserved than there is",
    rests_on=SMALL_FIRMS,
    example="面向中小企业预留70万元 of 政府采购预算50万元.",
)
def procurement_reserve_exceeds(case: Case) -> Iterator[Found]:
    """What is reserved for small firms is part of the procurement, what is reserved for micro firms part of that."""
    chain = [
        _first(case, measure)
        for measure in ("procurement_total", "procurement_sme_reserved", "procurement_micro_reserved")
    ]
    for whole, part in ((chain[0], chain[1]), (chain[1], chain[2])):
        if whole is None or part is None or whole.amount_yuan is None or part.amount_yuan is None:
            continue
        if part.amount_yuan > whole.amount_yuan + whole.precision:
            zh = f"“{part.subject}”{part.printed}大于“{whole.subject}”{whole.printed}。请核对。"
            en = f"{part.subject} {part.printed} is more than {whole.subject} {whole.printed}. Check both."
            yield _at(part, "exceeds", zh, en, whole.printed, part.printed)


@rule(
    Severity.INFO,
    Family.DISCLOSURES,
    "预留给小微企业的比例偏低",
    "Less for micro firms than is asked for",
    rests_on=SMALL_FIRMS,
    example="5万元 of 100万元 reserved for small firms are for micro firms: 5 %.",
)
def procurement_micro_share_low(case: Case) -> Iterator[Found]:
    """Of what is reserved for small firms, six tenths go to small and micro ones. A hint on policy, no error of the document."""
    whole, part = _first(case, "procurement_sme_reserved"), _first(case, "procurement_micro_reserved")
    if whole is None or part is None or not whole.amount_yuan or part.amount_yuan is None:
        return
    share = part.amount_yuan / whole.amount_yuan * 100
    if share < Decimal("59.5"):
        zh = f"预留给小微企业{part.printed}，占中小企业预留{whole.printed}的{share:.2f}%，一般要求不低于60%。请核对。"
        en = f"{part.printed} of {whole.printed} reserved for small firms go to micro firms: {share:.2f} %, 60 % is asked for. Check."
        yield _at(part, "share", zh, en, "60%", f"{share:.2f}%")


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "绩效目标金额大于项目支出",
    "Performance targets cover more than the project expenditure",
    rests_on=PERFORMANCE,
    example="涉及项目预算资金70万元, the forms print a project expenditure of 60万元.",
)
def performance_exceeds_expenditure(case: Case) -> Iterator[Found]:
    """The money of the projects with performance targets is part of the project expenditure."""
    claim, printed = _performance_amount(case), case.total_of(FormId.EXPENDITURE_SUMMARY, "project")
    if claim is None or claim.amount_yuan is None or printed is None:
        return
    gap = claim.amount_yuan - printed
    if gap > claim.precision:
        zh = f"绩效目标涉及{claim.printed}，大于项目支出{money_text(printed)}元，多{money_text(gap)}元。请核对。"
        en = f"performance targets cover {claim.printed}, more than the project expenditure of {money_text(printed)} yuan, by {money_text(gap)}. Check both."
        yield _at(claim, "exceeds", zh, en, yuan_text(printed), yuan_text(claim.amount_yuan))


@rule(
    Severity.INFO,
    Family.DISCLOSURES,
    "绩效目标未覆盖全部项目支出",
    "Performance targets cover less than the project expenditure",
    rests_on=PERFORMANCE,
    example="50万元 with targets, 60万元 of project expenditure.",
)
def performance_covers_part(case: Case) -> Iterator[Found]:
    """Part of the project expenditure may go without targets: no error, but worth a look."""
    claim, printed = _performance_amount(case), case.total_of(FormId.EXPENDITURE_SUMMARY, "project")
    if claim is None or claim.amount_yuan is None or printed is None:
        return
    gap = printed - claim.amount_yuan
    if gap > claim.precision:
        zh = f"绩效目标涉及{claim.printed}，项目支出为{money_text(printed)}元，其余{money_text(gap)}元未编报绩效目标。请确认。"
        en = f"performance targets cover {claim.printed} of the project expenditure of {money_text(printed)} yuan; {money_text(gap)} yuan have none. Confirm."
        yield _at(claim, "part", zh, en, yuan_text(printed), yuan_text(claim.amount_yuan))


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "绩效目标的项目与金额不符",
    "Projects with targets do not come to their stated number or amount",
    rests_on=PERFORMANCE,
    example="编报绩效目标的项目共4个，涉及60万元, of which the four named come to 58万元.",
)
def performance_items_differ(case: Case) -> Iterator[Found]:
    """Where the projects with targets are named one by one, their number and amounts are those stated."""
    items = case.claims_of(OTHER_NOTES, "performance_item")
    count, total = _first(case, "performance_projects"), _performance_amount(case)
    if len(items) < 2:
        return
    if count is not None and count.n_counted is not None and count.n_counted != len(items):
        zh = f"编报绩效目标的项目写{count.n_counted}个，逐项列出{len(items)}个。请核对。"
        en = f"{count.n_counted} projects with targets are stated, {len(items)} are named. Check both."
        yield _at(count, "count", zh, en, str(len(items)), str(count.n_counted))
    together = sum((claim.amount_yuan or Decimal(0) for claim in items), Decimal(0))
    if total is None or total.amount_yuan is None:
        return
    if abs(together - total.amount_yuan) > total.precision + sum(claim.precision for claim in items):
        zh = f"绩效目标涉及{total.printed}，逐项相加{money_text(together)}元。请核对。"
        en = f"performance targets cover {total.printed}, the projects named come to {money_text(together)} yuan. Check both."
        yield _at(total, "sum", zh, en, yuan_text(together), yuan_text(total.amount_yuan))


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "绩效目标所列项目未作说明",
    "A project with targets is not described",
    rests_on=PERFORMANCE,
    example="绩效目标 names four projects, 项目经费情况说明 gives the budgets of three of them.",
)
def performance_item_not_described(case: Case) -> Iterator[Found]:
    """Where the projects described are those with targets, all of them are described."""
    items = case.claims_of(OTHER_NOTES, "performance_item")
    described = {money.key(item.name) for project in case.projects for item in project.items}
    described |= {money.key(project.name) for project in case.projects if project.name}
    missing = [claim for claim in items if money.key(claim.subject) not in described]
    if not missing or len(items) - len(missing) < 2:
        return
    for claim in missing:
        zh = f"绩效目标列有“{claim.subject}”{claim.printed}，项目经费情况说明未列（列了{len(items) - len(missing)}个）。请补充。"
        en = f"performance targets name {claim.subject} {claim.printed}, the projects described do not include it ({len(items) - len(missing)} of {len(items)} are). Add it."
        yield _at(claim, claim.subject, zh, en, claim.subject, None)


# --- vehicles and institutions ---------------------------------------------------------------------------------------


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "车辆分类数与总数不符",
    "Vehicles by kind do not come to their number",
    rests_on=ASSETS,
    example="共有车辆9辆, by kind 5 and 3.",
)
def vehicles_differ(case: Case) -> Iterator[Found]:
    """Where vehicles are listed by kind the kinds come to the total, of those there are and of those to be bought."""
    for measure in ("vehicles_stock", "vehicles_purchase"):
        claims = case.claims_of(OTHER_NOTES, measure)
        own = [claim for claim in claims[1:] if claim.subject.endswith("用车")]
        if not own or claims[0].n_counted is None or claims[0].subject.endswith("用车"):
            continue
        total = claims[0]
        together = sum(claim.n_counted or 0 for claim in own)
        if together != claims[0].n_counted:
            zh = f"“{total.subject}”{total.n_counted}辆，分类相加{together}辆，相差{together - claims[0].n_counted}辆。请核对。"
            en = f"{total.subject}: {total.n_counted}, by kind {together}, {together - claims[0].n_counted} apart. Check the kinds."
            yield _at(total, "sum", zh, en, str(together), str(total.n_counted))


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "有购置费而无购置车辆",
    "Money for vehicles and none to be bought",
    rests_on=ASSETS,
    example="公务用车购置费18万元, 安排购置车辆0辆.",
)
def vehicle_purchase_without_vehicles(case: Case) -> Iterator[Found]:
    """Where the 'three public' form has money to buy vehicles, some are to be bought. (None need be paid from it the other way
    round: other money may pay.)"""
    counted = _first(case, "vehicles_purchase")
    fee = next((f.yuan for f in case.figures if f.measure == "vehicle_purchase"), None)
    if counted is not None and counted.n_counted == 0 and fee:
        zh = f"“三公”经费表列购置费{money_text(fee)}元，而“{counted.subject}”0辆。请核对。"
        en = f"the three-public form has {money_text(fee)} yuan to buy vehicles, {counted.subject} is 0. Check both."
        yield _at(counted, "fee", zh, en, None, "0")


def _stated(rows: Sequence[Institution], kind: InstitutionKind) -> Institution | None:
    return next((row for row in rows if row.row_type is InstitutionRow.STATED and row.kind is kind), None)


def _listed(rows: Sequence[Institution], kind: InstitutionKind) -> int:
    return sum(row.row_type is InstitutionRow.LISTED and row.kind is kind for row in rows)


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "机构数量不符",
    "Numbers of institutions disagree",
    rests_on=INSTITUTIONS,
    example="本部以及下属3家预算单位, five names follow; 行政单位1家，事业单位2家 are three of four.",
)
def institutions_differ(case: Case) -> Iterator[Found]:
    """The stated number, the kinds and the list agree: the body itself counts as one more than its units."""
    rows = case.institutions
    below, inner = _stated(rows, _K.BUDGET_UNIT), _stated(rows, _K.INTERNAL_DEPARTMENT)
    kinds = [
        found for kind in (_K.ADMINISTRATIVE, _K.CIVIL_SERVICE_MANAGED, _K.PUBLIC_INSTITUTION)
        if (found := _stated(rows, kind)) is not None
    ]  # fmt: skip
    n_units = _listed(rows, _K.BUDGET_UNIT)
    pairs: list[tuple[Institution, int, int, str, str]] = []
    if below is not None and below.n_stated is not None:
        pairs.append((below, below.n_stated + 1, n_units, "列出", "listed"))
        pairs.append((below, below.n_stated + 1, sum(row.n_stated or 0 for row in kinds), "分类相加", "by kind"))
    if inner is not None and inner.n_stated is not None:
        pairs.append((inner, inner.n_stated, _listed(rows, _K.INTERNAL_DEPARTMENT), "列出", "listed"))
    for row, stated, counted, zh, en in pairs:
        if counted and stated != counted:
            yield Found(
                f"institutions/{row.kind.value}/{en}",
                f"机构设置写明共{stated}家（个），{zh}{counted}家（个）。请核对。",
                f"{stated} institutions are stated, {counted} {en}. Check both.",
                expected=str(counted),
                found=str(stated),
                page=row.page,
                box=row.box,
                quote=row.quote,
            )


@rule(
    Severity.INFO,
    Family.DISCLOSURES,
    "参公单位未单列",
    "Units managed as the civil service are not listed apart",
    rests_on=INSTITUTIONS,
    example="机关运行经费 is of one 机关 and three 参公单位, 机构设置 has no 参公单位.",
)
def civil_service_managed_not_listed(case: Case) -> Iterator[Found]:
    """Who has agency operating expenses is told apart in the list of institutions."""
    for claim in case.claims_of(OTHER_NOTES, "agency_operating_units"):
        is_managed = claim.subject.startswith(("参公", "参照")) and bool(claim.n_counted)
        has_kinds = _stated(case.institutions, _K.PUBLIC_INSTITUTION) is not None
        if is_managed and has_kinds and _stated(case.institutions, _K.CIVIL_SERVICE_MANAGED) is None:
            zh = f"机关运行经费涉及{claim.n_counted}家参公单位，机构设置未单列参公单位。请统一口径。"
            en = f"agency operating expenses are of {claim.n_counted} units managed as the civil service, the list of institutions has none. Tell them apart."
            yield _at(claim, "managed", zh, en, None, claim.printed)


@rule(
    Severity.WARNING,
    Family.DISCLOSURES,
    "编报绩效目标的单位多于所列单位",
    "More units with targets than there are",
    rests_on=INSTITUTIONS,
    example="9个预算单位 have targets, 机构设置 lists seven.",
)
def performance_units_exceed(case: Case) -> Iterator[Found]:
    """Units with performance targets are among those listed."""
    claim, n_units = _first(case, "performance_units"), _listed(case.institutions, _K.BUDGET_UNIT)
    if claim is not None and claim.n_counted is not None and n_units > 1 and claim.n_counted > n_units:
        zh = f"编报绩效目标的预算单位{claim.n_counted}个，机构设置列{n_units}家。请核对。"
        en = f"{claim.n_counted} units have performance targets, {n_units} are listed. Check both."
        yield _at(claim, "units", zh, en, str(n_units), str(claim.n_counted))


RULES = (
    procurement_reserve_exceeds,
    procurement_micro_share_low,
    performance_exceeds_expenditure,
    performance_covers_part,
    performance_items_differ,
    performance_item_not_described,
    vehicles_differ,
    vehicle_purchase_without_vehicles,
    institutions_differ,
    civil_service_managed_not_listed,
    performance_units_exceed,
)
