"""Codes and names: both classifications by year; the data is in `data/*.csv`.

`functional_classification.csv` and `economic_classification.csv` (the departmental one, 301 to 399) hold one row per
code and vintage of its name. `valid_from_year` 2007, when the present classification began, also stands where the first
year is not known. `source`: `official` is the Ministry of Finance's 政府收支分类科目, written down from knowledge, not
copied from its publication (`years approximate`: the years may be off); `harvest:N` means that N published budgets
print this code with this name, as a confirmation or, alone, as the only source, and then an N of 1 may be wrong.

Nothing is read before it is asked for, and each file once.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnbudget.model import Level

if TYPE_CHECKING:
    import polars as pl

DATA = Path(__file__).parent / "data"
LEVELS = {3: Level.CLASS, 5: Level.SECTION, 7: Level.ITEM}

# --- codes and names -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """One code in one vintage of its name; `valid_to_year` is None while it is in use."""

    code: str
    name: str
    valid_from_year: int
    valid_to_year: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Classification:
    """One classification with all its vintages; names are looked up by `name_key`."""

    entries: Sequence[Entry]
    names: Mapping[str, frozenset[str]]
    codes: Mapping[str, frozenset[str]]

    def agrees(self, code: str, name: str) -> bool:
        """Whether the name is the code's in any year, whatever its spacing, brackets, 支出 or qualifier."""
        names, key = self.names.get(code, frozenset()), name_key(name)
        return key in names or (key not in self.codes and key.partition("(")[0] in names)

    def contradicts(self, code: str, name: str) -> bool:
        """Whether the code is known and the name is neither one of its names nor the beginning of one, as clipped."""
        names, key = self.names.get(code), name_key(name)
        if names is None or key in names:  # nearly every row of nearly every form
            return False
        is_clipped = len(key) >= 2 and any(known.startswith(key) for known in names)
        return not is_clipped and not self.agrees(code, name)


def functional_classification() -> Classification:
    """支出功能分类: class (3 digits), section (5), item (7)."""
    return _classification("functional_classification.csv")


def economic_classification() -> Classification:
    """部门预算支出经济分类: class (3 digits), section (5). The government's own (501 to 599) is another one."""
    return _classification("economic_classification.csv")


@cache
def _classification(file_name: str) -> Classification:
    entries = tuple(
        Entry(
            row["code"],
            row["name"],
            int(row["valid_from_year"]),
            int(row["valid_to_year"]) if row["valid_to_year"] else None,
            row["source"],
        )
        for row in _rows(file_name)
    )
    names: dict[str, set[str]] = defaultdict(set)
    codes: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        names[entry.code].add(name_key(entry.name))
        codes[name_key(entry.name)].add(entry.code)
    return Classification(entries, _frozen(names), _frozen(codes))


def _frozen(sets: Mapping[str, set[str]]) -> Mapping[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in sets.items()}


