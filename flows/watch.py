"""The watcher: a long-running flow that hears of objects, gathers them for a short moment and ingests them.

Events only say where to look. What an event names is compared with the ledger like a listing, so events that come twice,
in another order or late change nothing, and those that never come are made up for by the listing at the start and by
`reconcile`. Whatever fails is tried again, more and more rarely; killed at any moment, the next start goes on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import TypeVar

from prefect import flow

from cnbudget.errors import CnbudgetError, StorageError
from cnbudget.parse import extractor_version
from cnbudget.sandbox import Readers
from flows import screen
from flows.events import (
    POLL_LOCAL_SECONDS,
    POLL_S3_SECONDS,
    POLL_TOLD_SECONDS,
    Inbox,
    Notice,
    Poller,
    poll_forever,
    receive_forever,
    stopped_by_signals,
    to_notices,
)
from flows.ingest import Run, batches, leave_artifact, read_and_check, warm_up, write_pages
from flows.notices import announce, begin_announcing
from flows.receiver import Receiver
from flows.settings import Settings, limits_of, load_settings
from tasks import stages
from warehouse.bucket import ObjectInfo
from warehouse.lake import Lake, Pending
from warehouse.landing import Comparison
from warehouse.notifications import Happening, SqsQueue
from warehouse.sources import Source, open_sources

log = logging.getLogger(__name__)

_QUIET_SECONDS = 3.0
"""So long after the last document the site is brought up to date: nobody waits for it, and the next one may be coming."""
_PAGES_SECONDS = 300.0
"""Where it is never so quiet, the site is brought up to date so often."""
_WAIT_SECONDS = 0.5
_LONGEST_PAUSE = 60.0

Objects = dict[str, ObjectInfo | None]
Result = TypeVar("Result")


class Watcher:
    """Takes up what an inbox tells of, with readers and gate that are warm. `turn` does one round of work."""

    def __init__(
        self, lake: Lake, sources: Sequence[Source], inbox: Inbox, readers: Readers, settings: Settings
    ) -> None:
        self._lake = lake
        self._inbox = inbox
        self._readers = readers
        self._settings = settings
        # While one half of a batch is judged, the readers are at the other.
        self._halves = settings.model_copy(update={"batch_documents": -(-settings.batch_documents // 2)})
        self._backlog = deque(_Listing(lake, source) for source in sources)
        self._to_land: deque[tuple[Source, list[ObjectInfo]]] = deque()
        self._again: dict[str, tuple[Source, Objects]] = {}
        self._unconfirmed: list[Notice] = []
        self._told: set[str] = set()
        """Documents that a notice told of, which are read before others."""
        self._tried: set[str] = set()
        """Documents that were given to the readers and are still to be read: these wait until all others had their turn."""
        self._owes = True
        """Whether documents may wait to be read or published: after a start, and after anything failed."""
        self._owes_pages = False
        self._pages_at = self._worked_at = time.monotonic()
        self._n_failures = 0
        self._resume_at = 0.0

    def turn(self) -> bool:
        """Do what there is to do: take up notices, and a batch of what stood in the sources at the start. False where
        there is nothing."""
        is_due = time.monotonic() >= self._resume_at
        has_more = is_due and not self.is_idle
        notices = self._inbox.gather(
            wait_seconds=0.0 if has_more else _WAIT_SECONDS,
            gather_seconds=self._settings.gather_seconds,
            limit=self._settings.batch_documents,
        )
        if not notices and not has_more:
            return is_due and self._is_quiet()
        run = Run()
        self._in_a_flow(lambda: self._work(run, notices))
        self._settle(run)
        self._worked_at = time.monotonic()
        return True

    def _in_a_flow(self, work: Callable[[], None]) -> None:
        """As a flow run of its own where Prefect's API is configured and answers, so that it shows there; else just so."""
        begun, ended = threading.Event(), threading.Event()

        def worked() -> None:
            begun.set()
            work()
            ended.set()

        if self._settings.prefect_api_url:
            try:
                flow(name="watch-batch", validate_parameters=False, persist_result=False)(worked)()
            except Exception as error:
                if begun.is_set() and not ended.is_set():
                    raise
                log.warning("not shown as a flow run, Prefect's API fails: %s", error)
        if not begun.is_set():
            work()

    def _work(self, run: Run, notices: Sequence[Notice]) -> None:
        if self._n_failures:
            with run.guarded("store"):
                # A damaged store would fail every round: nothing else of it is looked at again once the lake is open.
                self._lake.mend()
        again, self._again = self._again, {}
        for source, objects in _merged([*again.values(), *((n.source, n.objects) for n in notices)]):
            self._land(run, source, objects)
        self._confirm(run, notices)
        if self._to_land:
            self._land_batch(run, *self._to_land.popleft())
        elif self._backlog:
            self._take_page(run)
        if self._owes:
            self._publish(run)

    def _confirm(self, run: Run, notices: Sequence[Notice]) -> None:
        """Confirm what is in the journal by now, also of earlier rounds. What cannot be confirmed comes again."""
        told, self._unconfirmed = [*self._unconfirmed, *notices], []
        for notice in told:
            if any(self._is_owed(notice.source, key) for key in notice.objects):
                self._unconfirmed.append(notice)
                continue
            with run.guarded("confirm"):
                notice.confirm()

    def _land(self, run: Run, source: Source, objects: Mapping[str, ObjectInfo | None]) -> None:
        comparison = None
        with run.guarded("compare"):
            comparison = self._lake.compare_objects(source, objects)
        if comparison is None:
            self._owe(source, objects)
            return
        for batch in batches(comparison.new, self._settings):
            self._told.update(self._land_batch(run, source, batch))
        self._record_gone(run, source, comparison)

    def _land_batch(self, run: Run, source: Source, batch: Sequence[ObjectInfo]) -> list[str]:
        self._owes, recorded = True, None
        with run.guarded("land"):
            recorded = stages.run(stages.land, self._lake, source, batch)
        if recorded is None:
            self._owe(source, {info.key: None for info in batch})
        run.n_landed += len(recorded or ())
        return [record.document_id for record in recorded or () if record.document_id]

    def _record_gone(self, run: Run, source: Source, comparison: Comparison) -> None:
        if not comparison.gone:
            return
        self._owes, is_recorded = True, False
        with run.guarded("land"):
            self._lake.record_gone(comparison.gone)
            is_recorded = True
        if not is_recorded:
            self._owe(source, {source.key_of(entry.source_uri): None for entry in comparison.gone})

    def _owe(self, source: Source, objects: Mapping[str, ObjectInfo | None]) -> None:
        """Look at these objects again; what told of them is not confirmed until then."""
        self._again.setdefault(source.uri, (source, {}))[1].update(objects)

    def _is_owed(self, source: Source, key: str) -> bool:
        return key in self._again.get(source.uri, (source, {}))[1]

    def _take_page(self, run: Run) -> None:
        """Compare the next page of what stood in the sources at the start; what is new of it is landed batch by batch, with
        what comes meanwhile in between."""
        listing, page = self._backlog[0], None
        with run.guarded("list"):
            page = listing.next_page()
            if page is None:
                self._backlog.popleft()
        if page:
            self._to_land.extend((listing.source, batch) for batch in batches(page.new, self._settings))
            self._record_gone(run, listing.source, page)

    def _publish(self, run: Run) -> None:
        """Read a batch of what landed, check it and publish what passed, with what an earlier run left."""
        self._owes = False
        pending: Sequence[Pending] = ()
        with run.guarded("list"):
            pending = self._next_to_read()
        if pending:
            with screen.progress(False) as progress:
                # What was found in archives is the next batch.
                self._owes |= read_and_check(run, self._lake, self._readers, pending, self._halves, progress)
        with run.guarded("publish"):
            run.n_published = len(stages.run(stages.publish, self._lake))
            announce(self._lake, self._settings)
            if run.read_ids:
                leave_artifact(partial(self._table_of, run), "watch-batch", "Documents of this batch")
        self._owes_pages = True
        if time.monotonic() - self._pages_at > _PAGES_SECONDS:
            self._write_pages(run)

    def _table_of(self, run: Run) -> str:
        return screen.to_markdown(self._lake.documents(run.read_ids))

    def _next_to_read(self) -> list[Pending]:
        """A batch of the documents that wait: no drop waits for all of a bucket to be read first."""
        pending = self._lake.pending(extractor_version())
        ids = {each.document_id for each in pending}
        self._told &= ids
        self._tried = self._tried & ids if ids - self._tried else set()
        pending.sort(key=lambda each: (each.document_id in self._tried, each.document_id not in self._told))
        batch = next(batches(pending, self._settings), [])
        self._tried.update(each.document_id for each in batch)
        self._owes |= len(batch) < len(pending)
        return batch

    def _is_quiet(self) -> bool:
        """Use a moment in which nothing comes for the site; False where it is as it should be, or others may be coming."""
        if not self._owes_pages or time.monotonic() - self._worked_at < _QUIET_SECONDS:
            return False
        run = Run()
        self._in_a_flow(lambda: self._write_pages(run))
        self._settle(run)
        return True

    def _write_pages(self, run: Run) -> None:
        self._owes_pages = False
        with run.guarded("pages"):
            # After a backfill there may be hours of drawing, and the next drop should not wait.
            written = write_pages(self._lake, self._settings, goes_on=lambda: self._inbox.is_empty and self.is_idle)
            self._owes_pages = written.n_left > 0
        self._pages_at = time.monotonic()

    def _settle(self, run: Run) -> None:
        """Count what was done; where all failed, wait longer and longer before the work is taken up again. One object that
        keeps failing does not keep the others waiting."""
        counts = {("stage_seconds", stage): seconds for stage, seconds in run.seconds.items()}
        counts |= {("stage_runs", stage): 1.0 for stage in run.seconds}
        counts |= {name: float(count) for name, count in self._inbox.take_counts().items()}
        for failure in run.failures:
            log.warning("%s", failure, extra={"fields": {"stage": failure.partition(":")[0]}})
            counts["failures", failure.partition(":")[0]] = counts.get(("failures", failure.partition(":")[0]), 0) + 1
        try:
            self._lake.count(counts)
        except CnbudgetError as error:
            log.warning("not counted: %s", error)
        self._n_failures = self._n_failures + 1 if run.failures and not (run.n_landed or run.read_ids) else 0
        self._owes |= bool(run.failures)
        pause = min(2.0 ** (self._n_failures - 1), _LONGEST_PAUSE) if self._n_failures else 0.0
        self._resume_at = time.monotonic() + pause

    @property
    def is_idle(self) -> bool:
        """Whether all that was heard of is done."""
        return not (self._backlog or self._to_land or self._again or self._owes)


