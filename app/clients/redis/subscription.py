"""Subscriptions that do not stay with a server that is no longer the right one."""

import asyncio
from collections.abc import AsyncGenerator

from redis.asyncio import Redis

# Seconds without a message after which a subscription is made again, on a new connection. A server that was cut off or
# demoted may keep its subscribers for ever, and answer their PING, while others publish to its successor.
_QUIET_SECONDS = 6.0
# Seconds for the reply to SUBSCRIBE.
_CONFIRMATION_SECONDS = 1.0


async def subscribe(
    redis: Redis, channel: str, poll_seconds: float, quiet_seconds: float = _QUIET_SECONDS
) -> AsyncGenerator[bytes | None]:
    """The messages of a channel; None whenever some may have been missed, and when `poll_seconds` passed without any.

    Raises:
        RedisError, OSError, TimeoutError, RuntimeError: Redis is unavailable.
    """
    loop = asyncio.get_running_loop()
    while True:
        async with redis.pubsub() as subscription:
            await subscription.subscribe(channel)
            if await subscription.get_message(timeout=_CONFIRMATION_SECONDS) is None:
                raise TimeoutError("Redis did not confirm a subscription")
            yield None
            heard = loop.time()
            while loop.time() - heard < quiet_seconds:
                message = await subscription.get_message(
                    ignore_subscribe_messages=True, timeout=min(poll_seconds, quiet_seconds)
                )
                if message:
                    heard = loop.time()
                yield message["data"] if message else None
