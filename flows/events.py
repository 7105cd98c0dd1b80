"""Where the watcher hears of objects: a listing asked again and again, SQS, and notifications over HTTP.

Each source runs in a thread of its own and puts `Notice`s into one queue. None is trusted to be complete: a notice only
says which objects to look at, and what is looked at is decided by storage and ledger alone.
"""

from __future__ import annotations

import logging
import queue
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from cnbudget.errors import CnbudgetError, MalformedNotification
from warehouse.bucket import ObjectInfo
from warehouse.notifications import Happening, Message, SqsQueue, read_notification
from warehouse.sources import Source

log = logging.getLogger(__name__)

POLL_LOCAL_SECONDS = 0.25
POLL_S3_SECONDS = 1.0
POLL_TOLD_SECONDS = 30.0
"""Where a bucket's notifications come over HTTP: what is lost on the way is found so soon."""
SETTLED_SECONDS = 0.75
"""A local file whose size and time have not changed for so long is taken as written to its end."""

_ENOUGH = 500
_SLOWEST_POLL_SHARE = 10
"""A listing that takes long is asked more rarely: at most a tenth of the time goes into it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Objects of a source that may have changed, as listed or None where storage has to be asked. `confirm` is called
    once all of them are in the journal."""

    source: Source
    objects: Mapping[str, ObjectInfo | None]
    confirm: Callable[[], None] = lambda: None