class _Listing:
    """A source's pages beside the ledger; after storage failed, from the last one that was read."""

    def __init__(self, lake: Lake, source: Source) -> None:
        self.source = source
        self._lake = lake
        self._after = ""
        self._pages: Iterator[Comparison] | None = None

    def next_page(self) -> Comparison | None:
        """The next page, or None after the last one. Raises StorageError, and can be asked again."""
        pages = self._pages or self._lake.compare_pages(self.source, after=self._after)
        self._pages = None
        page = next(pages, None)
        if page:
            self._after, self._pages = page.last_key, pages
        return page


def _merged(found: Sequence[tuple[Source, Mapping[str, ObjectInfo | None]]]) -> list[tuple[Source, Objects]]:
    """The objects of each source together. What is named twice has to be asked: the later notice may be the older."""
    merged: dict[str, tuple[Source, Objects]] = {}
    for source, objects in found:
        known = merged.setdefault(source.uri, (source, {}))[1]
        known.update({key: None if key in known else info for key, info in objects.items()})
    return list(merged.values())


@flow(name="watch", validate_parameters=False, persist_result=False)
def watch(
    sources: list[str],
    lake: str | None = None,
    queue: str | None = None,
    listen: str | None = None,
    poll_seconds: float | None = None,
) -> None:
    """Watch sources until SIGTERM or SIGINT. `queue`: the address of an SQS queue; `listen`: HOST:PORT for
    notifications over HTTP; `poll_seconds`: how often to list (0: never; else a default, where there is no queue)."""
    stop = threading.Event()
    with stopped_by_signals(stop):
        run_until(stop, sources, lake, queue=queue, listen=listen, poll_seconds=poll_seconds)


