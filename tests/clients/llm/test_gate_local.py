"""The gate without Redis, and calls that are cancelled."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.redis.job_queue import connect
from tests.clients.llm.gates import AWAY, GOOD, KEY, LIFE, Clock, Crowd, gates, left, limited, once, refused, state
from tests.fakes.cut_line import CutLine, cut_line

# What a client says to begin with, and is answered.
GREETINGS = {b"CLIENT": b"+OK\r\n", b"PING": b"+PONG\r\n"}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[CutLine]:
    async with cut_line(redis_url) as line:
        yield line


@asynccontextmanager
async def gate_by(clock: Clock, url: str) -> AsyncIterator[ModelGate]:
    client = connect(url)
    gate = ModelGate(client, "tests", LIFE, clock=clock, chance=lambda: 0.0)
    yield gate
    await gate.close()
    await client.aclose()


async def test_without_redis_a_process_goes_by_what_it_has_learned(line: CutLine) -> None:
    clock = Clock()
    async with gate_by(clock, line.url) as gate:
        await once(gate, left(requests=6))
        await once(gate)
        line.cut()
        crowd = Crowd()
        await crowd.come(*[gate] * 20)
        assert len(crowd.inside) == 5
        assert {trouble.code for trouble in crowd.troubles} == {"model_rate_limited"}
        await crowd.end()
        clock.now += 50
        await once(gate)


async def test_without_redis_one_process_learns_and_waits(line: CutLine) -> None:
    clock = Clock()
    async with gate_by(clock, line.url) as gate:
        line.cut()
        await once(gate, limited(30))
        assert (await refused(gate)).retry_after == 30
        clock.now += 30
        for _ in range(10):
            await once(gate, AWAY)
        trouble = await refused(gate)
        assert (trouble.code, trouble.retry_after) == ("model_unavailable", 1)
        clock.now += 1
        crowd = Crowd()
        await crowd.come(*[gate] * 20)
        assert len(crowd.inside) == 1
        await crowd.end()
        await once(gate)


async def test_who_slept_in_vain_a_few_times_is_turned_away(line: CutLine) -> None:
    async with gate_by(Clock(), line.url) as gate:
        line.cut()
        await once(gate, limited(0.05))
        # This clock stands still, so the wait is never over.
        trouble = await refused(gate)
        assert (trouble.code, trouble.retry_after) == ("model_rate_limited", 0.05)


async def test_when_redis_is_back_workers_share_again(line: CutLine, redis_url: str, redis: Redis) -> None:
    clock = Clock()
    async with gate_by(clock, line.url) as gate, gates(redis_url) as (other,):
        await once(gate)
        line.cut()
        await once(gate, left(requests=50))
        await once(other, left(requests=3))
        await line.mend()
        clock.now += 10
        await once(gate)
        crowd = Crowd()
        await crowd.come(*[gate, other] * 5)
        assert len(crowd.inside) == 2
        await crowd.end()


async def test_a_call_that_redis_does_not_know_is_heard_all_the_same(line: CutLine, redis_url: str) -> None:
    clock = Clock()
    async with gate_by(clock, line.url) as gate, gates(redis_url) as (other,):
        line.cut()
        async with gate.call(1) as call:
            await line.mend()
            clock.now += 10
            call.saw(limited(30))
        assert (await refused(other)).code == "model_rate_limited"


async def test_a_call_that_ends_without_redis_is_in_flight_no_longer(line: CutLine, redis: Redis) -> None:
    async with gate_by(Clock(), line.url) as gate:
        async with gate.call(1):
            line.cut()
        await once(gate, left(requests=1))
        await once(gate)
        assert (await refused(gate)).code == "model_rate_limited"


async def test_a_redis_that_is_silent_is_not_waited_for_by_each_call() -> None:
    questions = 0

    async def greet_and_be_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal questions
        while line := await reader.readline():
            writer.write(GREETINGS.get(line.strip(), b""))
            questions += line.strip() == b"EVALSHA"
        writer.close()

    silent = await asyncio.start_server(greet_and_be_silent, "127.0.0.1", 0)
    clock = Clock()
    async with silent, gate_by(clock, f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}") as gate:
        crowd = Crowd()
        await crowd.come(*[gate] * 100)
        assert len(crowd.inside) == 100
        await crowd.end()
        assert 1 <= questions <= 4
        clock.now += 10
        questions = 0
        another = Crowd()
        await another.come(*[gate] * 100)
        assert questions == 1
        await another.end()


async def test_a_redis_that_refuses_is_a_redis_that_is_away(redis: Redis, redis_url: str) -> None:
    await redis.set(KEY, "no hash")
    async with gates(redis_url) as (gate,):
        await once(gate, left(requests=1))
        await once(gate)
        assert (await refused(gate)).code == "model_rate_limited"


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_a_call_that_is_cancelled_anywhere_holds_nothing(redis_url: str, redis: Redis, steps: int) -> None:
    async with gates(redis_url, calls=5) as (gate,):
        calls = [asyncio.create_task(once(gate, GOOD, 300)) for _ in range(8)]
        for _ in range(steps):
            await asyncio.sleep(0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await gate.close()
        booked = await state(redis)
        assert (booked.get("calls", 0), booked.get("tokens", 0)) == (0, 0)
        crowd = Crowd()
        await crowd.come(*[gate] * 5)
        assert len(crowd.inside) == 5
        await crowd.end()


async def test_a_call_that_is_cancelled_twice_holds_nothing(redis_url: str, redis: Redis) -> None:
    async with gates(redis_url) as (gate,):
        for steps in range(12):
            crowd = Crowd()
            await crowd.come(gate)
            crowd.tasks[0].cancel()
            for _ in range(steps):
                await asyncio.sleep(0)
            await crowd.cancel()
        await gate.close()
        assert (await state(redis))["calls"] == 0


@pytest.mark.parametrize("moments", [1, 5, 20])
async def test_who_waits_can_be_cancelled(redis_url: str, redis: Redis, moments: int) -> None:
    async def come_and_go() -> None:
        waiting = asyncio.create_task(once(gate))
        for _ in range(moments):
            await redis.ping()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async with gates(redis_url, calls=1) as (gate,):
        crowd = Crowd()
        await crowd.come(gate)
        await come_and_go()
        await crowd.end(left(requests=0, reset=0.9))
        await come_and_go()
        await gate.close()
        assert (await state(redis))["calls"] == 0
        await once(gate)
