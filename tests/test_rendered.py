"""What the sample builder prints is what is read back, for drawn budgets of every kind and page layout."""

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cnbudget.parse import parse_documents
from samples.budget import Style
from samples.draw import ANY, Traits, draw_budget, draw_layout
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.truth import FACT_SCHEMA, expected_facts

KEY = ["form_id", "row_no", "measure"]
slow = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def assert_read_back(seed: int, n_items: int, traits: Traits = ANY, layout_seed: int | None = None) -> None:
    budget = draw_budget(seed, n_items, traits)
    document = render_pdf(printed(budget), draw_layout(seed if layout_seed is None else layout_seed))
    frames = parse_documents([("drawn.pdf", document)])
    state, reason = frames["documents"].select("state", "state_reason").row(0)
    assert state == "parsed", reason
    assert_frame_equal(
        frames["budget_facts"].select(list(FACT_SCHEMA)).sort(KEY),
        expected_facts(budget).sort(KEY),
        check_dtypes=False,
    )


@slow
@given(st.integers(0, 10**6), st.integers(1, 60))
def test_drawn_budgets__are_read_back_exactly(seed: int, n_items: int) -> None:
    assert_read_back(seed, n_items)


@pytest.mark.parametrize(("seed", "n_items"), [(37, 38), (95, 46)])
def test_drawn_budgets__a_grand_total_alone_on_its_page_is_read(seed: int, n_items: int) -> None:
    assert_read_back(seed, n_items)


def test_drawn_budgets__rounded_to_yuan_are_read_back() -> None:
    assert_read_back(5029, 59, Traits(style=Style(decimals=0), has_rounding=True), 29)


def test_drawn_budgets__of_one_batch_keep_apart() -> None:
    documents = [(f"{seed}.pdf", render_pdf(printed(draw_budget(seed, 8)))) for seed in range(4)]
    facts = parse_documents(documents)["budget_facts"]
    assert facts["document_id"].n_unique() == 4
    assert not facts.select(pl.col("fact_id").is_duplicated().any()).item()
