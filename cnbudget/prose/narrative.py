"""What the prose claims: every figure of 编制说明, of 其他相关情况说明 and of notes between the forms.

A passage is read from left to right as a row of tokens: amounts, comparisons with another year, reasons and uses. What stands
before an amount names its subject; a comparison, reason or use belongs to the amount before it, whatever punctuation parts them.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cnbudget import money
from cnbudget.classification import functional_classification, name_key
from cnbudget.model import Box, ClaimMeasure, ComparedBasis
from cnbudget.prose import wording
from cnbudget.prose.sections import ENUMERATOR, Passage, Section, SectionKind, passages

_WINDOW = 200
"""How far back the subject of an amount, or the words that govern its sentence, can stand."""
MAX_PASSAGE = 100_000
"""Longer passages are no prose (the longest seen has 3,000 characters) and are not read."""

_M = ClaimMeasure
_STOCK = {"辆": _M.VEHICLES_STOCK, "台": _M.EQUIPMENT_STOCK}
_PURCHASE = {"辆": _M.VEHICLES_PURCHASE, "台": _M.EQUIPMENT_PURCHASE}
_STOCK_OR_PURCHASE_OF_VEHICLES = (_M.VEHICLES_STOCK, _M.VEHICLES_PURCHASE)
_ASSET = re.compile(r"车辆?(?:\([^()]{0,20}\))?$|设备(?:\([^()]{0,20}\))?$")
_PER_UNIT = re.compile(r"每|人均|单价|标准")
_FALL, _LEVEL = (*wording.FALL.split("|"), "降幅"), wording.LEVEL.split("|")
_FISCAL = (_M.REVENUE_FISCAL_APPROPRIATION, _M.EXPENDITURE_FISCAL_APPROPRIATION)


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure that the prose states, in `printed_unit`, with what is said of it; `value` is None where it is malformed.

    `subject` is the words that name it. Of an account it is what stands in the quotation marks.
    """

    section: SectionKind
    subject: str
    measure: ClaimMeasure
    year: int
    value: Decimal | None
    amount_printed: str
    printed_unit: str
    quote: str
    page: int | None
    box: Box | None
    compared_year: int | None = None
    compared_basis: ComparedBasis | None = None
    change_yuan: Decimal | None = None
    change_percent: Decimal | None = None
    reason: str | None = None
    use: str | None = None
    as_of: str | None = None
    """Date (ISO) for which a stock is stated."""

    @property
    def amount_yuan(self) -> Decimal | None:
        """The amount in yuan; None for a count and for a malformed number. Zero needs no unit."""
        if self.value is None or (self.printed_unit not in money.YUAN_PER_UNIT and self.printed_unit):
            return None
        return self.value * money.YUAN_PER_UNIT.get(self.printed_unit, 0)


def claims(sections: Sequence[Section], fiscal_year: int) -> list[Claim]:
    """Every figure of the narrative, the other notes and the prose between the forms, in printed order."""
    found: list[Claim] = []
    for section in sections:
        if section.kind in (SectionKind.NARRATIVE, SectionKind.OTHER_NOTES, SectionKind.FORMS):
            found.extend(_Reader(section.kind, fiscal_year).read(section))
    return found


@dataclass(frozen=True, slots=True)
class _Last:
    """The claim that a comparison, reason or use belongs to, and where it begins and ends in its passage."""

    claim: int | None = None
    start: int = 0
    end: int = 0


