"""Releases on a schedule: at the beginning of a month, what `latest/` holds is kept under the name of the month before."""

from __future__ import annotations

import logging

from prefect import flow

from flows.settings import load_settings
from warehouse.lake import Lake
from warehouse.ledger import utc_now
from warehouse.releases import month_before

log = logging.getLogger(__name__)


@flow(name="release", validate_parameters=False, persist_result=False)
def release(name: str | None = None, lake: str | None = None) -> str:
    """Make a release, named after the month that has just ended where no name is given; its name.

    A run that was killed leaves none: run it again. Raises ReleaseRefused where there is one of that name.
    """
    settings = load_settings()
    target = Lake.open(lake or settings.lake, store_path=settings.store_path, by=settings.by, must_exist=True)
    manifest = target.release(name or month_before(utc_now()))
    log.info("release %s of %s documents", manifest["release"], manifest["rows"]["documents"])
    return str(manifest["release"])
