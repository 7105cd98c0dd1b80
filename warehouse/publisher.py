"""The publisher: `curated/latest/` as plain Parquet, one file per dataset and partition, each replaced whole.

A partition (`2024-310117`, fiscal year and jurisdiction code, `unknown` where one is not known) is a pure function of
the journal and the staged results: the same inputs give the same bytes, so a killed publisher is finished by whoever
comes next, and two at work write the same. Every partition has a file of every dataset, of no rows where nothing in it
is published, so that a glob always finds one.

Figures stand here for the current document of a budget only: adding up the lines of all files never counts money twice.
Superseded revisions, other renditions and held documents are rows of `documents`; what was read from them stays in the
staged results and in the store.

Order across files: a document that leaves is taken from `documents` first, one that comes is put there last. A reader
that joins on `documents` never sees figures of a document that is not published. Where one replaces the other,
`documents` lists both until the figures are exchanged, each dataset with those of one of them: a budget is never away.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields

import polars as pl

from cnbudget.schema import DATASETS, SCHEMA_VERSION, STAGED, Column, ColumnType, Dataset
from warehouse.bucket import Bucket
from warehouse.parquet import to_parquet
from warehouse.store import Store, Transaction

LATEST = "curated/latest/"
PACKAGE = f"{LATEST}datapackage.json"
LAYOUT = f"{SCHEMA_VERSION}/2"
"""Part of every file's inputs: raise the number after the slash when files are written in another way."""

_AT_ONCE = 8
_DOCUMENTS_AT_ONCE = 250

_FIGURES = [name for name in STAGED if name != "documents"]
_PARTITIONED = [*_FIGURES, "document_sources", "documents"]
"""In the order of writing."""

_REPLACED = ["superseded", "published"]
"""States of a document whose figures another one of its budget stands for."""
_NO_DOCUMENTS = pl.DataFrame(schema=DATASETS["documents"].polars_schema())

_FIELD_TYPES = {
    ColumnType.STRING: "string",
    ColumnType.INTEGER: "integer",
    ColumnType.DECIMAL: "number",
    ColumnType.DOUBLE: "number",
    ColumnType.BOOLEAN: "boolean",
    ColumnType.TIMESTAMP: "datetime",
}


