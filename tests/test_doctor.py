from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import doctor
from flows.__main__ import main
from flows.doctor import Doctor, check_code, check_queue, check_versions, clock_skew
from flows.settings import Settings
from tests.lakes import FailingBucket, drop, ingest, lake_at, staged_frames
from warehouse.bucket import LocalBucket, ObjectInfo
from warehouse.lake import Lake
from warehouse.notifications import SqsQueue


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = lake_at(tmp_path / "lake")
    ingest(lake, tmp_path / "in", [staged_frames(drop(tmp_path / "in", "a.pdf", b"1"))])
    return lake


def problems(doctor: Doctor) -> dict[str, str]:
    return {check.name: check.advice for check in doctor.checks() if check.advice}


def test_doctor__all_is_well(lake: Lake, tmp_path: Path) -> None:
    assert problems(Doctor(lake, Settings(PREFECT_API_URL=None), (str(tmp_path / "in"),))) == {}  # type: ignore[call-arg]


def test_doctor__says_what_to_do(lake: Lake) -> None:
    settings = Settings(PREFECT_API_URL="http://127.0.0.1:1/api")  # type: ignore[call-arg]
    found = problems(Doctor(lake, settings, ("/nowhere",), "http://127.0.0.1:1/q"))
    assert "no such file or folder" in found["source /nowhere"]
    assert "PREFECT_API_URL" in found["prefect"]
    assert found["queue"]


def test_main__doctor_fails_where_something_is_wrong(lake: Lake, tmp_path: Path, capsys: Any) -> None:
    assert lake.head()
    assert main(["doctor", "/nowhere", "--lake", str(tmp_path / "lake")]) == 1
    shown = capsys.readouterr().out
    assert "PROBLEM: source /nowhere" in shown
    assert "to do: /nowhere: no such file or folder; check the name" in shown


def test_main__doctor_before_there_is_a_lake(tmp_path: Path, capsys: Any) -> None:
    assert main(["doctor", str(tmp_path), "--lake", str(tmp_path / "lake")]) == 0
    assert "yet; the first ingestion makes it" in capsys.readouterr().out
    assert not (tmp_path / "lake").exists()
    (tmp_path / "lake").mkdir()
    assert main(["doctor", "--lake", str(tmp_path / "lake")]) == 0
    assert "but one can be: it honours create-only writes" in capsys.readouterr().out
    assert not [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]


@pytest.mark.usefixtures("s3_environment")
def test_main__doctor_of_a_bucket_that_is_not_there_says_what_to_do(capsys: Any) -> None:
    assert main(["doctor", "--lake", "s3://not-there-at-all/lake"]) == 1
    shown = capsys.readouterr().out
    assert "PROBLEM: lake: cannot be used" in shown
    assert "check the bucket's name" in shown


def test_check_versions__a_fastapi_that_breaks_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_versions().advice == ""
    monkeypatch.setattr(doctor, "version", lambda name: "0.155.0" if name == "fastapi" else "1")
    assert check_versions().advice.endswith("pip install fastapi==0.150.0")


def test_check_code__a_package_that_the_watcher_needs_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_code().advice == ""
    monkeypatch.delitem(sys.modules, "flows.watch", raising=False)
    monkeypatch.setitem(sys.modules, "flows.events", None)  # importing it fails
    found = check_code()
    assert found.found.startswith("flows.watch cannot be loaded: ModuleNotFoundError")
    assert "pip install" in found.advice


def test_fastapi__is_pinned_to_the_version_that_doctor_wants() -> None:
    pinned = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    assert f'"fastapi=={doctor.FASTAPI}"' in pinned


def test_clock_skew__of_a_storage_that_is_an_hour_ahead(tmp_path: Path) -> None:
    class Ahead(FailingBucket):
        def head(self, key: str) -> ObjectInfo | None:
            info = self.inner.head(key)
            assert info
            return ObjectInfo(key, info.n_bytes, "", "", info.last_modified_at + timedelta(hours=1))

    assert clock_skew(LocalBucket(tmp_path)) == 0
    assert 3590 < clock_skew(Ahead(LocalBucket(tmp_path))) < 3610
    assert list(LocalBucket(tmp_path).list()) == []


@pytest.mark.usefixtures("s3_environment")
def test_check_queue__without_a_dead_letter_queue_or_with_little_time() -> None:
    import boto3

    sqs = boto3.client("sqs")
    plain = sqs.create_queue(QueueName="plain")["QueueUrl"]
    assert "dead-letter queue" in check_queue(SqsQueue(plain)).advice
    arn = sqs.get_queue_attributes(QueueUrl=plain, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})
    hasty = sqs.create_queue(QueueName="hasty", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "5"})
    assert "VisibilityTimeout" in check_queue(SqsQueue(hasty["QueueUrl"])).advice
    good = sqs.create_queue(QueueName="good", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "120"})
    assert check_queue(SqsQueue(good["QueueUrl"])).advice == ""
