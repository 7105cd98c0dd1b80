"""The settings, in one place: defaults, a file `cnbudget.env`, the environment (`CNBUDGET_LAKE=...`), in this order.

Nothing else reads the environment, but for S3's address and credentials, which boto3 takes from its usual variables.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from cnbudget.errors import SettingsError
from cnbudget.sandbox import Limits

QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    # Errors reach the caller as exceptions; Prefect would print each a second time with its traceback.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_CLI_PROMPT": "false",
}
"""What the servers we start should know: no analytics, no chatter. The user's own environment goes first."""


_FILE = "cnbudget.env"


class Settings(BaseSettings):
    """What may be set, with its default. Sizes are in bytes, times in seconds."""

    model_config = SettingsConfigDict(
        env_prefix="CNBUDGET_", env_file=_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    lake: str = "lake"
    store_path: Path | None = None
    by: str | None = None
    workers: int = Field(default=2, ge=1, le=64)
    batch_documents: int = Field(default=100, ge=1)
    batch_bytes: int = Field(default=64 << 20, ge=1)
    document_seconds: float = Field(default=60.0, gt=0)
    document_memory: int = Field(default=1 << 30, gt=0)
    document_pages: int = Field(default=2000, ge=1)
    document_bytes: int = Field(default=128 << 20, ge=1)
    gather_seconds: float = Field(default=0.1, ge=0, le=60)
    expected: Path | None = None
    webhook_token: SecretStr | None = None
    log_format: Literal["text", "json"] = "text"
    prefect_api_url: str | None = Field(default=None, validation_alias="PREFECT_API_URL")
    prefect_api_key: SecretStr | None = Field(default=None, validation_alias="PREFECT_API_KEY")
    prefect_api_auth_string: SecretStr | None = Field(default=None, validation_alias="PREFECT_API_AUTH_STRING")


def load_settings() -> Settings:
    """The settings as they are now. Raises SettingsError where one makes no sense."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = f"CNBUDGET_{'_'.join(map(str, problem['loc']))}".upper()
        raise SettingsError(f"{problem['msg']}, found {problem['input']!r}", where=name) from error


def limits_of(settings: Settings) -> Limits:
    """What a document may take."""
    return Limits(settings.document_seconds, settings.document_memory, settings.document_pages, settings.document_bytes)


def quieten() -> None:
    """Keep Prefect and Great Expectations quiet and at home, and tell Prefect what our file says of it; to be called before
    they are imported."""
    of_file = {name: value for name, value in dotenv_values(_FILE).items() if name.startswith("PREFECT_") and value}
    for name, value in (QUIET | of_file).items():
        os.environ.setdefault(name, value)
