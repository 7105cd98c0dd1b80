"""`python -m flows up`: Prefect's server, a worker and the watcher on one machine, for people without containers.

All listen on loopback alone. What is started here is stopped here, with everything that it started in turn.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cnbudget.errors import CnbudgetError, SettingsError
from flows.events import stopped_by_signals

ROOT = Path(__file__).parents[1]
POOL = "cnbudget"
HOST = "127.0.0.1"

START_SECONDS = 120.0
STOP_SECONDS = 15.0
"""How long a service may take to end by itself; a worker that is asked to may stay for minutes."""
_LOOK_SECONDS = 0.25

log = logging.getLogger(__name__)


class ServiceFailed(CnbudgetError):
    """A service that was started ended, or did not come up in time."""


class Service:
    """A process in a session of its own, whose output goes to a file."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], logs: Path) -> None:
        self.name = name
        self.log_path = logs / f"{name}.log"
        with self.log_path.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=ROOT,
                start_new_session=True,
            )

    def check(self) -> None:
        """Raise ServiceFailed where it has ended."""
        if (status := self._process.poll()) is not None:
            last = self.log_path.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["nothing"]
            raise ServiceFailed(f"ended with status {status}; its last line: {last[0]}", where=str(self.log_path))

    def await_ready(self, is_ready: Callable[[], bool], stop: threading.Event) -> None:
        """Wait until it is ready, or `stop` is set. Raises ServiceFailed."""
        until = time.monotonic() + START_SECONDS
        while not stop.is_set() and not is_ready():
            self.check()
            if time.monotonic() > until:
                raise ServiceFailed(f"not ready after {START_SECONDS:.0f} s; see its log", where=str(self.log_path))
            stop.wait(_LOOK_SECONDS)

    def says(self, text: str) -> bool:
        """Whether its output has this text."""
        return text in self.log_path.read_text("utf-8", "replace")

    def stop(self) -> None:
        """End it, and whatever of its session is left then."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


_say = partial(print, flush=True)
"""At once, also where it goes to a file."""


@dataclass(frozen=True, slots=True)
class Up:
    """What to run: sources and lake by their addresses, the server's port, a folder for its database and the logs."""

    sources: Sequence[str]
    lake: str
    home: Path
    port: int = 4200

    @property
    def url(self) -> str:
        """Where the UI is; the API is below it at /api."""
        return f"http://{HOST}:{self.port}"

    def run(self, stop: threading.Event, say: Callable[[str], object] = _say) -> None:
        """Start everything, say where it is, wait until `stop` is set or a service ends, stop everything.

        Raises SettingsError where the port is taken, ServiceFailed where a service ended.
        """
        _check_free(self.port)
        self.home.mkdir(parents=True, exist_ok=True)
        environment = self._environment()
        services: list[Service] = []
        try:
            self._start(services, environment, stop, say)
            while not stop.wait(_LOOK_SECONDS):
                for service in services:
                    service.check()
        finally:
            for service in reversed(services):
                say(f"stopping {service.name}")
                service.stop()

    def _start(
        self, services: list[Service], environment: dict[str, str], stop: threading.Event, say: Callable[[str], object]
    ) -> None:
        def start(name: str, *command: str) -> Service:
            services.append(Service(name, command, environment, self.home))
            return services[-1]

        say(f"starting Prefect's server on {self.url}")
        server = start("server", "prefect", "server", "start", "--host", HOST, "--port", str(self.port))
        server.await_ready(lambda: _answers(f"{self.url}/api/health"), stop)
        if not stop.is_set():
            _deploy(environment)
            worker = start("worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process", "--limit", "2")
            watcher = start("watcher", "flows", "watch", *self.sources, "--lake", self.lake)
            worker.await_ready(lambda: worker.says(" started!"), stop)
            watcher.await_ready(lambda: watcher.says("watching "), stop)
        if not stop.is_set():
            say(f"ready: the UI is at {self.url}, the lake at {self.lake}, the logs in {self.home}")
            say("Ctrl-C stops all; the next start goes on from here")

    def _environment(self) -> dict[str, str]:
        """Ours, and what makes the services find each other. What keeps our own commands quiet is not for them."""
        found = {
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_LOGGING_LEVEL": "INFO",
            "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
            "PREFECT_LOGGING_COLORS": "false",
            "PYTHONUNBUFFERED": "1",
            "CNBUDGET_LAKE": self.lake,
            "CNBUDGET_SOURCE": "\n".join(self.sources),
            "CNBUDGET_ROOT": str(ROOT),
        }
        return os.environ | found


def _deploy(environment: dict[str, str]) -> None:
    """Make the pool and the deployments, or bring them up to date."""
    pool = ["work-pool", "create", POOL, "--type", "process", "--overwrite"]
    template = ["--base-job-template", "deployments/pools/process.json"]
    for command in (
        [*pool, *template],
        ["--no-prompt", "deploy", "--prefect-file", "deployments/prefect.yaml", "--all"],
    ):
        arguments = [sys.executable, "-m", "prefect", *command]
        done = subprocess.run(arguments, check=False, env=environment, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise ServiceFailed(f"prefect {' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as reply:
            return bool(json.load(reply))
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise SettingsError(
                f"{error}; stop what listens there, or choose another --port", where=f"{HOST}:{port}"
            ) from error


def run_until_signal(up: Up) -> None:
    """Run everything until SIGTERM or SIGINT."""
    stop = threading.Event()
    with stopped_by_signals(stop):
        up.run(stop)
