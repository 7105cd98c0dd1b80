"""Object storage as the lake sees it: a local folder or S3, with the same few promises.

A write is whole and atomic: a reader sees the old object or the new one. A create succeeds for one writer only; that is
the fence on which the journal rests. Listing is sorted by key and paged. Keys can never leave the bucket.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from cnbudget.errors import StorageError, StorageRefused

SCRATCH = ".cnbudget-tmp"
"""Half-written files of a local bucket stand here, on the same file system and outside of every listing."""

Answer = TypeVar("Answer")

_STALE_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object version as listed. `version` tells two contents of one key apart (the etag, if nothing better)."""

    key: str
    n_bytes: int
    etag: str
    version: str
    last_modified_at: datetime


class Bucket(Protocol):
    """Keys are paths with `/` and without a leading one. Every method raises StorageError where storage fails."""

    @property
    def uri(self) -> str:
        """Where the bucket stands, without a trailing slash."""

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        """Objects whose key starts with `prefix` and is greater than `after`, by key."""

    def head(self, key: str) -> ObjectInfo | None:
        """The object as listed, or None where there is none."""

    def read(self, key: str) -> bytes | None:
        """The object's bytes, or None where there is none."""

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        """The object's bytes and the version they are of, which may not be the one that was listed."""

    def write(self, key: str, data: bytes) -> str:
        """Put the object in place, whole, over an older one; the etag under which it is listed until the next write."""

    def create(self, key: str, data: bytes) -> bool:
        """Put the object in place unless there is one; False where there is one already."""

    def delete(self, key: str) -> None:
        """Take the object away; nothing happens where there is none."""


def open_bucket(uri: str) -> Bucket:
    """A bucket for `s3://bucket/prefix`, `file:///folder` or a folder's path (made with its first object)."""
    parts = urlsplit(uri)
    if parts.scheme == "s3":
        if not parts.netloc:
            raise StorageRefused("no bucket in it; expected s3://bucket/prefix", where=uri)
        # Not parts.path: `?` and `#` are ordinary characters of an S3 key.
        return S3Bucket(parts.netloc, uri.removeprefix(f"s3://{parts.netloc}").strip("/"))
    if parts.scheme == "file":
        return LocalBucket(Path(unquote(parts.path)))
    return LocalBucket(Path(uri).expanduser())


class PatientBucket:
    """A bucket that is asked again, a few times within a second or two, when it fails in a way that may heal.

    A try whose reply was lost may have had its effect: what is written again is the same, and a create that finds its own
    bytes has succeeded. (So contents to be created carry something that makes them one's own.)
    """

    def __init__(self, inner: Bucket, *, n_tries: int = 5, pause_seconds: float = 0.05) -> None:
        self._inner = inner
        self._n_tries = n_tries
        self._pause_seconds = pause_seconds

    @property
    def uri(self) -> str:
        return self._inner.uri

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        n_left = self._n_tries
        while True:
            try:
                for info in self._inner.list(prefix, after=after):
                    after, n_left = info.key, self._n_tries
                    yield info
                return
            except StorageError as error:
                n_left -= 1
                if not error.transient or not n_left:
                    raise
            self._pause(self._n_tries - n_left)

    def head(self, key: str) -> ObjectInfo | None:
        return self._patiently(lambda: self._inner.head(key))

    def read(self, key: str) -> bytes | None:
        return self._patiently(lambda: self._inner.read(key))

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        return self._patiently(lambda: self._inner.fetch(key))

    def write(self, key: str, data: bytes) -> str:
        return self._patiently(lambda: self._inner.write(key, data))

    def create(self, key: str, data: bytes) -> bool:
        tries = itertools.count()

        def create() -> bool:
            is_again = next(tries) > 0
            return self._inner.create(key, data) or (is_again and self._inner.read(key) == data)

        return self._patiently(create)

    def delete(self, key: str) -> None:
        self._patiently(lambda: self._inner.delete(key))

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        for number in range(1, self._n_tries):
            try:
                return call()
            except StorageError as error:
                if not error.transient:
                    raise
            self._pause(number)
        return call()

    def _pause(self, number: int) -> None:
        time.sleep(random.uniform(0.5, 1.0) * self._pause_seconds * 2**number)


