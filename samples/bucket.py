"""The sample bucket: documents as they arrive, good and bad, and what should become of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from cnbudget.model import DocumentState, FormId, Measure, PublisherKind, RevenueSource
from samples import strangers
from samples.budget import (
    FISCAL_SOURCES,
    ZERO,
    Budget,
    Disclosures,
    EconomicLine,
    Ledger,
    Line,
    Misprint,
    Nature,
    Publisher,
    Style,
    ThreePublic,
    allocate,
    is_personnel_code,
)
from samples.content import Content, grouped
from samples.draw import Traits, draw_budget, draw_layout
from samples.forms import counted_rows, printed, printed_forms
from samples.load import load_budget
from samples.render_pdf import DEFAULT_LAYOUT, Continuation, PageLayout, render_pdf
from samples.render_text import render_text
from samples.render_xlsx import render_xlsx

YEAR_BEFORE_AT = datetime(2023, 2, 6, 1, 30, tzinfo=UTC)
PUBLISHED_AT = datetime(2024, 2, 5, 1, 30, tzinfo=UTC)
REVISED_AT = datetime(2024, 3, 20, 6, 0, tzinfo=UTC)
UNIT_CODES = ("2080101", "2080102", "2080501", "2080505", "2080506", "2101101", "2210201", "2210203")


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of the bucket: its bytes, its last-modified time, and the state that its document should end in.

    `budget` gives the model behind it, for `expected_facts`; null where the file is no budget of the nine forms, or
    is broken.
    """

    file_name: str
    state: DocumentState
    reason: str
    document: Callable[[], bytes]
    modified_at: datetime = PUBLISHED_AT
    budget: Callable[[], Budget] | None = None


def city() -> Budget:
    """The budget of a department of the city, in whole yuan, its narrative by class."""
    return load_budget("city")


def district() -> Budget:
    """The budget of a department of a district, to the fen, its narrative by item."""
    return load_budget("district")


def district_revised() -> Budget:
    """`district` as published again in March: one project more expensive, one cheaper."""
    changes = {"2080107": Decimal(1_500_000), "2080108": Decimal(-95_300)}
    budget = district()
    lines = [replace(line, project=line.project + changes.get(line.code, ZERO)) for line in budget.lines]
    return replace(budget, lines=lines, month=3)


def city_before() -> Budget:
    """The city's department a year before, as its budget of 2024 states it."""
    budget = city()
    return _year_before(budget, budget.fiscal_before, Decimal(1))


def district_before() -> Budget:
    """The district's a year before: its budget of 2024 states 1,200,000 yuan less for that year than this one prints."""
    budget = district()
    return _year_before(budget, budget.fiscal_before + 1_200_000, Decimal("0.01"))


def district_unit() -> Budget:
    """The unit edition of the district's body: its own part (本部) of the department's budget, in the wide layout."""
    department = district()
    share = Decimal("0.6")
    lines = [_scaled(line, share) for line in department.lines if line.code in UNIT_CODES]
    lines = [line for line in lines if line.source is RevenueSource.GENERAL_PUBLIC_BUDGET]
    return replace(
        department,
        publisher=Publisher(department.publisher.name, PublisherKind.UNIT, department.publisher.jurisdiction),
        lines=lines,
        economic=_economic_for(lines, department.economic),
        disclosures=Disclosures(
            three_public=ThreePublic(official_reception=Decimal(21_000), vehicle_operation=Decimal(20_000)),
            three_public_before=ThreePublic(official_reception=Decimal(21_000), vehicle_operation=Decimal(23_500)),
            agency_operating=sum((line.operating for line in lines), ZERO),
            procurement_goods=Decimal(430_000),
            vehicles=2,
        ),
        institutions=(),
        projects=(),
        fiscal_before=Ledger(lines).amount(),
        style=replace(department.style, is_wide=True),
    )


def own_revenue_unit() -> Budget:
    """A drawn unit with public service and other revenue and a government fund, zeros printed."""
    style = Style(decimals=0, is_wide=True, are_zeros_printed=True)
    traits = Traits(PublisherKind.UNIT, 2024, style, True, False, True, True, False, has_bare_sections=True)
    return draw_budget(27, 18, traits)


def wrong_total_unit() -> Budget:
    """A drawn unit whose expenditure summary prints a total that is 900,000 yuan above its parts."""
    budget = draw_budget(41, 12, Traits(PublisherKind.UNIT, 2024, Style(decimals=0)))
    form = next(form for form in printed_forms(budget) if form.form_id is FormId.EXPENDITURE_SUMMARY)
    row_no, row = list(counted_rows(form))[-1]
    printed_total = Decimal(row.cells[row.figures[0].column].replace(",", ""))
    wrong = Misprint(FormId.EXPENDITURE_SUMMARY, row_no, Measure.TOTAL, grouped(printed_total + 900_000, 0))
    return replace(budget, misprints=[wrong])


