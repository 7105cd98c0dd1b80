"""Codes of the forms: well formed, known in the year, and at one with their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cnbudget import classification, money
from cnbudget.classification import Classification, name_key
from cnbudget.model import Box, Cause, FormId, Severity
from cnbudget.recognise import Statement, StatementRow, is_total
from cnbudget.rules.case import FORM_NAMES, Case, Family, Found, per_case, rule

CLASSIFICATION = "财政部当年《政府收支分类科目》"
DETAIL = "《预算法实施条例》第六条：支出按功能分类公开到项，基本支出按经济性质分类公开到款；" + CLASSIFICATION

_WHOLE = re.compile(r"\d{3}(?:\d\d){0,2}")


@dataclass(frozen=True, slots=True)
class CodedRow:
    """A row of a form with codes: what is printed, and the code that it stands for (None where that cannot be told)."""

    statement: Statement
    row: StatementRow
    name: str
    cells: tuple[str, str, str]
    code: str | None
    is_whole: bool
    """Whether every cell is well formed: three digits for the class, two for section and item."""

    @property
    def printed(self) -> str:
        return "".join(self.cells)

    @property
    def locus(self) -> str:
        return f"{self.statement.form.form_id.value}/{self.printed or self.name}/{name_key(self.name)}"

    @property
    def page(self) -> int | None:
        return self.row.page

    @property
    def box(self) -> Box | None:
        return self.row.amounts[0].cell.box if self.row.amounts else None


@per_case
def coded_rows(case: Case) -> list[CodedRow]:
    """Rows that print a code, over all forms with codes, totals left out."""
    codes = {(figure.form_id, figure.row_no): figure.code for figure in case.figures if figure.code}
    found = []
    for statement in case.recognition.statements:
        if not statement.form.has_codes:
            continue
        form_id = statement.form.form_id.value
        for row in statement.rows:
            name = row.labels.get(None, "")
            if any(row.codes) and name and not ("计" in name and is_total(name)):
                first, second, third = row.codes
                cells = _cell(first), _cell(second), _cell(third)
                code = codes.get((form_id, row.row_no))
                found.append(CodedRow(statement, row, name, cells, code, _are_whole(*cells)))
    return found


def _cell(text: str) -> str:
    is_clean = not text or (text.isascii() and text.isdigit())
    return text if is_clean else re.sub(r"\s|\.0+$", "", money.plain(text))


def _are_whole(class_: str, *tails: str) -> bool:
    return (not class_ or bool(_WHOLE.fullmatch(class_))) and all(
        not cell or (len(cell) == 2 and cell.isdigit()) or bool(_WHOLE.fullmatch(cell)) for cell in tails
    )


def book_of(statement: Statement) -> Classification:
    if statement.form.form_id is FormId.BASIC_EXPENDITURE_BY_ECONOMIC:
        return classification.economic_classification()
    return classification.functional_classification()


def known_in_year(case: Case, statement: Statement) -> Mapping[str, str]:
    year = case.cover.fiscal_year or 0
    if statement.form.form_id is FormId.BASIC_EXPENDITURE_BY_ECONOMIC:
        return classification.economic_codes(year)
    return classification.functional_codes(year)


def is_of_other_code(row: CodedRow, code: str) -> bool:
    """Whether a code that is in no year's list stands beside a name that is another's, or in the economic list, which is whole."""
    named = any(len(other) == len(code) for other in book_of(row.statement).codes.get(name_key(row.name), ()))
    return named or (row.statement.form.form_id is FormId.BASIC_EXPENDITURE_BY_ECONOMIC and len(code) in {3, 5})


@rule(
    Severity.ERROR,
    Family.CODES,
    "科目编码有误",
    "A malformed code",
    rests_on=DETAIL,
    example="The class cell of 科普活动 prints 6 where 206 belongs.",
)
def code_malformed(case: Case) -> Iterator[Found]:
    """A code is printed as class (three digits), section and item (two each). The publisher's error where another form prints
    the code in full beside the same name; a lost leading zero alone is a warning."""
    rows = coded_rows(case)
    in_full = {(name_key(row.name), row.printed) for row in rows if row.is_whole}
    for row in rows:
        if row.is_whole or _is_habit(row.statement, rows):
            continue
        is_zero = _is_zero_lost(row)
        zh, en = FORM_NAMES[row.statement.form.form_id]
        expected = row.code
        printed = " ".join(cell for cell in row.cells if cell)
        yield Found(
            row.locus,
            f"《{zh}》“{row.name}”的编码印作“{printed}”{f'，应为{_spaced(expected)}' if expected else ''}。请更正编码。",
            f"{en}: the code of {row.name} is printed as {printed}{f', expected {_spaced(expected)}' if expected else ''}. "
            "Correct it.",
            expected=expected,
            found=printed,
            page=row.page,
            box=row.box,
            quote=f"{printed} {row.name}",
            cause=Cause.PUBLISHER if (name_key(row.name), expected) in in_full else Cause.UNKNOWN,
            severity=Severity.WARNING if is_zero else None,
        )


def _spaced(code: str) -> str:
    return " ".join(filter(None, (code[:3], code[3:5], code[5:])))


def _is_zero_lost(row: CodedRow) -> bool:
    """Whether nothing is wrong with the cells but a zero that does not stand before a section or item."""
    is_class = not row.cells[0] or bool(_WHOLE.fullmatch(row.cells[0]))
    return is_class and all(cell.isdigit() and len(cell) <= 2 for cell in row.cells[1:] if cell)


def _is_habit(statement: Statement, rows: Sequence[CodedRow]) -> bool:
    """Whether a form leaves leading zeros out throughout, as a worksheet of numbers does."""
    own = [row for row in rows if row.statement is statement and any(row.cells[1:])]
    small = [row for row in own if row.code and any(cell.startswith("0") for cell in (row.code[3:5], row.code[5:7]))]
    return len(small) > 2 and all(not row.is_whole and _is_zero_lost(row) for row in small)


@rule(
    Severity.INFO,
    Family.CODES,
    "编码未补前导零",
    "Codes without leading zeros throughout",
    rests_on=DETAIL,
    example="A worksheet prints 201 1 1 for 201 01 01 in every row.",
)
def code_zeros_left_out(case: Case) -> Iterator[Found]:
    """A form that writes every section and item as a number, as worksheets do: read rightly, named once."""
    rows = coded_rows(case)
    for statement in case.recognition.statements:
        if statement.form.has_codes and _is_habit(statement, rows):
            zh, en = FORM_NAMES[statement.form.form_id]
            yield Found(
                f"{statement.form.form_id.value}/zeros",
                f"《{zh}》的款、项编码均无前导零。建议按两位填写。",
                f"{en} writes sections and items without leading zeros throughout. Write them with two digits.",
                expected="01",
                found="1",
                page=statement.pages[0] if statement.pages else None,
            )


@rule(
    Severity.INFO,
    Family.CODES,
    "编码不在当年科目中",
    "A code that is not in use in the year",
    rests_on=CLASSIFICATION,
    example="20103 99 98 is in no year's classification.",
)
def code_unknown(case: Case) -> Iterator[Found]:
    """A code is in the classification of the fiscal year. Information alone: our list may lack one."""
    for row in coded_rows(case):
        code = row.printed if row.is_whole else row.code
        book = book_of(row.statement)
        if (
            not code
            or not row.cells[0]
            or len(code) not in classification.LEVELS
            or code in known_in_year(case, row.statement)
        ):
            continue
        if code not in book.names and is_of_other_code(row, code):
            continue  # `code_name_disagrees`
        zh, en = FORM_NAMES[row.statement.form.form_id]
        years = [entry for entry in book.entries if entry.code == code]
        known = f"{years[0].valid_from_year}-{years[-1].valid_to_year or ''}" if years else ""
        yield Found(
            row.locus,
            f"《{zh}》“{row.name}”的编码 {code} 不在{case.cover.fiscal_year}年的科目中{f'（{known}）' if known else ''}。请核对编码。",
            f"{en}: the code {code} of {row.name} is not in the classification of {case.cover.fiscal_year}"
            f"{f' (in use {known})' if known else ''}. Check the code.",
            found=code,
            page=row.page,
            box=row.box,
            quote=f"{code} {row.name}",
        )


RULES = (code_malformed, code_zeros_left_out, code_unknown)
