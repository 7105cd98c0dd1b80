"""Codes and names: both classifications by year, jurisdictions, publishers; the data is in `data/*.csv`.

`functional_classification.csv` and `economic_classification.csv` (the departmental one, 301 to 399) hold one row per
code and vintage of its name. `valid_from_year` 2007, when the present classification began, also stands where the first
year is not known. `source`: `official` is the Ministry of Finance's 政府收支分类科目, written down from knowledge, not
copied from its publication (`years approximate`: the years may be off); `harvest:N` means that N published budgets
print this code with this name, as a confirmation or, alone, as the only source, and then an N of 1 may be wrong.
`jurisdictions.csv` holds GB/T 2260 as the MIT-licensed package named in `source` carries it.

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

from cnbudget.model import JurisdictionLevel, Level

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
        key = name_key(name)
        is_clipped = len(key) >= 2 and any(known.startswith(key) for known in self.names.get(code, ()))
        return code in self.names and not is_clipped and not self.agrees(code, name)


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
    """The two classifications as published: dataset name to a frame with the columns of the schema."""
    import polars as pl

    from cnbudget.schema import ECONOMIC_CLASSIFICATION, FUNCTIONAL_CLASSIFICATION

    books = {FUNCTIONAL_CLASSIFICATION: functional_classification(), ECONOMIC_CLASSIFICATION: economic_classification()}
    return {
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


# --- publishers ------------------------------------------------------------------------------------------------------

_EDITION = re.compile(r"(?:\((?:部门|单位|本单位|本级|本部|机关|机关本级|汇总)\)|(?<=\w\w\w\w)(?:本级|本部))$")


def normalise_publisher(name: str) -> str:
    """A publisher's name in one spelling: no spaces, half-width digits, Chinese brackets, no （部门） at its end.

    What the aliases name as the same body gets that body's name. Department and unit editions of a body share it.
    """
    squeezed = re.sub(r"[\s\u200b\ufeff]", "", unicodedata.normalize("NFKC", name))
    while squeezed != (shorter := _EDITION.sub("", squeezed)):
        squeezed = shorter
    spelled = squeezed.replace("(", "（").replace(")", "）")
    return _aliases().get(spelled, spelled)


@cache
def _aliases() -> Mapping[str, str]:
    return {row["alias"]: row["name"] for row in _rows("publisher_aliases.csv")}


def publisher_id(name: str, jurisdiction_code: str | None) -> str:
    """The publisher's identifier, `310117-` and 12 hexadecimal digits: the same for every spelling of the name.

    The name may or may not begin with its own jurisdiction: 上海市松江区财政局 and 松江区财政局 are one body in 310117.
    """
    import hashlib

    own = normalise_publisher(name)
    place = _places().by_code.get(jurisdiction_code or "")
    if place is not None:
        for prefix in (place.full_name, place.name):
            own = own.removeprefix(prefix) or own
    return f"{jurisdiction_code or 'unknown'}-{hashlib.sha256(own.encode()).hexdigest()[:12]}"


# --- jurisdictions ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """Whose treasury it is: GB/T 2260 code (None below the districts, which have none), full name and level."""

    code: str | None
    name: str
    level: JurisdictionLevel


@dataclass(frozen=True, slots=True)
class _Place:
    code: str
    name: str
    full_name: str
    level: JurisdictionLevel
    parent: str


@dataclass(frozen=True, slots=True)
class _Places:
    """Provinces and cities by name, which no two share; districts by name, which several may share."""

    by_code: Mapping[str, _Place]
    cities: Mapping[str, _Place]
    city_name: re.Pattern[str]
    districts: Mapping[str, Sequence[_Place]]


@cache
def _places() -> _Places:
    rows = _rows("jurisdictions.csv")
    names = {row["code"]: (row["name"], JurisdictionLevel(row["level"])) for row in rows}
    by_code: dict[str, _Place] = {}
    districts: dict[str, list[_Place]] = defaultdict(list)
    for row in rows:
        code, name, up = row["code"], row["name"], row["parent"]
        # A county-level city goes by its own name: 昆山市, not 苏州市昆山市.
        is_part = up != "" and names[up][1] is JurisdictionLevel.MUNICIPAL and not (name[-1] == "市" and len(name) > 2)
        by_code[code] = _Place(code, name, (names[up][0] if is_part else "") + name, names[code][1], up)
        if names[code][1] is JurisdictionLevel.DISTRICT:
            districts[name].append(by_code[code])
    cities = {place.name: place for place in by_code.values() if place.level is not JurisdictionLevel.DISTRICT}
    return _Places(by_code, cities, re.compile("|".join(sorted(cities, key=len, reverse=True))), districts)


_YEAR = re.compile(r"20\d\d年度?")
_TOWN = re.compile(r"([\u4e00-\u9fff]{1,6}?[镇乡])(?=人民政府|20\d\d年|镇级|乡级|本级|$)")
_DISTRICT_LEVEL = re.compile(r"(?<!自治)区(?:本)?级|县(?:本)?级")
_TOWN_LEVEL = re.compile(r"[镇乡](?:本)?级")


_UNKNOWN_DISTRICT = re.compile(
    r"[一-鿿]{1,3}(?<![社园校地小辖灾特街景库林牧片港矿新])(?<!工业|保税|开发|示范|高新|自贸|保护|度假|试验|功能|合作|加工)[区县]"
)
"""A district behind its city that the list of places does not have: not to be put down to the city. Not 社区, 开发区 ..."""


def jurisdiction(text: str) -> Jurisdiction | None:
    """The jurisdiction that a title, a cover line or a publisher's name states in full; None where it does not.

    上海市2026年市级单位预算 is 310000, 上海市松江区财政局 is 310117, 松江区财政局 too (no other district is called so).
    A name that several places share, and 区级 without its district, are not resolved.
    """
    squeezed = re.sub(r"\s", "", unicodedata.normalize("NFKC", text))
    place, end = _district_at(squeezed, 0, None)
    if place is None and end == 0:
        place, end = _city(squeezed)
        district, district_end = _district_at(squeezed, end, place)
        if place is not None and district_end > end:
            place, end = district, district_end
    if place is None:
        return None
    if place.level is JurisdictionLevel.MUNICIPAL and _UNKNOWN_DISTRICT.match(squeezed, end):
        return None
    if place.level is JurisdictionLevel.DISTRICT:
        if town := _TOWN.match(squeezed, _after_year(squeezed, end)):
            return Jurisdiction(None, place.full_name + town[1], JurisdictionLevel.TOWNSHIP)
    elif _DISTRICT_LEVEL.search(squeezed):
        return None
    return None if _TOWN_LEVEL.search(squeezed) else Jurisdiction(place.code, place.full_name, place.level)


def _city(text: str) -> tuple[_Place | None, int]:
    """The first province or city in the text, a city that follows its province, and where its name ends."""
    places = _places()
    first = places.city_name.search(text)
    if first is None:
        return None, 0
    second = places.city_name.match(text, _after_year(text, first.end()))
    if second and places.cities[second[0]].parent == places.cities[first[0]].code:
        first = second
    return places.cities[first[0]], first.end()


def _district_at(text: str, start: int, city: _Place | None) -> tuple[_Place | None, int]:
    """The district whose name stands here and its end: of that city, or the only one so called where there is no city.

    A name that is another's or is shared gives no place but its end; no district name at all gives `start`.
    """
    begin = _after_year(text, start)
    for length in range(15, 1, -1):
        named = _places().districts.get(text[begin : begin + length], ())
        fitting = [each for each in named if city is None or city.code in (each.parent, each.code[:2] + "0000")]
        # Names of two characters are words too (城区, 郊区): they count only behind their city.
        if named and (length > 2 or (city and fitting)):
            return fitting[0] if len(fitting) == 1 else None, begin + length
    return None, start


def _after_year(text: str, start: int) -> int:
    year = _YEAR.match(text, start)
    return year.end() if year else start
