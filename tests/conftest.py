"""Budgets of our own that many tests read."""

from __future__ import annotations

import pytest

from samples.bucket import city, district, district_unit
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.render_text import render_text


@pytest.fixture(scope="session")
def sample_budgets() -> list[tuple[str, bytes]]:
    """Two departments and a unit, as (file name, PDF or text)."""
    return [
        ("city.pdf", render_pdf(printed(city()))),
        ("district.txt", render_text(printed(district()))),
        ("unit.pdf", render_pdf(printed(district_unit()))),
    ]


@pytest.fixture(scope="session")
def budget_text() -> str:
    """One balanced department budget as tab-separated text, to be damaged by tests."""
    return render_text(printed(city())).decode()
