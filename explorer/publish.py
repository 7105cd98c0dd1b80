"""Brings the site to what the published partitions say, and writes no more than that.

What is stale follows from digests: of a partition, by the site's own list of partitions (`data/shards.js`, written last);
of a budget, by the partition's index, which is written after all that it names. So a run that is killed is finished by the
next, and running it twice writes nothing. Pages that go are deleted before anything is written, while the old index still
names them: a reader meets a page that is gone, never a withdrawn figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import polars as pl

from explorer.budget import LINES, pages_of, to_budget
from explorer.pages import code_digest, to_assets, to_page
from explorer.pictures import order, pages_digest, unpack
from explorer.scripts import from_script, to_script
from explorer.shards import INDEX, digests_of, keys_of, to_accounts, to_findings, to_index

SHARDS = "data/shards.js"
LINKS = {"runs": "runs/index.html", "data_docs": "data_docs/index.html"}
"""Reports of others beside this site, linked where they are there."""

ALWAYS = ("documents", "document_sources", "findings", "budget_facts", "expenditure_lines")
"""Datasets that a partition's own files are made of; those below are read for budgets that changed."""
FOR_PAGES = (
    *("identity_checks", "identity_terms", "narrative_claims", "institutions", "disclosures", "projects"),
    *("project_items", *LINES),
)
READ = tuple(dict.fromkeys((*ALWAYS, *FOR_PAGES)))

_AT_ONCE = 8
_BUDGETS_AT_ONCE = 8
_TRIES = 5

Frames = Mapping[str, pl.DataFrame]
Draw = Callable[[Sequence[tuple[str, bytes]]], Sequence[bytes]]
"""Draws pages: sources named by `pictures.order` in, packed pictures out."""


class Curated(Protocol):
    """The published partitions."""

    def digests(self, datasets: Collection[str]) -> Mapping[str, str]:
        """The digest of what each partition holds of these datasets."""

    def frame(self, dataset: str, partition: str) -> pl.DataFrame:
        """The rows of a dataset in a partition."""

    def landed(self, document_ids: Sequence[str]) -> Sequence[bytes]:
        """The bytes of these documents."""


class Folder(Protocol):
    """Where the site stands."""

    def has(self, key: str) -> bool:
        """Whether there is such a file."""

    def read(self, key: str) -> bytes | None:
        """The file's bytes, or None where there is none."""

    def write(self, key: str, data: bytes) -> object:
        """Put a file in place, whole, over an older one."""

    def delete(self, key: str) -> None:
        """Take a file away; nothing happens where there is none."""


@dataclass(slots=True)
class Written:
    """What a run wrote."""

    n_partitions: int = 0
    n_budgets: int = 0
    n_pictures: int = 0
    n_files: int = 0
    n_bytes: int = 0
    n_deleted: int = 0
    n_left: int = 0
    """Partitions that are still to be written, or to be written to their end."""


@dataclass(frozen=True, slots=True)
class _Shard:
    """A partition that is stale: the rows of its old index by page, and the pages that it should have."""

    name: str
    old: Mapping[str, Mapping[str, Any]]
    old_accounts: Sequence[str]
    slugs: Mapping[str, str]


def publish_site(
    curated: Curated,
    folder: Folder,
    draw: Draw,
    *,
    everything: bool = False,
    goes_on: Callable[[], bool] = lambda: True,
) -> Written:
    """Write what differs from what the partitions ask for, or `everything`; again where they changed meanwhile.

    `goes_on` is asked after each few budgets, for those who have other things to do as well; `n_left` says what is left.
    Pages of documents that go are taken away all the same.
    """
    run = _Run(curated, folder, draw, goes_on)
    for _ in range(_TRIES):
        wanted = dict(curated.digests(READ))
        run.bring_to(wanted, everything)
        if run.written.n_left or dict(curated.digests(READ)) == wanted:
            break
        everything = False
    return run.written


