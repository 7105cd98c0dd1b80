"""The DuckDB store: the journal's ledger and the staged results as tables, for questions and for the publisher.

Nothing in it is the truth. It is brought up to date from the journal and can be thrown away at any time. DuckDB lets
one process at a time open a file, so it is open for the length of a transaction only, and who waits for it is the next to
have it: whoever lets go of it and wants it again stands in line (`turns`). What is costly of opening, DuckDB's own start, is
done once: the file is attached to an engine that stays.

Schemas: `staged` (every staged result), `ledger` (entries and the states derived from them), and in `main` the
published datasets as views, which hold what `curated/latest/` holds.

The tables of `staged` have a last column `loaded`: a number of the document, in the order in which figures were loaded. Ids
are digests, so the rows of a few documents can be anywhere in a table as far as DuckDB's statistics tell; a condition on
`loaded` passes over all but the neighbourhood of the documents asked for.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path

import duckdb
import polars as pl

from cnbudget.errors import StorageError, StoreDamaged
from cnbudget.schema import DATASETS, RUNS, STAGED, ColumnType, Dataset, Origin
from warehouse.journal import (
    AcceptanceRevoked,
    Commit,
    DecisionMade,
    DocumentAudited,
    DocumentsPublished,
    Entry,
    ExpectationChecked,
    FindingAccepted,
    ObjectRecorded,
    RuleAccepted,
    SourceAdded,
    ValidationRun,
)
from warehouse.turns import Wait, turn

_LEDGER, _STATES, _PARTITIONS, FOLLOW = (
    path.read_text("utf-8") for path in sorted((Path(__file__).parent / "sql").glob("*.sql"))
)

_SQL_TYPES = {
    ColumnType.STRING: "VARCHAR",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.DECIMAL: "DECIMAL(18, 2)",
    ColumnType.DOUBLE: "DOUBLE",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.TIMESTAMP: "TIMESTAMP",
}
_TABLES: dict[type[Entry], str] = {
    SourceAdded: "sources",
    ObjectRecorded: "object_records",
    DocumentAudited: "audits",
    DocumentsPublished: "publications",
    DecisionMade: "decisions",
    FindingAccepted: "acceptances",
    RuleAccepted: "rule_acceptances",
    AcceptanceRevoked: "acceptance_revocations",
    ValidationRun: "validation_runs",
    ExpectationChecked: "validation_results",
}
_FROM_STATES = (
    *("file_name", "revision", "is_current", "state", "state_reason"),
    *("approved_by", "approval_reason", "first_seen_at", "published_at"),
)
"""Columns of `documents` that the pipeline decides; the rest is as staged."""

# Extensions are never fetched: installs without a network have to work.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    # What does not fit goes to the disk: a store that has grown takes no more memory than a small one.
    "memory_limit": "256MB",
}

_CATALOG = "store"
"""What the file is called while it is attached."""

LOADED = "loaded"
"""The column of the `staged` tables that says which document, in the order of loading."""
IS_LOADED = f"{LOADED} IN (SELECT unnest($loaded::BIGINT[]))"
"""The condition for the rows of some documents. DuckDB makes a filter of the join, passes over what its statistics rule out,
and looks up the rest; a list in the place of the subquery costs several times as much where documents are far apart."""

_log = logging.getLogger(__name__)

Frames = Mapping[str, pl.DataFrame]


class Transaction:
    """The open store, inside a transaction that is committed when its block ends without an error."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def query(self, sql: str, **parameters: object) -> pl.DataFrame:
        """A question's answer; parameters stand in the SQL as `$name`. Times come back as UTC."""
        frame: pl.DataFrame = self._connection.sql(sql, params=parameters or None).pl()
        times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
        return frame.with_columns(pl.col(times).dt.cast_time_unit("us").dt.replace_time_zone("UTC"))

    def execute(self, sql: str, **parameters: object) -> None:
        """Run a statement for its effect."""
        self._connection.execute(sql, parameters or None)

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Append the rows; the columns are those of the table, in order."""
        if frame.height:
            times = [name for name, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
            self._connection.register("incoming", frame.with_columns(pl.col(times).dt.replace_time_zone(None)))
            self._connection.execute(f"INSERT INTO {table} SELECT * FROM incoming")
            self._connection.unregister("incoming")

    def head(self) -> int:
        """The journal's version up to which the store is."""
        ((head,),) = self._connection.execute("SELECT coalesce(max(version), 0) FROM ledger.commits").fetchall()
        return int(head)

    def apply(self, commits: Sequence[Commit], frames: Iterable[Frames] = ()) -> None:
        """Append the commits that are later than `head`, with the staged results of the audits among them, which may
        come in parts."""
        head = self.head()
        commits = [commit for commit in commits if commit.version > head]
        if not commits:
            return
        heads = [(commit.version, commit.at, commit.by, commit.nonce) for commit in commits]
        self.insert("ledger.commits", _rows(heads, ["version", "at", "by", "nonce"]))
        for kind, table in _TABLES.items():
            self.insert(f"ledger.{table}", _entry_rows(kind, commits))
        for part in frames:
            self._load(part)
        self.execute(FOLLOW)

    def _load(self, frames: Frames) -> None:
        ids = frames["documents"].select("document_id")
        known = self.query(
            f"SELECT document_id, {LOADED} FROM staged.documents WHERE list_contains($ids, document_id)",
            ids=ids["document_id"].to_list(),
        )
        last = int(self.query(f"SELECT coalesce(max({LOADED}), 0) FROM staged.documents").item())
        fresh = pl.int_range(last + 1, last + 1 + ids.height, eager=True).alias(LOADED)
        numbers = ids.with_columns(fresh)
        if not frames.keys() >= {*STAGED}:
            # What is judged again keeps the number that its figures have.
            numbers = numbers.join(known, on="document_id", how="left").select(
                "document_id", pl.coalesce(f"{LOADED}_right", LOADED).alias(LOADED)
            )
        for name in (name for name in STAGED if name in frames):
            if known.height:
                self.execute(f"DELETE FROM staged.{name} WHERE {IS_LOADED}", loaded=known[LOADED].to_list())
            self.insert(
                f"staged.{name}", frames[name].join(numbers, on="document_id", how="left", maintain_order="left")
            )


