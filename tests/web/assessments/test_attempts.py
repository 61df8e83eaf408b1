"""How often and how soon one student may start a track again."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.repositories.sql import Pool
from app.settings import load_settings
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.pgbouncer import pgbouncer
from tests.web.conftest import Serve
from tests.web.problems import problem

START = {"track": SLUG}


async def limit(api: Api, **fields: Any) -> None:
    """Changes the limits of the track."""
    changed = await api.as_("author").patch(f"/tracks/{SLUG}", fields)
    assert changed.status == 200, changed.raw


async def take(api: Api) -> str:
    """Starts a new assessment and submits it; returns its path."""
    started = await api.post("/assessments", START)
    assert started.status == 201, started.raw
    path = started.headers["Location"]
    assert (await api.post(f"{path}/submit")).status == 202
    return path


async def test_no_more_attempts_than_the_track_permits(api: Api, bank: Bank, pool: Pool) -> None:
    await limit(api, attempts=2)
    first = await take(api)
    assert await take(api) != first
    for _ in range(2):
        body = problem(await api.post("/assessments", START), 409, "attempts-used")
        assert "2 attempts" in body["detail"]
        assert "none is left" in body["detail"]
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 2
    await take(api.as_("student", sub="student-2"))
    await limit(api, attempts=3)
    await take(api)
    problem(await api.post("/assessments", START), 409, "attempts-used")
    await limit(api, attempts=None)
    await take(api)


async def test_the_open_assessment_is_resumed_whatever_the_limits(api: Api, path: str) -> None:
    await limit(api, attempts=1, retake_after_hours=24)
    for _ in range(2):
        resumed = await api.post("/assessments", START)
        assert (resumed.status, resumed.headers["Location"]) == (200, path)


async def test_an_expired_assessment_was_an_attempt(api: Api, path: str, pool: Pool) -> None:
    """Otherwise whoever lets assessments expire would see every question of the bank."""
    await limit(api, attempts=1)
    await pool.execute("UPDATE assessments SET expires_at = now()")
    problem(await api.post("/assessments", START), 409, "attempts-used")
    assert (await api.get(path)).body["status"] == "expired"


async def test_attempts_of_an_earlier_version_count(api: Api, path: str, pool: Pool) -> None:
    await pool.execute("UPDATE assessments SET attempt = NULL")
    await api.post(f"{path}/submit")
    await limit(api, attempts=2)
    await take(api)
    assert await pool.fetchval("SELECT array_agg(attempt ORDER BY created_at) FROM assessments") == [None, 2]
    problem(await api.post("/assessments", START), 409, "attempts-used")


async def test_attempts_whose_rows_are_gone_count_too(api: Api, bank: Bank, pool: Pool) -> None:
    for _ in range(2):
        await take(api)
    # Triggers keep the rows that refer to it.
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        await conn.execute("DELETE FROM assessments WHERE attempt = 1")
    await limit(api, attempts=2)
    problem(await api.post("/assessments", START), 409, "attempts-used")
    await limit(api, attempts=3)
    await take(api)


async def test_the_next_attempt_waits_for_the_pause(api: Api, path: str, pool: Pool) -> None:
    await limit(api, retake_after_hours=24)
    await api.post(f"{path}/submit")
    submitted_at = (await api.get(f"{path}/status")).body["submitted_at"]
    reply = await api.post("/assessments", START)
    body = problem(reply, 409, "retake-too-soon")
    assert body["detail"].endswith("Z")
    shown = datetime.fromisoformat(body["detail"].rsplit(" ", 1)[1])
    assert abs(shown - datetime.fromisoformat(submitted_at) - timedelta(hours=24)) <= timedelta(seconds=1)
    assert 86_300 < int(reply.headers["Retry-After"]) <= 86_400
    await pool.execute("UPDATE assessments SET submitted_at = submitted_at - interval '24 hours'")
    await take(api)


async def test_the_pause_after_an_expired_assessment_begins_when_its_time_was_over(
    api: Api, path: str, pool: Pool
) -> None:
    await limit(api, retake_after_hours=0.5)
    await pool.execute("UPDATE assessments SET expires_at = now() - interval '20 minutes'")
    reply = await api.post("/assessments", START)
    problem(reply, 409, "retake-too-soon")
    assert 500 < int(reply.headers["Retry-After"]) <= 600
    await pool.execute("UPDATE assessments SET expires_at = now() - interval '40 minutes'")
    await take(api)


async def test_after_the_last_attempt_no_time_is_named(api: Api, bank: Bank) -> None:
    await limit(api, attempts=1, retake_after_hours=24)
    await take(api)
    reply = await api.post("/assessments", START)
    problem(reply, 409, "attempts-used")
    assert "Retry-After" not in reply.headers


@pytest.mark.parametrize("mode", ["no pooler", "transaction"])
async def test_fifty_starts_at_once_make_no_more_than_three_attempts(
    serve: Serve, bank: Bank, database_url: str, pool: Pool, mode: str
) -> None:
    """Each of them starts and submits at once, so that no open assessment holds the others back."""

    async def start_and_submit(api: Api) -> int:
        started = await api.post("/assessments", START)
        if started.status in (200, 201):
            assert (await api.post(f"{started.headers['Location']}/submit")).status in (202, 409)
        else:
            assert started.status == 409, started.raw
        return started.status

    async def race(api: Api) -> None:
        await limit(api, attempts=3)
        statuses = await asyncio.gather(*(start_and_submit(api) for _ in range(50)))
        while 409 not in statuses:
            statuses = [await start_and_submit(api)]
        assert await pool.fetchval("SELECT array_agg(attempt ORDER BY attempt) FROM assessments") == [1, 2, 3]

    if mode == "no pooler":
        return await race(await serve())
    async with pgbouncer(database_url, mode) as url:
        changed = load_settings(database_url=url, database_pooler=mode)
        await race(await serve(database_url=changed.database_url, database_pooler=mode))
