import pytest

from cnbudget.cover import Cover, contradictions, read_cover
from cnbudget.forms import FORMS
from cnbudget.model import Block, Cell, Document, Grid, GridSource, MediaType, Paragraph, PublisherKind, Stage
from cnbudget.parse import read_one
from cnbudget.recognise import Recognition, Statement
from tests.corpus import DOCUMENTS, needs_corpus

NOTHING = Recognition([], [], [], [])


def cover_of(*lines: str, recognition: Recognition = NOTHING) -> Cover:
    blocks = [Paragraph(line, 1) for line in lines]
    return read_cover(Document("0" * 64, "x.pdf", MediaType.PDF, 1, 1, blocks), recognition)


def statement(**fields: object) -> Statement:
    return Statement(FORMS[2], "支出预算总表", pages=[9], **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "publisher", "kind", "year", "code", "level"),
    [
        (["上海市松江区2024年区级部门预算", "预算主管部门：上海市松江区甲局"], "上海市松江区甲局", "department", 2024, "310117", "district"),
        (["上海市2026年市级单位预算", "预算单位：上海市乙院"], "上海市乙院", "unit", 2026, "310000", "municipal"),
        (["上海市松江区丙院2025年单位预算", "预算单位：上海市松江区丙院"], "上海市松江区丙院", "unit", 2025, "310117", "district"),
        (["2026 年度", "福州市丁局", "单位预算"], "福州市丁局", "unit", 2026, "350100", "municipal"),
        (["西安市戊局（汇总）", "2026年部门预算公开说明"], "西安市戊局(汇总)", "department", 2026, "610100", "municipal"),
        (["2026 年深圳市己局（本级）部门预", "算"], "深圳市己局(本级)", "department", 2026, "440300", "municipal"),
    ],
)  # fmt: skip
def test_read_cover__reads_covers_of_many_kinds(
    lines: list[str], publisher: str, kind: str, year: int, code: str, level: str
) -> None:
    cover = cover_of(*lines, "目 录", "一、部门主要职能")
    assert (cover.publisher_name, cover.publisher_kind, cover.fiscal_year) == (publisher, kind, year)
    assert (cover.jurisdiction_code, cover.jurisdiction_level) == (code, level)


def test_read_cover__a_district_that_is_not_known_is_not_put_down_to_its_city() -> None:
    cover = cover_of("上海市云川区2024年区级部门预算", "预算主管部门：上海市云川区甲局")
    assert (cover.jurisdiction_code, cover.jurisdiction_name) == (None, None)


@pytest.mark.parametrize(
    ("words", "stage"),
    [("部门预算", Stage.BUDGET), ("部门决算", Stage.FINAL_ACCOUNTS), ("部门调整预算", Stage.ADJUSTED_BUDGET)],
)
def test_read_cover__tells_the_stage(words: str, stage: Stage) -> None:
    assert cover_of(f"上海市松江区甲局2024年度{words}").stage is stage


def test_read_cover__without_a_cover_the_forms_tell_if_they_agree() -> None:
    forms = [statement(year=2024, compiler="上海市松江区甲局", is_unit=False) for _ in range(2)]
    cover = cover_of("一、甲局主要职能如下", recognition=Recognition(forms, [], [], []))
    assert (cover.publisher_name, cover.fiscal_year, cover.publisher_kind) == (
        "上海市松江区甲局",
        2024,
        PublisherKind.DEPARTMENT,
    )


def test_read_cover__forms_that_disagree_tell_nothing() -> None:
    forms = [statement(year=2024, compiler="甲局"), statement(year=2025, compiler="乙局")]
    cover = cover_of("说明", recognition=Recognition(forms, [], [], []))
    assert (cover.fiscal_year, cover.publisher_name) == (None, None)


def budget(*blocks: Block) -> Cover:
    return read_cover(Document("0" * 64, "x.pdf", MediaType.PDF, 1, 9, blocks), NOTHING)


def row(*texts: str) -> Grid:
    cells = [Cell(0, column, text) for column, text in enumerate(texts)]
    return Grid(cells, 1, len(texts), GridSource.RULED, 5)


def test_read_cover__a_cover_that_is_a_picture_leaves_the_titles_inside() -> None:
    cover = budget(Paragraph("2026 年度部门预算情况说明", 3), Paragraph("附件：北京市甲局 2026 年度部门预算报表", 9))
    assert (cover.publisher_name, cover.fiscal_year, cover.publisher_kind) == ("北京市甲局", 2026, "department")
    assert cover.jurisdiction_code == "110000"


@pytest.mark.parametrize(
    "lines",
    [
        ("北京市甲局2026年部门预算", "北京市乙局2026年部门预算"),
        ("北京市甲局2026年部门预算", "北京市甲局2025年部门预算"),
        ("根据北京市甲局2026年部门预算安排情况编制本年度计划",),
    ],
)
def test_read_cover__titles_inside_that_disagree_or_are_sentences_tell_nothing(lines: tuple[str, ...]) -> None:
    cover = budget(*(Paragraph(line, number) for number, line in enumerate(lines, 3)))
    assert (cover.publisher_name, cover.fiscal_year) == (None, None)


