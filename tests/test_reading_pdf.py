"""PDF as it arrives: rotated, nested, encrypted, cut off, far too long. Content is the project's own."""

import ctypes
import io
from collections.abc import Callable

import pypdfium2 as pdfium
import pytest
from pypdfium2 import raw
from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfgen.canvas import Canvas

from cnbudget.errors import EmptyDocument, EncryptedDocument, LimitExceeded, UnreadableDocument
from cnbudget.model import Box, Grid, Paragraph
from cnbudget.parse import parse_documents
from cnbudget.reading import pdf

PLACES = ["x0", "y0", "x1", "y1"]


def drawn(draw, **options) -> bytes:
    """A one-page PDF, landscape A4, drawn by a function of its canvas."""
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=landscape(A4), **options)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return target.getvalue()


def table(canvas: Canvas) -> None:
    canvas.grid([100, 200, 300], [400, 420, 440])
    for text, x, y in (("Name", 110, 425), ("34,500", 210, 425), ("56", 110, 405)):
        canvas.drawString(x, y, text)


def cells(data: bytes) -> list[tuple[int, int, str]]:
    (grid,) = pdf.read("t.pdf", data).grids()
    return [(cell.row, cell.column, cell.text) for cell in grid.cells]


WANTED = [(0, 0, "Name"), (0, 1, "34,500"), (1, 0, "56")]


def test_read__a_ruled_table_is_a_grid_and_the_rest_lines() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(100, 500, "Above")
        table(canvas)

    document = pdf.read("t.pdf", drawn(draw))
    above, grid = document.blocks
    assert isinstance(above, Paragraph) and above.text == "Above"
    assert isinstance(grid, Grid) and grid.box == Box(
        100, pytest.approx(155.3, abs=0.1), 300, pytest.approx(195.3, abs=0.1)
    )
    assert (document.n_pages, grid.page) == (1, 1)


def test_read__lines_of_every_kind_rule_a_table() -> None:
    def boxes(canvas: Canvas) -> None:  # every cell a stroked rectangle
        for x in (100, 200):
            for y in (400, 420):
                canvas.rect(x, y, 100, 20)
        texts(canvas)

    def bars(canvas: Canvas) -> None:  # every line a filled bar
        for x in (100, 200, 300):
            canvas.rect(x, 400, 0.6, 40, stroke=0, fill=1)
        for y in (400, 420, 440):
            canvas.rect(100, y, 200, 0.6, stroke=0, fill=1)
        texts(canvas)

    def one_path(canvas: Canvas) -> None:  # all bars in one path
        path = canvas.beginPath()
        for x in (100, 200, 300):
            path.rect(x, 400, 0.6, 40)
        for y in (400, 420, 440):
            path.rect(100, y, 200, 0.6)
        canvas.drawPath(path, stroke=0, fill=1)
        texts(canvas)

    def texts(canvas: Canvas) -> None:
        for text, x, y in (("Name", 110, 425), ("34,500", 210, 425), ("56", 110, 405)):
            canvas.drawString(x, y, text)

    assert [cells(drawn(draw)) for draw in (boxes, bars, one_path)] == [WANTED] * 3


def test_read__a_table_inside_a_moved_form_object_is_found() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.beginForm("table", 0, 0, 842, 595)
        table(canvas)
        canvas.endForm()
        canvas.translate(50, -30)
        canvas.doForm("table")

    assert cells(drawn(draw)) == WANTED


def test_read__text_off_the_page_is_not_read() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(100, 300, "Seen")
        canvas.drawString(100, -40, "Clipped")

    assert [line.text for line in pdf.read("t.pdf", drawn(draw)).paragraphs()] == ["Seen"]


def mark(canvas: Canvas) -> None:
    """Letters and digits askew over the table of `table`."""
    canvas.saveState()
    canvas.translate(110, 395)
    canvas.rotate(20)
    canvas.drawString(0, 0, "DRAFT 2031 DRAFT 2031 DRAFT 2031")
    canvas.restoreState()


def mark_in_a_form_object(canvas: Canvas) -> None:
    canvas.beginForm("mark")
    mark(canvas)
    canvas.endForm()
    canvas.doForm("mark")


