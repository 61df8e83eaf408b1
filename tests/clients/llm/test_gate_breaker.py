"""A provider that is away is left alone by all workers, and asked by one whether it is back."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.llm.rate_limits import CallOutcome, CallReport
from tests.clients.llm.gates import (
    ANSWERED,
    CALL_SECONDS,
    LONG,
    UNAVAILABLE,
    Calls,
    extend_waits,
    make_call,
    open_gates,
    pass_time,
    rate_limited,
    read_state,
    rejection,
    write_state,
)

Opened = Callable[[], Awaitable[None]]
OPEN = LONG + 2


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[list[ModelGate]]:
    async with open_gates(redis_url, redis_url) as gates:
        yield gates


@pytest.fixture
def opened(two: list[ModelGate], redis: Redis) -> Opened:
    """Opens the breaker for long; the pause is over when `OPEN` seconds have passed."""

    async def open_it() -> None:
        for gate in two * 5:
            await make_call(gate, UNAVAILABLE)
        await extend_waits(redis)

    return open_it


async def test_ten_failures_in_a_row_of_all_workers_open_it_for_all(two: list[ModelGate], redis: Redis) -> None:
    for gate in [*two * 4, two[0]]:
        await make_call(gate, UNAVAILABLE)
    await make_call(two[1], UNAVAILABLE)
    await extend_waits(redis)
    for gate in two:
        error = await rejection(gate)
        assert (error.code, error.detail) == ("model_unavailable", "the model is not available")
        assert error.retry_after and LONG - 100 < error.retry_after <= LONG + 2


@pytest.mark.parametrize("report", [ANSWERED, rate_limited()])
async def test_any_answer_in_between_begins_the_count_again(
    two: list[ModelGate], redis: Redis, report: CallReport
) -> None:
    for _ in range(2):
        for _ in range(9):
            await make_call(two[0], UNAVAILABLE)
        await make_call(two[1], report)
        await pass_time(redis, 2)
    await make_call(two[0])


async def test_calls_that_say_nothing_are_not_counted(two: list[ModelGate], redis: Redis) -> None:
    for _ in range(9):
        await make_call(two[0], UNAVAILABLE)
    await make_call(two[0], CallReport(CallOutcome.UNKNOWN))
    await make_call(two[1])
    for _ in range(9):
        await make_call(two[0], UNAVAILABLE)
        await make_call(two[1], CallReport(CallOutcome.UNKNOWN))
    await make_call(two[0], UNAVAILABLE)
    assert (await read_state(redis))["pause"] > 0


async def test_one_of_fifty_asks_whether_it_is_back(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await opened()
    await pass_time(redis, OPEN)
    calls = Calls()
    await calls.start(*two * 25)
    assert len(calls.inside) == 1
    assert {error.code for error in calls.errors} == {"model_unavailable"}
    assert all(error.retry_after and error.retry_after <= 2 for error in calls.errors)
    await calls.end(ANSWERED)
    another = Calls()
    await another.start(*two * 25)
    assert len(another.inside) == 50
    await another.end()


async def test_each_probe_that_fails_doubles_the_pause(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await opened()
    pauses = []
    for gate in two * 4:
        pauses.append((await read_state(redis))["pause"])
        assert (await rejection(gate)).code == "model_unavailable"
        await pass_time(redis, LONG + pauses[-1] / 1000)
        await make_call(gate, UNAVAILABLE)
        await extend_waits(redis)
    assert pauses == [2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]


async def test_after_a_good_probe_all_is_as_at_first(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    for _ in range(2):
        await opened()
        await pass_time(redis, OPEN)
        await make_call(two[0], UNAVAILABLE)
        await pass_time(redis, 4)
        await make_call(two[1], rate_limited())
        await pass_time(redis, 2)
    for _ in range(9):
        await make_call(two[0], UNAVAILABLE)
    await make_call(two[1], UNAVAILABLE)
    assert (await read_state(redis))["pause"] == 2000


async def test_the_pause_is_jittered(redis: Redis, redis_url: str) -> None:
    pauses = []
    for chance in (0.0, 0.9):
        gate = ModelGate(redis, "tests", CALL_SECONDS, chance=lambda chance=chance: chance)  # type: ignore[misc]
        for _ in range(10):
            await make_call(gate, UNAVAILABLE)
        now = await read_state(redis)
        # Nobody was asked to wait, so this is when the last call ended.
        pauses.append(now["open_until"] - now["not_before"])
        await redis.flushall()
    assert pauses == [1000, 1900]


async def test_a_probe_that_never_ends_is_replaced(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await opened()
    await pass_time(redis, OPEN)
    dead, successor = Calls(), Calls()
    await dead.start(two[0])
    await pass_time(redis, CALL_SECONDS / 2)
    assert (await rejection(two[1])).code == "model_unavailable"
    await pass_time(redis, CALL_SECONDS / 2)
    await successor.start(*two)
    assert len(dead.inside) == len(successor.inside) == 1
    # What the first says now is of no interest any more, be it good or bad.
    await dead.end(ANSWERED)
    assert (await rejection(two[0])).code == "model_unavailable"
    await successor.end(ANSWERED)
    await make_call(two[0])


async def test_a_probe_that_is_cancelled_is_replaced_at_once(
    two: list[ModelGate], redis: Redis, opened: Opened
) -> None:
    await opened()
    await pass_time(redis, OPEN)
    calls = Calls()
    await calls.start(two[0])
    assert (await rejection(two[1])).code == "model_unavailable"
    await calls.cancel()
    await make_call(two[1], ANSWERED)
    await make_call(two[0])


@pytest.mark.parametrize("report", [ANSWERED, UNAVAILABLE])
async def test_only_the_probe_decides(two: list[ModelGate], redis: Redis, opened: Opened, report: CallReport) -> None:
    before, late = Calls(), Calls()
    await before.start(two[0])
    await late.start(two[1])
    await opened()
    await before.end(report)
    assert (await rejection(two[0])).code == "model_unavailable"
    await pass_time(redis, OPEN)
    probe = Calls()
    await probe.start(two[0])
    await late.end(report)
    assert (await rejection(two[0])).code == "model_unavailable"
    await probe.end(ANSWERED)
    await make_call(two[1])


async def test_limits_are_kept_by_the_probe_as_well(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await make_call(two[0], rate_limited(300))
    await pass_time(redis, 100)
    await write_state(redis, pause=2000, open_until=1)
    assert (await rejection(two[1])).code == "model_rate_limited"
    await pass_time(redis, 200)
    await make_call(two[1], ANSWERED)
    assert (await read_state(redis))["pause"] == 0


async def test_who_waits_for_a_place_learns_that_the_provider_is_away(redis_url: str, redis: Redis) -> None:
    async with open_gates(redis_url, redis_url, max_calls=1) as (full, other):
        calls = Calls()
        await calls.start(full)
        for _ in range(10):
            await make_call(other, UNAVAILABLE)
        await extend_waits(redis)
        assert (await rejection(full)).code == "model_unavailable"
        await calls.end()
