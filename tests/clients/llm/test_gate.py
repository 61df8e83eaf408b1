"""What the provider says is left is shared by all workers, and never overdrawn by calls at the same time."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate, gate_name
from app.clients.llm.rate_limits import Limits, Outcome, Seen
from tests.clients.llm.gates import KEY, LIFE, Crowd, gates, left, limited, once, pass_time, refused, state


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def two(redis_url: str) -> AsyncIterator[list[ModelGate]]:
    async with gates(redis_url, redis_url) as made:
        yield made


async def test_ten_of_a_hundred_calls_take_what_is_left(two: list[ModelGate]) -> None:
    await once(two[0], left(requests=10))
    crowd = Crowd()
    await crowd.come(*two * 50)
    assert len(crowd.inside) == 10
    assert {trouble.code for trouble in crowd.troubles} == {"model_rate_limited"}
    assert all(trouble.retry_after and 0 < trouble.retry_after <= 50 for trouble in crowd.troubles)
    await crowd.end()


async def test_tokens_are_spent_by_what_a_call_needs(two: list[ModelGate]) -> None:
    await once(two[0], left(tokens=1000))
    crowd = Crowd()
    await crowd.come(*two * 5, tokens=300)
    assert len(crowd.inside) == 3
    await crowd.come(two[1], tokens=100)
    assert len(crowd.inside) == 4
    await crowd.end()


async def test_nothing_is_known_at_first_and_when_the_window_is_over(two: list[ModelGate], redis: Redis) -> None:
    crowd = Crowd()
    await crowd.come(*two * 20)
    assert len(crowd.inside) == 40
    await crowd.end(left(requests=0))
    assert (await refused(two[0])).code == (await refused(two[1])).code == "model_rate_limited"
    await pass_time(redis, 50)
    another = Crowd()
    await another.come(*two * 20)
    assert len(another.inside) == 40
    await another.end()


async def test_a_short_wait_is_slept_through(two: list[ModelGate], redis: Redis) -> None:
    await once(two[0], left(requests=0, reset=0.2))
    reset = (await state(redis))["requests_until"]
    async with two[1].call(1):
        seconds, microseconds = await redis.time()
        assert seconds * 1000 + microseconds // 1000 >= reset


async def test_calls_in_flight_may_not_be_in_the_providers_count(two: list[ModelGate]) -> None:
    crowd = Crowd()
    await crowd.come(two[0], two[0], two[1])
    await once(two[1], left(requests=5))
    await crowd.come(*two * 5)
    assert len(crowd.inside) == 3 + 2
    await crowd.end()


async def test_a_call_in_flight_is_not_counted_twice(two: list[ModelGate]) -> None:
    await once(two[0], left(requests=50))
    crowd = Crowd()
    await crowd.come(*two * 10)
    # The provider has counted them, which cannot be known: our own books can.
    await once(two[0], left(requests=29))
    await crowd.come(*two * 30)
    assert len(crowd.inside) == 20 + 29
    await crowd.end()


async def test_news_of_an_older_call_raises_nothing(two: list[ModelGate]) -> None:
    async with two[0].call(1) as older:
        await once(two[1], left(requests=3))
        older.saw(left(requests=9))
    crowd = Crowd()
    await crowd.come(*two * 10)
    # The older call was in flight when the younger one was heard.
    assert len(crowd.inside) == 2
    await crowd.end()


async def test_news_of_any_call_lowers(two: list[ModelGate]) -> None:
    async with two[0].call(1) as older:
        await once(two[1], left(requests=30))
        older.saw(left(requests=3))
    crowd = Crowd()
    await crowd.come(*two * 10)
    assert len(crowd.inside) == 3
    await crowd.end()


async def test_a_younger_call_raises_what_is_left(two: list[ModelGate]) -> None:
    await once(two[0], left(requests=2))
    await once(two[1], left(requests=7))
    crowd = Crowd()
    await crowd.come(*two * 10)
    assert len(crowd.inside) == 7
    await crowd.end()


@pytest.mark.parametrize(
    ("seen", "seconds"),
    [
        (limited(300), 300),
        (limited(300, Limits(0, 900, 400, 500)), 400),
        (limited(300, Limits(0, 0, 200, 500)), 500),
        (limited(None, Limits(9, 0, 500, 200)), 200),
        (limited(700, Limits(reset_requests_seconds=800, reset_tokens_seconds=900)), 900),
        (Seen(Outcome.UNAVAILABLE, 300), 300),
        (left(requests=9, retry_after=300), 300),
        (limited(80_000), 3600),
    ],
)
async def test_one_that_is_told_to_wait_holds_back_all(
    two: list[ModelGate], redis: Redis, seen: Seen, seconds: float
) -> None:
    await once(two[0], seen)
    trouble = await refused(two[1])
    assert trouble.code == "model_rate_limited"
    assert trouble.retry_after and seconds - 100 < trouble.retry_after <= seconds
    await pass_time(redis, seconds - 100)
    assert (await refused(two[1])).code == "model_rate_limited"
    await pass_time(redis, 100)
    await once(two[1])


async def test_too_many_requests_without_a_time_are_a_second(two: list[ModelGate], redis: Redis) -> None:
    await once(two[0], limited())
    now = await state(redis)
    assert now["not_before"] >= now["began"] + 1000


async def test_who_waits_for_the_same_moment_does_not_come_back_in_it(redis_url: str) -> None:
    redis: Redis = Redis.from_url(redis_url)
    chances = iter([0.0, 0.0, 1.0])
    gate = ModelGate(redis, "tests", LIFE, chance=lambda: next(chances))
    await once(gate, limited(300))
    first, second = await refused(gate), await refused(gate)
    assert first.retry_after and second.retry_after
    assert second.retry_after - first.retry_after > 1
    await redis.aclose()


async def test_calls_of_a_dead_worker_are_forgotten(two: list[ModelGate], redis: Redis) -> None:
    hung = two[0].call(300)
    await hung.__aenter__()
    await once(two[1], left(requests=5, tokens=5000, reset=3600))
    assert ((await state(redis))["requests_left"], (await state(redis))["tokens_left"]) == (4, 4700)
    for _ in range(2):
        await pass_time(redis, LIFE)
        await once(two[1])
    now = await state(redis)
    assert (now["calls"], now["calls_before"], now["tokens"], now["tokens_before"]) == (0, 0, 0, 0)
    async with two[1].call(1):
        await hung.__aexit__(None, None, None)
        assert (await state(redis))["calls"] == 1


async def test_the_books_are_kept_for_hours_and_not_for_ever(two: list[ModelGate], redis: Redis) -> None:
    await once(two[0])
    assert 3_600_000 < await redis.pttl(KEY) <= 7_200_000


def test_a_gate_is_named_by_endpoint_and_model_without_telling_them() -> None:
    names = [gate_name(None, "m"), gate_name("http://one/v1", "m"), gate_name("http://one/v1", "n")]
    assert len(set(names)) == 3
    assert names[1] == gate_name("http://one/v1", "m")
    assert all(len(name) == 16 and name.isalnum() for name in names)
