"""Subscriptions that hear nothing."""

from contextlib import aclosing

from redis.asyncio import Redis

from app.clients.redis.job_queue import connect
from app.clients.redis.subscription import subscribe


async def _subscriptions(redis: Redis) -> int:
    stats = await redis.info("commandstats")
    return int(stats.get("cmdstat_subscribe", {}).get("calls", 0))


async def test_a_quiet_subscription_says_once_that_messages_may_be_missing_each_time_it_is_made(redis_url: str) -> None:
    redis = connect(redis_url)
    async with redis:
        before = await _subscriptions(redis)
        async with aclosing(subscribe(redis, "quiet", 10.0, quiet_seconds=0.1)) as messages:
            assert [await anext(messages) for _ in range(4)] == [None] * 4
        assert await _subscriptions(redis) == before + 4
