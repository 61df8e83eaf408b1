"""Exporting the audit log."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from app.domain.records.audit import AuditRecord
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit
from app.repositories.sql import Executor, Pool
from app.services import paging

# Rows that are read in one statement.
PAGE_ROWS = 1000
# There is only one log, so its key says nothing.
_WHOLE_LOG = "audit"

_View = TypeVar("_View")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which changes to list: by this person (a `sub`) or command, of this kind of thing, of this one, and from `start`
    up to `end`, which is excluded. None: all."""

    actor: str | None = None
    entity: AuditEntity | None = None
    key: str | None = None
    start: datetime | None = None
    end: datetime | None = None


async def export_changes(
    pool: Pool, actor: str, wanted: AuditFilter, view: Callable[[AuditRecord], _View]
) -> AsyncIterator[list[_View]]:
    """All changes until now, the oldest first, page by page; the log has this export, too. Each page is a statement of
    its own, so a slow client does not hold a connection."""
    export_id = await audit.record(pool, actor, AuditAction.EXPORT, AuditEntity.AUDIT_LOG, _WHOLE_LOG)
    last_id = 0
    chosen = (wanted.actor, wanted.entity, wanted.key, wanted.start, wanted.end)
    while rows := await audit.page(pool, *chosen, last_id, export_id, PAGE_ROWS):
        yield [view(row) for row in rows]
        last_id = rows[-1].id


async def newest_changes(
    db: Executor, wanted: AuditFilter, before: int | None, limit: int
) -> tuple[list[AuditRecord], str | None]:
    """A page of the changes, the newest first, and the cursor of the next page."""
    chosen = (wanted.actor, wanted.entity, wanted.key, wanted.start, wanted.end)
    rows = await audit.page_newest_first(db, *chosen, before, limit + 1)
    return paging.first_page(rows, limit, lambda row: [str(row.id)])
