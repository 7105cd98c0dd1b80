"""Bytes -> datasets: the whole way of a batch of documents, without storage and without orchestration.

Every source yields exactly one row of `documents`; a document that cannot be read, is no budget, or is of a layout that is
not read yet says so there and yields no figures.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import polars as pl

from cnbudget import identities, money
from cnbudget.casefile import to_casefile
from cnbudget.cases import cases_of
from cnbudget.cover import read_cover
from cnbudget.errors import CnbudgetError
from cnbudget.facts import Budget, facts_to_lines, statements_to_facts
from cnbudget.model import Cause, DocumentState, Finding, RecognisedAs, Severity
from cnbudget.outcomes import with_causes
from cnbudget.parsed import Parsed, documents_frame, extractor_version, findings_frame
from cnbudget.prose import prose_frames, read_prose
from cnbudget.reading import read_document, sniff
from cnbudget.recognise import recognise
from cnbudget.recovery import recover
from cnbudget.results import frames_to_results
from cnbudget.rules import findings_of
from cnbudget.schema import DATASETS, STAGED, Dataset
from cnbudget.support import Verdict, verdict_of

__all__ = [
    "extractor_version",
    "held_result",
    "parse_documents",
    "parse_to_results",
    "parsed_to_frames",
    "read_one",
    "to_budget",
]


def parse_documents(sources: Sequence[tuple[str, bytes]]) -> dict[str, pl.DataFrame]:
    """Datasets of a batch of (file name, bytes): the names of `schema.STAGED`, each with its columns in order, and `cases`,
    which keep for `casefile` what rules looked at.

    Never raises for what a document is or holds: that is a row of `documents` and its findings.
    """
    with collector_paused():
        return parsed_to_frames([read_one(file_name, data) for file_name, data in sources])


def parse_to_results(sources: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """As `parse_documents`, as one file for each source, in their order (see `cnbudget.results`)."""
    results = frames_to_results(parse_documents(sources))
    return [results[hashlib.sha256(data).hexdigest()] for _, data in sources]


def held_result(file_name: str, data: bytes, reason: str, rule_id: str) -> bytes:
    """The result of one document that could not be read at all."""
    (result,) = frames_to_results(parsed_to_frames([_unread(file_name, data, reason, rule_id)])).values()
    return result


@contextmanager
def collector_paused() -> Iterator[None]:
    """A batch makes some hundred thousand small tuples that all live to its end: looking for cycles costs a tenth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def read_one(file_name: str, data: bytes) -> Parsed:
    """Reads and recognises one source; figures and findings come later, for the whole batch."""
    try:
        document = read_document(file_name, data)
        recognition = recover(document, recognise(document))
        cover = read_cover(document, recognition)
    except CnbudgetError as error:
        return _unread(file_name, data, str(error), "unreadable")
    parsed = Parsed(file_name, document.document_id, document.n_bytes, document.media_type.value, document.n_pages)
    parsed.document, parsed.cover, parsed.recognition = document, cover, recognition
    parsed.verdict = verdict_of(document, cover, recognition)
    if parsed.has_figures and cover.fiscal_year is not None:
        parsed.prose = read_prose(document, cover.fiscal_year)
    return parsed


def _unread(file_name: str, data: bytes, reason: str, rule_id: str) -> Parsed:
    parsed = Parsed(file_name, hashlib.sha256(data).hexdigest(), len(data), sniff(file_name, data).value)
    parsed.verdict = Verdict(DocumentState.HELD, RecognisedAs.UNREADABLE, reason)
    parsed.findings.append(
        Finding(
            rule_id,
            Severity.ERROR,
            Cause.UNKNOWN,
            "document",
            f"文件无法读取：{reason}",
            f"the document cannot be read: {reason}",
            found=reason,
            is_holding=True,
        )
    )
    return parsed


def parsed_to_frames(batch: Sequence[Parsed]) -> dict[str, pl.DataFrame]:
    """Facts, checks, lines, records of the prose and findings of a batch, as the datasets of `schema.STAGED`."""
    facts = statements_to_facts([to_budget(parsed) for parsed in batch if parsed.has_figures])
    checks, terms = identities.check(facts, _absent_forms(batch))
    facts = identities.count_holding(facts, checks, terms)
    checks = with_causes(checks, terms, facts, {parsed.document_id: parsed.by_form for parsed in batch})
    prose = prose_frames([parsed.prose for parsed in batch if parsed.prose is not None], facts)
    kept = []
    for parsed, case in cases_of(batch, checks, terms, facts, prose):
        parsed.findings += findings_of(case)
        kept.append((parsed.document_id, to_casefile(case)))
    frames = {
        "budget_facts": facts,
        **facts_to_lines(facts),
        "identity_checks": _published_checks(checks),
        "identity_terms": terms,
        **prose,
        "findings": findings_frame([parsed.judged for parsed in batch]),
    }
    frames["documents"] = documents_frame(batch, frames)
    cases = pl.DataFrame(kept, schema={"document_id": pl.String(), "case": pl.Binary()}, orient="row")
    return {name: _conformed(frames[name], DATASETS[name]) for name in STAGED} | {"cases": cases}


def to_budget(parsed: Parsed) -> Budget:
    """The recognised forms of a document that has figures, with what its cover says of them."""
    cover, recognition = parsed.cover, parsed.recognition
    assert recognition is not None and cover.fiscal_year is not None
    statements = [statement for statement in recognition.statements if statement.unit is not None]
    return Budget(
        parsed.document_id, cover.fiscal_year, cover.stage, parsed.publisher_id, cover.publisher_kind, statements
    )


def _absent_forms(batch: Sequence[Parsed]) -> pl.DataFrame:
    """Forms that do not give all their figures: not found, without a unit, or with numbers that have no column."""
    rows = []
    for parsed in batch:
        if parsed.has_figures and parsed.recognition is not None:
            unitless = [s.form.form_id for s in parsed.recognition.statements if s.unit is None]
            rows += [
                (parsed.document_id, form_id.value)
                for form_id in {*parsed.recognition.missing, *parsed.recognition.incomplete, *unitless}
            ]
    return pl.DataFrame(rows, schema={"document_id": pl.String(), "form_id": pl.String()}, orient="row")


def _published_checks(checks: pl.DataFrame) -> pl.DataFrame:
    names = ("left", "right", "residual", "tolerance")
    return checks.with_columns(money.milli_to_yuan(f"{name}_milli").alias(f"{name}_yuan") for name in names)


def _conformed(frame: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """The frame with the dataset's columns in order and type, missing ones null."""
    schema = dataset.polars_schema()
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )
