"""What the codes mean: reference data, the same for every document."""

from __future__ import annotations

from cnbudget.model import CofogShare, Confidence, Level
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

COFOG_MAPPING = Dataset(
    "cofog_mapping",
    "The classes of the functional classification beside the UN's Classification of the Functions of Government (1999): "
    "many to many, written down from knowledge of both, since no official table exists. A class follows its purpose, COFOG "
    "the function served; where an account does not say which, the row says so. For comparisons between countries use "
    "`main` rows of high confidence, and tell what is left out.",
    "支出功能分类的类与联合国政府职能分类（COFOG 1999）的对照，多对多；无官方对照表，依两套分类的含义编写，各行注明把握程度与缺口。",
    key=("functional_code", "cofog_code"),
    columns=(
        text("functional_code", "class of the functional classification: 3 digits", "功能分类类级编码", required=True),
        text("cofog_code", "division (2 digits) or group; null for a gap", "COFOG编码；缺口为空"),
        text("cofog_name", "its name", "COFOG名称"),
        text(
            "share",
            "main: most of the money; part: some of it; gap: no function",
            "主要、部分或缺口",
            required=True,
            allowed=CofogShare,
        ),
        text("confidence", "how sure the row is", "把握程度", required=True, allowed=Confidence),
        text("note_en", "what goes there and what cannot be told", "说明（英文）", required=True),
        text("note_zh", "the same in Chinese, where it was written", "说明（中文）"),
    ),
    origin=Origin.REFERENCE,
)
