"""`cnbudget read | check | report | glossary`: one document on the command line, without storage, server or orchestration.

Heavy imports wait until a document is read, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

SECTIONS = {
    "figures": "budget_facts",
    "expenditure": "expenditure_lines",
    "fiscal-expenditure": "fiscal_expenditure_lines",
    "revenue": "revenue_lines",
    "checks": "identity_checks",
    "findings": "findings",
    "claims": "narrative_claims",
    "institutions": "institutions",
    "disclosures": "disclosures",
    "projects": "projects",
    "items": "project_items",
}
"""What `read` can show, and the dataset it is."""

FORMATS = ("table", "csv", "json", "parquet")

PUBLISHABLE, NOT_PUBLISHABLE, NO_FILE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; the exit status is 0, 1 for a document that would be held, 2 where there is none to read."""
    options = _parser().parse_args(arguments)
    if options.command == "glossary":
        from cnbudget.reference import glossary

        print(glossary())
        return PUBLISHABLE
    try:
        data = options.file.read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        print(f"cnbudget: {options.file}: {reason}; give the path of a budget document", file=sys.stderr)
        return NO_FILE
    from cnbudget.parse import parse_documents

    frames = parse_documents([(options.file.name, data)])
    try:
        return {"read": _read, "check": _check, "report": _report}[options.command](options, frames)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        return PUBLISHABLE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cnbudget",
        description="Reads published Chinese government budgets, and says how sure it is of every figure.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser(
        "read", help="print the figures of a document", description="Prints what a document holds."
    )
    read.add_argument("file", type=Path, metavar="FILE", help="a budget document")
    read.add_argument("--section", choices=SECTIONS, default="figures", help="what to print (default: %(default)s)")
    read.add_argument("--format", choices=FORMATS, default="table", help="how to print it (default: %(default)s)")
    read.add_argument(
        "--output", "-o", type=Path, metavar="PATH", help="write to a file (Parquet needs one, or a pipe)"
    )
    check = commands.add_parser(
        "check",
        help="check a document's identities and say what is wrong",
        description="Checks a document. Exit status: 0 it would be published, 1 it would be held, 2 no such file.",
    )
    check.add_argument("file", type=Path, metavar="FILE", help="a budget document")
    check.add_argument(
        "--language", choices=("en", "zh"), default="en", help="language of the findings (default: %(default)s)"
    )
    report = commands.add_parser(
        "report",
        help="write a document's figures, proofs and findings as one HTML page",
        description="Writes one HTML page that needs nothing else. Exit status: 0 the document would be published, 1 not, "
        "2 no such file, or the page cannot be written.",
    )
    report.add_argument("file", type=Path, metavar="FILE", help="a budget document")
    report.add_argument("--output", "-o", type=Path, metavar="PATH", help="write to a file (default: print the page)")
    report.add_argument(
        "--language", choices=("en", "zh"), default="en", help="language it opens in (default: %(default)s)"
    )
    commands.add_parser("glossary", help="print the terms of the data and the Chinese they stand for")
    return parser


def _read(options: argparse.Namespace, frames: dict[str, pl.DataFrame]) -> int:
    frame, document = frames[SECTIONS[options.section]], frames["documents"].row(0, named=True)
    if document["state"] != "parsed":
        print(f"cnbudget: {document['file_name']}: {document['state']}: {document['state_reason']}", file=sys.stderr)
    if options.format == "parquet":
        if options.output is None and sys.stdout.isatty():
            print("cnbudget: Parquet is not for a terminal; add --output PATH", file=sys.stderr)
            return NO_FILE
        frame.write_parquet(options.output or sys.stdout.buffer)
    else:
        if options.section == "items":
            named = frames["projects"].select("project_id", project="name")
            frame = frame.join(named, on="project_id", maintain_order="left") if options.format == "table" else frame
        text = _rendered(frame, options.format)
        if options.output is None:
            print(text.rstrip("\n"))
        else:
            options.output.write_text(text, encoding="utf-8")
    return PUBLISHABLE if document["state"] == "parsed" else NOT_PUBLISHABLE


