from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnbudget import money


@pytest.mark.parametrize(
    ("printed", "amount"),
    [
        ("9,501,164", "9501164"),
        ("31,214,205.80", "31214205.80"),
        ("128138,600", "128138600"),
        ("０", "0"),
        ("1,234．50", "1234.50"),
        ("-12.5", "-12.5"),
        ("（12.50）", "-12.50"),
        ("9,501,\n164", "9501164"),
    ],
)
def test_parse_amount__reads_what_is_printed(printed: str, amount: str) -> None:
    assert money.parse_amount(printed) == Decimal(amount)


@pytest.mark.parametrize("printed", ["", "-", "无", "294.4044.00", "1 000", "100\n200", "12元", "1,000)", "."])
def test_parse_amount__is_none_for_what_is_not_one_number(printed: str) -> None:
    assert money.parse_amount(printed) is None


def test_to_yuan__of_ten_thousands_is_exact() -> None:
    assert money.to_yuan(Decimal("1156.59"), "万元") == Decimal("11565900")


@pytest.mark.parametrize(
    ("printed", "unit", "half"), [("9,501,164", "元", "0.5"), ("0.95", "万元", "50"), ("31.80", "元", "0.005")]
)
def test_half_unit__is_half_of_the_last_printed_digit(printed: str, unit: str, half: str) -> None:
    assert money.half_unit(printed, unit) == Decimal(half)


@given(st.decimals(min_value=0, max_value=10**12, places=2))
def test_parse_amount__reverses_printing(amount: Decimal) -> None:
    assert money.parse_amount(f"{amount:,.2f}") == amount


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_milli_to_yuan__keeps_whole_fen(fen: int) -> None:
    frame = pl.DataFrame({"milli": [fen * 10]}, schema={"milli": pl.Int64})
    assert frame.select(money.milli_to_yuan("milli")).item() == Decimal(fen) / 100


def test_key__folds_width_space_and_quotes() -> None:
    assert money.key("2024年部门 “三公”经费（境）") == money.key('2024年部门"三公"经费(境)')
