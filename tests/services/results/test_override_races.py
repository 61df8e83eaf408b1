"""Overrides at the same time as the fusion of a later run, each other, or a rescore: each of them counts in the end."""

import asyncio
from typing import cast
from uuid import UUID

import pytest

from app.domain.errors import RunInProgress, TransientError
from app.domain.records.jobs import ClaimedJob
from app.repositories.sql import Connection, Executor, Pool
from app.services.jobs import rescore
from app.services.results import override
from app.services.results.fuse import FusionJob
from app.services.results.override import OverriddenResult, ScoreOverride
from app.services.webhooks import registrations as managing
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.held_statement import Gate, interrupted_pool, single_connection_pool
from tests.fakes.unguarded_statements import without_guard
from tests.job_runner import NO_ORIGIN
from tests.scored_assessments import (
    ESSAY_SCORES,
    claimed_fusion,
    completed_assessment,
    essay_score,
    line_of,
    newest_result,
)
from tests.webhooks import SECRET, UNREACHABLE_URL

CROWD = 12
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
WRITE = "INSERT INTO results"
GUARD = "AND a.overrides_version = $7"
UNGUARDED = "AND $7::bigint IS NOT NULL"
EDITIONS = "SELECT run, edition FROM results WHERE assessment_id = $1 ORDER BY run"
AGAIN = {"essay": essay_score("gpt", 20), "essay_two": essay_score("gpt", 20)}


async def override_score(
    pool: Pool, assessment_id: UUID, question_id: UUID, score: float, by: str = "advisor-1"
) -> OverriddenResult:
    question = await override.find_question(pool, assessment_id, question_id)
    return await override.override(pool, assessment_id, ScoreOverride(question, score, "So.", by))


async def start_rescore(conn: Connection, assessment_id: UUID) -> None:
    assert await rescore.rescore(conn, "advisor-1", assessment_id, "So.", 4, NO_ORIGIN)


