"""`python -m tests.screenshots FOLDER`: pictures of the explorer for the README, of a site made of the project's samples."""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from cnbudget.sandbox import Limits, Readers
from explorer import pictures
from explorer.publish import publish_site
from explorer.scripts import to_slug
from samples.bucket import city, district, own_revenue_unit, wrong_narrative_department, wrong_total_unit
from samples.budget import Budget
from samples.forms import printed
from samples.render_pdf import render_pdf
from tests.site import Files, Partitions
from tests.test_explorer_browser import CHROMIUM, FLAGS

VIEWS = {
    "explorer-index": ("index.html", "zh-CN", 1440, 900),
    "explorer-index-en": ("index.html", "en-GB", 1440, 900),
    "explorer-budget": ("budgets/{city}.html", "zh-CN", 1440, 1130),
    "explorer-budget-en": ("budgets/{city}.html", "en-GB", 1440, 1130),
    "explorer-figure": ("budgets/{city}.html#expenditure_summary-5-total", "zh-CN", 1440, 900),
    "explorer-figure-en": ("budgets/{city}.html#expenditure_summary-5-total", "en-GB", 1440, 900),
    "explorer-telephone": ("budgets/{city}.html", "zh-CN", 390, 844),
}
"""By file name: the view, the reader's language, and the size of the window."""


def main(folder: Path) -> None:
    """Write one PNG per view, in few colours."""
    if CHROMIUM is None:
        sys.exit("no chromium: apt-get install chromium")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as site, sync_playwright() as playwright:
        slug = write_site(Path(site))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for name, (view, locale, width, height) in VIEWS.items():
            page = browser.new_page(locale=locale, viewport={"width": width, "height": height}, color_scheme="light")
            page.goto((Path(site) / "index.html").as_uri().replace("index.html", view.format(city=slug)))
            path = folder / f"{name}.png"
            path.write_bytes(_taken(page))
            print(f"{path}: {path.stat().st_size / 1024:.0f} KB")
            page.close()
        browser.close()


def write_site(folder: Path) -> str:
    """A site of six samples, one of them held; the name of the city's page."""
    curated, files = Partitions(), Files()
    shown: list[Budget] = [
        city(),
        replace(city(), year=2023),
        district(),
        own_revenue_unit(),
        wrong_narrative_department(),
    ]
    sources = [(f"{budget.publisher.name}{budget.year}年预算.pdf", render_pdf(printed(budget))) for budget in shown]
    ids = curated.publish("2024-310000-001", *sources)
    reason = "T3 expenditure summary, 合计: all 4 identities of 230,819,519 are broken."
    held = ("单位预算2024（合计有误）.pdf", render_pdf(printed(wrong_total_unit())))
    curated.publish("2024-310000-001", held, state="held", is_current=False, revision=None, state_reason=reason)
    with Readers(2, Limits(), pictures.DRAW) as readers:
        publish_site(curated, files, readers.parse)
    for key, data in files.data.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    documents = curated.frame("documents", "2024-310000-001")
    return to_slug(documents.filter(document_id=ids[0])["budget_id"].item())


def _taken(page: Page) -> bytes:
    page.wait_for_selector("html[data-ready]", state="attached")
    page.wait_for_timeout(400)
    with Image.open(io.BytesIO(page.screenshot())) as image:
        few = image.convert("RGB").quantize(200, method=Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE)
        buffer = io.BytesIO()
        few.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
