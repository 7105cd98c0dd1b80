from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

import pytest

from cnbudget.errors import StorageError, StorageRefused
from tests.drill_http import unreliable_s3
from warehouse.bucket import SCRATCH, Bucket, LocalBucket, S3Bucket, open_bucket


@pytest.fixture(params=["local", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    if request.param == "local":
        return open_bucket(str(tmp_path / "bucket"))
    request.getfixturevalue("s3_environment")
    import boto3

    name = f"bucket-{abs(hash(tmp_path))}"
    boto3.client("s3").create_bucket(Bucket=name)
    return open_bucket(f"s3://{name}/pre fix")


def test_write__is_read_back_and_listed(bucket: Bucket) -> None:
    etag = bucket.write("一 二/三.pdf", b"data")
    assert bucket.read("一 二/三.pdf") == b"data"
    info = bucket.head("一 二/三.pdf")
    assert info is not None
    assert (info.key, info.n_bytes, info.etag, info.last_modified_at.tzinfo is not None) == (
        "一 二/三.pdf",
        4,
        etag,
        True,
    )
    assert [(i.key, i.n_bytes, i.etag, i.version) for i in bucket.list()] == [("一 二/三.pdf", 4, etag, etag)]
    assert bucket.fetch("一 二/三.pdf") == (info, b"data")


def test_write__another_content_is_another_version(bucket: Bucket) -> None:
    assert bucket.write("a", b"1") != bucket.write("a", b"22")
    assert bucket.read("a") == b"22"


def test_read__what_is_not_there_is_none(bucket: Bucket) -> None:
    assert (bucket.read("no"), bucket.head("no"), bucket.fetch("no")) == (None, None, None)
    bucket.delete("no")
    assert list(bucket.list("nowhere/")) == []


def test_list__is_sorted_by_key_and_goes_on_after_one(bucket: Bucket) -> None:
    for key in ("a/b", "a.b", "a/c", "b", "a/d/e"):
        bucket.write(key, b"")
    assert [info.key for info in bucket.list()] == ["a.b", "a/b", "a/c", "a/d/e", "b"]
    assert [info.key for info in bucket.list("a/")] == ["a/b", "a/c", "a/d/e"]
    assert [info.key for info in bucket.list("a/", after="a/b")] == ["a/c", "a/d/e"]
    assert [info.key for info in bucket.list("a/c")] == ["a/c"]


@pytest.mark.usefixtures("s3_environment")
def test_list__goes_over_pages() -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="pages")
    bucket = S3Bucket("pages")
    for n in range(7):
        bucket.write(f"{n}", b"")
    bucket._client.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=3)
    )
    assert [info.key for info in bucket.list()] == [str(n) for n in range(7)]


def test_create__only_the_first_one_succeeds(bucket: Bucket) -> None:
    assert bucket.create("v1", b"first")
    assert not bucket.create("v1", b"second")
    assert bucket.read("v1") == b"first"


def test_create__of_many_at_once_one_succeeds(bucket: Bucket) -> None:
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(bucket.create("v1", f"writer {n}".encode())))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]


@pytest.mark.usefixtures("s3_environment")
def test_create__recognises_its_own_write_whose_reply_was_lost() -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="lost")
    bucket = S3Bucket("lost")
    bucket.write("v1", b"mine, put by the first try")
    assert bucket.create("v1", b"mine, put by the first try")
    assert not bucket.create("v1", b"of another")


def test_read__an_answer_cut_short_says_nothing_of_what_is_there() -> None:
    import boto3

    with unreliable_s3(0) as server:
        boto3.client("s3").create_bucket(Bucket="cut")
        bucket = S3Bucket("cut")
        assert bucket.read("nothing") is None
        server.share, server.kinds = 1.0, ["cut short"]
        with pytest.raises(StorageError) as raised:
            bucket.read("nothing")
    assert raised.value.transient


