"""The cover: who publishes, for which year and stage, and whose treasury pays; checked against the forms."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from cnbudget import money, publishers
from cnbudget.model import Document, Grid, Paragraph, PublisherKind, Stage
from cnbudget.recognise import Recognition, Statement

_CONTENTS = re.compile(r"目录")
_BUDGET = re.compile(
    r"(?P<before>[^0-9。；]{0,40}?)(?P<year>20\d{2})(?:年度|年|)(?P<after>[^0-9。；]{0,40}?)"
    r"(?P<level>市级|区级|县级|镇级|乡级|省级|本级)?(?P<kind>部门|单位|预算单位)(?:综合|收支)?"
    r"(?P<stage>调整预算|预算|决算)"
)
_PUBLISHER = re.compile(
    r"^(?:预算)?(?:主管部门|预算部门|预算单位|编制部门|编制单位|单位名称|部门名称)[:：](.+?)(?:(?:金额)?单位[:：].*)?$"
)
_SECTION_HEAD = re.compile(r"^(.{4,40}?)(?:\((?:部门|单位)\)|（(?:部门|单位)）)?(?:主要职能|机构设置)$")
_NOT_A_NAME = re.compile(r"^(?:年度?|公开|说明|的|第.部分|附件?\d*|[:：、\s])*$")
_ANNEX = re.compile(r"^附件?[一二三四五六七八九十\d]{0,2}[:：]\s*")
_TITLE_END = re.compile(r"(?:信息)?(?:公开)?(?:报表|表|说明|编制说明|编制情况说明|情况说明|文本)?")
_NAME_CELL = re.compile(r"(?P<label>部门|单位|预算部门|预算单位|填报部门|填报单位)(?:\(单位\))?名称[:：]?")
_YEAR_CELL = re.compile(r"[(（](20\d{2})年度?[)）]")
_BELOW_CITY = ("区级", "县级", "镇级", "乡级")
_MAX_LINES = 40

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cover:
    """What a document says of itself. None where it says nothing; never guessed."""

    publisher_name: str | None = None
    publisher_kind: PublisherKind | None = None
    fiscal_year: int | None = None
    stage: Stage = Stage.BUDGET
    jurisdiction_name: str | None = None
    jurisdiction_level: str | None = None
    jurisdiction_code: str | None = None
    is_stated: bool = False
    """Whether there is a cover at all, or all this was taken from the forms."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two places of one document that disagree on what it is."""

    what: str
    cover: str
    elsewhere: str
    where: str
    page: int | None


def read_cover(document: Document, recognition: Recognition) -> Cover:
    """The cover of a document; what it does not say is taken from forms that agree with one another."""
    lines = _front(document)
    match = _first_budget(lines)
    names = [found[1].strip() for line in lines if (found := _PUBLISHER.match(money.plain(line)))]
    if not names and _publisher_in(match) is None:
        match = _title_inside(document, match)
    compilers = [statement.compiler for statement in recognition.statements if statement.compiler]
    publisher = names[0] if names else _publisher_in(match) or _common(compilers) or _section_name(document)
    years = [statement.year for statement in recognition.statements if statement.year]
    year = int(match["year"]) if match else _common(years)
    kind = _kind(match["kind"] if match else None, recognition)
    if publisher is None and year is None:
        publisher, kind, year = _stated_in_cells(document)
    place = _place(match, publisher)
    return Cover(
        publisher_name=publisher,
        publisher_kind=kind,
        fiscal_year=year,
        stage=_stage(match["stage"] if match else None),
        jurisdiction_name=place.name if place else None,
        jurisdiction_level=place.level if place else None,
        jurisdiction_code=place.code if place else None,
        is_stated=match is not None,
    )


def _place(match: re.Match[str] | None, publisher: str | None) -> publishers.Jurisdiction | None:
    """Whose treasury pays; a district's budget whose district is not known is not put down to its city."""
    stated = publishers.jurisdiction(match[0]) if match else None
    if stated is not None or publisher is None or (match and match["level"] in _BELOW_CITY):
        return stated
    return publishers.jurisdiction(publisher)


def _front(document: Document) -> list[str]:
    """Lines of the cover: those before the contents, of the first page where there are pages."""
    lines: list[str] = []
    for block in document.blocks:
        if isinstance(block, Grid) or (block.page or 1) > 2 or len(lines) >= _MAX_LINES:
            break
        text = money.joined(block.text)
        if _CONTENTS.fullmatch(text):
            break
        lines.append(text)
    return lines


