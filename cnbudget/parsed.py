"""One source on its way through a batch, and the rows of `documents` and `findings` that come of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

import polars as pl

from cnbudget import publishers
from cnbudget.cover import Cover
from cnbudget.model import CheckStatus, Document, DocumentState, Finding, FormId, RecognisedAs, Severity
from cnbudget.prose import Prose
from cnbudget.recognise import Recognition, Statement
from cnbudget.schema import DATASETS
from cnbudget.support import Verdict

_UNDECIDED = frozenset(
    {
        *("cli.py", "crosslinks.py", "markup.py", "reference.py", "report.py", "report_terms.csv", "sandbox.py"),
        *("marts.py", "revisions.py", "cofog.csv", "revalidation.py", "coverage.py"),
    }
)
"""Files that show or host a result, or are made of results, but do not decide one."""
_CASES = "rules/case.py"
"""What rules look at is part of what is read; the rules themselves judge it, and can do so again at any time."""


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
    verdict: Verdict = field(default_factory=lambda: Verdict(DocumentState.HELD, RecognisedAs.UNREADABLE))
    prose: Prose | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def judged(self) -> Judged:
        return Judged(self.document_id, self.budget_id, self.cover.fiscal_year, self.findings)

    @property
    def by_form(self) -> Mapping[FormId, Statement]:
        """The forms that were found, by their id."""
        found = self.recognition.statements if self.recognition is not None else ()
        return {statement.form.form_id: statement for statement in found}

    @property
    def has_figures(self) -> bool:
        return self.verdict.state is DocumentState.PARSED and self.cover.fiscal_year is not None

    @property
    def publisher_id(self) -> str | None:
        """The publisher by its jurisdiction and a name that spellings share; None where the cover names nobody."""
        name = self.cover.publisher_name
        return publishers.publisher_id(name, self.cover.jurisdiction_code) if name else None

    @property
    def budget_id(self) -> str | None:
        """Jurisdiction, publisher, kind, year and stage; None where one of them is not known."""
        cover = self.cover
        if not (cover.publisher_name and cover.publisher_kind and cover.fiscal_year):
            return None
        place = cover.jurisdiction_code or "unknown"
        return "/".join((place, self.publisher_id or "", cover.publisher_kind, str(cover.fiscal_year), cover.stage))


@cache
def extractor_version() -> str:
    """A hash of the code and data that decide what is read: of this package but for the rules, of PDFium's binding and of
    polars."""
    files = {name: data for name, data in _files().items() if not _is_rule(name)}
    packages = (f"{package}={metadata.version(package)}" for package in ("pypdfium2", "polars"))
    return _digest(files, *packages)


@cache
def rules_version() -> str:
    """A hash of the rules, which judge what was read."""
    return _digest({name: data for name, data in _files().items() if _is_rule(name)})


def _files() -> dict[str, bytes]:
    root = Path(__file__).parent
    paths = [path for path in root.rglob("*") if path.suffix in {".py", ".csv"} and path.name not in _UNDECIDED]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def _is_rule(name: str) -> bool:
    return name.startswith("rules/") and name != _CASES


def _digest(files: Mapping[str, bytes], *more: str) -> str:
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(name.encode() + b"\0" + data + b"\0")
    for text in more:
        digest.update(text.encode())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Judged:
    """Whose findings: the document, its budget and its year, which sign the rows of `findings`."""

    document_id: str
    budget_id: str | None
    fiscal_year: int | None
    findings: Sequence[Finding]


def findings_frame(batch: Sequence[Judged]) -> pl.DataFrame:
    """The rows of `findings`; those of one rule at one place are told apart by number."""
    rows = []
    for judged in batch:
        seen: dict[tuple[str, str], int] = {}
        for finding in judged.findings:
            count = seen[finding.rule_id, finding.locus] = seen.get((finding.rule_id, finding.locus), 0) + 1
            locus = finding.locus if count == 1 else f"{finding.locus}#{count}"
            rows.append(_finding_row(judged, finding, locus))
    return pl.DataFrame(rows, schema=DATASETS["findings"].polars_schema(), orient="row")


def _finding_row(judged: Judged, finding: Finding, locus: str) -> tuple[object, ...]:
    owner = judged.budget_id or judged.document_id
    evidence = "\0".join(str(part) for part in (finding.expected, finding.found, finding.evidence_quote))
    box = finding.box
    place = (box.x0, box.y0, box.x1, box.y1) if box else (None, None, None, None)
    return (
        hashlib.sha256(f"{owner}\0{finding.rule_id}\0{locus}".encode()).hexdigest()[:20],
        judged.document_id,
        judged.fiscal_year,
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


def documents_frame(batch: Sequence[Parsed], frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
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
        finding_counts(frames["findings"]),
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


def finding_counts(findings: pl.DataFrame) -> pl.DataFrame:
    """What `documents` counts of the findings of each document that has some."""
    return findings.group_by("document_id").agg(
        n_numbers_unassigned=(pl.col("rule_id") == "number_unassigned").sum(),
        n_findings_error=(pl.col("severity") == Severity.ERROR.value).sum(),
        n_findings_warning=(pl.col("severity") == Severity.WARNING.value).sum(),
    )


_OWN = ("n_bytes", "n_pages")


def state_by(findings: Sequence[Finding]) -> tuple[DocumentState, str | None]:
    """Where findings leave a document that was read, and why; a suspected figure tells more than the sums it breaks."""
    holding = [finding for finding in findings if finding.is_holding]
    if not holding:
        return DocumentState.PARSED, None
    suspects = [finding for finding in findings if finding.rule_id == "figure_suspected"]
    told = suspects if suspects and holding[0].rule_id == "identity_broken" else holding
    more = f" (and {len(told) - 1} more)" if len(told) > 1 else ""
    return DocumentState.HELD, told[0].message_en + more


def _document_row(parsed: Parsed) -> dict[str, object]:
    cover = parsed.cover
    state, reason = parsed.verdict.state, parsed.verdict.reason
    if state is DocumentState.PARSED:
        state, reason = state_by(parsed.findings)
    return {
        "document_id": parsed.document_id,
        "file_name": parsed.file_name,
        "media_type": parsed.media_type,
        "n_bytes": parsed.n_bytes,
        "n_pages": parsed.n_pages,
        "publisher_id": parsed.publisher_id,
        "publisher_name": cover.publisher_name,
        "publisher_kind": cover.publisher_kind,
        "jurisdiction_name": cover.jurisdiction_name,
        "jurisdiction_level": cover.jurisdiction_level,
        "jurisdiction_code": cover.jurisdiction_code,
        "fiscal_year": cover.fiscal_year,
        "stage": cover.stage if parsed.document is not None else None,
        "budget_id": parsed.budget_id,
        "is_current": False,
        "recognised_as": parsed.verdict.recognised_as,
        "state": state,
        "state_reason": reason,
        "extractor_version": extractor_version(),
    }
