"""Releases: immutable copies of `curated/latest/` below `curated/releases/<name>/`, with checksums and what has changed.

    <dataset>/<partition>.parquet ...   as they stood in latest/
    datapackage.json                    as there, with the name of the release
    changes.json, CHANGES.md            against the release before, for programs and for people
    figure_changes.parquet              every figure that another amount stands for now
    SHA256SUMS                          for `sha256sum -c`
    release.json                        the manifest, written last and once: without it there is no release

A release follows from the journal's head, its staged results and the release before, without a clock: it can be made anew,
byte for byte. One that was killed is not there, and is made whole by making it again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import polars as pl

from cnbudget.datapackage import CITATION
from cnbudget.errors import ReleaseRefused
from cnbudget.revisions import changed_budgets, changed_figures
from cnbudget.schema import DATASETS, SCHEMA_VERSION
from cnbudget.schema.versions import check_version, snapshot
from warehouse.bucket import Bucket, ObjectInfo, open_bucket
from warehouse.changes import to_changelog
from warehouse.parquet import plain_parquet

LATEST = "curated/latest/"
RELEASES = "curated/releases/"
MANIFEST, SUMS, PACKAGE, CHANGES = "release.json", "SHA256SUMS", "datapackage.json", "changes.json"
FIGURES, CHANGELOG = "figure_changes.parquet", "CHANGES.md"

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_AT_ONCE = 8
CHINA = timezone(timedelta(hours=8))

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReleasedFile:
    """A file of a release; `rows` where it is a table."""

    path: str
    n_bytes: int
    sha256: str
    rows: int | None = None

    @classmethod
    def of(cls, path: str, data: bytes) -> ReleasedFile:
        """The file of these bytes."""
        rows = (
            pl.scan_parquet(io.BytesIO(data)).select(pl.len()).collect().item() if path.endswith(".parquet") else None
        )
        return cls(path, len(data), hashlib.sha256(data).hexdigest(), rows)

    @property
    def plain(self) -> dict[str, object]:
        rows = {} if self.rows is None else {"rows": self.rows}
        return {"path": self.path, "bytes": self.n_bytes, "sha256": self.sha256, **rows}


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of a copy found. `sha256` is the manifest's: equal digests are equal releases."""

    release: str
    sha256: str
    n_files: int
    n_bytes: int
    problems: Sequence[str]


def month_of(time: datetime) -> str:
    """The usual name of a release: the month in China."""
    return f"{time.astimezone(CHINA):%Y.%m}"


def month_before(time: datetime) -> str:
    """The month in China that has ended last."""
    return month_of(time.astimezone(CHINA).replace(day=1) - timedelta(days=1))


