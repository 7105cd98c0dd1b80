"""OpenStack Swift with its S3 layer on one machine, run by Debian's Python: `swift_server.py DIR PROXY_PORT PORT PORT PORT PORT`.

Accounts, containers and objects on one device with one copy; memcached for tempauth's tokens. Ends with its parent.
"""

from __future__ import annotations

import getpass
import os
import signal
import subprocess
import sys
from pathlib import Path

import swift.common.utils  # type: ignore[import-not-found]
from swift.common.ring import RingBuilder  # type: ignore[import-not-found]
from swift.common.wsgi import run_wsgi  # type: ignore[import-not-found]

ROOT = Path(sys.argv[1])
PROXY, ACCOUNT, CONTAINER, OBJECT, MEMCACHED = map(int, sys.argv[2:7])
BEHIND = {"account": ACCOUNT, "container": CONTAINER, "object": OBJECT}
MIDDLE = [
    *("catch_errors", "gatekeeper", "healthcheck", "cache", "listing_formats", "bulk", "s3api", "tempauth"),
    *("copy", "slo", "dlo", "versioned_writes", "symlink"),
]
OPTIONS = {
    "cache": {"use": "egg:swift#memcache", "memcache_servers": f"127.0.0.1:{MEMCACHED}"},
    "tempauth": {"user_lake_rw": "secret .admin"},
    "s3api": {"location": "us-east-1"},
    "versioned_writes": {"allow_object_versioning": "true"},
}


def configure(name: str, port: int, pipeline: list[str], app: str, **options: str) -> None:
    default = {"bind_ip": "127.0.0.1", "bind_port": port, "workers": 0, "user": getpass.getuser()}
    default |= {"swift_dir": ROOT, "devices": ROOT / "node", "mount_check": "false"}
    sections = {"DEFAULT": default, "pipeline:main": {"pipeline": " ".join([*pipeline, name])}}
    sections[f"app:{name}"] = {"use": f"egg:swift#{app}", **options}
    sections |= {f"filter:{each}": {"use": f"egg:swift#{each}", **OPTIONS.get(each, {})} for each in pipeline}
    lines = [f"[{name}]\n" + "".join(f"{k} = {v}\n" for k, v in values.items()) for name, values in sections.items()]
    (ROOT / f"{name}.conf").write_text("".join(lines))


def make_ring(service: str, port: int) -> None:
    ring = RingBuilder(4, 1, 0)
    device = {"id": 0, "region": 1, "zone": 1, "ip": "127.0.0.1", "port": port, "device": "d1", "weight": 1}
    ring.add_dev(device | {"replication_ip": "127.0.0.1", "replication_port": port, "meta": ""})
    ring.rebalance()
    ring.get_ring().save(str(ROOT / f"{service}.ring.gz"))


def main() -> None:
    (ROOT / "node/d1").mkdir(parents=True, exist_ok=True)
    (ROOT / "swift.conf").write_text("[swift-hash]\nswift_hash_path_prefix = p\nswift_hash_path_suffix = s\n")
    swift.common.utils.SWIFT_CONF_FILE = str(ROOT / "swift.conf")
    configure("proxy-server", PROXY, MIDDLE, "proxy", account_autocreate="true")
    for service, port in BEHIND.items():
        configure(f"{service}-server", port, [], service)
        make_ring(service, port)
    told = ["-u", getpass.getuser(), "-l", "127.0.0.1", "-p", str(MEMCACHED), "-m", "16"]
    children = [subprocess.Popen(["memcached", *told]).pid]
    for service in (*BEHIND, "proxy"):
        child = os.fork()
        if not child:
            sys.exit(run_wsgi(str(ROOT / f"{service}-server.conf"), f"{service}-server"))
        children.append(child)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: [os.kill(child, signal.SIGTERM) for child in children])
    for child in children:
        os.waitpid(child, 0)


main()
