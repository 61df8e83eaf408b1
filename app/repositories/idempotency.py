"""Stored answers by idempotency key."""

from app.domain.idempotency import IdempotencyKey
from app.domain.records.assessments import StoredAnswer
from app.repositories.sql import Connection, Executor, affected, statements

_SQL = statements("idempotency")


async def try_lock(conn: Connection, key: IdempotencyKey) -> bool:
    """Whether this transaction alone works on the key now."""
    locked: bool = await conn.fetchval(_SQL["try_lock"], key.owner, key.path, key.key)
    return locked


async def find(db: Executor, key: IdempotencyKey) -> StoredAnswer | None:
    """The answer stored for the key."""
    row = await db.fetchrow(_SQL["find"], key.owner, key.path, key.key)
    return StoredAnswer(row["status"], row["body"], row["location"], row["fingerprint"], True) if row else None


async def store(db: Executor, key: IdempotencyKey, answer: StoredAnswer, seconds: int) -> None:
    """Keeps the answer for so many seconds."""
    values = (answer.fingerprint, answer.status, answer.location, answer.body, seconds)
    await db.execute(_SQL["store"], key.owner, key.path, key.key, *values)


async def forget_old(db: Executor, limit: int) -> int:
    """How many keys whose time is over were removed."""
    return affected(await db.execute(_SQL["forget_old"], limit))
