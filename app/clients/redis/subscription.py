"""Subscriptions that do not stay with a server that is no longer the right one, and messages that consist of ids."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from uuid import UUID

from redis.asyncio import Redis

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.outages import REDIS

# Seconds without a message after which a subscription is made again, on a new connection. A server that was cut off or
# demoted may keep its subscribers for ever, and answer their PING, while others publish to its successor.
_QUIET_SECONDS = 6.0
# Seconds for the reply to SUBSCRIBE.
_CONFIRMATION_SECONDS = 1.0
# Seconds between tries while Redis is unavailable, and between looks at the database while nothing is published.
_RETRY_SECONDS = 0.5
_IDLE_SECONDS = 10.0
_ID_BYTES = 16
# Ids in one message. A longer one is not ours, and says nothing about what has changed.
MAX_IDS = 10_000


async def subscribe(
    redis: Redis, channel: str, poll_seconds: float, quiet_seconds: float = _QUIET_SECONDS
) -> AsyncGenerator[bytes | None]:
    """The messages of a channel; None whenever some may have been missed, and when `poll_seconds` passed without any
    and the subscription goes on.

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
                    yield message["data"]
                elif loop.time() - heard < quiet_seconds:
                    yield None


async def subscribe_to_ids(redis: Redis, channel: str, during: str) -> AsyncGenerator[frozenset[UUID] | None]:
    """The ids in the messages of a channel, message by message; None whenever messages may have been missed. Waits
    while Redis is unavailable; `during` says in the log what is affected."""
    while True:
        try:
            async with aclosing(subscribe(redis, channel, _IDLE_SECONDS)) as messages:
                async for message in messages:
                    yield None if message is None or len(message) > MAX_IDS * _ID_BYTES else _decode_ids(message)
        except REDIS_UNAVAILABLE as error:
            REDIS.report(error, during)
        await asyncio.sleep(_RETRY_SECONDS)


def encode_ids(ids: Iterable[UUID]) -> bytes:
    """A message that consists of these ids."""
    return b"".join(each.bytes for each in ids)


def _decode_ids(message: bytes) -> frozenset[UUID]:
    """The ids in a message; trailing bytes that are no whole id are ignored."""
    whole = len(message) - len(message) % _ID_BYTES
    return frozenset(UUID(bytes=message[at : at + _ID_BYTES]) for at in range(0, whole, _ID_BYTES))
