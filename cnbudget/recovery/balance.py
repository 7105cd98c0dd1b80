"""The identities as equations over rows whose columns are open: what `recover` hands to the solver.

A `Half` is a one-sided form or one side of a two-sided one. Every equation bears the name of the identity it comes from. An
identity of two forms is asked only where both are there, and a figure that is not printed counts as nothing only where its
form is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

from cnbudget.identities import ROW_SUMS
from cnbudget.model import FormId, Measure, Side
from cnbudget.recovery.solver import Equation, Placement, Term, Variable, Vector
from cnbudget.recovery.textrows import TextRow, Token

T1, T2, T3, T4, T5, T6, T7, T8, T9 = FormId
M = Measure
FUNDS = (M.GENERAL_PUBLIC_BUDGET, M.GOVERNMENT_FUND_BUDGET, M.STATE_CAPITAL_OPERATIONS_BUDGET)
FUND_FORMS = (T5, T6, T7)
SOURCES = {
    M.FISCAL_APPROPRIATION: "fiscal_appropriation",
    M.PUBLIC_SERVICE_REVENUE: "public_service",
    M.BUSINESS_REVENUE: "business",
    M.OTHER_REVENUE: "other",
}
NUMBERS = {form_id: f"T{number}" for number, form_id in enumerate(FormId, 1)}

Columns = tuple[Measure, ...]


@dataclass(slots=True, eq=False)
class Row:
    """A row of a half: its numbers (thousandths of a yuan, with half of the last printed unit) and where they may stand.

    `key`: classification code, class code or revenue source; None for a total and where it cannot be told.
    """

    number: int
    label: str
    text: TextRow | None
    tokens: Sequence[Token]
    amounts: Sequence[int]
    halves: Sequence[int]
    key: str | None
    is_total: bool
    variable: Variable
    is_odd: bool = False
    """Its own sum holds in no placement."""

    @property
    def first(self) -> int:
        return self.amounts[0] if self.amounts else 0

    @property
    def slack(self) -> int:
        return sum(self.halves)


@dataclass(slots=True, eq=False)
class Half:
    """A form, or a side of one, with its columns from left to right."""

    form_id: FormId
    side: Side | None
    columns: Columns
    rows: list[Row]
    orders: tuple[Placement, ...]
    """The orders in which the columns may stand in print; more than one where the header does not tell."""
    equations: list[Equation] = field(default_factory=list)
    is_known: bool = False
    """Read from a grid: nothing is open."""

    @property
    def total(self) -> Row | None:
        return next((row for row in self.rows if row.is_total), None)

    def by_key(self) -> dict[str, Row]:
        return {row.key: row for row in self.rows if row.key is not None}

    @property
    def is_broken(self) -> bool:
        return any(row.is_odd for row in self.rows) or any(equation.is_broken for equation in self.equations)

    @property
    def is_certain(self) -> bool:
        """Whether as many numbers as columns stand in every row, so that nothing is to be searched."""
        return self.is_known or (len(self.orders) == 1 and all(self.is_full(row) for row in self.rows if row.tokens))

    def is_full(self, row: Row) -> bool:
        """Whether a row stands on one line, with a number for every column."""
        return len(row.tokens) == len(self.columns) and not (row.text is not None and row.text.is_split)

    @property
    def is_empty(self) -> bool:
        return not any(row.amounts for row in self.rows)


# --- the placements of one row ----------------------------------------------------------------------------------------


@cache
def _placements(orders: tuple[Placement, ...], n_numbers: int) -> tuple[Placement, ...]:
    return tuple(dict.fromkeys(chosen for order in orders for chosen in combinations(order, n_numbers)))


@cache
def _sums(form_id: FormId, columns: Columns) -> tuple[tuple[int, tuple[int, ...], bool], ...]:
    """The sums within a row of a form: total, parts, and whether a total may stand without any part."""
    found = []
    for item in ROW_SUMS:
        parts = tuple(columns.index(M(part)) for part in item.parts if M(part) in columns)
        if item.form_id == form_id and M(item.total) in columns and parts:
            found.append((columns.index(M(item.total)), parts, item.total == M.VEHICLE_TOTAL))
    return tuple(found)


def place_row(
    form_id: FormId, columns: Columns, orders: tuple[Placement, ...], amounts: Sequence[int], slack: int
) -> Variable:
    """All placements of a row's numbers that keep the printed order and the sums within the row."""
    sums = _sums(form_id, columns)
    options: dict[Placement, Vector] = {}
    for placement in _placements(orders, len(amounts)):
        vector = [0] * len(columns)
        for column, amount in zip(placement, amounts, strict=True):
            vector[column] = amount
        for total, parts, needs_no_part in sums:
            rest = vector[total] - sum([vector[part] for part in parts])
            if abs(rest) > slack and not (needs_no_part and not any(part in placement for part in parts)):
                break
        else:
            options[placement] = tuple(vector)
    return Variable(options)


