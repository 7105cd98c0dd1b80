"""What the codes mean: reference data, the same for every document."""

from __future__ import annotations

from cnbudget.model import Level
from cnbudget.schema.columns import Column, ColumnType, Dataset, Origin, text


def _classification(name: str, en: str, zh: str) -> Dataset:
    return Dataset(
        name,
        en,
        zh,
        key=("code", "valid_from_year", "name"),
        columns=(
            text("code", "digits", "编码", required=True),
            text("name", "official name", "名称", required=True),
            text("level", "class, section or item", "级次", required=True, allowed=Level),
            text("parent", "code one level up", "上级编码"),
            Column(
                "valid_from_year",
                ColumnType.INTEGER,
                "first year of use, as far as known",
                "启用年度",
                is_nullable=False,
            ),
            Column("valid_to_year", ColumnType.INTEGER, "last year of use; null while in use", "停用年度"),
            text("source", "where the row is from", "来源", required=True),
        ),
        origin=Origin.REFERENCE,
    )


FUNCTIONAL_CLASSIFICATION = _classification(
    "functional_classification", "Functional classification of expenditure.", "支出功能分类科目。"
)
ECONOMIC_CLASSIFICATION = _classification(
    "economic_classification", "Departmental economic classification.", "部门预算支出经济分类科目。"
)
