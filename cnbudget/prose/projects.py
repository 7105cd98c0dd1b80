"""项目经费情况说明 -> projects: pieces of text put together, a budget and its items read from each.

The text of a project has seven numbered fields, 一、项目概述 to 七、绩效目标. Pages of an export come in any order, twice, or in
part; a title may stand after its text or among another's. So the ladder is: lines -> pieces (runs of rising field numbers) ->
drafts (pieces with the same budget text are one project, a piece whose field begins alike is part of it) -> titles, each given to
the draft whose words it shares -> projects. Nothing is merged that has another budget text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from cnbudget import money
from cnbudget.model import AmountSource, Box
from cnbudget.prose.amounts import BudgetText, read_budget
from cnbudget.prose.sections import Line, Passage, Section, SectionKind, joined, passages

OVERVIEW, BASIS, IMPLEMENTER, PLAN, PERIOD, BUDGET, GOALS = range(1, 8)
_NUMERALS = "一二三四五六七"
_FIELDS = ("项目概述", "立项依据", "实施主体", "实施方案", "实施周期", "年度预算安排", "绩效目标")
_NAMES = (
    r"项目概[述况]|项目简介|项目(?:基本情况|主要内容)",
    r"(?:项目)?立项依据|项目依据|政策依据",
    r"(?:项目)?实施(?:主体|单位)",
    r"(?:项目)?实施(?:方案|计划|内容)",
    r"(?:项目)?实施(?:周期|期限|时间)|项目周期",
    r"(?:项目)?(?:年度)?(?:预算|资金)(?:资金)?安排|年度预算",
    r"(?:项目|年度|总体)*绩效目标|项目总目标",
)
_NAME = rf"(?P<name>{'|'.join(_NAMES)})(?:情况)?"
_HEAD = re.compile(rf"[一二三四五六七]、{_NAME}:?")
_PLAIN_HEAD = re.compile(rf"^(?:\([一二三四五六七1-7]\)|[1-7][.、]|【)?\s?{_NAME}(?::|】:?|$)")
"""A heading where no project of the document has 一、: numbered otherwise or not at all, at the start of a line."""
_TITLE = re.compile(
    r"(?P<name>.{0,60}?)(?:(?:项目)?经费情况说明?|项目(?:支出|预算|经费)?(?:情况)?说明)|项目名称:(?P<named>.{2,60})"
)
_TITLE_NUMBER = re.compile(
    r"^(?:\d{1,2}[.、]|\(?[一二三四五六七八九十\d]{1,3}\)|[一二三四五六七八九十]{1,3}、|附件?\d*:)\s?"
)
_SEE = re.compile(r"详见|参见")
_NO_TITLE = re.compile(r"[。;,，:、]|^详见|^\d|^[-•]")
_IMPLEMENTER = re.compile(
    r"(?:(?:此|该|本)?(?:项目|工程))?的?(?:实施主体)?[是为]?由?(?:建设单位)?(?P<name>[^,，。;]{2,120}?)"
    r"(?=主管|负责|具体|实施|建设[、,，]|[,，。;]|$)"
)
_OWN_OFFICE = re.compile(r"\(?(?:本级|本部)\)?$")
_ISSUER = r"(?:(?![的按据照]|(?<=通)知|以及|(?<=[复知见件定法案函神文号》)）】〕以])[和及与])[一-鿿])"
"""A character of who issued a document: the words before it end with 的 or 按照, or with 和 after a title, a number or 批复."""
_CITED = re.compile(
    r"(?P<title>《[^《》]{1,200}(?:《[^《》]{1,200}》[^《》]{0,200})*》)"
    rf"|(?P<number>{_ISSUER}{{1,14}}[〔\[【<(]\d{{4}}[〕\]】>)]第?\d{{1,5}}号|{_ISSUER}{{2,14}}\d{{4}}年第?\d{{1,5}}号|令?第\d{{1,5}}号令?)"
)
_BREAK = re.compile(r"[;；、，。\n]")
_ALIKE = 30
"""Two texts of a field are of one project if their first characters, this many, are the same."""
_MIN_LIKENESS = 0.3
MAX_LINE = 20_000
"""No more of a line than this is compared with others."""
MAX_PAIRS = 60_000
"""More titles times projects than this are matched by their places alone."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a project's budget, in yuan; `formula` is the calculation printed beside it."""

    name: str
    amount_yuan: Decimal
    amount_printed: str
    printed_unit: str
    formula: str | None
    quote: str
    page: int | None
    box: Box | None


