"""Readers: the children of these tests import this file and read "documents" whose bytes say how to misbehave."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from cnbudget.errors import LimitExceeded, ReaderDied
from cnbudget.sandbox import Limits, Readers

HERE = f"{__name__}:parse_documents"
LIMITS = Limits(seconds=5, memory_bytes=300 << 20, n_bytes=1000)


def parse_documents(sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
    for _, data in sources:
        misbehave(data)
    return [result(name, "parsed") for name, _ in sources if name != "lost"]


def held_result(file_name: str, data: bytes, reason: str, rule_id: str) -> bytes:
    assert isinstance(data, bytes)
    return result(file_name, f"{rule_id}: {reason}")


def result(name: str, state: str) -> bytes:
    return json.dumps({"name": name, "state": state, "pid": os.getpid()}).encode()


def told(results: Sequence[bytes], what: str) -> list[Any]:
    return [json.loads(each)[what] for each in results]


def misbehave(data: bytes) -> None:
    if data == b"hang":
        re.match(r"(a+)+$", "a" * 60 + "b")  # holds the interpreter's lock for ever
    if data == b"segfault":
        ctypes.string_at(0)
    if data == b"exit":
        os._exit(3)
    if data == b"swell":
        hoard = []
        while True:
            hoard.append(b"x" * (16 << 20))
            time.sleep(0.001)
    if data == b"swell at once":
        bytearray(4 << 30)
    if data == b"raise":
        raise ValueError("a bug")
    if data == b"panic":
        raise BaseException("a panic")
    if data == b"too many pages":
        raise LimitExceeded("3 pages found, at most 2 expected", where="some.pdf")
    if data == b"slow":
        time.sleep(0.05)


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers(2, LIMITS, HERE) as readers:
        yield readers


def test_parse__healthy_batch_keeps_the_order_of_sources_over_two_readers(readers: Readers) -> None:
    names = [f"{number}.pdf" for number in range(40)]
    before = readers.parse_seconds

    results = readers.parse([(name, b"slow" if number % 7 == 0 else b"ok") for number, name in enumerate(names)])

    assert told(results, "name") == names
    assert set(told(results, "state")) == {"parsed"}
    assert len(set(told(results, "pid"))) == 2
    assert readers.parse_seconds - before >= 6 * 0.05
    assert 0 < readers.startup_seconds < 30


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"segfault", "reader_died: 3.pdf: its reader ended with signal 11 .Segmentation fault"),
        (b"exit", "reader_died: 3.pdf: its reader ended with exit status 3"),
        (b"swell", r"limit_exceeded: 3.pdf: its reader took \d+ MB; 300 MB are given"),
        (b"swell at once", "limit_exceeded: 3.pdf: MemoryError"),
        (b"raise", r"reading_failed: 3.pdf: ValueError: a bug \(in misbehave, test_sandbox.py:\d+\)"),
        (b"panic", "reading_failed: 3.pdf: BaseException: a panic"),
        (b"too many pages", "limit_exceeded: 3.pdf: LimitExceeded: some.pdf: 3 pages found, at most 2"),
        (b"x" * 1001, "limit_exceeded: 3.pdf: 1001 bytes; at most 1000 are read"),
    ],
)
def test_parse__culprit_is_held_and_its_neighbours_come_through(readers: Readers, data: bytes, reason: str) -> None:
    sources = [(f"{number}.pdf", b"ok") for number in range(8)]
    sources[3] = ("3.pdf", data)

    results = readers.parse(sources)

    states = told(results, "state")
    assert told(results, "name") == [name for name, _ in sources]
    assert re.match(reason, states.pop(3))
    assert states == ["parsed"] * 7


def test_parse__hanging_document_is_held_and_its_neighbours_come_through() -> None:
    with Readers(1, Limits(seconds=0.3), HERE) as readers:
        states = told(readers.parse([("a", b"ok"), ("b", b"ok"), ("c", b"hang"), ("d", b"ok")]), "state")

    assert states.pop(2).startswith("limit_exceeded: c: still being read after 0.3 s")
    assert states == ["parsed"] * 3


def test_parse__every_document_a_culprit(readers: Readers) -> None:
    results = readers.parse([(name, b"exit") for name in "abcdef"])

    assert told(results, "name") == list("abcdef")
    assert all(state.startswith("reader_died") for state in told(results, "state"))


def test_parse__no_sources_gives_no_results(readers: Readers) -> None:
    assert readers.parse([]) == []


def test_parse__result_that_is_missing_is_held_and_shifts_no_other(readers: Readers) -> None:
    results = readers.parse([("a", b"ok"), ("lost", b"ok"), ("b", b"ok")])

    assert told(results, "name") == ["a", "lost", "b"]
    assert told(results, "state")[1].startswith("reading_failed: lost: 0 results of 1 documents")


def test_parse__idle_reader_killed_from_outside_is_replaced_without_blame(readers: Readers) -> None:
    pids = set(told(readers.parse([("a", b"slow"), ("b", b"slow")]), "pid"))
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.05)

    results = readers.parse([("a", b"ok")])

    assert told(results, "state") == ["parsed"]
    assert not set(told(results, "pid")) & pids


def test_parse__grown_reader_is_recycled() -> None:
    with Readers(1, LIMITS, HERE) as readers:
        first, second = (told(readers.parse([("a", b"ok")]), "pid")[0] for _ in range(2))
        resident = readers._readers[0].resident_bytes()
    assert first == second

    with Readers(1, Limits(memory_bytes=int(resident * 1.6)), HERE) as readers:
        first, second = (told(readers.parse([("a", b"ok")]), "pid")[0] for _ in range(2))
    assert first != second


def test_parse__limit_below_what_a_reader_needs_holds_and_ends() -> None:
    with Readers(1, Limits(seconds=3600.0, memory_bytes=10 << 20), HERE) as readers:
        (state,) = told(readers.parse([("a", b"hang")]), "state")

    assert state.startswith("limit_exceeded")


def test_parse__interrupted_reader_does_not_answer_the_next_question(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Readers, "_settle", interrupt)
        with pytest.raises(KeyboardInterrupt):
            readers.parse([("old", b"ok"), ("older", b"slow"), ("oldest", b"slow")])

    assert told(readers.parse([("new", b"ok")]), "name") == ["new"]


def test_parse__page_limit_reaches_the_pdf_reader() -> None:
    with Readers(1, Limits(pages=7), f"{__name__}:page_limit") as readers:
        assert told(readers.parse([("a", b"")]), "state") == ["7"]


def page_limit(sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
    from cnbudget.reading import pdf

    return [result(name, str(pdf.MAX_PAGES)) for name, _ in sources]


def test_parse__parse_function_that_cannot_be_imported_says_so() -> None:
    with Readers(1, LIMITS, "no.such.module:parse") as readers, pytest.raises(ReaderDied, match="No module named 'no'"):
        readers.parse([("a", b"ok")])


def test_parse__outside_with_is_refused() -> None:
    with pytest.raises(ReaderDied, match="inside `with"):
        Readers(1, LIMITS, HERE).parse([("a", b"ok")])


def test_exit__leaves_no_process_no_thread_and_no_descriptor() -> None:
    gc.collect()
    before = (threading.active_count(), len(list(Path("/proc/self/fd").iterdir())))
    with Readers(2, LIMITS, HERE) as readers:
        pids = set(told(readers.parse([("a", b"exit"), ("b", b"ok"), ("c", b"ok")]), "pid"))
        pids |= {reader.process.pid for reader in readers._readers}
        pids.discard(os.getpid())  # which holds the culprit

    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


PARENT = """
import sys; sys.path[:] = {path!r}
from cnbudget.sandbox import Limits, Readers
with Readers(1, Limits(), {parse!r}) as readers:
    readers.startup_seconds
    print(readers._readers[0].process.pid, flush=True)
    readers.parse([("a", b"hang")])
"""


def test_child__dies_with_a_killed_parent_even_while_it_hangs_in_c() -> None:
    script = PARENT.format(path=sys.path, parse=HERE)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = Path(f"/proc/{int(parent.stdout.readline())}/status")
        time.sleep(0.2)
        assert "running" in child.read_text()
        parent.kill()

    deadline = time.monotonic() + 5
    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(child)


def is_alive(status: Path) -> bool:
    try:
        return "zombie" not in status.read_text()
    except OSError:
        return False


def test_child__ignores_the_interrupt_key(readers: Readers) -> None:
    pid = told(readers.parse([("a", b"ok")]), "pid")[0]
    os.kill(pid, signal.SIGINT)

    assert pid in {told(readers.parse([("a", b"ok")]), "pid")[0] for _ in range(2)}
