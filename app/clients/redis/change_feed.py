"""Which assessments have changed, told by whoever changed them to all servers, through Redis.

What is lost on the way costs seconds, not an answer: servers look by themselves, too
(`app.services.assessments.change_hub`).
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NoReturn
from uuid import UUID

from redis.asyncio import Redis

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.outages import REDIS

_CHANNEL = "assay:changed"
_ID_BYTES = 16
# Told in one message; what comes while Redis is away beyond it is left to the servers' own looks.
_MOST = 10_000
# Seconds between tries while Redis is away, and between signs of life of a quiet subscription.
_PAUSE = 0.5
_QUIET = 5.0
# Seconds for the last message of a process that stops.
_LAST = 0.5


# Is told of an assessment that has changed.
PublishChange = Callable[[UUID], None]


def publish_nothing(assessment_id: UUID) -> None:
    """Where nobody follows."""


class ChangeFeed:
    """One process' end of the channel."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._changed: set[UUID] = set()
        self._some = asyncio.Event()

    def publish(self, assessment_id: UUID) -> None:
        """Has it told soon; changes that come while others are being told are told together."""
        if len(self._changed) < _MOST:
            self._changed.add(assessment_id)
            self._some.set()

    async def run_publisher(self) -> NoReturn:
        """Tells what is announced until cancelled, and what is left then."""
        try:
            while True:
                await self._some.wait()
                await self._tell_now()
        finally:
            async with asyncio.timeout(_LAST):
                await self._tell_now()

    async def subscribe(self) -> AsyncIterator[frozenset[UUID] | None]:
        """What the processes tell; None where something may have been missed. A Redis that is away is waited for."""
        while True:
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(_CHANNEL)
                    yield None
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=_QUIET)
                        if message:
                            yield _ids(message["data"])
            except REDIS_UNAVAILABLE as error:
                REDIS.report(error, "subscribing to changes")
            await asyncio.sleep(_PAUSE)

    async def _tell_now(self) -> None:
        self._some.clear()
        changed, self._changed = self._changed, set()
        if changed:
            try:
                await self._redis.publish(_CHANNEL, b"".join(each.bytes for each in changed))
            except REDIS_UNAVAILABLE as error:
                REDIS.report(error, "publishing changes")


def _ids(message: bytes) -> frozenset[UUID]:
    """The ids in a message; a message that is none of ours names nobody."""
    whole = len(message) - len(message) % _ID_BYTES
    return frozenset(UUID(bytes=message[at : at + _ID_BYTES]) for at in range(0, whole, _ID_BYTES))
