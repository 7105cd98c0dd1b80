"""Bringing the site beside the data to what is published."""

from __future__ import annotations

from explorer.publish import Written
from flows.settings import limits_of, load_settings
from tasks.pages import write_pages
from warehouse.lake import Lake


def refresh_pages(lake: Lake, *, everything: bool = False) -> Written:
    """Write what differs, or `everything` anew, without Prefect. Raises PagesFailed and StorageError."""
    settings = load_settings()
    return write_pages(lake, settings.workers, limits_of(settings), everything=everything)
