"""Notifying workers in the background of requests."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.domain.states import JobType
from app.http import worker_notifier
from app.http.worker_notifier import WorkerNotifier

_SECONDS = 20.0


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[JobQueue]:
    """The queues of an empty Valkey that knows the script and takes its time."""
    queue = JobQueue(job_queue.connect(redis_url, socket_timeout=_SECONDS))
    await queue.notify([_due()])
    yield queue
    await queue.redis.aclose()


def _due() -> JobNotification:
    return JobNotification(uuid4(), JobType.RAG, 0)


async def _scripts_called(redis: Redis) -> int:
    stats = await redis.info("commandstats")
    calls: int = stats["cmdstat_evalsha"]["calls"]
    return calls


async def test_what_becomes_due_while_redis_is_answering_is_sent_together(queue: JobQueue) -> None:
    notifier, other = WorkerNotifier(queue), queue.redis
    before = await _scripts_called(other)
    await other.client_pause(int(_SECONDS * 1000), all=False)
    notifier.notify([_due()])
    async with asyncio.timeout(_SECONDS):
        while not (await other.info("clients"))["blocked_clients"]:
            continue  # asking is a wait
    for _ in range(5):
        notifier.notify([_due(), _due()])
    await other.client_unpause()
    await notifier.finish(_SECONDS)
    assert (await queue.queue_lengths())[JobType.RAG] == 1 + 1 + 10
    assert await _scripts_called(other) == before + 2


async def test_more_than_can_wait_are_dropped_and_logged(queue: JobQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_notifier, "_MAX_WAITING", 3)
    notifier = WorkerNotifier(queue)
    with capture_logs() as logs:
        for size in (2, 2, 1):
            notifier.notify([_due() for _ in range(size)])
    await notifier.finish(_SECONDS)
    assert [entry["event"] for entry in logs] == ["notifications_dropped"]
    assert (await queue.queue_lengths())[JobType.RAG] == 1 + 3
    # There is room again.
    notifier.notify([_due()])
    await notifier.finish(_SECONDS)
    assert (await queue.queue_lengths())[JobType.RAG] == 1 + 4


async def test_what_cannot_be_sent_in_time_is_given_up(queue: JobQueue) -> None:
    notifier = WorkerNotifier(queue)
    await queue.redis.client_pause(int(_SECONDS * 1000), all=False)
    notifier.notify([_due()])
    async with asyncio.timeout(_SECONDS / 2):
        await notifier.finish(0.05)
    await queue.redis.client_unpause()
    # The next one finds no task that still waits.
    notifier.notify([_due()])
    await notifier.finish(_SECONDS)
    assert (await queue.queue_lengths())[JobType.RAG] >= 2
