"""Ruling lines and glyphs to grids: pure geometry that knows no PDF library.

The ladder: strokes -> edges -> grids -> cells. All coordinates are points with the origin at the top left.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cnbudget.model import Box, Cell, Grid, GridSource

SNAP = 2.5
"""Rulings closer than this are one line, drawn twice or thick (points)."""

OVERHANG = 6.0
"""A ruling that sticks out farther than this past the last crossing one bounds an open-sided table."""

_NUMERIC = frozenset("0123456789,.，．-－−%()")


class Stroke(NamedTuple):
    """A thin line: `at` is its x (vertical) or y (horizontal), from `start` to `end` along the other axis."""

    at: float
    start: float
    end: float


class Glyph(NamedTuple):
    """One character and its box."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Lattice:
    """The edges of one table, and the merged cell that owns each elementary one.

    `owner[row][column]` is the (row, column) of the top-left elementary cell; `spans` gives its extent.
    """

    xs: list[float]
    ys: list[float]
    owner: list[list[tuple[int, int]]]
    spans: dict[tuple[int, int], tuple[int, int]]

    @property
    def box(self) -> Box:
        return Box(self.xs[0], self.ys[0], self.xs[-1], self.ys[-1])

    def locate(self, x: float, y: float) -> tuple[int, int] | None:
        """The owner of the cell that holds a point; None outside the table."""
        column, row = bisect_right(self.xs, x) - 1, bisect_right(self.ys, y) - 1
        if 0 <= column < len(self.xs) - 1 and 0 <= row < len(self.ys) - 1:
            return self.owner[row][column]
        return None


def strokes_to_lattices(horizontal: Iterable[Stroke], vertical: Iterable[Stroke]) -> list[Lattice]:
    """The tables that the rulings of one page draw, from top to bottom."""
    lines = [stroke for stroke in horizontal if stroke.end - stroke.start > SNAP]
    posts = [stroke for stroke in vertical if stroke.end - stroke.start > SNAP]
    if len(posts) < 2 or len(lines) < 2:
        return []
    lattices = []
    for top, bottom in _bands(posts):
        inside = [line for line in lines if top - SNAP <= line.at <= bottom + SNAP]
        standing = [post for post in posts if post.start < bottom and post.end > top]
        lattice = _lattice(inside, standing, top, bottom)
        if lattice is not None:
            lattices.append(lattice)
    return lattices


def _bands(posts: Sequence[Stroke]) -> list[tuple[float, float]]:
    """The y ranges that vertical rulings cover without a gap: a table each."""
    bands: list[tuple[float, float]] = []
    for post in sorted(posts, key=lambda post: post.start):
        if bands and post.start <= bands[-1][1] + SNAP:
            bands[-1] = (bands[-1][0], max(bands[-1][1], post.end))
        else:
            bands.append((post.start, post.end))
    return bands


def _lattice(lines: Sequence[Stroke], posts: Sequence[Stroke], top: float, bottom: float) -> Lattice | None:
    xs, ys = _edges([post.at for post in posts]), _edges([line.at for line in lines])
    if len(xs) < 2 or not ys:
        return None
    left, right = min(line.start for line in lines), max(line.end for line in lines)
    xs = _closed(xs, left, right)
    ys = _closed(ys, top, bottom)
    if len(ys) < 2:
        return None
    middles_x = [(a + b) / 2 for a, b in itertools.pairwise(xs)]
    middles_y = [(a + b) / 2 for a, b in itertools.pairwise(ys)]
    walls = _coverage(posts, xs, middles_y)
    floors = _coverage(lines, ys, middles_x)
    owner, spans = _merge(len(ys) - 1, len(xs) - 1, walls, floors)
    return Lattice(xs, ys, owner, spans)


def _edges(positions: Sequence[float]) -> list[float]:
    """Positions snapped together: one edge for each line, however often it was drawn."""
    groups: list[list[float]] = []
    for position in sorted(positions):
        if groups and position - groups[-1][-1] <= SNAP:
            groups[-1].append(position)
        else:
            groups.append([position])
    return [sum(group) / len(group) for group in groups]


