"""Documents as text extraction leaves them: cells gone, labels glued to amounts, names wrapped, pages overlapping."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from cnbudget import money
from cnbudget.model import Cell, Document, Grid


@dataclass(frozen=True, slots=True)
class Wear:
    """How worn a text is. `wrap_at`: names longer than this are broken; `centred`: codes and amounts stand beside the middle
    of a broken name instead of behind its first line; `overlap`: rows of a page that come again on the next."""

    glue: bool = True
    wrap_at: int | None = 17
    centred: bool = False
    overlap: int = 2
    drop_zeros: bool = False
    page_numbers: bool = True
    seed: int = 0


def flatten(document: Document, wear: Wear = Wear()) -> str:
    """The document as flattened text: paragraphs as they are, grids as lines without their empty cells."""
    chance = random.Random(wear.seed)
    lines: list[str] = []
    last: list[list[str]] = []
    title = False
    for block in document.blocks:
        if isinstance(block, Grid):
            header, rows = _grid_to_lines(block, wear, chance)
            is_continued = not title and bool(last)
            again = last[-wear.overlap :] if wear.overlap and is_continued else []
            lines += [*header, *(line for row in [*again, *rows] for line in row)]
            last, title = rows, False
            if wear.page_numbers:
                lines.append(f"- {chance.randrange(5, 40)} -")
        else:
            lines.append(block.text)
            title = title or len(block.text) > 6
    return "\n\n".join(lines) + "\n"


def _grid_to_lines(grid: Grid, wear: Wear, chance: random.Random) -> tuple[list[str], list[list[str]]]:
    """Header lines, and the lines of each row."""
    header: list[str] = []
    rows: list[list[str]] = []
    for _, group in groupby(sorted(grid.cells, key=lambda cell: (cell.row, cell.column)), key=lambda cell: cell.row):
        cells = [cell for cell in group if not (wear.drop_zeros and _is_zero(cell.text))]
        if not rows and not _is_body(cells):
            header += _visual_lines(cells)
        elif cells:
            rows.append(list(_row_to_lines(cells, wear, chance)))
    return header, rows


def _is_body(cells: Sequence[Cell]) -> bool:
    texts = [money.key(cell.text) for cell in cells]
    has_number = any(money.parse_amount(text) is not None for text in texts)
    return has_number or texts in (["合计"], ["总计"]) or any("、" in text for text in texts)


def _is_zero(text: str) -> bool:
    amount = money.parse_amount(text)
    return amount is not None and not amount and not (text.isdigit() and len(text) == 2)


def _visual_lines(cells: Sequence[Cell]) -> list[str]:
    parts = [cell.text.split("\n") for cell in cells]
    depth = max((len(part) for part in parts), default=0)
    return [" ".join(part[at] for part in parts if at < len(part)) for at in range(depth)]


def _row_to_lines(cells: Sequence[Cell], wear: Wear, chance: random.Random) -> Iterator[str]:
    """One row: its cells in order; a long name breaks, and an amount may touch the label behind it."""
    texts = [money.joined(cell.text) for cell in cells]
    names = [at for at, text in enumerate(texts) if money.parse_amount(text) is None]
    at = names[0] if len(names) == 1 else None
    if at is not None and wear.wrap_at and len(texts[at]) > wear.wrap_at:
        first, rest = texts[at][: wear.wrap_at], texts[at][wear.wrap_at :]
        codes, amounts = texts[:at], texts[at + 1 :]
        if wear.centred:
            yield from (first, " ".join([*codes, *amounts]), rest)
        else:
            yield " ".join([*codes, first])
            yield from (
                [rest, " ".join(amounts)] if amounts and chance.random() < 0.5 else [" ".join([rest, *amounts])]
            )
        return
    line = texts[0]
    for before, text in pairwise(texts):
        touches = wear.glue and money.parse_amount(before) is not None and money.parse_amount(text) is None
        line += text if touches and len(before) > 3 and chance.random() < 0.5 else f" {text}"
    yield line


__all__ = ["Wear", "flatten"]
