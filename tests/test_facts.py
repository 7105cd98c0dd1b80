"""Facts, identities and lines of small budgets that stand in the test as tab-separated text."""

from decimal import Decimal

import polars as pl

from cnbudget import identities
from cnbudget.facts import Budget, facts_to_lines, statements_to_facts
from cnbudget.model import FormId
from cnbudget.reading import text
from cnbudget.recognise import recognise

HEAD = "编制部门：云川区甲局\n单位：元\n\n"
CODES = "项目\t\t\t\t{0}\t\t\n功能分类科目编码\t\t\t功能分类科目名称\t{1}\n类\t款\t项\t\t\t\t\n"
T3 = "2024年部门支出预算总表\n" + HEAD + CODES.format("支出预算", "合计\t基本支出\t项目支出")
T8 = (
    "2024年部门一般公共预算基本支出部门预算经济分类预算表\n"
    + HEAD
    + "项目\t\t一般公共预算基本支出\t\t\t\n部门预算经济分类科目编码\t\t经济分类科目名称\t合计\t人员经费\t公用经费\n类\t款\t\t\t\t\n"
)
T9 = (
    "2024年部门“三公”经费和机关运行经费预算表\n编制部门：云川区甲局\n单位：万元\n\n“三公”经费预算数\t\t\t\t\t\t机关运行经费预算数\n"
    "合计\t因公出国(境)费\t公务接待费\t公务用车购置及运行费\t\t\t\n\t\t\t小计\t购置费\t运行费\t\n"
)
T1 = "2024年部门财务收支预算总表\n" + HEAD + "本年收入\t\t本年支出\t\n项目\t预算数\t项目\t预算数\n"

BALANCED = (
    "205\t\t\t教育支出\t300\t100\t200\n205\t08\t\t进修及培训\t300\t100\t200\n205\t08\t03\t培训支出\t300\t100\t200\n"
    "208\t\t\t社会保障和就业支出\t50\t50\t\n208\t05\t\t行政事业单位养老支出\t50\t50\t\n合计\t\t\t\t350\t150\t200\n"
)


def facts_of(*forms: str) -> pl.DataFrame:
    document = text.read("budget.txt", "\n".join(forms).encode())
    return statements_to_facts(
        [Budget(document.document_id, 2024, "budget", "p", "department", recognise(document).statements)]
    )


def absent(facts: pl.DataFrame) -> pl.DataFrame:
    """The forms that a test leaves out."""
    here = set(facts["form_id"])
    rows = [(facts["document_id"][0], form.value) for form in FormId if form.value not in here]
    return pl.DataFrame(rows, schema={"document_id": pl.String(), "form_id": pl.String()}, orient="row")


def statuses(*forms: str) -> dict[tuple[str, str], str]:
    """How each check came out, but for those that a missing form prevents."""
    facts = facts_of(*forms)
    checks, _ = identities.check(facts, absent(facts))
    checks = checks.filter(~pl.col("reason").fill_null("").str.ends_with("is missing"))
    return {(i, n): s for i, n, s in checks.select("identity_id", "instance", "status").iter_rows()}


def test_statements_to_facts__amounts_are_yuan_to_the_fen() -> None:
    amounts = facts_of(T9 + "10.60\t\t3.10\t7.50\t\t7.50\t796.48\n")
    assert amounts["amount_yuan"].to_list() == [Decimal(n) for n in ("106000", "31000", "75000", "75000", "7964800")]
    assert amounts["half_milli"].to_list() == [50_000] * 5


def test_statements_to_facts__a_row_with_parts_below_is_a_subtotal() -> None:
    roles = facts_of(T3 + BALANCED).unique("row_no", maintain_order=True)
    assert dict(roles.select("row_label", "row_role").iter_rows()) == {
        "教育支出": "subtotal", "进修及培训": "subtotal", "培训支出": "leaf",
        "社会保障和就业支出": "subtotal", "行政事业单位养老支出": "leaf", "合计": "total",
    }  # fmt: skip


def test_statements_to_facts__misprinted_codes_are_put_right_and_kept_as_printed() -> None:
    rows = "210\t\t\t卫生健康支出\t9\t9\t\n210\t11\t\t行政事业单位医疗\t9\t9\t\n7\t11\t02\t事业单位医疗\t9\t9\t\n合计\t\t\t\t9\t9\t\n"
    codes = facts_of(T3 + rows).unique("row_no", maintain_order=True).select("code_printed", "functional_code")
    assert codes.rows() == [("210", "210"), ("21011", "21011"), ("71102", "2101102"), ("", None)]


def test_statements_to_facts__a_private_numbering_has_no_code() -> None:
    rows = (
        "302\t\t商品和服务支出\t60\t\t60\n302\t01\t办公费\t10\t\t10\n302\t02\t咨询费\t20\t\t20\n302\t03\t水费\t10\t\t10\n"
        "302\t04\t电费\t20\t\t20\n合计\t\t\t60\t\t60\n"
    )
    facts = facts_of(T8 + rows).unique("row_no", maintain_order=True)
    assert facts["economic_code"].to_list() == ["302", None, None, None, None, None]
    assert facts["code_printed"].to_list()[2] == "30202"
    assert statuses(T8 + rows)["T8_parts", "302/total"] == "exact"


