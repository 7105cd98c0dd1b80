"""What storage says about its objects: the notifications of S3 and of servers that speak like it, and SQS queues of them.

Notifications come twice, out of order, late or never. All they are good for is which objects to look at.
"""

from __future__ import annotations

import contextlib
import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from cnbudget.errors import MalformedNotification, StorageError

_AT_ONCE = 10
"""Messages that SQS gives or takes at once."""
_HIDDEN_SECONDS = 120
_HIDE_AGAIN_SECONDS = 20.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something happened to an object: put, copied, deleted."""

    bucket: str
    key: str
    event: str
    n_bytes: int | None = None
    at: str | None = None

    @property
    def uri(self) -> str:
        """The object as the journal calls it."""
        return f"s3://{self.bucket}/{self.key}"


def read_notification(body: str | bytes) -> list[Happening]:
    """What a notification tells of; nothing where it is the test that S3 sends first.

    Raises MalformedNotification where it is none of S3's shape.
    """
    try:
        plain = json.loads(body)
        if plain.get("Event") == "s3:TestEvent":
            return []
        if isinstance(plain.get("Message"), str):  # SNS in between
            return read_notification(plain["Message"])
        return [_to_happening(record) for record in plain["Records"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedNotification(f"not a notification of S3 ({error!r}); expected JSON with `Records`") from error


def _to_happening(record: dict[str, Any]) -> Happening:
    bucket, found = record["s3"]["bucket"]["name"], record["s3"]["object"]
    size = found.get("size")
    if not isinstance(bucket, str) or not bucket or not found["key"]:
        raise ValueError("a record without bucket or key")
    n_bytes = size if isinstance(size, int) else None
    # Ceph speaks like S3 but for the key, which it does not encode: a `+` or `%` in it is one.
    is_plain = str(record.get("eventSource", "")).startswith("ceph")
    key = str(found["key"]) if is_plain else unquote_plus(found["key"])
    return Happening(bucket, key, str(record.get("eventName", "")), n_bytes, record.get("eventTime"))


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the queue gave it; `receipt` takes it off."""

    body: str
    receipt: str
    n_received: int


class SqsQueue:
    """A queue of SQS by its address; region and credentials from the usual AWS environment."""

    def __init__(self, url: str) -> None:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]

        self.url = url
        self._lock = threading.Lock()
        self._held: dict[str, float] = {}
        """The messages that are being worked on, with the time at which they have to be hidden again."""
        config = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
        with self._errors():
            self._client: Any = boto3.client("sqs", config=config)

    def receive(self, wait_seconds: int = 10) -> list[Message]:
        """The next messages, waited for. They come again unless they are deleted in time. Raises StorageError."""
        with self._errors():
            reply = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=_AT_ONCE,
                WaitTimeSeconds=wait_seconds,
                AttributeNames=["ApproximateReceiveCount"],
            )
        return [
            Message(m["Body"], m["ReceiptHandle"], int(m.get("Attributes", {}).get("ApproximateReceiveCount", 1)))
            for m in reply.get("Messages", ())
        ]

    def hold(self, receipt: str) -> None:
        """Keep a message from coming again until it is deleted, or this process ends: `keep_held` sees to it."""
        with self._lock:
            self._held[receipt] = 0.0

    def keep_held(self) -> None:
        """To be called every few seconds: hides what is held before SQS shows it again. Raises nothing: what it shows again
        does no harm, but that it moves it to the dead-letter queue when it has done so too often."""
        now = time.monotonic()
        with self._lock:
            due = [receipt for receipt, at in self._held.items() if at <= now]
        lost: set[str] = set()
        try:
            for entries in _in_entries(due):
                hidden = [entry | {"VisibilityTimeout": _HIDDEN_SECONDS} for entry in entries]
                with self._errors():
                    reply = self._client.change_message_visibility_batch(QueueUrl=self.url, Entries=hidden)
                # Nothing can be done any more for one that was taken off meanwhile, or was hidden as long as SQS allows.
                failed = {failure["Id"] for failure in reply.get("Failed", ()) if failure.get("SenderFault")}
                lost |= {str(entry["ReceiptHandle"]) for entry in entries if entry["Id"] in failed}
        except StorageError as error:
            log.warning(
                "messages may come again while they are worked on; sqs:ChangeMessageVisibility failed: %s", error
            )
        with self._lock:
            hide_at = {receipt: now + _HIDE_AGAIN_SECONDS for receipt in due if receipt in self._held}
            self._held = {receipt: at for receipt, at in (self._held | hide_at).items() if receipt not in lost}

    def delete(self, receipts: Sequence[str]) -> None:
        """Take messages off the queue. Raises StorageError; one that stays comes again, which does no harm."""
        with self._lock:
            for receipt in receipts:
                self._held.pop(receipt, None)
        for entries in _in_entries(receipts):
            with self._errors():
                self._client.delete_message_batch(QueueUrl=self.url, Entries=entries)

    def attributes(self) -> dict[str, str]:
        """What the queue is: VisibilityTimeout, RedrivePolicy (where it has a dead-letter queue), message counts."""
        with self._errors():
            reply = self._client.get_queue_attributes(QueueUrl=self.url, AttributeNames=["All"])
        return {str(name): str(value) for name, value in reply.get("Attributes", {}).items()}

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]
        from urllib3.exceptions import HTTPError

        try:
            yield
        except (BotoCoreError, ClientError, HTTPError, OSError, ValueError) as error:
            raise StorageError(
                f"{error}; check the queue's address, its policy and the credentials", where=self.url
            ) from error


def _in_entries(receipts: Sequence[str]) -> Iterator[list[dict[str, object]]]:
    """Messages as SQS takes them, as many at once as it takes."""
    for start in range(0, len(receipts), _AT_ONCE):
        some = receipts[start : start + _AT_ONCE]
        yield [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(some)]
