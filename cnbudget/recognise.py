"""Document -> Recognition: which grids are which of the nine forms, and what each of their cells is.

The ladder: blocks -> tables (a grid with its title) -> statements (a form with its rows) -> recognition. Nothing is guessed:
a number whose column or row is not certain is listed as unassigned, and a form that is none of the nine is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cnbudget import money
from cnbudget.binding import LABELS, Columns, aligned, bind, body_rows, is_same_form, is_title, split_head
from cnbudget.forms import (
    CODE_COLUMNS,
    FORMS,
    GRAND_TOTAL_LABEL,
    Form,
    sides_of,
    title_form,
)
from cnbudget.model import Block, Box, Cell, Document, FormId, Grid, Measure, Paragraph, Provenance, Side

_COMPILER = re.compile(r"编制(?:部门|单位)[:：]\s*(.*?)\s*(?=[(（]?(?:金额)?单位[:：]|$)")
_UNIT = re.compile(r"(?<!编制)单位[:：]\s*(?:人民币)?\s*(百万元|亿元|万元|千元|元)")
_HEADER_UNIT = re.compile(r"(?:预算数?|金额)[(（](?:单位[:：])?(万元|元)[)）]$")
_YEAR = re.compile(r"(20\d{2})年")
_NUMBER_TOKEN = re.compile(r"(?<![\d.,])\d[\d,]*(?:\.\d+)?")
_PAGE_NUMBER = re.compile(r"[-—–\s]*(?:第\s*)?\d{1,4}(?:\s*页)?(?:\s*[/共]\s*\d{1,4}\s*页?)?[-—–\s]*")
_PLAIN_AMOUNT = re.compile(r"\d[\d,]*(?:\.\d+)?")
_TABLE_LINE = re.compile(
    r"(?:[2-3]\d{2}(?:\s+\d{1,3}){0,2}\s+[^\s\d]+|.{0,6}(?:合\s*计|总\s*计))(?:\s+[\d,]+(?:\.\d+)?)+$"
)
"""A line of text that is a row of a form whose ruling lines are lost."""
_PROSE = re.compile(r"[一-鿿]{4,}")
_LEADERS = re.compile(r"[.·]{2,}\d*$")
"""What stands between the title of a form and its page in a list of contents."""


@dataclass(slots=True)
class PrintedAmount:
    """An amount as it stands in its cell."""

    measure: Measure
    side: Side | None
    text: str
    cell: Cell
    provenance: Provenance = Provenance.PRINTED


@dataclass(slots=True)
class StatementRow:
    """A row that prints a label: its code cells (class, section, item), its labels by side, and its amounts."""

    row_no: int
    codes: tuple[str, str, str]
    labels: dict[Side | None, str]
    amounts: list[PrintedAmount]
    page: int | None = None


@dataclass(slots=True)
class Unassigned:
    """A number on a form page that no fact, header or note accounts for.

    `is_open_zero`: a zero that may stand in several columns of its row, or in one that the form does not declare; no sum
    depends on it.
    """

    text: str
    why: str
    page: int | None = None
    box: Box | None = None
    cell_ref: str | None = None
    is_open_zero: bool = False


@dataclass(slots=True)
class Statement:
    """One of the nine forms as found: rows in printed order, over all its pages."""

    form: Form
    title: str
    rows: list[StatementRow] = field(default_factory=list)
    year: int | None = None
    compiler: str | None = None
    is_unit: bool | None = None
    unit: str | None = None
    pages: list[int] = field(default_factory=list)
    bands: dict[tuple[int | None, Measure], float] = field(default_factory=dict)
    """Middle of each measure's header by page: the second opinion on where an amount belongs."""
    notes: list[str] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    """Measures of the form's columns, from left to right."""


@dataclass(slots=True)
class OtherForm:
    """A table that is none of the nine forms: named, and its numbers counted apart."""

    title: str
    page: int | None
    n_numbers: int


