"""Bytes -> datasets: the whole way of a batch of documents, without storage and without orchestration.

Every source yields exactly one row of `documents`; a document that cannot be read, is no budget, or is of a layout that is
not read yet says so there and yields no figures.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import polars as pl

from cnbudget import classification, identities, money, placement
from cnbudget.cover import Cover, contradictions, read_cover
from cnbudget.errors import CnbudgetError
from cnbudget.facts import Budget, facts_to_lines, statements_to_facts
from cnbudget.model import (
    Box,
    Cause,
    CheckStatus,
    Document,
    DocumentState,
    Finding,
    FormId,
    Severity,
    Stage,
)
from cnbudget.reading import read_document, sniff
from cnbudget.recognise import Recognition, Statement, recognise
from cnbudget.rules import Case, CheckOutcome, Suspect, findings_of
from cnbudget.schema import DATASETS, STAGED, Dataset
from cnbudget.support import Verdict, verdict_of

_UNDECIDED = frozenset({"cli.py", "report.py", "sandbox.py"})
"""Files that show or host a result but do not decide it."""


@dataclass(slots=True)
class Parsed:
    """One source on its way: what was read, what it is, and what is wrong with it."""

    file_name: str
    document_id: str
    n_bytes: int
    media_type: str
    n_pages: int = 0
    cover: Cover = field(default_factory=Cover)
    recognition: Recognition | None = None
    document: Document | None = None
    verdict: Verdict = field(default_factory=lambda: Verdict(DocumentState.HELD, "not read"))
    findings: list[Finding] = field(default_factory=list)

    @property
    def has_figures(self) -> bool:
        return self.verdict.state is DocumentState.PARSED and self.cover.fiscal_year is not None

    @property
    def budget_id(self) -> str | None:
        """Jurisdiction, publisher, kind, year and stage; None where one of them is not known."""
        cover = self.cover
        if not (cover.publisher_name and cover.publisher_kind and cover.fiscal_year):
            return None
        place = cover.jurisdiction_code or "unknown"
        name = classification.publisher_id(cover.publisher_name, cover.jurisdiction_code)
        return "/".join((place, name, cover.publisher_kind, str(cover.fiscal_year), cover.stage))


@cache
def extractor_version() -> str:
    """A hash of the code and data that decide the result: of this package, of PDFium's binding and of polars."""
    root = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if path.suffix in {".py", ".csv"} and path.name not in _UNDECIDED:
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    for package in ("pypdfium2", "polars"):
        digest.update(f"{package}={metadata.version(package)}".encode())
    return digest.hexdigest()[:12]


def parse_documents(sources: Sequence[tuple[str, bytes]]) -> dict[str, pl.DataFrame]:
    """Datasets of a batch of (file name, bytes): the names of `schema.STAGED`, each with its columns in order.

    Never raises for what a document is or holds: that is a row of `documents` and its findings.
    """
    with _collector_paused():
        return parsed_to_frames([read_one(file_name, data) for file_name, data in sources])