# --- sums within a form -----------------------------------------------------------------------------------------------


def add_own_equations(half: Half) -> None:
    """Total = parts down the form: classes, sections and items, or revenue sources and funds."""
    number = NUMBERS[half.form_id]
    rows = [row for row in half.rows if not row.is_total]
    if half.side is Side.LEFT:
        funds = [row for row in rows if row.key in FUNDS]
        sources = [row for row in rows if row.key not in FUNDS] if half.form_id is T1 else rows
        fiscal = next((row for row in sources if row.key == "fiscal_appropriation"), None)
        _add_sum(half, f"{number}_revenue", half.total, sources)
        if half.form_id is T1:
            _add_sum(half, "T1_fiscal", fiscal, funds)
    elif half.side is Side.RIGHT:
        _add_sum(half, f"{number}_expenditure", half.total, rows)
    elif half.form_id is not T9:
        parts: dict[str, list[Row]] = {}
        for row in rows:
            if row.key is not None and len(row.key) > 3:
                parts.setdefault(row.key[:-2], []).append(row)
        by_key = half.by_key()
        for key, children in parts.items():
            _add_sum(half, f"{number}_parts", by_key.get(key), children)
        if all(row.key is not None for row in rows):
            _add_sum(half, f"{number}_total", half.total, [row for row in rows if len(row.key or "") == 3])


def _add_sum(half: Half, identity_id: str, whole: Row | None, parts: Sequence[Row]) -> None:
    parts = [row for row in parts if row.amounts]
    if whole is None or not whole.amounts or not parts or any(row.is_odd for row in (whole, *parts)):
        return
    terms = [Term(whole.variable, None, -1), *(Term(row.variable, None) for row in parts)]
    slack = sum(max(row.halves) for row in (whole, *parts))
    half.equations.append(Equation(identity_id, terms, (0,) * len(half.columns), slack))


# --- among the forms --------------------------------------------------------------------------------------------------

Halves = Mapping[tuple[FormId, Side | None], Half]
Dimensions = Sequence[Sequence[Measure]]


def equations_among(halves: Halves) -> Iterator[Equation]:
    """The identities of two or more forms that say in which column a number stands."""
    t1, t4 = halves.get((T1, Side.RIGHT)), halves.get((T4, Side.RIGHT))
    revenue, fund_revenue = halves.get((T1, Side.LEFT)), halves.get((T4, Side.LEFT))
    t2, t3, t5, t8 = (halves.get((form_id, None)) for form_id in (T2, T3, T5, T8))
    if t2 is not None and revenue is not None:
        yield from _sources("T1_T2_sources", t2, list(SOURCES), list(SOURCES.values()), revenue)
    if t4 is not None:
        for identity_id, left in (("T4_funds", fund_revenue), ("T1_T4_funds", revenue)):
            if left is not None:
                yield from _sources(identity_id, t4, FUNDS, list(FUNDS), left)
        yield from _funds_by_class(halves, t4)
    if t2 is not None and t4 is not None:
        for row, other in _shared(t2, t4):
            yield _agree("T2_T4_classes", [(t2, row, [[M.FISCAL_APPROPRIATION]])], [(t4, other, [[M.TOTAL]])])
    if t2 is not None or t3 is not None:
        yield from _funds_by_code(halves, t2, t3)
    if t5 is not None and t8 is not None:
        yield from _basic(t5, t8)
    if t1 is not None and t3 is not None and M.PROJECT in t1.columns:
        wide = [[M.BASIC_PERSONNEL, M.BASIC_OPERATING], [M.PROJECT]]
        for row, other in _shared(t1, t3):
            yield _agree("T1_T3_basic", [(t1, row, wide)], [(t3, other, [[M.BASIC], [M.PROJECT]])])


def _basic(t5: Half, t8: Half) -> Iterator[Equation]:
    """T5 basic total = T8 total. A T8 that prints its 合计 and no amount at all says that there is no basic expenditure."""
    if t5.total is not None and t8.total is not None and t5.total.amounts and (t8.total.amounts or t8.is_empty):
        yield _agree("T5_T8_total", [(t5, t5.total, [[M.BASIC]])], [(t8, t8.total, [[M.TOTAL]])])


def _agree(
    identity_id: str, left: Sequence[tuple[Half, Row, Dimensions]], right: Sequence[tuple[Half, Row, Dimensions]]
) -> Equation:
    """Left and right are the same in every dimension; to the digit where all is printed with the same number of digits."""
    terms = [
        Term(row.variable, tuple(tuple(map(half.columns.index, measures)) for measures in dimensions), sign)
        for sign, places in ((1, left), (-1, right))
        for half, row, dimensions in places
        if row.amounts
    ]
    rows = [row for _, row, _ in (*left, *right)]
    digits = {half for row in rows for half in row.halves}
    is_copy = len(digits) <= 1 and len(rows) == 2 and all(len(m) == 1 for _, _, dimensions in left for m in dimensions)
    slack = 0 if is_copy else sum(max(row.halves, default=0) for row in rows)
    return Equation(identity_id, terms, (0,) * len(left[0][2]), slack)


