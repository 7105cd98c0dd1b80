"""What the README says of samples and commands is so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from samples.bucket import SAMPLES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme__says_what_becomes_of_every_sample() -> None:
    table = dict(re.findall(r"^\| (\S+\.\w+) \| (\w+) \|", README, re.MULTILINE))
    assert table == {sample.file_name: sample.state for sample in SAMPLES}


def test_readme__both_languages_say_the_same() -> None:
    chinese = (ROOT / "README.zh-CN.md").read_text(encoding="utf-8")
    for what in (
        r"^#+ ",  # headings, by level and order
        r"^\| (\S+\.\w+ \| \w+) \|",  # what becomes of the samples
        r"^(?:make|python -m|cnbudget|duckdb)[^#\n]*",  # commands, without what is said of them
        r"`([a-z_]+/?(?:[a-z_]+\.\w+)?)`",  # datasets, columns and paths
        r"\]\((?!README)([^)]+)\)",  # links and pictures
    ):
        # Pictures show the language they stand in.
        found = [re.findall(what, text.replace("-en.png", ".png"), re.MULTILINE) for text in (README, chinese)]
        assert [str(each).strip() for each in found[0]] == [str(each).strip() for each in found[1]], what


def test_readme__links_lead_somewhere() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        links = re.findall(r"\]\((?!https?:)([^)#]+)\)", (ROOT / name).read_text(encoding="utf-8"))
        assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("command", sorted(set(re.findall(r"python -m flows (\w+)", README))))
def test_readme__commands_of_the_pipeline_exist(command: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "flows", command, "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
