"""A provider that is away is left alone by all workers, and asked by one whether it is back."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis

from app.clients.llm.gate import ModelGate
from app.clients.llm.rate_limits import Outcome, Seen
from tests.clients.llm.gates import (
    AWAY,
    GOOD,
    LIFE,
    LONG,
    Crowd,
    gates,
    give_time,
    limited,
    once,
    pass_time,
    refused,
    state,
    write,
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
    async with gates(redis_url, redis_url) as made:
        yield made


@pytest.fixture
def opened(two: list[ModelGate], redis: Redis) -> Opened:
    """Opens the breaker for long; the pause is over when `OPEN` seconds have passed."""

    async def open_it() -> None:
        for gate in two * 5:
            await once(gate, AWAY)
        await give_time(redis)

    return open_it


async def test_ten_failures_in_a_row_of_all_workers_open_it_for_all(two: list[ModelGate], redis: Redis) -> None:
    for gate in [*two * 4, two[0]]:
        await once(gate, AWAY)
    await once(two[1], AWAY)
    await give_time(redis)
    for gate in two:
        trouble = await refused(gate)
        assert (trouble.code, trouble.detail) == ("model_unavailable", "the model is not available")
        assert trouble.retry_after and LONG - 100 < trouble.retry_after <= LONG + 2


@pytest.mark.parametrize("seen", [GOOD, limited()])
async def test_any_answer_in_between_begins_the_count_again(two: list[ModelGate], redis: Redis, seen: Seen) -> None:
    for _ in range(2):
        for _ in range(9):
            await once(two[0], AWAY)
        await once(two[1], seen)
        await pass_time(redis, 2)
    await once(two[0])


async def test_calls_that_say_nothing_are_not_counted(two: list[ModelGate], redis: Redis) -> None:
    for _ in range(9):
        await once(two[0], AWAY)
    await once(two[0], Seen(Outcome.UNKNOWN))
    await once(two[1])
    for _ in range(9):
        await once(two[0], AWAY)
        await once(two[1], Seen(Outcome.UNKNOWN))
    await once(two[0], AWAY)
    assert (await state(redis))["pause"] > 0


async def test_one_of_fifty_asks_whether_it_is_back(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await opened()
    await pass_time(redis, OPEN)
    crowd = Crowd()
    await crowd.come(*two * 25)
    assert len(crowd.inside) == 1
    assert {trouble.code for trouble in crowd.troubles} == {"model_unavailable"}
    assert all(trouble.retry_after and trouble.retry_after <= 2 for trouble in crowd.troubles)
    await crowd.end(GOOD)
    another = Crowd()
    await another.come(*two * 25)
    assert len(another.inside) == 50
    await another.end()


async def test_each_probe_that_fails_doubles_the_pause(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await opened()
    pauses = []
    for gate in two * 4:
        pauses.append((await state(redis))["pause"])
        assert (await refused(gate)).code == "model_unavailable"
        await pass_time(redis, LONG + pauses[-1] / 1000)
        await once(gate, AWAY)
        await give_time(redis)
    assert pauses == [2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]


async def test_after_a_good_probe_all_is_as_at_first(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    for _ in range(2):
        await opened()
        await pass_time(redis, OPEN)
        await once(two[0], AWAY)
        await pass_time(redis, 4)
        await once(two[1], limited())
        await pass_time(redis, 2)
    for _ in range(9):
        await once(two[0], AWAY)
    await once(two[1], AWAY)
    assert (await state(redis))["pause"] == 2000


async def test_the_pause_is_jittered(redis: Redis, redis_url: str) -> None:
    pauses = []
    for chance in (0.0, 0.9):
        gate = ModelGate(redis, "tests", LIFE, chance=lambda chance=chance: chance)  # type: ignore[misc]
        for _ in range(10):
            await once(gate, AWAY)
        now = await state(redis)
        # Nobody was asked to wait, so this is when the last call ended.
        pauses.append(now["open_until"] - now["not_before"])
        await redis.flushall()
    assert pauses == [1000, 1900]


async def test_a_probe_that_never_ends_is_replaced(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await opened()
    await pass_time(redis, OPEN)
    dead, successor = Crowd(), Crowd()
    await dead.come(two[0])
    await pass_time(redis, LIFE / 2)
    assert (await refused(two[1])).code == "model_unavailable"
    await pass_time(redis, LIFE / 2)
    await successor.come(*two)
    assert len(dead.inside) == len(successor.inside) == 1
    # What the first says now is of no interest any more, be it good or bad.
    await dead.end(GOOD)
    assert (await refused(two[0])).code == "model_unavailable"
    await successor.end(GOOD)
    await once(two[0])


async def test_a_probe_that_is_cancelled_is_replaced_at_once(
    two: list[ModelGate], redis: Redis, opened: Opened
) -> None:
    await opened()
    await pass_time(redis, OPEN)
    crowd = Crowd()
    await crowd.come(two[0])
    assert (await refused(two[1])).code == "model_unavailable"
    await crowd.cancel()
    await once(two[1], GOOD)
    await once(two[0])


@pytest.mark.parametrize("seen", [GOOD, AWAY])
async def test_only_the_probe_decides(two: list[ModelGate], redis: Redis, opened: Opened, seen: Seen) -> None:
    before, late = Crowd(), Crowd()
    await before.come(two[0])
    await late.come(two[1])
    await opened()
    await before.end(seen)
    assert (await refused(two[0])).code == "model_unavailable"
    await pass_time(redis, OPEN)
    probe = Crowd()
    await probe.come(two[0])
    await late.end(seen)
    assert (await refused(two[0])).code == "model_unavailable"
    await probe.end(GOOD)
    await once(two[1])


async def test_limits_are_kept_by_the_probe_as_well(two: list[ModelGate], redis: Redis, opened: Opened) -> None:
    await once(two[0], limited(300))
    await pass_time(redis, 100)
    await write(redis, pause=2000, open_until=1)
    assert (await refused(two[1])).code == "model_rate_limited"
    await pass_time(redis, 200)
    await once(two[1], GOOD)
    assert (await state(redis))["pause"] == 0


async def test_who_waits_for_a_place_learns_that_the_provider_is_away(redis_url: str, redis: Redis) -> None:
    async with gates(redis_url, redis_url, calls=1) as (full, other):
        crowd = Crowd()
        await crowd.come(full)
        for _ in range(10):
            await once(other, AWAY)
        await give_time(redis)
        assert (await refused(full)).code == "model_unavailable"
        await crowd.end()
