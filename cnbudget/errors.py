"""Why work could not go on. A problem of the data is a `Finding`, a value; these are for when there is no result.

CnbudgetError
├── UnreadableDocument        the bytes cannot be read as what they say they are
│   ├── EmptyDocument         nothing in it
│   ├── EncryptedDocument     needs a password
│   └── UnsupportedFormat     no reader for this kind of file
├── LimitExceeded             more pages, bytes, memory or time than a document may take
├── ReaderDied                the process that read the document was lost
├── StorageError              a bucket or the store could not be reached or refused (transient unless said otherwise)
│   ├── StorageRefused        the storage cannot give a guarantee that the lake needs
│   └── StoreDamaged          the store's file is no longer what it was; it is built anew from the journal
├── CommitConflict            someone else made this journal entry first
├── MalformedNotification     what came in place of a notification of S3
├── SchemaRefused             the schema changed more than its version says
├── ReleaseRefused            a release that cannot be made, or a copy of one that is not intact
├── PagesFailed               the site beside the data could not be written; the data are published all the same
├── DecisionRefused           a decision about a document that is not there, or that its state does not allow
└── SettingsError             a setting is missing or makes no sense

Messages say where, what was found, what was expected and the next step.
"""

from __future__ import annotations


class CnbudgetError(Exception):
    """Base of every error of this project: `where` it happened and whether trying again may help (`transient`)."""

    transient = False

    def __init__(self, message: str, *, where: str = "", transient: bool | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.where = where
        if transient is not None:
            self.transient = transient

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.message, self.where, self.transient)


def _rebuild(kind: type[CnbudgetError], message: str, where: str, transient: bool) -> CnbudgetError:
    return kind(message, where=where, transient=transient)


class UnreadableDocument(CnbudgetError):
    """The bytes cannot be read as what they say they are."""


class EmptyDocument(UnreadableDocument):
    """Nothing in it: no bytes, no pages or no text."""


class EncryptedDocument(UnreadableDocument):
    """The document needs a password."""


class UnsupportedFormat(UnreadableDocument):
    """There is no reader for this kind of file."""


class LimitExceeded(CnbudgetError):
    """The document asks for more pages, bytes, memory or time than one may take."""


class ReaderDied(CnbudgetError):
    """The process that read the document was lost."""


class StorageError(CnbudgetError):
    """A bucket or the store could not be reached, or refused."""

    transient = True


class StorageRefused(StorageError):
    """The storage cannot give a guarantee that the lake needs, as conditional writes."""

    transient = False


class StoreDamaged(StorageError):
    """The store's file cannot be read as what it was; it can be built anew from the journal."""

    transient = False


class CommitConflict(CnbudgetError):
    """Someone else made this entry of the journal first."""

    transient = True


class MalformedNotification(CnbudgetError):
    """What came in place of a notification of S3 is none."""


class DecisionRefused(CnbudgetError):
    """A decision about a document that is not there, or that its state does not allow."""


class SchemaRefused(CnbudgetError):
    """The schema of the published data changed more than its version says."""


class ReleaseRefused(CnbudgetError):
    """A release that cannot be made, or that is not there."""


class PagesFailed(CnbudgetError):
    """The site beside the data could not be written; the data are published all the same."""


class SettingsError(CnbudgetError):
    """A setting is missing or makes no sense."""
