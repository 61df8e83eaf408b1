"""The audit log: who changed what."""

from datetime import datetime

from pydantic import BaseModel

from app.domain.api_key import id_in_sub
from app.domain.records.audit import AuditRecord
from app.domain.states import AuditAction, AuditEntity
from app.repositories.sql import Executor, statements

_SQL = statements("audit")


async def record(
    db: Executor, actor: str, action: AuditAction, entity: AuditEntity, key: str, after: BaseModel | None = None
) -> int:
    """Records a change by staff; `after` is the changed thing as it is now. Returns the id of the line."""
    thing = after.model_dump(mode="json") if after else None
    line_id: int = await db.fetchval(_SQL["record"], actor, action, entity, key, thing)
    return line_id


async def record_if_key(
    db: Executor, actor: str, action: AuditAction, entity: AuditEntity, key: str, after: BaseModel | None = None
) -> None:
    """Records a change that students make, too, if the actor is an API key."""
    if id_in_sub(actor) is not None:
        await record(db, actor, action, entity, key, after)


async def page(
    db: Executor,
    actor: str | None,
    entity: AuditEntity | None,
    key: str | None,
    start: datetime | None,
    end: datetime | None,
    after: int,
    before: int,
    limit: int,
) -> list[AuditRecord]:
    """A page of the changes by this actor (a `sub`, or a whole principal), of this entity and key, in this period, by
    id, between the ids `after` and `before`; None: all."""
    rows = await db.fetch(_SQL["page"], actor, entity, key, start, end, after, before, limit)
    return [AuditRecord(**row) for row in rows]


async def page_newest_first(
    db: Executor,
    actor: str | None,
    entity: AuditEntity | None,
    key: str | None,
    start: datetime | None,
    end: datetime | None,
    before: int | None,
    limit: int,
) -> list[AuditRecord]:
    """The same, the newest first, before the id `before`."""
    rows = await db.fetch(_SQL["page_newest_first"], actor, entity, key, start, end, before, limit)
    return [AuditRecord(**row) for row in rows]
