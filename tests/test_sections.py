"""Sections and joined text: small documents of our own."""

from __future__ import annotations

import pytest

from cnbudget.model import Box, Document, Grid, GridSource, MediaType, Paragraph
from cnbudget.prose.sections import Passage, close, fold, joined, passages, section_kind, sections, to_lines
from tests.corpus import needs_corpus
from tests.prose_labels import LABELLED, document


def text_document(*lines: str) -> Document:
    return Document("d", "d.txt", MediaType.TEXT, 1, 0, [Paragraph(line) for line in lines])


def paged(*pages: list[str]) -> Document:
    """Lines 12 points high from the left margin on, as wide as they have characters of 10 points."""
    blocks = [
        Paragraph(
            line.lstrip(),
            number,
            Box(50 + indent, 100 + 14 * row, 50 + indent + 10 * len(line.strip()), 112 + 14 * row),
        )
        for number, page in enumerate(pages, 1)
        for row, line in enumerate(page)
        for indent in [20 * (len(line) - len(line.lstrip()))]
    ]
    return Document("d", "d.pdf", MediaType.PDF, 1, len(pages), blocks)


def outline(of: Document) -> list[tuple[str, int]]:
    return [(section.kind.value, len(section.lines)) for section in sections(of)]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("某区园林局（部门）主要职能", "functions"),
        ("二、机构设置", "institutions"),
        ("名 词 解 释", "glossary"),
        ("2031年部门预算编制说明", "narrative"),
        ("第三部分 部门预算编制说明", "narrative"),
        ("2031年部门收入预算总表", "forms"),
        ("其他相关情况说明", "other_notes"),
        ("苗木养护项目经费情况说明", "projects"),
        ("苗木养护项目经费情况说", "projects"),
        ("3.苗木养护项目情况说明", "projects"),
        ("重点项目支出情况说明", "projects"),
        ("二、机关运行经费情况说明", None),
        ("一、2031年“三公”经费情况说明", None),
        ("二、部门机构设置及预算单位构成情况", "institutions"),
        ("2031年部门预算情况说明", "narrative"),
        ("第四部分 其他需要说明的事项", "other_notes"),
        ("其他重要事项的情况说明", "other_notes"),
        ("项目支出绩效目标申报表", "performance"),
        ("详见单位的项目绩效目标表", None),
        ("主要职能包括：", None),
        ("按照机构设置，本馆共有三个部门。", None),
        ("", None),
    ],
)
def test_section_kind__titles(line: str, kind: str | None) -> None:
    assert section_kind(line) == kind


def test_sections__a_heading_that_comes_again_in_its_section_does_not_end_it() -> None:
    found = text_document("某馆机构设置", "某馆设2个内设机构，包括：", "1.办公室", "某馆机构设置", "2.展陈部")
    assert outline(found) == [("institutions", 3)]


def test_sections__other_notes_without_their_heading_begin_with_the_three_public_expenses() -> None:
    found = text_document(
        "2031年部门预算编制说明", "收入预算5万元。", "一、2031年“三公”经费预算情况说明", "“三公”经费预算数为1万元。",
        "二、机关运行经费情况说明", "本单位无机关运行经费。",
    )  # fmt: skip
    assert outline(found) == [("narrative", 1), ("other_notes", 3)]


def test_sections__in_any_order_contents_left_out() -> None:
    found = text_document(
        "某区2031年部门预算", "目 录", "- 一、主要职能", "- 二、预算编制说明", "- 三、其他相关情况说明",
        "2031年部门预算编制说明", "收入预算5万元。", "某馆主要职能", "看展。", "其他相关情况说明", "无。", "名词解释",
    )  # fmt: skip
    assert outline(found) == [("cover", 1), ("narrative", 1), ("functions", 1), ("other_notes", 1)]


def test_sections__contents_of_numbered_titles_end_where_one_comes_again() -> None:
    found = text_document(
        "目录", "一、主要职能", "二、预算编制说明", "一、主要职能", "看展。", "二、预算编制说明", "收入预算5万元。"
    )
    assert outline(found) == [("functions", 1), ("narrative", 1)]


def test_sections__contents_over_two_pages() -> None:
    found = paged(["目录", "一、主要职能……………1"], ["二、名词解释…………2"], ["主要职能", "看展。"])
    assert outline(found) == [("functions", 1)]


def test_sections__prose_between_forms_and_titles_of_projects_are_kept() -> None:
    grid = Grid([], 1, 1, GridSource.TABS)
    lines = [
        Paragraph("2031年部门收入预算总表"),
        grid,
        Paragraph("收入预算5万元，比上年增加1万元。"),
        Paragraph("养护项目经费情况说明"),
    ]
    found = sections(Document("d", "d.txt", MediaType.TEXT, 1, 0, lines))
    assert [(section.kind.value, section.lines[0].text) for section in found] == [
        ("forms", "收入预算5万元，比上年增加1万元。"),
        ("projects", "养护项目经费情况说明"),
    ]


