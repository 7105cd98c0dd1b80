"""Claims of the prose: sentences of our own, then the labelled claims of the published documents."""

from __future__ import annotations

import re
from collections import Counter
from decimal import Decimal

import pytest

from cnbudget import money
from cnbudget.model import ClaimMeasure, ComparedBasis, Paragraph
from cnbudget.prose.narrative import Claim, claims
from cnbudget.prose.sections import Section, SectionKind, to_lines
from tests.corpus import needs_corpus
from tests.prose_labels import LABELLED, labels_of, prose

M = ClaimMeasure


def narrative(*lines: str, year: int = 2031) -> list[Claim]:
    return claims([Section(SectionKind.NARRATIVE, "", to_lines(Paragraph(line) for line in lines))], year)


def notes(*lines: str, year: int = 2031) -> list[Claim]:
    return claims([Section(SectionKind.OTHER_NOTES, "", to_lines(Paragraph(line) for line in lines))], year)


def stated(found: list[Claim]) -> list[tuple[ClaimMeasure, str]]:
    return [(claim.measure, claim.amount_printed + claim.printed_unit) for claim in found]


def test_claims__revenue_and_expenditure_of_a_narrative() -> None:
    found = narrative(
        "2031年，某区园林局收入预算1,234.50万元，其中：财政拨款收入1,200万元，比2030年预算增加34.5万元；事业收入0万元；其他收入34.50万元。",
        "支出预算1,234.50万元，其中：财政拨款支出预算1,200万元；政府性基金拨款支出预算为0；国有资本经营预算拨款支出预算0.00万元。",
    )
    assert stated(found) == [
        (M.REVENUE_TOTAL, "1,234.50万元"),
        (M.REVENUE_FISCAL_APPROPRIATION, "1,200万元"),
        (M.REVENUE_PUBLIC_SERVICE, "0万元"),
        (M.REVENUE_OTHER, "34.50万元"),
        (M.EXPENDITURE_TOTAL, "1,234.50万元"),
        (M.EXPENDITURE_FISCAL_APPROPRIATION, "1,200万元"),
        (M.EXPENDITURE_GOVERNMENT_FUND_BUDGET, "0"),
        (M.EXPENDITURE_STATE_CAPITAL_OPERATIONS_BUDGET, "0.00万元"),
    ]
    assert found[1].amount_yuan == 12_000_000
    assert (found[1].compared_year, found[1].compared_basis, found[1].change_yuan) == (2030, "budget", 345_000)
    assert found[6].amount_yuan == 0


def test_claims__account_with_use_comparison_and_reason() -> None:
    found = narrative(
        "3. “农林水支出（类）林业和草原（款）行政运行（项）”科目88.10万元，主要用于苗圃。2030年当年预算执行数为90.00万元，",
        "2031年预算安排88.10万元，比2030年预算执行数减少2.11%。主要原因是：人员调出。",
    )
    assert stated(found) == [
        (M.ACCOUNT_BUDGET, "88.10万元"),
        (M.ACCOUNT_EXECUTED, "90.00万元"),
        (M.ACCOUNT_PLANNED, "88.10万元"),
    ]
    budget, executed, planned = found
    assert budget.subject == "农林水支出（类）林业和草原（款）行政运行（项）"
    assert budget.use == "苗圃"
    assert (executed.year, planned.year) == (2030, 2031)
    assert (planned.compared_basis, planned.change_percent) == (ComparedBasis.EXECUTED, Decimal("-2.11"))
    assert planned.reason == "人员调出"


@pytest.mark.parametrize(
    ("sentence", "change"),
    [
        ("（三）公务接待费1.35万元。比2030年预算持平，主要原因是无。", 0),
        ("（三）公务接待费1.35万元，比2030年（上一年度，下同）预算增加0.35万元。", 3500),
        ("（三）公务接待费1.35万元，与2030年预算一致0万元。", 0),
        ("（三）公务接待费１．３５万元，比上年减少0.1万元，下降6.9%。", -1000),
    ],
)
def test_claims__comparison_in_any_wording(sentence: str, change: int) -> None:
    (claim,) = notes(sentence)
    assert claim.measure is M.OFFICIAL_RECEPTION
    assert claim.amount_yuan == 13_500
    assert (claim.compared_year, claim.change_yuan) == (2030, change)


