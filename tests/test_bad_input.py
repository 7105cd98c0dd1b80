"""Everything bad at once in one bucket, through real readers and the real gate: each ends with its reason, the rest unharmed."""

import io
from pathlib import Path

import pypdfium2 as pdfium
import pytest
from reportlab.pdfgen.canvas import Canvas

from cnbudget.parse import extractor_version
from cnbudget.sandbox import Limits, Readers
from tasks import stages
from tests.lakes import read_latest
from warehouse.lake import Lake
from warehouse.sources import open_source


def encrypted() -> bytes:
    target = io.BytesIO()
    canvas = Canvas(target, encrypt="secret")
    canvas.drawString(100, 100, "budget")
    canvas.save()
    return target.getvalue()


def endless() -> bytes:
    document = pdfium.PdfDocument.new()
    for _ in range(5000):
        document.new_page(100, 100)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def without_a_form(text: str) -> str:
    """The budget without its expenditure summary, as when a page is missing."""
    lines = text.splitlines()
    titles = [
        i
        for i, line in enumerate(lines)
        if (line.endswith("预算总表") and not line[:1].isdigit()) or ("年部门" in line and line.endswith("总表"))
    ]
    start = max(i for i in titles if lines[i].endswith("支出预算总表"))
    end = min(i for i in titles if i > start)
    return "\n".join(lines[:start] + lines[end:])


@pytest.fixture(scope="module")
def outcome(
    tmp_path_factory: pytest.TempPathFactory, sample_budgets: list[tuple[str, bytes]], budget_text: str
) -> tuple[dict[str, tuple[str, str]], Path]:
    """State and reason of each file of a bucket that holds one good budget and everything bad; and the lake."""
    folder = tmp_path_factory.mktemp("bad")
    good = sample_budgets[2][1]
    files = {
        "good.pdf": good,
        "empty.pdf": b"",
        "truncated.pdf": good[: len(good) // 2],
        "encrypted.pdf": encrypted(),
        "endless.pdf": endless(),
        "lies.pdf": b"<!doctype html><html><body><p>moved</p></body></html>",
        "missing page.txt": without_a_form(budget_text).encode(),
        "wrong cover.txt": budget_text.replace("2024年市级部门预算", "2023年市级部门预算", 1).encode(),
        "名 字 ..%2F..%2Fetc 预算（终稿）.txt": "会议通知\n请准时参加。".encode(),
        "picture.pdf": b"\x89PNG\r\n\x1a\n" + bytes(64),
    }
    for name, data in files.items():
        (folder / name).write_bytes(data)
    home = tmp_path_factory.mktemp("lake") / "lake"
    lake, source = Lake.open(str(home)), open_source(str(folder))
    lake.land(source, lake.compare(source).new)
    with Readers(2, Limits(seconds=30)) as readers:
        ids = stages.parse.fn(lake, readers.parse, extractor_version(), lake.pending(extractor_version(), [source]))
    stages.audit.fn(lake, extractor_version(), ids)
    lake.publish()
    found = {
        name: (state, reason or "")
        for name, state, reason in lake.documents().select("file_name", "state", "state_reason").iter_rows()
    }
    assert found.keys() == files.keys()
    assert lake.balance().is_balanced
    return found, home


@pytest.mark.parametrize(
    ("name", "state", "reason"),
    [
        ("good.pdf", "published", ""),
        ("empty.pdf", "held", "0 bytes"),
        ("truncated.pdf", "held", "no PDF that can be opened"),
        ("encrypted.pdf", "held", "needs a password"),
        ("endless.pdf", "held", "5000 pages found, at most 2000 expected"),
        ("lies.pdf", "held", "the name says application/pdf, the bytes say text/html"),
        ("missing page.txt", "held", "T3 expenditure summary was not found"),
        ("wrong cover.txt", "held", "the cover says 2023"),
        ("名 字 ..%2F..%2Fetc 预算（终稿）.txt", "rejected", "no budget"),
        ("picture.pdf", "held", "no reader for application/octet-stream"),
    ],
)
def test_bad_input__ends_with_its_reason(
    outcome: tuple[dict[str, tuple[str, str]], Path], name: str, state: str, reason: str
) -> None:
    found, _ = outcome
    assert found[name][0] == state
    assert reason in found[name][1]


def test_bad_input__leaves_the_good_budget_alone_in_latest(outcome: tuple[dict[str, tuple[str, str]], Path]) -> None:
    _, home = outcome
    assert read_latest(home, "budget_facts")["document_id"].n_unique() == 1
    assert read_latest(home, "documents").height == 10
