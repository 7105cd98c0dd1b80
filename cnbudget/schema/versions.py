"""The version of the schema as a promise: what may change between two releases of the data under which version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cnbudget.errors import SchemaRefused
from cnbudget.schema import DATASETS, SCHEMA_VERSION, Dataset

Snapshot = Mapping[str, Any]


def snapshot() -> dict[str, object]:
    """The schema of now as plain data, as each release keeps it: version, and of every dataset its key and columns."""
    return {"version": SCHEMA_VERSION, "datasets": {name: _plain(dataset) for name, dataset in DATASETS.items()}}


def _plain(dataset: Dataset) -> dict[str, object]:
    columns = {
        column.name: {
            "type": column.type.value,
            "unit": column.unit,
            "is_nullable": column.is_nullable,
            "allowed": list(column.allowed) if column.allowed else None,
        }
        for column in dataset.columns
    }
    return {"key": list(dataset.key), "columns": columns}


def check_version(released: Snapshot, now: Snapshot) -> None:
    """Raise SchemaRefused where the schema has changed more than its version says since it was released.

    What readers have to change something for needs a new major version: a dataset or column that is gone, another type,
    unit or key, nulls where there were none. What they can leave alone needs a new minor one.
    """
    before, after = _numbers(released), _numbers(now)
    breaking, added = list(_breaking(released, now)), list(_added(released, now))
    if breaking:
        expected, found = (before[0] + 1, 0, 0), breaking
    elif added:
        expected, found = (before[0], before[1] + 1, 0), added
    else:
        expected, found = before, ["it went back"]
    if after < expected:
        more = f" (and {len(found) - 3} more)" if len(found) > 3 else ""
        raise SchemaRefused(
            f"{'; '.join(found[:3])}{more}: expected version {'.'.join(map(str, expected))} or later, found {now['version']}; "
            "raise SCHEMA_VERSION, or take the change back",
            where=f"schema since {released['version']}",
        )


def _numbers(schema: Snapshot) -> tuple[int, int, int]:
    major, minor, patch = (int(part) for part in str(schema["version"]).split("."))
    return major, minor, patch


def _breaking(before: Snapshot, after: Snapshot) -> Iterator[str]:
    for name, old in before["datasets"].items():
        new = after["datasets"].get(name)
        if new is None:
            yield f"dataset {name} is gone"
            continue
        if new["key"] != old["key"]:
            yield f"{name} has another key"
        for column, was in old["columns"].items():
            yield from _broken_column(f"{name}.{column}", was, new["columns"].get(column))


def _broken_column(name: str, was: Mapping[str, Any], is_now: Mapping[str, Any] | None) -> Iterator[str]:
    if is_now is None:
        yield f"{name} is gone"
        return
    for what in ("type", "unit"):
        if is_now[what] != was[what]:
            yield f"{name} has {what} {is_now[what]}, it was {was[what]}"
    if is_now["is_nullable"] and not was["is_nullable"]:
        yield f"{name} may be null, it never was"


def _added(before: Snapshot, after: Snapshot) -> Iterator[str]:
    for name, new in after["datasets"].items():
        old = before["datasets"].get(name)
        if old is None:
            yield f"dataset {name} is new"
            continue
        for column, is_now in new["columns"].items():
            was = old["columns"].get(column)
            if was is None:
                yield f"{name}.{column} is new"
            elif values := sorted(set(is_now["allowed"] or ()) - set(was["allowed"] or is_now["allowed"] or ())):
                yield f"{name}.{column} has new values {', '.join(values)}"