@dataclass(slots=True)
class _Reader:
    """Reads one section; remembers the account spoken of, and the claims so far."""

    kind: SectionKind
    fiscal_year: int
    account: str = ""
    topic: str = ""
    heading: str = ""
    is_list_of_accounts: bool = False
    is_policy: bool = False
    """Whether the performance goals spoken of last are those of policies."""
    claims: list[Claim] = field(default_factory=list)

    def read(self, section: Section) -> list[Claim]:
        for passage in passages(section.lines):
            if len(passage.folded) <= MAX_PASSAGE:
                self._passage(passage)
        return self.claims

    def _passage(self, passage: Passage) -> None:
        """Tokens from left to right; what stands in a bracket leaves the claim before the bracket to go on behind it."""
        text = passage.folded
        last, outer = _Last(), _Last()
        boundary = 0
        self._heads(text)
        for token in wording.TOKEN.finditer(text):
            before = text[max(boundary, token.start() - _WINDOW) : token.start()]
            depth = _depth(text, max(last.end, token.start() - _WINDOW), token.start())
            if depth < 0 and outer.claim is not None:
                last, outer = outer, _Last()
            if token["compare"]:
                if last.claim is not None and self.claims[last.claim].compared_year is None:
                    quote = passage.text[last.start : token.end()]
                    self.claims[last.claim] = self._compared(replace(self.claims[last.claim], quote=quote), token)
            elif token["why"] or token["what_for"] or token["because"]:
                self._aside(last.claim, passage, token)
            else:
                claim = self._amount(passage, token, before)
                if claim is None:
                    continue
                outer = last if depth > 0 else outer
                start = token.start() - len(wording.CLAUSE.findall(before)[0])
                last = _Last(len(self.claims), start, token.end())
                self.claims.append(claim)
            boundary = token.end()
        self.is_list_of_accounts |= "主要内容如下" in text or "具体情况如下" in text

    def _heads(self, text: str) -> None:
        """Remembers the topic (一、...) and the heading ((一) ...) that a passage opens with."""
        if re.match(r"[一二三四五六七八九十]+、", text):
            self.topic = text[:40]
        number = ENUMERATOR.match(text)
        heading = wording.HEADING.match(text, number.end()) if number else None
        if heading is not None:
            self.heading = heading[0]

    def _aside(self, last: int | None, passage: Passage, token: re.Match[str]) -> None:
        """A reason or a use given to the claim that it is of; sums inside it are claims of their own."""
        kind = "reason" if token["why"] else "use"
        if token["because"] and last is not None and self.claims[last].compared_year is not None:
            kind = "reason"
        start, end = token.span("cause" if token["because"] else kind)
        said = passage.text[start:end]
        if kind == "reason":
            self._reason(last, passage, (start, end))
        elif last is not None and said and self.claims[last].use is None:
            self.claims[last] = replace(self.claims[last], use=said)
        for amount in wording.AMOUNT.finditer(passage.folded, start, end):
            first = max(start, amount.start() - _WINDOW)
            clause = wording.CLAUSE.findall(passage.folded, first, amount.start())[0]
            name = wording.TAIL.sub("", wording.LEAD.sub("", clause))
            if name and not _PER_UNIT.search(name) and not _is_no_sum(passage.folded, amount.end()):
                span = amount.start() - len(clause), amount.end()
                self.claims.append(self._claim(passage, span, _M.OTHER, name, amount["number"], amount["unit"]))

    def _compared(self, claim: Claim, token: re.Match[str]) -> Claim:
        """The claim with its comparison: year, basis, change in yuan, percent."""
        is_executed = (token["basis"] or "").startswith(("预算执行", "执行", "决算"))
        change_yuan = change_percent = Decimal(0) if token["way"] in _LEVEL else None
        for number in ("1", "2"):
            way = token["way2"] if number == "2" and token["way2"] else token["way"]
            printed, unit = token["change" + number], token[f"change{number}_unit"]
            change = _number(printed, -1 if way in _FALL else 1) if printed else None
            if change is not None and unit == "%":
                change_percent = change
            elif change is not None:
                change_yuan = money.to_yuan(change, unit)
        return replace(
            claim,
            compared_year=int(token["year"]) if token["year"] else self.fiscal_year - 1,
            compared_basis=ComparedBasis.EXECUTED if is_executed else ComparedBasis.BUDGET,
            change_yuan=change_yuan,
            change_percent=change_percent,
        )

    def _reason(self, last: int | None, passage: Passage, span: tuple[int, int]) -> None:
        """A reason belongs to the claim before it; one that opens a passage, to the fiscal appropriation."""
        reason = passage.text[slice(*span)] or None
        of = [last] if last is not None else [i for i, c in enumerate(self.claims) if c.measure in _FISCAL]
        for index in of:
            if self.claims[index].reason is None:
                self.claims[index] = replace(self.claims[index], reason=reason)
        if self.kind is SectionKind.OTHER_NOTES:
            for match in wording.VEHICLES_IN_REASON.finditer(passage.folded, *span):
                self.claims.append(self._claim(passage, match.span(), _M.VEHICLES_MENTIONED, match[1], match[2], "辆"))

    def _amount(self, passage: Passage, token: re.Match[str], before: str) -> Claim | None:
        """The claim that an amount makes; None for what is no claim."""
        if token["none"]:
            return self._none(passage, token)
        if _is_no_sum(passage.folded, token.end()):
            return None
        after = passage.folded[token.end() : token.end() + 12]
        number, unit = token["number"] or "0", token["unit"] or ""
        clause = wording.CLAUSE.findall(before)[0]
        span = token.start() - len(clause), token.end()
        year = re.match(rf"({wording.YEAR})年", clause)
        name = wording.TAIL.sub("", wording.LEAD.sub("", clause))
        if unit and unit not in money.YUAN_PER_UNIT:
            return self._count(passage, span, before, name, after, number, unit)
        measure, subject = self._subject(before, clause, name)
        if measure is None or (self.kind is SectionKind.FORMS and measure is _M.OTHER):
            return None
        claim = self._claim(passage, span, measure, subject, number, unit)
        if measure in (_M.ACCOUNT_EXECUTED, _M.ACCOUNT_PLANNED) and year is not None:
            return replace(claim, year=int(year[1]))
        return claim

    def _none(self, passage: Passage, token: re.Match[str]) -> Claim | None:
        """What is said not to be there (`无机关运行经费`) is a claim of zero."""
        measure = next(measure for words, measure in wording.NONE_OF.items() if token["none_of"].startswith(words))
        if self.kind is not SectionKind.OTHER_NOTES and measure is not _M.AGENCY_OPERATING_EXPENSES:
            return None
        unit = "辆" if measure in _STOCK_OR_PURCHASE_OF_VEHICLES else "台(套)" if "设备" in token["none_of"] else ""
        return self._claim(passage, token.span(), measure, token["none_of"], "0", unit)

    def _subject(self, before: str, clause: str, name: str) -> tuple[ClaimMeasure | None, str]:
        """What an amount of money is of: measure and subject, from the words before it."""
        account = self._account(before, clause, name) if self.kind is not SectionKind.OTHER_NOTES else None
        if account is not None:
            self.account = account
            return _M.ACCOUNT_BUDGET, account
        of_year = wording.OF_YEAR.search(clause)
        if of_year is not None and self.account:
            return (_M.ACCOUNT_EXECUTED if of_year[2].startswith("执行") else _M.ACCOUNT_PLANNED), self.account
        if self.heading and wording.BARE_AMOUNT.fullmatch(name):
            name = self.heading
        if not name:
            return None, ""
        table = wording.OTHER_NOTES if self.kind is SectionKind.OTHER_NOTES else wording.NARRATIVE
        measure = next((measure for measure, pattern in table if pattern.search(name)), _M.OTHER)
        if measure is _M.PERFORMANCE_AMOUNT and self.is_policy:
            measure = _M.PERFORMANCE_POLICY_AMOUNT
        if measure is _M.OTHER and self.kind is SectionKind.OTHER_NOTES and "绩效" in self.topic:
            measure = _M.PERFORMANCE_ITEM
        return measure, name

    def _account(self, before: str, clause: str, name: str) -> str | None:
        """The account that the words before an amount name: in quotation marks, by its levels, or in a list of accounts."""
        quoted = wording.ACCOUNT.search(before)
        if quoted is not None:
            level = wording.LEVELS.search(quoted["tail"])
            return str(quoted["quoted"]) + (level[0] if level else "")
        bare = wording.BARE_ACCOUNT.search(before)
        if bare is not None:
            return wording.LEAD.sub("", bare["path"])
        word = wording.ACCOUNT_WORD.fullmatch(wording.LEAD.sub("", clause))
        if word is not None:
            return word["name"]
        return name if self.is_list_of_accounts and name_key(name) in functional_classification().codes else None

    def _count(
        self, passage: Passage, span: tuple[int, int], before: str, name: str, after: str, number: str, unit: str
    ) -> Claim | None:
        """The claim that a count makes: vehicles, equipment, projects or units."""
        if self.kind is not SectionKind.OTHER_NOTES:
            return None
        sentence = passage.folded[max(0, span[1] - 3 * _WINDOW) : span[1]].rpartition("。")[2]
        measure: ClaimMeasure | None = None
        if unit[0] in "辆台套" and _ASSET.search(name):
            measure = (_PURCHASE if "购置" in sentence else _STOCK)["台" if "设备" in name else "辆"]
        elif unit == "家" and (covered := wording.UNITS_COVERED.match(after)) and "机关运行" in self.topic:
            measure, name = _M.AGENCY_OPERATING_UNITS, covered[0]
        elif unit in "个家" and after.startswith("预算单位"):
            measure, name = _M.PERFORMANCE_UNITS, "预算单位"
        elif unit in "个项":
            measure = self._goals(before, name, after)
            name = name if measure is None or not after.startswith("项目") else "项目"
        if measure is None:
            return None
        if measure in (_M.AGENCY_OPERATING_UNITS, _M.PERFORMANCE_UNITS):
            span = span[0], span[1] + len(name)
        claim = self._claim(passage, span, measure, name, number, unit)
        as_of = wording.AS_OF.search(sentence)
        if as_of is not None and measure in _STOCK.values():
            return replace(claim, year=int(as_of[1]), as_of=_date(as_of))
        return claim

    def _goals(self, before: str, name: str, after: str) -> ClaimMeasure | None:
        """What a number of performance goals is of: whole units, policies, projects, or large projects."""
        if "绩效" not in self.topic and "绩效" not in before:
            return None
        measure = next((measure for measure, pattern in wording.PERFORMANCE_COUNTS if pattern.search(name)), None)
        if measure is None and after.startswith("项目"):
            measure = _M.PERFORMANCE_PROJECTS
        self.is_policy = measure is _M.PERFORMANCE_POLICIES
        return _M.PERFORMANCE_LARGE_PROJECTS if measure is _M.PERFORMANCE_PROJECTS and "以上" in before else measure

    def _claim(
        self, passage: Passage, span: tuple[int, int], measure: ClaimMeasure, subject: str, number: str, unit: str
    ) -> Claim:
        page, box = passage.place(*span)
        at = passage.folded.rfind(subject, max(0, span[0] - _WINDOW), span[1] + _WINDOW)
        printed = passage.text[at : at + len(subject)] if at >= 0 else subject
        quote = passage.text[span[0] : span[1]]
        return Claim(self.kind, printed, measure, self.fiscal_year, _number(number, 1), number, unit, quote, page, box)


def _is_no_sum(text: str, end: int) -> bool:
    """Whether an amount that ends there is a threshold (`1000万元（含）以上`) or a price (`500元/人`)."""
    return wording.THRESHOLD.match(text, end) is not None or text.startswith(("/", "*", "×"), end)


def _depth(text: str, start: int, end: int) -> int:
    """How many more brackets open than close."""
    return text.count("(", start, end) - text.count(")", start, end)


def _date(match: re.Match[str]) -> str:
    """The ISO date that a stock is stated for; the end of a month or of a year is its last day."""
    year, month = int(match[1]), int(match[2] or 12)
    return f"{year}-{month:02}-{int(match[3] or monthrange(year, month)[1]):02}"


def _number(printed: str, sign: int) -> Decimal | None:
    """A printed number; None where it is malformed, as `294.4044.00`."""
    return None if printed.count(".") > 1 else sign * Decimal(printed.replace(",", ""))
