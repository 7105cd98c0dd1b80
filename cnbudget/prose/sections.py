"""Document -> sections: the prose of a budget, in its parts, joined from lines and pages as a reader would.

The ladder: blocks -> lines (headers, footers, page numbers and doubled text gone) -> sections -> passages. A contents
page is no section; order, numbering and number of sections vary. A passage keeps where each of its lines stood.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby, pairwise

from cnbudget import money
from cnbudget.forms import title_form
from cnbudget.model import Box, Document, Grid, Paragraph


class SectionKind(StrEnum):
    """封面 / 主要职能 / 机构设置 / 名词解释 / 编制说明 / 预算表 / 其他相关情况说明 / 项目经费情况说明 / 绩效目标表."""

    COVER = "cover"
    FUNCTIONS = "functions"
    INSTITUTIONS = "institutions"
    GLOSSARY = "glossary"
    NARRATIVE = "narrative"
    FORMS = "forms"
    OTHER_NOTES = "other_notes"
    PROJECTS = "projects"
    PERFORMANCE = "performance"


@dataclass(frozen=True, slots=True)
class Line:
    """A line without the spaces of justified setting; `folded` has the same length as `text`."""

    text: str
    folded: str
    page: int | None
    box: Box | None


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a document: its title as printed (empty for the cover) and its lines, without the title."""

    kind: SectionKind
    title: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Passage:
    """A paragraph as a reader joins it. `folded` has the same length as `text`: full-width forms made plain.

    `starts` are the offsets in `text` at which the lines begin.
    """

    text: str
    folded: str
    starts: Sequence[int]
    lines: Sequence[Line]

    def place(self, start: int, end: int) -> tuple[int | None, Box | None]:
        """Page of `start`, and the box around the lines of that page which the span touches."""
        first = bisect_right(self.starts, start) - 1
        last = bisect_right(self.starts, max(start, end - 1))
        touched = [line for line in self.lines[first:last] if line.page == self.lines[first].page]
        boxes = [line.box for line in touched if line.box is not None]
        page = self.lines[first].page
        if not boxes:
            return page, None
        return page, Box(
            min(box.x0 for box in boxes),
            min(box.y0 for box in boxes),
            max(box.x1 for box in boxes),
            max(box.y1 for box in boxes),
        )


_FOLD = str.maketrans(
    "（）：；％﹪“”„‟「」．０１２３４５６７８９" + "".join(map(chr, range(0xFF21, 0xFF3B))),
    "():;%%““““““.0123456789" + "".join(map(chr, range(0x41, 0x5B))),
)
"""One character for one. Quotation marks of any kind and direction become the same; commas stay as they are, since a
full-width comma is never a thousands separator."""