class _Run:
    def __init__(self, curated: Curated, folder: Folder, draw: Draw, goes_on: Callable[[], bool]) -> None:
        self._curated = curated
        self._folder = folder
        self._draw = draw
        self._goes_on = goes_on
        self._has_to_stop = False
        self.written = Written()

    def bring_to(self, wanted: Mapping[str, str], everything: bool) -> None:
        """Bring the site to these digests of the partitions."""
        found = from_script(self._folder.read(SHARDS)) or {}
        known = {shard["name"]: shard for shard in found.get("shards", ())}
        is_same_code = found.get("code") == code_digest() and not everything
        fresh = {
            name for name, digest in wanted.items() if is_same_code and known.get(name, {}).get("digest") == digest
        }
        stale = [self._shard(name, known.get(name)) for name in sorted(wanted.keys() - fresh)]
        gone = [self._shard(name, known[name], is_gone=True) for name in sorted(known.keys() - wanted.keys())]
        self._delete_pages([*stale, *gone])
        assets = self._write_assets(found.get("assets") if not everything else None)
        # What is left for another time stands in the list as it was, and so is still stale.
        shards = {name: known[name] for name in wanted if name in known}
        for shard in stale:
            if self._has_to_stop:
                self.written.n_left += 1
            else:
                shards[shard.name] = self._write_partition(shard, wanted[shard.name], everything)
                self._has_to_stop |= not self._goes_on()
        for shard in gone:
            self._delete([*(f"data/{kind}/{shard.name}.js" for kind in ("findings", "index")), *_accounts_of(shard)])
        links = {name: key for name, key in LINKS.items() if self._folder.has(key)}
        listed = [shards[name] for name in sorted(shards)]
        site = {"code": code_digest(), "assets": assets, "links": links, "shards": listed}
        if site != found:
            self._write({SHARDS: to_script("shards", site)})

    def _shard(self, name: str, known: Mapping[str, Any] | None, *, is_gone: bool = False) -> _Shard:
        index = from_script(self._folder.read(f"data/index/{name}.js")) or {"rows": (), "columns": ()}
        rows = [dict(zip(index["columns"], row, strict=True)) for row in index["rows"]]
        slugs = {} if is_gone else keys_of(self._curated.frame("documents", name))
        old = {row["slug"]: row for row in rows if row["slug"]}
        return _Shard(name, old, tuple((known or {}).get("accounts", ())), slugs)

    def _delete_pages(self, shards: Sequence[_Shard]) -> None:
        """Pages and pictures that none of these partitions wants any more (one may have moved to another of them)."""
        slugs = {slug for shard in shards for slug in shard.slugs.values()}
        documents = {document_id for shard in shards for document_id in shard.slugs}
        for shard in shards:
            for slug, row in shard.old.items():
                if row["document_id"] not in documents:
                    self._delete(self._pictures_of(slug, row["document_id"]))
                if slug not in slugs:
                    self._delete([f"budgets/{slug}.html", f"budgets/{slug}.js"])

    def _pictures_of(self, slug: str, document_id: str) -> list[str]:
        pages = self._budget_at(slug, document_id).get("pictures", {}).get("pages", ())
        return [_picture(document_id, page) for page in pages]

    def _write_assets(self, known: str | None) -> str:
        assets = to_assets()
        digest = hashlib.sha256(b"".join(key.encode() + data for key, data in sorted(assets.items()))).hexdigest()[:16]
        if digest != known:
            self._write(assets)
        return digest

    def _write_partition(self, shard: _Shard, digest: str, everything: bool) -> dict[str, Any]:
        frames = {name: self._curated.frame(name, shard.name) for name in ALWAYS}
        version = f"{code_digest()} {shard.name}"
        digests = digests_of(frames["documents"], frames["findings"], frames["document_sources"], version)
        old = {row["document_id"]: row["digest"] for row in shard.old.values()}
        stale = [name for name in shard.slugs if everything or old.get(name) != digests[name]]
        if stale:
            frames |= {name: self._curated.frame(name, shard.name) for name in FOR_PAGES if name not in frames}
            frames = {name: frame for name, frame in frames.items() if name in READ}
        while stale and not self._has_to_stop:
            some, stale = stale[:_BUDGETS_AT_ONCE], stale[_BUDGETS_AT_ONCE:]
            self._write_budgets(shard, frames, {name: digests[name] for name in some}, everything)
            self._has_to_stop = not self._goes_on()
        if stale:
            self.written.n_left += 1
            return self._write_index(*_so_far(shard, digests, stale), frames, digest="")
        return self._write_index(shard, digests, frames, digest)

    def _write_index(self, shard: _Shard, digests: Mapping[str, str], frames: Frames, digest: str) -> dict[str, Any]:
        """What names the pages of a partition; its row of the site's list."""
        accounts = to_accounts(frames, shard.slugs)
        self._delete([key for key in _accounts_of(shard) if key.split("/")[2] not in accounts])
        files = {f"data/accounts/{name}/{shard.name}.js": part for name, part in accounts.items()}
        files[f"data/findings/{shard.name}.js"] = to_findings(frames["findings"], shard.slugs)
        self._write({key: to_script(key[5:-3], value) for key, value in files.items()})
        index = to_index(frames, shard.slugs, digests)
        self._write({f"data/index/{shard.name}.js": to_script(f"index/{shard.name}", index)})
        self.written.n_partitions += 1
        return _summary(shard.name, digest, index, sorted(accounts))

    def _write_budgets(self, shard: _Shard, frames: Frames, digests: Mapping[str, str], everything: bool) -> None:
        """The pages of these documents' budgets, with their pictures."""
        is_some = pl.col("document_id").is_in(list(digests))
        parts = {
            name: frame.filter(is_some).partition_by("document_id", as_dict=True) for name, frame in frames.items()
        }
        empty = {name: frame.clear() for name, frame in frames.items()}
        budgets = {}
        for document_id in digests:
            of_one = {name: part.get((document_id,), empty[name]) for name, part in parts.items()}
            budgets[document_id] = to_budget(of_one, shard.name)
        self._draw_pages(shard, budgets, everything)
        files = {}
        for document_id, budget in budgets.items():
            slug = shard.slugs[document_id]
            files[f"budgets/{slug}.js"] = to_script(f"budgets/{slug}", budget)
            files[f"budgets/{slug}.html"] = to_page(
                slug, digests[document_id], parts["documents"][(document_id,)].row(0, named=True)
            )
        self._write(files)
        self.written.n_budgets += len(budgets)

    def _draw_pages(self, shard: _Shard, budgets: Mapping[str, dict[str, Any]], everything: bool) -> None:
        """Give each budget its pictures: those that are there, where the same pages of the same bytes are asked for."""
        asked: dict[str, set[int]] = {}
        for document_id, budget in budgets.items():
            pages = pages_of(budget) if budget["document"]["media_type"] == "application/pdf" else set()
            old = {} if everything else self._old_pictures(shard, document_id)
            if pages and old.get("digest") == pages_digest(pages):
                budget["pictures"] = old
            elif pages:
                asked[document_id] = pages
                budget["pictures"] = {"digest": pages_digest(pages), "pages": {}}
        if not asked:
            return
        contents = self._curated.landed(list(asked))
        sources = [(order(name, pages), data) for (name, pages), data in zip(asked.items(), contents, strict=True)]
        files = {}
        for document_id, packed in zip(asked, self._draw(sources), strict=True):
            for each in unpack(packed):
                budgets[document_id]["pictures"]["pages"][str(each.page)] = [each.width, each.height]
                files[_picture(document_id, each.page)] = each.data
        self._write(files)
        self.written.n_pictures += len(files)

    def _old_pictures(self, shard: _Shard, document_id: str) -> dict[str, Any]:
        slug = shard.slugs[document_id]
        if shard.old.get(slug, {}).get("document_id") != document_id:
            return {}
        return self._budget_at(slug, document_id).get("pictures", {})  # type: ignore[no-any-return]

    def _budget_at(self, slug: str, document_id: str) -> dict[str, Any]:
        """What the page shows, where it still is of this document."""
        budget: dict[str, Any] = from_script(self._folder.read(f"budgets/{slug}.js")) or {}
        return budget if budget.get("document", {}).get("document_id") == document_id else {}

    def _write(self, files: Mapping[str, bytes]) -> None:
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            list(pool.map(self._folder.write, files.keys(), files.values()))
        self.written.n_files += len(files)
        self.written.n_bytes += sum(map(len, files.values()))

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._folder.delete(key)
        self.written.n_deleted += len(keys)


def _so_far(shard: _Shard, digests: Mapping[str, str], left: Collection[str]) -> tuple[_Shard, dict[str, str]]:
    """A partition some of whose documents are left for another time: with their old pages, where they have some."""
    paged = {name: slug for name, slug in shard.slugs.items() if name not in left or slug in shard.old}
    known = {name: str(shard.old[paged[name]]["digest"]) for name in left if name in paged}
    return replace(shard, slugs=paged), {**digests, **known}


def _summary(name: str, digest: str, index: Mapping[str, Any], accounts: Sequence[str]) -> dict[str, Any]:
    """What the site's list says of a partition, so that a page knows which ones it needs."""

    def values(column: str) -> list[Any]:
        return sorted({row[INDEX.index(column)] for row in index["rows"]} - {None})

    return {
        "name": name,
        "digest": digest,
        "n": len(index["rows"]),
        "years": values("year"),
        "jurisdictions": values("jurisdiction_code"),
        "accounts": list(accounts),
    }


def _accounts_of(shard: _Shard) -> list[str]:
    return [f"data/accounts/{name}/{shard.name}.js" for name in shard.old_accounts]


def _picture(document_id: str, page: int | str) -> str:
    return f"pictures/{document_id}/{page}.webp"
