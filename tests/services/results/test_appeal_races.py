"""Appeals and answers at the same time: one of each counts."""

import asyncio
from uuid import UUID

from app.domain.errors import AlreadyAppealed, AppealAnswered, Forbidden
from app.domain.states import AppealDecision
from app.repositories.sql import Pool
from app.services.results import appeals, override
from app.services.results.appeals import AppealAnswer
from app.services.results.fuse import FusionJob
from app.services.results.override import ScoreOverride
from app.services.webhooks import registrations
from tests.appeals import REPLY, make_appeal
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.held_statement import single_connection_pool
from tests.scored_assessments import claimed_fusion, completed_assessment, line_of, newest_result
from tests.services.results.test_override_races import start_rescore
from tests.webhooks import SECRET, UNREACHABLE_URL

CROWD = 12
WAITING = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
EVENTS = "SELECT event_type FROM webhook_deliveries ORDER BY event_type"


def changed(score: float, by: str = "advisor-1") -> AppealAnswer:
    return AppealAnswer(by, AppealDecision.CHANGED, REPLY, score)


async def listening_assessment(pool: Pool, bank: Bank) -> UUID:
    """A completed assessment with a webhook that has no messages yet."""
    assessment_id = await completed_assessment(pool, bank)
    await registrations.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    await pool.execute("DELETE FROM webhook_deliveries")
    return assessment_id


async def events(pool: Pool) -> list[str]:
    return [row["event_type"].removeprefix("assessment.") for row in await pool.fetch(EVENTS)]


async def test_of_simultaneous_appeals_of_a_question_one_counts(pool: Pool, bank: Bank) -> None:
    assessment_id = await listening_assessment(pool, bank)
    questions = [bank.ids["essay"], bank.ids["right"]] * CROWD
    ends = await asyncio.gather(
        *(make_appeal(pool, assessment_id, question) for question in questions), return_exceptions=True
    )
    assert sum(isinstance(end, AlreadyAppealed) for end in ends) == 2 * CROWD - 2
    assert await pool.fetchval("SELECT count(*) FROM appeals") == 2
    assert await events(pool) == ["appealed", "appealed"]


async def test_an_answer_that_waited_for_another_is_refused(pool: Pool, bank: Bank) -> None:
    assessment_id = await listening_assessment(pool, bank)
    appeal_id = (await make_appeal(pool, assessment_id, bank.ids["essay"])).appeal.appeal_id
    async with pool.acquire() as conn, conn.transaction():
        await appeals.answer(single_connection_pool(conn), appeal_id, changed(0.5))
        second = asyncio.create_task(appeals.answer(pool, appeal_id, changed(0.9, "advisor-2")))
        await until(lambda: pool.fetchval(WAITING))
    (end,) = await asyncio.gather(second, return_exceptions=True)
    assert isinstance(end, AppealAnswered), end
    line = line_of(await newest_result(pool, assessment_id), bank.ids["essay"])
    assert (line["override"]["score"], line["override"]["by"]) == (0.5, "advisor-1")
    assert await events(pool) == ["appeal_answered", "appealed", "rescored"]


async def test_of_a_crowd_of_answers_one_counts(pool: Pool, bank: Bank) -> None:
    assessment_id = await listening_assessment(pool, bank)
    appeal_id = (await make_appeal(pool, assessment_id, bank.ids["essay"])).appeal.appeal_id
    new = [changed(0.5 + n / 100, f"advisor-{n}") for n in range(CROWD)]
    new += [AppealAnswer(f"admin-{n}", AppealDecision.UPHELD, REPLY) for n in range(CROWD)]
    ends = await asyncio.gather(*(appeals.answer(pool, appeal_id, answer) for answer in new), return_exceptions=True)
    assert sum(isinstance(end, AppealAnswered) for end in ends) == 2 * CROWD - 1
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'answer'") == 1
    assert (await events(pool)).count("appeal_answered") == 1
    assert await pool.fetchval("SELECT count(*) FROM review_items") == 0


async def test_an_override_at_the_same_time_is_not_lowered(pool: Pool, bank: Bank) -> None:
    """Nor may whoever made it answer any more."""
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    appeal_id = (await make_appeal(pool, assessment_id, essay)).appeal.appeal_id
    question = await override.find_question(pool, assessment_id, essay)
    async with pool.acquire() as conn, conn.transaction():
        raised = ScoreOverride(question, 0.9, "So.", "advisor-1")
        await override.override(single_connection_pool(conn), assessment_id, raised)
        answers = [
            asyncio.create_task(appeals.answer(pool, appeal_id, changed(0.5, by))) for by in ("advisor-1", "advisor-2")
        ]
        await conn.execute(
            "INSERT INTO audit_log (actor, action, entity, key) VALUES ('advisor-2', 'override', 'score', 'x')"
        )
        await until(lambda: pool.fetchval("SELECT count(*) = 2 FROM pg_locks WHERE NOT granted"))
    ends = await asyncio.gather(*answers, return_exceptions=True)
    assert isinstance(ends[0], Forbidden), ends
    assert "never lowers a score: 0.9 points count today" in str(getattr(ends[1], "errors", ends[1]))
    assert await pool.fetchval("SELECT status FROM appeals") == "open"


async def test_a_fusion_that_waited_for_an_answer_counts_it(pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    appeal_id = (await make_appeal(pool, assessment_id, essay)).appeal.appeal_id
    async with pool.acquire() as conn, conn.transaction():
        await start_rescore(conn, assessment_id)
    job = await claimed_fusion(pool, bank, assessment_id, run=2)
    async with pool.acquire() as conn, conn.transaction():
        await appeals.answer(single_connection_pool(conn), appeal_id, changed(0.9))
        fusion = asyncio.create_task(FusionJob(pool).run(job))
        await until(lambda: pool.fetchval(WAITING))
    assert await fusion
    assert line_of(await newest_result(pool, assessment_id), essay)["override"]["score"] == 0.9
    assert not await pool.fetchval("SELECT needs_review FROM assessments")
