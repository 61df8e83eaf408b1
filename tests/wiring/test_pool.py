"""The pool waits for nothing without a limit, and the private parts of asyncpg that it relies on have not changed."""

import asyncio
import inspect
from collections.abc import AsyncIterator

import asyncpg
import pytest
from asyncpg.pool import Pool, PoolAcquireContext, PoolConnectionHolder

from app.repositories.sql import DATABASE_UNAVAILABLE
from app.wiring.pool import open_pool
from tests.fakes.breakable_proxy import breakable_proxy


async def test_a_connection_that_does_not_come_free_is_not_waited_for(database_url: str) -> None:
    async with open_pool(database_url, "tests", 1, 0.05) as pool:
        async with pool.acquire():
            with pytest.raises(TimeoutError):
                await pool.fetchval("SELECT 1")
        assert await pool.fetchval("SELECT 1") == 1, "it has come free"


async def test_every_way_of_ending_frees_the_connection(database_url: str) -> None:
    async with open_pool(database_url, "tests", 1, 5.0) as pool:
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await pool.fetchval("SELEKT")
        stuck = asyncio.ensure_future(pool.fetchval("SELECT pg_sleep(60)"))
        while not await running_sleeps(database_url):
            assert not stuck.done()
        stuck.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stuck
        with pytest.raises(DATABASE_UNAVAILABLE):
            await pool.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
        assert await pool.fetchval("SELECT 1") == 1


@pytest.fixture
async def held_pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool with two connections to a server that has gone silent; new ones lead to another."""
    async with breakable_proxy(database_url) as proxy, open_pool(proxy.url, "tests", 2) as pool:
        await asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.1)") for _ in range(2)))
        proxy.hold()
        yield pool


async def test_a_server_that_has_gone_silent_is_not_waited_for(held_pool: Pool) -> None:
    """Neither for the answer to a statement nor for that to its cancellation, for which asyncpg's own limit is that of
    any statement. The other connections are not tried in turn."""
    async with asyncio.timeout(9):
        with pytest.raises(TimeoutError):
            await held_pool.fetchval("SELECT 1", timeout=0.1)
    assert await held_pool.fetchval("SELECT 1", timeout=5) == 1


async def test_a_pool_whose_server_has_gone_silent_can_be_closed(database_url: str) -> None:
    async with breakable_proxy(database_url) as proxy, asyncio.timeout(9), open_pool(proxy.url, "tests", 2) as pool:
        await asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.1)") for _ in range(2)))
        proxy.hold()


async def running_sleeps(url: str) -> int:
    """The number of sessions that sleep."""
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
        )
        return count
    finally:
        await connection.close()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no-such-host.invalid"])
async def test_a_server_that_cannot_be_reached_is_unavailable(address: str) -> None:
    async with open_pool(f"postgresql://assay@{address}/d", "tests", 1) as pool:
        for _ in range(2):
            with pytest.raises(DATABASE_UNAVAILABLE):
                await pool.fetchval("SELECT 1")


def test_the_private_parts_of_asyncpg_have_not_changed() -> None:
    acquire = Pool._acquire  # type: ignore[attr-defined]  # not in the stubs
    assert [*inspect.signature(acquire).parameters] == ["self", "timeout"]
    assert [*inspect.signature(Pool.release).parameters] == ["self", "connection", "timeout"]
    assert {*dir(PoolConnectionHolder)} > {"is_connected", "is_idle", "terminate"}
    # Every caller gets its connection from `_acquire`. The source of a class would be found by parsing its module.
    for caller in (PoolAcquireContext.__aenter__, PoolAcquireContext.__await__):
        assert "self.pool._acquire(self.timeout)" in inspect.getsource(caller)
    # Without a limit it waits for a free connection itself, and gives it back where that cannot be opened.
    assert "self._queue.put_nowait(ch)" in inspect.getsource(acquire)
