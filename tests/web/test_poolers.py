"""The service, its jobs and migrations through a real PgBouncer with its defaults, in both modes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.migrations import known_migrations, migrate
from app.repositories.sql import MIXED_SESSIONS, Pool
from app.setting_types import DatabasePooler
from app.settings import Settings, load_settings
from app.wiring.pool import open_pool, open_session
from tests.bank import SLUG, Bank
from tests.conftest import with_database
from tests.job_runner import job_runner, run_due_jobs, submit
from tests.pgbouncer import pgbouncer
from tests.web.conftest import Serve

MODES = ["session", "transaction"]
# PgBouncer's mode and DATABASE_POOLER.
with_modes = pytest.mark.parametrize(
    ("mode", "pooler"),
    [("session", "session"), ("session", "auto"), ("transaction", "transaction"), ("transaction", "auto")],
)


@with_modes
async def test_assessments_through_pgbouncer(
    serve: Serve, bank: Bank, database_url: str, mode: str, pooler: DatabasePooler
) -> None:
    answers = {"responses": bank.all_answers()}
    async with pgbouncer(database_url, mode) as url:
        api = await serve(database_url=load_settings(database_url=url).database_url, database_pooler=pooler)

        async def take(number: int) -> list[int]:
            student = api.as_("student", sub=f"student-{number}")
            started = await student.post("/assessments", {"track": SLUG})
            path = started.headers["Location"]
            saved = await student.patch(f"{path}/responses", answers)
            submitted = await student.post(f"{path}/submit", Idempotency_Key="once")
            again = await student.post(f"{path}/submit", Idempotency_Key="once")
            return [started.status, saved.status, submitted.status, again.status, (await student.get(path)).status]

        assert await asyncio.gather(*(take(number) for number in range(12))) == [[201, 200, 202, 202, 200]] * 12
        assert (await api.get("/readyz")).status == 200
        advisor = api.as_("advisor")
        gradebooks = await asyncio.gather(*(advisor.get("/gradebook") for _ in range(2)), advisor.get("/reviews"))
        assert [len(reply.body["items"]) for reply in gradebooks] == [12, 12, 0]


@with_modes
async def test_jobs_through_pgbouncer(
    pool: Pool, bank: Bank, settings: Settings, mode: str, pooler: DatabasePooler
) -> None:
    async with (
        pgbouncer(settings.secret("database_url"), mode) as url,
        open_pool(url, "tests", 4, pooler=pooler) as pooled,
    ):
        assessment_id = await submit(pooled, bank)
        embedder = OfflineEmbedder()
        running = job_runner(pooled, settings.secret("redis_url"), embedder)
        await run_due_jobs(pooled, running)
        await running.job_queue.redis.aclose()
        await embedder.close()
    assert await pool.fetchval("SELECT status FROM assessments WHERE id = $1", assessment_id) == "completed"


@pytest.fixture
async def empty_url(database_url: str) -> AsyncIterator[str]:
    """An empty database."""
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(with_database(database_url, "postgres"))
    await admin.execute(f"CREATE DATABASE {name}")
    yield with_database(database_url, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.mark.parametrize("mode", MODES)
async def test_four_migrate_at_once_through_pgbouncer(empty_url: str, mode: str) -> None:
    async with pgbouncer(empty_url, mode) as url:
        applied = await asyncio.gather(*(asyncio.to_thread(migrate, url) for _ in range(4)))
        assert sorted(applied) == [0, 0, 0, len(known_migrations())]
        conn = await asyncpg.connect(empty_url)
        assert await conn.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0
        await conn.close()


@pytest.mark.parametrize("pooler", ["auto", "transaction"])
async def test_a_transaction_pooler_leaves_nothing_in_its_sessions(
    database_url: str, pool: Pool, pooler: DatabasePooler
) -> None:
    settings = (
        "SELECT current_setting('statement_timeout'), current_setting('jit'), count(*) FROM pg_prepared_statements"
    )
    async with pgbouncer(database_url, "transaction", pool_size=1) as url:
        async with open_pool(url, "tests", 4, pooler=pooler) as pooled:
            assert await asyncio.gather(*(pooled.fetchval("SELECT $1::int", n) for n in range(50))) == [*range(50)]
            async with pooled.acquire() as conn, conn.transaction():
                assert await conn.fetchval("SELECT $1::jsonb", {"a": 1}) == {"a": 1}
                assert await conn.fetchval("SHOW transaction_isolation") == "read committed"
        async with open_pool(url, "tests", 1, pooler=pooler) as pooled:
            assert tuple(await pooled.fetchrow(settings) or ()) == ("0", "on", 0)


async def test_a_session_is_only_promised_where_there_is_one(database_url: str) -> None:
    async def is_there(url: str, **others: Any) -> bool:
        async with open_session(load_settings(database_url=url, **others), "tests") as conn:
            return conn is not None

    assert await is_there(database_url)
    async with pgbouncer(database_url, "session") as url:
        assert await is_there(url, database_pooler="session")
        assert not await is_there(url), "the mode is not known"
        assert not await is_there(database_url, migrate_database_url=url)
        assert await is_there(url, migrate_database_url=database_url)
    async with pgbouncer(database_url, "transaction") as url:
        assert not await is_there(url, database_pooler="transaction")


async def test_with_the_wrong_setting_a_transaction_pooler_is_an_outage(
    serve: Serve, bank: Bank, database_url: str
) -> None:
    """503 and not 500: nothing is wrong with the request."""
    async with pgbouncer(database_url, "transaction", pool_size=2) as url:
        api = await serve(database_url=load_settings(database_url=url).database_url, database_pooler="session")
        students = [api.as_("student", sub=f"student-{number}") for number in range(12)]
        replies = await asyncio.gather(*(student.post("/assessments", {"track": SLUG}) for student in students))
        assert {reply.status for reply in replies} <= {201, 503}
        with pytest.raises(MIXED_SESSIONS):
            async with open_pool(url, "tests", 4, pooler="session") as pool:
                for _ in range(20):
                    await asyncio.gather(*(pool.fetchval(f"SELECT {number} + $1::int", 1) for number in range(8)))
