"""The site beside the data, brought to what is published. Without Prefect, so that a decision is quick, too."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TYPE_CHECKING

from cnbudget.errors import CnbudgetError, PagesFailed
from cnbudget.sandbox import Limits, Readers
from explorer.pictures import DRAW
from explorer.publish import Written, publish_site

if TYPE_CHECKING:
    from warehouse.lake import Lake


def write_pages(
    lake: Lake, workers: int, limits: Limits, *, everything: bool = False, goes_on: Callable[[], bool] = lambda: True
) -> Written:
    """Write what differs from what is published, or `everything` anew, while it `goes_on`; what was written.

    Raises PagesFailed where the site's own code fails over what is published, and StorageError.
    """
    with ExitStack() as stack, _as_pages_failed():
        readers = cache(lambda: stack.enter_context(Readers(workers, limits, DRAW)))  # started where there is to draw
        return publish_site(
            lake.curated, lake.reports, lambda some: readers().parse(some), everything=everything, goes_on=goes_on
        )


@contextmanager
def _as_pages_failed() -> Iterator[None]:
    """A mistake of the site's code must not take down what publishes data."""
    try:
        yield
    except CnbudgetError:
        raise
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        found = f"{type(error).__name__}: {error} (in {place.name}, {place.filename}:{place.lineno})"
        raise PagesFailed(f"{found}; the data are published; report this", where="the explorer's pages") from error
