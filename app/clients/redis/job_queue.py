"""Queues in Redis, in arq's format, that tell workers which jobs and webhook messages are due.

Each type of job has its own queue, and so have webhooks, so that a quick job never waits behind a slow one. Redis may
lose everything at any moment: whether a job is due is decided by its row in Postgres, and workers send notifications
again if nobody took the first (`app.services.jobs.maintenance`).
"""

import asyncio
import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson
from arq.constants import default_queue_name, job_key_prefix
from arq.jobs import serialize_job
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError, ResponseError

from app.clients.redis.connections import open_pool
from app.clients.redis.queue_scripts import CHECK, NOTIFY, TAKE
from app.domain.job.notification import JobNotification
from app.domain.states import QUEUES

RUN_JOB = "run_job"
# The prefix of the keys that say when the last waiting message of a student takes its turn.
_TURNS = "assay:turn:"
# Messages that nobody took expire after an hour; workers have sent another one long before.
_MESSAGE_TTL_MS = 3_600_000
# Seconds. Short, because Redis only speeds things up: nobody may wait long for it.
_TIMEOUT = 1.0
# Seconds between checks of an idle connection, so that a dead one is noticed.
_HEALTH_CHECK_SECONDS = 10
# Keys and channels of writes that only show whether Redis takes them: one for each prefix, since a user may have rights
# for some. And the limit for all of that, with the connecting.
_WRITE_CHECK = "assay:write-check"
CHECK_KEYS = (_WRITE_CHECK, "arq:write-check")
_WRITE_CHECK_TTL_MS = 10_000
_CHECK_SECONDS = 2.0
# What the client raises while Redis is unavailable. uvloop raises RuntimeError on a write to a connection that has just
# been closed, and redis-py does not translate it.
REDIS_UNAVAILABLE = (RedisError, OSError, TimeoutError, RuntimeError)


@dataclass(frozen=True)
class JobQueue:
    """Notifies workers of jobs that are due."""

    redis: Redis

    @cached_property
    def _notify_script(self) -> AsyncScript:
        return self.redis.register_script(NOTIFY)

    async def notify(self, notifications: Sequence[JobNotification]) -> None:
        """Leaves a message for each job and wakes the workers, in one round trip. Notifications of the same job and
        fence are one message. The messages of one owner take turns with those of others.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable; the workers' relay sends them later.
        """
        now = int(time.time() * 1000)
        args: list[str | bytes | int] = [now, _MESSAGE_TTL_MS, wakeup_channel("")]
        for due in notifications:
            owner = owner_digest(due.owner)
            message_id = f"{due.job_id}:{due.fence}:{owner}" if owner else f"{due.job_id}:{due.fence}"
            args += [queue_key(due.queue), message_id, owner, _message(due.job_id, now)]
        await self._notify_script(keys=[job_key_prefix, _TURNS], args=args)

    async def forget_owner(self, owner: str) -> None:
        """Deletes what says when an owner's next message takes its turn.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable.
        """
        digest = owner_digest(owner)
        await self.redis.delete(*(f"{_TURNS}{queue_key(queue)}:{digest}" for queue in QUEUES))

    async def queue_lengths(self) -> dict[str, int]:
        """The number of messages in each queue that no worker has taken yet, in one round trip. A key of another type
        is an empty queue: the next message replaces it.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable, or takes no writes.
        """
        async with self.redis.pipeline(transaction=False) as pipe:
            for queue in QUEUES:
                pipe.zcard(queue_key(queue))
            pipe.set(_WRITE_CHECK, b"", px=_WRITE_CHECK_TTL_MS)
            replies = await pipe.execute(raise_on_error=False)
        lengths = [0 if _is_wrong_type(reply) else reply for reply in replies]
        for reply in lengths:
            if isinstance(reply, Exception):
                raise reply
        return dict(zip(QUEUES, lengths, strict=False))

    async def check_writable(self) -> None:
        """Checks that Redis takes writes as notifications do: replicas, servers without memory, and those whose user
        lacks a right answer PING, too.

        Raises:
            RedisError, OSError, TimeoutError: it does not.
        """
        async with asyncio.timeout(_CHECK_SECONDS):
            # redis-py's stubs cannot tell that this client is asynchronous.
            await self.redis.eval(CHECK, len(CHECK_KEYS), *CHECK_KEYS)  # type: ignore[misc]


@dataclass(frozen=True)
class Messages:
    """Messages taken out of a queue: their ids, with contents. `passed_over`: some stay there because their owners have
    enough running jobs."""

    taken: list[tuple[bytes, bytes]]
    passed_over: bool


class MessageTaker:
    """Takes messages out of one queue."""

    def __init__(self, redis: Redis, queue: str) -> None:
        self._queue = queue
        self._script = redis.register_script(TAKE)

    async def take(self, free: int, limit: int, running: Mapping[str, int]) -> Messages:
        """At most `limit` messages for a worker with so many free slots, in which owners have so many running jobs.

        Raises:
            RedisError, OSError, TimeoutError: Redis is unavailable.
        """
        args: list[str | int] = [free, limit]
        for owner, jobs in running.items():
            args += [owner, jobs]
        passed_over, taken = await self._script(keys=[self._queue, job_key_prefix, _TURNS], args=args)
        return Messages([(message_id, content) for message_id, content in taken], bool(passed_over))


def owner_in(message_id: str) -> str | None:
    """The digest of the owner that a message id names; None if it names none."""
    return message_id.split(":", 2)[2] if message_id.count(":") >= 2 else None


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


def owner_digest(owner: str | None) -> str:
    """A short name for the owner that tells nothing about them; empty for no owner."""
    return hashlib.blake2b(owner.encode(errors="surrogatepass"), digest_size=8).hexdigest() if owner else ""


def _is_wrong_type(reply: object) -> bool:
    return isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE")


def _message(job_id: UUID, now: int) -> bytes:
    return serialize_job(RUN_JOB, (str(job_id),), {}, None, now, serializer=encode)