async def later_fusion(pool: Pool, bank: Bank) -> ClaimedJob:
    """The claimed fusion of a rescore, whose essays have other scores than before."""
    assessment_id = await completed_assessment(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        await start_rescore(conn, assessment_id)
    return await claimed_fusion(pool, bank, assessment_id, AGAIN, run=2)


async def override_in_result(pool: Pool, job: ClaimedJob, bank: Bank) -> float | None:
    """The override of the first essay in the newest result."""
    line = line_of(await newest_result(pool, job.assessment_id), bank.ids["essay"])
    score: float | None = line["override"] and line["override"]["score"]
    return score


async def editions(pool: Pool, assessment_id: UUID) -> list[tuple[int, int]]:
    return [(row["run"], row["edition"]) for row in await pool.fetch(EDITIONS, assessment_id)]


async def overridden_before_the_write(pool: Pool, job: ClaimedJob, bank: Bank, db: Executor) -> None:
    """Runs the fusion; after its read and before its write, the essay is overridden."""
    gate = Gate()
    fusion = asyncio.create_task(FusionJob(interrupted_pool(db, WRITE, gate)).run(job))
    await gate.reached.wait()
    await override_score(pool, job.assessment_id, bank.ids["essay"], 0.7)
    gate.open()
    assert await fusion


async def test_a_fusion_reads_again_if_a_score_was_overridden_since_its_read(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    await overridden_before_the_write(pool, job, bank, pool)
    assert await override_in_result(pool, job, bank) == 0.7
    assert await editions(pool, job.assessment_id) == [(1, 1), (2, 0)]
    essay = (await newest_result(pool, job.assessment_id))["breakdown"]["essay"]
    assert (essay["score"], sorted(line["score"] for line in essay["questions"])) == (1.1, [0.2, 0.4])


async def test_without_the_guard_that_override_is_lost(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    await overridden_before_the_write(pool, job, bank, without_guard(pool, GUARD, UNGUARDED))
    assert await override_in_result(pool, job, bank) is None


async def written_while_held(pool: Pool, job: ClaimedJob, bank: Bank, db: Executor) -> None:
    """Runs the fusion so that its write waits for an override that is not committed yet."""
    async with pool.acquire() as conn, conn.transaction():
        await override.override(single_connection_pool(conn), job.assessment_id, await score_override(pool, job, bank))
        fusion = asyncio.create_task(FusionJob(cast(Pool, db)).run(job))
        await until(lambda: pool.fetchval(WAITING))
    assert await fusion


async def score_override(pool: Pool, job: ClaimedJob, bank: Bank) -> ScoreOverride:
    question = await override.find_question(pool, job.assessment_id, bank.ids["essay"])
    return ScoreOverride(question, 0.7, "So.", "advisor-1")


async def test_a_fusion_that_waited_for_an_override_counts_it(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    await written_while_held(pool, job, bank, pool)
    assert (await override_in_result(pool, job, bank), await editions(pool, job.assessment_id)) == (
        0.7,
        [(1, 1), (2, 0)],
    )


async def test_without_the_guard_that_override_is_lost_too(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    await written_while_held(pool, job, bank, without_guard(pool, GUARD, UNGUARDED))
    assert await override_in_result(pool, job, bank) is None


async def test_an_override_that_waited_for_a_fusion_fuses_its_result_again(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    async with pool.acquire() as conn, conn.transaction():
        assert await FusionJob(cast(Pool, conn)).run(job)
        overriding = asyncio.create_task(override_score(pool, job.assessment_id, bank.ids["essay"], 0.7))
        await until(lambda: pool.fetchval(WAITING))
    assert (await overriding).changed
    assert (await override_in_result(pool, job, bank), await editions(pool, job.assessment_id)) == (
        0.7,
        [(1, 0), (2, 1)],
    )
    assert (await newest_result(pool, job.assessment_id))["breakdown"]["essay"]["score"] == 1.1


async def test_a_fusion_that_is_always_too_late_fails_with_a_transient_error(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    scores = iter(range(100))

    async def override_again() -> None:
        await override_score(pool, job.assessment_id, bank.ids["essay"], next(scores) / 100)

    with pytest.raises(TransientError, match="scores_overridden"):
        await FusionJob(interrupted_pool(pool, WRITE, override_again)).run(job)
    assert (await editions(pool, job.assessment_id), next(scores)) == ([(1, 5)], 5)
    assert await FusionJob(pool).run(job)
    assert await override_in_result(pool, job, bank) == 0.04


async def test_a_fusion_that_lost_its_lease_writes_nothing(pool: Pool, bank: Bank) -> None:
    job = await later_fusion(pool, bank)
    await override_score(pool, job.assessment_id, bank.ids["essay"], 0.7)
    await pool.execute("UPDATE async_jobs SET fence = fence + 1 WHERE id = $1", job.id)
    assert await FusionJob(pool).run(job) is None
    assert await editions(pool, job.assessment_id) == [(1, 1)]


async def test_of_simultaneous_overrides_each_counts_and_the_newest_of_a_question_is_shown(
    pool: Pool, bank: Bank
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    names = ("essay", "right", "several")
    await asyncio.gather(
        *(override_score(pool, assessment_id, bank.ids[names[n % 3]], 0.5, f"advisor-{n}") for n in range(CROWD))
    )
    rows = await pool.fetch("SELECT DISTINCT ON (question_id) * FROM score_overrides ORDER BY question_id, id DESC")
    result = await newest_result(pool, assessment_id)
    shown = {row["question_id"]: line_of(result, row["question_id"])["override"]["by"] for row in rows}
    assert shown == {row["question_id"]: row["actor"] for row in rows}
    assert len(shown) == 3
    assert await pool.fetchval("SELECT overrides_version FROM assessments") == CROWD
    assert await editions(pool, assessment_id) == [(1, CROWD)]
    deliveries = await pool.fetch("SELECT edition FROM webhook_deliveries WHERE event_type = 'assessment.rescored'")
    assert sorted(row["edition"] for row in deliveries) == list(range(1, CROWD + 1))


async def test_equal_simultaneous_overrides_are_stored_once(pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    results = await asyncio.gather(*(override_score(pool, assessment_id, bank.ids["essay"], 0.5) for _ in range(CROWD)))
    assert sum(result.changed for result in results) == 1
    assert len({result.view.model_dump_json() for result in results}) == 1
    assert await editions(pool, assessment_id) == [(1, 1)]


@pytest.mark.parametrize("override_first", [True, False])
async def test_an_override_and_a_rescore_wait_for_each_other_and_both_count(
    pool: Pool, bank: Bank, override_first: bool
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    essay = bank.ids["essay"]

    async def rescored() -> None:
        async with pool.acquire() as other, other.transaction():
            await start_rescore(other, assessment_id)

    async with pool.acquire() as conn, conn.transaction():
        if override_first:
            question = await override.find_question(pool, assessment_id, essay)
            await override.override(
                single_connection_pool(conn), assessment_id, ScoreOverride(question, 0.7, "So.", "advisor-1")
            )
            second: asyncio.Task[object] = asyncio.create_task(rescored())
        else:
            await start_rescore(conn, assessment_id)
            second = asyncio.create_task(override_score(pool, assessment_id, essay, 0.7))
        await until(lambda: pool.fetchval(WAITING))
    await second
    assert await editions(pool, assessment_id) == [(1, 1)]
    job = await claimed_fusion(pool, bank, assessment_id, AGAIN, run=2)
    assert await FusionJob(pool).run(job) and await override_in_result(pool, job, bank) == 0.7


async def test_of_simultaneous_rescores_one_starts_a_run(pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank, essays=ESSAY_SCORES)

    async def refused() -> type[Exception] | None:
        try:
            async with pool.acquire() as conn, conn.transaction():
                await start_rescore(conn, assessment_id)
        except RunInProgress as error:
            return type(error)
        return None

    ends = await asyncio.gather(*(refused() for _ in range(CROWD)))
    assert sorted(map(str, ends)) == sorted(["None", *[str(RunInProgress)] * (CROWD - 1)])
    assert await pool.fetchval("SELECT count(*) FROM async_jobs") == 6
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'rescore'") == 1
