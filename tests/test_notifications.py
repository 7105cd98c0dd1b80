from __future__ import annotations

import json
import time
from typing import Any

import boto3
import pytest

from cnbudget.errors import MalformedNotification, StorageError
from warehouse.notifications import Happening, SqsQueue, read_notification


def record(key: str, **extra: object) -> dict[str, object]:
    return {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "in"}, "object": {"key": key, **extra}}}


def test_read_notification__keys_are_decoded_as_s3_encodes_them() -> None:
    body = json.dumps({"Records": [record("a+b/%E4%B8%80+%2B.pdf", size=3), record("c")]})
    assert read_notification(body) == [
        Happening("in", "a b/一 +.pdf", "ObjectCreated:Put", 3),
        Happening("in", "c", "ObjectCreated:Put"),
    ]
    assert read_notification(body)[0].uri == "s3://in/a b/一 +.pdf"


def test_read_notification__of_minio_and_through_sns() -> None:
    minio = {"EventName": "s3:ObjectCreated:Put", "Key": "in/a", "Records": [record("a")]}
    assert [each.key for each in read_notification(json.dumps(minio))] == ["a"]
    sns = {"Type": "Notification", "Message": json.dumps(minio)}
    assert [each.key for each in read_notification(json.dumps(sns))] == ["a"]


def test_read_notification__of_ceph_whose_keys_are_not_encoded() -> None:
    record = {"eventSource": "ceph:s3", "s3": {"bucket": {"name": "in"}, "object": {"key": "事 a+b%2B.pdf", "size": 2}}}
    (happening,) = read_notification(json.dumps({"Records": [record]}))
    assert happening.key == "事 a+b%2B.pdf"


def test_read_notification__the_test_event_tells_of_nothing() -> None:
    assert read_notification('{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"in"}') == []


@pytest.mark.parametrize(
    "body",
    ["", "no json", "[]", "7", "null", "{}", '{"Records": 1}', '{"Records": [{}]}', "[" * 5000]
    + [json.dumps({"Records": [record(key)]}) for key in ("", 7)]  # type: ignore[arg-type]
    + [json.dumps({"Records": [{"s3": {"bucket": {"name": ""}, "object": {"key": "a"}}}]})],
)
def test_read_notification__anything_else_is_malformed(body: str) -> None:
    with pytest.raises(MalformedNotification, match="expected JSON with `Records`"):
        read_notification(body)


@pytest.mark.usefixtures("s3_environment")
def test_queue__gives_messages_until_they_are_deleted() -> None:
    url = boto3.client("sqs").create_queue(QueueName="q1", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    for number in range(12):
        boto3.client("sqs").send_message(QueueUrl=url, MessageBody=str(number))
    queue = SqsQueue(url)
    (*_, last) = queue.receive(0)
    queue.delete([last.receipt])
    seen = {message.body for _ in range(4) for message in queue.receive(0)}
    assert last.body not in seen
    assert int(queue.attributes()["ApproximateNumberOfMessages"]) == 11


@pytest.mark.usefixtures("s3_environment")
def test_queue__one_that_is_not_there_is_named() -> None:
    with pytest.raises(StorageError, match="check the queue's address"):
        SqsQueue("http://127.0.0.1:1/000000000000/none").receive(0)


@pytest.mark.usefixtures("s3_environment")
def test_keep_held__a_message_that_is_worked_on_does_not_come_again() -> None:
    sqs = boto3.client("sqs")
    dead = sqs.create_queue(QueueName="kept-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="kept", Attributes={"VisibilityTimeout": "1", "RedrivePolicy": redrive})[
        "QueueUrl"
    ]
    for body in ("held", "left"):
        sqs.send_message(QueueUrl=url, MessageBody=body)
    queue = SqsQueue(url)
    held = next(message for message in queue.receive(0) + queue.receive(0) if message.body == "held")
    queue.hold(held.receipt)
    queue.keep_held()
    time.sleep(1.2)
    assert queue.receive(0) == []
    assert [message.body for message in SqsQueue(dead).receive(0)] == ["left"]
    queue.delete([held.receipt])
    attributes = queue.attributes()
    assert (attributes["ApproximateNumberOfMessages"], attributes["ApproximateNumberOfMessagesNotVisible"]) == (
        "0",
        "0",
    )


@pytest.mark.usefixtures("s3_environment")
def test_keep_held__is_asked_for_now_and_then_and_what_fails_is_said(caplog: pytest.LogCaptureFixture) -> None:
    queue = SqsQueue("http://127.0.0.1:1/000000000000/none")
    calls: list[Any] = []

    class Client:
        def change_message_visibility_batch(self, **arguments: Any) -> None:
            calls.append(arguments)
            raise OSError("AccessDenied")

    queue._client = Client()
    for number in range(12):
        queue.hold(str(number))
    queue.keep_held()
    assert [len(call["Entries"]) for call in calls] == [10]
    assert "sqs:ChangeMessageVisibility failed" in caplog.text
    queue.keep_held()
    assert len(calls) == 1


@pytest.mark.usefixtures("s3_environment")
def test_keep_held__one_that_sqs_knows_no_more_is_let_go() -> None:
    queue = SqsQueue("http://127.0.0.1:1/000000000000/none")
    failures = [{"Id": "0", "SenderFault": True}, {"Id": "1", "SenderFault": False}]
    asked: list[list[str]] = []

    class Client:
        def change_message_visibility_batch(self, Entries: list[dict[str, str]], **_: Any) -> dict[str, Any]:
            asked.append([entry["ReceiptHandle"] for entry in Entries])
            return {"Failed": failures}

    queue._client = Client()
    for receipt in ("gone", "busy", "held"):
        queue.hold(receipt)
    queue.keep_held()
    failures.clear()
    for receipt in ("busy", "held"):
        queue.hold(receipt)
    queue._held["held"] = queue._held["busy"] = 0.0
    queue.keep_held()
    assert asked == [["gone", "busy", "held"], ["busy", "held"]]