def wrong_narrative_department() -> Budget:
    """A drawn department whose narrative states ten times the amount of its first account."""
    budget = draw_budget(63, 16, Traits(PublisherKind.DEPARTMENT, 2024, Style()))
    code = budget.lines[0].code
    return replace(budget, misstatements={code: Ledger(budget.lines).amount(code) * 10})


def _pdf(build: Callable[[], Budget], layout: PageLayout = DEFAULT_LAYOUT) -> Callable[[], bytes]:
    return lambda: render_pdf(printed(build()), layout)


def _stranger(build: Callable[[], Content]) -> Callable[[], bytes]:
    return lambda: render_pdf(build())


def _truncated() -> bytes:
    document = render_pdf(printed(draw_budget(88, 10, Traits(year=2024))))
    return document[: len(document) // 3]


NARROWER = PageLayout(Continuation.NARROWER, name_share=0.6)
BARE = PageLayout(Continuation.BARE, is_total_alone=True, has_page_numbers=True, has_leaders=False)

SAMPLES: Sequence[Sample] = (
    Sample(
        "上海市民生保障与人才事务局2023年部门预算.pdf",
        DocumentState.PUBLISHED,
        "the city's department a year before: what changed since shows in the marts",
        _pdf(city_before),
        modified_at=YEAR_BEFORE_AT,
        budget=city_before,
    ),
    Sample(
        "上海市云川区民生保障与人才事务局2023年部门预算.pdf",
        DocumentState.PUBLISHED,
        "the district's a year before, which the budget of 2024 restates",
        _pdf(district_before, NARROWER),
        modified_at=YEAR_BEFORE_AT,
        budget=district_before,
    ),
    Sample(
        "上海市民生保障与人才事务局2024年部门预算.pdf",
        DocumentState.PUBLISHED,
        "a department of the city; every identity holds",
        _pdf(city),
        budget=city,
    ),
    Sample(
        "上海市民生保障与人才事务局2024年部门预算.txt",
        DocumentState.PUBLISHED,
        "another rendition of the city's department: same figures as the PDF, so no revision",
        lambda: render_text(printed(city())),
        budget=city,
    ),
    Sample(
        "上海市云川区民生保障与人才事务局2024年部门预算.pdf",
        DocumentState.SUPERSEDED,
        "a department of a district; replaced by the revision of March",
        _pdf(district, NARROWER),
        budget=district,
    ),
    Sample(
        "上海市云川区民生保障与人才事务局2024年部门预算（更新）.pdf",
        DocumentState.PUBLISHED,
        "the revision: same budget, later, with changed figures",
        _pdf(district_revised, NARROWER),
        modified_at=REVISED_AT,
        budget=district_revised,
    ),
    Sample(
        "上海市云川区民生保障与人才事务局2024年单位预算.pdf",
        DocumentState.PUBLISHED,
        "the unit edition of the same body: another budget, not a revision",
        _pdf(district_unit),
        budget=district_unit,
    ),
    Sample(
        "上海市云川区民生保障与人才事务局2024年单位预算.xlsx",
        DocumentState.PUBLISHED,
        "another rendition of the unit edition: a workbook with the same figures as the PDF",
        lambda: render_xlsx(printed(district_unit())),
        budget=district_unit,
    ),
    Sample(
        "2024年单位预算公开.pdf",
        DocumentState.PUBLISHED,
        "a unit with revenue of its own and a government fund; tables continue without headers",
        _pdf(own_revenue_unit, BARE),
        budget=own_revenue_unit,
    ),
    Sample(
        "单位预算2024（合计有误）.pdf",
        DocumentState.HELD,
        "the total of the expenditure summary does not add up",
        _pdf(wrong_total_unit),
        budget=wrong_total_unit,
    ),
    Sample(
        "部门预算2024（说明有误）.pdf",
        DocumentState.PUBLISHED,
        "the narrative contradicts a table: published, with a finding",
        _pdf(wrong_narrative_department, BARE),
        budget=wrong_narrative_department,
    ),
    Sample(
        "临溪市商务促进局2024年部门预算.pdf",
        DocumentState.UNSUPPORTED,
        "a budget in the layout of another city",
        _stranger(strangers.other_city_budget),
    ),
    Sample(
        "2023年度部门决算.pdf",
        DocumentState.UNSUPPORTED,
        "final accounts, not a budget",
        _stranger(strangers.final_accounts),
    ),
    Sample(
        "会议通知.pdf",
        DocumentState.REJECTED,
        "not a budget at all",
        _stranger(strangers.meeting_notice),
    ),
    Sample("损坏的文件.pdf", DocumentState.HELD, "a PDF cut off in the middle: it cannot be read", _truncated),
)
"""The bucket, in order of arrival of each publisher's documents."""


def build(directory: Path) -> list[Path]:
    """Write the sample bucket into `directory` (made where missing), with its last-modified times; the same bytes."""
    return [_write(directory / sample.file_name, sample.document(), sample.modified_at) for sample in SAMPLES]


def draw(directory: Path, count: int, seed: int = 0, n_items: int = 24, *, is_text: bool = False) -> list[Path]:
    """Write `count` drawn budgets of different publishers into `directory`; the n-th is `draw_budget(seed + n)`."""
    paths = []
    for number in range(seed, seed + count):
        budget = draw_budget(number, n_items)
        content = printed(budget)
        document = render_text(content) if is_text else render_pdf(content, draw_layout(number))
        name = f"{number:06}-{budget.publisher.name}{budget.year}年预算.{'txt' if is_text else 'pdf'}"
        paths.append(_write(directory / name, document, PUBLISHED_AT))
    return paths


def _write(path: Path, document: bytes, modified_at: datetime) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document)
    os.utime(path, (modified_at.timestamp(), modified_at.timestamp()))
    return path


