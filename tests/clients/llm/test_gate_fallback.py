"""The gate while Redis is unavailable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.redis.job_queue import connect
from tests.clients.llm.gates import (
    CALL_SECONDS,
    KEY,
    UNAVAILABLE,
    Calls,
    ManualClock,
    left,
    make_call,
    open_gates,
    rate_limited,
    rejection,
)
from tests.fakes.breakable_proxy import BreakableProxy, breakable_proxy

# What a client sends first, and the replies.
GREETINGS = {b"CLIENT": b"+OK\r\n", b"PING": b"+PONG\r\n"}


@pytest.fixture
async def proxy(redis_url: str) -> AsyncIterator[BreakableProxy]:
    async with breakable_proxy(redis_url) as proxy:
        yield proxy


@asynccontextmanager
async def open_gate(clock: ManualClock, url: str, max_calls: int = 256) -> AsyncIterator[ModelGate]:
    client = connect(url)
    gate = ModelGate(client, "tests", CALL_SECONDS, max_calls, clock=clock, random_fraction=lambda: 0.0)
    yield gate
    await gate.close()
    await client.aclose()


async def test_calls_wait_as_long_as_the_provider_asks(proxy: BreakableProxy) -> None:
    clock = ManualClock()
    async with open_gate(clock, proxy.url) as gate:
        proxy.cut()
        await make_call(gate, rate_limited(30))
        error = await rejection(gate)
        assert (error.code, error.retry_after) == ("model_rate_limited", 30)
        clock.now += 30
        await make_call(gate)


async def test_each_failure_begins_a_fixed_pause(proxy: BreakableProxy) -> None:
    clock = ManualClock()
    async with open_gate(clock, proxy.url) as gate:
        proxy.cut()
        for _ in range(3):
            await make_call(gate, UNAVAILABLE)
            error = await rejection(gate)
            assert (error.code, error.retry_after) == ("model_unavailable", 2)
            clock.now += 2
        await make_call(gate)
        await make_call(gate)


async def test_what_was_learned_before_the_outage_counts(proxy: BreakableProxy) -> None:
    async with open_gate(ManualClock(), proxy.url) as gate:
        await make_call(gate, rate_limited(30))
        proxy.cut()
        assert (await rejection(gate)).code == "model_rate_limited"


async def test_a_semaphore_limits_the_calls_of_the_process(proxy: BreakableProxy) -> None:
    async with open_gate(ManualClock(), proxy.url, max_calls=3) as gate:
        proxy.cut()
        # From now on the gate knows that Redis is unavailable, and lets calls in without waiting for it.
        await make_call(gate)
        calls = Calls()
        await calls.start(*[gate] * 3)
        waiting = asyncio.create_task(make_call(gate))
        for _ in range(200):
            await asyncio.sleep(0)
        assert not waiting.done()
        await calls.end()
        await waiting


async def test_a_call_is_turned_away_after_a_few_sleeps_in_vain(proxy: BreakableProxy) -> None:
    async with open_gate(ManualClock(), proxy.url) as gate:
        proxy.cut()
        await make_call(gate, rate_limited(0.05))
        # This clock stands still, so the wait never ends.
        error = await rejection(gate)
        assert (error.code, error.retry_after) == ("model_rate_limited", 0.05)


async def test_workers_share_their_limits_again_when_redis_is_back(proxy: BreakableProxy, redis_url: str) -> None:
    clock = ManualClock()
    async with open_gate(clock, proxy.url) as gate, open_gates(redis_url) as (other,):
        await make_call(gate)
        proxy.cut()
        await make_call(gate, left(requests=50))
        await make_call(other, left(requests=3))
        await proxy.restore()
        clock.now += 10
        await make_call(gate)
        calls = Calls()
        await calls.start(*[gate, other] * 5)
        assert len(calls.inside) == 2
        await calls.end()


async def test_the_report_of_a_call_that_redis_did_not_let_in_is_stored(proxy: BreakableProxy, redis_url: str) -> None:
    clock = ManualClock()
    async with open_gate(clock, proxy.url) as gate, open_gates(redis_url) as (other,):
        proxy.cut()
        async with gate.call(1) as call:
            await proxy.restore()
            clock.now += 10
            call.report = rate_limited(30)
        assert (await rejection(other)).code == "model_rate_limited"


async def test_not_every_call_waits_for_a_redis_that_is_silent() -> None:
    scripts = 0

    async def greet_and_be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal scripts
        while line := await reader.readline():
            writer.write(GREETINGS.get(line.strip(), b""))
            scripts += line.strip() == b"EVALSHA"
        writer.close()

    silent = await asyncio.start_server(greet_and_be_silent, "127.0.0.1", 0)
    clock = ManualClock()
    async with silent, open_gate(clock, f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}") as gate:
        calls = Calls()
        await calls.start(*[gate] * 100)
        assert len(calls.inside) == 100
        await calls.end()
        assert 1 <= scripts <= 4
        clock.now += 10
        scripts = 0
        later_calls = Calls()
        await later_calls.start(*[gate] * 100)
        assert scripts == 1
        await later_calls.end()


async def test_a_redis_that_refuses_the_script_counts_as_unavailable(redis_url: str) -> None:
    redis: Redis = Redis.from_url(redis_url)
    await redis.set(KEY, "no hash")
    async with open_gates(redis_url) as (gate,):
        await make_call(gate, rate_limited(30))
        assert (await rejection(gate)).code == "model_rate_limited"
    await redis.aclose()
