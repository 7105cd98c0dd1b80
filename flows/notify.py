"""`python -m flows notify`: have Prefect tell someone of every document that is held.

Puts `deployments/automations/held.yaml` into Prefect, with a webhook or with any notification block (e-mail, Slack ...)
that was made in its UI. Safe to repeat: the automation of that name is replaced.
"""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import yaml
from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.exceptions import PrefectException

from cnbudget.errors import SettingsError

AUTOMATION = Path(__file__).parents[1] / "deployments" / "automations" / "held.yaml"
BLOCK = "cnbudget-held"


def save_webhook(url: str) -> UUID:
    """Keep a webhook's address as a block in Prefect; its id. What is posted is JSON with `subject` and `text`."""
    if not url.startswith(("https://", "http://")):
        raise SettingsError("expected an address that starts with https:// or http://", where=url)
    block = CustomWebhookNotificationBlock(
        name=BLOCK, url=url, method="POST", json_data={"subject": "{{subject}}", "text": "{{body}}"}
    )
    found = block.save(BLOCK, overwrite=True, _sync=True)  # type: ignore[call-arg]
    return UUID(str(found))


def block_of(text: str) -> UUID:
    """The id of a block that is there already. Raises SettingsError where it is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise SettingsError("expected the id of a block, as its page in the UI shows it", where=text) from error


def install(block_id: UUID) -> Automation:
    """Make the automation with this block, or put it in the place of the one that is there."""
    plain = yaml.safe_load(AUTOMATION.read_text("utf-8"))
    for action in plain["actions"]:
        action["block_document_id"] = str(block_id)
    wanted = Automation(**plain)
    try:
        found = Automation.read(name=wanted.name, _sync=True)
    except ValueError:
        found = None
    try:
        if found is None:
            return wanted.create(_sync=True)
        wanted.id = found.id
        wanted.update(_sync=True)
        return wanted
    except PrefectException as error:
        raise SettingsError(
            f"{error}; expected the id of a notification block in Prefect", where=str(block_id)
        ) from error
