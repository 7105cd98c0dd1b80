"""The commands of people: what waits, everything known of a document, decisions on documents, and accepted findings."""

from __future__ import annotations

import argparse
import difflib
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from cnbudget.errors import SettingsError
from cnbudget.model import Severity
from cnbudget.run_report import when
from flows.notices import announce, begin_announcing
from flows.pages import refresh_pages
from flows.settings import load_settings
from warehouse.journal import Decision
from warehouse.lake import Lake

Command = Callable[[argparse.Namespace], int]
Add = Callable[[str, Command, str], argparse.ArgumentParser]

_DECISIONS = {
    Decision.APPROVE: "publish held documents in spite of their findings",
    Decision.REJECT: "put held documents aside for good",
    Decision.RETRY: "have documents read and checked again by the next ingestion",
    Decision.WITHDRAW: "take published documents out of latest/",
    Decision.REVOKE: "take back an approval, a rejection or a withdrawal: the document stands as it did before",
}


def add_commands(add: Add) -> None:
    """Add the commands to a parser."""
    sub = add("held", held, "documents that are held: what, why, since when")
    sub.add_argument("--format", choices=("text", "json"), default="text")
    sub = add("show", show, "everything known of a document: sources, verdicts, findings, decisions, who and when")
    sub.add_argument("id", metavar="ID", help="a document's id, or the beginning of it")
    sub.add_argument("--language", choices=("en", "zh"), default="en", help="of the findings")
    sub.add_argument("--format", choices=("text", "json"), default="text")
    for decision, text in _DECISIONS.items():
        sub = add(decision.value, decide, text)
        many = "*" if decision == Decision.APPROVE else "+"
        sub.add_argument("ids", nargs=many, metavar="ID", help="a document's id, or the beginning of it")
        if decision == Decision.APPROVE:
            sub.add_argument("--rule", action="append", metavar="RULE", help="all that nothing but findings of it hold")
            sub.add_argument("--publisher", metavar="NAME|ID", help="with --rule: of this publisher alone")
        _sign(sub)
        sub.set_defaults(decision=decision)
    sub = add("findings", findings, "findings that wait: those nobody accepted, of what is published or held")
    sub.add_argument("--rule", metavar="RULE")
    sub.add_argument("--publisher", metavar="NAME|ID")
    sub.add_argument("--severity", choices=[severity.value for severity in Severity])
    sub.add_argument("--language", choices=("en", "zh"), default="en")
    sub.add_argument("--format", choices=("text", "json"), default="text")
    for name, command, text in (
        (
            "accept",
            accept,
            "accept findings: singly until what they rest on changes, or all of a rule about a publisher",
        ),
        ("unaccept", unaccept, "take back the acceptance of findings, or of a rule about a publisher"),
    ):
        sub = add(name, command, text)
        sub.add_argument("ids", nargs="*", metavar="FINDING", help="a finding's id, or the beginning of it")
        sub.add_argument("--rule", metavar="RULE", help="with --publisher: all its findings, those to come as well")
        sub.add_argument("--publisher", metavar="NAME|ID")
        _sign(sub)
    sub = add("acceptances", acceptances, "what is accepted, by whom, when and why")
    sub.add_argument("--format", choices=("text", "json"), default="text")