@pytest.mark.parametrize(
    "parts",
    [(mark, table), (table, mark), (table, mark_in_a_form_object)],
    ids=["below", "above", "form object"],
)
def test_read__a_watermark_across_a_table_is_no_part_of_it(parts: tuple[Callable[[Canvas], None], ...]) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(100, 500, "Above")
        for part in parts:
            part(canvas)

    assert cells(drawn(draw)) == WANTED
    assert [line.text for line in pdf.read("t.pdf", drawn(draw)).paragraphs()] == ["Above"]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_read__a_page_that_is_shown_turned_reads_the_same(
    degrees: int, sample_budgets: list[tuple[str, bytes]]
) -> None:
    upright = sample_budgets[2][1]
    facts = parse_documents([("unit.pdf", upright)])["budget_facts"]
    turned = parse_documents([("unit.pdf", turn(upright, degrees))])["budget_facts"]
    same = [column for column in facts.columns if column not in ("document_id", "fact_id", *PLACES)]
    assert turned.select(same).equals(facts.select(same))
    assert (turned.select(PLACES) - facts.select(PLACES)).select(PLACES).to_numpy().__abs__().max() < 0.1


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_read__tables_that_lie_on_their_side_read_the_same(
    degrees: int, sample_budgets: list[tuple[str, bytes]]
) -> None:
    """Shown turned, with text that runs up, down or upside down: places are those of the page held upright."""
    upright = sample_budgets[2][1]
    document = pdfium.PdfDocument(upright)
    for number in range(len(document)):
        document[number].set_rotation(degrees)
    target = io.BytesIO()
    document.save(target)
    facts = parse_documents([("unit.pdf", upright)])["budget_facts"]
    turned = parse_documents([("unit.pdf", target.getvalue())])["budget_facts"]
    same = [column for column in facts.columns if column not in ("document_id", "fact_id")]
    assert turned.select(same).equals(facts.select(same))


def turn(data: bytes, degrees: int) -> bytes:
    """The same pages to the eye, but with turned content that /Rotate turns back."""
    document = pdfium.PdfDocument(data)
    for number in range(len(document)):
        page = document[number]
        width, height = page.get_size()
        matrix, box = {
            90: ((0, 1, -1, 0, height, 0), (0, 0, height, width)),
            180: ((-1, 0, 0, -1, width, height), (0, 0, width, height)),
            270: ((0, -1, 1, 0, 0, width), (0, 0, height, width)),
        }[degrees]
        clip = raw.FS_RECTF(0, 2000, 2000, 0)
        raw.FPDFPage_TransFormWithClip(page.raw, ctypes.byref(raw.FS_MATRIX(*matrix)), ctypes.byref(clip))
        page.set_mediabox(*box)
        page.set_cropbox(*box)
        page.set_rotation(degrees)
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def test_read__an_encrypted_document_needs_a_password() -> None:
    with pytest.raises(EncryptedDocument, match=r"secret\.pdf: needs a password"):
        pdf.read("secret.pdf", drawn(table, encrypt="secret"))


def test_read__a_document_without_text_is_perhaps_a_scan() -> None:
    with pytest.raises(EmptyDocument, match="no text on any of 1 pages, perhaps a scan"):
        pdf.read("scan.pdf", drawn(lambda canvas: canvas.rect(10, 10, 500, 500, fill=1)))


def test_read__five_thousand_pages_are_too_many() -> None:
    document = pdfium.PdfDocument.new()
    for _ in range(5000):
        document.new_page(100, 100)
    target = io.BytesIO()
    document.save(target)
    with pytest.raises(LimitExceeded, match="5000 pages found, at most 2000 expected"):
        pdf.read("long.pdf", target.getvalue())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_read__a_truncated_document_is_unreadable_or_says_what_is_missing(
    share: float, sample_budgets: list[tuple[str, bytes]]
) -> None:
    data = sample_budgets[0][1]
    cut = data[: int(len(data) * share)]
    state, facts = parse_documents([("cut.pdf", cut)])["documents"].select("state", "n_facts").row(0)
    assert state == "held"
    assert facts < 361
    with pytest.raises(UnreadableDocument):
        pdf.read("cut.pdf", cut)


def lines_of(*places: tuple[str, int, int]) -> list[str]:
    def draw(canvas: Canvas) -> None:
        for text, x, y in places:
            canvas.drawString(x, y, text)

    return [block.text for block in pdf.read("t.pdf", drawn(draw)).paragraphs()]


def test_read__a_heading_that_is_written_after_its_text_stands_before_it() -> None:
    assert lines_of(("the text", 100, 400), ("goes on", 100, 380), ("Heading", 200, 500)) == [
        "Heading",
        "the text",
        "goes on",
    ]


def test_read__columns_keep_their_order() -> None:
    left, right = [("left a", 100, 400), ("left b", 100, 380)], [("right a", 500, 400), ("right b", 500, 380)]
    assert lines_of(*left, *right) == ["left a", "left b", "right a", "right b"]
