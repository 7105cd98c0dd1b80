"""Material for a blind reading of all findings: the true ones, and among them some of documents that were changed before reading.

    python -m tests.blind_reading FOLDER KEY [--planted 45]

FOLDER gets `findings.jsonl`, in no order within a document, and the documents; KEY, which the reader does not see, says of
each number which finding it is and whether it was planted. The reader writes `judged.csv` (n, judgement, note).
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from unittest import mock

from cnbudget import parse
from cnbudget.model import Block, Cell, Document, Paragraph
from tests.corpus import DOCUMENTS
from tests.defect_labels import found, shanghai_documents

Row = dict[str, object]
SHOWN = (
    *("rule_id", "severity", "cause", "page", "locus", "message_zh", "message_en"),
    *("expected", "found", "difference", "evidence_quote"),
)
_ROUNDS = 4


def main() -> None:
    """Write the material."""
    parser = argparse.ArgumentParser(prog="python -m tests.blind_reading", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("key", type=Path)
    parser.add_argument("--planted", type=int, default=45)
    options = parser.parse_args()
    rows = [(row, False) for row in found().values()] + [(row, True) for row in planted(options.planted)]
    Random(0).shuffle(rows)
    rows.sort(key=lambda pair: str(pair[0]["file_name"]))
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / "findings.jsonl").open("w", encoding="utf-8") as lines:
        for number, (row, _) in enumerate(rows):
            shown = {"n": number, "document": row["file_name"], **{name: row[name] for name in SHOWN}}
            lines.write(json.dumps(shown, ensure_ascii=False, default=str) + "\n")
    key = {number: (row["finding_id"], is_planted) for number, (row, is_planted) in enumerate(rows)}
    options.key.write_text(json.dumps(key))
    for name, path in _paths().items():
        shutil.copy(path, options.folder / name)


def planted(count: int) -> list[Row]:
    """Findings that changed documents give and the true ones do not, of as many rules as there are."""
    by_rule: dict[str, list[Row]] = defaultdict(list)
    seen = set(found())
    for row in _of_changed():
        # What the identities say of a changed figure would give the exercise away: there are hundreds.
        if row["finding_id"] not in seen and not str(row["rule_id"]).startswith("identity_"):
            seen.add(str(row["finding_id"]))
            by_rule[str(row["rule_id"])].append(row)
    rng, picked = Random(0), list[Row]()
    while len(picked) < count and any(by_rule.values()):
        left = [rows for _, rows in sorted(by_rule.items()) if rows]
        picked += [rows.pop(rng.randrange(len(rows))) for rows in left[: count - len(picked)]]
    return picked


def _of_changed() -> Iterator[Row]:
    read = parse.read_document
    for seed in range(_ROUNDS):
        for name, path in _paths().items():
            rng = Random(f"{seed} {name}")
            with mock.patch.object(parse, "read_document", lambda n, data, rng=rng: changed(read(n, data), rng)):
                frames = parse.parse_documents([(name, path.read_bytes())])
            yield from (row | {"file_name": name} for row in frames["findings"].iter_rows(named=True))


def changed(document: Document, rng: Random) -> Document:
    """The document with some digits and words changed, and some lines left out."""
    blocks = [_changed_block(block, rng) for block in document.blocks]
    return replace(document, blocks=[block for block in blocks if block is not None])


def _changed_block(block: Block, rng: Random) -> Block | None:
    if isinstance(block, Paragraph):
        text = _changed_line(block.text, rng.random(), rng)
        return None if text is None else replace(block, text=text)
    return replace(block, cells=[_changed_cell(cell, rng.random()) for cell in block.cells])


def _changed_line(text: str, chance: float, rng: Random) -> str | None:
    digits = list(re.finditer(r"\d", text))
    if chance < 0.03 and digits:
        digit = rng.choice(digits)
        return text[: digit.start()] + str((int(digit.group()) + rng.randint(1, 8)) % 10) + text[digit.end() :]
    if chance < 0.05:
        return text.replace("其他", "其它")
    if chance < 0.06:
        return text.replace("增加", "减少")
    return None if chance < 0.075 and "无" in text else text


def _changed_cell(cell: Cell, chance: float) -> Cell:
    if chance < 0.004 and re.fullmatch(r"\d{2,7}", cell.text):
        return replace(cell, text=cell.text[:-1] + str((int(cell.text[-1]) + 3) % 10))
    return replace(cell, text=cell.text.replace("支出", "支岀")) if chance < 0.006 else cell


def _paths() -> dict[str, Path]:
    paths = {path.name: path for path in DOCUMENTS.rglob("*") if path.is_file()}
    return {name: paths[name] for name in shanghai_documents()}


if __name__ == "__main__":
    main()
