"""The flow and its command line, with Prefect's own server for the length of the tests."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from cnbudget.errors import SettingsError, StorageError
from flows import screen
from flows.__main__ import main
from flows.settings import Settings, load_settings, quieten
from tests.lakes import Clock, FailingBucket, curated, drop, ingest, lake_at, read_latest, staged_frames, states
from warehouse.bucket import LocalBucket, ObjectInfo
from warehouse.lake import Lake
from warehouse.sources import Source

quieten()


@pytest.fixture
def held_lake(inbox: Path, home: Path) -> str:
    """A lake with one held document; its id."""
    document = drop(inbox, "a.pdf", b"1")
    frames = staged_frames(document, state="held", state_reason="a sum is wrong", publisher_name="某局")
    ingest(lake_at(home), inbox, [frames])
    return document


@pytest.fixture(scope="module")
def prefect_server() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from prefect.testing.utilities import prefect_test_harness

        with prefect_test_harness(server_startup_timeout=120):
            yield


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.filterwarnings("ignore")
def test_ingest__sorts_a_mixed_folder_and_twice_changes_no_byte(
    inbox: Path, home: Path, sample_budgets: list[tuple[str, bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    names = {drop(inbox, name, data): name for name, data in sample_budgets}
    empty, broken = drop(inbox, "空 的.pdf", b""), drop(inbox, "sub/broken.pdf", b"%PDF-1.7 and no more")
    drop(inbox, ".DS_Store", b"x")
    assert main(["ingest", str(inbox), "--lake", str(home)]) == 0
    shown = capsys.readouterr()
    assert "3 published, 2 held" in shown.out
    assert "curated/latest" in shown.out
    assert shown.err == ""
    lake = Lake.open(str(home))
    assert states(lake) == dict.fromkeys(names, "published") | {empty: "held", broken: "held"}
    assert lake.balance().is_balanced
    assert lake.balance().objects == {"landed": 5, "skipped": 1}
    assert read_latest(home, "budget_facts")["document_id"].n_unique() == 3
    before = curated(home)
    assert main(["ingest", str(inbox), "--lake", str(home)]) == 0
    assert curated(home) == before
    assert "3 published, 2 held" in capsys.readouterr().out


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.filterwarnings("ignore")
def test_ingest__what_an_event_names_is_never_several(inbox: Path, tmp_path: Path, home: Path) -> None:
    from flows.ingest import ingest

    drop(tmp_path / "private", "a.txt", b"1")
    document = drop(inbox, "b\nc.txt", b"2")
    with pytest.raises(SettingsError, match="no such file"):
        ingest([], str(home), objects=[f"{inbox}/x.pdf\n{tmp_path}/private"])
    ingest([], str(home), objects=[f"{inbox}/b\nc.txt"])
    assert states(Lake.open(str(home))).keys() == {document}


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.filterwarnings("ignore")
def test_ingest__leaves_the_table_as_an_artifact(inbox: Path, home: Path) -> None:
    from prefect.client.orchestration import get_client

    from flows.ingest import ingest as flow

    drop(inbox, "一.pdf", b"")
    run = flow([str(inbox)], str(home))
    assert run.failures == []
    with get_client(sync_client=True) as client:
        artifacts = [artifact.data for artifact in client.read_artifacts() if artifact.key == "ingest"]
    assert any("一.pdf" in str(data) and "| held |" in str(data) for data in artifacts)


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("is_transient", "n_tries"), [(True, 3), (False, 1)])
def test_land__only_transient_errors_are_tried_again(inbox: Path, home: Path, is_transient: bool, n_tries: int) -> None:
    from prefect import flow

    from tasks import stages

    drop(inbox, "a.pdf", b"1")
    tries: list[str] = []

    class Flaky(FailingBucket):
        def write(self, key: str, data: bytes) -> str:
            tries.append(key)
            if len(tries) < 3:
                raise StorageError("503", where=key, transient=is_transient)
            return super().write(key, data)

    lake, source = lake_at(home, bucket=Flaky(LocalBucket(home))), Source(LocalBucket(inbox))
    landing = stages.land.with_options(retry_delay_seconds=0)

    @flow(validate_parameters=False)
    def landed() -> int:
        return len(landing(lake, source, list(source.objects())))

    if is_transient:
        assert landed() == 1
    else:
        with pytest.raises(StorageError, match="503"):
            landed()
    assert len(tries) == n_tries


@pytest.mark.filterwarnings("ignore")
def test_audit__a_verdict_on_the_batch_is_narrowed_down_to_its_document(monkeypatch: pytest.MonkeyPatch) -> None:
    from expectations import gate
    from tasks import stages
    from tests.lakes import together

    def refuses_c(frames: dict[str, pl.DataFrame]) -> list[gate.Verdict]:
        ids = frames["documents"]["document_id"].to_list()
        return [gate.Verdict(None, "documents", "frame", "critical", "not readable")] if "c" in ids else []

    monkeypatch.setattr(gate, "audit", refuses_c)
    verdicts = stages._verdicts(together(staged_frames(each) for each in "abcde"))
    assert [verdict.document_id for verdict in verdicts] == ["c"]


def test_status__prints_the_balance_and_counts_what_is_not_recorded(
    inbox: Path, home: Path, held_lake: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--lake", str(home)]) == 0
    assert "balanced" in capsys.readouterr().out.splitlines()
    drop(inbox, "new.pdf", b"2")
    assert main(["status", "--lake", str(home), "--format", "json"]) == 0
    balance = json.loads(capsys.readouterr().out)
    assert (balance["n_listed"], balance["unrecorded"], balance["is_balanced"]) == (2, 1, False)
    assert balance["documents"] == {"held": 1}
    assert held_lake in states(Lake.open(str(home)))


def test_held__says_what_and_why(home: Path, held_lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["held", "--lake", str(home)]) == 0
    shown = capsys.readouterr().out
    assert held_lake[:12] in shown
    assert "a sum is wrong" in shown


def test_approve__publishes_and_signs(home: Path, held_lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["approve", held_lake[:10], "--by", "李", "--reason", "rounding", "--lake", str(home)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == f"{held_lake[:12]} a.pdf: published\n"
    row = read_latest(home, "documents").row(0, named=True)
    assert (row["approved_by"], row["approval_reason"], row["state"]) == ("李", "rounding", "published")
    assert main(arguments) == 1
    assert "the document is published; approve needs one that is" in capsys.readouterr().err


def test_rebuild__and_doctor(home: Path, held_lake: str, capsys: pytest.CaptureFixture[str]) -> None:
    Lake.open(str(home)).publish()
    before = curated(home)
    (home / "store.duckdb").unlink()
    assert main(["rebuild", "--lake", str(home)]) == 0
    assert main(["doctor", "--lake", str(home)]) == 0
    assert "honours create-only writes" in capsys.readouterr().out
    assert curated(home) == before
    assert (home / "curated" / "reports" / "index.html").exists()
    assert held_lake in states(Lake.open(str(home)))


@pytest.mark.parametrize("command", ["status", "held", "rebuild"])
def test_main__a_lake_that_is_not_there_is_not_made(
    home: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--lake", str(home)]) == 1
    assert "no lake here; check --lake" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(("source", "message"), [("nowhere", "no such file or folder"), (".", "inside the source")])
def test_main__a_senseless_source_is_refused_before_anything_slow_starts(
    inbox: Path, source: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ingest", str(inbox / source), "--lake", str(inbox / "lake")]) == 1
    assert message in capsys.readouterr().err


def test_main__commands_but_ingest_load_neither_prefect_nor_great_expectations(home: Path, held_lake: str) -> None:
    code = f"""
