from pathlib import Path

import pytest

from cnbudget.reference import REFERENCES, data_dictionary, rule_reference
from cnbudget.rules import RULES
from cnbudget.schema import DATASETS

FOLDER = Path(__file__).parents[1] / "docs" / "reference"


@pytest.mark.parametrize("name", REFERENCES)
def test_references__are_what_the_code_says(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == REFERENCES[name](), "run `make docs`"


def test_data_dictionary__names_every_column() -> None:
    text = data_dictionary()
    assert [c.name for d in DATASETS.values() for c in d.columns if f"`{c.name}`" not in text] == []


def test_rule_reference__every_rule_says_what_it_asks() -> None:
    assert [rule.__name__ for rule in RULES if not rule.__doc__ or f"`{rule.__name__}`" not in rule_reference()] == []
