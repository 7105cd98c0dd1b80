"""`python -m flows`: the pipeline's command line. Prefect and Great Expectations are loaded by the commands alone that
read documents: ingest, watch, reconcile."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from cnbudget.coverage import EXPECTED_COLUMNS
from cnbudget.errors import CnbudgetError, SettingsError, StorageError
from flows import review
from flows.metrics import to_openmetrics
from flows.pages import refresh_pages
from flows.review import lake_of
from flows.settings import load_settings, quieten
from warehouse.balance import Balance
from warehouse.lake import Lake
from warehouse.ledger import utc_now
from warehouse.releases import RELEASES, month_of, verify
from warehouse.sources import Source, open_sources

_KINDS = """
    SELECT recognised_as, coalesce(jurisdiction_name, 'place unknown') AS place, count(*) AS n
    FROM documents WHERE recognised_as <> 'nine_forms' AND state <> 'opened' GROUP BY ALL ORDER BY ALL
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
    sub = add("watch", _watch, "ingest what comes, as it comes, until it is stopped")
    sub.add_argument("sources", nargs="+", metavar="SOURCE", help="a folder or an s3:// prefix")
    sub.add_argument("--queue", metavar="URL", help="an SQS queue with the notifications of the bucket")
    sub.add_argument("--listen", metavar="HOST:PORT", help="take notifications over HTTP (CNBUDGET_WEBHOOK_TOKEN)")
    sub.add_argument(
        "--poll",
        type=float,
        metavar="SECONDS",
        help="list the sources so often (default: 0.25 for folders; for buckets 1, with --listen 30, with --queue 0, which is at the start alone)",
    )
    sub = add("receive", _receive, "take notifications over HTTP and put Prefect events, for automations")
    sub.add_argument("--listen", metavar="HOST:PORT", default="127.0.0.1:8770")
    sub = add("reconcile", _reconcile, "compare sources with the ledger page by page, ingest what is missing")
    sub.add_argument("sources", nargs="*", metavar="SOURCE", help="default: all that the lake knows")
    sub = add("backfill", _backfill, "ingest very many documents, read by Dask's workers; goes on where it was stopped")
    sub.add_argument("sources", nargs="+", metavar="SOURCE", help="a folder or an s3:// prefix")
    sub.add_argument(
        "--scheduler", metavar="tcp://HOST:PORT", help="Dask's scheduler (default: threads of this process)"
    )
    sub = add("up", _up, "run Prefect's server, a worker and the watcher on this machine, until stopped")
    sub.add_argument("sources", nargs="+", metavar="SOURCE", help="a folder or an s3:// prefix")
    sub.add_argument("--port", type=int, default=4200, help="where Prefect's server listens, on loopback alone")
    sub.add_argument("--home", metavar="DIR", help="its database and the logs (default: ~/.cache/cnbudget/up)")
    sub = add("coverage", _coverage, "of a list of expected publishers and years: who has published, and who has not")
    columns = ", ".join(EXPECTED_COLUMNS)
    sub.add_argument("--expected", metavar="FILE.csv", help=f"columns: {columns} (default: CNBUDGET_EXPECTED)")
    sub.add_argument("--format", choices=("text", "csv", "json", "parquet"), default="text")
    sub.add_argument("-o", "--output", metavar="FILE")
    sub = commands.add_parser("notify", help="have Prefect tell a webhook, or a notification block, of held documents")
    sub.add_argument("webhook", nargs="?", metavar="URL", help="where JSON with subject and text is posted")
    sub.add_argument("--block", metavar="ID", help="a notification block of Prefect (e-mail, Slack ...) instead")
    sub.set_defaults(command=_notify)
    sub = add("status", _status, "the bucket balance: every object version in exactly one state")
    sub.add_argument("--format", choices=("text", "json", "openmetrics"), default="text")
    review.add_commands(add)
    sub = add(
        "revalidate", _revalidate, "run today's rules and suites over what was read before, and write what differs"
    )
    sub.add_argument("ids", nargs="*", metavar="ID", help="documents, by the beginning of their ids (default: all)")
    sub.add_argument("--year", type=int, action="append", metavar="YEAR")
    sub.add_argument("--jurisdiction", action="append", metavar="CODE", help="as in `documents.jurisdiction_code`")
    _add_product(add, commands)
    add("rebuild", _rebuild, "build the store anew from journal and staged results, and check latest/ against it")
    sub = add("doctor", _doctor, "check versions, lake, store, clock, sources, queue and Prefect, and say what to do")
    sub.add_argument("sources", nargs="*", metavar="SOURCE")
    sub.add_argument("--queue", metavar="URL")
    return parser


