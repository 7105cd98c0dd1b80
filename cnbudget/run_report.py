"""A run of rules and suites -> one HTML page, and the index of such pages: what changed, what moved, what was not met.

As the report of one document: both languages in the page, nothing is fetched, no script runs in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from cnbudget.markup import both, identifier, leads_to, page, pairs, say, section, source, table, text
from cnbudget.model import Severity

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]

SHOWN = 300
"""More changes than this are counted, and not all of them listed."""

_SHANGHAI = timezone(timedelta(hours=8))
_CHANGES = ("new", "changed", "resolved")
_SEVERITIES = [severity.value for severity in Severity]


def render_run(
    run: Row,
    changes: pl.DataFrame,
    moves: Sequence[tuple[str, str, str]],
    checked: Sequence[Row],
    names: Mapping[str, str],
    language: str = "zh",
) -> str:
    """The page of a run.

    `run`: a row of `validation_runs`; `changes`: rows of `findings` with `change` (new | changed | resolved); `moves`: document_id
    and its verdicts before and now; `checked`: rows of `validation_results`; `names`: what documents are called, by document_id.
    """
    bodies = {
        "moved": _moved(moves, names),
        "changes": _changes(changes, names),
        "expectations": _expectations(checked),
    }
    body = _head(run, moves) + "".join(section(f"run_{name}", part) for name, part in bodies.items())
    sections = ["run", *(f"run_{name}" for name in bodies)]
    facts = pairs(
        [(name, text(run[name])) for name in ("run_id", "extractor_version", "rules_version", "suites_version")]
    )
    return page(f"{when(run['started_at'])} · cnbudget", sections, body, facts, language)


def render_index(runs: Sequence[Row], language: str = "zh") -> str:
    """The page that lists runs, rows of `validation_runs`, each with a link to its own page beside this one."""
    rows = [
        [
            leads_to(f"{run['run_id']}.html", text(when(run["started_at"]))),
            _scope(run),
            text(run["by"]),
            *(f"{run[name]:,}" for name in _COUNTS),
        ]
        for run in runs
    ]
    body = section("run_list", table("run_list_caption", ("when", "scope", "by_whom", *_COUNTS), rows, 3) or _none())
    return page("cnbudget", ["run_list"], body, "", language)


_COUNTS = ("n_documents", "n_held", "n_findings", "n_new", "n_changed", "n_resolved", "n_expectations_unmet")


def when(at: datetime) -> str:
    """A time as it is shown: Shanghai's."""
    return f"{at.astimezone(_SHANGHAI):%Y-%m-%d %H:%M}"


def _scope(run: Row) -> str:
    """What a run looked at: all there is, or what was named."""
    return say("scope_all") if run["scope"] == "all" else text(run["scope"])


def _head(run: Row, moves: Sequence[tuple[str, str, str]]) -> str:
    n_changes = sum(run[f"n_{name}"] for name in _CHANGES)
    ruling = say("run_unchanged" if not n_changes and not moves else "run_changed")
    about = " · ".join(filter(None, [text(when(run["started_at"])), text(run["by"]), _scope(run)]))
    counts = "".join(f"<div><dt>{say(name)}</dt><dd>{run[name]:,}</dd></div>" for name in _COUNTS)
    return (
        f'<section id="run" class="verdict {"" if n_changes or moves else "good"}" aria-labelledby="h-run">'
        f'<p class="soft">{say("run_kicker")}</p><h1 id="h-run">{say(run["occasion"])}</h1><p>{about}</p>'
        f'<p class="ruling">{ruling}</p><dl class="counts">{counts}</dl></section>\n'
    )


def _moved(moves: Sequence[tuple[str, str, str]], names: Mapping[str, str]) -> str:
    rows = [[_document(document_id, names), say(was), say(now)] for document_id, was, now in moves[:SHOWN]]
    return table("run_moved_caption", ("document", "before", "now"), rows, 3) or _none()


def _changes(changes: pl.DataFrame, names: Mapping[str, str]) -> str:
    if changes.is_empty():
        return _none()
    counted = Counter(changes.select("rule_id", "change").iter_rows())
    rules = sorted({rule_id for rule_id, _ in counted})
    rows = [
        [f"<code>{identifier(rule_id)}</code>", *(str(counted[rule_id, change] or "") for change in _CHANGES)]
        for rule_id in rules
    ]
    found = sorted(
        changes.head(SHOWN).iter_rows(named=True),
        key=lambda row: (_CHANGES.index(row["change"]), _SEVERITIES.index(row["severity"])),
    )
    more = f'<p class="soft">{say("run_more")}</p>' if changes.height > SHOWN else ""
    listed = "".join(_change(row, names) for row in found)
    return f'{table("run_rules_caption", ("rule", *_CHANGES), rows, 1)}<ol class="findings">{listed}</ol>{more}'


def _change(row: Row, names: Mapping[str, str]) -> str:
    severity, place = row["severity"], f" · p. {row['page']}" if row["page"] is not None else ""
    return (
        f'<li class="finding {severity}"><div class="head"><b>{say(row["change"])}</b><span class="chip {severity}">'
        f"{say(severity)}</span><code>{text(row['rule_id'])}</code></div><p>{both(row['message_zh'], row['message_en'])}</p>"
        f'<p class="soft">{_document(row["document_id"], names)}{place}</p></li>\n'
    )


def _expectations(checked: Sequence[Row]) -> str:
    rows = [
        [
            f"<code>{identifier(row['dataset'])}</code>",
            identifier(row["expectation_id"]),
            say(row["severity"]),
            f"{row['n_documents']:,}",
            f"{row['n_unexpected']:,}",
        ]
        for row in checked
        if not row["is_met"]
    ]
    heads = ("dataset", "expectation", "severity", "n_documents", "n_unexpected")
    return f"<p>{say('run_expectations_note')}</p>{table('run_expectations_caption', heads, rows, 3) or _none()}"


def _document(document_id: str, names: Mapping[str, str]) -> str:
    return f"{source(names.get(document_id, ''))} <code>{text(document_id[:12])}</code>"


def _none() -> str:
    return f"<p>{say('run_none')}</p>"
