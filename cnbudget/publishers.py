"""Who publishes and for whose treasury: one name and one id for every spelling, and the jurisdiction that a text states.

`data/jurisdictions.csv` holds GB/T 2260 as the MIT-licensed package named in its column `source` carries it;
`data/publisher_aliases.csv` the names of bodies that were renamed or go by a short name. Read once, when first asked for.
"""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cnbudget.model import JurisdictionLevel

DATA = Path(__file__).parent / "data"

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


def _rows(file_name: str) -> list[dict[str, str]]:
    with (DATA / file_name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def publisher_id(name: str, jurisdiction_code: str | None) -> str:
    """The publisher's identifier, `310117-` and 12 hexadecimal digits: the same for every spelling of the name.

    The name may or may not begin with its own jurisdiction: 上海市松江区财政局 and 松江区财政局 are one body in 310117.
    """
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