def test_claims__percent_beside_the_change() -> None:
    (claim,) = narrative("本部门收入预算500万元，比上年增加100万元，增长25.00%，主要原因是扩编")
    assert (claim.change_yuan, claim.change_percent, claim.reason) == (1_000_000, Decimal("25.00"), "扩编")


def test_claims__reason_of_its_own_paragraph_belongs_to_the_appropriation() -> None:
    found = narrative("财政拨款收入9万元，事业收入1万元。", "财政拨款收入支出增加的主要原因是新增展馆。")
    assert [claim.reason for claim in found] == ["新增展馆", None]


def test_claims__justified_text_over_lines() -> None:
    found = notes(
        "四、绩效目标设置情况",
        "2031年度，本单位编报绩效目标的项目共2个，涉及项目预算资金58.46万元。其中：养护费18.46万",
        "元 ， 展 览 费 40.00 万 元 。",
    )
    assert stated(found) == [
        (M.PERFORMANCE_PROJECTS, "2个"),
        (M.PERFORMANCE_AMOUNT, "58.46万元"),
        (M.PERFORMANCE_ITEM, "18.46万元"),
        (M.PERFORMANCE_ITEM, "40.00万元"),
    ]
    assert [claim.subject for claim in found[2:]] == ["养护费", "展览费"]


def test_claims__thresholds_are_no_amounts() -> None:
    found = notes(
        "五、国有资产占有使用情况",
        "截至2030年8月31日，共有车辆3辆，其中：机要通信用车1辆、其他用车2辆；单价100万元（含）以上设备（不含车辆）4台（套）。",
        "2031年单位预算安排购置车辆1辆，其中：其他用车1辆；单位预算安排购置单价100万元（含）以上设备（不含车辆）0台（套）。",
    )
    assert stated(found) == [
        (M.VEHICLES_STOCK, "3辆"),
        (M.VEHICLES_STOCK, "1辆"),
        (M.VEHICLES_STOCK, "2辆"),
        (M.EQUIPMENT_STOCK, "4台(套)"),
        (M.VEHICLES_PURCHASE, "1辆"),
        (M.VEHICLES_PURCHASE, "1辆"),
        (M.EQUIPMENT_PURCHASE, "0台(套)"),
    ]
    assert {claim.as_of for claim in found[:4]} == {"2030-08-31"}
    assert {claim.year for claim in found[4:]} == {2031}


@pytest.mark.parametrize("sentence", ["本单位无机关运行经费。", "2031年某馆机关运行经费预算为0万元。"])
def test_claims__no_agency_operating_expenses(sentence: str) -> None:
    (claim,) = notes("二、机关运行经费预算", sentence)
    assert (claim.measure, claim.amount_yuan) == (M.AGENCY_OPERATING_EXPENSES, 0)


def test_claims__malformed_number_is_kept_without_a_value() -> None:
    (claim,) = narrative("财政拨款收入294.4044.00万元")
    assert (claim.amount_printed, claim.value, claim.amount_yuan) == ("294.4044.00", None, None)


def test_claims__sum_of_unknown_subject_is_named() -> None:
    (claim,) = narrative("其中基本支出620万元")
    assert (claim.measure, claim.subject) == (M.OTHER, "基本支出")


