"""The publisher: `curated/latest/` as plain Parquet, one file per dataset and partition, each replaced whole.

A partition (`2024-310117-001`: fiscal year and jurisdiction code, `unknown` where one is not known, and which hundred of
its budgets, counted as they first came) is a pure function of the journal and the staged results: the same inputs give
the same bytes, so a killed publisher is finished by whoever comes next, and two at work write the same. Every partition
has a file of every dataset, of no rows where nothing in it is published, so that a glob always finds one.

Figures stand here for the current document of a budget only: adding up the lines of all files never counts money twice.
Superseded revisions, other renditions and held documents are rows of `documents`; what was read from them stays in the
staged results and in the store.

Order across files: a document that leaves is taken from `documents` first, one that comes is put there last. A reader
that joins on `documents` never sees figures of a document that is not published. Where one replaces the other,
`documents` lists both until the figures are exchanged, each dataset with those of one of them: a budget is never away.
"""

from __future__ import annotations

import functools
import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, fields

import polars as pl

from cnbudget.marts import marts_version
from cnbudget.schema import DATASETS, MARTS, RUNS, SCHEMA_VERSION, STAGED
from warehouse.bucket import Bucket
from warehouse.contents import Contents
from warehouse.package import LATEST, MANIFESTS, PACKAGE, Written, key_of, to_manifest, to_package
from warehouse.parquet import to_parquet
from warehouse.store import Store, Transaction

LAYOUT = f"{SCHEMA_VERSION}/3"
"""Part of every file's inputs: raise the number after the slash when files are written in another way."""

_AT_ONCE = 8
_DOCUMENTS_AT_ONCE = 100

_FIGURES = [name for name in STAGED if name != "documents"]
_BEFORE_DOCUMENTS = [*_FIGURES, *MARTS, "document_sources"]
_PARTITIONED = [*_BEFORE_DOCUMENTS, "documents"]
"""In the order of writing."""

_RUNS = {
    name: f"""SELECT {", ".join(f'r."{column}"' for column in DATASETS[name].column_names)}
        FROM {name} r JOIN ledger.validation_runs m USING (run_id) WHERE strftime(m.started_at, '%Y-%m') = $month
        ORDER BY {", ".join(f'r."{key}"' for key in DATASETS[name].key)}"""
    for name in RUNS
}
"""The rows of a month of runs, by dataset."""

_REPLACED = ["superseded", "published"]
"""States of a document whose figures another one of its budget stands for."""
_CURRENT = "SELECT partition, current_ids FROM ledger.partitions WHERE partition IN (SELECT unnest($names::VARCHAR[]))"
_FILES = [field.name for field in fields(Written)]
_NO_DOCUMENTS = pl.DataFrame(schema=DATASETS["documents"].polars_schema())


@dataclass(frozen=True, slots=True)
class Partition:
    """What the journal asks for: by dataset, and for the manifest, the digest of what decides the bytes of the file."""

    name: str
    inputs: Mapping[str, str]


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
        return cls(key_of(dataset, partition), dataset, inputs, frame.height, to_parquet(frame, dataset))


