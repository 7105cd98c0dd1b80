"""Forms bound from tab-separated text, whose rows stand in the test, and from built grids where geometry matters."""

from collections.abc import Sequence

import pytest

from cnbudget.model import Block, Box, Cell, Document, FormId, Grid, GridSource, Measure, MediaType, Paragraph, Side
from cnbudget.reading import text
from cnbudget.recognise import Recognition, Statement, recognise

HEAD = "编制部门：云川区甲局\n单位：元\n\n"
T3_HEADER = (
    "项目\t\t\t\t支出预算\t\t\n功能分类科目编码\t\t\t功能分类科目名称\t合计\t基本支出\t项目支出\n类\t款\t项\t\t\t\t\n"
)


def read(content: str) -> Recognition:
    return recognise(text.read("budget.txt", content.encode()))


def only(found: Recognition) -> Statement:
    (statement,) = found.statements
    return statement


def amounts(statement: Statement) -> dict[tuple[int, str], str]:
    return {(row.row_no, a.measure.value): a.text for row in statement.rows for a in row.amounts}


def built(*blocks: Block) -> Document:
    return Document("0" * 64, "built.pdf", MediaType.PDF, 1, 2, blocks)


def grid(
    rows: Sequence[Sequence[str]], page: int, *, wide: dict[tuple[int, int], tuple[int, int]] | None = None
) -> Grid:
    """A ruled grid of texts; `wide` gives the (row span, column span) of merged cells."""
    spans = wide or {}
    filled = [
        Cell(i, j, cell, *spans.get((i, j), (1, 1)), page, Box(60 * j, 20 * i, 60 * j + 50, 20 * i + 10))
        for i, row in enumerate(rows)
        for j, cell in enumerate(row)
        if cell
    ]
    return Grid(filled, len(rows), max(map(len, rows)), GridSource.RULED, page)


T3_ROWS = [
    ["项目", "", "", "", "支出预算", "", ""],
    ["功能分类科目编码", "", "", "功能分类科目名称", "合计", "基本支出", "项目支出"],
    ["类", "款", "项", "", "", "", ""],
]
T3_SPANS = {
    (0, 0): (1, 4),
    (0, 4): (1, 3),
    (1, 0): (1, 3),
    (1, 3): (2, 1),
    (1, 4): (2, 1),
    (1, 5): (2, 1),
    (1, 6): (2, 1),
}


def test_recognise__binds_rows_codes_and_amounts() -> None:
    found = read(
        "2024年部门支出预算总表\n"
        + HEAD
        + T3_HEADER
        + "205\t\t\t教育支出\t300\t100\t200\n205\t08\t\t进修及培训\t300\t100\t200\n合计\t\t\t\t300\t100\t200\n"
    )
    statement = only(found)
    assert statement.form.form_id is FormId.EXPENDITURE_SUMMARY
    assert (statement.year, statement.unit, statement.compiler, statement.is_unit) == (2024, "元", "云川区甲局", False)
    assert [row.codes for row in statement.rows] == [("205", "", ""), ("205", "08", ""), ("", "", "")]
    assert amounts(statement)[3, "project"] == "200"
    assert found.unassigned == []


@pytest.mark.parametrize(
    ("title", "form_id"),
    [
        ("2024年部门财务收支预算总表", None),  # the columns below are those of another form
        ("支出预算总表", FormId.EXPENDITURE_SUMMARY),
        ("3. 2026年预算单位支出预算总表", FormId.EXPENDITURE_SUMMARY),
        ("２０２４年单位支出预算总表", FormId.EXPENDITURE_SUMMARY),
    ],
)
def test_recognise__knows_title_variants(title: str, form_id: FormId | None) -> None:
    found = read(title + "\n" + HEAD + T3_HEADER + "205\t\t\t教育支出\t300\t100\t200\n")
    assert [statement.form.form_id for statement in found.statements] == ([form_id] if form_id else [])


def test_recognise__a_contents_page_only_lists_titles() -> None:
    found = read("目录\n1. 2024年部门支出预算总表\n2. 2024年部门收入预算总表\n\n正文\n")
    assert found.statements == []
    assert [form_id for form_id, _, _ in found.titles] == [FormId.EXPENDITURE_SUMMARY, FormId.REVENUE_SUMMARY]


