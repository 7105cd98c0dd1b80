"""What the Word and Excel samples share: an Office file whose bytes depend on its content alone."""

from __future__ import annotations

import io
import re
import zipfile

_STAMP = (2024, 1, 2, 0, 0, 0)
_MODIFIED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:\2>)")


def undated(document: bytes) -> bytes:
    """The same Office file without the time at which it was written, in its members and in its core properties."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(document)) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "docProps/core.xml":
                part = _MODIFIED.sub(rb"\g<1>2024-01-02T00:00:00Z\g<3>", part)
            target.writestr(zipfile.ZipInfo(name, _STAMP), part, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