class Publisher:
    """Brings `curated/latest/` to what the store says, once. `references` makes the reference datasets."""

    def __init__(self, bucket: Bucket, store: Store, references: Callable[[], Mapping[str, pl.DataFrame]]) -> None:
        self._bucket = bucket
        self._store = store
        self._references = references
        self._listed: Mapping[str, str] = {}
        self._written: dict[str, Written] = {}

    def write_stale(self, head: int, has_moved: Callable[[], bool]) -> bool:
        """Write what differs from what the journal asks for at its `head`; True when all is as it should be.

        False means that the head moved on meanwhile, or that the store lags: bring it up to date and call again.
        """
        self._listed = listed = {info.key: info.etag for info in self._bucket.list(LATEST)}
        with self._store.transaction() as store:
            if store.head() < head:
                return False
            partitions, months = _partitions(store), _months(store)
            known = {str(row[0]): Written(*row) for row in store.query("SELECT * FROM ledger.files").iter_rows()}
            # A file that is not as we left it may be the late write of a publisher that was paused.
            self._written = {key: file for key, file in known.items() if listed.get(key) == file.etag}
            stale = [partition for partition in partitions if self._stale_datasets(partition)]
            names = [partition.name for partition in stale]
            current = {str(name): set(ids) for name, ids in store.query(_CURRENT, names=names).iter_rows()}
        try:
            if has_moved():
                return False
            others = set(listed) - _wanted([*partitions, *months])
            self._empty(others)
            if not self._write_partitions(stale, current, has_moved):
                return False
            self._write_references()
            self._write_months([month for month in months if self._stale_datasets(month)])
            self._delete(others)
            self._put_package(partitions, months)
        finally:
            self._remember(known)
        return not has_moved()

    def _write_partitions(
        self, stale: Sequence[Partition], current: Mapping[str, set[str]], has_moved: Callable[[], bool]
    ) -> bool:
        """Write these partitions, which have to show the figures of their `current` documents."""
        shown = {partition.name: self._shown(partition.name) for partition in stale}
        ids = {name: set(frame["document_id"]) for name, frame in shown.items()}
        leaving = [partition for partition in stale if ids[partition.name] - current[partition.name]]
        if leaving:
            self._write_documents_between(leaving, shown, set().union(*ids.values()))
        # A document that moves to another partition leaves the old one first: its money never stands twice.
        others = [partition for partition in stale if partition not in leaving]
        for group in (*_groups(leaving, current), *_groups(others, current)):
            self._write_group(group)
            if has_moved():
                return False
        return True

    def _stale_datasets(self, partition: Partition) -> list[str]:
        files = {name: self._written.get(key_of(name, partition.name)) for name in partition.inputs}
        return [name for name, file in files.items() if not file or file.inputs_sha256 != partition.inputs[name]]

    def _shown(self, partition: str) -> pl.DataFrame:
        """The documents whose figures the partition in the bucket shows, as a reader would see it."""
        data = self._bucket.read(key_of("documents", partition))
        return _NO_DOCUMENTS if data is None else pl.read_parquet(io.BytesIO(data)).filter("is_current")

    def _write_documents_between(
        self, partitions: Sequence[Partition], shown: Mapping[str, pl.DataFrame], shown_ids: set[str]
    ) -> None:
        """The partitions' `documents` while figures are exchanged: without those that leave and those that come, but
        with both of a revision and the one that it replaces."""
        with self._store.transaction() as store:
            frames = Contents(store, {"documents": [partition.name for partition in partitions]}).of("documents")
        files = [_between(frame, shown[name], shown_ids) for name, frame in frames.items()]
        self._put_all([File.of("documents", name, "", file) for name, file in zip(frames, files, strict=True)])

    def _write_group(self, group: Sequence[Partition]) -> None:
        stale = {partition.name: self._stale_datasets(partition) for partition in group}
        wanted = {name: [partition for partition in stale if name in stale[partition]] for name in _PARTITIONED}
        inputs = {partition.name: partition.inputs for partition in group}

        def made(contents: Contents, datasets: Iterable[str]) -> Iterator[File]:
            # As bytes, which are a tenth of the rows: few datasets' rows are in memory together.
            for name in (name for name in datasets if wanted[name]):
                for partition, rows in contents.of(name).items():
                    yield File.of(name, partition, inputs[partition][name], rows)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            with self._store.transaction() as store:
                contents = Contents(store, wanted)
                # Each is written while the next one is read.
                puts = [pool.submit(self._put, file) for file in made(contents, _BEFORE_DOCUMENTS)]
                documents = list(made(contents, ["documents"]))
            self._written |= {written.key: written for written in (put.result() for put in puts)}
        self._put_all(documents)
        self._put_all([self._manifest(each.name, _PARTITIONED, each.inputs[MANIFESTS]) for each in group])

    def _manifest(self, partition: str, datasets: Iterable[str], inputs: str) -> File:
        files = [self._written[key_of(name, partition)] for name in datasets]
        return File(key_of(MANIFESTS, partition), MANIFESTS, inputs, 0, to_manifest(partition, files))

    def _write_references(self) -> None:
        files = _reference_files(self._references)
        self._put_all(files)
        self._put_all([self._manifest("all", [file.dataset for file in files], LAYOUT)])

    def _write_months(self, months: Sequence[Partition]) -> None:
        """What rules and suites said, of months in which they ran since."""
        for month in months:
            with self._store.transaction() as store:
                frames = {name: store.query(_RUNS[name], month=month.name) for name in _RUNS}
            conformed = {name: frame.cast(dict(DATASETS[name].polars_schema())) for name, frame in frames.items()}  # type: ignore[arg-type]
            self._put_all([File.of(n, month.name, month.inputs[n], frame) for n, frame in conformed.items()])
            self._put_all([self._manifest(month.name, _RUNS, month.inputs[MANIFESTS])])

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
        elif file.key in self._listed and (found := self._bucket.fetch(file.key)) and found[1] == file.data:
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

    def _put_package(self, partitions: Sequence[Partition], months: Sequence[Partition]) -> None:
        names = [partition.name for partition in partitions]
        files = {name: ["all"] if key_of(name, "all") in self._written else [] for name in DATASETS}
        files |= dict.fromkeys(_PARTITIONED, names) | {name: [month.name for month in months] for name in _RUNS}
        self._put_all([File(PACKAGE, "", LAYOUT, 0, to_package(files))])

    def _remember(self, known: Mapping[str, Written]) -> None:
        news = [file for key, file in self._written.items() if known.get(key) != file]
        old = [*(known.keys() - self._written.keys()), *(file.key for file in news if file.key in known)]
        if old or news:
            rows = pl.DataFrame([astuple(file) for file in news], schema=_FILES, orient="row")
            with self._store.transaction() as store:
                store.execute("DELETE FROM ledger.files WHERE key IN (SELECT unnest($keys::VARCHAR[]))", keys=old)
                store.insert("ledger.files", rows)