class Store:
    """A DuckDB file. `waiting` is told, once a wait, that another process holds it."""

    def __init__(
        self, path: Path, *, wait_seconds: float = 120.0, waiting: Callable[[str], object] = _log.warning
    ) -> None:
        self.path = path
        self._wait_seconds = wait_seconds
        self._waiting = waiting
        self._turn = threading.RLock()
        self._is_checked = False
        self._is_damaged = False
        self._engine: duckdb.DuckDBPyConnection | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        """The engine while the file is attached to it."""

    @contextlib.contextmanager
    def session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Keep the file open over a few transactions that belong together; other processes wait meanwhile."""
        with self._turn:
            if self._connection is not None:
                yield self._connection
                return
            with self._opened() as connection:
                self._connection = connection
                try:
                    if not self._is_checked:
                        with self._errors():
                            _migrate(connection)
                        self._is_checked = True
                    yield connection
                finally:
                    self._connection = None

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """The open store; raises StorageError (transient) where another process does not let go of it in time."""
        with self.session() as connection, self._errors():
            connection.begin()
            try:
                yield Transaction(connection)
            except BaseException:
                with contextlib.suppress(duckdb.Error):  # where it broke, there is nothing to roll back
                    connection.rollback()
                raise
            connection.commit()

    def is_outdated(self) -> bool:
        """Whether the file was made for other tables than this version declares: then it has to be built anew.

        Raises StoreDamaged where it cannot be read, now or by an earlier question.
        """
        if not self.path.exists():
            return False
        if self._is_damaged:
            raise StoreDamaged("it could not be read before", where=str(self.path))
        with self._turn, self._opened() as connection, self._errors():
            tables, _ = _fingerprints(connection)
        return tables not in (None, _fingerprint(_tables))

    def remove(self) -> None:
        """Throw the file away; the next transaction starts an empty one."""
        with self._turn:
            for path in (self.path, self._beside("wal"), self._beside("line")):
                path.unlink(missing_ok=True)

    def replace(self, other: Store) -> None:
        """Put another store's file in the place of this one's, once nobody has it open: DuckDB finds a file's write-ahead
        log by its name, so that of a writer would be taken for the new file's."""
        with self._turn:
            try:
                with self._opened() as connection, self._errors():
                    connection.execute("CHECKPOINT")
                    other.path.replace(self.path)
            except StoreDamaged:
                # Nobody has it open, then.
                self._beside("wal").unlink(missing_ok=True)
                other.path.replace(self.path)
            self._is_damaged = False

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """What the disk or the memory refuses is no mistake of the question, and may heal; a damaged file is remembered."""
        try:
            yield
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            if _is_damage(error):
                self._is_damaged = True
                raise _damaged(self.path, said) from error
            if not isinstance(error, _OUT_OF_ROOM):
                raise
            message = f"{said}; expected room on its disk and in memory: make some"
            raise StorageError(message, where=str(self.path)) from error

    def publishing(self) -> contextlib.AbstractContextManager[bool]:
        """The turn to publish from this file. Two that publish at once do the same work and are in each other's way; whoever
        waited finds most of it done."""
        return turn(self._beside("publishing"), Wait(self._wait_seconds))

    def drawing(self, goes_on: Callable[[], bool]) -> contextlib.AbstractContextManager[bool]:
        """The turn to write the site of what is published from this file, waited for while it `goes_on`. Who is not given it
        can leave the work to the other, who looks at what there is once more before it ends."""
        return turn(self._beside("drawing"), Wait(self._wait_seconds, goes_on=goes_on))

    def _beside(self, name: str) -> Path:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        return self.path.with_name(f"{self.path.name}.{name}")

    @contextlib.contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file, as soon as its holder lets go of it and before anyone who comes later, while the block runs."""
        message = f"{self.path}: another process is using the store; waiting for it"
        wait = Wait(self._wait_seconds, lambda: self._waiting(message))
        try:
            with turn(self._beside("line"), wait):
                engine = self._attached(wait)
            yield engine
        except BaseException:
            self._drop_engine()
            raise
        try:
            engine.execute(f"USE memory; DETACH {_CATALOG}")
        except duckdb.Error as error:
            # What was committed stands in the write-ahead log, which the next one to open the file takes up.
            _log.warning("%s: not closed in order (%s)", self.path, str(error).splitlines()[0])
            self._drop_engine()

    def _drop_engine(self) -> None:
        """Whatever state it is in: a new one is a twentieth of a second."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    def _attached(self, wait: Wait) -> duckdb.DuckDBPyConnection:
        self._is_checked &= self.path.exists()
        if self._engine is None:
            self._engine = duckdb.connect(config=_CONFIG | {"temp_directory": str(self._beside("tmp"))})
        path, pause = str(self.path.absolute()).replace("'", "''"), 0.01
        while True:
            try:
                return self._engine.execute(f"ATTACH '{path}' AS {_CATALOG}; USE {_CATALOG}")
            except duckdb.Error as error:
                # By another process, or by another store of this one.
                is_held = any(sign in str(error) for sign in ("lock on file", "already attached"))
                if not is_held or not wait.pause(pause):
                    raise _not_opened(self.path, error, is_held) from error
            pause = min(pause * 1.3, 0.1)