def test_recognise__goes_on_after_a_repeated_header_with_other_spans() -> None:
    second = T3_HEADER.replace("项目\t\t\t\t支出预算\t\t", "项目\t\t\t支出预算\t\t\t")
    found = read(
        "2024年部门支出预算总表\n"
        + HEAD
        + T3_HEADER
        + "205\t\t\t教育支出\t300\t100\t200\n\n"
        + second
        + "208\t\t\t社会保障和就业支出\t5\t5\t\n合计\t\t\t\t305\t105\t200\n"
    )
    assert [row.row_no for row in only(found).rows] == [1, 2, 3]
    assert amounts(only(found))[2, "basic"] == "5"


def test_recognise__a_total_row_alone_on_its_page_counts_its_columns_from_the_right() -> None:
    first = grid([*T3_ROWS, ["205", "", "", "教育支出", "300", "100", "200"]], 1, wide=T3_SPANS)
    last = grid([["合计", "300", "100", "200"]], 2)
    found = recognise(built(Paragraph("2024年部门支出预算总表", 1), Paragraph("单位：元", 1), first, last))
    assert amounts(only(found)) == {
        (1, "total"): "300", (1, "basic"): "100", (1, "project"): "200",
        (2, "total"): "300", (2, "basic"): "100", (2, "project"): "200",
    }  # fmt: skip
    assert only(found).rows[1].labels == {None: "合计"}


def test_recognise__joins_right_hand_columns_on_pages_of_their_own() -> None:
    left = grid([row[:5] for row in T3_ROWS] + [["205", "", "", "教育支出", "300"], ["合计", "", "", "", "300"]], 1,
                wide={**T3_SPANS, (0, 4): (1, 1)})  # fmt: skip
    right = grid([["支出预算", ""], ["基本支出", "项目支出"], ["", ""], ["100", "200"], ["100", "200"]], 2,
                 wide={(0, 0): (1, 2), (1, 0): (2, 1), (1, 1): (2, 1)})  # fmt: skip
    found = recognise(built(Paragraph("2024年部门支出预算总表", 1), Paragraph("单位：元", 1), left, right))
    assert found.unassigned == []
    assert amounts(only(found))[1, "basic"] == "100"
    assert amounts(only(found))[2, "project"] == "200"


def test_recognise__right_hand_columns_without_their_rows_are_unassigned() -> None:
    left = grid([*T3_ROWS, ["205", "", "", "教育支出", "300", "", ""]], 1, wide=T3_SPANS)
    right = grid([["支出预算", ""], ["基本支出", "项目支出"], ["100", "200"], ["7", "8"]], 2, wide={(0, 0): (1, 2)})
    found = recognise(built(Paragraph("2024年部门支出预算总表", 1), Paragraph("单位：元", 1), left, right))
    assert [item.text for item in found.unassigned] == ["100", "200", "7", "8"]


def test_recognise__a_row_clipped_at_the_page_foot_counts_once() -> None:
    row = ["205", "", "", "教育支出", "300", "100", "200"]
    found = recognise(
        built(
            Paragraph("2024年部门支出预算总表", 1),
            grid([*T3_ROWS, row], 1, wide=T3_SPANS),
            grid([row, ["合计", "", "", "", "300", "100", "200"]], 2),
        )
    )
    assert [tuple(r.labels.values()) for r in only(found).rows] == [("教育支出",), ("合计",)]


def test_recognise__another_form_ends_the_one_before_and_is_named() -> None:
    found = read(
        "2024年部门支出预算总表\n" + HEAD + T3_HEADER + "205\t\t\t教育支出\t300\t100\t200\n\n"
        "财政拨款项目支出预算表\n单位：元\n\n项目名称\t金额\n甲项目\t200\n"
    )
    assert len(only(found).rows) == 1
    assert [(other.title, other.n_numbers) for other in found.others] == [("财政拨款项目支出预算表", 1)]


def test_recognise__a_number_in_a_column_without_a_header_is_unassigned() -> None:
    header = (
        T3_HEADER.replace("支出预算\t\t\n", "支出预算\t\t\t\n")
        .replace("项目支出\n", "项目支出\t\n")
        .replace("\t\t\t\t\n", "\t\t\t\t\t\n")
    )
    found = read("2024年部门支出预算总表\n" + HEAD + header + "205\t\t\t教育支出\t300\t100\t200\t77\n")
    assert [item.text for item in found.unassigned] in ([], ["77"])
    assert amounts(only(found)).get((1, "project")) == "200"