@functools.lru_cache(maxsize=2)
def _reference_files(references: Callable[[], Mapping[str, pl.DataFrame]]) -> list[File]:
    """The reference datasets as files: the same at every publication of a process."""
    frames = references().items()
    ordered = {name: frame.select(DATASETS[name].column_names).sort(DATASETS[name].key) for name, frame in frames}
    return [File.of(name, "all", LAYOUT, frame) for name, frame in ordered.items()]


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


def _groups(partitions: Sequence[Partition], current: Mapping[str, set[str]]) -> Iterator[list[Partition]]:
    """The partitions in order, so many together as have few enough documents for the memory of a worker."""
    group: list[Partition] = []
    for partition in partitions:
        if group and sum(len(current[each.name]) for each in (*group, partition)) > _DOCUMENTS_AT_ONCE:
            yield group
            group = []
        group.append(partition)
    if group:
        yield group


def _wanted(partitions: Sequence[Partition]) -> set[str]:
    references = [name for name, dataset in DATASETS.items() if dataset.is_reference]
    parts = {key_of(name, partition.name) for partition in partitions for name in partition.inputs}
    return parts | {PACKAGE} | {key_of(name, "all") for name in (*references, MANIFESTS)}


def _partitions(store: Transaction) -> list[Partition]:
    rows = store.query("SELECT * EXCLUDE (current_ids) FROM ledger.partitions ORDER BY partition")
    return [_to_partition(row) for row in rows.iter_rows(named=True)]


def _months(store: Transaction) -> list[Partition]:
    rows = store.query("SELECT month, runs FROM ledger.run_months").iter_rows()
    inputs = {str(month): f"{LAYOUT}/{runs}" for month, runs in rows}
    return [Partition(month, dict.fromkeys([*RUNS, MANIFESTS], digest)) for month, digest in inputs.items()]


def _to_partition(row: Mapping[str, str]) -> Partition:
    columns = dict.fromkeys(_FIGURES, "figures") | dict.fromkeys(MARTS, "marts")
    inputs = {name: f"{LAYOUT}/{row[name if name in row else columns[name]]}" for name in _PARTITIONED}
    inputs |= {name: f"{marts_version()}/{inputs[name]}" for name in MARTS}
    inputs[MANIFESTS] = hashlib.sha256("\n".join(inputs.values()).encode()).hexdigest()
    return Partition(row["partition"], inputs)
