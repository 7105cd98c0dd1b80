import pytest

from cnbudget.cover import Cover, contradictions, read_cover
from cnbudget.forms import FORMS
from cnbudget.model import Document, MediaType, Paragraph, PublisherKind, Stage
from cnbudget.recognise import Recognition, Statement

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


def test_contradictions__year_publisher_and_kind_are_compared() -> None:
    cover = Cover("上海市松江区甲局", PublisherKind.DEPARTMENT, 2024)
    found = contradictions(cover, [statement(year=2023, compiler="上海市松江区乙局", is_unit=True)])
    assert [(item.what, item.elsewhere, item.page) for item in found] == [
        ("fiscal_year", "2023", 9), ("publisher", "上海市松江区乙局", 9), ("publisher_kind", "unit", 9),
    ]  # fmt: skip


def test_contradictions__spellings_of_one_name_agree() -> None:
    cover = Cover("上海市松江区甲局（部门）", PublisherKind.DEPARTMENT, 2024)
    assert contradictions(cover, [statement(year=2024, compiler="上海市松江区甲局")]) == []
