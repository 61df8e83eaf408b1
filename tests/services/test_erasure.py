"""Erasing a person: nothing is left of them in any table, whatever else happens at that moment."""

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import NotFound
from app.domain.job.notification import JobNotification
from app.domain.records.erasures import ErasureRecord
from app.domain.states import ErasureStatus, JobStatus, JobType
from app.repositories import jobs, scores
from app.repositories.sql import Pool
from app.services import erasure
from tests.bank import ESSAY, Bank
from tests.dead_letters import fail_job, retry
from tests.fakes.conditions import until
from tests.job_runner import claim_job, submit
from tests.scored_assessments import completed_assessment, newest_result
from tests.services.person_with_everything import COMMENT, OTHER, SUB, everything, give_feedback
from tests.webhooks import attempts, insert_delivery

# Tables in which nothing is of a person, and why.
NOT_OF_PEOPLE = {
    "tracks", "questions", "question_versions", "credentials", "credential_versions", "passages", "passage_vectors",
    "embedding_space", "model_budget", "model_call_counts", "healing_turn", "webhook_subscriptions",
    "workers", "skill_aliases",
    # Counts, made again without an assessment that was erased: `test_day_counts.py`.
    "counted_days", "changed_days", "daily_assessments", "daily_scores", "daily_model_calls", "daily_call_times",
    "daily_feedback",
}  # fmt: skip
# Tables that hold people but no assessments, each with its statement in erasures.sql.
OF_PEOPLE = {
    "audit_log",
    "api_keys",
    "idempotency_keys",
    "owner_budget",
    "erasures",
    "erasure_model_calls",
    "model_calls",
    "sessions",
}
BELONGS_TO_ASSESSMENTS = """
WITH RECURSIVE tree(child) AS (
    SELECT 'assessments'::regclass
    UNION SELECT c.conrelid::regclass FROM pg_constraint c JOIN tree ON c.confrelid = tree.child WHERE c.contype = 'f'
)
SELECT child::text FROM tree
"""
TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[JobQueue]:
    redis = job_queue.connect(redis_url)
    yield JobQueue(redis)
    await redis.aclose()


async def erase(pool: Pool, queue: JobQueue, person: str = SUB) -> ErasureRecord:
    """The completed erasure of the person."""
    requested = await erasure.request_erasure(pool, "admin-1", person)

    async def completed() -> bool:
        while await erasure.erase_next(pool, queue):
            pass
        return (await erasure.find_erasure(pool, requested.erasure_id)).status is ErasureStatus.COMPLETED

    await until(completed)
    return await erasure.find_erasure(pool, requested.erasure_id)


async def found_in_tables(pool: Pool, *texts: str) -> list[str]:
    """The rows that contain one of these texts, in any column of any table."""
    matches = []
    for table in [row["relname"] for row in await pool.fetch(TABLES)]:
        rows = await pool.fetch(f'SELECT to_jsonb(t)::text AS row FROM "{table}" t')  # noqa: S608  (a table's name)
        matches += [f"{table}: {row['row']}" for row in rows for text in texts if text in row["row"]]
    return matches


