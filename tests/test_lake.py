from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from cnbudget.errors import DecisionRefused, StorageError, StoreDamaged
from cnbudget.results import frames_to_results
from cnbudget.schema import DATASETS, STAGED, Origin
from tests.lakes import (
    EXTRACTOR,
    Clock,
    FailingBucket,
    curated,
    drop,
    ingest,
    lake_at,
    land,
    read_latest,
    staged_frames,
    states,
    together,
)
from warehouse.bucket import LocalBucket, open_bucket
from warehouse.journal import Decision
from warehouse.lake import Lake
from warehouse.sources import Source, open_source


def money(home: Path) -> Decimal:
    return read_latest(home, "expenditure_lines")["amount_yuan"].sum()


def test_publish__a_document_that_passed_is_read_by_every_naive_reader(inbox: Path, home: Path) -> None:
    first = drop(inbox, "一 a.pdf", b"1")
    second = drop(inbox, "b.pdf", b"2")
    ingest(
        lake_at(home),
        inbox,
        [staged_frames(first, 100), staged_frames(second, 7, budget_id="c", jurisdiction_code=None)],
    )
    glob = f"{home}/curated/latest/expenditure_lines/*.parquet"
    assert sorted(path.name for path in (home / "curated/latest/expenditure_lines").iterdir()) == [
        "2024-310117-001.parquet",
        "2024-unknown-001.parquet",
    ]
    assert duckdb.sql(f"SELECT sum(amount_yuan) FROM read_parquet('{glob}')").fetchall() == [(Decimal(107),)]
    assert pl.read_parquet(glob)["amount_yuan"].sum() == Decimal(107)
    documents = read_latest(home, "documents").sort("file_name")
    assert documents["file_name"].to_list() == ["b.pdf", "一 a.pdf"]
    assert documents["state"].to_list() == ["published", "published"]
    assert documents["is_current"].all()
    assert documents["published_at"].null_count() == 0
    for name, dataset in DATASETS.items():
        if dataset.origin not in (Origin.REFERENCE, Origin.RUN):
            assert dict(read_latest(home, name).schema) == dataset.polars_schema()


def test_publish__twice_changes_no_byte(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document)])
    before, versions = curated(home), sorted((home / "journal").iterdir())
    times = {path: path.stat().st_mtime_ns for path in (home / "curated").rglob("*.parquet")}
    land(lake, inbox)
    assert lake.pending(EXTRACTOR, [Source(LocalBucket(inbox))]) == []
    assert lake.publish() == []
    assert curated(home) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert sorted((home / "journal").iterdir()) == versions


def test_publish__held_and_unsupported_documents_are_listed_without_figures(inbox: Path, home: Path) -> None:
    held, unsupported = drop(inbox, "a.pdf", b"1"), drop(inbox, "b.pdf", b"2")
    frames = staged_frames(held)
    frames["findings"] = frames["findings"].with_columns(is_holding=True, message_en=pl.lit("a sum is wrong"))
    other = staged_frames(unsupported, state="unsupported", state_reason="other forms", fiscal_year=None, n_facts=0)
    ingest(lake_at(home), inbox, [frames, other])
    documents = {row["document_id"]: row for row in read_latest(home, "documents").iter_rows(named=True)}
    assert (documents[held]["state"], documents[held]["state_reason"]) == ("held", "a sum is wrong")
    assert (documents[unsupported]["state"], documents[unsupported]["state_reason"]) == ("unsupported", "other forms")
    assert not any(read_latest(home, name).height for name in STAGED if name != "documents")
    assert (home / "curated/latest/documents/unknown-310117-001.parquet").exists()


