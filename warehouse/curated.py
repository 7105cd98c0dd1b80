"""The published partitions as a reader of `curated/latest/` finds them, and the folder of reports beside them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath

import polars as pl

from cnbudget.schema import DATASETS
from warehouse.bucket import Bucket
from warehouse.ledger import read_all
from warehouse.package import key_of
from warehouse.staging import landed_key
from warehouse.store import Store

REPORTS = "curated/reports/"

_FILES = "SELECT key, sha256 FROM ledger.files WHERE list_contains($datasets, dataset) ORDER BY key"


class Curated:
    """`latest/`, by partition. What stands there is known from the store, which follows each publication."""

    def __init__(self, bucket: Bucket, store: Store) -> None:
        self._bucket = bucket
        self._store = store

    def digests(self, datasets: Collection[str]) -> dict[str, str]:
        """The digest of the files of these datasets in each partition, as last written."""
        with self._store.transaction() as store:
            rows = store.query(_FILES, datasets=list(datasets)).rows()
        parts: dict[str, list[str]] = {}
        for key, sha256 in rows:
            parts.setdefault(PurePosixPath(key).stem, []).append(f"{key} {sha256}")
        return {name: hashlib.sha256("\n".join(part).encode()).hexdigest()[:16] for name, part in parts.items()}

    def frame(self, dataset: str, partition: str) -> pl.DataFrame:
        """The rows of a dataset in a partition; none where there is no such file (any more)."""
        data = self._bucket.read(key_of(dataset, partition))
        return (
            pl.DataFrame(schema=DATASETS[dataset].polars_schema())
            if data is None
            else pl.read_parquet(io.BytesIO(data))
        )

    def landed(self, document_ids: Sequence[str]) -> list[bytes]:
        """The bytes of these documents. Raises StorageError where one is not there any more."""
        return read_all(self._bucket, list(map(landed_key, document_ids)), bytes)


class Reports:
    """`curated/reports/`, keys below it."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def has(self, key: str) -> bool:
        """Whether there is such a file."""
        return self._bucket.head(REPORTS + key) is not None

    def read(self, key: str) -> bytes | None:
        """The file's bytes, or None where there is none."""
        return self._bucket.read(REPORTS + key)

    def write(self, key: str, data: bytes) -> None:
        """Put the file in place, whole, over an older one."""
        self._bucket.write(REPORTS + key, data)

    def delete(self, key: str) -> None:
        """Take the file away; nothing happens where there is none."""
        self._bucket.delete(REPORTS + key)
