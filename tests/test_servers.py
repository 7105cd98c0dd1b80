"""Real S3 servers: what the lake needs of one, and what it does with one that does not give it.

Ceph's gateway honours conditional writes and holds lakes; OpenStack Swift refuses them and is a source of documents.
Skipped by name where their packages are not installed (`make servers`).
"""

from __future__ import annotations

import io
import subprocess
import sys
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cnbudget.errors import StorageError, StorageRefused
from flows.__main__ import main
from flows.settings import quieten
from tests.lakes import drop, read_latest
from tests.servers import Server, dask
from tests.waiting import until
from warehouse.bucket import Bucket, S3Bucket, open_bucket
from warehouse.journal import Decision
from warehouse.lake import Lake
from warehouse.sources import Source, open_source

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[1]
POLICIES = {path.stem: path.read_text("utf-8") for path in (ROOT / "deployments/policies").glob("*.json")}
As = Callable[[Mapping[str, str]], None]


@pytest.fixture(params=["ceph", "swift"])
def server(request: pytest.FixtureRequest, as_user: As) -> Server:
    found: Server = request.getfixturevalue(request.param)
    as_user(found.environment)
    return found


def new_bucket(server: Server) -> str:
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    server.client().create_bucket(Bucket=name)
    return name


def bucket_of(server: Server, prefix: str = "在 此") -> Bucket:
    return open_bucket(f"s3://{new_bucket(server)}/{prefix}")


# What both do


def test_bucket__what_is_written_is_listed_and_read_back_with_one_etag(server: Server) -> None:
    bucket = bucket_of(server)
    for key in ("一 二/三.pdf", "a+b?c#d%e&f=g.pdf", "上海市%2B.txt", "~!@$'()*,;:.txt"):
        etag = bucket.write(key, key.encode())
        info = bucket.head(key)
        assert info is not None
        assert (info.key, info.n_bytes, info.etag) == (key, len(key.encode()), etag)
        assert bucket.fetch(key) == (info, key.encode())
        assert info in list(bucket.list())
        assert bucket.write(key, b"other") != etag
        bucket.delete(key)
        assert (bucket.head(key), bucket.fetch(key)) == (None, None)
    assert list(bucket.list()) == []


def test_bucket__a_listing_goes_over_pages_in_order_and_on_after_a_key(server: Server) -> None:
    name = new_bucket(server)
    bucket, keys = S3Bucket(name, "在 此"), sorted(f"{n % 7}/文件 {n:04}.pdf" for n in range(120))
    bucket._client.meta.events.register(
        "before-parameter-build.s3.ListObjectsV2", lambda params, **_: params.update(MaxKeys=50)
    )
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: bucket.write(key, b"x"), keys))
    assert [info.key for info in bucket.list()] == keys
    assert [info.key for info in bucket.list(after=keys[60])] == keys[61:]
    assert [info.key for info in bucket.list("3/")] == [key for key in keys if key.startswith("3/")]


def test_source__an_object_of_many_parts_lands_once(server: Server, tmp_path: Path) -> None:
    name, data = new_bucket(server), bytes(range(256)) * 24_000  # 6 MB: two parts
    from boto3.s3.transfer import TransferConfig

    (tmp_path / "large.bin").write_bytes(data)
    parts = TransferConfig(multipart_threshold=1, multipart_chunksize=5 << 20)
    server.client().upload_file(str(tmp_path / "large.bin"), name, "in/大.bin", Config=parts)
    lake, source = Lake.open(str(tmp_path / "lake")), open_source(f"s3://{name}/in/")
    found = lake.compare(source)
    assert found.new[0].etag.endswith("-2")
    (record,) = lake.land(source, found.new)
    assert lake.compare(source).new == []
    assert list(lake.read_landed([str(record.document_id)]).values()) == [data]


def test_source__overwritten_and_deleted_objects_of_a_bucket_with_versions(server: Server, tmp_path: Path) -> None:
    name, s3 = new_bucket(server), server.client()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    lake, source = Lake.open(str(tmp_path / "lake")), Source(S3Bucket(name))
    for body in (b"old", b"newer"):
        s3.put_object(Bucket=name, Key="一.pdf", Body=body)
        found = lake.compare(source)
        lake.land(source, found.new)
        lake.record_gone(found.gone)
    assert lake.balance().objects == {"gone": 1, "landed": 1}
    s3.delete_object(Bucket=name, Key="一.pdf")
    lake.record_gone(lake.compare(source).gone)
    assert lake.balance().objects == {"gone": 2}
    assert lake.balance().is_balanced


