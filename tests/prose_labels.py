"""Labels of the prose of the published documents that live beside the checkout, in the words of `cnbudget`."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from functools import cache

import polars as pl

from cnbudget import money
from cnbudget.model import Document
from cnbudget.prose import Prose, prose_frames, read_prose
from cnbudget.reading import read_document
from tests.corpus import DOCUMENTS, TRUTH

LABELLED = (
    "putuo-finance-2025-dept.pdf",
    "putuo-welfare-2024-unit.pdf",
    "wanli-2024-dept.pdf",
    "wanli-2025-dept.pdf",
    "shanghai-hrss-2024-dept.txt",
    "songjiang-hrss-2024-dept.txt",
)
_SOURCES = {
    "财政拨款收入": "fiscal_appropriation",
    "事业收入": "public_service",
    "事业单位经营收入": "business",
    "其他收入": "other",
}


@cache
def labels(name: str) -> list[dict[str, str]]:
    """Rows of a file of labels; `doc` is the file name of the document."""
    with (TRUTH / f"{name}.csv").open(encoding="utf-8-sig", newline="") as lines:
        return list(csv.DictReader(lines))


def labels_of(name: str, document: str) -> list[dict[str, str]]:
    return [row for row in labels(name) if row["doc"] == document]


def fiscal_year(name: str) -> int:
    found = re.search(r"20\d\d", name)
    assert found is not None
    return int(found[0])


@cache
def document(name: str) -> Document:
    return read_document(name, (DOCUMENTS / name).read_bytes())


@cache
def prose(name: str) -> Prose:
    return read_prose(document(name), fiscal_year(name))


@cache
def frames(name: str) -> dict[str, pl.DataFrame]:
    return prose_frames([prose(name)], labelled_facts(name))


@cache
def labelled_facts(name: str) -> pl.DataFrame:
    """The labelled figures as facts, as far as prose is compared with them; two identities hold of each."""
    frame = pl.read_csv(TRUTH / "facts" / f"{name.rpartition('.')[0]}.csv", infer_schema=False)
    bare = frame["row_label"].fill_null("").str.replace(r"^[一二三四五六七八九十]+、", "")
    roles, sources, ids = [], [], []
    for label, code, form_id, row_no, measure in zip(
        bare, frame["code"], frame["form_id"], frame["row_no"], frame["measure"], strict=True
    ):
        is_grand = label in ("收入总计", "支出总计")
        roles.append("grand_total" if is_grand else "total" if code == "TOTAL" else "leaf")
        sources.append(_SOURCES.get(label) if measure == "revenue" else None)
        ids.append(f"{form_id}:{row_no}:{measure}")
    milli = [int(Decimal(text) * money.MILLI) for text in frame["amount_yuan"]]
    return frame.select(
        "form_id",
        "row_label",
        "measure",
        code=pl.when(pl.col("code").str.contains(r"^\d+$")).then(pl.col("code")),
        document_id=pl.lit(document(name).document_id),
        row_role=pl.Series(roles),
        revenue_source=pl.Series(sources, dtype=pl.String),
        amount_milli=pl.Series(milli),
        half_milli=pl.lit(5, pl.Int64),
        n_identities_holding=pl.lit(2, pl.Int64),
        fact_id=pl.Series(ids),
    )