def run_until(
    stop: threading.Event,
    uris: Sequence[str],
    lake_uri: str | None = None,
    *,
    queue: str | None = None,
    listen: str | None = None,
    poll_seconds: float | None = None,
    is_done: Callable[[Watcher], bool] = lambda _: False,
) -> None:
    """Watch until `stop` is set, or `is_done` says so after a round. Raises SettingsError where something makes no
    sense; storage that fails is waited for."""
    settings = load_settings()
    sources = _patiently(stop, lambda: open_sources(uris))
    lake_uri = lake_uri or settings.lake
    lake = _patiently(stop, lambda: Lake.open(lake_uri, store_path=settings.store_path, by=settings.by))
    for source in sources:
        lake.check_source(source)
    _patiently(stop, lambda: begin_announcing(lake, settings))
    inbox = Inbox()
    with ExitStack() as stack:
        readers = stack.enter_context(Readers(settings.workers, limits_of(settings)))
        stack.callback(inbox.stopped.set)
        if listen:
            token = settings.webhook_token.get_secret_value() if settings.webhook_token else None
            stack.enter_context(Receiver(listen, token, partial(_take_webhook, sources, inbox)))
        if queue:
            # Threads that wait for the network end with the process: what they took and did not confirm comes again.
            threading.Thread(target=receive_forever, args=(SqsQueue(queue), sources, inbox), daemon=True).start()
        for source in sources:
            seconds = _seconds(source, queue, listen) if poll_seconds is None else poll_seconds
            _start_polling(stop, source, inbox, seconds)
        warm_up(readers)
        watcher = Watcher(lake, sources, inbox, readers, settings)
        log.info("watching %s", ", ".join(source.uri for source in sources))
        while not stop.is_set() and not is_done(watcher):
            watcher.turn()
    log.info("stopped; the next start goes on from here")


