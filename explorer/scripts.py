"""Data as classic scripts: `cnbudget.put(name, value)`, which browsers load from disk and from a bucket alike."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def to_script(name: str, value: object) -> bytes:
    """The script that registers a value under a name. The same value gives the same bytes.

    Nothing in it can end the script or the string it stands in: `<` is escaped, too, though no page embeds it.
    """
    body = json.dumps([name, value], ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # Older browsers take the two line separators for the end of a line inside of a string.
    body = body.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return f"cnbudget.put(...{body});\n".encode()


def from_script(data: bytes | None) -> Any:
    """The value of a script that `to_script` wrote; None where there is none, or where it is not whole."""
    if data is None or not (data.startswith(b"cnbudget.put(...") and data.endswith(b");\n")):
        return None
    try:
        return json.loads(data[len(b"cnbudget.put(...") : -len(b");\n")])[1]
    except (ValueError, LookupError):
        return None


def to_slug(key: str) -> str:
    """A budget's key as a file name: the same over its revisions."""
    return _UNSAFE.sub("_", key)
