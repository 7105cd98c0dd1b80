from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
from polars.testing import assert_frame_equal

from cnbudget.results import frames_to_results, result_to_case, result_to_row, rows_to_frames
from cnbudget.schema import DATASETS, STAGED
from tests.lakes import staged_frames, together


def test_rows_to_frames__gives_back_the_frames_of_the_batch() -> None:
    frames = together([staged_frames("a"), staged_frames("b", state="unsupported"), staged_frames("c", 3)])
    results = frames_to_results(frames)
    assert list(results) == ["a", "b", "c"]
    back = rows_to_frames([result_to_row(data) for data in results.values()])
    assert list(back) == list(STAGED)
    for name in STAGED:
        assert_frame_equal(back[name], frames[name])


def test_result_to_case__stands_beside_the_datasets_where_there_is_one() -> None:
    cases = pl.DataFrame({"document_id": ["b"], "case": [b"kept"]})
    results = frames_to_results(together([staged_frames("a"), staged_frames("b")]) | {"cases": cases})
    assert {key: result_to_case(data) for key, data in results.items()} == {"a": None, "b": b"kept"}
    assert "cases" not in result_to_row(results["b"]).columns


def test_frames_to_results__the_same_rows_give_the_same_bytes() -> None:
    one, two = (frames_to_results(staged_frames("a"))["a"] for _ in range(2))
    assert one == two


def test_rows_to_frames__results_of_an_older_schema_are_read_with_nulls() -> None:
    old = staged_frames("a")
    old["budget_facts"] = old["budget_facts"].drop("cell_ref", "x0")
    file = pl.DataFrame([old[name].to_struct(name).implode() for name in ("documents", "budget_facts")])
    back = rows_to_frames([file, result_to_row(frames_to_results(staged_frames("b"))["b"])])
    assert back["budget_facts"]["document_id"].to_list() == ["a", "b"]
    assert back["budget_facts"]["cell_ref"].to_list() == [None, None]
    assert dict(back["budget_facts"].schema) == DATASETS["budget_facts"].polars_schema()
    assert back["findings"]["document_id"].to_list() == ["b"]


def test_frames_to_results__is_parquet_that_others_read(tmp_path: Path) -> None:
    path = tmp_path / "result.parquet"
    path.write_bytes(frames_to_results(staged_frames("a", 42))["a"])
    sql = f"SELECT amount_yuan FROM (SELECT unnest(budget_facts, recursive := true) FROM '{path}')"
    assert [int(amount) for (amount,) in duckdb.sql(sql).fetchall()] == [42]