def _seconds(source: Source, queue: str | None, listen: str | None) -> float:
    """How often a source is listed where nobody says it: what tells of its objects makes that needless, or rare."""
    if source.is_local:
        return POLL_LOCAL_SECONDS
    return 0.0 if queue else POLL_TOLD_SECONDS if listen else POLL_S3_SECONDS


def _patiently(stop: threading.Event, work: Callable[[], Result]) -> Result:
    """Do what has to be done before the watch begins, again while storage fails as it does for a time."""
    pause = 1.0
    while True:
        try:
            return work()
        except StorageError as error:
            if not error.transient or stop.wait(pause):
                raise
            log.warning("waiting for storage: %s", error)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _start_polling(stop: threading.Event, source: Source, inbox: Inbox, seconds: float) -> None:
    if seconds > 0:
        poller = Poller(source)
        # Before the watcher compares the whole source: what comes from now on is noticed by the next poll.
        _patiently(stop, poller.poll)
        threading.Thread(target=poll_forever, args=(poller, source, inbox, seconds), daemon=True).start()


def _take_webhook(sources: Sequence[Source], inbox: Inbox, happenings: Sequence[Happening]) -> None:
    """To the inbox and nowhere else: an event to Prefect would have its automation ingest the same objects once more."""
    for source, objects in to_notices(happenings, sources, inbox, kind="webhook"):
        inbox.put(Notice(source, objects), kind="webhook")
