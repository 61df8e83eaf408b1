"""API keys in the API, without their hashes."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from app.domain.principal import Principal
from app.domain.records.api_keys import ApiKeyRecord
from app.domain.states import Role
from app.domain.values import Frozen


class ApiKeyView(Frozen):
    """An API key. `last_used_at` is at most a minute older than the last use; `replaced_by` is the key of its newest
    rotation."""

    key_id: UUID
    name: str
    roles: tuple[Role, ...]
    created_by: Principal
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    replaced_by: UUID | None


class NewApiKeyView(ApiKeyView):
    """A key that was just made, the only answer that contains the key itself."""

    key: str = Field(repr=False)


class ApiKeyPage(Frozen):
    """A page of API keys."""

    items: tuple[ApiKeyView, ...]
    next_cursor: str | None


class OperatorApiKeyView(ApiKeyView):
    """An API key as operators see it, who can list revoked ones too."""

    revoked_at: datetime | None


def api_key_view(record: ApiKeyRecord) -> ApiKeyView:
    """A key in the API."""
    return ApiKeyView(**_shown(record, ApiKeyView))


def new_api_key_view(record: ApiKeyRecord, key: str) -> NewApiKeyView:
    """A key that was just made, with the key itself."""
    return NewApiKeyView(**_shown(record, ApiKeyView), key=key)


def operator_api_key_view(record: ApiKeyRecord) -> OperatorApiKeyView:
    """A key as operators see it."""
    return OperatorApiKeyView(**_shown(record, OperatorApiKeyView))


def _shown(record: ApiKeyRecord, view: type[ApiKeyView]) -> dict[str, Any]:
    return {name: value for name, value in record if name in view.model_fields}
