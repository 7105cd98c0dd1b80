"""Whose error a broken identity is: the publisher's, our reading's, or not to be told.

`publisher` needs proof: two independent placements of the row's numbers (ruling lines, and header bands) agree, and no other
placement of them that keeps the printed order satisfies the identity. `extraction` where one would. Else `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

from cnbudget import money
from cnbudget.identities import ROW_SUMS
from cnbudget.model import Cause, FormId, Measure, Side
from cnbudget.recognise import PrintedAmount, Statement, StatementRow

MAX_PLACEMENTS = 2000


@dataclass(frozen=True, slots=True)
class Term:
    """A figure of a broken identity: where it stands, its sign, and by how much the identity is off (thousandths of a yuan)."""

    form_id: str
    row_no: int
    side: str | None
    measure: str
    sign: int


def cause_of(terms: Sequence[Term], residual: int, tolerance: int, statements: Mapping[FormId, Statement]) -> Cause:
    """Cause of one broken identity: `residual` is left minus right, in thousandths of a yuan like `tolerance`."""
    rows = [(term, *_row_of(term, statements)) for term in terms]
    for term, statement, row in rows:
        if any(abs(residual + term.sign * change) <= tolerance for change in _changes(term, statement, row)):
            return Cause.EXTRACTION
    if all(_bands_agree(statement, row, term.side) for term, statement, row in rows):
        return Cause.PUBLISHER
    return Cause.UNKNOWN


def _row_of(term: Term, statements: Mapping[FormId, Statement]) -> tuple[Statement, StatementRow]:
    statement = statements[FormId(term.form_id)]
    return statement, statement.rows[term.row_no - 1]


def _changes(term: Term, statement: Statement, row: StatementRow) -> Iterator[int]:
    """By how much the figure would change under every other placement of its row that adds up within the row."""
    side = Side(term.side) if term.side else None
    amounts = [amount for amount in row.amounts if amount.side == side]
    columns = [measure for measure in statement.measures if _side_of(statement, measure) == side]
    values = [_milli(amount, statement) for amount in amounts]
    printed = {amount.measure: value for amount, value in zip(amounts, values, strict=True)}
    if len(columns) <= len(amounts):
        return
    for chosen in islice(combinations(columns, len(amounts)), MAX_PLACEMENTS):
        placed = dict(zip(chosen, values, strict=True))
        if placed != printed and _adds_up(statement.form.form_id, placed, len(values)):
            yield placed.get(Measure(term.measure), 0) - printed[Measure(term.measure)]


def _side_of(statement: Statement, measure: Measure) -> Side | None:
    if not statement.form.is_two_sided:
        return None
    return Side.LEFT if measure is Measure.REVENUE else Side.RIGHT


def _adds_up(form_id: FormId, placed: Mapping[Measure, int], n_values: int) -> bool:
    slack = n_values * money.MILLI // 2
    for item in ROW_SUMS:
        if item.form_id == form_id and any(part in placed for part in item.parts):
            parts = sum(placed.get(Measure(part), 0) for part in item.parts)
            if abs(placed.get(Measure(item.total), 0) - parts) > slack:
                return False
    return True


def _milli(amount: PrintedAmount, statement: Statement) -> int:
    number = money.parse_amount(amount.text)
    assert number is not None and statement.unit is not None
    return int(money.to_yuan(number, statement.unit) * money.MILLI)


def _bands_agree(statement: Statement, row: StatementRow, side: str | None) -> bool:
    """Whether every number of a row is nearest to the header of the column that the ruling lines put it in."""
    for amount in row.amounts:
        if side is not None and amount.side != side:
            continue
        bands = {measure: at for (page, measure), at in statement.bands.items() if page == amount.cell.page}
        bands = bands or _last_bands(statement, amount.cell.page)
        box = amount.cell.box
        if box is None or amount.measure not in bands:
            return False
        nearest = min(bands, key=lambda measure: abs(bands[measure] - (box.x0 + box.x1) / 2))
        if nearest is not amount.measure:
            return False
    return bool(row.amounts)


def _last_bands(statement: Statement, page: int | None) -> dict[Measure, float]:
    """Header bands of the last page before that prints a header."""
    pages = [p for p, _ in statement.bands if p is not None and page is not None and p < page]
    return {measure: at for (p, measure), at in statement.bands.items() if pages and p == max(pages)}
