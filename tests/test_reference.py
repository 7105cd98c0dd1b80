from pathlib import Path

import pytest

from cnbudget.datapackage import LICENSE, LIMITS
from cnbudget.reference import about_the_data, data_dictionary, references, rule_reference
from cnbudget.rules import CATALOGUE
from cnbudget.schema import DATASETS, SCHEMA_VERSION
from samples.bucket import build

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bucket")
    build(folder)
    return folder


def test_references__are_what_the_code_says(bucket: Path) -> None:
    rendered = {name: render() for name, render in references(bucket).items()}
    there = {name: (FOLDER / name).read_text(encoding="utf-8") for name in rendered}
    assert [name for name in rendered if rendered[name] != there[name]] == [], "run `make docs`"


def test_data_dictionary__names_every_column() -> None:
    text = data_dictionary()
    assert [c.name for d in DATASETS.values() for c in d.columns if f"`{c.name}`" not in text] == []


def test_about_the_data__has_licence_limits_and_how_to_cite() -> None:
    text = about_the_data()
    assert all(en in text and zh in text for en, zh in LIMITS)
    assert LICENSE["title"] in text
    assert f"schema {SCHEMA_VERSION}" in text


def test_rule_reference__every_rule_is_documented_in_full() -> None:
    text = rule_reference({})
    for rule in CATALOGUE:
        parts = (rule.rule_id, rule.title_zh, rule.title_en, rule.explanation, rule.rests_on, rule.example)
        assert all(parts) and all(part in text for part in parts), rule.rule_id
    assert len({rule.rule_id for rule in CATALOGUE}) == len(CATALOGUE)


def test_rule_reference__counts_what_fires_in_the_sample_bucket(bucket: Path) -> None:
    text = references(bucket)["rules.md"]()
    assert "A malformed code** / 科目编码有误 (error; fires 0 times)" in text
    assert "holds the document; fires 4 times" in text
