"""What a document is, where it is none of the nine forms: never more is said than its readable part tells."""

from __future__ import annotations

import pytest

from cnbudget.cover import Cover
from cnbudget.model import Document, DocumentState, MediaType, Paragraph, RecognisedAs
from cnbudget.recognise import recognise
from cnbudget.support import Verdict, verdict_of

COVER = [Paragraph("上海市青浦区园林管理局", 1), Paragraph("2031年部门预算", 1)]


def verdict(*lines: Paragraph, n_pages: int = 1) -> Verdict:
    document = Document("0" * 64, "x.pdf", MediaType.PDF, 1, n_pages, list(lines))
    return verdict_of(document, Cover(), recognise(document))


def test_verdict_of__a_notice_is_no_budget() -> None:
    found = verdict(Paragraph("关于召开第一季度工作例会的通知", 1), Paragraph("请准时参加。", 1))
    assert (found.state, found.recognised_as) == (DocumentState.REJECTED, RecognisedAs.NO_BUDGET)


def test_verdict_of__scanned_pages_behind_a_cover_may_be_anything() -> None:
    found = verdict(*COVER, n_pages=12)
    assert (found.state, found.recognised_as) == (DocumentState.HELD, RecognisedAs.UNREADABLE)
    assert found.reason is not None
    assert "11 of 12 pages have no text and may be scanned" in found.reason


@pytest.mark.parametrize("glyph", ["\ufffd", "\ue123", "\x01"])
def test_verdict_of__text_that_stands_for_nothing_may_be_anything(glyph: str) -> None:
    found = verdict(Paragraph("目 录", 1), Paragraph(glyph * 40, 1), Paragraph(f"{glyph * 9} 1,234.00", 2), n_pages=2)
    assert (found.state, found.recognised_as) == (DocumentState.HELD, RecognisedAs.UNREADABLE)
    assert found.reason is not None
    assert "49 characters of its text stand for nothing, 2 are Chinese" in found.reason


def test_verdict_of__a_few_odd_signs_are_no_matter() -> None:
    found = verdict(Paragraph("\ue0a1 关于召开第一季度工作例会的通知", 1), Paragraph("\ue0a1 请准时参加。" * 9, 1))
    assert found.recognised_as is RecognisedAs.NO_BUDGET
