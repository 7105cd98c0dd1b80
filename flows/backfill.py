"""Backfill: very many documents at once, read in chunks by Dask's workers, on this machine or behind a scheduler.

This process lists, lands, audits, commits and publishes; the workers do the reading, which is most of the work, and need
only the lake's bucket. A chunk's result is what it staged, so a worker may die, and a backfill that was killed goes on
where it was: what is landed is not landed again, and what is staged is not read again. It leaves the site beside the data
as it is, since drawing pages takes longer than reading them: `python -m flows explorer --stale` or a watcher writes it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dask
import polars as pl
from distributed import Client, Future, wait
from prefect import flow
from prefect_dask import DaskTaskRunner

from cnbudget.errors import CnbudgetError, SettingsError
from cnbudget.parse import extractor_version
from cnbudget.schema import DATASETS, STAGED
from flows import screen
from flows.ingest import Run, batches, end_deployed
from flows.notices import announce, begin_announcing
from flows.settings import Settings, limits_of, load_settings
from tasks import stages
from tasks.chunk import ChunkRead, WarmReaders, read_chunk
from warehouse.lake import Lake, Pending
from warehouse.landing import PAGE
from warehouse.sources import Source, open_sources

TRIES = 4
"""Times that a chunk is sent out where what failed may heal."""
CONNECT_SECONDS = 10
_CHUNKS_PER_THREAD = 2
"""Chunks that wait at each thread of the workers: they have work while the next page lands."""


@flow(name="backfill", validate_parameters=False, persist_result=False)
def backfill(
    sources: list[str],
    lake: str | None = None,
    scheduler: str | None = None,
    show_progress: bool = False,
    page: int = PAGE,
) -> Run:
    """Ingest all of some sources, and read again what another extractor version read. `scheduler`: the address of
    Dask's (`tcp://host:8786`); without one, as many threads as the settings say, each with a reading process."""
    settings, run = load_settings(), Run()
    opened = open_sources(sources)
    target = Lake.open(lake or settings.lake, store_path=settings.store_path, by=settings.by)
    begin_announcing(target, settings)
    with run.timed("start"):
        _load_gate()
    with _chunks(scheduler, target, settings, run) as chunks, screen.progress(show_progress) as progress:
        _read_pending(run, target, opened, chunks, settings, progress)
        for source in opened:
            for _ in _landed_pages(run, target, source, page):
                _read_pending(run, target, opened, chunks, settings, progress)
        _collect(run, target, chunks, keep=0)
        # What stood in archives is pending once they were opened.
        _read_pending(run, target, opened, chunks, settings, progress)
        _collect(run, target, chunks, keep=0)
    with run.guarded("publish"):
        run.n_published = len(stages.run(stages.publish, target))
        announce(target, settings)
        run.documents = target.documents_of(opened)
    end_deployed(run.failures)
    return run


def _load_gate() -> None:
    from expectations.gate import audit

    audit({name: pl.DataFrame(schema=DATASETS[name].polars_schema()) for name in STAGED})


def _landed_pages(run: Run, lake: Lake, source: Source, size: int) -> Iterator[None]:
    """Land what is new, a page of the listing and one commit at a time."""
    pages = lake.compare_pages(source, size=size)
    while True:
        comparison = None
        with run.guarded("list"):
            comparison = next(pages, None)
        if comparison is None:
            return
        with run.guarded("land"):
            if comparison.new:
                stages.run(stages.land, lake, source, comparison.new)
            lake.record_gone(comparison.gone)
        yield


