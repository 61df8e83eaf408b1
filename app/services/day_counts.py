"""Counting whole days for the analytics."""

from app.repositories import day_counts
from app.repositories.sql import Pool

# How long a day has ended before it is counted: no transaction that began on it lasts as long (migration 0042).
GRACE_SECONDS = 3600.0


async def count_next_day(pool: Pool, grace_seconds: float = GRACE_SECONDS) -> int:
    """Counts the newest day that was not counted yet or has changed since; returns 0 if there is none, or if another
    worker counts."""
    async with pool.acquire() as conn, conn.transaction():
        if not await day_counts.try_lock(conn):
            return 0
        day = await day_counts.next_day(conn, grace_seconds)
        if day is None:
            return 0
        # The changes first: what is committed later is noted again, and what was committed before is counted below.
        await day_counts.take_changes(conn, day)
        await day_counts.forget_counts(conn, day)
        await day_counts.count_assessments(conn, day)
        await day_counts.count_scores(conn, day)
        await day_counts.count_model_calls(conn, day)
        await day_counts.count_feedback(conn, day)
        await day_counts.record(conn, day)
    return 1
