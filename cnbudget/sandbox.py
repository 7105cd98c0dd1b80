"""Reading hostile documents in child processes that may die, hang or swell without harm to anyone else.

The children are spawned afresh (no fork: the parent has threads), live for many documents and are replaced when lost.
A chunk of documents whose reader fails is read again one by one, each alone, so that the culprit is held by name and
its neighbours come through. Memory is watched by the parent as resident bytes: a kernel limit on address space or data
counts what polars reserves and never touches (measured: 499 MB of data for 132 MB resident), so it is only a backstop.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from socket import socketpair
from types import TracebackType
from typing import Self

from cnbudget.errors import LimitExceeded, ReaderDied

Source = tuple[str, bytes]

PARSE = "cnbudget.opening:parse_or_open"
CHUNK_DOCUMENTS, CHUNK_BYTES = 16, 32 << 20
ADVICE = "look at the file, or raise the limit and retry"
POLL_SECONDS = 0.05
START_SECONDS = 60.0
# Passed on the command line, because multiprocessing's spawn imports the parent's main module again (Prefect's, say).
BOOT = (
    "import sys; sys.path[:] = sys.argv[3:]; from cnbudget.sandbox import serve; serve(int(sys.argv[1]), sys.argv[2])"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one document may take: seconds of wall time, resident bytes of its reader, pages, bytes of the file."""

    seconds: float = 60.0
    memory_bytes: int = 1 << 30
    pages: int = 2000
    n_bytes: int = 128 << 20


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a reader gave no result: `rule_id` limit_exceeded, reader_died or reading_failed, and the reason in words."""

    rule_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Job:
    """Some consecutive sources, by the position of the first; alone when they are read for the second time."""

    start: int
    sources: Sequence[Source]
    is_retry: bool = False


class Readers:
    """A few long-lived reading processes, used as a context manager; one batch at a time.

    `parse` names a function `module:function` that takes sources and gives the bytes of a result for each; its module
    also has `held_result(file_name, data, reason, rule_id)`, which gives that of a document that could not be read.

    `startup_seconds` is the time until the slowest of the first readers was ready (they start while the parent goes on
    with other work); `parse_seconds` the time spent inside the parse function, summed over the readers.
    """

    def __init__(self, workers: int = 2, limits: Limits | None = None, parse: str | None = None) -> None:
        self.workers = max(1, workers)
        self.limits = limits or Limits()
        self.parse_path = parse or PARSE
        self.parse_seconds = 0.0
        self._readers: list[_Reader] = []
        self._startup_seconds: float | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._readers = [_Reader(self.limits, self.parse_path) for _ in range(self.workers)]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reader in self._readers:
            reader.close()
        self._readers = []

    @property
    def startup_seconds(self) -> float:
        """Seconds from the start of the first readers until all were ready; waits for them. Raises `ReaderDied`."""
        if self._startup_seconds is None:
            self._startup_seconds = max(reader.await_ready() for reader in self._readers)
        return self._startup_seconds

    def parse(self, sources: Sequence[Source]) -> list[bytes]:
        """The results of all sources, in their order, whatever became of the readers; a culprit is a held document.

        Raises `ReaderDied` when readers cannot be started at all.
        """
        with self._lock:
            if not self._readers:
                raise ReaderDied("no readers; expected: used inside `with Readers() as readers`", where="Readers.parse")
            _ = self.startup_seconds
            results: dict[int, bytes] = {}
            jobs = deque(_sources_to_jobs(sources, self.limits.n_bytes, self.workers))
            try:
                self._work_off(jobs, results)
            finally:
                for reader in self._readers:
                    reader.abandon()
        return [results[position] for position in range(len(sources))]

    def _work_off(self, jobs: deque[_Job], results: dict[int, bytes]) -> None:
        while jobs or any(reader.job for reader in self._readers):
            if jobs:
                self._replace_spent()
            for reader in self._readers:
                if jobs and reader.job is None and reader.is_ready():
                    self._begin(reader, jobs.popleft(), results)
            for reader in _wait_for_some(self._readers):
                job, outcome = reader.finish()
                self.parse_seconds += reader.last_seconds
                self._settle(job, outcome, jobs, results)

    def _begin(self, reader: _Reader, job: _Job, results: dict[int, bytes]) -> None:
        n_bytes = len(job.sources[0][1])
        if n_bytes > self.limits.n_bytes:
            reason = f"{n_bytes} bytes; at most {self.limits.n_bytes} are read; {ADVICE}"
            results[job.start] = self._hold(job.sources[0], Failure("limit_exceeded", reason))
        else:
            reader.begin(job)

    def _settle(self, job: _Job, outcome: list[bytes] | Failure, jobs: deque[_Job], results: dict[int, bytes]) -> None:
        if not isinstance(outcome, Failure):
            results |= enumerate(outcome, job.start)
        elif job.is_retry:
            results[job.start] = self._hold(job.sources[0], outcome)
        else:
            alone = [_Job(job.start + offset, [source], True) for offset, source in enumerate(job.sources)]
            jobs.extendleft(reversed(alone))

    def _hold(self, source: Source, failure: Failure) -> bytes:
        held_result: Callable[[str, bytes, str, str], bytes]
        held_result = importlib.import_module(self.parse_path.partition(":")[0]).held_result
        return held_result(*source, f"{source[0]}: {failure.reason}", failure.rule_id)

    def _replace_spent(self) -> None:
        # Only while there is work for the new one: starting it costs most of a second.
        for index, reader in enumerate(self._readers):
            if reader.is_spent():
                reader.close()
                self._readers[index] = _Reader(self.limits, self.parse_path)


class _Reader:
    """The parent's end of one child process. Reads bytes from it, never pickles: what it says is not trusted."""

    def __init__(self, limits: Limits, parse_path: str) -> None:
        ours, theirs = socketpair()
        self.limits = limits
        self.job: _Job | None = None
        self.last_seconds = 0.0
        self._has_worked = False
        self._ready_seconds: float | None = None
        self._started = time.monotonic()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", BOOT, str(theirs.fileno()), parse_path, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                # As many threads as readers, not readers times cores: they would only fight and swell.
                env=os.environ | {"POLARS_MAX_THREADS": "1"},
            )
        self.connection = Connection(ours.detach())
        self._deadline = 0.0

    def await_ready(self, timeout: float = START_SECONDS) -> float:
        """Seconds from its start until it had everything imported. Raises `ReaderDied` with its own words."""
        if self._ready_seconds is None:
            try:
                if not self.connection.poll(timeout):
                    raise EOFError
                greeting = json.loads(self.connection.recv_bytes())
            except (EOFError, OSError):
                found = f"no sign of life, exit status {self.process.poll()}"
                greeting = {"error": f"{found}; expected: ready; try `{sys.executable} -c 'import cnbudget.opening'`"}
            if "error" in greeting:
                raise ReaderDied(greeting["error"], where="start of a reader process")
            self._ready_seconds = greeting["ready_at"] - self._started
        return self._ready_seconds

    def is_ready(self) -> bool:
        """Whether it can be given work. Raises `ReaderDied` when it can never be."""
        if self._ready_seconds is None:
            if not self.connection.poll() and time.monotonic() < self._started + START_SECONDS:
                return False
            self.await_ready(0)
        return True

    def begin(self, job: _Job) -> None:
        """Hand over a chunk. A chunk has the time of one document: if that is not enough, each is read alone."""
        self.job, self._has_worked = job, True
        self._deadline = time.monotonic() + self.limits.seconds
        with suppress(OSError):  # lost just now: `finish` will tell how
            self.connection.send((self.limits, job.sources))

    def is_spent(self) -> bool:
        """Idle, and lost or grown so far that the next document would pay for the memory of the last ones."""
        if self.job is not None or self._ready_seconds is None:
            return False
        has_grown = self._has_worked and self.resident_bytes() > self.limits.memory_bytes // 2
        return has_grown or self.process.poll() is not None

    def has_overrun(self) -> bool:
        """Past the time or the memory it may take for the job at hand."""
        return time.monotonic() > self._deadline or self.resident_bytes() > self.limits.memory_bytes

    def finish(self) -> tuple[_Job, list[bytes] | Failure]:
        """The job at hand with its results, or why there are none; the reader is free for another one, or killed."""
        job, self.job = self.job, None
        assert job is not None
        self.last_seconds = 0.0
        if not self.connection.poll():
            return job, self._kill_overrun()
        try:
            header = json.loads(self.connection.recv_bytes())
            results = [self.connection.recv_bytes() for _ in range(header["n_results"])]
        except (EOFError, OSError):
            return job, self._bury()
        self.last_seconds = header["seconds"]
        if header["error"]:
            return job, Failure(header["rule_id"], f"{header['error']}; expected: a result; {ADVICE}")
        if len(results) != len(job.sources):
            found = f"{len(results)} results of {len(job.sources)} documents"
            return job, Failure("reading_failed", f"{found}; expected: one of each; {ADVICE}")
        return job, results

    def abandon(self) -> None:
        """Kill it if it is still at work: nobody will ask for the answer."""
        if self.job is not None:
            self.job = None
            self._kill()

    def resident_bytes(self) -> int:
        """Resident memory now; 0 where the system has no /proc or the process is gone."""
        try:
            return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0

    def close(self) -> None:
        """Kill it, collect it, and give its pipes back."""
        self._kill()
        self.connection.close()
        if self.process.stdin:
            self.process.stdin.close()

    def _kill(self) -> int:
        self.process.kill()
        return self.process.wait()

    def _kill_overrun(self) -> Failure:
        resident, limit = self.resident_bytes(), self.limits.memory_bytes
        self._kill()
        if resident > limit:
            return Failure(
                "limit_exceeded", f"its reader took {resident >> 20} MB; {limit >> 20} MB are given; {ADVICE}"
            )
        return Failure(
            "limit_exceeded", f"still being read after {self.limits.seconds:g} s, all that is given; {ADVICE}"
        )

    def _bury(self) -> Failure:
        status = self._kill()
        how = f"signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"exit status {status}"
        return Failure("reader_died", f"its reader ended with {how}; expected: a result; {ADVICE}")


