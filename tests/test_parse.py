"""Whole documents: the published ones with their labels, the samples, and everything bad that may arrive."""

import hashlib
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from cnbudget.parse import extractor_version, held_result, parse_documents
from cnbudget.results import result_to_row, rows_to_frames
from cnbudget.schema import DATASETS, STAGED
from tests.corpus import named, true_facts

LABELLED = ("putuo-*.pdf", "wanli-*.pdf", "shanghai-hrss-*.txt", "shanghai-2026/*.pdf")
TOTALS = {
    "expenditure_lines": ["expenditure_summary"],
    "revenue_lines": ["revenue_summary"],
    "fiscal_expenditure_lines": [
        "general_public_budget_by_function",
        "government_fund_budget_by_function",
        "state_capital_operations_budget_by_function",
    ],
}


@pytest.mark.parametrize("path", named(*LABELLED))
def test_parse_documents__published_budgets_give_every_labelled_figure(path: Path) -> None:
    frames = parse_documents([(path.name, path.read_bytes())])
    found = {
        (form, row, measure): (amount, code)
        for form, row, measure, amount, code in frames["budget_facts"]
        .select("form_id", "row_no", "measure", "amount_yuan", pl.coalesce("functional_code", pl.lit("")))
        .iter_rows()
    }
    truth = true_facts(path)
    wanted = {(t["form_id"], int(t["row_no"]), t["measure"]): Decimal(t["amount_yuan"]) for t in truth}
    assert {key: amount for key, (amount, _) in found.items()} == wanted
    codes = {(t["form_id"], int(t["row_no"]), t["measure"]): t["code"] for t in truth if t["code"] not in ("", "TOTAL")}
    economic = "basic_expenditure_by_economic"
    assert {key: found[key][1] for key in codes if key[0] != economic} == {
        key: code for key, code in codes.items() if key[0] != economic
    }


@pytest.mark.parametrize("path", named(*LABELLED))
def test_parse_documents__published_budgets_hold_together(path: Path) -> None:
    frames = parse_documents([(path.name, path.read_bytes())])
    document = frames["documents"].row(0, named=True)
    assert (document["state"], document["n_identities_broken"], document["n_numbers_unassigned"]) == ("parsed", 0, 0)
    blank = {f["found"] for f in frames["findings"].iter_rows(named=True) if f["rule_id"] == "identity_not_checkable"}
    assert document["n_identities_not_checkable"] == 0 or blank  # every one that could not be checked is named
    facts = frames["budget_facts"]
    for name, forms in TOTALS.items():
        total = facts.filter(
            pl.col("form_id").is_in(forms) & (pl.col("row_role") == "total") & (pl.col("measure") == "total")
        )
        lines = frames[name]
        assert abs(lines["amount_yuan"].sum() - total["amount_yuan"].sum()) <= Decimal("0.5") * (
            len(lines) + len(forms)
        )


@pytest.mark.parametrize("path", named("other-layouts/*.pdf"))
def test_parse_documents__other_layouts_are_never_forced_into_the_forms(path: Path) -> None:
    document = parse_documents([(path.name, path.read_bytes())])["documents"].row(0, named=True)
    assert (document["state"], document["n_facts"]) == ("unsupported", 0)
    is_accounts = "final-accounts" in path.name
    assert document["recognised_as"] == ("final_accounts" if is_accounts else "other_layout")
    assert document["state_reason"].startswith("final accounts" if is_accounts else "a budget of another layout")


def test_parse_documents__a_batch_gives_what_single_documents_give(sample_budgets: list[tuple[str, bytes]]) -> None:
    together = parse_documents(sample_budgets)
    alone = [parse_documents([source]) for source in sample_budgets]
    for name in STAGED:
        one_by_one = pl.concat([frames[name] for frames in alone])
        assert_frame_equal(together[name].sort(DATASETS[name].key), one_by_one.sort(DATASETS[name].key))


def test_parse_documents__keys_are_unique_and_types_as_declared(sample_budgets: list[tuple[str, bytes]]) -> None:
    frames = parse_documents(sample_budgets)
    for name in STAGED:
        assert dict(frames[name].schema) == DATASETS[name].polars_schema()
        assert frames[name].select(DATASETS[name].key).is_duplicated().sum() == 0, name


