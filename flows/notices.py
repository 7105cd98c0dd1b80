"""Events of our own, to Prefect's API where one is configured: for its automations, and as change notices to consumers.

`budget.document.published`, `.revised` (published in the place of an earlier revision), `.held`, `.withdrawn`, and
`budget.object.created` for objects that a webhook tells of. Sent at least once: how far the journal was announced stands
in the lake, and an event keeps its id when it is sent again.
"""

from __future__ import annotations

import base64
import json
import logging
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cnbudget.errors import CnbudgetError, StorageError
from flows.settings import Settings
from warehouse.lake import Lake
from warehouse.notifications import Happening

log = logging.getLogger(__name__)

ANNOUNCED = "journal/announced.json"
_AT_ONCE = 100
_SECONDS = 10.0
_NAMESPACE = uuid.UUID("5f0c5a3e-4a51-4b6e-9d0e-0c6b7f6f2a11")

_PAYLOAD = (
    *("document_id", "file_name", "publisher_id", "publisher_name", "publisher_kind", "jurisdiction_name"),
    *("fiscal_year", "stage", "budget_id", "revision", "state", "state_reason"),
)


def begin_announcing(lake: Lake, settings: Settings) -> None:
    """Settle from where on a lake's changes are announced, where an API is configured: from now on, or from where an earlier
    process began. To be called before anything is changed, so that a process that is killed owes its notices to the next.
    Raises StorageError."""
    if settings.prefect_api_url and lake.bucket.head(ANNOUNCED) is None:
        lake.bucket.create(ANNOUNCED, _to_note(lake.head()))


def announce(lake: Lake, settings: Settings) -> int:
    """Send the events of what the journal says and was not announced since it was begun. How many were sent; none, and no
    error, where no API is configured or it does not answer."""
    if not settings.prefect_api_url:
        return 0
    try:
        return _announce(lake, settings)
    except CnbudgetError as error:
        log.warning("not announced yet, will be with the next change: %s", error)
        return 0


def _announce(lake: Lake, settings: Settings) -> int:
    begin_announcing(lake, settings)
    data, head = lake.bucket.read(ANNOUNCED), lake.head()
    done = int(json.loads(data)["version"]) if data else head
    if head <= done:
        return 0
    rows = lake.changes(done).iter_rows(named=True)
    events = [event for row in rows if (event := _to_event(row, lake.bucket.uri))]
    send(events, settings)
    lake.bucket.write(ANNOUNCED, _to_note(head))
    return len(events)


def _to_note(version: int) -> bytes:
    return json.dumps({"version": version}).encode()


def _to_event(row: Mapping[str, Any], lake_uri: str) -> dict[str, object] | None:
    name = _name(row)
    if name is None:
        return None
    document_id = row["document_id"]
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{lake_uri}/{document_id}/{name}/{row['version']}")),
        "occurred": datetime.now(UTC).isoformat(),
        "event": f"budget.document.{name}",
        "resource": {
            "prefect.resource.id": f"budget.document.{document_id}",
            "prefect.resource.name": row["file_name"] or document_id,
            "budget.lake": lake_uri,
        },
        "related": [],
        "payload": {column: row[column] for column in _PAYLOAD},
    }


def _name(row: Mapping[str, Any]) -> str | None:
    if row["state"] == "published" and row["is_current"]:
        return "revised" if (row["revision"] or 1) > 1 else "published"
    return row["state"] if row["state"] in ("held", "withdrawn") else None


def send_created(happenings: Sequence[Happening], settings: Settings) -> None:
    """Send `budget.object.created` for objects that were put. Raises StorageError where the API does not take them."""
    created = [happening for happening in happenings if "ObjectRemoved" not in happening.event]
    send([_to_created(happening) for happening in created], settings)


def _to_created(happening: Happening) -> dict[str, object]:
    return {
        "id": str(uuid.uuid5(_NAMESPACE, f"{happening.uri} {happening.event} {happening.at or uuid.uuid4()}")),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "budget.object.created",
        "resource": {"prefect.resource.id": happening.uri, "prefect.resource.name": happening.key},
        "related": [],
        "payload": {
            "bucket": happening.bucket,
            "key": happening.key,
            "uri": happening.uri,
            "size": happening.n_bytes,
            "sent": happening.at,
        },
    }


def send(events: Sequence[Mapping[str, object]], settings: Settings) -> None:
    """Put events to Prefect's API, which takes a list. Raises StorageError."""
    for start in range(0, len(events), _AT_ONCE):
        body = json.dumps(list(events[start : start + _AT_ONCE]), ensure_ascii=False).encode()
        _request(settings, "POST", "/events", body)


def ask_api(settings: Settings, path: str) -> Any:
    """What Prefect's API answers to a GET. Raises StorageError."""
    return json.loads(_request(settings, "GET", path, None) or b"null")


def _request(settings: Settings, method: str, path: str, body: bytes | None) -> bytes:
    url = f"{(settings.prefect_api_url or '').rstrip('/')}{path}"
    if not url.startswith(("http://", "https://")):
        raise StorageError("expected an address that starts with http:// or https://", where="PREFECT_API_URL")
    headers = {"Content-Type": "application/json"}
    if settings.prefect_api_key:
        headers["Authorization"] = f"Bearer {settings.prefect_api_key.get_secret_value()}"
    elif settings.prefect_api_auth_string:
        secret = settings.prefect_api_auth_string.get_secret_value()
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as reply:
            data: bytes = reply.read()
            return data
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise StorageError(
            f"{error}; check PREFECT_API_URL and PREFECT_API_AUTH_STRING, and that the server is up", where=url
        ) from error