MAX_TITLE = 60
_MAX_ENTRY = 300
"""No more of a line of contents is looked at, from its end."""
_NUMBERING = re.compile(
    r"^(?:[-•·]\s*)?(?:第[一二三四五六七八九十\d]+(?:部分|章)|[一二三四五六七八九十]+[、.]|\(?[一二三四五六七八九十\d]{1,2}\)|\d{1,2}[.、])?"
)
_LEADERS = re.compile(r"[….·．]{3,}\d*$")
_CONTENTS = re.compile(r"目录")
_NOT_PROJECTS = r"(?!.*(?:三公|机关运行|政府采购|会议费|培训费))"
_KINDS: tuple[tuple[SectionKind, re.Pattern[str]], ...] = (
    (SectionKind.FUNCTIONS, re.compile(r".{0,40}(?:主要职[能责]|(?:部门|单位|机构)职[能责])(?:情况|简介)?")),
    (
        SectionKind.INSTITUTIONS,
        re.compile(r".{0,40}机构设置(?:及.{0,12})?(?:情况)?|.{0,20}(?:部门|单位)?预算单位构成(?:情况)?"),
    ),
    (SectionKind.GLOSSARY, re.compile(r".{0,20}名词解释")),
    (
        SectionKind.NARRATIVE,
        re.compile(
            r".{0,40}预算编制(?:情况)?(?:的)?说明|(?!.*三公).{0,30}(?:部门|单位)预算(?:收支)?(?:总体)?情况(?:的)?说明"
        ),
    ),
    (
        SectionKind.OTHER_NOTES,
        re.compile(r".{0,20}其[他它](?:相关|有关|重要)?(?:需要说明的|说明)?(?:情况|事项)(?:的)?(?:情况)?(?:说明)?"),
    ),
    (
        SectionKind.PROJECTS,
        re.compile(rf"{_NOT_PROJECTS}.{{0,50}}(?:经费情况说明?|项目(?:支出|预算|经费)?(?:情况)?说明)"),
    ),
    (SectionKind.PERFORMANCE, re.compile(r"(?!.*(?:详见|参见)).{0,40}绩效目标(?:申报|情况)?表")),
)
_TITLE_ENDS = frozenset("能责置况释明表说介项成")
_OPENS_NOTES = re.compile(r"(?:[一二三四五六七八九十]+、)?.{0,20}“?三公“?经费(?:支出)?(?:预算)?(?:的)?情况(?:的)?说明")
"""The heading that the other notes begin with, where their own is missing."""
_PAGE_NUMBER = re.compile(r"[-—–\s]*(?:第\s*)?\d{1,4}(?:\s*页)?(?:\s*[/共]+\s*\d{1,4}\s*页?)?[-—–\s]*")
ENUMERATOR = re.compile(
    r"(?:[-•]\s*)?(?:[一二三四五六七八九十]{1,3}、|\([一二三四五六七八九十\d]{1,3}\)|\d{1,2}(?:、|\.(?!\d))|[①-⑳])"
)
"""What starts a paragraph of its own, in folded text."""
_UNWRAPPED = 140
"""A line this wide (in half widths) was never wrapped to a page: then each line is a paragraph."""
_DIGITS = re.compile(r"\d+")
_MAX_REPEAT = 400
_MIN_REPEAT = 30


def fold(text: str) -> str:
    """The text with full-width digits, letters and punctuation made plain, character by character."""
    return text.translate(_FOLD)


def to_lines(paragraphs: Iterable[Paragraph]) -> list[Line]:
    """Paragraphs closed and folded, all at once: a line is folded many times in vain otherwise."""
    listed = list(paragraphs)
    texts = [close(paragraph.text) for paragraph in listed]
    whole = "\n".join(texts)
    for code, plain in _FOLD.items():
        char = chr(code)
        if char in whole:
            whole = whole.replace(char, chr(plain))
    folded = whole.split("\n") if texts else []
    return [Line(text, plain, p.page, p.box) for text, plain, p in zip(texts, folded, listed, strict=True)]


def close(text: str) -> str:
    """A text without the spaces that justified setting leaves; one is kept between two ASCII characters."""
    words = text.split()
    if len(words) < 2:
        return words[0] if words else ""
    parts = [words[0]]
    for left, right in pairwise(words):
        parts.append(f" {right}" if left[-1].isascii() and right[0].isascii() else right)
    return "".join(parts)


def sections(document: Document) -> list[Section]:
    """The sections of a document in printed order, those without a line of text left out.

    A heading that comes again inside its own section (on each of its pages, say) does not end it.
    """
    kind, title = SectionKind.COVER, ""
    found: list[Section] = []
    lines: list[Line] = []
    for line, titled in _headed(_lines(document)):
        opens_notes = titled is None and kind is not SectionKind.OTHER_NOTES and _opens_notes(line)
        heading = SectionKind.OTHER_NOTES if opens_notes else titled
        if heading is None or (heading is kind is SectionKind.PROJECTS):
            lines.append(line)
            continue
        if heading is kind and kind not in (SectionKind.FORMS, SectionKind.PERFORMANCE):
            continue
        found.append(Section(kind, title, lines))
        # A title that names its project is part of the projects' text.
        kind, title, lines = heading, line.text, [line] if heading is SectionKind.PROJECTS else []
    found.append(Section(kind, title, lines))
    return [section for section in found if section.lines]


