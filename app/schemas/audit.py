"""The audit log in the API."""

import json
from datetime import datetime
from typing import Any

from app.domain.principal import Principal, display_name
from app.domain.records.audit import AuditRecord
from app.domain.states import AuditEntity
from app.domain.values import Frozen

# The fields of changed things that hold a principal.
_PEOPLE = ("by", "created_by")


class AuditView(Frozen):
    """A change: when, by whom, what, and why, if a reason was given. `key` says which of the entities was changed;
    `after` is the changed thing as it was then, and null after a deletion."""

    at: datetime
    actor: Principal
    action: str
    entity: str
    key: str
    reason: str | None
    after: dict[str, Any] | None


class AuditLineView(AuditView):
    """The same for a table, with `after` as JSON in one cell."""

    after: str | None  # type: ignore[assignment]


def audit_view(record: AuditRecord) -> AuditView:
    """A change as an object."""
    return AuditView(**_shown(record))


def audit_line_view(record: AuditRecord) -> AuditLineView:
    """A change as the row of a table."""
    shown = _shown(record)
    after = None if shown["after"] is None else json.dumps(shown["after"], ensure_ascii=False)
    return AuditLineView(**shown | {"after": after})


def _shown(record: AuditRecord) -> dict[str, Any]:
    shown = {name: value for name, value in record if name != "id"} | {"after": _with_short_names(record.after)}
    return shown | {"key": display_name(record.key)} if record.entity == AuditEntity.PERSON else shown


def _with_short_names(after: dict[str, Any] | None) -> dict[str, Any] | None:
    """The changed thing, with people as they are shown everywhere: by their `sub` alone."""
    if after is None:
        return None
    return {name: display_name(value) if name in _PEOPLE else value for name, value in after.items()}
