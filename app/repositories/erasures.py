"""Erasing people: what is to be done, what was done, and the deletion itself."""

from typing import Any
from uuid import UUID

import asyncpg

from app.domain.principal import display_name
from app.domain.records.erasures import ErasureRecord, TakenErasure
from app.repositories.sql import Connection, Executor, statements

# Somebody else writes to what is to be deleted.
LOCKED = (asyncpg.LockNotAvailableError,)

_SQL = statements("erasures")


async def request(conn: Connection, erasure_id: UUID, person: str, person_key: bytes) -> tuple[UUID, bool]:
    """The id of the person's pending erasure, and whether it is the new one."""
    row = await conn.fetchrow(_SQL["request"], erasure_id, person, person_key)
    if row is None:
        raise RuntimeError("an insert that updates on conflict returns its row")
    return row["id"], row["is_new"]


async def find_pending(db: Executor, person: str) -> UUID | None:
    """The id of the person's pending erasure, if there is one."""
    erasure_id: UUID | None = await db.fetchval(_SQL["find_pending"], person)
    return erasure_id


async def find(db: Executor, erasure_id: UUID) -> ErasureRecord | None:
    """The erasure, if there is one of this id."""
    row = await db.fetchrow(_SQL["find"], erasure_id)
    return ErasureRecord(**row) if row else None


async def take(conn: Connection, erasure_id: UUID | None) -> TakenErasure | None:
    """A pending erasure that no other worker works on (this one, or None: any), locked until the transaction ends."""
    row = await conn.fetchrow(_SQL["take"], erasure_id)
    return TakenErasure(**row) if row else None


async def next_assessment(conn: Connection, person: str) -> UUID | None:
    """An assessment of the person, if one is left."""
    assessment_id: UUID | None = await conn.fetchval(_SQL["next_assessment"], person)
    return assessment_id


async def list_old(db: Executor, days: int, limit: int) -> list[UUID]:
    """Assessments that were started so many days ago, the oldest first."""
    return [row["id"] for row in await db.fetch(_SQL["list_old"], days, limit)]


async def delete_assessment(
    conn: Connection, assessment_id: UUID, pseudonym: str, erasure_id: UUID | None
) -> dict[str, int] | None:
    """The rows that were deleted with the assessment, by table; None if another transaction has deleted it. For an
    erasure, what models were sent is noted for the receipt.

    Raises:
        LOCKED: others are writing to the assessment; nothing was deleted, and a later try may succeed.
    """
    if not await conn.fetchval(_SQL["lock_assessment"], assessment_id):
        return None
    jobs = await conn.fetch(_SQL["lock_jobs"], assessment_id)
    await conn.execute(_SQL["lock_parts"], assessment_id)
    deliveries = await conn.fetch(_SQL["lock_deliveries"], assessment_id)
    things = [str(assessment_id), *(str(row["id"]) for row in (*jobs, *deliveries))]
    if erasure_id is not None:
        await conn.execute(_SQL["keep_model_calls"], assessment_id, erasure_id)
    counts: dict[str, int] = await conn.fetchval(_SQL["delete_assessment"], assessment_id, things)
    return counts | {"audit_log": await conn.fetchval(_SQL["forget_things"], things, pseudonym)}


async def lock_owner(conn: Connection, person: str) -> None:
    """Waits for starts and submissions of the person, and has others wait, until the transaction ends."""
    await conn.execute(_SQL["lock_owner"], person)


async def forget_person(conn: Connection, erasure: TakenErasure) -> dict[str, int]:
    """The rows that held the person outside of their own assessments, by table; none does any more."""
    shown = display_name(erasure.person)
    counts: dict[str, int] = await conn.fetchval(_SQL["forget_person"], erasure.person, erasure.pseudonym, shown)
    return counts


async def add_counts(conn: Connection, erasure_id: UUID, counts: dict[str, Any]) -> None:
    """Adds to the receipt."""
    await conn.execute(_SQL["add_counts"], erasure_id, counts)


async def complete(conn: Connection, erasure_id: UUID) -> None:
    """Ends an erasure, and forgets whom it erased."""
    await conn.execute(_SQL["complete"], erasure_id)
