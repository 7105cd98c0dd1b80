"""Keeps what Great Expectations makes again and again: half of a gate's fixed time.

It makes the configuration of an expectation anew each of the some 77 times that it looks at it, from a model that does
not change while a suite is evaluated. Inside of `configurations_kept` the first one serves. Imported with GX, which is
loaded late.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from great_expectations.expectations.expectation import Expectation

# By identity, with the expectation itself: so it lives as long as its entry, and no other one takes its number.
_kept: ContextVar[dict[int, tuple[Any, Any]] | None] = ContextVar("kept", default=None)
_make = Expectation.configuration.fget


def _configuration(expectation: Any) -> Any:
    kept = _kept.get()
    if kept is None:
        return _make(expectation)
    if id(expectation) not in kept:
        kept[id(expectation)] = expectation, _make(expectation)
    return kept[id(expectation)][1]


Expectation.configuration = property(_configuration)


@contextmanager
def configurations_kept() -> Iterator[None]:
    """While the block runs, in this thread: the configuration of each expectation is made once."""
    token = _kept.set({})
    try:
        yield
    finally:
        _kept.reset(token)
