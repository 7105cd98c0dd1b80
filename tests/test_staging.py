from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cnbudget.schema import DATASETS, STAGED
from tests.lakes import staged_frames, together
from warehouse.staging import case_of_file, facts_digests, from_file, from_staged, staged_key, to_file, to_staged


def test_staged_key__names_version_and_document() -> None:
    assert staged_key("d", "x1") == "staged/x1/d/result.parquet"


def test_from_staged__gives_back_the_frames_of_the_batch() -> None:
    frames = together([staged_frames("a"), staged_frames("b", state="unsupported"), staged_frames("c", 3)])
    files = {document_id: to_file(parts) for document_id, parts in to_staged(frames).items()}
    assert list(files) == ["a", "b", "c"]
    back = from_staged([from_file(data) for data in files.values()])
    assert list(back) == list(STAGED)
    for name in STAGED:
        assert_frame_equal(back[name], frames[name])


def test_case_of_file__stands_beside_the_datasets_where_there_is_one() -> None:
    cases = pl.DataFrame({"document_id": ["b"], "case": [b"kept"]})
    files = [
        to_file(parts)
        for parts in to_staged(together([staged_frames("a"), staged_frames("b")]) | {"cases": cases}).values()
    ]
    assert [case_of_file(data) for data in files] == [None, b"kept"]
    assert "cases" not in from_file(files[1]).columns


def test_to_file__the_same_rows_give_the_same_bytes() -> None:
    one, two = (to_file(to_staged(staged_frames("a"))["a"]) for _ in range(2))
    assert one == two


def test_from_staged__results_of_an_older_schema_are_read_with_nulls() -> None:
    old = staged_frames("a")
    old["budget_facts"] = old["budget_facts"].drop("cell_ref", "x0")
    file = pl.DataFrame([old[name].to_struct(name).implode() for name in ("documents", "budget_facts")])
    back = from_staged([file, from_file(to_file(to_staged(staged_frames("b"))["b"]))])
    assert back["budget_facts"]["document_id"].to_list() == ["a", "b"]
    assert back["budget_facts"]["cell_ref"].to_list() == [None, None]
    assert dict(back["budget_facts"].schema) == DATASETS["budget_facts"].polars_schema()
    assert back["findings"]["document_id"].to_list() == ["b"]


def test_to_file__is_parquet_that_others_read(tmp_path: Path) -> None:
    path = tmp_path / "result.parquet"
    path.write_bytes(to_file(to_staged(staged_frames("a", 42))["a"]))
    sql = f"SELECT amount_yuan FROM (SELECT unnest(budget_facts, recursive := true) FROM '{path}')"
    assert [int(amount) for (amount,) in duckdb.sql(sql).fetchall()] == [42]


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
