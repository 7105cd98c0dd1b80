"""Institutions and disclosures: sentences of our own, then the labels of the published documents."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cnbudget import money
from cnbudget.model import InstitutionKind, InstitutionRow, Paragraph
from cnbudget.prose.disclosures import Institution, disclosures, institutions
from cnbudget.prose.narrative import claims
from cnbudget.prose.sections import Section, SectionKind, sections, to_lines
from cnbudget.reading import read_document
from tests.corpus import named, needs_corpus
from tests.prose_labels import LABELLED, labels_of, prose

K = InstitutionKind


def listed(*lines: str) -> list[Institution]:
    return institutions([Section(SectionKind.INSTITUTIONS, "", to_lines(Paragraph(line) for line in lines))])


def test_institutions__counts_by_kind_and_numbered_names() -> None:
    found = listed(
        "某区园林局部门预算是包括本部以及下属 2 家预算单位的综合收支计划。",
        "本部门中，行政单位1家，参公单位1家，事业单位 1 家，具体包括：",
        "1. 某区园林局（本部）。",
        "2. 某区苗圃（某区花卉站）",
        "3. 某区园林执法队；",
    )
    counts = {row.kind: row.n_stated for row in found if row.row_type is InstitutionRow.STATED}
    assert counts == {K.BUDGET_UNIT: 2, K.ADMINISTRATIVE: 1, K.CIVIL_SERVICE_MANAGED: 1, K.PUBLIC_INSTITUTION: 1}
    names = [(row.position, row.name, row.kind) for row in found if row.row_type is InstitutionRow.LISTED]
    assert names == [
        (1, "某区园林局（本部）", K.BUDGET_UNIT),
        (2, "某区苗圃（某区花卉站）", K.BUDGET_UNIT),
        (3, "某区园林执法队", K.BUDGET_UNIT),
    ]


def test_institutions__internal_departments_in_a_sentence() -> None:
    found = listed("某馆设3个内设机构，包括：办公室（财务室、人事室）、展", "陈部、保卫部。按规定设置党支部。")
    assert [row.name or row.n_stated for row in found] == [3, "办公室（财务室、人事室）", "展陈部", "保卫部"]
    assert {row.kind for row in found} == {K.INTERNAL_DEPARTMENT}


@pytest.mark.parametrize(
    ("lines", "stated", "names"),
    [
        ("某局设有办公室、财务科2个内设机构。", [(K.INTERNAL_DEPARTMENT, 2)], ["办公室", "财务科"]),
        ("某校单位设三个内设机构，包括：办公室、教务处、工会。", [(K.INTERNAL_DEPARTMENT, 3)], ["办公室", "教务处", "工会"]),
        ("某院内设科室12个，具体为：院办、医务科。", [(K.INTERNAL_DEPARTMENT, 12)], ["院办", "医务科"]),
        ("某中心下设综合科、业务科等两个科室。", [(K.INTERNAL_DEPARTMENT, 2)], ["综合科", "业务科"]),
        ("某中心内设机构：办公室、业务科。", [], ["办公室", "业务科"]),
        ("某校设有教务处、政教处。", [], ["教务处", "政教处"]),
        ("某局内设机构如下：|（一）办公室：负责文件、会务。|（二）财务科：负责财务。", [], ["办公室", "财务科"]),
        ("某办共有2个派出机构，分别为东站、西站。", [(K.DISPATCHED_AGENCY, 2)], ["东站", "西站"]),
        ("某局所属2个预算单位，分别为某局本级和某局服务中心。", [(K.BUDGET_UNIT, 2)], ["某局本级", "某局服务中心"]),
        (
            "某局预算包括局本部以及下属三家预算单位的综合收支计划。本部门中，行政单位1家，参照公务员法管理的事业单位1家，"
            "公益一类事业单位2家，分别是：甲、乙。",
            [(K.BUDGET_UNIT, 3), (K.ADMINISTRATIVE, 1), (K.CIVIL_SERVICE_MANAGED, 1), (K.PUBLIC_INSTITUTION, 2)],
            ["甲", "乙"],
        ),
        ("纳入预算编制范围的预算单位共5个：|（一）行政单位：甲局、乙局|（二）事业单位：丙站", [(K.BUDGET_UNIT, 5)], ["甲局", "乙局", "丙站"]),
    ],
)  # fmt: skip
def test_institutions__of_many_wordings(lines: str, stated: list[tuple[K, int]], names: list[str]) -> None:
    found = listed(*lines.split("|"))
    assert [(row.kind, row.n_stated) for row in found if row.row_type is InstitutionRow.STATED] == stated
    assert [row.name for row in found if row.row_type is InstitutionRow.LISTED] == names


def test_disclosures__equipment_and_goals_by_kind() -> None:
    lines = ["截至2030年12月31日，共有单价50万元以上通用设备1台（套）、单价100万元以上专用设备2台（套）。"]
    section = Section(SectionKind.OTHER_NOTES, "", to_lines(Paragraph(line) for line in lines))
    assert [(row.key, row.item, row.value) for row in disclosures(claims([section], 2031))] == [
        ("equipment_stock", "单价50万元以上通用设备", 1),
        ("equipment_stock", "单价100万元以上专用设备", 2),
    ]


def test_disclosures__amounts_in_yuan_and_counts_with_their_date() -> None:
    lines = [
        "三、政府采购预算情况",
        "2031年度政府采购预算20.60万元，其中：政府采购货物预算0.60万元、政府采购工程预算0万元、政府采购服务预算20万元。",
        "五、国有资产占有使用情况",
        "截至2030年12月31日，某馆共有车辆2辆，其中：其他用车2辆。",
    ]
    section = Section(SectionKind.OTHER_NOTES, "", to_lines(Paragraph(line) for line in lines))
    found = disclosures(claims([section], 2031))
    assert [(row.key, row.item, row.value, row.unit, row.as_of) for row in found] == [
        ("procurement_total", None, Decimal(206_000), "元", None),
        ("procurement_goods", None, Decimal(6_000), "元", None),
        ("procurement_works", None, Decimal(0), "元", None),
        ("procurement_services", None, Decimal(200_000), "元", None),
        ("vehicles_stock", None, Decimal(2), "辆", "2030-12-31"),
        ("vehicles_stock", "其他用车", Decimal(2), "辆", "2030-12-31"),
    ]


# --- the corpus ------------------------------------------------------------------------------------------------------

_KINDS = {
    "下属预算单位": K.BUDGET_UNIT,
    "行政单位": K.ADMINISTRATIVE,
    "参公单位": K.CIVIL_SERVICE_MANAGED,
    "事业单位": K.PUBLIC_INSTITUTION,
    "内设机构（陈述数）": K.INTERNAL_DEPARTMENT,
}
_KEYS = {
    "agency_operating": "agency_operating_expenses",
    "performance_n_units": "performance_units",
    "performance_n_projects": "performance_projects",
    "performance_n_projects_ge_1000wan": "performance_large_projects",
    "equipment_ge_100wan": "equipment_stock",
    "purchase_equipment_ge_100wan": "equipment_purchase",
    "vehicles_total": "vehicles_stock",
    "purchase_vehicles_total": "vehicles_purchase",
    "sangong_total": "three_public_total",
    "sangong_abroad": "overseas_travel",
    "sangong_reception": "official_reception",
    "sangong_vehicle": "vehicle_total",
    "sangong_vehicle_purchase": "vehicle_purchase",
    "sangong_vehicle_running": "vehicle_operation",
}
_ITEMISED = {
    "purchase_vehicles_": "vehicles_purchase",
    "vehicles_": "vehicles_stock",
    "performance_project_": "performance_item",
    "agency_operating_n_": "agency_operating_units",
}


@needs_corpus
def test_corpus__institutions() -> None:
    missing, n_labels = [], 0
    for name in LABELLED:
        found = prose(name).institutions
        stated = {(row.kind, row.n_stated) for row in found}
        names = {(row.position, money.key(row.name)) for row in found if row.position and row.name}
        for label in labels_of("institutions", name):
            n_labels += 1
            what, value = label["order_or_count_name"], label["name_or_count"]
            is_found = (
                (_KINDS[what], int(value)) in stated
                if label["row_type"] == "stated"
                else (int(what), money.key(value)) in names
            )
            missing.extend([] if is_found else [label])
        assert len(found) <= len(labels_of("institutions", name))
    assert n_labels > 50
    assert len(missing) / n_labels <= 0.02, missing


@needs_corpus
def test_corpus__disclosures() -> None:
    missing, n_labels = [], 0
    for name in LABELLED:
        found = {(row.key, money.key(row.item or ""), row.value) for row in prose(name).disclosures}
        dates = {row.as_of for row in prose(name).disclosures}
        for label in labels_of("disclosures", name):
            n_labels += 1
            is_found = label["value"] in dates if label["unit"] == "date" else any(key in found for key in _keys(label))
            missing.extend([] if is_found else [label])
    assert n_labels > 220
    assert len(missing) / n_labels <= 0.02, missing


def _keys(label: dict[str, str]) -> list[tuple[str, str, Decimal]]:
    key, value = label["key"], Decimal(label["value"]) * (10_000 if label["unit"] == "万元" else 1)
    if key in _KEYS or key.startswith(("procurement_", "performance_amount")):
        return [(_KEYS.get(key, key), "", value)]
    start = next(start for start in _ITEMISED if key.startswith(start))
    item = key.removeprefix(start)
    items = [item, "参公事业单位"] if item == "参公" else [item]
    return [(_ITEMISED[start], item, value) for item in items]


@needs_corpus
@pytest.mark.parametrize("name", LABELLED)
def test_corpus__every_disclosure_has_a_label(name: str) -> None:
    assert len(prose(name).disclosures) <= len(labels_of("disclosures", name))


@needs_corpus
@pytest.mark.parametrize("path", named("shanghai-2026/*.pdf"))
def test_corpus__as_many_institutions_are_listed_as_are_counted(path: Path) -> None:
    found = institutions(sections(read_document(path.name, path.read_bytes())))
    counted = [row.n_stated for row in found if row.row_type is InstitutionRow.STATED]
    assert counted == [sum(row.row_type is InstitutionRow.LISTED for row in found)]
