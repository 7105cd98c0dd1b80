"""Columns that the text lost, found again through the identities.

Where empty cells are gone, a row of k numbers in m columns may stand in C(m, k) ways. The identities strike out those that take
part in no solution: the row's own sum, then parent = parts down the form, then the forms among one another, then for T9 what
the prose says. A number with one column left is proved and becomes a fact; every other number is unassigned, with its
candidates. A form whose sums hold in no placement is not searched any further: where its numbers disagree is said instead.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from cnbudget import classification, money
from cnbudget.forms import REVENUE_SOURCE_LABELS, Form, sides_of
from cnbudget.model import (
    Cell,
    ClaimMeasure,
    Document,
    FormId,
    Measure,
    Paragraph,
    Provenance,
    Side,
)
from cnbudget.prose import narrative
from cnbudget.prose.sections import Section, SectionKind, section_kind, sections
from cnbudget.recognise import PrintedAmount, Recognition, Statement, StatementRow, Unassigned, is_total, read_head
from cnbudget.recovery.balance import (
    T1,
    T8,
    T9,
    Columns,
    Half,
    Row,
    add_own_equations,
    equations_among,
    keep_at_least,
    place_row,
)
from cnbudget.recovery.flattened import TextForm, document_to_forms
from cnbudget.recovery.solver import MAX_STEPS, Placement, Search, Variable, propagate
from cnbudget.recovery.textrows import TextRow, Token

ENOUGH_FORMS = 5
"""With fewer of the nine forms it is a budget of another layout, whose titles may end like ours."""
MAX_NAMED = 50
"""So many numbers without a place are named one by one; the rest of a form as one count."""

_WIDE = (Measure.EXPENDITURE, Measure.BASIC_PERSONNEL, Measure.BASIC_OPERATING, Measure.PROJECT)
_PERSONNEL_CLASSES = ("301", "303")
"""工资福利支出 and 对个人和家庭的补助 are 人员经费 by definition (the glossary of the departmental budget forms)."""

_THREE_PUBLIC = re.compile(r"(20\d\d)年度?三公经费")
_CLAIMED = {
    ClaimMeasure.THREE_PUBLIC_TOTAL: Measure.TOTAL,
    ClaimMeasure.OVERSEAS_TRAVEL: Measure.OVERSEAS_TRAVEL,
    ClaimMeasure.OFFICIAL_RECEPTION: Measure.OFFICIAL_RECEPTION,
    ClaimMeasure.VEHICLE_TOTAL: Measure.VEHICLE_TOTAL,
    ClaimMeasure.VEHICLE_PURCHASE: Measure.VEHICLE_PURCHASE,
    ClaimMeasure.VEHICLE_OPERATION: Measure.VEHICLE_OPERATION,
    ClaimMeasure.AGENCY_OPERATING_EXPENSES: Measure.AGENCY_OPERATING_EXPENSES,
}
_AT_LEAST = {Measure.OFFICIAL_RECEPTION: "30217", Measure.VEHICLE_OPERATION: "30231"}
"""Soft bounds of T9: what T8 prints for the same purpose out of general public money alone."""


def recover(document: Document, recognition: Recognition) -> Recognition:
    """The recognition with the forms that stand in lines of text alone, as far as their columns are proved.

    Amounts are `PRINTED` where their row stands on one line with a number for every column, else `RECOVERED`. A form with
    numbers left over is `incomplete`, and each of these numbers unassigned. Grids are taken as they were read.
    """
    forms = document_to_forms(document, recognition.missing) if recognition.missing else []
    if not forms or len(forms) + len(recognition.statements) < ENOUGH_FORMS:
        return recognition
    return _Recovery(document, recognition, forms).result()


class _Recovery:
    """One document's search."""

    def __init__(self, document: Document, recognition: Recognition, forms: Sequence[TextForm]) -> None:
        self.document = document
        self.recognition = recognition
        self.search = Search()
        self.forms = [(form, _statement(form)) for form in forms]
        self.halves: dict[tuple[FormId, Side | None], Half] = {}
        for statement in recognition.statements:
            self._take(_statement_to_halves(statement))
        for form, statement in self.forms:
            if form.problem is None:
                self._take(_form_to_halves(form, statement))

    def _take(self, halves: Iterable[Half]) -> None:
        for half in halves:
            self.halves[half.form_id, half.side] = half

    def result(self) -> Recognition:
        self._search()
        lost = {form.form.form_id: list(self._fill(form, statement)) for form, statement in self.forms}
        broken = {half.form_id for half in self.halves.values() if half.is_broken}
        # What disagrees stands before what is merely open because of it.
        named = [item for form_id in sorted(lost, key=lambda f: f not in broken) for item in _shortened(lost[form_id])]
        order = list(FormId)
        statements = [*self.recognition.statements, *(statement for _, statement in self.forms)]
        return replace(
            self.recognition,
            statements=sorted(statements, key=lambda statement: order.index(statement.form.form_id)),
            unassigned=[*self._still_unassigned(), *named],
            incomplete={
                *self.recognition.incomplete,
                *(form_id for form_id, items in lost.items() if _is_short(items)),
            },
        )

    def _still_unassigned(self) -> list[Unassigned]:
        """Numbers that were left over beside the grids, without those that are rows of a form found here."""
        rows = [row for form, _ in self.forms for row in form.rows]
        found = {(token.text, token.line.page, token.line.box) for row in rows for token in _tokens(row)}
        left = self.recognition.unassigned
        return [item for item in left if item.box is None or (item.text, item.page, item.box) not in found]

    # --- the search, in the order in which proofs may be used

    def _search(self) -> None:
        halves = self.halves
        for half in halves.values():
            add_own_equations(half)
        propagate([equation for half in halves.values() for equation in half.equations], self.search)
        sound = {key: half for key, half in halves.items() if not half.is_broken}
        propagate(equations_among(sound), self.search)
        for strike_out in (_by_definition, _by_bounds):
            changed = strike_out(sound)
            propagate(dict.fromkeys(equation for variable in changed for equation in variable.equations), self.search)
        last = sound.get((T9, None))
        if last is not None and not last.is_certain:
            self._read_claims(last)
            _bound_by_t8(last, sound.get((T8, None)))

    def _read_claims(self, half: Half) -> None:
        """Strikes out what disagrees with the sentences about T9; all of it where they disagree with every placement."""
        claims = _claims(self.document, [*self.recognition.statements, *(statement for _, statement in self.forms)])
        for row in half.rows:
            options = row.variable.options
            row.variable.options = {
                placement: vector
                for placement, vector in options.items()
                if all(
                    abs(vector[half.columns.index(m)] - said) <= slack + row.slack
                    for m, (said, slack) in claims.items()
                )
            }
            row.is_odd = not row.variable.options

    # --- what came out

    def _fill(self, form: TextForm, statement: Statement) -> Iterator[Unassigned]:
        """Gives the statement its amounts; yields the numbers that have no proved column."""
        for token in form.strays:
            yield _unassigned(token, "it stands beside the rows of the form")
        rows = [StatementRow(number, row.codes, _labels(row), [], row.page) for number, row in enumerate(form.rows, 1)]
        statement.rows.extend(rows)
        if form.problem is not None:
            for text in form.rows:
                yield from (_unassigned(token, form.problem) for token in _tokens(text))
            return
        for half in (h for (form_id, _), h in self.halves.items() if form_id is statement.form.form_id):
            why = self._reason(half)
            for row in half.rows:
                if why is not None:
                    yield from (_unassigned(token, why) for token in row.tokens if not token.is_nil)
                else:
                    yield from _place(half, row, rows[row.number - 1], statement)

    def _reason(self, half: Half) -> str | None:
        """Why nothing of a half is placed; None where its numbers go where they are proved to belong."""
        crowded = [row for row in half.rows if len(row.tokens) > len(half.columns)]
        if crowded:
            return (
                f"{_name(crowded[0])} prints {len(crowded[0].tokens)} numbers, the form has {len(half.columns)} columns"
            )
        if half.is_certain:
            return None
        if self.search.is_exhausted:
            return f"the search for its column was given up after {MAX_STEPS} steps"
        return _disagreement(half) if half.is_broken else None