def _read_pending(
    run: Run, lake: Lake, sources: Sequence[Source], chunks: Chunks, settings: Settings, progress: screen.Steps
) -> None:
    """Send out what is landed and was not sent out yet; what comes back meanwhile is audited and committed."""
    with run.timed("list"):
        pending = [each for each in lake.pending(chunks.version, sources) if each.document_id not in chunks.sent]
    # While one is judged, each thread reads another: together they take as much memory as a batch of `ingest`.
    halves = settings.model_copy(update={"batch_documents": -(-settings.batch_documents // 2)})
    for batch in progress.track(list(batches(pending, halves)), "read and check"):
        chunks.send(batch)
        _collect(run, lake, chunks, keep=chunks.n_enough)


def _collect(run: Run, lake: Lake, chunks: Chunks, keep: int) -> None:
    """Audit and commit the chunks that come back, until no more than `keep` are out."""
    for chunk in chunks.results(keep=keep):
        run.seconds["parse"] = run.seconds.get("parse", 0.0) + chunk.read_seconds
        run.seconds["stage"] = run.seconds.get("stage", 0.0) + chunk.seconds - chunk.read_seconds
        with run.guarded("store"):
            if chunk.document_ids:
                stages.run(stages.audit, lake, chunks.version, chunk.document_ids)
            run.read_ids += chunk.document_ids
            chunks.sent.difference_update(chunk.document_ids)


@dataclass(frozen=True, slots=True)
class _Sent:
    batch: Sequence[Pending]
    n_tries: int


class Chunks:
    """The chunks that are out at Dask's workers. `sent`: documents that are not to be sent out (again) in this run."""

    def __init__(self, client: Client, lake_uri: str, readers_name: str, run: Run) -> None:
        self.version = extractor_version()
        self.sent: set[str] = set()
        self._client = client
        self._arguments = (lake_uri, readers_name, self.version)
        self._run = run
        self._out: dict[Future, _Sent] = {}

    @property
    def n_enough(self) -> int:
        """How many chunks keep the workers that are there now busy."""
        return _CHUNKS_PER_THREAD * max(1, sum(self._client.nthreads().values()))

    def send(self, batch: Sequence[Pending], n_tries: int = 1) -> None:
        """Send a chunk out."""
        self.sent.update(pending.document_id for pending in batch)
        future = self._client.submit(read_chunk, *self._arguments, list(batch), pure=False)
        self._out[future] = _Sent(batch, n_tries)

    def results(self, *, keep: int) -> Iterator[ChunkRead]:
        """What comes back, in any order, until no more than `keep` chunks are out; a failure that may heal is sent out
        again, any other is noted with the run, whose documents the next one takes up."""
        while len(self._out) > keep:
            for future in wait(list(self._out), return_when="FIRST_COMPLETED").done:
                sent = self._out.pop(future)
                try:
                    chunk = future.result()
                    lost = stages.not_landed(sent.batch, chunk.document_ids)
                    self._run.failures += [f"parse: {each}" for each in lost]
                    yield chunk
                except CnbudgetError as error:
                    if error.transient and sent.n_tries < TRIES:
                        self.send(sent.batch, sent.n_tries + 1)
                    else:
                        self._run.failures.append(f"parse: {error}")
                except Exception as error:  # a lost scheduler, or a chunk that took worker after worker down
                    self._run.failures.append(f"parse: {len(sent.batch)} documents: {type(error).__name__}: {error}")


_ON_LOOPBACK = {"dashboard_address": "127.0.0.1:0", "worker_dashboard_address": "127.0.0.1:0"}
"""Where Dask serves its metrics, which it always does: without an address, on all of the machine's."""
_WITHOUT_PROFILE = {"distributed.worker.profile.enabled": False}
"""Before 3.11.9, Python can stop for ever where its garbage collector runs in `sys._current_frames`, which Dask's profile of
its workers calls a hundred times a second."""


@contextmanager
def _chunks(scheduler: str | None, lake: Lake, settings: Settings, run: Run) -> Iterator[Chunks]:
    """Dask, with readers on every worker. Raises SettingsError where there is no scheduler at the address."""
    # Threads are enough here: the reading is done by their child processes.
    here = {"n_workers": 1, "threads_per_worker": settings.workers, "processes": False, **_ON_LOOPBACK}
    client_kwargs = {"set_as_default": True, "timeout": CONNECT_SECONDS}
    runner = DaskTaskRunner(address=scheduler, cluster_kwargs=None if scheduler else here, client_kwargs=client_kwargs)
    readers = WarmReaders(f"cnbudget-readers-{uuid.uuid4().hex}", limits_of(settings))
    with dask.config.set(_WITHOUT_PROFILE), runner:
        try:
            client = runner.client
        except OSError as error:
            raise SettingsError(
                f"no Dask scheduler answers ({error}); start one, or go without", where=str(scheduler)
            ) from error
        with run.timed("start"):
            client.register_plugin(readers)
        try:
            yield Chunks(client, lake.bucket.uri, readers.name, run)
        finally:
            client.unregister_worker_plugin(readers.name)
