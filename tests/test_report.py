import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from cnbudget import cli, markup
from cnbudget.crosslinks import anchor_of
from cnbudget.model import Cause, ClaimMeasure, ClaimStatus, DocumentState, Measure, Severity
from cnbudget.parse import parse_documents
from cnbudget.report import PROOFS, render
from cnbudget.schema import DATASETS, ColumnType
from samples.bucket import city, wrong_narrative_department, wrong_total_unit
from samples.budget import Budget
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.render_text import render_text
from samples.strangers import meeting_notice, other_city_budget
from tests import corpus

Frames = dict[str, pl.DataFrame]

VOID = {"meta", "input", "br"}


class Page(HTMLParser):
    """A page as its elements, in order: (tag, attributes, text inside). Refuses one that is not well formed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self.open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"
        self.ids = Counter(attributes["id"] for _, attributes, _ in self.elements if "id" in attributes)
        self.links = [attributes["href"] for tag, attributes, _ in self.elements if tag == "a"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs}, list[str]())
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        for _, _, inside in self.open:
            inside.append(data)

    def text(self, anchor: str) -> str:
        """What stands in the element with this id."""
        return next("".join(inside) for _, attributes, inside in self.elements if attributes.get("id") == anchor)

    def of(self, tag: str, name: str) -> list[str]:
        """What stands in the elements of a tag that carry a class."""
        return ["".join(t) for kind, a, t in self.elements if kind == tag and name in a.get("class", "").split()]


def parsed(build: Callable[[], Budget], *rules: str) -> Frames:
    """A sample's frames, with the findings of some rules alone: what the others say of it is no matter here."""
    frames = parse_documents([("预算.pdf", render_pdf(printed(build())))])
    return frames | {"findings": frames["findings"].filter(pl.col("rule_id").is_in(rules))}


@pytest.fixture(scope="module")
def good() -> Frames:
    return parsed(city)


@pytest.fixture(scope="module")
def wrong_total() -> Frames:
    return parsed(wrong_total_unit, "identity_broken", "figure_suspected")


@pytest.fixture(scope="module")
def wrong_narrative() -> Frames:
    return parsed(wrong_narrative_department, "narrative_differs", "narrative_planned_differs")


def with_finding(frames: Frames, **values: object) -> Frames:
    """The frames with one finding more, a warning of the publisher's where nothing else is said."""
    row = dict.fromkeys(DATASETS["findings"].column_names) | {
        "finding_id": "f1", "document_id": "d", "rule_id": "some_rule", "severity": "warning", "cause": "publisher",
        "is_holding": False, "locus": "document", "message_zh": "有误", "message_en": "wrong", "evidence_sha256": "e",
    }  # fmt: skip
    extra = pl.DataFrame([row | values], schema=DATASETS["findings"].polars_schema())
    return frames | {"findings": pl.concat([frames["findings"], extra])}


def marked(page: Page) -> list[str]:
    """Anchors of the forms, rows, figures, claims and projects that carry the number of a finding."""
    inside = [
        (a.get("id", ""), "".join(t)) for tag, a, t in page.elements if tag in ("td", "th", "li", "article", "h3")
    ]
    return [anchor for anchor, words in inside if anchor and not anchor.startswith("finding-") and "[1]" in words]


def test_render__every_figure_stands_in_its_form_as_printed_with_its_proof(good: Frames) -> None:
    page = Page(render(good))
    for fact in good["budget_facts"].iter_rows(named=True):
        cell = page.text(anchor_of(fact["fact_id"]))
        assert cell.startswith(
            f"{fact['amount_printed']}✓" if fact["n_identities_holding"] else f"{fact['amount_printed']}○"
        )
        assert ("✓✓" in cell) == (fact["n_identities_holding"] > 1)
    proofs = Counter(n if n < 2 else 2 for n in good["budget_facts"]["n_identities_holding"])
    assert {name: len(page.of("td", name)) for name in PROOFS} == {
        "two": proofs[2], "one": proofs[1], "none": proofs[0], "broken": 0, "suspected": 0,
    }  # fmt: skip
    assert proofs[1] and proofs[0]


