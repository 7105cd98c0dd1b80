"""S3 servers from Debian's packages, on loopback: Ceph's gateway, which honours conditional writes, and OpenStack Swift,
which refuses them. `make servers` installs the packages; where they are not there, what needs them is skipped by name.

    python -m tests.servers ceph     # starts one, prints the environment that reaches it, and runs until Ctrl-C
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
START_SECONDS = 60.0
_TRIES = 5
_PROGRAMS = {
    "ceph": ("ceph", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"),
    "swift": (
        "memcached",
        "swift-account-server",
        "swift-container-server",
        "swift-object-server",
        "swift-proxy-server",
    ),
}
_DEBIAN_PYTHON = "/usr/bin/python3"
"""Debian's Swift is no package of ours."""


class NotStarted(Exception):
    """A server is not installed, or did not come up."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it is, and who may do everything there."""

    name: str
    url: str
    access_key: str
    secret: str
    admin: tuple[str, ...] = ()
    """Ceph's command line for its users: `radosgw-admin -c ...`."""

    @property
    def environment(self) -> dict[str, str]:
        """The usual AWS environment."""
        return environment(self.url, self.access_key, self.secret)

    def client(self, service: str = "s3") -> Any:
        """A client of boto3's with its rights."""
        import boto3
        from botocore.config import Config

        names = {"aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret}
        patient = Config(retries={"mode": "standard", "total_max_attempts": 8})  # a busy machine's Swift answers 503
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", config=patient, **names)

    def add_user(self, name: str, policies: Sequence[str] = ()) -> dict[str, str]:
        """The environment of a new user of Ceph's, who may do what these policies (as JSON) allow and nothing else."""
        told = [
            "user",
            "create",
            "--uid",
            name,
            "--display-name",
            name,
            "--access-key",
            name,
            "--secret",
            f"{name}-secret",
        ]
        _run([*self.admin, *told])
        for number, policy in enumerate(policies):
            self.client("iam").put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=policy)
        return environment(self.url, name, f"{name}-secret")


def environment(url: str, access_key: str, secret: str) -> dict[str, str]:
    """The usual AWS environment of a server and a user."""
    names = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret}
    return names | {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}


def missing(name: str) -> list[str]:
    """The programs of a server that are not here."""
    return [program for program in _PROGRAMS[name] if not shutil.which(program, path=_path())]


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@contextlib.contextmanager
def running(name: str) -> Iterator[Server]:
    """One of the servers, in a temporary folder, for the length of a block. Raises NotStarted."""
    if programs := missing(name):
        raise NotStarted(f"{', '.join(programs)} not found; `make servers` installs them")
    with tempfile.TemporaryDirectory(prefix=f"cnbudget-{name}-") as folder, _Processes(Path(folder)) as processes:
        yield SERVERS[name](Path(folder), processes)


class _Processes:
    """What is started here is ended here, each by its own number."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def start(self, *command: str, is_ready: Callable[[], bool]) -> None:
        """Start a service and wait until it is ready; one that falls over is started again, a few times: a monitor that
        has just been elected refuses now and then what it allows a moment later. Raises NotStarted."""
        log = self._folder / f"{Path(command[0]).name}-{len(self._running)}.out"
        for _ in range(_TRIES):
            with log.open("ab") as output:
                process = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | {"PATH": _path()})
            end = time.monotonic() + START_SECONDS
            while process.poll() is None and time.monotonic() < end:
                if is_ready():
                    self._running.append(process)
                    return
                time.sleep(0.1)
            process.kill()
            process.wait()
        raise NotStarted(f"{' '.join(command)} did not come up: {log.read_text(errors='replace')[-1000:]}")


def _run(command: Sequence[str], *, tries: int = 1) -> str:
    for number in range(tries):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | {"PATH": _path()})
        if not done.returncode:
            return done.stdout
        time.sleep(0.5 * (number + 1 < tries))
    raise NotStarted(f"{' '.join(command)}: {done.stderr[-1000:]}")


def _says(command: Sequence[str], text: str) -> bool:
    try:
        return text in _run(command)
    except NotStarted:
        return False


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens at now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


# Ceph: a monitor, one store of objects in memory, and the gateway

_CEPH = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = v1:127.0.0.1:{mon_port}
ms bind msgr2 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
osd objectstore = memstore
memstore device bytes = 1073741824
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
log file = {folder}/$name.log
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw]
# Without it now and then an answer waits 40 ms for an acknowledgement.
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw data = {folder}/rgw
rgw enable usage log = false
# It takes a password in the address of a receiver over TLS alone; a client on loopback may say that it came by TLS.
rgw trust forwarded https = true
"""


