"""The site in headless Chromium, opened from disk and from a bucket over HTTP; skipped where Debian's chromium is not installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import boto3
import polars as pl
import pypdfium2 as pdfium
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from explorer import pictures
from explorer.publish import publish_site
from samples.bucket import city, district_unit, wrong_narrative_department
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.render_text import render_text
from samples.render_xlsx import render_xlsx
from tests.site import Files, Partitions
from warehouse.bucket import open_bucket

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium")

NAME = "上海市民生保障与人才事务局"
HOSTILE = '<img src=x onerror="document.title=1">=HYPERLINK("http://x.example")'
VIEWS = (
    "index.html",
    "accounts.html",
    "accounts.html#account=f208",
    "findings.html#rule=reason_missing&severity=warning",
)


@dataclass(frozen=True)
class Site:
    """The site as written, and where its files stand."""

    folder: Path
    curated: Partitions
    slugs: dict[str, str]

    def facts(self, name: str, **wanted: object) -> list[dict[str, object]]:
        """Figures of a document, by the values of their columns."""
        document_id = next(key for key, value in self.slugs.items() if value == self.slug(name))
        frames = pl.concat([frames["budget_facts"] for frames in self.curated.frames.values()])
        conditions = [pl.col(column) == value for column, value in wanted.items()]
        return frames.filter(pl.col("document_id") == document_id, *conditions).rows(named=True)

    def slug(self, name: str) -> str:
        """The page of the budget that a file of this name holds."""
        documents = pl.concat([frames["documents"] for frames in self.curated.frames.values()])
        return self.slugs[documents.filter(pl.col("file_name") == name)["document_id"].item()]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Two years of a department, another one as text, a unit as a workbook, one with findings and hostile words, and a
    held one."""
    curated, files = Partitions(), Files()
    before, after = replace(city(), year=2023), city()
    curated.publish("2023-310000-001", ("2023.pdf", render_pdf(printed(before))))
    curated.publish("2024-310000-001", ("2024.pdf", render_pdf(printed(after))))
    curated.publish("2024-unknown-001", ("unit.xlsx", render_xlsx(printed(district_unit()))))
    curated.publish("2024-unknown-001", ("wrong.txt", render_text(printed(wrong_narrative_department()))))
    reason = "T3 expenditure summary, 合计: all 4 identities are broken"
    curated.publish(
        "2024-unknown-002", ("held.txt", render_text(printed(replace(city(), year=2022)))),
        state="held", is_current=False, revision=None, state_reason=reason,
    )  # fmt: skip
    _make_hostile(curated, "2024-unknown-001")
    publish_site(curated, files, pictures.draw)
    folder = tmp_path_factory.mktemp("lake")
    for key, data in files.data.items():
        path = folder / "curated" / "reports" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    documents = pl.concat([frames["documents"] for frames in curated.frames.values()]).filter("is_current")
    slugs = {
        key: str(budget_id).replace("/", "_") for key, budget_id in documents.select("document_id", "budget_id").rows()
    }
    return Site(folder, curated, slugs)


def _make_hostile(curated: Partitions, partition: str) -> None:
    frames = curated.frames[partition]
    of_text = pl.col("file_name") == "wrong.txt"
    frames["documents"] = frames["documents"].with_columns(
        pl.when(of_text).then(pl.lit(HOSTILE)).otherwise("publisher_name").alias("publisher_name")
    )
    ids = frames["documents"].filter(of_text)["document_id"].to_list()
    first = pl.col("document_id").is_in(ids) & (pl.col("form_id") == "expenditure_summary") & (pl.col("row_no") == 1)
    frames["budget_facts"] = frames["budget_facts"].with_columns(
        pl.when(first).then(pl.lit(HOSTILE)).otherwise("row_label").alias("row_label")
    )