def _disagreement(half: Half) -> str:
    """Where the numbers of a form disagree with its sums, as narrowly as the sums tell."""
    odd = [row for row in half.rows if row.is_odd]
    if odd:
        texts = " ".join(token.text for token in odd[0].tokens)
        what = (
            "agree with no reading of the form's sums and of the prose"
            if half.form_id is T9
            else "add up in no placement"
        )
        return f"the numbers of {_name(odd[0])} ({texts}) {what}; compare them with the page"
    broken = [equation for equation in half.equations if equation.is_broken]
    touched = [{id(term.variable) for term in equation.terms} for equation in broken]
    common = set.intersection(*touched)
    rows = [row for row in half.rows if id(row.variable) in common]
    place = _name(rows[0]) if len(rows) == 1 else f"one of {', '.join(map(_name, rows[:4])) or 'its rows'}"
    return f"no placement satisfies {', '.join(sorted({e.identity_id for e in broken}))}: {place} disagrees; compare it with the page"


def _name(row: Row) -> str:
    return f"row {row.number}" + (f" ({row.label})" if row.label else "")


def _place(half: Half, row: Row, target: StatementRow, statement: Statement) -> Iterator[Unassigned]:
    is_printed = len(half.orders) == 1 and half.is_full(row)
    provenance = Provenance.PRINTED if is_printed else Provenance.RECOVERED
    for position, token in enumerate(row.tokens):
        columns = sorted({placement[position] for placement in row.variable.options})
        if token.is_nil:
            continue
        if len(columns) != 1:
            names = " or ".join(half.columns[column].value for column in columns) or "no column"
            item = _unassigned(token, f"{_name(row)}: it may be {names}; no identity tells which")
            yield replace(item, is_open_zero=bool(columns) and not token.amount)
            continue
        measure = half.columns[columns[0]]
        cell = Cell(row.number - 1, columns[0], token.text, page=token.line.page, box=token.line.box)
        text = token.text if token.text.isascii() else money.printed_amount(token.text) or token.text
        target.amounts.append(PrintedAmount(measure, sides_of(statement.form, measure), text, cell, provenance))


