"""Publishing through Redis which API keys have changed, so that servers read them again.

A lost message delays a revocation by a few seconds: servers also read keys again that they have not read for a while
(`app.services.api_keys.known_keys`).
"""

import asyncio
from collections.abc import AsyncGenerator
from uuid import UUID

from redis.asyncio import Redis

from app.clients.redis.subscription import encode_ids, subscribe_to_ids

_CHANNEL = "assay:api-keys"
# Seconds for a message, connecting included: whoever revokes a key waits for it.
_PUBLISH_SECONDS = 1.0


class KeyFeed:
    """Publishes the ids of changed API keys, and subscribes to those that any process publishes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def publish(self, key_id: UUID) -> None:
        """Publishes that a key has changed.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable.
        """
        async with asyncio.timeout(_PUBLISH_SECONDS):
            await self._redis.publish(_CHANNEL, encode_ids([key_id]))

    def subscribe(self) -> AsyncGenerator[frozenset[UUID] | None]:
        """The ids that processes publish, message by message; None whenever messages may have been missed. Waits while
        Redis is unavailable."""
        return subscribe_to_ids(self._redis, _CHANNEL, "subscribing to changes of API keys")
