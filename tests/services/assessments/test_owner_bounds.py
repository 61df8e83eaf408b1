"""The bounds for one owner hold exactly, however many requests come at the same moment: what waits for the lock of the
owner sees what was committed meanwhile. The controls count without the lock, and exceed the bound."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.domain.assessment.questions import ProfileInput
from app.domain.assessment.tracks import QuestionMix, TrackBody
from app.domain.errors import OwnerStartLimit, OwnerSubmissionLimit
from app.domain.idempotency import IdempotencyKey, StoredReply
from app.repositories import assessments, idempotency, questions, tracks
from app.repositories.sql import Connection, Executor, Pool
from app.services.assessments import start
from app.services.assessments.submit import SubmissionLimits, Submitter
from tests.bank import profile
from tests.fakes.conditions import until
from tests.fakes.unguarded_statements import without_guard
from tests.job_runner import NO_KEY, NO_ORIGIN, access_of_student

OWNER = "student-1"
RACERS = 20
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
_T = TypeVar("_T")


async def create_tracks(pool: Pool, count: int) -> list[str]:
    """The slugs of tracks with one question each."""
    slugs = [f"track-{number}" for number in range(count)]
    for slug in slugs:
        track = await tracks.create(pool, TrackBody(slug=slug, name=slug, question_mix=QuestionMix(profile=1)))
        await questions.create(pool, uuid4(), track.id, profile(ProfileInput.TEXT))
    return slugs


async def start_all(pool: Pool, slugs: list[str]) -> list[UUID]:
    async with pool.acquire() as conn:
        return [(await start.start(conn, OWNER, slug, 3600, 10_000))[0].id for slug in slugs]


async def submit(db: Executor, assessment_id: UUID, most: int) -> None:
    access, submitter = access_of_student(OWNER), Submitter(db, SubmissionLimits(10_000, most, 4))  # type: ignore[arg-type]
    draft = await submitter.read_draft(assessment_id, access, NO_KEY)
    await submitter.submit(draft, access, NO_KEY, [], NO_ORIGIN)


async def count_waiting(pool: Pool) -> int:
    count: int = await pool.fetchval("SELECT count(*) FROM assessments WHERE status = 'submitted'")
    return count


async def race(pool: Pool, first: Callable[[Connection], Awaitable[_T]], second: Callable[[], Awaitable[_T]]) -> _T:
    """What `second` returns, which begins while the transaction of `first` is not committed yet."""
    async with pool.acquire() as conn, conn.transaction():
        await first(conn)
        following = asyncio.ensure_future(second())

        async def over_or_waits() -> bool:
            return following.done() or await pool.fetchval(BLOCKED) == 1

        await until(over_or_waits)
    return await following


async def test_of_many_submissions_at_once_as_many_wait_as_may(pool: Pool) -> None:
    assessment_ids = await start_all(pool, await create_tracks(pool, RACERS))
    outcomes = await asyncio.gather(*(submit(pool, each, 5) for each in assessment_ids), return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 5 == await count_waiting(pool)
    assert {type(outcome) for outcome in outcomes if outcome} == {OwnerSubmissionLimit}
    untouched = "SELECT count(*) FROM assessments WHERE status = 'in_progress' AND revision = 1"
    assert await pool.fetchval(untouched) == RACERS - 5
    assert await pool.fetchval("SELECT count(*) FROM async_jobs") == 15


async def test_a_submission_that_waits_for_another_counts_it(pool: Pool) -> None:
    one, other = await start_all(pool, await create_tracks(pool, 2))
    with pytest.raises(OwnerSubmissionLimit):
        await race(pool, lambda conn: submit(conn, one, 1), lambda: submit(pool, other, 1))
    assert await count_waiting(pool) == 1


async def test_without_the_lock_one_submission_too_many_waits(pool: Pool) -> None:
    one, other = await start_all(pool, await create_tracks(pool, 2))
    unlocked = without_guard(
        pool,
        "lock_owner(CASE WHEN key_lock.free THEN $18::text END, $19, 0, $20) AS counted",
        "(SELECT count(*) AS waiting, 0 * $20::int AS keys FROM assessments WHERE owner = $18::text "
        "AND status = 'submitted') AS counted",
    )
    await race(pool, lambda conn: submit(conn, one, 1), lambda: submit(unlocked, other, 1))
    assert await count_waiting(pool) == 2


async def begin(db: Executor, slug: str, most: int) -> UUID:
    return (await start.start(db, OWNER, slug, 3600, most))[0].id  # type: ignore[arg-type]


async def begin_in_pool(pool: Pool, slug: str, most: int) -> UUID:
    async with pool.acquire() as conn, conn.transaction():
        return await begin(conn, slug, most)


async def test_of_many_starts_at_once_as_many_succeed_as_may(pool: Pool) -> None:
    slugs = await create_tracks(pool, RACERS)
    outcomes = await asyncio.gather(*(begin_in_pool(pool, slug, 7) for slug in slugs), return_exceptions=True)
    assert sum(isinstance(outcome, UUID) for outcome in outcomes) == 7
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 7


async def test_a_start_that_waits_for_another_counts_it(pool: Pool) -> None:
    one, other = await create_tracks(pool, 2)
    with pytest.raises(OwnerStartLimit):
        await race(pool, lambda conn: begin(conn, one, 1), lambda: begin_in_pool(pool, other, 1))


async def test_the_same_start_twice_resumes_the_last_permitted_one(pool: Pool) -> None:
    (slug,) = await create_tracks(pool, 1)
    resumed = await race(pool, lambda conn: begin(conn, slug, 1), lambda: begin_in_pool(pool, slug, 1))
    assert await pool.fetchval("SELECT id FROM assessments") == resumed


async def test_without_the_lock_a_start_does_not_count_the_other(pool: Pool) -> None:
    (slug,) = await create_tracks(pool, 1)
    unlocked = without_guard(
        pool,
        "FROM lock_owner($1, 0, $2, 0)",
        "FROM (SELECT max(created_at) AS next_start_at FROM assessments WHERE owner = $1 AND $2::int = 1) AS counted",
    )

    async def is_permitted(db: Executor) -> bool:
        return await assessments.lock_owner_to_start(db, OWNER, 1) is None  # type: ignore[arg-type]

    async def start_one(conn: Connection) -> bool:
        return bool(await begin(conn, slug, 1))

    assert await race(pool, start_one, lambda: is_permitted(unlocked))
    assert not await is_permitted(pool)


async def store(db: Executor, name: str, most: int) -> bool:
    key = IdempotencyKey(OWNER, "/assessments", name)
    return await idempotency.store(db, key, StoredReply(201, b"{}", None, b"\x00"), 60, most)


async def test_a_key_that_waits_for_another_counts_it(pool: Pool) -> None:
    assert not await race(pool, lambda conn: store(conn, "one", 1), lambda: store(pool, "other", 1))
    assert await pool.fetchval("SELECT array_agg(key) FROM idempotency_keys") == ["one"]


async def test_without_the_lock_one_key_too_many_is_kept(pool: Pool) -> None:
    unlocked = "(SELECT count(*) AS keys FROM idempotency_keys WHERE owner = $1) AS counted"
    statement = without_guard(pool, "lock_owner($1, 0, 0, $9) AS counted", unlocked)
    assert await race(pool, lambda conn: store(conn, "one", 1), lambda: store(statement, "other", 1))
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 2


async def test_owners_do_not_wait_for_each_other(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await conn.fetchrow("SELECT lock_owner($1, 1, 1, 1)", OWNER)
        async with asyncio.timeout(20):
            assert await pool.fetchval("SELECT waiting FROM lock_owner('student-2', 1, 1, 1)") == 0
        with pytest.raises(asyncpg.LockNotAvailableError):
            async with pool.acquire() as other, other.transaction():
                await other.execute("SET LOCAL lock_timeout = 10")
                await other.fetchval("SELECT waiting FROM lock_owner($1, 1, 1, 1)", OWNER)
