"""Forms: the nine are there and whole, and every number on their pages has its place. These findings hold a document."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cnbudget.model import Cause, FormId, Severity
from cnbudget.recognise import Unassigned, is_total
from cnbudget.rules.case import FORM_NAMES, Case, Family, Found, money_text, rule, yuan_text

LIST_OF_FORMS = "上海市部门预算公开的九张表式；《地方预决算公开操作规程》（财预〔2016〕143号）"


@rule(
    Severity.ERROR,
    Family.FORMS,
    "缺少预算表",
    "A form is missing",
    rests_on=LIST_OF_FORMS,
    example="The file goes from 收入预算总表 to 财政拨款收支预算总表: 支出预算总表 is not there.",
    is_holding=True,
)
def form_missing(case: Case) -> Iterator[Found]:
    """Each of the nine forms has to be there; a form without figures is printed empty."""
    silent = ", ".join(map(str, case.recognition.silent_pages[:10]))
    zh_silent, en_silent = (
        (f"第{silent}页没有文字（可能为扫描件）。", f" Page {silent} has no text and may be scanned.")
        if silent
        else ("", "")
    )
    for form_id in case.recognition.missing:
        zh, en = FORM_NAMES[form_id]
        listed = [page for listed_id, _, page in case.recognition.titles if listed_id is form_id]
        yield Found(
            form_id.value,
            f"未找到《{zh}》；应有九张表。请核对文件是否缺页，或表式与标题是否改动。{zh_silent}",
            f"{en} was not found; nine forms are expected. Check for a missing page or an altered title.{en_silent}",
            expected="1 form",
            found="0 forms" + (f", title listed on page {listed[0]}" if listed and listed[0] else ""),
        )


@rule(
    Severity.ERROR,
    Family.FORMS,
    "预算表未标明金额单位",
    "A form states no unit",
    rests_on=LIST_OF_FORMS,
    example="No 单位：元 stands over the table.",
    is_holding=True,
)
def unit_missing(case: Case) -> Iterator[Found]:
    """A form states the unit of its amounts; without it none of them can be told."""
    for statement in case.recognition.statements:
        if statement.unit is None:
            zh, en = FORM_NAMES[statement.form.form_id]
            yield Found(
                statement.form.form_id.value,
                f"《{zh}》未标明金额单位（元或万元）。请补充“单位：元”。",
                f"{en} states no unit (元 or 万元). Add it under the title.",
                expected="单位：元",
                page=statement.pages[0] if statement.pages else None,
            )


SCALES = tuple(Decimal(10) ** power for power in (-8, -6, -4, -3, -2, 2, 3, 4, 6, 8))
"""By how much amounts are off where one unit of money is written for another, or decimal points were lost."""


@rule(
    Severity.ERROR,
    Family.FORMS,
    "预算表金额单位与文字不符",
    "The unit of the forms contradicts the text",
    rests_on="编制说明应与预算表一致；《地方预决算公开操作规程》（财预〔2016〕143号）",
    example="The forms say 单位：元 and print 950.00 for what the text calls 950.00万元, throughout.",
    is_holding=True,
)
def unit_contradicts_text(case: Case) -> Iterator[Found]:
    """The text and the forms may differ in an amount, but not all amounts by the same power of ten: then one of them has a
    wrong unit, and every figure of the forms may be that many times too large."""
    for section in ("narrative", "other_notes"):
        told = [(c, c.amount_yuan, c.table_yuan) for c in case.claims if c.section == section]
        both = [(claim, stated, printed) for claim, stated, printed in told if stated and printed]
        for scale in SCALES:
            off = [each for each in both if abs(each[1] - each[2] * scale) <= min(each[0].precision, abs(each[1]) / 50)]
            if len(off) < 2 or 2 * len(off) <= len(both):
                continue
            claim, stated, printed = off[0]
            yield Found(
                f"{section}/unit",
                f"文字说明的{len(off)}个金额均为表中的{scale:f}倍（如{claim.subject}：文字{claim.printed}，表中{money_text(printed)}元）。"
                "请核对预算表的“单位：元”或“单位：万元”。",
                f"{len(off)} amounts of the text are {scale:f} times those of the forms ({claim.subject}: the text says "
                f"{claim.printed}, the form {money_text(printed)} yuan). Check the unit over the forms.",
                expected=yuan_text(stated),
                found=yuan_text(printed),
                page=claim.page,
                box=claim.box,
                quote=claim.quote,
            )


YUAN_TO_TEN_THOUSANDS = (Decimal(10_000), Decimal("0.0001"))
SAME_PURPOSE = {"30212": "overseas_travel", "30217": "official_reception", "30231": "vehicle_operation"}
"""What T8 prints by economic section and T9 by 'three public' expense: the same where general public money alone pays."""


@rule(
    Severity.ERROR,
    Family.FORMS,
    "两张表的金额单位不一致",
    "The units of two forms contradict each other",
    rests_on="经济分类科目30212、30217、30231与“三公”经费同一用途",
    example="T8 prints 12,000 for 公务接待费 under 单位：万元, T9 prints 1.20 under 单位：万元.",
    is_holding=True,
)
def units_contradict(case: Case) -> Iterator[Found]:
    """The same expenses are not the same power of ten apart in T8 and in T9: then one of the two has a wrong unit."""
    by_code = {
        f.code: f for f in case.figures if f.form_id == FormId.BASIC_EXPENDITURE_BY_ECONOMIC and f.measure == "total"
    }
    ninth = {f.measure: f for f in case.figures if f.form_id == FormId.THREE_PUBLIC_AND_AGENCY_OPERATING}
    pairs = [(by_code[code], ninth[m]) for code, m in SAME_PURPOSE.items() if code in by_code and m in ninth]
    both = [(one, other) for one, other in pairs if one.amount_milli and other.amount_milli]
    for scale in SCALES:
        off = [(a, b) for a, b in both if abs(a.yuan - b.yuan * scale) * 1000 <= a.half_milli + b.half_milli * scale]
        # 元 for 万元 shows in one expense; by other powers of ten two round amounts may be apart by chance.
        is_all = all(Decimal("0.01") < a.yuan / (b.yuan * scale) < 10 for a, b in both)  # T9 has other money as well
        if not is_all or len(off) < (1 if scale in YUAN_TO_TEN_THOUSANDS else 2):
            continue
        one, other = off[0]
        zh, en = FORM_NAMES[FormId.BASIC_EXPENDITURE_BY_ECONOMIC]
        yield Found(
            f"{FormId.BASIC_EXPENDITURE_BY_ECONOMIC.value}/unit",
            f"《{zh}》中{one.row_label}等{len(off)}项均为“三公”经费表的{scale:f}倍。请核对两表的“单位”。",
            f"{len(off)} expenses of {en} are {scale:f} times those of T9 ({one.row_label}: {money_text(one.yuan)} and "
            f"{money_text(other.yuan)} yuan). Check the units over both forms.",
            expected=yuan_text(other.yuan),
            found=yuan_text(one.yuan),
            page=one.page,
        )


@rule(
    Severity.ERROR,
    Family.FORMS,
    "预算表没有合计行",
    "A form ends without its totals",
    rests_on=LIST_OF_FORMS,
    example="The last row of 支出预算总表 is 购房补贴, no 合计 follows.",
    is_holding=True,
)
def total_row_missing(case: Case) -> Iterator[Found]:
    """Every form but the last ends in a row of totals: without it a page may be lost that no sum would miss."""
    for statement in case.recognition.statements:
        if statement.form.form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING or not statement.rows:
            continue
        labels = [label for row in statement.rows for label in row.labels.values()]
        if not any("计" in label and is_total(label) for label in labels):
            zh, en = FORM_NAMES[statement.form.form_id]
            page = statement.pages[-1] if statement.pages else None
            yield Found(
                statement.form.form_id.value,
                f"《{zh}》没有合计行，最后一行是“{labels[-1] if labels else ''}”。请核对第{page or '?'}页之后是否缺页。",
                f"{en} has no row of totals; its last row is {labels[-1] if labels else 'blank'}. "
                f"Check whether a page after page {page or '?'} is missing.",
                expected="合计",
                found=labels[-1] if labels else None,
                page=page,
            )


@rule(
    Severity.ERROR,
    Family.FORMS,
    "预算表之间有无标题的表",
    "A table without a title among the forms",
    rests_on=LIST_OF_FORMS,
    example="Page 11 holds 40 numbers in a table that goes on with no form around it.",
    is_holding=True,
)
def table_between_forms(case: Case) -> Iterator[Found]:
    """A table with numbers but without a title among the forms may be a part of one that was not recognised."""
    pages = [page for statement in case.recognition.statements for page in statement.pages]
    for index, item in enumerate(case.recognition.others, 1):
        if not item.title and item.n_numbers and item.page and pages and min(pages) < item.page < max(pages):
            yield Found(
                f"page {item.page}/{index}",
                f"第{item.page}页的表没有标题，其 {item.n_numbers} 个数字不能归入前后的预算表。请对照原文核对该页。",
                f"page {item.page}: a table without a title holds {item.n_numbers} numbers that fit no form around it. "
                "Compare with the page.",
                page=item.page,
                cause=Cause.EXTRACTION,
            )


@rule(
    Severity.ERROR,
    Family.FORMS,
    "封面与预算表不一致",
    "The cover contradicts the forms",
    rests_on="封面、表题和“编制部门（单位）”应指同一年度、同一预算单位",
    example="The cover says 2030, a form is titled 2029年部门收入预算总表.",
    is_holding=True,
)
def cover_contradicts_forms(case: Case) -> Iterator[Found]:
    """Cover, form titles and 编制部门 name the same year, publisher and kind of publisher."""
    for item in case.contradictions:
        yield Found(
            f"{item.where}/{item.what}",
            f"封面写“{item.cover}”，第{item.page or '?'}页的表写“{item.elsewhere}”。请核对是否混入了别的预算的页面。",
            f"the cover says {item.cover}, the form on page {item.page or '?'} says {item.elsewhere}. "
            "Check whether a page of another budget slipped in.",
            expected=item.cover,
            found=item.elsewhere,
            page=item.page,
        )


@rule(
    Severity.ERROR,
    Family.FORMS,
    "数字未能归入栏目",
    "A number without a place",
    rests_on="守恒：表页上的每个数字或是一个数据，或是表头、页码、注释",
    example="12,800 stands outside the ruled table on page 11.",
    is_holding=True,
)
def number_unassigned(case: Case) -> Iterator[Found]:
    """Every number on a form page ends in one fact, or is a header, page number or note (conservation)."""
    for index, item in enumerate(case.recognition.unassigned, 1):
        if not item.is_open_zero:
            yield _without_a_place(index, item)


@rule(
    Severity.INFO,
    Family.FORMS,
    "零值未能归入栏目",
    "A zero without a column",
    rests_on="文本中空白栏目丢失，零落在哪一栏不影响任何合计",
    example="7.20 6.00 1.20 0 0 stands under seven columns, two of them blank: which, no sum tells.",
)
def zero_unassigned(case: Case) -> Iterator[Found]:
    """A printed zero has one column; where blank cells left no trace in the text, it may not be told, and no figure is made."""
    for index, item in enumerate(case.recognition.unassigned, 1):
        if item.is_open_zero:
            yield _without_a_place(index, item)


def _without_a_place(index: int, item: Unassigned) -> Found:
    zh = f"单元格 {item.cell_ref} " if item.cell_ref else f"第{item.page or '?'}页"
    en = f"cell {item.cell_ref}" if item.cell_ref else f"page {item.page or '?'}"
    return Found(
        f"{en if item.cell_ref else f'page {item.page}'}/{index}",
        f"{zh}的数字 {item.text} 未能归入任何栏目（{item.why}）。请对照原文核对该处。",
        f"{en}: the number {item.text} belongs to no figure ({item.why}). Compare with the document.",
        found=item.text,
        page=item.page,
        box=item.box,
        quote=item.text,
        cause=Cause.EXTRACTION,
    )


@rule(
    Severity.INFO,
    Family.FORMS,
    "九张表以外的表",
    "A table beside the nine forms",
    rests_on=LIST_OF_FORMS,
    example="财政拨款项目支出预算表 follows the ninth form.",
)
def other_form(case: Case) -> Iterator[Found]:
    """A table beside the nine forms is named, and its numbers are counted apart."""
    for index, item in enumerate(case.recognition.others, 1):
        yield Found(
            f"page {item.page}/{index}",
            f"第{item.page or '?'}页的表“{item.title or '无标题'}”不属于九张预算表，其中 {item.n_numbers} 个数字未采集。",
            f"page {item.page or '?'}: the table {item.title or 'without a title'} is none of the nine forms; "
            f"{item.n_numbers} numbers in it are not collected.",
            found=item.title or None,
            page=item.page,
        )


RULES = (
    form_missing,
    unit_missing,
    unit_contradicts_text,
    units_contradict,
    total_row_missing,
    table_between_forms,
    cover_contradicts_forms,
    number_unassigned,
    zero_unassigned,
    other_form,
)