def _sources(
    identity_id: str, half: Half, measures: Sequence[Measure], keys: Sequence[str], left: Half
) -> Iterator[Equation]:
    """The columns of a total row are the rows of a revenue side."""
    total, by_key = half.total, left.by_key()
    rows = [(key, by_key[key]) for key in keys if key in by_key and by_key[key].amounts]
    is_told = all(row.key is not None for row in left.rows if row.amounts and not row.is_total)
    if total is None or not total.amounts or not rows or not is_told:
        return
    places = [(left, row, [[M.REVENUE] if key == name else [] for name in keys]) for key, row in rows]
    equation = _agree(identity_id, [(half, total, [[measure] for measure in measures])], places)
    digits = {unit for _, row, _ in [(None, total, None), *places] for unit in row.halves}
    equation.tolerance = 0 if len(digits) == 1 else equation.tolerance
    yield equation


def _shared(half: Half, other: Half) -> Iterator[tuple[Row, Row]]:
    """Rows of two forms that speak of the same class, and their totals."""
    others = other.by_key()
    for row in half.rows:
        if row.amounts and row.key is not None and len(row.key) == 3 and row.key in others and others[row.key].amounts:
            yield row, others[row.key]
    if half.total is not None and other.total is not None and half.total.amounts and other.total.amounts:
        yield half.total, other.total


def _fund_forms(halves: Halves) -> list[Half] | None:
    found = [halves[form_id, None] for form_id in FUND_FORMS if (form_id, None) in halves]
    return found if len(found) == len(FUND_FORMS) else None


def _funds_by_class(halves: Halves, t4: Half) -> Iterator[Equation]:
    for number, (measure, form_id) in enumerate(zip(FUNDS, FUND_FORMS, strict=True), 5):
        form = halves.get((form_id, None))
        if form is None:
            continue
        for row, other in _shared(t4, form):
            yield _agree(f"T4_T{number}_classes", [(t4, row, [[measure]])], [(form, other, [[M.TOTAL]])])
        if form.total is not None and form.is_empty and t4.total is not None and t4.total.amounts:
            yield _agree(f"T4_T{number}_classes", [(t4, t4.total, [[measure]])], [(form, form.total, [[M.TOTAL]])])


def _funds_by_code(halves: Halves, t2: Half | None, t3: Half | None) -> Iterator[Equation]:
    """Per code T2's fiscal appropriation = T5 + T6 + T7, and T3 = T5 + T6 + T7 where fiscal money alone pays."""
    forms = _fund_forms(halves)
    if forms is None:
        return
    places = [(form, {**form.by_key(), "": form.total}) for form in forms]
    for half, identity_id in ((t2, "T2_funds_codes"), (t3, "T3_funds_codes")):
        for row in half.rows if half is not None else ():
            key = "" if row.is_total else row.key
            found = [(form, rows.get(key)) for form, rows in places] if key is not None else []
            there = [(form, other) for form, other in found if other is not None and other.amounts]
            if half is None or not row.amounts or not there:
                continue
            if half is t2:
                right = [(form, other, [[M.TOTAL]]) for form, other in there]
                yield _agree(identity_id, [(half, row, [[M.FISCAL_APPROPRIATION]])], right)
            elif row.first == sum(other.first for _, other in there):
                right = [(form, other, [[M.BASIC], [M.PROJECT]]) for form, other in there]
                yield _agree(identity_id, [(half, row, [[M.BASIC], [M.PROJECT]])], right)


def keep_at_least(
    more: tuple[Half, Row], less: tuple[Half, Row], measures: Sequence[tuple[Measure, Measure]]
) -> list[Variable]:
    """Strikes out placements of two rows in which the first is not at least the second; the rows that lost any.

    A soft bound: where no placement keeps it, it strikes out nothing.
    """
    (half, row), (other_half, other) = more, less
    slack = row.slack + other.slack
    columns = [(half.columns.index(a), other_half.columns.index(b)) for a, b in measures]
    pairs = [
        (p, q)
        for p, vector in row.variable.options.items()
        for q, bound in other.variable.options.items()
        if all(vector[a] + slack >= bound[b] for a, b in columns)
    ]
    changed = []
    for variable, kept in ((row.variable, {p for p, _ in pairs}), (other.variable, {q for _, q in pairs})):
        if kept and len(kept) < len(variable.options):
            variable.options = {p: vector for p, vector in variable.options.items() if p in kept}
            changed.append(variable)
    return changed
