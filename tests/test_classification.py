"""Codes and names, their repair, private numbering; the corpus' truth where it is there."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnbudget import classification
from cnbudget.classification import (
    Classification,
    CodeReading,
    CodeRow,
    Entry,
    class_by_name,
    classification_frames,
    cofog_frame,
    economic_classification,
    economic_codes,
    functional_classification,
    functional_codes,
    is_private_numbering,
    level,
    parent,
    read_economic_codes,
    read_functional_codes,
)
from cnbudget.model import Level
from cnbudget.schema import DATASETS

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not beside the checkout")

BOOKS = {"functional": functional_classification, "economic": economic_classification}
every_book = pytest.mark.parametrize("book", [make() for make in BOOKS.values()], ids=BOOKS)


def functional(*rows: str) -> list[CodeReading]:
    """Readings of rows written `class|section|item|name`."""
    return read_functional_codes(CodeRow(*row.split("|")) for row in rows)


def economic(*rows: str) -> list[CodeReading]:
    """Readings of rows written `class|section|name`."""
    cells = (row.split("|") for row in rows)
    return read_economic_codes(CodeRow(class_, section, "", name) for class_, section, name in cells)


def codes(readings: list[CodeReading]) -> list[str | None]:
    return [reading.code for reading in readings]


# --- the data --------------------------------------------------------------------------------------------------------


@every_book
def test_entries__are_sorted_unique_and_complete(book: Classification) -> None:
    keys = [(entry.code, entry.valid_from_year) for entry in book.entries]
    assert keys == sorted(set(keys))
    assert all(entry.name == entry.name.strip() != "" and entry.source for entry in book.entries)


@every_book
def test_entries__vintages_of_one_code_do_not_overlap(book: Classification) -> None:
    vintages: dict[str, list[Entry]] = defaultdict(list)
    for entry in book.entries:
        assert entry.valid_from_year <= (entry.valid_to_year or 2099)
        vintages[entry.code].append(entry)
    for entries in vintages.values():
        for earlier, later in itertools.pairwise(entries):
            assert earlier.valid_to_year is not None, earlier
            assert earlier.valid_to_year < later.valid_from_year, (earlier, later)
            assert earlier.name != later.name


@every_book
def test_entries__whoever_is_valid_has_a_valid_parent(book: Classification) -> None:
    for year in range(2007, 2027):
        valid = {e.code for e in book.entries if e.valid_from_year <= year <= (e.valid_to_year or year)}
        assert [code for code in valid if parent(code) not in valid | {None}] == []


@pytest.mark.parametrize("name", ["functional_classification.csv", "economic_classification.csv", "jurisdictions.csv"])
def test_data__level_and_parent_columns_follow_from_the_code(name: str) -> None:
    with (classification.DATA / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["code"] for row in rows] == sorted(row["code"] for row in rows)
    if name != "jurisdictions.csv":
        assert all(row["level"] == level(row["code"]) and row["parent"] == (parent(row["code"]) or "") for row in rows)
    else:
        known = {row["code"]: row["level"] for row in rows}
        assert len(known) == len(rows)
        assert all(row["parent"] in known and row["parent"][:2] == row["code"][:2] for row in rows if row["parent"])
        assert {row["level"] for row in rows if not row["parent"]} == {"provincial", "municipal"}


# --- codes and names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "year", "name"),
    [
        ("210", 2018, "医疗卫生与计划生育支出"),
        ("210", 2019, "卫生健康支出"),
        ("207", 2018, "文化体育与传媒支出"),
        ("207", 2024, "文化旅游体育与传媒支出"),
        ("20805", 2019, "行政事业单位离退休"),
        ("20805", 2020, "行政事业单位养老支出"),
        ("2101102", 2024, "事业单位医疗"),
        ("220", 2026, "自然资源海洋气象等支出"),
        ("223", 2026, "国有资本经营预算支出"),
    ],
)
def test_functional_codes__name_of_the_year(code: str, year: int, name: str) -> None:
    assert functional_codes(year)[code] == name


def test_functional_codes__classes_of_2024() -> None:
    classes = {code for code in functional_codes(2024) if len(code) == 3}
    expected = {*range(201, 218), *range(219, 225), 227, *range(229, 235)}
    assert classes == {str(number) for number in expected}


def test_functional_codes__only_what_is_in_use() -> None:
    assert "224" not in functional_codes(2018)
    assert "20115" not in functional_codes(2019)
    assert functional_codes(2006) == {}


def test_economic_codes__departmental_only() -> None:
    classes = {code for code in economic_codes(2024) if len(code) == 3}
    assert classes == {"301", "302", "303", "307", "309", "310", "311", "312", "313", "399"}
    assert economic_codes(2024)["30109"] == "职业年金缴费"
    assert economic_codes(2017)["310"] == "其他资本性支出"


@pytest.mark.parametrize(
    ("code", "up", "its_level"),
    [("208", None, Level.CLASS), ("20805", "208", Level.SECTION), ("2080501", "20805", Level.ITEM)],
)
def test_parent_and_level(code: str, up: str | None, its_level: Level) -> None:
    assert (parent(code), level(code)) == (up, its_level)


@pytest.mark.parametrize("text", ["", "20", "2080", "208050", "20805010", "2o8", "２０８"])
def test_level__no_code(text: str) -> None:
    with pytest.raises(ValueError, match="expected 3, 5 or 7 digits"):
        level(text)


@pytest.mark.parametrize(
    ("printed", "code"),
    [
        ("一、一般公共服务支出", "201"),
        ("一般公共服务支出", "201"),
        ("二、医疗卫生与计划生育支出", "210"),
        ("（三）卫生健康支出", "210"),
        ("3.教育", "205"),
        ("三、 教 育 支 出", "205"),
        ("十二、资源勘探信息等支出", "215"),
        ("农林水事务", "213"),
        ("国土海洋气象等支出", "220"),
        ("一、其他支出", "229"),
        ("一、财政拨款收入", None),
        ("1、一般公共预算资金", None),
        ("支出总计", None),
        ("行政运行", None),
        ("", None),
    ],
)
def test_class_by_name(printed: str, code: str | None) -> None:
    assert class_by_name(printed) == code


def test_class_by_name__every_vintage_of_every_class() -> None:
    for entry in functional_classification().entries:
        if len(entry.code) == 3:
            assert class_by_name(f"五、{entry.name}") == entry.code


def test_classification_frames__have_the_schema_and_its_key() -> None:
    frames = classification_frames()
    assert set(frames) == {name for name, dataset in DATASETS.items() if dataset.is_reference}
    for name, frame in frames.items():
        assert dict(frame.schema) == DATASETS[name].polars_schema()
        assert frame.select(DATASETS[name].key).is_unique().all()
        required = [column.name for column in DATASETS[name].columns if not column.is_nullable]
        assert frame.select(required).null_count().row(0) == (0,) * len(required)


def test_cofog_frame__every_class_is_mapped_or_named_as_a_gap() -> None:
    mapping = cofog_frame()
    classes = {entry.code for entry in functional_classification().entries if len(entry.code) == 3}
    assert set(mapping["functional_code"]) == classes
    is_gap = mapping["share"] == "gap"
    assert mapping.filter(is_gap)["cofog_code"].null_count() == is_gap.sum() == 3
    assert mapping.filter(~is_gap).select("cofog_code", "cofog_name").null_count().row(0) == (0, 0)
    mains = mapping.filter(pl.col("share") == "main")["functional_code"]
    assert mains.is_unique().all()
    split = classes - set(mains) - set(mapping.filter(is_gap)["functional_code"])
    assert split == {"206", "218", "220", "221", "234"}


def test_import__reads_no_data_and_no_polars() -> None:
    script = (
        "import sys, cnbudget.classification as c;"
        "print('polars' in sys.modules, 'csv' in sys.modules, c._classification.cache_info().currsize)"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False", "0"]


# --- codes as printed ------------------------------------------------------------------------------------------------


def test_read_functional_codes__three_columns() -> None:
    readings = functional(
        "208|||社会保障和就业支出", "208|05||行政事业单位养老支出", "208|05|02|事业单位离退休", "|||合计"
    )
    assert codes(readings) == ["208", "20805", "2080502", None]
    assert not any(reading.is_repaired for reading in readings)


@pytest.mark.parametrize(
    "rows",
    [
        ("208|||社会保障和就业支出", "|05||行政事业单位养老支出", "||02|事业单位离退休"),
        ("208|||社会保障和就业支出", "208|20805||行政事业单位养老支出", "208|20805|2080502|事业单位离退休"),
        ("208|||社会保障和就业支出", "20805|||行政事业单位养老支出", "2080502|||事业单位离退休"),
        ("208|||社会保障和就业支出", "|20805||行政事业单位养老支出", "||2080502|事业单位离退休"),
        ("208|||社会保障和就业支出", "20805|||行政事业单位养老支出", "20805|02||事业单位离退休"),
        ("２０８|||社会保障和就业支出", "208| 05||行政事业单位养老支出", "208|05|02.0|事业单位离退休"),
    ],
    ids=["printed once", "whole codes in each column", "one cell", "staircase", "section and item", "full width"],
)
def test_read_functional_codes__layouts_are_no_misprints(rows: tuple[str, ...]) -> None:
    readings = functional(*rows)
    assert codes(readings) == ["208", "20805", "2080502"]
    assert not any(reading.is_repaired for reading in readings)


ABOVE = ("210|||卫生健康支出", "210|11||行政事业单位医疗", "210|11|01|行政单位医疗")


@pytest.mark.parametrize(
    "row",
    ["7|11|02|事业单位医疗", "21|11|02|事业单位医疗", "210|11|2|事业单位医疗", "208|11|02|事业单位医疗"],
)
def test_read_functional_codes__repaired_from_parent_and_name(row: str) -> None:
    assert functional(*ABOVE, row)[-1] == CodeReading("2101102", "2101102", is_repaired=True)


def test_read_functional_codes__repaired_from_place_where_the_name_is_not_known() -> None:
    assert functional(*ABOVE, "210|11|4|一个还没有的科目")[-1].code == "2101104"


def test_read_functional_codes__repaired_where_the_name_is_clipped() -> None:
    assert functional(*ABOVE, "7|11|02|事业单位医")[-1].code == "2101102"


@pytest.mark.parametrize(
    "row",
    [
        "7|11|02|一般行政管理事务",  # place says 2101102, whose name is another; the name says 2011102 or 2081102
        "7|11|01|一个还没有的科目",  # this number stands above already
        "7|12|02|一个还没有的科目",  # no parent 21012 above
        "7|11|04|一个还没有的科目",  # a wrong class, and a number that nobody knows
        "210|1x|02|事业单位医疗",  # a cell that is no number is not a blank one
        "501|11|02|事业单位医疗",
    ],
)
def test_read_functional_codes__not_guessed(row: str) -> None:
    assert functional(*ABOVE, row)[-1] == CodeReading()


def test_read_functional_codes__blank_class_where_its_row_is_missing() -> None:
    assert codes(functional("220|||自然资源海洋气象等支出", "|01||保障性安居工程支出")) == ["220", None]


def test_read_functional_codes__class_row_repaired_by_its_name() -> None:
    readings = functional("7|||卫生健康支出", "|11||行政事业单位医疗", "|11|02|事业单位医疗")
    assert codes(readings) == ["210", "21011", "2101102"]
    assert [reading.is_repaired for reading in readings] == [True, False, False]


def test_read_functional_codes__nothing_inherits_from_an_unreadable_class() -> None:
    readings = functional("208|||社会保障和就业支出", "7|||看不清", "|05||看不清", "||01|看不清")
    assert codes(readings) == ["208", None, None, None]


def test_read_functional_codes__a_label_in_a_code_cell_is_no_code() -> None:
    assert codes(functional("合计|||合计", "208|||社会保障和就业支出", "小计|||", "|05||行政事业单位养老支出")) == [
        None,
        "208",
        None,
        "20805",
    ]


def test_read_functional_codes__whole_code_that_disagrees_with_its_name_stays() -> None:
    assert functional(*ABOVE, "210|11|02|公务员医疗补助")[-1] == CodeReading("2101102", "2101102")


def test_read_functional_codes__code_newer_than_the_classification_stays() -> None:
    assert functional("208|||社会保障和就业支出", "208|77||某新增事务")[-1].code == "20877"


@pytest.mark.parametrize(("row", "code"), [("301|2|津贴补贴", "30102"), ("3012||津贴补贴", "30102")])
def test_read_economic_codes__leading_zero(row: str, code: str) -> None:
    reading = economic("301||工资福利支出", "301|01|基本工资", row)[-1]
    assert reading == CodeReading(code, code, is_repaired=True)


def test_read_economic_codes__government_classification_is_not_ours() -> None:
    rows = ("501||机关工资福利支出", "501|99|其他工资福利支出", "502|02|会议费", "50299||其他商品和服务支出")
    assert codes(economic(*rows)) == [None] * 4


def test_read_economic_codes__a_name_that_may_be_clipped_is_not_enough() -> None:
    assert codes(economic("9||资本性支出", "9||商品和服务支出")) == [None, "302"]


PRIVATE = (
    "302||商品和服务支出",
    "302|01|办公费",
    "302|02|咨询费",
    "302|03|水费",
    "302|04|电费",
    "302|05|自办食堂补助",
    "302|06|其他商品和服务支出",
)


def test_read_economic_codes__private_numbering_of_one_class() -> None:
    readings = economic("301||工资福利支出", "301|01|基本工资", "301|02|津贴补贴", *PRIVATE)
    assert codes(readings) == ["301", "30101", "30102", "302", None, None, None, None, None, None]
    assert [reading.numbering for reading in readings[4:6]] == ["30201", "30202"]
    assert [reading.is_private for reading in readings] == [False] * 3 + [True] * 7


def test_read_economic_codes__private_class_name() -> None:
    assert codes(economic("303||离退休人员经费", "303|01|退休费")) == [None, None]


@pytest.mark.parametrize(
    ("block", "is_private"),
    [
        ([("30201", "办公费"), ("30202", "咨询费"), ("30203", "水费")], True),
        ([("30201", "办公费"), ("30202", "印刷费"), ("30203", "水费")], False),
        ([("30107", "绩效工资"), ("30108", "机关事业单位基本养老保险费")], False),
        ([("30311", "住房公积金"), ("30307", "医疗费")], False),
        ([("30241", "自办食堂补助")], False),
        ([], False),
    ],
    ids=["private", "one misprint", "other wording", "old vintage", "unknown name", "empty"],
)
def test_is_private_numbering(block: list[tuple[str, str]], is_private: bool) -> None:
    assert is_private_numbering(block) is is_private


FORM = (
    ("208", "社会保障和就业支出"),
    ("20805", "行政事业单位养老支出"),
    ("2080501", "行政单位离退休"),
    ("2080502", "事业单位离退休"),
    ("2080505", "机关事业单位基本养老保险缴费支出"),
    ("210", "卫生健康支出"),
    ("21011", "行政事业单位医疗"),
    ("2101101", "行政单位医疗"),
    ("2101102", "事业单位医疗"),
    ("213", "农林水支出"),
    ("21301", "农业农村"),
    ("2130101", "行政运行"),
    ("2130102", "一般行政管理事务"),
    ("2130104", "事业运行"),
    ("21302", "林业和草原"),
    ("2130201", "行政运行"),
    ("2130202", "一般行政管理事务"),
)


def _damaged(cells: list[str], damage: str) -> list[str]:
    class_, section, item = cells
    return {
        "zeros": [class_, section.lstrip("0"), item.lstrip("0")],
        "class cut": [class_[:1], section, item],
        "class strange": ["7", section, item],
        "class blank": ["", section, item] if section else cells,
        "all": ["9", section.lstrip("0"), item.lstrip("0")],
    }[damage]


@given(
    st.lists(st.sampled_from(["", "", "", "zeros", "class cut", "class strange", "class blank", "all"]), min_size=17)
)
def test_read_functional_codes__any_misprints_are_repaired_or_refused(damages: list[str]) -> None:
    rows = []
    for (code, name), damage in zip(FORM, damages, strict=False):
        cells = [code[:3], code[3:5], code[5:]]
        rows.append(CodeRow(*(_damaged(cells, damage) if damage else cells), name))
    readings = read_functional_codes(rows)
    for (code, _), reading, damage in zip(FORM, readings, damages, strict=False):
        assert reading.code in ((code,) if not damage else (code, None))


@given(st.lists(st.tuples(*[st.text("0127358 ０.款", max_size=8)] * 4), max_size=8))
def test_read_codes__hostile_cells(rows: list[tuple[str, str, str, str]]) -> None:
    cells = [CodeRow(*row) for row in rows]
    for readings in (read_functional_codes(cells), read_economic_codes(cells)):
        assert len(readings) == len(rows)
        assert all(reading.code is None or level(reading.code) for reading in readings)


# --- the corpus ------------------------------------------------------------------------------------------------------


def _cells(digits: str) -> tuple[str, str, str]:
    """Code cells from joined digits, as the forms print them: a first cell of one digit is a misprinted class."""
    if len(digits) == 5 and digits[0] == "7":
        return digits[0], digits[1:3], digits[3:]
    return digits[:3], digits[3:5], digits[5:]


def _truth_forms() -> list[tuple[str, list[dict[str, str]]]]:
    forms: dict[tuple[str, str], dict[int, dict[str, str]]] = defaultdict(dict)
    for path in sorted((CORPUS / "truth").glob("facts*/*.csv")):
        with path.open(encoding="utf-8-sig") as file:
            for row in csv.DictReader(file):
                if row["code"] not in ("", "TOTAL"):
                    forms[path.stem, row["form_id"]][int(row["row_no"])] = row
    return [(form, [rows[number] for number in sorted(rows)]) for (_, form), rows in forms.items()]


def _read(form: str, rows: list[dict[str, str]]) -> list[CodeReading]:
    reader = read_economic_codes if form == "basic_expenditure_by_economic" else read_functional_codes
    return reader(CodeRow(*_cells(row["code_printed"]), row["row_label"]) for row in rows)


@needs_corpus
def test_corpus__repairs_give_the_code_of_truth() -> None:
    forms = _truth_forms()
    assert len(forms) > 40
    for form, rows in forms:
        readings = _read(form, rows)
        assert [reading.numbering for reading in readings] == [row["code"] for row in rows]
        assert all(
            reading.is_repaired == (row["code"] != row["code_printed"])
            for reading, row in zip(readings, rows, strict=True)
        )


@needs_corpus
def test_corpus__every_code_is_known_and_names_agree() -> None:
    n_agreeing = n_rows = 0
    for form, rows in _truth_forms():
        book = economic_classification() if form == "basic_expenditure_by_economic" else functional_classification()
        for reading, row in zip(_read(form, rows), rows, strict=True):
            assert reading.is_private or reading.code in book.names, row
            n_rows += reading.code is not None
            n_agreeing += reading.code is not None and book.agrees(reading.code, row["row_label"])
    assert n_agreeing >= 0.98 * n_rows


@needs_corpus
def test_corpus__names_of_the_year_agree() -> None:
    """Codes of 2024 to 2026 are in use in 2024 to 2026, under the printed name."""
    n_agreeing = n_rows = 0
    for form, rows in _truth_forms():
        if form != "expenditure_summary":
            continue
        for row in rows:
            name = functional_codes(2024).get(row["code"])
            n_rows += 1
            n_agreeing += name is not None and classification.name_key(name) == classification.name_key(
                row["row_label"]
            )
    assert n_rows > 200
    assert n_agreeing >= 0.98 * n_rows


@needs_corpus
@pytest.mark.parametrize("damage", ["zeros", "class cut", "class strange", "all"])
def test_corpus__misprints_are_repaired_or_refused(damage: str) -> None:
    n_right = n_all = 0
    for form, rows in _truth_forms():
        reader = read_economic_codes if form == "basic_expenditure_by_economic" else read_functional_codes
        clean = [_cells(row["code"]) for row in rows]
        for at, row in enumerate(rows):
            cells = [*clean[:at], tuple(_damaged(list(clean[at]), damage)), *clean[at + 1 :]]
            reading = reader(CodeRow(*each, other["row_label"]) for each, other in zip(cells, rows, strict=True))[at]
            assert reading.numbering in (row["code"], None), (row["code"], reading)
            n_right += reading.numbering == row["code"]
            n_all += 1
    assert n_right >= 0.95 * n_all


@needs_corpus
def test_corpus__private_numbering_is_told_apart() -> None:
    private = [
        (rows[0]["document"], reading.numbering[:3])
        for form, rows in _truth_forms()
        for reading in _read(form, rows)
        if reading.is_private and reading.numbering
    ]
    assert {number for _, number in private} == {"302", "303"}
    assert len({document for document, _ in private}) == 1
