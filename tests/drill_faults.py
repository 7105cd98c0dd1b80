"""Events that come twice, in any order or never; storage that fails every third call; a disk that is full."""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cnbudget.errors import StorageError
from tests.drilling import Broken, complaint, draw_inbox, look, settle, watcher_of
from tests.lakes import FailingBucket, curated
from warehouse.bucket import LocalBucket, ObjectInfo


def events(folder: Path, options: argparse.Namespace) -> str:
    """Events of all objects three times, in any order, a tenth never; then reconciled: the same bytes as ingested."""
    from flows.events import Notice
    from tests.lakes import Clock, lake_at

    rng, inbox = random.Random(options.seed), folder / "inbox"
    draw_inbox(inbox, options.documents)
    source_keys = sorted(path.name for path in inbox.iterdir())
    withheld = set(rng.sample(source_keys, max(1, len(source_keys) // 10)))
    told = [key for key in source_keys if key not in withheld] * 3
    rng.shuffle(told)
    lake = lake_at(folder / "lake", clock=Clock(0))
    watcher, box, source = watcher_of(lake, inbox, reads_listing=False)
    while told:
        some = [told.pop() for _ in range(min(len(told), rng.randint(1, 40)))]
        box.put(Notice(source, dict.fromkeys([*some, f"never-{rng.random()}.pdf"])), kind="drill")
        watcher.turn()
    n_before = lake.documents().height
    if n_before != len(source_keys) - len(withheld):
        raise Broken(f"{n_before} documents after the events of {len(source_keys) - len(withheld)} objects")
    settle(lake, inbox)
    clean = lake_at(folder / "clean", clock=Clock(0))
    settle(clean, inbox)
    if curated(folder / "lake") != curated(folder / "clean"):
        raise Broken("events gave other bytes than an ingestion")
    return (
        f"{3 * n_before} events of {len(source_keys)} objects, {len(source_keys) - n_before} withheld: the same bytes"
    )


# Storage that fails


@dataclass
class FaultyBucket(FailingBucket):
    """Every third call fails, half of those after it was done: 503, a timeout, a reply that is cut off."""

    rng: random.Random = field(default_factory=random.Random)
    turn: threading.Lock = field(default_factory=threading.Lock)
    n_failed: int = 0
    share: float = 1 / 3

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        self._fail("list")
        yield from self.inner.list(prefix, after=after)

    def head(self, key: str) -> ObjectInfo | None:
        self._fail(key)
        return self.inner.head(key)

    def read(self, key: str) -> bytes | None:
        self._fail(key)
        return self.inner.read(key)

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        self._fail(key)
        return self.inner.fetch(key)

    def write(self, key: str, data: bytes) -> str:
        is_lost = self._fail(key, has_effect=True)
        etag = self.inner.write(key, data)
        self._lose(key, is_lost)
        return etag

    def create(self, key: str, data: bytes) -> bool:
        is_lost = self._fail(key, has_effect=True)
        is_made = self.inner.create(key, data)
        self._lose(key, is_lost)
        return is_made

    def _fail(self, key: str, *, has_effect: bool = False) -> bool:
        """Raise for this call, or say that its reply is to be lost."""
        with self.turn:
            fails = self.rng.random() < self.share
            self.n_failed += fails
            is_lost = fails and has_effect and self.rng.random() < 0.5
            reason = self.rng.choice(["the server answers 503 SlowDown", "read timeout", "3 bytes of 9 arrived"])
        if fails and not is_lost:
            raise StorageError(f"{reason}; try again", where=key)
        return is_lost

    def _lose(self, key: str, is_lost: bool) -> None:
        if is_lost:
            raise StorageError("the connection was lost before the reply", where=key)


def faults(folder: Path, options: argparse.Namespace) -> str:
    """Source and lake fail every third call; all is ingested in the end, and nothing else."""
    from tests.lakes import Clock, lake_at

    inbox = folder / "inbox"
    draw_inbox(inbox, options.documents)
    clean = lake_at(folder / "clean", clock=Clock(0))
    settle(clean, inbox)
    bucket = FaultyBucket(LocalBucket(folder / "lake"), share=0.0)
    source = FaultyBucket(LocalBucket(inbox), rng=random.Random(options.seed))
    lake = lake_at(folder / "lake", bucket=bucket, clock=Clock(0))
    bucket.rng, bucket.share = random.Random(options.seed + 1), 1 / 3
    n_turns = until_done(lake, inbox, source)
    bucket.share = source.share = 0.0
    if curated(folder / "lake") != curated(folder / "clean"):
        raise Broken("storage that fails gave other bytes")
    return f"{bucket.n_failed + source.n_failed} calls failed over {options.documents} documents in {n_turns} rounds; the same bytes"


def until_done(lake: Any, inbox: Path, source: Any) -> int:
    """Settle, whatever fails; how many rounds that took."""
    n_turns = 0
    while True:
        try:
            return n_turns + settle(lake, inbox, bucket=source)
        except StorageError:  # at the start, before the watcher stands
            n_turns += 1


# A disk that is full


class SmallDisk(LocalBucket):
    """A folder on a disk with so much room, and no more."""

    room = 1 << 62

    @contextlib.contextmanager
    def _scratch(self, data: bytes) -> Iterator[Path]:
        is_full = len(data) > self.room
        self.room -= 0 if is_full else len(data)
        with super()._scratch(data[: self.room] if is_full else data) as path:
            if is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
            yield path


def disk(folder: Path, options: argparse.Namespace) -> str:
    """The disk is full at some moment of a publish; latest/ stays readable, and room lets it go on."""
    from tests.lakes import Clock, lake_at

    rng, inbox, n_full, told = random.Random(options.seed), folder / "inbox", 0, ""
    paths = draw_inbox(folder / "drawn", min(options.documents, 20))
    inbox.mkdir()
    bucket = SmallDisk(folder / "lake")
    lake = lake_at(folder / "lake", bucket=bucket, clock=Clock(0))
    for path in paths:
        path.rename(inbox / path.name)
        watcher, _, _ = watcher_of(lake, inbox)
        bucket.room = rng.randint(0, 120_000)
        failures = failures_of(watcher)
        if failures:
            n_full, told = n_full + 1, failures[-1]
            if "No space left" not in told:
                raise Broken(f"a full disk is not called by its name: {told}")
        if (folder / "lake/curated/latest/documents").exists():
            wrong = complaint(*look(str(folder / "lake")), set())
            if wrong:
                raise Broken(f"on a full disk, latest/ shows {wrong}")
        bucket.room = 1 << 62
        settle(lake, inbox)
    clean = lake_at(folder / "clean", clock=Clock(0))
    settle(clean, inbox)
    if curated(folder / "lake") != curated(folder / "clean"):
        raise Broken("a disk that was full left other bytes")
    return f"full in {n_full} of {len(paths)} rounds ({told[:90]}...); latest/ readable, then the same bytes"


def failures_of(watcher: Any) -> list[str]:
    """What fails in a few rounds of a watcher."""
    told: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("flows.watch")
    logger.addHandler(handler)
    try:
        for _ in range(3):
            watcher._resume_at = 0.0
            watcher.turn()
    finally:
        logger.removeHandler(handler)
    return told
