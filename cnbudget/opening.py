"""Sources as they are dropped: documents are read, and archives of several budgets opened into documents of their own.

Runs in the child readers, as reading does. What an archive holds comes back as bytes in its result; whoever keeps documents
keeps them, and reads each in its turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import polars as pl

from cnbudget.model import DocumentState, RecognisedAs
from cnbudget.parse import collector_paused, held_result, parsed_to_frames, read_one
from cnbudget.parsed import Parsed
from cnbudget.reading import archive, sniff
from cnbudget.results import MEMBERS, frames_to_results
from cnbudget.support import Verdict, holds_budget

__all__ = ["held_result", "parse_or_open"]

_NAMED = 5

Source = tuple[str, bytes]


def parse_or_open(sources: Sequence[Source]) -> list[bytes]:
    """As `parse_to_results`; an archive of several budgets is a document that is `opened`, and its result holds its members.

    A member is not opened again, however deep it would go on: `archive!/member` as a file name says that it is one.
    """
    batch: list[Parsed] = []
    members: list[tuple[str, str, str, bytes]] = []
    with collector_paused():
        for file_name, data in sources:
            found = [] if archive.INSIDE in file_name else archive.expand(file_name, data, holds_budget)
            if len(found) < 2:
                batch.append(read_one(file_name, data))
                continue
            named = [(name.removeprefix(file_name + archive.INSIDE), content) for name, content in found]
            opened = _opened(file_name, data, [name for name, _ in named])
            batch.append(opened)
            members += [(opened.document_id, name, _sha256(content), content) for name, content in named]
        frames = parsed_to_frames(batch)
    if members:
        frames[MEMBERS] = pl.DataFrame(members, orient="row", schema=_SCHEMA)
    results = frames_to_results(frames)
    return [results[_sha256(data)] for _, data in sources]


_SCHEMA = {"document_id": pl.String(), "member_name": pl.String(), "member_id": pl.String(), "data": pl.Binary()}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _opened(file_name: str, data: bytes, names: Sequence[str]) -> Parsed:
    parsed = Parsed(file_name, _sha256(data), len(data), sniff(file_name, data).value)
    more = f"; and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    parsed.verdict = Verdict(
        DocumentState.OPENED,
        RecognisedAs.SEVERAL_BUDGETS,
        f"an archive of several budgets: its {len(names)} members are documents of their own "
        f"({'; '.join(names[:_NAMED])}{more})",
    )
    return parsed
