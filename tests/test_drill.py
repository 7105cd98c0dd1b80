"""Small versions of what `make drill` does for minutes."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tests import drill, drill_kills, drilling

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize(
    ("part", "n_documents"),
    [
        ("events", 5),
        ("faults", 3),
        ("http_faults", 1),
        ("disk", 2),
        ("kills", 4),
        ("together", 6),
        ("revalidations", 5),
    ],
)
def test_drill__small(part: str, n_documents: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNBUDGET_WORKERS", "1")
    options = argparse.Namespace(documents=n_documents, kills=2, seed=1, seconds=5.0)
    assert drill.PARTS[part](tmp_path, options)


def test_check_whole__notices_a_document_that_was_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.lakes import Clock, lake_at

    inbox = tmp_path / "inbox"
    drilling.draw_inbox(inbox, 2)
    monkeypatch.setattr(
        drill_kills, "_finish", lambda inbox, home, _: drilling.settle(lake_at(home, clock=Clock(0)), inbox)
    )
    drilling.settle(lake_at(tmp_path / "lake", clock=Clock(0)), inbox)
    drill_kills.check_whole(inbox, tmp_path / "lake", tmp_path / "clean", 2)
    drilling.draw_inbox(inbox, 3)
    with pytest.raises(drilling.Broken):
        drill_kills.check_whole(inbox, tmp_path / "lake", tmp_path / "clean2", 3)
