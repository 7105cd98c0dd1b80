"""A site for tests: published partitions and the folder of reports as plain dictionaries."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from cnbudget.parse import parse_documents
from cnbudget.schema import DATASETS
from explorer.publish import READ

Frames = Mapping[str, pl.DataFrame]


@dataclass
class Files:
    """A folder of reports. `n_left` more writes succeed."""

    data: dict[str, bytes] = field(default_factory=dict)
    n_left: int = 10**9
    written: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def has(self, key: str) -> bool:
        return key in self.data

    def read(self, key: str) -> bytes | None:
        return self.data.get(key)

    def write(self, key: str, data: bytes) -> None:
        if self.n_left <= 0:
            raise KeyboardInterrupt
        self.n_left -= 1
        self.data[key] = data
        self.written.append(key)

    def delete(self, key: str) -> None:
        self.data.pop(key, None)
        self.deleted.append(key)


@dataclass
class Partitions:
    """Published partitions: what each holds, and the bytes of the documents."""

    frames: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)

    def digests(self, datasets: Collection[str]) -> dict[str, str]:
        return {name: _digest({name: frames[name] for name in datasets}) for name, frames in self.frames.items()}

    def frame(self, dataset: str, partition: str) -> pl.DataFrame:
        empty = pl.DataFrame(schema=DATASETS[dataset].polars_schema())
        return self.frames.get(partition, {}).get(dataset, empty)

    def landed(self, document_ids: Sequence[str]) -> list[bytes]:
        return [self.contents[document_id] for document_id in document_ids]

    def publish(self, partition: str, *sources: tuple[str, bytes], **changed: object) -> list[str]:
        """Put documents into a partition, as the current ones of their budgets; their ids. `changed`: columns of
        `documents` that are to have another value."""
        parsed = parse_documents(sources)
        values = {"state": "published", "is_current": True, "revision": 1, **changed}
        documents = parsed["documents"].with_columns(
            [pl.lit(value).cast(parsed["documents"].schema[name]).alias(name) for name, value in values.items()]
        )
        ids = documents["document_id"].to_list()
        self.contents |= dict(zip(ids, (data for _, data in sources), strict=True))
        seen = datetime(2024, 3, 1, tzinfo=UTC)
        rows = [(i, f"s3://drop/{name}", "1", "1", seen, seen, None) for i, (name, _) in zip(ids, sources, strict=True)]
        schema = DATASETS["document_sources"].polars_schema()
        added = parsed | {"documents": documents, "document_sources": pl.DataFrame(rows, schema=schema, orient="row")}
        known = self.frames.setdefault(partition, {})
        for name in READ:
            known[name] = pl.concat([self.frame(name, partition), added[name].select(DATASETS[name].column_names)])
        return ids

    def change(self, partition: str, document_id: str, **values: object) -> None:
        """Give columns of a document's row another value."""
        of_it, documents = pl.col("document_id") == document_id, self.frames[partition]["documents"]
        changed = [pl.when(of_it).then(pl.lit(value)).otherwise(name).alias(name) for name, value in values.items()]
        self.frames[partition]["documents"] = documents.with_columns(changed)

    def withdraw(self, partition: str, document_id: str) -> None:
        """Take a document's figures away; its row stays, as withdrawn."""
        of_it = pl.col("document_id") == document_id
        for name, frame in self.frames[partition].items():
            if name == "documents":
                gone = pl.when(of_it).then(pl.lit("withdrawn")).otherwise("state").alias("state")
                self.frames[partition][name] = frame.with_columns(gone, pl.col("is_current") & ~of_it)
            elif name != "document_sources":
                self.frames[partition][name] = frame.filter(~of_it)


def _digest(frames: Frames) -> str:
    rows = [str(frames[name].rows()) for name in sorted(frames)]
    return hashlib.sha256("".join(rows).encode()).hexdigest()