def test_render__rows_stand_in_printed_order_with_codes_and_names(good: Frames) -> None:
    html = render(good)
    form = html[html.index('id="form-expenditure_summary"') : html.index('id="form-fiscal_appropriation_summary"')]
    codes = re.findall(r'<td class="code">(\d*)</td><th scope="row" lang="zh-Hans" class="[^"]*">([^<]*)</th>', form)
    facts = good["budget_facts"].filter(pl.col("form_id") == "expenditure_summary").sort("row_no")
    assert codes == facts.unique("row_no", maintain_order=True).select("code_printed", "row_label").rows()
    assert codes[-1] == ("", "合计")


def test_render__a_sound_document_needs_nothing(good: Frames) -> None:
    page = Page(render(good))
    assert "Would be published" in page.text("verdict")
    assert "361" in page.text("verdict")
    assert "Nothing has to be done." in page.text("next")
    assert "Nothing was found." in page.text("findings")
    assert "All of them hold." in page.text("identities")


def test_render__a_wrong_total_is_suspected_and_its_sums_are_broken(wrong_total: Frames) -> None:
    page = Page(render(wrong_total))
    assert "Held: would not be published" in page.text("verdict")
    (cell,) = page.of("td", "suspected")
    assert "230,819,519" in cell
    assert "T3 合计 230,819,519" in page.text("next")
    full = page.text("T3_total-total")
    assert "T3: the total is the sum of the classes" in full
    assert "900,000.00" in page.text("identities")


def test_render__findings_and_figures_lead_to_each_other(wrong_total: Frames) -> None:
    page = Page(render(wrong_total))
    finding = wrong_total["findings"].filter(pl.col("locus") == "T3_row/expenditure_summary/31").row(0, named=True)
    (suspected,) = (a["id"] for tag, a, _ in page.elements if tag == "td" and "suspected" in a.get("class", ""))
    html = render(wrong_total)
    item = html[html.index(f'<li class="finding error" id="finding-{finding["finding_id"]}"') :]
    assert f'href="#{suspected}"' in item[: item.index("</li>")]
    cell = html[html.index(f'id="{suspected}"') :]
    assert f'href="#finding-{finding["finding_id"]}"' in cell[: cell.index("</td>")]


@pytest.mark.parametrize("sample", ["good", "wrong_total", "wrong_narrative"])
def test_render__every_link_has_its_place_and_every_place_one_name(sample: str, request: pytest.FixtureRequest) -> None:
    page = Page(render(request.getfixturevalue(sample)))
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []
    assert [anchor for anchor, count in page.ids.items() if count > 1] == []


def test_render__a_claim_that_differs_is_marked_and_shows_the_figure(wrong_narrative: Frames) -> None:
    claim = wrong_narrative["narrative_claims"].filter(pl.col("status") == "differs").row(0, named=True)
    page = Page(render(wrong_narrative))
    assert page.of("mark", "differs")[0] == f"{claim['amount_printed']}{claim['printed_unit']}"
    said = page.text(anchor_of(claim["claim_id"]))
    assert "differs" in said
    assert f"{abs(claim['amount_yuan'] - claim['table_yuan']):,.2f} yuan apart" in said
    assert {anchor_of(claim["claim_id"]), anchor_of(claim["fact_id"])} <= set(marked(page))
    counts = Counter(wrong_narrative["narrative_claims"]["status"])
    assert {status.value: len(page.of("span", status)) for status in ClaimStatus} == {
        s.value: counts[s] for s in ClaimStatus
    }


