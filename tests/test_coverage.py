"""Coverage: expected publishers beside the documents that are there."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cnbudget.coverage import STATUSES, coverage, read_expected
from cnbudget.errors import SettingsError
from cnbudget.publishers import publisher_id
from tests.lakes import staged_frames, together

HEADER = "jurisdiction_code,publisher_name,publisher_kind,fiscal_year\n"


def expected_of(tmp_path: Path, *lines: str) -> pl.DataFrame:
    file = tmp_path / "expected.csv"
    file.write_text(HEADER + "".join(f"{line}\n" for line in lines), "utf-8-sig")
    return read_expected(file)


def document(name: str | None, state: str, *, document_id: str, **columns: object) -> pl.DataFrame:
    code = str(columns.get("jurisdiction_code", "310117"))
    known = {"publisher_name": name, "publisher_id": publisher_id(name, code) if name else None, "state": state}
    return staged_frames(document_id, **(known | columns))["documents"]


def documents_of(*frames: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([together([staged_frames("x")])["documents"].clear(), *frames])


def statuses(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("publisher_name", "status").iter_rows())


def test_coverage__who_has_published_who_has_not_and_who_is_held(tmp_path: Path) -> None:
    lines = [f"310117,云川区{name}局,department,2024" for name in ("财政", "教育", "水务", "民政")]
    documents = documents_of(
        document("云川区财政局", "published", document_id="a", is_current=True),
        document("云川区教育局", "held", document_id="b", state_reason="a sum is wrong"),
        document("云川区水务局", "unsupported", document_id="c"),
    )
    found = coverage(expected_of(tmp_path, *lines), documents)
    assert statuses(found) == {
        "云川区财政局": "published",
        "云川区教育局": "held",
        "云川区水务局": "unsupported",
        "云川区民政局": "missing",
    }
    held = found.row(by_predicate=pl.col("status") == "held", named=True)
    assert (held["document_id"], held["state_reason"], held["n_documents"]) == ("b", "a sum is wrong", 1)


@pytest.mark.parametrize(
    "spelling", ["松江区财政局", "上海市松江区财政局", "上海市松江区财政局（部门）", " 上海市松江区 财政局"]
)
def test_coverage__spellings_of_a_name_are_one_publisher(tmp_path: Path, spelling: str) -> None:
    documents = documents_of(document("上海市松江区财政局", "published", document_id="a"))
    found = coverage(expected_of(tmp_path, f"310117,{spelling},department,2024"), documents)
    assert found["status"].to_list() == ["published"]


def test_coverage__another_edition_year_stage_or_place_is_not_the_expected_one(tmp_path: Path) -> None:
    documents = documents_of(
        document("某某局", "published", document_id="unit", publisher_kind="unit"),
        document("某某局", "published", document_id="year", fiscal_year=2023),
        document("某某局", "published", document_id="place", jurisdiction_code="310104"),
        document("某某局", "unsupported", document_id="final", stage="final_accounts"),
    )
    found = coverage(expected_of(tmp_path, "310117,某某局,department,2024"), documents)
    assert found.filter(status="missing")["publisher_name"].to_list() == ["某某局"]
    assert sorted(found.filter(status="unexpected")["document_id"].to_list()) == ["place", "unit", "year"]


def test_coverage__the_best_document_decides(tmp_path: Path) -> None:
    documents = documents_of(
        document("某某局", "held", document_id="a"),
        document("某某局", "superseded", document_id="b"),
        document("某某局", "published", document_id="c", is_current=True),
    )
    (row,) = coverage(expected_of(tmp_path, "310117,某某局,department,2024"), documents).iter_rows(named=True)
    assert (row["status"], row["document_id"], row["n_documents"]) == ("published", "c", 3)


def test_coverage__documents_of_unknown_publishers_stay_apart_and_are_named(tmp_path: Path) -> None:
    documents = documents_of(document(None, "held", document_id="a"), document(None, "held", document_id="b"))
    found = coverage(expected_of(tmp_path), documents)
    assert found.select("document_id", "status").rows() == [("a", "unexpected"), ("b", "unexpected")]


def test_coverage__the_columns_are_the_same_with_nothing_there(tmp_path: Path) -> None:
    some = coverage(expected_of(tmp_path, "310117,某某局,department,2024"), documents_of())
    assert some["status"].to_list() == ["missing"]
    assert coverage(expected_of(tmp_path), documents_of()).schema == some.schema
    assert set(some["status"]) <= set(STATUSES)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("31011,某局,department,2024", "expected.csv:2: jurisdiction_code '31011'; expected six digits"),
        ("310117,,department,2024", "expected.csv:2: no publisher_name"),
        ("310117,某局,bureau,2024", "publisher_kind 'bureau'; expected department or unit"),
        ("310117,某局,unit,next", "fiscal_year 'next'; expected a year"),
        ("310117,某局", "publisher_kind ''"),
    ],
)
def test_read_expected__a_senseless_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message.replace(".", r"\.")):
        expected_of(tmp_path, line)


def test_read_expected__not_such_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("name,year\nx,2024\n")
    (tmp_path / "b.csv").write_bytes("名称".encode("gb18030"))
    with pytest.raises(SettingsError, match="columns found: name, year; expected: jurisdiction_code"):
        read_expected(tmp_path / "a.csv")
    with pytest.raises(SettingsError, match="expected a CSV file in UTF-8"):
        read_expected(tmp_path / "b.csv")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_expected(tmp_path / "c.csv")


def test_read_expected__a_line_that_repeats_another_is_one(tmp_path: Path) -> None:
    expected = expected_of(tmp_path, "310117,松江区财政局,unit,2024", "310117,上海市松江区财政局,unit,2024")
    assert expected["publisher_name"].to_list() == ["松江区财政局"]
