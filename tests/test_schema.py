import re

import pytest

from cnbudget.schema import DATASETS, STAGED, ColumnType, Dataset

SUFFIX = {
    "_at": ColumnType.TIMESTAMP,
    "_yuan": ColumnType.DECIMAL,
    "_sha256": ColumnType.STRING,
    "_year": ColumnType.INTEGER,
}


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_datasets__keys_and_names_keep_the_grammar(dataset: Dataset) -> None:
    assert set(dataset.key) <= set(dataset.column_names)
    assert len(set(dataset.column_names)) == len(dataset.columns)
    for column in dataset.columns:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", column.name)
        assert column.en and column.zh
        if column.name.startswith("n_"):
            assert column.type is ColumnType.INTEGER
        if column.name.startswith("is_"):
            assert column.type is ColumnType.BOOLEAN
        for suffix, kind in SUFFIX.items():
            assert not column.name.endswith(suffix) or column.type is kind, column.name


def test_datasets__every_staged_one_says_which_document() -> None:
    assert [name for name in STAGED if "document_id" not in DATASETS[name].column_names] == []


def test_polars_schema__follows_the_columns() -> None:
    for dataset in DATASETS.values():
        assert list(dataset.polars_schema()) == dataset.column_names
