"""Publishing through Redis which assessments have changed, so that servers can answer the clients that wait.

A lost message delays such an answer by a few seconds: servers also look for changes in the database
(`app.services.assessments.change_hub`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import NoReturn
from uuid import UUID

from redis.asyncio import Redis

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.clients.redis.subscription import subscribe
from app.outages import REDIS

_CHANNEL = "assay:changed"
_ID_BYTES = 16
# Ids in one message. Those that come on top while Redis is unavailable are left to the servers' own looks, and so is
# everything in a longer message, which is not ours.
_MAX_IDS = 10_000
# Seconds between tries while Redis is unavailable, and between looks at the database while nothing is published.
_RETRY_SECONDS = 0.5
_IDLE_SECONDS = 10.0
# Seconds for the last message of a process that stops.
_LAST_MESSAGE_SECONDS = 0.5

# Called with the id of an assessment that has changed.
PublishChange = Callable[[UUID], None]


def publish_nothing(assessment_id: UUID) -> None:
    """Does nothing, for processes without a change feed."""


class ChangeFeed:
    """Publishes the ids of changed assessments, and subscribes to those that any process publishes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._changed: set[UUID] = set()
        self._not_empty = asyncio.Event()

    def publish(self, assessment_id: UUID) -> None:
        """Has the change published soon by `run_publisher`, together with others that come meanwhile."""
        if len(self._changed) < _MAX_IDS:
            self._changed.add(assessment_id)
            self._not_empty.set()

    async def run_publisher(self) -> NoReturn:
        """Sends what is published until cancelled, and then what is left."""
        try:
            while True:
                await self._not_empty.wait()
                await self._send()
        finally:
            async with asyncio.timeout(_LAST_MESSAGE_SECONDS):
                await self._send()

    async def subscribe(self) -> AsyncGenerator[frozenset[UUID] | None]:
        """The ids that processes publish, message by message; None whenever messages may have been missed. Waits while
        Redis is unavailable."""
        while True:
            try:
                async with aclosing(subscribe(self._redis, _CHANNEL, _IDLE_SECONDS)) as messages:
                    async for message in messages:
                        yield None if message is None or len(message) > _MAX_IDS * _ID_BYTES else _ids(message)
            except REDIS_UNAVAILABLE as error:
                REDIS.report(error, "subscribing to changes")
            await asyncio.sleep(_RETRY_SECONDS)

    async def _send(self) -> None:
        self._not_empty.clear()
        changed, self._changed = self._changed, set()
        if changed:
            try:
                await self._redis.publish(_CHANNEL, b"".join(assessment_id.bytes for assessment_id in changed))
            except REDIS_UNAVAILABLE as error:
                REDIS.report(error, "publishing changes")


def _ids(message: bytes) -> frozenset[UUID]:
    """The ids in a message; trailing bytes that are no whole id are ignored."""
    whole = len(message) - len(message) % _ID_BYTES
    return frozenset(UUID(bytes=message[at : at + _ID_BYTES]) for at in range(0, whole, _ID_BYTES))
