"""Reconciling: everything that stands in the sources, beside the ledger, whatever events told or did not tell.

The listing is gone through in pages, and what a page has that the ledger has not is ingested before the next one; how far
it has come is remembered, so that a run that was killed goes on there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from prefect import flow

from cnbudget.errors import CnbudgetError
from cnbudget.parse import extractor_version
from cnbudget.sandbox import Readers
from flows import screen
from flows.coverage import write_dataset
from flows.ingest import Run, batches, end_deployed, leave_artifact, read_and_check_all, warm_up, write_pages
from flows.notices import announce, begin_announcing
from flows.settings import Settings, limits_of, load_settings
from tasks import stages
from warehouse.lake import Lake
from warehouse.landing import PAGE, Comparison
from warehouse.sources import Source, open_sources

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Reconciled:
    """What a run found: objects listed, those that were missing in the ledger and those that are gone from storage."""

    n_listed: int = 0
    n_new: int = 0
    n_gone: int = 0
    n_published: int = 0
    failures: list[str] = field(default_factory=list)


@flow(name="reconcile", validate_parameters=False, persist_result=False)
def reconcile(sources: list[str] | None = None, lake: str | None = None, page: int = PAGE) -> Reconciled:
    """Compare sources (all the lake knows, where none is named) with the ledger, ingest what is missing, mark what is
    gone. Compacts the journal, and brings the dataset `coverage` up to date. Can be killed and started again."""
    settings, found = load_settings(), Reconciled()
    target = Lake.open(lake or settings.lake, store_path=settings.store_path, by=settings.by, must_exist=not sources)
    begin_announcing(target, settings)
    with Readers(settings.workers, limits_of(settings)) as readers:
        warm_up(readers)
        for source in open_sources(sources) if sources else target.sources():
            try:
                _reconcile(found, target, source, readers, settings, page)
            except CnbudgetError as error:
                found.failures.append(f"{source.uri}: {error}")
        _take_up(found, target, readers, settings)
    target.compact()
    run = Run()
    with run.guarded("coverage"):
        write_dataset(target, settings.expected)
    with run.guarded("pages"):
        write_pages(target, settings)
    found.failures += run.failures
    announce(target, settings)
    leave_artifact(lambda: to_markdown(target, found.failures), "reconcile", "Balance, and what is held")
    end_deployed(found.failures)
    return found


def _reconcile(found: Reconciled, lake: Lake, source: Source, readers: Readers, settings: Settings, page: int) -> None:
    name = f"reconcile {source.uri}"
    after = lake.noted(name) or ""
    if after:
        log.info("%s: going on after %s", source.uri, after)
    for comparison in lake.compare_pages(source, after=after, size=page):
        _record(found, lake, source, comparison, settings)
        if comparison.new:
            _take_up(found, lake, readers, settings)
        lake.note(name, comparison.last_key or None)


def _record(found: Reconciled, lake: Lake, source: Source, comparison: Comparison, settings: Settings) -> None:
    found.n_listed += comparison.n_listed
    found.n_new += len(comparison.new)
    found.n_gone += len(comparison.gone)
    for batch in batches(comparison.new, settings):
        try:
            stages.run(stages.land, lake, source, batch)
        except CnbudgetError as error:
            found.failures.append(f"land: {error}")
    lake.record_gone(comparison.gone)


def _take_up(found: Reconciled, lake: Lake, readers: Readers, settings: Settings) -> None:
    run = Run()
    with run.guarded("publish"), screen.progress(False) as progress:
        if pending := lake.pending(extractor_version()):
            read_and_check_all(run, lake, readers, pending, settings, progress)
        found.n_published += len(stages.run(stages.publish, lake))
    found.failures += run.failures


def to_markdown(lake: Lake, failures: Sequence[str]) -> str:
    """The balance of the sources and the table of held documents."""
    balance = lake.balance()
    objects = [f"| object {state} | {count} |" for state, count in sorted(balance.objects.items())]
    documents = [f"| document {state} | {count} |" for state, count in balance.documents.items()]
    lines = ["| what | how many |", "|---|---|", f"| objects listed | {balance.n_listed} |", *objects, *documents]
    held = screen.to_markdown(lake.query("SELECT * FROM documents WHERE state = 'held' ORDER BY document_id"))
    failed = [f"* {failure}" for failure in failures]
    return "\n".join([*lines, "", "balanced" if balance.is_balanced else "NOT balanced", "", *failed, "", held])