def _is_short(lost: Sequence[Unassigned]) -> bool:
    """Whether sums over the form miss a number: a zero is none to them."""
    return not all(item.is_open_zero for item in lost)


def _shortened(lost: Sequence[Unassigned]) -> list[Unassigned]:
    if len(lost) <= MAX_NAMED:
        return list(lost)
    rest = lost[MAX_NAMED]
    why = f"{rest.why}; and {len(lost) - MAX_NAMED - 1} more"
    return [
        *lost[:MAX_NAMED],
        replace(rest, text=f"{rest.text} ...", why=why, is_open_zero=not _is_short(lost[MAX_NAMED:])),
    ]


def _unassigned(token: Token, why: str) -> Unassigned:
    return Unassigned(token.text, why, token.line.page, token.line.box)


def _tokens(row: TextRow) -> list[Token]:
    return [token for tokens in row.tokens.values() for token in tokens if not token.is_nil]


def _labels(row: TextRow) -> dict[Side | None, str]:
    return {side: money.joined(label) for side, label in row.labels.items()}


# --- forms to halves --------------------------------------------------------------------------------------------------


def _statement(form: TextForm) -> Statement:
    statement = Statement(form.form, form.title, pages=list(form.pages), notes=list(form.notes))
    read_head(statement, form.head)
    columns = [column for side in _sides(form.form) for column in _columns(form, side)]
    statement.measures.extend(columns)
    return statement


def _sides(form: Form) -> tuple[Side | None, ...]:
    return (Side.LEFT, Side.RIGHT) if form.is_two_sided else (None,)


def _columns(form: TextForm, side: Side | None) -> tuple[Measure, ...]:
    """The measures of one half from left to right; T1 has a wide and a narrow layout, told by its header."""
    if form.form.form_id is T1 and side is Side.RIGHT:
        return _WIDE if re.search("人员经费|公用经费", money.key("".join(form.headers))) else _WIDE[:1]
    measures = dict.fromkeys(column for column in form.form.columns.values() if isinstance(column, Measure))
    return tuple(m for m in measures if side is None or (m is Measure.REVENUE) == (side is Side.LEFT))


