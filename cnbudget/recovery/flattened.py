"""Flattened text -> rows of tokens: the forms of a text whose tables lost their cells.

What is left of a table there are lines: codes, labels and numbers in printed order, without the empty cells. The ladder: lines ->
pages (a run of rows under one header) -> forms (the pages of one form, in order and without what overlaps) -> rows. Which
column a number stood in is not asked here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cnbudget import money
from cnbudget.forms import BY_ID, HEADER_WORDS, OTHER_FORM_TITLE, TITLE_PREFIX, Form, title_form
from cnbudget.model import Document, FormId, Paragraph, Side
from cnbudget.recovery.textrows import (
    MAX_HEADER_LINES,
    ORDINAL,
    TOTAL,
    Page,
    TextRow,
    Token,
    amounts_of,
    begins_row,
    close_page,
    read_row,
)

MAX_LINE = 400
"""Longer lines are no rows of a form."""
MAX_HEADER = 120
MAX_ROWS = 5000
"""Of all forms together; the largest budget seen has some 400."""
MAX_PAGES = 2000
MAX_SKIPPED = 100
"""A table that seemed to end may go on after so many lines at the most."""

_NOTE = re.compile(r"\s*(?:备?注|说明)\s*\d*\s*[:：]")
_HEAD = re.compile(r"(?:编制(?:部门|单位)|单位)\s*[:：]")
_DIGITS = str.maketrans("０１２３４５６７８９．　", "0123456789. ")
_SENTENCE = re.compile(r"[。；;，]")
_SPACED_ITEM = re.compile(r"项\s+目")
_HEADER_STARTS = frozenset("项本财类款合小基人公功科收支事经其一政国因三运备单购预部“2")
_STRONG_HEADER = re.compile(
    r"项目(?:名称)?|.*科目.*|[类款项]|本年(?:收入|支出)|财政拨款(?:收入|支出)|(?:收入|支出)预算|.*三公经费.*|预算数"
)
_SIGNATURES = (
    (re.compile(r"因公出国|机关运行"), FormId.THREE_PUBLIC_AND_AGENCY_OPERATING),
    (re.compile(r"经济分类|人员经费合计"), FormId.BASIC_EXPENDITURE_BY_ECONOMIC),
    (re.compile(r"本年收入"), FormId.FINANCIAL_SUMMARY),
    (re.compile(r"财政拨款收入.*财政拨款支出"), FormId.FISCAL_APPROPRIATION_SUMMARY),
    (re.compile(r"政府性基金(?:预算)?支出"), FormId.GOVERNMENT_FUND_BUDGET_BY_FUNCTION),
    (re.compile(r"国有资本经营(?:预算)?支出"), FormId.STATE_CAPITAL_OPERATIONS_BUDGET_BY_FUNCTION),
    (re.compile(r"一般公共预算支出"), FormId.GENERAL_PUBLIC_BUDGET_BY_FUNCTION),
    (re.compile(r"收入预算|事业收入"), FormId.REVENUE_SUMMARY),
    (re.compile(r"支出预算"), FormId.EXPENDITURE_SUMMARY),
)
"""Words of a header that only one form has, in the order in which to ask."""


@dataclass(slots=True)
class TextForm:
    """One form as the lines tell it. `head`: title, 编制部门 and 单位. `headers`: the header lines of its first page."""

    form: Form
    title: str
    head: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    rows: list[TextRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    strays: list[Token] = field(default_factory=list)
    problem: str | None = None
    """Why its rows cannot be told, where they cannot."""


class _Reader:
    """Walks the lines once."""

    def __init__(self) -> None:
        self.pages: list[Page] = []
        self.page: Page | None = None
        self.before = ""
        self.n_rows = 0
        self.problem: str | None = None

    def read(self, lines: Iterable[Paragraph]) -> list[Page]:
        for line in lines:
            self._line(line, line.text)
            if self.problem is not None:
                break
        self._end()
        return self.pages

    def _line(self, line: Paragraph, text: str) -> None:
        before, self.before = self.before, text
        if "表" in text[-4:] and len(text) < 90 and self._title(text, before):
            self.before = ""
            return
        page = self.page
        if page is None or not page.is_open:
            if page is not None and self._reopens(page, line, text):
                page.is_open = True
            elif _opens_header(text):
                page = self._begin(Page(page.form if page else None))
            else:
                return
        if len(text) <= MAX_LINE:
            self._body(page, line)
        else:
            close_page(page)
            page.is_open = False
            if not _SENTENCE.search(text):
                page.strays.append(Token(f"{text[:40]} ...", line))

    def _reopens(self, page: Page, line: Paragraph, text: str) -> bool:
        """Whether a line below an ended table is one of its rows after all; numbers on the lines between are named then."""
        page.n_skipped += 1
        if page.form is None or not page.rows or len(text) > MAX_LINE or page.n_skipped > MAX_SKIPPED:
            return False
        plain = text.translate(_DIGITS).strip()
        if begins_row(page.form, line, plain):
            page.strays.extend(page.skipped)
            page.skipped, page.n_skipped = [], 0
            return True
        if not _SENTENCE.search(text):
            page.skipped.extend(amounts_of(line, plain))
        return False

    def _title(self, text: str, before: str) -> bool:
        """Takes a line that is a title, of one of the forms or of another table."""
        key = money.key(text)
        form = title_form(key) if "。" not in key and len(key) < 60 else None
        longer = money.key(before) + key
        if (
            (form is None or not re.search(r"\d{4}年|部门|单位", key))
            and len(longer) < 60
            and re.match(r"20\d\d年", longer)
        ):
            joined = title_form(longer)
            form, key = (joined, longer) if joined is not None else (form, key)
        if form is not None:
            self._begin(Page(form, key))
            return True
        if "," not in key and "。" not in key and OTHER_FORM_TITLE.fullmatch(TITLE_PREFIX.sub("", key)):
            if self.page is not None and self.page.in_header and HEADER_WORDS.fullmatch(key):
                return False
            self._end()
            return True
        return False

    def _begin(self, page: Page) -> Page:
        self._end()
        self.page = page
        self.pages.append(page)
        if len(self.pages) > MAX_PAGES:
            self.problem = f"the document has more than {MAX_PAGES} table pages"
        return page

    def _end(self) -> None:
        if self.page is not None:
            close_page(self.page)
        self.page = None

    def _body(self, page: Page, line: Paragraph) -> None:
        """One line below a title: header, head, note or row, or the end of the table."""
        text = line.text.translate(_DIGITS).strip()
        if not page.in_header and page.rows and _opens_header(text):
            self._begin(Page(page.form)).headers.append(text)
        elif _NOTE.match(text):
            close_page(page)
            page.notes.append(money.joined(line.text))
            page.is_open = False
        elif _HEAD.search(text) and not TOTAL.match(text):
            page.head.append(text)
        elif not self._row(page, line, text):
            close_page(page)
            page.is_open = False

    def _row(self, page: Page, line: Paragraph, text: str) -> bool:
        if page.in_header and (len(text) > MAX_HEADER or _SENTENCE.search(text)):
            return False
        form = page.form or _signed(page.headers)
        is_loose = form is not None and not form.has_codes and not form.is_two_sided
        if form is None or (is_loose and _signed(page.headers) is None):
            page.headers.append(text)
            return len(page.headers) <= MAX_HEADER_LINES
        n_before = len(page.rows)
        goes_on = read_row(page, form, line, text)
        self.n_rows += len(page.rows) - n_before
        if self.n_rows > MAX_ROWS:
            self.problem = f"the forms have more than {MAX_ROWS} rows"
        return goes_on


def document_to_forms(document: Document, wanted: Sequence[FormId]) -> list[TextForm]:
    """The wanted forms whose title stands in a line of the document, in the order of the statutory list."""
    reader = _Reader()
    by_form = _pages_by_form(reader.read(block for block in document.blocks if isinstance(block, Paragraph)))
    found = [
        _pages_to_form(form_id, by_form[form_id])
        for form_id in FormId
        if form_id in wanted and any(map(_has_body, by_form.get(form_id, ())))
    ]
    for form in found if reader.problem else ():
        form.problem = reader.problem
    return found


def _opens_header(text: str) -> bool:
    """Whether a line opens a table header: header words alone, and one of those no row is made of."""
    if not 1 < len(text) <= 80 or not (text[:1] in _HEADER_STARTS or "科目" in text):
        return False
    is_strong = False
    for word in _SPACED_ITEM.sub("项目", text).split():
        key = money.key(word)
        if not HEADER_WORDS.fullmatch(key):
            return False
        is_strong = is_strong or _STRONG_HEADER.fullmatch(key) is not None
    return is_strong


def _signed(headers: Sequence[str]) -> Form | None:
    """The form that a header names by words that no other has."""
    text = money.key("".join(headers))
    return next((BY_ID[form_id] for pattern, form_id in _SIGNATURES if pattern.search(text)), None)


# --- pages to forms --------------------------------------------------------------------------------------------------


def _pages_by_form(pages: Sequence[Page]) -> dict[FormId, list[Page]]:
    """Pages under the form that each belongs to; only forms with a title are there.

    A header names its form by its own words; a title goes with the header below it, unless that names another form and the
    page above, whose header names the title's form, has none: then the title was taken up late.
    """
    by_form: dict[FormId, list[Page]] = {}
    titled: set[FormId] = set()
    above: Page | None = None
    for page in pages:
        signed = _signed(page.headers)
        if page.title is not None and page.form is not None:
            titled.add(page.form.form_id)
            is_late = above is not None and above.title is None and above.form is page.form
            if is_late and signed is not page.form:
                assert above is not None
                above.title, above.head = page.title, [*page.head, *above.head]
                page.title, page.form = None, signed
        elif signed is not None:
            page.form = signed
        if page.form is not None:
            by_form.setdefault(page.form.form_id, []).append(page)
            above = page if _has_body(page) else above
    return {form_id: found for form_id, found in by_form.items() if form_id in titled}


def _has_body(page: Page) -> bool:
    """Whether there is a table below a title: a contents page has none."""
    return bool(page.rows) or _signed(page.headers) is not None or any(map(_opens_header, page.headers))


def _pages_to_form(form_id: FormId, pages: Sequence[Page]) -> TextForm:
    """One form from its pages: put in order of their codes, and without what was printed twice."""
    filled = [page for page in pages if _has_body(page)]
    titled = next((page for page in filled if page.title), None) or next(page for page in pages if page.title)
    found = TextForm(BY_ID[form_id], titled.title or "", [titled.title or ""])
    for page in filled:
        found.head.extend(page.head)
        found.headers.extend(page.headers)
        found.notes.extend(page.notes)
        found.strays.extend(page.strays)
    found.rows = _without_overlap(_in_order([page.rows for page in filled if page.rows]))
    if form_id is FormId.THREE_PUBLIC_AND_AGENCY_OPERATING:
        found.rows = [row for row in found.rows if row.tokens[None]]
    found.pages = sorted({row.page for row in found.rows if row.page is not None})
    found.problem = _problem(found)
    return found


def _in_order(pages: Sequence[list[TextRow]]) -> list[TextRow]:
    """The rows of all pages as they come, or with whole pages sorted where only that puts the codes in order."""
    as_they_come = [row for page in pages for row in page]
    if len(pages) < 2 or _is_sorted(as_they_come):
        return as_they_come
    ordered = [row for page in sorted(pages, key=lambda page: _sort_key(page[0])) for row in page]
    return ordered if _is_sorted(ordered) else as_they_come


def _sort_key(row: TextRow) -> str:
    return "".join(cell.zfill(2) if cell else "" for cell in row.codes) or "~"


def _is_sorted(rows: Sequence[TextRow]) -> bool:
    keys = [_sort_key(row) for row in rows]
    return all(a <= b for a, b in pairwise(keys))


def _without_overlap(rows: Sequence[TextRow]) -> list[TextRow]:
    """Rows once each: those printed again on the next page, whole or clipped at its edge, are left out."""
    kept: list[TextRow] = []
    by_code: dict[tuple[object, ...], int] = {}
    for row in rows:
        key = row.codes if any(row.codes) else row.key
        at = by_code.get(key)
        if at is None:
            by_code[key] = len(kept)
            kept.append(row)
        elif not _is_same(kept[at], row):
            kept.append(row)
        elif len(row.texts) > len(kept[at].texts) or len("".join(row.labels.values())) > len(
            "".join(kept[at].labels.values())
        ):
            kept[at] = row
    return kept


def _is_same(row: TextRow, again: TextRow) -> bool:
    """Whether two rows of one code are one row: the same numbers (or none, clipped away), one label beginning the other."""
    texts, others = row.texts, again.texts
    if texts and others and texts != others:
        return False
    pairs = zip(row.labels.values(), again.labels.values(), strict=False)
    return all(a.startswith(b) or b.startswith(a) for a, b in pairs)


def _problem(found: TextForm) -> str | None:
    """What keeps the rows of a form from being told, or their order: then not even a number's row is certain."""
    if found.strays:
        return f"{found.strays[0].text} stands on a line that is no row of the form; a row may be broken there"
    unnamed = next((row for row in found.rows if row.is_unnamed), None)
    if unnamed is not None:
        return f"the row of code {''.join(unnamed.codes)} has no name on its line, and it cannot be told which line is its name"
    if not found.form.is_two_sided:
        return None
    for side in (Side.LEFT, Side.RIGHT):
        ordinals = [match[0] for row in found.rows if (match := ORDINAL.match(row.labels.get(side, "")))]
        twice = next((ordinal for ordinal, count in Counter(ordinals).items() if count > 1), None)
        if twice is not None:
            return f"two rows begin with {twice}; one may be printed again on the next page, or be a part of another"
    halves = [frozenset(row.labels) for row in found.rows if not row.is_total]
    singles = {half for half in halves if len(half) == 1}
    both = frozenset((Side.LEFT, Side.RIGHT))
    end = max((index for index, half in enumerate(halves) if half == both), default=-1)
    if len(singles) > 1 or any(half != both for half in halves[: end + 1]):
        return "the left and right halves do not stand on the same lines"
    return None
