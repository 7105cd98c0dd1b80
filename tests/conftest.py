"""Budgets of our own that many tests read, and an S3 server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import settings
from moto.server import ThreadedMotoServer

from flows.logs import OURS
from samples.bucket import city, district, district_unit
from samples.forms import printed
from samples.render_pdf import render_pdf
from samples.render_text import render_text
from tests.lakes import sample_lake
from tests.servers import Server, missing, running

# A test is no measurement: the machine may be busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_LONGEST = (
    *("test_drill.py", "test_explorer_browser.py", "test_archives.py", "test_up.py", "test_watch.py", "test_lake.py"),
    *("test_companions.py", "test_servers.py", "test_releases.py", "test_flows.py", "test_backfill.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: one that a process begins at the end keeps the others waiting."""
    items.sort(key=lambda item: _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST))


@pytest.fixture(autouse=True)
def quiet_logs() -> Iterator[None]:
    """Commands set up the log of their process; the next test is another one."""
    before = [(logging.getLogger(name), logging.getLogger(name).handlers) for name in OURS]
    yield
    for logger, handlers in before:
        logger.handlers, logger.propagate = handlers, True
        logger.setLevel(logging.NOTSET)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """An empty source folder."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a test's lake stands once it is made."""
    return tmp_path / "lake"


@pytest.fixture(scope="session")
def sample_budgets() -> list[tuple[str, bytes]]:
    """Two departments and a unit, as (file name, PDF or text)."""
    return [
        ("city.pdf", render_pdf(printed(city()))),
        ("district.txt", render_text(printed(district()))),
        ("unit.pdf", render_pdf(printed(district_unit()))),
    ]


@pytest.fixture(scope="session")
def sample_latest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`curated/latest` of a lake of the sample bucket; nobody writes to it."""
    folder = tmp_path_factory.mktemp("samples")
    sample_lake(folder)
    return folder / "lake" / "curated" / "latest"


@pytest.fixture(scope="session")
def budget_text() -> str:
    """One balanced department budget as tab-separated text, to be damaged by tests."""
    return render_text(printed(city())).decode()


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The address of an S3 server on this machine."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3_environment(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual AWS environment, for that server."""
    names = {"AWS_ENDPOINT_URL": s3_endpoint, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    for name, value in (names | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def ceph() -> Iterator[Server]:
    """Ceph's gateway, where it is installed."""
    yield from _server("ceph")


@pytest.fixture(scope="session")
def swift() -> Iterator[Server]:
    """OpenStack Swift with its S3 layer, where it is installed."""
    yield from _server("swift")


def _server(name: str) -> Iterator[Server]:
    if programs := missing(name):
        pytest.skip(f"{name} is not installed ({', '.join(programs)}); `make servers` does it")
    with running(name) as server:
        yield server


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    """Makes boto3, and everything else that reads the usual AWS environment, somebody at some server."""
    import boto3

    def become(environment: Mapping[str, str]) -> None:
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it keeps the credentials that it once found
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return become
