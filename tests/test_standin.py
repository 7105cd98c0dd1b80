"""Fonts that a PDF names but does not carry: its text is read, and stands where the PDF says, whatever the machine has."""

from __future__ import annotations

import struct

import pytest

from cnbudget.reading import pdf
from cnbudget.reading.standin import typeface

TO_UNICODE = """/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Adobe-Identity-UCS def /CMapType 2 def 1 begincodespacerange <0000> <FFFF> endcodespacerange
{count} beginbfchar {pairs} endbfchar endcmap end end"""


def document(text: str, font: str) -> bytes:
    """A page with each character in a text object of its own, 20 points apart, in a font without a file.

    The codes are glyph numbers, as word processors write them; ToUnicode alone says which character each is.
    """
    codes = {char: number for number, char in enumerate(dict.fromkeys(text), 1201)}
    shown = " ".join(
        f"BT /F1 16 Tf 1 0 0 1 {100 + 20 * place} 700 Tm <{codes[char]:04X}> Tj ET" for place, char in enumerate(text)
    )
    pairs = " ".join(f"<{code:04X}> <{ord(char):04X}>" for char, code in codes.items())
    to_unicode = TO_UNICODE.format(count=len(codes), pairs=pairs)
    descriptor = f"<< /Type /FontDescriptor /FontName /{font} /Flags 32 /FontBBox [0 -200 1000 900] /ItalicAngle 0 >>"
    return pdf_file(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        stream(shown),
        f"<< /Type /Font /Subtype /Type0 /BaseFont /{font} /Encoding /Identity-H /ToUnicode 8 0 R"
        " /DescendantFonts [6 0 R] >>",
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /{font} /FontDescriptor 7 0 R /DW 1000 /CIDToGIDMap /Identity"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>",
        descriptor,
        stream(to_unicode),
    )


def stream(content: str) -> str:
    return f"<< /Length {len(content)} >> stream\n{content}\nendstream"


def pdf_file(*objects: str) -> bytes:
    body = "%PDF-1.4\n"
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{item}\nendobj\n"
    table = "".join(f"{offset:010} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    body += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R >>\n"
    return (body + f"startxref\n{body.index('xref')}\n%%EOF").encode("ascii")


@pytest.mark.parametrize("font", ["SomeDisplaySong", "ArialUnicodeMS", "SimSun"])
def test_stand_in__a_title_in_a_font_that_is_not_there_is_read(font: str) -> None:
    (line,) = pdf.read("t.pdf", document("某市园林局2031年预算", font)).paragraphs()
    assert line.text.replace(" ", "") == "某市园林局2031年预算"
    assert line.box is not None
    assert (round(line.box.x0), round(line.box.x1)) == (101, 335)
    assert 842 - 700 - 16 < line.box.y0 < line.box.y1 < 842 - 700 + 3


def test_stand_in__figures_are_half_as_wide_as_chinese_characters() -> None:
    figure, character = (
        pdf.read("t.pdf", document(text, "SomeDisplaySong")).paragraphs()[0].box for text in ("8", "年")
    )
    assert figure is not None and character is not None
    assert (round(figure.x0), round(figure.x1)) == (100, 107)
    assert (round(character.x0), round(character.x1)) == (101, 115)


def test_typeface__is_a_font_file_whose_tables_are_in_order() -> None:
    data = typeface()
    count = struct.unpack_from(">H", data, 4)[0]
    tags = [data[12 + 16 * index :][:4] for index in range(count)]
    assert tags == sorted(tags) == [b"cmap", b"glyf", b"head", b"hhea", b"hmtx", b"loca", b"maxp", b"name", b"post"]
    for index in range(count):
        _, _, offset, length = struct.unpack_from(">4L", data, 12 + 16 * index)
        assert offset % 4 == 0 and offset + length <= len(data)