def _opens_notes(line: Line) -> bool:
    return line.text[-1:] == "明" and _OPENS_NOTES.fullmatch(line.folded) is not None


def section_kind(text: str) -> SectionKind | None:
    """The section that a line is the title of; None for any other line."""
    if len(text) > MAX_TITLE or text.rstrip()[-1:] not in _TITLE_ENDS:
        return None
    key = money.key(text)
    if not key or "。" in key or "," in key:
        return None
    if title_form(key) is not None:
        return SectionKind.FORMS
    bare = _NUMBERING.sub("", key, count=1)
    return next((kind for kind, pattern in _KINDS if pattern.fullmatch(bare)), None)


def _headed(lines: Sequence[Line]) -> Iterator[tuple[Line, SectionKind | None]]:
    """Lines with the section they are the title of; those of a contents page left out."""
    contents: set[str] | None = None
    page: int | None = None
    for line in lines:
        if contents is None and _CONTENTS.fullmatch(line.text):
            contents, page = set(), line.page
            continue
        kind = section_kind(line.text)
        if contents is not None:
            printed = money.joined(line.text)[-_MAX_ENTRY:]
            entry = _NUMBERING.sub("", money.key(_LEADERS.sub("", printed)), count=1)
            has_leaders = _LEADERS.search(printed) is not None
            if has_leaders or (line.page == page and not _ends_contents(line, entry, kind, contents)):
                contents.add(entry)
                continue
            contents = None
        yield line, kind


def _ends_contents(line: Line, entry: str, kind: SectionKind | None, seen: set[str]) -> bool:
    """Whether a line below 目录 is the text itself: pages end contents, and so does a title that comes again."""
    if line.page is not None:
        return False
    is_numbered = _NUMBERING.match(money.key(line.text))
    return len(line.text) > MAX_TITLE or entry in seen or (kind is not None and not (is_numbered and is_numbered[0]))


def _lines(document: Document) -> list[Line]:
    """The lines of a document in reading order, each piece of text once, without what every page repeats."""
    lines: list[Line] = []
    pages: list[tuple[str, ...]] = []
    running = _running_heads(document)
    by_page: Callable[[Line], int] = lambda line: line.page or 0  # noqa: E731
    for page, group in groupby(to_lines(document.paragraphs()), by_page):
        own = [line for line in group if line.text]
        if page:
            own = [line for line in own if not _PAGE_NUMBER.fullmatch(line.text) and _shape(line.text) not in running]
            content = tuple(line.text for line in own)
            if sum(map(len, content)) > _MIN_REPEAT and content in pages[-3:]:
                continue  # a page that stands in the document twice
            pages.append(content)
            own = own[_overlap(lines[-len(own) :], own) :] if own else own
        lines.extend(own)
    return _without_repeats(lines)


def _shape(text: str) -> str:
    return _DIGITS.sub("#", money.joined(text))


def _running_heads(document: Document) -> set[str]:
    """Lines (numbers aside) that stand first or last on three pages or more, and on half of those with text."""
    ends: Counter[str] = Counter()
    n_pages = 0
    for page, group in groupby(document.blocks, lambda block: block.page or 0):
        blocks = list(group)
        if not page or not any(isinstance(block, Paragraph) for block in blocks):
            continue
        n_pages += 1
        edges = {0: blocks[0], 1: blocks[-1]}.values()
        ends.update({_shape(block.text) for block in edges if not isinstance(block, Grid)})
    return {shape for shape, count in ends.items() if count >= 3 and count * 2 >= n_pages}


