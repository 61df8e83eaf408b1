"""arq's worker, made to take its messages at once, to stay out of its own way, and to outlive Redis.

Stock arq polls, scans the jobs that run with those that wait, marks a message without saying whose mark it is, and ends
at the first error of Redis. This one is woken when someone rings, takes as many messages as it has room for with one
script that removes them, and tries again when Redis is back. A message that dies with its worker is not missed: the row
of its job says that it is due, and is rung for again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NoReturn, cast
from uuid import UUID

import structlog
from arq.connections import ArqRedis
from arq.constants import job_key_prefix
from arq.jobs import SerializationError, deserialize_job_raw
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func

from app.clients.redis.job_queue import REDIS_UNAVAILABLE, RUN_JOB, channel_of, decode, encode

log = structlog.get_logger()

# What is taken out of the queue is ours alone: whoever asks next finds it gone. Whether a job is due is for its row to
# say, so the scores only put the messages in order, and nobody's clock can hold one back.
_TAKE = """
local taken = redis.call('ZPOPMIN', KEYS[1], ARGV[1])
local messages = {}
for i = 1, #taken, 2 do
    local key = ARGV[2] .. taken[i]
    messages[#messages + 1] = {taken[i], redis.call('GET', key) or ''}
    redis.call('DEL', key)
end
return messages
"""
# Seconds between looks that nobody asked for, in case that a wake-up was lost.
_SAFETY_POLL = 2.0
# Seconds between tries while Redis is away.
_REDIS_PAUSE = 0.5
# Seconds that the last answer of Redis is waited for, so that messages on their way are not lost; its own limit is 1.
_LAST_ANSWER = 1.5
# One script blocks Redis while it runs; more is taken with the next.
_MOST_AT_ONCE = 100


class QueueWorker(Worker):
    """Runs `run` with the job id of each message of one queue, at most `slots` at the same time."""

    def __init__(self, redis: ArqRedis, queue: str, slots: int, run: Callable[[UUID], Awaitable[None]]) -> None:
        async def run_job(context: dict[Any, Any], job_id: str) -> None:
            await run(UUID(job_id))

        super().__init__(
            functions=[func(cast(WorkerCoroutine, run_job), name=RUN_JOB)],
            queue_name=queue,
            redis_pool=redis,
            job_serializer=encode,
            job_deserializer=decode,
            max_jobs=slots,
            keep_result=0,
            handle_signals=False,
        )
        self._take_messages = redis.register_script(_TAKE)
        self._woken = asyncio.Event()
        self._taking = asyncio.Lock()

    async def main(self) -> None:
        """Takes messages until cancelled; the jobs go on. A Redis that is away is waited for."""
        while True:
            try:
                await self._together()
            except* REDIS_UNAVAILABLE as away:
                log.warning("redis_away", queue=self.queue_name, error=repr(away.exceptions[0]))
            await asyncio.sleep(_REDIS_PAUSE)

    async def stop_taking(self) -> None:
        """Takes no more messages; those that are on their way still become jobs."""
        self.allow_pick_jobs = False
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_ANSWER), self._taking:
                pass

    async def _together(self) -> None:
        async with asyncio.TaskGroup() as both:
            both.create_task(self._hear())
            both.create_task(self._take())

    async def _hear(self) -> NoReturn:
        async with self.pool.pubsub() as rung:
            await rung.subscribe(channel_of(self.queue_name))
            while True:
                # Once at the start as well: what was rung while nobody was listening waits in the queue.
                self._woken.set()
                await rung.get_message(ignore_subscribe_messages=True, timeout=_SAFETY_POLL)

    async def _take(self) -> NoReturn:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while await self._take_some():
                pass

    async def _take_some(self) -> bool:
        """Starts what there is room for; whether there may be more."""
        async with self._taking:
            room = min(self.max_jobs - len(self.tasks), _MOST_AT_ONCE)
            if not self.allow_pick_jobs or room <= 0:
                return False
            messages = await self._take_messages(keys=[self.queue_name], args=[room, job_key_prefix])
            for message_id, message in messages:
                self._start(message_id.decode(), message)
            return len(messages) == room

    def _start(self, message_id: str, message: bytes) -> None:
        if message_id in self.tasks:
            return  # rung for again while this worker is at it
        self.tasks[message_id] = task = self.loop.create_task(self._run(message_id, message))
        task.add_done_callback(lambda _: self._ended(message_id))

    def _ended(self, message_id: str) -> None:
        if len(self.tasks) == self.max_jobs:
            self._woken.set()
        del self.tasks[message_id]

    async def _run(self, message_id: str, message: bytes) -> None:
        try:
            name, args, kwargs, _, _ = deserialize_job_raw(message, deserializer=decode)
            job = self.functions[name].coroutine(self.ctx, *args, **kwargs)
        except (SerializationError, KeyError, TypeError) as error:
            log.warning("message_dropped", message_id=message_id, error=repr(error))
            return
        try:
            await job
        except Exception:
            # A job leaves what becomes of it in its row; this is a message without a job, or a fault of ours.
            log.exception("message_failed", message_id=message_id)
