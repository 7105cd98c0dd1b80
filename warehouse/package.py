"""What `curated/latest/` says about itself: `datapackage.json`, and a manifest of the files of each partition.

The package lists the files of every dataset and changes with a new partition only; rows, sizes and digests stand in
`manifests/<partition>.json`, which is written with the partition's files. So neither grows with every document.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnbudget.datapackage import describe_package, resources_of
from cnbudget.schema import SCHEMA_VERSION

LATEST = "curated/latest/"
PACKAGE = f"{LATEST}datapackage.json"
MANIFESTS = "manifests"


@dataclass(frozen=True, slots=True)
class Written:
    """A file as this store last saw it written."""

    key: str
    dataset: str
    inputs_sha256: str
    etag: str
    sha256: str
    n_rows: int
    n_bytes: int


def key_of(dataset: str, partition: str) -> str:
    """Where a partition of a dataset stands in the lake, or its manifest."""
    ending = "json" if dataset == MANIFESTS else "parquet"
    return f"{LATEST}{dataset}/{partition}.{ending}"


def to_manifest(partition: str, files: Sequence[Written]) -> bytes:
    """The manifest of a partition: its files with rows, bytes and sha256."""
    listed = [
        {
            "path": file.key.removeprefix(LATEST),
            "rows": file.n_rows,
            "bytes": file.n_bytes,
            "hash": f"sha256:{file.sha256}",
        }
        for file in files
    ]
    return _to_json({"partition": partition, "version": SCHEMA_VERSION, "files": listed})


def to_package(partitions: Mapping[str, Sequence[str]]) -> bytes:
    """`datapackage.json` (Frictionless Data Package): the datasets with their schemas, and the files of each, by dataset
    the partitions that it has."""
    return _package(tuple((name, tuple(names)) for name, names in partitions.items()))


@functools.lru_cache(maxsize=1)
def _package(partitions: Sequence[tuple[str, Sequence[str]]]) -> bytes:
    # Kept, as it is the same for most publications and takes longer to write than the files of a document.
    paths = {name: [key_of(name, each).removeprefix(LATEST) for each in names] for name, names in partitions}
    return _to_json(describe_package("latest", resources_of(paths)))


def _to_json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
