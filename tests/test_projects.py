"""Projects: pieces, titles and repetitions of our own, then the labelled projects of the published documents."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from cnbudget import money
from cnbudget.model import AmountSource, Paragraph
from cnbudget.prose.projects import Project, cited, projects
from cnbudget.prose.sections import Section, SectionKind, to_lines
from tests.corpus import needs_corpus
from tests.prose_labels import labels_of, prose


def read(*lines: str, institutions: tuple[str, ...] = ()) -> list[Project]:
    return projects([Section(SectionKind.PROJECTS, "", to_lines(Paragraph(line) for line in lines))], institutions)


def body(what: str, who: str, budget: str) -> list[str]:
    """The seven fields of a project that speaks of `what`."""
    return [
        "一、项目概述", f"为做好{what}，由专人负责，提高公园的整体水平，满足市民的文化需求和休闲需求。",
        "二、立项依据", f"《关于{what}的通知》（某园〔2030〕15号）、《公园条例》",
        "三、实施主体", who,
        "四、实施方案", f"按季度实施{what}，并按照合同进行考核和验收，年底前完成全部工作内容。",
        "五、实施周期", "2031年1月1日至2031年12月31日",
        "六、年度预算安排", budget,
        "七、绩效目标", "详见单位的项目绩效目标表",
    ]  # fmt: skip


CARE = body("树木养护", "某区园林局", "年度预算资金100元。")
SHOW = body("花卉展览", "某区花卉馆", "年度预算资金200元。")


def keys(found: list[Project]) -> list[tuple[str | None, str | None, Decimal | None]]:
    return [(project.name, project.implementer, project.annual_budget_yuan) for project in found]


BOTH = [("树木养护", "某区园林局", 100), ("花卉展览", "某区花卉馆", 200)]


def test_projects__fields_as_printed() -> None:
    (project,) = read("树木养护项目经费情况说明", *CARE)
    assert (project.name, project.implementer, project.period) == (
        "树木养护",
        "某区园林局",
        "2031年1月1日至2031年12月31日",
    )
    assert project.goals == "详见单位的项目绩效目标表"
    assert not project.is_cut
    assert json.loads(project.cited_documents) == [
        {"title": "《关于树木养护的通知》", "number": "某园〔2030〕15号"},
        {"title": "《公园条例》", "number": None},
    ]


def test_projects__cited_documents_with_their_numbers() -> None:
    basis = "根据园林局《养护办法》（某园〔2030〕1号）；按某府〔2029〕2号《采购办法》，某办发【2028】3号；《公园条例》"
    care = [*CARE[:3], basis, *CARE[4:]]
    assert [(c["title"], c["number"]) for c in json.loads(read("养护项目经费情况说明", *care)[0].cited_documents)] == [
        ("《养护办法》", "某园〔2030〕1号"),
        ("《采购办法》", "某府〔2029〕2号"),
        (None, "某办发【2028】3号"),
        ("《公园条例》", None),
    ]


@pytest.mark.parametrize(
    ("basis", "cites"),
    [
        (
            "根据某府规【2030】8号文关于同意《某区规划》的批复和某发改【2030】9号文《项目建议书》进行建设",
            [(None, "某府规【2030】8号"), ("《某区规划》", None), ("《项目建议书》", "某发改【2030】9号")],
        ),
        (
            "按照某财〔2029〕1号和某财〔2029〕2号以及国知发〔2030〕3号文件",
            [(None, "某财〔2029〕1号"), (None, "某财〔2029〕2号"), (None, "国知发〔2030〕3号")],
        ),
        ("《公园条例》及和政办〔2030〕4号", [("《公园条例》", "和政办〔2030〕4号")]),
        ("关于养护的通知某园〔2030〕5号", [(None, "某园〔2030〕5号")]),
    ],
)
def test_cited__number_is_of_the_title_that_it_touches(basis: str, cites: list[tuple[str | None, str | None]]) -> None:
    assert [(c["title"], c["number"]) for c in json.loads(cited(basis))] == cites


def test_projects__text_before_the_first_heading_goes_on_with_the_field_before_it() -> None:
    lines = ["花卉展览项目经费情况说明", *SHOW, CARE[3], *CARE[4:], "树木养护项目经费情况说明", *CARE[:3]]
    found = {project.name: project for project in read(*lines)}
    assert found["树木养护"].legal_basis == CARE[3]
    assert found["树木养护"].overview == CARE[1]


def test_projects__same_name_for_two_implementers_is_two() -> None:
    other = body("树木养护", "某区苗圃", "年度预算资金300元。")
    found = read("树木养护项目经费情况说明", *CARE, "树木养护项目经费情况说明", *other)
    assert keys(found) == [("树木养护", "某区园林局", 100), ("树木养护", "某区苗圃", 300)]


def test_projects__heading_inside_a_line_and_title_without_its_ending() -> None:
    care = [*CARE[:5], f"{CARE[5]} 四、实施方案", *CARE[7:]]
    assert keys(read("树木养护经费", *care, "花卉展览项目经费情况说", *SHOW)) == [
        ("树木养护经费", *BOTH[0][1:]),
        BOTH[1],
    ]


def test_projects__title_after_its_text_and_titles_together() -> None:
    assert keys(read(*CARE, "树木养护项目经费情况说明", *SHOW, "花卉展览项目经费情况说明")) == BOTH
    assert keys(read("树木养护项目经费情况说明", "花卉展览项目经费情况说明", *CARE, *SHOW)) == BOTH
    assert keys(read(*CARE, *SHOW, "花卉展览项目经费情况说明", "树木养护项目经费情况说明")) == BOTH


@pytest.mark.parametrize(
    ("title", "heading"),
    [
        ("树木养护项目经费情况说明", "{numeral}、{name}"),
        ("1.树木养护项目情况说明", "{numeral}、{name}："),
        ("（二）树木养护项目支出情况说明", "（{numeral}）{name}"),
        ("项目名称：树木养护", "{digit}.{name}："),
        ("树木养护项目经费情况说明", "【{name}】"),
        ("一、树木养护", "{name}："),
    ],
)
def test_projects__titles_and_headings_of_many_kinds(title: str, heading: str) -> None:
    lines = [
        heading.format(numeral=line[0], digit="一二三四五六七".index(line[0]) + 1, name=line[2:])
        if line[1:2] == "、"
        else line
        for line in CARE
    ]
    (project,) = read(title, *lines)
    assert keys([project]) == BOTH[:1]
    assert not project.is_cut


def test_projects__headings_by_other_names() -> None:
    (project,) = read(
        "树木养护项目情况说明", "项目简介：养护树木。", "项目依据：《公园条例》", "实施单位：某区园林局", "实施计划：按季度养护。",
        "实施期限：全年", "资金安排：年度预算资金100元。", "年度绩效目标：树木成活。",
    )  # fmt: skip
    assert keys([project]) == BOTH[:1]
    assert (project.overview, project.goals, project.is_cut) == ("养护树木。", "树木成活。", False)


def test_projects__items_named_like_headings_are_no_headings() -> None:
    (project,) = read(
        "树木养护项目经费情况说明", *CARE[:10], "六、年度预算安排", "年度预算资金100元。其中：", "1.实施方案编制费60元；",
        "2.绩效目标评审费40元。", *CARE[12:],
    )  # fmt: skip
    assert [(item.name, item.amount_yuan) for item in project.items] == [("实施方案编制费", 60), ("绩效目标评审费", 40)]


def test_projects__whole_and_partial_repetitions_are_one_project() -> None:
    lines = [
        "树木养护项目经费情况说明",
        *CARE,
        *CARE,
        *CARE[4:],
        "花卉展览项目经费情况说明",
        *SHOW[:2],
        *SHOW,
        *SHOW[:4],
    ]
    assert keys(read(*lines)) == BOTH


def test_projects__first_fields_after_the_rest() -> None:
    lines = [*CARE[4:], "树木养护项目经费情况说明", *CARE[:4], "花卉展览项目经费情况说明", *SHOW]
    found = read(*lines)
    assert keys(found) == BOTH
    assert found[0].overview == CARE[1]


def test_projects__title_inside_a_heading() -> None:
    lines = ["一、项目概", "树木养护项目经费情况说明", "述", *CARE[1:]]
    assert keys(read(*lines)) == BOTH[:1]


def test_projects__cut_text_is_a_project_without_a_budget() -> None:
    found = read("树木养护项目经费情况说明", *CARE[:8], "花卉展览项目经费情况说明", *SHOW)
    assert [(project.name, project.annual_budget_yuan, project.is_cut) for project in found] == [
        ("树木养护", None, True),
        ("花卉展览", 200, False),
    ]


def test_projects__added_up_where_no_total_is_printed() -> None:
    (project,) = read(*body("树木养护", "某区园林局", "养护费100元；补种费50元。"))
    assert (project.name, project.annual_budget_yuan, project.amount_source) == (None, 150, AmountSource.ADDED_UP)
    assert [(item.name, item.amount_yuan) for item in project.items] == [("养护费", 100), ("补种费", 50)]


@pytest.mark.parametrize(
    ("printed", "implementer"),
    [
        ("此项目由上海市某苗圃负责实施。其中养护由一科负责。", "上海市某苗圃"),
        ("实施主体为某苗圃，职责是养护。", "上海市某苗圃"),
        ("本工程由建设单位园林局建设、监理单位监理。", "上海市园林局"),
        ("上海市园林局（本级）", "上海市园林局（本级）"),
        ("某花店。负责供花。", "某花店"),
    ],
)
def test_projects__implementer_in_full(printed: str, implementer: str) -> None:
    (project,) = read(*body("树木养护", printed, "预算1元"), institutions=("上海市园林局（本部）", "上海市某苗圃"))
    assert project.implementer == implementer


def test_projects__none_without_fields() -> None:
    assert read("项目经费情况说明", "本单位无项目。") == []
    assert projects([]) == []


# --- the corpus ------------------------------------------------------------------------------------------------------

CITY, DISTRICT = "shanghai-hrss-2024-dept.txt", "songjiang-hrss-2024-dept.txt"
LARGE = (CITY, DISTRICT)


def labelled(name: str) -> dict[tuple[str, str], dict[str, str]]:
    return {(money.key(row["project_name"]), row["implementer"]): row for row in labels_of("projects", name)}


def found_in(name: str) -> dict[tuple[str, str], Project]:
    return {(money.key(p.name or ""), p.implementer or ""): p for p in prose(name).projects}


@needs_corpus
@pytest.mark.parametrize("name", LARGE)
def test_corpus__every_project_once(name: str) -> None:
    found = Counter((money.key(p.name or ""), p.implementer or "") for p in prose(name).projects)
    assert found == Counter(list(labelled(name)))


@needs_corpus
def test_corpus__annual_budgets_and_items() -> None:
    budgets, items, wrong = [], [], []
    for name in LARGE:
        found = found_in(name)
        for key, row in labelled(name).items():
            if row["annual_budget_yuan"]:
                budgets.append(found[key].annual_budget_yuan == Decimal(row["annual_budget_yuan"]))
                wrong.extend([] if budgets[-1] else [key])
            if row["items_sum_matches"] != "cut":
                amounts = sorted(Decimal(item.rpartition("=")[2]) for item in row["items"].split(";") if item)
                items.append(amounts == sorted(item.amount_yuan for item in found[key].items))
                wrong.extend([] if items[-1] else [key])
    assert sum(budgets) / len(budgets) >= 0.97, wrong
    assert sum(items) / len(items) >= 0.90, wrong


@needs_corpus
@pytest.mark.parametrize("name", ["putuo-finance-2025-dept.pdf", "wanli-2024-dept.pdf", "wanli-2025-dept.pdf"])
def test_corpus__one_text_without_a_title_is_one_project(name: str) -> None:
    (project,) = prose(name).projects
    (row,) = labels_of("projects", name)
    amounts = [Decimal(item.rpartition("=")[2]) for item in row["items"].split(";")]
    assert project.name is None
    assert [item.amount_yuan for item in project.items] == amounts
    assert project.amount_source is AmountSource.ADDED_UP
    if row["annual_budget_yuan"]:
        assert project.annual_budget_yuan == Decimal(row["annual_budget_yuan"])