def _closed(edges: list[float], low: float, high: float) -> list[float]:
    """Adds the outer edges of an open-sided table, whose rulings stick out past the last crossing one."""
    before = [low] if edges[0] - low > OVERHANG else []
    after = [high] if high - edges[-1] > OVERHANG else []
    return before + edges + after


def _coverage(strokes: Sequence[Stroke], edges: list[float], middles: list[float]) -> set[tuple[int, int]]:
    """(edge, interval) pairs where a ruling really runs along the edge."""
    covered: set[tuple[int, int]] = set()
    for stroke in strokes:
        edge = min(bisect_right(edges, stroke.at), len(edges) - 1)
        if edge and abs(edges[edge - 1] - stroke.at) < abs(edges[edge] - stroke.at):
            edge -= 1
        first = bisect_right(middles, stroke.start)
        last = bisect_right(middles, stroke.end)
        covered.update((edge, interval) for interval in range(first, last))
    return covered


def _merge(
    n_rows: int, n_columns: int, walls: set[tuple[int, int]], floors: set[tuple[int, int]]
) -> tuple[list[list[tuple[int, int]]], dict[tuple[int, int], tuple[int, int]]]:
    """Joins elementary cells that no ruling parts into rectangles, from the top left."""
    owner: list[list[tuple[int, int] | None]] = [[None] * n_columns for _ in range(n_rows)]
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(n_rows):
        for column in range(n_columns):
            if owner[row][column] is not None:
                continue
            width = 1
            while (
                column + width < n_columns and (column + width, row) not in walls and owner[row][column + width] is None
            ):
                width += 1
            height = 1
            while row + height < n_rows and not any(
                (row + height, column + offset) in floors or owner[row + height][column + offset] is not None
                for offset in range(width)
            ):
                height += 1
            spans[row, column] = (height, width)
            for down in range(height):
                owner[row + down][column : column + width] = [(row, column)] * width
    return owner, spans  # type: ignore[return-value]


def _touches(last: Glyph, glyph: Glyph, xs: Sequence[float]) -> bool:
    """Whether two numeric glyphs stand side by side on one line with no ruling in a gap between them."""
    _, last_x0, last_y0, last_x1, last_y1 = last
    _, x0, y0, x1, y1 = glyph
    height = max(last_y1 - last_y0, y1 - y0, 4.0)
    if y1 < last_y0 or y0 > last_y1 + height or not -height < (x0 + x1 - last_x0 - last_x1) / 2 <= 1.2 * height:
        return False
    return x0 - last_x1 <= 1.5 or bisect_right(xs, last_x1) == bisect_right(xs, x0)


def _pitch(last: Glyph, glyph: Glyph) -> float:
    """Distance of the middles: a comma leaves a wide gap in a monospaced font, but no wide pitch."""
    return (glyph.x0 + glyph.x1 - last.x0 - last.x1) / 2


def lattice_to_grid(lattice: Lattice, glyphs: Iterable[Glyph], page: int) -> tuple[Grid, list[Glyph]]:
    """Puts the glyphs of a page into the cells of one table; returns those that stand outside it as well."""
    inside, outside = glyphs_to_places(lattice, glyphs)
    cells = []
    for (row, column), runs in sorted(inside.items()):
        text, box = runs_to_text(runs)
        height, width = lattice.spans[row, column]
        cells.append(Cell(row, column, text, height, width, page, box))
    grid = Grid(cells, len(lattice.ys) - 1, len(lattice.xs) - 1, GridSource.RULED, page, lattice.box)
    return grid, outside


def glyphs_to_places(
    lattice: Lattice, glyphs: Iterable[Glyph]
) -> tuple[dict[tuple[int, int], list[list[Glyph]]], list[Glyph]]:
    """Runs of glyphs by the cell that holds them, and the glyphs outside the table.

    A number is one run, any other glyph its own: a number wider than its column overlaps the ruling, and as one run it still
    falls where its middle lies.
    """
    inside: dict[tuple[int, int], list[list[Glyph]]] = defaultdict(list)
    outside: list[Glyph] = []
    number: list[Glyph] = []
    for glyph in glyphs:
        is_numeric = glyph[0] in _NUMERIC
        if number and not (is_numeric and _touches(number[-1], glyph, lattice.xs)):
            _place(lattice, number, inside, outside)
            number = []
        if is_numeric:
            number.append(glyph)
        else:
            _place(lattice, [glyph], inside, outside)
    if number:
        _place(lattice, number, inside, outside)
    return inside, outside