def zipped(*names: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name in names:
            target.writestr(name, "<xml/>")
    return stream.getvalue()


BAD = {
    "empty.pdf": (b"", "0 bytes"),
    "truncated.pdf": (b"%PDF-1.7\n1 0 obj\n<<", "no PDF that can be opened"),
    "notes.pdf": ("关于召开会议的通知".encode(), "the name says application/pdf, the bytes say text/plain"),
    "image.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "no reader for"),
    "budget.ofd": (zipped("OFD.xml", "Doc_0/Document.xml"), "no reader for application/ofd; convert it to PDF"),
    "budget.ods": (zipped("mimetype", "content.xml"), "no reader for application/vnd.oasis.opendocument"),
    "all.rar": (b"Rar!\x1a\x07\x01\x00" + bytes(100), "no reader for application/vnd.rar; unpack it"),
    "broken.txt": (b"\xff\x81\xff\xff\x00\x01", "no reader for"),
    "../../etc/passwd 预算.txt": (b"   \n ", "no text in it"),
}


@pytest.mark.parametrize("file_name", BAD)
def test_parse_documents__what_cannot_be_read_is_held_with_its_reason(file_name: str) -> None:
    data, reason = BAD[file_name]
    frames = parse_documents([(file_name, data)])
    document = frames["documents"].row(0, named=True)
    assert document["state"] == "held"
    assert reason in document["state_reason"]
    assert document["document_id"] == hashlib.sha256(data).hexdigest()
    assert frames["findings"]["rule_id"].to_list() == ["unreadable"]
    assert all(frames[name].is_empty() for name in STAGED if name not in ("documents", "findings"))


def test_parse_documents__a_bad_document_does_not_harm_the_rest(sample_budgets: list[tuple[str, bytes]]) -> None:
    good = sample_budgets[0]
    frames = parse_documents([("empty.pdf", b""), good, ("notice.txt", "放假通知\n春节放假三天。".encode())])
    assert frames["documents"]["state"].to_list() == ["held", "parsed", "rejected"]
    assert frames["budget_facts"]["document_id"].n_unique() == 1


def test_parse_documents__no_documents_are_no_rows() -> None:
    assert {name: frame.height for name, frame in parse_documents([]).items()} == dict.fromkeys([*STAGED, "cases"], 0)


def test_parse_documents__a_missing_table_page_holds_the_budget(budget_text: str) -> None:
    start = budget_text.index("支出预算总表\n", budget_text.index("收入预算总表\n", budget_text.index("单位：元")))
    end = budget_text.index("财政拨款收支预算总表\n", start)
    cut = budget_text[: budget_text.rindex("\n", 0, start)] + "\n" + budget_text[budget_text.rindex("\n", 0, end) + 1 :]
    document, findings = _parse(cut)
    assert document["state"] == "held"
    assert ("form_missing", "expenditure_summary") in findings


def test_parse_documents__a_cover_that_contradicts_its_titles_is_held(budget_text: str) -> None:
    year = parse_documents([("b.txt", budget_text.encode())])["documents"]["fiscal_year"][0]
    front, rest = budget_text.split("目", 1)
    document, findings = _parse(front.replace(str(year), str(year - 1)) + "目" + rest)
    assert document["state"] == "held"
    assert {rule for rule, _ in findings} >= {"cover_contradicts_forms"}


def test_parse_documents__a_changed_total_is_held_and_located(budget_text: str) -> None:
    line = next(line for line in budget_text.splitlines() if line.startswith("合计\t"))
    total = next(cell for cell in line.split("\t") if cell[:1].isdigit())
    changed = line.replace(total, "7" + total[1:] if total[0] != "7" else "8" + total[1:], 1)
    document, findings = _parse(budget_text.replace(line, changed, 1))
    assert (document["state"], document["n_identities_broken"] > 0) == ("held", True)
    assert any(rule == "identity_broken" and locus.startswith("T2_total/total") for rule, locus in findings)
    assert [locus for rule, locus in findings if rule == "figure_suspected"] == ["revenue_summary/38/total"]


def test_parse_documents__an_empty_template_is_told_apart(budget_text: str) -> None:
    amount = re.compile(r"(?<=\t)[\d,]{4,}(?:\.\d+)?|(?<=\t)\d+\.\d+|^[\d,.]+(?=\t)", re.MULTILINE)
    codes_kept = re.sub(amount, lambda m: m[0] if len(m[0]) == 3 and m[0].isdigit() else "", budget_text)
    document, _ = _parse(codes_kept)
    assert document["state"] == "unsupported"
    assert "template" in str(document["state_reason"])


def test_held_result__says_why() -> None:
    result = held_result("killer.pdf", b"x", "the process that read it died", "reader_died")
    frames = rows_to_frames([result_to_row(result)])
    assert frames["documents"]["state"].item() == "held"
    assert frames["findings"].select("rule_id", "is_holding").row(0) == ("reader_died", True)


def test_extractor_version__is_a_short_hash() -> None:
    assert len(extractor_version()) == 12
    assert int(extractor_version(), 16) >= 0


def _parse(content: str) -> tuple[dict[str, object], list[tuple[str, str]]]:
    frames = parse_documents([("budget.txt", content.encode())])
    return frames["documents"].row(0, named=True), frames["findings"].select("rule_id", "locus").rows()