@pytest.mark.parametrize(
    ("said", "yuan", "percent"),
    [
        ("比2030年年初预算数90万元增加10万元，增长11.1%", 100_000, "11.1"),
        ("比2030年预算（90万元）增加10万元", 100_000, None),
        ("较上年预算增加10万元（增长11.1%）", 100_000, "11.1"),
        ("较上年增长11.1%，增加10万元", 100_000, "11.1"),
        ("比上年预算增加10万元（11.1%）", 100_000, "11.1"),
        ("同比增长11.1%", None, "11.1"),
        ("同比下降11.1%", None, "-11.1"),
        ("较2030年度预算数减少（下降）5万元", -50_000, None),
        ("比2030年预算数（调整后）减少了3.5万元，降幅为3.38%", -35_000, "-3.38"),
        ("与上年预算相比，增加额为10万元", 100_000, None),
        ("与上年基本持平", 0, "0"),
        ("与2030年财政拨款预算无变化", 0, "0"),
        ("同去年保持一致", 0, "0"),
        ("较2030年当年部门年初预算略有减少，减少1,000元", -1000, None),
    ],
)
def test_claims__comparisons_of_many_wordings(said: str, yuan: int | None, percent: str | None) -> None:
    (claim,) = narrative(f"财政拨款支出预算100万元，{said}。")
    assert claim.compared_year == 2030
    assert (claim.change_yuan, claim.change_percent) == (yuan, percent and Decimal(percent))


def test_claims__a_bracket_leaves_the_comparison_to_the_claim_before_it() -> None:
    outer, inner = narrative("财政拨款收入100万元（其中：一般公共预算拨款90万元），比上年增加10万元，主要原因是扩编")
    assert (outer.amount_printed, outer.change_yuan, outer.reason) == ("100", 100_000, "扩编")
    assert (inner.amount_printed, inner.compared_year, inner.reason) == ("90", None, None)


@pytest.mark.parametrize(
    ("said", "subject"),
    [
        ("1.“教育支出”科目100万元", "教育支出"),
        ("“教育支出”科目（类）预算安排100万元", "教育支出(类)"),
        ("“教育支出（类）”100万元", "教育支出（类）"),
        ("（二）教育支出（类）普通教育（款）小学教育（项）科目100万元", "教育支出（类）普通教育（款）小学教育（项）"),
        ("3、教育支出（类）100万元", "教育支出（类）"),
        ("外交支出（类）对外宣传、交流（款）科目100万元", "外交支出（类）对外宣传、交流（款）"),
        ("一般公共服务支出（类）政府办公厅（室）事务（款）100万元", "一般公共服务支出（类）政府办公厅（室）事务（款）"),
        ("教育支出科目100万元", "教育支出"),
        ("“2050202小学教育”科目预算数为100万元", "2050202小学教育"),
    ],
)
def test_claims__accounts_however_they_are_named(said: str, subject: str) -> None:
    (claim,) = narrative(f"{said}，主要用于学校运行。")
    assert (claim.measure, claim.subject, claim.use) == (M.ACCOUNT_BUDGET, subject, "学校运行")


def test_claims__a_list_of_accounts_needs_no_quotation_marks() -> None:
    found = narrative("其中基本支出60万元。", "财政拨款支出主要内容如下：", "1.教育支出20万元。", "2.其他工作3万元。")
    assert [claim.measure for claim in found] == [M.OTHER, M.ACCOUNT_BUDGET, M.OTHER]


def test_claims__sums_inside_a_use_or_a_reason_are_claims_of_their_own() -> None:
    found = narrative(
        "“教育支出”科目83万元，主要用于人员经费18万元、项目支出65万元，比上年增加3万元，主要原因是新增设备费2万元、每人500元的补贴。"
    )
    assert [(claim.subject, claim.amount_printed) for claim in found] == [
        ("教育支出", "83"),
        ("人员经费", "18"),
        ("项目支出", "65"),
        ("新增设备费", "2"),
    ]
    assert (found[0].use, found[0].change_yuan) == ("人员经费18万元、项目支出65万元", 30_000)
    assert {claim.measure for claim in found[1:]} == {M.OTHER}