def test_recognise__an_empty_extra_column_is_passed_over() -> None:
    rows = [[*row[:4], "", *row[4:]] for row in [*T3_ROWS, ["205", "", "", "教育支出", "300", "100", "200"]]]
    spans = {(r, c + (c > 3)): span for (r, c), span in T3_SPANS.items()}
    found = recognise(built(Paragraph("2024年部门支出预算总表", 1), grid(rows, 1, wide=spans)))
    assert amounts(only(found)) == {(1, "total"): "300", (1, "basic"): "100", (1, "project"): "200"}


@pytest.mark.parametrize("cell", ["12元", "1.2.3", "100 200", "约5"])
def test_recognise__a_cell_that_is_not_one_number_is_unassigned(cell: str) -> None:
    found = read("2024年部门支出预算总表\n" + HEAD + T3_HEADER + f"205\t\t\t教育支出\t{cell}\t100\t200\n")
    assert found.unassigned
    assert (1, "total") not in amounts(only(found))


def test_recognise__a_dash_is_no_amount_and_no_loss() -> None:
    found = read("2024年部门支出预算总表\n" + HEAD + T3_HEADER + "205\t\t\t教育支出\t300\t—\t300\n")
    assert found.unassigned == []
    assert (1, "basic") not in amounts(only(found))


def test_recognise__a_zero_is_an_amount() -> None:
    found = read("2024年部门支出预算总表\n" + HEAD + T3_HEADER + "205\t\t\t教育支出\t300\t0.00\t300\n")
    assert amounts(only(found))[1, "basic"] == "0.00"


def test_recognise__a_bare_number_below_a_table_is_unassigned_but_a_page_number_is_not() -> None:
    table = grid([*T3_ROWS, ["205", "", "", "教育支出", "300", "100", "200"]], 1, wide=T3_SPANS)
    found = recognise(
        built(Paragraph("2024年部门支出预算总表", 1), table, Paragraph("128,600", 1), Paragraph("- 12 -", 1))
    )
    assert [item.text for item in found.unassigned] == ["128,600"]


def test_recognise__reads_both_sides_of_the_wide_summary() -> None:
    rows = [
        ["本年收入", "", "本年支出", "", "", "", ""],
        ["项目", "预算数", "项目", "预算数", "", "", ""],
        ["", "", "", "合计", "基本支出", "", "项目支出"],
        ["", "", "", "", "人员经费", "公用经费", ""],
        ["一、财政拨款收入", "60", "一、教育支出", "60", "30", "20", "10"],
        ["收入总计", "60", "支出总计", "60", "30", "20", "10"],
    ]
    spans = {(0, 0): (1, 2), (0, 2): (1, 5), (1, 0): (3, 1), (1, 1): (3, 1), (1, 2): (3, 1), (1, 3): (1, 4),
             (2, 3): (2, 1), (2, 4): (1, 2), (2, 6): (2, 1)}  # fmt: skip
    found = recognise(built(Paragraph("2024年部门财务收支预算总表", 1), grid(rows, 1, wide=spans)))
    first = only(found).rows[0]
    assert first.labels == {Side.LEFT: "一、财政拨款收入", Side.RIGHT: "一、教育支出"}
    assert [(a.measure, a.side, a.text) for a in first.amounts] == [
        (Measure.REVENUE, Side.LEFT, "60"),
        (Measure.EXPENDITURE, Side.RIGHT, "60"),
        (Measure.BASIC_PERSONNEL, Side.RIGHT, "30"),
        (Measure.BASIC_OPERATING, Side.RIGHT, "20"),
        (Measure.PROJECT, Side.RIGHT, "10"),
    ]


def test_recognise__a_title_in_the_first_rows_of_the_table_counts() -> None:
    rows = [["2024年部门支出预算总表", "", "", "", "", "", ""], ["编制部门：云川区甲局", "", "", "", "", "", "单位：元"],
            *T3_ROWS, ["205", "", "", "教育支出", "300", "100", "200"]]  # fmt: skip
    spans = {(0, 0): (1, 7), **{(r + 2, c): span for (r, c), span in T3_SPANS.items()}}
    statement = only(recognise(built(grid(rows, 1, wide=spans))))
    assert (statement.unit, statement.compiler, len(statement.rows)) == ("元", "云川区甲局", 1)


def test_recognise__the_same_form_twice_is_not_added_up() -> None:
    form = "2024年部门支出预算总表\n" + HEAD + T3_HEADER + "205\t\t\t教育支出\t300\t100\t200\n\n"
    found = read(form + form.replace("300", "400"))
    assert amounts(only(found))[1, "total"] == "300"
    assert {item.text for item in found.unassigned} >= {"400"}
