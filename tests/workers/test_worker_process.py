"""Worker processes finish submissions, stop on SIGTERM, and are replaced when they die."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.errors import PermanentError
from app.domain.essay.prompt import PROMPT_VERSION
from app.domain.job.notification import JobNotification
from app.domain.states import QUEUES, JobStatus, JobType
from app.local.embedded import EmbeddedValkey
from app.repositories import jobs
from app.repositories.sql import Pool
from app.services.worker_presence import list_alive
from tests.bank import Bank
from tests.fakes.advisor_answers import advice
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, hang, scores
from tests.job_runner import claim_job, job_id, submit
from tests.scored_assessments import newest_result
from tests.workers.conftest import StartWorker

SECONDS = 60.0


def by_model(provider: ModelServer) -> dict[str, str]:
    """Settings of a worker whose essays the provider's model scores."""
    return {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.url, "OPENAI_MODEL": "gpt-test"}


async def notify(redis_url: str, *job_ids: UUID) -> None:
    queue = JobQueue(job_queue.connect(redis_url))
    await queue.notify([JobNotification(job, JobType.GPT, 0) for job in job_ids])
    await queue.redis.aclose()


async def until_completed(pool: Pool, assessment_id: UUID) -> None:
    done = "SELECT status = 'completed' FROM assessments WHERE id = $1"
    await until(lambda: pool.fetchval(done, assessment_id), SECONDS)


async def row(pool: Pool, job: UUID) -> asyncpg.Record:
    record = await pool.fetchrow("SELECT * FROM async_jobs WHERE id = $1", job)
    assert record is not None
    return record


async def until_called(provider: ModelServer, times: int) -> None:
    async def enough() -> bool:
        return len(provider.requests) >= times

    await until(enough, SECONDS)


