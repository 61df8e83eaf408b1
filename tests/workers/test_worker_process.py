"""Real worker processes: they finish submissions, stop when told to, and are replaced when they die."""

import asyncio
import signal
from pathlib import Path
from uuid import UUID

import asyncpg
from redis.asyncio import Redis

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.domain.states import JobStatus, JobType
from app.local.embedded import EmbeddedValkey
from app.repositories import jobs
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.fakes.conditions import until
from tests.fakes.model_server import ModelServer, hang, scores
from tests.pipelines import claimed, job_id, submit
from tests.workers.conftest import StartWorker

SECONDS = 60.0


def by_model(provider: ModelServer) -> dict[str, str]:
    """Settings of a worker that asks the provider."""
    return {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": provider.url, "OPENAI_MODEL": "gpt-test"}


async def ring(redis_url: str, *job_ids: UUID) -> None:
    bell = JobQueue(job_queue.connect(redis_url))
    await bell.notify([JobNotification(job, JobType.GPT, 0) for job in job_ids])
    await bell.redis.aclose()


async def completed(pool: Pool, assessment_id: UUID) -> None:
    done = "SELECT status = 'completed' FROM assessments WHERE id = $1"
    await until(lambda: pool.fetchval(done, assessment_id), SECONDS)


async def row(pool: Pool, job: UUID) -> asyncpg.Record:
    found = await pool.fetchrow("SELECT * FROM async_jobs WHERE id = $1", job)
    assert found is not None
    return found


async def asked(provider: ModelServer, times: int) -> None:
    async def enough() -> bool:
        return len(provider.requests) >= times

    await until(enough, SECONDS)


async def test_a_submission_is_finished_and_the_worker_leaves_in_good_order(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer, redis_url: str
) -> None:
    worker = await start_worker(**by_model(provider))
    assessment_id = await submit(pool, bank)
    await ring(redis_url, await job_id(pool, assessment_id, JobType.GPT))
    await completed(pool, assessment_id)
    rows = await pool.fetch("SELECT status, fence, attempts, error FROM async_jobs")
    assert [tuple(found) for found in rows] == [("completed", 1, 1, None)] * 3
    assert await worker.end(signal.SIGTERM) == 0
    assert not worker.said("job_raised") and not worker.said("redis_unavailable")
    async with Redis.from_url(redis_url) as redis:
        assert [key for key in await redis.keys("arq:*") if not key.endswith(b":health-check")] == []


async def test_sigterm_hands_back_what_hangs_uncharged(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = hang()
    worker = await start_worker(SHUTDOWN_TIMEOUT="3", **by_model(provider))
    assessment_id = await submit(pool, bank)
    await asked(provider, 2)
    assert await worker.end(signal.SIGTERM) == 0
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    found = await row(pool, gpt)
    assert (found["status"], found["attempts"], found["crashes"], found["fence"]) == ("queued", 0, 0, 1)
    provider.default = scores(20)
    await start_worker(**by_model(provider))
    await completed(pool, assessment_id)
    found = await row(pool, gpt)
    assert (found["attempts"], found["crashes"], found["fence"]) == (1, 0, 2)


async def test_sigterm_lets_short_work_end(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    told = asyncio.Event()

    async def when_told(request: object, body: dict[str, object]) -> object:
        await told.wait()
        return await scores(20)(request, body)  # type: ignore[arg-type]

    provider.default = when_told  # type: ignore[assignment]
    worker = await start_worker(**by_model(provider))
    assessment_id = await submit(pool, bank)
    await asked(provider, 2)
    worker.process.send_signal(signal.SIGTERM)
    told.set()
    assert await worker.end(signal.SIGTERM) == 0
    found = await row(pool, await job_id(pool, assessment_id, JobType.GPT))
    assert (found["status"], found["attempts"], found["fence"]) == ("completed", 1, 1)


async def test_a_killed_worker_is_replaced_after_its_lease(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = hang()
    first = await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    assessment_id = await submit(pool, bank)
    await asked(provider, 2)
    assert await first.end(signal.SIGKILL) == -signal.SIGKILL
    provider.default = scores(20)
    await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    await completed(pool, assessment_id)
    found = await row(pool, await job_id(pool, assessment_id, JobType.GPT))
    assert (found["status"], found["attempts"], found["crashes"], found["fence"]) == ("completed", 1, 1, 2)
    assert await pool.fetchval("SELECT count(*) FROM scores WHERE score_type = 'essay_gpt'") == 2


async def test_a_stopped_worker_that_wakes_up_writes_nothing(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    """SIGSTOP: it does not know that its lease ran out; meanwhile another worker has ended the job."""
    told = asyncio.Event()

    async def late(request: object, body: dict[str, object]) -> object:
        await told.wait()
        return await scores(1)(request, body)  # type: ignore[arg-type]

    provider.default = late  # type: ignore[assignment]
    first = await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    assessment_id = await submit(pool, bank)
    await asked(provider, 2)
    first.process.send_signal(signal.SIGSTOP)
    provider.default = scores(20)
    await start_worker(JOB_LEASE_SECONDS="1", **by_model(provider))
    await completed(pool, assessment_id)
    told.set()
    first.process.send_signal(signal.SIGCONT)
    await first.says("job_lease_lost")
    points = await pool.fetch("SELECT score / max_score FROM scores WHERE score_type = 'essay_gpt'")
    assert [round(found[0], 6) for found in points] == [0.8, 0.8]
    assert await pool.fetchval("SELECT count(*) FROM results") == 1
    assert await first.end(signal.SIGTERM) == 0


async def test_a_worker_outlives_its_valkey_and_keeps_what_it_does(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer, tmp_path: Path
) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    try:
        provider.default = hang()
        worker = await start_worker(REDIS_URL=url, **by_model(provider))
        in_flight = await submit(pool, bank)
        await asked(provider, 2)
        await asyncio.to_thread(valkey.kill)
        await worker.says("redis_unavailable")
        without_redis = await submit(pool, bank, "student-2", bank.answers(single="A"))
        gpt = await row(pool, await job_id(pool, in_flight, JobType.GPT))
        assert (gpt["status"], gpt["fence"]) == ("in_progress", 1)
        assert await asyncio.to_thread(valkey.start) == url
        await completed(pool, without_redis)
        async with Redis.from_url(url) as redis:
            await redis.flushall()
        await completed(pool, await submit(pool, bank, "student-3", bank.answers(single="A")))
        gpt = await row(pool, gpt["id"])
        assert (gpt["status"], gpt["fence"], len(provider.requests)) == ("in_progress", 1, 2)
        assert worker.process.returncode is None
    finally:
        await asyncio.to_thread(valkey.kill)


async def test_messages_that_mean_nothing_do_no_harm(
    start_worker: StartWorker, pool: Pool, bank: Bank, redis_url: str
) -> None:
    worker = await start_worker()
    async with Redis.from_url(redis_url) as redis:
        queue = job_queue.queue_key(JobType.GPT)
        await redis.zadd(queue, {"gone": 1, "garbage": 1, "pickle": 1, "other": 1})
        await redis.set("arq:job:garbage", b"\xff\x00")
        await redis.set("arq:job:pickle", b"\x80\x04\x8c\x05posix\x8c\x06system\x93.")
        await redis.set("arq:job:other", b'{"t":1,"f":"no_such_function","a":[],"k":{},"et":1}')
        await ring(redis_url, next(iter(bank.ids.values())))
        await completed(pool, await submit(pool, bank, answers=[]))

        async def empty() -> bool:
            return not await redis.exists(queue)

        await until(empty)
    assert await worker.end(signal.SIGTERM) == 0


async def test_quick_jobs_do_not_stand_behind_slow_model_calls(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.default = hang()
    await start_worker(WORKER_CONCURRENCY="1", **by_model(provider))
    slow = await submit(pool, bank)
    await asked(provider, 2)
    quick = await submit(pool, bank, "student-2")
    # Its essays are scored elsewhere; the rest is for the worker whose only place for essays is taken.
    gpt = await claimed(pool, quick, JobType.GPT)
    assert await jobs.finish(pool, gpt, JobStatus.FAILED, {"code": "c", "detail": "d"}, None, [])
    fusion = await job_id(pool, quick, JobType.FUSION)
    taken = "SELECT count(*) = 2 FROM async_jobs WHERE assessment_id = $1 AND job_type <> 'gpt' AND fence > 0"
    await until(lambda: pool.fetchval(taken, quick), SECONDS)
    assert (await row(pool, fusion))["started_at"] is not None
    assert (await row(pool, await job_id(pool, slow, JobType.GPT)))["status"] == "in_progress"
