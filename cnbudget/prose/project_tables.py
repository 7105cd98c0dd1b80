"""Projects in tables: 绩效目标申报表, one form a project with a label before each value, and lists, one row a project.

The nine statutory forms are none of these. An amount needs a unit that the table states; without one it is no amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from cnbudget import money
from cnbudget.model import AmountSource, Box, Cell, Document, Grid
from cnbudget.prose.projects import Project, cited
from cnbudget.prose.sections import close, fold

_UNIT = re.compile(r"\((?:单位:)?(?P<unit>万元|元)\)|单位:(?:人民币)?(?P<unit2>万元|元)")
_LABELS = {
    "name": r"项目名称",
    "implementer": r"(?:项目)?(?:实施|承担|负责|申报|填报)(?:单位|部门|主体)(?:名称)?|项目单位(?:名称)?",
    "begin": r"(?:计划|项目)?开始(?:日期|时间)",
    "end": r"(?:计划|项目)?(?:完成|结束)(?:日期|时间)",
    "period": r"(?:项目)?(?:实施)?(?:周期|期限)|起止时间|项目起止时间",
    "overview": r"项目(?:概况|概述|简介|主要内容)",
    "basis": r"(?:项目)?立项(?:依据|情况)",
    "plan": r"(?:项目)?实施(?:计划|方案)",
    "goals": r"项目(?:绩效)?总目标|(?:年度|总体|项目)(?:绩效)?目标",
    "annual": r"(?:项目)?(?:当年|本年度?|年度|今年)(?:项目)?(?:预算|资金)(?:资金)?(?:总额|金额|数|安排)?",
    "budget": r"项目预算(?:金额|数)?|预算(?:金额|数)|预算安排",
    "all_years": r"(?:项目)?总预算|项目(?:资金)?总额",
}
_LABEL = re.compile(
    "|".join(f"(?P<{kind}>{words})" for kind, words in _LABELS.items()).join(("(?:", r")(?:\((?:万元|元)\))?:?"))
)
_IS_FORM = re.compile(r"绩效|一级指标|二级指标|三级指标")
_STATUTORY = re.compile(r"功能分类科目|经济分类科目|预算总表|三公“?经费")
_OTHER_LIST = re.compile(r"采购|购买服务|资产|债券|转移支付")
"""In the title or the heading of a list whose rows are no projects."""
_AMOUNT = re.compile(r"(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)(?P<unit>万元|元)?")
_TOTAL = re.compile(r"合计|总计|小计")
MAX_LABEL = 24


@dataclass(slots=True)
class _Form:
    """What the labels of one project lead to, in text as printed."""

    place: tuple[int | None, Box | None]
    unit: str | None
    values: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    is_goal_form: bool = False


def project_tables(document: Document) -> list[Project]:
    """The projects that tables of a document state, in printed order."""
    found: list[_Form] = []
    head: list[str] = []
    for block in document.blocks:
        if not isinstance(block, Grid):
            head = [*head[-1:], block.text]
            continue
        if found or any("称" in cell.text and _kind(_plain(cell)) == "name" for cell in block.cells):
            title = " ".join(fold(close(text[:100])) for text in head)
            rows = _rows(block)
            top = "".join(text for row in rows[:4] for _, text in row if _is_short(text))
            if not _STATUTORY.search(title + top):
                found.extend(_in_grid(block, rows, title, found[-1] if found else None))
        head = []
    return [project for form in found if (project := _project(form)) is not None]


_Row = list[tuple[Cell, str]]


def _plain(cell: Cell) -> str:
    return fold(money.joined(cell.text))


def _rows(grid: Grid) -> list[_Row]:
    """The filled cells of a grid by row, with their folded text."""
    cells = sorted(grid.cells, key=lambda cell: (cell.row, cell.column))
    return [[(cell, _plain(cell)) for cell in row] for _, row in groupby(cells, key=lambda cell: cell.row)]


def _unit_of(text: str) -> str | None:
    match = _UNIT.search(text[:200])
    return (match["unit"] or match["unit2"]) if match else None


def _in_grid(grid: Grid, rows: list[_Row], title: str, before: _Form | None) -> Iterator[_Form]:
    """The forms that begin in a grid (its first rows may go on with the form before it), or the rows of a list."""
    unit = _unit_of(title)
    for number, row in enumerate(rows):
        unit = next((stated for _, text in row if _is_short(text) and (stated := _unit_of(text))), unit)
        kinds = [_kind(text) for _, text in row]
        if "name" in kinds and _is_heading(kinds):
            if not _OTHER_LIST.search(title + "".join(text for _, text in row)):
                yield from _listed(rows[number + 1 :], row, kinds, unit, grid)
            return
        if "name" in kinds[:-1]:
            cell = row[kinds.index("name") + 1][0]
            before = _Form((cell.page or grid.page, cell.box), unit)
            yield before
        if before is not None:
            before.is_goal_form |= any(_IS_FORM.search(text) for _, text in row if _is_short(text))
            _take(before, row, kinds)


def _is_short(text: str) -> bool:
    return len(text) <= MAX_LABEL


def _kind(text: str) -> str | None:
    match = _LABEL.fullmatch(text) if _is_short(text) else None
    return match.lastgroup if match else None


def _is_heading(kinds: Sequence[str | None]) -> bool:
    """Whether a row heads columns: the cell behind 项目名称 is another label or an amount's heading, and there is a sum."""
    after = kinds[kinds.index("name") + 1 :]
    return bool(after) and after[0] is not None and any(kind in ("annual", "budget", "all_years") for kind in after)


