"""The circuit breaker: no worker calls an unavailable provider, and a single call probes whether it is back."""

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

OpenBreaker = Callable[[], Awaitable[None]]
OPEN_SECONDS = LONG + 2


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def gates(redis_url: str) -> AsyncIterator[list[ModelGate]]:
    async with open_gates(redis_url, redis_url) as opened:
        yield opened


@pytest.fixture
def open_breaker(gates: list[ModelGate], redis: Redis) -> OpenBreaker:
    """Opens the breaker for a long time; the pause ends when `OPEN_SECONDS` have passed."""

    async def open_for_long() -> None:
        for gate in gates * 5:
            await make_call(gate, UNAVAILABLE)
        await extend_waits(redis)

    return open_for_long


async def test_ten_failures_in_a_row_of_all_workers_open_the_breaker_for_all(
    gates: list[ModelGate], redis: Redis
) -> None:
    for gate in [*gates * 4, gates[0]]:
        await make_call(gate, UNAVAILABLE)
    await make_call(gates[1], UNAVAILABLE)
    await extend_waits(redis)
    for gate in gates:
        error = await rejection(gate)
        assert (error.code, error.detail) == ("model_unavailable", "the model is not available")
        assert error.retry_after and LONG - 100 < error.retry_after <= LONG + 2


@pytest.mark.parametrize("report", [ANSWERED, rate_limited()])
async def test_any_answer_resets_the_count_of_failures(
    gates: list[ModelGate], redis: Redis, report: CallReport
) -> None:
    for _ in range(2):
        for _ in range(9):
            await make_call(gates[0], UNAVAILABLE)
        await make_call(gates[1], report)
        await pass_time(redis, 2)
    await make_call(gates[0])


async def test_calls_that_end_on_this_side_are_not_counted(gates: list[ModelGate], redis: Redis) -> None:
    for _ in range(9):
        await make_call(gates[0], UNAVAILABLE)
    await make_call(gates[0], CallReport(CallOutcome.UNKNOWN))
    await make_call(gates[1])
    for _ in range(9):
        await make_call(gates[0], UNAVAILABLE)
        await make_call(gates[1], CallReport(CallOutcome.UNKNOWN))
    await make_call(gates[0], UNAVAILABLE)
    assert (await read_state(redis))["pause"] > 0


async def test_one_of_fifty_calls_is_let_in_as_a_probe(
    gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker
) -> None:
    await open_breaker()
    await pass_time(redis, OPEN_SECONDS)
    calls = Calls()
    await calls.start(*gates * 25)
    assert len(calls.inside) == 1
    assert {error.code for error in calls.errors} == {"model_unavailable"}
    assert all(error.retry_after and error.retry_after <= 2 for error in calls.errors)
    await calls.end(ANSWERED)
    later = Calls()
    await later.start(*gates * 25)
    assert len(later.inside) == 50
    await later.end()


async def test_each_probe_that_fails_doubles_the_pause(
    gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker
) -> None:
    await open_breaker()
    pauses = []
    for gate in gates * 4:
        pauses.append((await read_state(redis))["pause"])
        assert (await rejection(gate)).code == "model_unavailable"
        await pass_time(redis, LONG + pauses[-1] / 1000)
        await make_call(gate, UNAVAILABLE)
        await extend_waits(redis)
    assert pauses == [2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]


async def test_after_a_good_probe_the_breaker_starts_afresh(
    gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker
) -> None:
    for _ in range(2):
        await open_breaker()
        await pass_time(redis, OPEN_SECONDS)
        await make_call(gates[0], UNAVAILABLE)
        await pass_time(redis, 4)
        await make_call(gates[1], rate_limited())
        await pass_time(redis, 2)
    for _ in range(9):
        await make_call(gates[0], UNAVAILABLE)
    await make_call(gates[1], UNAVAILABLE)
    assert (await read_state(redis))["pause"] == 2000


async def test_the_pause_is_jittered(redis: Redis, redis_url: str) -> None:
    pauses = []
    for chance in (0.0, 0.9):
        gate = ModelGate(redis, "tests", CALL_SECONDS, random_fraction=lambda chance=chance: chance)  # type: ignore[misc]
        for _ in range(10):
            await make_call(gate, UNAVAILABLE)
        state = await read_state(redis)
        # No report asked to wait, so `not_before` is when the last call ended.
        pauses.append(state["open_until"] - state["not_before"])
        await redis.flushall()
    assert pauses == [1000, 1900]


async def test_a_probe_that_never_ends_is_replaced(
    gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker
) -> None:
    await open_breaker()
    await pass_time(redis, OPEN_SECONDS)
    dead, successor = Calls(), Calls()
    await dead.start(gates[0])
    await pass_time(redis, CALL_SECONDS / 2)
    assert (await rejection(gates[1])).code == "model_unavailable"
    await pass_time(redis, CALL_SECONDS / 2)
    await successor.start(*gates)
    assert len(dead.inside) == len(successor.inside) == 1
    # The first probe's report has no effect any more.
    await dead.end(ANSWERED)
    assert (await rejection(gates[0])).code == "model_unavailable"
    await successor.end(ANSWERED)
    await make_call(gates[0])


async def test_a_probe_that_is_cancelled_is_replaced_at_once(
    gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker
) -> None:
    await open_breaker()
    await pass_time(redis, OPEN_SECONDS)
    calls = Calls()
    await calls.start(gates[0])
    assert (await rejection(gates[1])).code == "model_unavailable"
    await calls.cancel()
    await make_call(gates[1], ANSWERED)
    await make_call(gates[0])


@pytest.mark.parametrize("report", [ANSWERED, UNAVAILABLE])
async def test_only_the_probe_decides(
    gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker, report: CallReport
) -> None:
    before, late = Calls(), Calls()
    await before.start(gates[0])
    await late.start(gates[1])
    await open_breaker()
    await before.end(report)
    assert (await rejection(gates[0])).code == "model_unavailable"
    await pass_time(redis, OPEN_SECONDS)
    probe = Calls()
    await probe.start(gates[0])
    await late.end(report)
    assert (await rejection(gates[0])).code == "model_unavailable"
    await probe.end(ANSWERED)
    await make_call(gates[1])


async def test_limits_apply_to_the_probe_too(gates: list[ModelGate], redis: Redis, open_breaker: OpenBreaker) -> None:
    await make_call(gates[0], rate_limited(300))
    await pass_time(redis, 100)
    await write_state(redis, pause=2000, open_until=1)
    assert (await rejection(gates[1])).code == "model_rate_limited"
    await pass_time(redis, 200)
    await make_call(gates[1], ANSWERED)
    assert (await read_state(redis))["pause"] == 0


async def test_a_call_does_not_wait_for_a_place_while_the_provider_is_unavailable(redis_url: str, redis: Redis) -> None:
    async with open_gates(redis_url, redis_url, max_calls=1) as (full, other):
        calls = Calls()
        await calls.start(full)
        for _ in range(10):
            await make_call(other, UNAVAILABLE)
        await extend_waits(redis)
        assert (await rejection(full)).code == "model_unavailable"
        await calls.end()