def _not_opened(path: Path, error: duckdb.Error, is_held: bool) -> StorageError:
    said = str(error).splitlines()[0]
    if not is_held:
        return _damaged(path, said)
    return StorageError(f"the store cannot be opened ({said}); stop the process that holds it", where=str(path))


def _damaged(path: Path, said: str) -> StoreDamaged:
    message = f"the store is damaged ({said}); nothing is lost: python -m flows rebuild builds it anew from the journal"
    return StoreDamaged(message, where=str(path))


def _is_damage(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.SerializationException) or any(sign in str(error) for sign in _DAMAGE)


_DAMAGE = (
    "Corrupt database file",
    "Could not read enough bytes",
    "not a valid DuckDB",
    "Failed to load metadata pointer",
)
_OUT_OF_ROOM = (duckdb.IOException, duckdb.FatalException, duckdb.OutOfMemoryException)


def _entry_rows(kind: type[Entry], commits: Sequence[Commit]) -> pl.DataFrame:
    """The entries of one kind as rows of their table, a publication of many documents as many rows."""
    rows = [
        (commit.version, seq, commit.at, commit.by, *row)
        for commit in commits
        for seq, entry in enumerate(commit.entries)
        if type(entry) is kind
        for row in (
            [(document_id,) for document_id in entry.document_ids]
            if isinstance(entry, DocumentsPublished)
            else [astuple(entry)]
        )
    ]
    return _rows(rows, ["version", "seq", "at", "by", *[field.name for field in fields(kind)]])


