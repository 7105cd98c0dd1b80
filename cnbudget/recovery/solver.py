"""An exact search over placements: which ways of placing a row's numbers take part in any solution.

A `Variable` is a row with the ways its numbers may stand in the columns; an `Equation` adds up some columns of some rows to
nothing, within a tolerance. `propagate` strikes out every way that takes part in no solution of some equation, until nothing
changes. Nothing but whole numbers is known here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

Placement = tuple[int, ...]
"""The column of each number of a row."""
Vector = tuple[int, ...]

MAX_STEPS = 60_000
"""Sums tried for one document before the search is given up: about a tenth of a second. Real ones need some thousand."""


@dataclass(slots=True, eq=False)
class Variable:
    """A row (or one half of it): the placements that are left, with the amount that each puts into every column."""

    options: dict[Placement, Vector]
    equations: list[Equation] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        return len(self.options) == 1


@dataclass(slots=True, eq=False)
class Term:
    """A row in an equation: for each dimension the columns that are added (None: each column is a dimension), and the sign."""

    variable: Variable
    columns: tuple[tuple[int, ...], ...] | None
    sign: int = 1

    def contribution(self, vector: Vector) -> Vector:
        if self.columns is not None:
            vector = tuple([sum([vector[column] for column in columns]) for columns in self.columns])
        return vector if self.sign == 1 else tuple([-amount for amount in vector])


@dataclass(slots=True, eq=False)
class Equation:
    """The terms and the constant add up to nothing in every dimension, give or take `tolerance`."""

    identity_id: str
    terms: Sequence[Term]
    constant: Vector
    tolerance: int = 0
    is_broken: bool = False
    """No placement that is left satisfies it; then it strikes out nothing."""


@dataclass(slots=True)
class Search:
    """The steps that may still be made for a document."""

    steps_left: int = MAX_STEPS

    @property
    def is_exhausted(self) -> bool:
        return self.steps_left <= 0


def propagate(equations: Iterable[Equation], search: Search) -> None:
    """Strikes out placements until every one left takes part in a solution of each equation by itself.

    Where the equations form a tree, as sums down a form do, what is left is exactly what takes part in a solution of all.
    """
    queue = deque(sorted(equations, key=_size))
    waiting = set(map(id, queue))
    for equation in queue:
        for term in equation.terms:
            if equation not in term.variable.equations:
                term.variable.equations.append(equation)
    while queue and not search.is_exhausted:
        equation = queue.popleft()
        waiting.discard(id(equation))
        for variable in _revise(equation, search):
            for other in variable.equations:
                if other is not equation and id(other) not in waiting and not other.is_broken:
                    waiting.add(id(other))
                    queue.append(other)


def _size(equation: Equation) -> int:
    return sum(len(term.variable.options) for term in equation.terms if not term.variable.is_settled)


def _revise(equation: Equation, search: Search) -> list[Variable]:
    """Strikes out what the equation excludes; the variables that lost a placement."""
    search.steps_left -= len(equation.terms)
    rest = list(equation.constant)
    free: list[tuple[Variable, dict[Vector, list[Placement]]]] = []
    for term in equation.terms:
        if len(term.variable.options) == 1:
            for dimension, amount in enumerate(term.contribution(next(iter(term.variable.options.values())))):
                rest[dimension] += amount
            continue
        by_amount: dict[Vector, list[Placement]] = {}
        for placement, vector in term.variable.options.items():
            by_amount.setdefault(term.contribution(vector), []).append(placement)
        if len(by_amount) == 1:
            for dimension, amount in enumerate(next(iter(by_amount))):
                rest[dimension] += amount
        else:
            free.append((term.variable, by_amount))
    free.sort(key=lambda item: -max(max(map(abs, vector)) for vector in item[1]))
    kept = _solutions(tuple(rest), [list(amounts) for _, amounts in free], equation.tolerance, search)
    if search.is_exhausted:
        return []
    if kept is None:
        equation.is_broken = True
        return []
    changed = []
    for (variable, amounts), left in zip(free, kept, strict=True):
        if len(left) < len(amounts):
            placements = {placement for amount in left for placement in amounts[amount]}
            variable.options = {p: vector for p, vector in variable.options.items() if p in placements}
            changed.append(variable)
    return changed


def _solutions(
    rest: Vector, choices: Sequence[Sequence[Vector]], tolerance: int, search: Search
) -> list[set[Vector]] | None:
    """For each place the choices that take part in a sum of nothing; None where there is no such sum.

    Goes through the places with the sums that are still possible; a sum is dropped as soon as the places left cannot make
    up for it in some dimension.
    """
    bounds = _bounds(len(rest), choices, tolerance)
    if not _is_within(rest, bounds[0]):
        return None
    levels: list[dict[Vector, list[tuple[Vector, Vector]]]] = []
    sums: Iterable[Vector] = (rest,)
    for place, vectors in enumerate(choices):
        reached: dict[Vector, list[tuple[Vector, Vector]]] = {}
        for before in sums:
            for vector in vectors:
                after = tuple(map(int.__add__, before, vector))
                if _is_within(after, bounds[place + 1]):
                    reached.setdefault(after, []).append((before, vector))
            search.steps_left -= len(vectors)
            if search.is_exhausted:
                return None
        levels.append(reached)
        sums = reached
        if not reached:
            return None
    kept: list[set[Vector]] = []
    alive = set(sums)
    for reached in reversed(levels):
        steps = [step for total in alive for step in reached[total]]
        kept.append({vector for _, vector in steps})
        alive = {before for before, _ in steps}
    return kept[::-1]


def _bounds(n_dimensions: int, choices: Sequence[Sequence[Vector]], tolerance: int) -> list[list[tuple[int, int]]]:
    """Least and most that a sum may be before each place, in each dimension, and still come to nothing."""
    bounds = [[(-tolerance, tolerance)] * n_dimensions]
    for vectors in reversed(choices):
        columns = [list(map(itemgetter(dimension), vectors)) for dimension in range(n_dimensions)]
        bounds.append(
            [(low - max(column), high - min(column)) for (low, high), column in zip(bounds[-1], columns, strict=True)]
        )
    return bounds[::-1]


def _is_within(total: Vector, bounds: Sequence[tuple[int, int]]) -> bool:
    for amount, (low, high) in zip(total, bounds, strict=True):  # noqa: SIM110 (a generator takes twice the time)
        if not low <= amount <= high:
            return False
    return True