def _first_budget(lines: Sequence[str]) -> re.Match[str] | None:
    """The words that name a budget, on one line or (a cover in large type) over several."""
    plain = [money.plain(line) for line in lines]
    single = next((match for line in plain if len(line) < 60 and (match := _BUDGET.search(line))), None)
    if single is not None and _publisher_in(single):
        return single
    cover = "".join(plain[:6])
    return (_BUDGET.search(cover) if len(cover) < 120 else None) or single


def _title_inside(document: Document, found: re.Match[str] | None) -> re.Match[str] | None:
    """Where the cover names nobody (a picture, say): the title that stands inside, if all such name one publisher and year."""
    titles: dict[tuple[str, str], re.Match[str]] = {}
    for block in document.blocks:
        if isinstance(block, Grid) or len(block.text) > 60 or "算" not in block.text:
            continue
        line = money.plain(block.text)
        match = _BUDGET.search(line)
        name = _publisher_in(match)
        if match and name and _TITLE_END.fullmatch(line, match.end()) and publishers.jurisdiction(name):
            titles.setdefault((name, match["year"]), match)
    title = next(iter(titles.values())) if len(titles) == 1 else None
    return title if title and (found is None or found["year"] == title["year"]) else found


def _stated_in_cells(document: Document) -> tuple[str | None, PublisherKind | None, int | None]:
    """Publisher, kind and year from labelled cells of the tables (部门名称 and the name beside it), where all agree."""
    names: dict[str, str] = {}
    years: set[int] = set()
    for block in document.blocks:
        if not isinstance(block, Grid):
            continue
        texts = [(cell.row, money.joined(cell.text)) for cell in sorted(block.cells, key=lambda c: (c.row, c.column))]
        years.update(int(year[1]) for _, text in texts if (year := _YEAR_CELL.fullmatch(text)))
        for (row, text), (next_row, name) in pairwise(texts):
            label = _NAME_CELL.fullmatch(text) if row == next_row and len(name) >= 4 else None
            if label and publishers.jurisdiction(name):
                names.setdefault(name, label["label"])
    if len(names) != 1:
        return None, None, None
    name, word = next(iter(names.items()))
    return name, PublisherKind.DEPARTMENT if "部门" in word else None, _common([*years])


def _publisher_in(match: re.Match[str] | None) -> str | None:
    """The publisher's name where it stands in the words that name the budget."""
    if match is None:
        return None
    for part in (match["before"], match["after"]):
        name = _ANNEX.sub("", part.strip())
        if len(name) >= 4 and not _NOT_A_NAME.match(name):
            return name
    return None


def _common(values: Sequence[T]) -> T | None:
    """The value that all agree on."""
    return values[0] if len(set(values)) == 1 else None


def _section_name(document: Document) -> str | None:
    for block in document.blocks[:200]:
        if isinstance(block, Paragraph) and (match := _SECTION_HEAD.match(money.joined(block.text))):
            return match[1]
    return None


def _kind(word: str | None, recognition: Recognition) -> PublisherKind | None:
    if word is None:
        votes = Counter(s.is_unit for s in recognition.statements if s.is_unit is not None)
        if len(votes) != 1:
            return None
        return PublisherKind.UNIT if votes.most_common(1)[0][0] else PublisherKind.DEPARTMENT
    return PublisherKind.DEPARTMENT if word == "部门" else PublisherKind.UNIT


def _stage(word: str | None) -> Stage:
    return {"决算": Stage.FINAL_ACCOUNTS, "调整预算": Stage.ADJUSTED_BUDGET}.get(word or "", Stage.BUDGET)


def contradictions(cover: Cover, statements: Sequence[Statement]) -> list[Contradiction]:
    """Where form titles or 编制部门 disagree with the cover, or with each other, on year, publisher or kind."""
    found: list[Contradiction] = []
    for statement in statements:
        page = statement.pages[0] if statement.pages else None
        form_id = statement.form.form_id.value
        if cover.fiscal_year and statement.year and statement.year != cover.fiscal_year:
            found.append(Contradiction("fiscal_year", str(cover.fiscal_year), str(statement.year), form_id, page))
        if cover.publisher_name and statement.compiler:
            ours, theirs = (publishers.normalise_publisher(n) for n in (cover.publisher_name, statement.compiler))
            if ours != theirs:
                found.append(Contradiction("publisher", cover.publisher_name, statement.compiler, form_id, page))
        if cover.publisher_kind and statement.is_unit is not None:
            kind = PublisherKind.UNIT if statement.is_unit else PublisherKind.DEPARTMENT
            if kind is not cover.publisher_kind:
                found.append(Contradiction("publisher_kind", cover.publisher_kind, kind, form_id, page))
    return found