def test_record_audit__the_gate_holds_a_document_that_parsed(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    land(lake, inbox)
    lake.stage(frames_to_results(staged_frames(document)), EXTRACTOR)
    lake.record_audit(lake.staged([document], EXTRACTOR), {document: ["key not unique", "total off"]})
    lake.publish()
    row = lake.documents().row(0, named=True)
    assert (row["state"], row["state_reason"]) == ("held", "key not unique (and 1 more)")


def test_publish__a_revision_supersedes_whatever_the_order_of_arrival(inbox: Path, tmp_path: Path) -> None:
    old, new = drop(inbox, "old.pdf", b"1", day=1), drop(inbox, "new.pdf", b"2", day=2)
    frames = {old: staged_frames(old, 100), new: staged_frames(new, 110)}
    for name, order in {"l1": [old, new], "l2": [new, old]}.items():
        lake = lake_at(tmp_path / name)
        land(lake, inbox)
        for document in order:
            lake.stage(frames_to_results(frames[document]), EXTRACTOR)
            lake.record_audit(lake.staged([document], EXTRACTOR), {})
            lake.publish()
        assert states(lake) == {old: "superseded", new: "published"}
        assert money(tmp_path / name) == Decimal(110)
        documents = read_latest(tmp_path / name, "documents").sort("revision")
        assert documents["revision"].to_list() == [1, 2]
        assert documents["is_current"].to_list() == [False, True]


def test_publish__another_rendition_is_no_revision_and_counts_once(inbox: Path, home: Path) -> None:
    sheet, pdf = drop(inbox, "a.xlsx", b"1", day=1), drop(inbox, "a.pdf", b"2", day=2)
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(sheet, media_type="application/vnd.ms-excel"), staged_frames(pdf)])
    documents = {row["document_id"]: row for row in lake.documents().iter_rows(named=True)}
    assert [documents[d]["revision"] for d in (sheet, pdf)] == [1, 1]
    assert [documents[d]["state"] for d in (sheet, pdf)] == ["published", "published"]
    assert [documents[d]["is_current"] for d in (sheet, pdf)] == [False, True]
    assert documents[sheet]["state_reason"] == f"another rendition of {pdf[:12]}, whose rows stand for both"
    assert money(home) == Decimal(100)


def test_publish__a_tie_is_held_and_leaves_the_older_revision(inbox: Path, home: Path) -> None:
    old, one, two = drop(inbox, "0", b"0", day=1), drop(inbox, "1", b"1", day=2), drop(inbox, "2", b"2", day=2)
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(old, 90), staged_frames(one, 100), staged_frames(two, 110)])
    assert states(lake) == {old: "published", one: "held", two: "held"}
    assert money(home) == Decimal(90)
    lake.decide([two[:10]], Decision.APPROVE, reason="asked them", by="li")
    lake.publish()
    assert states(lake) == {old: "superseded", one: "superseded", two: "published"}
    assert money(home) == Decimal(110)


def test_publish__a_held_revision_does_not_supersede(inbox: Path, home: Path) -> None:
    old, new = drop(inbox, "old", b"1", day=1), drop(inbox, "new", b"2", day=2)
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(old, 100), staged_frames(new, 110, state="held", state_reason="sum")])
    assert states(lake) == {old: "published", new: "held"}
    assert money(home) == Decimal(100)


def test_publish__ten_names_of_the_same_bytes_are_ten_sources(inbox: Path, home: Path) -> None:
    (document,) = {drop(inbox, f"{n}.pdf", b"1", day=n + 1) for n in range(10)}
    ingest(lake_at(home), inbox, [staged_frames(document)])
    assert read_latest(home, "documents")["file_name"].to_list() == ["0.pdf"]
    assert read_latest(home, "document_sources").height == 10
    assert money(home) == Decimal(100)


def test_decide__approve_publishes_and_says_who_and_why(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document, state="held", state_reason="a sum is wrong")])
    assert lake.decide([document[:8]], Decision.APPROVE, reason="rounding", by="li") == [document]
    assert lake.publish() == [document]
    row = read_latest(home, "documents").row(0, named=True)
    assert (row["state"], row["approved_by"], row["approval_reason"]) == ("published", "li", "rounding")
    assert money(home) == Decimal(100)


def test_decide__an_approval_ends_with_the_figures_it_was_given_for(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document, state="held")])
    lake.decide([document], Decision.APPROVE, reason="rounding")
    lake.publish()
    lake.stage(
        frames_to_results(staged_frames(document, 200, state="held", state_reason="sum", extractor_version="x2")), "x2"
    )
    lake.record_audit(lake.staged([document], "x2"), {})
    lake.publish()
    assert states(lake) == {document: "held"}
    assert read_latest(home, "expenditure_lines").height == 0


