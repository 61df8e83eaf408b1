"""Whatever the gate's key in Redis contains, calls are let in and counted."""

import pytest
from redis.asyncio import Redis

from tests.clients.llm.gates import KEY, Calls, left, make_call, open_gates
from tests.clients.redis.garbage import KINDS, spoil_key

_FIELDS = (
    "serial", "began", "began_before", "calls", "calls_before", "tokens", "tokens_before", "requests_left",
    "requests_until", "tokens_left", "tokens_until", "not_before", "learned", "failures", "pause", "open_until",
    "probe", "probe_until",
)  # fmt: skip
_VALUES = ("", "x", "nan", "inf", "-inf", "1e308", "-1e308", "9" * 1000, "9999999999999999")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_of_another_type_is_replaced(redis_url: str, kind: tuple[str | bytes, ...]) -> None:
    async with open_gates(redis_url) as (gate,), Redis.from_url(redis_url) as redis:
        await spoil_key(redis, KEY, kind)
        await make_call(gate, left(requests=3))
        assert await redis.execute_command("HGET", KEY, "requests_left") == b"3"
        calls = Calls()
        await calls.start(*[gate] * 5)
        assert len(calls.inside) == 3
        await calls.end()


@pytest.mark.parametrize("value", _VALUES)
async def test_a_number_that_cannot_be_ours_is_no_number(redis_url: str, value: str) -> None:
    async with open_gates(redis_url) as (gate,), Redis.from_url(redis_url) as redis:
        for field in _FIELDS:
            await redis.delete(KEY)
            await redis.hset(KEY, mapping={"pause": "2000", field: value})
            await make_call(gate, left(requests=3))
            assert await redis.execute_command("HGET", KEY, "requests_left") == b"3", field
        await redis.hset(KEY, mapping=dict.fromkeys(_FIELDS, value))
        await make_call(gate)
