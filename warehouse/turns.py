"""Turns between the processes of one machine: a lock on a file, which ends with the process that holds it.

A turn orders, it does not protect: what is done in one has to be safe without it. So a file system that has no locks, or a
holder that takes too long, costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_PAUSE_SECONDS = 0.01
_PATIENCE_SECONDS = 1.0


class Wait:
    """How long to wait, at the most and while it `goes_on`; what is told once, when it has taken a while."""

    def __init__(
        self, seconds: float, tell: Callable[[], object] = lambda: None, goes_on: Callable[[], bool] = lambda: True
    ) -> None:
        self._until = time.monotonic() + seconds
        self._tell_at = time.monotonic() + _PATIENCE_SECONDS
        self._tell = tell
        self._goes_on = goes_on

    def pause(self, seconds: float) -> bool:
        """Sleep so long; False, at once, where the wait is over."""
        now = time.monotonic()
        if now > self._until or not self._goes_on():
            return False
        if now > self._tell_at:
            self._tell_at = math.inf
            self._tell()
        time.sleep(seconds)
        return True


@contextlib.contextmanager
def turn(path: Path, wait: Wait) -> Iterator[bool]:
    """Have the turn of this name while the block runs, threads of one process too; False where another has it all the while.

    Raises nothing: where the file cannot be made or locked, nobody waits for anybody, and all have it.
    """
    file = _opened(path)
    try:
        yield file is None or _has_locked(file, wait)
    finally:
        if file is not None:
            os.close(file)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError:
        return None


def _has_locked(file: int, wait: Wait) -> bool:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not wait.pause(_PAUSE_SECONDS):
                return False
        except OSError:
            return True
        else:
            return True
