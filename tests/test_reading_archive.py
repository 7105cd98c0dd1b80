"""ZIP archives of attachments, and damaged files of any kind."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnbudget.errors import (
    CnbudgetError,
    EncryptedDocument,
    LimitExceeded,
    UnreadableDocument,
    UnsupportedFormat,
)
from cnbudget.model import Document, MediaType, Paragraph
from cnbudget.reading import archive, docx, html, xls, xlsx
from cnbudget.reading.blocks import cell_name
from tests.office_files import (
    form_sheet,
    html_form,
    legacy_bytes,
    only_texts,
    unzipped,
    word_bytes,
    word_form,
    workbook_bytes,
    zipped,
)


def read_text(name: str, data: bytes) -> Document:
    if name.endswith(".jpg"):
        raise UnsupportedFormat("a picture", where=name)
    if name.endswith(".xlsx"):
        return xlsx.read(name, data)
    return Document("id", name, MediaType.TEXT, len(data), 2, (Paragraph(data.decode(), 1),), {})


def test_archive_members__by_name_without_furniture_and_inner_archives_opened() -> None:
    inner = zipped({"c.txt": b"c"})
    data = zipped({"附件10.txt": b"10", "附件2.txt": b"2", "__MACOSX/a": b"", "~$a.docx": b"", "z.zip": inner})
    assert archive.members(data) == [("z.zip/c.txt", b"c"), ("附件2.txt", b"2"), ("附件10.txt", b"10")]


def test_archive_members__office_files_stay_whole() -> None:
    workbook = workbook_bytes(form_sheet)
    assert archive.members(zipped({"a.xlsx": workbook})) == [("a.xlsx", workbook)]


@pytest.mark.parametrize("encoding", ["gbk", "utf-8"])
def test_archive_members__chinese_names_without_the_flag(encoding: str) -> None:
    raw = "预算表.txt".encode(encoding)
    data = zipped({"x" * len(raw): b"1"}).replace(b"x" * len(raw), raw)
    assert archive.members(data) == [("预算表.txt", b"1")]


@pytest.mark.parametrize("name", ["../a.txt", "a/../../b", "/etc/a", "C:\\a", "..\\a"])
def test_archive_members__name_that_leaves_the_archive(name: str) -> None:
    with pytest.raises(UnreadableDocument, match="expected one inside the archive"):
        archive.members(zipped({name: b"1"}))


@pytest.mark.parametrize(
    ("data", "limits", "message"),
    [
        (zipped({"a": b"0" * 50_000_000}), archive.ArchiveLimits(), "ZIP bomb"),
        (zipped({"a": b"12345"}), archive.ArchiveLimits(max_member_bytes=4), "more than 4 bytes in a member"),
        (zipped({"a.zip": zipped({"b": b"123"}), "c": b"4"}), archive.ArchiveLimits(max_total_bytes=103), "103 in all"),
        (zipped({str(n): b"" for n in range(4)}), archive.ArchiveLimits(max_members=3), "4 members found, at most 3"),
        (zipped({"a.zip": zipped({"b.zip": zipped({"c": b""})})}), archive.ArchiveLimits(), "nested too deep"),
    ],
)
def test_archive_members__limits(data: bytes, limits: archive.ArchiveLimits, message: str) -> None:
    with pytest.raises(LimitExceeded, match=message):
        archive.members(data, limits)


def test_archive_members__encrypted_member_names_itself() -> None:
    data = bytearray(zipped({"a.txt": b"1"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(EncryptedDocument, match=r"b\.zip/a\.txt: the member is encrypted"):
        archive.members(bytes(data), where="b.zip")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archive_members__other_compression_is_refused(method: int) -> None:
    with pytest.raises(UnreadableDocument, match="compression method"):
        archive.members(zipped({"a": b"1" * 100}, method))


def test_archive_members__damaged_data() -> None:
    data = zipped({"a": bytes(range(256))}, zipfile.ZIP_STORED)
    for broken in (data.replace(b"\x10\x11", b"\x10\x10"), data[:-30], b"PK\x03\x04", gzip.compress(b"a")):
        with pytest.raises(UnreadableDocument):
            archive.members(broken)


def test_archive_read__parts_of_one_budget_become_one_document() -> None:
    data = zipped({"2.txt": b"two", "1.xlsx": workbook_bytes(form_sheet), "3.txt": b"three", "章.jpg": b""})
    document = archive.read("a.zip", data, read_text)
    assert document.media_type is MediaType.ZIP
    assert [block for block in document.blocks if isinstance(block, Paragraph)][-2:] == [
        Paragraph("two", 1),
        Paragraph("three", 3),
    ]
    assert "[1.xlsx]Sheet!C4" in only_texts(document)
    assert document.n_pages == 4
    assert dict(document.notes) == {
        "parts": "1.xlsx; 2.txt (pages 1-2); 3.txt (pages 3-4)",
        "parts_not_read": "章.jpg: a picture",
    }


def test_archive_read__without_a_part_to_read_gives_the_reasons() -> None:
    with pytest.raises(UnsupportedFormat, match=r"章\.jpg: a picture"):
        archive.read("a.zip", zipped({"章.jpg": b""}), read_text)


def test_cell_name__counts_as_spreadsheets_do() -> None:
    assert [cell_name(4, column) for column in (2, 25, 26, 701, 702)] == ["C5", "Z5", "AA5", "ZZ5", "AAA5"]


@given(place=st.integers(0, 10_000), garbage=st.binary(min_size=1, max_size=8))
def test_read__damaged_office_file_raises_only_what_is_declared(place: int, garbage: bytes) -> None:
    for reader, data in DAMAGED:
        at = place % len(data)
        broken = data[:at] + garbage + data[at + len(garbage) :]
        try:
            document = reader("a", broken)
        except CnbudgetError as error:
            assert error.where.startswith("a")
        else:
            assert document.blocks


DAMAGED: list[tuple[Callable[[str, bytes], Document], bytes]] = [
    (xlsx.read, zipped(dict(unzipped(workbook_bytes(form_sheet))), zipfile.ZIP_STORED)),
    (docx.read, zipped(dict(unzipped(word_bytes(word_form))), zipfile.ZIP_STORED)),
    (xls.read, legacy_bytes(lambda workbook: workbook.add_sheet("a").write(0, 0, "b"))),
    (html.read, html_form().encode()),
]
