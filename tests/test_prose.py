"""The prose of a document and of a batch: frames that fit the schema, hostile text in bounded time, speed beside the tables."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cnbudget.model import Document, MediaType, Paragraph
from cnbudget.parse import parse_documents
from cnbudget.prose import prose_frames, read_prose
from cnbudget.reading import read_document
from cnbudget.schema import DATASETS
from samples.budget import Budget, Wording
from samples.draw import draw_budget
from samples.forms import printed
from samples.render_markdown import render_markdown
from tests.corpus import DOCUMENTS, needs_corpus
from tests.prose_labels import fiscal_year
from tests.test_projects import CARE, SHOW
from tests.test_prose_reconcile import DOCUMENT, facts
from tests.waiting import ends

LINES = [
    "某区园林局机构设置", "本部门中，行政单位1家，具体包括：", "1.某区园林局本部",
    "2031年部门预算编制说明", "2031年，某区园林局收入预算5万元，其中：财政拨款收入4万元。",
    "其他相关情况说明", "三、政府采购预算情况", "2031年政府采购预算1万元。",
    "树木养护项目经费情况说明", *CARE, "花卉展览项目经费情况说明", *SHOW,
]  # fmt: skip
FACTS = facts(("financial_summary", "收入总计", None, "revenue", 60_000))


def text_document(*lines: str) -> Document:
    return Document(DOCUMENT, "d.txt", MediaType.TEXT, 1, 0, [Paragraph(line) for line in lines])


def test_prose_frames__fit_the_schema_and_have_unique_keys() -> None:
    frames = prose_frames([read_prose(text_document(*LINES), 2031)], FACTS)
    assert {name: frame.height for name, frame in frames.items()} == {
        "narrative_claims": 3,
        "institutions": 2,
        "disclosures": 1,
        "projects": 2,
        "project_items": 0,
    }
    for name, frame in frames.items():
        schema = DATASETS[name].polars_schema()
        assert dict(frame.select(list(schema)).schema) == schema
        assert frame.select(DATASETS[name].key).is_unique().all()
        required = [column.name for column in DATASETS[name].columns if not column.is_nullable]
        assert frame.select(pl.col(required).null_count()).sum_horizontal().item() == 0


def test_prose_frames__of_nothing() -> None:
    frames = prose_frames([], FACTS.clear())
    assert all(frame.is_empty() for frame in frames.values())


MEGABYTE = 1_000_000
HOSTILE = {
    "megabyte of digits": "1" * MEGABYTE,
    "megabyte of amounts": "，收入预算5万元" * (MEGABYTE // 9),
    "comma groups": "1,234," * (MEGABYTE // 6),
    "bracket pairs": "（）" * 10_000 + "（" * 10_000 + "）" * 10_000,
    "book title marks": "《" * 20_000 + "》" * 20_000 + "《》" * 20_000,
    "quotation marks": "“" * 20_000 + "5万元" + "“”科目5万元" * 5_000,
    "comparisons": "比2030年预算" * 20_000,
    "formulas": "1*" * 50_000 + "=5元",
    "spaces": " " * MEGABYTE + "万元",
    "leaders of contents": "·" * MEGABYTE + "x",
    "amounts in a reason": "收入预算5万元，主要原因是" + "、甲5万元" * 15_000,
    "words that end names": "甲" + "为" * 49_000 + "5万元",
    "verbs of lists": "设" * 90_000 + "。" + "设有甲、" * 20_000,
    "counts": "1个科室" * 20_000 + "事业单位1家" * 10_000,
    "comparisons with brackets": "比2030年(甲)预算数5万元" * 6_000,
    "asides in asides": "主要原因是用于" * 12_000,
    "headings": "一、项目概述六、年度预算安排" * 20_000,
}
_FRAMES = [
    ["{}"],
    ["目录", "{}", "{}"],
    ["部门预算编制说明", "{}"],
    ["其他相关情况说明", "{}"],
    ["机构设置", "{}"],
    [
        "树木养护项目经费情况说明",
        "一、项目概述",
        "{}",
        "二、立项依据",
        "{}",
        "三、实施主体",
        "{}",
        "六、年度预算安排",
        "{}",
    ],
]


@pytest.mark.parametrize("kind", HOSTILE)
def test_read_prose__hostile_text_ends(kind: str) -> None:
    with ends():
        for template in _FRAMES:
            found = read_prose(text_document(*(line.format(HOSTILE[kind]) for line in template)), 2031)
            prose_frames([found], FACTS)


def test_read_prose__no_section_no_record() -> None:
    found = read_prose(
        text_document("收入预算5万元，比上年增加1万元。", *(f"{n}.第{n}行5元" for n in range(2000))), 2031
    )
    assert not (found.claims or found.institutions or found.disclosures or found.projects)


def test_read_prose__thousands_of_titles_and_pieces_end() -> None:
    lines = [
        line
        for n in range(3000)
        for line in (f"项目{n}经费情况说明", "一、项目概述", f"第{n}个项目", "六、年度预算安排", f"预算{n}元")
    ]
    with ends():
        found = read_prose(text_document(*lines, *(f"无主{n}经费情况说明" for n in range(3000))), 2031)
    assert len(found.projects) == 3000


# --- the same budget in other words -----------------------------------------------------------------------------------


def records(budget: Budget) -> dict[str, pl.DataFrame]:
    """What the words of a budget say, without how they say it."""
    frames = parse_documents([("预算.md", render_markdown(printed(budget)))])
    assert frames["documents"]["state"].item() == "parsed"
    chosen = {
        "narrative_claims": "measure functional_code year amount_yuan n_counted compared_year change_yuan status",
        "institutions": "row_type kind position name n_stated",
        "disclosures": "key item value unit as_of",
        "projects": "name implementer overview plan period goals annual_budget_yuan amount_source n_items items_yuan is_cut",
        "project_items": "item_no name amount_yuan",
    }
    return {name: frames[name].select(columns.split()) for name, columns in chosen.items()}


@pytest.mark.parametrize("seed", range(12))
def test_read_prose__free_wording_gives_the_records_of_the_prescribed_one(seed: int) -> None:
    budget = draw_budget(seed)
    free = replace(budget, style=replace(budget.style, wording=Wording.FREE))
    prescribed, told_freely = records(budget), records(free)
    assert prescribed["narrative_claims"].height > 40
    for name, frame in prescribed.items():
        assert_frame_equal(told_freely[name], frame)


# --- the corpus ------------------------------------------------------------------------------------------------------


@needs_corpus
def test_corpus__other_layouts_are_read_without_an_exception() -> None:
    for path in sorted(DOCUMENTS.glob("other-layouts/*.pdf")):
        read_prose(read_document(path.name, path.read_bytes()), fiscal_year(path.name))