def _add_product(add: Callable[..., argparse.ArgumentParser], commands: Any) -> None:
    """The commands about what is published."""
    sub = add(
        "release", _release, "keep latest/ for good, with checksums and what has changed since the release before"
    )
    sub.add_argument("--name", help="as 2026.11 (default: this month)")
    sub = commands.add_parser("verify", help="prove that a copy of a release is as it was made, byte for byte")
    sub.add_argument("uri", metavar="DIR|s3://...", help="the release's folder, or a copy of it")
    sub.set_defaults(command=_verify)
    sub = add("explorer", _explorer, "write the site beside the data, curated/reports/, anew")
    sub.add_argument("--stale", action="store_true", help="only what differs from what is published")


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
    lake = _open_lake(options, open_sources(options.sources))
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


def _watch(options: argparse.Namespace) -> int:
    from flows.logs import log_to_stderr

    log_to_stderr(load_settings().log_format)
    try:
        _open_lake(options, open_sources(options.sources))
    except StorageError as error:
        if not error.transient:
            raise  # else it is waited for
    from flows.watch import watch

    watch.fn(options.sources, options.lake, options.queue, options.listen, options.poll)
    return 0


def _receive(options: argparse.Namespace) -> int:
    from flows.events import stopped_by_signals
    from flows.logs import log_to_stderr
    from flows.notices import send_created
    from flows.receiver import Receiver

    settings = load_settings()
    log_to_stderr(settings.log_format)
    if not settings.prefect_api_url:
        raise SettingsError("events go to Prefect's API; set its address", where="PREFECT_API_URL")
    token = settings.webhook_token.get_secret_value() if settings.webhook_token else None
    stop = threading.Event()
    with stopped_by_signals(stop), Receiver(options.listen, token, partial(send_created, settings=settings)):
        stop.wait()
    return 0


def _reconcile(options: argparse.Namespace) -> int:
    from flows.logs import log_to_stderr

    settings = load_settings()
    log_to_stderr(settings.log_format)
    lake = _open_lake(options, open_sources(options.sources)) if options.sources else lake_of(options)
    from flows.reconcile import reconcile

    run = reconcile if settings.prefect_api_url else reconcile.fn
    found = run(options.sources, options.lake)
    print(f"{found.n_listed} objects listed, {found.n_new} new, {found.n_gone} gone, {found.n_published} published")
    _print_balance(lake.balance())
    for failure in found.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if found.failures else 0


def _backfill(options: argparse.Namespace) -> int:
    from flows import screen
    from flows.logs import log_to_stderr

    settings = load_settings()
    log_to_stderr(settings.log_format)
    lake = _open_lake(options, open_sources(options.sources))
    from flows.backfill import backfill

    start = backfill if settings.prefect_api_url else backfill.fn
    run = start(options.sources, options.lake, options.scheduler)
    screen.show_counts(run.documents, run.seconds)
    screen.show_where(lake.bucket.uri)
    for failure in run.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if run.failures else 0


def _up(options: argparse.Namespace) -> int:
    from flows.up import Up, run_until_signal

    sources = open_sources(options.sources)
    lake = _open_lake(options, sources)
    home = Path(options.home) if options.home else Path.home() / ".cache" / "cnbudget" / "up"
    run_until_signal(Up([source.uri for source in sources], lake.bucket.uri, home.resolve(), options.port))
    return 0


def _coverage(options: argparse.Namespace) -> int:
    from flows import coverage

    expected = Path(options.expected) if options.expected else load_settings().expected
    if expected is None:
        raise SettingsError("no list of expected publishers; name one", where="--expected or CNBUDGET_EXPECTED")
    frame = coverage.of_lake(lake_of(options), expected)
    coverage.write(frame, options.format, Path(options.output) if options.output else None)
    return 0