def _overlap(before: Sequence[Line], after: Sequence[Line]) -> int:
    """How many lines at the head of a page stood at the foot of the page before (text clipped there)."""
    head, tail = [line.text for line in after], [line.text for line in before]
    for size in range(min(len(head), len(tail), 40), 0, -1):
        if head[:size] == tail[-size:] and (size > 1 or len(head[0]) > _MIN_REPEAT):
            return size
    return 0


def _without_repeats(lines: list[Line]) -> list[Line]:
    """Lines without a run that repeats the run just before it: a page printed twice where a text has no pages."""
    kept: list[Line] = []
    last: dict[str, int] = {}
    index = 0
    while index < len(lines):
        text = lines[index].text
        size = len(kept) - last.get(text, len(kept))
        if 0 < size <= _MAX_REPEAT and _is_repeat(kept[-size:], lines[index : index + size]):
            index += size
            continue
        last[text] = len(kept)
        kept.append(lines[index])
        index += 1
    return kept


def _is_repeat(before: Sequence[Line], after: Sequence[Line]) -> bool:
    same = len(before) == len(after) and all(a.text == b.text for a, b in zip(before, after, strict=True))
    return same and sum(len(line.text) for line in before) > _MIN_REPEAT


def passages(lines: Sequence[Line]) -> list[Passage]:
    """Lines joined into paragraphs: a new one begins at an indent, a numbering, or after a short line."""
    ends = _paragraph_ends(lines)
    found: list[Passage] = []
    begin = 0
    for index in range(len(lines)):
        if ends[index]:
            found.append(joined(lines[begin : index + 1]))
            begin = index + 1
    return found


def joined(lines: Sequence[Line]) -> Passage:
    """The lines as one passage."""
    if len(lines) == 1:
        return Passage(lines[0].text, lines[0].folded, (0,), lines)
    starts: list[int] = []
    texts: list[str] = []
    folded: list[str] = []
    length = 0
    before = ""
    for line in lines:
        gap = " " if _is_latin(before[-1:]) and _is_latin(line.text[:1]) else ""
        starts.append(length + len(gap))
        texts.append(gap + line.text)
        folded.append(gap + line.folded)
        length += len(gap) + len(line.text)
        before = line.text
    return Passage("".join(texts), "".join(folded), starts, lines)


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _paragraph_ends(lines: Sequence[Line]) -> list[bool]:
    """For each line whether its paragraph ends with it."""
    if len(lines) < 2:
        return [True] * len(lines)
    widths = [_width(line.folded) for line in lines]
    widest = max(widths)
    is_unwrapped = any(width > _UNWRAPPED for width, line in zip(widths, lines, strict=True) if line.box is None)
    margins = _margins(lines)
    ends = []
    for index, (line, following) in enumerate(pairwise(lines)):
        if ENUMERATOR.match(following.folded) or section_kind(following.text) is not None:
            ends.append(True)
        elif line.box is not None and following.box is not None:
            em = 2 * (line.box.x1 - line.box.x0) / max(widths[index], 1)
            left, right = margins[following.page][0], margins[line.page][1]
            ends.append(following.box.x0 > left + 1.5 * em or line.box.x1 < right - 3 * em)
        elif is_unwrapped or widths[index] >= 0.85 * widest:
            ends.append(is_unwrapped)
        else:
            near = max(widths[max(0, index - 5) : index + 6])
            is_short = widths[index] < 0.85 * near and line.folded[-1:] in "。;:"
            ends.append(is_short or widths[index] < 0.5 * near)
    return [*ends, True]


def _width(text: str) -> int:
    """How wide a text is printed, in half widths."""
    return len(text.encode("gb18030", "replace"))


def _margins(lines: Sequence[Line]) -> dict[int | None, tuple[float, float]]:
    """Left and right edge of the text of each page."""
    edges: dict[int | None, tuple[float, float]] = {}
    for line in lines:
        if line.box is not None:
            left, right = edges.get(line.page, (line.box.x0, line.box.x1))
            edges[line.page] = min(left, line.box.x0), max(right, line.box.x1)
    return edges
