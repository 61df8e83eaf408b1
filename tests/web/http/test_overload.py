"""Overload of the database: requests wait for a connection for a limited time, then are answered with 503."""

import asyncio
from functools import partial

import pytest

from app.repositories.sql import Pool
from app.settings import Settings
from app.wiring.pool import open_pool
from tests.api import Api, Reply
from tests.fakes.conditions import until
from tests.web.problems import problem

CROWD = 60
CONNECTIONS: int = Settings.model_fields["database_pool_size"].default
# Batches of statuses that are read at the same time.
POLL_READS = 4
WAITING = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'assay serve' AND wait_event_type = 'Lock'"""


async def test_a_busy_database_is_answered_with_503_until_it_recovers(api: Api, path: str, pool: Pool) -> None:
    """While a table is locked, as many requests as there are connections wait for it, and all others get a 503. Once it
    is unlocked, those that waited are answered."""
    async with pool.acquire() as blocker:
        blocking = blocker.transaction()
        await blocking.start()
        await blocker.execute("LOCK TABLE assessments")
        crowd = [asyncio.create_task(api.get(path)) for _ in range(CROWD)]
        await until(partial(_blocked, pool, CONNECTIONS))
        await until(lambda: _ended(crowd, CROWD - CONNECTIONS))
        await blocking.rollback()
    replies = await asyncio.gather(*crowd)
    for reply in replies:
        if reply.status != 200:
            problem(reply, 503, "storage-unavailable")
            assert int(reply.headers["Retry-After"]) > 0
    assert sum(reply.status == 200 for reply in replies) == CONNECTIONS
    # As many as have a connection each: on a slow machine a crowd may be too much all by itself.
    assert {reply.status for reply in await asyncio.gather(*(api.get(path) for _ in range(CONNECTIONS)))} == {200}


async def test_polls_that_wait_for_a_busy_database_take_few_connections(api: Api, path: str, pool: Pool) -> None:
    """Polls share their reads. Those that find no place are answered with 503 as well, and the others once they can
    be."""
    async with pool.acquire() as blocker:
        blocking = blocker.transaction()
        await blocking.start()
        await blocker.execute("LOCK TABLE assessments")
        waiting = []
        for count in range(1, POLL_READS + 1):
            waiting.append(asyncio.create_task(api.get(f"{path}/status")))
            await until(partial(_blocked, pool, count))
        for reply in await asyncio.gather(*(api.get(f"{path}/status") for _ in range(CROWD))):
            problem(reply, 503, "storage-unavailable")
        assert await _blocked(pool, POLL_READS)
        await blocking.rollback()
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {200}
    assert (await api.get(f"{path}/status")).status == 200


async def _blocked(pool: Pool, count: int) -> bool:
    return bool(await pool.fetchval(WAITING) == count)


async def _ended(tasks: "list[asyncio.Task[Reply]]", count: int) -> bool:
    return sum(task.done() for task in tasks) >= count


async def test_waiting_for_a_connection_has_a_limit(database_url: str) -> None:
    async with open_pool(database_url, "tests", 1, 0.05) as narrow:
        async with narrow.acquire():
            with pytest.raises(TimeoutError):
                await narrow.fetchval("SELECT 1")
            with pytest.raises(TimeoutError):
                async with narrow.acquire():
                    raise AssertionError("there is no second connection")
        assert await narrow.fetchval("SELECT 1") == 1


async def test_statements_and_idle_transactions_have_limits(database_url: str) -> None:
    async with open_pool(database_url, "tests", 1) as narrow:
        assert await narrow.fetchval("SHOW statement_timeout") == "10s"
        assert await narrow.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"


async def test_connections_are_given_in_the_order_of_requests(database_url: str) -> None:
    """A new request does not overtake those that wait."""
    async with open_pool(database_url, "tests", 1, 30) as narrow:
        order: list[int] = []

        async def use(number: int) -> None:
            async with narrow.acquire() as conn:
                order.append(number)
                await conn.fetchval("SELECT 1")

        async def push_in(number: int) -> None:
            while not narrow.get_idle_size():  # noqa: ASYNC110  # at each turn of the loop
                await asyncio.sleep(0)
            await use(number)

        async with narrow.acquire() as conn:
            waiting = [asyncio.create_task(use(number)) for number in range(20)]
            await asyncio.sleep(0)
            pushing = [asyncio.create_task(push_in(number)) for number in range(100, 120)]
            await conn.fetchval("SELECT 1")
        await asyncio.gather(*waiting, *pushing)
    assert order[:20] == list(range(20))
