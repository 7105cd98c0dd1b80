"""What the data say of themselves is valid by the standard's own validator, and holds for the files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from cnbudget.classification import classification_frames
from cnbudget.datapackage import LIMITS, describe_package, resources_of, table_schema
from cnbudget.schema import DATASETS
from tests.lakes import staged_frames
from warehouse.parquet import to_parquet

frictionless = pytest.importorskip("frictionless")

PATHS = {name: [f"{name}/b.parquet", f"{name}/a.parquet"] for name in DATASETS}


def fields(name: str) -> dict[str, dict[str, object]]:
    found = table_schema(DATASETS[name])["fields"]
    assert isinstance(found, list)
    return {field["name"]: field for field in found}


def test_describe_package__is_valid_and_names_every_dataset() -> None:
    package = describe_package("2026.11", resources_of(PATHS))
    report = frictionless.Package.validate_descriptor(package)
    assert report.valid, report.flatten(["message"])
    resources = package["resources"]
    assert isinstance(resources, list)
    assert [resource["name"] for resource in resources] == list(DATASETS)
    assert resources[0]["path"] == ["documents/a.parquet", "documents/b.parquet"]
    assert all(en in str(package["description"]) and zh in str(package["description_zh"]) for en, zh in LIMITS)
    assert "2026.11" in str(package["citation"])


def test_describe_package__the_validator_finds_what_is_wrong() -> None:
    wrong = describe_package("x", [{"name": "a b", "path": "a.parquet", "schema": {"fields": [{"type": "string"}]}}])
    assert not frictionless.Package.validate_descriptor(wrong).valid


def test_table_schema__says_type_meaning_unit_and_fiscal_concept() -> None:
    line = fields("expenditure_lines")
    assert line["amount_yuan"] == {
        "name": "amount_yuan", "type": "number", "description": "the amount in yuan", "description_zh": "金额（元）",
        "unit": "CNY", "columnType": "value", "constraints": {"required": True},
    }  # fmt: skip
    assert line["fiscal_year"]["columnType"] == "date:fiscal-year"
    assert line["fiscal_year"]["constraints"] == {"required": True, "minimum": 2000, "maximum": 2099}
    assert line["nature"]["constraints"] == {"required": True, "enum": ["basic", "project"]}
    assert fields("basic_by_economic")["class_code"]["columnType"] == "economic-classification:generic:level1:code:full"
    assert fields("budget_by_function_year")["class_code"]["columnType"].startswith("functional-classification")  # type: ignore[attr-defined]
    assert "columnType" not in fields("documents")["fiscal_year"]


SEEN = {"first_seen_at": datetime(2024, 2, 1, tzinfo=UTC), "recognised_as": "nine_forms"}
FRAMES = {
    **{name: frame for name, frame in staged_frames("a" * 64, **SEEN).items() if frame.height},
    **classification_frames(),
}
FIT = ["documents", "expenditure_lines", "identity_terms", "cofog_mapping"]


@pytest.mark.parametrize("name", FIT)
def test_table_schema__holds_for_the_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    frame = FRAMES[name]
    Path("a.parquet").write_bytes(to_parquet(frame, name))
    schema = frictionless.Schema.from_descriptor(table_schema(DATASETS[name]))
    report = frictionless.Resource(path="a.parquet", schema=schema).validate()
    assert report.flatten(["type", "fieldName"]) == []
    assert report.tasks[0].stats["rows"] == frame.height
