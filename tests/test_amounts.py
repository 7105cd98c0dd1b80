"""Budgets of projects: totals, items, formulas, prices, amounts without a unit, malformed numbers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cnbudget.prose.amounts import read_budget
from cnbudget.prose.sections import fold


def read(text: str) -> tuple[Decimal | None, list[tuple[str, Decimal]]]:
    folded = fold(text)
    found = read_budget(folded)
    return found.total_yuan, [(folded[slice(*item.name)], item.yuan) for item in found.items]


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("年度预算资金480000.00元，用于树木养护（预计60家）。", 480_000),
        ("2031年该项目预算7,398.50万元，租赁270个座位。", 73_985_000),
        ("2031年资金预算为385000元，2031年一季度启动，2031年4月完成预算30%。", 385_000),
        ("某平台（运维）617000元。", 617_000),
        ("4*1750元/次=7000元", 7_000),
        ("根据每场次4000元，举办4场的计划，测算总金额为16000元。", 16_000),
        ("印制*2000、折页*45000，共计55000元。", 55_000),
        ("项目预算金额约331354.00元，用于工资。", 331_354),
    ],
)
def test_read_budget__total_alone(text: str, total: int) -> None:
    assert read(text) == (total, [])


def test_read_budget__numbered_items() -> None:
    assert read(
        "2031年该项目预算60万元。其中：1. 养护费、补种费45万元；2. 展览费，预算10万元；3、其他费用共计5万元。"
    ) == (
        600_000,
        [("养护费、补种费", 450_000), ("展览费", 100_000), ("其他费用", 50_000)],
    )


@pytest.mark.parametrize(
    ("text", "total", "items"),
    [
        ("项目总预算100万元，2031年安排预算50万元。", 500_000, []),
        (
            "项目总投资500万元，2030年已安排40万元，2031年度预算50万元，其中：设备费50万元。",
            500_000,
            [("设备费", 500_000)],
        ),
        ("2030年预算80万元，2031年预算90万元。", 900_000, []),
        ("2031年预算金额：100万元；上年预算80万元。", 1_000_000, []),
        ("本年度申请预算100万元，比上年增加20万元。", 1_000_000, []),
        ("2031年预算数100万元，较2030年预算数80万元增加20万元，增长25%。", 1_000_000, []),
        ("项目总预算60万元", 600_000, []),
        (
            "2030年该项目预算90万元。其中：设备费90万元。",
            900_000,
            [("设备费", 900_000)],
        ),  # last year's text, not mended
    ],
)
def test_read_budget__of_the_year_not_of_all_years_or_of_the_year_before(
    text: str, total: int, items: list[tuple[str, int]]
) -> None:
    folded = fold(text)
    found = read_budget(folded, 2031)
    assert found.total_yuan == total
    assert [(folded[slice(*item.name)], item.yuan) for item in found.items] == items


@pytest.mark.parametrize(
    ("text", "total"),
    [
        ("共计100万元。具体为：（1）设备费：20万元（2）培训费：80万元", 1_000_000),
        ("预算总额：100万元。1）设备费20万元；2）培训费80万元", 1_000_000),
        ("设备费20万元；培训费80万元；合计：100万元。", 1_000_000),
        ("一、设备费20万元。二、培训费80万元。总计100万元。", 1_000_000),
        ("2031年预算安排100万元，其中设备费20万元（含电脑10万元）、培训费80万元。", 1_000_000),
        ("年度预算100万元（其中：设备费20万元、培训费80万元）。", 1_000_000),
        ("设备费：10人×20000元=200000元；培训费：每人每月3000元，共10人，全年80万元", None),
        ("设备费=10人*20000元=200000元；培训费 800,000.00；", None),
    ],
)
def test_read_budget__totals_and_items_of_many_wordings(text: str, total: int | None) -> None:
    assert read(text) == (total, [("设备费", 200_000), ("培训费", 800_000)])


def test_read_budget__items_of_one_number_and_amounts_without_a_unit() -> None:
    text = "年度预算资金1,300元，包括：1、养护费100元；2、其他项目：展览费500元、印刷费2500；补贴2600等费用组成；"
    assert read(text)[1] == [("养护费", 100), ("展览费", 500), ("印刷费", 2500), ("补贴", 2600)]


def test_read_budget__units_mixed() -> None:
    assert read("师资费0.6万元；会务费0.09万元，合计预算6900元。") == (6_900, [("师资费", 6_000), ("会务费", 900)])


def test_read_budget__formulas_stand_beside_their_items() -> None:
    text = fold(
        "（1）工资161380.64元/人/年*14人=2259329元，（2）伙食400元/人/月*14人*12月=67200元；以上资金合计2326529元。"
    )
    found = read_budget(text)
    assert found.total_yuan == 2_326_529
    assert [(text[slice(*i.name)], i.yuan, text[slice(*i.formula)]) for i in found.items if i.formula] == [
        ("工资", 2_259_329, "161380.64元/人/年*14人="),
        ("伙食", 67_200, "400元/人/月*14人*12月="),
    ]


def test_read_budget__prices_are_no_items() -> None:
    text = "人工成本：人均160882元，共14人，共计2252348元；餐费：每月每人400元，共14人，共计67200元"
    assert read(text) == (None, [("人工成本", 2_252_348), ("餐费", 67_200)])


def test_read_budget__name_after_its_amount() -> None:
    text = "2031年资金预算为300.25元，100.25元用于储备；200元用于工资。"
    assert read(text) == (Decimal("300.25"), [("储备", Decimal("100.25")), ("工资", 200)])


def test_read_budget__quarters_share_no_total() -> None:
    text = "第一季度用款计划15万元，第二季度用款计划25万元。"
    assert read(text) == (None, [("第一季度", 150_000), ("第二季度", 250_000)])


def test_read_budget__malformed_total_has_no_value() -> None:
    found = read_budget("项目预算金额294.4044.00元，用于慰问。")
    assert (found.total_yuan, found.total_printed, list(found.items)) == (None, "294.4044.00元", [])


@pytest.mark.parametrize("text", ["", "详见附件。", "2031年1月1日至2031年12月31日", "第3名，共5人"])
def test_read_budget__no_amount(text: str) -> None:
    assert read(text) == (None, [])
