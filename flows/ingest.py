"""The main job: what is new in the sources becomes trusted Parquet. Prefect runs it; nothing here depends on a server."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import TypeVar

import polars as pl
from prefect import flow, runtime
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from cnbudget.errors import CnbudgetError
from cnbudget.parse import extractor_version
from cnbudget.sandbox import Readers
from cnbudget.schema import DATASETS, STAGED
from explorer.publish import Written
from flows import screen
from flows.notices import announce, begin_announcing
from flows.settings import Settings, limits_of, load_settings
from tasks import stages
from warehouse.bucket import ObjectInfo
from warehouse.lake import Lake, Pending
from warehouse.sources import Source, open_source, open_sources

log = logging.getLogger(__name__)

Sized = TypeVar("Sized", ObjectInfo, Pending)


@dataclass(slots=True)
class Run:
    """What a run did: its documents, how long each stage took (seconds), and what of the run itself failed."""

    documents: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DATASETS["documents"].polars_schema()))
    read_ids: list[str] = field(default_factory=list)
    n_landed: int = 0
    n_published: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def n_read(self) -> int:
        return len(self.read_ids)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - start

    @contextmanager
    def guarded(self, stage: str) -> Iterator[None]:
        """As `timed`, and what fails in storage or readers is noted: the run goes on with the rest."""
        with self.timed(stage):
            try:
                yield
            except CnbudgetError as error:
                self.failures.append(f"{stage}: {error}")


@flow(name="ingest", validate_parameters=False, persist_result=False)
def ingest(
    sources: list[str], lake: str | None = None, show_progress: bool = False, objects: list[str] | None = None
) -> Run:
    """Ingest files, folders and s3:// prefixes into a lake; documents that a killed run left are finished too. `objects` are
    single ones that an event told of: names given by whoever put them, so none is taken for several."""
    settings, run = load_settings(), Run()
    with run.timed("list"):
        opened = [*open_sources(sources), *map(open_source, objects or ())]
        target = Lake.open(lake or settings.lake, store_path=settings.store_path, by=settings.by)
        begin_announcing(target, settings)
    with screen.progress(show_progress) as progress:
        for source in opened:
            _land(run, target, source, settings, progress)
        with run.timed("list"):
            pending = target.pending(extractor_version(), opened)
        if pending:
            _read(run, target, pending, settings, progress)
        with run.guarded("publish"):
            run.n_published = len(stages.run(stages.publish, target))
        announce(target, settings)
        with run.guarded("pages"):
            write_pages(target, settings)
    with run.timed("publish"):
        run.documents = _documents(run, target, opened, pending)
    leave_artifact(lambda: screen.to_markdown(run.documents), "ingest", "Documents of this run")
    end_deployed(run.failures)
    return run


def _land(run: Run, lake: Lake, source: Source, settings: Settings, progress: screen.Steps) -> None:
    with run.timed("list"):
        comparison = lake.compare(source)
        lake.record_gone(comparison.gone)
        found = list(batches(comparison.new, settings))
    for batch in progress.track(found, "land"):
        with run.guarded("land"):
            run.n_landed += len(stages.run(stages.land, lake, source, batch))


def _read(run: Run, lake: Lake, pending: Sequence[Pending], settings: Settings, progress: screen.Steps) -> None:
    with Readers(settings.workers, limits_of(settings)) as readers:
        with run.timed("start"):
            warm_up(readers)
        read_and_check_all(run, lake, readers, pending, settings, progress)


def write_pages(lake: Lake, settings: Settings, *, goes_on: Callable[[], bool] = lambda: True) -> Written:
    """Bring the site to what was published, while it `goes_on`."""
    return stages.run(stages.pages, lake, settings.workers, limits_of(settings), goes_on=goes_on)


def read_and_check_all(
    run: Run, lake: Lake, readers: Readers, pending: Sequence[Pending], settings: Settings, progress: screen.Steps
) -> None:
    """As `read_and_check`, of these documents and of those in archives among them, which are read like what was dropped; an
    archive is never opened again, so this comes to an end."""
    tried: set[str] = set()
    while pending:
        tried.update(each.document_id for each in pending)
        has_opened = read_and_check(run, lake, readers, pending, settings, progress)
        found = lake.pending(extractor_version()) if has_opened else ()
        pending = [each for each in found if each.document_id not in tried]


def read_and_check(
    run: Run, lake: Lake, readers: Readers, pending: Sequence[Pending], settings: Settings, progress: screen.Steps
) -> bool:
    """Read documents with readers that are up, run the gate over them, and record its verdicts, batch by batch: while
    one is judged and recorded, the readers are at the next. The run's `store` is what this takes beside the reading.
    Whether there were archives among them, whose members are pending now."""
    version, has_opened, n_before = extractor_version(), False, run.seconds.get("parse", 0.0)

    def read(documents: Sequence[tuple[str, bytes]]) -> list[bytes]:
        with run.timed("parse"):
            return readers.parse(documents)

    def begin(batch: Sequence[Pending]) -> Future[list[str]]:
        # With the context of the flow run, which a thread does not inherit.
        return pool.submit(copy_context().run, stages.run, stages.parse, lake, read, version, batch)

    todo = list(batches(pending, settings))
    with ThreadPoolExecutor(1) as pool:
        ahead = begin(todo[0])
        for batch, following in zip_longest(progress.track(todo, "read and check"), todo[1:]):
            with run.guarded("store"):
                try:
                    ids = ahead.result()
                finally:
                    ahead = begin(following) if following else ahead
                run.failures += [f"parse: {each}" for each in stages.not_landed(batch, ids)]
                has_opened |= bool(ids) and stages.run(stages.audit, lake, version, ids)
                run.read_ids += ids
    run.seconds["store"] -= run.seconds.get("parse", 0.0) - n_before
    return has_opened


def warm_up(readers: Readers) -> None:
    """Wait for the readers while Great Expectations is loaded, so that neither counts as work on documents."""
    from expectations.gate import audit

    audit({name: pl.DataFrame(schema=DATASETS[name].polars_schema()) for name in STAGED})
    _ = readers.startup_seconds


def batches(items: Sequence[Sized], settings: Settings) -> Iterator[list[Sized]]:
    """The items in order, in batches of so many documents and bytes at the most (one that is larger stands alone)."""
    batch: list[Sized] = []
    n_bytes = 0
    for item in items:
        if batch and (len(batch) == settings.batch_documents or n_bytes + item.n_bytes > settings.batch_bytes):
            yield batch
            batch, n_bytes = [], 0
        batch.append(item)
        n_bytes += item.n_bytes
    if batch:
        yield batch


def _documents(run: Run, lake: Lake, sources: Sequence[Source], pending: Sequence[Pending]) -> pl.DataFrame:
    """The documents that this run read or, where it read none, those of its sources."""
    if pending:
        return lake.documents([*run.read_ids, *(each.document_id for each in pending)])
    return lake.documents_of(sources)


def connect() -> None:
    """Reach Prefect's API, or start a server for the length of this process where none is configured."""
    with get_client(sync_client=True) as client:
        client.hello()


class RunFailed(CnbudgetError):
    """A flow run did what it could, and some of it failed."""


def end_deployed(failures: Sequence[str]) -> None:
    """Raise RunFailed in a run of a deployment where anything failed: there nobody reads what the flow returns, and
    automations look at the state of the run."""
    if failures and runtime.deployment.id:
        found = f"{len(failures)} failures, the first: {failures[0]}"
        raise RunFailed(f"{found}; the rest is done, and the next run takes up what is not")


def leave_artifact(make: Callable[[], str], key: str, description: str) -> None:
    """Keep a text with the flow run in Prefect. Outside of a run there is nothing to keep it with: Prefect would start a
    server of its own for it. An API that does not take it is logged: the work is done."""
    if FlowRunContext.get():
        text = make()
        try:
            create_markdown_artifact(text, key=key, description=description)
        except Exception as error:
            log.warning("no artifact %s, Prefect's API fails: %s", key, error)
