"""Publishers and jurisdictions: one body in many spellings, and the place that a text states."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnbudget import publishers
from cnbudget.model import JurisdictionLevel
from cnbudget.publishers import jurisdiction, normalise_publisher, publisher_id


def test_jurisdictions__cover_the_country() -> None:
    with (publishers.DATA / "jurisdictions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len([row for row in rows if not row["parent"]]) == 34  # 23 省, 5 自治区, 4 直辖市, 2 特别行政区
    assert len([row for row in rows if row["level"] == "municipal" and row["parent"]]) == 333
    in_use = [row for row in rows if row["parent"] == "310000" and "no longer" not in row["source"]]
    assert len(in_use) == 16


@pytest.mark.parametrize(
    "spelling",
    [
        "上海市松江区示例事务中心",
        "上海市松江区 示例事务中心（本级）",
        "上海市松江区示例事务中心(部门)",
        "上海市松江区示例事务中心（单位）",
        "上海市松江区示例事务中心本级\u3000",
        "上海市松江区示例事务中心(本部)（单位）",
    ],
)
def test_normalise_publisher__one_body(spelling: str) -> None:
    assert normalise_publisher(spelling) == "上海市松江区示例事务中心"


def test_normalise_publisher__keeps_other_brackets_and_digits() -> None:
    assert normalise_publisher("示例第１中心(筹)") == "示例第1中心（筹）"


def test_normalise_publisher__aliases_are_data() -> None:
    for alias, name in publishers._aliases().items():
        assert normalise_publisher(alias) == name == normalise_publisher(name)


def test_publisher_id__the_same_with_and_without_its_place() -> None:
    full = publisher_id("上海市松江区示例局", "310117")
    assert full == publisher_id("松江区示例局（部门）", "310117") == publisher_id("示例局", "310117")
    assert full.startswith("310117-")
    assert len({full, publisher_id("上海市普陀区示例局", "310107"), publisher_id("示例局", None)}) == 3


def test_publisher_id__a_name_that_is_only_a_place() -> None:
    assert publisher_id("上海市", "310000") != publisher_id("", "310000")


@pytest.mark.parametrize(
    ("text", "code", "name", "its_level"),
    [
        ("上海市普陀区2024年区级部门预算", "310107", "上海市普陀区", "district"),
        ("上海市2024年普陀区部门预算", "310107", "上海市普陀区", "district"),
        ("上海市2026年市级单位预算", "310000", "上海市", "municipal"),
        ("2026 年度上海市市级部门预算", "310000", "上海市", "municipal"),
        ("上海市松江区人力资源和社会保障局", "310117", "上海市松江区", "district"),
        ("上海市浦东新区财政局", "310115", "上海市浦东新区", "district"),
        ("北京市审计局", "110000", "北京市", "municipal"),
        ("福州市仓山生态环境局", "350100", "福州市", "municipal"),
        ("福建省福州市仓山区财政局", "350104", "福州市仓山区", "district"),
        ("济南市市中区财政局", "370103", "济南市市中区", "district"),
        ("吉林省吉林市", "220200", "吉林市", "municipal"),
        ("昆山市2024年市级部门预算", "320583", "昆山市", "district"),
        ("湖北省仙桃市财政局", "429004", "仙桃市", "district"),
        ("广西壮族自治区级部门预算", "450000", "广西壮族自治区", "provincial"),
        ("松江区财政局", "310117", "上海市松江区", "district"),
        ("上海市松江区示范镇人民政府", None, "上海市松江区示范镇", "township"),
        ("上海市闸北区2014年部门预算", "310108", "上海市闸北区", "district"),
    ],
)
def test_jurisdiction(text: str, code: str | None, name: str, its_level: str) -> None:
    found = jurisdiction(text)
    assert found is not None
    assert (found.code, found.name, found.level) == (code, name, JurisdictionLevel(its_level))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024年部门预算",
        "普陀区财政局",  # of Shanghai or of Zhoushan
        "江苏省鼓楼区财政局",  # of Nanjing or of Xuzhou
        "上海市鼓楼区财政局",  # no such district
        "上海市2024年区级部门预算",
        "上海市松江区2024年镇级部门预算",
        "上海示例大学",
        "城区管理办公室",
    ],
)
def test_jurisdiction__not_told(text: str) -> None:
    assert jurisdiction(text) is None


@given(st.text(max_size=30))
def test_jurisdiction__hostile_text(text: str) -> None:
    found = jurisdiction("上海市松江区" + text)
    assert found is None or found.code in {None, "310117"}


def test_jurisdiction__every_place_by_its_full_name() -> None:
    for place in publishers._places().by_code.values():
        found = jurisdiction(place.full_name + "财政局")
        assert found is not None, place
        assert found.code == place.code