def _rows(file_name: str) -> list[dict[str, str]]:
    import csv

    with (DATA / file_name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def functional_codes(year: int) -> Mapping[str, str]:
    """Code to name of the functional classification of expenditure in use in a fiscal year."""
    return _codes_of(functional_classification(), year)


@cache
def economic_codes(year: int) -> Mapping[str, str]:
    """Code to name of the departmental economic classification in use in a fiscal year."""
    return _codes_of(economic_classification(), year)


def _codes_of(book: Classification, year: int) -> Mapping[str, str]:
    return MappingProxyType(
        {e.code: e.name for e in book.entries if e.valid_from_year <= year <= (e.valid_to_year or year)}
    )


def parent(code: str) -> str | None:
    """The code one level up; None for a class. Raises ValueError where it is no code of 3, 5 or 7 digits."""
    return None if level(code) is Level.CLASS else code[:-2]


def level(code: str) -> Level:
    """Class, section or item, by the number of digits. Raises ValueError where it is no code of 3, 5 or 7 digits."""
    found = LEVELS.get(len(code))
    if found is None or not (code.isascii() and code.isdigit()):
        raise ValueError(f"{code!r} is no classification code: expected 3, 5 or 7 digits")
    return found


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    """What the spellings of an account's name share, whatever its width, spaces, quotes or final 支出."""
    squeezed = re.sub(r"[\s“”\"'‘’]", "", unicodedata.normalize("NFKC", name))
    return squeezed.removesuffix("支出") or squeezed


_ORDINAL = re.compile(r"^(?:[一二三四五六七八九十]+[、.,]|\([一二三四五六七八九十]+\)|\d+[、.])")


def class_by_name(name: str) -> str | None:
    """The functional class that a row of a summary form names, retired names included; None for anything else.

    `二、医疗卫生与计划生育支出` is 210. Not for the revenue side, where 其他 would be taken for 229.
    """
    key = _ORDINAL.sub("", name_key(name))
    found = functional_classification().codes.get(key, frozenset())
    classes = [code for code in found if len(code) == 3]
    return classes[0] if len(classes) == 1 else None


def classification_frames() -> dict[str, pl.DataFrame]:
    """The reference datasets as published: dataset name to a frame with the columns of the schema."""
    import polars as pl

    from cnbudget.schema import ECONOMIC_CLASSIFICATION, FUNCTIONAL_CLASSIFICATION

    books = {FUNCTIONAL_CLASSIFICATION: functional_classification(), ECONOMIC_CLASSIFICATION: economic_classification()}
    frames = {
        dataset.name: pl.DataFrame(
            [
                (e.code, e.name, level(e.code).value, parent(e.code), e.valid_from_year, e.valid_to_year, e.source)
                for e in book.entries
            ],
            schema=dataset.polars_schema(),
            orient="row",
        )
        for dataset, book in books.items()
    }
    return frames | {"cofog_mapping": cofog_frame()}


def cofog_frame() -> pl.DataFrame:
    """The classes of the functional classification beside the UN's functions of government: dataset `cofog_mapping`."""
    import polars as pl

    from cnbudget.schema import COFOG_MAPPING

    names = {row["cofog_code"]: row["name"] for row in _rows("cofog_names.csv")}
    rows = [
        {name: value or None for name, value in row.items()} | {"cofog_name": names.get(row["cofog_code"])}
        for row in _rows("cofog.csv")
    ]
    return pl.DataFrame(rows, schema=COFOG_MAPPING.polars_schema())


# --- codes as printed ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CodeRow:
    """A row of a form: its code cells as they stand, empty where blank or not there, and its name."""

    class_cell: str
    section_cell: str
    item_cell: str
    name: str


@dataclass(frozen=True, slots=True)
class CodeReading:
    """What a row's code cells say.

    `code`: of the classification, None where it cannot be told or the numbering is private. `numbering`: the number in
    the form's own hierarchy (parent = all but the last two digits), kept for a private numbering too. `is_repaired`: a
    printed cell is not what it should be (a cell left blank because the class stands above is no misprint).
    """

    code: str | None = None
    numbering: str | None = None
    is_repaired: bool = False
    is_private: bool = False


@dataclass(slots=True)
class _Above:
    """What was read above a row: the last number, and all of them."""

    last: str
    read: set[str]


def read_functional_codes(rows: Iterable[CodeRow]) -> list[CodeReading]:
    """The functional code of each row of one form, rows in printed order and 合计 among them (without a code).

    A misprinted code is repaired only where one reading is left whose name is the classification's, or whose parent is
    printed above with this row in order among its siblings; otherwise the code is None. A whole code that disagrees
    with its name is left as printed unless the parent above and the name both ask for the same other one.
    """
    return _read_codes(rows, functional_classification())


def read_economic_codes(rows: Iterable[CodeRow]) -> list[CodeReading]:
    """The departmental economic code of each row of one form; item cells are empty. Repairs as for functional codes.

    In a class with a numbering of its own (`is_private_numbering`) no section has a code, and the class row has one
    only where its name agrees.
    """
    book, rows = economic_classification(), list(rows)
    readings = _read_codes(rows, book)
    blocks: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row, reading in zip(rows, readings, strict=True):
        if reading.numbering and len(reading.numbering) > 3:
            blocks[reading.numbering[:3]].append((reading.numbering, row.name))
    private = {number for number, block in blocks.items() if is_private_numbering(block)}
    return [
        _private_reading(reading, row.name, book) if (reading.numbering or "")[:3] in private else reading
        for row, reading in zip(rows, readings, strict=True)
    ]


def _private_reading(reading: CodeReading, name: str, book: Classification) -> CodeReading:
    number = reading.numbering or ""
    is_class = len(number) == 3 and book.agrees(number, name)
    return CodeReading(number if is_class else None, number, reading.is_repaired, is_private=True)


def is_private_numbering(block: Sequence[tuple[str, str]]) -> bool:
    """Whether the sections of one economic class (code, name) follow a numbering of the publisher's own.

    They do if more than half of them contradict the classification and at least one bears the name of another section
    of the class. So one misprint among many official rows is none, and two coincidences do not make a list official.
    """
    book = economic_classification()
    contradicting = [(code, name) for code, name in block if book.contradicts(code, name) or code not in book.names]
    is_foreign = any(_has_other_code(book, code, name) for code, name in contradicting)
    return is_foreign and 2 * len(contradicting) > len(block)


def _has_other_code(book: Classification, code: str, name: str) -> bool:
    same_name = book.codes.get(name_key(name), frozenset())
    return any(len(other) > 3 and other[:3] == code[:3] for other in same_name - {code})


def _read_codes(rows: Iterable[CodeRow], book: Classification) -> list[CodeReading]:
    above = _Above("", set())
    readings = []
    for row in rows:
        printed = [_squeezed(cell) for cell in (row.class_cell, row.section_cell, row.item_cell)]
        class_, section, item = (cell if cell.isascii() and cell.isdigit() else "" for cell in printed)
        is_whole = [class_, section, item] == printed
        reading = CodeReading()
        if is_whole and any(printed):
            reading = _read_code((class_, section, item), row.name, above, book)
        if reading.numbering:
            above.last = reading.numbering
            above.read.add(reading.numbering)
        elif (class_ or section) and not printed[2]:
            # An unreadable class or section: what stands below must not inherit the one before it.
            above.last = above.last[:3] if printed[1] else ""
        readings.append(reading)
    return readings


def _squeezed(cell: str) -> str:
    return cell if cell.isalnum() and cell.isascii() else re.sub(r"\s|\.0*$", "", unicodedata.normalize("NFKC", cell))


def _read_code(cells: tuple[str, str, str], name: str, above: _Above, book: Classification) -> CodeReading:
    plain = _as_printed(cells, above.last)
    if plain is None or plain[:3] not in book.names:
        repaired = _repair(cells, name, above, book)
        return CodeReading(repaired, repaired, is_repaired=repaired is not None)
    if book.agrees(plain, name):
        return CodeReading(plain, plain)
    same_name = book.codes.get(name_key(name), frozenset())
    if not cells[0] and len(cells[1] or cells[2]) == 2 and any(code[3:] == plain[3:] for code in same_name):
        return CodeReading()  # the class from above and the class from the name are two readings
    if plain in above.read or plain[:-2] not in above.read:
        # Whole, but twice or without its parent: another reading needs both the name and the place.
        candidates = (_candidates(cells, name, above, book) | {above.last[:3] + plain[3:]}) & same_name
        other = {code for code in candidates if _is_in_place(code, name, above, book)}
        if len(other) == 1:
            code = other.pop()
            return CodeReading(code, code, is_repaired=code != plain)
    return CodeReading(plain, plain)


def _as_printed(cells: tuple[str, str, str], last: str) -> str | None:
    """The code that whole cells spell out, blanks filled from the row above; None where a cell is not whole."""
    class_, section, item = cells
    tail = item or section or class_
    if len(tail) in (5, 7) and all(tail.startswith(cell) for cell in cells if cell):
        return tail
    if len(class_) == 5 and not (section and item) and len(section or item) == 2:
        return class_ + (section or item)
    if any(len(cell) != 2 for cell in (section, item) if cell) or len(class_) not in (0, 3):
        return None
    class_ = class_ or last[:3]
    if item and not section:
        section = last[3:5] if last[:3] == class_ else ""
    return class_ + section + item if class_ and (section or not item) else None


def _repair(cells: tuple[str, str, str], name: str, above: _Above, book: Classification) -> str | None:
    candidates = _candidates(cells, name, above, book)
    named = {code for code in candidates if book.agrees(code, name)}
    # A wrong class and a code that nobody knows are too little to go by the place alone.
    known = candidates if cells[0][:3] in book.names or not cells[0] else candidates & book.names.keys()
    placed = {code for code in known if _is_in_place(code, name, above, book)}
    for found in (named & placed, named | placed):
        if len(found) == 1:
            # By its name alone only if the name is not another's clipped one, as 资本性支出 of 资本性支出（基本建设）.
            rivals = {code for code in candidates - found if code in book.names and not book.contradicts(code, name)}
            return found.pop() if found <= placed or not rivals else None
    return None


def _is_in_place(code: str, name: str, above: _Above, book: Classification) -> bool:
    """The parent stands above and is still open, siblings are in order, and no known name speaks against it."""
    is_open = code[:-2] in above.read and above.last.startswith(code[:-2])
    return is_open and above.last[: len(code)] < code and not book.contradicts(code, name)


def _candidates(cells: tuple[str, str, str], name: str, above: _Above, book: Classification) -> set[str]:
    """Every code the cells may stand for: lost zeros put back, a wrong class from the rows above or from the name."""
    class_, section, item = cells
    if len(class_) >= 3 and class_[0] != next(iter(book.names))[0]:
        return set()  # of another classification altogether, as the government's economic one
    tails = {(section and section.zfill(2)) + (item and item.zfill(2))}
    if len(class_) > 3 and not section and not item:
        class_, tails = class_[:3], _zeros_restored(class_[3:])
    elif item and not section:
        tails = {above.last[3:5] + item.zfill(2)}
    class_ = class_ or above.last[:3]
    head = class_ if class_ in book.names else above.last[:3]
    found = {head + tail for tail in tails if tail}
    if class_ not in book.names:
        key = name_key(name)
        found |= {
            code for known in book.codes if known.startswith(key) for code in book.codes[known] if code[3:] in tails
        }
    return {code for code in found if len(code) in LEVELS}


def _zeros_restored(digits: str) -> set[str]:
    """The section and item digits that may have lost leading zeros: `2` is 02, `51` is 51 or 0501."""
    tails = {digits.zfill(2)} if len(digits) <= 2 else set()
    for cut in (1, 2):
        section, item = digits[:cut], digits[cut:]
        if 1 <= len(item) <= 2:
            tails.add(section.zfill(2) + item.zfill(2))
    return tails