def test_read_cover__tables_without_any_cover_tell_by_their_labelled_cells() -> None:
    cover = budget(row("部门整体支出绩效目标表"), row("（2026年度）"), row("部门名称", "北京市甲局", "金额"))
    assert (cover.publisher_name, cover.fiscal_year, cover.publisher_kind) == ("北京市甲局", 2026, "department")
    assert cover.is_stated is False


def test_read_cover__cells_with_two_names_or_a_column_head_tell_nothing() -> None:
    two = budget(row("单位名称", "北京市甲局"), row("单位名称", "北京市乙局"), row("（2026年度）"))
    head = budget(row("单位名称", "项目名称", "金额"), row("北京市甲局", "某项目", "5"))
    assert (two.publisher_name, head.publisher_name) == (None, None)


def test_contradictions__year_publisher_and_kind_are_compared() -> None:
    cover = Cover("上海市松江区甲局", PublisherKind.DEPARTMENT, 2024)
    found = contradictions(cover, [statement(year=2023, compiler="上海市松江区乙局", is_unit=True)])
    assert [(item.what, item.elsewhere, item.page) for item in found] == [
        ("fiscal_year", "2023", 9), ("publisher", "上海市松江区乙局", 9), ("publisher_kind", "unit", 9),
    ]  # fmt: skip


def test_contradictions__spellings_of_one_name_agree() -> None:
    cover = Cover("上海市松江区甲局（部门）", PublisherKind.DEPARTMENT, 2024)
    assert contradictions(cover, [statement(year=2024, compiler="上海市松江区甲局")]) == []


# --- the corpus ------------------------------------------------------------------------------------------------------

SHANGHAI, PUTUO = ("上海市", "310000"), ("上海市普陀区", "310107")
COVERS = {
    "putuo-finance-2025-dept.pdf": ("上海市普陀区财政局", "department", 2025, "budget", *PUTUO),
    "putuo-welfare-2024-unit.pdf": ("上海市普陀区社会福利院", "unit", 2024, "budget", *PUTUO),
    "wanli-2024-dept.pdf": ("上海市普陀区人民政府万里街道办事处", "department", 2024, "budget", *PUTUO),
    "wanli-2025-dept.pdf": ("上海市普陀区人民政府万里街道办事处", "department", 2025, "budget", *PUTUO),
    "shanghai-hrss-2024-dept.txt": ("上海市人力资源和社会保障局", "department", 2024, "budget", *SHANGHAI),
    "songjiang-hrss-2024-dept.txt": (
        "上海市松江区人力资源和社会保障局", "department", 2024, "budget", "上海市松江区", "310117",
    ),
    **{
        f"shanghai-2026/{name}-2026.pdf": (name, "unit", 2026, "budget", *SHANGHAI)
        for name in (
            "上海交通职业技术学院", "上海市域外农场管理办公室", "上海市审计局", "上海市福利彩票发行中心",
            "上海市职业能力考试院", "上海市花卉良种试验场", "上海水产老干部活动室", "上海科技大学附属学校",
        )
    },
    "other-layouts/beijing-audit-2026.pdf": ("北京市审计局", "department", 2026, "budget", "北京市", "110000"),
    "other-layouts/beijing-audit-2026-tables.pdf": ("北京市审计局", "department", 2026, "budget", "北京市", "110000"),
    "other-layouts/fuzhou-cangshan-ecology-2026.pdf": (
        "福州市仓山生态环境局", "unit", 2026, "budget", "福州市", "350100",
    ),
    "other-layouts/guangzhou-meteorology-2026.pdf": (
        "广州市气象局", "department", 2026, "budget", "广州市", "440100",
    ),
    "other-layouts/putuo-socialwork-2024-final-accounts.pdf": (
        "中共上海市普陀区委社会工作部", "department", 2024, "final_accounts", *PUTUO,
    ),
    "other-layouts/shenzhen-finance-2026.pdf": (
        "深圳市财政局(本级)", "department", 2026, "budget", "深圳市", "440300",
    ),
    "other-layouts/suzhou-data-2026.pdf": ("苏州市数据局", "department", 2026, "budget", "苏州市", "320500"),
    # The file is named 2026; every page of it says 2025.
    "other-layouts/wuxi-petitions-2026.pdf": ("无锡市信访局", "department", 2025, "budget", "无锡市", "320200"),
    "other-layouts/xian-audit-2026.pdf": ("西安市审计局(汇总)", "department", 2026, "budget", "西安市", "610100"),
}  # fmt: skip
"""Publisher, kind, year, stage, place and its code, read from the pages by eye."""


@needs_corpus
@pytest.mark.parametrize("name", COVERS)
def test_corpus__cover(name: str) -> None:
    path = DOCUMENTS / name
    cover = read_one(path.name, path.read_bytes()).cover
    found = (cover.publisher_name, cover.publisher_kind, cover.fiscal_year, cover.stage)
    assert (*found, cover.jurisdiction_name, cover.jurisdiction_code) == COVERS[name]


@needs_corpus
def test_corpus__every_document_has_its_cover_labelled() -> None:
    assert {path.relative_to(DOCUMENTS).as_posix() for path in DOCUMENTS.rglob("*.*")} == set(COVERS)
