"""`python -m flows doctor`: is everything here that the pipeline needs, and what to do where it is not."""

from __future__ import annotations

import importlib
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from cnbudget.errors import CnbudgetError
from flows.notices import ask_api
from flows.settings import Settings
from warehouse.bucket import Bucket, LocalBucket, open_bucket
from warehouse.journal import Journal, probe_create
from warehouse.lake import Lake
from warehouse.notifications import SqsQueue
from warehouse.sources import open_source

CLOCK_SECONDS = 5.0
"""Storage dates objects, and revisions are ordered by these dates: a clock that is further off deserves a look."""
FASTAPI = "0.150.0"
"""Prefect's server breaks with later ones, or answers 422 to its own client; `pip check` does not notice."""
_LEAST_VISIBILITY_SECONDS = 60
_COMMANDS = tuple(f"flows.{name}" for name in ("ingest", "watch", "reconcile", "revalidate", "backfill"))
"""The flows, each with the packages that it needs."""


class Check(NamedTuple):
    """What a check found; `advice` says what to do, and is empty where all is well."""

    name: str
    found: str
    advice: str = ""


def examine(uri: str | None, settings: Settings, sources: tuple[str, ...], queue: str | None) -> Iterator[Check]:
    """All checks of a lake at this address, and of a place where there is none yet."""
    lake, place = None, None
    try:
        place = check_place(uri or settings.lake)
        if place is None:
            lake = Lake.open(uri or settings.lake, store_path=settings.store_path, by=settings.by)
    except CnbudgetError as error:
        place = Check("lake", "cannot be used", str(error))
    if place:
        yield place
    yield from Doctor(lake, settings, sources, queue).checks()


def check_place(uri: str) -> Check | None:
    """Whether a lake could be made here; None where there is one. Leaves nothing behind. Raises StorageError."""
    bucket = open_bucket(uri)
    if isinstance(bucket, LocalBucket) and not bucket.root.exists():
        return Check("lake", f"nothing at {bucket.uri} yet; the first ingestion makes it")
    if Journal(bucket).has(1):
        return None
    probe_create(bucket)
    return Check("lake", f"none at {bucket.uri} yet, but one can be: it honours create-only writes")


@dataclass(frozen=True, slots=True)
class Doctor:
    """What is to be examined: the lake, sources and a queue as far as they are there and named."""

    lake: Lake | None
    settings: Settings
    sources: tuple[str, ...] = ()
    queue: str | None = None

    def checks(self) -> Iterator[Check]:
        """Each check in turn; one that cannot be made says why."""
        examine: list[tuple[str, Callable[[], Check]]] = [
            ("versions", check_versions),
            ("code", check_code),
            *self._of_lake(),
            *((f"source {uri}", lambda uri=uri: check_source(uri)) for uri in self.sources),
        ]
        if self.queue:
            examine.append(("queue", lambda: check_queue(SqsQueue(self.queue or ""))))
        examine.append(("prefect", self._prefect))
        for name, check in examine:
            try:
                yield check()
            except CnbudgetError as error:
                yield Check(name, "cannot be used", str(error))

    def _of_lake(self) -> list[tuple[str, Callable[[], Check]]]:
        if self.lake is None:
            return []
        checks = [("lake", check_lake), ("clock", check_clock), ("store", check_store)]
        return [(name, partial(check, self.lake)) for name, check in checks]

    def _prefect(self) -> Check:
        if not self.settings.prefect_api_url:
            return Check(
                "prefect", "no API configured (PREFECT_API_URL); ingest starts a server of its own, watch needs none"
            )
        found = ask_api(self.settings, "/admin/version")
        advice = "" if found == version("prefect") else "run the same version on both sides"
        return Check("prefect", f"the API answers; version {found} there, {version('prefect')} here", advice)


def check_lake(lake: Lake) -> Check:
    """Whether the lake can be written to and honours create-only writes."""
    lake.probe()
    return Check("lake", f"{lake.bucket.uri} can be read and written, and honours create-only writes")


def check_clock(lake: Lake) -> Check:
    """Whether this machine and the storage agree about the time."""
    skew = clock_skew(lake.bucket)
    advice = "set this machine's clock by NTP, or the server's" if abs(skew) > CLOCK_SECONDS else ""
    return Check("clock", f"{abs(skew):.1f} s apart from the storage's", advice)


def check_store(lake: Lake) -> Check:
    """Whether the store can be opened."""
    return Check("store", f"free to be opened, and follows the journal up to version {lake.head()}")


def check_versions() -> Check:
    """The packages that are pinned for a reason."""
    found = {name: _version(name) for name in ("prefect", "fastapi", "great-expectations", "duckdb", "polars", "boto3")}
    text = ", ".join(f"{name} {number}" for name, number in found.items())
    missing = [name for name, number in found.items() if number == "missing"]
    if missing:
        return Check("versions", text, f"install {', '.join(missing)}: pip install -e '.[pipeline]' -c constraints.txt")
    if found["fastapi"] != FASTAPI:
        return Check("versions", text, f"Prefect's server needs fastapi {FASTAPI}: pip install fastapi=={FASTAPI}")
    return Check("versions", text)


def check_code() -> Check:
    """Whether all commands can be loaded: a package that one of them needs may be missing, or not fit."""
    for name in _COMMANDS:
        try:
            importlib.import_module(name)
        except Exception as error:
            found = f"{name} cannot be loaded: {type(error).__name__}: {error}"
            return Check("code", found, "install what is pinned: pip install -e '.[pipeline,scale]' -c constraints.txt")
    return Check("code", f"{', '.join(_COMMANDS)} can be loaded")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def check_source(uri: str) -> Check:
    """Whether a source can be listed and its first object read."""
    source = open_source(uri)
    first = next(source.objects(), None)
    if first is None:
        return Check(f"source {uri}", "can be listed; nothing in it")
    source.bucket.read(first.key)
    return Check(f"source {uri}", "can be listed and read")


def check_queue(queue: SqsQueue) -> Check:
    """Whether a queue can be asked, gives enough time, and has somewhere to put what makes no sense."""
    found = queue.attributes()
    waiting, seconds = found.get("ApproximateNumberOfMessages", "?"), int(found.get("VisibilityTimeout", "30"))
    policy = json.loads(found.get("RedrivePolicy") or "{}")
    text = f"{waiting} messages wait; visibility timeout {seconds} s; dead-letter queue: {policy.get('deadLetterTargetArn', 'none')}"
    if not policy:
        return Check("queue", text, "give it a dead-letter queue (RedrivePolicy), or bad messages come again for ever")
    if seconds < _LEAST_VISIBILITY_SECONDS:
        return Check("queue", text, f"set VisibilityTimeout to {_LEAST_VISIBILITY_SECONDS} s or more")
    return Check("queue", text)


def clock_skew(bucket: Bucket) -> float:
    """Seconds by which the storage's clock is ahead of ours; S3 tells whole seconds."""
    key = f"journal/probe-{uuid.uuid4().hex}"
    before = datetime.now(UTC)
    try:
        bucket.write(key, b"clock")
        info = bucket.head(key)
    finally:
        bucket.delete(key)
    after = datetime.now(UTC)
    there = info.last_modified_at if info else after
    if before.replace(microsecond=0) <= there <= after:
        return 0.0
    return (there - before).total_seconds()
