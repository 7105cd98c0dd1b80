"""`status --format openmetrics`: what a monitoring system scrapes, as text of the OpenMetrics format."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from warehouse.balance import Balance
from warehouse.lake import Lake

_COUNTERS = {
    "stage_seconds": "Seconds that watch and its stages worked, since the store was made.",
    "stage_runs": "Rounds of the watcher in which a stage worked.",
    "events": "Objects that sources of events told of.",
    "events_malformed": "Messages that made no sense and were left to the dead-letter queue.",
    "events_foreign": "Objects that events told of and that are in no source.",
    "events_failed": "Times that a source of events could not be asked.",
    "failures": "Failures of a stage; each is tried again.",
}
_LABELS = {"stage_seconds": "stage", "stage_runs": "stage", "failures": "stage"}
_FINDINGS = """
    SELECT rule_id, severity, count(*) AS n
    FROM staged.findings ANTI JOIN ledger.accepted_findings USING (document_id, finding_id)
    JOIN ledger.document_states USING (document_id) WHERE state IN ('published', 'held')
    GROUP BY ALL ORDER BY ALL
"""


def to_openmetrics(lake: Lake, balance: Balance, now: datetime) -> str:
    """States of objects and documents, the lag of the oldest object that is not recorded, findings, and counters."""
    lag = max(0.0, (now - balance.oldest_unseen_at).total_seconds()) if balance.oldest_unseen_at else 0.0
    findings = [((rule, severity or ""), n) for rule, severity, n in lake.query(_FINDINGS).iter_rows()]
    lines = [
        *_family("objects", "Object versions by state.", ["state"], [((k,), v) for k, v in _states(balance).items()]),
        *_family("documents", "Documents by state.", ["state"], [((k,), v) for k, v in balance.documents.items()]),
        *_family("objects_listed", "Object versions that stand in the sources.", [], [((), balance.n_listed)]),
        *_family("balanced", "1 where every object version is in exactly one state.", [], [((), balance.is_balanced)]),
        *_family(
            "lag_seconds", "Age of the oldest object that is not taken up yet; 0 where none waits.", [], [((), lag)]
        ),
        *_family(
            "findings", "Findings of published and held documents that nobody accepted.", ["rule", "severity"], findings
        ),
        *_family("journal_version", "The version of the journal.", [], [((), lake.head())]),
        *_counters(lake.counts()),
        "# EOF",
    ]
    return "\n".join(lines) + "\n"


def _states(balance: Balance) -> dict[str, int]:
    return dict(sorted(balance.objects.items())) | {"unrecorded": balance.unrecorded, "not_listed": balance.stale}


def _counters(counts: Mapping[tuple[str, str], float]) -> Iterable[str]:
    for name, text in _COUNTERS.items():
        samples = [((label,), value) for (counter, label), value in counts.items() if counter == name]
        yield from _family(name, text, [_LABELS.get(name, "source")], samples, is_counter=True)


def _family(
    name: str,
    text: str,
    labels: list[str],
    samples: Iterable[tuple[tuple[str, ...], float]],
    *,
    is_counter: bool = False,
) -> Iterable[str]:
    yield f"# TYPE cnbudget_{name} {'counter' if is_counter else 'gauge'}"
    yield f"# HELP cnbudget_{name} {text}"
    for values, number in samples:
        pairs = ",".join(f'{label}="{_escaped(value)}"' for label, value in zip(labels, values, strict=True))
        suffix = "_total" if is_counter else ""
        yield f"cnbudget_{name}{suffix}{f'{{{pairs}}}' if pairs else ''} {float(number):.10g}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
