"""How the data describe themselves: Frictionless Data Package v2 with Table Schema, fiscal types where they fit.

Fields carry the `columnType` of the Fiscal Data Package (v1) where one of its concepts is meant, and both languages.
"""

from __future__ import annotations

from collections.abc import Mapping

from cnbudget.schema import DATASETS, SCHEMA_VERSION, Column, ColumnType, Dataset, Origin

PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"

LICENSE = {
    "name": "CC-BY-4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
    "title": "Creative Commons Attribution 4.0",
}
"""Of this compilation. The figures are those that the departments published; their documents stay theirs."""

CITATION = "cnbudget, published Chinese government budgets, release {release}, schema {version}"

LIMITS = (
    (
        "Only what was put into the bucket is here: no publisher and no year is complete by itself. `documents` lists what "
        "is held, rejected or unsupported, so that a gap shows.",
        "仅收录送入存储桶的文件，任何主体、年度都不保证齐全；documents 列出暂缓、拒绝与不支持的文件，缺口可见。",
    ),
    (
        "Budgets alone, of the nine statutory forms as Shanghai prints them; final accounts and other cities' layouts are "
        "recognised and counted, not read.",
        "只含预算（上海九张法定报表）；决算与其他城市版式仅识别并计数，不读取。",
    ),
    (
        "A budget is a plan. Nothing here says what was spent.",
        "预算是计划，不代表实际支出。",
    ),
    (
        "A department's budget contains its units'. Never add the two kinds; never sum budget_facts.",
        "部门预算包含所属单位预算，两者不可相加；budget_facts 不可加总。",
    ),
    (
        "Nearly every figure is confirmed by sums printed elsewhere in its document (n_identities, n_identities_holding); agency "
        "operating expenses and a few others stand in none and rest on the reading alone.",
        "绝大多数数字由文件内其他合计印证（n_identities、n_identities_holding）；机关运行经费等少数数字不在任何勾稽关系中。",
    ),
    (
        "Amounts are as printed, rounded by the publisher to yuan or 万元; differences within rounding are no errors.",
        "金额按公开文件原样，公开主体已取整；取整差异不是错误。",
    ),
    (
        "A code that cannot be told is null. The classifications were written down from knowledge and from published budgets, "
        "with approximate years (see their `source`); accounts move between classes over the years, so a change of one account "
        "may be a renaming.",
        "无法确定的编码为空。科目表据公开预算与知识整理，年份为近似；科目逐年调整，单个科目的增减可能只是改名。",
    ),
    (
        "Changes to the year before compare two published budgets, current revisions both; a publisher that was merged, renamed or "
        "split has no year before, or not the same scope.",
        "上年对比是两份公开预算（均为当前版本）之比；机构合并、更名、拆分后无上年或口径不同。",
    ),
    (
        "valid_from is when the source's object was last modified, the best date there is; it is not a legal date of publication.",
        "valid_from 取来源对象的修改时间，并非法定公开日期。",
    ),
)
"""What a reader has to know before using the data, in both languages."""

_TYPES = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "integer",
    ColumnType.DECIMAL: "number",
    ColumnType.DOUBLE: "number",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.TIMESTAMP: "datetime",
}
_FISCAL = {
    "fiscal_year": "date:fiscal-year",
    "amount_yuan": "value",
    "stage": "phase:id",
    "side": "direction",
    "fact_id": "budget-line-id",
    "publisher_id": "administrative-classification:generic:code",
    "publisher_name": "administrative-classification:generic:label",
    "functional_code": "functional-classification:generic:code",
    "class_code": "functional-classification:generic:level1:code:full",
    "class_name": "functional-classification:generic:level1:label",
    "section_code": "functional-classification:generic:level2:code:full",
    "section_name": "functional-classification:generic:level2:label",
    "item_code": "functional-classification:generic:level3:code:full",
    "item_name": "functional-classification:generic:level3:label",
    "economic_code": "economic-classification:generic:code",
}
"""Concepts of the Fiscal Data Package by column: one name means one thing in every dataset of money."""


def describe_package(release: str, resources: list[dict[str, object]]) -> dict[str, object]:
    """`datapackage.json` of a release, or of `latest`, with these resources (`describe_dataset` and their files)."""
    version = SCHEMA_VERSION
    return {
        "$schema": PROFILE,
        "name": "cnbudget",
        "title": "Published Chinese government budgets",
        "title_zh": "中国政府部门公开预算",
        "description": "Figures of published budgets, each confirmed by the sums of its own document. Known limits:\n"
        + "\n".join(f"- {en}" for en, _ in LIMITS),
        "description_zh": "公开预算的数字，均以文件自身的合计印证。已知限制：\n"
        + "\n".join(f"- {zh}" for _, zh in LIMITS),
        "version": version,
        "release": release,
        "citation": CITATION.format(release=release, version=version),
        "licenses": [LICENSE],
        "sources": [
            {"title": "Budgets as published by departments and budget units; the objects are in document_sources"}
        ],
        "keywords": ["budget", "public finance", "China", "Shanghai", "预算", "财政"],
        "resources": resources,
    }


def describe_dataset(dataset: Dataset, paths: list[str]) -> dict[str, object]:
    """The resource of a dataset: what a row is, its Table Schema, and its Parquet files, which together are the table."""
    return {
        "name": dataset.name,
        "type": "table",
        "title": dataset.name,
        "description": dataset.en,
        "description_zh": dataset.zh,
        "path": paths,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "schema": table_schema(dataset),
    }


def table_schema(dataset: Dataset) -> dict[str, object]:
    """The Table Schema of a dataset. It names no foreign keys: validators that read one file of many would see them broken.

    Parquet has nulls, so that no text stands for a missing value: an empty text is one.
    """
    fields = [_field(column, dataset) for column in dataset.columns]
    return {"fields": fields, "missingValues": [], "primaryKey": list(dataset.key)}


def _field(column: Column, dataset: Dataset) -> dict[str, object]:
    field: dict[str, object] = {"name": column.name, "type": _TYPES[column.type]}
    field |= {"description": column.en, "description_zh": column.zh}
    if column.unit:
        field["unit"] = column.unit
    if fiscal := _fiscal_type(column, dataset):
        field["columnType"] = fiscal
    return field | {"constraints": _constraints(column)}


def _fiscal_type(column: Column, dataset: Dataset) -> str | None:
    """The fiscal concept, in datasets that have money by account or publisher; 'class' is economic where the code is."""
    if "amount_yuan" not in dataset.column_names or dataset.origin is Origin.REFERENCE:
        return None
    found = _FISCAL.get(column.name)
    is_economic = "economic_code" in dataset.column_names and "functional_code" not in dataset.column_names
    return found.replace("functional-", "economic-") if found and is_economic else found


def _constraints(column: Column) -> Mapping[str, object]:
    found: dict[str, object] = {"required": not column.is_nullable}
    if column.allowed:
        found["enum"] = list(column.allowed)
    if column.minimum is not None:
        found["minimum"] = column.minimum
    if column.maximum is not None:
        found["maximum"] = column.maximum
    return found


def resources_of(paths: Mapping[str, list[str]]) -> list[dict[str, object]]:
    """The resources of all datasets that have files, by dataset name the paths."""
    return [describe_dataset(DATASETS[name], sorted(found)) for name, found in paths.items() if found]
