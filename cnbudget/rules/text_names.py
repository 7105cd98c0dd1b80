"""Names of accounts in the text: those of the forms and of the classification, at the level where they stand."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cnbudget import classification
from cnbudget.classification import name_key
from cnbudget.model import Severity
from cnbudget.rules.case import Case, Family, Found, StatedClaim, per_case, rule
from cnbudget.rules.codes import CLASSIFICATION
from cnbudget.rules.names import is_slip, retired_name
from cnbudget.rules.narrative import accounts
from cnbudget.rules.sums import listing

_PATH = re.compile(r"^(?:(?P<class>.+?)\(类\))?(?:(?P<section>.+?)\(款\))?(?:(?P<item>.+?)\(项\))?$")
_LENGTHS = {"class": 3, "section": 5, "item": 7}
_WORDS = {"class": "类", "section": "款", "item": "项"}


@dataclass(frozen=True, slots=True)
class _Part:
    """One name of a claim's subject, beside the account that stands there in the forms."""

    claim: StatedClaim
    name: str
    code: str
    printed: str
    official: str


@per_case
def _parts(case: Case) -> list[_Part]:
    """The names of each account of the text with those of the account that its amount was compared with."""
    known = classification.functional_codes(case.cover.fiscal_year or 0)
    labels, found = _labels(case), []
    for claim, code, levels in _named(case):
        for level, name in levels.items():
            own = code[: _LENGTHS[level]] if level in _LENGTHS else code
            printed = labels.get(own, known.get(own, ""))
            if printed:
                found.append(_Part(claim, name, own, printed, known.get(own, printed)))
    return found


@per_case
def _named(case: Case) -> list[tuple[StatedClaim, str, Mapping[str, str]]]:
    """Accounts of the text with their code and their names by level; a bare name is of the level of its account."""
    found: list[tuple[StatedClaim, str, Mapping[str, str]]] = []
    for account in accounts(case):
        claim = account.headline
        path = _PATH.fullmatch(_plain(claim.subject))
        levels = {level: name for level, name in path.groupdict().items() if name} if path else {}
        code = claim.functional_code or _nearly_named(levels, _labels(case))
        if code:
            found.append((claim, code, levels or {"account": claim.subject}))
    return found


def _nearly_named(levels: Mapping[str, str], labels: Mapping[str, str]) -> str | None:
    """The one account of the forms whose name the deepest name of a subject nearly is."""
    level = next((level for level in ("item", "section", "class") if level in levels), None)
    if level is None:
        return None
    codes = [code for code, label in labels.items() if len(code) == _LENGTHS[level] and is_slip(levels[level], label)]
    return codes[0] if len(codes) == 1 else None


def _plain(text: str) -> str:
    return re.sub(r"[\s“”\"]", "", unicodedata.normalize("NFKC", text))


@per_case
def _labels(case: Case) -> dict[str, str]:
    """Names of the accounts as the fund forms print them."""
    return {
        figure.code: figure.row_label
        for figure in case.figures
        if figure.code and figure.row_label and figure.form_id.endswith("_by_function")
    }


def _is_level_off(code: str, levels: Mapping[str, str]) -> bool:
    deepest = max((_LENGTHS[level] for level in levels if level in _LENGTHS), default=None)
    return deepest is not None and len(code) != deepest


def _is_same(part: _Part) -> bool:
    return name_key(part.name) in {name_key(part.printed), name_key(part.official)}


@rule(
    Severity.WARNING,
    Family.CODES,
    "文字中的科目名称写法有误",
    "A variant of an account's name in the text",
    rests_on=CLASSIFICATION,
    example="其它统计信息事务支出（项） for 其他统计信息事务支出.",
)
def narrative_name_variant(case: Case) -> Iterator[Found]:
    """A name in the text that is nearly the one of the forms: 其它 for 其他, a character left out or changed."""
    year = case.cover.fiscal_year or 0
    book = classification.functional_classification()
    off = {id(claim) for claim, code, levels in _named(case) if _is_level_off(code, levels)}
    for part in _parts(case):
        if _is_same(part) or id(part.claim) in off or retired_name(book, part.code, part.name, year):
            continue
        if is_slip(part.name, part.printed):
            yield _found(part, "variant", f"应为“{part.printed}”", f"should read {part.printed}", part.printed)