class LocalBucket:
    """A folder. Links that lead out of it and names with `..` are refused."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._sweep()

    @property
    def uri(self) -> str:
        return f"file://{printable(str(self._root))}"

    @property
    def root(self) -> Path:
        """The folder, absolute."""
        return self._root

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        folder = prefix.rpartition("/")[0]
        start = self._path(folder) if folder else self._root
        first = _order(after)
        with _storage_errors(self.uri):
            for key, path in _walk(str(start), f"{folder}/" if folder else ""):
                if key.startswith(prefix) and _order(key) > first and (info := self._info(key, path)):
                    yield info

    def head(self, key: str) -> ObjectInfo | None:
        with _storage_errors(self._where(key)):
            return self._info(key, self._path(key))

    def read(self, key: str) -> bytes | None:
        found = self.fetch(key)
        return found[1] if found else None

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        with _storage_errors(self._where(key)):
            try:
                with self._path(key).open("rb") as file:
                    info, data = _to_info(key, os.fstat(file.fileno())), file.read()
                    is_whole = info == _to_info(key, os.fstat(file.fileno())) and len(data) == info.n_bytes
            except FileNotFoundError:
                return None
        if not is_whole:
            raise StorageError("it changes while it is read; try again when it is written", where=self._where(key))
        return info, data

    def write(self, key: str, data: bytes) -> str:
        path = self._path(key)
        with _storage_errors(self._where(key)), self._scratch(data) as scratch:
            path.parent.mkdir(parents=True, exist_ok=True)
            etag = _etag(scratch.stat())
            scratch.replace(path)
            _sync_folder(path.parent)
        return etag

    def create(self, key: str, data: bytes) -> bool:
        path = self._path(key)
        with _storage_errors(self._where(key)), self._scratch(data) as scratch:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(scratch, path)
            except FileExistsError:
                return False
            _sync_folder(path.parent)
            return True

    def delete(self, key: str) -> None:
        with _storage_errors(self._where(key)):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        parts = key.split("/")
        if "\0" in key or any(part in ("", ".", "..") for part in parts):
            raise StorageRefused("this name cannot stand in a folder; rename the object", where=self._where(key))
        path = self._root.joinpath(*parts)
        if not path.resolve().is_relative_to(self._root):
            raise StorageRefused("a link that leads out of the folder; copy the file itself", where=self._where(key))
        return path

    def _where(self, key: str) -> str:
        return f"{self.uri}/{printable(key)}"

    def _info(self, key: str, path: str | Path) -> ObjectInfo | None:
        try:
            return _to_info(key, os.stat(path))  # noqa: PTH116 (a listing asks for very many)
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def _scratch(self, data: bytes) -> Iterator[Path]:
        path = self._root / SCRATCH / uuid.uuid4().hex
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what killed writers left; a live one needs its file for a moment only."""
        for path in (self._root / SCRATCH).glob("*"):
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                    path.unlink()


