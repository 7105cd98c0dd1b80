"""A small receiver of bucket notifications over HTTP, for MinIO and others that speak like S3.

`POST /` with `Authorization: Bearer <CNBUDGET_WEBHOOK_TOKEN>`, or with the token as the password of any user where the
sender knows addresses alone (Ceph: `https://user:token@host/`); 204 once the notification was handed on, 503 where it could
not be, so that the sender tries again.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import logging
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cnbudget.errors import CnbudgetError, MalformedNotification, SettingsError
from warehouse.notifications import Happening, read_notification

log = logging.getLogger(__name__)

MAX_BYTES = 1 << 20
_SECONDS = 10.0

Sink = Callable[[Sequence[Happening]], None]
"""Takes what happened; raises CnbudgetError where it could not be handed on."""


class Receiver:
    """Listens on `host:port` (port 0: any free one) in a thread of its own; used as a context manager.

    Raises SettingsError where the address makes no sense, is taken, or there is no token.
    """

    def __init__(self, address: str, token: str | None, sink: Sink) -> None:
        if not token:
            raise SettingsError(
                "a receiver without a token would take events from anybody; set one", where="CNBUDGET_WEBHOOK_TOKEN"
            )
        host, _, port = address.rpartition(":")
        handler = type("Handler", (_Handler,), {"token": token, "sink": staticmethod(sink)})
        try:
            self._server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), handler)
        except (OSError, ValueError, OverflowError) as error:
            raise SettingsError(f"{error}; expected HOST:PORT, free on this machine", where=address) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}/"

    def __enter__(self) -> Receiver:
        self._thread.start()
        log.info("listening for notifications on %s", self.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    token: str
    sink: Sink
    timeout = _SECONDS
    server_version, sys_version = "cnbudget", ""

    def do_POST(self) -> None:
        status, text = self._take()
        data = text.encode()
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="cnbudget"')
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = True

    def _take(self) -> tuple[int, str]:
        if not self._is_allowed():
            return 401, "expected: Authorization: Bearer <token>, or the token as a password\n"
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return 413, f"expected: Content-Length of at most {MAX_BYTES}\n"
        try:
            happenings = read_notification(self.rfile.read(int(length)))
        except MalformedNotification as error:
            log.warning("webhook: %s", error)
            return 400, f"{error}\n"
        try:
            self.sink(happenings)
        except CnbudgetError as error:
            log.warning("webhook: %s", error)
            return 503, "try again later\n"
        return 204, ""

    def _is_allowed(self) -> bool:
        sent = self.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        kind, _, secret = sent.rpartition(b" ")
        if kind.lower() == b"basic":
            with contextlib.suppress(ValueError):
                secret = base64.b64decode(secret, validate=True).partition(b":")[2]
        return hmac.compare_digest(secret, self.token.encode())

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)
