"""Verdicts on documents: as parsed, but held where a finding or the gate says so."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cnbudget.model import DocumentState
from cnbudget.results import Frames
from warehouse.journal import DocumentAudited
from warehouse.staging import NO_FACTS, facts_digests

_COLUMNS = (
    *("document_id", "extractor_version", "state", "state_reason"),
    *("budget_id", "fiscal_year", "jurisdiction_code"),
)


def to_verdicts(
    staged: Frames,
    critical: Mapping[str, Sequence[str]],
    unapprovable: Collection[str],
    judgements: Mapping[str, str] | None = None,
) -> list[DocumentAudited]:
    """The verdict on each document of staged frames.

    `critical` has the messages of the gate by document_id, `judgements` the names of judgements where there are some.
    """
    holding = staged["findings"].filter("is_holding").group_by("document_id", maintain_order=True).agg("message_en")
    reasons = {document_id: list(messages) for document_id, messages in holding.iter_rows()}
    digests = facts_digests(staged["budget_facts"])
    rows = staged["documents"].select(_COLUMNS).iter_rows()
    return [
        DocumentAudited(
            document_id,
            extractor_version,
            *_verdict(DocumentState(state), reason, [*reasons.get(document_id, ()), *critical.get(document_id, ())]),
            budget_id,
            digests.get(document_id, NO_FACTS),
            document_id not in unapprovable,
            (judgements or {}).get(document_id),
            year,
            jurisdiction,
        )
        for document_id, extractor_version, state, reason, budget_id, year, jurisdiction in rows
    ]


def _verdict(state: DocumentState, reason: str | None, messages: Sequence[str]) -> tuple[DocumentState, str | None]:
    if state != DocumentState.PARSED or not messages:
        return state, reason
    more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
    return DocumentState.HELD, f"{messages[0]}{more}"