async def test_a_worker_has_the_model_word_recommendations_if_it_is_told_to(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = advice(otherwise=scores(20))
    await start_worker(**by_model(provider), RECOMMEND_WITH_MODEL="true")
    assessment_id = await submit(pool, bank)
    await until_completed(pool, assessment_id)
    asked = "SELECT DISTINCT prompt_version FROM model_calls WHERE outcome = 'answered' ORDER BY 1"
    versions = [record["prompt_version"] for record in await pool.fetch(asked)]
    assert versions == [PROMPT_VERSION, "recommend-1", "student-1"]
    result = await newest_result(pool, assessment_id)
    assert {line.get("reason_by") for line in result["recommendations"]} == {"model"}


async def test_a_submission_is_finished_and_sigterm_ends_the_worker(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer, redis_url: str
) -> None:
    worker = await start_worker(**by_model(provider))
    assessment_id = await submit(pool, bank)
    await notify(redis_url, await job_id(pool, assessment_id, JobType.GPT))
    await until_completed(pool, assessment_id)
    rows = await pool.fetch("SELECT status, fence, attempts, error FROM async_jobs")
    assert [tuple(record) for record in rows] == [("completed", 1, 1, None)] * 3
    alive = await list_alive(pool)
    assert [set(of_worker.load) for of_worker in alive] == [set(QUEUES)]
    assert await worker.end(signal.SIGTERM) == 0
    assert await list_alive(pool) == []
    assert not worker.has_logged("job_raised") and not worker.has_logged("redis_unavailable")
    async with Redis.from_url(redis_url) as redis:
        assert [key for key in await redis.keys("arq:*") if not key.endswith(b":health-check")] == []


async def test_sigterm_hands_back_what_hangs_uncharged(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = hang()
    worker = await start_worker(SHUTDOWN_TIMEOUT="3", **by_model(provider))
    assessment_id = await submit(pool, bank)
    await until_called(provider, 2)
    assert await worker.end(signal.SIGTERM) == 0
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    job = await row(pool, gpt)
    assert (job["status"], job["attempts"], job["crashes"], job["fence"]) == ("queued", 0, 0, 1)
    provider.default = scores(20)
    await start_worker(**by_model(provider))
    await until_completed(pool, assessment_id)
    job = await row(pool, gpt)
    assert (job["attempts"], job["crashes"], job["fence"]) == (1, 0, 2)


async def test_sigterm_waits_for_short_work(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    released = asyncio.Event()

    async def when_released(request: object, body: dict[str, object]) -> object:
        await released.wait()
        return await scores(20)(request, body)  # type: ignore[arg-type]

    provider.default = when_released  # type: ignore[assignment]
    worker = await start_worker(**by_model(provider))
    assessment_id = await submit(pool, bank)
    await until_called(provider, 2)
    worker.process.send_signal(signal.SIGTERM)
    released.set()
    assert await worker.end(signal.SIGTERM) == 0
    job = await row(pool, await job_id(pool, assessment_id, JobType.GPT))
    assert (job["status"], job["attempts"], job["fence"]) == ("completed", 1, 1)


async def test_a_killed_worker_is_replaced_after_its_lease(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = hang()
    first = await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    assessment_id = await submit(pool, bank)
    await until_called(provider, 2)
    assert await first.end(signal.SIGKILL) == -signal.SIGKILL
    provider.default = scores(20)
    await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    await until_completed(pool, assessment_id)
    job = await row(pool, await job_id(pool, assessment_id, JobType.GPT))
    assert (job["status"], job["attempts"], job["crashes"]) == ("completed", 1, 1)
    # On a busy machine the second worker, too, may lose such a short lease.
    assert job["fence"] >= 2
    assert await pool.fetchval("SELECT count(*) FROM scores WHERE score_type = 'essay_gpt'") == 2


async def test_a_stopped_worker_that_wakes_up_writes_nothing(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    """Stopped by SIGSTOP, it does not notice that its lease has run out and another worker has ended the job."""
    released = asyncio.Event()

    async def late(request: object, body: dict[str, object]) -> object:
        await released.wait()
        return await scores(1)(request, body)  # type: ignore[arg-type]

    provider.default = late  # type: ignore[assignment]
    first = await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    assessment_id = await submit(pool, bank)
    await until_called(provider, 2)
    first.process.send_signal(signal.SIGSTOP)
    provider.default = scores(20)
    await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    await until_completed(pool, assessment_id)
    released.set()
    first.process.send_signal(signal.SIGCONT)
    await first.until_logged("job_lease_lost")
    points = await pool.fetch("SELECT score / max_score FROM scores WHERE score_type = 'essay_gpt'")
    assert [round(share[0], 6) for share in points] == [0.8, 0.8]
    assert await pool.fetchval("SELECT count(*) FROM results") == 1
    assert await first.end(signal.SIGTERM) == 0


async def test_a_worker_survives_its_valkey_and_keeps_its_jobs(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer, tmp_path: Path
) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    try:
        provider.default = hang()
        worker = await start_worker(REDIS_URL=url, **by_model(provider))
        in_flight = await submit(pool, bank)
        await until_called(provider, 2)
        await asyncio.to_thread(valkey.kill)
        await worker.until_logged("redis_unavailable")
        without_redis = await submit(pool, bank, "student-2", bank.answers(single="A"))
        gpt = await row(pool, await job_id(pool, in_flight, JobType.GPT))
        assert (gpt["status"], gpt["fence"]) == ("in_progress", 1)
        assert await asyncio.to_thread(valkey.start) == url
        await until_completed(pool, without_redis)
        async with Redis.from_url(url) as redis:
            await redis.flushall()
        await until_completed(pool, await submit(pool, bank, "student-3", bank.answers(single="A")))
        gpt = await row(pool, gpt["id"])
        assert (gpt["status"], gpt["fence"], len(provider.requests)) == ("in_progress", 1, 2)
        assert worker.process.returncode is None
    finally:
        await asyncio.to_thread(valkey.kill)


async def test_unreadable_messages_do_no_harm(
    start_worker: StartWorker, pool: Pool, bank: Bank, redis_url: str
) -> None:
    worker = await start_worker()
    async with Redis.from_url(redis_url) as redis:
        queue = job_queue.queue_key(JobType.GPT)
        await redis.zadd(queue, {"gone": 1, "garbage": 1, "pickle": 1, "other": 1})
        await redis.set("arq:job:garbage", b"\xff\x00")
        await redis.set("arq:job:pickle", b"\x80\x04\x8c\x05posix\x8c\x06system\x93.")
        await redis.set("arq:job:other", b'{"t":1,"f":"no_such_function","a":[],"k":{},"et":1}')
        await notify(redis_url, next(iter(bank.ids.values())))
        await until_completed(pool, await submit(pool, bank, answers=[]))

        async def empty() -> bool:
            return not await redis.exists(queue)

        await until(empty)
    assert await worker.end(signal.SIGTERM) == 0


async def test_short_jobs_do_not_wait_behind_slow_model_calls(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = hang()
    await start_worker(WORKER_CONCURRENCY="1", **by_model(provider))
    slow = await submit(pool, bank)
    await until_called(provider, 2)
    quick = await submit(pool, bank, "student-2")
    # Its essays are scored elsewhere; the rest is for the worker whose only slot for essays is taken.
    gpt = await claim_job(pool, quick, JobType.GPT)
    assert await jobs.finish(pool, gpt, JobStatus.FAILED, PermanentError("code", "detail"), None, [])
    fusion = await job_id(pool, quick, JobType.FUSION)
    taken = "SELECT count(*) = 2 FROM async_jobs WHERE assessment_id = $1 AND job_type <> 'gpt' AND fence > 0"
    await until(lambda: pool.fetchval(taken, quick), SECONDS)
    assert (await row(pool, fusion))["started_at"] is not None
    assert (await row(pool, await job_id(pool, slow, JobType.GPT)))["status"] == "in_progress"
