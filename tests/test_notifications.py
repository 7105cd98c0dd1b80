from __future__ import annotations

import json

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
