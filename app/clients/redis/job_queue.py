"""The doorbell: a message through Redis, in arq's format, that names a job of `async_jobs` or a webhook's message.

Each type of job has a queue of its own, and so have webhooks, so that a quick job never stands behind a slow one. Redis
may lose everything at any moment; the rows are the truth, and the workers ring again for those that nobody heard
(`app.services.jobs.maintenance`).
"""

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

from app.domain.job.notification import JobNotification
from app.domain.states import QUEUES

RUN_JOB = "run_job"
# A message that nobody took for an hour is worth nothing: the workers ring again long before.
_MESSAGE_LIFE_MS = 3_600_000
# Redis is a doorbell, not the truth: whoever rings may not wait long for it.
_TIMEOUT = 1.0
# Between signs of life on an idle connection, so that a dead one is noticed.
_HEALTH_CHECK = 10
# One command instead of four for each job: a submission spends more time on talking to Redis than Redis on listening.
_NOTIFY = """
local woken = {}
for i = 3, #ARGV, 3 do
    local queue, id, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
    redis.call('SET', KEYS[1] .. id, message, 'PX', ARGV[2])
    redis.call('ZADD', queue, 'NX', ARGV[1], id)
    woken[queue] = true
end
for queue in pairs(woken) do
    redis.call('PUBLISH', queue .. KEYS[2], '')
end
"""
# RuntimeError is what uvloop raises where a connection that has just closed is written to; redis-py lets it through.
REDIS_UNAVAILABLE = (RedisError, OSError, TimeoutError, RuntimeError)


@dataclass(frozen=True)
class JobQueue:
    """Rings for jobs."""

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
        args: list[str | bytes | int] = [now, _MESSAGE_LIFE_MS]
        for due in notifications:
            args += [queue_key(due.queue), f"{due.job_id}:{due.fence}", _message(due.job_id, now)]
        await self._script(keys=[job_key_prefix, wakeup_channel("")], args=args)

    async def queue_lengths(self) -> dict[str, int]:
        """How many messages of each queue nobody has taken yet, in one round trip.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away.
        """
        async with self.redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queue_key(queue))
            return dict(zip(QUEUES, await pipe.execute(), strict=True))

    async def ping(self) -> None:
        """Does nothing when Redis is there.

        Raises:
            RedisError, OSError, TimeoutError: it is not.
        """
        await self.redis.ping()


def connect(url: str, **options: Any) -> Redis:
    """A client that connects when it is first used, and never waits long."""
    client: Redis = Redis.from_url(
        url, socket_connect_timeout=_TIMEOUT, socket_timeout=_TIMEOUT, health_check_interval=_HEALTH_CHECK, **options
    )
    return client


def queue_key(queue: str) -> str:
    """What the queue of a type of job, or that of webhooks, is called in Redis."""
    return f"{default_queue_name}:{queue}"


def wakeup_channel(queue: str) -> str:
    """Where those who wait for messages of a queue are woken."""
    return f"{queue}:rung"


def encode(message: Any) -> bytes:
    """JSON, not arq's pickle: who can write to Redis must not be able to run code in a worker."""
    return orjson.dumps(message)


decode = orjson.loads


def _message(job_id: UUID, now: int) -> bytes:
    return serialize_job(RUN_JOB, (str(job_id),), {}, None, now, serializer=encode)
