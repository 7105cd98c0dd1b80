"""`make drill`: what the pipeline has to survive, tried on this machine: kill -9 at random moments with a reader of latest/
looking on; events that come twice, in any order or never; storage that fails every third call, as a bucket and as a server
behind boto3; a disk that is full; watchers, workers, approvals and rebuilds all at once; re-validation under kills and
faults; and real S3 servers.

Bounded by its parameters; loopback and temporary folders only. Nothing here is a test: tests run small versions of it.
The sizes that the pipeline is held to:

    make drill DRILL="kills --kills 200 --documents 200"
    make drill DRILL="events faults disk --documents 1000"
    make drill DRILL="http_faults --documents 100"
    make drill DRILL="together --documents 300 --seconds 600"
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.drill_faults import disk, events, faults
from tests.drill_http import http_faults
from tests.drill_kills import kills
from tests.drill_revalidation import revalidations
from tests.drill_together import together
from tests.drilling import Broken
from tests.servers import SERVERS, missing

ROOT = Path(__file__).parents[1]
_SERVERS_SECONDS = 600


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.drill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help=f"which of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--documents", type=int, default=60, help="of each part (default: 60)")
    parser.add_argument("--kills", type=int, default=60, help="random kills (default: 60)")
    parser.add_argument("--seconds", type=float, default=60, help="of `together` (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ["CNBUDGET_WORKERS"] = "1"
    for part in options.parts or PARTS:
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            result = PARTS[part](Path(folder), options)
        print(f"{part}: {result}; {time.perf_counter() - started:.0f} s", flush=True)


def servers(_: Path, __: argparse.Namespace) -> str:
    """The tests that need real S3 servers, where those are installed."""
    if absent := [name for name in SERVERS if missing(name)]:
        return f"SKIPPED: {', '.join(absent)} not installed; `make servers` does it"
    command = [sys.executable, "-m", "pytest", "tests/test_servers.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SERVERS_SECONDS)
    if done.returncode:
        raise Broken(done.stdout[-3000:])
    return done.stdout.strip().splitlines()[-1]


PARTS: dict[str, Callable[[Path, argparse.Namespace], str]] = {
    "kills": kills,
    "events": events,
    "faults": faults,
    "http_faults": http_faults,
    "disk": disk,
    "together": together,
    "revalidations": revalidations,
    "servers": servers,
}

if __name__ == "__main__":
    main()
