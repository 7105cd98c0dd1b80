from __future__ import annotations

import io
import json
import logging
import sys

import pytest

from flows.logs import JsonLines, log_to_stderr


def test_json_lines__carry_the_fields_of_a_record() -> None:
    record = logging.LogRecord("tasks.stages", logging.INFO, "", 0, "landed %s", ("a\n一",), None)
    record.fields = {"document_id": "d1"}
    line = JsonLines().format(record)
    assert "\n" not in line
    plain = json.loads(line)
    assert (plain["level"], plain["logger"], plain["message"]) == ("info", "tasks.stages", "landed a\n一")
    assert plain["document_id"] == "d1"
    assert plain["at"].endswith("+00:00")


def test_log_to_stderr__writes_each_line_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log_to_stderr("json")
    log_to_stderr("json")
    logging.getLogger("flows.watch").info("once")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["once"]
