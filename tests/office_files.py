"""Office files for tests: small ones with a form in them, and what is changed inside of their archives."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping, Sequence

import docx as python_docx
import openpyxl
import xlwt

from cnbudget.model import Block, Document, Grid, Paragraph

ACCOUNTING = '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ '
TITLE, UNIT, NOTE = "2024年部门收入预算总表", "编制部门：甲局  单位：元", "注：本表含上年结转。"
FORM = [
    ["科目编码", "科目名称", "合计", "财政拨款收入"],
    ["208", "社会保障和就业支出", "3,508,644.00", "3,508,644.00"],
    ["合计", None, "3,508,644.00", "3,508,644.00"],
]

Edit = Callable[[openpyxl.Workbook], None]


def workbook_bytes(edit: Edit, patches: Mapping[str, tuple[str, str]] | None = None) -> bytes:
    """A workbook as `edit` fills it, with texts of its parts replaced as in `patches`."""
    workbook = openpyxl.Workbook()
    edit(workbook)
    stream = io.BytesIO()
    workbook.save(stream)
    return repacked(stream.getvalue(), patches or {})


def repacked(data: bytes, patches: Mapping[str, tuple[str, str]], extra: Mapping[str, bytes] | None = None) -> bytes:
    members = dict(unzipped(data))
    for name, (old, new) in patches.items():
        assert old.encode() in members[name], f"{old} is not in {name}"
        members[name] = members[name].replace(old.encode(), new.encode())
    return zipped({**members, **(extra or {})})


def unzipped(data: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        return [(name, source.read(name)) for name in source.namelist()]


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return stream.getvalue()


def form_sheet(workbook: openpyxl.Workbook) -> None:
    sheet = workbook.active
    for row in [[TITLE], ["编制部门：甲局", None, None, "单位：元"], *FORM, [NOTE]]:
        sheet.append(row)
    sheet.merge_cells("A1:D1")


def rows(grid: Grid) -> list[list[str]]:
    """The grid as rows of texts, blank where nothing stands."""
    table = [[""] * grid.n_columns for _ in range(grid.n_rows)]
    for cell in grid.cells:
        table[cell.row][cell.column] = cell.text
    return table


def shape(blocks: Sequence[Block]) -> list[object]:
    """Paragraphs as their texts, grids as their rows."""
    return [block.text if isinstance(block, Paragraph) else rows(block) for block in blocks]


FORM_SHAPE = [TITLE, UNIT, [[text or "" for text in row] for row in FORM], NOTE]


def only_texts(document: Document) -> dict[str, str]:
    """Text by cell_ref, of all grids."""
    return {cell.cell_ref or "": cell.text for grid in document.grids() for cell in grid.cells}


def legacy_bytes(edit: Callable[[xlwt.Workbook], None]) -> bytes:
    workbook = xlwt.Workbook()
    edit(workbook)
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def word_form(document: python_docx.document.Document) -> None:
    document.add_paragraph(TITLE)
    document.add_paragraph(UNIT)
    table = document.add_table(len(FORM), len(FORM[0]))
    for row, texts in enumerate(FORM):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text or ""
    document.add_paragraph(NOTE)


def word_bytes(edit: Callable[[python_docx.document.Document], None], *patches: tuple[str, str]) -> bytes:
    document = python_docx.Document()
    edit(document)
    stream = io.BytesIO()
    document.save(stream)
    data = stream.getvalue()
    for patch in patches:
        data = repacked(data, {"word/document.xml": patch})
    return data


def html_form(head: str = "") -> str:
    cells = "".join("<tr>" + "".join(f"<td>{text or '&nbsp;'}</td>" for text in row) + "</tr>" for row in FORM)
    return (
        f"<html><head>{head}</head><body><p>{TITLE}</p><div>{UNIT}</div><table>{cells}</table><p>{NOTE}</body></html>"
    )
