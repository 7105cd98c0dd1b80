"""Names beside the codes of the forms: those of the classification, in use in the year."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache

from cnbudget import classification
from cnbudget.classification import Classification, Entry, name_key
from cnbudget.model import Severity, Side
from cnbudget.recognise import Statement, StatementRow
from cnbudget.rules.case import FORM_NAMES, Case, Family, Found, per_case, rule
from cnbudget.rules.codes import CLASSIFICATION, CodedRow, book_of, coded_rows, is_of_other_code, known_in_year

_ALIKE = 0.85
"""From here on a name is taken for a slip in another one (one character in ten or so)."""


@dataclass(frozen=True, slots=True)
class _Named:
    """A row's name against the classification: the official name of its code, and how the two differ."""

    row: CodedRow
    code: str
    official: str
    is_slip: bool


@per_case
def _misnamed(case: Case) -> list[_Named]:
    """Rows whose name is not that of their code in any year."""
    found: list[_Named] = []
    for row in coded_rows(case):
        code = row.printed if row.is_whole and row.cells[0] else row.code
        book, known = book_of(row.statement), known_in_year(case, row.statement)
        if code is None:
            continue
        if code in book.names:
            if book.contradicts(code, row.name):
                official = known.get(code) or next(e.name for e in book.entries if e.code == code)
                found.append(_Named(row, code, official, is_slip(row.name, official)))
        elif is_of_other_code(row, code):
            found.append(_Named(row, code, "", False))
    return found


def is_slip(name: str, official: str) -> bool:
    """Whether a name is the official one with a character more, less or changed, as 其它 for 其他."""
    own, other = name_key(name), name_key(official)
    return own.replace("其它", "其他") == other or (
        len(other) >= 4 and SequenceMatcher(None, own, other, autojunk=False).ratio() >= _ALIKE
    )


def _codes_of(book: Classification, name: str, code: str) -> list[str]:
    """Codes of the same level that a name belongs to, those of the class first; else those of a name that is nearly it."""
    names = [name_key(name), *(known for known in book.codes if len(book.codes) < 500 and is_slip(name, known))]
    for key in names:
        same = sorted(other for other in book.codes.get(key, ()) if len(other) == len(code))
        own = [other for other in same if other[:3] == code[:3]] or same
        if own:
            return own
    return []


@rule(
    Severity.WARNING,
    Family.CODES,
    "科目编码与名称不符",
    "Code and name disagree",
    rests_on=CLASSIFICATION,
    example="302 11 is printed beside 会议费; 302 11 is 差旅费, 会议费 is 302 15.",
)
def code_name_disagrees(case: Case) -> Iterator[Found]:
    """The name beside a code is its name in the classification, in any year and whatever its spelling."""
    for named in _misnamed(case):
        if named.is_slip:
            continue
        row, book = named.row, book_of(named.row.statement)
        zh, en = FORM_NAMES[row.statement.form.form_id]
        own = _codes_of(book, row.name, named.code)[:3]
        is_zh = f"{named.code}为“{named.official}”" if named.official else f"科目中没有{named.code}"
        is_en = f"{named.code} is {named.official}" if named.official else f"there is no {named.code}"
        belongs_zh = f"，“{row.name}”应为{'、'.join(own)}" if own else "，科目中没有该名称"
        belongs_en = f", {row.name} is {' or '.join(own)}" if own else f", and no account is called {row.name}"
        yield Found(
            row.locus,
            f"《{zh}》{named.code}“{row.name}”：{is_zh}{belongs_zh}。请更正编码或名称。",
            f"{en}, {named.code} {row.name}: {is_en}{belongs_en}. Correct the code or the name.",
            expected=named.official or (own[0] if own else None),
            found=f"{named.code} {row.name}",
            page=row.page,
            box=row.box,
            quote=f"{named.code} {row.name}",
        )


