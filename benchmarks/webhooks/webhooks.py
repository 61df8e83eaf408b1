"""Part "webhooks": messages per second of one worker process to receivers that answer at once, alone and beside others
that are slow or do not answer."""

import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.job.notification import JobNotification
from app.domain.states import WEBHOOKS
from app.repositories import webhooks
from app.repositories.sql import Pool
from app.schemas.webhook_message import body_of
from benchmarks import database_rows
from benchmarks.environment import Environment
from benchmarks.processes import ChildProcess, measure, start_child, start_service, wait_for
from benchmarks.report import Measurement, at_least
from tests.webhooks import SECRET

NOTES = (
    "webhooks: messages that reach the fast receivers in a second, from the first notification to the last message, "
    "median of three. Beside them: receivers that answer after 5 s, never, or refuse connections. Every receiver has "
    "an address of its own; a worker sends 64 messages at once, 8 to one address.",
)
# Messages to each receiver.
_FAST = {f"127.0.1.{host}": 50 for host in range(1, 17)}
_SLOW = ("127.0.2.1", "127.0.2.2")
_SILENT = ("127.0.3.1",)
# Nothing listens on port 1.
_REFUSING = "http://127.0.4.1:1/hook"
_MESSAGES_TO_OTHERS = 50
_SLOW_SECONDS = 5.0
_TIMEOUT = 6.0
_ROUNDS = 3
_SLOTS = 64
_SHARE = 0.6
# Notifications of one round trip.
_BATCH = 500


@dataclass(frozen=True)
class _Delivered:
    """Messages per second to the fast receivers, and how many had come to the others by then."""

    rate: float
    to_others: int


def run(environment: Environment) -> list[Measurement]:
    """Two measurements: alone, and beside the other receivers."""
    hosts = {"fast": list(_FAST), "slow": _SLOW, "silent": _SILENT, "seconds": _SLOW_SECONDS}
    with start_child("webhooks.webhook_receivers", **hosts) as receivers:
        urls = receivers.receive()
        fast = dict(zip(urls["fast"], _FAST.values(), strict=True))
        others = dict.fromkeys([*urls["others"], _REFUSING], _MESSAGES_TO_OTHERS)
        rounds = [
            (
                _aiohttp_rate(environment, receivers, fast),
                _deliver(environment, receivers, fast, {}),
                _deliver(environment, receivers, fast, others),
            )
            for _ in range(_ROUNDS)
        ]
    aiohttp = statistics.median(rate for rate, _, _ in rounds)
    alone = statistics.median(delivered.rate for _, delivered, _ in rounds)
    mixed = statistics.median(delivered.rate for _, _, delivered in rounds)
    to_others = statistics.median(delivered.to_others for _, _, delivered in rounds)
    name = f"{sum(fast.values())} to {len(fast)} fast receivers"
    name_beside = f"the same beside {sum(others.values())} to 4 others"
    note = f"{to_others:.0f} requests had come to the slow and silent ones"
    return [
        at_least("webhooks", name, alone, {"plain aiohttp": aiohttp}, None),
        at_least("webhooks", name_beside, mixed, {"alone": alone}, _SHARE, note),
    ]


def _aiohttp_rate(environment: Environment, receivers: ChildProcess, fast: Mapping[str, int]) -> float:
    urls = [url for url, count in fast.items() for _ in range(count)]
    random.shuffle(urls)
    _expect(receivers, len(urls))
    body = environment.run(lambda pool: _message_body(pool, urls[0]))
    rate: float = measure("webhooks.webhook_aiohttp", urls=urls, body=body, secret=SECRET, slots=_SLOTS)
    receivers.receive()
    return rate


async def _message_body(pool: Pool, url: str) -> str:
    await database_rows.insert_messages(pool, {url: 1}, SECRET)
    (message_id,) = await database_rows.make_messages_due(pool)
    event = await webhooks.read_event(pool, message_id)
    assert event
    body = body_of(event)
    await database_rows.cancel_messages(pool)
    return body


def _deliver(
    environment: Environment, receivers: ChildProcess, fast: Mapping[str, int], others: Mapping[str, int]
) -> _Delivered:
    """Delivers messages by a new worker process, in random order."""
    settings = {
        "DATABASE_URL": environment.database_url, "REDIS_URL": environment.redis_url,
        "WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_TIMEOUT": f"{_TIMEOUT:g}",
        "SHUTDOWN_TIMEOUT": "1",
    }  # fmt: skip
    environment.run(lambda pool: database_rows.insert_messages(pool, {**fast, **others}, SECRET))
    with start_service("worker", environment.folder / "worker.log", "worker_started", settings) as worker:
        wait_for(lambda: environment.run(database_rows.all_passages_embedded), worker, "the vectors of all passages")
        _expect(receivers, sum(fast.values()))
        started = environment.run(lambda pool: _notify_all(pool, environment.redis_url))
        arrived = receivers.receive()
    environment.run(database_rows.cancel_messages)
    return _Delivered(len(arrived["times"]) / (max(arrived["times"]) - started), arrived["others"])


def _expect(receivers: ChildProcess, count: int) -> None:
    receivers.send({"expected": count})
    receivers.receive()


async def _notify_all(pool: Pool, redis_url: str) -> float:
    """Makes all messages due and notifies workers, as the end of an assessment does; returns when that began (s)."""
    message_ids: list[UUID] = await database_rows.make_messages_due(pool)
    random.shuffle(message_ids)
    queue = JobQueue(job_queue.connect(redis_url))
    started = time.monotonic()
    for first in range(0, len(message_ids), _BATCH):
        batch = message_ids[first : first + _BATCH]
        await queue.notify([JobNotification(message_id, WEBHOOKS, 0) for message_id in batch])
    await queue.redis.aclose()
    return started