def _year_before(budget: Budget, fiscal: Decimal, unit: Decimal) -> Budget:
    """A budget of the year before with a fiscal appropriation of so much: less for personnel, more for operating, and
    without the last account that has projects alone."""
    late = [line for line in budget.lines if not line.personnel and not line.operating][-1]
    own = [line for line in budget.lines if line.source not in FISCAL_SOURCES]
    lines = [line for line in budget.lines if line is not late and line not in own]
    weights = [w for line in lines for w in (line.personnel * 9, line.operating * 11, line.project * 10)]
    amounts = iter(allocate(fiscal, weights, unit))
    lines = [Line(line.code, line.source, next(amounts), next(amounts), next(amounts)) for line in lines]
    general = [line for line in lines if line.source is RevenueSource.GENERAL_PUBLIC_BUDGET]
    now = budget.disclosures
    return replace(
        budget,
        year=budget.year - 1,
        lines=[*lines, *own],
        economic=_capped(
            _economic_for(general, budget.economic),
            {"30217": now.three_public_before.official_reception, "30231": now.three_public_before.vehicle_operation},
        ),
        disclosures=replace(
            now,
            three_public=now.three_public_before,
            three_public_before=now.three_public_before,
            agency_operating=_tenth(now.agency_operating * 9),
        ),
        projects=[
            replace(each, items=[replace(item, amount=_tenth(item.amount * 9)) for item in each.items])
            for each in budget.projects[1:]
        ],
        fiscal_before=_tenth(fiscal * 9),
    )


def _capped(economic: Sequence[EconomicLine], caps: Mapping[str, Decimal]) -> list[EconomicLine]:
    """The sections with no more than `caps` in some; what is above goes to 办公费 (30201)."""
    capped = [replace(line, amount=min(line.amount, caps.get(line.code, line.amount))) for line in economic]
    above = sum((line.amount for line in economic), ZERO) - sum((line.amount for line in capped), ZERO)
    return [replace(line, amount=line.amount + (above if line.code == "30201" else ZERO)) for line in capped]


def _tenth(amount: Decimal) -> Decimal:
    return (amount / 10).quantize(Decimal(1000))


def _scaled(line: Line, share: Decimal) -> Line:
    fen = Decimal("0.01")
    amounts = ((amount * share).quantize(fen) for amount in (line.personnel, line.operating, line.project))
    return Line(line.code, line.source, *amounts)


def _economic_for(lines: Sequence[Line], pattern: Sequence[EconomicLine]) -> list[EconomicLine]:
    """T8 for `lines`, in the proportions of `pattern`."""
    economic = []
    for is_personnel, nature in ((True, Nature.PERSONNEL), (False, Nature.OPERATING)):
        part = [line for line in pattern if is_personnel_code(line.code) == is_personnel]
        amounts = allocate(sum((line.amount(nature) for line in lines), ZERO), [line.amount for line in part])
        economic += [EconomicLine(line.code, amount) for line, amount in zip(part, amounts, strict=True)]
    return economic