def _rows(rows: Sequence[tuple[object, ...]], columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None)


def _table_ddl(dataset: Dataset) -> str:
    columns = ", ".join(f"{column.name} {_SQL_TYPES[column.type]}" for column in dataset.columns)
    return f"CREATE TABLE staged.{dataset.name} ({columns}, {LOADED} BIGINT)"


def staged_rows(name: str) -> str:
    """SELECT of a dataset of the documents as it is published, but of all documents; `s` are the staged rows."""
    columns = DATASETS[name].column_names
    if name == "documents":
        listed = ", ".join(f"{'d' if column in _FROM_STATES else 's'}.{column}" for column in columns)
        return f"SELECT {listed} FROM staged.documents s JOIN ledger.document_states d ON d.document_id = s.document_id"
    if name == "findings":
        listed = ", ".join(f"{'a' if column.startswith('accepted_') else 's'}.{column}" for column in columns)
        return f"""SELECT {listed} FROM staged.findings s
            LEFT JOIN ledger.accepted_findings a ON a.document_id = s.document_id AND a.finding_id = s.finding_id"""
    return f"SELECT {', '.join(f's.{column}' for column in columns)} FROM staged.{name} s"


def _view_ddl(dataset: Dataset) -> str:
    """The published dataset: the staged rows of the documents that stand for their budgets."""
    if dataset.name == "documents":
        body = staged_rows(dataset.name)
    elif dataset.name == "document_sources":
        body = f"SELECT {', '.join(dataset.column_names)} FROM ledger.objects WHERE document_id IS NOT NULL"
    elif dataset.name in RUNS:
        columns = ", ".join({"ended_at": '"at" AS ended_at', "by": '"by"'}.get(n, n) for n in dataset.column_names)
        body = f"SELECT {columns} FROM ledger.{dataset.name}"
    else:
        body = f"{staged_rows(dataset.name)} WHERE s.document_id IN (FROM current_documents)"
    return f"CREATE OR REPLACE VIEW {dataset.name} AS {body}"


def _tables() -> list[str]:
    return [_LEDGER, *[_table_ddl(DATASETS[name]) for name in STAGED]]


def _views() -> list[str]:
    """What is derived from the tables, and deriving it of all there is."""
    published = [
        dataset for dataset in DATASETS.values() if dataset.origin in (Origin.DOCUMENT, Origin.LEDGER, Origin.RUN)
    ]
    current = (
        "CREATE OR REPLACE VIEW current_documents AS SELECT document_id FROM ledger.document_states WHERE is_current"
    )
    views = [_STATES, current, *[_view_ddl(dataset) for dataset in published], _PARTITIONS]
    return [*views, "UPDATE ledger.derived SET version = 0", FOLLOW]


@functools.cache
def _fingerprint(make: Callable[[], Sequence[str]]) -> str:
    return hashlib.sha256("\n".join(make()).encode()).hexdigest()


def _migrate(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of an empty store, and the views anew where they were made by another version."""
    wanted = (_fingerprint(_tables), _fingerprint(_views))
    found = _fingerprints(connection)
    if found == wanted:
        return
    connection.begin()
    for definition in [*(_tables() if found[0] is None else ()), *_views()]:
        connection.execute(definition)
    connection.execute("CREATE OR REPLACE TABLE ledger.definitions AS SELECT $1 AS tables, $2 AS views", list(wanted))
    connection.commit()


def _fingerprints(connection: duckdb.DuckDBPyConnection) -> tuple[str | None, str | None]:
    try:
        tables, views = connection.execute("SELECT tables, views FROM ledger.definitions").fetchall()[0]
    except duckdb.CatalogException:
        return None, None
    return str(tables), str(views)
