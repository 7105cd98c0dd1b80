"""What the prose claims: every figure of 编制说明, of 其他相关情况说明 and of notes between the forms.

A passage is read from left to right as a row of tokens: amounts, comparisons with another year, reasons and uses. What stands
before an amount names its subject; a comparison, reason or use belongs to the amount before it, whatever punctuation parts them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from cnbudget import money
from cnbudget.model import Box, ClaimMeasure, ComparedBasis
from cnbudget.prose.sections import Passage, Section, SectionKind, passages

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)*"
_MONEY_UNIT = r"亿元|百万元|千元|万元|元"
_YEAR = r"20\d\d"
_RISE, _FALL, _LEVEL = "增加|增长|上升", "减少|下降|降低|压减", "持平|一致|相同|不变"
_TOKEN = re.compile(
    rf"(?P<compare>[比与较同](?:(?P<year>{_YEAR})年度?|上一?年度?|去年)(?:\([^()]{{0,40}}\))?(?:当年|同期)?(?:部门|单位|年初)?"
    rf"(?P<basis>预算执行数?|执行数?|决算数?|预算数?)?(?:\([^()]{{0,40}}\))?(?:相比)?[,，]?(?P<way>{_RISE}|{_FALL}|基本持平|{_LEVEL})了?"
    rf"(?:(?P<change>{_NUMBER})(?P<change_unit>{_MONEY_UNIT}|%))?(?:[,，(]?(?P<way2>{_RISE}|{_FALL}|增幅|降幅)[了为]?(?P<percent>{_NUMBER})%)?)"
    r"|(?P<why>(?:主要)?原因(?:主要原因)?(?:是|为)?:?(?P<reason>[^;。]*))"
    r"|(?P<what_for>(?:主要)?(?:用于|反映)(?P<use>[^;。]*))"
    r"|(?P<none>无机关运行经费)"
    rf"|(?<![\d.])(?P<number>{_NUMBER})(?P<unit>{_MONEY_UNIT}|辆|台\(套\)|台|套|个|家)"
    r"|(?<=[为是])(?P<zero>0)(?=[;。,，]|$)"
)
_THRESHOLD = re.compile(r"(?:\(含\))?(?:及?以上|以下)")
_CLAUSE = re.compile(r"[^,，;。:、]*$")
_LEAD = re.compile(rf"^(?:\([一二三四五六七八九十\d]{{1,3}}\)|\d{{1,2}}[.、]|其中|{_YEAR}年度?)+")
_TAIL = re.compile(r"(?:总额|数|金额|安排|共计|合计|共有|共|为|是|约)+$")
_ACCOUNT = re.compile(r"“([^“]{2,150})“(?:科目|支出)?(?:预算)?(?:安排)?为?$")
_OF_YEAR = re.compile(rf"({_YEAR})年(?:度|当年)?预算(执行数?|安排数?)")
_AS_OF = re.compile(rf"截[至止]({_YEAR})年(\d{{1,2}})月(\d{{1,2}})日")
_UNITS_COVERED = re.compile(r"机关|(?:参公|参照公务员法)(?:管理)?的?(?:事业)?单位|行政单位|事业单位")
_VEHICLES_IN_REASON = re.compile(r"(新增|保有|更新|购置|报废)(\d+)辆")
_WINDOW = 200
"""How far back the subject of an amount, or the words that govern its sentence, can stand."""
MAX_PASSAGE = 100_000
"""Longer passages are no prose (the longest seen has 3,000 characters) and are not read."""

_Patterns = tuple[tuple[ClaimMeasure, re.Pattern[str]], ...]


def _patterns(rows: Iterable[tuple[ClaimMeasure, str]]) -> _Patterns:
    return tuple((measure, re.compile(pattern)) for measure, pattern in rows)


_M = ClaimMeasure
_NARRATIVE = _patterns(
    (
        (_M.REVENUE_FISCAL_APPROPRIATION, r"财政拨款收入(?:预算)?$"),
        (_M.REVENUE_BUSINESS, r"经营收入(?:预算)?$"),
        (_M.REVENUE_PUBLIC_SERVICE, r"事业收入(?:预算)?$"),
        (_M.REVENUE_OTHER, r"其他收入(?:预算)?$"),
        (_M.REVENUE_TOTAL, r"收入(?:总)?预算$|^收入总计$"),
        (_M.EXPENDITURE_GENERAL_PUBLIC_BUDGET, r"一般公共预算(?:财政)?(?:拨款)?支出(?:预算)?$"),
        (_M.EXPENDITURE_GOVERNMENT_FUND_BUDGET, r"政府性基金(?:预算)?(?:财政)?(?:拨款)?支出(?:预算)?$"),
        (_M.EXPENDITURE_STATE_CAPITAL_OPERATIONS_BUDGET, r"国有资本经营(?:预算)?(?:财政)?(?:拨款)?支出(?:预算)?$"),
        (_M.EXPENDITURE_FISCAL_APPROPRIATION, r"财政拨款支出(?:预算)?$"),
        (_M.EXPENDITURE_TOTAL, r"^(?!.*(?:基本|项目)支出).{0,60}支出(?:总)?预算$|^支出总计$"),
    )
)
_OTHER_NOTES = _patterns(
    (
        (_M.THREE_PUBLIC_TOTAL, r"“?三公“?经费(?:支出)?(?:预算)?$"),
        (_M.OVERSEAS_TRAVEL, r"因公出国(?:\(境\))?(?:费用?|经费)?(?:预算)?$"),
        (_M.OFFICIAL_RECEPTION, r"公务接待费(?:预算)?$"),
        (_M.VEHICLE_TOTAL, r"购置(?:费)?[及和与]运行(?:维护)?费(?:预算)?$"),
        (_M.VEHICLE_PURCHASE, r"车购置费(?:预算)?$"),
        (_M.VEHICLE_OPERATION, r"车运行(?:维护)?费(?:预算)?$"),
        (_M.AGENCY_OPERATING_EXPENSES, r"机关运行经费(?:财政拨款)?(?:预算)?$"),
        (_M.PROCUREMENT_GOODS, r"采购货物(?:类)?(?:预算|支出)?$"),
        (_M.PROCUREMENT_WORKS, r"采购工程(?:类)?(?:预算|支出)?$"),
        (_M.PROCUREMENT_SERVICES, r"采购服务(?:类)?(?:预算|支出)?$"),
        (_M.PROCUREMENT_MICRO_RESERVED, r"(?:小型和?微型|小微)企业.*(?:预算|项目)$"),
        (_M.PROCUREMENT_SME_RESERVED, r"中小(?:微)?企业.*(?:预算|项目)$"),
        (_M.PROCUREMENT_TOTAL, r"政府采购(?:项目)?预算$"),
        (_M.PERFORMANCE_AMOUNT, r"项目(?:支出)?预算(?:资金)?$|涉及(?:预算)?资金$"),
    )
)
_STOCK = {"辆": _M.VEHICLES_STOCK, "台": _M.EQUIPMENT_STOCK}
_PURCHASE = {"辆": _M.VEHICLES_PURCHASE, "台": _M.EQUIPMENT_PURCHASE}
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


@dataclass(slots=True)
class _Reader:
    """Reads one section; remembers the account spoken of, and the claims so far."""

    kind: SectionKind
    fiscal_year: int
    account: str = ""
    topic: str = ""
    claims: list[Claim] = field(default_factory=list)

    def read(self, section: Section) -> list[Claim]:
        for passage in passages(section.lines):
            if len(passage.folded) <= MAX_PASSAGE:
                self._passage(passage)
        return self.claims

    def _passage(self, passage: Passage) -> None:
        last: int | None = None
        start_of_last = boundary = 0
        if re.match(r"[一二三四五六七八九十]+、", passage.folded):
            self.topic = passage.folded[:40]
        for token in _TOKEN.finditer(passage.folded):
            before = passage.folded[max(boundary, token.start() - _WINDOW) : token.start()]
            if token["compare"]:
                if last is not None and self.claims[last].compared_year is None:
                    quote = passage.text[start_of_last : token.end()]
                    self.claims[last] = self._compared(replace(self.claims[last], quote=quote), token)
            elif token["why"] is not None:
                self._reason(last, passage, token)
            elif token["what_for"] is not None:
                use = passage.text[token.start("use") : token.end("use")]
                if last is not None and self.claims[last].use is None and use:
                    self.claims[last] = replace(self.claims[last], use=use)
            else:
                claim = self._amount(passage, token, before)
                if claim is None:
                    continue
                last, start_of_last = len(self.claims), token.start() - len(_CLAUSE.findall(before)[0])
                self.claims.append(claim)
            boundary = token.end()

    def _compared(self, claim: Claim, token: re.Match[str]) -> Claim:
        """The claim with its comparison: year, basis, change in yuan, percent."""
        is_executed = (token["basis"] or "").startswith(("预算执行", "执行", "决算"))
        sign = -1 if token["way"] in _FALL.split("|") else 1
        change_yuan = change_percent = None
        if token["way"].endswith(tuple(_LEVEL.split("|"))):
            change_yuan = change_percent = Decimal(0)
        elif token["change_unit"] == "%":
            change_percent = _number(token["change"], sign)
        elif token["change"] and (change := _number(token["change"], sign)) is not None:
            change_yuan = money.to_yuan(change, token["change_unit"])
        if token["percent"]:
            sign = -1 if token["way2"] in (*_FALL.split("|"), "降幅") else 1
            change_percent = _number(token["percent"], sign)
        return replace(
            claim,
            compared_year=int(token["year"]) if token["year"] else self.fiscal_year - 1,
            compared_basis=ComparedBasis.EXECUTED if is_executed else ComparedBasis.BUDGET,
            change_yuan=change_yuan,
            change_percent=change_percent,
        )

    def _reason(self, last: int | None, passage: Passage, token: re.Match[str]) -> None:
        """A reason belongs to the claim before it; one that opens a passage, to the fiscal appropriation."""
        reason = passage.text[token.start("reason") : token.end("reason")] or None
        of = [last] if last is not None else [i for i, c in enumerate(self.claims) if c.measure in _FISCAL]
        for index in of:
            if self.claims[index].reason is None:
                self.claims[index] = replace(self.claims[index], reason=reason)
        if self.kind is SectionKind.OTHER_NOTES:
            for match in _VEHICLES_IN_REASON.finditer(token["reason"]):
                span = token.start("reason") + match.start(), token.start("reason") + match.end()
                self.claims.append(self._claim(passage, span, _M.VEHICLES_MENTIONED, match[1], match[2], "辆"))

    def _amount(self, passage: Passage, token: re.Match[str], before: str) -> Claim | None:
        """The claim that an amount makes; None for a threshold (`1000万元（含）以上`) and for what is no claim."""
        after = passage.folded[token.end() : token.end() + 12]
        if _THRESHOLD.match(after) or after.startswith(("/", "*", "×")):
            return None
        number, unit = token["number"] or "0", token["unit"] or ""
        clause = _CLAUSE.findall(before)[0]
        span = token.start() - len(clause), token.end()
        if token["none"]:
            span = token.start(), token.end()
            return self._claim(passage, span, _M.AGENCY_OPERATING_EXPENSES, "机关运行经费", "0", "")
        year = re.match(rf"({_YEAR})年", clause)
        name = _TAIL.sub("", _LEAD.sub("", clause))
        if unit and unit not in money.YUAN_PER_UNIT:
            return self._count(passage, span, before, name, after, number, unit)
        measure, subject = self._subject(before, clause, name)
        if measure is None or (self.kind is SectionKind.FORMS and measure is _M.OTHER):
            return None
        claim = self._claim(passage, span, measure, subject, number, unit)
        if measure in (_M.ACCOUNT_EXECUTED, _M.ACCOUNT_PLANNED) and year is not None:
            return replace(claim, year=int(year[1]))
        return claim

    def _subject(self, before: str, clause: str, name: str) -> tuple[ClaimMeasure | None, str]:
        """What an amount of money is of: measure and subject, from the words before it."""
        account = _ACCOUNT.search(before) if self.kind is not SectionKind.OTHER_NOTES else None
        if account is not None:
            self.account = account[1]
            return _M.ACCOUNT_BUDGET, account[1]
        of_year = _OF_YEAR.search(clause)
        if of_year is not None and self.account:
            return (_M.ACCOUNT_EXECUTED if of_year[2].startswith("执行") else _M.ACCOUNT_PLANNED), self.account
        if not name:
            return None, ""
        table = _OTHER_NOTES if self.kind is SectionKind.OTHER_NOTES else _NARRATIVE
        for measure, pattern in table:
            if pattern.search(name):
                return measure, name
        if self.kind is SectionKind.OTHER_NOTES and "绩效" in self.topic:
            return _M.PERFORMANCE_ITEM, name
        return _M.OTHER, name

    def _count(
        self, passage: Passage, span: tuple[int, int], before: str, name: str, after: str, number: str, unit: str
    ) -> Claim | None:
        """The claim that a count makes: vehicles, equipment, projects or units."""
        if self.kind is not SectionKind.OTHER_NOTES:
            return None
        measure: ClaimMeasure | None = None
        sentence = passage.folded[max(0, span[1] - 3 * _WINDOW) : span[1]].rpartition("。")[2]
        if unit[0] in "辆台套" and re.search(r"车辆$|用车$|设备(?:\([^()]{0,20}\))?$", name):
            measure = (_PURCHASE if "购置" in sentence else _STOCK)["辆" if unit == "辆" else "台"]
        elif unit == "家" and (covered := _UNITS_COVERED.match(after)) and "机关运行" in self.topic:
            measure, name = _M.AGENCY_OPERATING_UNITS, covered[0]
        elif unit == "个" and after.startswith("预算单位"):
            measure, name = _M.PERFORMANCE_UNITS, "预算单位"
        elif unit == "个" and re.search(r"项目(?:有)?$", name):
            measure = _M.PERFORMANCE_LARGE_PROJECTS if "以上" in before else _M.PERFORMANCE_PROJECTS
        if measure is None:
            return None
        if measure in (_M.AGENCY_OPERATING_UNITS, _M.PERFORMANCE_UNITS):
            span = span[0], span[1] + len(name)
        claim = self._claim(passage, span, measure, name, number, unit)
        as_of = _AS_OF.search(sentence)
        if as_of is not None and measure in _STOCK.values():
            date = f"{as_of[1]}-{int(as_of[2]):02}-{int(as_of[3]):02}"
            return replace(claim, year=int(as_of[1]), as_of=date)
        return claim

    def _claim(
        self, passage: Passage, span: tuple[int, int], measure: ClaimMeasure, subject: str, number: str, unit: str
    ) -> Claim:
        page, box = passage.place(*span)
        at = passage.folded.rfind(subject, max(0, span[0] - _WINDOW), span[1] + _WINDOW)
        printed = passage.text[at : at + len(subject)] if at >= 0 else subject
        quote = passage.text[span[0] : span[1]]
        return Claim(self.kind, printed, measure, self.fiscal_year, _number(number, 1), number, unit, quote, page, box)


def _number(printed: str, sign: int) -> Decimal | None:
    """A printed number; None where it is malformed, as `294.4044.00`."""
    return None if printed.count(".") > 1 else sign * Decimal(printed.replace(",", ""))
