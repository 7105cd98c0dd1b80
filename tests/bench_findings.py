"""`make bench`, part findings: what is found in the published documents, in the terms in which other checkers are measured."""

from __future__ import annotations

import time
from collections.abc import Callable

from cnbudget import identities
from cnbudget.casefile import from_casefile, to_casefile
from cnbudget.cases import cases_of
from cnbudget.facts import statements_to_facts
from cnbudget.outcomes import with_causes
from cnbudget.parse import parse_documents, parsed_to_frames, read_one, to_budget
from cnbudget.parsed import Parsed
from cnbudget.prose import prose_frames
from cnbudget.rules import CATALOGUE, RULES, Family, findings_of
from cnbudget.schema import STAGED
from tests.corpus import DOCUMENTS
from tests.defect_labels import Defect, by_kind, defects, found, is_found, judged


def findings(drawn: Callable[[int], list[tuple[str, bytes]]]) -> None:
    """Recall, false alarms and time; `drawn` gives budgets of our own, for the time that rules take."""
    families = {family: sum(rule.family is family for rule in CATALOGUE) for family in Family}
    print(f"{len(CATALOGUE)} rules: {', '.join(f'{family.value} {count}' for family, count in families.items())}")
    rule_times([read_one(*source) for source in drawn(100)])
    if not DOCUMENTS.is_dir():
        print("no published documents beside the checkout: recall and false alarms are not measured")
        return
    labelled = {defect.document for defect in defects()}
    for severity in ("error", "warning", "info"):
        _recall(severity, [d for d in defects() if d.is_decidable and d.severity == severity])
    n_found = sum(map(is_found, defects()))
    print(
        f"of all {len(defects())} known discrepancies of {len(labelled)} documents {n_found / len(defects()):.0%} found"
    )
    everything = {str(row["file_name"]) for row in found().values()}
    _false_alarms("all documents", everything)
    print(f"{'':38}{'true':>6}{'false':>7}{'known found':>13}{'corruptions':>13}{'ms a page':>11}")
    n_true, n_false = _judged(labelled)
    print(
        f"{'ours, six labelled documents':38}{n_true:>6}{n_false:>7}{n_found / len(defects()):>13.0%}"
        f"{_corruptions_noticed(labelled):>13.1%}{_seconds_a_page() * 1000:>11.1f}"
    )
    print(f"{'the public checker, on six of them':38}{5:>6}{11:>7}{0.29:>13.0%}{0.457:>13.1%}{60:>11.1f}")


def _recall(severity: str, own: list[Defect]) -> None:
    kinds = by_kind(own)
    share = sum(n_found / n for n_found, n in kinds.values()) / len(kinds)
    n_found = sum(n for n, _ in kinds.values())
    print(f"machine-decidable, {severity:8} {n_found} of {len(own)} found at their place; by kind {share:.1%}")
    missed = [d.defect_id for d in own if not is_found(d)]
    if missed:
        print(f"  not found: {', '.join(missed)}")


def _judged(names: set[str]) -> tuple[int, int]:
    """How many findings on these documents were judged true by both readers, and how many by neither or one."""
    rows = [row for finding_id, row in judged().items() if str(found()[finding_id]["file_name"]) in names]
    n_false = sum("false" in (row["first"], row["second"]) for row in rows)
    return len(rows) - n_false, n_false


def _corruptions_noticed(names: set[str], every: int = 7) -> float:
    """The share of figures with one digit changed that identities notice, of every seventh (all: part `faults`)."""
    from tests.benchmarks import document_faults

    paths = [path for path in DOCUMENTS.iterdir() if path.name in names]
    noticed = [
        fault[2] for path in paths for fault in document_faults(read_one(path.name, path.read_bytes()), every=every)
    ]
    return sum(noticed) / len(noticed)


def _false_alarms(which: str, names: set[str]) -> None:
    rows = [row for finding_id, row in judged().items() if str(found()[finding_id]["file_name"]) in names]
    false = [row for row in rows if "false" in (row["first"], row["second"])]
    errors = sum(row["severity"] == "error" for row in false)
    share = len(false) / len(rows)
    print(
        f"{which}: {len(rows) - len(false)} true and {len(false)} false findings ({share:.1%}; {errors} false errors)"
    )


def _seconds_a_page() -> float:
    """CPU seconds, so that what else the machine does is not counted."""
    paths = [*DOCUMENTS.glob("*.pdf"), *DOCUMENTS.glob("shanghai-2026/*.pdf")]
    sources = [(path.name, path.read_bytes()) for path in paths]
    n_pages = int(parse_documents(sources)["documents"]["n_pages"].sum())
    return _cpu_seconds(lambda: parse_documents(sources), tries=2) / n_pages


def rule_times(parsed: list[Parsed], repeats: int = 10) -> None:
    """CPU seconds of rules and suites over `repeats` times the documents: without reading, checking and start-up.

    CPU seconds of one process, so that what else the machine does is not counted; two cores take half as long on the clock
    where batches are judged side by side.
    """
    facts = statements_to_facts([to_budget(item) for item in parsed])
    checks, terms = identities.check(facts)
    facts = identities.count_holding(facts, checks, terms)
    checks = with_causes(checks, terms, facts, {item.document_id: item.by_form for item in parsed})
    prose = prose_frames([item.prose for item in parsed if item.prose is not None], facts)

    def all_rules() -> list[bytes]:
        kept = []
        for _, case in cases_of(parsed, checks, terms, facts, prose):
            findings_of(case)
            kept.append(case)
        return [to_casefile(case) for case in kept] if keeps else []

    keeps = True
    files = all_rules()  # start-up, too
    keeps = False
    rules = repeats * _cpu_seconds(all_rules, tries=5)
    again = repeats * _cpu_seconds(
        lambda: [findings_of(case) for data in files if (case := from_casefile(data))], tries=3
    )
    suites = _suite_seconds(parsed, repeats)
    count = repeats * len(parsed)
    print(f"{count} documents, CPU seconds of one process: {len(RULES)} rules {rules:.1f}, suites {suites:.1f},")
    print(
        f"together {rules + suites:.1f} (at most 10 on two cores); rules over kept cases, as re-validation runs them, {again:.1f}"
    )


def _cpu_seconds(work: Callable[[], object], tries: int) -> float:
    """The least of some tries: what else runs on the machine only ever adds."""
    found = []
    for _ in range(tries):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def _suite_seconds(parsed: list[Parsed], repeats: int) -> float:
    import polars as pl

    from expectations.gate import audit

    frames = {name: frame for name, frame in parsed_to_frames(parsed).items() if name in STAGED}
    audit(frames)  # start-up
    ids = {
        name: [column for column, kind in frame.schema.items() if kind == pl.String() and column.endswith("_id")]
        for name, frame in frames.items()
    }
    batch = {
        name: pl.concat(
            frame.with_columns(
                pl.concat_str(pl.lit(f"{number:02x}"), pl.col(column).str.slice(2)).alias(column)
                for column in ids[name]
            )
            for number in range(repeats)
        )
        for name, frame in frames.items()
    }
    return _cpu_seconds(lambda: audit(batch), tries=2)
