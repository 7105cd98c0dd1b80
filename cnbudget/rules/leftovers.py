"""What a template or an earlier edition left behind: placeholders, half amounts, doubled words, rows without figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cnbudget.model import Box, PublisherKind, Severity, Side
from cnbudget.prose.sections import SectionKind
from cnbudget.recognise import is_total
from cnbudget.rules.case import FORM_NAMES, Case, Family, Found, Text, rule
from cnbudget.rules.structure import TEMPLATE

PROSE = frozenset(
    {
        SectionKind.FUNCTIONS,
        SectionKind.INSTITUTIONS,
        SectionKind.GLOSSARY,
        SectionKind.NARRATIVE,
        SectionKind.OTHER_NOTES,
        SectionKind.PROJECTS,
    }
)
NOTES = frozenset({SectionKind.NARRATIVE, SectionKind.OTHER_NOTES})

_Match = tuple[Text, re.Match[str], int | None, Box | None]


def _matches(case: Case, kinds: frozenset[SectionKind], pattern: re.Pattern[str]) -> Iterator[_Match]:
    """Every match of a pattern in the folded text of some sections, with its place."""
    for text in case.texts:
        if text.kind in kinds:
            for match in pattern.finditer(text.passage.folded):
                yield text, match, *text.passage.place(*match.span())


def _around(text: Text, match: re.Match[str], before: int = 20, after: int = 10) -> str:
    return text.passage.text[max(0, match.start() - before) : match.end() + after]


def _each(
    matches: Iterator[_Match], say: Callable[[str], tuple[str, str, str | None]], before: int = 20, after: int = 10
) -> Iterator[Found]:
    """One finding for each match, its words from `say`: Chinese, English, what is expected."""
    for text, match, page, box in matches:
        quote = _around(text, match, before, after)
        zh, en, expected = say(quote)
        yield Found(
            f"{text.kind.value}/{match[0]}",
            zh,
            en,
            expected=expected,
            found=match[0],
            page=page,
            box=box,
            quote=quote,
        )


_PLACEHOLDER = re.compile(
    r"(?P<reason>(?:主要)?原因(?:是|为):?(?=[。;,，]))"
    r"|[(\[](?:增加内容|待补充|待定|模板|示例|此处[^)\]]{0,20}|请?填写?[^)\]]{0,12}|删除[^)\]]{0,12})[)\]]"
    r"|20(?:[X×*]{2}|[x]{2})年|(?<![A-Za-z0-9×])(?:X{2,}|×{2,}|x{3,})(?![A-Za-z0-9×])|[_＿]{2,}|○{2,}|某某"
)


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "模板占位文字未处理",
    "A placeholder of the template is left",
    rests_on=TEMPLATE,
    example="（待补充） in a title; 20XX年; 主要原因是。 with nothing behind it.",
)
def placeholder_left(case: Case) -> Iterator[Found]:
    """Nothing of the template's own is left: no XX, no editor's remark, no reason that was never written."""

    def say(quote: str) -> tuple[str, str, str | None]:
        if re.search(r"原因(?:是|为)", quote) and not re.search(r"[X×x]{2}|[(\[]", quote):
            return (
                f"“{quote}”：原因留空。请补充原因。",
                f"{quote}: the reason was left blank. Write it.",
                "主要原因是……",
            )
        return (
            f"“{quote}”含模板占位或批注。请填写或删除。",
            f"{quote}: a placeholder or remark of the template. Fill it in or remove it.",
            None,
        )

    yield from _each(_matches(case, PROSE, _PLACEHOLDER), say)


_ANNEX = re.compile(r"(?:详见|见|参见)附(?:件|表)(?!.{0,4}绩效)\d*")


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "所指附件未公开",
    "An annex that is not there",
    rests_on=TEMPLATE,
    example="预算20万元，详见附件, and the document has no annex.",
)
def annex_missing(case: Case) -> Iterator[Found]:
    """Where the text points to an annex, the annex is published with it."""
    if any(re.match(r"\s*附(?:件|表)\s*\d*[:：]?\s*$", line.text) for line in case.lines):
        return

    def say(quote: str) -> tuple[str, str, str | None]:
        return (
            f"“{quote}”所指附件未公开。请补充附件或写明内容。",
            f"{quote}: the annex is not published. Add it, or say what it says.",
            None,
        )

    yield from _each(_matches(case, PROSE, _ANNEX), say)


_HALF_AMOUNT = re.compile(r"(?<![\d.])\d[\d,]*(?:\.\d+)?万(?=\(含\)|及?以上|以下|[,，。;])")


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "金额缺少“元”",
    "An amount without 元",
    rests_on="金额应写明单位（元、万元）",
    example="单价50万（含）以上; two lines below it says 50万元.",
)
def unit_incomplete(case: Case) -> Iterator[Found]:
    """An amount in ten thousands is written 万元."""

    def say(quote: str) -> tuple[str, str, str | None]:
        return f"“{quote}”的金额缺“元”。请写作“万元”。", f"{quote}: the amount lacks 元. Write 万元.", "万元"

    yield from _each(_matches(case, NOTES, _HALF_AMOUNT), say, before=6)


_VEHICLE_NAME = re.compile(r"公务(?!用车)[用车处辆]{1,3}(?:购置及运行|运行)(?:维护)?(?:费|情况)?")


@rule(
    Severity.WARNING,
    Family.STRUCTURE,
    "“三公”经费名称有误",
    "A wrong name of a 'three public' expense",
    rests_on="“三公”经费预算表的栏目：公务用车购置及运行费",
    example="公务车辆运行费 for 公务用车运行费.",
)
def three_public_name_variant(case: Case) -> Iterator[Found]:
    """The text calls the expenses for vehicles as the form does."""
    seen: set[str] = set()
    for text, match, page, box in _matches(case, NOTES, _VEHICLE_NAME):
        if match[0] in seen:
            continue
        seen.add(match[0])
        meant = re.sub(r"公务[用车处辆]{1,3}", "公务用车", match[0])
        yield Found(
            f"{text.kind.value}/name/{match[0]}",
            f"“{match[0]}”应为“{meant}”。请更正。",
            f"{match[0]} should read {meant}. Correct it.",
            expected=meant,
            found=match[0],
            page=page,
            box=box,
            quote=_around(text, match, 0, 0),
        )


_DOUBLED = re.compile(r"(主要原因是?|主要用于|财政拨款|其中:|情况说明)\1")


@rule(
    Severity.INFO,
    Family.STRUCTURE,
    "重复词语",
    "Words printed twice",
    rests_on="文字校对",
    example="主要用于主要用于办公.",
)
def words_doubled(case: Case) -> Iterator[Found]:
    """Phrases of the template stand once."""

    def say(quote: str) -> tuple[str, str, str | None]:
        return f"“{quote}”有重复词语。请删除。", f"{quote}: words are printed twice. Remove them.", None

    yield from _each(_matches(case, NOTES, _DOUBLED), say, before=0)


_OF_UNIT = re.compile(r"本单位(?:政府采购|编报|整体|实现)|单位预算安排购置")
_OF_DEPARTMENT = re.compile(r"本部门(?:政府采购|编报|整体|实现|面向)|部门预算安排购置")


@rule(
    Severity.INFO,
    Family.STRUCTURE,
    "部门与单位措辞混用",
    "A department's words in a unit's budget, or the other way round",
    rests_on=TEMPLATE,
    example="A department's budget says 本单位政府采购预算.",
)
def kind_of_publisher_confused(case: Case) -> Iterator[Found]:
    """A department speaks of 本部门, a unit of 本单位."""
    is_unit = case.cover.publisher_kind is PublisherKind.UNIT
    if case.cover.publisher_kind is None:
        return
    wrong, own_zh = (_OF_DEPARTMENT, "单位") if is_unit else (_OF_UNIT, "部门")
    found = list(_matches(case, frozenset({SectionKind.OTHER_NOTES}), wrong))
    if found:
        text, match, page, box = found[0]
        yield Found(
            "other_notes/publisher_kind",
            f"{own_zh}预算中写“{match[0]}”（共{len(found)}处）。请按{own_zh}措辞。",
            f"the budget of a {'unit' if is_unit else 'department'} says {match[0]} ({len(found)} times). Say 本{own_zh}.",
            expected=f"本{own_zh}" if match[0].startswith("本") else f"{own_zh}预算",
            found=match[0],
            page=page,
            box=box,
            quote=_around(text, match, 0, 6),
        )


@rule(
    Severity.INFO,
    Family.STRUCTURE,
    "无金额的模板行",
    "A row of the template without figures",
    rests_on="财务收支预算总表、财政拨款收支预算总表的填列",
    example="一、一般公共服务支出 is printed without an amount.",
)
def template_row_left(case: Case) -> Iterator[Found]:
    """The expenditure side of the two summaries lists the classes that have figures."""
    for statement in case.recognition.statements:
        for row in statement.rows if statement.form.is_two_sided else ():
            label = row.labels.get(Side.RIGHT)
            if not label or any(amount.side is Side.RIGHT for amount in row.amounts) or is_total(label):
                continue
            zh, en = FORM_NAMES[statement.form.form_id]
            yield Found(
                f"{statement.form.form_id.value}/{row.row_no}/blank",
                f"《{zh}》“{label}”没有金额。请删除该行或填列。",
                f"{en}: {label} has no amount. Remove the row or fill it in.",
                found=label,
                page=row.page or (statement.pages[0] if statement.pages else None),
                quote=label,
            )


RULES = (
    placeholder_left,
    annex_missing,
    unit_incomplete,
    three_public_name_variant,
    words_doubled,
    kind_of_publisher_confused,
    template_row_left,
)
