"""The published documents that live beside the checkout: where they are, and skipping by name where they are not."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "shared" / "corpus"
DOCUMENTS, TRUTH = ROOT / "documents", ROOT / "truth"

needs_corpus = pytest.mark.skipif(
    not DOCUMENTS.is_dir(), reason="the corpus of published documents is not beside the checkout"
)


def named(*patterns: str) -> list[object]:
    """Documents by pattern, as parameters with their file name for an id; one skipped parameter where there is no corpus."""
    if not DOCUMENTS.is_dir():
        return [pytest.param(None, marks=needs_corpus, id=f"no corpus for {pattern}") for pattern in patterns]
    paths = sorted(path for pattern in patterns for path in DOCUMENTS.glob(pattern))
    return [pytest.param(path, id=path.stem) for path in paths]


def true_facts(path: Path) -> list[dict[str, str]]:
    """The labelled figures of a document."""
    for folder in ("facts", "facts-by-agreement"):
        labels = TRUTH / folder / f"{path.stem}.csv"
        if labels.exists():
            with labels.open(encoding="utf-8-sig", newline="") as lines:
                return list(csv.DictReader(lines))
    raise FileNotFoundError(f"no labels for {path.name}")
