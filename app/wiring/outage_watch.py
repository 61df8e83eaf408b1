"""Says in the log when an outage is over, and at the start of a process whether migrations are missing."""

import asyncio
from typing import NoReturn

from app.clients.redis.job_queue import REDIS_UNAVAILABLE, JobQueue
from app.domain.text import count_of
from app.outages import DATABASE, REDIS, SCHEMA, report_database_error
from app.repositories.migrations import applied_migrations, is_read_only, known_migrations
from app.repositories.sql import DATABASE_UNAVAILABLE, Pool

_SECONDS = 2.0


class _MissingMigrations(Exception):
    """The schema is older than this version."""


class _ReadOnly(Exception):
    """Nothing can be written."""


async def watch_outages(pool: Pool, queue: JobQueue) -> NoReturn:
    """Checks the schema once, and then asks a server only while it is known to be unavailable."""
    await _check_database(pool)
    while True:
        await asyncio.sleep(_SECONDS)
        if DATABASE.is_ongoing or SCHEMA.is_ongoing:
            await _check_database(pool)
        if REDIS.is_ongoing:
            await _check_redis(queue)


async def _check_database(pool: Pool) -> None:
    try:
        read_only = await is_read_only(pool)
        applied = await applied_migrations(pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "outage watch")
        return
    if read_only:
        DATABASE.report(_ReadOnly("the database is read-only"), "outage watch")
    else:
        DATABASE.record_success()
    missing = len(known_migrations() - applied)
    if missing:
        SCHEMA.report(_MissingMigrations(f"{count_of(missing, 'migration')} missing"), "outage watch")
    else:
        SCHEMA.record_success()


async def _check_redis(queue: JobQueue) -> None:
    try:
        await queue.check_writable()
    except REDIS_UNAVAILABLE as error:
        REDIS.report(error, "outage watch")
    else:
        REDIS.record_success()
