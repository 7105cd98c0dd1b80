"""机构设置 and 其他相关情况说明 as records: institutions with their stated numbers, and what must be disclosed beside the forms."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cnbudget.model import Box, ClaimMeasure, InstitutionKind, InstitutionRow
from cnbudget.prose.narrative import MAX_PASSAGE, Claim
from cnbudget.prose.sections import Passage, Section, SectionKind, passages


@dataclass(frozen=True, slots=True)
class Institution:
    """A stated number of institutions (`n_stated`), or one that is listed (`position`, from 1, and `name`)."""

    row_type: InstitutionRow
    kind: InstitutionKind
    quote: str
    page: int | None
    box: Box | None
    position: int | None = None
    name: str | None = None
    n_stated: int | None = None


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One thing that is disclosed; `value` in yuan for amounts (`unit` 元), else as counted. `item` is null for a total."""

    key: str
    item: str | None
    value: Decimal | None
    unit: str
    quote: str
    page: int | None
    box: Box | None
    as_of: str | None = None


_K = InstitutionKind
_COUNT = r"(\d{1,4}|[一二两三四五六七八九十百]{1,4})"
_OF = rf"(?:共计|共有|共|有|为|是|设)?{_COUNT}[家个所户]"
_MANAGED = r"(?:参公|参照公务员法?)(?:管理)?的?(?:事业)?单位"
_INNER = r"(?:内设(?:职能)?(?:机构|部门|科室|处室|股室)|(?:职能)?(?:科室|处室|股室)|职能部门)"
_STATED = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (
            _K.BUDGET_UNIT,
            rf"(?:下属|所属|下设|直属)的?{_OF}(?:二级|基层|独立核算|财政拨款)*(?:预算)?单位"
            rf"|(?:下属|所属|直属|二级|基层)(?:预算)?单位{_OF}|预算单位{_OF}",
        ),
        (_K.ADMINISTRATIVE, rf"行政单位{_OF}|{_COUNT}[家个]行政单位"),
        (_K.CIVIL_SERVICE_MANAGED, rf"{_MANAGED}{_OF}|{_COUNT}[家个]{_MANAGED}"),
        (
            _K.PUBLIC_INSTITUTION,
            rf"(?<!参公)(?<!管理)(?<!管理的)(?<!公务员法)(?<!公务员)事业单位{_OF}|{_COUNT}[家个](?:其他|全额拨款|公益[一二]类)?事业单位",
        ),
        (_K.INTERNAL_DEPARTMENT, rf"{_INNER}{_OF}|{_COUNT}个{_INNER}"),
        (_K.DISPATCHED_AGENCY, rf"派出机构{_OF}|{_COUNT}[个家]派出机构"),
    )
)
_LISTED = re.compile(
    r"(?:\d{1,3}[.、]|\(\d{1,3}\)|[一二三四五六七八九十]{1,3}、|\([一二三四五六七八九十]{1,3}\))\s*"
    r"(?P<name>[^。;,，:]{2,60})(?:[。;,，]?|:(?P<names>.{2,})?)"
)
_NO_INSTITUTION = re.compile(
    r"(?:行政|事业|参公.*|参照.*|预算|下属|所属)单位.*|内设.*|(?:主要)?职[责能]|.*机构设置.*|.*如下"
)
_INLINE = re.compile(
    r"(?:包括|分别为|分别是|分别有|具体为|具体是|(?:机构|单位|部门|科室|处室)(?:有|为)?(?=:)):?"
    r"(?P<names>(?![^。;:]{0,200}(?:综合收支|收支计划|汇总而成))[^。;:]{2,4000})"
)
_COUNTED = re.compile(rf"等?(?:共计|共)?{_COUNT}个(?:{_INNER}|机构|部门|单位)")
_SETS_UP = re.compile(rf"(?:内设|下设|设有|设立|设置|设)(?!{_COUNT}[家个])")
_SET_UP = re.compile(r"(?:内设|下设|设有)(?P<names>[^。;:,，、]{2,30}(?:、[^。;:,，、]{2,30}){1,60}?)等?(?=[。;,，]|$)")
_AND = re.compile(r"以及|[和及与]")
_DIGITS = "零一二三四五六七八九"


def institutions(sections: Sequence[Section]) -> list[Institution]:
    """Stated numbers and listed institutions of 机构设置, in printed order."""
    found: list[Institution] = []
    for section in sections:
        if section.kind is SectionKind.INSTITUTIONS:
            read = [passage for passage in passages(section.lines) if len(passage.folded) <= MAX_PASSAGE]
            stated = [row for passage in read for row in _stated(passage)]
            found.extend(stated)
            found.extend(_listed(read, stated))
    return found


def _kind_of_list(read: Sequence[Passage], stated: Sequence[Institution]) -> InstitutionKind:
    """What is listed: budget units, unless only internal departments or dispatched agencies are counted or spoken of."""
    kinds = {row.kind for row in stated}
    for kind in (_K.INTERNAL_DEPARTMENT, _K.DISPATCHED_AGENCY):
        if kind in kinds and _K.BUDGET_UNIT not in kinds:
            return kind
    is_inner = not kinds and any(re.search(r"内设|下设|设有", passage.folded) for passage in read)
    return _K.INTERNAL_DEPARTMENT if is_inner else _K.BUDGET_UNIT


def _stated(passage: Passage) -> Iterator[Institution]:
    matches = [(match, kind) for kind, pattern in _STATED for match in pattern.finditer(passage.folded)]
    for match, kind in sorted(matches, key=lambda item: item[0].start()):
        number = _cardinal(next(group for group in match.groups() if group is not None))
        quote = passage.text[match.start() : match.end()]
        yield Institution(InstitutionRow.STATED, kind, quote, *passage.place(*match.span()), n_stated=number)