@dataclass(frozen=True, slots=True)
class Project:
    """A project: key is name and implementer. Fields are as printed, None where they are missing.

    `annual_budget_yuan` is None where no amount is stated or it is malformed (`amount_printed` then holds what stands there).
    """

    name: str | None
    implementer: str | None
    overview: str | None
    legal_basis: str | None
    cited_documents: str
    plan: str | None
    period: str | None
    goals: str | None
    budget: str | None
    annual_budget_yuan: Decimal | None
    amount_printed: str | None
    amount_source: AmountSource | None
    items: Sequence[Item]
    is_cut: bool
    quote: str
    page: int | None
    box: Box | None
    is_table: bool = False
    """Whether it stands in a table, which need not have the seven fields."""


@dataclass(slots=True)
class _Piece:
    """A run of lines under rising field numbers; `titles` are those that stand right before it."""

    fields: dict[int, list[Line]] = field(default_factory=dict)
    titles: list[int] = field(default_factory=list)
    texts: dict[int, str] = field(default_factory=dict)
    last: int = 0
    """The field that was opened last."""

    def text(self, number: int) -> str:
        """The text of a field without white space; asked for once the piece is whole."""
        if number not in self.texts:
            self.texts[number] = "".join(
                ["".join(line.text[:MAX_LINE].split()) for line in self.fields.get(number, ())]
            )
        return self.texts[number]


@dataclass(slots=True)
class _Draft:
    """The pieces of one project; the fullest comes first."""

    pieces: list[_Piece]
    title: str | None = None
    text: str = ""

    def lines(self, number: int) -> Sequence[Line]:
        return next((piece.fields[number] for piece in self.pieces if piece.fields.get(number)), ())

    @property
    def titles(self) -> set[int]:
        return {title for piece in self.pieces for title in piece.titles}


def projects(
    sections: Sequence[Section], institutions: Sequence[str] = (), fiscal_year: int | None = None
) -> list[Project]:
    """The projects of a document in printed order. `institutions` are the names it lists, to tell implementers by."""
    found: list[Project] = []
    lines = [line for section in sections if section.kind is SectionKind.PROJECTS for line in section.lines]
    pieces, titles = _pieces(lines)
    drafts = _drafts(pieces, titles)
    _give_titles(drafts, titles)
    known = {_bare(name): name for name in institutions}
    for draft in drafts:
        found.append(_project(draft, known, fiscal_year))
    return found


def _pieces(lines: Sequence[Line]) -> tuple[list[_Piece], list[str]]:
    """Pieces in printed order, and the names in the titles (empty for a title that names no project)."""
    is_numbered = any(_HEAD.search(line.folded) for line in lines)
    reader = _PieceReader(_HEAD if is_numbered else _PLAIN_HEAD)
    cut: str | None = None
    for index, line in enumerate(lines):
        text, folded = line.text, line.folded
        if cut is not None and text == cut:
            reader.head(_FIELDS_BY_END[cut])
            cut = None
            continue
        if folded[2:] in _CUT_FIELDS and folded[:1] in _NUMERALS:
            cut = _CUT_FIELDS[folded[2:]]
            continue
        may_be_title = len(text) <= 70 and (text[-1:] in "说明" or text.startswith("项目名称"))
        title = _TITLE.fullmatch(folded) if may_be_title else None
        if title is not None or _is_bare_title(folded, lines, index, reader.head_pattern):
            number = _TITLE_NUMBER.match(folded)
            span = title.span("named" if title["named"] else "name") if title else (0, len(text))
            reader.title(text[max(span[0], number.end() if number else 0) : span[1]])
        else:
            reader.line(line)
    return reader.pieces, reader.titles


# A heading cut at the foot of a column goes on in a line of its own: the rest of the word stands for the heading.
_CUT_FIELDS = {name[:-1]: name[-1] for name in _FIELDS if name != "绩效目标"}
_FIELDS_BY_END = {name[-1]: number for number, name in enumerate(_FIELDS, 1)}


def _is_bare_title(folded: str, lines: Sequence[Line], index: int, head: re.Pattern[str]) -> bool:
    """A short line without punctuation right before 一、项目概述, at the start of a text: a title of few words."""
    bare = _TITLE_NUMBER.sub("", folded)
    if not 3 < len(bare) <= 40 or _NO_TITLE.search(bare) or head.search(folded) or index + 1 >= len(lines):
        return False
    following = head.match(lines[index + 1].folded)
    return following is not None and _field(following["name"]) == OVERVIEW