class Releases:
    """The releases of a lake."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def manifests(self) -> list[Manifest]:
        """The manifests of all releases, the latest last."""
        found = [self._bucket.read(f"{RELEASES}{name}/{MANIFEST}") for name in self._folders()]
        manifests = [json.loads(data) for data in found if data]
        return sorted(manifests, key=lambda manifest: (manifest["journal_version"], manifest["release"]))

    def _folders(self) -> Iterator[str]:
        """The folders below releases/, each found with one page of a listing, however many files are in it."""
        after = ""
        while info := next(iter(self._bucket.list(RELEASES, after=after)), None):
            name = info.key.removeprefix(RELEASES).partition("/")[0]
            yield name
            after = f"{RELEASES}{name}0"  # "0" is the character after "/"

    def check_schema(self) -> None:
        """Raise SchemaRefused where the schema has changed more since the last release than its version says."""
        if made := self.manifests():
            check_version(made[-1]["schema"], snapshot())

    def make(self, name: str, *, version: int, at: datetime, is_settled: Callable[[], bool]) -> Manifest | None:
        """Copy `latest/`, which shows the journal up to `version`, committed `at`; the manifest.

        None where `latest/` was written to meanwhile (`is_settled` is asked at the end): bring it up to date and try again.
        Raises ReleaseRefused where there is such a release, and SchemaRefused.
        """
        if not _NAME.fullmatch(name):
            raise ReleaseRefused("expected letters, digits, dots and dashes, as 2026.11", where=name)
        made = self.manifests()
        if name in {manifest["release"] for manifest in made}:
            raise ReleaseRefused("there is such a release, and none ever changes; give another --name", where=name)
        self.check_schema()
        listed = _listing(self._bucket)
        files = self._copy(name, [info for info in listed if info.key != f"{LATEST}{PACKAGE}"])
        if files is None or _listing(self._bucket) != listed or not is_settled():
            return None
        return self._finish(_Draft(name, version, at, made[-1] if made else None, files))

    def _copy(self, name: str, listed: Sequence[ObjectInfo]) -> list[ReleasedFile] | None:
        def copy(info: ObjectInfo) -> ReleasedFile | None:
            found = self._bucket.fetch(info.key)
            if found is None or found[0].etag != info.etag:
                return None
            return self._put(name, info.key.removeprefix(LATEST), found[1])

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            files = list(pool.map(copy, listed))
        whole = [file for file in files if file]
        return whole if len(whole) == len(files) else None

    def _put(self, name: str, path: str, data: bytes) -> ReleasedFile:
        key = f"{RELEASES}{name}/{path}"
        # What a killed try left may be of another state of the lake.
        if not self._bucket.create(key, data) and self._bucket.read(key) != data:
            self._bucket.write(key, data)
        return ReleasedFile.of(path, data)

    def _finish(self, draft: _Draft) -> Manifest:
        """Write what is derived from the copied files, take away what does not belong, and the manifest last."""
        changes, figures = self._changes(draft)
        older = self._read(str(draft.previous["release"]), CHANGELOG) if draft.previous else b""
        texts = {
            PACKAGE: _named_package(self._bucket.read(f"{LATEST}{PACKAGE}") or b"{}", draft.name),
            CHANGES: _to_json(changes),
            FIGURES: plain_parquet(figures),
            CHANGELOG: to_changelog(changes, older.decode()),
        }
        files = [*draft.files, *(self._put(draft.name, path, data) for path, data in texts.items())]
        files.sort(key=lambda file: file.path)
        sums = "".join(f"{file.sha256}  {file.path}\n" for file in files)
        files.append(self._put(draft.name, SUMS, sums.encode()))
        self._delete_others(draft.name, {file.path for file in files})
        manifest = draft.manifest(changes["rows"], files)
        data = _to_json(manifest)
        is_ours = self._bucket.create(f"{RELEASES}{draft.name}/{MANIFEST}", data)
        if not is_ours and self._read(draft.name, MANIFEST) != data:
            raise ReleaseRefused("someone else made another release of this name meanwhile", where=draft.name)
        return manifest

    def _delete_others(self, name: str, paths: set[str]) -> None:
        folder = f"{RELEASES}{name}/"
        for info in list(self._bucket.list(folder)):
            if info.key.removeprefix(folder) not in paths | {MANIFEST}:
                self._bucket.delete(info.key)

    def _changes(self, draft: _Draft) -> tuple[dict[str, Any], pl.DataFrame]:
        """What has changed since the release before: documents and figures of the partitions whose files differ."""
        old_files = draft.previous_files()
        new_files = {file.path: file.sha256 for file in draft.files}
        differing = {path for path in old_files.keys() | new_files.keys() if old_files.get(path) != new_files.get(path)}
        before, after = (
            {name: self._table(release, name, differing & files.keys()) for name in ("documents", "budget_facts")}
            for release, files in ((draft.previous_name, old_files), (draft.name, new_files))
        )
        budgets = changed_budgets(before["documents"], after["documents"])
        figures = changed_figures(budgets, before["budget_facts"], after["budget_facts"])
        return draft.changes(budgets, figures), figures

    def _table(self, release: str | None, dataset: str, paths: set[str]) -> pl.DataFrame:
        """The rows of these files of a dataset, as far as today's schema knows their columns."""
        schema = DATASETS[dataset].polars_schema()
        chosen = sorted(path for path in paths if path.startswith(f"{dataset}/")) if release else []
        frames = [pl.read_parquet(io.BytesIO(self._read(str(release), path))) for path in chosen]
        empty = pl.DataFrame(schema=schema)
        return pl.concat([empty, *frames], how="diagonal_relaxed").select(list(schema))

    def _read(self, release: str, path: str) -> bytes:
        data = self._bucket.read(f"{RELEASES}{release}/{path}")
        if data is None:
            raise ReleaseRefused(
                "a file of the release is gone; verify it, and restore it from a copy", where=f"{release}/{path}"
            )
        return data