@pytest.mark.parametrize(
    ("quote", "number", "unit", "expected"),
    [
        ("购置费0万元，运行费10万元", "0", "万元", ["0万元"]),
        ("增加10万元，安排0万元", "0", "万元", ["0万元"]),
        ("设备2台（套）", "2", "台(套)", ["2"]),
        ("没有数字", "5", "万元", []),
        ("无机关运行经费", "", "", []),
    ],
)
def test_render__marks_the_figure_of_a_claim(
    good: Frames, quote: str, number: str, unit: str, expected: list[str]
) -> None:
    claims = (
        good["narrative_claims"]
        .head(1)
        .with_columns(
            quote=pl.lit(quote), amount_printed=pl.lit(number), printed_unit=pl.lit(unit), status=pl.lit("agrees")
        )
    )
    assert Page(render(good | {"narrative_claims": claims})).of("mark", "agrees") == expected


@pytest.mark.parametrize(
    ("locus", "expected"),
    [
        ("expenditure_summary", ["form-expenditure_summary"]),
        ("expenditure_summary/2/total", ["expenditure_summary-2-total"]),
        ("expenditure_summary/20801/total#2", ["expenditure_summary-ROW-total"]),
        ("expenditure_summary/20801/人力资源", ["row-expenditure_summary-ROW"]),
        ("expenditure_summary/20801", ["row-expenditure_summary-ROW"]),
        ("financial_summary/208/三、社会保障和就业", ["row-financial_summary-right-ROW1"]),
        ("financial_summary/1/blank", ["form-financial_summary"]),
        ("document", []),
        ("nothing/of/the/kind", []),
    ],
)
def test_render__a_finding_stands_beside_what_its_locus_names(good: Frames, locus: str, expected: list[str]) -> None:
    facts = good["budget_facts"]
    row = facts.filter(pl.col("form_id") == "expenditure_summary", pl.col("code_printed") == "20801")["row_no"][0]
    row_1 = facts.filter(pl.col("form_id") == "financial_summary", pl.col("functional_code") == "208")["row_no"][0]
    page = Page(render(with_finding(good, locus=locus)))
    assert marked(page) == [anchor.replace("ROW1", str(row_1)).replace("ROW", str(row)) for anchor in expected]
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []


def test_render__a_finding_stands_beside_its_claim_by_quote_or_by_what_it_measures(good: Frames) -> None:
    claim = good["narrative_claims"].filter(pl.col("measure") == "vehicle_purchase").row(0, named=True)
    anchor = anchor_of(claim["claim_id"])
    box = {name: claim[name] for name in ("page", "x0", "y0", "x1", "y1")}
    by_quote = with_finding(good, locus="narrative/some/where", evidence_quote=claim["quote"], **box)
    assert marked(Page(render(by_quote))) == [anchor]
    assert marked(Page(render(with_finding(good, locus="other_notes/vehicle_purchase/reason")))) == [anchor]


def test_render__a_finding_stands_beside_the_figure_at_its_box(good: Frames) -> None:
    fact = good["budget_facts"].row(40, named=True)
    box = {name: fact[name] for name in ("page", "x0", "y0", "x1", "y1")}
    page = Page(render(with_finding(good, locus=f"{fact['form_id']}/elsewhere", **box)))
    assert [page.text(anchor).count(fact["amount_printed"]) for anchor in marked(page)] == [1]


def test_render__a_finding_stands_beside_its_project(good: Frames) -> None:
    project = good["projects"].row(0, named=True)
    page = Page(render(with_finding(good, locus=f"projects/{project['name']}/{project['implementer']}")))
    (anchor,) = marked(page)
    assert project["name"] in page.text(anchor)


def test_render__findings_stand_worst_first_and_accepted_ones_say_so(wrong_total: Frames) -> None:
    frames = with_finding(wrong_total, severity="info", accepted_by="审核员", accepted_reason="印刷如此")
    page = Page(render(frames))
    chips = [
        a["class"].split()[1] for tag, a, _ in page.elements if tag == "li" and "finding" in a.get("class", "").split()
    ]
    assert chips == ["error"] * 4 + ["warning", "info"]
    assert "Accepted by 审核员: 印刷如此" in page.text("finding-f1")