def _field(name: str) -> int:
    """The number of the field that a heading names."""
    return next(number for number, names in enumerate(_NAMES, 1) if re.fullmatch(names, name))


class _PieceReader:
    """Takes titles, headings and lines in printed order and cuts them into pieces."""

    def __init__(self, head_pattern: re.Pattern[str]) -> None:
        self.head_pattern = head_pattern
        self.pieces: list[_Piece] = []
        self.titles: list[str] = []
        self.pending: list[int] = []
        self.stray: list[Line] = []
        self.field: list[Line] = []
        self.is_over = True
        """Whether the piece has come to its end (详见单位的项目绩效目标表): what follows is of the next."""

    def title(self, name: str) -> None:
        self.pending.append(len(self.titles))
        self.titles.append(name)
        self.is_over = True

    def line(self, line: Line) -> None:
        start = 0
        for match in self.head_pattern.finditer(line.folded):
            self._text(line, start, match.start())
            self.head(_field(match["name"]))
            start = match.end()
        self._text(line, start, len(line.text))

    def head(self, number: int) -> None:
        if not self.pieces or self.is_over or number <= self.pieces[-1].last:
            piece = _Piece({}, self.pending)
            if self.stray:  # what stands before the first heading goes on with the field before it
                piece.fields[number - 1] = self.stray
            self.pieces.append(piece)
            self.pending, self.stray = [], []
        self.pieces[-1].fields[number] = self.field = []
        self.pieces[-1].last = number
        self.is_over = False

    def _text(self, line: Line, start: int, end: int) -> None:
        if start == end:
            return
        if end - start < len(line.text):
            line = Line(line.text[start:end].strip(), line.folded[start:end].strip(), line.page, line.box)
        if self.is_over or not self.pieces:
            if not _SEE.match(line.folded):
                self.stray.append(line)
            return
        self.field.append(line)
        self.is_over = self.pieces[-1].last == GOALS and _SEE.match(line.folded) is not None


def _drafts(pieces: Sequence[_Piece], titles: Sequence[str]) -> list[_Draft]:
    """Pieces of one project put together, in the order in which the projects first appear."""
    drafts: list[_Draft] = []
    by_budget: dict[str, _Draft] = {}
    rest: list[_Piece] = []
    for piece in pieces:
        budget = piece.text(BUDGET)
        if not budget:
            rest.append(piece)
        elif budget in by_budget and _alike_or_missing(piece, by_budget[budget]):
            by_budget[budget].pieces.append(piece)
        else:
            by_budget[budget] = _Draft([piece])
            drafts.append(by_budget[budget])
    for draft in drafts:
        draft.pieces.sort(key=lambda piece: (-len(piece.fields), -sum(map(len, piece.fields.values()))))
        rest.extend(_openings_of_others(draft))
    order = {id(piece): index for index, piece in enumerate(pieces)}
    return sorted(
        _with_rest(drafts, rest, titles),
        key=lambda draft: min(order.get(id(piece), len(order)) for piece in draft.pieces),
    )


def _openings_of_others(draft: _Draft) -> Iterator[_Piece]:
    """Fields one and two of pieces where a page of another project runs on into this one's: pieces of their own."""
    own = draft.pieces[0].text(OVERVIEW)
    for index, piece in enumerate(draft.pieces):
        text = piece.text(OVERVIEW)
        if own and text and own[:_ALIKE] != text[:_ALIKE]:
            opening = {number: lines for number, lines in piece.fields.items() if number in (OVERVIEW, BASIS)}
            later = {number: lines for number, lines in piece.fields.items() if number not in opening}
            draft.pieces[index] = _Piece(later)
            yield _Piece(opening, piece.titles)


def _alike_or_missing(piece: _Piece, draft: _Draft) -> bool:
    """Whether no field that both have names another implementer."""
    own, other = piece.text(IMPLEMENTER), "".join(money.joined(line.text) for line in draft.lines(IMPLEMENTER))
    return len(own) < 4 or len(other) < 4 or own[:8] == other[:8] or "案" in (own[:1], other[:1])


