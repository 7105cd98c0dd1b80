from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cnbudget.errors import StorageError
from flows.notices import announce, ask_api, begin_announcing, send_created
from flows.settings import Settings
from tests.lakes import drop, ingest, lake_at, land, staged_frames
from warehouse.journal import Decision
from warehouse.lake import Lake
from warehouse.notifications import Happening


class Api:
    """A place that takes events as Prefect's API does, and remembers them."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.authorization: str | None = None
        self.status = 204
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                api.authorization = self.headers["Authorization"]
                if api.status == 204:
                    api.events += json.loads(body)
                self.send_response(api.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def settings(self, **more: str) -> Settings:
        return Settings(PREFECT_API_URL=f"http://127.0.0.1:{self.server.server_port}/api", **more)  # type: ignore[arg-type]

    def names(self) -> list[tuple[str, str]]:
        return [(event["event"], event["payload"]["document_id"]) for event in self.events]


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.server.shutdown()
    api.server.server_close()


@pytest.fixture
def lake(tmp_path: Path, api: Api) -> Lake:
    """A lake whose changes are announced from its beginning on."""
    lake = lake_at(tmp_path / "lake")
    begin_announcing(lake, api.settings())
    return lake


def test_announce__says_what_became_of_documents(tmp_path: Path, lake: Lake, api: Api) -> None:
    inbox = tmp_path / "in"
    old, new, held = drop(inbox, "old", b"1"), drop(inbox, "new", b"2", day=2), drop(inbox, "held", b"3")
    ingest(lake, inbox, [staged_frames(old), staged_frames(held, budget_id="c", state="held", state_reason="a sum")])
    assert announce(lake, api.settings()) == 2
    assert sorted(api.names()) == sorted([("budget.document.published", old), ("budget.document.held", held)])
    assert announce(lake, api.settings()) == 0
    api.events.clear()
    ingest(lake, inbox, [staged_frames(new, 110)])
    announce(lake, api.settings())
    assert api.names() == [("budget.document.revised", new)]
    assert api.events[0]["payload"]["revision"] == 2
    lake.decide([new], Decision.WITHDRAW, reason="x")
    lake.publish()
    announce(lake, api.settings())
    # In the place of what was withdrawn, the older one is there again.
    assert sorted(api.names()[1:]) == sorted([("budget.document.withdrawn", new), ("budget.document.published", old)])


@pytest.fixture
def announced(tmp_path: Path, lake: Lake, api: Api) -> tuple[Lake, Path, str]:
    """A lake, its source, and the document that was published and announced before."""
    inbox = tmp_path / "in"
    document = drop(inbox, "old", b"1", day=2)
    ingest(lake, inbox, [staged_frames(document)])
    announce(lake, api.settings())
    api.events.clear()
    return lake, inbox, document


def test_announce__a_tie_is_told_of_both_and_so_is_its_end(announced: tuple[Lake, Path, str], api: Api) -> None:
    lake, inbox, first = announced
    second = drop(inbox, "second", b"2", day=2)
    ingest(lake, inbox, [staged_frames(second, 110)])
    announce(lake, api.settings())
    assert sorted(api.names()) == sorted(("budget.document.held", each) for each in (first, second))
    api.events.clear()
    lake.decide([second], Decision.REJECT, reason="x")
    lake.publish()
    announce(lake, api.settings())
    assert api.names() == [("budget.document.published", first)]


def test_announce__of_a_revision_that_is_held_nothing_is_told_of_the_older_one(
    announced: tuple[Lake, Path, str], api: Api
) -> None:
    lake, inbox, _ = announced
    new = drop(inbox, "new", b"2", day=3)
    ingest(lake, inbox, [staged_frames(new, 110, state="held", state_reason="a sum")])
    announce(lake, api.settings())
    assert api.names() == [("budget.document.held", new)]


def test_announce__what_could_not_be_sent_is_sent_by_a_later_process(tmp_path: Path, lake: Lake, api: Api) -> None:
    inbox = tmp_path / "in"
    document = drop(inbox, "a", b"1")
    ingest(lake, inbox, [staged_frames(document)])
    api.status = 503
    assert announce(lake, api.settings()) == 0
    api.status = 204
    later = lake_at(tmp_path / "lake")
    assert announce(later, api.settings()) == 1
    assert api.names() == [("budget.document.published", document)]


def test_announce__what_was_not_taken_is_sent_with_the_next_change_under_the_same_id(
    tmp_path: Path, lake: Lake, api: Api
) -> None:
    inbox = tmp_path / "in"
    document = drop(inbox, "a", b"1")
    ingest(lake, inbox, [staged_frames(document)])
    api.status = 503
    assert announce(lake, api.settings()) == 0
    api.status = 204
    assert announce(lake, api.settings()) == 1
    (first,) = api.events
    lake.bucket.write("journal/announced.json", b'{"version": 0}')
    announce(lake, api.settings())
    assert api.events[1]["id"] == first["id"]


def test_begin_announcing__what_a_killed_process_changed_is_told_by_the_next(
    tmp_path: Path, lake: Lake, api: Api
) -> None:
    document = drop(tmp_path / "in", "a", b"1")
    ingest(lake, tmp_path / "in", [staged_frames(document)])
    later = lake_at(tmp_path / "lake")
    begin_announcing(later, api.settings())
    announce(later, api.settings())
    assert api.names() == [("budget.document.published", document)]


def test_announce__what_was_told_is_not_told_again_for_what_becomes_of_others(
    announced: tuple[Lake, Path, str], api: Api
) -> None:
    lake, inbox, _ = announced
    second, third = drop(inbox, "second", b"2", day=2), drop(inbox, "third", b"3", day=3)
    ingest(lake, inbox, [staged_frames(second, 110)])
    announce(lake, api.settings())
    api.events.clear()
    ingest(lake, inbox, [staged_frames(third, 120, state="held", state_reason="a sum")])
    announce(lake, api.settings())
    assert api.names() == [("budget.document.held", third)]
    lake.decide([third], Decision.REJECT, reason="x")
    lake.publish()
    announce(lake, api.settings())
    assert api.names() == [("budget.document.held", third)]


def test_announce__a_copy_that_makes_a_tie_is_told(announced: tuple[Lake, Path, str], api: Api) -> None:
    lake, inbox, first = announced
    older = drop(inbox, "older", b"2", day=1)
    ingest(lake, inbox, [staged_frames(older, 110)])
    announce(lake, api.settings())
    assert api.names() == []
    drop(inbox, "copy", b"1", day=1)
    land(lake, inbox)
    lake.publish()
    announce(lake, api.settings())
    assert sorted(api.names()) == sorted(("budget.document.held", each) for each in (first, older))


def test_announce__a_rendition_that_leaves_is_told(tmp_path: Path, lake: Lake, api: Api) -> None:
    inbox = tmp_path / "in"
    pdf, sheet = drop(inbox, "a.pdf", b"1"), drop(inbox, "a.xlsx", b"2", day=2)
    ingest(lake, inbox, [staged_frames(pdf), staged_frames(sheet, 110)])
    announce(lake, api.settings())
    assert sorted(api.names()) == sorted(("budget.document.held", each) for each in (pdf, sheet))
    api.events.clear()
    (inbox / "a.xlsx").unlink()
    land(lake, inbox)
    lake.publish()
    announce(lake, api.settings())
    assert api.names() == [("budget.document.revised", sheet)]


def test_announce__what_is_now_of_another_budget_leaves_its_place_to_the_older_one(
    announced: tuple[Lake, Path, str], api: Api
) -> None:
    lake, inbox, first = announced
    new = drop(inbox, "new", b"2", day=3)
    ingest(lake, inbox, [staged_frames(new, 110)])
    announce(lake, api.settings())
    api.events.clear()
    ingest(lake, inbox, [staged_frames(new, 110, budget_id="another")])
    announce(lake, api.settings())
    assert sorted(api.names()) == sorted(("budget.document.published", each) for each in (first, new))


def test_announce__without_an_api_leaves_no_trace(tmp_path: Path) -> None:
    lake = lake_at(tmp_path / "lake")
    document = drop(tmp_path / "in", "a", b"1")
    ingest(lake, tmp_path / "in", [staged_frames(document)])
    assert announce(lake, Settings(PREFECT_API_URL=None)) == 0  # type: ignore[call-arg]
    assert lake.bucket.read("journal/announced.json") is None


def test_send_created__puts_events_of_objects_that_were_put(api: Api) -> None:
    happened = [Happening("in", "a b.pdf", "s3:ObjectCreated:Put", 7), Happening("in", "c", "s3:ObjectRemoved:Delete")]
    send_created(happened, api.settings(PREFECT_API_AUTH_STRING="user:secret"))
    (event,) = api.events
    assert (event["event"], event["resource"]["prefect.resource.id"]) == ("budget.object.created", "s3://in/a b.pdf")
    assert (event["payload"]["bucket"], event["payload"]["key"], event["payload"]["size"]) == ("in", "a b.pdf", 7)
    assert api.authorization == f"Basic {base64.b64encode(b'user:secret').decode()}"


def test_send_created__the_same_event_has_the_same_id(api: Api) -> None:
    first, again, later = (
        Happening("in", "a.pdf", "s3:ObjectCreated:Put", 7, at) for at in ("01:00", "01:00", "02:00")
    )
    for happening in (first, again, later):
        send_created([happening], api.settings())
    ids = [event["id"] for event in api.events]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/api", "file:///etc", "nonsense"])
def test_ask_api__one_that_does_not_answer_is_named(url: str) -> None:
    with pytest.raises(StorageError, match="PREFECT_API_URL"):
        ask_api(Settings(PREFECT_API_URL=url), "/health")  # type: ignore[call-arg]
