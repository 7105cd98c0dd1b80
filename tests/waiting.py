"""That something ends, for input made to take for ever, and that something comes, however slow the machine is."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

Answer = TypeVar("Answer")

_CPU_SECONDS = 120
"""No measurement: hundreds of times what the work takes, so that it says the same on any machine."""
_PATIENCE_SECONDS = 400


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


def until(ask: Callable[[], Answer], why: str = "waited in vain") -> Answer:
    """Ask again and again; the first answer that is true."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < end, f"not in {_PATIENCE_SECONDS} s: {why}"
        time.sleep(0.05)
    return answer