@pytest.mark.parametrize("key", ["../up", "a/../../up", "/etc/passwd", "a//b", "./a", "a\0b", ""])
def test_local__a_key_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    bucket = LocalBucket(tmp_path / "bucket")
    for attempt in (lambda: bucket.write(key, b"x"), lambda: bucket.read(key), lambda: bucket.create(key, b"x")):
        with pytest.raises(StorageRefused):
            attempt()
    assert list(tmp_path.rglob("*")) == []


def test_local__a_link_out_of_the_folder_is_listed_and_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "bucket").mkdir()
    (tmp_path / "bucket" / "link").symlink_to(tmp_path / "secret")
    bucket = LocalBucket(tmp_path / "bucket")
    with pytest.raises(StorageRefused, match="a link that leads out of the folder"):
        bucket.read("link")


@pytest.mark.usefixtures("s3_environment")
def test_s3__says_what_a_file_is() -> None:
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="kinds")
    bucket = open_bucket("s3://kinds")
    for key in ("a/index.html", "b.js", "c.parquet", "landed/0a"):
        bucket.write(key, b"x")
    assert [client.head_object(Bucket="kinds", Key=info.key)["ContentType"] for info in bucket.list()] == [
        "text/html; charset=utf-8",
        "text/javascript; charset=utf-8",
        "application/vnd.apache.parquet",
        "application/octet-stream",
    ]


@pytest.mark.usefixtures("s3_environment")
def test_s3__a_key_with_dots_stays_a_key() -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="dots")
    bucket = S3Bucket("dots", "inbox")
    bucket.write("a/../b c.pdf", b"x")
    assert [info.key for info in bucket.list()] == ["a/../b c.pdf"]
    assert bucket.read("a/../b c.pdf") == b"x"


def test_local__a_failed_write_leaves_the_old_object_and_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = LocalBucket(tmp_path)
    bucket.write("a", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device") as raised:
        bucket.write("a", b"new")
    assert raised.value.transient
    assert bucket.read("a") == b"old"
    assert list((tmp_path / SCRATCH).iterdir()) == []


def test_local__what_killed_writers_left_is_not_listed_and_swept_after_a_day(tmp_path: Path) -> None:
    scratch = tmp_path / SCRATCH
    scratch.mkdir()
    (scratch / "fresh").write_bytes(b"x")
    (scratch / "stale").write_bytes(b"x")
    os.utime(scratch / "stale", (0, 0))
    assert list(LocalBucket(tmp_path).list()) == []
    assert [path.name for path in scratch.iterdir()] == ["fresh"]


def test_local__a_name_that_is_no_utf8_is_listed_and_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xb2\xe2.pdf")).write_bytes(b"gbk")
    bucket = LocalBucket(tmp_path)
    (info,) = bucket.list()
    assert bucket.read(info.key) == b"gbk"


@pytest.mark.usefixtures("s3_environment")
@pytest.mark.parametrize(("address", "is_transient"), [("http://127.0.0.1:1", True), ("no address", False)])
def test_s3__what_cannot_be_reached_says_so(monkeypatch: pytest.MonkeyPatch, address: str, is_transient: bool) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(StorageError, match="check AWS_ENDPOINT_URL") as raised:
        open_bucket("s3://b/p").read("a")
    assert raised.value.transient is is_transient


@pytest.mark.usefixtures("s3_environment")
def test_s3__a_bucket_that_is_not_there_is_no_transient_error() -> None:
    with pytest.raises(StorageError, match="NoSuchBucket") as raised:
        list(open_bucket("s3://nowhere").list())
    assert not raised.value.transient


def test_open_bucket__needs_a_bucket_name() -> None:
    with pytest.raises(StorageRefused, match="no bucket in it"):
        open_bucket("s3:///prefix")


def test_fetch__a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket = LocalBucket(tmp_path)
    bucket.write("a.pdf", b"half")
    sizes = itertools.count(4)
    real = os.fstat

    def growing(descriptor: int) -> os.stat_result:
        values = list(real(descriptor))
        values[6] = next(sizes)
        return os.stat_result(values, {"st_mtime_ns": 1})

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(StorageError, match="changes while it is read"):
        bucket.fetch("a.pdf")