import sys
from flows.__main__ import main
for command in ("status", "held"):
    assert main([command, "--lake", {str(home)!r}]) == 0
found = sorted({{"prefect", "great_expectations"}} & set(sys.modules))
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parents[1])
    assert held_lake


def test_to_markdown__a_document_cannot_break_out_of_its_cell(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a|b<script>`[x](y)`\n# c.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document, state="held", state_reason="x | y\n<b>")])
    header, _, row = screen.to_markdown(lake.documents()).splitlines()
    assert header.count("|") == row.replace("\\|", "").count("|")
    assert "<" not in row


def test_to_rows__count_the_identities_that_hold() -> None:
    documents = staged_frames("d" * 64, n_identities=9, n_identities_broken=1, n_identities_not_checkable=2)[
        "documents"
    ]
    (row,) = screen.to_rows(documents)
    assert dict(zip(screen.HEADERS, row, strict=True))["identities"] == "6/9"


def test_batches__end_at_so_many_documents_or_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.ingest import batches

    monkeypatch.chdir("/")
    sizes = [1, 1, 1, 90, 20, 500, 1]
    objects = [ObjectInfo(str(n), size, "", "", Clock()()) for n, size in enumerate(sizes)]
    found = batches(objects, Settings(batch_documents=2, batch_bytes=100))
    assert [[info.n_bytes for info in batch] for batch in found] == [[1, 1], [1, 90], [20], [500], [1]]


def test_load_settings__from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNBUDGET_LAKE", "s3://b/lake")
    monkeypatch.setenv("CNBUDGET_WORKERS", "3")
    assert (load_settings().lake, load_settings().workers) == ("s3://b/lake", 3)


def test_load_settings__a_senseless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNBUDGET_WORKERS", "none")
    with pytest.raises(SettingsError, match=r"CNBUDGET_WORKERS: .*found 'none'"):
        load_settings()
