"""Every rule over one document, on a budget in which nothing is wrong but the words that a test changes."""

from __future__ import annotations

import pytest

from cnbudget.model import Severity
from cnbudget.rules import CATALOGUE, RULES, Family
from cnbudget.rules import history as over_documents
from tests.whole_budget import findings

Change = tuple[str, str]

FIRES: dict[str, tuple[list[Change], str, str | None, str | None]] = {
    # rule: what is changed; the locus, what is expected and what is found
    "form_missing": ([("2030年部门收入预算总表", "2030年部门收入计划")], "revenue_summary", "1 form", "0 forms"),
    "cover_contradicts_forms": (
        [("2030年部门收入预算总表", "2029年部门收入预算总表")], "revenue_summary/fiscal_year", "2030", "2029",
    ),
    "unit_missing": (
        [("收入预算总表\n编制部门：上海市青浦区园林管理局\n单位：元", "收入预算总表\n编制部门：上海市青浦区园林管理局")],
        "revenue_summary", "单位：元", None,
    ),
    "units_contradict": (
        [
            ("302\t01\t办公费\t600,000\t\t600,000\n302\t11\t差旅费\t400,000\t\t400,000",
             "302\t17\t公务接待费\t2\t\t2\n302\t11\t差旅费\t999,998\t\t999,998"),
        ],
        "basic_expenditure_by_economic/unit", "20000.00", "2.00",
    ),
    "unit_contradicts_text": (
        [("编制部门：上海市青浦区园林管理局\n单位：元", "编制部门：上海市青浦区园林管理局\n单位：万元")], "narrative/unit", "9500000.00",
        "95000000000.00",
    ),
    "identity_broken": (
        [("合计\t\t\t\t9,500,000\t9,000,000", "合计\t\t\t\t9,700,000\t9,000,000")], "T2_total/total", "9500000.00", "9700000.00",
    ),
    "figure_suspected": (
        [("合计\t\t\t\t9,500,000\t9,000,000", "合计\t\t\t\t9,700,000\t9,000,000")], "revenue_summary/11/total", "9500000.00",
        "9,700,000",
    ),
    "total_blank": ([("收入总计\t9,500,000", "收入总计\t")], "financial_summary/8/revenue", "9500000.00", None),
    "identity_not_checkable": ([("收入总计\t9,500,000", "收入总计\t")], "T1_balance/total", "9500000.00", None),
    "code_malformed": (
        [("221\t02\t01\t住房公积金\t500,000\t500,000\t\n合计\t\t\t\t9,500,000\t6", "2\t02\t01\t住房公积金\t500,000\t500,000\t\n合计\t\t\t\t9,500,000\t6")],
        "expenditure_summary/20201/住房公积金", "2210201", "2 02 01",
    ),
    "code_zeros_left_out": (
        [(f"\t{n:02}\t{name}", f"\t{n}\t{name}") for n, name in ((1, "基本工资"), (8, "机关事业"), (9, "职业年金"), (1, "办公费"), (2, "退休费"))],
        "basic_expenditure_by_economic/zeros", "01", "1",
    ),
    "code_unknown": (
        [("212\t05\t01\t城乡社区环境卫生", "212\t05\t77\t街巷花木修剪")], "expenditure_summary/2120577/街巷花木修剪", None, "2120577",
    ),
    "code_name_disagrees": (
        [("302\t11\t差旅费", "302\t11\t会议费")], "basic_expenditure_by_economic/30211/会议费", "差旅费", "30211 会议费",
    ),
    "name_variant": (
        [("303\t02\t退休费", "303\t99\t其它对个人和家庭的补助")],
        "basic_expenditure_by_economic/30399/其它对个人和家庭的补助", "其他对个人和家庭的补助", "其它对个人和家庭的补助",
    ),
    "name_retired": (
        [("208\t05\t\t行政事业单位养老支出", "208\t05\t\t行政事业单位离退休")], "revenue_summary/20805/行政事业单位离退休",
        "行政事业单位养老支出", "行政事业单位离退休",
    ),
    "narrative_name_variant": (
        [("（款）机关事业单位职业年金缴费支出（项）", "（款）机关事业单位职业年金缴纳支出（项）")], "narrative/variant/2080506/机关事业单位职业年金缴纳",
        "机关事业单位职业年金缴费支出", "机关事业单位职业年金缴纳支出",
    ),
    "narrative_name_retired": (
        [("行政事业单位养老支出（款）机关事业单位职业年金", "行政事业单位离退休（款）机关事业单位职业年金")], "narrative/retired/20805/行政事业单位离退休",
        "行政事业单位养老支出", "行政事业单位离退休",
    ),
    "narrative_path_differs": (
        [("“住房保障支出（类）住房改革支出（款）住房公积金（项）”", "“住房保障支出（类）住房保障支出（款）住房改革支出（项）”")], "narrative/path/22102",
        "住房保障支出（类）住房改革支出（款）住房公积金（项）", "住房保障支出（类）住房保障支出（款）住房改革支出（项）",
    ),
    "empty_note_under_filled_form": (
        [("18.00\t10.00\t60.00\n", "18.00\t10.00\t60.00\n注：故本表为空表。\n")], "three_public_and_agency_operating", None, "注：故本表为空表。",
    ),
    "note_of_other_fund": (
        [("没有国有资本经营预算", "没有政府性基金预算")], "state_capital_operations_budget_by_function", "国有资本经营", "政府性基金",
    ),
    "note_of_other_year": (
        [("本部门2030年没有国有资本", "本部门2029年没有国有资本")], "state_capital_operations_budget_by_function/year", "2030", "2029",
    ),
    "empty_form_without_note": (
        [("注：本部门2030年没有国有资本经营预算，故本表为空表。\n", "")], "state_capital_operations_budget_by_function", "注：……故本表为空表", None,
    ),
    "narrative_differs": (
        [("（项）”50.00万元，主要用于缴纳公积金", "（项）”550.00万元，主要用于缴纳公积金")], "narrative/account_budget/2210201", "500000.00", "5500000.00",
    ),
    "narrative_planned_differs": ([("2030年预算安排20.00", "2030年预算安排26.00")], "narrative/account_planned/2080506", "200000.00", "260000.00"),
    "narrative_cut_off": (
        [("（项）”780.00万元", "（项）”0.07亿元")], "narrative/account_budget/2120501", "7800000.00", "0.07亿元",
    ),
    "number_format_mixed": (
        [("收入预算950.00", "收入预算1,950.00"), ("支出预算950.00", "支出预算1950.00")], "narrative/number_format", "1,950.00", "1950.00",
    ),
    "narrative_sum_differs": (
        [("（项）”50.00万元，主要用于缴纳公积金", "（项）”550.00万元，主要用于缴纳公积金")], "narrative/expenditure_fiscal_appropriation/sum",
        "9000000.00", "14000000.00",
    ),
    "narrative_omits_account": (
        [("4.“住房保障支出（类）住房改革支出（款）住房公积金（项）”50.00万元，主要用于缴纳公积金。\n", "")], "narrative/omitted/2210201", "500000.00", None,
    ),
    "narrative_parts_differ": ([("采购服务预算70.00", "采购服务预算90.00")], "other_notes/procurement_total/sum", "1100000.00", "900000.00"),
    "narrative_changes_differ": (
        [("30.00万元，比2029年预算增加8.00万元", "30.00万元，比2029年预算增加6.00万元")], "other_notes/three_public_total/change", "80000.00", "60000.00",
    ),
    "narrative_percent_differs": ([("增加25.00%", "增加35.00%")], "narrative/account_planned/2080505/percent", "25.00%", "35.00%"),
    "narrative_direction_differs": ([("增加25.00%", "减少25.00%")], "narrative/account_planned/2080505/direction", "25.00%", "减少"),
    "increase_on_zero": (
        [("执行数为40.00万元", "执行数为0.00万元"), ("增加25.00%", "增加100.00%")], "narrative/account_planned/2080505/zero_base", None, "100.00%",
    ),
    "reason_contradicts_direction": (
        [("主要原因是：有人员退休", "主要原因是：职业年金经费增加")], "narrative/account_planned/2080506/reason", "增加", "减少",
    ),
    "reason_missing": (
        [("财政拨款收入支出增加的主要原因是绿地面积扩大。\n", "")], "narrative/revenue_fiscal_appropriation/reason_missing", "主要原因是……", None,
    ),
    "compared_year_wrong": (
        [("政府性基金拨款支出预算0.00万元，与2029年", "政府性基金拨款支出预算0.00万元，与2028年")],
        "narrative/expenditure_government_fund_budget/政府性基金拨款支出预算/compared_year", "2029", "2028",
    ),
    "section_missing": ([("名词解释\n", "\n"), ("三、\n", "")], "section/glossary", "名词解释", None),
    "contents_disagree": (
        [("经费情况说明\n一、项目概述", "\n一、概况"), ("六、其他相关情况说明\n", "六、其他相关情况说明\n")], "contents/项目经费情况说明", "项目经费情况说明", None,
    ),
    "cover_missing": (
        [("上海市青浦区2030年区级部门预算\n预算主管部门：上海市青浦区园林管理局\n", "")], "cover", "××年××预算", None,
    ),
    "year_wrong": ([("2030年部门预算安排购置车辆", "2029年部门预算安排购置车辆")], "other_notes/year/2029年部门预算安排购置", "2030", "2029"),
    "glossary_of_other_level": ([("区级财政当年拨给", "市级财政当年拨给")], "glossary/level", "区级", "市级"),
    "glossary_incomplete": ([("（四）其他收入：上述以外的收入。\n", "")], "glossary/terms", "其他收入", None),
    "placeholder_left": (
        [("五、国有资产占有使用情况", "五、国有资产占有使用情况（待补充）")], "other_notes/(待补充)", None,
        "(待补充)",
    ),
    "annex_missing": ([("检查结果与养护费用挂钩", "检查结果详见附件")], "projects/详见附件", None, "详见附件"),
    "unit_incomplete": ([("5辆；单价100万元（含）", "5辆；单价100万（含）")], "other_notes/100万", "万元", "100万"),
    "three_public_name_variant": (
        [("公务用车运行费10.00", "公务车辆运行费10.00")], "other_notes/name/公务车辆运行费", "公务用车运行费", "公务车辆运行费",
    ),
    "words_doubled": ([("主要用于绿化养护", "主要用于主要用于绿化养护")], "narrative/主要用于主要用于", None, "主要用于主要用于"),
    "kind_of_publisher_confused": (
        [("本部门政府采购", "本单位政府采购")], "other_notes/publisher_kind", "本部门", "本单位政府采购",
    ),
    "template_row_left": (
        [("3.国有资本经营预算\t\t\t\n", "3.国有资本经营预算\t\t四、农林水支出\t\n")], "financial_summary/4/blank", None, "四、农林水支出",
    ),
    "procurement_reserve_exceeds": (
        [("项目预算金额50.00", "项目预算金额95.00")], "other_notes/procurement_sme_reserved/exceeds", "90.00万元", "95.00万元",
    ),
    "procurement_micro_share_low": (
        [("项目预算为40.00", "项目预算为10.00")], "other_notes/procurement_micro_reserved/share", "60%", "20.00%",
    ),
    "performance_exceeds_expenditure": (
        [("资金330.00万元", "资金340.00万元")], "other_notes/performance_amount/exceeds", "3300000.00", "3400000.00",
    ),
    "performance_covers_part": (
        [("资金330.00万元", "资金310.00万元")], "other_notes/performance_amount/part", "3300000.00", "3100000.00",
    ),
    "performance_items_differ": ([("的项目2个", "的项目5个")], "other_notes/performance_projects/count", "2", "5"),
    "performance_item_not_described": (
        [("，花卉布展130.00万元。", "，花卉布展130.00万元，公园改建3.00万元。")], "other_notes/performance_item/公园改建", "公园改建", None,
    ),
    "vehicles_differ": ([("其他用车5辆；", "其他用车4辆；")], "other_notes/vehicles_stock/sum", "8", "9"),
    "vehicle_purchase_without_vehicles": (
        [("购置车辆1辆，其中：执法执勤用车0辆、其他用车1辆", "购置车辆0辆")], "other_notes/vehicles_purchase/fee", None, "0",
    ),
    "institutions_differ": ([("事业单位1家", "事业单位2家")], "institutions/budget_unit/by kind", "4", "3"),
    "civil_service_managed_not_listed": (
        [("参公单位1家，事业单位1家", "事业单位2家")], "other_notes/agency_operating_units/managed", None, "1家",
    ),
    "performance_units_exceed": ([("本部门3个预算单位", "本部门8个预算单位")], "other_notes/performance_units/units", "3", "8"),
    "project_amount_malformed": (
        [("2030年该项目预算130.00万元。其中：\n1.花卉采购90.00万元；\n2.布展施工40.00万元。", "2030年该项目预算1300.000.00元。")],
        "projects/花卉布展/上海市青浦区园林管理局", "1300000.00", "1300.000.00元",
    ),
    "project_items_differ": (
        [("修剪补种150.00", "修剪补种130.00")], "projects/树木养护/上海市青浦区绿化养护中心/items", "2000000.00", "1800000.00",
    ),
    "project_item_without_unit": (
        [("病虫害防治50.00万元", "病虫害防治500000")], "projects/树木养护/上海市青浦区绿化养护中心/items/2", "500000元", "500000",
    ),
    "project_item_repeated": (
        [("病虫害防治50.00万元", "修剪补种50.00万元")], "projects/树木养护/上海市青浦区绿化养护中心/items/修剪补种", None, "150.00万元、50.00万元",
    ),
    "projects_differ_from_expenditure": (
        [("2030年该项目预算130.00万元", "2030年该项目预算131.00万元")], "projects/the project expenditure", "3300000.00", "3310000.00",
    ),
    "project_of_unlisted_institution": (
        [("由上海市青浦区绿化养护中心负责", "由上海园林博物馆负责")], "projects/树木养护/上海园林博物馆/implementer", None, "上海园林博物馆",
    ),
    "project_year_wrong": (
        [("2030年该项目预算200.00", "2029年该项目预算200.00")], "projects/树木养护/上海市青浦区绿化养护中心/budget/year", "2030", "2029",
    ),
    "project_words_of_other_year": (
        [("青园发〔2028〕5号", "青园发〔2030〕5号")], "projects/树木养护/上海市青浦区绿化养护中心/words/青园发〔2030〕5号", None, "青园发〔2030〕5号",
    ),
    "project_text_cut": (
        [("2.布展施工40.00万元。\n七、绩效目标\n详见单位的项目绩效目标表。\n", "2.布展施工40.00万元。\n")],
        "projects/花卉布展/上海市青浦区园林管理局/cut", "七、绩效目标", None,
    ),
    "project_field_missing": (
        [("五、实施周期\n2030年1月1日至2030年12月31日\n六、年度预算安排\n2030年该项目预算200", "六、年度预算安排\n2030年该项目预算200")],
        "projects/树木养护/上海市青浦区绿化养护中心/fields", "五、实施周期", None,
    ),
    "project_field_empty": (
        [("2.布展施工40.00万元。\n七、绩效目标\n详见单位的项目绩效目标表。\n", "2.布展施工40.00万元。\n七、绩效目标\n")],
        "projects/花卉布展/上海市青浦区园林管理局/empty", "七、绩效目标", None,
    ),
    "project_total_missing": (
        [("2030年该项目预算130.00万元。其中：\n", "")], "projects/花卉布展/上海市青浦区园林管理局/total", "1300000.00", None,
    ),
    "project_text_shared": (
        [("树木养护项目经费情况说明", "项目经费情况说明"), ("1.修剪补种150", "1.树木养护150"), ("2.病虫害防治50", "2.花卉布展50")],
        "projects/-/上海市青浦区绿化养护中心/修剪、浇灌和补种全区/name", None, "树木养护、花卉布展",
    ),
    "project_titles_displaced": (
        [("花卉布展项目经费情况说明\n一、项目概述\n", "一、项目概述\n花卉布展项目经费情况说明\n")], "projects/titles", None, "1",
    ),
    "project_numbering_broken": (
        [("2.《青浦区绿化养护定额》", "5.《青浦区绿化养护定额》")], "projects/树木养护/上海市青浦区绿化养护中心/legal_basis/1-5", "2", "5",
    ),
}  # fmt: skip

