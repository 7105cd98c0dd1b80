"""Turns: one at a time, in time, and none that outlives its holder."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from warehouse import turns
from warehouse.turns import Wait, turn

HOLDER = """
import sys, time
from pathlib import Path
from warehouse.turns import Wait, turn
with turn(Path(sys.argv[1]), Wait(0)):
    print("held", flush=True)
    time.sleep(60)
"""


def test_turn__one_at_a_time_and_the_next_one_after_it(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "turn", [0], [0]

    def work() -> None:
        for _ in range(20):
            with turn(path, Wait(60)) as has_it:
                assert has_it
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_turn__ends_with_the_process_that_has_it(tmp_path: Path) -> None:
    path = tmp_path / "turn"
    with subprocess.Popen([sys.executable, "-c", HOLDER, path], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with turn(path, Wait(0)) as has_it:
            assert not has_it
        holder.kill()
    with turn(path, Wait(0)) as has_it:
        assert has_it


def test_turn__who_waits_long_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.02)
    told: list[str] = []
    with turn(tmp_path / "turn", Wait(0)), turn(tmp_path / "turn", Wait(0.2, lambda: told.append("waiting"))) as has_it:
        assert not has_it
    assert told == ["waiting"]


def test_turn__where_no_file_can_be_nobody_waits(tmp_path: Path) -> None:
    with turn(tmp_path / "no such folder" / "turn", Wait(60)) as has_it:
        assert has_it


def test_turn__who_has_other_things_to_do_does_not_wait(tmp_path: Path) -> None:
    with turn(tmp_path / "turn", Wait(0)), turn(tmp_path / "turn", Wait(60, goes_on=lambda: False)) as has_it:
        assert not has_it
