"""What the rules look at: a batch's frames and records turned into one `Case` a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple, TypeVar

import polars as pl

from cnbudget.cover import contradictions
from cnbudget.model import AmountSource
from cnbudget.outcomes import outcomes_of, suspects_of
from cnbudget.parsed import Parsed
from cnbudget.prose import Prose
from cnbudget.prose.projects import Project
from cnbudget.prose.sections import Section, joined
from cnbudget.rules import Case, Figure, StatedClaim, Text

Row = TypeVar("Row", bound=NamedTuple)


def cases_of(
    batch: Sequence[Parsed],
    checks: pl.DataFrame,
    terms: pl.DataFrame,
    facts: pl.DataFrame,
    prose: Mapping[str, pl.DataFrame],
) -> Iterator[tuple[Parsed, Case]]:
    """Each document that has figures, with its case.

    `checks` (with causes), `terms` and `facts` are those of the batch with their working columns, `prose` its frames.
    """
    outcomes, suspects = outcomes_of(checks, terms, facts), suspects_of(checks, terms, facts)
    figures = _by_document(facts, Figure, Figure._fields)
    claims = _by_document(prose["narrative_claims"], StatedClaim, StatedClaim._fields)
    amounts = _proved_amounts(prose["projects"])
    for parsed in batch:
        if not parsed.has_figures or parsed.recognition is None or parsed.document is None:
            continue
        name, said = parsed.document_id, parsed.prose
        yield (
            parsed,
            Case(
                cover=parsed.cover,
                recognition=parsed.recognition,
                lines=parsed.document.paragraphs(),
                contradictions=contradictions(parsed.cover, parsed.recognition.statements),
                outcomes=outcomes.get(name, ()),
                suspects=suspects.get(name, ()),
                figures=figures.get(name, ()),
                claims=claims.get(name, ()),
                projects=_projects(said, amounts.get(name, ())) if said else (),
                institutions=said.institutions if said else (),
                texts=[_text(section) for section in said.sections] if said else (),
            ),
        )


def _by_document(frame: pl.DataFrame, row: type[Row], columns: Iterable[str]) -> dict[str, list[Row]]:
    """Rows of a frame as records, by document; a batch lists a document's rows together."""
    rows = frame.select("document_id", *columns).iter_rows()
    make = row._make
    found: dict[str, list[Row]] = {}
    for name, group in groupby(rows, key=itemgetter(0)):
        found.setdefault(name, []).extend(make(values[1:]) for values in group)
    return found


def _proved_amounts(projects: pl.DataFrame) -> dict[str, list[tuple[int, object]]]:
    """Projects whose malformed amount the forms prove: number within the document, and the amount."""
    numbered = projects.select(
        "document_id", "amount_source", "annual_budget_yuan", number=pl.int_range(pl.len()).over("document_id")
    ).filter(pl.col("amount_source") == AmountSource.PROVED.value)
    found: dict[str, list[tuple[int, object]]] = {}
    for name, _, amount, number in numbered.iter_rows():
        found.setdefault(name, []).append((number, amount))
    return found


def _projects(prose: Prose, proved: Iterable[tuple[int, object]]) -> list[Project]:
    found = list(prose.projects)
    for number, amount in proved:
        found[number] = replace(
            found[number],
            annual_budget_yuan=amount,  # type: ignore[arg-type]
            amount_source=AmountSource.PROVED,
        )
    return found


def _text(section: Section) -> Text:
    return Text(section.kind, section.title, joined(section.lines), section.lines[0].page)