ELSEWHERE = {"total_row_missing", "table_between_forms", "number_unassigned", "zero_unassigned", "other_form"}
"""Rules that need a table which is odd in its shape: tested in test_rules.py."""


def test_findings__nothing_is_wrong_with_the_budget_as_it_stands() -> None:
    assert findings() == []


def test_rules__every_rule_is_tested() -> None:
    assert {rule.rule_id for rule in RULES} == set(FIRES) | ELSEWHERE


@pytest.mark.parametrize("rule_id", FIRES)
def test_rule__finds_what_was_changed(rule_id: str) -> None:
    changes, locus, expected, found = FIRES[rule_id]
    own = {row["locus"]: row for row in findings(*changes) if row["rule_id"] == rule_id}
    assert locus in own
    row, rule = own[locus], next(rule for rule in RULES if rule.rule_id == rule_id)
    assert (row["expected"], row["found"]) == (expected, found)
    assert row["is_holding"] == rule.is_holding
    assert all(str(text).strip() for text in (row["message_zh"], row["message_en"]))


@pytest.mark.parametrize("rule_id", [rule.rule_id for rule in RULES if rule.rule_id in FIRES])
def test_rule__holds_only_for_what_the_design_lists(rule_id: str) -> None:
    changes = FIRES[rule_id][0]
    holding = {str(row["rule_id"]) for row in findings(*changes) if row["is_holding"]}
    families = {rule.family for rule in RULES if rule.rule_id in holding}
    assert families <= {Family.FORMS, Family.TOTALS, Family.READING}