def _take(form: _Form, row: _Row, kinds: Sequence[str | None]) -> None:
    for index, kind in enumerate(kinds[:-1]):
        if kind is not None and kind not in form.values and kinds[index + 1] is None:
            form.values[kind] = close(row[index + 1][0].text)
            form.units[kind] = _unit_of(row[index][1]) or ""


def _listed(rows: list[_Row], head: _Row, kinds: Sequence[str | None], unit: str | None, grid: Grid) -> Iterator[_Form]:
    """One form a row below a heading, its values in the columns of their labels."""
    columns = {cell.column: (kind, _unit_of(text)) for (cell, text), kind in zip(head, kinds, strict=True) if kind}
    for row in rows:
        named = [
            cell
            for cell, text in row
            if columns.get(cell.column, ("",))[0] == "name" and not _TOTAL.search(text) and _kind(text) is None
        ]
        if not named:
            continue
        form = _Form((named[0].page or grid.page, named[0].box), unit, is_goal_form=True)
        for cell, _ in row:
            kind, own = columns.get(cell.column, ("", None))
            if kind:
                form.values[kind] = close(cell.text)
                form.units[kind] = own or ""
        yield form


def _project(form: _Form) -> Project | None:
    """The project of a form; None where only its name is known, or nothing says that this is a project's form."""
    values = form.values
    if not form.is_goal_form or len(values) < 2 or not 1 < len(values.get("name", "")) <= 100:
        return None
    annual = next((kind for kind in ("annual", "budget") if kind in values), None)
    amount, printed = _amount(form, annual)
    period = values.get("period") or "至".join(values[kind] for kind in ("begin", "end") if kind in values) or None
    return Project(
        name=values["name"],
        implementer=values.get("implementer"),
        overview=values.get("overview"),
        legal_basis=values.get("basis"),
        cited_documents=cited(values.get("basis")),
        plan=values.get("plan"),
        period=period,
        goals=values.get("goals"),
        budget=values[annual] if annual else None,
        annual_budget_yuan=amount,
        amount_printed=printed,
        amount_source=AmountSource.STATED if amount is not None else None,
        items=(),
        is_cut=False,
        quote=values["name"],
        page=form.place[0],
        box=form.place[1],
        is_table=True,
    )


def _amount(form: _Form, kind: str | None) -> tuple[Decimal | None, str | None]:
    """Yuan and what is printed; no yuan where neither value, label nor table states the unit."""
    match = _AMOUNT.fullmatch(fold(money.joined(form.values[kind]))) if kind else None
    if kind is None or match is None:
        return None, None
    unit = match["unit"] or form.units[kind] or form.unit
    value = Decimal(match["number"].replace(",", ""))
    return (money.to_yuan(value, unit) if unit else None), match[0]
