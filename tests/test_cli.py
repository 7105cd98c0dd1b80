import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from cnbudget import cli


@pytest.fixture
def budget(tmp_path: Path, sample_budgets: list[tuple[str, bytes]]) -> Path:
    path = tmp_path / "预算 2024.pdf"
    path.write_bytes(sample_budgets[0][1])
    return path


def test_read__csv_has_every_figure(budget: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", str(budget), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 361
    assert rows[0]["form_id"] == "financial_summary"


def test_read__json_and_parquet_agree(budget: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "lines.parquet"
    assert cli.main(["read", str(budget), "--section", "revenue", "--format", "parquet", "-o", str(target)]) == 0
    assert cli.main(["read", str(budget), "--section", "revenue", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == pl.read_parquet(target).height > 0


def test_read__table_shows_rows_and_their_proof(budget: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", str(budget)]) == 0
    out = capsys.readouterr().out
    assert "财政拨款收入" in out
    assert "n_identities_holding" in out


@pytest.mark.parametrize("section", cli.SECTIONS)
def test_read__shows_every_section(section: str, budget: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", str(budget), "--section", section, "--format", "csv"]) == 0
    assert len(capsys.readouterr().out.splitlines()) > (0 if section == "findings" else 1)


def test_read__shows_the_words_in_few_columns(budget: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = {}
    for section in ("claims", "institutions", "disclosures", "projects", "items"):
        assert cli.main(["read", str(budget), "--section", section]) == 0
        shown[section] = capsys.readouterr().out
        assert "null" not in shown[section] and "page" in shown[section]
    head, first = (line.split() for line in shown["claims"].splitlines()[:2])
    assert head[:5] == ["subject", "measure", "year", "amount_printed", "printed_unit"]
    assert first[1] == "revenue_total"
    project = shown["projects"].splitlines()[1].split()[0]
    assert project in shown["items"]


def test_check__says_what_would_become_of_it(budget: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(budget)]) == 0
    out = capsys.readouterr().out
    assert "361 figures" in out
    assert "verdict: would be published" in out


def test_check__a_broken_file_is_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.pdf"
    path.write_bytes(b"%PDF-1.4 nothing")
    assert cli.main(["check", str(path)]) == 1
    assert "verdict: held: broken.pdf: no PDF that can be opened" in capsys.readouterr().out


def test_main__no_such_file_is_a_clear_message(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["read", "nowhere.pdf"]) == 2
    assert (
        capsys.readouterr().err
        == "cnbudget: nowhere.pdf: No such file or directory; give the path of a budget document\n"
    )


def test_glossary__gives_the_chinese(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["glossary"]) == 0
    assert "一般公共预算" in capsys.readouterr().out


def test_help__imports_nothing_heavy() -> None:
    code = "import sys, contextlib; from cnbudget import cli\nwith contextlib.suppress(SystemExit): cli.main(['--help'])\n" \
        "print(sorted({'polars', 'pypdfium2', 'prefect'} & set(sys.modules)), file=sys.stderr)"  # fmt: skip
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    assert "read" in result.stdout
