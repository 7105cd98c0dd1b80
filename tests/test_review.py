"""The commands of people, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.__main__ import main
from tests.lakes import drop, lake_at, read_latest, states
from tests.test_acceptances import frames
from tests.test_decisions import held


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A lake with a published budget of p局, finding p0001 on it, and a held one of q局 with other figures."""
    from tests.lakes import ingest

    one, two = drop(tmp_path / "inbox", "one.pdf", b"1"), drop(tmp_path / "inbox", "two.pdf", b"2")
    ingest(
        lake_at(tmp_path / "lake"),
        tmp_path / "inbox",
        [frames(one, "p", amount=7), held(two, "identity_broken", publisher="q")],
    )
    return tmp_path / "lake"


def run(home: Path, *arguments: str) -> int:
    return main([*arguments, "--lake", str(home)])


SIGNED = ("--by", "ann", "--reason", "known")


def test_held__says_what_why_and_since_when(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "held") == 0
    said = capsys.readouterr().out
    assert "two.pdf: q局, 2024, since 2026-01-01 08:00, 1 figures\n  odd\n" in said


def test_approve__by_rule_and_then_revoked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "approve", "--rule", "unit_missing", *SIGNED) == 0
    assert "nothing is held by unit_missing alone" in capsys.readouterr().out
    assert run(home, "approve", "--rule", "identity_broken", "--publisher", "q局", *SIGNED) == 0
    said = capsys.readouterr().out
    assert "two.pdf: published" in said
    assert run(home, "revoke", said[:12], *SIGNED) == 0
    assert "two.pdf: held" in capsys.readouterr().out
    assert set(states(lake_at(home)).values()) == {"published", "held"}


def test_approve__without_documents_is_an_error(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "approve", *SIGNED) == 1
    assert "name their ids, or --rule" in capsys.readouterr().err


def test_accept__is_shown_where_findings_are_and_no_longer_waits(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(home, "findings") == 0
    assert "2 findings wait; 0 are accepted" in capsys.readouterr().out
    assert run(home, "accept", "p0001", *SIGNED) == 0
    assert run(home, "accept", "--rule", "identity_broken", "--publisher", "q", *SIGNED) == 0
    assert run(home, "findings") == 0
    said = capsys.readouterr().out
    assert "0 findings wait; 2 are accepted" in said
    assert read_latest(home, "findings")["accepted_by"].to_list() == ["ann"]
    assert run(home, "status") == 0
    assert "findings           0 wait, 2 are accepted" in capsys.readouterr().out
    assert run(home, "status", "--format", "openmetrics") == 0
    assert "cnbudget_findings{" not in capsys.readouterr().out
    assert run(home, "acceptances", "--format", "json") == 0
    assert [row["kind"] for row in json.loads(capsys.readouterr().out)] == ["finding", "rule"]
    assert run(home, "unaccept", "p0001", *SIGNED) == 0
    assert run(home, "findings", "--publisher", "p局", "--format", "json") == 0
    said = capsys.readouterr().out
    assert [row["finding_id"] for row in json.loads(said[said.index("[") :])] == ["p0001"]


@pytest.mark.parametrize("arguments", [(), ("--rule", "r"), ("p0001", "--rule", "r", "--publisher", "p")])
def test_accept__wants_findings_or_a_rule_and_a_publisher(
    home: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(home, "accept", *arguments, *SIGNED) == 1
    assert "name findings, or a rule and a publisher" in capsys.readouterr().err


def test_show__tells_everything_known(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = [name for name, state in states(lake_at(home)).items() if state == "held"]
    run(home, "approve", name, *SIGNED)
    run(home, "revoke", name, "--by", "bob", "--reason", "mistake")
    capsys.readouterr()
    assert run(home, "show", name[:10]) == 0
    said = capsys.readouterr().out
    for part in (
        name,
        "two.pdf",
        "landed",
        "verdict: held",
        "approve",
        "ann",
        "revoke",
        "bob",
        "mistake",
        "identity_broken",
    ):
        assert part in said
    assert run(home, "show", name[:10], "--format", "json") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"document", "sources", "history", "findings"}
    assert run(home, "show", "zz") == 1


def test_decide__a_blank_name_or_reason_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = [name for name, state in states(lake_at(home)).items() if state == "held"]
    for by, reason in (("me", " "), ("", "wrong")):
        with pytest.raises(SystemExit):
            run(home, "reject", name, "--by", by, "--reason", reason)
        assert "expected some words, found none" in capsys.readouterr().err
    assert states(lake_at(home))[name] == "held"


def test_approve__by_a_rule_that_is_none_says_which_is_meant(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, "approve", "--rule", "identity_brocken", *SIGNED) == 1
    assert "--rule identity_brocken: no such rule; expected identity_broken" in capsys.readouterr().err