def test_claims__a_reason_that_is_called_main_matter_follows_a_comparison_only() -> None:
    compared, plain = narrative("财政拨款收入9万元，比上年增加1万元，主要是新增展馆。事业收入2万元，主要是门票。")
    assert (compared.reason, compared.use) == ("新增展馆", None)
    assert (plain.reason, plain.use) == (None, "门票")


def test_claims__headings_name_amounts_that_are_only_called_budget() -> None:
    found = notes(
        "（一）因公出国（境）费用。2031年预算数1.5万元，与2030年持平。",
        "（二）公务接待费",
        "2031年预算数6万元，主要用于接待。",
        "（三）公务用车购置和运行维护费。2031年预算数65万元，包括公务用车购置费37万元、公务用车运行维护费28万元。",
    )
    assert stated(found) == [
        (M.OVERSEAS_TRAVEL, "1.5万元"),
        (M.OFFICIAL_RECEPTION, "6万元"),
        (M.VEHICLE_TOTAL, "65万元"),
        (M.VEHICLE_PURCHASE, "37万元"),
        (M.VEHICLE_OPERATION, "28万元"),
    ]


def test_claims__performance_goals_of_units_policies_and_projects() -> None:
    found = notes(
        "四、绩效目标设置情况",
        "本部门实现了绩效目标的全覆盖。其中，编报部门整体绩效目标1个；编报政策绩效目标2个，涉及预算资金20万元；"
        "项目绩效目标共50个，涉及项目预算资金5,634.81万元。",
        "另有3个项目纳入重点管理，涉及财政资金7万元。",
    )
    assert stated(found) == [
        (M.PERFORMANCE_OVERALL_GOALS, "1个"),
        (M.PERFORMANCE_POLICIES, "2个"),
        (M.PERFORMANCE_POLICY_AMOUNT, "20万元"),
        (M.PERFORMANCE_PROJECTS, "50个"),
        (M.PERFORMANCE_AMOUNT, "5,634.81万元"),
        (M.PERFORMANCE_PROJECTS, "3个"),
        (M.PERFORMANCE_AMOUNT, "7万元"),
    ]


def test_claims__procurement_by_class_and_its_reserves() -> None:
    found = notes(
        "三、政府采购预算情况",
        "本单位政府采购预算50万元，其中：货物类采购预算20万元，工程类采购预算0万元，服务类采购预算30万元。",
        "面向中小企业预留政府采购份额40万元，其中，面向小微企业预留30万元。",
        "预留给中小微企业的项目金额40万元，其中预留给小型、微型企业的金额为30万元。",
    )
    assert [claim.measure for claim in found] == [
        M.PROCUREMENT_TOTAL,
        M.PROCUREMENT_GOODS,
        M.PROCUREMENT_WORKS,
        M.PROCUREMENT_SERVICES,
        *(M.PROCUREMENT_SME_RESERVED, M.PROCUREMENT_MICRO_RESERVED) * 2,
    ]


def test_claims__what_there_is_none_of_is_a_zero() -> None:
    found = notes(
        "本单位无“三公”经费预算。2031年无政府采购预算。",
        "2031年某馆无购置车辆预算安排，无购置单价100万元（含）以上设备（不含车辆）预算安排。",
        "（二）公务用车购置费5万元，比上年减少1万元，主要原因是无公务用车购置需求。",
    )
    assert [(claim.measure, claim.value) for claim in found] == [
        (M.THREE_PUBLIC_TOTAL, 0),
        (M.PROCUREMENT_TOTAL, 0),
        (M.VEHICLES_PURCHASE, 0),
        (M.EQUIPMENT_PURCHASE, 0),
        (M.VEHICLE_PURCHASE, 5),
    ]


