"""What may change in the schema under which version."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from cnbudget.errors import SchemaRefused
from cnbudget.schema import DATASETS
from cnbudget.schema.versions import check_version, snapshot

Schema = dict[str, Any]


def changed(change: Callable[[Schema], object], version: str) -> Schema:
    now = copy.deepcopy(dict(snapshot()))
    change(now["datasets"])
    return now | {"version": version}


RELEASED = dict(snapshot()) | {"version": "1.4.2"}

BREAKING: dict[str, Callable[[Schema], object]] = {
    "dataset findings is gone": lambda d: d.pop("findings"),
    "documents.file_name is gone": lambda d: d["documents"]["columns"].pop("file_name"),
    "documents has another key": lambda d: d["documents"].update(key=["file_name"]),
    "documents.n_pages has type string": lambda d: d["documents"]["columns"]["n_pages"].update(type="string"),
    "budget_facts.amount_yuan has unit 万元": lambda d: d["budget_facts"]["columns"]["amount_yuan"].update(unit="万元"),
    "budget_facts.amount_yuan may be null": lambda d: d["budget_facts"]["columns"]["amount_yuan"].update(
        is_nullable=True
    ),
}
ADDED: dict[str, Callable[[Schema], object]] = {
    "dataset more is new": lambda d: d.update(more={"key": ["id"], "columns": {}}),
    "documents.colour is new": lambda d: d["documents"]["columns"].update(
        colour=d["documents"]["columns"]["file_name"]
    ),
    "documents.stage has new values plan": lambda d: d["documents"]["columns"]["stage"]["allowed"].append("plan"),
}


def test_snapshot__has_every_dataset_and_column() -> None:
    found: Any = snapshot()["datasets"]
    assert {name: list(found[name]["columns"]) for name in found} == {n: d.column_names for n, d in DATASETS.items()}


@pytest.mark.parametrize("what", BREAKING)
def test_check_version__a_breaking_change_needs_a_major_version(what: str) -> None:
    with pytest.raises(SchemaRefused, match=f"{what}.*expected version 2.0.0"):
        check_version(RELEASED, changed(BREAKING[what], "1.5.0"))
    check_version(RELEASED, changed(BREAKING[what], "2.0.0"))


@pytest.mark.parametrize("what", ADDED)
def test_check_version__an_addition_needs_a_minor_one(what: str) -> None:
    with pytest.raises(SchemaRefused, match=f"{what}.*expected version 1.5.0"):
        check_version(RELEASED, changed(ADDED[what], "1.4.3"))
    check_version(RELEASED, changed(ADDED[what], "1.5.0"))


def test_check_version__nothing_changed_needs_none_and_none_goes_back() -> None:
    check_version(RELEASED, RELEASED)
    with pytest.raises(SchemaRefused, match="went back"):
        check_version(RELEASED, RELEASED | {"version": "1.4.1"})
