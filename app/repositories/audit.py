"""The audit log: who changed what."""

from pydantic import BaseModel

from app.domain.states import AuditAction, AuditEntity
from app.repositories.sql import Executor, statements

_SQL = statements("audit")


async def record(
    db: Executor, actor: str, action: AuditAction, entity: AuditEntity, key: str, after: BaseModel | None = None
) -> None:
    """Records a change by staff; `after` is the changed thing as it is now."""
    await db.execute(_SQL["record"], actor, action, entity, key, after.model_dump(mode="json") if after else None)