@dataclass(slots=True)
class Recognition:
    """What was found of the forms: statements in printed order, other tables, and numbers without a place."""

    statements: list[Statement]
    others: list[OtherForm]
    unassigned: list[Unassigned]
    titles: list[tuple[FormId, str, int | None]]
    """Form titles as they stand, contents pages included."""
    incomplete: set[FormId] = field(default_factory=set)
    """Forms with numbers that have no proved column: sums over them cannot be checked."""
    repeated: list[FormId] = field(default_factory=list)
    """Forms that came once more; only the first of each is read."""
    silent_pages: list[int] = field(default_factory=list)
    """Pages without any text: scanned or blank."""

    def statement(self, form_id: FormId) -> Statement | None:
        return next((item for item in self.statements if item.form.form_id is form_id), None)

    @property
    def missing(self) -> list[FormId]:
        """Forms of the nine that were not found."""
        found = {statement.form.form_id for statement in self.statements}
        return [form.form_id for form in FORMS if form.form_id not in found]


class _Reader:
    """Walks the blocks of one document once, binding grids to forms."""

    def __init__(self) -> None:
        self.result = Recognition([], [], [], [])
        self.current: Statement | None = None
        self.columns: Columns | None = None
        self.last_grid: Grid | None = None
        self.grids: list[tuple[Grid, list[StatementRow | None], bool]] = []
        self.pending: list[Paragraph] = []
        self.last_other: Grid | None = None
        """The table before, where it is titled as none of the nine."""

    def read(self, blocks: Iterable[Block]) -> Recognition:
        for block in blocks:
            if isinstance(block, Paragraph):
                self.pending.append(block)
            else:
                self._table(block)
        self._trailing(self.pending)
        return self.result

    def _table(self, grid: Grid) -> None:
        """One grid with the lines above it: a form's start, its continuation, or another table."""
        above, self.pending = self.pending, []
        head, grid = split_head(grid)
        above = [*above, *head]
        title, form = self._title(above)
        if form is not None and title is not None:
            columns = bind(form, grid)
            if (
                len(columns.measures) >= 1 and columns.has_labels
            ) or form.form_id == "three_public_and_agency_operating":
                self._start(form, title, above, grid, columns)
                return
        elif title is None and self.current is not None:
            columns_or_none = self._continued(grid, above)
            if columns_or_none is not None:
                self._trailing(above)
                self._rows(grid, columns_or_none)
                return
        self._other(title, grid, above)

    def _title(self, above: Sequence[Paragraph]) -> tuple[str | None, Form | None]:
        """The nearest line above a grid that is a title, and the form it names."""
        for line in reversed(above[-12:]):
            text = money.key(line.text)
            form = title_form(text) if len(text) < 60 and "。" not in text else None
            if form is not None:
                return text, form
            if "," not in text and is_title(text):
                return text, None
        return None, None

    def _start(self, form: Form, title: str, above: Sequence[Paragraph], grid: Grid, columns: Columns) -> None:
        cut = max(index for index, line in enumerate(above) if money.key(line.text) == title)
        self._trailing(above[:cut])
        existing = self.result.statement(form.form_id)
        if existing is not None:
            self.result.repeated.append(form.form_id)
            self.result.unassigned.extend(
                Unassigned(cell.text, f"a second {form.form_id}", cell.page, cell.box, cell.cell_ref)
                for cell in grid.cells
                if money.parse_amount(cell.text) is not None
            )
            self.current = None
            return
        statement = Statement(form, title)
        head = [money.plain(line.text) for line in above[cut:]]
        self.current, self.columns, self.grids, self.last_other = statement, columns, [], None
        self.result.statements.append(statement)
        read_head(statement, [*head, *(money.plain(cell.text) for cell in grid.cells if cell.row < 2)])
        self._rows(grid, columns)

    def _continued(self, grid: Grid, above: Sequence[Paragraph]) -> Columns | None:
        """The columns of a grid that goes on with the current form; None where it does not."""
        assert self.current is not None and self.columns is not None and self.last_grid is not None
        columns = bind(self.current.form, grid)
        if columns.n_header_rows:
            return columns if columns.measures and is_same_form(columns, self.columns) else None
        if any(_PROSE.search(line.text) and not _is_note(line.text) for line in above):
            return None
        return aligned(grid, self.last_grid, self.columns)

    def _rows(self, grid: Grid, columns: Columns) -> None:
        """Reads the body rows of one grid into the current statement."""
        statement = self.current
        assert statement is not None
        if grid.page is not None and grid.page not in statement.pages:
            statement.pages.append(grid.page)
        for index, column in sorted(columns.by_index.items()):
            header = columns.headers.get(index)
            if isinstance(column, Measure) and column not in statement.measures:
                statement.measures.append(column)
            if isinstance(column, Measure) and header is not None and header.box is not None:
                statement.bands[grid.page, column] = (header.box.x0 + header.box.x1) / 2
        if columns.has_labels or statement.form.form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING:
            self.columns, self.last_grid = columns, grid
            self._labelled(statement, grid, columns)
        else:
            self._right_hand(grid, columns)

    def _labelled(self, statement: Statement, grid: Grid, columns: Columns) -> None:
        rows: list[StatementRow | None] = []
        for cells in body_rows(grid, columns):
            row = self._row(statement, cells, columns)
            if row is not None and statement.rows and not rows and _is_repeated(row, statement.rows[-1]):
                row = None  # clipped at the foot of the last page, it comes again on this one
            elif row is not None:
                row.row_no = len(statement.rows) + 1
                statement.rows.append(row)
            rows.append(row)
        self.grids.append((grid, rows, False))

    def _row(self, statement: Statement, cells: Sequence[Cell], columns: Columns) -> StatementRow | None:
        codes = ["", "", ""]
        labels: dict[Side | None, str] = {}
        amounts: list[PrintedAmount] = []
        for cell in cells:
            column = columns.by_index.get(cell.column)
            if isinstance(column, Measure):
                self._amount(statement, column, cell, amounts)
            elif column in CODE_COLUMNS and not _is_label(cell.text):
                codes[CODE_COLUMNS.index(column)] = money.joined(money.plain(cell.text))
            elif column in LABELS:
                labels[LABELS[column]] = money.joined(cell.text)
            elif _is_label(cell.text):
                labels.setdefault(None, money.joined(cell.text))
            else:
                header = columns.headers.get(cell.column)
                named = f"its column, {money.joined(header.text)}, is none" if header else "its column has no header"
                self._lost(cell, f"{named} that the form declares", is_nothing=money.parse_amount(cell.text) == 0)
        if not cells:
            return None
        if not labels and not any(codes) and statement.form.form_id is not FormId.THREE_PUBLIC_AND_AGENCY_OPERATING:
            for amount in amounts:
                self._lost(amount.cell, "its row prints neither code nor label")
            return None
        if not labels and not any(codes) and not amounts:
            return None
        return StatementRow(0, (codes[0], codes[1], codes[2]), labels, amounts, cells[0].page)

    def _amount(self, statement: Statement, measure: Measure, cell: Cell, amounts: list[PrintedAmount]) -> None:
        text = cell.text if _PLAIN_AMOUNT.fullmatch(cell.text) else money.printed_amount(cell.text)
        if any(amount.measure is measure for amount in amounts):
            self._lost(cell, f"a second number for {measure} in its row")
        elif text is not None:
            amounts.append(PrintedAmount(measure, sides_of(statement.form, measure), text, cell))
        elif not money.is_nil(cell.text):
            self._lost(cell, f"the cell of {measure} is not one number", is_amount=True)

    def _right_hand(self, grid: Grid, columns: Columns) -> None:
        """Columns that stand on pages of their own, beside rows read before: joined row by row."""
        body = list(body_rows(grid, columns))
        for index, (owner, rows, is_joined) in enumerate(self.grids):
            if is_joined or len(rows) != len(body):
                continue
            for row, cells in zip(rows, body, strict=True):
                for cell in cells:
                    column = columns.by_index.get(cell.column)
                    if row is None or not isinstance(column, Measure):
                        self._lost(cell, "no row on the page beside it")
                    else:
                        assert self.current is not None
                        self._amount(self.current, column, cell, row.amounts)
            self.grids[index] = (owner, rows, True)
            return
        for cells in body:
            for cell in cells:
                self._lost(cell, "no page beside it has as many rows")

    def _lost(self, cell: Cell, why: str, *, is_amount: bool = False, is_nothing: bool = False) -> None:
        """Lists the numbers of a cell; of an amount's cell whatever stands there, a formula or `#REF!` as it is."""
        text = money.plain(cell.text)
        tokens = [] if is_amount and text.startswith(("=", "#")) else _NUMBER_TOKEN.findall(text)
        if not tokens and (is_amount or not _is_label(text)):
            tokens = [text]
        place = (cell.page, cell.box, cell.cell_ref)
        self.result.unassigned.extend(Unassigned(token, why, *place, is_open_zero=is_nothing) for token in tokens)

    def _other(self, title: str | None, grid: Grid, above: Sequence[Paragraph]) -> None:
        """A table that is none of the nine ends the form before it, and goes on over its own pages."""
        n_numbers = sum(money.parse_amount(cell.text) is not None for cell in grid.cells)
        is_apart = any(_PROSE.search(line.text) and not _is_note(line.text) for line in above)
        if (
            title is None
            and self.last_other is not None
            and not is_apart
            and grid.n_columns == self.last_other.n_columns
        ):
            self.result.others[-1].n_numbers += n_numbers
            return
        self._trailing(above)
        self.current = self.columns = self.last_grid = None
        self.last_other = grid if title else None
        self.result.others.append(OtherForm(title or "", grid.page, n_numbers))

    def _trailing(self, lines: Sequence[Paragraph]) -> None:
        """Lines below a form: notes are kept, page numbers passed over, bare numbers on its pages are unassigned."""
        for line in lines:
            form = title_form(_LEADERS.sub("", money.key(line.text)))
            if form is not None:
                self.result.titles.append((form.form_id, money.key(line.text), line.page))
            elif self.current is not None:
                if _is_note(line.text):
                    self.current.notes.append(money.joined(line.text))
                elif line.page in self.current.pages or _TABLE_LINE.match(line.text.strip()):
                    self._stray(line)

    def _stray(self, line: Paragraph) -> None:
        is_row = _TABLE_LINE.match(line.text.strip())
        if (
            (_PROSE.search(line.text) and not is_row)
            or _PAGE_NUMBER.fullmatch(line.text.strip())
            or _UNIT.search(line.text)
        ):
            return
        for token in _NUMBER_TOKEN.findall(money.plain(line.text)):
            self.result.unassigned.append(Unassigned(token, "it stands outside the table", line.page, line.box))