def ceph(folder: Path, processes: _Processes) -> Server:
    """Ceph's gateway, about 13 s to start and 130 MB; its users may be given policies."""
    port, mon_port = free_ports(2)
    fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
    for name in ("mon", "osd", "rgw", "run"):
        (folder / name).mkdir()
    config = folder / "ceph.conf"
    config.write_text(_CEPH.format(fsid=fsid, folder=folder, port=port, mon_port=mon_port))
    told = ["-c", str(config)]
    _run(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", f"[v1:{HOST}:{mon_port}]", str(folder / "monmap")])
    _run(["ceph-mon", *told, "-i", "a", "--mkfs", "--monmap", str(folder / "monmap")])
    processes.start("ceph-mon", *told, "-i", "a", "-f", is_ready=partial(_says, ["ceph", *told, "osd", "stat"], "osds"))
    _run(["ceph", *told, "osd", "new", osd, "0"], tries=_TRIES)
    _run(["ceph-osd", *told, "-i", "0", "--mkfs", "--osd-uuid", osd], tries=_TRIES)
    is_up = partial(_says, ["ceph", *told, "osd", "stat"], "1 up")
    processes.start("ceph-osd", *told, "-i", "0", "-f", is_ready=is_up)
    server = Server("ceph", f"http://{HOST}:{port}", "lake", "secret", ("radosgw-admin", *told))
    processes.start("radosgw", *told, "-n", "client.rgw", "-f", is_ready=partial(_answers, server.url))
    user = ["--uid", "lake", "--display-name", "lake", "--access-key", server.access_key, "--secret", server.secret]
    _run([*server.admin, "user", "create", *user, "--caps", "user-policy=*"], tries=_TRIES)
    return server


def push_to(server: Server, bucket: str, url: str) -> None:
    """Have Ceph post what happens in a bucket to an address, while the put is under way; Ceph waits for the answer."""
    sns = server.client("sns")
    secure = ("X-Forwarded-Proto", "https")
    sns.meta.events.register("before-sign.sns.CreateTopic", lambda request, **_: request.headers.add_header(*secure))
    topic = sns.create_topic(Name=f"to-{bucket}", Attributes={"push-endpoint": url})["TopicArn"]
    told = {"Id": bucket, "TopicArn": topic, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    server.client().put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"TopicConfigurations": [told]}
    )


# Swift: five services of one machine behind its S3 layer


def swift(folder: Path, processes: _Processes) -> Server:
    """OpenStack Swift with s3api, about 3 s to start and 190 MB."""
    ports = free_ports(5)
    script = Path(__file__).with_name("swift_server.py")
    server = Server("swift", f"http://{HOST}:{ports[0]}", "lake:rw", "secret")
    is_ready = partial(_answers, f"{server.url}/healthcheck")
    processes.start(_DEBIAN_PYTHON, str(script), str(folder), *map(str, ports), is_ready=is_ready)
    return server


@contextlib.contextmanager
def dask(home: Path, names: Mapping[str, str]) -> Iterator[str]:
    """The address of Dask's scheduler with one worker, which may do what these names of the environment let it, and reaches
    neither Prefect nor a store."""
    home.mkdir()
    address = f"tcp://{HOST}:{free_ports(1)[0]}"
    nowhere = {
        "HOME": str(home),
        "PREFECT_API_URL": "http://127.0.0.1:1/api",
        "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    host = ["--host", HOST, "--no-dashboard"]
    commands = [
        ["scheduler", "--port", address.rpartition(":")[2], *host],
        ["worker", address, "--nthreads", "2", *host],
    ]
    with contextlib.ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command],
                env=os.environ | nowhere | names,
                cwd=home,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        yield address
    if stores := list(home.rglob("*.duckdb")):
        raise AssertionError(f"a worker made a store: {stores}")


SERVERS: dict[str, Callable[[Path, _Processes], Server]] = {"ceph": ceph, "swift": swift}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("name", choices=list(SERVERS))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with running(parser.parse_args().name) as server, contextlib.suppress(KeyboardInterrupt):
        print("\n".join(f"export {name}={value}" for name, value in server.environment.items()), flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
