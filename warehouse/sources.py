"""Where documents come from: a file, a folder or an `s3://` prefix, and what in it is no document by its nature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cnbudget.errors import SettingsError
from warehouse.bucket import Bucket, LocalBucket, ObjectInfo, PatientBucket, S3Bucket, open_bucket, printable


@dataclass(frozen=True, slots=True)
class Source:
    """A bucket that documents are dropped into, or one object of it (`key`)."""

    bucket: Bucket
    key: str | None = None

    @property
    def uri(self) -> str:
        """What the source is called in the journal."""
        return self.uri_of(self.key) if self.key else self.bucket.uri

    def uri_of(self, key: str) -> str:
        """What an object of the source is called in the journal; bytes that are no UTF-8 stand as `\\xNN`."""
        return f"{self.bucket.uri}/{printable(key)}"

    def key_of(self, source_uri: str) -> str:
        """The object that is called so in the journal."""
        return source_uri.removeprefix(f"{self.bucket.uri}/")

    @property
    def is_local(self) -> bool:
        """Whether it stands on a disk, where a file can be met while it is written."""
        return self.bucket.uri.startswith("file:")

    def objects(self, *, after: str = "") -> Iterator[ObjectInfo]:
        """The object versions that stand in the source now, by key."""
        if self.key is None:
            return PatientBucket(self.bucket).list(after=after)
        found = self.head(self.key)
        return iter([found] if found else [])

    def head(self, key: str) -> ObjectInfo | None:
        """As the bucket's, asked again where that may help."""
        return PatientBucket(self.bucket).head(key)

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        """As the bucket's, asked again where that may help."""
        return PatientBucket(self.bucket).fetch(key)


def open_sources(uris: Iterable[str]) -> list[Source]:
    """The sources of these names, of which one a line may stand in each: what a deployment is given is one text. Raises as
    `open_source`."""
    return [open_source(uri) for lines in uris for uri in lines.split("\n") if uri.strip()]


def open_source(uri: str) -> Source:
    """The source of this name. Raises SettingsError where a local one does not exist."""
    bucket = open_bucket(uri)
    if isinstance(bucket, LocalBucket):
        return _local_source(bucket.root, uri)
    folder, _, name = bucket.uri.removeprefix("s3://").rpartition("/")
    if folder:
        above = S3Bucket(*folder.partition("/")[::2])
        # `s3://bucket/inbox` may be an object as well as a prefix; a name that ends with a slash is a prefix.
        if not uri.endswith("/") and above.head(name):
            return Source(above, name)
    return Source(bucket)


def _local_source(path: Path, uri: str) -> Source:
    if path.is_dir():
        return Source(LocalBucket(path))
    if path.exists():
        return Source(LocalBucket(path.parent), path.name)
    raise SettingsError("no such file or folder; check the name", where=uri)


def known_source(uri: str, *, is_object: bool) -> Source | None:
    """A source as the journal names it. An object that was removed is a source that holds nothing; a folder that is not
    there may be a disk that is not mounted: None."""
    try:
        return open_source(uri)
    except SettingsError:
        bucket = open_bucket(uri)
    if is_object and isinstance(bucket, LocalBucket) and bucket.root.parent.is_dir():
        return Source(LocalBucket(bucket.root.parent), bucket.root.name)
    return None


def not_a_document(info: ObjectInfo) -> str | None:
    """Why the object is none by its nature (a marker, or what a desktop leaves behind), or None where it may be one."""
    folder, _, name = info.key.rpartition("/")
    if not name:
        return "marks a folder"
    if name in {".DS_Store", "Thumbs.db", "desktop.ini"} or name.startswith("._") or "__MACOSX" in folder.split("/"):
        return "left behind by a desktop, not a document"
    if name.startswith("~$") or (name.startswith(".~lock.") and name.endswith("#")):
        return "lock file of an open document"
    return None
