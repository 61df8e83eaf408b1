"""Rows of the audit log."""

from datetime import datetime
from typing import Any

from app.domain.principal import Principal
from app.domain.values import Frozen


class AuditRecord(Frozen):
    """A change, who made it and why. `key` says which of the entities; `after` is the changed thing as it was then, and
    null after a deletion."""

    id: int
    at: datetime
    actor: Principal
    action: str
    entity: str
    key: str
    reason: str | None
    after: dict[str, Any] | None