def test_sections__text_clipped_at_a_page_foot_comes_once() -> None:
    clipped = ["  7.“行政运行”科目88.70万元，主要用于养护公园内的各种树木和灌木", "以及苗圃。"]
    found = paged(
        ["预算编制说明", "  6.“水利”科目5万元，主要用于河道的维修和养护以及其他各项工作。", *clipped],
        [*clipped, "  8.完。"],
    )
    (section,) = sections(found)
    assert [line.text for line in section.lines].count("以及苗圃。") == 1
    assert section.lines[-1].text == "8.完。"


def test_sections__page_numbers_running_heads_and_a_page_printed_twice_are_gone() -> None:
    page = ["某局2031年预算", "本馆负责公园内的树木、灌木和草坪的养护，并负责花卉展览的筹备和举办工作。", "- 2 -"]
    last = ["某局2031年预算", "完。", "- 4 -"]
    found = paged(["某局2031年预算", "主要职能", "- 1 -"], page, [*page[:2], "- 3 -"], last)
    (section,) = sections(found)
    assert [line.text for line in section.lines] == [page[1], "完。"]


def test_sections__block_repeated_in_a_text_without_pages() -> None:
    block = [
        "三、实施主体",
        "某区园林局",
        "四、实施方案",
        "按季度对公园内的树木、灌木和草坪进行养护，并对养护情况进行考核。",
    ]
    found = text_document("养护项目经费情况说明", *block, *block, "七、绩效目标")
    assert outline(found) == [("projects", 1 + len(block) + 1)]


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("元 ， 财 政 业 务 费 10.00 万 元", "元，财政业务费10.00万元"),
        ("下属 5 家", "下属5家"),
        ("205 08 03", "205 08 03"),
        ("  1. “水利”", "1.“水利”"),
        ("", ""),
    ],
)
def test_close__spaces_of_justified_text(printed: str, read: str) -> None:
    assert close(printed) == read


def test_fold__keeps_every_offset() -> None:
    printed = "（一）２０３１年“三公”经费：１．５万元，占５％；ＡＢ"
    assert fold(printed) == "(一)2031年“三公“经费:1.5万元，占5%;AB"
    assert len(fold(printed)) == len(printed)


def test_passages__joined_over_lines_and_pages_with_their_places() -> None:
    found = paged(
        [
            "    本馆2031年收入预算1,212.12万元，其中：财政拨款收入950.",
            "12万元；事业收入262万元。",
            "    支出预算1,212.12万元，其中：本年度中的财政拨款支出预算总额9",
        ],
        ["50.12万元。"],
    )
    first, second = passages(to_lines(found.paragraphs()))
    assert first.text == "本馆2031年收入预算1,212.12万元，其中：财政拨款收入950.12万元；事业收入262万元。"
    assert second.text == "支出预算1,212.12万元，其中：本年度中的财政拨款支出预算总额950.12万元。"
    at = first.text.index("950.12")
    page, box = first.place(at, at + 6)
    assert page == 1
    assert box is not None and box.y0 == 100 and box.y1 == 126
    assert second.place(len(second.text) - 3, len(second.text))[0] == 2


def test_passages__numbered_lines_are_paragraphs_of_their_own() -> None:
    lines = ["主要用于：1、养护费1万元；", "2、展览费2万元；", "（3）其他费用中的维修", "3.5万元在下一行"]
    joined_last = "（3）其他费用中的维修3.5万元在下一行"
    assert [p.text for p in passages(to_lines(Paragraph(line) for line in lines))] == [*lines[:2], joined_last]


def test_joined__words_keep_a_space_and_numbers_do_not() -> None:
    passage: Passage = joined(to_lines([Paragraph("使用WIFI"), Paragraph("Router 12"), Paragraph("34元")]))
    assert passage.text == "使用WIFI Router 1234元"


# --- the corpus ------------------------------------------------------------------------------------------------------


@needs_corpus
@pytest.mark.parametrize("name", LABELLED)
def test_corpus__every_section_once(name: str) -> None:
    kinds = [section.kind.value for section in sections(document(name)) if section.kind != "forms"]
    expected = ["cover", "functions", "institutions", "glossary", "narrative", "other_notes", "projects"]
    if name.startswith("songjiang"):
        expected.remove("cover")
    if name.endswith("-unit.pdf"):
        expected.remove("projects")
    assert kinds == expected
