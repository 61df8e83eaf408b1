"""Clients that follow assessments at real server processes: nothing that changes is lost on them, and a server that is
told to stop answers all of them.

ASSAY_SOAK_CHANGES (2000) is the number of changes, of which each has to be told.
"""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import aiohttp
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.clients.redis.change_feed import publish_nothing
from app.http.tokens import issue
from app.repositories.sql import Pool
from app.settings import load_settings
from benchmarks import database_rows
from benchmarks.followers import changes
from benchmarks.followers.changes import Changing, planted
from benchmarks.followers.follow_client import all_told, announcing, followers_of
from benchmarks.followers.long_polls import LONGEST, Follower, Pace, connect
from tests.bank import Bank
from tests.conftest import SECRET
from tests.faults.engines import Engines
from tests.faults.processes import START_SECONDS, Fleet

CHANGES = int(os.environ.get("ASSAY_SOAK_CHANGES", "2000"))
FOLLOWERS = 400
# Followers of one server that is stopped.
POLLS, STREAMS = 200, 5
# Changes of which each is told before the next come: how far the changes may run ahead of the clients.
STEP = 1000
TASKS = 8
# Seconds without news for anybody, after which what is missing is lost: several of the server's own looks, but less
# than a poll lasts, whose end would tell of it as well.
PATIENCE = LONGEST / 2


async def followed(pool: Pool, server: str, count: int) -> tuple[list[Changing], list[Follower]]:
    """Assessments, and a client that waits for each."""
    await database_rows.queued(pool, count)
    assessments = await planted(pool, count)
    followers = followers_of(assessments, Pace(LONGEST))
    port = urlsplit(server).port
    assert port
    await connect(followers, port)
    return assessments, followers


async def test_every_change_is_told(fleet: Fleet, engines: Engines, bank: Bank, pool: Pool, redis_url: str) -> None:
    """Also those in the middle of all, which are made while Redis is away and are told to nobody."""
    await fleet.add_server()
    assessments, followers = await followed(pool, fleet.urls[0], FOLLOWERS)
    with progress() as shown:
        task = shown.add_task("changes", total=CHANGES)
        async with announcing(pool, redis_url) as change:
            for made in range(0, CHANGES, STEP):
                count = min(STEP, CHANGES - made)
                if made <= CHANGES // 2 < made + count:
                    await engines.end_redis()
                    await changes.at_once(assessments, lambda each: each.change(pool, publish_nothing), count, TASKS)
                    await engines.start_redis()
                else:
                    await changes.at_once(assessments, change, count, TASKS)
                assert await all_told(assessments, followers, PATIENCE)
                shown.update(task, advance=count)
    lost = [
        seconds
        for each, follower in zip(assessments, followers, strict=True)
        for seconds in changes.waited(each.made, follower.heard)
        if seconds is None
    ]
    assert (sum(len(each.made) for each in assessments), lost) == (CHANGES, [])
    for follower in followers:
        follower.close()


async def test_a_server_that_is_stopped_answers_all_who_wait(fleet: Fleet, bank: Bank, pool: Pool) -> None:
    server = await fleet.add_server()
    url = fleet.urls[0]
    await database_rows.queued(pool, POLLS)
    assessments = await planted(pool, POLLS)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        polls = [asyncio.create_task(poll(session, each)) for each in assessments]
        streams = [await stream(session, each) for each in assessments[:STREAMS]]
        # A stream that is open was read for after the polls that were asked for before it.
        assert not any(waiting.done() for waiting in polls)
        ending = asyncio.create_task(server.end(signal.SIGTERM))
        answers = await asyncio.gather(*polls)
        rests = await asyncio.gather(*(each.content.read() for each in streams))
        assert await ending == 0
    tags = [f'"{each.revision}"' for each in assessments]
    assert answers == [(304, tag) for tag in tags]
    # What the streams had not sent yet was at most their sign of life: they ended, and were not cut off.
    assert [b"data:" in rest for rest in rests] == [False] * STREAMS


async def poll(session: aiohttp.ClientSession, assessment: Changing) -> tuple[int, str]:
    """The status of the answer and its tag, from who knows the present state and waits for another."""
    told = {"Authorization": bearer(assessment), "If-None-Match": f'"{assessment.revision}"'}
    async with session.get(f"/assessments/{assessment.assessment_id}/status?wait=60", headers=told) as reply:
        return reply.status, reply.headers["ETag"]


async def stream(session: aiohttp.ClientSession, assessment: Changing) -> aiohttp.ClientResponse:
    """An open stream whose first event has been read."""
    told = {"Authorization": bearer(assessment)}
    reply = await session.get(f"/assessments/{assessment.assessment_id}/events", headers=told)
    async with asyncio.timeout(START_SECONDS):
        while (await reply.content.readline()).strip():
            pass
    return reply


def bearer(assessment: Changing) -> str:
    """The credentials of the assessment's student."""
    return f"Bearer {issue(load_settings(jwt_secret=SECRET), assessment.owner, ['student'], 3600)}"


def progress() -> Progress:
    """What a long run shows."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, disable="ASSAY_SOAK_CHANGES" not in os.environ)
