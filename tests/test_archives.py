"""Archives that are dropped: opened into documents of their own, whole and once, with their sources coming and going."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cnbudget.errors import StorageError
from cnbudget.model import DocumentState, RecognisedAs
from cnbudget.opening import parse_or_open
from cnbudget.parse import extractor_version
from cnbudget.results import result_to_row, rows_to_frames, split_members
from cnbudget.sandbox import Limits, Readers
from samples.draw import draw_budget
from samples.forms import printed
from samples.render_text import render_text
from tasks import stages
from tests.lakes import FailingBucket, drop, lake_at, land, read_latest, states
from warehouse.bucket import LocalBucket
from warehouse.journal import Decision
from warehouse.lake import Lake

ONE, TWO, THREE = (render_text(printed(draw_budget(seed, 2))) for seed in (1, 2, 3))


def zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(zipfile.ZipInfo(name, (2024, 1, 2, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def work_off(lake: Lake, read: stages.Read = parse_or_open) -> int:
    """Read, audit and publish until nothing is pending; how many documents were read."""
    n_read = 0
    while pending := lake.pending(extractor_version()):
        ids = stages.parse.fn(lake, read, extractor_version(), pending)
        stages.audit.fn(lake, extractor_version(), ids)
        n_read += len(ids)
    lake.publish()
    return n_read


def sources(lake: Lake) -> set[tuple[str, str, bool]]:
    """Name of each source, the first characters of its document, and whether it is gone."""
    rows = lake.query("SELECT source_uri, document_id, gone_at IS NOT NULL FROM document_sources").iter_rows()
    return {(uri.rpartition("/in/")[2], document_id[:6], is_gone) for uri, document_id, is_gone in rows}


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    return tmp_path / "in"


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    yield lake_at(tmp_path / "lake")


# What a reader makes of one


def opened(name: str, data: bytes) -> tuple[dict[str, Any], pl.DataFrame | None]:
    """The row of `documents` and the members in the result of one source."""
    (result,) = parse_or_open([(name, data)])
    plain, members = split_members(result)
    (document,) = rows_to_frames([result_to_row(plain)])["documents"].to_dicts()
    return document, members


def test_parse_or_open__an_archive_of_several_budgets() -> None:
    data = zipped({"甲/预算.txt": ONE, "乙.txt": TWO, "说明.txt": "说明".encode(), "__MACOSX/._乙.txt": b"x"})

    document, members = opened("all.zip", data)

    assert members is not None
    assert dict(members.select("member_name", "data").iter_rows()) == {
        "乙.txt": TWO,
        "甲/预算.txt": ONE,
        "说明.txt": "说明".encode(),
    }
    assert members["document_id"].to_list() == [sha(data)] * 3
    assert members["member_id"].to_list() == [sha(content) for content in members["data"]]
    assert (document["state"], document["recognised_as"]) == (DocumentState.OPENED, RecognisedAs.SEVERAL_BUDGETS)
    assert "its 3 members are documents of their own (乙.txt; 甲/预算.txt; 说明.txt)" in document["state_reason"]


def test_parse_or_open__results_in_the_order_of_the_sources() -> None:
    data = zipped({"甲.txt": ONE, "乙.txt": TWO})

    results = parse_or_open([("three.txt", THREE), ("all.zip", data), ("again.zip", data)])

    rows = [rows_to_frames([result_to_row(result)])["documents"].row(0, named=True) for result in results]
    assert [row["document_id"] for row in rows] == [sha(THREE), sha(data), sha(data)]
    assert [row["state"] for row in rows] == ["parsed", "opened", "opened"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("one.zip", zipped({"预算.txt": ONE, "附件.txt": b"x"}), None),
        ("slip.zip", zipped({"../a.txt": ONE, "b.txt": TWO}), "expected one inside the archive"),
        ("bomb.zip", zipped({"a.txt": ONE, "b.txt": TWO, "c.txt": b" " * 30_000_000}), "as in a ZIP bomb"),
        ("all.zip!/inner.zip", zipped({"a.txt": ONE, "b.txt": TWO}), "more than one budget in one file"),
        ("broken.zip", zipped({"a.txt": ONE, "b.txt": TWO})[:-30], "no readable ZIP structure"),
        ("deep.zip", zipped({"1.zip": zipped({"2.zip": zipped({"a.txt": ONE})})}), "nested too deep"),
    ],
    ids=["one budget", "leaves the archive", "bomb", "a member", "broken", "deep"],
)
def test_parse_or_open__stays_whole_and_says_why(name: str, data: bytes, reason: str | None) -> None:
    document, members = opened(name, data)

    assert members is None
    assert document["state"] == ("held" if reason else "parsed")
    assert (reason or "") in (document["state_reason"] or "")


def test_parse_or_open__names_that_a_chinese_packer_wrote() -> None:
    data = zipped({"aa.txt": ONE, "bb.txt": TWO}).replace(b"aa.txt", "甲".encode("gb18030") + b".txt")

    _, members = opened("all.zip", data)

    assert members is not None
    assert members["member_name"].to_list() == ["bb.txt", "甲.txt"]


# In the lake


def test_ingest__members_are_documents_of_their_own(lake: Lake, inbox: Path, tmp_path: Path) -> None:
    archive = drop(inbox, "2024/all.zip", zipped({"甲.txt": ONE, "子/乙.txt": TWO}))
    land(lake, inbox)

    assert work_off(lake) == 3

    assert states(lake) == {archive: "opened", sha(ONE): "published", sha(TWO): "published"}
    names = dict(lake.documents().select("document_id", "file_name").iter_rows())
    assert names == {archive: "all.zip", sha(ONE): "all.zip!/甲.txt", sha(TWO): "all.zip!/子/乙.txt"}
    assert sources(lake) == {
        ("2024/all.zip", archive[:6], False),
        ("2024/all.zip!/甲.txt", sha(ONE)[:6], False),
        ("2024/all.zip!/子/乙.txt", sha(TWO)[:6], False),
    }
    balance = lake.balance()
    assert balance.is_balanced
    assert (balance.n_listed, dict(balance.objects)) == (1, {"landed": 1})
    assert dict(balance.documents) == {"opened": 1, "published": 2}
    assert set(read_latest(tmp_path / "lake", "budget_facts")["document_id"]) == {sha(ONE), sha(TWO)}
    assert read_latest(tmp_path / "lake", "documents").height == 3
    assert read_latest(tmp_path / "lake", "document_sources").height == 3


def test_ingest__again_does_nothing_and_a_rebuilt_store_says_the_same(lake: Lake, inbox: Path, tmp_path: Path) -> None:
    drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    land(lake, inbox)
    work_off(lake)
    before, head = (states(lake), sources(lake)), lake.head()

    land(lake, inbox)
    assert (work_off(lake), lake.head()) == (0, head)

    other = lake_at(tmp_path / "lake", store="rebuilt.duckdb")
    other.rebuild()
    assert (states(other), sources(other)) == before
    assert other.balance().is_balanced


def test_ingest__a_member_that_lies_loose_as_well_is_one_document(lake: Lake, inbox: Path) -> None:
    archive = drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    drop(inbox, "甲 2024.txt", ONE)
    land(lake, inbox)
    work_off(lake)

    assert states(lake) == {archive: "opened", sha(ONE): "published", sha(TWO): "published"}
    of_one = {name for name, document, _ in sources(lake) if document == sha(ONE)[:6]}
    assert of_one == {"all.zip!/甲.txt", "甲 2024.txt"}
    assert lake.balance().is_balanced


def test_ingest__an_archive_that_goes_takes_the_sources_of_its_members_along(lake: Lake, inbox: Path) -> None:
    drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    land(lake, inbox)
    work_off(lake)
    (inbox / "all.zip").unlink()
    land(lake, inbox)

    assert {is_gone for _, _, is_gone in sources(lake)} == {True}
    assert states(lake)[sha(ONE)] == "published"
    assert lake.balance().is_balanced

    drop(inbox, "elsewhere.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    land(lake, inbox)
    assert work_off(lake) == 0
    here = {name for name, _, is_gone in sources(lake) if not is_gone}
    assert here == {"elsewhere.zip", "elsewhere.zip!/甲.txt", "elsewhere.zip!/乙.txt"}
    assert lake.balance().is_balanced


def test_ingest__an_archive_that_went_before_it_was_read_is_read(lake: Lake, inbox: Path) -> None:
    drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    land(lake, inbox)
    (inbox / "all.zip").unlink()
    land(lake, inbox)
    work_off(lake)

    assert states(lake)[sha(ONE)] == states(lake)[sha(TWO)] == "published"
    assert {is_gone for _, _, is_gone in sources(lake)} == {True}
    assert lake.balance().is_balanced


def test_ingest__an_archive_that_is_written_over(lake: Lake, inbox: Path) -> None:
    drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}), day=1)
    land(lake, inbox)
    work_off(lake)
    drop(inbox, "all.zip", zipped({"甲.txt": ONE, "丙.txt": THREE}), day=2)
    land(lake, inbox)
    work_off(lake)

    here = {name for name, _, is_gone in sources(lake) if not is_gone}
    assert here == {"all.zip", "all.zip!/甲.txt", "all.zip!/丙.txt"}
    assert [states(lake)[sha(data)] for data in (ONE, TWO, THREE)] == ["published"] * 3
    assert lake.balance().is_balanced


@pytest.mark.parametrize("n_writes", range(12))
def test_ingest__killed_at_any_write_is_finished_by_the_next(tmp_path: Path, inbox: Path, n_writes: int) -> None:
    archive = drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    home = tmp_path / "lake"
    land(lake_at(home), inbox)
    killed = FailingBucket(LocalBucket(home), n_writes)
    with pytest.raises(StorageError, match="killed"):
        work_off(lake_at(home, bucket=killed))

    lake = lake_at(home)
    work_off(lake)

    assert states(lake) == {archive: "opened", sha(ONE): "published", sha(TWO): "published"}
    assert len(sources(lake)) == 3
    assert lake.balance().is_balanced


def test_retry__reads_an_opened_archive_again(lake: Lake, inbox: Path) -> None:
    archive = drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    land(lake, inbox)
    work_off(lake)
    before = states(lake), sources(lake)

    lake.decide([archive], Decision.RETRY, reason="look again")

    assert work_off(lake) == 1
    assert (states(lake), sources(lake)) == before


def test_ingest__an_archive_inside_an_archive_is_opened_with_it_and_no_deeper(lake: Lake, inbox: Path) -> None:
    innermost = zipped({"丙.txt": THREE, "丁.txt": TWO})
    inner = zipped({"乙.txt": TWO, "丙丁.zip": innermost})
    drop(
        inbox, "all.zip", zipped({"甲.txt": ONE, "街镇.zip": zipped({"乙.txt": TWO, "丙.txt": THREE}), "深.zip": inner})
    )
    land(lake, inbox)
    work_off(lake)

    names = {name for name, _, _ in sources(lake)}
    assert {"all.zip!/街镇.zip/乙.txt", "all.zip!/街镇.zip/丙.txt", "all.zip!/甲.txt"} <= names
    assert not any("丙丁.zip/" in name for name in names)
    assert lake.balance().is_balanced


def test_keep_members__leaves_the_result_without_them(lake: Lake) -> None:
    data = zipped({"甲.txt": ONE, "乙.txt": TWO})
    (result,) = parse_or_open([("all.zip", data)])

    kept = lake.keep_members(sha(data), result, "x1")

    assert split_members(kept) == (kept, None)
    assert len(kept) < len(result) - len(ONE) // 3
    manifest = json.loads(lake.bucket.read(f"staged/x1/{sha(data)}/members.json") or b"")
    assert manifest == [["乙.txt", sha(TWO), len(TWO)], ["甲.txt", sha(ONE), len(ONE)]]
    assert lake.bucket.read(f"staged/x1/{sha(data)}/members/{sha(ONE)}") == ONE
    assert lake.read_landed([sha(ONE)]) == {}, "they land with the verdict"


def test_readers__open_archives_in_a_child_and_hold_what_takes_too_much(inbox: Path, tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "lake")
    archive = drop(inbox, "all.zip", zipped({"甲.txt": ONE, "乙.txt": TWO}))
    slip = drop(inbox, "slip.zip", zipped({"../../etc/甲.txt": ONE, "乙.txt": TWO}))
    land(lake, inbox)

    with Readers(1, Limits(seconds=30)) as readers:
        work_off(lake, readers.parse)

    assert states(lake) == {archive: "opened", sha(ONE): "published", sha(TWO): "published", slip: "held"}
    assert not list(tmp_path.rglob("etc"))
