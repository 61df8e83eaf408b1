"""Long polls and streams at real server processes: no change is lost, and a server that stops answers all of them.

ASSAY_SOAK_CHANGES (2000) is the number of changes, each of which has to reach its client.
"""

import asyncio
import os
import signal
from urllib.parse import urlsplit

import aiohttp
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.clients.redis.change_feed import publish_nothing
from app.http.tokens import issue_token
from app.repositories.sql import Pool
from app.settings import load_settings
from benchmarks import database_rows
from benchmarks.followers.changes import (
    ChangingAssessment,
    change_concurrently,
    delays,
    publishing,
    read_submitted,
)
from benchmarks.followers.follow_client import all_received, clients_of
from benchmarks.followers.long_polls import MAX_WAIT, LongPollClient, PollWait, connect
from tests.bank import Bank
from tests.conftest import SECRET
from tests.faults.fault_servers import FaultServers
from tests.faults.processes import START_SECONDS, Fleet

CHANGES = int(os.environ.get("ASSAY_SOAK_CHANGES", "2000"))
CLIENTS = 400
# Long polls and streams at the server that is stopped.
POLLS, STREAMS = 200, 5
# Changes that all have to arrive before the next are made.
BATCH = 1000
TASKS = 8
# Seconds without any answer, after which what is missing counts as lost: several of the server's periodic checks, but
# less than a poll lasts, since its end would bring the change as well.
PATIENCE = MAX_WAIT / 2


async def start_clients(pool: Pool, server: str, count: int) -> tuple[list[ChangingAssessment], list[LongPollClient]]:
    """Submitted assessments, and a long poll client for each."""
    await database_rows.insert_queued_jobs(pool, count)
    assessments = await read_submitted(pool, count)
    clients = clients_of(assessments, PollWait(MAX_WAIT))
    port = urlsplit(server).port
    assert port
    await connect(clients, port)
    return assessments, clients


async def test_every_change_reaches_its_client(
    fleet: Fleet, fault_servers: FaultServers, bank: Bank, pool: Pool, redis_url: str
) -> None:
    """Also the changes that are made while Redis is down and are never published: those in the middle."""
    await fleet.add_server()
    assessments, clients = await start_clients(pool, fleet.urls[0], CLIENTS)
    with progress() as shown:
        task = shown.add_task("changes", total=CHANGES)
        async with publishing(pool, redis_url) as change:
            for made in range(0, CHANGES, BATCH):
                count = min(BATCH, CHANGES - made)
                if made <= CHANGES // 2 < made + count:
                    await fault_servers.end_redis()
                    await change_concurrently(
                        assessments, lambda assessment: assessment.change(pool, publish_nothing), count, TASKS
                    )
                    await fault_servers.start_redis()
                else:
                    await change_concurrently(assessments, change, count, TASKS)
                assert await all_received(assessments, clients, PATIENCE)
                shown.update(task, advance=count)
    all_delays = [
        seconds
        for assessment, client in zip(assessments, clients, strict=True)
        for seconds in delays(assessment.committed, client.received)
    ]
    assert (len(all_delays), all_delays.count(None)) == (CHANGES, 0)
    for client in clients:
        client.close()


async def test_a_stopping_server_answers_all_polls_and_ends_all_streams(fleet: Fleet, bank: Bank, pool: Pool) -> None:
    server = await fleet.add_server()
    url = fleet.urls[0]
    await database_rows.insert_queued_jobs(pool, POLLS)
    assessments = await read_submitted(pool, POLLS)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        polls = [asyncio.create_task(poll(session, assessment)) for assessment in assessments]
        streams = [await open_stream(session, assessment) for assessment in assessments[:STREAMS]]
        # The server has read the polls: they were sent before the streams, which are open.
        assert not any(waiting.done() for waiting in polls)
        ending = asyncio.create_task(server.end(signal.SIGTERM))
        answers = await asyncio.gather(*polls)
        rests = await asyncio.gather(*(stream.content.read() for stream in streams))
        assert await ending == 0
    assert answers == [(304, f'"{assessment.revision}"') for assessment in assessments]
    # Reading to the end succeeded, so the streams ended and were not cut off; at most a keep-alive comment was left.
    assert [b"data:" in rest for rest in rests] == [False] * STREAMS


async def poll(session: aiohttp.ClientSession, assessment: ChangingAssessment) -> tuple[int, str]:
    """Status and tag of the answer to a long poll by a client that has the present revision."""
    headers = {"Authorization": bearer(assessment), "If-None-Match": f'"{assessment.revision}"'}
    async with session.get(f"/assessments/{assessment.assessment_id}/status?wait=60", headers=headers) as answer:
        return answer.status, answer.headers["ETag"]


async def open_stream(session: aiohttp.ClientSession, assessment: ChangingAssessment) -> aiohttp.ClientResponse:
    """An open stream whose first event has been read."""
    headers = {"Authorization": bearer(assessment)}
    answer = await session.get(f"/assessments/{assessment.assessment_id}/events", headers=headers)
    async with asyncio.timeout(START_SECONDS):
        while (await answer.content.readline()).strip():
            pass
    return answer


def bearer(assessment: ChangingAssessment) -> str:
    """The Authorization header of the assessment's student."""
    return f"Bearer {issue_token(load_settings(jwt_secret=SECRET), assessment.owner, ['student'], 3600)}"


def progress() -> Progress:
    """A progress bar, shown by `make soak` only."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, disable="ASSAY_SOAK_CHANGES" not in os.environ)
