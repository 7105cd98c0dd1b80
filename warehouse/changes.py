"""The changelog of the data: what each release added, revised and withdrew, in Markdown, both languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_SHOWN = 200
"""Budgets that are named under each heading; `changes.json` has them all."""

_HEADINGS = {
    "added": "Added / 新增",
    "revised": "Revised by the publisher / 公开主体修订",
    "read anew": "Read anew, other figures / 重新读取后数字有变",
    "withdrawn": "Withdrawn / 撤下",
}


def to_changelog(changes: Mapping[str, Any], older: str) -> bytes:
    """The section of a release, by its `changes.json`, above the changelog of the release before."""
    lines = [f"# {changes['release']}", "", *_head(changes), ""]
    for change, heading in _HEADINGS.items():
        lines += _budgets(heading, [each for each in changes["budgets"] if each["change"] == change])
    lines += [*_rows(changes["rows"], changes["previous_rows"]), ""]
    return "\n".join([*lines, older]).rstrip().encode() + b"\n"


def _head(changes: Mapping[str, Any]) -> Iterator[str]:
    previous = changes["previous"] or "none / 无"
    yield f"As of / 截至 {changes['as_of']}; schema {changes['schema_version']}; previous release / 上一版: {previous}."
    if changes["previous"]:
        yield f"{changes['n_figures_differing']} figures differ / 个数字有变: `figure_changes.parquet`."


def _budgets(heading: str, budgets: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not budgets:
        return
    yield from (f"## {heading}: {len(budgets)}", "")
    for each in budgets[:_SHOWN]:
        figures = each["n_figures_changed"] + each["n_figures_added"] + each["n_figures_removed"]
        told = f": {figures} figures / 个数字" if figures else ""
        yield f"- {each['publisher_name']} {each['fiscal_year']} ({each['publisher_kind']}){told}"
    if len(budgets) > _SHOWN:
        yield f"- and {len(budgets) - _SHOWN} more, all in `changes.json` / 其余见 `changes.json`"
    yield ""


def _rows(rows: Mapping[str, int], before: Mapping[str, int]) -> Iterator[str]:
    yield from ("| dataset / 数据集 | rows / 行数 | before / 上一版 |", "|---|---:|---:|")
    for name, n_rows in rows.items():
        yield f"| {name} | {n_rows} | {before.get(name, '')} |"
