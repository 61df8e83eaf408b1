"""Publishing through Redis which assessments have changed, so that servers can answer the clients that wait.

A lost message delays such an answer by a few seconds: servers also look for changes in the database
(`app.services.assessments.change_hub`).
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import NoReturn
from uuid import UUID

from redis.asyncio import Redis

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.clients.redis.subscription import MAX_IDS, encode_ids, subscribe_to_ids
from app.outages import REDIS

_CHANNEL = "assay:changed"
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
        # Those that come on top while Redis is unavailable are left to the servers' own looks.
        if len(self._changed) < MAX_IDS:
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

    def subscribe(self) -> AsyncGenerator[frozenset[UUID] | None]:
        """The ids that processes publish, message by message; None whenever messages may have been missed. Waits while
        Redis is unavailable."""
        return subscribe_to_ids(self._redis, _CHANNEL, "subscribing to changes")

    async def _send(self) -> None:
        self._not_empty.clear()
        changed, self._changed = self._changed, set()
        if changed:
            try:
                await self._redis.publish(_CHANNEL, encode_ids(changed))
            except REDIS_UNAVAILABLE as error:
                REDIS.report(error, "publishing changes")