@dataclass(frozen=True, slots=True)
class _Draft:
    """A release on its way: its files are copied."""

    name: str
    version: int
    at: datetime
    previous: Manifest | None
    files: Sequence[ReleasedFile]

    @property
    def previous_name(self) -> str | None:
        return str(self.previous["release"]) if self.previous else None

    def previous_files(self) -> dict[str, str]:
        """The tables of the release before: path to sha256."""
        files = self.previous["files"] if self.previous else []
        return {file["path"]: file["sha256"] for file in files if "/" in file["path"]}

    def rows(self) -> dict[str, int]:
        """Rows by dataset."""
        counts = dict.fromkeys(DATASETS, 0)
        for file in self.files:
            if (name := file.path.partition("/")[0]) in counts:
                counts[name] += file.rows or 0
        return counts

    def changes(self, budgets: pl.DataFrame, figures: pl.DataFrame) -> dict[str, Any]:
        """What `changes.json` holds. A budget whose document is the same and whose figures are not was read anew."""
        counts = figures.group_by("budget_id").agg(
            n_figures_changed=pl.col("amount_yuan")
            .is_not_null()
            .and_(pl.col("previous_amount_yuan").is_not_null())
            .sum(),
            n_figures_added=pl.col("previous_amount_yuan").is_null().sum(),
            n_figures_removed=pl.col("amount_yuan").is_null().sum(),
        )
        told = (
            budgets.join(counts, on="budget_id", how="left")
            .with_columns(pl.col("^n_figures_.*$").fill_null(0))
            .with_columns(
                change=pl.coalesce("change", pl.when(pl.sum_horizontal("^n_figures_.*$") > 0).then(pl.lit("read anew")))
            )
            .filter(pl.col("change").is_not_null())
            .sort("budget_id")
        )
        return {
            "release": self.name,
            "as_of": self.at.isoformat(),
            "journal_version": self.version,
            "schema_version": SCHEMA_VERSION,
            "previous": self.previous_name,
            "budgets": told.to_dicts(),
            "n_figures_differing": figures.height,
            "rows": self.rows(),
            "previous_rows": self.previous["rows"] if self.previous else {},
        }

    def manifest(self, rows: Mapping[str, int], files: Sequence[ReleasedFile]) -> dict[str, Any]:
        """What `release.json` holds."""
        return {
            "release": self.name,
            "as_of": self.at.isoformat(),
            "journal_version": self.version,
            "previous": self.previous_name,
            "rows": rows,
            "schema": snapshot(),
            "files": [file.plain for file in files],
        }


def verify(uri: str) -> Verified:
    """Check a copy of a release, a folder or an s3:// prefix, against its own manifest, byte for byte.

    Raises ReleaseRefused where there is no manifest: a release that was never finished, or none.
    """
    bucket = open_bucket(uri)
    data = bucket.read(MANIFEST)
    if data is None:
        raise ReleaseRefused(f"no {MANIFEST} here; expected the folder of a release", where=uri)
    manifest = json.loads(data)
    expected = {file["path"]: file for file in manifest["files"]}

    def problem(path: str) -> str | None:
        found = bucket.read(path)
        if found is None:
            return f"{path}: missing"
        is_same = hashlib.sha256(found).hexdigest() == expected[path]["sha256"]
        return None if is_same else f"{path}: not the bytes that were released"

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        problems = [found for found in pool.map(problem, expected) if found]
    others = {info.key for info in bucket.list()} - expected.keys() - {MANIFEST}
    problems += [f"{path}: no part of the release" for path in sorted(others)]
    n_bytes = sum(file["bytes"] for file in manifest["files"])
    return Verified(manifest["release"], hashlib.sha256(data).hexdigest(), len(expected), n_bytes, problems)


def _listing(bucket: Bucket) -> list[ObjectInfo]:
    return list(bucket.list(LATEST))


def _named_package(data: bytes, name: str) -> bytes:
    package = json.loads(data)
    return _to_json(package | {"release": name, "citation": CITATION.format(release=name, version=SCHEMA_VERSION)})


def _to_json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n").encode()