@rule(
    Severity.WARNING,
    Family.CODES,
    "文字中沿用旧科目名称",
    "A retired name in the text",
    rests_on=CLASSIFICATION,
    example="行政事业单位离退休（款） in a narrative of 2030; the forms print 行政事业单位养老支出.",
)
def narrative_name_retired(case: Case) -> Iterator[Found]:
    """An account goes by its name of the fiscal year in the text too."""
    year = case.cover.fiscal_year or 0
    book = classification.functional_classification()
    for part in _parts(case):
        present = retired_name(book, part.code, part.name, year)
        if present is not None:
            zh, en = f"是旧名称，{year}年为“{present}”", f"is an old name; in {year} it is {present}"
            yield _found(part, "retired", zh, en, present)


@rule(
    Severity.WARNING,
    Family.CODES,
    "文字中的科目层级有误",
    "An account of the text is named at the wrong level",
    rests_on=CLASSIFICATION,
    example="住房保障支出（类）住房保障支出（款）住房改革支出（项）: 住房改革支出 is a section, its item is 住房公积金.",
)
def narrative_path_differs(case: Case) -> Iterator[Found]:
    """Class, section and item in the text are those of the account in the forms, each at its level."""
    labels = _labels(case)
    wrong = {id(c): (c, code) for c, code, levels in _named(case) if _is_level_off(code, levels)}
    year, book = case.cover.fiscal_year or 0, classification.functional_classification()
    for part in _parts(case):
        is_other = not _is_same(part) and not is_slip(part.name, part.printed)
        if is_other and not book.agrees(part.code, part.name) and not retired_name(book, part.code, part.name, year):
            wrong.setdefault(id(part.claim), (part.claim, part.code))
    for claim, meant in (*wrong.values(), *_told_by_amount(case)):
        code = _lowest(meant, labels)
        path = "".join(
            f"{labels.get(code[:length], code[:length])}（{_WORDS[level]}）"
            for level, length in _LENGTHS.items()
            if length <= len(code)
        )
        yield Found(
            f"narrative/path/{meant}",
            f"编制说明的“{claim.subject}”与预算表的层级不符，应为“{path}”（{code}）。请更正。",
            f"the narrative's {claim.subject} does not stand so in the forms, which have {path} ({code}). Correct the names.",
            expected=path,
            found=claim.subject,
            page=claim.page,
            box=claim.box,
            quote=claim.subject,
        )


def _told_by_amount(case: Case) -> Iterator[tuple[StatedClaim, str]]:
    """Accounts of the text that go by no name of the forms, with the one account left whose amount is theirs."""
    known = {id(claim) for claim, _, _ in _named(case)}
    found = listing(case)
    if found is None:
        return
    for claim in found.items:
        if id(claim) not in known and claim.amount_yuan:
            codes = [code for code, _, yuan in found.unnamed if abs(yuan - claim.amount_yuan) <= claim.precision]
            if len(codes) == 1:
                yield claim, codes[0]


def _lowest(code: str, labels: Mapping[str, str]) -> str:
    """The only account below a code, or the code itself."""
    while True:
        below = [other for other in labels if len(other) == len(code) + 2 and other.startswith(code)]
        if len(below) != 1:
            return code
        code = below[0]


def _found(part: _Part, what: str, zh: str, en: str, expected: str) -> Found:
    return Found(
        f"narrative/{what}/{part.code}/{name_key(part.name)}",
        f"编制说明的“{part.name}”{zh}（{part.code}）。请更正名称。",
        f"the narrative's {part.name} {en} ({part.code}). Correct the name.",
        expected=expected,
        found=part.name,
        page=part.claim.page,
        box=part.claim.box,
        quote=part.claim.subject,
    )


RULES = (narrative_name_variant, narrative_name_retired, narrative_path_differs)
