"""A case as bytes: kept beside what a document yielded, so that rules can look at it again without the document.

What rules look at is more than the published datasets hold (lines of the prose, code cells, notes below a form), and reading
a document again takes some ten times as long as opening its case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from cnbudget.cover import Contradiction, Cover
from cnbudget.forms import BY_ID
from cnbudget.model import FormId, Paragraph
from cnbudget.prose.disclosures import Institution
from cnbudget.prose.projects import Project
from cnbudget.recognise import OtherForm, Recognition, Statement, StatementRow, Unassigned
from cnbudget.rules import Case, CheckOutcome, Figure, StatedClaim, Suspect, Text


@dataclass(frozen=True, slots=True)
class _Form:
    """A statement with its form by name, and without what only its reading needed."""

    form_id: FormId
    title: str
    rows: list[StatementRow]
    unit: str | None
    pages: list[int]
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _CaseFile:
    cover: Cover
    lines: Sequence[Paragraph]
    forms: Sequence[_Form]
    others: list[OtherForm]
    unassigned: list[Unassigned]
    titles: list[tuple[FormId, str, int | None]]
    incomplete: set[FormId]
    repeated: list[FormId]
    silent_pages: list[int]
    contradictions: Sequence[Contradiction]
    outcomes: Sequence[CheckOutcome]
    suspects: Sequence[Suspect]
    figures: Sequence[Figure]
    claims: Sequence[StatedClaim]
    projects: Sequence[Project]
    institutions: Sequence[Institution]
    texts: Sequence[Text]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_CaseFile)
_AS_THEY_ARE = (
    *("cover", "lines", "contradictions", "outcomes", "suspects"),
    *("figures", "claims", "projects", "institutions", "texts"),
)
_OF_RECOGNITION = ("others", "unassigned", "titles", "incomplete", "repeated", "silent_pages")


def to_casefile(case: Case) -> bytes:
    """The case as MessagePack; the same case gives the same bytes."""
    found = case.recognition
    forms = [_Form(s.form.form_id, s.title, s.rows, s.unit, s.pages, s.notes) for s in found.statements]
    parts = {name: getattr(case, name) for name in _AS_THEY_ARE}
    parts |= {name: getattr(found, name) for name in _OF_RECOGNITION}
    return _ENCODER.encode(_CaseFile(forms=forms, **parts))


def from_casefile(data: bytes) -> Case | None:
    """The case of these bytes; None where it was kept by a version that knew other cases."""
    try:
        kept = _DECODER.decode(data)
    except msgspec.DecodeError:
        return None
    statements = [
        Statement(BY_ID[form.form_id], form.title, form.rows, unit=form.unit, pages=form.pages, notes=form.notes)
        for form in kept.forms
    ]
    recognition = Recognition(statements, **{name: getattr(kept, name) for name in _OF_RECOGNITION})
    return Case(recognition=recognition, **{name: getattr(kept, name) for name in _AS_THEY_ARE})