def _place(
    lattice: Lattice, run: list[Glyph], inside: dict[tuple[int, int], list[list[Glyph]]], outside: list[Glyph]
) -> None:
    _, x0, y0, _, y1 = run[0]
    place = lattice.locate((x0 + run[-1][3]) / 2, (y0 + y1) / 2)
    if place is None:
        outside.extend(run)
    else:
        inside[place].append(run)


def runs_to_text(runs: Sequence[list[Glyph]]) -> tuple[str, Box]:
    """Text of one cell and the box around it. Only between two numbers does a space matter: labels are joined anyway."""
    glyphs = [glyph for run in runs for glyph in run]
    texts, x0s, y0s, x1s, y1s = zip(*glyphs, strict=True)
    top, bottom = max(y0s), min(y1s)
    if top >= bottom or list(x0s) != sorted(x0s):  # more than one line, or out of order
        return glyphs_to_text(glyphs)
    box = Box(min(x0s), min(y0s), max(x1s), max(y1s))
    if len(runs) == 1 or _NUMERIC.isdisjoint(texts):
        return "".join(texts), box
    return line_text(glyphs), box


def glyphs_to_text(glyphs: Sequence[Glyph]) -> tuple[str, Box]:
    """Text of the glyphs of one place, its lines joined by line feeds, and the box around them."""
    text = "\n".join(line_text(line) for line in glyphs_to_lines(glyphs))
    _, x0s, y0s, x1s, y1s = zip(*glyphs, strict=True)
    return text, Box(min(x0s), min(y0s), max(x1s), max(y1s))


def glyphs_to_lines(glyphs: Sequence[Glyph]) -> list[list[Glyph]]:
    """Glyphs to printed lines, from top to bottom and from left to right."""
    lines: list[list[Glyph]] = []
    top = bottom = 0.0
    for glyph in glyphs if _in_order(glyphs) else sorted(glyphs, key=_middle):
        if lines and _is_level(glyph, top, bottom):
            lines[-1].append(glyph)
            top, bottom = min(top, glyph.y0), max(bottom, glyph.y1)
        else:
            lines.append([glyph])
            top, bottom = glyph.y0, glyph.y1
    return [sorted(line, key=_left) for line in lines]


def _is_level(glyph: Glyph, top: float, bottom: float) -> bool:
    """Whether a glyph stands on the line between top and bottom; a comma or quotation mark sticks out a little."""
    centre, margin = (glyph.y0 + glyph.y1) / 2, 0.25 * max(bottom - top, 5.0)
    return top - margin <= centre <= bottom + margin or glyph.y0 <= (top + bottom) / 2 <= glyph.y1


def _in_order(glyphs: Sequence[Glyph]) -> bool:
    """Whether the stream runs downwards, but for marks that stand a little higher than the one before."""
    return all(b.y1 >= a.y0 - 3.0 for a, b in itertools.pairwise(glyphs))


def _middle(glyph: Glyph) -> float:
    return glyph.y0 + glyph.y1


def _left(glyph: Glyph) -> float:
    return glyph.x0


def line_text(line: Sequence[Glyph]) -> str:
    """The glyphs of one line as text; a gap as wide as a space becomes one."""
    parts = [line[0].text]
    for last, glyph in itertools.pairwise(line):
        height = max(glyph.y1 - glyph.y0, last.y1 - last.y0, 4.0)
        numeric = last.text in _NUMERIC and glyph.text in _NUMERIC
        if _pitch(last, glyph) > 1.2 * height if numeric else glyph.x0 - last.x1 > 0.6 * max(height, 6.0):
            parts.append(" ")
        parts.append(glyph.text)
    return "".join(parts)