def _notify(options: argparse.Namespace) -> int:
    if not load_settings().prefect_api_url:
        raise SettingsError("the automation is kept by Prefect's server; set its address", where="PREFECT_API_URL")
    from flows.notify import block_of, install, save_webhook

    block = block_of(options.block) if options.block else save_webhook(options.webhook or "")
    print(f"held documents are told to block {block} by the automation {install(block).name!r}")
    return 0


def _status(options: argparse.Namespace) -> int:
    lake = lake_of(options)
    balance = lake.balance()
    if options.format == "json":
        plain = dataclasses.asdict(balance) | {"is_balanced": balance.is_balanced}
        print(json.dumps(plain, indent=1, default=str))
    elif options.format == "openmetrics":
        print(to_openmetrics(lake, balance, utc_now()), end="")
    else:
        _print_balance(balance)
        _print_kinds(lake.query(_KINDS))
        review.print_waiting(lake)
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


def _print_kinds(kinds: pl.DataFrame) -> None:
    """What is no budget of the nine forms, by kind and place."""
    if kinds.height:
        print("not of the nine forms")
    for kind, place, n in kinds.iter_rows():
        print(f"  {kind:<16} {n:<5} {place}")


def _revalidate(options: argparse.Namespace) -> int:
    from flows import screen
    from flows.logs import log_to_stderr

    settings = load_settings()
    log_to_stderr(settings.log_format)
    lake_of(options)
    with screen.waiting("loading Great Expectations"):
        from flows.revalidate import revalidate

    start = revalidate if settings.prefect_api_url else revalidate.fn
    found = start(options.year, options.jurisdiction, options.ids, options.lake, show_progress=True)
    moved = ", ".join(f"{n} {what}" for what, n in found.moved.items()) or "none moved"
    changes = ", ".join(f"{found.changes[change]} {change}" for change in ("new", "changed", "resolved"))
    print(f"{found.n_documents} documents judged again: {moved}; findings: {changes}")
    if found.report:
        print(f"report: {found.report}")
    for failure in found.failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if found.failures else 0


def _rebuild(options: argparse.Namespace) -> int:
    lake = lake_of(options)
    lake.rebuild()
    refresh_pages(lake)
    print(f"{lake.documents().height} documents; the store and latest/ are as the journal says")
    return 0


def _release(options: argparse.Namespace) -> int:
    lake = lake_of(options)
    manifest = lake.release(options.name or month_of(utc_now()))
    uri = f"{lake.bucket.uri}/{RELEASES}{manifest['release']}"
    print(
        f"release {manifest['release']}: {len(manifest['files'])} files, {manifest['rows']['budget_facts']} figures of"
    )
    print(
        f"  {manifest['rows']['documents']} documents, as of {manifest['as_of']}; before it: {manifest['previous'] or 'none'}"
    )
    print(f"  what has changed: {uri}/CHANGES.md\n  to check a copy: python -m flows verify {uri}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    found = verify(options.uri)
    for problem in found.problems:
        print(problem)
    verdict = f"NOT intact, {len(found.problems)} problems" if found.problems else "intact"
    print(
        f"release {found.release}: {verdict}; {found.n_files} files, {found.n_bytes} bytes, manifest sha256 {found.sha256}"
    )
    return 1 if found.problems else 0


def _explorer(options: argparse.Namespace) -> int:
    from warehouse.curated import REPORTS

    lake = lake_of(options)
    lake.publish()
    written = refresh_pages(lake, everything=not options.stale)
    print(f"{written.n_budgets} budgets with {written.n_pictures} pictures of pages, {written.n_bytes:,} bytes")
    print(f"{lake.bucket.uri}/{REPORTS}index.html")
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from flows.doctor import examine

    is_well = True
    for check in examine(options.lake, load_settings(), tuple(options.sources), options.queue):
        print(f"{'PROBLEM' if check.advice else 'ok'}: {check.name}: {check.found}")
        if check.advice:
            print(f"  to do: {check.advice}")
        is_well &= not check.advice
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
