"""Numbers as a spreadsheet shows them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnbudget.reading.number_format import UnknownFormat, number_to_text, stored_to_decimal
from tests.office_files import ACCOUNTING


@pytest.mark.parametrize(
    ("stored", "code", "shown"),
    [
        ("31214205.800000001", "#,##0.00", "31,214,205.80"),
        ("31214205.800000001", "General", "31214205.8"),
        ("31214205.8", "0", "31214206"),
        ("31214205.8", "0.00", "31214205.80"),
        ("31214205.8", "#,##0", "31,214,206"),
        ("31214205.8", ACCOUNTING, "31,214,205.80"),
        ("-31214205.8", ACCOUNTING, "-31,214,205.80"),
        ("0", ACCOUNTING, "-"),
        ("0", "#,##0.00", "0.00"),
        ("0", "#,##0.00;-#,##0.00;;", ""),
        ("-5", "#,##0.00_);(#,##0.00)", "(5.00)"),
        ("2.675", "0.00", "2.68"),
        ("0.30000000000000004", "General", "0.3"),
        ("2502032850.55", "General", "2502032850.55"),
        ("1154.9255146", "General", "1154.925515"),
        ("31214205.8", "0!.0,", "3121.4"),
        ("1234567", '[$¥-804]#,##0.00"元"', "¥1,234,567.00元"),
        ("8", "[红色]000", "008"),
        ("0.125", "0.0%", "12.5%"),
        ("45323", 'yyyy"年"m"月"', "2024年2月"),
        ("45323.5", "yyyy/mm/dd hh:mm", "2024/02/01 12:00"),
        ("5", ";;;", ""),
    ],
)
def test_number_to_text__as_excel_shows_it(stored: str, code: str, shown: str) -> None:
    value = stored_to_decimal(stored)
    assert value is not None
    assert number_to_text(value, code) == shown


@pytest.mark.parametrize("code", ["# ?/?", "0.00E+00", "[>=10000]0;0.0", "dddd"])
def test_number_to_text__unknown_format_is_not_guessed(code: str) -> None:
    with pytest.raises(UnknownFormat):
        number_to_text(Decimal("1.5"), code)


@given(cents=st.integers(-(10**14), 10**14))
def test_number_to_text__every_amount_comes_back_from_its_double(cents: int) -> None:
    amount = Decimal(cents) / 100
    value = stored_to_decimal(f"{float(amount):.17g}")
    assert value is not None
    assert Decimal(number_to_text(value, "#,##0.00").replace(",", "")) == amount
    assert Decimal(number_to_text(value, "General")) == amount
