"""Whose error a broken identity is, on one row of T3 built with places on the page."""

from cnbudget.forms import BY_ID
from cnbudget.model import Box, Cause, Cell, FormId, Measure
from cnbudget.placement import Term, cause_of
from cnbudget.recognise import PrintedAmount, Statement, StatementRow

T3 = FormId.EXPENDITURE_SUMMARY
COLUMNS = (Measure.TOTAL, Measure.BASIC, Measure.PROJECT)
MIDDLE = {Measure.TOTAL: 100.0, Measure.BASIC: 200.0, Measure.PROJECT: 300.0}


def statement(amounts: dict[Measure, tuple[str, float]], *, bands: bool = True) -> dict[FormId, Statement]:
    """One row; amounts are measure -> (text, middle on the page)."""
    cells = [
        PrintedAmount(measure, None, text, Cell(3, 4, text, page=1, box=Box(x - 20, 50, x + 20, 60)))
        for measure, (text, x) in amounts.items()
    ]
    row = StatementRow(1, ("205", "", ""), {None: "教育支出"}, cells, 1)
    heads = {(1, measure): x for measure, x in MIDDLE.items()} if bands else {}
    return {T3: Statement(BY_ID[T3], "支出预算总表", [row], unit="元", pages=[1], bands=heads, measures=list(COLUMNS))}


def term(measure: Measure, sign: int) -> Term:
    return Term(T3.value, 1, None, measure.value, sign)


ROW = [term(Measure.TOTAL, 1), term(Measure.BASIC, -1), term(Measure.PROJECT, -1)]


def test_cause_of__every_column_filled_and_both_placements_agree_is_the_publisher() -> None:
    filled = statement({Measure.TOTAL: ("300", 110), Measure.BASIC: ("100", 210), Measure.PROJECT: ("150", 310)})
    assert cause_of(ROW, 50_000, 1500, filled) is Cause.PUBLISHER


def test_cause_of__a_number_nearer_to_another_header_proves_nothing() -> None:
    slipped = statement({Measure.TOTAL: ("300", 110), Measure.BASIC: ("100", 270), Measure.PROJECT: ("150", 310)})
    assert cause_of(ROW, 50_000, 1500, slipped) is Cause.UNKNOWN


def test_cause_of__without_header_places_proves_nothing() -> None:
    bare = statement(
        {Measure.TOTAL: ("300", 110), Measure.BASIC: ("100", 210), Measure.PROJECT: ("150", 310)}, bands=False
    )
    assert cause_of(ROW, 50_000, 1500, bare) is Cause.UNKNOWN


def test_cause_of__a_placement_that_would_add_up_is_our_misreading() -> None:
    shifted = statement({Measure.TOTAL: ("300", 110), Measure.BASIC: ("300", 210)})
    parent = [term(Measure.BASIC, 1)]  # its class prints no basic expenditure: off by these 300
    assert cause_of(parent, 300_000, 1500, shifted) is Cause.EXTRACTION


def test_cause_of__a_placement_that_mends_nothing_does_not_excuse() -> None:
    shifted = statement({Measure.TOTAL: ("300", 110), Measure.BASIC: ("300", 210)})
    assert cause_of([term(Measure.BASIC, 1)], 77_000, 1500, shifted) is Cause.PUBLISHER