def _orders(form: TextForm, columns: Sequence[Measure]) -> tuple[Placement, ...]:
    """Printed orders of the columns: in T9 vehicles stand before or behind reception, and a broken header does not tell."""
    declared = tuple(range(len(columns)))
    if form.form.form_id is not T9:
        return (declared,)
    vehicles_first = tuple(map(columns.index, sorted(columns, key=_vehicles_first)))
    for line in map(money.key, form.headers):
        reception, vehicles = line.find("公务接待"), line.find("公务用车购置")
        if reception >= 0 and vehicles >= 0:
            return (declared,) if reception < vehicles else (vehicles_first,)
    return declared, vehicles_first


def _vehicles_first(measure: Measure) -> int:
    return {Measure.OFFICIAL_RECEPTION: 5, Measure.AGENCY_OPERATING_EXPENSES: 6}.get(
        measure, 4 if "vehicle" in measure else 0
    )


def _form_to_halves(form: TextForm, statement: Statement) -> Iterator[Half]:
    factor = money.YUAN_PER_UNIT[statement.unit or "元"] * money.MILLI
    keys = _keys(form.form, [(row.codes, row.labels) for row in form.rows])
    for side in _sides(form.form):
        columns = _columns(form, side)
        orders = _orders(form, columns)
        rows = []
        for number, (row, key) in enumerate(zip(form.rows, keys[side], strict=True), 1):
            if side is None or side in row.labels:
                rows.append(_row((form.form.form_id, columns, orders), number, row, side, key, factor))
        yield Half(form.form.form_id, side, columns, rows, orders)


