"""A budget as a model: lines of accounts by source of money. Everything that is printed follows by addition."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, StrEnum, auto

from cnbudget.model import FormId, Measure, PublisherKind, RevenueSource

ZERO = Decimal(0)
FEN = Decimal("0.01")

FISCAL_SOURCES = (
    RevenueSource.GENERAL_PUBLIC_BUDGET,
    RevenueSource.GOVERNMENT_FUND_BUDGET,
    RevenueSource.STATE_CAPITAL_OPERATIONS_BUDGET,
)
OWN_SOURCES = (RevenueSource.PUBLIC_SERVICE, RevenueSource.BUSINESS, RevenueSource.OTHER)
ALL_SOURCES = FISCAL_SOURCES + OWN_SOURCES

PERSONNEL_CLASSES = ("301", "303")
"""工资福利支出, 对个人和家庭的补助: 人员经费. Every other economic class is 公用经费."""


class Nature(StrEnum):
    """人员经费 / 公用经费 / 项目支出: the first two make up 基本支出."""

    PERSONNEL = "personnel"
    OPERATING = "operating"
    PROJECT = "project"


BASIC = (Nature.PERSONNEL, Nature.OPERATING)
ALL_NATURES = (*BASIC, Nature.PROJECT)


@dataclass(frozen=True, slots=True)
class Line:
    """What one functional account spends from one source, in yuan.

    `code` has 7 digits, or 5 where a section is printed without its items. `source` is one of `ALL_SOURCES`.
    """

    code: str
    source: RevenueSource
    personnel: Decimal = ZERO
    operating: Decimal = ZERO
    project: Decimal = ZERO

    def amount(self, nature: Nature) -> Decimal:
        return {Nature.PERSONNEL: self.personnel, Nature.OPERATING: self.operating}.get(nature, self.project)


@dataclass(frozen=True, slots=True)
class EconomicLine:
    """What one section of the departmental economic classification takes of general public basic expenditure."""

    code: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ThreePublic:
    """“三公”经费 in yuan."""

    overseas_travel: Decimal = ZERO
    official_reception: Decimal = ZERO
    vehicle_purchase: Decimal = ZERO
    vehicle_operation: Decimal = ZERO

    @property
    def vehicle_total(self) -> Decimal:
        return self.vehicle_purchase + self.vehicle_operation

    @property
    def total(self) -> Decimal:
        return self.overseas_travel + self.official_reception + self.vehicle_total


@dataclass(frozen=True, slots=True)
class Disclosures:
    """其他相关情况: what stands outside the nine forms, or beside the ninth. Amounts in yuan."""

    three_public: ThreePublic = ThreePublic()
    three_public_before: ThreePublic = ThreePublic()
    agency_operating: Decimal = ZERO
    procurement_goods: Decimal = ZERO
    procurement_works: Decimal = ZERO
    procurement_services: Decimal = ZERO
    vehicles: int = 0
    vehicles_to_buy: int = 0
    equipment: int = 0


@dataclass(frozen=True, slots=True)
class ProjectItem:
    """One item of a project's yearly budget."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Project:
    """A project (项目经费情况说明): its key is name plus implementer."""

    name: str
    implementer: str
    items: Sequence[ProjectItem]

    @property
    def amount(self) -> Decimal:
        return sum((item.amount for item in self.items), ZERO)


