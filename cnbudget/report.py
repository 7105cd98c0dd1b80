"""One document's facts and findings -> one HTML page: the verdict, what to do next, and every figure with its proof."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from cnbudget.crosslinks import Place, Row, View, anchor_of, row_anchor, to_view
from cnbudget.identities import BY_ID
from cnbudget.markup import (
    both,
    checkbox,
    fill,
    link,
    page,
    pairs,
    say,
    scrolled,
    section,
    source,
    table,
    terms,
    text,
    whisper,
    words_of,
)
from cnbudget.model import CheckStatus, ClaimStatus, FormId, Measure, Severity, Side
from cnbudget.rules import FORM_NAMES

if TYPE_CHECKING:
    import polars as pl

__all__ = ["render"]

PROOFS = {"two": "✓✓", "one": "✓", "none": "○", "broken": "✗", "suspected": "?"}
"""How sure a figure is, and the sign that says so beside its colour."""

FEW = 6
"""More places than this are not named in a finding: the check that it links to names them all."""

_TONES = {"parsed": "good", "published": "good", "held": "bad", "rejected": "bad"}
_SEVERITIES = [severity.value for severity in Severity]
_STATUSES = [status.value for status in CheckStatus]
_FORMS = [form.value for form in FormId]
_ORDER = {identity: number for number, identity in enumerate(BY_ID)}


def render(frames: Mapping[str, pl.DataFrame], language: str = "en") -> str:
    """The page for one document, from its datasets (`parse_documents` of one source, or one document's rows of the lake).

    `language` (`en` or `zh`) is what the page opens in. The same frames give the same page.
    Raises ValueError where the frames hold another number of documents than one.
    """
    if (height := frames["documents"].height) != 1:
        raise ValueError(f"documents: {height} rows found, one expected; filter the frames by document_id")
    view = to_view({name: frame.rows(named=True) for name, frame in frames.items() if not name.endswith("_lines")})
    bodies = {
        "next": _next(view),
        "findings": _findings(view),
        "forms": _forms(view),
        "identities": _identities(view),
        "narrative": _narrative(view),
        "institutions": _institutions(view),
        "disclosures": _disclosures(view),
        "projects": _projects(view),
    }
    shown = {name: body for name, body in bodies.items() if body}
    whole = _verdict(view) + "".join(section(name, body) for name, body in shown.items())
    return page(f"{_name(view.document)} · cnbudget", ["verdict", *shown], whole, _footer(view.document), language)


# The verdict and what to do next.


def _verdict(view: View) -> str:
    document, state = view.document, view.document["state"]
    ruling = say("state_with_findings" if state == "parsed" and view.findings else f"state_{state}")
    kinds = [say(document[name]) for name in ("publisher_kind", "stage") if document[name]]
    about = " · ".join(filter(None, [source(document["jurisdiction_name"]), text(document["fiscal_year"]), *kinds]))
    return (
        f'<section id="verdict" class="verdict {_TONES.get(state, "")}" aria-labelledby="h-verdict">'
        f'<p class="soft">{say("kicker")}</p><h1 id="h-verdict">{source(_name(document))}</h1><p>{about}</p>'
        f'<p class="ruling">{ruling}</p><p>{say(f"why_{state}")}</p>{_reason(view)}{_counts(view)}</section>\n'
    )


def _reason(view: View) -> str:
    """Why it is not published: the first finding that holds it, in both languages, or the reason on record (in English)."""
    holding = [finding for finding in view.findings if finding["is_holding"]]
    if view.document["state"] == "held" and holding:
        more = f"<p>{fill('more_holding', len(holding) - 1)}</p>" if len(holding) > 1 else ""
        return f'<div class="reason"><p>{_message(holding[0])} {_number(1, holding[0])}</p>{more}</div>'
    reason = view.document["state_reason"]
    return f'<p class="reason">{say("reason")} <span lang="en">{text(reason)}</span></p>' if reason else ""


def _counts(view: View) -> str:
    if not view.facts:
        return ""
    checks, claims = _tally(view.rows["identity_checks"], "status"), _tally(view.rows["narrative_claims"], "status")
    proofs, severities = Counter(view.proofs.values()), _tally(view.findings, "severity")
    n_agreeing = claims["agrees"] + claims["rounds_to"] + claims["truncates_to"]
    tiles = (
        ("count_figures", f"{len(view.facts):,}", {f"proof_{name}": proofs[name] for name in PROOFS}),
        (
            "count_identities",
            f"{checks['exact'] + checks['rounded']:,} / {checks.total():,}",
            {name: checks[name] for name in _STATUSES},
        ),
        ("count_findings", f"{len(view.findings):,}", {name: severities[name] for name in _SEVERITIES}),
        ("count_claims", f"{n_agreeing:,} / {claims.total():,}", {name.value: claims[name] for name in ClaimStatus}),
    )
    counts = "".join(f"<div><dt>{say(name)}</dt><dd>{value}</dd>{_listed(parts)}</div>" for name, value, parts in tiles)
    shares = "".join(f'<i class="{name}" style="flex:{proofs[name]}"></i>' for name in PROOFS if proofs[name])
    return f'<div class="shares" aria-hidden="true">{shares}</div><dl class="counts">{counts}</dl>'


def _listed(counts: Mapping[str, int]) -> str:
    return "".join(
        f'<dd class="soft"><span>{say(name)}</span>{count:,}</dd>' for name, count in counts.items() if count
    )


def _next(view: View) -> str:
    state = view.document["state"]
    is_unread = state == "held" and not view.facts
    if f"next_{state}" in terms() or is_unread:
        return f"<p>{say('next_unreadable' if is_unread else f'next_{state}')}</p>"
    todo: defaultdict[str, list[str]] = defaultdict(list)
    for name, proof in view.proofs.items():
        if proof == "suspected":
            todo["suspected"].append(_see(view.cells[name]))
    for number, finding in enumerate(view.findings, 1):
        group = f"holding_{finding['cause']}" if finding["is_holding"] else finding["severity"]
        said = f" {_message(finding)}" if len(todo[group]) < FEW else ""
        todo[group].append(_number(number, finding) + said)
    todo.pop(Severity.INFO, None)
    steps = [f"<li>{say(f'do_{group}')}{_few(links)}</li>" for group, links in todo.items()]
    if state == "held":
        steps.append(f"<li>{say('next_approve')}</li>")
    return f'<ol class="next">{"".join(steps)}</ol>' if steps else f"<p>{say('next_none')}</p>"


def _few(links: Sequence[str]) -> str:
    """The first in a list, the others in one line."""
    others = f"<li>{' '.join(links[FEW:])}</li>" if len(links) > FEW else ""
    return f"<ul>{''.join(f'<li>{item}</li>' for item in links[:FEW])}{others}</ul>"


# Findings.


def _findings(view: View) -> str:
    if not view.findings:
        return f"<p>{say('no_findings')}</p>" if view.facts else ""
    counts = _tally(view.findings, "severity")
    hide = "".join(
        checkbox(f"hide-{name}", f"{say('hide')} {say(name)} ({counts[name]})") for name in _SEVERITIES if counts[name]
    )
    items = "".join(_finding(view, number, finding) for number, finding in enumerate(view.findings, 1))
    return f'<div class="filter">{hide}</div><ol class="findings">{items}</ol>'


def _finding(view: View, number: int, finding: Row) -> str:
    severity, anchor = finding["severity"], anchor_of("finding-" + finding["finding_id"])
    holds = f'<span class="chip error">{say("holds")}</span>' if finding["is_holding"] else ""
    quote = f"<blockquote>{source(finding['evidence_quote'])}</blockquote>" if finding["evidence_quote"] else ""
    is_said = finding["found"] and (finding["found"] == finding["evidence_quote"] or not view.facts)
    shown = ("expected", "difference", "page") if is_said else ("found", "expected", "difference", "page")
    known = [*((name, text(finding[name])) for name in shown), ("cause", say(finding["cause"]))]
    next_step = f"next_{finding['cause']}" if view.facts else "next_unreadable"
    accepted = ""
    if finding["accepted_by"]:
        accepted = f"<p>{say('accepted')} {text(finding['accepted_by'])}: {text(finding['accepted_reason'])}</p>"
    return (
        f'<li class="finding {severity}" id="{anchor}"><div class="head"><b>[{number}]</b><span class="chip {severity}">'
        f"{say(severity)}</span>{holds}<code>{text(finding['rule_id'])}</code></div><p>{_message(finding)}</p>{quote}"
        f"{pairs(known)}{_seen(view, number, finding)}"
        f'<p class="soft">{say("next_step")} {say(next_step)}</p>{accepted}</li>\n'
    )


def _seen(view: View, number: int, finding: Row) -> str:
    """Links from a finding to what it speaks of."""
    places = view.places[number]
    links = [_see(place) for place in places[:FEW]]
    if len(places) > FEW:
        links.append(fill("and_more", len(places) - FEW))
    if check := view.odd_checks.get(finding["locus"]):
        links.append(link(anchor_of(check["check_id"]), say("check_in_full")))
    return f'<p class="places">{say("see")} {" ".join(links)}</p>' if links else ""


def _refs(view: View, anchor: str) -> str:
    """Links from a place to the findings that speak of it."""
    if anchor not in view.marks:
        return ""
    links = [_number(number, view.findings[number - 1]) for number in view.marks[anchor]]
    return f'<span class="ref">{whisper("finding")}{"".join(links)}</span>'


def _message(finding: Row) -> str:
    return both(finding["message_zh"], finding["message_en"])


def _number(number: int, finding: Row) -> str:
    return link(anchor_of("finding-" + finding["finding_id"]), f"[{number}]")


def _see(place: Place) -> str:
    return link(place.anchor, place.label)


# The nine forms.


def _forms(view: View) -> str:
    if not view.facts:
        return ""
    by_form: dict[str, list[Row]] = {form: [] for form in _FORMS}
    for fact in view.facts.values():
        by_form[fact["form_id"]].append(fact)
    legend = "".join(f'<li class="{name}">{sign} {say(f"proof_{name}")}</li>' for name, sign in PROOFS.items())
    overview = []
    for form, facts in by_form.items():
        proofs = Counter(view.proofs[fact["fact_id"]] for fact in facts)
        counts = [str(proofs[name] or "") for name in PROOFS]
        overview.append([link(f"form-{form}", _form_name(form)), _pages(facts), str(len(facts)), *counts])
    heads = ("form", "page", "figures", *(f"proof_{name}" for name in PROOFS))
    return (
        f'<p>{say("forms_note")}</p><ul class="legend">{legend}</ul>{table("forms_overview", heads, overview, 2)}'
        f'<div class="filter">{checkbox("only-odd", say("only_odd"))}</div>'
        + "".join(_form(view, form, facts) for form, facts in by_form.items())
    )


def _form(view: View, form: str, facts: Sequence[Row]) -> str:
    heading = f'<h3 id="form-{form}">{_form_name(form)}{_refs(view, f"form-{form}")}</h3>'
    if not facts:
        return f'{heading}<p class="soft">{say("no_figures")}</p>'
    printed = {(fact["side"], fact["measure"]) for fact in facts}
    halves = [half for half in (Side.LEFT, None, Side.RIGHT) if any(side == half for side, _ in printed)]
    columns = {half: [measure.value for measure in Measure if (half, measure) in printed] for half in halves}
    has_codes = any(fact["code_printed"] for fact in facts)
    heads = f'<th scope="col">{say("code")}</th>' if has_codes else ""
    for measures in columns.values():
        heads += f'<th scope="col">{say("item")}</th>'
        heads += "".join(f'<th scope="col" class="n">{say(measure)}</th>' for measure in measures)
    rows = groupby(sorted(facts, key=itemgetter("row_no")), itemgetter("row_no"))
    body = "".join(_form_row(view, list(row), columns, has_codes) for _, row in rows)
    pages = f" · {say('page')} {_pages(facts)}" if _pages(facts) else ""
    caption = f"<caption>{both(*FORM_NAMES[FormId(form)], ' vh')} {say('unit_is')} {source(facts[0]['printed_unit'])}{pages}</caption>"
    whole = f'<table class="form">{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>'
    return heading + scrolled(whole, " / ".join(FORM_NAMES[FormId(form)]))


def _form_row(view: View, row: Sequence[Row], columns: Mapping[Side | None, Sequence[str]], has_codes: bool) -> str:
    by_column = {(fact["side"], fact["measure"]): fact for fact in row}
    labels = {fact["side"]: fact for fact in row}
    cells = [f'<td class="code">{text(row[0]["code_printed"])}</td>'] if has_codes else []
    for half, measures in columns.items():
        cells.append(_label(view, labels[half]) if half in labels else "<td></td>")
        figures = [by_column.get((half, measure)) for measure in measures]
        cells += [_figure(view, fact) if fact else "<td></td>" for fact in figures]
    kinds = {fact["row_role"] for fact in row if "total" in fact["row_role"].split("_")}
    anchors = {view.cells[fact["fact_id"]].anchor for fact in row} | {row_anchor(fact) for fact in row}
    if any(view.proofs[fact["fact_id"]] not in ("two", "one") for fact in row) or anchors & view.marks.keys():
        kinds.add("odd")
    return f'<tr class="{" ".join(sorted(kinds))}">{"".join(cells)}</tr>\n'


def _label(view: View, fact: Row) -> str:
    anchor, level = row_anchor(fact), fact["code_level"] if fact["code_printed"] else ""
    name = f' id="{anchor}"' if anchor in view.marks else ""
    label = (text(fact["row_label"]) or "—") + _refs(view, anchor)
    return f'<th scope="row" lang="zh-Hans" class="{fact["row_role"]} {level or ""}"{name}>{label}</th>'


def _figure(view: View, fact: Row) -> str:
    name, amount = fact["fact_id"], text(fact["amount_printed"])
    proof, anchor = view.proofs[name], view.cells[name].anchor
    n, n_all = fact["n_identities_holding"], fact["n_identities"]
    place = f"p. {fact['page']}" if fact["page"] is not None else fact["cell_ref"]
    tip = [f"{n} / {n_all} 条勾稽关系成立", f"{n} of {n_all} identities hold", place]
    said = whisper(f"proof_{proof}")
    if fact["provenance"] == "recovered":
        amount, said = f'<span class="recovered">{amount}</span>', said + whisper("recovered")
        tip += words_of("recovered")
    return (
        f'<td class="n {proof}" id="{anchor}" title="{text(" · ".join(filter(None, tip)))}">{_refs(view, anchor)}{amount}'
        f'<span class="mark" aria-hidden="true">{PROOFS[proof]}</span>{said}</td>'
    )


def _form_name(form: str) -> str:
    return both(*FORM_NAMES[FormId(form)])


# Identities.


def _identities(view: View) -> str:
    checks = sorted(view.rows["identity_checks"], key=lambda row: _ORDER.get(row["identity_id"], len(_ORDER)))
    counted = []
    for identity, instances in groupby(checks, itemgetter("identity_id")):
        counts = _tally(instances, "status")
        counted.append([_identity(identity), *(str(counts[status] or "") for status in _STATUSES)])
    heads = ("identity", "result", "cause", "figures", "left_yuan", "right_yuan", "difference", "tolerance")
    odd = table("checks_in_full", heads, [_check(view, check) for check in view.odd_checks.values()], 4)
    hold = f"<p>{say('all_hold')}</p>" if checks and not odd else odd
    return hold + table("checks_counted", ("identity", *_STATUSES), counted, 1)


def _check(view: View, check: Row) -> list[str]:
    tone = "error" if check["status"] == CheckStatus.BROKEN else "warning"
    left, right = ("<br>+ ".join(map(_see, view.figures(check, sign))) or "—" for sign in (1, -1))
    name = f"{_identity(check['identity_id'])} <code>{text(check['instance'])}</code>"
    return [
        f'<span id="{anchor_of(check["check_id"])}">{name}</span>',
        f'<span class="chip {tone}">{say(check["status"])}</span>',
        f'<span lang="en">{text(check["reason"])}</span>' if check["reason"] else say(check["cause"] or ""),
        f"{left}<br>= {right}",
        *(_yuan(check[f"{side}_yuan"]) for side in ("left", "right", "residual", "tolerance")),
    ]


def _identity(name: str) -> str:
    return both(BY_ID[name].zh, BY_ID[name].en) if name in BY_ID else text(name)


# The prose.


def _narrative(view: View) -> str:
    parts = [
        f'<h3>{say(name)}</h3><ol class="claims">{"".join(_claim(view, claim) for claim in claims)}</ol>'
        for name, claims in groupby(view.rows["narrative_claims"], itemgetter("section"))
    ]
    only = checkbox("only-open", say("only_open"))
    return f'<p>{say("narrative_note")}</p><div class="filter">{only}</div>{"".join(parts)}' if parts else ""


def _claim(view: View, claim: Row) -> str:
    status, anchor = claim["status"], anchor_of(claim["claim_id"])
    place = f' <span class="soft">p. {claim["page"]}</span>' if claim["page"] is not None else ""
    compared = _see(view.cells[claim["fact_id"]]) if claim["fact_id"] in view.facts else ""
    if status == ClaimStatus.DIFFERS and None not in (claim["table_yuan"], claim["amount_yuan"]):
        compared += " " + fill("apart", _yuan(abs(claim["amount_yuan"] - claim["table_yuan"])))
    return (
        f'<li class="{status}" id="{anchor}"><div>{_marked(claim)}{place}{_refs(view, anchor)}</div><div>'
        f'<span class="chip {status}">{say(status)}</span> <span class="soft">{say(claim["measure"])}</span> {compared}</div></li>\n'
    )


def _marked(claim: Row) -> str:
    """The quote with the claim's figure marked: with its unit where that follows, and never inside a longer number."""
    quote, number, unit = claim["quote"], re.escape(claim["amount_printed"]), re.escape(claim["printed_unit"])
    tries = (rf"(?<![\d.,，]){number}\s*{unit}", rf"(?<![\d.,，]){number}(?![\d.])", number)
    found = next(filter(None, (re.search(pattern, quote) for pattern in tries)), None)
    if found is None or not number:
        return source(quote)
    marked = f'<mark class="{claim["status"]}">{text(found.group())}</mark>'
    return f'<span lang="zh-Hans">{text(quote[: found.start()])}{marked}{text(quote[found.end() :])}</span>'


def _institutions(view: View) -> str:
    rows = [
        [
            source(row["name"] or row["quote"]),
            say(row["kind"]),
            say(row["row_type"]),
            text(row["page"]),
            text(row["n_stated"]),
        ]
        for row in view.rows["institutions"]
    ]
    return table("institutions_caption", ("name_or_words", "kind", "row", "page", "number"), rows, 4)


def _disclosures(view: View) -> str:
    rows = [
        [say(row["key"]), source(row["item"]), source(row["quote"]), text(row["as_of"]), text(row["page"]), _value(row)]
        for row in view.rows["disclosures"]
    ]
    return table("disclosures_caption", ("what", "detail", "words", "as_of", "page", "value"), rows, 5)


def _value(row: Row) -> str:
    value = _yuan(row["value"])
    return f"{value if row['unit'] == '元' else value.removesuffix('.00')} {source(row['unit'])}" if value else ""


def _projects(view: View) -> str:
    items = defaultdict(list)
    for item in view.rows["project_items"]:
        items[item["project_id"]].append(item)
    return "".join(_project(view, project, items[project["project_id"]]) for project in view.rows["projects"])


def _project(view: View, project: Row, items: Sequence[Row]) -> str:
    anchor, amount = anchor_of(project["project_id"]), _yuan(project["annual_budget_yuan"])
    stated = (
        f"{amount} {say('yuan')} ({say(project['amount_source'] or 'unknown')})" if amount else say("amount_unknown")
    )
    cut = f' <span class="chip warning">{say("is_cut")}</span>' if project["is_cut"] else ""
    parts = ("overview", "legal_basis", "plan", "period", "goals")
    words = [(name, source(project[name])) for name in parts] + [("annual_budget", source(project["budget"]))]
    rows = [
        [
            source(item["name"]),
            source(item["formula"]),
            source(item["amount_printed"] + item["printed_unit"]),
            _yuan(item["amount_yuan"]),
        ]
        for item in items
    ]
    if rows:
        rows.append([say("items_sum"), "", "", _yuan(project["items_yuan"])])
    return (
        f'<article class="project" id="{anchor}"><h3>{source(project["name"]) or say("no_name")}{_refs(view, anchor)}{cut}</h3>'
        f"<p>{source(project['implementer'])} · {stated}</p>{pairs(words, 'words')}"
        f"{table('items_caption', ('item', 'formula', 'as_printed', 'amount_yuan'), rows, 2)}</article>\n"
    )


def _footer(document: Row) -> str:
    names = ("file_name", "media_type", "n_bytes", "n_pages", "budget_id", "document_id", "extractor_version")
    return pairs([(name, text(document[name] or None)) for name in names])


def _name(document: Row) -> str:
    return str(document["publisher_name"] or document["file_name"])


def _pages(facts: Iterable[Row]) -> str:
    pages = sorted({fact["page"] for fact in facts if fact["page"] is not None})
    return f"{pages[0]}\u2060–\u2060{pages[-1]}" if len(pages) > 1 else text(*pages or [None])


def _tally(rows: Iterable[Row], key: str) -> Counter[str]:
    return Counter(row[key] for row in rows)


def _yuan(amount: Decimal | None) -> str:
    return "" if amount is None else f"{amount:,.2f}"
