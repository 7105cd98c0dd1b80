"""What points at what in one document: how sure each figure is, and the places on its page that a finding speaks of."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cnbudget.markup import both, say, source, text
from cnbudget.model import CheckStatus, ClaimStatus, FormId, Severity
from cnbudget.rules import FORM_NAMES

Row = Mapping[str, Any]

_SEVERITIES = [severity.value for severity in Severity]
_FORMS = [form.value for form in FormId]
_NO_ANCHOR = re.compile(r"[^a-zA-Z0-9_.]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Something on the page that a finding speaks of: its anchor and its name, as HTML."""

    anchor: str
    label: str


@dataclass(frozen=True, slots=True)
class View:
    """The rows of one document, and what points at what between them. Findings stand worst first and count from 1."""

    document: Row
    rows: Mapping[str, Sequence[Row]]
    facts: Mapping[str, Row]
    terms: Mapping[str, Sequence[tuple[str, int]]]
    proofs: Mapping[str, str]
    cells: Mapping[str, Place]
    odd_checks: Mapping[str, Row]
    findings: Sequence[Row]
    places: dict[int, list[Place]] = field(default_factory=dict)
    marks: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def figures(self, check: Row, *signs: int) -> list[Place]:
        """The figures of a check, of one side of it or of both."""
        return [self.cells[name] for name, sign in self.terms.get(check["check_id"], ()) if sign in signs]


def to_view(rows: Mapping[str, Sequence[Row]]) -> View:
    """Proof levels, and findings with what they speak of."""
    facts = {fact["fact_id"]: fact for fact in rows["budget_facts"]}
    terms_of = defaultdict(list)
    for term in rows["identity_terms"]:
        if term["fact_id"] in facts:
            terms_of[term["check_id"]].append((term["fact_id"], term["sign"]))
    checks = rows["identity_checks"]
    bad = [check["check_id"] for check in checks if check["status"] == CheckStatus.BROKEN]
    broken = {name for check_id in bad for name, _ in terms_of[check_id]}
    proofs = {name: _proof(fact["n_identities_holding"], name in broken) for name, fact in facts.items()}
    findings = sorted(rows["findings"], key=lambda row: (not row["is_holding"], _SEVERITIES.index(row["severity"])))
    cells = {name: _cell(fact) for name, fact in facts.items()}
    view = View(rows["documents"][0], rows, facts, terms_of, proofs, cells, _odd_checks(checks), findings)
    known = _known_places(view)
    for number, finding in enumerate(findings, 1):
        view.places[number] = list(dict.fromkeys(_places(finding, known)))
        for place in view.places[number]:
            view.marks[place.anchor].append(number)
    return view


def _proof(n_holding: int, is_in_broken: bool) -> str:
    if is_in_broken:
        return "broken" if n_holding else "suspected"
    return "two" if n_holding > 1 else "one" if n_holding else "none"


def _cell(fact: Row) -> Place:
    """The cell of a figure, named by its form, row and amount."""
    label = f"T{_FORMS.index(fact['form_id']) + 1} {fact['row_label'] or ''} {fact['amount_printed']}"
    return Place(anchor_of(fact["fact_id"]), source(" ".join(label.split())))


def anchor_of(key: str) -> str:
    """An identifier of the data as an anchor, without the document in front of it."""
    return text(_NO_ANCHOR.sub("-", key.partition(":")[2] or key))


def row_anchor(fact: Row) -> str:
    """The anchor of the row that a figure stands in, of its half where the form has two."""
    return "-".join(filter(None, ("row", fact["form_id"], fact["side"], str(fact["row_no"]))))


def _known_places(view: View) -> dict[object, list[Place]]:
    """Places by what a finding may say of them: a locus, a box on a page, or a quote with the box it stands in."""
    known: defaultdict[object, list[Place]] = defaultdict(list)
    for name, fact in view.facts.items():
        known[f"{fact['form_id']}/{fact['row_no']}/{fact['measure']}"].append(view.cells[name])
        known[_box(fact)].append(view.cells[name])
    _know_codes(view, known)
    for locus, check in view.odd_checks.items():
        known[locus] = view.figures(check, 1, -1)
    for claim in view.rows["narrative_claims"]:
        _know_claim(view, claim, known)
    for project in view.rows["projects"]:
        place = Place(anchor_of(project["project_id"]), source(project["name"]) or say("no_name"))
        known[f"projects/{project['name']}/{project['implementer']}"].append(place)
    for form in FormId:
        known[form.value].append(Place(f"form-{form.value}", both(*FORM_NAMES[form])))
    return known


def _know_codes(view: View, known: defaultdict[object, list[Place]]) -> None:
    """Rows by code, as printed or as meant, and figures by code and measure where no row has that number.

    Rows are not known by number: the half of a two-sided row that prints no figure would be taken for the other.
    """
    coded: defaultdict[str, list[Place]] = defaultdict(list)
    for name, fact in view.facts.items():
        place = Place(row_anchor(fact), source(f"T{_FORMS.index(fact['form_id']) + 1} {fact['row_label'] or ''}"))
        for code in {fact["code_printed"], fact["functional_code"], fact["economic_code"]} - {"", None}:
            coded[f"{fact['form_id']}/{code}"].append(place)
            coded[f"{fact['form_id']}/{code}/{fact['measure']}"].append(view.cells[name])
    for locus, places in coded.items():
        known.setdefault(locus, places)


def _know_claim(view: View, claim: Row, known: defaultdict[object, list[Place]]) -> None:
    """A claim by its quote and by what it measures, with the figure that it contradicts."""
    spoken = [Place(anchor_of(claim["claim_id"]), say("nav_narrative"))]
    if claim["status"] == ClaimStatus.DIFFERS and claim["fact_id"] in view.facts:
        spoken.append(view.cells[claim["fact_id"]])
    subject = f"{claim['measure']}/{claim['functional_code'] or claim['subject']}"
    known[claim["quote"], *_box(claim)] += spoken
    for section in {claim["section"], "narrative"}:
        known[f"{section}/{subject}"] += spoken
        if not claim["measure"].startswith("account_"):
            known[f"{section}/{claim['measure']}"] += spoken


def _places(finding: Row, known: Mapping[object, list[Place]]) -> list[Place]:
    """What a finding speaks of, by the surest sign of it; nothing where that is the document as a whole.

    The start of a locus names what the finding is in: the row of a name, the project of an item.
    """
    locus = finding["locus"].partition("#")[0]
    parts = locus.split("/")
    starts = ["/".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]
    box = _box(finding) if parts[0] in _FORMS and finding["x0"] is not None else None
    signs = (locus, (finding["evidence_quote"], *_box(finding)), *starts[:-1], box, *starts[-1:])
    return next((known[sign] for sign in signs if sign in known), [])


def _box(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in ("page", "x0", "y0", "x1", "y1"))


def _odd_checks(checks: Sequence[Row]) -> dict[str, Row]:
    """The broken checks, then those that were not checkable, by the locus that findings name them with."""
    odd = (CheckStatus.BROKEN, CheckStatus.NOT_CHECKABLE)
    return {f"{c['identity_id']}/{c['instance']}": c for status in odd for c in checks if c["status"] == status}