def _sign(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--by", required=True, metavar="NAME", type=_signed, help="who decides")
    sub.add_argument("--reason", required=True, metavar="TEXT", type=_signed)


def _signed(text: str) -> str:
    """A name or a reason: the journal keeps both for good, so neither may be blank."""
    if not text.strip():
        raise argparse.ArgumentTypeError("expected some words, found none")
    return text


def lake_of(options: argparse.Namespace) -> Lake:
    """The lake that a command is about, which has to exist."""
    settings = load_settings()
    return Lake.open(options.lake or settings.lake, store_path=settings.store_path, by=settings.by, must_exist=True)


# What waits


def held(options: argparse.Namespace) -> int:
    """Print held documents."""
    documents = lake_of(options).query(_HELD)
    if options.format == "json":
        print(documents.write_json())
    elif documents.height:
        for row in documents.iter_rows(named=True):
            about = [
                row["publisher_name"],
                row["fiscal_year"],
                f"since {when(row['held_since'])}",
                f"{row['n_facts']} figures",
            ]
            print(f"{row['document_id'][:12]} {row['file_name']}: {', '.join(str(each) for each in about if each)}")
            print(f"  {row['state_reason']}")
        print("\nnext: python -m flows show ID, then approve ID --by NAME --reason TEXT (or reject, retry)")
    else:
        print("nothing is held")
    return 0


def findings(options: argparse.Namespace) -> int:
    """Print findings that wait."""
    lake = lake_of(options)
    found = lake.query(_OPEN, rule=options.rule, publisher=options.publisher, severity=options.severity)
    if options.format == "json":
        print(found.write_json())
        return 0
    for row in found.iter_rows(named=True):
        _print_finding(row, options.language)
    print(f"{found.height} findings wait; {_accepted(lake)} are accepted")
    return 0


def print_waiting(lake: Lake) -> None:
    """Print how many findings wait, by severity, and how many are accepted."""
    found = lake.query(_OPEN, rule=None, publisher=None, severity=None)["severity"]
    print(f"findings           {found.len()} wait, {_accepted(lake)} are accepted")
    for severity in Severity:
        print(f"  {severity.value:<16} {(found == severity.value).sum()}")


def _accepted(lake: Lake) -> int:
    return int(lake.query("SELECT count(*) FROM ledger.accepted_findings").item())


def _print_finding(row: dict[str, Any], language: str) -> None:
    place = f", p. {row['page']}" if row["page"] is not None else ""
    head = f"{row['finding_id']} {row['severity']} {row['rule_id']} ({row['document_id'][:12]}{place})"
    accepted = f"\n  accepted by {row['accepted_by']}: {row['accepted_reason']}" if row["accepted_by"] else ""
    print(f"{head}\n  {row['message_' + language]}{accepted}")


# Everything known of a document


def show(options: argparse.Namespace) -> int:
    """Print everything known of a document."""
    lake = lake_of(options)
    (document_id,) = lake.known_ids([options.id])
    known = {name: lake.query(sql, id=document_id) for name, sql in _KNOWN.items()}
    if options.format == "json":
        print(
            json.dumps(
                {name: frame.to_dicts() for name, frame in known.items()}, ensure_ascii=False, indent=1, default=str
            )
        )
        return 0
    for name, value in known["document"].row(0, named=True).items():
        if value is not None:
            print(f"{name:<28} {_said(value)}")
    for name in ("sources", "history"):
        print(f"\n{name}")
        for row in known[name].iter_rows():
            print("  " + "  ".join(_said(value) for value in row if value is not None))
    print("\nfindings" if known["findings"].height else "\nno findings")
    for row in known["findings"].iter_rows(named=True):
        _print_finding(row, options.language)
    return 0


def _said(value: object) -> str:
    return when(value) if isinstance(value, datetime) else str(value)


# Decisions


def decide(options: argparse.Namespace) -> int:
    """Record a decision on documents and publish what follows from it, findings on others that are compared with them too."""
    from tasks import stages

    lake = lake_of(options)
    settings, ids = load_settings(), list(options.ids)
    begin_announcing(lake, settings)
    if getattr(options, "rule", None):
        _check_rules(options.rule)
        ids += lake.held_by(options.rule, options.publisher)
        if not ids:
            print(f"nothing is held by {', '.join(options.rule)} alone")
            return 0
    if not ids:
        raise SettingsError("no documents given; name their ids, or --rule", where=options.decision.value)
    ids = lake.decide(ids, options.decision, reason=options.reason, by=options.by)
    stages.run(stages.publish, lake)
    announce(lake, settings)
    for row in lake.documents(ids).iter_rows(named=True):
        print(f"{row['document_id'][:12]} {row['file_name']}: {row['state']}")
    refresh_pages(lake)
    return 0


def _check_rules(rule_ids: Sequence[str]) -> None:
    """Raise SettingsError where there is no such rule: a misspelt one would hold nothing, and read as done."""
    from cnbudget.rules import CATALOGUE

    known = {rule.rule_id for rule in CATALOGUE}
    for rule_id in rule_ids:
        if rule_id not in known:
            near = " or ".join(difflib.get_close_matches(rule_id, known, 3)) or "one of docs/reference/rules.md"
            raise SettingsError(f"no such rule; expected {near}", where=f"--rule {rule_id}")


def accept(options: argparse.Namespace) -> int:
    """Accept findings, or a rule about a publisher."""
    lake = lake_of(options)
    if _is_by_rule(options):
        publisher_id = lake.accept_rule(options.rule, options.publisher, reason=options.reason, by=options.by)
        print(f"{options.rule} of {publisher_id}: accepted, with what is still to come")
    else:
        ids = lake.accept(options.ids, reason=options.reason, by=options.by)
        print("\n".join(f"{finding_id}: accepted until what it rests on changes" for finding_id in ids))
    lake.publish()
    refresh_pages(lake)
    return 0


def unaccept(options: argparse.Namespace) -> int:
    """Take back the acceptance of findings, or of a rule about a publisher."""
    lake = lake_of(options)
    if _is_by_rule(options):
        publisher_id = lake.unaccept_rule(options.rule, options.publisher, reason=options.reason, by=options.by)
        print(f"{options.rule} of {publisher_id}: no longer accepted")
    else:
        ids = lake.unaccept(options.ids, reason=options.reason, by=options.by)
        print("\n".join(f"{finding_id}: no longer accepted" for finding_id in ids))
    lake.publish()
    refresh_pages(lake)
    return 0


def _is_by_rule(options: argparse.Namespace) -> bool:
    is_by_rule = bool(options.rule and options.publisher)
    if bool(options.ids) == is_by_rule or bool(options.rule) != bool(options.publisher):
        raise SettingsError("name findings, or a rule and a publisher (--rule, --publisher)", where="accept")
    return is_by_rule


def acceptances(options: argparse.Namespace) -> int:
    """Print what is accepted."""
    found: pl.DataFrame = lake_of(options).acceptances()
    if options.format == "json":
        print(found.write_json())
        return 0
    for row in found.iter_rows(named=True):
        covers = f"covers {row['n_findings']}" if row["n_findings"] else "covers none now"
        print(f"{row['kind']} {row['what']}: {row['by']}, {_said(row['at'])}: {row['reason']} ({covers})")
    print(f"{found.height} acceptances in force")
    return 0


_HELD = """
    SELECT d.*, h.held_since
    FROM documents d
    LEFT JOIN (
        SELECT document_id, min("at") AS held_since FROM ledger.audits a
        WHERE version > coalesce(
            (SELECT max(b.version) FROM ledger.audits b WHERE b.document_id = a.document_id AND b.state <> 'held'), 0
        )
        GROUP BY document_id
    ) h USING (document_id)
    WHERE d.state = 'held' ORDER BY d.first_seen_at, d.file_name, d.document_id
"""
_FINDINGS = """
    SELECT f.* REPLACE (a.accepted_by AS accepted_by, a.accepted_reason AS accepted_reason)
    FROM staged.findings f LEFT JOIN ledger.accepted_findings a USING (document_id, finding_id)
"""
_OPEN = f"""
    SELECT f.* FROM ({_FINDINGS}) f
    JOIN ledger.document_states d USING (document_id)
    JOIN staged.documents s USING (document_id)
    WHERE f.accepted_by IS NULL AND (d.is_current OR d.state = 'held')
        AND ($rule IS NULL OR f.rule_id = $rule) AND ($severity IS NULL OR f.severity = $severity)
        AND ($publisher IS NULL OR $publisher IN (s.publisher_id, s.publisher_name))
    ORDER BY CASE f.severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, f.document_id, f.rule_id, f.locus
"""
_KNOWN = {
    "document": "SELECT * FROM documents WHERE document_id = $id",
    "sources": "SELECT source_uri, source_version, state, first_seen_at, gone_at FROM ledger.objects WHERE document_id = $id",
    "history": """
        SELECT "at", "by", 'verdict: ' || state AS what, state_reason AS why, version FROM ledger.audits WHERE document_id = $id
        UNION ALL SELECT "at", "by", decision, reason, version FROM ledger.decisions WHERE document_id = $id
        UNION ALL SELECT "at", "by", 'published', NULL, version FROM ledger.publications WHERE document_id = $id
        UNION ALL SELECT a."at", a."by", 'accepted ' || a.finding_id, a.reason, a.version FROM ledger.acceptances a
            WHERE a.finding_id IN (SELECT finding_id FROM staged.findings WHERE document_id = $id)
        UNION ALL SELECT r."at", r."by", 'no longer accepted ' || r.finding_id, r.reason, r.version
            FROM ledger.acceptance_revocations r
            WHERE r.finding_id IN (SELECT finding_id FROM staged.findings WHERE document_id = $id)
        ORDER BY version
    """,
    "findings": f"SELECT * FROM ({_FINDINGS}) WHERE document_id = $id ORDER BY severity, rule_id, locus",
}