def _with_rest(drafts: list[_Draft], rest: Sequence[_Piece], titles: Sequence[str]) -> list[_Draft]:
    """Drafts with the pieces that have no budget: part of a draft that begins alike, or else a draft of their own."""
    starts = {
        (number, piece.text(number)[:_ALIKE]): draft
        for draft in drafts
        for piece in draft.pieces
        for number in (OVERVIEW, BASIS, PLAN)
        if len(piece.text(number)) >= _ALIKE
    }
    own: list[_Draft] = []
    for piece in rest:
        keys = [(number, piece.text(number)[:_ALIKE]) for number in (OVERVIEW, PLAN, BASIS)]
        owner = next((starts[key] for key in keys if key in starts), None)
        if owner is not None:
            owner.pieces.append(piece)
        elif any(piece.text(number) for number in piece.fields):
            draft = _Draft([piece])
            own.append(draft)
            starts.update({key: draft for key in keys if len(key[1]) >= _ALIKE})
    return _with_openings(drafts, own, titles)


def _with_openings(drafts: list[_Draft], own: list[_Draft], titles: Sequence[str]) -> list[_Draft]:
    """Openings (fields one and two alone) joined with drafts that lack one: those that share most words first, their own
    and their title's."""
    openings = [draft for draft in own if max(n for piece in draft.pieces for n in piece.fields) <= BASIS]
    headless = [draft for draft in drafts if not draft.lines(OVERVIEW)]
    scored = []
    if len(openings) * len(headless) * 1000 <= MAX_PAIRS:
        for index, opening in enumerate(openings):
            words = _pairs(_words(opening))
            name = _pairs("".join(titles[title] for title in opening.titles))
            for other, draft in enumerate(headless):
                scored.append((_share(words, _words(draft)) + _share(name, _words(draft)), -index, -other))
    joined_openings: set[int] = set()
    completed: set[int] = set()
    for score, opening_no, draft_no in sorted(scored, reverse=True):
        if score >= _MIN_LIKENESS and opening_no not in joined_openings and draft_no not in completed:
            headless[-draft_no].pieces.extend(openings[-opening_no].pieces)
            joined_openings.add(opening_no)
            completed.add(draft_no)
    taken = {id(openings[-opening_no]) for opening_no in joined_openings}
    return [*drafts, *(draft for draft in own if id(draft) not in taken)]


def _words(draft: _Draft) -> str:
    if not draft.text:
        draft.text = "".join(piece.text(number) for piece in draft.pieces for number in sorted(piece.fields))[:6000]
    return draft.text


def _pairs(text: str) -> set[str]:
    return {text[index : index + 2] for index in range(len(text) - 1)}


def _share(pairs: set[str], text: str) -> float:
    """How many of the pairs of characters the text has."""
    return sum(pair in text for pair in pairs) / len(pairs) if pairs else 0.0


def _give_titles(drafts: Sequence[_Draft], titles: Sequence[str]) -> None:
    """Each title to one draft: to the one it stands before where they share words and nothing else claims it, then by words."""
    claims: dict[int, list[_Draft]] = {}
    for draft in drafts:
        for title in draft.titles:
            claims.setdefault(title, []).append(draft)
    pairs = [_pairs(name) for name in titles]
    open_titles = set()
    for title, owners in claims.items():
        owner = owners[0]
        if len(owner.titles) == 1 and (not titles[title] or _share(pairs[title], _words(owner)) >= 0.5):
            owner.title = titles[title]
        else:
            open_titles.add(title)
    open_titles.update(set(range(len(titles))) - set(claims))
    _match_by_words([draft for draft in drafts if draft.title is None], sorted(open_titles), titles, pairs)


def _match_by_words(
    drafts: Sequence[_Draft], open_titles: Sequence[int], titles: Sequence[str], pairs: Sequence[set[str]]
) -> None:
    """The best pairs of titles and drafts first, by shared words and place."""
    if len(drafts) * len(open_titles) > MAX_PAIRS:
        return
    scored = []
    for title in open_titles:
        for index, draft in enumerate(drafts):
            place = 0.5 if title in draft.titles else 0.25 if title + 1 in draft.titles else 0.0
            scored.append((_share(pairs[title], _words(draft)) + place, -title, index))
    taken: set[int] = set()
    for score, negative, index in sorted(scored, reverse=True):
        if score >= _MIN_LIKENESS and drafts[index].title is None and -negative not in taken:
            drafts[index].title = titles[-negative]
            taken.add(-negative)


