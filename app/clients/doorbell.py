"""The doorbell: a message through Redis, in arq's format, that names a job of `async_jobs`."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import orjson
from arq.constants import default_queue_name, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Redis
from redis.exceptions import RedisError

RUN_JOB = "run_job"
# A message that nobody took for an hour is worth nothing: the sweeper rings again long before.
_MESSAGE_LIFE_MS = 3_600_000
# Rings within a minute are one message. A later one has an id of its own, since a worker that was killed right
# after it took the first leaves arq's mark on that id, and arq would ignore it as long as the mark lasts.
_SAME_RING_MS = 60_000
# Redis is a doorbell, not the truth: whoever rings may not wait long for it.
_TIMEOUT = 1.0
REDIS_AWAY = (RedisError, OSError, TimeoutError)


class Rung(Protocol):
    """A job to ring for; the fence tells one ring from the next."""

    @property
    def job_id(self) -> UUID: ...
    @property
    def fence(self) -> int: ...


@dataclass(frozen=True)
class Doorbell:
    """Rings for jobs."""

    redis: Redis

    async def ring(self, jobs: Sequence[Rung]) -> None:
        """Tells the workers of these jobs, in one round trip.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away; the sweeper will ring.
        """
        now = int(time.time() * 1000)
        async with self.redis.pipeline(transaction=True) as pipe:
            for job in jobs:
                message_id = f"{job.job_id}:{job.fence}:{now // _SAME_RING_MS}"
                pipe.set(job_key_prefix + message_id, _message(job.job_id, now), px=_MESSAGE_LIFE_MS)
                pipe.zadd(default_queue_name, {message_id: now}, nx=True)
            await pipe.execute()

    async def ping(self) -> None:
        """Does nothing when Redis is there.

        Raises:
            RedisError, OSError, TimeoutError: it is not.
        """
        await self.redis.ping()


def connect(url: str, **options: Any) -> Redis:
    """A client that connects when it is first used, and never waits long."""
    client: Redis = Redis.from_url(
        url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT, health_check_interval=30, **options
    )
    return client


def encode(message: Any) -> bytes:
    """JSON, not arq's pickle: who can write to Redis must not be able to run code in a worker."""
    return orjson.dumps(message)


decode = orjson.loads


def _message(job_id: UUID, now: int) -> bytes:
    return serialize_job(RUN_JOB, (str(job_id),), {}, None, now, serializer=encode)