def test_statements_to_facts__retired_class_names_have_their_code() -> None:
    facts = facts_of(T1 + "一、财政拨款收入\t9\t一、医疗卫生与计划生育支出\t9\n收入总计\t9\t支出总计\t9\n")
    assert facts.filter(pl.col("side") == "right")["functional_code"].to_list() == ["210", None]
    assert facts["row_role"].to_list() == ["leaf", "leaf", "grand_total", "grand_total"]


def test_facts_to_lines__add_up_to_the_printed_total() -> None:
    facts = facts_of(T3 + BALANCED)
    lines = facts_to_lines(facts)["expenditure_lines"]
    assert lines["amount_yuan"].sum() == Decimal(350)
    assert set(lines["nature"]) == {"basic", "project"}


def test_check__a_balanced_form_holds_throughout() -> None:
    assert set(statuses(T3 + BALANCED).values()) == {"exact"}


def test_check__a_wrong_digit_breaks_every_sum_it_is_in() -> None:
    found = statuses(T3 + BALANCED.replace("培训支出\t300", "培训支出\t309"))
    assert {key for key, status in found.items() if status == "broken"} == {
        ("T3_row", "expenditure_summary/3"), ("T3_parts", "20508/total"),
    }  # fmt: skip


def test_check__rounding_to_yuan_is_allowed_for_every_part() -> None:
    off = BALANCED.replace("教育支出\t300\t100\t200", "教育支出\t301\t100\t200").replace("350\t150", "351\t150")
    found = statuses(T3 + off)
    assert found["T3_row", "expenditure_summary/1"] == "rounded"
    assert found["T3_parts", "205/total"] == "rounded"


def test_check__copies_have_no_tolerance() -> None:
    t1 = T1 + "一、财政拨款收入\t351\t一、教育支出\t300\n\t\t二、社会保障和就业支出\t51\n收入总计\t351\t支出总计\t351\n"
    found = statuses(t1, T3 + BALANCED)
    assert found["T1_T3_total", "total"] == "broken"
    assert found["T1_T3_classes", "205"] == "exact"
    assert found["T1_T3_classes", "208"] == "broken"


def test_check__a_blank_total_is_not_checkable_and_says_so() -> None:
    t1 = T1 + "一、财政拨款收入\t350\t一、教育支出\t300\n\t\t二、社会保障和就业支出\t50\n收入总计\t\t支出总计\t350\n"
    found = statuses(t1, T3 + BALANCED)
    assert found["T1_revenue", "total"] == found["T1_balance", "total"] == "not_checkable"
    assert found["T1_T3_total", "total"] == "exact"


def test_check__a_missing_form_breaks_nothing() -> None:
    facts = facts_of(T3 + BALANCED)
    checks, _ = identities.check(facts, absent(facts))
    assert set(checks["status"]) == {"exact", "not_checkable"}
    assert "the form revenue_summary is missing" in set(checks["reason"])


def test_check__a_form_that_is_there_but_blank_breaks_what_it_should_confirm() -> None:
    checks, _ = identities.check(facts_of(T3 + BALANCED))
    broken = set(checks.filter(pl.col("status") == "broken")["identity_id"])
    assert broken == {"T1_T3_classes", "T2_T3_codes", "T3_funds_codes"}


def test_check__an_unknown_class_name_is_not_checkable() -> None:
    t1 = T1 + "一、财政拨款收入\t350\t一、某某支出\t300\n\t\t二、社会保障和就业支出\t50\n收入总计\t350\t支出总计\t350\n"
    found = statuses(t1, T3 + BALANCED)
    assert found["T1_T3_classes", "205"] == "not_checkable"
    assert found["T1_T3_classes", "208"] == "exact"


def test_check__a_blank_beside_a_zero_is_nothing_to_check() -> None:
    assert ("T3_row", "expenditure_summary/5") in statuses(T3 + BALANCED)
    assert not any("208/project" in instance for _, instance in statuses(T3 + BALANCED))


def test_check__a_section_without_items_asks_for_none() -> None:
    assert ("T3_parts", "20805/total") not in statuses(T3 + BALANCED)


def test_check__three_public_vehicles_without_their_parts_are_not_asked_for() -> None:
    found = statuses(T9 + "10.60\t\t3.10\t7.50\t\t\t796.48\n")
    assert found == {("T9_total", "three_public_and_agency_operating/1"): "exact"}


def test_count_holding__counts_by_figure() -> None:
    facts = facts_of(T3 + BALANCED.replace("培训支出\t300", "培训支出\t309"))
    counted = identities.count_holding(facts, *identities.check(facts, absent(facts)))
    item = counted.filter((pl.col("code") == "2050803") & (pl.col("measure") == "total"))
    assert item.select("n_identities", "n_identities_holding").row(0) == (2, 0)


def test_identities__have_unique_ids() -> None:
    assert len(identities.BY_ID) == len(identities.IDENTITIES)
