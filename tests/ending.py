"""That something ends: for input made to take for ever."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_CPU_SECONDS = 120
"""No measurement: hundreds of times what the work takes, so that it says the same on any machine."""


@contextlib.contextmanager
def ends() -> Iterator[None]:
    """The block ends by itself, and not because its work grows with the square of its input or worse."""

    def stop(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"still at it after {_CPU_SECONDS} CPU seconds")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
