"""What is logged, a line an event: as text on a terminal, as JSON where machines read it (`CNBUDGET_LOG_FORMAT`).

A line about a document carries its `document_id`, one about an object its `source_uri`.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

OURS = ("flows", "tasks", "warehouse", "expectations", "cnbudget")


class JsonLines(logging.Formatter):
    """A record as one line of JSON: at, level, logger, message and the fields of the record."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def log_to_stderr(style: str, *, level: int = logging.INFO) -> None:
    """Write the log of our own packages to the error stream; `style` is `json`, or `text`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in OURS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(level)
