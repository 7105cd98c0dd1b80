"""HTML of a page in two languages that stands alone: nothing is fetched, no script runs in it.

Both languages are in the page; style rules, switched by radio buttons, show one of them. Functions return HTML; words of a
document come in through `text` and `source` alone, and a content security policy forbids whatever might still get through.
The page's own words are data: `data/report_terms.csv`.
"""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

LANGUAGES = {"zh": ("zh-Hans", "中文"), "en": ("en", "English")}

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")


def text(value: object) -> str:
    """Any value as HTML text or attribute; what would hide or reorder text is shown as a replacement character."""
    return "" if value is None else html.escape(_UNPRINTABLE.sub("\ufffd", str(value)))


def identifier(value: object) -> str:
    """An identifier of the data, which a narrow screen may break between its words."""
    return re.sub(r"([_.])", r"\1<wbr>", text(value))


def source(value: object) -> str:
    """Words of the document, which are Chinese whatever the page is read in."""
    words = text(value)
    return f'<span lang="zh-Hans">{words}</span>' if words else ""


def both(zh: object, en: object, extra: str = "") -> str:
    """The same in both languages; `extra` are more classes of it."""
    return (
        f'<span class="zh{extra}" lang="zh-Hans">{text(zh)}</span><span class="en{extra}" lang="en">{text(en)}</span>'
    )


@cache
def say(term: str) -> str:
    """A term of the page or an identifier of the data in words; the identifier itself where it has none."""
    return both(*words_of(term))


def fill(term: str, n: object) -> str:
    """A term of the page with a number put in."""
    zh, en = words_of(term)
    return both(zh.format(n=n), en.format(n=n))


@cache
def whisper(term: str) -> str:
    """A term for those who listen to the page; it takes no room on it."""
    zh, en = words_of(term)
    return both(f" {zh} ", f" {en} ", " vh")


def words_of(term: str) -> tuple[str, str]:
    """A term in Chinese and in English."""
    return terms().get(term, (term, term))


@cache
def terms() -> Mapping[str, tuple[str, str]]:
    """All terms, as (Chinese, English)."""
    rows = csv.DictReader(io.StringIO(_data("report_terms.csv")))
    return {row["term"]: (row["zh"], row["en"]) for row in rows}


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]], n_text: int) -> str:
    """A table: caption and heads are terms, cells are HTML. The first cell of a row is its header; those after `n_text` are
    numbers. Nothing for no rows."""
    kinds = ["" if index < n_text else ' class="n"' for index in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{say(name)}</th>' for kind, name in zip(kinds, heads, strict=True))
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True))
        + "</tr>\n"
        for row in rows
    )
    whole = f"<table><caption>{say(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return scrolled(whole, " / ".join(words_of(caption))) if rows else ""


def scrolled(whole: str, name: str) -> str:
    """A table that may be wider than the screen, to be scrolled by keyboard, too; `name` is what is read out for it."""
    return f'<div class="scroll" role="region" tabindex="0" aria-label="{text(name)}">{whole}</div>\n'


def pairs(rows: Sequence[tuple[str, str]], kind: str = "facts") -> str:
    """Names (terms) and values (HTML), those without a value left out."""
    shown = "".join(f"<div><dt>{say(name)}</dt><dd>{value}</dd></div>" for name, value in rows if value)
    return f'<dl class="{kind}">{shown}</dl>' if shown else ""


def checkbox(name: str, label: str) -> str:
    """A switch that style rules look at, by its name."""
    return f'<label><input type="checkbox" id="{name}" autocomplete="off">{label}</label>'


def link(anchor: str, label: str) -> str:
    """A link to a place of this page; both are HTML."""
    return f'<a href="#{anchor}">{label}</a>'


def leads_to(path: str, label: str) -> str:
    """A link to another page; `label` is HTML."""
    return f'<a href="{text(path)}">{label}</a>'


def section(name: str, body: str) -> str:
    """A section of the page under its heading, the term `nav_<name>`."""
    heading = f'<h2 id="h-{name}">{say("nav_" + name)}</h2>'
    return f'<section id="{name}" aria-labelledby="h-{name}">{heading}{body}</section>\n'


def page(title: str, names: Sequence[str], body: str, footer: str, language: str) -> str:
    """The whole page: `names` are its sections in order, `title` is text and all else is HTML."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"
    links = "".join(link(name, say(f"nav_{name}")) for name in names)
    choices = "".join(
        f'<label lang="{lang}"><input type="radio" name="lang" id="lang-{code}" class="vh" autocomplete="off"'
        f"{' checked' if code == language else ''}>{name}</label>"
        for code, (lang, name) in LANGUAGES.items()
    )
    return (
        f'<!DOCTYPE html>\n<html lang="{LANGUAGES[language][0]}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{text(title)}</title>\n<style>\n{_data('report.css')}</style></head>\n<body>"
        f'<a class="skip" href="#main">{say("skip")}</a><header class="bar"><nav aria-label="目录 Contents">{links}</nav>'
        f'<fieldset class="language"><legend class="vh">语言 Language</legend>{choices}</fieldset></header>\n'
        f'<main id="main">\n{body}</main>\n<footer>{footer}</footer>\n</body>\n</html>\n'
    )


@cache
def _data(name: str) -> str:
    return resources.files("cnbudget").joinpath("data", name).read_text(encoding="utf-8")
