import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import Image

from cnbudget.sandbox import Limits, Readers
from explorer import pictures, publish
from explorer.budget import FACT
from explorer.pages import VENDOR, to_assets, words
from explorer.publish import SHARDS, publish_site
from explorer.scripts import from_script, to_script, to_slug
from tests.site import Files, Partitions

Sources = list[tuple[str, bytes]]
CITY = "2024-310000-001"


@pytest.fixture(scope="module")
def published(sample_budgets: Sources) -> tuple[Partitions, list[str]]:
    """A city's department, a district's as text, and a unit, in two partitions; not to be changed."""
    curated = Partitions()
    ids = curated.publish(CITY, *sample_budgets[:1]) + curated.publish("2024-unknown-001", *sample_budgets[1:])
    return curated, ids


@pytest.fixture(scope="module")
def site(published: tuple[Partitions, list[str]]) -> Files:
    """The site of those three; not to be changed."""
    files = Files()
    publish_site(published[0], files, pictures.draw)
    return files


def fresh(sources: Sources, *others: Sources) -> tuple[Partitions, Files, list[str]]:
    """Partitions of their own, and their site, for a test that changes them."""
    curated, files = Partitions(), Files()
    ids = curated.publish(CITY, *sources)
    for number, other in enumerate(others, 2):
        ids += curated.publish(f"2024-310000-00{number}", *other)
    publish_site(curated, files, pictures.draw)
    files.written.clear()
    return curated, files, ids


def index(files: Files, partition: str) -> list[dict[str, Any]]:
    value = from_script(files.data[f"data/index/{partition}.js"])
    return [dict(zip(value["columns"], row, strict=True)) for row in value["rows"]]


def budget(files: Files, partition: str, number: int = 0) -> dict[str, Any]:
    slug = [row["slug"] for row in index(files, partition) if row["slug"]][number]
    value: dict[str, Any] = from_script(files.data[f"budgets/{slug}.js"])
    return value


# Scripts


def test_to_script__comes_back_and_is_javascript_without_a_tag() -> None:
    hostile = {"</script><script>alert(1)</script>": ["\u2028", "'\"\\", "负数", -0.5, None]}
    script = to_script("x", hostile)
    assert from_script(script) == hostile
    assert b"<" not in script
    assert "\u2028" not in script.decode()


@pytest.mark.parametrize("data", [None, b"", b"cnbudget.put(...[1", b"cnbudget.put(...{});\n", b"alert(1)"])
def test_from_script__what_is_not_whole_is_nothing(data: bytes | None) -> None:
    assert from_script(data) is None


def test_to_slug__stays_in_its_folder() -> None:
    assert (
        to_slug("310000/310000-8297b690167a/department/2024/budget")
        == "310000_310000-8297b690167a_department_2024_budget"
    )
    assert "/" not in to_slug("../../x")


# Words and assets


def test_to_assets__every_word_that_a_script_says_is_there_in_both_languages() -> None:
    said = re.findall(
        r'say\("([a-z_0-9]+)"',
        "".join(data.decode() for key, data in to_assets().items() if key.endswith(".js") and "vendor" not in key),
    )
    assert len(said) > 100
    assert [term for term in said if term not in words()] == []
    assert [term for term, (zh, en) in words().items() if not zh or not en] == []


def test_to_assets__no_script_parses_html_or_reaches_elsewhere() -> None:
    own = {key: data.decode() for key, data in to_assets().items() if key.endswith((".js", ".css", ".html"))}
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|fetch\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)"
    )
    assert {
        key: forbidden.findall(text) for key, text in own.items() if forbidden.search(text) and "vendor" not in key
    } == {}


def test_vendor__the_bundle_is_of_the_locked_versions() -> None:
    lock = json.loads((VENDOR / "package-lock.json").read_text())
    inputs = json.loads((VENDOR / "inputs.json").read_text())
    for folder, found in inputs["packages"].items():
        assert found == {name: lock["packages"][folder][name] for name in ("version", "integrity")}, folder
    assert inputs["d3.js"] == f"sha256:{hashlib.sha256((VENDOR / 'd3.js').read_bytes()).hexdigest()}"
    assert not any("resolved" in package for package in lock["packages"].values())
    licences = (VENDOR / "LICENSES.txt").read_text()
    assert all(
        f"{folder.removeprefix('node_modules/')} {found['version']}" in licences
        for folder, found in inputs["packages"].items()
    )


# What is written


def test_publish_site__a_page_for_each_budget_with_its_figures(
    site: Files, published: tuple[Partitions, list[str]]
) -> None:
    curated, ids = published
    shown = budget(site, CITY)
    assert shown["document"]["document_id"] == ids[0]
    facts = curated.frame("budget_facts", CITY)
    assert len(shown["facts"]) == facts.height > 300
    printed = [row[FACT.index("printed")] for row in shown["facts"]]
    assert printed == facts["amount_printed"].to_list()
    html = site.data[f"budgets/{to_slug(shown['document']['budget_id'])}.html"].decode()
    assert shown["document"]["publisher_name"] in html
    assert "Content-Security-Policy" in html