SILENT: dict[str, list[Change]] = {
    # What looks like a defect and is none: nothing above information is said of it.
    "amounts cut off, not rounded": [("（项）”780.00万元", "（项）”0.07亿元")],
    "accounts rounded to ten thousands": [("（项）”50.00万元", "（项）”50万元"), ("（项）”20.00万元", "（项）”20万元")],
    "a full stop inside a comparison": [("公务接待费2.00万元，与", "公务接待费2.00万元。与")],
    "a parenthesis inside a comparison": [("比2029年预算增加60.00万元；事业", "比2029年（上一年度，下同）预算增加60.00万元；事业")],
    "a percent on a base of zero": [("执行数为40.00万元", "执行数为0.00万元"), ("增加25.00%", "增加100.00%")],
    "a budget smaller than the targets' share": [("330.00万元", "310.00万元"), ("130.00万元", "110.00万元"), ("花卉采购90.00", "花卉采购70.00")],
    "two projects of one name": [("花卉布展项目经费", "树木养护项目经费"), ("，花卉布展130.00", "，树木养护130.00")],
    "items that end in a semicolon": [("2.布展施工40.00万元。", "2.布展施工40.00万元；")],
    "a reason that names rise and fall": [("主要原因是：有人员退休", "主要原因是：人员减少，补缴经费增加")],
    "a unit of another measure": [("预算200.00万元。其中", "预算2000000元。其中")],
    "the narrative states 10,000s without decimals": [("780.00", "780")],
}  # fmt: skip


