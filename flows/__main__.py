"""`python -m flows`: the pipeline's command line. Prefect and Great Expectations are loaded by `ingest` alone."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Callable

from cnbudget.errors import CnbudgetError
from flows.settings import load_settings, quieten
from warehouse.journal import Decision
from warehouse.lake import Balance, Lake
from warehouse.sources import Source, open_source

_HELD = """
    SELECT d.* FROM documents d WHERE d.state = 'held' ORDER BY d.first_seen_at, d.file_name, d.document_id
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit status: 0, or 1 where the run itself failed (a held document is no failure)."""
    quieten()
    options = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        return command(options)
    except CnbudgetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the next start goes on from here", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m flows", description="Budgets in a bucket become trusted Parquet.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--lake", metavar="DIR|s3://...", help="where the lake is (default: CNBUDGET_LAKE, or ./lake)")
        sub.set_defaults(command=command)
        return sub

    sub = add("ingest", _ingest, "land, read, check and publish what is new in the sources")
    sub.add_argument("sources", nargs="+", metavar="SOURCE", help="a file, a folder or an s3:// prefix")
    sub = add("status", _status, "the bucket balance: every object version in exactly one state")
    sub.add_argument("--format", choices=("text", "json"), default="text")
    sub = add("held", _held, "documents that are held, and why")
    sub.add_argument("--format", choices=("text", "json"), default="text")
    for decision, text in _DECISIONS.items():
        sub = add(decision.value, _decide, text)
        sub.add_argument("ids", nargs="+", metavar="ID", help="a document's id, or the beginning of it")
        sub.add_argument("--by", required=True, metavar="NAME", help="who decides")
        sub.add_argument("--reason", required=True, metavar="TEXT")
        sub.set_defaults(decision=decision)
    add("rebuild", _rebuild, "build the store anew from journal and staged results, and check latest/ against it")
    add("doctor", _doctor, "check the lake: access, create-only writes, journal, store")
    return parser


_DECISIONS = {
    Decision.APPROVE: "publish held documents in spite of their findings",
    Decision.REJECT: "put held documents aside for good",
    Decision.RETRY: "have documents read and checked again by the next ingestion",
    Decision.WITHDRAW: "take published documents out of latest/",
}


def _lake(options: argparse.Namespace) -> Lake:
    settings = load_settings()
    return Lake.open(options.lake or settings.lake, store_path=settings.store_path, by=settings.by, must_exist=True)


def _open_lake(options: argparse.Namespace, sources: list[Source]) -> Lake:
    """The lake to ingest these sources into: what makes no sense is said before anything slow is started."""
    settings = load_settings()
    lake = Lake.open(options.lake or settings.lake, store_path=settings.store_path, by=settings.by)
    for source in sources:
        lake.check_source(source)
    return lake


def _ingest(options: argparse.Namespace) -> int:
    from flows import screen

    start = time.perf_counter()
    lake = _open_lake(options, [open_source(uri) for uri in options.sources])
    with screen.waiting("starting Prefect"):
        from flows.ingest import connect, ingest

        connect()
    started = time.perf_counter() - start
    run = ingest(options.sources, options.lake, show_progress=True)
    run.seconds["start"] = run.seconds.get("start", 0.0) + started
    screen.show_documents(run.documents)
    print()
    screen.show_counts(run.documents, run.seconds)
    screen.show_where(lake.bucket.uri)
    for failure in run.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if run.failures else 0


def _status(options: argparse.Namespace) -> int:
    balance = _lake(options).balance()
    if options.format == "json":
        print(json.dumps(dataclasses.asdict(balance) | {"is_balanced": balance.is_balanced}, indent=1))
    else:
        _print_balance(balance)
    return 0


def _print_balance(balance: Balance) -> None:
    print(f"objects listed     {balance.n_listed}")
    for state, n in sorted(balance.objects.items()):
        print(f"  {state:<16} {n}")
    print(f"  {'unrecorded':<16} {balance.unrecorded}")
    print(f"  {'no longer listed':<16} {balance.stale}")
    print(f"documents          {sum(balance.documents.values())}")
    for state, n in balance.documents.items():
        print(f"  {state:<16} {n}")
    print("balanced" if balance.is_balanced else "NOT balanced: run `python -m flows ingest` on the sources again")


def _held(options: argparse.Namespace) -> int:
    from flows import screen

    documents = _lake(options).query(_HELD)
    if options.format == "json":
        print(documents.write_json())
    elif documents.height:
        screen.show_documents(documents)
        print("\nnext: python -m flows approve ID --by NAME --reason TEXT (or reject, retry)")
    else:
        print("nothing is held")
    return 0


def _decide(options: argparse.Namespace) -> int:
    lake = _lake(options)
    ids = lake.decide(options.ids, options.decision, reason=options.reason, by=options.by)
    lake.publish()
    for row in lake.documents(ids).iter_rows(named=True):
        print(f"{row['document_id'][:12]} {row['file_name']}: {row['state']}")
    return 0


def _rebuild(options: argparse.Namespace) -> int:
    lake = _lake(options)
    lake.rebuild()
    print(f"{lake.documents().height} documents; the store and latest/ are as the journal says")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    lake = _lake(options)
    lake.probe()
    print(f"ok: {lake.bucket.uri} can be read and written, and honours create-only writes")
    print(f"ok: the store follows the journal up to version {lake.head()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