def test_source__documents_of_either_server_reach_a_lake_on_this_disk(
    server: Server, tmp_path: Path, sample_budgets: list[tuple[str, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    name = new_bucket(server)
    for file_name, data in sample_budgets[:2]:
        server.client().put_object(Bucket=name, Key=f"预算 2024/{file_name}", Body=data)
    reconcile(f"s3://{name}/预算 2024/", str(tmp_path / "lake"))
    documents = read_latest(tmp_path / "lake", "documents")
    assert dict(documents.select("file_name", "state").iter_rows()) == {
        "city.pdf": "published",
        "district.txt": "published",
    }


def reconcile(source: str, lake: str) -> None:
    from flows.reconcile import reconcile as flow

    found = flow.fn([source], lake)
    assert found.failures == []


# Swift: no lake


def test_lake__a_server_without_conditional_writes_is_refused_with_what_to_do(
    swift: Server, as_user: As, tmp_path: Path, budget_text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    as_user(swift.environment)
    uri = f"s3://{new_bucket(swift)}/lake"
    with pytest.raises(StorageRefused, match="keep the lake on a local disk"):
        Lake.open(uri)
    drop(tmp_path / "inbox", "a.txt", budget_text.encode())
    command = [sys.executable, "-m", "flows", "watch", str(tmp_path / "inbox"), "--lake", uri]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "Conditional object PUTs are not supported" in done.stderr
    assert main(["doctor", "--lake", uri]) == 1
    assert "to do: " in (shown := capsys.readouterr().out)
    assert "keep the lake on a local disk" in shown
    assert list(open_bucket(uri).list()) == []


# Ceph: lakes


@pytest.fixture
def admin(ceph: Server, as_user: As) -> Server:
    as_user(ceph.environment)
    return ceph


def test_create__of_many_at_once_one_succeeds(admin: Server) -> None:
    bucket = bucket_of(admin)
    for key in (f"v{number}" for number in range(20)):
        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(lambda n: bucket.create(key, f"writer {n}".encode()), range(8)))  # noqa: B023
        assert made.count(True) == 1
        assert bucket.read(key) == f"writer {made.index(True)}".encode()


def test_lake__a_bucket_with_versions_ignores_the_condition_and_is_refused(admin: Server) -> None:
    name = new_bucket(admin)
    admin.client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(StorageRefused, match="unversioned"):
        Lake.open(f"s3://{name}")


@pytest.fixture(scope="module")
def incoming_and_lake(ceph: Server) -> Iterator[dict[str, dict[str, str]]]:
    """The buckets that the policies speak of, and users who may do what a policy says."""
    for name in ("incoming", "lake"):
        ceph.client().create_bucket(Bucket=name)
    yield {
        "pipeline": ceph.add_user("pipeline", [POLICIES["incoming-reader"], POLICIES["lake-writer"]]),
        "reader": ceph.add_user("reader", [POLICIES["curated-reader"]]),
        "worker": ceph.add_user("worker", [POLICIES["dask-worker"]]),
        "nobody": ceph.add_user("nobody"),
    }


def test_lake__from_drop_to_decision_with_the_rights_of_the_policies(
    ceph: Server,
    incoming_and_lake: dict[str, dict[str, str]],
    as_user: As,
    sample_budgets: list[tuple[str, bytes]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    monkeypatch.setenv("CNBUDGET_STORE_PATH", str(tmp_path / "store.duckdb"))
    for name, data in [*sample_budgets, ("坏 +.pdf", b"%PDF-1.7 broken")]:
        ceph.client().put_object(Bucket="incoming", Key=f"二〇二四/{name}", Body=data)
    as_user(incoming_and_lake["pipeline"])
    reconcile("s3://incoming", "s3://lake")
    lake = Lake.open("s3://lake", store_path=tmp_path / "store.duckdb")
    states = dict(lake.documents().select("file_name", "state").iter_rows())
    assert states == {"city.pdf": "published", "district.txt": "published", "unit.pdf": "published", "坏 +.pdf": "held"}
    assert lake.balance().is_balanced
    city = lake.documents().filter(pl.col("file_name") == "city.pdf")["document_id"].item()
    lake.decide([city[:12]], Decision.WITHDRAW, reason="asked for", by="someone")
    lake.publish()
    before = latest(ceph)
    assert before == latest_after_rebuild(lake, ceph)
    as_user(incoming_and_lake["reader"])
    facts = pl.read_parquet("s3://lake/curated/latest/budget_facts/*.parquet")
    documents = pl.read_parquet("s3://lake/curated/latest/documents/*.parquet")
    assert facts.height > 0
    assert city not in set(facts["document_id"])
    assert dict(documents.select("file_name", "state").iter_rows())["city.pdf"] == "withdrawn"
    with pytest.raises(StorageError, match="AccessDenied"):
        open_bucket("s3://lake").read(f"landed/{city}")


def latest(server: Server) -> dict[str, str]:
    found = server.client().list_objects_v2(Bucket="lake", Prefix="curated/latest/")["Contents"]
    return {entry["Key"]: entry["ETag"] for entry in found}


def latest_after_rebuild(lake: Lake, server: Server) -> dict[str, str]:
    lake.rebuild()
    return latest(server)


_MAY = [
    ("pipeline", "get_object", "incoming", "x"),
    ("pipeline", "list_objects_v2", "incoming", ""),
    ("pipeline", "put_object", "lake", "landed/y"),
    ("pipeline", "put_object", "lake", "staged/1/y"),
    ("pipeline", "put_object", "lake", "journal/y"),
    ("pipeline", "put_object", "lake", "curated/latest/d/y"),
    ("pipeline", "delete_object", "lake", "curated/latest/d/y"),
    ("pipeline", "delete_object", "lake", "journal/probe-x"),
    ("worker", "get_object", "lake", "landed/x"),
    ("worker", "put_object", "lake", "staged/1/y"),
    ("worker", "head_object", "lake", "staged/1/x"),
    ("reader", "get_object", "lake", "curated/x"),
    ("reader", "list_objects_v2", "lake", "curated/latest/"),
]
_MAY_NOT = [
    ("pipeline", "put_object", "incoming", "x"),
    ("pipeline", "delete_object", "incoming", "x"),
    ("pipeline", "put_object", "lake", "elsewhere"),
    ("pipeline", "delete_object", "lake", "landed/x"),
    ("pipeline", "delete_object", "lake", "staged/1/x"),
    ("pipeline", "delete_object", "lake", "journal/v00000001.json"),
    ("worker", "put_object", "lake", "landed/y"),
    ("worker", "put_object", "lake", "journal/v00000009.json"),
    ("worker", "get_object", "lake", "journal/probe-x"),
    ("worker", "get_object", "incoming", "x"),
    ("worker", "delete_object", "lake", "staged/1/x"),
    ("reader", "get_object", "lake", "landed/x"),
    ("reader", "list_objects_v2", "lake", "landed/"),
    ("reader", "list_objects_v2", "lake", ""),
    ("reader", "put_object", "lake", "curated/x"),
    ("nobody", "get_object", "lake", "curated/x"),
    ("nobody", "list_objects_v2", "incoming", ""),
]


@pytest.mark.parametrize(("user", "action", "bucket", "key"), [*_MAY, *_MAY_NOT])
def test_policies__allow_what_they_name_and_nothing_else(
    ceph: Server, incoming_and_lake: dict[str, dict[str, str]], user: str, action: str, bucket: str, key: str
) -> None:
    from botocore.exceptions import ClientError

    for there in ("landed/x", "staged/1/x", "curated/x", "journal/probe-x", "x"):
        ceph.client().put_object(Bucket=bucket, Key=there, Body=b"x")
    access, secret = (incoming_and_lake[user][name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    client = Server("ceph", ceph.url, access, secret).client()
    more: dict[str, Any] = {"Prefix": key} if action.startswith("list") else {"Key": key}
    more |= {"Body": b"x"} if action == "put_object" else {}
    may = True
    try:
        getattr(client, action)(Bucket=bucket, **more)
    except ClientError as error:
        assert error.response["Error"]["Code"] in ("AccessDenied", "403"), error
        may = False
    assert may is ((user, action, bucket, key) in _MAY)


def test_backfill__dask_workers_with_the_rights_of_their_policy(
    ceph: Server,
    incoming_and_lake: dict[str, dict[str, str]],
    as_user: As,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from flows.backfill import backfill
    from samples.draw import draw_budget
    from samples.forms import printed
    from samples.render_text import render_text

    monkeypatch.setenv("CNBUDGET_STORE_PATH", str(tmp_path / "store.duckdb"))
    for seed in range(3):
        body = render_text(printed(draw_budget(seed)))
        ceph.client().put_object(Bucket="incoming", Key=f"backfill/{seed}.txt", Body=body)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for seed in (3, 4):
            file.writestr(f"{seed}.txt", render_text(printed(draw_budget(seed))))
    ceph.client().put_object(Bucket="incoming", Key="backfill/two.zip", Body=archive.getvalue())
    as_user(incoming_and_lake["pipeline"])
    with dask(tmp_path / "worker", incoming_and_lake["worker"]) as address:
        run = backfill.fn(["s3://incoming/backfill/"], "s3://lake", address)
    assert run.failures == []
    assert sorted(run.documents["state"]) == ["opened"] + ["published"] * 5


# Ceph: notifications over HTTP


def test_watch__notifications_that_ceph_pushes(
    admin: Server, budget_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.watch import run_until
    from tests.servers import free_ports, push_to

    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    monkeypatch.setenv("CNBUDGET_WEBHOOK_TOKEN", "t0ken")
    name, home, stop, (port,) = new_bucket(admin), tmp_path / "lake", threading.Event(), free_ports(1)
    options: dict[str, Any] = {"listen": f"127.0.0.1:{port}", "poll_seconds": 0.0}
    watching = threading.Thread(target=run_until, args=(stop, [f"s3://{name}"], str(home)), kwargs=options)
    watching.start()
    try:
        until((home / "curated/latest/datapackage.json").exists)
        push_to(admin, name, f"http://ceph:t0ken@127.0.0.1:{port}/")
        admin.client().put_object(Bucket=name, Key="一 a+b%2B.txt", Body=budget_text.encode())
        until(lambda: any((home / "curated/latest/documents").glob("2*.parquet")))
    finally:
        stop.set()
        watching.join(60)
    assert read_latest(home, "documents")["file_name"].to_list() == ["一 a+b%2B.txt"]
