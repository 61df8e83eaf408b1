"""Database rows of API keys as frozen models."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.states import Role
from app.domain.values import Frozen


@dataclass(frozen=True, slots=True)
class KeyFeatures:
    """What somebody chooses of a key; a rotation keeps it."""

    name: str
    roles: tuple[Role, ...]
    lifetime: timedelta


class ApiKeyRecord(Frozen):
    """An API key without its hash. `lifetime` is what a key of its rotation gets, and `replaced_by` the newest of
    these."""

    key_id: UUID
    name: str
    roles: tuple[Role, ...]
    created_by: str
    created_at: datetime
    lifetime: timedelta
    expires_at: datetime
    last_used_at: datetime | None
    replaced_by: UUID | None
    revoked_at: datetime | None

    @property
    def features(self) -> KeyFeatures:
        """What a key of its rotation has too."""
        return KeyFeatures(self.name, self.roles, self.lifetime)


@dataclass(frozen=True, slots=True)
class KeyCredential:
    """What decides whether a key is accepted, and as whom; `expires_at` is in Unix seconds."""

    key_id: UUID
    key_hash: bytes = field(repr=False)
    roles: frozenset[Role]
    expires_at: float
    revoked: bool
