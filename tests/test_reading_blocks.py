"""Sheets and tables to blocks: what is in the cells and what must come out stand side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnbudget.model import Cell, Grid, GridSource, Paragraph
from cnbudget.reading.blocks import cells_to_blocks
from tests.office_files import shape


def grid_cells(*lines: str) -> list[Cell]:
    """`a|b||c` a row; `_` widens the cell before it."""
    cells: list[Cell] = []
    for row, line in enumerate(lines):
        for column, text in enumerate(line.split("|")):
            if text == "_":
                last = cells.pop()
                cells.append(Cell(last.row, last.column, last.text, 1, last.column_span + 1))
            elif text:
                cells.append(Cell(row, column, text))
    return cells


def test_cells_to_blocks__forms_below_one_another_part_at_their_titles() -> None:
    cells = grid_cells(
        *("甲预算总表|_|_", "编制部门：甲局||单位：元", "项目|科目|合计", "收入|a|1", "支出||2", "注：无", ""),
        *("乙预算总表（二）", "单位：万元", "项目|合计", "b|3"),
    )
    assert shape(cells_to_blocks(cells, GridSource.SHEET)) == [
        *("甲预算总表", "编制部门：甲局  单位：元", [["项目", "科目", "合计"], ["收入", "a", "1"], ["支出", "", "2"]]),
        *("注：无", "乙预算总表（二）", "单位：万元", [["项目", "合计"], ["b", "3"]]),
    ]


def test_cells_to_blocks__label_without_amount_stays_in_its_table() -> None:
    cells = grid_cells(
        "收支预算总表", "收入|预算数|支出|预算数", "一、甲|1|一、乙|1", "二、丙", "", "三、丁", "总计|1|总计|1"
    )
    assert shape(cells_to_blocks(cells, GridSource.SHEET))[1:] == [
        [
            ["收入", "预算数", "支出", "预算数"],
            ["一、甲", "1", "一、乙", "1"],
            *(["二、丙", "", "", ""], ["三、丁", "", "", ""]),
            ["总计", "1", "总计", "1"],
        ]
    ]


def test_cells_to_blocks__amount_alone_at_the_end_stays_in_its_table() -> None:
    assert shape(cells_to_blocks(grid_cells("a|b", "c|1", "", "|2"), GridSource.SHEET)) == [
        [["a", "b"], ["c", "1"], ["", "2"]]
    ]


def test_cells_to_blocks__stray_cell_far_away_makes_no_huge_grid() -> None:
    cells = [Cell(0, 0, "a"), Cell(0, 1, "b", 1, 16_000), Cell(1, 0, "c"), Cell(1_048_575, 16_383, "7")]
    (grid,) = cells_to_blocks(cells, GridSource.SHEET)
    assert isinstance(grid, Grid)
    assert (grid.n_rows, grid.n_columns) == (3, 3)


@given(
    st.lists(
        st.lists(st.sampled_from(["", "表", "注：", "单位：元", "项目", "1", "2,000.00"]), max_size=4), max_size=12
    )
)
def test_cells_to_blocks__loses_no_text_and_keeps_its_order(table: list[list[str]]) -> None:
    cells = grid_cells(*("|".join(row) for row in table))
    blocks = cells_to_blocks(cells, GridSource.SHEET)
    texts = [
        text
        for block in blocks
        for text in ([block.text] if isinstance(block, Paragraph) else [cell.text for cell in block.cells])
    ]
    assert "".join(texts).replace(" ", "") == "".join(cell.text for cell in cells)