@contextmanager
def _collector_paused() -> Iterator[None]:
    """A batch makes some hundred thousand small tuples that all live to its end: looking for cycles costs a tenth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def held_document(file_name: str, data: bytes, reason: str, rule_id: str = "unreadable") -> dict[str, pl.DataFrame]:
    """The datasets of one document that could not be read at all."""
    return parsed_to_frames([_unread(file_name, data, reason, rule_id)])


def read_one(file_name: str, data: bytes) -> Parsed:
    """Reads and recognises one source; figures come later, for the whole batch."""
    try:
        document = read_document(file_name, data)
        recognition = recognise(document)
        cover = read_cover(document, recognition)
    except CnbudgetError as error:
        return _unread(file_name, data, str(error), "unreadable")
    parsed = Parsed(
        file_name,
        document.document_id,
        document.n_bytes,
        document.media_type.value,
        document.n_pages,
        cover,
        recognition,
    )
    parsed.document = document
    parsed.verdict = verdict_of(document, cover, recognition)
    return parsed


def _unread(file_name: str, data: bytes, reason: str, rule_id: str) -> Parsed:
    parsed = Parsed(file_name, hashlib.sha256(data).hexdigest(), len(data), sniff(file_name, data).value)
    parsed.verdict = Verdict(DocumentState.HELD, reason)
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
    """Facts, checks, lines and findings of a batch, as the datasets of `schema.STAGED`."""
    facts = statements_to_facts([to_budget(parsed) for parsed in batch if parsed.has_figures])
    checks, terms = identities.check(facts, _absent_forms(batch))
    facts = identities.count_holding(facts, checks, terms)
    checks = _with_causes(checks, terms, facts, batch)
    outcomes, suspects = _outcomes(checks, terms, facts), _suspects(checks, terms, facts)
    for parsed in batch:
        if parsed.recognition is not None and parsed.document is not None and parsed.has_figures:
            clashes = contradictions(parsed.cover, parsed.recognition.statements)
            found = outcomes.get(parsed.document_id, ()), suspects.get(parsed.document_id, ())
            case = Case(parsed.document, parsed.cover, parsed.recognition, clashes, *found)
            parsed.findings.extend(findings_of(case))
    frames = {
        "budget_facts": facts,
        **facts_to_lines(facts),
        "identity_checks": _published_checks(checks),
        "identity_terms": terms,
        "findings": _findings_frame(batch),
    }
    frames["documents"] = _documents_frame(batch, frames)
    empty = {name: pl.DataFrame(schema=DATASETS[name].polars_schema()) for name in STAGED}
    return {name: _conformed(frames.get(name, empty[name]), DATASETS[name]) for name in STAGED}


def to_budget(parsed: Parsed) -> Budget:
    """The recognised forms of a document that has figures, with what its cover says of them."""
    cover, recognition = parsed.cover, parsed.recognition
    assert recognition is not None and cover.fiscal_year is not None
    publisher = (
        classification.publisher_id(cover.publisher_name, cover.jurisdiction_code) if cover.publisher_name else None
    )
    statements = [statement for statement in recognition.statements if statement.unit is not None]
    return Budget(parsed.document_id, cover.fiscal_year, cover.stage, publisher, cover.publisher_kind, statements)


def _absent_forms(batch: Sequence[Parsed]) -> pl.DataFrame:
    """Forms that give no figures because they were not found or state no unit."""
    rows = []
    for parsed in batch:
        if parsed.has_figures and parsed.recognition is not None:
            unitless = [s.form.form_id for s in parsed.recognition.statements if s.unit is None]
            rows += [(parsed.document_id, form_id.value) for form_id in [*parsed.recognition.missing, *unitless]]
    return pl.DataFrame(rows, schema={"document_id": pl.String(), "form_id": pl.String()}, orient="row")


def _with_causes(
    checks: pl.DataFrame, terms: pl.DataFrame, facts: pl.DataFrame, batch: Sequence[Parsed]
) -> pl.DataFrame:
    """Checks with the cause of each broken one."""
    broken = checks.filter(pl.col("status") == CheckStatus.BROKEN.value)
    if broken.is_empty():
        return checks.with_columns(cause=pl.lit(None, pl.String))
    statements = {parsed.document_id: _by_form(parsed) for parsed in batch if parsed.has_figures}
    placed = terms.join(broken.select("check_id"), on="check_id", how="semi").join(
        facts.select("fact_id", "form_id", "row_no", "side", "measure"), on="fact_id"
    )
    by_check: dict[str, list[placement.Term]] = {}
    for check_id, *term in placed.select("check_id", "form_id", "row_no", "side", "measure", "sign").iter_rows():
        by_check.setdefault(check_id, []).append(placement.Term(*term))
    causes = {
        check_id: placement.cause_of(by_check.get(check_id, ()), residual, tolerance, statements[document_id]).value
        for check_id, document_id, residual, tolerance in broken.select(
            "check_id", "document_id", "residual_milli", "tolerance_milli"
        ).iter_rows()
    }
    return checks.with_columns(cause=pl.col("check_id").replace_strict(causes, default=None, return_dtype=pl.String))


def _by_form(parsed: Parsed) -> Mapping[FormId, Statement]:
    assert parsed.recognition is not None
    return {statement.form.form_id: statement for statement in parsed.recognition.statements}


def _outcomes(checks: pl.DataFrame, terms: pl.DataFrame, facts: pl.DataFrame) -> dict[str, list[CheckOutcome]]:
    """Broken and open checks by document, with the place of their first figure."""
    odd = checks.filter(pl.col("status").is_in([CheckStatus.BROKEN.value, CheckStatus.NOT_CHECKABLE.value]))
    first = terms.unique("check_id", keep="first", maintain_order=True).select("check_id", "fact_id")
    place = facts.select("fact_id", "page", "x0", "y0", "x1", "y1", "amount_printed")
    rows = odd.join(first, on="check_id", how="left", maintain_order="left").join(
        place, on="fact_id", how="left", maintain_order="left"
    )
    yuan = [money.milli_to_yuan(f"{side}_milli").alias(side) for side in ("left", "right", "residual")]
    outcomes: dict[str, list[CheckOutcome]] = {}
    for row in rows.with_columns(yuan).iter_rows(named=True):
        box = None if row["x0"] is None else Box(row["x0"], row["y0"], row["x1"], row["y1"])
        outcomes.setdefault(row["document_id"], []).append(
            CheckOutcome(
                row["identity_id"],
                row["instance"],
                CheckStatus(row["status"]),
                str(row["left"]),
                str(row["right"]),
                str(row["residual"]),
                Cause(row["cause"]) if row["cause"] else Cause.UNKNOWN,
                row["reason"],
                row["page"],
                box,
                row["amount_printed"],
            )
        )
    return outcomes


def _suspects(checks: pl.DataFrame, terms: pl.DataFrame, facts: pl.DataFrame) -> dict[str, list[Suspect]]:
    """Figures that the broken checks of each document point at."""
    if not (checks["status"] == CheckStatus.BROKEN.value).any():
        return {}
    rows = (
        identities.suspects(facts, checks, terms)
        .join(facts.drop("document_id"), on="fact_id")
        .with_columns(proposed=money.milli_to_yuan("proposed_milli"))
        .sort("document_id", "form_id", "row_no", "measure")
    )
    suspects: dict[str, list[Suspect]] = {}
    for row in rows.iter_rows(named=True):
        suspects.setdefault(row["document_id"], []).append(
            Suspect(
                FormId(row["form_id"]),
                row["row_no"],
                row["row_label"] or row["measure"],
                row["measure"],
                row["amount_printed"],
                row["n_broken"],
                str(row["proposed"]) if row["n_agreeing"] > 1 else None,
                row["page"],
                None if row["x0"] is None else Box(row["x0"], row["y0"], row["x1"], row["y1"]),
            )
        )
    return suspects


def _published_checks(checks: pl.DataFrame) -> pl.DataFrame:
    names = ("left", "right", "residual", "tolerance")
    return checks.with_columns(money.milli_to_yuan(f"{name}_milli").alias(f"{name}_yuan") for name in names)


def _findings_frame(batch: Sequence[Parsed]) -> pl.DataFrame:
    dataset = DATASETS["findings"]
    rows = []
    for parsed in batch:
        seen: dict[tuple[str, str], int] = {}
        for finding in parsed.findings:
            count = seen[finding.rule_id, finding.locus] = seen.get((finding.rule_id, finding.locus), 0) + 1
            locus = finding.locus if count == 1 else f"{finding.locus}#{count}"
            rows.append(_finding_row(parsed, finding, locus))
    return pl.DataFrame(rows, schema=dataset.polars_schema(), orient="row")


def _finding_row(parsed: Parsed, finding: Finding, locus: str) -> tuple[object, ...]:
    owner = parsed.budget_id or parsed.document_id
    evidence = "\0".join(str(part) for part in (finding.expected, finding.found, finding.evidence_quote))
    box = finding.box
    place = (box.x0, box.y0, box.x1, box.y1) if box else (None, None, None, None)
    return (
        hashlib.sha256(f"{owner}\0{finding.rule_id}\0{locus}".encode()).hexdigest()[:20],
        parsed.document_id,
        parsed.cover.fiscal_year,
        finding.rule_id,
        finding.severity.value,
        finding.cause.value,
        finding.is_holding,
        locus,
        finding.message_zh,
        finding.message_en,
        finding.expected,
        finding.found,
        finding.difference,
        finding.page,
        *place,
        finding.evidence_quote,
        hashlib.sha256(evidence.encode()).hexdigest(),
        None,
        None,
    )


def _documents_frame(batch: Sequence[Parsed], frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    status = pl.col("status")
    counts = [
        frames["budget_facts"].group_by("document_id").agg(n_facts=pl.len()),
        frames["identity_checks"]
        .group_by("document_id")
        .agg(
            n_identities=pl.len(),
            n_identities_broken=(status == CheckStatus.BROKEN.value).sum(),
            n_identities_not_checkable=(status == CheckStatus.NOT_CHECKABLE.value).sum(),
        ),
        frames["findings"]
        .group_by("document_id")
        .agg(
            n_numbers_unassigned=(pl.col("rule_id") == "number_unassigned").sum(),
            n_findings_error=(pl.col("severity") == Severity.ERROR.value).sum(),
            n_findings_warning=(pl.col("severity") == Severity.WARNING.value).sum(),
        ),
    ]
    dataset = DATASETS["documents"]
    own = pl.DataFrame(
        [_document_row(parsed) for parsed in batch],
        schema={
            name: kind for name, kind in dataset.polars_schema().items() if not name.startswith("n_") or name in _OWN
        },
        orient="row",
    )
    for count in counts:
        own = own.join(count, on="document_id", how="left", maintain_order="left")
    return own.with_columns(pl.col("^n_.*$").fill_null(0))


_OWN = ("n_bytes", "n_pages")


def _document_row(parsed: Parsed) -> dict[str, object]:
    cover = parsed.cover
    holding = [finding for finding in parsed.findings if finding.is_holding]
    state, reason = parsed.verdict.state, parsed.verdict.reason
    if state is DocumentState.PARSED and holding:
        more = f" (and {len(holding) - 1} more)" if len(holding) > 1 else ""
        state, reason = DocumentState.HELD, holding[0].message_en + more
    return {
        "document_id": parsed.document_id,
        "file_name": parsed.file_name,
        "media_type": parsed.media_type,
        "n_bytes": parsed.n_bytes,
        "n_pages": parsed.n_pages,
        "publisher_id": classification.publisher_id(cover.publisher_name, cover.jurisdiction_code)
        if cover.publisher_name
        else None,
        "publisher_name": cover.publisher_name,
        "publisher_kind": cover.publisher_kind,
        "jurisdiction_name": cover.jurisdiction_name,
        "jurisdiction_level": cover.jurisdiction_level,
        "jurisdiction_code": cover.jurisdiction_code,
        "fiscal_year": cover.fiscal_year,
        "stage": cover.stage if parsed.document is not None else None,
        "budget_id": parsed.budget_id,
        "is_current": False,
        "state": state,
        "state_reason": reason,
        "extractor_version": extractor_version(),
    }


def _conformed(frame: pl.DataFrame, dataset: Dataset) -> pl.DataFrame:
    """The frame with the dataset's columns in order and type, missing ones null."""
    schema = dataset.polars_schema()
    return frame.select(
        pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
        for name, kind in schema.items()
    )


__all__ = ["Parsed", "Stage", "extractor_version", "held_document", "parse_documents", "parsed_to_frames", "read_one"]
