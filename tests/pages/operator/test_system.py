"""The page of the system's state."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from redis.asyncio import Redis

from app.clients.llm.gate import gate_key, gate_name
from app.clients.llm.gate_state import Breaker, read_breaker
from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.records.workers import QueueLoad
from app.domain.states import JobType
from app.repositories.sql import Pool, statements
from app.services import worker_presence
from app.services.operations import RedisCheck
from app.services.system_state import ModelSetup, SystemState, SystemWatch
from tests.bank import Bank
from tests.dead_letters import fail_job
from tests.job_runner import submit
from tests.pages.conftest import Person

NOBODY = "redis://127.0.0.1:1/0"
LOAD = {"gpt": QueueLoad(running=3, slots=16)}
HOSTILE = "<script>alert(1)</script>\u202e"
INSERT_CALL = """
INSERT INTO model_calls (provider, model, prompt_version, outcome, latency_ms, provider_message, created_at)
VALUES ('p', $1, 'v', $2, 1, $3, now() - make_interval(mins => $4))"""


@asynccontextmanager
async def watch(
    pool: Pool, redis_url: str, setup: ModelSetup, times: list[float] | None = None
) -> AsyncIterator[SystemWatch]:
    redis = job_queue.connect(redis_url)
    queue, clock = JobQueue(redis), times or [0.0]
    yield SystemWatch(pool, queue, RedisCheck(queue), setup, lambda: clock[0])
    await redis.aclose()


async def test_the_page_names_what_needs_a_look(operator: Person, pool: Pool, bank: Bank) -> None:
    await fail_job(pool, await submit(pool, bank), JobType.GPT)
    await worker_presence.report(pool, uuid4(), LOAD)
    await pool.execute(INSERT_CALL, "gpt-test", "model_refused_request", HOSTILE, 0)
    await pool.execute(INSERT_CALL, "gpt-test", "answered", None, 0)
    await pool.execute(INSERT_CALL, "gpt-old", "answered", None, 61)
    page = await operator.get("/dashboard/system")
    for part in (
        "2 things need a look", "check OPENAI_API_KEY", "1 job given up", "Postgres ok", "Migrations ok", "Redis ok",
        "1 alive", "score essays: 3 of 16", "No key for a model is set", HOSTILE,
    ):  # fmt: skip
        assert part in page.text, part
    assert "<script>alert" not in page.html and "gpt-old" not in page.text
    assert ">1 job given up</a>" in page.html


async def test_without_a_worker_nothing_is_scored(operator: Person) -> None:
    assert "no worker is alive" in (await operator.get("/dashboard/system")).text


async def test_workers_leave_or_are_forgotten(pool: Pool) -> None:
    first, second = uuid4(), uuid4()
    for worker in (first, second):
        await worker_presence.report(pool, worker, LOAD)
    await worker_presence.leave(pool, first)
    assert [worker.worker_id for worker in await worker_presence.list_alive(pool)] == [second]
    await pool.execute("UPDATE workers SET seen_at = now() - interval '40 s'")
    assert await worker_presence.list_alive(pool) == []
    await pool.execute("UPDATE workers SET seen_at = now() - interval '11 min'")
    await worker_presence.report(pool, first, LOAD)
    assert await pool.fetchval("SELECT array_agg(id) FROM workers") == [first]


async def test_one_read_serves_all_who_look(pool: Pool, redis_url: str, bank: Bank) -> None:
    times = [0.0]
    async with watch(pool, redis_url, ModelSetup(), times) as system:
        first = await system.read()
        await submit(pool, bank)
        times[0] = 2.9
        assert await system.read() is first
        times[0] = 3.0
        assert [(queue.name, queue.waiting) for queue in (await system.read()).queues] == [
            ("gpt", 1), ("rag", 1), ("fusion", 1), ("webhook", 0)
        ]  # fmt: skip


async def test_without_redis_the_state_says_so(pool: Pool) -> None:
    async with watch(pool, NOBODY, ModelSetup(("gpt-test",))) as system:
        state = await system.read()
    assert (state.readiness.redis, state.readiness.postgres) == ("not reachable", "ok")
    assert state.breakers == {"gpt-test": Breaker.UNKNOWN} and len(state.queues) == 4


async def test_without_postgres_the_state_says_so(pool: Pool, redis_url: str) -> None:
    async with watch(pool, redis_url, ModelSetup()) as system:
        await pool.close()
        state: SystemState = await system.read()
    assert (state.readiness.postgres, state.readiness.redis) == ("not reachable", "ok")
    assert (list(state.workers), list(state.queues), state.budget) == ([], [], None)


async def test_the_breaker_is_the_one_of_the_workers(redis_url: str) -> None:
    redis: Redis = job_queue.connect(redis_url)
    gate = gate_name(None, "gpt-test")
    assert await read_breaker(redis, gate) is Breaker.CLOSED
    for pause, open_until, breaker in (
        (2000, 9e14, "open"),
        (2000, 1, "probing"),
        (0, 9e14, "closed"),
        ("x", "y", "closed"),
    ):
        await redis.hset(gate_key(gate), mapping={"pause": pause, "open_until": open_until})  # type: ignore[misc]
        assert await read_breaker(redis, gate) == breaker
    await redis.set(gate_key(gate), "not a hash")
    assert await read_breaker(redis, gate) is Breaker.UNKNOWN
    await redis.aclose()


async def test_a_spent_budget_is_seen(pool: Pool, redis_url: str) -> None:
    insert = "INSERT INTO model_budget (day, spent, reserved) VALUES ((now() AT TIME ZONE 'UTC')::date, 5, 1)"
    await pool.execute(insert)
    for limit, is_spent in ((None, False), (5.5, False), (5.0, True)):
        async with watch(pool, redis_url, ModelSetup(("m",), budget_usd=limit)) as system:
            state = await system.read()
        assert state.budget and (state.budget.spent, state.budget.reserved, state.budget_is_spent) == (5, 1, is_spent)


async def test_what_ended_lately_is_read_from_the_index(pool: Pool) -> None:
    async with pool.acquire() as conn:
        await conn.execute("SET enable_seqscan = off")
        plan = await conn.fetch("EXPLAIN " + statements("workers")["count_ended"].replace("$1", "3600"))
        await conn.execute("RESET enable_seqscan")
    assert "async_jobs_ended_idx" in "\n".join(row[0] for row in plan)