@pytest.fixture(scope="session")
def address(site: Site, s3_endpoint: str) -> str:
    """The site in a bucket, over HTTP, as the lake writes it there."""
    with pytest.MonkeyPatch.context() as environment:
        names = {"AWS_ENDPOINT_URL": s3_endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        for name, value in (names | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}).items():
            environment.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="site")
        everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::site/*"}
        client.put_bucket_policy(Bucket="site", Policy=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
        bucket = open_bucket("s3://site")
        for path in sorted(site.folder.rglob("*")):
            if path.is_file():
                bucket.write(str(path.relative_to(site.folder)), path.read_bytes())
    return f"{s3_endpoint}/site/curated/reports/"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


Open = Callable[..., Page]


both_ways = pytest.mark.parametrize("root", ["disk", "http"], indirect=True)


@pytest.fixture
def root(request: pytest.FixtureRequest, site: Site) -> str:
    """Where the site is opened from."""
    if getattr(request, "param", "disk") == "http":
        return str(request.getfixturevalue("address"))
    return (site.folder / "curated" / "reports").as_uri() + "/"


@pytest.fixture
def visit(browser: Browser, root: str) -> Iterator[Open]:
    """Opens a view, and in the end asks that the console was silent and no request left the site."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []
    requests: list[str] = []

    def open_(path: str = "index.html", locale: str = "zh-CN", width: int = 1440, **more: object) -> Page:
        context = browser.new_context(locale=locale, viewport={"width": width, "height": 900}, **more)  # type: ignore[arg-type]
        contexts.append(context)
        context.on("request", lambda request: requests.append(request.url))
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(60_000)  # a machine may have other work
        page.goto(root + path)
        page.wait_for_selector("html[data-ready]", state="attached")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith((root, "blob:"))] == []


def names(page: Page) -> list[str]:
    return page.locator("#list .title").all_inner_texts()


# The index


@both_ways
def test_index__searches_by_words_and_year(visit: Open) -> None:
    page = visit()
    assert names(page).count(NAME) == 3
    page.get_by_role("searchbox").fill("民生  2023")
    assert names(page) == [NAME]
    page.get_by_role("searchbox").fill("没有这样的名称")
    assert "没有符合条件" in page.locator("#list").inner_text()


def test_index__filters_and_keeps_them_in_its_address(visit: Open) -> None:
    page = visit()
    page.get_by_label("状态").select_option("held")
    assert names(page) == [NAME]
    assert "all 4 identities are broken" in page.locator("#list").inner_text()
    assert page.locator("#list a.title").count() == 0
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert len(names(page)) == 1
    page.get_by_label("状态").select_option("")
    page.get_by_label("类别").select_option("unit")
    assert len(names(page)) == 1


def test_index__is_read_in_english_and_remembers_it(visit: Open) -> None:
    page = visit()
    page.get_by_text("English").click()
    assert page.locator("h1").inner_text().startswith("Published budgets")
    assert page.evaluate("document.documentElement.lang") == "en"
    page.reload()
    page.wait_for_selector("html[data-ready]", state="attached")
    assert page.get_by_label("Search").is_visible()


# A budget


def open_figure(page: Page, form: int, anchor: str) -> None:
    page.locator(f"details.form >> nth={form - 1}").locator("summary").click()
    page.locator(f"[id='{anchor}'] button").click()


@both_ways
def test_budget__a_figure_shows_its_box_on_its_page(visit: Open, site: Site) -> None:
    page = visit()
    page.get_by_role("searchbox").fill("2024.pdf")
    page.locator("#list a.title").click()
    page.wait_for_selector("h1:has-text('民生')")
    (fact,) = site.facts("2024.pdf", form_id="expenditure_summary", row_no=5, measure="project")
    open_figure(page, 3, "expenditure_summary-5-project")
    panel = page.locator(".panel")
    assert str(fact["amount_printed"]) in panel.inner_text()
    assert f"第 {fact['page']} 页" in panel.locator("figcaption").inner_text()
    image = panel.locator("img")
    assert str(image.get_attribute("src")).endswith(f"/{fact['page']}.webp")
    page.wait_for_function("document.querySelector('.panel img').naturalWidth > 500")
    assert text_inside_box(page, site, int(str(fact["page"]))) == fact["amount_printed"]
    page.keyboard.press("Escape")
    assert panel.count() == 0
    assert page.evaluate("document.activeElement.closest('td').id") == "expenditure_summary-5-project"


def text_inside_box(page: Page, site: Site, number: int) -> str:
    """What stands in the original where the box is drawn."""
    sheet, box = (page.locator(name).bounding_box() for name in (".panel .sheet", ".panel .box"))
    assert sheet
    assert box
    frames = site.curated.frames["2024-310000-001"]
    with pdfium.PdfDocument(site.curated.contents[frames["documents"]["document_id"].item()]) as document:
        original = document[number - 1]
        width, height = original.get_size()
        scale = width / sheet["width"]
        left, top = (box["x"] - sheet["x"]) * scale, (box["y"] - sheet["y"]) * scale
        right, bottom = left + box["width"] * scale, top + box["height"] * scale
        return original.get_textpage().get_text_bounded(left, height - bottom, right, height - top).strip()


def test_budget__a_workbook_names_the_cell(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('unit.xlsx')}.html")
    (fact,) = site.facts("unit.xlsx", form_id="expenditure_summary", row_no=5, measure="total")
    open_figure(page, 3, "expenditure_summary-5-total")
    assert str(fact["cell_ref"]) in page.locator(".panel .note").inner_text()


def test_budget__compares_with_the_year_before(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('2024.pdf')}.html")
    change = page.locator("#change")
    change.wait_for()
    assert "2023" in change.locator("h2").inner_text()
    assert change.locator("tbody tr").count() > 40
    # Both years of the sample have the same figures.
    assert {text.strip() for text in change.locator("td:nth-last-child(2)").all_inner_texts()} <= {"0 %", ""}


def test_budget__findings_lead_to_what_they_speak_of(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('wrong.txt')}.html", locale="en-GB")
    finding = page.locator(".finding.error").first
    assert "apart" in finding.inner_text()
    finding.get_by_role("button").first.click()
    assert page.locator(".panel .row-table .is-shown").count() == 1


def test_budget__hostile_words_are_words(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('wrong.txt')}.html")
    assert page.locator("h1").inner_text() == HOSTILE
    page.locator("details.form >> nth=2").locator("summary").click()
    page.wait_for_selector(".sheet-table")
    assert page.get_by_text(HOSTILE).count() > 1
    assert page.locator("img").count() == 0


# The other views


@both_ways
def test_compare__two_budgets_chosen_in_the_list(visit: Open, site: Site) -> None:
    page = visit()
    for name in ("2024.pdf", "unit.xlsx"):
        page.locator(f"tr:has-text('{name}') input[type=checkbox]").check()
    page.get_by_role("link", name="比较所选两份").click()
    page.wait_for_selector("#comparison table")
    totals = [site.facts(name, form_id="expenditure_summary", measure="total") for name in ("2024.pdf", "unit.xlsx")]
    first, second = (max(Decimal(str(fact["amount_yuan"])) for fact in facts) for facts in totals)
    row = page.locator("#comparison tr", has_text="T3 合计").first.inner_text()
    assert f"{abs(second - first):,.2f}".removesuffix(".00") in row
    assert "部门预算包含其所属单位" in page.locator("#comparison").inner_text()


def test_accounts__an_account_over_its_publishers(visit: Open, site: Site) -> None:
    page = visit("accounts.html")
    page.get_by_role("link", name="208 社会保障和就业支出").click()
    page.wait_for_selector("table")
    lines = pl.concat([frames["expenditure_lines"] for frames in site.curated.frames.values()])
    departments = lines.filter(
        pl.col("publisher_kind") == "department",
        pl.col("fiscal_year") == 2024,
        pl.col("functional_code").str.starts_with("208"),
    )
    of_city = departments.filter(
        pl.col("document_id") == next(key for key, value in site.slugs.items() if value == site.slug("2024.pdf"))
    )
    assert f"{of_city['amount_yuan'].sum():,.2f}".removesuffix(".00") in page.locator("table").inner_text()


def test_findings__a_rule_leads_to_the_budgets(visit: Open) -> None:
    page = visit("findings.html")
    page.get_by_role("button", name="文字与预算表不符").click()
    page.locator("#messages").wait_for()
    page.locator(".finding a").first.click()
    page.wait_for_selector(".finding.is-target")


# Downloads


@both_ways
def test_csv__is_neutral_and_opens_in_a_spreadsheet(visit: Open) -> None:
    page = visit()
    with page.expect_download() as download:
        page.get_by_role("button", name="下载 CSV").click()
    data = Path(download.value.path()).read_bytes()
    assert data.startswith(b"\xef\xbb\xbfpublisher_name,")
    assert NAME.encode() in data
    cells = page.evaluate("['=1+1', '+1', '-1', '@x', '\\t=1', ' =1', -1.5, 'a\"b', '负=数', null].map(csv.cell)")
    assert cells == ["'=1+1", "'+1", "'-1", "'@x", "'\t=1", "' =1", "-1.5", '"a""b"', "负=数", ""]


def test_csv__the_figures_of_a_budget_are_all_there(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('2024.pdf')}.html")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载全部数字").click()
    frame = pl.read_csv(download.value.path(), infer_schema=False)
    facts = site.facts("2024.pdf")
    assert frame["amount_printed"].to_list() == [fact["amount_printed"] for fact in facts]
    assert [Decimal(value) for value in frame["amount_yuan"]] == [fact["amount_yuan"] for fact in facts]


# For everyone


def all_views(site: Site) -> list[str]:
    pair = f"compare.html#a={site.slug('2023.pdf')}&b={site.slug('2024.pdf')}"
    return [*VIEWS, f"budgets/{site.slug('2024.pdf')}.html#expenditure_summary-5-project", pair]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe__finds_nothing_serious(visit: Open, site: Site, scheme: str) -> None:
    views = all_views(site)
    for view in views if scheme == "light" else views[:1] + views[-2:]:
        page = visit(view, color_scheme=scheme)
        page.wait_for_timeout(150)
        found = Axe().run(page, options={"resultTypes": ["violations"], "preload": False}).response["violations"]
        serious = [
            (each["id"], [node["html"][:120] for node in each["nodes"][:3]])
            for each in found
            if each["impact"] in ("serious", "critical")
        ]
        assert serious == [], view


@pytest.mark.parametrize("locale", ["zh-CN", "en-GB"])
def test_views__fit_a_telephone(visit: Open, site: Site, locale: str) -> None:
    for view in all_views(site):
        page = visit(view, locale=locale, width=390)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, view


def test_budget__works_by_keyboard_alone(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('2024.pdf')}.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("details.form >> nth=2").locator("summary").focus()
    page.keyboard.press("Enter")
    page.locator("[id='expenditure_summary-1-total'] button").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('.panel') !== null")
    page.get_by_role("button", name="下一页").press("Enter")
    assert "第 12 页" in page.locator(".panel figcaption").inner_text()


def test_budget__prints_all_forms(visit: Open, site: Site) -> None:
    page = visit(f"budgets/{site.slug('2024.pdf')}.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".sheet-table").count() >= 7
