"""What a Dask worker does: it reads a chunk of landed documents and stages what they yield.

It needs the lake's bucket alone: neither a source, nor the store, nor Prefect's API. (A Prefect task on a worker does not
start where it cannot reach the API, so this is the stage's plain function.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distributed import Worker, WorkerPlugin, get_worker

from cnbudget.errors import SettingsError
from cnbudget.parse import extractor_version
from cnbudget.sandbox import Limits, Readers
from tasks import stages
from warehouse.bucket import open_bucket
from warehouse.lake import Lake, Pending
from warehouse.store import Store


@dataclass(frozen=True, slots=True)
class ChunkRead:
    """What became of a chunk: its documents, all staged; seconds the worker took for it, and those of them reading."""

    document_ids: list[str]
    seconds: float
    read_seconds: float


class WarmReaders(WorkerPlugin):
    """The reading processes of a worker, one per thread, which live from its first chunk to its last."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self.limits = limits

    def setup(self, worker: Worker) -> None:
        """Start them with the worker, or on all workers that are there."""
        self.readers = Readers(worker.state.nthreads, self.limits)
        self.readers.__enter__()

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Stop them."""
        self.readers.__exit__(None, None, None)


def read_chunk(lake_uri: str, readers_name: str, version: str, batch: Sequence[Pending]) -> ChunkRead:
    """Read and stage a chunk, on a worker that has the readers of this name.

    Raises SettingsError where the worker runs other code than the one that asks, StorageError and ReaderDied.
    """
    started, worker = time.perf_counter(), get_worker()
    if extractor_version() != version:
        found = f"this worker reads with extractor {extractor_version()}, expected {version}"
        raise SettingsError(f"{found}: run the same image everywhere", where=worker.address)
    plugin: WarmReaders = worker.plugins[readers_name]
    reading = 0.0

    def read(documents: Sequence[tuple[str, bytes]]) -> Sequence[bytes]:
        nonlocal reading
        before = time.perf_counter()
        results = plugin.readers.parse(documents)
        reading += time.perf_counter() - before
        return results

    # Nothing here opens the store; what did would fail at once.
    lake = Lake(open_bucket(lake_uri), Store(Path(os.devnull)), by=worker.address)
    ids = stages.parse.fn(lake, read, version, batch)
    return ChunkRead(ids, time.perf_counter() - started, reading)