def _cardinal(printed: str) -> int:
    """A number in digits or in Chinese, up to 999: `十二`, `两`, `一百零五`."""
    if printed.isdigit():
        return int(printed)
    hundreds, _, rest = printed.replace("两", "二").rpartition("百")
    tens, ten, units = rest.rpartition("十")
    value = _DIGITS.find(hundreds[:1] or "零") * 100 + _DIGITS.find(units[-1:] or "零")
    return value + (_DIGITS.find(tens[-1:] or "一") * 10 if ten else 0)


def _listed(read: Sequence[Passage], stated: Sequence[Institution]) -> Iterator[Institution]:
    """Names in numbered lines, or else in one sentence, parted by 、 outside of brackets."""
    kind = _kind_of_list(read, stated)
    count = next((row.n_stated for row in stated if row.kind is kind), None)
    spans = [(passage, span) for passage in read for span in _numbered(passage)]
    if not spans:
        spans = [(passage, span) for passage in read for span in _in_sentence(passage, count)]
    for position, (passage, (start, end)) in enumerate(spans, 1):
        name = passage.text[start:end]
        place = passage.place(start, end)
        yield Institution(InstitutionRow.LISTED, kind, name, *place, position=position, name=name)


def _numbered(passage: Passage) -> Iterator[tuple[int, int]]:
    """The name in a numbered line; the names behind a heading such as `(一)行政单位:`."""
    match = _LISTED.fullmatch(passage.folded)
    if match is None:
        return
    if not _NO_INSTITUTION.fullmatch(match["name"]):
        yield match.span("name")
    elif match["names"]:
        yield from _split(passage.folded, match.start("names"), len(passage.folded.rstrip("。;")))


def _in_sentence(passage: Passage, count: int | None) -> Iterator[tuple[int, int]]:
    """Names that a sentence lists; the last two may be joined by a word, which their stated number tells."""
    text = passage.folded
    match = _INLINE.search(text)
    span = match.span("names") if match else _before_count(text)
    if span is None:
        match = _SET_UP.search(text)
        span = match.span("names") if match else None
    if span is None:
        return
    spans = list(_split(text, *span))
    joint = _AND.search(text, *spans[-1]) if count == len(spans) + 1 else None
    if joint is not None:
        start, end = spans.pop()
        spans += [(start, joint.start()), (joint.end(), end)]
    yield from spans


def _before_count(text: str) -> tuple[int, int] | None:
    """Where the names stand in `设有甲科、乙科2个内设机构`: between the verb and the first number of its sentence."""
    counted = _COUNTED.search(text)
    if counted is None:
        return None
    sentence = max(text.rfind(mark, 0, counted.start()) for mark in "。;:") + 1
    verb = _SETS_UP.search(text, sentence, counted.start())
    return (verb.end(), counted.start()) if verb and counted.start() - verb.end() >= 4 else None


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of what stands between 、 or commas that are in no bracket."""
    depth = 0
    for index in range(start, end):
        char = text[index]
        depth += (char == "(") - (char == ")")
        if char in "、,，" and depth <= 0:
            if index > start:
                yield start, index
            start = index + 1
    if end > start:
        yield start, end


_M = ClaimMeasure
_KEYS: dict[ClaimMeasure, str] = {
    _M.AGENCY_OPERATING_EXPENSES: "agency_operating_expenses",
    _M.AGENCY_OPERATING_UNITS: "agency_operating_units",
    **{measure: measure.value for measure in _M if measure.value.startswith(("procurement_", "performance_"))},
    _M.VEHICLES_STOCK: "vehicles_stock",
    _M.VEHICLES_PURCHASE: "vehicles_purchase",
    _M.EQUIPMENT_STOCK: "equipment_stock",
    _M.EQUIPMENT_PURCHASE: "equipment_purchase",
    **{
        measure: measure.value
        for measure in (
            _M.THREE_PUBLIC_TOTAL,
            _M.OVERSEAS_TRAVEL,
            _M.OFFICIAL_RECEPTION,
            _M.VEHICLE_TOTAL,
            _M.VEHICLE_PURCHASE,
            _M.VEHICLE_OPERATION,
        )
    },
}
_ITEMISED = (_M.AGENCY_OPERATING_UNITS, _M.PERFORMANCE_ITEM, _M.PERFORMANCE_OVERALL_GOALS)
_ASSETS = (_M.VEHICLES_STOCK, _M.VEHICLES_PURCHASE, _M.EQUIPMENT_STOCK, _M.EQUIPMENT_PURCHASE)
_PART = re.compile(r"车$|用设备(?:\(.*\))?$")


def disclosures(claims: Sequence[Claim]) -> list[Disclosure]:
    """What the other notes disclose, from their claims, in printed order."""
    return [
        Disclosure(
            _KEYS[claim.measure],
            _item(claim),
            claim.value if claim.amount_yuan is None else claim.amount_yuan,
            claim.printed_unit if claim.amount_yuan is None else "元",
            claim.quote,
            claim.page,
            claim.box,
            claim.as_of,
        )
        for claim in claims
        if claim.section is SectionKind.OTHER_NOTES and claim.measure in _KEYS
    ]


def _item(claim: Claim) -> str | None:
    is_part = claim.measure in _ITEMISED or (claim.measure in _ASSETS and _PART.search(claim.subject) is not None)
    return claim.subject if is_part else None
