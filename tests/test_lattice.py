import random

from hypothesis import given
from hypothesis import strategies as st

from cnbudget.model import Box
from cnbudget.reading.lattice import (
    Glyph,
    Stroke,
    glyphs_to_lines,
    lattice_to_grid,
    line_text,
    strokes_to_lattices,
)


def ruled(xs: list[float], ys: list[float]) -> tuple[list[Stroke], list[Stroke]]:
    """A fully ruled table: (horizontal, vertical) strokes."""
    return [Stroke(y, xs[0], xs[-1]) for y in ys], [Stroke(x, ys[0], ys[-1]) for x in xs]


def word(text: str, x: float, y: float, pitch: float = 5.0, height: float = 8.0) -> list[Glyph]:
    """A word's glyphs, its left edge at x and its middle at y."""
    return [
        Glyph(character, x + pitch * i, y - height / 2, x + pitch * i + pitch - 0.5, y + height / 2)
        for i, character in enumerate(text)
    ]


def cells(xs: list[float], ys: list[float], glyphs: list[Glyph]) -> dict[tuple[int, int], str]:
    (lattice,) = strokes_to_lattices(*ruled(xs, ys))
    grid, _ = lattice_to_grid(lattice, glyphs, 1)
    return {(cell.row, cell.column): cell.text for cell in grid.cells}


def test_strokes_to_lattices__joins_cells_that_no_line_parts() -> None:
    horizontal, vertical = ruled([0, 100, 200], [0, 20, 40])
    vertical[1] = Stroke(100, 20, 40)  # the first row has no line between its columns
    (lattice,) = strokes_to_lattices(horizontal, vertical)
    assert lattice.spans == {(0, 0): (1, 2), (1, 0): (1, 1), (1, 1): (1, 1)}


def test_strokes_to_lattices__closes_a_table_without_outer_lines() -> None:
    horizontal = [Stroke(y, 0, 300) for y in (0, 20, 40)]
    vertical = [Stroke(x, 0, 40) for x in (100, 200)]
    (lattice,) = strokes_to_lattices(horizontal, vertical)
    assert lattice.xs == [0, 100, 200, 300]


def test_strokes_to_lattices__parts_tables_one_above_the_other() -> None:
    upper, lower = ruled([0, 50, 100], [0, 20]), ruled([0, 50, 100], [60, 80])
    assert len(strokes_to_lattices(upper[0] + lower[0], upper[1] + lower[1])) == 2


def test_strokes_to_lattices__needs_lines_both_ways() -> None:
    assert strokes_to_lattices([Stroke(10, 0, 500)], []) == []


def test_lattice_to_grid__puts_a_number_wider_than_its_column_where_its_middle_is() -> None:
    found = cells([0, 100, 150, 200], [0, 20], word("1,156,211,123", 90, 10))
    assert found == {(0, 1): "1,156,211,123"}


def test_lattice_to_grid__keeps_numbers_on_both_sides_of_a_line_apart() -> None:
    found = cells([0, 50, 100], [0, 20], word("119,385", 13, 10) + word("303,119", 51, 10))
    assert found == {(0, 0): "119,385", (0, 1): "303,119"}


def test_lattice_to_grid__shows_two_numbers_in_one_cell_as_two() -> None:
    assert cells([0, 200, 300], [0, 20], word("100", 10, 10) + word("200", 60, 10)) == {(0, 0): "100 200"}


def test_lattice_to_grid__joins_wrapped_lines_with_a_line_feed() -> None:
    glyphs = word("机关事业单位", 10, 8, 10, 9) + word("养老保险", 10, 20, 10, 9)
    assert cells([0, 100, 150], [0, 30], glyphs) == {(0, 0): "机关事业单位\n养老保险"}


def test_lattice_to_grid__a_wide_gap_behind_a_comma_is_no_space() -> None:
    digits = "9,501,164"
    glyphs = [
        Glyph(",", 6 * i + 0.3, 9, 6 * i + 2, 13) if c == "," else Glyph(c, 6 * i + 0.7, 2, 6 * i + 5, 10)
        for i, c in enumerate(digits)
    ]
    assert cells([0, 80, 100], [0, 20], glyphs) == {(0, 0): digits}


def test_lattice_to_grid__gives_back_what_stands_outside() -> None:
    (lattice,) = strokes_to_lattices(*ruled([0, 50, 100], [50, 70]))
    grid, outside = lattice_to_grid(lattice, word("12", 10, 20) + word("34", 10, 60), 3)
    assert [cell.text for cell in grid.cells] == ["34"]
    assert "".join(glyph.text for glyph in outside) == "12"
    assert grid.box == Box(0, 50, 100, 70)


def test_glyphs_to_lines__orders_a_shuffled_stream() -> None:
    glyphs = word("第一行", 0, 10, 10, 9) + word("第二行", 0, 24, 10, 9)
    random.Random(1).shuffle(glyphs)
    assert [line_text(line) for line in glyphs_to_lines(glyphs)] == ["第一行", "第二行"]


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=4, max_size=4), min_size=1, max_size=6))
def test_lattice_to_grid__reads_back_any_table(rows: list[list[int | None]]) -> None:
    xs, ys = [0.0, 80, 160, 240, 320], [20.0 * i for i in range(len(rows) + 1)]
    glyphs = [
        glyph
        for i, row in enumerate(rows)
        for j, value in enumerate(row)
        if value is not None
        for glyph in word(f"{value:,}", xs[j] + 5, ys[i] + 10)
    ]
    wanted = {(i, j): f"{v:,}" for i, row in enumerate(rows) for j, v in enumerate(row) if v is not None}
    assert cells(xs, ys, glyphs) == wanted
