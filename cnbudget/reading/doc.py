"""Word 97 to 2003 files: told apart and refused. No well-kept Python library reads them."""

from __future__ import annotations

from cnbudget.errors import UnsupportedFormat
from cnbudget.model import Document
from cnbudget.reading.ooxml import refuse_encrypted


def read(file_name: str, data: bytes) -> Document:
    """Always raises: EncryptedDocument for an Office file with a password, else UnsupportedFormat with the way out."""
    refuse_encrypted(file_name, data)
    raise UnsupportedFormat(
        "a Word 97-2003 document (.doc) found, expected .docx; save it as .docx in Word, WPS or LibreOffice",
        where=file_name,
    )