@pytest.mark.parametrize("case", SILENT)
def test_rules__say_nothing_above_information_of(case: str) -> None:
    loud = [row for row in findings(*SILENT[case]) if row["severity"] != Severity.INFO]
    assert [(row["rule_id"], row["message_en"]) for row in loud] == []


def test_reason_contradicts_direction__a_fall_because_money_fell_is_none() -> None:
    assert findings(("主要原因是：有人员退休", "主要原因是：职业年金经费减少")) == []


def test_narrative_differs__blames_the_publisher_where_identities_confirm_the_form() -> None:
    changes = FIRES["narrative_differs"][0]
    assert {row["cause"] for row in findings(*changes) if row["severity"] == "error"} == {"publisher"}


def test_project_items_differ__is_not_the_publishers_where_the_text_is_cut() -> None:
    cut = ("2.病虫害防治50.00万元。\n七、绩效目标\n详见单位的项目绩效目标表。\n", "")
    (finding,) = [row for row in findings(cut) if row["rule_id"] == "project_items_differ"]
    assert finding["cause"] == "unknown" and "截断" in str(finding["message_zh"])


def test_catalogue__ids_are_unique_and_history_is_in_it() -> None:
    ids = [rule.rule_id for rule in CATALOGUE]
    assert len(set(ids)) == len(ids)
    assert {rule.rule_id for rule in over_documents.RULES} < set(ids)