def printable(name: str) -> str:
    """A file name as text that every format can hold: bytes that are no UTF-8 become `\\xNN`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


# As the names stand in the journal, so that a range of the listing is a range of the ledger.
_order = printable


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Files below a folder in the order of their keys, which is not the order of their names: `a.b` < `a/b`."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    named = [(entry.name + "/" if entry.is_dir(follow_symlinks=False) else entry.name, entry) for entry in entries]
    for name, entry in sorted(named, key=lambda pair: _order(pair[0])):
        if name.endswith("/"):
            if prefix or entry.name != SCRATCH:
                yield from _walk(entry.path, prefix + name)
        elif entry.is_symlink() or entry.is_file():
            yield prefix + name, entry.path


def _to_info(key: str, stat: os.stat_result) -> ObjectInfo:
    modified_at = datetime.fromtimestamp(stat.st_mtime_ns // 1000 / 1_000_000, UTC)
    return ObjectInfo(key, stat.st_size, _etag(stat), _etag(stat), modified_at)


def _etag(stat: os.stat_result) -> str:
    return f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_LASTING = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP}


@contextlib.contextmanager
def _storage_errors(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{error.strerror or error}; expected a folder to read and write: check its permissions and space",
            where=where,
            transient=error.errno not in _LASTING,
        ) from error


_CONTENT_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "webp": "image/webp",
    "png": "image/png",
    "md": "text/markdown; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}


def content_type(key: str) -> str:
    """What a bucket is to say that a file is, by its ending: a browser shows what is named to it as a page."""
    return _CONTENT_TYPES.get(key.rpartition(".")[2], "application/octet-stream")


class S3Bucket:
    """A bucket behind the S3 protocol, or a prefix in one; endpoint and credentials from the usual AWS environment."""

    READ_SECONDS = 60.0
    """How long an answer, or the next piece of one, is waited for."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]

        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        config = Config(
            connect_timeout=10,
            read_timeout=self.READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": 4},
            max_pool_connections=32,
        )
        with self._errors(""):
            self._client: Any = boto3.client("s3", config=config)

    @property
    def uri(self) -> str:
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    def list(self, prefix: str = "", *, after: str = "") -> Iterator[ObjectInfo]:
        arguments = {"Bucket": self._bucket, "Prefix": self._prefix + prefix}
        if after:
            arguments["StartAfter"] = self._prefix + after
        with self._errors(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(**arguments):
                for entry in page.get("Contents", ()):
                    yield self._info(entry["Key"], entry["Size"], entry["ETag"], entry["LastModified"])

    def head(self, key: str) -> ObjectInfo | None:
        with self._errors(key):
            try:
                reply = self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
            except self._client.exceptions.ClientError as error:
                if _status(error) == 404:
                    return None
                raise
            return self._info(self._prefix + key, reply["ContentLength"], reply["ETag"], reply["LastModified"])

    def read(self, key: str) -> bytes | None:
        found = self.fetch(key)
        return found[1] if found else None

    def fetch(self, key: str) -> tuple[ObjectInfo, bytes] | None:
        with self._errors(key):
            try:
                reply = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            except self._client.exceptions.NoSuchKey:
                return None
            except self._client.exceptions.ClientError as error:
                if _status(error) != 404 or _code(error) == "NoSuchBucket":
                    raise
                # What is not there is called NoSuchKey; the answer that says so can be cut short as any other.
                raise StorageError("an answer of 404 that says no more; try again", where=self._where(key)) from error
            data: bytes = reply["Body"].read()
        if len(data) != reply["ContentLength"]:
            found = f"{len(data)} bytes of {reply['ContentLength']}"
            raise StorageError(f"{found} arrived; try again", where=self._where(key))
        return self._info(self._prefix + key, len(data), reply["ETag"], reply["LastModified"]), data

    def write(self, key: str, data: bytes) -> str:
        with self._errors(key):
            name = self._prefix + key
            reply = self._client.put_object(Bucket=self._bucket, Key=name, Body=data, ContentType=content_type(key))
        return str(reply["ETag"]).strip('"')

    def create(self, key: str, data: bytes) -> bool:
        with self._errors(key):
            try:
                self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=data, IfNoneMatch="*")
            except self._client.exceptions.ClientError as error:
                if _status(error) not in (409, 412):
                    raise
                return self._is_own(key, data)
        return True

    def delete(self, key: str) -> None:
        with self._errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def _is_own(self, key: str, data: bytes) -> bool:
        """Refused: by another writer's object, or by one's own, put by a try whose reply was lost?"""
        found = self.read(key)
        if found is None:
            raise StorageError("another write is under way; try again", where=self._where(key))
        return found == data

    def _info(self, key: str, n_bytes: int, etag: str, modified_at: datetime) -> ObjectInfo:
        etag = etag.strip('"')
        # A listing may tell milliseconds where HEAD and GET tell seconds; an object has one date, however it was met.
        modified_at = modified_at.astimezone(UTC).replace(microsecond=0)
        return ObjectInfo(key.removeprefix(self._prefix), n_bytes, etag, etag, modified_at)

    def _where(self, key: str) -> str:
        return f"s3://{self._bucket}/{self._prefix}{key}"

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
        from urllib3.exceptions import HTTPError

        try:
            yield
        except ClientError as error:
            raise _refusal(error, self._where(key)) from error
        except (BotoCoreError, HTTPError, OSError, ValueError) as error:
            # A setting that is missing or wrong does not heal by waiting; a lost connection may.
            lasting = type(error).__name__ in {"NoCredentialsError", "PartialCredentialsError", "NoRegionError"}
            lasting |= isinstance(error, ValueError)
            raise StorageError(
                f"{error}; check AWS_ENDPOINT_URL, AWS_REGION and the credentials",
                where=self._where(key),
                transient=not lasting,
            ) from error


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refusal(error: Any, where: str) -> StorageError:
    code, status = _code(error), _status(error)
    message = f"the server answers {status} {code}: {error.response.get('Error', {}).get('Message', '')}"
    if status == 501:
        advice = "this server cannot hold a lake: keep the lake on a local disk or another server, and read from here"
        return StorageRefused(f"{message} {advice}", where=where)
    transient = status >= 500 or status in (0, 408, 409, 429) or code in {"SlowDown", "RequestTimeout"}
    advice = "try again" if transient else "check the bucket's name, its policy and the credentials"
    return StorageError(f"{message}; {advice}", where=where, transient=transient)