@pytest.mark.parametrize(
    ("prefix", "decision", "message"),
    [
        ("zz", Decision.APPROVE, "no document has an id that begins so"),
        ("", Decision.APPROVE, "expected one"),
        ("0", Decision.REJECT, "the document is published; reject needs one that is"),
    ],
)
def test_decide__refuses_what_makes_no_sense(
    inbox: Path, home: Path, prefix: str, decision: Decision, message: str
) -> None:
    data = next(bytes([n]) for n in range(256) if drop(inbox, "a.pdf", bytes([n])).startswith("0"))
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(drop(inbox, "a.pdf", data))])
    with pytest.raises(DecisionRefused, match=message):
        lake.decide([prefix], decision, reason="x")


def test_decide__a_document_without_figures_cannot_be_approved(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document, state="held", n_facts=0)])
    with pytest.raises(DecisionRefused, match="nothing to publish"):
        lake.decide([document], Decision.APPROVE, reason="x")


def test_decide__withdraw_takes_the_document_out_and_brings_the_older_one_back(inbox: Path, home: Path) -> None:
    old, new = drop(inbox, "old", b"1", day=1), drop(inbox, "new", b"2", day=2)
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(old, 100), staged_frames(new, 110)])
    lake.decide([new], Decision.WITHDRAW, reason="recalled", by="li")
    lake.publish()
    assert states(lake) == {old: "published", new: "withdrawn"}
    assert money(home) == Decimal(100)


def test_decide__retry_makes_the_document_pending_until_its_next_verdict(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document, state="held")])
    lake.decide([document], Decision.RETRY, reason="more memory")
    assert [(p.document_id, p.file_name, p.is_retry) for p in lake.pending(EXTRACTOR)] == [(document, "a.pdf", True)]
    ingest(lake, inbox, [staged_frames(document, 300)])
    assert lake.pending(EXTRACTOR) == []
    assert money(home) == Decimal(300)


def test_write_stale__a_withdrawn_document_leaves_documents_first_and_a_new_one_comes_last(
    inbox: Path, home: Path
) -> None:
    bucket = FailingBucket(LocalBucket(home))
    lake = lake_at(home, bucket=bucket)
    old, new = drop(inbox, "old", b"1", day=1), drop(inbox, "new", b"2", day=2)
    ingest(lake, inbox, [staged_frames(old, 100)])
    first = [key.split("/")[2] for key in bucket.written if key.startswith("curated/")]
    assert first[-4:] == ["documents", "manifests", "manifests", "datapackage.json"]
    bucket.written.clear()
    ingest(lake, inbox, [staged_frames(new, 110)])
    second = [key.split("/")[2] for key in bucket.written if key.startswith("curated/")]
    assert (second[0], second[-2:]) == ("documents", ["documents", "manifests"])


@pytest.mark.parametrize("n_writes", [0, 5, 12, 16])
def test_publish__killed_between_two_files_is_finished_by_the_next_start(
    inbox: Path, tmp_path: Path, n_writes: int
) -> None:
    documents = [drop(inbox, str(n), bytes([n]), day=n + 1) for n in range(3)]
    frames = [staged_frames(d, 100, budget_id=str(n % 2), fiscal_year=2024 + n // 2) for n, d in enumerate(documents)]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    ingest(lake_at(whole, clock=Clock(0)), inbox, frames)
    bucket = FailingBucket(LocalBucket(killed))
    lake = lake_at(killed, bucket=bucket, clock=Clock(0))
    ingest(lake, inbox, frames, publish=False)
    bucket.n_writes = n_writes
    with pytest.raises(StorageError, match="killed"):
        lake.publish()
    shown = killed / "curated/latest/documents"
    if shown.exists():
        assert read_latest(killed, "documents").height <= read_latest(killed, "budget_facts").height
    lake_at(killed, clock=Clock(0)).publish()
    assert curated(killed) == curated(whole)


def test_publish__the_late_write_of_a_paused_publisher_is_put_right(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document)])
    path = home / "curated/latest/budget_facts/2024-310117-001.parquet"
    good = path.read_bytes()
    path.write_bytes(b"from the past")
    (home / "curated/latest/budget_facts/1999-unknown.parquet").write_bytes(b"of a partition that is no more")
    lake_at(home).publish()
    assert path.read_bytes() == good
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_publish__two_publishers_with_stores_of_their_own_agree(inbox: Path, home: Path) -> None:
    one, two = drop(inbox, "1", b"1"), drop(inbox, "2", b"2")
    clock = Clock()
    first, second = lake_at(home, clock=clock), lake_at(home, store="other.duckdb", clock=clock)
    land(first, inbox)
    for lake, document in ((first, one), (second, two)):
        lake.stage(frames_to_results(staged_frames(document, budget_id=document)), EXTRACTOR)
        lake.record_audit(lake.staged([document], EXTRACTOR), {})
    first.publish()
    second.publish()
    before = curated(home)
    first.publish()
    assert curated(home) == before
    assert money(home) == Decimal(200)
    assert states(first) == states(second) == {one: "published", two: "published"}