def test_publish_site__a_check_names_its_figures(site: Files) -> None:
    shown = budget(site, CITY)
    totals = [check for check in shown["checks"] if check[0] == "T3_row"]
    assert totals
    amounts = [row[FACT.index("yuan")] for row in shown["facts"]]
    for check in totals:
        assert sum((1 if term > 0 else -1) * round(amounts[abs(term) - 1] * 100) for term in check[-1]) == 0


def test_publish_site__pictures_of_the_pages_that_hold_figures(site: Files, tmp_path: Path) -> None:
    shown = budget(site, CITY)
    pages = {row[FACT.index("page")] for row in shown["facts"]}
    drawn = shown["pictures"]["pages"]
    assert pages <= {int(page) for page in drawn}
    document_id = shown["document"]["document_id"]
    path = tmp_path / "page.webp"
    path.write_bytes(site.data[f"pictures/{document_id}/{min(pages)}.webp"])
    with Image.open(path) as image:
        width, height = drawn[str(min(pages))]
        assert image.size == pytest.approx((width * 1.5, height * 1.5), abs=1.5)


def test_publish_site__a_text_has_no_pictures(site: Files) -> None:
    texts = [budget(site, "2024-unknown-001", number) for number in (0, 1)]
    assert sorted("pictures" in shown for shown in texts) == [False, True]


def test_publish_site__the_index_adds_up_and_says_what_is_confirmed(
    site: Files, published: tuple[Partitions, list[str]]
) -> None:
    curated, _ = published
    (row,) = index(site, CITY)
    assert row["yuan"] == float(curated.frame("expenditure_lines", CITY)["amount_yuan"].sum())
    assert 0 < row["n_confirmed"] <= row["n_facts"]
    assert row["state"] == "published"


def test_publish_site__accounts_add_up_to_the_budget(site: Files) -> None:
    (row,) = index(site, CITY)
    shards = from_script(site.data[SHARDS])["shards"]
    names = next(shard["accounts"] for shard in shards if shard["name"] == CITY)
    parts = [
        from_script(site.data[f"data/accounts/{name}/{CITY}.js"])["rows"] for name in names if name.startswith("f")
    ]
    assert sum(a + b for rows in parts for _, _, a, b in rows) == pytest.approx(row["yuan"], abs=0.01)


def test_publish_site__held_documents_are_listed_without_a_page(sample_budgets: Sources) -> None:
    curated, files = Partitions(), Files()
    curated.publish(CITY, *sample_budgets[:1], state="held", is_current=False, state_reason="a total does not add up")
    publish_site(curated, files, pictures.draw)
    (row,) = index(files, CITY)
    assert (row["slug"], row["state"], row["reason"]) == (None, "held", "a total does not add up")
    assert [key for key in files.data if key.startswith(("budgets/", "pictures/"))] == []


# What is not written


def test_publish_site__twice_writes_nothing(sample_budgets: Sources) -> None:
    curated, files, _ = fresh(sample_budgets[:1])
    written = publish_site(curated, files, pictures.draw)
    assert files.written == []
    assert written.n_files == 0


def test_publish_site__one_more_document_writes_its_own_files_and_those_of_its_partition(
    sample_budgets: Sources,
) -> None:
    curated, files, _ = fresh(sample_budgets[:1], sample_budgets[1:2])
    (new,) = curated.publish(CITY, sample_budgets[2])
    publish_site(curated, files, pictures.draw)
    slug = next(row["slug"] for row in index(files, CITY) if row["document_id"] == new)
    others = [
        key for key in files.written if slug not in key and not key.startswith(f"pictures/{new}/") and CITY not in key
    ]
    assert others == [SHARDS]
    assert files.written[-2:] == [f"data/index/{CITY}.js", SHARDS]


def test_publish_site__an_accepted_finding_draws_no_page_again(sample_budgets: Sources) -> None:
    curated, files, _ = fresh(sample_budgets[:1])
    frames = curated.frames[CITY]
    frames["findings"] = frames["findings"].with_columns(pl.lit("auditor").alias("accepted_by"))
    before = {key: data for key, data in files.data.items() if key.startswith("pictures/")}

    def refuse(_: Sequence[tuple[str, bytes]]) -> Sequence[bytes]:
        raise AssertionError("nothing is to be drawn")

    publish_site(curated, files, refuse)
    assert budget(files, CITY)["findings"][0]["accepted_by"] == "auditor"
    assert {key: data for key, data in files.data.items() if key.startswith("pictures/")} == before


# What goes


def test_publish_site__pages_and_pictures_of_a_withdrawn_document_go(sample_budgets: Sources) -> None:
    curated, files, ids = fresh([sample_budgets[0], sample_budgets[2]])
    curated.withdraw(CITY, ids[0])
    publish_site(curated, files, pictures.draw)
    left = {key.split("/")[1] for key in files.data if key.startswith("pictures/")}
    assert left == {ids[1]}
    assert len([key for key in files.data if key.startswith("budgets/")]) == 2
    assert {row["state"] for row in index(files, CITY)} == {"withdrawn", "published"}


