"""Cases kept as bytes: rules find in them what they found in the document."""

from __future__ import annotations

import dataclasses

import pytest

from cnbudget.casefile import from_casefile, to_casefile
from cnbudget.parse import parse_documents
from cnbudget.rules import Case, findings_of
from tests.test_rule_catalogue import FIRES
from tests.whole_budget import parsed


def kept(*changes: tuple[str, str]) -> tuple[bytes, list[str]]:
    """The kept case of the whole budget with words changed, and the messages of its findings."""
    frames = parsed(*changes)
    return frames["cases"]["case"][0], frames["findings"]["message_en"].to_list()


@pytest.mark.parametrize("rule_id", FIRES)
def test_from_casefile__every_rule_finds_what_it_found(rule_id: str) -> None:
    data, messages = kept(*FIRES[rule_id][0])
    case = from_casefile(data)
    assert case is not None
    assert [finding.message_en for finding in findings_of(case)] == messages


def test_to_casefile__of_an_opened_case_gives_the_same_bytes() -> None:
    data, _ = kept()
    case = from_casefile(data)
    assert case is not None
    assert to_casefile(case) == data


def test_casefile__keeps_every_part_of_a_case() -> None:
    case = from_casefile(kept()[0])
    assert case is not None
    empty = {field.name for field in dataclasses.fields(Case) if not getattr(case, field.name)}
    assert empty == {"contradictions", "outcomes", "suspects"}, "nothing is wrong with this budget: all else is there"


@pytest.mark.parametrize("data", [b"", b"\x81\xa1a\x01", b"not a case"])
def test_from_casefile__bytes_of_another_version_are_none(data: bytes) -> None:
    assert from_casefile(data) is None


def test_parse_documents__what_has_no_figures_has_no_case() -> None:
    assert parse_documents([("notice.txt", "放假通知\n春节放假三天。".encode())])["cases"].is_empty()