def test_claims__vehicles_and_equipment_by_kind_at_the_end_of_a_year() -> None:
    found = notes(
        "截至2030年底，某馆共有车辆17台，其中：小轿车1辆；单位价值50万元以上通用设备2台（套）、100万元以上专用设备3台。"
    )
    assert [(claim.measure, claim.value, claim.as_of) for claim in found] == [
        (M.VEHICLES_STOCK, 17, "2030-12-31"),
        (M.VEHICLES_STOCK, 1, "2030-12-31"),
        (M.EQUIPMENT_STOCK, 2, "2030-12-31"),
        (M.EQUIPMENT_STOCK, 3, "2030-12-31"),
    ]


def test_claims__revenue_of_a_fund_is_not_all_of_the_appropriation() -> None:
    found = narrative(
        "一般公共预算财政拨款收入50万元、政府性基金预算财政拨款收入5万元，本年收入合计55万元，支出合计55万元"
    )
    assert [claim.measure for claim in found] == [M.OTHER, M.OTHER, M.REVENUE_TOTAL, M.EXPENDITURE_TOTAL]


# --- the corpus ------------------------------------------------------------------------------------------------------

_BY_SUBJECT = {
    ("收入预算", r"收入合计"): M.REVENUE_TOTAL,
    ("收入预算", r"财政拨款收入"): M.REVENUE_FISCAL_APPROPRIATION,
    ("收入预算", r"事业收入"): M.REVENUE_PUBLIC_SERVICE,
    ("收入预算", r"事业单位经营收入"): M.REVENUE_BUSINESS,
    ("收入预算", r"其他收入"): M.REVENUE_OTHER,
    ("支出预算", r"支出合计"): M.EXPENDITURE_TOTAL,
    ("支出预算", r"财政拨款支出"): M.EXPENDITURE_FISCAL_APPROPRIATION,
    ("支出预算", r"一般公共预算拨款支出"): M.EXPENDITURE_GENERAL_PUBLIC_BUDGET,
    ("支出预算", r"政府性基金拨款支出"): M.EXPENDITURE_GOVERNMENT_FUND_BUDGET,
    ("支出预算", r"国有资本经营预算拨款支出"): M.EXPENDITURE_STATE_CAPITAL_OPERATIONS_BUDGET,
    ("财政拨款支出预算", r".*"): M.ACCOUNT_BUDGET,
    ("预算执行数", r".*"): M.ACCOUNT_EXECUTED,
    ("预算安排", r".*"): M.ACCOUNT_PLANNED,
    ("三公经费预算", r"三公经费合计"): M.THREE_PUBLIC_TOTAL,
    ("三公经费预算", r"因公出国.*"): M.OVERSEAS_TRAVEL,
    ("三公经费预算", r".*购置及运行费"): M.VEHICLE_TOTAL,
    ("三公经费预算", r".*购置费"): M.VEHICLE_PURCHASE,
    ("三公经费预算", r".*运行费"): M.VEHICLE_OPERATION,
    ("三公经费预算", r"公务接待费"): M.OFFICIAL_RECEPTION,
    ("预算", r"机关运行经费"): M.AGENCY_OPERATING_EXPENSES,
    ("纳入机关运行经费的单位数", r".*"): M.AGENCY_OPERATING_UNITS,
    ("政府采购预算", r"政府采购合计"): M.PROCUREMENT_TOTAL,
    ("政府采购预算", r"政府采购货物"): M.PROCUREMENT_GOODS,
    ("政府采购预算", r"政府采购工程"): M.PROCUREMENT_WORKS,
    ("政府采购预算", r"政府采购服务"): M.PROCUREMENT_SERVICES,
    ("政府采购预算", r"面向中小企业预留"): M.PROCUREMENT_SME_RESERVED,
    ("政府采购预算", r".*小型和微型企业"): M.PROCUREMENT_MICRO_RESERVED,
    ("项目个数", r"编报绩效目标的项目"): M.PERFORMANCE_PROJECTS,
    ("项目个数", r"预算金额.*"): M.PERFORMANCE_LARGE_PROJECTS,
    ("单位数", r".*"): M.PERFORMANCE_UNITS,
    ("涉及预算资金", r".*"): M.PERFORMANCE_AMOUNT,
    ("涉及预算资金（明细）", r".*"): M.PERFORMANCE_ITEM,
    ("现有存量.*", r"单价.*"): M.EQUIPMENT_STOCK,
    ("现有存量.*", r".*"): M.VEHICLES_STOCK,
    ("预算购置", r"单价.*"): M.EQUIPMENT_PURCHASE,
    ("预算购置", r".*"): M.VEHICLES_PURCHASE,
    ("车辆数", r".*"): M.VEHICLES_MENTIONED,
}
_NAMED = (M.ACCOUNT_BUDGET, M.ACCOUNT_EXECUTED, M.ACCOUNT_PLANNED, M.PERFORMANCE_ITEM, M.AGENCY_OPERATING_UNITS)
Key = tuple[ClaimMeasure, str, int, Decimal | None]