@pytest.mark.parametrize(
    ("file_name", "document", "verdict", "reason"),
    [
        ("外地.pdf", lambda: render_pdf(other_city_budget()), "Unsupported", "a budget of another layout"),
        ("通知.pdf", lambda: render_pdf(meeting_notice()), "Rejected", "no budget"),
        ("坏.pdf", lambda: b"%PDF-1.4 nothing", "Held", "no PDF that can be opened"),
        ("空.pdf", lambda: b"", "Held", "cannot be read"),
    ],
)
def test_render__a_document_without_figures_says_what_it_is_and_why(
    file_name: str, document: Callable[[], bytes], verdict: str, reason: str
) -> None:
    page = Page(render(parse_documents([(file_name, document())])))
    assert verdict in page.text("verdict")
    assert reason in page.text("verdict")
    assert page.text("next").strip() != "What to do next"
    assert "forms" not in page.ids


def test_render__stands_alone(wrong_total: Frames) -> None:
    html = render(wrong_total)
    page = Page(html)
    assert {tag for tag, _, _ in page.elements} & {"script", "link", "img", "iframe", "object", "base", "form"} == set()
    assert all(link.startswith("#") for link in page.links)
    assert not re.search(r"url\(|@import|https?:|\ssrc=|\son\w+=", html)
    assert "default-src 'none'" in html


HOSTILE = "</style></title></table>\"'><script>alert(1)</script><img src=x onerror=alert(1)> &lt; --> \x00\u202e{n}"


@pytest.mark.parametrize("sample", ["good", "wrong_total", "wrong_narrative"])
def test_render__no_value_breaks_out(sample: str, request: pytest.FixtureRequest) -> None:
    """The elements are the same as with harmless words, whatever is in the columns that hold words."""
    frames: Frames = request.getfixturevalue(sample)
    kept = re.compile(r".*_id|locus|rule_id|sign|instance|section|key|document_id|code_printed")

    def filled(words: str) -> Frames:
        return {
            name: frame.with_columns(
                pl.when(pl.col(column.name).is_not_null()).then(pl.lit(words)).alias(column.name)
                for column in DATASETS[name].columns
                if column.type is ColumnType.STRING and not column.allowed and not kept.fullmatch(column.name)
            )
            for name, frame in frames.items()
            if name in DATASETS  # not `cases`, which no page shows
        }

    hostile, harmless = Page(render(filled(HOSTILE))), Page(render(filled("harmless")))
    shape = [(tag, sorted(attributes), attributes.get("class")) for tag, attributes, _ in harmless.elements]
    assert [(tag, sorted(attributes), attributes.get("class")) for tag, attributes, _ in hostile.elements] == shape
    assert "\x00" not in render(filled(HOSTILE))
    assert "\u202e" not in render(filled(HOSTILE))


def test_render__a_hostile_identifier_does_not_break_out(good: Frames) -> None:
    frames = with_finding(good, finding_id=HOSTILE, rule_id=HOSTILE, locus=HOSTILE)
    assert not {tag for tag, _, _ in Page(render(frames)).elements} & {"script", "img"}


def test_render__holds_both_languages(wrong_narrative: Frames) -> None:
    page = Page(render(wrong_narrative))
    assert len(page.of("span", "zh")) == len(page.of("span", "en")) > 100


@pytest.mark.parametrize(("language", "chosen"), [("en", "lang-en"), ("zh", "lang-zh")])
def test_render__opens_in_a_language(good: Frames, language: str, chosen: str) -> None:
    page = Page(render(good, language))
    assert [a["id"] for tag, a, _ in page.elements if tag == "input" and "checked" in a] == [chosen]


def test_render__tables_name_themselves_their_columns_and_their_rows(good: Frames) -> None:
    page = Page(render(good))
    tables = [tag for tag, _, _ in page.elements if tag in ("table", "caption")]
    assert tables == ["table", "caption"] * (len(tables) // 2)
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes, _ in page.elements if tag == "th")


