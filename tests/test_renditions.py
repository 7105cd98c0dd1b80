"""One budget in several formats: the same figures are one budget, other figures hold them all."""

from decimal import Decimal
from pathlib import Path

from tests.lakes import drop, ingest, lake_at, read_latest, staged_frames, states
from warehouse.journal import Decision


def money(home: Path) -> Decimal:
    """What a naive sum over latest/ gives."""
    total = read_latest(home, "expenditure_lines")["amount_yuan"].sum()
    assert isinstance(total, Decimal)
    return total


def test_renditions__with_the_same_figures_are_one_budget(inbox: Path, tmp_path: Path) -> None:
    pdf, book = drop(inbox, "预算.pdf", b"1", day=1), drop(inbox, "预算.xlsx", b"2", day=2)
    lake = lake_at(tmp_path / "lake")
    ingest(lake, inbox, [staged_frames(pdf, 100), staged_frames(book, 100)])
    assert states(lake) == {pdf: "published", book: "published"}
    assert money(tmp_path / "lake") == Decimal(100)


def test_renditions__with_other_figures_are_both_held_and_the_figures_named(inbox: Path, tmp_path: Path) -> None:
    pdf, book = drop(inbox, "预算.pdf", b"1", day=1), drop(inbox, "预算.xlsx", b"2", day=2)
    lake = lake_at(tmp_path / "lake")
    ingest(lake, inbox, [staged_frames(pdf, 100), staged_frames(book, 110)])
    assert states(lake) == {pdf: "held", book: "held"}
    reasons = dict(lake.documents().select("document_id", "state_reason").iter_rows())
    assert f"another rendition, {book[:12]}, has other figures" in reasons[pdf]
    assert "100.00 here, 110.00 there" in reasons[pdf]
    assert "110.00 here, 100.00 there" in reasons[book]


def test_renditions__approving_one_publishes_it(inbox: Path, tmp_path: Path) -> None:
    pdf, book = drop(inbox, "预算.pdf", b"1", day=1), drop(inbox, "预算.xlsx", b"2", day=2)
    lake = lake_at(tmp_path / "lake")
    ingest(lake, inbox, [staged_frames(pdf, 100), staged_frames(book, 110)])
    lake.decide([book], Decision.APPROVE, reason="the page was wrong", by="li")
    lake.publish()
    assert states(lake)[book] == "published"
    assert money(tmp_path / "lake") == Decimal(110)


def test_renditions__of_another_name_are_revisions(inbox: Path, tmp_path: Path) -> None:
    old, new = drop(inbox, "预算.pdf", b"1", day=1), drop(inbox, "预算（更新）.xlsx", b"2", day=2)
    lake = lake_at(tmp_path / "lake")
    ingest(lake, inbox, [staged_frames(old, 100), staged_frames(new, 110)])
    assert states(lake) == {old: "superseded", new: "published"}
