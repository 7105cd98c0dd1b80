"""One Prefect task per stage of a document's life. Chunky: each takes a batch; the work is done by the lake, the readers
and the gate. Only errors that call themselves transient are tried again.

Every document leaves a line in the log at every stage, with its id: `fields` of the record, for logs that are data."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from prefect import Task, task
from prefect.cache_policies import NO_CACHE
from prefect.context import FlowRunContext
from prefect.tasks import exponential_backoff

from cnbudget.errors import CnbudgetError
from cnbudget.model import DocumentState
from tasks.validation import Tally

if TYPE_CHECKING:
    import polars as pl

    from cnbudget.sandbox import Limits
    from expectations.gate import Verdict
    from explorer.publish import Written
    from warehouse.bucket import ObjectInfo
    from warehouse.journal import Entry, ObjectRecorded
    from warehouse.judging import Standing
    from warehouse.lake import Lake, Pending
    from warehouse.sources import Source

Read = Callable[[Sequence[tuple[str, bytes]]], Sequence[bytes]]
"""Reads a batch of (file name, bytes) in child processes: a result for each, in their order."""

P = ParamSpec("P")
Result = TypeVar("Result")

ZIP_MAGIC = b"PK"
_COMPARED_AT_ONCE = 100
"""Documents whose figures, and those of their companions, are in memory together."""

log = logging.getLogger(__name__)


def run(stage: Task[P, Result], *arguments: P.args, **named: P.kwargs) -> Result:
    """Run a stage: as a task inside of a flow run, as the plain function where there is none (and no server)."""
    return stage(*arguments, **named) if FlowRunContext.get() else stage.fn(*arguments, **named)


def _log(event: str, **fields: object) -> None:
    log.info("%s %s", event, " ".join(f"{name}={value}" for name, value in fields.items()), extra={"fields": fields})


def is_transient(_task: Any, _run: Any, state: Any) -> bool:
    """Whether the failure of a task run may heal by waiting."""
    try:
        state.result()
    except CnbudgetError as error:
        log.warning("%s; transient: %s", error, error.transient)
        return error.transient
    except Exception:
        return False
    return False


_STAGE: dict[str, Any] = {
    "retries": 4,
    "retry_delay_seconds": exponential_backoff(backoff_factor=1),
    "retry_jitter_factor": 0.5,
    "retry_condition_fn": is_transient,
    "cache_policy": NO_CACHE,
    "persist_result": False,
}


@task(name="land", **_STAGE)
def land(lake: Lake, source: Source, objects: Sequence[ObjectInfo]) -> list[ObjectRecorded]:
    """Store the bytes of a batch of objects and record them; the records."""
    records = lake.land(source, objects)
    for record in records:
        _log(record.state, document_id=record.document_id, source_uri=record.source_uri, reason=record.reason)
    return records


@task(name="parse", **_STAGE)
def parse(lake: Lake, read: Read, extractor_version: str, batch: Sequence[Pending]) -> list[str]:
    """Read a batch of landed documents and stage what they yield; a result that is staged already is kept. The ids of what
    is staged: all, but for documents whose bytes are not in the lake any more (`not_landed`).

    The members of archives that were opened are kept; once `audit` has recorded them, they are pending themselves.
    """
    kept = lake.staged_ids([p.document_id for p in batch if not p.is_retry], extractor_version)
    contents = lake.read_landed([p.document_id for p in batch if p.document_id not in kept])
    todo = [pending for pending in batch if pending.document_id in contents]
    if todo:
        found = read([(pending.file_name, contents[pending.document_id]) for pending in todo])
        results = dict(zip((p.document_id for p in todo), found, strict=True))
        for document_id, content in contents.items():
            if content.startswith(ZIP_MAGIC):
                results[document_id] = lake.keep_members(document_id, results[document_id], extractor_version)
        lake.stage(results, extractor_version)
    for pending in todo:
        _log("read", document_id=pending.document_id, file_name=pending.file_name)
    return [pending.document_id for pending in batch if pending.document_id in kept | contents.keys()]


def not_landed(batch: Sequence[Pending], staged_ids: Collection[str]) -> list[str]:
    """What to say of the documents of a batch that `parse` could not read for want of their bytes."""
    return [
        f"{pending.file_name}: its bytes are not in the lake any more, expected at landed/{pending.document_id}; "
        "put them back from a copy of the lake"
        for pending in batch
        if pending.document_id not in staged_ids
    ]


@task(name="audit", **_STAGE)
def audit(lake: Lake, extractor_version: str, document_ids: Sequence[str]) -> bool:
    """Run the gate over a batch read back from staging and record its verdicts; whether archives among them were opened,
    so that their members wait to be read."""
    staged, tally = lake.staged(document_ids, extractor_version), Tally("ingestion", "a batch")
    verdicts = _verdicts(staged)

    def run_of(states: Sequence[str]) -> list[Entry]:
        tally.add(staged["findings"], verdicts, states)
        tally.changes["new"] = staged["findings"].height
        return tally.to_entries()

    entries = lake.record_audit(staged, _messages(verdicts), unapprovable=_unapprovable(verdicts), run_of=run_of)
    for entry in entries:
        _log(f"audited {entry.state}", document_id=entry.document_id, reason=entry.state_reason)
    return any(entry.state == DocumentState.OPENED for entry in entries)


@task(name="judge", **_STAGE)
def judge(lake: Lake, standings: Sequence[Standing], tally: Tally) -> list[str]:
    """Run today's rules and suites over a batch that was read before, and record what that changes; the ids of what changed.

    A batch that is tried again is counted again from the start: only a whole one is added to the `tally`.
    """
    from cnbudget.revalidation import finding_changes, judge_again
    from cnbudget.rules.across import findings_across

    staged, cases = lake.results([standing.result for standing in standings])
    companions = lake.companions([standing.result.document_id for standing in standings])
    judged = staged | judge_again(staged, cases, findings_across(companions.frames, companions.revisions))
    verdicts = _verdicts(judged)
    changes = finding_changes(staged["findings"], judged["findings"])
    recorded = lake.record_judgements(
        standings,
        judged,
        _messages(verdicts),
        unapprovable=_unapprovable(verdicts),
        changed=set(changes["document_id"]),
    )
    for entry in recorded:
        _log(f"judged {entry.state}", document_id=entry.document_id, reason=entry.state_reason)
    states = {standing.result.document_id: standing.verdict[0] for standing in standings}
    states |= {entry.document_id: entry.state for entry in recorded}
    tally.add(judged["findings"], verdicts, list(states.values()))
    tally.changes.update(changes["change"])
    return [entry.document_id for entry in recorded]


@task(name="publish", **_STAGE)
def publish(lake: Lake) -> list[str]:
    """Publish what passed, compared with the budgets that it has to do with; the ids of what is newly published."""
    published = lake.promote()
    try:
        has_judged = bool(compare(lake))
    except CnbudgetError as error:
        # A finding that comes later is no reason to keep figures back.
        log.warning("not compared with other budgets, the next run does it: %s", error)
        has_judged = True
    if has_judged:
        published += lake.promote()
    lake.write_latest()
    for document_id in published:
        _log("published", document_id=document_id)
    return published


def compare(lake: Lake) -> list[str]:
    """Judge again the documents whose findings over several documents are others since the last time, for something
    happened to them or to those they are compared with; their ids. What a killed one left undone, the next one does."""
    from cnbudget.revalidation import ACROSS
    from warehouse.judging import Scope

    judged: list[str] = []
    head, ids = lake.to_compare(ACROSS)
    if ids:
        tally = Tally("ingestion", "compared with other budgets")
        for differing in _differing(lake, ids):
            judged += judge.fn(lake, lake.standings(Scope(document_ids=differing)), tally)
        if judged:
            lake.record_run(tally.to_entries())
    lake.note_compared(head)
    return judged


def _differing(lake: Lake, document_ids: Sequence[str]) -> Iterator[list[str]]:
    """Those whose findings over several documents are no longer what they were judged to be, few at a time."""
    from cnbudget.revalidation import ACROSS, differing
    from cnbudget.rules.across import findings_across

    for start in range(0, len(document_ids), _COMPARED_AT_ONCE):
        batch = document_ids[start : start + _COMPARED_AT_ONCE]
        companions = lake.companions(batch)
        documents = _only(companions.frames, batch)["documents"]
        found = findings_across(companions.frames, companions.revisions)
        if others := differing(documents, lake.findings_by(batch, ACROSS), found):
            yield others


@task(name="pages", **_STAGE)
def pages(lake: Lake, workers: int, limits: Limits, *, goes_on: Callable[[], bool] = lambda: True) -> Written:
    """Bring the site beside the data to what was published while it `goes_on`; what was written. Where another process of
    this machine is at it all the while, it is left to that one."""
    from explorer.publish import Written
    from tasks.pages import write_pages

    with lake.drawing(goes_on) as is_ours:
        drawn = write_pages(lake, workers, limits, goes_on=goes_on) if is_ours else Written(n_left=1)
    _log("pages", **asdict(drawn))
    return drawn


def _messages(verdicts: Sequence[Verdict]) -> dict[str, list[str]]:
    """What holds documents, by document_id."""
    messages: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.severity == "critical":
            messages.setdefault(str(verdict.document_id), []).append(verdict.message)
    return messages


def _unapprovable(verdicts: Sequence[Verdict]) -> set[str]:
    return {str(v.document_id) for v in verdicts if v.severity == "critical" and not v.is_approvable}


def _verdicts(frames: Mapping[str, pl.DataFrame]) -> list[Verdict]:
    """The gate's verdicts, each on a document: one on the batch as a whole is narrowed down to the documents it is of."""
    from expectations.gate import audit as run_gate

    verdicts = run_gate(frames)
    ids = frames["documents"]["document_id"].to_list()
    if not any(verdict.document_id is None and verdict.severity == "critical" for verdict in verdicts):
        return verdicts
    if len(ids) == 1:
        return [_on(verdict, ids[0]) for verdict in verdicts]
    halves = ids[: len(ids) // 2], ids[len(ids) // 2 :]
    return [verdict for half in halves for verdict in _verdicts(_only(frames, half))]


def _on(verdict: Verdict, document_id: str) -> Verdict:
    return replace(verdict, document_id=document_id)


def _only(frames: Mapping[str, pl.DataFrame], document_ids: Sequence[str]) -> dict[str, pl.DataFrame]:
    import polars as pl

    return {name: frame.filter(pl.col("document_id").is_in(document_ids)) for name, frame in frames.items()}