def _row(
    layout: tuple[FormId, Columns, tuple[Placement, ...]],
    number: int,
    text: TextRow,
    side: Side | None,
    key: str | None,
    factor: int,
) -> Row:
    tokens, label = text.tokens.get(side, []), text.labels.get(side, "")
    amounts = [int((token.amount or 0) * factor) for token in tokens]
    halves = [factor // 2 // 10 ** money.decimals(token.text) for token in tokens]
    variable = place_row(*layout, amounts, sum(halves))
    row = Row(number, label, text, tokens, amounts, halves, key, is_total(label), variable, not variable.options)
    _, columns, orders = layout
    if row.is_odd and len(amounts) == len(columns) and len(orders) == 1:
        variable.options = {orders[0]: tuple(amounts)}
    return row


def _keys(
    form: Form, rows: Sequence[tuple[tuple[str, str, str], Mapping[Side | None, str]]]
) -> dict[Side | None, list[str | None]]:
    """What each row speaks of: the code as the form nests it, the class that a label names, or a revenue source."""
    if form.is_two_sided:
        return {
            Side.LEFT: [_source(labels.get(Side.LEFT, "")) for _, labels in rows],
            Side.RIGHT: [classification.class_by_name(labels.get(Side.RIGHT, "")) for _, labels in rows],
        }
    if not form.has_codes:
        return {None: [None] * len(rows)}
    printed = [classification.CodeRow(*codes, labels.get(None, "")) for codes, labels in rows]
    economic = form.form_id is T8
    readings = (classification.read_economic_codes if economic else classification.read_functional_codes)(printed)
    return {None: [reading.numbering for reading in readings]}


def _source(label: str) -> str | None:
    bare = re.sub(r"^[一二三四五六七八九十\d]*[、.．,，]?", "", money.key(label))
    return next((name for pattern, name in REVENUE_SOURCE_LABELS.items() if re.match(pattern, bare)), None)


def _statement_to_halves(statement: Statement) -> Iterator[Half]:
    """A form read from a grid, where every amount has its column."""
    if statement.unit is None:
        return
    factor = money.YUAN_PER_UNIT[statement.unit] * money.MILLI
    keys = _keys(statement.form, [(row.codes, row.labels) for row in statement.rows])
    for side in _sides(statement.form):
        columns = tuple(m for m in statement.measures if sides_of(statement.form, m) is side)
        rows = []
        for row, key in zip(statement.rows, keys[side], strict=True):
            amounts = [amount for amount in row.amounts if amount.side is side]
            values = [int((money.parse_amount(amount.text) or 0) * factor) for amount in amounts]
            halves = [factor // 2 // 10 ** money.decimals(amount.text) for amount in amounts]
            placement = tuple(columns.index(amount.measure) for amount in amounts)
            by_column = dict(zip(placement, values, strict=True))
            variable = Variable({placement: tuple(by_column.get(column, 0) for column in range(len(columns)))})
            label = row.labels.get(side, "")
            rows.append(Row(row.row_no, label, None, (), values, halves, key, is_total(label), variable))
        yield Half(statement.form.form_id, side, columns, rows, (tuple(range(len(columns))),), is_known=True)


# --- beyond the identities --------------------------------------------------------------------------------------------


def _by_definition(halves: Mapping[tuple[FormId, Side | None], Half]) -> list[Variable]:
    """Personnel classes of T8, where the identities leave open which of the two columns is which."""
    half = halves.get((T8, None))
    changed = []
    for row in half.rows if half is not None else ():
        if row.key in _PERSONNEL_CLASSES and not row.variable.is_settled:
            operating = half.columns.index(Measure.OPERATING) if half else 0
            kept = {p: vector for p, vector in row.variable.options.items() if vector[operating] == 0}
            if kept and len(kept) < len(row.variable.options):
                row.variable.options = kept
                changed.append(row.variable)
    return changed


def _by_bounds(halves: Mapping[tuple[FormId, Side | None], Half]) -> list[Variable]:
    """T1 covers all money, T8 general public money alone: neither of T1's basic columns is below T8's."""
    t1, t8 = halves.get((T1, Side.RIGHT)), halves.get((T8, None))
    if t1 is None or t8 is None or t1.total is None or t8.total is None or len(t1.columns) == 1 or not t8.total.amounts:
        return []
    pairs = [(Measure.BASIC_PERSONNEL, Measure.PERSONNEL), (Measure.BASIC_OPERATING, Measure.OPERATING)]
    return keep_at_least((t1, t1.total), (t8, t8.total), pairs)


def _bound_by_t8(half: Half, t8: Half | None) -> None:
    by_key = t8.by_key() if t8 is not None else {}
    for measure, code in _AT_LEAST.items():
        if t8 is not None and code in by_key and by_key[code].amounts:
            for row in half.rows:
                keep_at_least((half, row), (t8, by_key[code]), [(measure, Measure.TOTAL)])


def _claims(document: Document, statements: Sequence[Statement]) -> dict[Measure, tuple[int, int]]:
    """What the prose says of T9, in thousandths of a yuan with half of the last printed unit; nothing where it says two things."""
    notes = _other_notes(document)
    years = Counter(statement.year for statement in statements if statement.year)
    titled = [
        match for section in notes for line in section.lines if (match := _THREE_PUBLIC.search(money.key(line.text)))
    ]
    year = years.most_common(1)[0][0] if years else int(titled[0][1]) if titled else None
    said: dict[Measure, set[tuple[int, int]]] = {}
    for claim in narrative.claims(notes, year) if year is not None else ():
        measure = _CLAIMED.get(claim.measure)
        if measure is not None and claim.year == year and claim.value is not None:
            factor = money.YUAN_PER_UNIT.get(claim.printed_unit, 1) * money.MILLI  # 为0 needs no unit
            half = factor // 2 // 10 ** money.decimals(claim.amount_printed)
            said.setdefault(measure, set()).add((int(claim.value * factor), half))
    return {
        measure: next(iter(values)) for measure, values in said.items() if len({amount for amount, _ in values}) == 1
    }


def _other_notes(document: Document) -> list[Section]:
    """其他相关情况说明 alone: the rest of the prose does not speak of T9."""
    lines = [block for block in document.blocks if isinstance(block, Paragraph)]
    starts = [
        index
        for index, line in enumerate(lines)
        if "情况" in line.text and section_kind(line.text) is SectionKind.OTHER_NOTES
    ]
    found: list[Section] = []
    for start in starts[:5]:
        part = sections(replace(document, blocks=lines[start : start + 60]))
        found.extend(section for section in part if section.kind is SectionKind.OTHER_NOTES)
    return found
