"""An arq worker that takes its messages at once and survives an outage of Redis.

Stock arq polls, scans running jobs together with waiting ones, marks messages without saying whose mark it is, and
ends at the first error of Redis. This worker is woken by a notification, takes as many messages as it has free slots
with one script that removes them, and tries again when Redis is back. A message that is lost with its worker is not
missed: the row of its job says that it is due, and the relay (`app.services.jobs.maintenance`) notifies again.

One student's jobs never take all slots (`app.clients.redis.queue_scripts`). Nothing that Redis contains ends the
worker: what cannot be read is dropped.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any, NoReturn, cast
from uuid import UUID

import structlog
from arq.connections import ArqRedis
from arq.jobs import SerializationError, deserialize_job_raw
from arq.typing import WorkerCoroutine
from arq.worker import Worker, func

from app.clients.redis.job_queue import (
    REDIS_UNAVAILABLE,
    RUN_JOB,
    MessageTaker,
    decode,
    encode,
    owner_in,
    wakeup_channel,
)
from app.clients.redis.subscription import subscribe
from app.outages import REDIS

log = structlog.get_logger()

# Seconds between polls without a notification, in case that one was lost.
_POLL_SECONDS = 2.0
_SECONDS_BETWEEN_CONNECTS = 0.5
# Seconds that a reply of Redis is waited for when stopping, so that messages on their way are not lost. The client's
# own limit is 1.
_LAST_REPLY_SECONDS = 1.5
# One script blocks Redis while it runs; more messages are taken with the next.
_MAX_MESSAGES = 100


class QueueWorker(Worker):
    """Calls `run` with the job id of each message of one queue, at most `slots` at the same time."""

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
        self._taker = MessageTaker(redis, queue)
        self._running_by_owner: Counter[str] = Counter()
        self._passed_over = False
        self._woken = asyncio.Event()
        self._taking = asyncio.Lock()

    async def main(self) -> None:
        """Takes messages until cancelled, which leaves running jobs alone. Reconnects when Redis is back."""
        while True:
            try:
                await self._listen_and_take()
            except* REDIS_UNAVAILABLE as errors:
                REDIS.report(errors.exceptions[0], f"queue {self.queue_name}")
            await asyncio.sleep(_SECONDS_BETWEEN_CONNECTS)

    async def stop_taking(self) -> None:
        """Takes no more messages; those that are on their way still become jobs."""
        self.allow_pick_jobs = False
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_REPLY_SECONDS), self._taking:
                pass

    async def _listen_and_take(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._take())

    async def _listen(self) -> None:
        async with aclosing(subscribe(self.pool, wakeup_channel(self.queue_name), _POLL_SECONDS)) as messages:
            async for _ in messages:
                # Also at the start: messages that came while nobody was subscribed wait in the queue.
                self._woken.set()

    async def _take(self) -> NoReturn:
        while True:
            await self._woken.wait()
            self._woken.clear()
            while await self._take_batch():
                pass

    async def _take_batch(self) -> bool:
        """Starts a job for as many messages as there are free slots; returns whether there may be more."""
        async with self._taking:
            free = self.max_jobs - len(self.tasks)
            if not self.allow_pick_jobs or free <= 0:
                return False
            limit = min(free, _MAX_MESSAGES)
            messages = await self._taker.take(free, limit, self._running_by_owner)
            self._passed_over = messages.passed_over
            for message_id, content in messages.taken:
                self._start(message_id.decode(errors="backslashreplace"), content)
            ended_meanwhile = self.max_jobs - len(self.tasks) > free - len(messages.taken)
            return len(messages.taken) == limit or (messages.passed_over and ended_meanwhile)

    def _start(self, message_id: str, content: bytes) -> None:
        if message_id in self.tasks:
            return  # notified again while this worker runs it
        owner = owner_in(message_id)
        if owner:
            self._running_by_owner[owner] += 1
        self.tasks[message_id] = task = self.loop.create_task(self._run(message_id, content))
        task.add_done_callback(lambda _: self._free_slot(message_id, owner))

    def _free_slot(self, message_id: str, owner: str | None) -> None:
        if self._passed_over or len(self.tasks) == self.max_jobs:
            self._woken.set()
        del self.tasks[message_id]
        if owner:
            self._running_by_owner[owner] -= 1
            if not self._running_by_owner[owner]:
                del self._running_by_owner[owner]

    async def _run(self, message_id: str, content: bytes) -> None:
        try:
            name, args, kwargs, _, _ = deserialize_job_raw(content, deserializer=decode)
            job = self.functions[name].coroutine(self.ctx, *args, **kwargs)
        except (SerializationError, KeyError, TypeError) as error:
            log.warning("message_dropped", message_id=message_id, error=repr(error))
            return
        try:
            await job
        except Exception:
            # A job leaves its outcome in its row; this is a message without a job, or a bug of ours.
            log.exception("message_failed", message_id=message_id)