def _sources_to_jobs(sources: Sequence[Source], n_bytes_limit: int, workers: int) -> Iterator[_Job]:
    """Consecutive chunks, at least two for each worker; a document above the limit is a chunk of its own."""
    per_chunk = min(CHUNK_DOCUMENTS, max(1, len(sources) // (2 * workers)))
    start, n_bytes = 0, 0
    for position, (_, data) in enumerate(sources):
        is_first = position == start
        n_bytes = len(data) if is_first else n_bytes + len(data)
        if not is_first and (position - start == per_chunk or n_bytes > min(CHUNK_BYTES, n_bytes_limit)):
            yield _Job(start, sources[start:position])
            start, n_bytes = position, len(data)
    if start < len(sources):
        yield _Job(start, sources[start:])


def _wait_for_some(readers: Sequence[_Reader]) -> list[_Reader]:
    """The busy readers that have answered, died or overrun their limits; after a moment, perhaps none."""
    waited = {reader.connection: reader for reader in readers if reader.job or not reader.is_ready()}
    answered = {waited[connection] for connection in wait(list(waited), POLL_SECONDS)}  # type: ignore[index]
    return [reader for reader in readers if reader.job and (reader in answered or reader.has_overrun())]


def serve(descriptor: int, parse_path: str) -> None:
    """The child's side: read what the parent sends until it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with_parent()
    connection = Connection(descriptor)
    try:
        module, _, function = parse_path.partition(":")
        parse = getattr(importlib.import_module(module), function)
    except Exception as error:
        connection.send_bytes(json.dumps({"error": f"{_in_words(error)}; expected: {parse_path}"}).encode())
        return
    connection.send_bytes(json.dumps({"ready_at": time.monotonic()}).encode())
    while True:
        limits, sources = connection.recv()
        _obey(limits)
        _answer(connection, parse, sources)


def _die_with_parent() -> None:
    """Ends this process when the parent is gone, even while it hangs in C with the interpreter locked.

    Nobody writes to standard input: its only event is that the parent's end closes, and SIGIO's default is to kill.
    (The kernel's parent-death signal follows the parent's thread, which may end earlier than the parent.)
    """
    fcntl.fcntl(0, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([0], [], [], 0)[0]:
        os._exit(1)


def _obey(limits: Limits) -> None:
    from cnbudget.reading import pdf

    pdf.MAX_PAGES = limits.pages
    # A backstop for the moments in which the parent does not look: polars reserves about four times what it touches.
    resource.setrlimit(resource.RLIMIT_DATA, (4 * limits.memory_bytes, resource.RLIM_INFINITY))


def _answer(
    connection: Connection, parse: Callable[[Sequence[Source]], list[bytes]], sources: Sequence[Source]
) -> None:
    header: dict[str, object] = {"error": None, "rule_id": None}
    results: list[bytes] = []
    started = time.perf_counter()
    try:
        results = parse(sources)
    except BaseException as error:  # a panic of polars is no Exception
        header["error"] = _in_words(error)
        header["rule_id"] = "limit_exceeded" if isinstance(error, LimitExceeded | MemoryError) else "reading_failed"
    header |= {"seconds": time.perf_counter() - started, "n_results": len(results)}
    connection.send_bytes(json.dumps(header).encode())
    for result in results:
        connection.send_bytes(result)


def _in_words(error: BaseException) -> str:
    """The error with the place in the code that raised it, for someone who has only this line."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} (in {place.name}, {Path(place.filename).name}:{place.lineno})"