async def test_nothing_is_left_of_a_person_who_did_everything(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    left = await everything(pool, bank)
    for text in left:
        assert await found_in_tables(pool, text), text
    await queue.notify([JobNotification(uuid4(), JobType.GPT, 0, SUB)])
    costs = await pool.fetchval("SELECT sum(cost_usd) FROM model_calls")
    lines = await pool.fetchval("SELECT count(*) FROM audit_log")
    done = await erase(pool, queue)
    assert await found_in_tables(pool, *left) == []
    # What a model was sent for them is in the receipt, and its costs go on counting.
    assert (done.status, done.completed_at is not None) == (ErasureStatus.COMPLETED, True)
    assert [(call.provider, call.model, call.tokens_in) for call in done.sent_to_models] == [("api.example", "m", 70)]
    assert done.counts.items() >= {
        "assessments": 2, "responses": 20, "async_jobs": 6, "webhook_deliveries": 1, "webhook_attempts": 1,
        "feedback": 2, "score_overrides": 4, "appeals": 2, "model_calls": 1, "essay_healing": 1, "owner_budget": 1,
        "api_keys": 1, "idempotency_keys": 2, "review_items": 1, "review_reservations": 2, "sessions": 1,
    }.items()  # fmt: skip
    assert await pool.fetchval("SELECT sum(cost_usd) FROM model_calls") == costs
    # The log has all its lines and one more, the person under one pseudonym, nobody else changed.
    actors = [row["actor"] for row in await pool.fetch("SELECT actor FROM audit_log ORDER BY id")]
    assert len(actors) == lines + 1
    [pseudonym] = {actor for actor in actors if actor.startswith("erased-")}
    assert await pool.fetchval("SELECT author FROM feedback") == pseudonym
    assert await pool.fetchval("SELECT actor FROM score_overrides") == pseudonym
    assert await pool.fetchval("SELECT answered_by FROM appeals") == pseudonym
    other = await pool.fetchval("SELECT id FROM assessments WHERE owner = $1", OTHER)
    assert f'"by": "{pseudonym}"' in json.dumps(await newest_result(pool, other))


async def test_every_table_is_known_to_the_erasure(pool: Pool) -> None:
    tables = {row["relname"] for row in await pool.fetch(TABLES) if "yoyo" not in row["relname"]}
    of_assessments = {row["child"] for row in await pool.fetch(BELONGS_TO_ASSESSMENTS)}
    assert tables == of_assessments | NOT_OF_PEOPLE | OF_PEOPLE


async def test_a_pseudonym_cannot_be_computed_again(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    pseudonyms = set()
    for _ in range(2):
        others = await completed_assessment(pool, bank, f"student-{uuid4()}")
        await give_feedback(pool, others, SUB)
        await erase(pool, queue)
        pseudonyms |= {row["author"] for row in await pool.fetch("SELECT author FROM feedback")}
    assert len(pseudonyms) == 2
    assert await pool.fetchval("SELECT count(*) FROM erasures WHERE person IS NOT NULL OR person_key IS NOT NULL") == 0


async def test_erasing_twice_is_one_erasure_while_it_is_pending(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    await submit(pool, bank, SUB)
    ids = {
        requested.erasure_id
        for requested in await asyncio.gather(*(erasure.request_erasure(pool, "admin-1", SUB) for _ in range(10)))
    }
    assert len(ids) == 1
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'erase'") == 1
    assert (await erase(pool, queue)).counts["assessments"] == 1
    with pytest.raises(NotFound):
        await erasure.request_erasure(pool, "admin-1", SUB)
    with pytest.raises(NotFound):
        await erasure.find_erasure(pool, uuid4())
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'erase'") == 1


async def test_workers_share_the_work_and_erase_nobody_else(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    people = [f"person-{number}" for number in range(4)]
    for person in people:
        await submit(pool, bank, person)
        await completed_assessment(pool, bank, person)
        await erasure.request_erasure(pool, "admin-1", person)
    kept = await completed_assessment(pool, bank, OTHER)

    async def worker() -> None:
        for _ in range(40):
            await erasure.erase_next(pool, queue)

    await asyncio.gather(*(worker() for _ in range(4)))
    assert [row["id"] for row in await pool.fetch("SELECT id FROM assessments")] == [kept]
    assert await pool.fetchval("SELECT count(*) FROM erasures WHERE status = 'pending'") == 0
    counts = await pool.fetch("SELECT (counts ->> 'assessments')::int AS n FROM erasures")
    assert [row["n"] for row in counts] == [2] * 4


async def test_a_running_job_ends_without_leaving_anything(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    assessment_id = await submit(pool, bank, SUB)
    job = await claim_job(pool, assessment_id, JobType.GPT)
    await erase(pool, queue)
    # Whatever the worker still writes: the call that it has paid for, a renewal, the end.
    call = scores.ModelCall(
        assessment_id=assessment_id, run=1, question_id=bank.ids["essay"], fingerprint=b"f", provider="p", model="m",
        prompt_version="p", outcome="answered", latency_ms=5, tokens_in=70, tokens_out=7, cost_usd=0.25, answer=ESSAY,
        provider_message=COMMENT,
    )  # fmt: skip
    await scores.record_model_call(pool, call)
    assert not await jobs.renew(pool, job, 15)
    assert await jobs.finish(pool, job, JobStatus.COMPLETED, None, None, []) is None
    assert await jobs.claim(pool, job.id, 15) is None
    assert await found_in_tables(pool, str(assessment_id), str(job.id), ESSAY[:30], COMMENT) == []
    assert float(await pool.fetchval("SELECT sum(cost_usd) FROM model_calls")) == 0.25


async def test_jobs_are_claimed_and_ended_while_their_person_is_erased(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    for round_number in range(10):
        assessment_id = await submit(pool, bank, SUB)
        ids = [row["id"] for row in await pool.fetch("SELECT id FROM async_jobs WHERE job_type <> 'fusion'")]

        async def work(job: UUID) -> None:
            claimed = await jobs.claim(pool, job, 15)
            if claimed:
                await jobs.finish(pool, claimed, JobStatus.COMPLETED, None, None, [])

        erasing = asyncio.create_task(erase(pool, queue))
        await asyncio.gather(*(work(job) for job in ids))
        assert (await erasing).status is ErasureStatus.COMPLETED, round_number
        assert await found_in_tables(pool, SUB, str(assessment_id)) == []


async def test_a_retry_at_the_same_moment_is_refused_or_erased(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    for _ in range(5):
        assessment_id = await submit(pool, bank, SUB)
        failed = await fail_job(pool, assessment_id, JobType.GPT)
        _, retried = await asyncio.gather(erase(pool, queue), retry(pool, failed), return_exceptions=True)
        assert not isinstance(retried, BaseException) or isinstance(retried, NotFound), retried
        assert await found_in_tables(pool, SUB, str(assessment_id), str(failed)) == []


async def test_old_assessments_are_erased_by_all_workers_at_once(pool: Pool, bank: Bank) -> None:
    old = [await completed_assessment(pool, bank, f"person-{number}") for number in range(6)]
    await pool.execute("UPDATE assessments SET created_at = now() - interval '31 days'")
    kept = await completed_assessment(pool, bank, OTHER)
    erased: list[int] = []

    async def all_erased() -> bool:
        erased.extend(await asyncio.gather(*(erasure.erase_old(pool, 30) for _ in range(3))))
        return sum(erased) == len(old)

    await until(all_erased)
    assert await erasure.erase_old(pool, 30) == 0
    assert await found_in_tables(pool, *map(str, old)) == []
    assert [row["id"] for row in await pool.fetch("SELECT id FROM assessments")] == [kept]


async def test_no_attempts_are_left_of_another_delivery(pool: Pool, bank: Bank, queue: JobQueue) -> None:
    kept = await submit(pool, bank, OTHER)
    await insert_delivery(pool, kept)
    await submit(pool, bank, SUB)
    await erase(pool, queue)
    assert await attempts(pool, kept) == []
    assert await pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 1
