import io
import zipfile

import pytest

from cnbudget.errors import EmptyDocument, LimitExceeded, UnreadableDocument, UnsupportedFormat
from cnbudget.model import MediaType
from cnbudget.reading import media, read_document, text


def zipped(**members: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


OFFICE = {"[Content_Types].xml": "<Types/>"}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"%PDF-1.7 ...", MediaType.PDF),
        (b"\n\n junk %PDF-1.4", MediaType.PDF),
        (zipped(**OFFICE, **{"word/document.xml": ""}), MediaType.DOCX),
        (zipped(**OFFICE, **{"xl/workbook.xml": ""}), MediaType.XLSX),
        (zipped(**{"budget.docx": "[Content_Types].xml word/document.xml"}), MediaType.ZIP),
        (b"PK\x03\x04 cut off", MediaType.ZIP),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), MediaType.XLS),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), MediaType.DOC),
        (b"<!DOCTYPE html><html></html>", MediaType.HTML),
        (b"\xef\xbb\xbf <HTML>", MediaType.HTML),
        ("预算".encode(), MediaType.TEXT),
        ("预算".encode("gb18030"), MediaType.TEXT),
        ("预算".encode("utf-16"), MediaType.TEXT),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00", MediaType.UNKNOWN),
    ],
)
def test_sniff__tells_the_format_from_the_bytes(data: bytes, kind: MediaType) -> None:
    assert media.sniff("anything.bin", data) is kind


def test_sniff__the_name_decides_between_text_and_markdown() -> None:
    assert media.sniff("a.md", b"# x") is MediaType.MARKDOWN


def test_read_document__a_name_that_lies_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="the name says application/pdf, the bytes say text/html"):
        read_document("budget.pdf", b"<html></html>")


def test_read_document__no_bytes_are_no_document() -> None:
    with pytest.raises(EmptyDocument, match=r"a\.pdf: 0 bytes"):
        read_document("a.pdf", b"")


def test_read_document__a_huge_file_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnbudget.reading.MAX_BYTES", 10)
    with pytest.raises(LimitExceeded, match="11 bytes found, at most 10 expected"):
        read_document("a.txt", b"x" * 11)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_decode__reads_the_usual_encodings(encoding: str) -> None:
    assert text.decode("a.txt", "单位：元 1,234".encode(encoding)) == "单位：元 1,234"


def test_decode__a_broken_byte_is_named() -> None:
    with pytest.raises(UnreadableDocument, match=r"utf-8-sig at byte 6, gb18030 at byte \d+"):
        text.decode("a.txt", "预算".encode() + b"\xff\xff")


def test_lines_to_blocks__header_cells_reach_to_the_next_one() -> None:
    (grid,) = text.lines_to_blocks(["项目\t\t\t预算\t", "类\t款\t项\t合计\t基本"], None)
    spans = {cell.text: (cell.column, cell.column_span) for cell in grid.cells}  # type: ignore[union-attr]
    assert spans == {
        "项目": (0, 3),
        "预算": (3, 2),
        "类": (0, 1),
        "款": (1, 1),
        "项": (2, 1),
        "合计": (3, 1),
        "基本": (4, 1),
    }
