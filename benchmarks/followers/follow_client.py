"""Process of part "follow": the long poll clients, and the changes that they wait for, timed by one clock.

It sends "warm", "connected" and "changed" as it gets there, each time waits for a message before it goes on, and sends
its figures at the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop
from redis.asyncio import Redis

from app.http.tokens import issue_token
from app.settings import load_settings
from app.wiring.pool import open_pool
from benchmarks.child_messages import receive, send
from benchmarks.followers.changes import (
    Change,
    ChangingAssessment,
    change_at_rate,
    change_concurrently,
    delays,
    publishing,
    read_submitted,
)
from benchmarks.followers.follow_aiohttp import CHANNEL
from benchmarks.followers.long_polls import MAX_WAIT, LongPollClient, PollWait, check_all_polling, connect
from benchmarks.report import percentile
from tests.conftest import SECRET

# Concurrent changes of the burst.
_TASKS = 8
_CONNECTIONS = 8
# Seconds without any answer, after which what is missing counts as lost: two of the server's periodic checks, and time
# for a busy machine.
_PATIENCE = 30.0


@asynccontextmanager
async def _publishing_only(redis_url: str) -> AsyncIterator[Change]:
    """For the bare server: publishes a new revision and changes nothing in Postgres."""
    async with Redis.from_url(redis_url) as redis:

        async def change(assessment: ChangingAssessment) -> None:
            assessment.note_commit()
            await redis.publish(CHANNEL, f"{assessment.assessment_id}{assessment.revision}")

        yield change


def clients_of(assessments: Sequence[ChangingAssessment], wait: PollWait) -> list[LongPollClient]:
    """A client for each assessment, with the token of its student."""
    settings = load_settings(jwt_secret=SECRET)
    return [
        LongPollClient(
            assessment.assessment_id,
            issue_token(settings, assessment.owner, ["student"], 3600),
            assessment.revision,
            wait,
        )
        for assessment in assessments
    ]


async def all_received(
    assessments: Sequence[ChangingAssessment], clients: Sequence[LongPollClient], seconds: float
) -> bool:
    """Waits until every client has the newest revision; False once no client has received anything for so long."""
    last_news, received_before = time.monotonic(), 0
    while any(client.revision < assessment.revision for assessment, client in zip(assessments, clients, strict=True)):
        check_all_polling(clients)
        if (received := sum(len(client.received) for client in clients)) > received_before:
            last_news, received_before = time.monotonic(), received
        if time.monotonic() > last_news + seconds:
            return False
        await asyncio.sleep(0.05)
    return True


@dataclass
class _Benchmark:
    assessments: Sequence[ChangingAssessment]
    clients: Sequence[LongPollClient]

    async def timed(self, change: Change, count: int, rate: float) -> dict[str, float]:
        """Milliseconds from the commit to the answer, of changes at this rate."""
        await change_at_rate(self.assessments, change, count, rate)
        await self._wait_for_clients()
        times = [seconds * 1000 for seconds in self._delays() if seconds is not None]
        return {"p50": percentile(times, 50), "p99": percentile(times, 99), "slowest": max(times)}

    async def burst(self, change: Change, count: int) -> dict[str, float]:
        """Changes as fast as possible; the number of lost changes counts all so far."""
        started = time.monotonic()
        await change_concurrently(self.assessments, change, count, _TASKS)
        ended = time.monotonic()
        await self._wait_for_clients()
        lag, all_delays = time.monotonic() - ended, self._delays()
        return {
            "changes": len(all_delays), "lost": all_delays.count(None), "rate": count / (ended - started), "lag": lag,
            "refused": sum(client.refused for client in self.clients),
        }  # fmt: skip

    async def _wait_for_clients(self) -> None:
        await all_received(self.assessments, self.clients, _PATIENCE)
        check_all_polling(self.clients)

    def _delays(self) -> list[float | None]:
        return [
            seconds
            for assessment, client in zip(self.assessments, self.clients, strict=True)
            for seconds in delays(assessment.committed, client.received)
        ]


async def _measure(
    mode: str, port: int, dsn: str, redis_url: str, count: int, warm: int, timed: int, rate: float, burst: int
) -> None:
    wait = PollWait()
    async with open_pool(dsn, "assay bench", _CONNECTIONS) as pool:
        assessments = await read_submitted(pool, count)
        clients = clients_of(assessments, wait)
        benchmark = _Benchmark(assessments, clients)
        await connect(clients[:warm], port)
        await _report("warm")
        await connect(clients[warm:], port)
        await _report("connected")
        async with publishing(pool, redis_url) if mode == "assay" else _publishing_only(redis_url) as change:
            figures = await benchmark.timed(change, timed, rate)
            # The burst answers all clients; their next polls wait as long as possible, so that then nothing happens.
            wait.shortest = MAX_WAIT
            figures |= await benchmark.burst(change, burst)
        await _report("changed")
        send(figures)


async def _report(step: str) -> None:
    """Sends which step is done, and waits for the message to go on."""
    send(step)
    await asyncio.to_thread(receive)


if __name__ == "__main__":
    uvloop.run(_measure(**receive()))
