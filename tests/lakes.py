"""Lakes for tests: small staged frames built by hand, a bucket that fails on demand, a clock that ticks."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from cnbudget.errors import StorageError
from cnbudget.results import frames_to_results
from cnbudget.schema import DATASETS, STAGED
from warehouse.bucket import Bucket, LocalBucket, ObjectInfo
from warehouse.lake import Lake
from warehouse.sources import Source
from warehouse.store import Store

EXTRACTOR = "x1"
ONE_CODE = ("2080101",)


@dataclass
class Clock:
    """A clock that goes on by `seconds` each time it is read."""

    seconds: int = 1
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=self.seconds)
        return self.now


@dataclass
class FailingBucket:
    """A bucket whose writer is killed after `n_writes` more writes."""

    inner: Bucket
    n_writes: int = 10**9
    written: list[str] = field(default_factory=list)

    @property
    def uri(self) -> str:
        return self.inner.uri

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        return self.inner.list(prefix, after=after)

    def head(self, key: str) -> ObjectInfo | None:
        return self.inner.head(key)

    def read(self, key: str) -> bytes | None:
        return self.inner.read(key)

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        return self.inner.fetch(key)

    def write(self, key: str, data: bytes) -> str:
        self._count(key)
        return self.inner.write(key, data)

    def create(self, key: str, data: bytes) -> bool:
        self._count(key)
        return self.inner.create(key, data)

    def delete(self, key: str) -> None:
        self.inner.delete(key)

    def _count(self, key: str) -> None:
        if self.n_writes <= 0:
            raise StorageError("killed", where=key, transient=False)
        self.n_writes -= 1
        self.written.append(key)


def lake_at(
    folder: Path, *, bucket: Bucket | None = None, store: str = "store.duckdb", clock: Clock | None = None
) -> Lake:
    path = folder / store
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_empty_store())
    return Lake(bucket or LocalBucket(folder), Store(path), by="tester", clock=clock or Clock(), references=dict)


@functools.cache
def _empty_store() -> bytes:
    """A store with its tables and views and nothing in them: making these is most of what a small lake takes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.duckdb"
        with Store(path).transaction():
            pass
        return path.read_bytes()


def drop(folder: Path, name: str, data: bytes, *, day: int = 1) -> str:
    """Put a file into a source folder, as last modified on a day of January 2026; the document's id."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    seconds = datetime(2026, 1, day, tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))
    return hashlib.sha256(data).hexdigest()


def staged_frames(document_id: str, amount: int = 100, **document: object) -> dict[str, pl.DataFrame]:
    """What a tiny document yields: one fact and one line of `amount` yuan, one check and one finding."""
    row: dict[str, object] = {
        "document_id": document_id,
        "file_name": "a.pdf",
        "media_type": "application/pdf",
        "n_bytes": 1,
        "n_pages": 1,
        "publisher_id": "p",
        "publisher_kind": "department",
        "jurisdiction_code": "310117",
        "fiscal_year": 2024,
        "stage": "budget",
        "budget_id": "b",
        "is_current": False,
        "state": "parsed",
        "extractor_version": EXTRACTOR,
    }
    row |= {name: 0 for name in DATASETS["documents"].column_names if name.startswith("n_") and name not in row}
    row |= {"n_facts": 1} | document
    year, fact_id = row["fiscal_year"], f"{document_id}/1/total"
    common = {"document_id": document_id, "fiscal_year": year, "fact_id": fact_id, "check_id": f"{fact_id}/sum"}
    fact = common | {"form_id": "expenditure_summary", "row_no": 1, "row_role": "leaf", "functional_code": "2080101"}
    fact |= {"stage": "budget", "measure": "total", "amount_yuan": Decimal(amount), "nature": "basic"}
    fact |= {"amount_printed": f"{amount}", "printed_unit": "元", "code_printed": "2080101", "provenance": "printed"}
    fact |= {"n_identities": 1, "n_identities_holding": 1}
    rows: dict[str, dict[str, object]] = {
        "documents": row,
        "budget_facts": fact,
        "expenditure_lines": fact,
        "identity_checks": common | {"identity_id": "sum", "instance": "1", "status": "exact"},
        "identity_terms": common | {"sign": 1},
        "findings": common
        | {
            "finding_id": f"{row['budget_id']}/r",
            "rule_id": "r",
            "severity": "info",
            "cause": "unknown",
            "locus": "expenditure_summary",
            "is_holding": False,
            "message_zh": "odd",
            "message_en": "odd",
            "evidence_sha256": "e",
        },
    }
    if row["state"] == "unsupported" or not row["n_facts"]:
        rows = {"documents": row}
    return {name: _frame(name, rows.get(name)) for name in STAGED}


def _frame(name: str, row: Mapping[str, object] | None) -> pl.DataFrame:
    schema = DATASETS[name].polars_schema()
    return pl.DataFrame([] if row is None else [{column: row.get(column) for column in schema}], schema=schema)


def together(frames: Iterable[Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    frames = list(frames)
    return {name: pl.concat([frame[name] for frame in frames]) for name in STAGED}


def ingest(lake: Lake, folder: Path, results: Iterable[Mapping[str, pl.DataFrame]], *, publish: bool = True) -> None:
    """Land a folder, stage these results for its documents, record that they pass, publish."""
    frames = together(results)
    with lake._ledger.store.session():  # the file is opened once: that is most of the time of a small test
        land(lake, folder)
        ids = lake.stage(frames_to_results(frames), EXTRACTOR)
        lake.record_audit(lake.staged(ids, EXTRACTOR), {})
        if publish:
            lake.publish()


def land(lake: Lake, folder: Path) -> None:
    source = Source(LocalBucket(folder))
    comparison = lake.compare(source)
    lake.land(source, comparison.new)
    lake.record_gone(comparison.gone)


def states(lake: Lake) -> dict[str, str]:
    """The state of every document."""
    return dict(lake.documents().select("document_id", "state").iter_rows())


def curated(folder: Path) -> dict[str, bytes]:
    """Every file below curated/latest/ that follows from the documents alone, with its bytes: not what tells of runs."""
    root = folder / "curated"
    files = {str(path.relative_to(root)): path for path in sorted(root.glob("latest/**/*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not OF_RUNS.match(name)}


OF_RUNS = re.compile(r"latest/(?:validation_|manifests/\d{4}-\d{2}\.json)")


def read_latest(folder: Path, dataset: str) -> pl.DataFrame:
    """A dataset as a reader who knows nothing would read it."""
    return pl.read_parquet(f"{folder}/curated/latest/{dataset}/*.parquet")


def sample_lake(folder: Path) -> Lake:
    """A lake of the sample bucket, read without workers and without the gate: what holds there holds by its findings."""
    from cnbudget.parse import extractor_version, parse_documents
    from samples.bucket import build

    paths = build(folder / "bucket")
    lake = Lake(LocalBucket(folder / "lake"), Store(folder / "store.duckdb"), by="tester", clock=Clock())
    frames = parse_documents([(path.name, path.read_bytes()) for path in paths])
    with lake._ledger.store.session():
        land(lake, folder / "bucket")
        ids = lake.stage(frames_to_results(frames), extractor_version())
        lake.record_audit(lake.staged(ids, extractor_version()), {})
        lake.publish()
    return lake
