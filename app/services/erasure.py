"""Erasing people, and what is older than it may be kept: in batches, by all workers at once."""

import random
import secrets
from contextlib import suppress
from uuid import UUID, uuid4

import structlog

from app.clients.redis.job_queue import JobQueue
from app.domain.errors import NotFound
from app.domain.records.erasures import ErasureRecord, StoredOfPerson
from app.domain.states import AuditAction, AuditEntity
from app.repositories import audit, erasures, people
from app.repositories.sql import Executor, Pool

log = structlog.get_logger()

_KEY_BYTES = 32
# Assessments that one run of a worker erases because of their age.
_OLD_BATCH = 50
# In the place of the ids of old assessments, of which it is not known any more whose they were.
_OLD = "erased"


async def count_stored(db: Executor, person: str) -> StoredOfPerson:
    """How much is stored of the person, and would be erased or made anonymous.

    Raises:
        NotFound: nothing.
    """
    await people.check_stored(db, person)
    return await people.count_stored(db, person)


async def request_erasure(pool: Pool, actor: str, person: str) -> ErasureRecord:
    """The erasure of the person, which the workers carry out; the one that is pending, if there is one.

    Raises:
        NotFound: nothing is stored of the person.
    """
    async with pool.acquire() as conn, conn.transaction():
        # Another request, and the end of an erasure, are over before the next statement, or wait for this one.
        await erasures.lock_owner(conn, person)
        erasure_id = await erasures.find_pending(conn, person)
        if erasure_id is None:
            await people.check_stored(conn, person)
            erasure_id, is_new = await erasures.request(conn, uuid4(), person, secrets.token_bytes(_KEY_BYTES))
            if is_new:
                # Without a name, by which the line would have to be changed again.
                await audit.record(conn, actor, AuditAction.ERASE, AuditEntity.PERSON, str(erasure_id))
        return await find_erasure(conn, erasure_id)


async def find_erasure(db: Executor, erasure_id: UUID) -> ErasureRecord:
    """The erasure.

    Raises:
        NotFound: there is none of this id.
    """
    erasure = await erasures.find(db, erasure_id)
    if erasure is None:
        raise NotFound("there is no such erasure")
    return erasure


async def erase_next(pool: Pool, job_queue: JobQueue | None, erasure_id: UUID | None = None) -> int:
    """Erases one assessment of a person whose erasure is pending, or what is left after the last; returns how much was
    done (0: nothing is pending, or others write to it at this moment). The others take over from a worker that dies.
    With an `erasure_id`, works on this one alone; without a `job_queue`, Redis keeps a hash of the person for a while.

    Raises:
        RedisError, OSError, TimeoutError: Redis or Postgres is unavailable.
    """
    with suppress(*erasures.LOCKED):
        return await _erase_next(pool, job_queue, erasure_id)
    return 0


async def _erase_next(pool: Pool, job_queue: JobQueue | None, erasure_id: UUID | None) -> int:
    async with pool.acquire() as conn, conn.transaction():
        erasure = await erasures.take(conn, erasure_id)
        if erasure is None:
            return 0
        assessment_id = await erasures.next_assessment(conn, erasure.person)
        if assessment_id is None:
            await erasures.lock_owner(conn, erasure.person)
            # One that was started until the lock was there.
            assessment_id = await erasures.next_assessment(conn, erasure.person)
        if assessment_id is not None:
            counts = await erasures.delete_assessment(conn, assessment_id, erasure.pseudonym, erasure.id)
            await erasures.add_counts(conn, erasure.id, counts or {})
            return 1
        await erasures.add_counts(conn, erasure.id, await erasures.forget_person(conn, erasure))
        if job_queue is not None:
            await job_queue.forget_owner(erasure.person)
        await erasures.complete(conn, erasure.id)
    log.info("person_erased", erasure_id=str(erasure.id))
    return 1


async def erase_old(pool: Pool, days: int) -> int:
    """Erases a batch of assessments that were started more than so many days ago; returns how many. Workers take them
    in different orders, so that they seldom wait for each other."""
    erased = 0
    old = await erasures.list_old(pool, days, _OLD_BATCH)
    for assessment_id in random.sample(old, len(old)):
        with suppress(*erasures.LOCKED):
            async with pool.acquire() as conn, conn.transaction():
                erased += await erasures.delete_assessment(conn, assessment_id, _OLD, None) is not None
    if erased:
        log.info("old_assessments_erased", count=erased)
    return erased