def _rendered(frame: pl.DataFrame, kind: str) -> str:
    if kind == "csv":
        return frame.write_csv()
    return frame.write_json() if kind == "json" else _table(frame)


_FIGURE_COLUMNS = (
    "form_id",
    "row_no",
    "row_label",
    "code_printed",
    "measure",
    "amount_yuan",
    "n_identities",
    "n_identities_holding",
    "page",
)
_PROSE_COLUMNS = (
    (
        "compared_year",
        "subject measure year amount_printed printed_unit compared_year change_yuan change_percent status table_yuan page",
    ),
    ("position", "row_type kind position name n_stated page"),
    ("as_of", "key item value unit as_of page quote"),
    ("implementer", "name implementer period annual_budget_yuan amount_source n_items items_yuan is_cut page"),
    ("item_no", "project item_no name amount_yuan amount_printed printed_unit formula page"),
)
"""What is shown of the words' datasets, told by a column that each alone has; the other formats hold everything."""
_NOT_SHOWN = re.compile(
    r".*_(?:id|sha256|reason|zh|kind)|[xy][01]|fiscal_year|stage|cell_ref|accepted_by|evidence_quote"
)


def _table(frame: pl.DataFrame) -> str:
    """A frame as text for people: all rows, the columns that tell most."""
    import polars as pl

    is_figures = "amount_printed" in frame.columns and "form_id" in frame.columns
    shown: Sequence[str] = [c for c in frame.columns if not _NOT_SHOWN.fullmatch(c)]
    prose = next((columns.split() for own, columns in _PROSE_COLUMNS if own in frame.columns), None)
    if is_figures:
        shown = _FIGURE_COLUMNS
    elif prose is not None:
        shown = [column for column in prose if column in frame.columns]
        frame = frame.select(pl.col(shown).cast(pl.String).fill_null(""))
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
        tbl_width_chars=-1,
        fmt_str_lengths=60,
        tbl_formatting="NOTHING",
    ):
        return str(frame.select(shown))


def _check(options: argparse.Namespace, frames: dict[str, pl.DataFrame]) -> int:
    import polars as pl

    document = frames["documents"].row(0, named=True)
    year, kind = document["fiscal_year"] or "year unknown", document["publisher_kind"] or "kind unknown"
    print(
        f"{document['publisher_name'] or 'publisher unknown'}, {year}, {kind}, {document['stage'] or 'stage unknown'}"
    )
    holding = document["n_identities"] - document["n_identities_broken"] - document["n_identities_not_checkable"]
    print(
        f"{document['n_pages']} pages, {document['n_facts']} figures, {holding} of {document['n_identities']} identities hold, "
        f"{document['n_identities_broken']} broken, {document['n_identities_not_checkable']} not checkable"
    )
    order = {"error": 0, "warning": 1, "info": 2}
    findings = frames["findings"].sort(pl.col("severity").replace_strict(order), maintain_order=True)
    for finding in findings.iter_rows(named=True):
        cause = f" ({finding['cause']})" if finding["severity"] == "error" else ""
        print(f"{finding['severity']}{cause}: {finding['message_' + options.language]}")
    if document["state"] == "parsed":
        print("verdict: would be published" + (", with its findings" if len(findings) else ""))
        return PUBLISHABLE
    print(f"verdict: {document['state']}: {document['state_reason']}")
    return NOT_PUBLISHABLE


def _report(options: argparse.Namespace, frames: dict[str, pl.DataFrame]) -> int:
    from cnbudget.report import render

    page = render(frames, options.language)
    try:
        if options.output is None:
            sys.stdout.buffer.write(page.encode())
        else:
            options.output.write_text(page, encoding="utf-8")
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        reason = error.strerror or str(error)
        print(f"cnbudget: {options.output}: {reason}; give --output a path that can be written", file=sys.stderr)
        return NO_FILE
    return PUBLISHABLE if frames["documents"]["state"].item() == "parsed" else NOT_PUBLISHABLE


if __name__ == "__main__":
    sys.exit(main())
