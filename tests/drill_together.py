"""All at once on one lake: two watchers, two workers that reconcile, approvals, a rebuild again and again, readers beside.

The first watcher shares its store with the workers, the deciders and the rebuild; the second one has a store of its own, as
on another machine. In the end every decision that was acknowledged stands in the journal once and has its effect, every
document is there once, and the lake is what one makes of its journal anew.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import json
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.drilling import Broken, draw_inbox, forking, reader_beside, settle
from tests.lakes import curated

_STALLED_SECONDS = 150.0
"""Longer than the wait for the store: who has done nothing by then hangs."""
_FINAL = {"approve": "published", "reject": "rejected", "withdraw": "withdrawn"}


def together(folder: Path, options: argparse.Namespace) -> str:
    """Drop documents for so many seconds while all work on them; then compare what they left with what was said."""
    inbox, home, notes = folder / "inbox", folder / "lake", folder / "notes"
    inbox.mkdir(), notes.mkdir()
    paths = draw_inbox(folder / "drawn", options.documents)
    spoil(paths[::3])
    roles = {"watcher a": watching, "watcher b": watching, "worker a": reconciling, "worker b": reconciling}
    roles |= {"decider": deciding, "rebuilder": rebuilding}
    with reader_beside(home, may_leave=True) as seen, _started(roles, inbox, home, notes) as processes:
        _feed(paths, inbox, options.seconds, lambda: _check_alive(processes, notes))
    rounds = {name: len(_lines(notes / name)) for name in roles}
    said = compare(inbox, home, folder / "again", notes / "decisions", len(paths))
    return f"{options.seconds:.0f} s, {', '.join(f'{name} {n}' for name, n in rounds.items())} rounds; {said}; reader: {seen}"


def spoil(paths: list[Path]) -> None:
    """Change a digit of these texts, so that a sum is wrong and someone has to decide."""
    for path in (path for path in paths if path.suffix == ".txt"):
        text, stat = path.read_text("utf-8"), path.stat()
        figures = list(re.finditer(r"(?<=\t)\d[\d,]*[,.]\d+(?=\t)", text))
        found = figures[len(figures) // 2]
        digit = "8" if found.group().startswith("9") else "9"
        path.write_text(f"{text[: found.start()]}{digit}{text[found.start() + 1 :]}", "utf-8")
        os.utime(path, (stat.st_mtime, stat.st_mtime))


@contextlib.contextmanager
def _started(roles: dict[str, Any], inbox: Path, home: Path, notes: Path) -> Iterator[dict[str, Any]]:
    """The processes; at the end each is asked to stop, and has to."""
    processes = {}
    for name, work in roles.items():
        processes[name] = forking().Process(target=_run, args=(work, name, str(inbox), str(home), str(notes)))
        processes[name].start()
    try:
        yield processes
        for process in processes.values():
            os.kill(process.pid, signal.SIGTERM)
        for name, process in processes.items():
            while process.is_alive():
                process.join(1)
                _check_moves(name, process, notes)
            if process.exitcode != 0:
                raise Broken(f"{name} did not stop well ({process.exitcode}): {_said(notes, name)}")
    finally:
        for process in processes.values():
            process.kill()


def _run(work: Callable[[str, str, Path, threading.Event], None], name: str, inbox: str, home: str, notes: str) -> None:
    """A process of the drill: its errors go to a file, its rounds to another."""
    import sys

    from flows.settings import quieten

    quieten()
    os.environ["CNBUDGET_WORKERS"] = "1"
    if name == "watcher b":
        os.environ["CNBUDGET_STORE_PATH"] = str(Path(notes, "elsewhere.duckdb"))
    sys.stderr = Path(notes, f"{name}.err").open("a", buffering=1)  # noqa: SIM115
    faulthandler.register(signal.SIGUSR1, sys.stderr)
    _note_signs_of_life(Path(notes, name))
    from flows.events import stopped_by_signals

    stop = threading.Event()
    with stopped_by_signals(stop):
        work(inbox, home, Path(notes, name), stop)


def _note(path: Path, line: str = "") -> None:
    with path.open("a") as file:
        file.write(f"{line}\n")
        file.flush()


def _note_signs_of_life(note: Path) -> None:
    """A round may be long: of hundreds of documents, with their pages. Each document and each page is a sign of life."""
    import logging

    from warehouse.curated import Reports

    beat, write = _beat_of(note), Reports.write

    class Beating(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
            beat.touch()

    def written(reports: Reports, key: str, data: bytes) -> None:
        beat.touch()
        write(reports, key, data)

    stages = logging.getLogger("tasks.stages")
    stages.setLevel(logging.INFO)
    stages.addHandler(Beating())
    Reports.write = written  # type: ignore[method-assign]


def _beat_of(note: Path) -> Path:
    return note.with_name(f"{note.name}.beat")


def watching(inbox: str, home: str, note: Path, stop: threading.Event) -> None:
    from flows.watch import Watcher, run_until

    turn = Watcher.turn

    def noted(watcher: Watcher) -> bool:
        has_worked = turn(watcher)
        _note(note)
        return has_worked

    Watcher.turn = noted  # type: ignore[method-assign]
    run_until(stop, [inbox], home)


def reconciling(inbox: str, home: str, note: Path, stop: threading.Event) -> None:
    from flows.reconcile import reconcile

    while not stop.wait(random.uniform(0, 1)):
        found = reconcile.fn([inbox], home, page=20)
        if found.failures:
            raise Broken(f"reconcile: {found.failures}")
        _note(note)


def deciding(_: str, home: str, note: Path, stop: threading.Event) -> None:
    """Decide on anything that can be decided; what was acknowledged is noted."""
    from cnbudget.errors import DecisionRefused
    from warehouse.journal import Decision
    from warehouse.lake import Lake

    may = {"held": ["approve", "reject", "retry"], "published": ["withdraw"], "withdrawn": ["approve", "reject"]}
    rng, number = random.Random(0), 0
    while not stop.wait(rng.uniform(0, 0.5)):
        lake = Lake.open(home)
        rows = lake.query("SELECT document_id, state FROM documents ORDER BY document_id").rows()
        rows = [row for row in rows if row[1] in may and (row[1] != "published" or rng.random() < 0.05)]
        if rows:
            document_id, state = rng.choice(rows)
            decision, number = rng.choice(may[state]), number + 1
            with contextlib.suppress(DecisionRefused):  # its state has changed meanwhile
                lake.decide([document_id], Decision(decision), reason=f"decision {number}", by="drill")
                _note(note.with_name("decisions"), json.dumps([document_id, decision, f"decision {number}"]))
            lake.publish()
        _note(note)


def rebuilding(_: str, home: str, note: Path, stop: threading.Event) -> None:
    from warehouse.lake import Lake

    while not stop.wait(3):
        Lake.open(home).rebuild()
        _note(note)


def _feed(paths: list[Path], inbox: Path, seconds: float, have_come_round: Callable[[], bool]) -> None:
    """Move the documents in over the time, and go on until all have come round; some are moved meanwhile."""
    rng, start, waiting = random.Random(1), time.monotonic(), list(paths)
    while not have_come_round() or time.monotonic() - start < seconds:
        passed = time.monotonic() - start
        while waiting and len(paths) - len(waiting) < len(paths) * passed / (0.8 * seconds):
            path = waiting.pop(0)
            path.rename(inbox / path.name)
        there = sorted(inbox.iterdir())
        if there and rng.random() < 0.2:
            one = rng.choice(there)
            one.rename(one.with_name(f"moved-{rng.randrange(10**6)}{one.suffix}"))
        time.sleep(0.5)


def _check_alive(processes: dict[str, Any], notes: Path) -> bool:
    """Whether each has come round at least once; raises Broken where one ended or hangs."""
    for name, process in processes.items():
        if not process.is_alive():
            raise Broken(f"{name} ended with {process.exitcode}: {_said(notes, name)}")
        _check_moves(name, process, notes)
    return all(_lines(notes / name) for name in processes)


def _check_moves(name: str, process: Any, notes: Path) -> None:
    """Raise Broken where a process has shown no sign of life for long."""
    signs = [path for path in (notes / name, _beat_of(notes / name)) if path.exists()]
    since = max([path.stat().st_mtime for path in signs] or [_first_seen.setdefault(name, time.time())])
    if process.is_alive() and time.time() - since > _STALLED_SECONDS:
        os.kill(process.pid, signal.SIGUSR1)  # it says where it is
        time.sleep(1)
        raise Broken(f"{name} hangs for {time.time() - since:.0f} s: {_said(notes, name)}")


_first_seen: dict[str, float] = {}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _said(notes: Path, name: str) -> str:
    return "\n".join(_lines(notes / f"{name}.err")[-40:])


# What they left


def compare(inbox: Path, home: Path, again: Path, decisions: Path, n_documents: int) -> str:
    """Bring the lake to rest; then each decision counts once, each document is there once, and a store that is made of
    the journal anew gives the same bytes."""
    from warehouse.lake import Lake

    lake = Lake.open(str(home))
    settle(lake, inbox)
    lake.publish()
    told = [json.loads(line) for line in _lines(decisions)]
    written = Counter(lake.query("SELECT reason FROM ledger.decisions")["reason"])
    if lost := [each for each in told if written[each[2]] != 1]:
        raise Broken(f"decisions that were acknowledged and do not stand in the journal once: {lost[:3]}")
    _check_effects(lake, told)
    balance = lake.balance()
    if not balance.is_balanced or sum(balance.documents.values()) != n_documents:
        raise Broken(f"{n_documents} documents were given: {balance}")
    before = curated(home)
    Lake.open(str(home), store_path=again / "store.duckdb").rebuild()
    if curated(home) != before:
        raise Broken("a store that was made anew gives other bytes")
    states = ", ".join(f"{count} {state}" for state, count in balance.documents.items())
    return (
        f"{len(told)} decisions, none lost; {n_documents} documents ({states}), the same bytes from a store made anew"
    )


def _check_effects(lake: Any, told: list[list[str]]) -> None:
    """The last decision on a document is what it is, unless a revision or another verdict came after it."""
    last = {document_id: decision for document_id, decision, _ in told}
    states = dict(lake.documents().select("document_id", "state").iter_rows())
    wrong = {
        document_id[:12]: (decision, states[document_id])
        for document_id, decision in last.items()
        if decision in _FINAL and states[document_id] not in (_FINAL[decision], "superseded")
    }
    if wrong:
        raise Broken(f"decisions without their effect: {wrong}")
