"""The real documents and their labels, where they are: `../shared/corpus` beside the checkout."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from cnbudget import money
from cnbudget.model import Document
from cnbudget.reading import read_document

CORPUS = Path(__file__).parents[2] / "shared" / "corpus"
needs_corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="../shared/corpus is not beside the checkout")

SOURCES = {
    "1. 一般公共预算资金": "general_public_budget",
    "财政拨款收入": "fiscal_appropriation",
    "事业收入": "public_service",
    "事业单位经营收入": "business",
    "其他收入": "other",
}


def labels(name: str) -> list[dict[str, str]]:
    """Rows of a file of labels; `doc` is the name of a document."""
    with (CORPUS / "truth" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def fiscal_year(name: str) -> int:
    found = re.search(r"20\d\d", name)
    assert found is not None
    return int(found[0])


@cache
def document(name: str) -> Document:
    return read_document(name, (CORPUS / "documents" / name).read_bytes())


@cache
def labelled_facts(name: str) -> pl.DataFrame:
    """The labelled figures of a document as facts, as far as prose is compared with them; two identities hold of each."""
    stem = name.rpartition(".")[0]
    frame = pl.read_csv(CORPUS / "truth" / "facts" / f"{stem}.csv", infer_schema=False)
    grand = frame["row_label"].is_in(["收入总计", "支出总计"])
    row_role = [
        "grand_total" if is_grand else ("total" if code == "TOTAL" else "leaf")
        for is_grand, code in zip(grand, frame["code"], strict=True)
    ]
    bare = frame["row_label"].str.replace(r"^[一二三四五六七八九十]+、", "").fill_null("")
    is_revenue = frame["measure"] == "revenue"
    sources = [
        SOURCES.get(label) if revenue else None for label, revenue in zip(bare, is_revenue, strict=True)
    ]
    milli = [int(Decimal(text) * money.MILLI) for text in frame["amount_yuan"]]
    ids = [f"{form}:{row}:{measure}" for form, row, measure in frame.select("form_id", "row_no", "measure").iter_rows()]
    return frame.select(
        "form_id",
        "row_label",
        "measure",
        code=pl.when(pl.col("code").str.contains(r"^\d+$")).then(pl.col("code")),
        document_id=pl.lit(document(name).document_id),
        row_role=pl.Series(row_role),
        revenue_source=pl.Series(sources, dtype=pl.String),
        amount_milli=pl.Series(milli),
        half_milli=pl.lit(5, pl.Int64),
        n_identities_holding=pl.lit(2, pl.Int64),
        fact_id=pl.Series(ids),
    )
