"""Releases: immutable, checksummed, told apart from the one before, made anew byte for byte, whole or not there."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import boto3
import polars as pl
import pytest

from cnbudget.errors import ReleaseRefused, SchemaRefused, StorageError
from cnbudget.schema import versions
from flows.__main__ import main
from tests.lakes import FailingBucket, drop, ingest, lake_at, staged_frames
from warehouse.bucket import LocalBucket, open_bucket
from warehouse.journal import Decision
from warehouse.lake import Lake
from warehouse.releases import month_before, month_of, verify


def first(lake: Lake, inbox: Path) -> None:
    names = {"publisher_name": "甲局", "publisher_kind": "department"}
    documents = [("a", b"1", "p/1"), ("b", b"2", "p/2")]
    ingest(lake, inbox, [staged_frames(drop(inbox, n, data), 100, budget_id=b, **names) for n, data, b in documents])


def second(lake: Lake, inbox: Path) -> None:
    """A revision of the first budget, the second withdrawn, a third added, one held."""
    names = {"publisher_name": "甲局", "publisher_kind": "department"}
    revised = staged_frames(drop(inbox, "a2", b"3", day=2), 110, budget_id="p/1", **names)
    added = staged_frames(drop(inbox, "c", b"4"), 5, budget_id="p/3", jurisdiction_code="310101", **names)
    held = staged_frames(drop(inbox, "d", b"5"), 7, budget_id="p/4", state="held", **names)
    ingest(lake, inbox, [revised, added, held])
    lake.decide([drop(inbox, "b", b"2")], Decision.WITHDRAW, reason="recalled", by="li")


def folder(home: Path, name: str) -> Path:
    return home / "curated/releases" / name


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_release__is_what_latest_is_and_verifies(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    manifest = lake.release("2026.01")
    released, latest = contents(folder(home, "2026.01")), contents(home / "curated/latest")
    assert (manifest["release"], manifest["previous"], manifest["rows"]["budget_facts"]) == ("2026.01", None, 2)
    assert {path for path in latest if released[path] != latest[path]} == {"datapackage.json"}
    assert json.loads(released["datapackage.json"])["release"] == "2026.01"
    found = verify(str(folder(home, "2026.01")))
    assert (found.release, found.problems, found.n_files) == ("2026.01", [], len(released) - 1)
    sums = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=folder(home, "2026.01"), check=False)
    assert sums.returncode == 0


def test_release__tells_what_changed(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    lake.release("one")
    second(lake, inbox)
    assert lake.release("two")["previous"] == "one"
    changes = json.loads((folder(home, "two") / "changes.json").read_bytes())
    told = {each["budget_id"]: (each["change"], each["n_figures_changed"]) for each in changes["budgets"]}
    assert told == {"p/1": ("revised", 1), "p/2": ("withdrawn", 0), "p/3": ("added", 0)}
    assert (changes["previous_rows"]["budget_facts"], changes["rows"]["budget_facts"]) == (2, 2)
    figures = pl.read_parquet(folder(home, "two") / "figure_changes.parquet")
    assert figures.select("budget_id", "previous_amount_yuan", "amount_yuan").rows() == [
        ("p/1", Decimal(100), Decimal(110))
    ]
    text = (folder(home, "two") / "CHANGES.md").read_text("utf-8")
    for heading in (
        "# two",
        "Added / 新增: 1",
        "Revised by the publisher / 公开主体修订: 1",
        "Withdrawn / 撤下: 1",
        "# one",
    ):
        assert heading in text
    assert text.index("# two") < text.index("# one")


def test_release__figures_of_held_documents_are_nowhere_and_old_releases_stay(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    lake.release("one")
    before = contents(folder(home, "one"))
    second(lake, inbox)
    lake.release("two")
    held = drop(inbox, "d", b"5")
    for path in folder(home, "two").glob("*/*.parquet"):
        if path.parent.name not in ("documents", "document_sources"):
            frame = pl.read_parquet(path)
            assert "document_id" not in frame.columns or held not in set(frame["document_id"]), path
    assert contents(folder(home, "one")) == before
    assert verify(str(folder(home, "one"))).problems == []


def test_release__is_made_anew_byte_for_byte_from_what_is_the_truth(inbox: Path, home: Path, tmp_path: Path) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    n_first = lake.release("one")["journal_version"]
    second(lake, inbox)
    lake.release("two")
    again = tmp_path / "again"
    for name in ("landed", "staged"):
        shutil.copytree(home / name, again / name)
    journal = sorted((home / "journal").iterdir())
    (again / "journal").mkdir()
    for path in journal[:n_first]:
        shutil.copy(path, again / "journal")
    lake_at(again).release("one")
    for path in journal[n_first:]:
        shutil.copy(path, again / "journal")
    lake_at(again, store="other.duckdb").release("two")
    assert contents(again / "curated/releases") == contents(home / "curated/releases")


@pytest.mark.parametrize("n_writes", [0, 1, 5, -2, -1])
def test_release__a_killed_one_is_not_there_and_is_made_whole(inbox: Path, home: Path, n_writes: int) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    n_all = len(list((home / "curated/latest").rglob("*.*"))) + 5
    bucket = FailingBucket(LocalBucket(home), n_writes=n_writes if n_writes >= 0 else n_all + n_writes)
    with pytest.raises(StorageError):
        lake_at(home, bucket=bucket).release("one")
    with pytest.raises(ReleaseRefused, match="no release"):
        verify(str(folder(home, "one")))
    # The lake has gone on: what the killed one copied is of another state.
    second(lake, inbox)
    lake.release("one")
    assert verify(str(folder(home, "one"))).problems == []
    rows = pl.concat([pl.read_parquet(path) for path in (folder(home, "one") / "expenditure_lines").iterdir()])
    assert sorted(rows["amount_yuan"]) == [5, 110]


def test_release__none_changes_and_none_is_misnamed(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    lake.release("one")
    with pytest.raises(ReleaseRefused, match="none ever changes"):
        lake.release("one")
    for name in ("../x", "a/b", "", " "):
        with pytest.raises(ReleaseRefused, match="expected letters"):
            lake._releases.make(name, version=1, at=None, is_settled=lambda: True)  # type: ignore[arg-type]


def test_release__one_that_is_overtaken_begins_anew(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    first(lake, inbox)

    class Overtaken(FailingBucket):
        is_overtaken = False

        def create(self, key: str, data: bytes) -> bool:
            if not self.is_overtaken and "releases/one/documents" in key:
                self.is_overtaken = True
                second(lake, inbox)
                lake.publish()
            return super().create(key, data)

    manifest = lake_at(home, bucket=Overtaken(LocalBucket(home)), store="mine.duckdb").release("one")
    assert manifest["journal_version"] == lake.head()
    assert verify(str(folder(home, "one"))).problems == []


DAMAGES: dict[str, Callable[[Path], object]] = {
    "documents/2024-310117(-001)?.parquet: not the bytes": lambda p: next(p.glob("documents/*")).write_bytes(b"x"),
    "SHA256SUMS: missing": lambda p: (p / "SHA256SUMS").unlink(),
    "documents/more.parquet: no part": lambda p: (p / "documents/more.parquet").write_bytes(b"x"),
}


@pytest.mark.parametrize("problem", DAMAGES)
def test_verify__finds_what_is_not_as_released(inbox: Path, home: Path, problem: str) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    lake.release("one")
    DAMAGES[problem](folder(home, "one"))
    (found,) = verify(str(folder(home, "one"))).problems
    assert pl.Series([found]).str.contains(problem).all()


def test_publish__a_breaking_schema_without_a_major_version_is_refused(
    inbox: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_at(home)
    first(lake, inbox)
    lake.release("one")
    latest = contents(home / "curated/latest")
    without = {name: dataset for name, dataset in versions.DATASETS.items() if name != "findings"}
    monkeypatch.setattr(versions, "DATASETS", without)
    for act in (lambda lake: lake.publish(), lambda lake: lake.release("two")):
        with pytest.raises(SchemaRefused, match="dataset findings is gone"):
            act(lake_at(home))
    assert contents(home / "curated/latest") == latest
    assert not folder(home, "two").exists()


def test_month_of__is_the_month_in_china() -> None:
    assert month_of(datetime(2026, 10, 31, 15, 59, tzinfo=UTC)) == "2026.10"
    assert month_of(datetime(2026, 10, 31, 16, 0, tzinfo=UTC)) == "2026.11"
    assert month_before(datetime(2026, 10, 31, 19, 30, tzinfo=UTC)) == "2026.10"
    assert month_before(datetime(2026, 10, 31, 15, 59, tzinfo=UTC)) == "2026.09"


def test_release_and_verify__commands(inbox: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first(lake_at(home), inbox)
    assert main(["release", "--name", "2026.11", "--lake", str(home)]) == 0
    assert "release 2026.11: " in capsys.readouterr().out
    copy = shutil.copytree(folder(home, "2026.11"), home.parent / "copy")
    assert main(["verify", str(copy)]) == 0
    assert "release 2026.11: intact" in capsys.readouterr().out
    (copy / "CHANGES.md").unlink()
    assert main(["verify", str(copy)]) == 1
    assert "CHANGES.md: missing\nrelease 2026.11: NOT intact, 1 problems" in capsys.readouterr().out
    assert main(["verify", str(home)]) == 1
    assert main(["release", "--name", "2026.11", "--lake", str(home)]) == 1


def test_release__as_a_flow_is_named_after_the_month_before(
    inbox: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import release

    first(lake_at(home), inbox)
    monkeypatch.setattr(release, "utc_now", lambda: datetime(2026, 11, 1, 3, tzinfo=UTC))
    assert release.release.fn(lake=str(home)) == "2026.10"
    assert verify(str(folder(home, "2026.10"))).problems == []


@pytest.mark.usefixtures("s3_environment")
def test_release__on_s3(inbox: Path, tmp_path: Path) -> None:
    boto3.client("s3").create_bucket(Bucket="releases")
    lake = lake_at(tmp_path, bucket=open_bucket("s3://releases/lake"))
    first(lake, inbox)
    lake.release("one")
    second(lake, inbox)
    assert lake.release("two")["previous"] == "one"
    for name in ("one", "two"):
        found = verify(f"s3://releases/lake/curated/releases/{name}")
        assert (found.release, found.problems) == (name, [])
    with pytest.raises(ReleaseRefused, match="none ever changes"):
        lake.release("one")
