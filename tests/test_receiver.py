from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest

from cnbudget.errors import SettingsError, StorageError
from flows.receiver import MAX_BYTES, Receiver
from warehouse.notifications import Happening

BODY = json.dumps({"Records": [{"s3": {"bucket": {"name": "in"}, "object": {"key": "a+b.pdf"}}}]}).encode()


def post(receiver: Receiver, body: bytes, token: str | None, **headers: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(receiver.url).netloc, timeout=5)
    authorization = {"Authorization": token} if token else {}
    connection.request("POST", "/", body, authorization | headers)
    status = connection.getresponse().status
    connection.close()
    return status


BASIC = f"Basic {base64.b64encode(b'ceph:s3cret').decode()}"


@pytest.mark.parametrize("token", ["Bearer s3cret", "s3cret", BASIC])
def test_receiver__hands_on_what_an_authenticated_sender_tells(token: str) -> None:
    taken: list[Happening] = []
    with Receiver("127.0.0.1:0", "s3cret", taken.extend) as receiver:
        assert post(receiver, BODY, token) == 204
    assert [happening.uri for happening in taken] == ["s3://in/a b.pdf"]


@pytest.mark.parametrize(
    "token",
    [None, "Bearer wrong", "Bearer", "Bearer s3cret2", "Bearer \xff", "Basic s3cretx", BASIC[:-4], "Basic \xff"],
)
def test_receiver__anybody_else_is_refused(token: str | None) -> None:
    taken: list[Happening] = []
    with Receiver("127.0.0.1:0", "s3cret", taken.extend) as receiver:
        assert post(receiver, BODY, token) == 401
    assert taken == []


def test_receiver__what_makes_no_sense_is_refused() -> None:
    with Receiver("127.0.0.1:0", "t", list.clear) as receiver:  # type: ignore[arg-type]
        assert post(receiver, b"nonsense", "t") == 400
        assert post(receiver, b"", "t", **{"Content-Length": str(MAX_BYTES + 1)}) == 413
        assert post(receiver, b"", "t", **{"Content-Length": "-1"}) == 413


def test_receiver__what_cannot_be_handed_on_is_to_be_sent_again() -> None:
    def refuse(_: Sequence[Happening]) -> None:
        raise StorageError("down")

    with Receiver("127.0.0.1:0", "t", refuse) as receiver:
        assert post(receiver, BODY, "t") == 503


@pytest.mark.parametrize("token", [None, ""])
def test_receiver__needs_a_token(token: str | None) -> None:
    with pytest.raises(SettingsError, match="CNBUDGET_WEBHOOK_TOKEN"):
        Receiver("127.0.0.1:0", token, list)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:x", "127.0.0.1:99999", "192.0.2.1:80"])
def test_receiver__an_address_that_makes_no_sense_is_named(address: str) -> None:
    with pytest.raises(SettingsError, match="expected HOST:PORT"):
        Receiver(address, "t", list)  # type: ignore[arg-type]