def test_publish__goes_on_from_the_head_when_the_journal_moves_meanwhile(inbox: Path, home: Path) -> None:
    one, two = drop(inbox, "1", b"1"), drop(inbox, "2", b"2")
    other = lake_at(home, store="other.duckdb")

    class Meanwhile(FailingBucket):
        def write(self, key: str, data: bytes) -> str:
            if key.startswith("curated/") and not states(other).get(two):
                other.stage(frames_to_results(staged_frames(two, 5, budget_id="c")), EXTRACTOR)
                other.record_audit(other.staged([two], EXTRACTOR), {})
                other.publish()
            return super().write(key, data)

    lake = lake_at(home, bucket=Meanwhile(LocalBucket(home)))
    ingest(lake, inbox, [staged_frames(one)])
    assert money(home) == Decimal(105)
    assert sorted(read_latest(home, "documents")["document_id"]) == sorted([one, two])


def test_rebuild__gives_the_same_store_and_the_same_bytes(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    old, new, held = drop(inbox, "old", b"1", day=1), drop(inbox, "new", b"2", day=2), drop(inbox, "held", b"3")
    frames = [staged_frames(old), staged_frames(new, 7), staged_frames(held, budget_id="c", state="held")]
    ingest(lake, inbox, frames)
    lake.decide([held], Decision.APPROVE, reason="fine", by="li")
    lake.publish()
    tables = ["documents", "document_sources", *STAGED, *(f"staged.{name}" for name in STAGED), "ledger.objects"]
    before = {name: lake.query(f"SELECT * FROM {name} ORDER BY ALL") for name in tables}
    files = curated(home)
    (home / "store.duckdb").unlink()
    lake.rebuild()
    for name, frame in before.items():
        assert lake.query(f"SELECT * FROM {name} ORDER BY ALL").equals(frame), name
    assert curated(home) == files


def test_open__a_store_of_another_lake_is_built_anew(inbox: Path, home: Path, tmp_path: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    ingest(lake_at(home), inbox, [staged_frames(document)])
    other = Lake.open(str(tmp_path / "other"), store_path=home / "store.duckdb")
    assert other.documents().height == 0


@pytest.mark.parametrize("damage", [b"no database at all" * 400, b""])
def test_open__a_damaged_store_is_built_anew(inbox: Path, home: Path, damage: bytes) -> None:
    document = drop(inbox, "a.pdf", b"1")
    ingest(lake_at(home), inbox, [staged_frames(document)])
    (home / "store.duckdb").write_bytes(damage)
    assert states(Lake.open(str(home))) == {document: "published"}


def test_mend__a_store_whose_damage_shows_when_it_is_read(inbox: Path, home: Path) -> None:
    document = drop(inbox, "a.pdf", b"1")
    lake = lake_at(home)
    ingest(lake, inbox, [staged_frames(document)])
    assert lake.mend() is False
    data = (home / "store.duckdb").read_bytes()
    (home / "store.duckdb").write_bytes(data[: len(data) // 2])
    with pytest.raises(
        StoreDamaged, match=r"store\.duckdb: the store is damaged .*; nothing is lost: python -m flows rebuild"
    ):
        lake.documents()
    assert lake.mend() is True
    assert states(lake) == {document: "published"}
    assert lake.mend() is False


def test_count__adds_up(home: Path) -> None:
    lake = lake_at(home)
    lake.count({("stage_seconds", "parse"): 1.5, ("events", ""): 1})
    lake.count({("stage_seconds", "parse"): 2})
    assert lake.counts() == {("events", ""): 1, ("stage_seconds", "parse"): 3.5}


def test_note__is_remembered_until_it_is_none(home: Path) -> None:
    lake = lake_at(home)
    lake.note("a", "1")
    lake.note("a", "2")
    assert lake_at(home).noted("a") == "2"
    lake.note("a", None)
    assert lake.noted("a") is None


def test_pending__takes_up_what_a_killed_run_left(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    one, two = drop(inbox, "1", b"1"), drop(inbox, "2", b"2")
    land(lake, inbox)
    lake.stage(frames_to_results(staged_frames(one)), EXTRACTOR)
    again = lake_at(home)
    assert {pending.document_id for pending in again.pending(EXTRACTOR)} == {one, two}
    assert again.staged_ids([one, two], EXTRACTOR) == {one}
    again.record_audit(together([again.staged([one], EXTRACTOR)]), {})
    assert [pending.document_id for pending in again.pending(EXTRACTOR)] == [two]


def test_pending__a_new_extractor_reads_the_documents_of_the_sources_named(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    document = drop(inbox, "1", b"1")
    ingest(lake, inbox, [staged_frames(document)])
    assert lake.pending("x2") == []
    assert [pending.document_id for pending in lake.pending("x2", [Source(LocalBucket(inbox))])] == [document]


def test_pending__what_was_withdrawn_is_not_read_anew_and_without_its_bytes_not_at_all(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    document = drop(inbox, "1", b"1")
    ingest(lake, inbox, [staged_frames(document)])
    lake.decide([document], Decision.WITHDRAW, reason="a court says so")
    assert lake.pending("x2", [Source(LocalBucket(inbox))]) == []
    (home / "landed" / document).unlink()
    with pytest.raises(DecisionRefused, match=f"put landed/{document} back"):
        lake.decide([document], Decision.RETRY, reason="x")
    (home / "landed" / document).write_bytes(b"1")
    lake.decide([document], Decision.RETRY, reason="x")
    assert [pending.document_id for pending in lake.pending("x2")] == [document]


def test_commit__is_derived_from_the_head_when_an_older_store_was_put_in_the_place(inbox: Path, home: Path) -> None:
    lake = lake_at(home)
    one, two = drop(inbox, "1", b"1"), drop(inbox, "2", b"2")
    ingest(lake, inbox, [staged_frames(one)])
    shutil.copy(home / "store.duckdb", home / "older.duckdb")
    ingest(lake, inbox, [staged_frames(two, budget_id="c")])
    # As one who builds it anew does, who has not heard of the last commits yet.
    (home / "older.duckdb").replace(home / "store.duckdb")
    assert lake.promote() == []
    lake.write_latest()
    assert states(lake) == {one: "published", two: "published"}
    assert len(read_latest(home, "documents")) == 2


@pytest.mark.usefixtures("s3_environment")
def test_open__a_lake_and_a_source_on_s3(tmp_path: Path) -> None:
    import boto3

    boto3.client("s3").create_bucket(Bucket="s3-lake")
    incoming, object_uri = open_bucket("s3://s3-lake/in"), "s3://s3-lake/in/一 b.pdf"
    incoming.write("a.pdf", b"1")
    incoming.write("一 b.pdf", b"2")
    incoming.write("sub/", b"")
    lake = Lake.open("s3://s3-lake/lake", store_path=tmp_path / "store.duckdb")
    source = open_source("s3://s3-lake/in/")
    lake.land(source, lake.compare(source).new)
    pending = lake.pending(EXTRACTOR)
    assert list(lake.read_landed([each.document_id for each in pending]).values()) == [b"1", b"2"]
    ids = lake.stage(
        frames_to_results(together(staged_frames(p.document_id, budget_id=p.document_id) for p in pending)), EXTRACTOR
    )
    lake.record_audit(lake.staged(ids, EXTRACTOR), {})
    lake.publish()
    data = open_bucket("s3://s3-lake/lake").read("curated/latest/expenditure_lines/2024-310117-001.parquet")
    assert data is not None
    assert pl.read_parquet(data)["amount_yuan"].sum() == Decimal(200)
    assert lake.balance().is_balanced
    assert lake.balance().objects == {"landed": 2, "skipped": 1}
    assert [info.key for info in open_source(object_uri).objects()] == ["一 b.pdf"]
    other = Lake.open("s3://s3-lake/lake", store_path=tmp_path / "other.duckdb")
    assert other.publish() == []
    assert states(other) == states(lake) == dict.fromkeys(ids, "published")
