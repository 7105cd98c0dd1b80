"""An S3 server that fails a third of the calls, seen through boto3: 503, no answer in time, bodies that are cut short, and
connections that are lost before or after what was asked for was done."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.drill_faults import until_done
from tests.drilling import Broken, draw_inbox, settle
from tests.lakes import OF_RUNS
from tests.servers import HOST, environment
from warehouse.bucket import S3Bucket

_PATIENCE_SECONDS = 0.5
"""How long the client waits for an answer in the drill."""
_SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Unreliable:
    """A WSGI application of which `share` of the answers fail, half of those after they were worked out."""

    def __init__(self, inner: Application, rng: random.Random) -> None:
        self.share = 0.0
        self.kinds = list(_FAULTS)
        self.failed: Counter[str] = Counter()
        self.n_calls = 0
        self._inner = inner
        self._rng = rng
        self._turn = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        with self._turn:
            self.n_calls += 1
            kind = self._rng.choice(self.kinds) if self._rng.random() < self.share else None
            is_done = self._rng.random() < 0.5
            self.failed.update([kind] if kind else [])
        if kind is None:
            return self._inner(environ, start_response)
        if kind == "cut short" or is_done:
            status, headers, body = self._answer(environ)
            if kind == "cut short" and len(body) > 1:
                start_response(status, headers)
                return [body[: len(body) // 2]]
        return _FAULTS[kind](environ, start_response)

    def _answer(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        said: list[Any] = []
        body = b"".join(self._inner(environ, lambda *answer: said.append(answer)))
        return said[0][0], said[0][1], body


def _refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("503 Slow Down", [("Content-Length", str(len(_SLOW_DOWN))), ("Content-Type", "application/xml")])
    return [_SLOW_DOWN]


def _stall(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    time.sleep(3 * _PATIENCE_SECONDS)
    return _refuse(environ, start_response)


def _hang_up(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    with contextlib.suppress(OSError):
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return _refuse(environ, start_response)


_FAULTS = {"503": _refuse, "no answer": _stall, "hung up": _hang_up, "cut short": _hang_up}
"""An answer without a body cannot be cut short: there the connection is lost."""


@contextlib.contextmanager
def unreliable_s3(seed: int) -> Iterator[Unreliable]:
    """S3 on loopback (moto) that answers well until a `share` of its answers is to fail, with the environment set to it and
    clients that soon lose patience."""
    import boto3
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    unreliable = Unreliable(DomainDispatcherApplication(create_backend_app), random.Random(seed))
    server = make_server(HOST, 0, unreliable, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    names = environment(f"http://{HOST}:{server.server_port}", "a", "b")
    with (
        patch.dict(os.environ, names),
        patch.object(boto3, "DEFAULT_SESSION", None),
        patch.object(S3Bucket, "READ_SECONDS", _PATIENCE_SECONDS),
    ):
        try:
            yield unreliable
        finally:
            server.shutdown()
            thread.join()


def http_faults(folder: Path, options: argparse.Namespace) -> str:
    """Source and lake on a server that fails every third call; all is ingested in the end, and nothing else."""
    import boto3

    from tests.lakes import Clock, lake_at

    paths = draw_inbox(folder / "drawn", options.documents)
    with unreliable_s3(options.seed) as server:
        client = boto3.client("s3")
        for name in ("inbox", "clean", "lake"):
            client.create_bucket(Bucket=name)
        for path in paths:
            client.put_object(Bucket="inbox", Key=path.name, Body=path.read_bytes())
        clean = lake_at(folder, bucket=S3Bucket("clean"), store="clean.duckdb", clock=Clock(0))
        settle(clean, folder, bucket=S3Bucket("inbox"))
        lake = lake_at(folder, bucket=S3Bucket("lake"), clock=Clock(0))
        n_before, server.share = server.n_calls, 1 / 3
        n_turns = until_done(lake, folder, S3Bucket("inbox"))
        n_calls, server.share = server.n_calls - n_before, 0.0
        found, wanted = _latest("lake"), _latest("clean")
        if found != wanted:
            names = sorted(name for name in found.keys() | wanted if found.get(name) != wanted.get(name))
            raise Broken(f"a server that fails gave other bytes of {names[:5]}")
    said = ", ".join(f"{n} {kind}" for kind, n in sorted(server.failed.items()))
    return f"of {n_calls} calls {said}, over {options.documents} documents in {n_turns} rounds; the same bytes"


def _latest(name: str) -> dict[str, bytes | None]:
    bucket = S3Bucket(name)
    keys = [info.key for info in bucket.list("curated/latest/")]
    return {key: bucket.read(key) for key in keys if not OF_RUNS.match(key.removeprefix("curated/"))}
