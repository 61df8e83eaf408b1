"""Replies stored for idempotency keys."""

from app.domain.idempotency import IdempotencyKey, StoredReply
from app.repositories.sql import Connection, Executor, affected, caller_errors, statements

_SQL = statements("idempotency")


async def try_lock(conn: Connection, key: IdempotencyKey) -> bool:
    """Locks the key until the transaction ends; False if another transaction works on it."""
    locked: bool = await conn.fetchval(_SQL["try_lock"], key.owner, key.path, key.key)
    return locked


async def find(db: Executor, key: IdempotencyKey) -> StoredReply | None:
    """The reply stored for the key."""
    row = await db.fetchrow(_SQL["find"], key.owner, key.path, key.key)
    return StoredReply(row["status"], row["body"], row["location"], row["fingerprint"], True) if row else None


async def store(db: Executor, key: IdempotencyKey, answer: StoredReply, seconds: int, max_keys: int) -> bool:
    """Keeps the reply for so many seconds; False if the owner has `max_keys` already.

    Raises:
        KeyInFlight: another request has stored its reply for the key.
    """
    values = (answer.fingerprint, answer.status, answer.location, answer.body, seconds, max_keys)
    with caller_errors():
        return await db.fetchval(_SQL["store"], key.owner, key.path, key.key, *values) is not None


async def seconds_until_next_expiry(db: Executor, owner: str) -> float:
    """Seconds until the first of the owner's keys is forgotten; 0 where there is none."""
    seconds: float | None = await db.fetchval(_SQL["next_expiry"], owner)
    return seconds or 0.0


async def delete_expired(db: Executor, limit: int) -> int:
    """Deletes up to `limit` keys whose time is over; returns how many."""
    return affected(await db.execute(_SQL["delete_expired"], limit))