def test_publish_site__a_revision_keeps_the_page_and_drops_the_old_pictures(sample_budgets: Sources) -> None:
    curated, files, (old,) = fresh(sample_budgets[:1])
    pages = {key for key in files.data if key.startswith("budgets/")}
    revised = (sample_budgets[0][0], sample_budgets[0][1] + b"\n% revised")
    curated.withdraw(CITY, old)
    (new,) = curated.publish(CITY, revised, revision=2)
    publish_site(curated, files, pictures.draw)
    assert {key for key in files.data if key.startswith("budgets/")} == pages
    assert {key.split("/")[1] for key in files.data if key.startswith("pictures/")} == {new}


def test_publish_site__a_document_that_moves_to_another_partition_keeps_its_page(sample_budgets: Sources) -> None:
    curated, files, _ = fresh(sample_budgets[:1])
    curated.frames["2024-310000-002"] = curated.frames.pop(CITY)
    publish_site(curated, files, pictures.draw)
    assert budget(files, "2024-310000-002")["pictures"]["pages"]
    assert not any(CITY in key for key in files.data)


def test_publish_site__killed_anywhere_the_next_run_finishes_it(sample_budgets: Sources) -> None:
    curated, whole, _ = fresh(sample_budgets[:1], sample_budgets[2:])
    n_writes = len(whole.data)
    for n_left in range(0, n_writes, 17):
        files = Files(n_left=n_left)
        with pytest.raises(KeyboardInterrupt):
            publish_site(curated, files, pictures.draw)
        files.n_left = 10**9
        publish_site(curated, files, pictures.draw)
        assert files.data == whole.data, n_left


def stops() -> bool:
    return False


def test_publish_site__few_at_a_time_comes_to_the_same_and_withdraws_at_once(sample_budgets: Sources) -> None:
    curated, whole, (first, second) = fresh(sample_budgets[:1], sample_budgets[2:])
    files = Files()
    left = [publish_site(curated, files, pictures.draw, goes_on=stops).n_left for _ in range(2)]
    assert (left, files.data) == ([1, 0], whole.data)
    curated.withdraw(CITY, first)
    curated.withdraw("2024-310000-002", second)
    assert publish_site(curated, files, pictures.draw, goes_on=stops).n_left == 1
    assert not [key for key in files.data if key.startswith(("pictures/", "budgets/"))]


def test_publish_site__a_partition_that_is_left_half_way_names_the_pages_that_are_there(
    sample_budgets: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_BUDGETS_AT_ONCE", 1)
    curated, whole, _ = fresh(sample_budgets)
    files = Files()
    for n_written in (1, 2, 3):
        assert publish_site(curated, files, pictures.draw, goes_on=stops).n_left == (n_written < 3)
        pages = {f"budgets/{row['slug']}.html" for row in index(files, CITY) if row["slug"]}
        assert pages == {key for key in files.data if key.startswith("budgets/") and key.endswith(".html")}
        assert len(pages) == n_written
        accounts = [from_script(files.data[key]) for key in files.data if key.startswith("data/accounts/")]
        assert {f"budgets/{row[0]}.html" for account in accounts for row in account["rows"]} <= pages
    assert files.data == whole.data


def test_publish_site__a_page_that_was_left_as_it_was_goes_with_its_budget(
    sample_budgets: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_BUDGETS_AT_ONCE", 1)
    curated, files, ids = fresh(sample_budgets)
    before = dict(files.data)
    for document_id in ids:
        curated.change(CITY, document_id, state_reason="looked at")
    assert publish_site(curated, files, pictures.draw, goes_on=stops).n_left == 1
    kept = [key for key in before if key.startswith("budgets/") and files.data[key] == before[key]]
    assert len(kept) == 4, "a page and what it shows, of two of three budgets"
    for document_id in ids:
        curated.withdraw(CITY, document_id)
    publish_site(curated, files, pictures.draw)
    assert not [key for key in files.data if key.startswith(("pictures/", "budgets/"))]


# Pictures


def test_draw__in_a_child_process(sample_budgets: Sources) -> None:
    source = (pictures.order("x", [11, 12]), sample_budgets[0][1])
    with Readers(1, Limits(), pictures.DRAW) as readers:
        (packed,) = readers.parse([source])
    drawn = pictures.unpack(packed)
    assert [picture.page for picture in drawn] == [11, 12]
    assert drawn[0].data[:4] == b"RIFF"


def test_draw__a_document_that_cannot_be_drawn_costs_no_other_its_pictures(sample_budgets: Sources) -> None:
    sources = [(pictures.order("a", [1]), b"%PDF-1.7 broken"), (pictures.order("b", [1]), sample_budgets[0][1])]
    with Readers(1, Limits(), pictures.DRAW) as readers:
        broken, whole = readers.parse(sources)
    assert pictures.unpack(broken) == []
    assert len(pictures.unpack(whole)) == 1
