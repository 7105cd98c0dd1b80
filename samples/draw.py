"""Random budgets that balance, of any size, for tests and load. The same seed gives the same budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from random import Random

from cnbudget.model import PublisherKind, RevenueSource
from samples.budget import (
    FEN,
    FISCAL_SOURCES,
    ZERO,
    Budget,
    Disclosures,
    EconomicLine,
    Institution,
    Ledger,
    Line,
    Nature,
    Project,
    ProjectItem,
    Publisher,
    Style,
    ThreePublic,
    allocate,
    is_personnel_code,
)
from samples.content import ordinal
from samples.load import account_names, economic_sections, items_by_fund
from samples.render_pdf import Continuation, PageLayout

PLACES = ("上海市", "上海市云川区", "上海市澄湖区", "上海市望海区", "上海市青屿区")
TOPICS = (
    "绿化", "档案", "体育", "水利", "文化", "数据", "气象", "公路", "科普", "园艺",
    "教研", "救助", "法律援助", "地质", "图书", "测绘", "食品检验", "航道", "康复", "防灾",
)  # fmt: skip
DIGITS = "〇一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class Traits:
    """What a drawn budget has. What is null is drawn as well.

    `has_rounding`: amounts go to the fen though `style` prints whole yuan, so that sums agree within rounding only.
    `has_bare_sections`: some sections are printed without their items.
    """

    kind: PublisherKind | None = None
    year: int | None = None
    style: Style | None = None
    has_public_service: bool | None = None
    has_business: bool | None = None
    has_other_revenue: bool | None = None
    has_government_fund: bool | None = None
    has_state_capital: bool | None = None
    has_bare_sections: bool | None = None
    has_rounding: bool = False


ANY = Traits()


def draw_budget(seed: int, n_items: int = 24, traits: Traits = ANY) -> Budget:
    """A balanced budget of `n_items` functional accounts (1 or more), published by a body of its own for every seed.

    Raises ValueError where `n_items` or `seed` is too small.
    """
    if n_items < 1 or seed < 0:
        raise ValueError(f"draw_budget: seed {seed}, n_items {n_items}; expected seed >= 0 and n_items >= 1")
    rng = Random(seed)
    style = traits.style or _style(rng, Random(f"titles {seed}"))
    unit = FEN if style.decimals or traits.has_rounding else Decimal(1)
    names = dict(account_names())
    lines = _lines(rng, _codes(rng, n_items, traits, names), traits, unit)
    economic = _economic(rng, lines, unit)
    publisher = _publisher(rng, seed, traits.kind)
    fiscal = Ledger(lines).amount(sources=FISCAL_SOURCES)
    return Budget(
        publisher=publisher,
        year=traits.year or rng.randrange(2020, 2027),
        month=rng.randrange(1, 4),
        lines=lines,
        economic=economic,
        names=names,
        disclosures=_disclosures(rng, economic, unit),
        institutions=_institutions(rng, publisher),
        projects=_projects(rng, lines, names, publisher.name),
        fiscal_before=_share(rng, fiscal, 80, 120, unit),
        style=style,
    )


def draw_layout(seed: int) -> PageLayout:
    """One of the page layouts that publishers use."""
    rng = Random(seed)
    return PageLayout(
        continuation=rng.choice(list(Continuation)),
        is_total_alone=rng.random() < 0.3,
        row_height=rng.choice((19.0, 22.0, 26.0)),
        name_share=rng.choice((1.0, 1.0, 0.6)),
        has_page_numbers=rng.random() < 0.5,
        has_leaders=rng.random() < 0.5,
    )


def _style(rng: Random, titles: Random) -> Style:
    return Style(
        decimals=rng.choice((0, 2)),
        is_wide=rng.random() < 0.5,
        are_zeros_printed=rng.random() < 0.4,
        is_narrative_by_item=rng.random() < 0.7,
        has_year_in_titles=titles.random() < 0.6,
        has_straight_quotes=titles.random() < 0.3,
        unit_word=titles.choice(("预算单位", "单位")),
    )


def _wanted(rng: Random, wish: bool | None, chance: float) -> bool:
    drawn = rng.random() < chance
    return drawn if wish is None else wish


def _codes(rng: Random, n_items: int, traits: Traits, names: dict[str, str]) -> list[tuple[str, RevenueSource]]:
    """Accounts with the fund that pays them; `names` gains those that the catalogue has not enough of."""
    pools = items_by_fund()
    chosen: list[tuple[str, RevenueSource]] = []
    wishes = zip(FISCAL_SOURCES[1:], (traits.has_government_fund, traits.has_state_capital), (0.3, 0.1), strict=True)
    for source, wish, chance in wishes:
        n_wanted = min(max(1, n_items // 8), len(pools[source]), n_items - len(chosen))
        if _wanted(rng, wish, chance):
            chosen += [(code, source) for code in rng.sample(pools[source], n_wanted)]
    general = pools[RevenueSource.GENERAL_PUBLIC_BUDGET]
    n_general = n_items - len(chosen)
    codes = rng.sample(general, min(n_general, len(general)))
    codes += _invented(names, n_general - len(codes))
    if _wanted(rng, traits.has_bare_sections, 0.3):
        codes = _without_items(rng, codes)
    return sorted([*chosen, *((code, RevenueSource.GENERAL_PUBLIC_BUDGET) for code in codes)])


def _invented(names: dict[str, str], count: int) -> list[str]:
    """Further items below known sections, named after them."""
    sections = [code for code in names if len(code) == 5 and code.startswith("2")]
    free = (f"{section}{item:02}" for item, section in product(range(60, 99), sections))
    codes = [code for code, _ in zip((code for code in free if code not in names), range(count), strict=False)]
    if len(codes) < count:
        raise ValueError(f"draw_budget: {count - len(codes)} items more than the catalogue can name; ask for fewer")
    names |= {code: f"{names[code[:5]]}专项{ordinal(int(code[5:]) - 59)}" for code in codes}
    return codes


def _without_items(rng: Random, codes: Sequence[str]) -> list[str]:
    n_items = Counter(code[:5] for code in codes)
    return [code[:5] if n_items[code[:5]] == 1 and rng.random() < 0.4 else code for code in codes]


def _lines(rng: Random, codes: Sequence[tuple[str, RevenueSource]], traits: Traits, unit: Decimal) -> list[Line]:
    lines = [_line(rng, code, source, unit) for code, source in codes]
    wishes = (
        (RevenueSource.PUBLIC_SERVICE, traits.has_public_service),
        (RevenueSource.BUSINESS, traits.has_business),
        (RevenueSource.OTHER, traits.has_other_revenue),
    )
    general = [code for code, source in codes if source is RevenueSource.GENERAL_PUBLIC_BUDGET]
    pool = general or [code for code, _ in codes]
    for source, wish in wishes:
        if _wanted(rng, wish, 0.25):
            some = rng.sample(pool, rng.randint(1, min(3, len(pool))))
            lines += [_line(rng, code, source, unit) for code in some]
    return lines


def _line(rng: Random, code: str, source: RevenueSource, unit: Decimal) -> Line:
    is_basic = rng.random() < 0.5 and source not in FISCAL_SOURCES[1:]
    personnel, operating = (_amount(rng, unit), _amount(rng, unit)) if is_basic else (ZERO, ZERO)
    has_project = not is_basic or rng.random() < 0.3
    return Line(
        code,
        source,
        personnel=personnel,
        operating=operating if rng.random() < 0.7 else ZERO,
        project=_amount(rng, unit) if has_project else ZERO,
    )


def _amount(rng: Random, unit: Decimal) -> Decimal:
    """From a few thousand yuan to some hundred million; mostly not a round number."""
    yuan = Decimal(rng.randrange(1, 100) * 10 ** rng.randrange(3, 7))
    return yuan if rng.random() < 0.3 else yuan + rng.randrange(1, 100_000) * unit


def _share(rng: Random, amount: Decimal, low: int, high: int, unit: Decimal) -> Decimal:
    return (amount * rng.randint(low, high) / 100 // unit) * unit


def _economic(rng: Random, lines: Sequence[Line], unit: Decimal) -> list[EconomicLine]:
    """T8: the general public basic expenditure of `lines`, split over economic sections."""
    ledger, economic = Ledger(lines), []
    for is_personnel, nature in ((True, Nature.PERSONNEL), (False, Nature.OPERATING)):
        total = ledger.amount("", [RevenueSource.GENERAL_PUBLIC_BUDGET], [nature])
        pool = [code for code in economic_sections() if is_personnel_code(code) == is_personnel]
        codes = sorted(rng.sample(pool, rng.randint(1, min(len(pool), 16))))
        amounts = allocate(total, [rng.randrange(1, 1000) for _ in codes], unit)
        economic += [EconomicLine(code, amount) for code, amount in zip(codes, amounts, strict=True) if amount]
    return economic


def _disclosures(rng: Random, economic: Sequence[EconomicLine], unit: Decimal) -> Disclosures:
    """Three-public figures not below their share of T8, agency operating expenses not above T8's operating total."""
    paid = {line.code: line.amount for line in economic}

    def at_least(code: str) -> Decimal:
        return paid.get(code, ZERO) + (Decimal(rng.randrange(1, 3000) * 100) if rng.random() < 0.5 else ZERO)

    purchase = Decimal(rng.randrange(1, 900) * 1000) if rng.random() < 0.3 else ZERO
    spent = ThreePublic(at_least("30212"), at_least("30217"), purchase, at_least("30231"))
    operating = sum((line.amount for line in economic if not is_personnel_code(line.code)), ZERO)
    return Disclosures(
        three_public=spent,
        three_public_before=spent if rng.random() < 0.5 else ThreePublic(official_reception=spent.official_reception),
        agency_operating=_share(rng, operating, 30, 100, unit) if rng.random() < 0.6 else ZERO,
        procurement_goods=Decimal(rng.randrange(0, 100_000) * 100),
        procurement_works=Decimal(rng.randrange(0, 100_000) * 100),
        procurement_services=Decimal(rng.randrange(0, 100_000) * 100),
        vehicles=rng.randrange(0, 40),
        vehicles_to_buy=rng.randrange(0, 4),
        equipment=rng.randrange(0, 5),
    )


