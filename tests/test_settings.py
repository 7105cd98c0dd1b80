from __future__ import annotations

import os
from pathlib import Path

import pytest

from cnbudget.errors import SettingsError
from flows.settings import load_settings, quieten


def test_load_settings__a_file_goes_before_the_defaults_and_the_environment_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cnbudget.env").write_text("CNBUDGET_LAKE=there\nCNBUDGET_WORKERS=3\n", "utf-8")
    monkeypatch.setenv("CNBUDGET_WORKERS", "4")
    settings = load_settings()
    assert (settings.lake, settings.workers, settings.batch_documents) == ("there", 4, 100)


def test_load_settings__what_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CNBUDGET_WORKERS", "many")
    with pytest.raises(SettingsError, match=r"CNBUDGET_WORKERS: .*found 'many'"):
        load_settings()


def test_quieten__prefect_hears_what_the_file_says_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", {"PREFECT_API_KEY": "of the environment"})
    Path("cnbudget.env").write_text("PREFECT_API_URL=http://x/api\nPREFECT_API_KEY=y\nPATH=z\n", "utf-8")
    quieten()
    assert os.environ["PREFECT_API_URL"] == "http://x/api"
    assert os.environ["PREFECT_API_KEY"] == "of the environment"
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert "PATH" not in os.environ
