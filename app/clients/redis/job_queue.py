"""Queues in Redis, in arq's format, that tell workers which jobs and webhook messages are due.

Each type of job has its own queue, and so have webhooks, so that a quick job never waits behind a slow one. Redis may
lose everything at any moment: whether a job is due is decided by its row in Postgres, and workers send notifications
again if nobody took the first (`app.services.jobs.maintenance`).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from arq.constants import default_queue_name, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from app.clients.redis.connections import open_pool
from app.domain.job.notification import JobNotification
from app.domain.states import QUEUES

RUN_JOB = "run_job"
# Messages that nobody took expire after an hour; workers have sent another one long before.
_MESSAGE_TTL_MS = 3_600_000
# Seconds. Short, because Redis only speeds things up: nobody may wait long for it.
_TIMEOUT = 1.0
# Seconds between checks of an idle connection, so that a dead one is noticed.
_HEALTH_CHECK_SECONDS = 10
# The key of a write that only shows whether Redis takes writes, and the limit for all of that, with the connecting.
_WRITE_CHECK = "assay:write-check"
_WRITE_CHECK_TTL_MS = 10_000
_CHECK_SECONDS = 2.0
# One script instead of three commands for each job, because most of the time is spent on round trips.
_NOTIFY = """
local queues = {}
for i = 3, #ARGV, 3 do
    local queue, id, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    redis.call('SET', KEYS[1] .. id, message, 'PX', ARGV[2])
    redis.call('ZADD', queue, 'NX', ARGV[1], id)
    queues[queue] = true
end
for queue in pairs(queues) do
    redis.call('PUBLISH', queue .. KEYS[2], '')
end
"""
# What the client raises while Redis is unavailable. uvloop raises RuntimeError on a write to a connection that has just
# been closed, and redis-py does not translate it.
REDIS_UNAVAILABLE = (RedisError, OSError, TimeoutError, RuntimeError)


@dataclass(frozen=True)
class JobQueue:
    """Notifies workers of jobs that are due."""

    redis: Redis

    @cached_property
    def _script(self) -> AsyncScript:
        return self.redis.register_script(_NOTIFY)

    async def notify(self, notifications: Sequence[JobNotification]) -> None:
        """Leaves a message for each job and wakes the workers, in one round trip. Notifications of the same job and
        fence are one message.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable; the workers' relay sends them later.
        """
        now = int(time.time() * 1000)
        args: list[str | bytes | int] = [now, _MESSAGE_TTL_MS]
        for due in notifications:
            args += [queue_key(due.queue), f"{due.job_id}:{due.fence}", _message(due.job_id, now)]
        await self._script(keys=[job_key_prefix, wakeup_channel("")], args=args)

    async def queue_lengths(self) -> dict[str, int]:
        """The number of messages in each queue that no worker has taken yet, in one round trip.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable, or takes no writes.
        """
        async with self.redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queue_key(queue))
            pipe.set(_WRITE_CHECK, b"", px=_WRITE_CHECK_TTL_MS)
            *lengths, _ = await pipe.execute()
            return dict(zip(QUEUES, lengths, strict=True))

    async def check_writable(self) -> None:
        """Checks with a write that Redis is available: replicas and servers without memory answer PING, too.

        Raises:
            RedisError, OSError, TimeoutError: it is not.
        """
        async with asyncio.timeout(_CHECK_SECONDS):
            await self.redis.set(_WRITE_CHECK, b"", px=_WRITE_CHECK_TTL_MS)


def connect(url: str, **options: Any) -> Redis:
    """A Redis client that connects at its first use and has short timeouts.

    Raises:
        ValueError: the URL cannot be read, or has an unknown option.
    """
    defaults = {
        "socket_connect_timeout": _TIMEOUT,
        "socket_timeout": _TIMEOUT,
        "health_check_interval": _HEALTH_CHECK_SECONDS,
    }
    return Redis.from_pool(open_pool(url, **(defaults | options)))


def queue_key(queue: str) -> str:
    """The Redis key of the queue of a job type, or of webhooks."""
    return f"{default_queue_name}:{queue}"


def wakeup_channel(queue: str) -> str:
    """The Redis channel that wakes the workers of a queue, given its key."""
    return f"{queue}:rung"


def encode(message: Any) -> bytes:
    """JSON instead of arq's pickle: whoever can write to Redis must not be able to run code in a worker."""
    return orjson.dumps(message)


decode = orjson.loads


def _message(job_id: UUID, now: int) -> bytes:
    return serialize_job(RUN_JOB, (str(job_id),), {}, None, now, serializer=encode)