@dataclass(frozen=True, slots=True)
class Partition:
    """What the journal asks for: the documents of a partition, and what decides the bytes of its files."""

    name: str
    current_ids: frozenset[str]
    inputs: Mapping[str, str]
    """Digest of the inputs, by dataset."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file as this store last saw it written."""

    key: str
    dataset: str
    inputs_sha256: str
    etag: str
    sha256: str
    n_rows: int
    n_bytes: int


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written: the rows of a dataset in a partition as Parquet, and the digest of what decides them."""

    key: str
    dataset: str
    inputs: str
    n_rows: int
    data: bytes

    @classmethod
    def of(cls, dataset: str, partition: str, inputs: str, frame: pl.DataFrame) -> File:
        """The file of these rows."""
        return cls(_key(dataset, partition), dataset, inputs, frame.height, to_parquet(frame, dataset))


class Publisher:
    """Brings `curated/latest/` to what the store says. `references` makes the reference datasets."""

    def __init__(self, bucket: Bucket, store: Store, references: Callable[[], Mapping[str, pl.DataFrame]]) -> None:
        self._bucket = bucket
        self._store = store
        self._references = references
        self._written: dict[str, Written] = {}

    def write_stale(self, head: int, has_moved: Callable[[], bool]) -> bool:
        """Write what differs from what the journal asks for at its `head`; True when all is as it should be.

        False means that the head moved on meanwhile, or that the store lags: bring it up to date and call again.
        """
        listed = {info.key: info.etag for info in self._bucket.list(LATEST)}
        with self._store.transaction() as store:
            if store.head() < head:
                return False
            partitions = _partitions(store)
            known = [Written(*row) for row in store.query("SELECT * FROM ledger.files").iter_rows()]
        # A file that is not as we left it may be the late write of a publisher that was paused.
        self._written = {file.key: file for file in known if listed.get(file.key) == file.etag}
        try:
            if has_moved():
                return False
            others = set(listed) - _wanted(partitions)
            self._empty(others)
            if not self._write_partitions(partitions, has_moved):
                return False
            self._write_references()
            self._delete(others)
            self._put_package()
        finally:
            self._remember(known)
        return not has_moved()

    def _write_partitions(self, partitions: Sequence[Partition], has_moved: Callable[[], bool]) -> bool:
        stale = [partition for partition in partitions if self._stale_datasets(partition)]
        shown = {partition.name: self._shown(partition.name) for partition in stale}
        ids = {name: set(frame["document_id"]) for name, frame in shown.items()}
        leaving = [partition for partition in stale if ids[partition.name] - partition.current_ids]
        if leaving:
            self._write_documents_between(leaving, shown, set().union(*ids.values()))
        # A document that moves to another partition leaves the old one first: its money never stands twice.
        others = [partition for partition in stale if partition not in leaving]
        for group in (*_groups(leaving), *_groups(others)):
            self._write_group(group)
            if has_moved():
                return False
        return True

    def _stale_datasets(self, partition: Partition) -> list[str]:
        files = {name: self._written.get(_key(name, partition.name)) for name in _PARTITIONED}
        return [name for name, file in files.items() if not file or file.inputs_sha256 != partition.inputs[name]]

    def _shown(self, partition: str) -> pl.DataFrame:
        """The documents whose figures the partition in the bucket shows, as a reader would see it."""
        data = self._bucket.read(_key("documents", partition))
        return _NO_DOCUMENTS if data is None else pl.read_parquet(io.BytesIO(data)).filter("is_current")

    def _write_documents_between(
        self, partitions: Sequence[Partition], shown: Mapping[str, pl.DataFrame], shown_ids: set[str]
    ) -> None:
        """The partitions' `documents` while figures are exchanged: without those that leave and those that come, but
        with both of a revision and the one that it replaces."""
        with self._store.transaction() as store:
            frames = _frames(store, "documents", [partition.name for partition in partitions])
        files = [_between(frame, shown[name], shown_ids) for name, frame in frames.items()]
        self._put_all([File.of("documents", name, "", file) for name, file in zip(frames, files, strict=True)])

    def _write_group(self, group: Sequence[Partition]) -> None:
        with self._store.transaction() as store:
            files = [file for name in _PARTITIONED for file in self._stale_files(store, name, group)]
        self._put_all([file for file in files if file.dataset != "documents"])
        self._put_all([file for file in files if file.dataset == "documents"])

    def _stale_files(self, store: Transaction, dataset: str, group: Sequence[Partition]) -> list[File]:
        stale = {p.name: p.inputs[dataset] for p in group if dataset in self._stale_datasets(p)}
        frames = _frames(store, dataset, list(stale)) if stale else {}
        # As bytes, which are a tenth of the rows: only one dataset's rows are in memory at a time.
        return [File.of(dataset, name, stale[name], frame) for name, frame in frames.items()]

    def _write_references(self) -> None:
        frames = self._references().items()
        ordered = {name: frame.select(DATASETS[name].column_names).sort(DATASETS[name].key) for name, frame in frames}
        self._put_all([File.of(name, "all", LAYOUT, frame) for name, frame in ordered.items()])

    def _put_all(self, files: Sequence[File]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for written in pool.map(self._put, files):
                self._written[written.key] = written

    def _put(self, file: File) -> Written:
        """Write the file unless the same bytes stand there; what was written."""
        sha256 = hashlib.sha256(file.data).hexdigest()
        etag, old = None, self._written.get(file.key)
        if old:
            etag = old.etag if old.sha256 == sha256 else None
        elif (found := self._bucket.fetch(file.key)) and found[1] == file.data:
            etag = found[0].etag
        etag = etag or self._bucket.write(file.key, file.data)
        return Written(file.key, file.dataset, file.inputs, etag, sha256, file.n_rows, len(file.data))

    def _empty(self, keys: Iterable[str]) -> None:
        """Take the rows out of partitions that are no more, `documents` first, before their documents stand elsewhere.

        The files themselves stay until the new ones are there: a glob should always find one.
        """
        names = [key.removeprefix(LATEST).removesuffix(".parquet").split("/") for key in sorted(keys)]
        files = [
            File.of(name[0], name[1], "", pl.DataFrame(schema=DATASETS[name[0]].polars_schema()))
            for name in names
            if len(name) == 2 and name[0] in DATASETS
        ]
        self._put_all([file for file in files if file.dataset == "documents"])
        self._put_all([file for file in files if file.dataset != "documents"])

    def _delete(self, keys: Iterable[str]) -> None:
        for key in sorted(keys):
            self._bucket.delete(key)
            self._written.pop(key, None)

    def _put_package(self) -> None:
        data = to_package(sorted(self._written.values(), key=lambda file: file.key))
        if self._bucket.read(PACKAGE) != data:
            self._bucket.write(PACKAGE, data)

    def _remember(self, known: Sequence[Written]) -> None:
        files = list(self._written.values())
        if files != known:
            with self._store.transaction() as store:
                store.execute("DELETE FROM ledger.files")
                rows = [astuple(file) for file in files]
                names = [field.name for field in fields(Written)]
                store.insert("ledger.files", pl.DataFrame(rows, schema=names, orient="row"))


def _between(wanted: pl.DataFrame, shown: pl.DataFrame, shown_ids: set[str]) -> pl.DataFrame:
    """The rows of `documents` in a partition that goes from `shown` to `wanted`; `shown_ids` stand anywhere."""
    comes = wanted.filter("is_current").filter(~pl.col("document_id").is_in(list(shown_ids)))
    # Not one that was withdrawn or held: that has to be gone before anything else happens.
    replaced = wanted.filter(
        ~pl.col("is_current"),
        pl.col("state").is_in(_REPLACED),
        pl.col("budget_id").is_in(comes["budget_id"].drop_nulls().to_list()),
        pl.col("document_id").is_in(shown["document_id"].to_list()),
    )
    if replaced.is_empty() or shown.schema != wanted.schema:
        return wanted.join(comes, on="document_id", how="anti")
    early = ~pl.col("budget_id").is_in(replaced["budget_id"].to_list())
    stays = wanted.join(comes.filter(early), on="document_id", how="anti").join(replaced, on="document_id", how="anti")
    return pl.concat([stays, shown.join(replaced, on="document_id", how="semi")]).sort("document_id")


def _groups(partitions: Sequence[Partition]) -> Iterator[list[Partition]]:
    """The partitions in order, so many together as have few enough documents for the memory of a worker."""
    group: list[Partition] = []
    for partition in partitions:
        if group and sum(len(each.current_ids) for each in (*group, partition)) > _DOCUMENTS_AT_ONCE:
            yield group
            group = []
        group.append(partition)
    if group:
        yield group


def _frames(store: Transaction, dataset: str, partitions: Sequence[str]) -> dict[str, pl.DataFrame]:
    """The rows of each partition, in the order of their key; of none where nothing in it is published."""
    columns = ", ".join(f"d.{name}" for name in DATASETS[dataset].column_names)
    rows = store.query(
        f"""SELECT partition, {columns} FROM {dataset} d JOIN ledger.document_partitions USING (document_id)
        WHERE list_contains($partitions, partition) ORDER BY {", ".join(f"d.{name}" for name in DATASETS[dataset].key)}""",
        partitions=list(partitions),
    )
    schema = DATASETS[dataset].polars_schema()
    rows = rows.cast(dict(schema))  # type: ignore[arg-type]
    parts = {str(key): part for (key,), part in rows.partition_by("partition", as_dict=True, include_key=False).items()}
    empty = pl.DataFrame(schema=schema)
    return {name: parts.get(name, empty) for name in partitions}


def to_package(files: Sequence[Written]) -> bytes:
    """`datapackage.json` (Frictionless Data Package): the datasets, their files with rows and sha256, their schemas."""
    resources = [
        _resource(dataset, [file for file in files if file.dataset == name]) for name, dataset in DATASETS.items()
    ]
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "cnbudget",
        "title": "Published Chinese government budgets",
        "version": SCHEMA_VERSION,
        "release": "latest",
        "resources": [resource for resource in resources if resource["path"]],
    }
    return (json.dumps(package, ensure_ascii=False, indent=1) + "\n").encode()


def _resource(dataset: Dataset, files: Sequence[Written]) -> dict[str, object]:
    paths = [file.key.removeprefix(LATEST) for file in files]
    return {
        "name": dataset.name,
        "title": dataset.zh,
        "description": dataset.en,
        "path": paths,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "rows": sum(file.n_rows for file in files),
        "files": [
            {"path": path, "rows": file.n_rows, "bytes": file.n_bytes, "hash": f"sha256:{file.sha256}"}
            for path, file in zip(paths, files, strict=True)
        ],
        "schema": {"fields": [_field(column) for column in dataset.columns], "primaryKey": list(dataset.key)},
    }


def _field(column: Column) -> dict[str, object]:
    constraints: dict[str, object] = {"required": not column.is_nullable}
    if column.allowed:
        constraints["enum"] = list(column.allowed)
    kind = _FIELD_TYPES[column.type]
    return {"name": column.name, "type": kind, "description": column.en, "constraints": constraints}


def _wanted(partitions: Sequence[Partition]) -> set[str]:
    references = {_key(name, "all") for name, dataset in DATASETS.items() if dataset.is_reference}
    return references | {PACKAGE} | {_key(name, partition.name) for partition in partitions for name in _PARTITIONED}


def _key(dataset: str, partition: str) -> str:
    return f"{LATEST}{dataset}/{partition}.parquet"


def _partitions(store: Transaction) -> list[Partition]:
    rows = store.query("SELECT * FROM ledger.partitions ORDER BY partition")
    return [_to_partition(row) for row in rows.iter_rows(named=True)]


def _to_partition(row: Mapping[str, object]) -> Partition:
    def digest(column: str) -> str:
        return f"{LAYOUT}/{row[column]}"

    inputs = {name: digest("figures") for name in _FIGURES}
    inputs |= {name: digest(name) for name in ("findings", "documents", "document_sources")}
    ids = row["current_ids"]
    return Partition(str(row["partition"]), frozenset(ids if isinstance(ids, list) else ()), inputs)
