"""The clients of the long polls, and whoever changes what they wait for: one process, so that one clock times both."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvloop
from redis.asyncio import Redis

from app.clients.redis import job_queue
from app.clients.redis.change_feed import ChangeFeed
from app.http.tokens import issue
from app.lifecycle import end
from app.repositories.sql import Pool
from app.settings import load_settings
from app.wiring.context import open_pool
from benchmarks.child_messages import say, told
from benchmarks.followers import changes
from benchmarks.followers.changes import Changing
from benchmarks.followers.follow_aiohttp import CHANNEL
from benchmarks.followers.long_polls import LONGEST, Follower, Pace, connect, require_all
from benchmarks.report import percentile
from tests.conftest import SECRET

_Change = Callable[[Changing], Awaitable[None]]
# Of changes that come as fast as they can.
_TASKS = 8
_CONNECTIONS = 8
# Seconds until the last change must have been told: two of the server's own looks, and a busy machine.
_PATIENCE = 30.0


@asynccontextmanager
async def announcing(pool: Pool, redis_url: str) -> AsyncIterator[_Change]:
    """Changes as the product makes them."""
    redis = job_queue.connect(redis_url)
    changes = ChangeFeed(redis)
    telling = asyncio.create_task(changes.run_publisher())
    try:
        yield lambda assessment: assessment.change(pool, changes.publish)
    finally:
        await end(telling)
        await redis.aclose()


@asynccontextmanager
async def _publishing(redis_url: str) -> AsyncIterator[_Change]:
    """For the bare server: a message, and no change of anything."""
    async with Redis.from_url(redis_url) as redis:

        async def change(assessment: Changing) -> None:
            assessment.note()
            await redis.publish(CHANNEL, f"{assessment.assessment_id}{assessment.revision}")

        yield change


def followers_of(assessments: Sequence[Changing], pace: Pace) -> list[Follower]:
    """A client for each assessment: its student."""
    settings = load_settings(jwt_secret=SECRET)
    return [
        Follower(each.assessment_id, issue(settings, each.owner, ["student"], 3600), each.revision, pace)
        for each in assessments
    ]


async def all_told(assessments: Sequence[Changing], followers: Sequence[Follower], seconds: float) -> bool:
    """Whether everyone is told of the newest revision; False once nobody was told of anything for so long."""
    told_last, before = time.monotonic(), 0
    while any(follower.revision < each.revision for each, follower in zip(assessments, followers, strict=True)):
        require_all(followers)
        if (heard := sum(len(follower.heard) for follower in followers)) > before:
            told_last, before = time.monotonic(), heard
        if time.monotonic() > told_last + seconds:
            return False
        await asyncio.sleep(0.05)
    return True


@dataclass
class _Clients:
    assessments: Sequence[Changing]
    followers: Sequence[Follower]
    pace: Pace

    async def timed(self, change: _Change, count: int, rate: float) -> dict[str, float]:
        """Milliseconds from each of so many changes a second to its client."""
        await changes.at_rate(self.assessments, change, count, rate)
        await self._all_told()
        taken = [seconds * 1000 for seconds in self._taken() if seconds is not None]
        return {"p50": percentile(taken, 50), "p99": percentile(taken, 99), "slowest": max(taken)}

    async def burst(self, change: _Change, count: int) -> dict[str, float]:
        """Changes as fast as they can be made; how many of all so far nobody was told of."""
        started = time.monotonic()
        await changes.at_once(self.assessments, change, count, _TASKS)
        ended = time.monotonic()
        await self._all_told()
        behind, taken = time.monotonic() - ended, self._taken()
        return {
            "changes": len(taken), "lost": taken.count(None), "made": count / (ended - started), "behind": behind,
            "turned_away": sum(follower.turned_away for follower in self.followers),
        }  # fmt: skip

    async def _all_told(self) -> None:
        await all_told(self.assessments, self.followers, _PATIENCE)
        require_all(self.followers)

    def _taken(self) -> list[float | None]:
        return [
            seconds
            for each, follower in zip(self.assessments, self.followers, strict=True)
            for seconds in changes.waited(each.made, follower.heard)
        ]


async def _run(
    mode: str, port: int, dsn: str, redis_url: str, count: int, warm: int, timed: int, rate: float, burst: int
) -> None:
    pace = Pace()
    async with open_pool(dsn, "assay bench", _CONNECTIONS) as pool:
        assessments = await changes.planted(pool, count)
        clients = _Clients(assessments, followers_of(assessments, pace), pace)
        await connect(clients.followers[:warm], port)
        await _next("warm")
        await connect(clients.followers[warm:], port)
        await _next("asked")
        making = announcing(pool, redis_url) if mode == "ours" else _publishing(redis_url)
        async with making as change:
            found = await clients.timed(change, timed, rate)
            # Everyone is answered, asks again, and then waits for as long as possible: nothing happens for a while.
            pace.shortest = LONGEST
            found |= await clients.burst(change, burst)
        await _next("told")
        say(found)


async def _next(done: str) -> None:
    """Says what is done, and waits to be told to go on."""
    say(done)
    await asyncio.to_thread(told)


if __name__ == "__main__":
    uvloop.run(_run(**told()))
