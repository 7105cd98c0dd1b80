from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl

from cnbudget.results import frames_to_results
from cnbudget.schema import DATASETS, STAGED
from tests.lakes import EXTRACTOR, FailingBucket, drop, ingest, lake_at, read_latest, staged_frames
from warehouse.bucket import LocalBucket
from warehouse.journal import Decision


@dataclass
class Watched(FailingBucket):
    """A bucket whose reader adds up the money, and joins it with `documents`, after every write to latest/."""

    sums: list[tuple[int, int]] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def write(self, key: str, data: bytes) -> str:
        with self.turn:
            etag = super().write(key, data)
            self._look(key)
        return etag

    def _look(self, key: str) -> None:
        home = Path(self.inner.uri.removeprefix("file://"))
        if key.startswith("curated/") and (home / "curated/latest/documents").exists():
            lines = read_latest(home, "expenditure_lines")
            current = read_latest(home, "documents").filter("is_current")
            joined = lines.join(current, on="document_id", how="semi")
            self.sums.append((int(lines["amount_yuan"].sum()), int(joined["amount_yuan"].sum())))


def test_write_stale__a_document_that_moves_to_another_partition_never_counts_twice(inbox: Path, home: Path) -> None:
    bucket = Watched(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    document = drop(inbox, "a.pdf", b"1")
    ingest(lake, inbox, [staged_frames(document, 100)])
    for version, year in (("x2", 2023), ("x3", 2025)):
        lake.stage(
            frames_to_results(staged_frames(document, 100, fiscal_year=year, extractor_version=version)), version
        )
        lake.record_audit(lake.staged([document], version), {})
        lake.publish()
    assert {naive for naive, _ in bucket.sums} == {0, 100}
    assert {joined for _, joined in bucket.sums} == {0, 100}
    assert [path.name for path in (home / "curated/latest/documents").iterdir()] == ["2025-310117-001.parquet"]
    assert read_latest(home, "expenditure_lines")["amount_yuan"].to_list() == [Decimal(100)]


def test_write_stale__a_revision_is_seen_whole_and_its_budget_is_never_away(inbox: Path, home: Path) -> None:
    bucket = Watched(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    old = drop(inbox, "old", b"1", day=1)
    ingest(lake, inbox, [staged_frames(old, 100)])
    new = drop(inbox, "new", b"2", day=2)
    ingest(lake, inbox, [staged_frames(new, 110)])
    assert {joined for _, joined in bucket.sums} == {100, 110}
    assert bucket.sums[-1] == (110, 110)


def test_write_stale__a_withdrawn_revision_is_gone_before_the_older_one_is_back(inbox: Path, home: Path) -> None:
    bucket = Watched(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    old, new = drop(inbox, "old", b"1", day=1), drop(inbox, "new", b"2", day=2)
    ingest(lake, inbox, [staged_frames(old, 100), staged_frames(new, 110)])
    bucket.sums.clear()
    lake.decide([new], Decision.WITHDRAW, reason="recalled", by="li")
    lake.publish()
    assert {joined for _, joined in bucket.sums} == {0, 100}


def test_write_stale__one_more_document_rewrites_its_partition_alone(inbox: Path, home: Path) -> None:
    bucket = FailingBucket(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    ingest(lake, inbox, [staged_frames(drop(inbox, "a", b"1"), jurisdiction_code="310101")])
    written = []
    for name in "cd":
        bucket.written.clear()
        data = name.encode()
        ingest(lake, inbox, [staged_frames(drop(inbox, name, data), budget_id=name, jurisdiction_code="310117")])
        written.append({key.rpartition("/")[2] for key in bucket.written if key.startswith("curated/")})
    # The package names the partitions, and changes with a new one alone.
    assert written[0] == {"2024-310117-001.parquet", "2024-310117-001.json", "datapackage.json"}
    assert written[1] == {"2024-310117-001.parquet", "2024-310117-001.json"}


def test_write_stale__budgets_of_a_year_and_jurisdiction_stand_in_files_of_a_hundred(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    documents = [drop(inbox, f"{n:03}", f"{n}".encode()) for n in range(101)]
    ingest(lake, inbox, [staged_frames(d, budget_id=f"b{n:03}") for n, d in enumerate(documents)])
    again = drop(inbox, "again", b"again", day=2)
    ingest(lake, inbox, [staged_frames(again, 7, budget_id="b000")])
    folder = home / "curated/latest/documents"
    first, second = (pl.read_parquet(folder / f"2024-310117-00{n}.parquet") for n in (1, 2))
    assert (first.height, second.height) == (101, 1)
    # A revision stands with the budget's other documents, however late it comes.
    assert {*documents[:1], again} <= set(first["document_id"])
    assert read_latest(home, "expenditure_lines")["amount_yuan"].sum() == 100 * 100 + 7


def test_write_stale__a_held_document_rewrites_no_figures(inbox: Path, home: Path) -> None:
    bucket = FailingBucket(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    ingest(lake, inbox, [staged_frames(drop(inbox, "a", b"1"))])
    bucket.written.clear()
    ingest(lake, inbox, [staged_frames(drop(inbox, "b", b"2"), budget_id="c", state="held")])
    written = {key.split("/")[2] for key in bucket.written if key.startswith("curated/")}
    assert written == {"documents", "document_sources", "manifests"}


def test_write_stale__a_code_that_is_no_code_stays_in_the_folder(inbox: Path, home: Path) -> None:
    ingest(lake_at(home), inbox, [staged_frames(drop(inbox, "a", b"1"), jurisdiction_code="../../x")])
    assert [path.name for path in (home / "curated/latest/documents").iterdir()] == ["2024-______x-001.parquet"]


def test_to_package__lists_every_dataset_and_its_files(inbox: Path, home: Path) -> None:
    ingest(lake_at(home), inbox, [staged_frames(drop(inbox, "a", b"1"))])
    package = json.loads((home / "curated/latest/datapackage.json").read_bytes())
    resources = {resource["name"]: resource for resource in package["resources"]}
    assert {*STAGED, "document_sources"} <= resources.keys()
    for name, resource in resources.items():
        assert resource["path"] == [f"{name}/2024-310117-001.parquet"]
        assert [field["name"] for field in resource["schema"]["fields"]] == DATASETS[name].column_names
        assert resource["schema"]["primaryKey"] == list(DATASETS[name].key)


def test_to_manifest__says_rows_bytes_and_sha256_of_every_file(inbox: Path, home: Path) -> None:
    ingest(lake_at(home), inbox, [staged_frames(drop(inbox, "a", b"1"))])
    latest = home / "curated/latest"
    manifest = json.loads((latest / "manifests/2024-310117-001.json").read_bytes())
    listed = {file["path"]: file for file in manifest["files"]}
    assert listed.keys() == {path.relative_to(latest).as_posix() for path in latest.rglob("*.parquet")}
    for path, file in listed.items():
        data = (latest / path).read_bytes()
        assert file["hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        assert (file["bytes"], file["rows"]) == (len(data), pl.read_parquet(data).height)


def test_latest__reads_the_same_in_pyarrow_and_pandas(inbox: Path, home: Path) -> None:
    import pandas as pd
    import pyarrow.parquet as pq

    ingest(lake_at(home), inbox, [staged_frames(drop(inbox, "a", b"1"), 42)])
    folder = home / "curated/latest/expenditure_lines"
    assert [int(value) for value in pq.read_table(folder)["amount_yuan"].to_pylist()] == [42]
    assert [int(value) for value in pd.read_parquet(folder)["amount_yuan"]] == [42]
    assert EXTRACTOR in set(pd.read_parquet(home / "curated/latest/documents")["extractor_version"])
