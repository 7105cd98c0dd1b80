"""`python -m flows up` as a user would start it: a real Prefect server with authentication on, a worker, the watcher.

Loopback and temporary folders only; about a minute in all, most of it Prefect's start and one flow run by its worker.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import polars as pl
import pytest

from cnbudget.errors import SettingsError, StorageError
from flows.settings import quieten
from tests.lakes import drop
from tests.waiting import until
from warehouse.bucket import LocalBucket
from warehouse.lake import Lake
from warehouse.sources import Source

quieten()
pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[1]
AUTH = "someone:secret"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    api: str
    inbox: Path
    lake: Path
    home: Path

    def ask(self, method: str, path: str, body: object = None, *, auth: str | None = AUTH) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}{path}", data, {"Content-Type": "application/json"}, method=method)
        if auth:
            request.add_header("Authorization", f"Basic {base64.b64encode(auth.encode()).decode()}")
        with urllib.request.urlopen(request, timeout=10) as reply:
            return json.load(reply)

    def runs_of(self, deployment: str) -> list[dict[str, Any]]:
        body = {"deployments": {"name": {"any_": [deployment]}}}
        found: list[dict[str, Any]] = self.ask("POST", "/flow_runs/filter", body)
        return found

    def descendants(self) -> list[int]:
        """The processes of the sessions that it started."""
        listed = subprocess.run(["ps", "-e", "-o", "pid=,sid=,ppid="], capture_output=True, text=True, check=True)
        rows = [tuple(map(int, line.split())) for line in listed.stdout.splitlines()]
        sessions = {pid for pid, sid, ppid in rows if ppid == self.process.pid and pid == sid}
        return [pid for pid, sid, _ in rows if sid in sessions]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, s3_endpoint: str) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("up"), free_port()
    (folder / "inbox").mkdir()
    (folder / "other inbox").mkdir()
    secrets = {"PREFECT_SERVER_API_AUTH_STRING": AUTH, "PREFECT_API_AUTH_STRING": AUTH}
    s3 = {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
    }
    command = [
        "up",
        str(folder / "inbox"),
        str(folder / "other inbox"),
        "--lake",
        str(folder / "lake"),
        "--port",
        str(port),
        "--home",
        str(folder / "home"),
    ]
    with (folder / "up.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows", *command],
            # Python's own buffering: what it says has to reach a file at once all the same.
            env=os.environ | secrets | s3 | {"PYTHONUNBUFFERED": ""},
            cwd=ROOT,
            stdout=output,
            stderr=output,
        )
    running = Running(process, f"http://127.0.0.1:{port}/api", folder / "inbox", folder / "lake", folder / "home")
    try:
        said = (folder / "up.log").read_text
        until(lambda: "ready: " in said() or process.poll() is not None, "up is not ready")
        assert process.poll() is None, said()
        yield running
    finally:
        process.terminate()
        process.wait(90)


@pytest.fixture
def client_environment(up: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    monkeypatch.setenv("PREFECT_API_URL", up.api)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", AUTH)
    with temporary_settings({PREFECT_API_URL: up.api, PREFECT_API_AUTH_STRING: AUTH}):
        yield


def test_up__the_watcher_publishes_what_is_dropped(up: Running, sample_budgets: list[tuple[str, bytes]]) -> None:
    document = drop(up.inbox, *sample_budgets[0])
    files = up.lake / "curated/latest/documents"

    def published() -> bool:
        frames = [pl.read_parquet(path) for path in files.glob("*.parquet")]
        return any(document in frame.filter(state="published")["document_id"] for frame in frames)

    until(published, "the document is not in latest/")
    until(lambda: completed_runs(up, "watch-batch"), "the batch is no completed flow run")

    def table() -> bool:
        found = up.ask("POST", "/artifacts/filter", {"artifacts": {"key": {"any_": ["watch-batch"]}}})
        return any(sample_budgets[0][0] in each["data"] and "| published |" in each["data"] for each in found)

    until(table, "the batch has no table")


def completed_runs(up: Running, flow: str) -> list[str]:
    body = {"flows": {"name": {"any_": [flow]}}}
    return [run["state_type"] for run in up.ask("POST", "/flow_runs/filter", body) if run["state_type"] == "COMPLETED"]


@pytest.mark.parametrize("auth", [None, "someone:else"])
def test_up__the_api_asks_who_it_is(up: Running, auth: str | None) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401"):
        up.ask("POST", "/deployments/filter", {}, auth=auth)
    assert up.ask("GET", "/health", auth=None) is True


def test_deploy__all_deployments_are_there_and_the_schedules_make_runs(up: Running) -> None:
    deployments = {each["name"]: each for each in up.ask("POST", "/deployments/filter", {})}
    assert set(deployments) == {"ingest", "reconcile", "watch", "backfill", "revalidate", "release"}
    assert deployments["ingest"]["parameters"] == {
        "sources": [f"file://{up.inbox}\nfile://{up.inbox.with_name('other inbox')}"]
    }
    scheduled = {name for name, each in deployments.items() if any(s["active"] for s in each["schedules"])}
    assert scheduled == {"reconcile", "revalidate"}
    # With a wrong SQLAlchemy the server comes up all the same, and its scheduler fails each time.
    until(lambda: up.runs_of("reconcile"), "no run of reconcile is scheduled")


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A receiver of notifications: its address and what it got."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", got
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("client_environment", "s3_environment")
def test_automation__from_an_event_to_the_flow_and_from_a_held_document_to_a_notification(
    up: Running, webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    from flows.__main__ import main
    from flows.notices import send_created
    from flows.settings import load_settings
    from warehouse.notifications import Happening

    url, got = webhook
    for _ in range(2):  # safe to repeat
        assert main(["notify", url]) == 0
    key = "2024/单位 预算&'1'.pdf"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="incoming-event")
    s3.put_object(Bucket="incoming-event", Key=key, Body=b"%PDF-1.7 and no more")
    send_created([Happening("incoming-event", key, "ObjectCreated:Put", 20, None)], load_settings())

    def finished() -> dict[str, Any] | None:
        runs = [run for run in up.runs_of("ingest") if run["state_type"] not in ("SCHEDULED", "PENDING", "RUNNING")]
        return runs[0] if runs else None

    run = until(finished, "no run of ingest has ended")
    assert (run["parameters"]["sources"], run["parameters"]["objects"]) == ([], [f"s3://incoming-event/{key}"])
    states = up.ask("GET", f"/flow_run_states/?flow_run_id={run['id']}")
    order = [state["type"] for state in sorted(states, key=lambda state: state["timestamp"])]
    assert [name for n, name in enumerate(order) if name not in order[:n]] == [
        "SCHEDULED",
        "PENDING",
        "RUNNING",
        "COMPLETED",
    ]
    (held,) = Lake.open(str(up.lake)).documents().filter(file_name="单位 预算&'1'.pdf").iter_rows(named=True)
    assert held["state"] == "held"
    (told,) = until(lambda: got, "nobody was told")
    assert told["subject"].startswith("Held: ")
    assert held["state_reason"] in told["text"]


@pytest.mark.usefixtures("client_environment")
@pytest.mark.parametrize(("is_transient", "n_runs", "last"), [(True, 3, "COMPLETED"), (False, 1, "FAILED")])
def test_stage__only_transient_errors_are_tried_again(
    up: Running, tmp_path: Path, is_transient: bool, n_runs: int, last: str
) -> None:
    from prefect import flow

    from tasks import stages

    class Flaky:
        """A lake whose storage is away for longer than it is asked again, twice."""

        n_landings = 0

        def land(self, source: Source, objects: list[object]) -> list[object]:
            self.n_landings += 1
            if self.n_landings < 3:
                raise StorageError("503", where=source.uri, transient=is_transient)
            return objects

    lake, landing = Flaky(), stages.land.with_options(name=f"land-{last}", retry_delay_seconds=0)

    @flow(validate_parameters=False)
    def landed() -> None:
        landing(lake, Source(LocalBucket(tmp_path)), [], return_state=True)

    landed(return_state=True)

    def counted() -> set[tuple[str, int]]:
        runs = up.ask("POST", "/task_runs/filter", {"sort": "END_TIME_DESC"})
        return {(run["state_type"], run["run_count"]) for run in runs if run["name"].startswith(f"land-{last}")}

    # What happened to a task run reaches the server as events, a moment later.
    until(lambda: counted() == {(last, n_runs)}, f"the task run is not {last} after {n_runs} runs")
    assert lake.n_landings == n_runs


def test_up__a_port_that_is_taken_is_named(up: Running, tmp_path: Path) -> None:
    from flows.up import Up

    port = int(up.api.split(":")[2].partition("/")[0])
    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}: .*choose another --port"):
        Up([str(tmp_path)], str(tmp_path), tmp_path, port).run(threading.Event())


def test_up__a_signal_stops_everything_it_started(up: Running) -> None:
    started = up.descendants()
    assert len(started) >= 3
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(60) == 0
    assert [pid for pid in started if Path(f"/proc/{pid}").exists()] == []
