"""What the explorer costs: pages and bytes per document, one more document into small and large lakes, and how soon the
index of 10,000 budgets can be used in a browser. Part of `make bench`."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import polars as pl

from cnbudget.sandbox import Limits, Readers
from explorer import pictures
from explorer.pages import code_digest, to_assets
from explorer.publish import READ, SHARDS, publish_site
from explorer.scripts import to_script
from explorer.shards import INDEX
from samples.bucket import city
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.render_text import render_text
from tests.site import Files, Partitions

N_BUDGETS, PER_PARTITION = 10_000, 100
_KEYS = (
    "document_id",
    "fact_id",
    "check_id",
    "claim_id",
    "project_id",
    "project_item_id",
    "disclosure_id",
    "institution_id",
)


def bench_explorer() -> None:
    """All three measurements."""
    _per_document()
    _one_more()
    _index_in_a_browser()


@contextmanager
def _cpu(measured: dict[str, float], name: str) -> Iterator[None]:
    start = time.process_time()
    yield
    measured[name] = time.process_time() - start


def _per_document() -> None:
    curated, files, seconds = Partitions(), Files(), dict[str, float]()
    data = render_pdf(printed(city()))
    curated.publish("2024-310000-001", ("a.pdf", data))
    with Readers(1, Limits(), pictures.DRAW) as readers:
        publish_site(curated, files, readers.parse)  # classification and words are read once a process
        readers.parse_seconds = 0.0
        with _cpu(seconds, "all"):
            publish_site(curated, files, readers.parse, everything=True)
        seconds["drawing"] = readers.parse_seconds
    assets = to_assets()
    sizes = {
        kind: [len(data) for key, data in files.data.items() if key.startswith(kind)]
        for kind in ("budgets/", "pictures/", "data/")
    }
    print(
        f"a document of {len(curated.frame('budget_facts', '2024-310000-001'))} figures: {seconds['all']:.2f} s CPU, and {seconds['drawing']:.2f} s of its child's time for drawing"
    )
    print(
        f"  pictures: {len(sizes['pictures/'])} pages, {sum(sizes['pictures/']) / 1024:.0f} KB ({sum(sizes['pictures/']) / len(sizes['pictures/']) / 1024:.0f} KB and {1000 * seconds['drawing'] / len(sizes['pictures/']):.0f} ms a page)"
    )
    print(
        f"  its page: {sum(sizes['budgets/']) / 1024:.0f} KB; its part of the indexes: {sum(sizes['data/']) / 1024:.0f} KB; assets, once a site: {sum(map(len, assets.values())) / 1024:.0f} KB"
    )


def clones(frames: dict[str, pl.DataFrame], count: int, first: int = 0) -> dict[str, pl.DataFrame]:
    """The frames of one document as those of many, each of another budget."""
    parts: dict[str, list[pl.DataFrame]] = {name: [] for name in READ}
    for number in range(first, first + count):
        name = hashlib.sha256(str(number).encode()).hexdigest()
        for dataset in READ:
            frame = frames[dataset]
            keys = [pl.col(key).str.replace(r"^[0-9a-f]{16}", name[:16]) for key in _KEYS if key in frame.columns]
            more = {
                "budget_id": pl.lit(f"310000/p{number}/department/2024/budget"),
                "finding_id": pl.format(
                    "{}-{}", pl.col("finding_id") if "finding_id" in frame.columns else pl.lit(""), pl.lit(number)
                ),
                "source_uri": pl.lit(f"s3://drop/{number}.txt"),
            }
            parts[dataset].append(
                frame.with_columns(
                    *keys, *(value.alias(column) for column, value in more.items() if column in frame.columns)
                )
            )
    return {name: pl.concat(frame) for name, frame in parts.items()}


def _one_more() -> None:
    base = Partitions()
    base.publish("x", ("a.txt", render_text(printed(city()))))
    ninety_nine, one = clones(base.frames["x"], 99), clones(base.frames["x"], 1, first=99)
    seconds: dict[str, float] = {}
    written = {}
    for size in (PER_PARTITION, N_BUDGETS):
        curated, files = _Known(), Files()
        curated.frames["2024-310000-001"] = dict(ninety_nine)
        curated.others = {
            f"2024-310000-{number:03}": f"{number:016x}" for number in range(2, size // PER_PARTITION + 1)
        }
        publish_site(curated, files, pictures.draw)
        curated.frames["2024-310000-001"] = {name: pl.concat([ninety_nine[name], one[name]]) for name in READ}
        files.written.clear()
        with _cpu(seconds, str(size)):
            written[size] = publish_site(curated, files, pictures.draw)
        print(
            f"one more into {size:,}: {seconds[str(size)]:.3f} s CPU, {written[size].n_files} files, {written[size].n_bytes / 1024:.0f} KB"
        )
    print(
        f"  ratio {seconds[str(N_BUDGETS)] / seconds[str(PER_PARTITION)]:.2f} (the goal: at most 1.5, for data and pages together)"
    )


class _Known(Partitions):
    """Partitions of which all but one are known by their digests alone, as the others of a large lake are. (The digests
    of a lake are a question to its store.)"""

    others: dict[str, str]

    def digests(self, datasets: Collection[str]) -> dict[str, str]:  # noqa: ARG002
        return {name: str(frames["documents"].height) for name, frames in self.frames.items()} | self.others


def synthetic_site(folder: Path, n_budgets: int = N_BUDGETS) -> None:
    """A site whose index lists so many budgets, drawn by chance: names, places, years, findings."""
    rng = Random(1)
    names, shards = list("水利教育卫生科技文化旅游民政财政审计统计体育绿化交通住房公安司法"), []
    for number in range(n_budgets // PER_PARTITION):
        name, year = f"{2020 + number % 6}-310{number % 17:03}-{number:03}", 2020 + number % 6
        rows = []
        for position in range(PER_PARTITION):
            amount = round(rng.lognormvariate(17, 2), 2)
            key = hashlib.sha256(f"{number}/{position}".encode()).hexdigest()
            publisher = "上海市" + "".join(rng.choices(names, k=5)) + rng.choice(["局", "委员会", "中心", "办公室"])
            is_held = rng.random() < 0.03
            row = {
                "slug": None if is_held else f"310000_{key[:12]}_department_{year}_budget", "document_id": key, "digest": key[:16],
                "file_name": f"{publisher}{year}年部门预算.pdf", "publisher": publisher, "publisher_id": key[:12], "kind": rng.choice(["department", "unit"]),
                "jurisdiction": f"上海市第{number % 17}区", "jurisdiction_code": f"310{number % 17:03}", "year": year, "stage": "budget",
                "state": "held" if is_held else "published", "reason": "T3 expenditure summary, 合计: all 4 identities are broken" if is_held else None,
                "revision": 1, "yuan": amount, "project_yuan": amount / 3, "n_facts": 350, "n_confirmed": 348, "n_errors": rng.randrange(2),
                "n_warnings": rng.randrange(4), "rules": [["reason_missing", "warning", "2"]],
            }  # fmt: skip
            rows.append([row.get(column) for column in INDEX])
        _put(folder, f"data/index/{name}.js", to_script(f"index/{name}", {"columns": INDEX, "rows": rows}))
        shards.append(
            {
                "name": name,
                "digest": f"{number:016x}",
                "n": PER_PARTITION,
                "years": [year],
                "jurisdictions": [f"310{number % 17:03}"],
                "accounts": [],
            }
        )
    _put(folder, SHARDS, to_script("shards", {"code": code_digest(), "assets": "", "links": {}, "shards": shards}))
    for key, data in to_assets().items():
        _put(folder, key, data)


def _put(folder: Path, key: str, data: bytes) -> None:
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _index_in_a_browser() -> None:
    from playwright.sync_api import sync_playwright

    from tests.test_explorer_browser import CHROMIUM, FLAGS

    if CHROMIUM is None:
        print("no chromium: the index is not measured in a browser")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        synthetic_site(Path(folder))
        size = sum(path.stat().st_size for path in (Path(folder) / "data").rglob("*.js"))
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        times: list[tuple[float, float]] = []
        for _ in range(3):
            page = browser.new_page()
            page.goto((Path(folder) / "index.html").as_uri())
            page.wait_for_selector("html[data-ready]", state="attached")
            ready = float(page.evaluate("document.documentElement.dataset.ready"))
            times.append((ready, _typing(page.evaluate)))
            page.close()
        browser.close()
    ready, typed = (sorted(values)[1] for values in zip(*times, strict=True))
    print(
        f"the index of {N_BUDGETS:,} budgets ({size / 1e6:.1f} MB in {N_BUDGETS // PER_PARTITION} scripts, from disk, median of 3):"
    )
    print(f"  all listed and searchable after {ready:.0f} ms, a search shown {typed:.0f} ms after the key")


def _typing(evaluate: Callable[[str], object]) -> float:
    """Milliseconds from a typed word to the list that it leads to."""
    script = "(() => { const field = document.querySelector('input[name=q]'); const start = performance.now(); field.value = '水利 2023'; field.dispatchEvent(new Event('input')); document.body.offsetHeight; return performance.now() - start; })()"
    return float(str(evaluate(script)))


if __name__ == "__main__":
    bench_explorer()
