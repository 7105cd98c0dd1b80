from __future__ import annotations

import polars as pl
import pytest

from tests.lakes import staged_frames
from warehouse.staging import facts_digests, staged_key


def test_staged_key__names_version_and_document() -> None:
    assert staged_key("d", "x1") == "staged/x1/d/result.parquet"


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"page": 3, "row_label": "other spelling", "cell_ref": "A!B2"}, True),
        ({"amount_yuan": 101}, False),
        ({"functional_code": "2080102"}, False),
        ({"functional_code": None}, False),
        ({"measure": "basic"}, False),
    ],
)
def test_facts_digests__speak_of_figures_and_not_of_places(change: dict[str, object], is_same: bool) -> None:
    facts = staged_frames("a")["budget_facts"]
    schema = facts.schema
    changed = facts.with_columns(pl.lit(value).cast(schema[name]).alias(name) for name, value in change.items())
    assert (facts_digests(facts) == facts_digests(changed)) is is_same


def test_facts_digests__do_not_depend_on_the_order_or_the_document() -> None:
    facts = staged_frames("a")["budget_facts"]
    two = pl.concat([facts, facts.with_columns(measure=pl.lit("basic"))])
    other = two.reverse().with_columns(document_id=pl.lit("b"))
    assert facts_digests(two)["a"] == facts_digests(other)["b"]