def _publisher(rng: Random, seed: int, kind: PublisherKind | None) -> Publisher:
    kind = kind or rng.choice(list(PublisherKind))
    rest, topic = divmod(seed, len(TOPICS))
    number, place = divmod(rest, len(PLACES))
    serial = "第" + "".join(DIGITS[int(digit)] for digit in str(number)) if number else ""
    body = "事务局" if kind is PublisherKind.DEPARTMENT else "服务中心"
    return Publisher(f"{PLACES[place]}{serial}{TOPICS[topic]}{body}", kind, PLACES[place])


def _institutions(rng: Random, publisher: Publisher) -> list[Institution]:
    if publisher.kind is PublisherKind.UNIT:
        return []
    stem = publisher.name.removesuffix("事务局")
    centres = [Institution(f"{stem}{ordinal(number)}站", False) for number in range(1, rng.randrange(1, 6))]
    return [Institution(f"{publisher.name}本部", True), *centres]


def _projects(rng: Random, lines: Sequence[Line], names: dict[str, str], implementer: str) -> list[Project]:
    """Projects that make up all the project expenditure of up to three fiscal lines."""
    costs = {names[line.code]: line.project for line in lines if line.project and line.source in FISCAL_SOURCES}
    return [
        Project(f"{name}专项", implementer, list(_project_items(rng, cost)))
        for name, cost in sorted(costs.items())[: rng.randrange(0, 4)]
    ]


def _project_items(rng: Random, cost: Decimal) -> Iterator[ProjectItem]:
    kinds = ("委托服务费", "设备购置费", "宣传培训费")[: rng.randrange(1, 4)]
    for kind, amount in zip(kinds, allocate(cost, [rng.randrange(1, 9) for _ in kinds]), strict=True):
        yield ProjectItem(kind, amount)
