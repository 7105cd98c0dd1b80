"""Is it ours? A budget of the nine forms, one of another layout, final accounts, an empty template, or no budget at all.

A real budget of a layout that is not read yet is never forced into the nine forms: it is told apart and counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cnbudget import money
from cnbudget.cover import Cover
from cnbudget.errors import CnbudgetError
from cnbudget.model import Document, DocumentState, FormId, Paragraph, RecognisedAs, Stage
from cnbudget.reading import read_document
from cnbudget.recognise import Recognition, recognise

ENOUGH_FORMS = 5
"""With this many of the nine forms found a document is of our layout, and a missing one is an error in it."""

_BUDGET_TABLE = re.compile(r"(?:收支|收入|支出|财政拨款|一般公共预算|三公经费|政府性基金).{0,20}(?:表|情况)$")
_FINAL_ACCOUNTS = re.compile(r"(?:收入|支出|收支|部门|单位)决算")
_CHINESE = re.compile("[一-鿿]")
_UNDECODED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufffd-\uffff]|[\U000f0000-\U0010ffff]")
"""What a PDF's text has where a font has no map to Unicode: controls, private characters, replacement marks."""
_BUDGET_WORDS = re.compile(r"(?:部门|单位)(?:综合)?预算|预算公开|预算编制说明|预算表")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state that reading alone gives a document, what it is, and the reason."""

    state: DocumentState
    recognised_as: RecognisedAs
    reason: str | None = None


def verdict_of(document: Document, cover: Cover, recognition: Recognition) -> Verdict:
    """Tells a readable document of the nine forms from everything else."""
    n_forms = len(recognition.statements)
    if cover.stage is Stage.FINAL_ACCOUNTS or (n_forms < ENOUGH_FORMS and _is_final_accounts(document)):
        return Verdict(
            DocumentState.UNSUPPORTED,
            RecognisedAs.FINAL_ACCOUNTS,
            f"final accounts{_of(cover)}: only budgets are read yet",
        )
    if len(set(recognition.repeated)) >= ENOUGH_FORMS:
        parts = f" ({document.notes['parts']})" if "parts" in document.notes else ""
        return Verdict(
            DocumentState.HELD,
            RecognisedAs.SEVERAL_BUDGETS,
            f"more than one budget in one file{parts}: {len(set(recognition.repeated))} of the nine forms stand in it "
            "again; publish each budget as a file of its own",
        )
    if n_forms >= ENOUGH_FORMS:
        if (blank := _blank(recognition)) is not None:
            return Verdict(
                DocumentState.UNSUPPORTED, RecognisedAs.TEMPLATE, f"a template: the forms are there, {blank}"
            )
        if cover.fiscal_year is None:
            return Verdict(
                DocumentState.HELD,
                RecognisedAs.NINE_FORMS,
                "no budget year: neither the cover nor the form titles agree on one",
            )
        return Verdict(DocumentState.PARSED, RecognisedAs.NINE_FORMS)
    titled = {form_id for form_id, _, _ in recognition.titles} | (set(FormId) - set(recognition.missing))
    if len(titled) >= ENOUGH_FORMS or _is_most(recognition):
        return Verdict(
            DocumentState.HELD,
            RecognisedAs.NINE_FORMS,
            f"the titles of {len(titled)} of the nine forms are there, but only {n_forms} tables could be read: "
            f"{_names(recognition.missing)} not found; pages are missing or scanned, tables stand sideways or have no lines, "
            "or the columns of the text are lost",
        )
    if (unread := _unread(document, recognition)) is not None:
        return Verdict(DocumentState.HELD, RecognisedAs.UNREADABLE, unread)
    tables = _budget_tables(document, recognition)
    if tables or _is_budget(document):
        found = f"{n_forms} of the nine forms found" + (
            f"; its own tables are {'、'.join(tables[:3])}" if tables else ""
        )
        return Verdict(
            DocumentState.UNSUPPORTED, RecognisedAs.OTHER_LAYOUT, f"a budget of another layout{_of(cover)}: {found}"
        )
    return Verdict(
        DocumentState.REJECTED,
        RecognisedAs.NO_BUDGET,
        "no budget: none of the nine forms and no words of a budget in it",
    )


def holds_budget(file_name: str, data: bytes) -> bool:
    """Whether a file is a budget by itself, of any layout, rather than a part of one: it has most tables of a budget."""
    try:
        recognition = recognise(read_document(file_name, data))
    except CnbudgetError:
        return False
    n_others = sum(bool(_BUDGET_TABLE.search(other.title)) for other in recognition.others)
    return len(recognition.statements) + n_others >= ENOUGH_FORMS


def _is_most(recognition: Recognition) -> bool:
    """Whether several of the nine forms are there and hardly another table: a part of a budget of our layout."""
    return len(recognition.statements) > max(2, sum(bool(other.title) for other in recognition.others))


def _unread(document: Document, recognition: Recognition) -> str | None:
    """Why little of a document can be read, so that nothing may be said of what it is; None where it can."""
    if 2 * len(recognition.silent_pages) > document.n_pages:
        return (
            f"{len(recognition.silent_pages)} of {document.n_pages} pages have no text and may be scanned; publish a PDF with "
            "text, or wait for OCR"
        )
    text = "".join(_lines(document)) + "".join(cell.text for grid in document.grids() for cell in grid.cells)
    words = len(_CHINESE.findall(text)), len(_UNDECODED.findall(text))
    if document.n_pages and words[1] > max(20, words[0]):
        return (
            f"{words[1]} characters of its text stand for nothing, {words[0]} are Chinese: its fonts do not say which character "
            "a glyph is; publish a PDF with text, or wait for OCR"
        )
    return None


def _blank(recognition: Recognition) -> str | None:
    """How a template is blank; None where a figure is filled in."""
    amounts = [amount for statement in recognition.statements for row in statement.rows for amount in row.amounts]
    numbers = [item for item in recognition.unassigned if money.parse_amount(item.text) is not None]
    if not amounts and not numbers:
        return "no figure is filled in"
    if any(map(money.parse_amount, [*(amount.text for amount in amounts), *(item.text for item in numbers)])):
        return None
    return "zeros alone are filled in"


def _names(forms: Sequence[FormId]) -> str:
    return ", ".join(f"T{list(FormId).index(form_id) + 1}" for form_id in forms)


def _of(cover: Cover) -> str:
    place = cover.jurisdiction_name or cover.publisher_name
    return f" ({place})" if place else ""


def _lines(document: Document) -> list[str]:
    return [money.key(block.text) for block in document.blocks if isinstance(block, Paragraph)]


def _is_final_accounts(document: Document) -> bool:
    return sum(bool(_FINAL_ACCOUNTS.search(line)) for line in _lines(document) if len(line) < 40) >= 3


def _is_budget(document: Document) -> bool:
    return sum(bool(_BUDGET_WORDS.search(line)) for line in _lines(document) if len(line) < 60) >= 2


def _budget_tables(document: Document, recognition: Recognition) -> list[str]:
    titles = [other.title for other in recognition.others if other.title]
    titles += [line for line in _lines(document) if len(line) < 40 and _BUDGET_TABLE.search(line)]
    return list(dict.fromkeys(title for title in titles if _BUDGET_TABLE.search(title) or "预算" in title))