def test_render__a_recovered_figure_says_so(good: Frames) -> None:
    facts = good["budget_facts"].with_columns(provenance=pl.lit("recovered"))
    page = Page(render(good | {"budget_facts": facts}))
    assert len(page.of("span", "recovered")) == facts.height
    assert "column found through the identities" in page.text("financial_summary-left-1-revenue")


def test_render__a_text_without_pages() -> None:
    page = Page(render(parse_documents([("city.txt", render_text(printed(city())))])))
    assert len(page.of("td", "two")) > 300
    assert "None" not in page.text("main")


def test_render__is_the_same_each_time(wrong_total: Frames) -> None:
    assert render(wrong_total) == render(parsed(wrong_total_unit, "identity_broken", "figure_suspected"))


def test_render__refuses_more_than_one_document(good: Frames, wrong_total: Frames) -> None:
    with pytest.raises(ValueError, match="2 rows found, one expected"):
        render({name: pl.concat([good[name], wrong_total[name]]) for name in good})


def test_terms__every_value_of_the_data_has_words() -> None:
    needed = [value for dataset in DATASETS.values() for column in dataset.columns for value in column.allowed or ()]
    shown = {*Measure, *ClaimMeasure, *ClaimStatus, *Severity, *Cause}
    needed = [value for value in needed if value in shown]
    states = [state for state in DocumentState if state is not DocumentState.PUBLISHED]
    needed += [f"{kind}_{state.value}" for state in states for kind in ("state", "why")]
    needed += [f"next_{cause.value}" for cause in Cause] + [f"do_holding_{cause.value}" for cause in Cause]
    needed += [f"proof_{proof}" for proof in PROOFS]
    assert [term for term in needed if term not in markup.terms()] == []
    assert [term for term, words in markup.terms().items() if not all(words)] == []


def test_style__contrast_is_enough() -> None:
    """WCAG AA: 4.5 to 1 for text on the colours that say how sure a figure is."""
    style = (Path(markup.__file__).parent / "data" / "report.css").read_text(encoding="utf-8")
    colours = dict(re.findall(r"--([\w-]+): (#\w+)", style))

    def light(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    pairs = [(f"{proof}-ink", proof) for proof in PROOFS] + [("link", proof) for proof in PROOFS]
    for ink, paper in [*pairs, ("soft", "wash"), ("ink", "paper"), ("link", "paper")]:
        dark, bright = sorted((light(colours[ink]), light(colours[paper])))
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)


def test_report__writes_the_page(tmp_path: Path, sample_budgets: list[tuple[str, bytes]]) -> None:
    source, target = tmp_path / "预算.pdf", tmp_path / "out.html"
    source.write_bytes(sample_budgets[0][1])
    assert cli.main(["report", str(source), "-o", str(target), "--language", "zh"]) == 0
    assert target.read_text(encoding="utf-8").startswith('<!DOCTYPE html>\n<html lang="zh-Hans">')


def test_report__prints_the_page_of_a_held_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "broken.pdf"
    source.write_bytes(b"%PDF-1.4 nothing")
    assert cli.main(["report", str(source)]) == 1
    assert "Held: would not be published" in capsys.readouterr().out


def test_report__says_that_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "notice.txt"
    source.write_text("通知")
    assert cli.main(["report", str(source), "-o", str(tmp_path / "no" / "out.html")]) == 2
    assert "give --output a path that can be written" in capsys.readouterr().err


@pytest.mark.parametrize("path", corpus.named("wanli-2024-dept.pdf", "songjiang-hrss-2024-dept.txt"))
def test_render__published_documents(path: Path) -> None:
    frames = parse_documents([(path.name, path.read_bytes())])
    page = Page(render(frames))
    assert sum(len(page.of("td", name)) for name in PROOFS) == frames["budget_facts"].height
    assert [link for link in page.links if link.removeprefix("#") not in page.ids] == []
    assert [anchor for anchor, count in page.ids.items() if count > 1] == []
    assert len(page.of("article", "project")) == frames["projects"].height