@rule(
    Severity.WARNING,
    Family.CODES,
    "科目名称写法有误",
    "A variant of an account's name",
    rests_on=CLASSIFICATION,
    example="其它工资福利支出 is printed for 其他工资福利支出.",
)
def name_variant(case: Case) -> Iterator[Found]:
    """A name that is nearly the official one: a character left out, added or changed."""
    for named in _misnamed(case):
        if not named.is_slip:
            continue
        zh, en = FORM_NAMES[named.row.statement.form.form_id]
        yield Found(
            named.row.locus,
            f"《{zh}》{named.code}“{named.row.name}”应为“{named.official}”。请更正名称。",
            f"{en}: {named.code} {named.row.name} should read {named.official}. Correct the name.",
            expected=named.official,
            found=named.row.name,
            page=named.row.page,
            box=named.row.box,
            quote=named.row.name,
        )


@cache
def _vintages(is_economic: bool) -> Mapping[str, list[Entry]]:
    """Entries of a classification by code."""
    book = classification.economic_classification() if is_economic else classification.functional_classification()
    by_code: dict[str, list[Entry]] = defaultdict(list)
    for entry in book.entries:
        by_code[entry.code].append(entry)
    return by_code


def retired_name(book: Classification, code: str, name: str, year: int) -> str | None:
    """The present name of a code where the given one is an old name of it; None for a name still in use, or never its."""
    key = name_key(name)
    own = _vintages(book is classification.economic_classification()).get(code, ())
    bearing = [entry for entry in own if name_key(entry.name) == key]
    now = [entry for entry in own if entry.valid_from_year <= year <= (entry.valid_to_year or year)]
    if not bearing or not now or any((entry.valid_to_year or year) >= year for entry in bearing):
        return None
    return now[0].name


@cache
def _names_in_use(year: int) -> frozenset[str]:
    books = classification.functional_codes(year), classification.economic_codes(year)
    return frozenset(name_key(name) for book in books for name in book.values())


@rule(
    Severity.WARNING,
    Family.CODES,
    "沿用旧科目名称",
    "A retired name",
    rests_on=CLASSIFICATION,
    example="行政事业单位离退休 in a budget of 2030; the section has been 行政事业单位养老支出 since 2020.",
)
def name_retired(case: Case) -> Iterator[Found]:
    """An account goes by the name of the fiscal year, in the forms with codes and in the two summaries."""
    year = case.cover.fiscal_year
    if year is None:
        return
    current = _names_in_use(year)
    for statement, row, name, code in (*_coded_names(case), *_summary_names(case)):
        if name_key(name) in current:
            continue
        present = retired_name(book_of(statement), code, _ORDINAL.sub("", name), year)
        if present is None:
            continue
        zh, en = FORM_NAMES[statement.form.form_id]
        yield Found(
            f"{statement.form.form_id.value}/{code}/{name_key(name)}",
            f"《{zh}》“{name}”是旧名称，{year}年为“{present}”（{code}）。请更正名称。",
            f"{en}: {name} is an old name; in {year} it is {present} ({code}). Correct the name.",
            expected=present,
            found=name,
            page=row.page or (statement.pages[0] if statement.pages else None),
            box=row.amounts[0].cell.box if row.amounts else None,
            quote=name,
        )


_ORDINAL = re.compile(r"^[一二三四五六七八九十]+[、.．,，]")
_Name = tuple[Statement, StatementRow, str, str]


def _coded_names(case: Case) -> Iterator[_Name]:
    for row in coded_rows(case):
        if row.code:
            yield row.statement, row.row, row.name, row.code


def _summary_names(case: Case) -> Iterator[_Name]:
    for statement in case.recognition.statements:
        for row in statement.rows if statement.form.is_two_sided else ():
            name = row.labels.get(Side.RIGHT, "")
            code = classification.class_by_name(name) if name else None
            if code is not None:
                yield statement, row, name, code


RULES = (code_name_disagrees, name_variant, name_retired)