class Inbox:
    """The notices that wait, from all sources of events, and what became of the rest (`counts`)."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Notice] = queue.Queue(maxsize=10_000)
        self._lock = threading.Lock()
        self.counts: Counter[tuple[str, str]] = Counter()
        self.stopped = threading.Event()

    @property
    def is_empty(self) -> bool:
        """Whether no notice waits."""
        return self._queue.empty()

    @property
    def is_full_enough(self) -> bool:
        """Whether so many wait that what can wait elsewhere had better do so."""
        return self._queue.qsize() >= _ENOUGH

    def count(self, name: str, kind: str, n: int = 1) -> None:
        """Add to the counts."""
        with self._lock:
            self.counts[name, kind] += n

    def take_counts(self) -> Counter[tuple[str, str]]:
        """The counts since they were taken last."""
        with self._lock:
            counts, self.counts = self.counts, Counter()
        return counts

    def put(self, notice: Notice, *, kind: str) -> None:
        """Add a notice; waits while very many are waiting already."""
        while not self.stopped.is_set():
            try:
                self._queue.put(notice, timeout=0.2)
            except queue.Full:
                continue
            self.count("events", kind, len(notice.objects))
            return

    def gather(self, *, wait_seconds: float, gather_seconds: float, limit: int) -> list[Notice]:
        """The notices of a short moment: from the first one on, or none after `wait_seconds`."""
        try:
            notices = [self._queue.get(timeout=wait_seconds)] if wait_seconds else [self._queue.get_nowait()]
        except queue.Empty:
            return []
        until = time.monotonic() + gather_seconds
        while sum(len(notice.objects) for notice in notices) < limit:
            try:
                notices.append(self._queue.get(timeout=max(0.0, until - time.monotonic())))
            except queue.Empty:
                break
        return notices


class Poller:
    """Notices what changes in a source by listing it: keys that are new, that have another version, that are gone.

    What was there at the first listing is not told: the watcher compares it with the ledger when it starts.
    """

    def __init__(self, source: Source, *, clock: Callable[[], float] = time.time) -> None:
        self._source = source
        self._clock = clock
        self._is_local = source.is_local
        self._known: dict[str, int] | None = None
        self._unsettled: dict[str, tuple[int, float]] = {}

    def poll(self) -> dict[str, ObjectInfo | None]:
        """The objects that changed since the last call. Raises StorageError."""
        listed: dict[str, int] = {}
        changed: dict[str, ObjectInfo | None] = {}
        unsettled: dict[str, tuple[int, float]] = {}
        for info in self._source.objects():
            seen = hash(info.version)
            known = None if self._known is None else self._known.get(info.key)
            if self._known is None or known == seen:
                listed[info.key] = seen
            elif self._is_settled(info, seen, unsettled):
                listed[info.key] = seen
                changed[info.key] = info
            elif known is not None:
                # Being written over: its old version leaves when the new one is whole.
                listed[info.key] = known
        changed |= dict.fromkeys((self._known or {}).keys() - listed.keys())
        self._known, self._unsettled = listed, unsettled
        return changed

    def _is_settled(self, info: ObjectInfo, seen: int, unsettled: dict[str, tuple[int, float]]) -> bool:
        """Whether the object is whole: always on S3; a file while it is written has the time of its last write."""
        now = self._clock()
        if not self._is_local or now - info.last_modified_at.timestamp() > SETTLED_SECONDS:
            return True
        version, since = self._unsettled.get(info.key, (seen, now))
        if version == seen and now - since > SETTLED_SECONDS:
            return True
        unsettled[info.key] = (seen, since if version == seen else now)
        return False


def poll_forever(poller: Poller, source: Source, inbox: Inbox, seconds: float) -> None:
    """Poll a source until the inbox is stopped."""
    while not inbox.stopped.is_set():
        started = time.monotonic()
        try:
            if changed := poller.poll():
                inbox.put(Notice(source, changed), kind="poll")
        except CnbudgetError as error:
            inbox.count("events_failed", "poll")
            log.warning("poll failed: %s", error)
        took = time.monotonic() - started
        inbox.stopped.wait(max(seconds, _SLOWEST_POLL_SHARE * took) - took)


def receive_forever(queue_: SqsQueue, sources: Sequence[Source], inbox: Inbox) -> None:
    """Take messages from SQS until the inbox is stopped; each is deleted once its objects are in the journal, and until then
    it is kept from coming again, however long the watcher takes: the dead-letter queue is for those that make no sense."""
    while not inbox.stopped.is_set():
        try:
            queue_.keep_held()
            if inbox.is_full_enough:
                inbox.stopped.wait(1)
                continue
            for message in queue_.receive():
                take_message(message, queue_, sources, inbox)
        except CnbudgetError as error:
            inbox.count("events_failed", "sqs")
            log.warning("queue failed: %s", error)
            inbox.stopped.wait(5)


def take_message(message: Message, queue_: SqsQueue, sources: Sequence[Source], inbox: Inbox) -> None:
    """Turn a message into notices. One that makes no sense stays: the queue moves it to its dead-letter queue."""
    try:
        happenings = read_notification(message.body)
    except MalformedNotification as error:
        inbox.count("events_malformed", "sqs")
        log.warning("message left to the dead-letter queue (received %d times): %s", message.n_received, error)
        return
    notices = to_notices(happenings, sources, inbox, kind="sqs")
    if not notices:
        queue_.delete([message.receipt])
        return
    queue_.hold(message.receipt)
    waiting = set(range(len(notices)))

    def confirm(number: int) -> None:
        waiting.discard(number)
        if not waiting:
            queue_.delete([message.receipt])

    for number, (source, objects) in enumerate(notices):
        inbox.put(Notice(source, objects, partial(confirm, number)), kind="sqs")


def to_notices(
    happenings: Sequence[Happening], sources: Sequence[Source], inbox: Inbox, *, kind: str
) -> list[tuple[Source, dict[str, ObjectInfo | None]]]:
    """The objects by the source they are of; those of none are counted, named in the log and left alone."""
    found: dict[str, tuple[Source, dict[str, ObjectInfo | None]]] = {}
    for happening in happenings:
        source = next((source for source in sources if _is_in(source, happening.uri)), None)
        if source is None:
            inbox.count("events_foreign", kind)
            log.warning("%s is in none of the sources that are watched", happening.uri)
            continue
        key = source.key_of(happening.uri)
        found.setdefault(source.uri, (source, {}))[1][key] = None
    return list(found.values())


def _is_in(source: Source, uri: str) -> bool:
    return uri == source.uri if source.key else uri.startswith(f"{source.bucket.uri}/")


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; a second one ends the process at once, which is as safe."""

    since = float("inf")

    def handle(number: int, _frame: object) -> None:
        nonlocal since
        # Who stops a whole group of processes often signals twice at once.
        if time.monotonic() - since > 1:
            raise KeyboardInterrupt
        since = min(since, time.monotonic())
        log.info("stopping (%s)", signal.Signals(number).name)
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
