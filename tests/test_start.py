"""What docs/start shows a reader runs, on the sample lake, and the notebook prints what stands in it.

`python -m tests.test_start` writes the notebook's outputs anew (`make docs`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from tests.lakes import sample_lake

ROOT = Path(__file__).parents[1]
START = ROOT / "docs" / "start"
NOTEBOOK = START / "questions.ipynb"


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (START / name).read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def desk(sample_latest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder in which the sample lake stands where `make run` puts it."""
    place(sample_latest, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(latest: Path, folder: Path) -> None:
    link = folder / "build" / "lake" / "curated" / "latest"
    link.parent.mkdir(parents=True)
    link.symlink_to(latest, target_is_directory=True)


EXPECTED = {
    "duckdb.md": ("社会保障和就业支出", "2,535,662,851", "“三公”经费与机关运行经费"),
    "polars.md": ("上海市民生保障与人才事务局", "社会保障和就业支出", "fiscal_appropriation"),
    "pandas.md": ("上海市望海区水利事务局", "部门预算2024（说明有误）.pdf"),
    "excel.md": (),
}


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("name", EXPECTED)
def test_start__every_block_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks(name, "python")
    assert code
    names: dict[str, Any] = {}
    for block in code:
        exec(compile(block, name, "exec"), names)
    printed = capsys.readouterr().out
    assert [text for text in EXPECTED[name] if text not in printed] == []


@pytest.mark.usefixtures("desk")
def test_start__the_file_for_excel_has_no_formula(tmp_path: Path) -> None:
    (code,) = blocks("excel.md", "python")
    table = pd.read_parquet("build/lake/curated/latest/department_overview")
    table.loc[0, "publisher_name"] = "=HYPERLINK(1)"
    folder = tmp_path / "evil"
    folder.mkdir()
    table.to_parquet(folder / "a.parquet")
    exec(compile(code.replace('f"{latest}/department_overview"', repr(str(folder))), "excel.md", "exec"), {})
    data = Path("department_overview.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b",'=HYPERLINK(1)," in data and b",=HYPERLINK" not in data
    back = pd.read_csv("department_overview.csv")
    assert len(back) == len(table) and list(back["expenditure_yuan"]) == [
        float(yuan) for yuan in table["expenditure_yuan"]
    ]


def test_start__r(desk: Path) -> None:
    r = shutil.which("Rscript")
    if (
        r is None
        or subprocess.run([r, "-e", "library(arrow); library(dplyr)"], capture_output=True, check=False).returncode
    ):
        pytest.skip("R with its packages arrow and dplyr is not installed: docs/start/r.md has not been run")
    script = desk / "start.R"
    script.write_text("\n".join(blocks("r.md", "r")), "utf-8")
    run = subprocess.run([r, str(script)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "上海市民生保障与人才事务局" in run.stdout


def test_start__the_notebook_prints_what_stands_in_it(desk: Path) -> None:
    there = nbformat.read(NOTEBOOK, as_version=4)
    assert outputs(executed(desk)) == outputs(there), "run `make docs`"
    texts = "\n".join(outputs(there))
    for answer in ("1011500.0", "博士后日常经费", "-1199959.36", "10 Social protection"):
        assert answer in texts, answer


def executed(folder: Path) -> nbformat.NotebookNode:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def outputs(notebook: nbformat.NotebookNode) -> list[str]:
    """The plain text of all that the cells show."""
    found = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"]["text/plain"] for output in found if "data" in output]


def write(folder: Path) -> None:
    """Run the notebook over a lake of the samples, made in this folder, and keep what it prints."""
    sample_lake(folder)
    place(folder / "lake" / "curated" / "latest", folder)
    notebook = executed(folder)
    for cell in notebook.cells:
        cell["metadata"] = {}
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/html", None)
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        write(Path(scratch))