def recognise(document: Document) -> Recognition:
    """Binds the grids of a document to the nine forms."""
    found = _Reader().read(document.blocks)
    spoken = {block.page for block in document.blocks}
    found.silent_pages = [page for page in range(1, document.n_pages + 1) if page not in spoken]
    return found


def read_head(statement: Statement, head: Sequence[str]) -> None:
    """Year, compiler, kind and unit from the title and the lines between it and the table; `head` begins with the title."""
    title = statement.title
    years = _YEAR.search(title)
    statement.year = int(years[1]) if years else None
    if "单位" in title:
        statement.is_unit = True
    elif "部门" in title.replace("部门预算经济分类", "").replace("部门经济分类", ""):
        statement.is_unit = False
    for text in head[1:]:
        compiler, unit = _COMPILER.search(text), _UNIT.search(text.replace("编制单位", "编制部门"))
        if compiler and compiler[1] and statement.compiler is None:
            statement.compiler = money.joined(compiler[1])
        if unit and statement.unit is None:
            statement.unit = unit[1]
    in_header = {found[1] for text in head[1:] if (found := _HEADER_UNIT.search(text))}
    if in_header and in_header != {statement.unit}:
        # Two units, or one that the header alone states: without a single one no amount can be told.
        statement.unit = in_header.pop() if len(in_header) == 1 and statement.unit is None else None


def _is_repeated(row: StatementRow, last: StatementRow) -> bool:
    """Whether a row is the one before once more: same codes, labels and amounts."""
    return (row.codes, row.labels) == (last.codes, last.labels) and [(a.measure, a.text) for a in row.amounts] == [
        (a.measure, a.text) for a in last.amounts
    ]


def _is_label(text: str) -> bool:
    return bool(re.search(r"[一-鿿A-Za-z]", text))


def _is_note(text: str) -> bool:
    return bool(re.match(r"\s*(?:备?注|说明)\s*\d*\s*[:：]", text))


def is_total(label: str) -> bool:
    """Whether a row label is that of a total."""
    return bool(GRAND_TOTAL_LABEL.fullmatch(money.key(label)))