def _project(draft: _Draft, known: Mapping[str, str], fiscal_year: int | None) -> Project:
    texts = {number: _paragraphs(draft.lines(number)) for number in range(OVERVIEW, GOALS + 1)}
    passage = joined(draft.lines(BUDGET))
    budget = read_budget(passage.folded, fiscal_year)
    first = next(line for number in range(GOALS + 1) for line in draft.lines(number))
    heads = {number for piece in draft.pieces for number in piece.fields}
    items = [_item(passage, budget, index) for index in range(len(budget.items))]
    total, source = budget.total_yuan, AmountSource.STATED
    if total is None and budget.total_printed is None and items:
        total, source = sum((item.amount_yuan for item in items), Decimal(0)), AmountSource.ADDED_UP
    return Project(
        name=draft.title or None,
        implementer=_implementer(draft, known),
        overview=texts[OVERVIEW],
        legal_basis=texts[BASIS],
        cited_documents=cited(texts[BASIS]),
        plan=texts[PLAN],
        period=texts[PERIOD],
        goals=texts[GOALS],
        budget=texts[BUDGET],
        annual_budget_yuan=total,
        amount_printed=budget.total_printed,
        amount_source=source if total is not None else None,
        items=items,
        is_cut=not set(range(OVERVIEW, GOALS + 1)) <= heads or passage.folded.endswith("其中:"),
        quote=first.text,
        page=first.page,
        box=first.box,
    )


def _paragraphs(lines: Sequence[Line]) -> str | None:
    return "\n".join(passage.text for passage in passages(lines)) or None


def _item(passage: Passage, budget: BudgetText, index: int) -> Item:
    amount = budget.items[index]
    start, end = amount.span
    page, box = passage.place(start, end)
    name = passage.text[amount.name[0] : amount.name[1]]
    formula = passage.text[amount.formula[0] : amount.formula[1]] if amount.formula else None
    return Item(name, amount.yuan, amount.printed, amount.unit, formula, passage.text[start:end], page, box)


def _implementer(draft: _Draft, known: Mapping[str, str]) -> str | None:
    """Who implements: the name in its field, in full where the document lists the institution; else a listed name alone on a
    line. `known` are the listed names by what is compared of them."""
    for piece in draft.pieces:
        lines = piece.fields.get(IMPLEMENTER, [])
        name = _IMPLEMENTER.match(joined(lines).folded) if lines else None
        if name is not None and name["name"][:1] != "案":
            text = joined(lines).text
            return _in_full(text[name.start("name") : name.end("name")], known)
    alone = [line for piece in draft.pieces for group in piece.fields.values() for line in group]
    return next((known[_bare(line.text)] for line in alone if _bare(line.text) in known), None)


def _bare(name: str) -> str:
    """A name as it is compared: without 本级 and 本部."""
    return _OWN_OFFICE.sub("", money.key(name))


def _in_full(name: str, known: Mapping[str, str]) -> str:
    """The name, or that of the one listed institution that it shortens."""
    bare = _bare(name)
    if bare in known:
        return name
    longer = [full for full in known if bare in full]
    return re.sub(r"[(（]?(?:本级|本部)[)）]?$", "", known[longer[0]]) if len(longer) == 1 else name


def cited(text: str | None) -> str:
    """The documents that a legal basis cites, as a JSON list of title and number."""
    return json.dumps(list(_cited(text or "")), ensure_ascii=False)


def _cited(text: str) -> Iterator[dict[str, str | None]]:
    """Documents cited, each with the number that follows it in its clause or stands right before it. A number between two
    titles is of the one that it touches; of the first, where it touches both."""
    matches = list(_CITED.finditer(text))
    number_of: dict[int, int] = {}
    taken: set[int] = set()
    for index, match in enumerate(matches):
        if not match["title"]:
            continue
        after, before = matches[index + 1 : index + 3], matches[index - 1 : index] if index else []
        if after and after[0]["number"] and _follows(text, match, *after):
            number_of[index] = index + 1
        elif before and before[0]["number"] and _touch(text, before[0], match) and index - 1 not in taken:
            number_of[index] = index - 1
        if index in number_of:
            taken.add(number_of[index])
    for index, match in enumerate(matches):
        if match["title"]:
            number = matches[number_of[index]]["number"] if index in number_of else None
            yield {"title": match["title"], "number": number}
        elif index not in taken:
            yield {"title": None, "number": match["number"]}


def _follows(text: str, title: re.Match[str], number: re.Match[str], following: re.Match[str] | None = None) -> bool:
    """Whether a number is of the title before it."""
    is_of_next = following is not None and following["title"] and _touch(text, number, following)
    return not (is_of_next and number.start() > title.end()) and not _BREAK.search(text, title.end(), number.start())


def _touch(text: str, number: re.Match[str], title: re.Match[str]) -> bool:
    return text[number.end() : title.start()] in ("", "文", "文件")
