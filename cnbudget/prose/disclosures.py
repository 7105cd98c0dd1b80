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
_STATED = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        (_K.BUDGET_UNIT, r"(?:下属|所属)(?:的)?(\d+)[家个](?:二级|基层)?(?:预算)?单位"),
        (_K.ADMINISTRATIVE, r"行政单位(?:有|共)?(\d+)[家个]|(\d+)[家个]行政单位"),
        (_K.CIVIL_SERVICE_MANAGED, r"(?:参公|参照公务员法)(?:管理)?的?(?:事业)?单位(?:有|共)?(\d+)[家个]"),
        (_K.PUBLIC_INSTITUTION, r"(?<!参公)(?<!参公管理)(?<!管理)(?<!管理的)事业单位(?:有|共)?(\d+)[家个]"),
        (
            _K.INTERNAL_DEPARTMENT,
            r"(?:内设机构|内设部门|内设科室|职能处室)(\d+)个|(\d+)个(?:内设机构|内设部门|内设科室|职能处室)",
        ),
    )
)
_LISTED = re.compile(r"(?:\d{1,3}[.、]|\(\d{1,3}\)|[一二三四五六七八九十]{1,3}、)\s*(?P<name>[^。;,，]{2,60})[。;,，]?")
_INLINE = re.compile(r"(?:包括|分别为|分别是|具体为):?(?P<names>[^。;]{2,4000})")


def institutions(sections: Sequence[Section]) -> list[Institution]:
    """Stated numbers and listed institutions of 机构设置, in printed order."""
    found: list[Institution] = []
    for section in sections:
        if section.kind is SectionKind.INSTITUTIONS:
            read = [passage for passage in passages(section.lines) if len(passage.folded) <= MAX_PASSAGE]
            stated = [row for passage in read for row in _stated(passage)]
            kinds = {row.kind for row in stated}
            inner = _K.INTERNAL_DEPARTMENT
            found.extend(stated)
            found.extend(_listed(read, inner if inner in kinds and _K.BUDGET_UNIT not in kinds else _K.BUDGET_UNIT))
    return found


def _stated(passage: Passage) -> Iterator[Institution]:
    matches = [(match, kind) for kind, pattern in _STATED for match in pattern.finditer(passage.folded)]
    for match, kind in sorted(matches, key=lambda item: item[0].start()):
        number = next(group for group in match.groups() if group is not None)
        quote = passage.text[match.start() : match.end()]
        yield Institution(InstitutionRow.STATED, kind, quote, *passage.place(*match.span()), n_stated=int(number))


def _listed(read: Sequence[Passage], kind: InstitutionKind) -> Iterator[Institution]:
    """Names in numbered lines, or else in one sentence, parted by 、 outside of brackets."""
    spans = [(passage, match.span("name")) for passage in read if (match := _LISTED.fullmatch(passage.folded))]
    if not spans:
        spans = [
            (passage, span)
            for passage in read
            if (match := _INLINE.search(passage.folded))
            for span in _split(passage.folded, *match.span("names"))
        ]
    for position, (passage, (start, end)) in enumerate(spans, 1):
        name = passage.text[start:end]
        place = passage.place(start, end)
        yield Institution(InstitutionRow.LISTED, kind, name, *place, position=position, name=name)


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
_ITEMISED = (_M.AGENCY_OPERATING_UNITS, _M.PERFORMANCE_ITEM)
_VEHICLES = (_M.VEHICLES_STOCK, _M.VEHICLES_PURCHASE)


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
    is_part = claim.measure in _ITEMISED or (claim.measure in _VEHICLES and claim.subject.endswith("用车"))
    return claim.subject if is_part else None
