"""Calls that are cancelled at the gate or behind it leave nothing counted."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.clients.llm.gates import ANSWERED, Calls, left, make_call, open_gates, read_state


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_a_call_that_is_cancelled_anywhere_holds_nothing(redis_url: str, redis: Redis, steps: int) -> None:
    async with open_gates(redis_url, max_calls=5) as (gate,):
        tasks = [asyncio.create_task(make_call(gate, ANSWERED, 300)) for _ in range(8)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await gate.close()
        state = await read_state(redis)
        assert (state.get("calls", 0), state.get("tokens", 0)) == (0, 0)
        calls = Calls()
        await calls.start(*[gate] * 5)
        assert len(calls.inside) == 5
        await calls.end()


async def test_a_call_that_is_cancelled_twice_holds_nothing(redis_url: str, redis: Redis) -> None:
    async with open_gates(redis_url) as (gate,):
        for steps in range(12):
            calls = Calls()
            await calls.start(gate)
            calls.tasks[0].cancel()
            for _ in range(steps):
                await asyncio.sleep(0)
            await calls.cancel()
        await gate.close()
        assert (await read_state(redis))["calls"] == 0


@pytest.mark.parametrize("round_trips", [1, 5, 20])
async def test_a_waiting_call_can_be_cancelled(redis_url: str, redis: Redis, round_trips: int) -> None:
    async def start_and_cancel() -> None:
        waiting = asyncio.create_task(make_call(gate))
        for _ in range(round_trips):
            await redis.ping()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async with open_gates(redis_url, max_calls=1) as (gate,):
        calls = Calls()
        await calls.start(gate)
        await start_and_cancel()
        await calls.end(left(requests=0, reset=0.9))
        await start_and_cancel()
        await gate.close()
        assert (await read_state(redis))["calls"] == 0
        await make_call(gate)
