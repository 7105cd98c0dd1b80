from __future__ import annotations

import re
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from cnbudget.errors import StorageError
from cnbudget.model import DocumentState
from cnbudget.schema import DATASETS, STAGED
from tests.lakes import staged_frames
from warehouse import store as store_module
from warehouse.journal import Commit, DocumentAudited, DocumentsPublished, FindingAccepted
from warehouse.store import IS_LOADED, LOADED, Store, Transaction
from warehouse.turns import Wait, turn

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOLDER = """
import duckdb, sys, time
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
time.sleep(float(sys.argv[2]))
"""


def audited(document_id: str) -> DocumentAudited:
    return DocumentAudited(document_id, "x1", DocumentState.PARSED, None, document_id, f"figures of {document_id}")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "deep" / "store.duckdb")


def test_transaction__the_tables_are_those_of_the_schema(store: Store) -> None:
    with store.transaction() as opened:
        for name in STAGED:
            assert opened.query(f"SELECT * FROM staged.{name}").columns == [*DATASETS[name].column_names, "loaded"]
        for name in (*STAGED, "document_sources"):
            assert opened.query(f"SELECT * FROM {name}").columns == DATASETS[name].column_names
        assert opened.head() == 0


def test_transaction__an_error_inside_undoes_all(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction() as opened:
        opened.apply([Commit(1, NOW, "li", "n", (audited("a"),))], [staged_frames("a")])
        raise ZeroDivisionError
    with store.transaction() as opened:
        assert opened.head() == 0
        assert opened.query("SELECT * FROM staged.documents").height == 0


def test_apply__twice_is_once(store: Store) -> None:
    commits = [Commit(1, NOW, "li", "n", (audited("a"),)), Commit(2, NOW, "li", "m", (DocumentsPublished(("a",)),))]
    for _ in range(2):
        with store.transaction() as opened:
            opened.apply(commits, [staged_frames("a")])
    with store.transaction() as opened:
        assert opened.head() == 2
        row = opened.query("SELECT * FROM documents").row(0, named=True)
        assert (row["state"], row["revision"], row["published_at"]) == ("published", 1, NOW)
        assert opened.query("SELECT * FROM budget_facts").height == 1


def test_apply__a_later_audit_takes_the_place_of_the_earlier_one(store: Store) -> None:
    with store.transaction() as opened:
        opened.apply([Commit(1, NOW, "li", "n", (audited("a"), audited("b")))], map(staged_frames, "ab"))
        opened.apply([Commit(2, NOW, "li", "m", (audited("a"),))], [staged_frames("a", 7)])
        amounts = opened.query("SELECT document_id, amount_yuan FROM staged.budget_facts ORDER BY ALL").rows()
    assert [(document_id, int(amount)) for document_id, amount in amounts] == [("a", 7), ("b", 100)]


def numbers(store: Transaction, name: str) -> dict[str, int]:
    return dict(store.query(f"SELECT DISTINCT document_id, {LOADED} FROM staged.{name}").iter_rows())


def test_apply__a_document_has_the_number_of_its_figures_in_every_table(store: Store) -> None:
    with store.transaction() as opened:
        opened.apply([Commit(1, NOW, "li", "n", (audited("a"), audited("b")))], map(staged_frames, "ab"))
        assert numbers(opened, "budget_facts") == {"a": 1, "b": 2}
        again = {name: staged_frames("a")[name] for name in ("documents", "findings")}
        opened.apply([Commit(2, NOW, "li", "m", (audited("a"),))], [again])
        assert numbers(opened, "documents") == numbers(opened, "findings") == {"a": 1, "b": 2}
        opened.apply([Commit(3, NOW, "li", "o", (audited("a"),))], [staged_frames("a", 7)])
        for name in ("documents", "findings", "budget_facts", "identity_terms"):
            assert numbers(opened, name) == {"a": 3, "b": 2}


def test_is_loaded__passes_over_what_is_far_from_the_documents(store: Store) -> None:
    with store.transaction() as opened:
        opened.execute("""
            INSERT INTO staged.identity_terms
            SELECT i::VARCHAR, i::VARCHAR, sha256((i // 300)::VARCHAR), 2024, 1, i // 300 FROM range(600000) r(i)
        """)
        plan = opened.query(
            f"EXPLAIN (ANALYZE, FORMAT json) FROM staged.identity_terms WHERE {IS_LOADED}", loaded=[0, 1999]
        )["explain_value"].item()
    # The first and the last of two thousand: two of the five groups of rows that DuckDB keeps statistics of.
    assert re.findall(r'"row_groups_scanned": (\d+)', plan) == ["2"]


def test_findings__an_acceptance_ends_when_the_evidence_changes(store: Store) -> None:
    frames = staged_frames("a")
    (finding_id,) = frames["findings"]["finding_id"]
    (evidence,) = frames["findings"]["evidence_sha256"]
    entries = (audited("a"), DocumentsPublished(("a",)))
    with store.transaction() as opened:
        opened.apply([Commit(1, NOW, "li", "n", entries)], [frames])
        opened.apply([Commit(2, NOW, "li", "m", (FindingAccepted(finding_id, evidence, "known"),))])
        accepted = "SELECT accepted_by, accepted_reason FROM findings"
        assert opened.query(accepted).rows() == [("li", "known")]
        opened.apply([Commit(3, NOW, "wang", "o", (FindingAccepted(finding_id, "other", "x"),))])
        assert opened.query(accepted).rows() == [(None, None)]


def test_transaction__waits_for_another_process_and_says_so(store: Store) -> None:
    with store.transaction():
        pass
    told: list[str] = []
    waiting = Store(store.path, waiting=told.append)
    with subprocess.Popen([sys.executable, "-c", HOLDER, store.path, "3"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with waiting.transaction() as opened:
            assert opened.head() == 0
    assert told == [f"{store.path}: another process is using the store; waiting for it"]


def test_transaction__two_stores_of_one_process_take_turns(store: Store) -> None:
    beside, opened = Store(store.path), threading.Event()

    def come() -> None:
        with beside.transaction() as found:
            assert found.head() == 1
            opened.set()

    with store.transaction() as held:
        later = threading.Thread(target=come)
        later.start()
        assert not opened.wait(0.3)
        held.apply([Commit(1, NOW, "li", "n", (audited("a"),))], [staged_frames("a")])
    later.join()
    assert opened.is_set()


def test_transaction__leaves_the_file_to_others_whatever_happens_inside(store: Store) -> None:
    for failure in (ZeroDivisionError, KeyboardInterrupt):
        with pytest.raises(failure), store.transaction():
            raise failure
        with duckdb.connect(str(store.path)) as other:
            assert other.sql("FROM ledger.commits").fetchall() == []


def test_session__one_that_cannot_be_closed_in_order_leaves_the_file_to_others(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with store.transaction() as opened:
        opened.apply([Commit(1, NOW, "li", "n", (audited("a"),))], [staged_frames("a")])
    with caplog.at_level("WARNING", "warehouse.store"), store.session() as connection:
        connection.begin()
        connection.execute("DELETE FROM ledger.commits")
    assert "not closed in order" in caplog.text
    with duckdb.connect(str(store.path)) as other:
        assert len(other.sql("FROM ledger.commits").fetchall()) == 1
    with store.transaction() as opened:
        assert opened.head() == 1


def test_transaction__a_name_with_a_quote_is_a_name(tmp_path: Path) -> None:
    store = Store(tmp_path / "it's" / "one's.duckdb")
    with store.transaction() as opened:
        assert opened.head() == 0
    assert store.path.exists()


def test_transaction__whoever_comes_later_stands_in_line(store: Store) -> None:
    with store.transaction():
        pass
    opened = threading.Event()

    def come() -> None:
        with store.transaction():
            opened.set()

    with turn(store.path.parent / "store.duckdb.line", Wait(0)) as has_it:
        assert has_it
        later = threading.Thread(target=come)
        later.start()
        assert not opened.wait(0.3)
    later.join()
    assert opened.is_set()


def test_publishing__two_do_not_publish_from_a_file_at_once(store: Store) -> None:
    with store.publishing() as first, Store(store.path, wait_seconds=0.1).publishing() as second:
        assert (first, second) == (True, False)


def test_transaction__gives_up_with_advice(store: Store) -> None:
    with store.transaction():
        pass
    with subprocess.Popen([sys.executable, "-c", HOLDER, store.path, "60"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match="stop the process that holds it") as raised:
            Store(store.path, wait_seconds=0.1).transaction().__enter__()
        holder.kill()
    assert raised.value.transient


def test_is_outdated__when_the_tables_are_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not store.is_outdated()
    with store.transaction():
        pass
    assert not store.is_outdated()
    monkeypatch.setattr(store_module, "_tables", lambda: ["CREATE SCHEMA other"])
    assert store.is_outdated()


def test_replace__waits_for_who_has_the_file_open(store: Store, tmp_path: Path) -> None:
    aside = Store(tmp_path / "aside.duckdb")
    for each in (store, aside):
        with each.transaction():
            pass
    before = store.path.stat().st_ino
    with subprocess.Popen([sys.executable, "-c", HOLDER, store.path, "60"], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match="stop the process that holds it"):
            Store(store.path, wait_seconds=0.1).replace(aside)
        assert store.path.stat().st_ino == before
        holder.kill()
    store.replace(aside)
    assert store.path.stat().st_ino != before
    assert not aside.path.exists()
