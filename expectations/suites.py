"""The suites: generated from the schema, plus what the totals of a batch must satisfy; plain data, as GX stores it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from cnbudget.schema import DATASETS, STAGED, Column, Dataset
from expectations.balances import BALANCES, CLAIMED_COUNTS, REFERENCES, column_types

Expectation = dict[str, Any]
Suite = dict[str, Any]

FOLDER = Path(__file__).parent / "suites"


@dataclass(frozen=True, slots=True)
class Consequence:
    """What a failure means. `severity` critical holds the document (all of the batch where none can be named).

    `is_approvable`: a person may publish it all the same, as with the publisher's sums; never a broken contract.
    """

    severity: str
    next_step: str
    is_approvable: bool = False


BROKEN_CONTRACT = Consequence("critical", "correct what produces the dataset, then ingest the document again")
TO_BE_JUDGED = Consequence(
    "critical", "compare the figures with the page; approve the document if it is really printed so", is_approvable=True
)
UNCHECKED = Consequence("warning", "look whether the total is blank on the page: the sum could not be checked")
UNPLACED = Consequence("info", "add the jurisdiction's code; until then the document is filed under unknown")


def write_suites(folder: Path = FOLDER) -> list[Path]:
    """Writes every suite as JSON, and removes those that are no longer there."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = {folder / f"{name}.json": text for name, text in suites_as_json().items()}
    for stale in set(folder.glob("*.json")) - set(texts):
        stale.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return sorted(texts)


def read_suites(folder: Path = FOLDER) -> dict[str, Suite]:
    """The suites by the name of the frame they are for, as they stand on disk."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def suites_version(folder: Path = FOLDER) -> str:
    """A hash of the suites as they stand on disk."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.json")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def suites_as_json() -> dict[str, str]:
    """The text of each suite's file."""
    return {name: json.dumps(suite, ensure_ascii=False, indent=1) + "\n" for name, suite in suites().items()}


def suites() -> dict[str, Suite]:
    """One suite per staged dataset and per frame of balances, as Great Expectations stores them."""
    expectations: Mapping[str, list[Expectation]] = {
        **{name: [*_of_dataset(DATASETS[name]), *_of_content(name)] for name in STAGED},
        "column_types": [_of_types()],
        "printed_totals": list(_of_printed_totals()),
        "document_counts": list(_of_document_counts()),
        "recomputed_identities": list(_of_recomputed_identities()),
    }
    return {name: {"name": name, "expectations": listed} for name, listed in expectations.items()}


def _expect(
    expectation_id: str, kind: str, expected: str, consequence: Consequence = BROKEN_CONTRACT, **kwargs: object
) -> Expectation:
    meta = {
        "id": expectation_id,
        "expected": expected,
        "next_step": consequence.next_step,
        "is_approvable": consequence.is_approvable,
    }
    return {"type": f"expect_{kind}", "kwargs": kwargs, "meta": meta, "severity": consequence.severity}


def _of_types() -> Expectation:
    # One expectation for all columns: GX takes 5 ms for each, and there are more than a hundred.
    empty = {name: pl.DataFrame(schema=DATASETS[name].polars_schema()) for name in STAGED}
    types = column_types(empty)["column_type"].to_list()
    expected = "the type that the schema gives the column"
    return _expect("column_type.in_set", "column_values_to_be_in_set", expected, column="column_type", value_set=types)


def _of_dataset(dataset: Dataset) -> Iterator[Expectation]:
    names = dataset.column_names
    yield _expect(
        "columns", "table_columns_to_match_ordered_list", "the columns of the schema, in order", column_list=names
    )
    required = [column.name for column in dataset.columns if not column.is_nullable]
    # GX takes a row for empty where all columns of the list are null, and would pass over it.
    present = {"column_list": required, "ignore_row_if": "never"}
    yield _expect("required.present", "multicolumn_values_to_all_be_present", "a value in each of them", **present)
    for column in dataset.columns:
        yield from _of_column(column)
    key = list(dataset.key)
    if len(key) == 1:
        yield _expect(f"{key[0]}.unique", "column_values_to_be_unique", "each key once", column=key[0])
    else:
        yield _expect("key.unique", "compound_columns_to_be_unique", "each key once", column_list=key)


def _of_column(column: Column) -> Iterator[Expectation]:
    name = column.name
    if column.allowed:
        allowed = list(column.allowed)
        expected = f"one of {', '.join(allowed)}"
        yield _expect(f"{name}.in_set", "column_values_to_be_in_set", expected, column=name, value_set=allowed)
    if column.minimum is not None or column.maximum is not None:
        expected = f"from {column.minimum} to {'any' if column.maximum is None else column.maximum}"
        yield _between(name, expected, column.minimum, column.maximum)


def _between(
    column: str,
    expected: str,
    minimum: int | None,
    maximum: int | None,
    consequence: Consequence = BROKEN_CONTRACT,
) -> Expectation:
    bounds = {key: value for key, value in (("min_value", minimum), ("max_value", maximum)) if value is not None}
    # By its bounds, because a column may have several: what the schema allows and what may be published.
    expectation_id = ".".join([column, *(f"{key[:3]}_{value}" for key, value in bounds.items())])
    return _expect(expectation_id, "column_values_to_be_between", expected, consequence, column=column, **bounds)


def _of_content(name: str) -> Iterator[Expectation]:
    """What the schema cannot say: what may not be published, and what had better be known."""
    not_null, not_in_set = "column_values_to_not_be_null", "column_values_to_not_be_in_set"
    if name == "documents":
        yield _between("n_numbers_unassigned", "every number accounted for", None, 0, TO_BE_JUDGED)
        yield _expect("jurisdiction_code.known", not_null, "a code", UNPLACED, column="jurisdiction_code")
    if name == "identity_checks":
        broken = {"column": "status", "value_set": ["broken"]}
        yield _expect("status.not_broken", not_in_set, "no broken identity", TO_BE_JUDGED, **broken)


def _of_printed_totals() -> Iterator[Expectation]:
    for balance, expected in BALANCES.items():
        yield _between(f"{balance}_excess_yuan", expected, None, 0, TO_BE_JUDGED)
    expected = "a printed total to compare with"
    yield _expect("printed_yuan.known", "column_values_to_not_be_null", expected, UNCHECKED, column="printed_yuan")


def _of_document_counts() -> Iterator[Expectation]:
    yield _between("n_listed", "every document that has rows listed in documents, once", 1, 1)
    for column, (dataset, _) in CLAIMED_COUNTS.items():
        yield _between(f"{column}_difference", f"documents.{column} equal to the rows of {dataset}", 0, 0)
    for column, expected in REFERENCES.items():
        yield _between(column, expected, None, 0)


def _of_recomputed_identities() -> Iterator[Expectation]:
    yield _between("excess_yuan", "terms that balance within their rounding", None, 0, TO_BE_JUDGED)
    yield _between("n_terms", "a check that came out has terms", 1, None)
    yield _between("residual_difference_yuan", "residual_yuan equal to the sum of the terms, signs applied", 0, 0)