def key_of_label(row: dict[str, str]) -> Key:
    measure = next(
        measure
        for (kind, subject), measure in _BY_SUBJECT.items()
        if re.fullmatch(kind, row["measure"]) and re.fullmatch(subject, row["subject"])
    )
    return measure, _subject(measure, row["subject"]), int(row["year"]), Decimal(row["amount"])


def key_of_claim(claim: Claim) -> Key:
    return claim.measure, _subject(claim.measure, claim.subject), claim.year, claim.value


def _subject(measure: ClaimMeasure, subject: str) -> str:
    is_vehicle = measure in (M.VEHICLES_STOCK, M.VEHICLES_PURCHASE) and subject.endswith("用车")
    return money.key(subject) if measure in _NAMED or is_vehicle else ""


@needs_corpus
def test_corpus__claims_are_found_and_no_others() -> None:
    wanted: Counter[Key] = Counter()
    found: Counter[Key] = Counter()
    for number, name in enumerate(LABELLED):
        wanted.update((number, *key_of_label(row)) for row in labels_of("claims", name))  # type: ignore[misc]
        found.update((number, *key_of_claim(claim)) for claim in prose(name).claims)  # type: ignore[misc]
    hits = (wanted & found).total()
    assert hits / wanted.total() >= 0.97, sorted(map(str, (wanted - found).elements()))
    assert hits / found.total() >= 0.97, sorted(map(str, (found - wanted).elements()))


@needs_corpus
def test_corpus__comparisons_and_percents_are_right() -> None:
    right: list[bool] = []
    wrong: list[str] = []
    for name in LABELLED:
        by_key = {key_of_claim(claim): claim for claim in prose(name).claims}
        for row in labels_of("claims", name):
            claim = by_key.get(key_of_label(row))
            if claim is not None and row["compare_to_year"]:
                right.append(_same_comparison(claim, row))
                wrong.extend([] if right[-1] else [f"{name}: {row['quote']}"])
    assert len(right) > 100
    assert sum(right) / len(right) >= 0.95, wrong


def _same_comparison(claim: Claim, row: dict[str, str]) -> bool:
    year, executed = row["compare_to_year"][:4], row["compare_to_year"].endswith("执行数")
    is_year = claim.compared_year == int(year)
    is_basis = (claim.compared_basis is ComparedBasis.EXECUTED) == executed
    change = Decimal(row["change_amount"]) * 10_000 if row["change_amount"] else claim.change_yuan
    percent = Decimal(row["change_percent"]) if row["change_percent"] else claim.change_percent
    return is_year and is_basis and claim.change_yuan == change and claim.change_percent == percent


@needs_corpus
@pytest.mark.parametrize("name", LABELLED)
def test_corpus__quotes_stand_in_the_document(name: str) -> None:
    from tests.prose_labels import document

    text = "".join("".join(line.text.split()) for line in document(name).paragraphs())
    lost = [c.quote for c in prose(name).claims if "".join(c.quote.split()) not in text]
    assert not lost
    assert all(claim.page for claim in prose(name).claims) or name.endswith(".txt")