@dataclass(frozen=True, slots=True)
class Institution:
    """A unit whose budget is part of the department's."""

    name: str
    is_administrative: bool


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes: an invented body of 上海市 or of an invented district of it."""

    name: str
    kind: PublisherKind
    jurisdiction: str

    @property
    def is_municipal(self) -> bool:
        return self.jurisdiction == "上海市"


class Wording(Enum):
    """How the prose is worded: as the prescribed pattern has it, or as freely as publishers do."""

    PRESCRIBED = auto()
    FREE = auto()


@dataclass(frozen=True, slots=True)
class Style:
    """How figures and titles are printed.

    With `decimals=0` amounts are rounded cell by cell, as publishers do: sums then agree within rounding only.
    `are_zeros_printed` speaks of the coded forms and the ninth; 总表 leave unused sources blank, as they do in print.
    Titles of forms name the year (`has_year_in_titles`) and, for a unit, call it 预算单位 or 单位 (`unit_word`).
    """

    decimals: int = 2
    is_wide: bool = False
    are_zeros_printed: bool = False
    is_narrative_by_item: bool = True
    has_year_in_titles: bool = True
    has_straight_quotes: bool = False
    unit_word: str = "预算单位"
    wording: Wording = Wording.PRESCRIBED


@dataclass(frozen=True, slots=True)
class Misprint:
    """A figure that the document prints wrongly: the cell is named as in the facts (rows from 1)."""

    form_id: FormId
    row_no: int
    measure: Measure
    printed: str


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget of one publisher for one year; balanced by construction, but for the `misprints` put in on purpose.

    `names` gives the name of every account and its parents. `fiscal_before` is last year's fiscal appropriation.
    `misstatements` are amounts that the narrative states wrongly, by code as printed in it.
    """

    publisher: Publisher
    year: int
    month: int
    lines: Sequence[Line]
    economic: Sequence[EconomicLine]
    names: Mapping[str, str]
    disclosures: Disclosures = Disclosures()
    institutions: Sequence[Institution] = ()
    projects: Sequence[Project] = ()
    fiscal_before: Decimal = ZERO
    style: Style = Style()
    misprints: Sequence[Misprint] = ()
    misstatements: Mapping[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a budget that could not balance: T8 is the basic expenditure of T5, by personnel and operating."""
        for is_personnel, nature in ((True, Nature.PERSONNEL), (False, Nature.OPERATING)):
            economic = _sum(line.amount for line in self.economic if is_personnel_code(line.code) == is_personnel)
            general = [line for line in self.lines if line.source is RevenueSource.GENERAL_PUBLIC_BUDGET]
            functional = _sum(line.amount(nature) for line in general)
            if economic != functional:
                raise ValueError(
                    f"{self.publisher.name} {self.year}: {nature} is {functional} yuan by function and {economic} yuan "
                    f"by economic section; make the two agree"
                )


class Ledger:
    """The sums of a budget's lines for every account, class, section and in all (code `""`)."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._sums: defaultdict[tuple[str, RevenueSource, Nature], Decimal] = defaultdict(lambda: ZERO)
        self._sources: defaultdict[str, set[RevenueSource]] = defaultdict(set)
        for line in lines:
            for code in {"", line.code[:3], line.code[:5], line.code}:
                self._sources[code].add(line.source)
                for nature in ALL_NATURES:
                    self._sums[code, line.source, nature] += line.amount(nature)

    def amount(
        self,
        code: str = "",
        sources: Sequence[RevenueSource] = ALL_SOURCES,
        natures: Sequence[Nature] = ALL_NATURES,
    ) -> Decimal:
        """Yuan spent on `code` (class, section, item or `""` for all) from `sources` for `natures`."""
        keys = ((code, source, nature) for source in sources for nature in natures)
        return _sum(self._sums[key] for key in keys if key in self._sums)

    def codes(self, sources: Sequence[RevenueSource] = ALL_SOURCES, digits: Sequence[int] = (3, 5, 7)) -> list[str]:
        """Codes that have a line from one of `sources`, in the order in which forms print them."""
        wanted = set(sources)
        return sorted(code for code, present in self._sources.items() if len(code) in digits and present & wanted)


def is_personnel_code(code: str) -> bool:
    """Whether an economic code is 人员经费."""
    return code[:3] in PERSONNEL_CLASSES


def allocate(total: Decimal, weights: Sequence[Decimal | int], unit: Decimal = FEN) -> list[Decimal]:
    """Split `total` by `weights` into multiples of `unit`; the last part takes what rounding leaves."""
    if not weights:
        return []
    whole = _sum(Decimal(weight) for weight in weights)
    parts = [(total * weight / whole // unit) * unit for weight in weights[:-1]]
    return [*parts, total - _sum(parts)]


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    return sum(amounts, ZERO)
