"""The gate shares the provider's limits among all workers, and concurrent calls never exceed them."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate, gate_name
from app.clients.llm.rate_limits import CallOutcome, CallReport, Limits
from tests.clients.llm.gates import (
    CALL_SECONDS,
    KEY,
    Calls,
    left,
    make_call,
    open_gates,
    pass_time,
    rate_limited,
    read_state,
    rejection,
)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def gates(redis_url: str) -> AsyncIterator[list[ModelGate]]:
    async with open_gates(redis_url, redis_url) as opened:
        yield opened


async def test_ten_of_a_hundred_calls_are_let_in_when_ten_are_left(gates: list[ModelGate]) -> None:
    await make_call(gates[0], left(requests=10))
    calls = Calls()
    await calls.start(*gates * 50)
    assert len(calls.inside) == 10
    assert {error.code for error in calls.errors} == {"model_rate_limited"}
    assert all(error.retry_after and 0 < error.retry_after <= 50 for error in calls.errors)
    await calls.end()


async def test_each_call_takes_the_tokens_that_it_needs(gates: list[ModelGate]) -> None:
    await make_call(gates[0], left(tokens=1000))
    calls = Calls()
    await calls.start(*gates * 5, tokens=300)
    assert len(calls.inside) == 3
    await calls.start(gates[1], tokens=100)
    assert len(calls.inside) == 4
    await calls.end()


async def test_all_calls_are_let_in_at_first_and_after_the_reset(gates: list[ModelGate], redis: Redis) -> None:
    calls = Calls()
    await calls.start(*gates * 20)
    assert len(calls.inside) == 40
    await calls.end(left(requests=0))
    assert (await rejection(gates[0])).code == (await rejection(gates[1])).code == "model_rate_limited"
    await pass_time(redis, 50)
    later = Calls()
    await later.start(*gates * 20)
    assert len(later.inside) == 40
    await later.end()


async def test_a_short_wait_is_slept_through(gates: list[ModelGate], redis: Redis) -> None:
    await make_call(gates[0], left(requests=0, reset=0.2))
    reset = (await read_state(redis))["requests_until"]
    async with gates[1].call(1):
        seconds, microseconds = await redis.time()
        assert seconds * 1000 + microseconds // 1000 >= reset


async def test_calls_in_flight_are_subtracted_from_what_is_left(gates: list[ModelGate]) -> None:
    calls = Calls()
    await calls.start(gates[0], gates[0], gates[1])
    await make_call(gates[1], left(requests=5))
    await calls.start(*gates * 5)
    assert len(calls.inside) == 3 + 2
    await calls.end()


async def test_a_call_in_flight_is_not_counted_twice(gates: list[ModelGate]) -> None:
    await make_call(gates[0], left(requests=50))
    calls = Calls()
    await calls.start(*gates * 10)
    # The provider has counted the calls in flight, which the gate cannot know; but it has counted them itself.
    await make_call(gates[0], left(requests=29))
    await calls.start(*gates * 30)
    assert len(calls.inside) == 20 + 29
    await calls.end()


async def test_the_report_of_an_older_call_does_not_raise_what_is_left(gates: list[ModelGate]) -> None:
    async with gates[0].call(1) as older:
        await make_call(gates[1], left(requests=3))
        older.report = left(requests=9)
    calls = Calls()
    await calls.start(*gates * 10)
    # The older call was in flight when the younger one reported.
    assert len(calls.inside) == 2
    await calls.end()


async def test_the_report_of_any_call_lowers_what_is_left(gates: list[ModelGate]) -> None:
    async with gates[0].call(1) as older:
        await make_call(gates[1], left(requests=30))
        older.report = left(requests=3)
    calls = Calls()
    await calls.start(*gates * 10)
    assert len(calls.inside) == 3
    await calls.end()


async def test_the_report_of_a_younger_call_raises_what_is_left(gates: list[ModelGate]) -> None:
    await make_call(gates[0], left(requests=2))
    await make_call(gates[1], left(requests=7))
    calls = Calls()
    await calls.start(*gates * 10)
    assert len(calls.inside) == 7
    await calls.end()


@pytest.mark.parametrize(
    ("report", "seconds"),
    [
        (rate_limited(300), 300),
        (rate_limited(300, Limits(0, 900, 400, 500)), 400),
        (rate_limited(300, Limits(0, 0, 200, 500)), 500),
        (rate_limited(None, Limits(9, 0, 500, 200)), 200),
        (rate_limited(700, Limits(reset_requests_seconds=800, reset_tokens_seconds=900)), 900),
        (CallReport(CallOutcome.UNAVAILABLE, 300), 300),
        (left(requests=9, retry_after=300), 300),
        (rate_limited(80_000), 3600),
    ],
)
async def test_one_report_holds_all_workers_back(
    gates: list[ModelGate], redis: Redis, report: CallReport, seconds: float
) -> None:
    await make_call(gates[0], report)
    error = await rejection(gates[1])
    assert error.code == "model_rate_limited"
    assert error.retry_after and seconds - 100 < error.retry_after <= seconds
    await pass_time(redis, seconds - 100)
    assert (await rejection(gates[1])).code == "model_rate_limited"
    await pass_time(redis, 100)
    await make_call(gates[1])


async def test_too_many_requests_without_a_time_hold_back_for_a_second(gates: list[ModelGate], redis: Redis) -> None:
    await make_call(gates[0], rate_limited())
    state = await read_state(redis)
    assert state["not_before"] >= state["began"] + 1000


async def test_waits_are_jittered(redis_url: str) -> None:
    redis: Redis = Redis.from_url(redis_url)
    chances = iter([0.0, 0.0, 1.0])
    gate = ModelGate(redis, "tests", CALL_SECONDS, random_fraction=lambda: next(chances))
    await make_call(gate, rate_limited(300))
    first, second = await rejection(gate), await rejection(gate)
    assert first.retry_after and second.retry_after
    assert second.retry_after - first.retry_after > 1
    await redis.aclose()


async def test_calls_of_a_dead_worker_drop_out(gates: list[ModelGate], redis: Redis) -> None:
    hung = gates[0].call(300)
    await hung.__aenter__()
    await make_call(gates[1], left(requests=5, tokens=5000, reset=3600))
    assert ((await read_state(redis))["requests_left"], (await read_state(redis))["tokens_left"]) == (4, 4700)
    for _ in range(2):
        await pass_time(redis, CALL_SECONDS)
        await make_call(gates[1])
    state = await read_state(redis)
    assert (state["calls"], state["calls_before"], state["tokens"], state["tokens_before"]) == (0, 0, 0, 0)
    async with gates[1].call(1):
        await hung.__aexit__(None, None, None)
        assert (await read_state(redis))["calls"] == 1


async def test_the_state_expires_after_hours(gates: list[ModelGate], redis: Redis) -> None:
    await make_call(gates[0])
    assert 3_600_000 < await redis.pttl(KEY) <= 7_200_000


def test_the_name_of_a_gate_depends_on_endpoint_and_model_without_revealing_them() -> None:
    names = [gate_name(None, "m"), gate_name("http://one/v1", "m"), gate_name("http://one/v1", "n")]
    assert len(set(names)) == 3
    assert names[1] == gate_name("http://one/v1", "m")
    assert all(len(name) == 16 and name.isalnum() for name in names)
