from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cnbudget.errors import SettingsError
from warehouse.bucket import ObjectInfo
from warehouse.sources import not_a_document, open_source, open_sources


def info(key: str) -> ObjectInfo:
    return ObjectInfo(key, 0, "e", "e", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "key",
    [
        "folder/",
        "a/.DS_Store",
        "Thumbs.db",
        "a/desktop.ini",
        "~$预算.docx",
        ".~lock.a.ods#",
        "__MACOSX/a.pdf",
        "._a.pdf",
    ],
)
def test_not_a_document__by_its_nature(key: str) -> None:
    assert not_a_document(info(key))


@pytest.mark.parametrize("key", ["empty.pdf", "a", ".hidden.pdf", "a~$b.docx", "a/readme.txt", "x.DS_Store.pdf"])
def test_not_a_document__anything_else_may_be_one(key: str) -> None:
    assert not_a_document(info(key)) is None


def test_open_source__a_folder_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "in box").mkdir()
    (tmp_path / "in box" / "一 a.pdf").write_bytes(b"1")
    (tmp_path / "in box" / "b.pdf").write_bytes(b"2")
    folder, file = open_source(str(tmp_path / "in box")), open_source(str(tmp_path / "in box" / "b.pdf"))
    assert [each.key for each in folder.objects()] == ["b.pdf", "一 a.pdf"]
    assert [each.key for each in file.objects()] == ["b.pdf"]
    assert file.uri == folder.uri_of("b.pdf") == f"file://{tmp_path}/in box/b.pdf"


def test_open_source__what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no such file or folder"):
        open_source(str(tmp_path / "nowhere"))


def test_open_sources__one_a_line(tmp_path: Path) -> None:
    names = ["a", "b\u2028c"]
    for name in names:
        (tmp_path / name).mkdir()
    found = open_sources([f"{tmp_path}/a\n\n{tmp_path}/b\u2028c", str(tmp_path)])
    assert [source.uri for source in found] == [f"file://{tmp_path}/{name}" for name in names] + [f"file://{tmp_path}"]


def test_uri_of__bytes_that_are_no_utf8_are_spelt_out(tmp_path: Path) -> None:
    assert open_source(str(tmp_path)).uri_of(os.fsdecode(b"\xb2\xe2.pdf")).endswith(r"/\xb2\xe2.pdf")
