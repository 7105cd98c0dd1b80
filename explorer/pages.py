"""The site's HTML and its assets: shells that the scripts fill, the words in both languages, the names of accounts."""

from __future__ import annotations

import csv
import hashlib
import html
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from cnbudget.classification import classification_frames
from cnbudget.identities import BY_ID
from cnbudget.markup import terms, text
from cnbudget.model import FormId
from cnbudget.rules import CATALOGUE, FORM_NAMES
from explorer.scripts import to_script

SITE = Path(__file__).parent / "site"
VENDOR = Path(__file__).parent / "vendor"

SCRIPTS = (
    "base",
    "words",
    "dom",
    "data",
    "csv",
    "charts",
    "tables",
    "shell",
    "original",
    "forms",
    "changes",
    "picker",
    "sections",
)
"""Our own scripts in the order of their use; each page has one more, of its name."""

PAGES = {"index": "all_budgets", "accounts": "nav_accounts", "findings": "nav_findings_board", "compare": "nav_compare"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'none'"
)


def to_assets() -> dict[str, bytes]:
    """Every file that is the same for all lakes, by its key below the site."""
    files = {f"assets/{path.name}": path.read_bytes() for path in sorted(SITE.iterdir()) if path.is_file()}
    files |= {f"assets/vendor/{name}": (VENDOR / name).read_bytes() for name in ("d3.js", "LICENSES.txt")}
    files["assets/terms.js"] = to_script("terms", words())
    files["assets/names.js"] = to_script("names", _account_names())
    for name, title in PAGES.items():
        files[f"{name}.html"] = _shell(name, words()[title], "")
    return files


def to_page(slug: str, digest: str, document: Mapping[str, Any]) -> bytes:
    """The page of a budget: its name and year for those without scripts, the rest is drawn from the script beside it."""
    name = document["publisher_name"] or document["file_name"]
    title = f"{name} {document['fiscal_year'] or ''}".strip()
    return _shell("budget", (title, title), "../", slug, digest)


def _shell(page: str, title: tuple[str, str], root: str, slug: str = "", digest: str = "") -> bytes:
    zh, en = title
    name = f"{text(zh)} · {text(en)}" if zh != en else text(zh)
    names = ("vendor/d3", "terms", "names", *SCRIPTS, page)
    # `terms` and `names` are data, and register themselves with what `base` defines: it goes first.
    ordered = ("base", *(each for each in names if each != "base"))
    scripts = "\n".join(f'<script defer src="{root}assets/{each}.js"></script>' for each in ordered)
    return (
        f'<!DOCTYPE html>\n<html lang="zh-Hans" data-page="{page}" data-root="{root}" '
        f'data-slug="{html.escape(slug)}" data-version="{digest}">\n'
        f'<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f'<meta name="referrer" content="no-referrer">\n<meta name="color-scheme" content="light dark">\n'
        f"<title>{name} · cnbudget</title>\n"
        f'<link rel="icon" href="{root}assets/icon.svg" type="image/svg+xml">\n'
        f'<link rel="stylesheet" href="{root}assets/explorer.css">\n{scripts}\n</head>\n'
        f'<body>\n<noscript><main><h1>{name}</h1><p lang="zh-Hans">本页由脚本绘制；数据为 Parquet 文件，见 '
        f'<a href="{root}../latest/datapackage.json">datapackage.json</a>。</p><p lang="en">This page is drawn by a '
        f"script; the data stands beside it as Parquet.</p></main></noscript>\n</body>\n</html>\n"
    ).encode()


@cache
def words() -> dict[str, tuple[str, str]]:
    """All words of the site as (Chinese, English): those of the one-document report, its own, forms, identities, rules."""
    with (Path(__file__).parent / "terms.csv").open(encoding="utf-8", newline="") as file:
        own = {row["term"]: (row["zh"], row["en"]) for row in csv.DictReader(file)}
    forms = {f"form:{number}": FORM_NAMES[form] for number, form in enumerate(FormId, 1)}
    identities = {f"identity:{name}": (identity.zh, identity.en) for name, identity in BY_ID.items()}
    rules = {f"rule:{rule.rule_id}": (rule.title_zh, rule.title_en) for rule in CATALOGUE}
    return dict(terms()) | own | forms | identities | rules


@cache
def _account_names() -> dict[str, str]:
    """The name of every code, of its latest vintage: `f208` of the functional, `e301` of the economic classification."""
    frames = classification_frames()
    books = {"f": frames["functional_classification"], "e": frames["economic_classification"]}
    return {
        f"{book}{code}": name
        for book, frame in books.items()
        for code, name in frame.sort("code", "valid_from_year").select("code", "name").iter_rows()
    }


@cache
def code_digest() -> str:
    """The digest of the code that decides pages and data, so that another version writes them anew; not of the assets."""
    import cnbudget.crosslinks

    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(cnbudget.crosslinks.__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]
