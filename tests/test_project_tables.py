"""Projects in tables: forms of performance goals, lists, and tables that are neither. Content is the project's own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cnbudget.model import AmountSource, Block, Cell, Document, Grid, GridSource, MediaType, Paragraph
from cnbudget.prose import read_prose
from cnbudget.prose.project_tables import project_tables
from cnbudget.prose.projects import Project
from tests.test_projects import CARE

FORM = [
    ["财政项目支出绩效目标申报表"],
    ["项目名称", "树木养护"],
    ["项目实施单位", "某区园林所", "项目类型", "经常性项目"],
    ["计划开始日期", "2031-01-01", "计划完成日期", "2031-12-31"],
    ["项目总预算（元）", "3,000,000.00", "当年预算数（元）", "1,000,000.00"],
    ["项目概况", "对全区树木进行养护。"],
    ["立项依据", "《公园条例》"],
    ["项目总目标", "成活率达到95%。"],
    ["一级指标", "二级指标", "三级指标", "目标值"],
    ["产出指标", "数量指标", "养护树木", "=5000株"],
]


def grid(rows: list[list[str]], page: int = 7) -> Grid:
    cells = [Cell(y, x, text, page=page) for y, row in enumerate(rows) for x, text in enumerate(row) if text]
    return Grid(cells, len(rows), max(map(len, rows)), GridSource.RULED, page)


def document(*blocks: Block) -> Document:
    return Document("0" * 64, "t.pdf", MediaType.PDF, 1, 9, blocks)


def read(*blocks: Block) -> list[Project]:
    return project_tables(document(*blocks))


def amounts(found: list[Project]) -> list[tuple[str | None, Decimal | None]]:
    return [(project.name, project.annual_budget_yuan) for project in found]


def test_project_tables__a_form_gives_what_stands_behind_its_labels() -> None:
    (project,) = read(grid(FORM))
    assert (project.name, project.implementer) == ("树木养护", "某区园林所")
    assert (project.annual_budget_yuan, project.amount_source) == (1_000_000, AmountSource.STATED)
    assert project.period == "2031-01-01至2031-12-31"
    assert (project.overview, project.legal_basis, project.goals) == (
        "对全区树木进行养护。",
        "《公园条例》",
        "成活率达到95%。",
    )
    assert (project.page, project.quote, project.is_table) == (7, "树木养护", True)


def test_project_tables__a_form_over_two_pages_and_two_forms_in_one_table() -> None:
    other = [["项目名称", "花卉展览"], ["年度预算（万元）", "20"], ["年度绩效目标", "办展。"]]
    found = read(grid(FORM[:5]), grid([*FORM[5:], *other], page=8))
    assert amounts(found) == [("树木养护", 1_000_000), ("花卉展览", 200_000)]
    assert (found[0].goals, found[1].page) == ("成活率达到95%。", 8)


@pytest.mark.parametrize(
    ("label", "value", "title", "yuan"),
    [
        ("当年预算", "12.5万元", "", 125_000),
        ("当年预算（万元）", "12.5", "", 125_000),
        ("年度资金总额", "12.5", "单位：万元", 125_000),
        ("项目预算", "1,250.00元", "", 1250),
        ("当年预算", "12.5", "", None),  # no unit anywhere
        ("项目总预算（元）", "1250", "", None),  # of all years
        ("当年预算（元）", "见附件", "", None),
    ],
)
def test_project_tables__an_amount_needs_a_unit_and_a_year(
    label: str, value: str, title: str, yuan: int | None
) -> None:
    (project,) = read(
        Paragraph(title or "附表", 7), grid([["项目名称", "树木养护"], [label, value], ["绩效目标", "成活。"]])
    )
    assert project.annual_budget_yuan == yuan


def test_project_tables__a_list_gives_a_project_a_row() -> None:
    rows = [
        ["序号", "项目名称", "实施单位", "年度预算"],
        ["1", "树木养护", "某区园林所", "12.50"],
        ["序号", "项目名称", "实施单位", "年度预算"],  # the heading comes again on the next page
        ["2", "花卉展览", "", "7.50"],
        ["", "合计", "", "20.00"],
    ]
    found = read(Paragraph("2031年项目支出预算表", 7), Paragraph("单位：万元", 7), grid(rows))
    assert amounts(found) == [("树木养护", 125_000), ("花卉展览", 75_000)]
    assert [project.implementer for project in found] == ["某区园林所", None]


@pytest.mark.parametrize(
    "blocks",
    [
        [
            Paragraph("政府采购预算明细表"),
            grid([["项目名称", "采购类别", "预算金额（元）"], ["打印机", "货物", "500"]]),
        ],
        [grid([["序号", "采购项目", "项目名称", "预算金额（元）"], ["1", "货物", "打印机", "500"]])],
        [grid([["项目", "功能分类科目名称", "合计"], ["项目名称", "某项目", "5"]])],
        [grid([["项目名称", "树木养护"], ["金额", "5元"]])],
        [grid([["项目名称"], ["绩效目标"]])],
    ],
)
def test_project_tables__other_tables_are_none(blocks: list[Block]) -> None:
    assert read(*blocks) == []


def test_read_prose__a_project_of_the_text_is_not_taken_from_its_table_again() -> None:
    lines = [Paragraph(line, 6) for line in ("树木养护项目经费情况说明", *CARE)]
    other = [["项目名称", "花卉展览"], ["当年预算（元）", "200"], ["绩效目标", "办展。"]]
    found = read_prose(document(*lines, grid(FORM), grid(other)), 2031).projects
    assert amounts(list(found)) == [("树木养护", 100), ("花卉展览", 200)]
