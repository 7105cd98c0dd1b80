"""Re-validation: today's rules and suites over what was read before, without reading it again.

Documents move between published and held as the rules say now. Batch by batch, and what a batch does not change leaves no
trace: a run that was killed is started again, and its report tells everything since the first start.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

import polars as pl
from prefect import flow

from cnbudget.errors import CnbudgetError
from cnbudget.revalidation import finding_changes
from cnbudget.schema import DATASETS
from flows import run_reports, screen
from flows.ingest import end_deployed
from flows.notices import announce, begin_announcing
from flows.settings import Settings, limits_of, load_settings
from tasks import stages
from tasks.validation import Tally
from warehouse.judging import Rejudged, Scope
from warehouse.lake import Lake

Item = TypeVar("Item")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Revalidated:
    """What a run did: documents judged, how many of them moved where, how findings changed, and where the report is."""

    n_documents: int = 0
    moved: Counter[str] = field(default_factory=Counter)
    changes: Counter[str] = field(default_factory=Counter)
    report: str | None = None
    failures: list[str] = field(default_factory=list)


@flow(name="revalidate", validate_parameters=False, persist_result=False)
def revalidate(
    years: list[int] | None = None,
    jurisdictions: list[str] | None = None,
    documents: list[str] | None = None,
    lake: str | None = None,
    show_progress: bool = False,
) -> Revalidated:
    """Judge again all documents that have figures, or those of some years, jurisdictions (codes) or ids."""
    settings = load_settings()
    target = Lake.open(lake or settings.lake, store_path=settings.store_path, by=settings.by, must_exist=True)
    scope = Scope(years or (), jurisdictions or (), target.known_ids(documents or ()))
    found = judge_again(target, scope, settings, show_progress=show_progress)
    with _guarded(found, "pages"):
        stages.run(stages.pages, target, settings.workers, limits_of(settings))
    end_deployed(found.failures)
    return found


def judge_again(lake: Lake, scope: Scope, settings: Settings, *, show_progress: bool = False) -> Revalidated:
    """Re-validate a scope of a lake; what fails in storage is noted, and the next run takes it up."""
    found = Revalidated()
    begin_announcing(lake, settings)
    tally, since = _begin(lake, scope)
    standings = lake.standings(scope)
    with screen.progress(show_progress) as progress:
        for batch in progress.track(list(_batches(standings, settings.batch_documents)), "judge"):
            with _guarded(found, "judge"):
                stages.run(stages.judge, lake, batch, tally)
    with _guarded(found, "publish"):
        stages.run(stages.publish, lake)
        if not found.failures:
            _finish(lake, scope, tally, since, found)
    found.n_documents = tally.n_documents
    announce(lake, settings)
    return found


@contextmanager
def _guarded(found: Revalidated, stage: str) -> Iterator[None]:
    try:
        yield
    except CnbudgetError as error:
        found.failures.append(f"{stage}: {error}")


def _begin(lake: Lake, scope: Scope) -> tuple[Tally, int]:
    """The run, and the journal's version at its start: those of a run of the same scope that was killed, where one was."""
    tally, since = Tally("revalidation", str(scope)), lake.head()
    noted = lake.noted(_name(scope))
    if noted:
        kept = json.loads(noted)
        if not lake.is_recorded(kept["run_id"]):
            log.info("going on with run %s", kept["run_id"])
            tally.run_id, tally.started_at = kept["run_id"], datetime.fromisoformat(kept["started_at"])
            return tally, int(kept["since"])
    kept = {"run_id": tally.run_id, "started_at": tally.started_at.isoformat(), "since": since}
    lake.note(_name(scope), json.dumps(kept))
    return tally, since


def _finish(lake: Lake, scope: Scope, tally: Tally, since: int, found: Revalidated) -> None:
    """Record the run, write its report, and forget that it was under way."""
    moves = lake.judged_since(since)
    changes = _differences(lake, moves)
    tally.changes = Counter(dict(changes["change"].value_counts().iter_rows()))
    lake.record_run(tally.to_entries(with_met=True))
    lake.publish()
    found.changes = tally.changes
    found.moved = Counter(f"{each.was} -> {each.now}" for each in moves if each.was != each.now)
    found.report = run_reports.write(lake, tally, changes, [each for each in moves if each.was != each.now])
    lake.note(_name(scope), None)


def _differences(lake: Lake, moves: Sequence[Rejudged]) -> pl.DataFrame:
    """The findings that are new, resolved or changed in the documents that were judged again."""
    parts = [
        finding_changes(
            lake.findings_of([each.before for each in batch]), lake.findings_of([each.after for each in batch])
        )
        for batch in _batches(moves, 100)
    ]
    empty = pl.DataFrame(schema={"change": pl.String(), **DATASETS["findings"].polars_schema()})
    return pl.concat(parts) if parts else empty


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _name(scope: Scope) -> str:
    return f"revalidate {scope}"
