"""Webhooks' messages through one worker process: to receivers that answer at once, alone and beside others that are
slow or dead."""

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
from benchmarks.environment import Ground
from benchmarks.processes import Child, child, measure, service, wait_for
from benchmarks.report import Line, at_least
from tests.webhooks import SECRET

NOTES = (
    "webhooks: messages that reach the fast receivers in a second, from the first ring to the last of them, median of "
    "three. Beside them: receivers that answer after 5 s, never, or refuse connections. Every receiver has an address "
    "of its own; a worker sends 64 messages at once, 8 to one address.",
)
_FAST = {f"127.0.1.{host}": 50 for host in range(1, 17)}
_SLOW = ("127.0.2.1", "127.0.2.2")
_SILENT = ("127.0.3.1",)
# Nobody listens there: the port is reserved for nothing.
_REFUSING = "http://127.0.4.1:1/hook"
_TO_EACH_OTHER = 50
_SLOW_SECONDS = 5.0
_TIMEOUT = 6.0
_ROUNDS = 3
_SLOTS = 64
_SHARE = 0.6
_RINGS = 500


@dataclass(frozen=True)
class _Sent:
    """Messages to fast receivers in a second, and how many had come to the others by then."""

    rate: float
    others: int


def run(ground: Ground) -> list[Line]:
    """Two lines: alone, and beside the others."""
    hosts = {"fast": list(_FAST), "slow": _SLOW, "silent": _SILENT, "seconds": _SLOW_SECONDS}
    with child("webhooks.webhook_receivers", **hosts) as receivers:
        urls = receivers.says()
        fast = dict(zip(urls["fast"], _FAST.values(), strict=True))
        others = dict.fromkeys([*urls["others"], _REFUSING], _TO_EACH_OTHER)
        rounds = [
            (
                _floor(ground, receivers, fast),
                _sent(ground, receivers, fast, {}),
                _sent(ground, receivers, fast, others),
            )
            for _ in range(_ROUNDS)
        ]
    floor, alone, mixed = (
        statistics.median(rate)
        for rate in zip(*((each[0], each[1].rate, each[2].rate) for each in rounds), strict=True)
    )
    count, beside = sum(fast.values()), sum(others.values())
    note = f"{statistics.median(each[2].others for each in rounds):.0f} requests had come to the slow and silent ones"
    return [
        at_least("webhooks", f"{count} to {len(fast)} fast receivers", alone, {"plain aiohttp": floor}, None),
        at_least("webhooks", f"the same beside {beside} to 4 others", mixed, {"alone": alone}, _SHARE, note),
    ]


def _floor(ground: Ground, receivers: Child, fast: Mapping[str, int]) -> float:
    urls = [url for url, count in fast.items() for _ in range(count)]
    random.shuffle(urls)
    _expecting(receivers, len(urls))
    body = ground.run(lambda pool: _body(pool, urls[0]))
    rate: float = measure("webhooks.webhook_aiohttp", urls=urls, body=body, secret=SECRET, slots=_SLOTS)
    receivers.says()
    return rate


async def _body(pool: Pool, url: str) -> str:
    await database_rows.messages(pool, {url: 1}, SECRET)
    (message,) = await database_rows.make_messages_due(pool)
    body = body_of(await webhooks.read_event(pool, message))
    await database_rows.end_messages(pool)
    return body


def _sent(ground: Ground, receivers: Child, fast: Mapping[str, int], others: Mapping[str, int]) -> _Sent:
    """What a fresh worker sends, in any order."""
    settings = {
        "DATABASE_URL": ground.database_url, "REDIS_URL": ground.redis_url,
        "WEBHOOK_ALLOW_HTTP": "true", "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "WEBHOOK_TIMEOUT": f"{_TIMEOUT:g}",
        "SHUTDOWN_TIMEOUT": "1",
    }  # fmt: skip
    ground.run(lambda pool: database_rows.messages(pool, {**fast, **others}, SECRET))
    with service("worker", ground.folder / "worker.log", "worker_started", settings) as worker:
        wait_for(lambda: ground.run(database_rows.embedded), worker, "the passages' vectors")
        _expecting(receivers, sum(fast.values()))
        started = ground.run(lambda pool: _due(pool, ground.redis_url))
        arrived = receivers.says()
    ground.run(database_rows.end_messages)
    return _Sent(len(arrived["at"]) / (max(arrived["at"]) - started), arrived["others"])


def _expecting(receivers: Child, count: int) -> None:
    receivers.tell({"expected": count})
    receivers.says()


async def _due(pool: Pool, redis_url: str) -> float:
    """Makes all messages due and rings for them, as what ends an assessment does; the time (s) of the first ring."""
    messages: list[UUID] = await database_rows.make_messages_due(pool)
    random.shuffle(messages)
    bell = JobQueue(job_queue.connect(redis_url))
    started = time.monotonic()
    for first in range(0, len(messages), _RINGS):
        await bell.notify([JobNotification(message, WEBHOOKS, 0) for message in messages[first : first + _RINGS]])
    await bell.redis.aclose()
    return started
