"""Idempotency keys under races: many requests at once, and what they leave in the database."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from uuid import UUID

import asyncpg
import pytest

from app.domain.idempotency import IdempotencyKey
from app.repositories import idempotency
from app.repositories.sql import Pool
from app.services.idempotency import KEEP_SECONDS
from tests.api import Api, Reply
from tests.bank import SLUG, Bank

REQUESTS = 100
# Generous: requests share a busy machine with other tests.
SEND_SECONDS = 120.0


async def send_all(requests: Iterable[Callable[[], Awaitable[Reply]]]) -> list[Reply]:
    """The replies to requests that are sent at once. A client sends again what was refused because the server was too
    busy: that says nothing about the key."""

    async def send(request: Callable[[], Awaitable[Reply]]) -> Reply:
        while True:
            reply = await request()
            if kinds([reply]) != {"503 storage-unavailable": 1}:
                return reply
            await asyncio.sleep(random.uniform(0, float(reply.headers["Retry-After"])))  # noqa: S311 - no secret

    async with asyncio.timeout(SEND_SECONDS):
        return await asyncio.gather(*map(send, requests))


@pytest.fixture
async def path(api: Api, bank: Bank) -> str:
    """The path of an assessment with all answers saved."""
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    await api.patch(f"{path}/responses", {"responses": bank.all_answers()})
    return path


def kinds(replies: list[Reply]) -> Counter[str]:
    """How often each status was answered; for errors, with the type of the problem."""
    return Counter(
        f"{reply.status} {reply.body['type'].rsplit('/', 1)[1]}" if reply.status >= 400 else str(reply.status)
        for reply in replies
    )


async def count_rows(pool: Pool, path: str) -> tuple[int, int, int]:
    """The numbers of rule scores and jobs of the assessment, and of stored keys."""
    assessment_id = UUID(path.rsplit("/", 1)[1])
    row = await pool.fetchrow(
        """SELECT (SELECT count(*) FROM scores WHERE assessment_id = $1),
                  (SELECT count(*) FROM async_jobs WHERE assessment_id = $1),
                  (SELECT count(*) FROM idempotency_keys WHERE path LIKE '%/submit')""",
        assessment_id,
    )
    assert row is not None
    return row[0], row[1], row[2]


async def test_a_hundred_submissions_with_one_key_submit_once(api: Api, path: str, pool: Pool) -> None:
    replies = await send_all([lambda: api.post(f"{path}/submit", Idempotency_Key="one")] * REQUESTS)
    assert set(kinds(replies)) <= {"202", "409 idempotency-key-in-flight"}
    accepted = [reply for reply in replies if reply.status == 202]
    assert len({(reply.raw, reply.headers["Location"]) for reply in accepted}) == 1
    assert sum("Idempotent-Replayed" not in reply.headers for reply in accepted) == 1
    assert all(reply.headers["Retry-After"] for reply in replies)
    assert await count_rows(pool, path) == (8, 3, 1)


async def test_a_hundred_submissions_with_different_keys_submit_once(api: Api, path: str, pool: Pool) -> None:
    replies = await send_all(partial(api.post, f"{path}/submit", Idempotency_Key=f"key-{i}") for i in range(REQUESTS))
    assert kinds(replies) == {"202": 1, "409 already-submitted": REQUESTS - 1}
    assert await count_rows(pool, path) == (8, 3, 1)


async def test_a_hundred_submissions_without_a_key_submit_once(api: Api, path: str, pool: Pool) -> None:
    replies = await send_all([lambda: api.post(f"{path}/submit")] * REQUESTS)
    assert kinds(replies) == {"202": 1, "409 already-submitted": REQUESTS - 1}
    assert await count_rows(pool, path) == (8, 3, 0)


async def test_a_replay_is_byte_for_byte_the_stored_answer_and_needs_the_same_payload(
    api: Api, path: str, bank: Bank
) -> None:
    answers = bank.answers(scale=3)
    first = await api.post(f"{path}/submit", {"responses": answers}, Idempotency_Key='"quoted"')
    same = await api.post(f"{path}/submit", {"responses": answers}, Idempotency_Key="quoted")
    other = await api.post(f"{path}/submit", {"responses": bank.answers(scale=4)}, Idempotency_Key="quoted")
    assert (first.status, same.status, same.raw) == (202, 202, first.raw)
    assert (same.headers["Idempotent-Replayed"], same.headers["Location"]) == ("true", first.headers["Location"])
    assert kinds([other]) == {"422 idempotency-key-reused": 1}


async def test_a_key_belongs_to_one_caller_and_path(api: Api, path: str, bank: Bank) -> None:
    other = api.as_("student", sub="student-2")
    theirs = (await other.post("/assessments", {"track": SLUG}, Idempotency_Key="k")).headers["Location"]
    for student, own in ((api, path), (other, theirs)):
        reply = await student.post(f"{own}/submit", Idempotency_Key="k")
        assert (reply.status, reply.headers.get("Idempotent-Replayed")) == (202, None)


async def test_a_refused_request_does_not_use_up_its_key(api: Api, path: str, bank: Bank, pool: Pool) -> None:
    bad = {"responses": bank.answers(single="no such option")}
    assert (await api.post(f"{path}/submit", bad, Idempotency_Key="k")).status == 422
    assert await count_rows(pool, path) == (0, 0, 0)
    assert (await api.post("/assessments", {"track": "no-such-track"}, Idempotency_Key="k")).status == 404
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    good = await api.post(f"{path}/submit", Idempotency_Key="k")
    assert (good.status, good.headers.get("Idempotent-Replayed")) == (202, None)


async def test_a_hundred_starts_with_one_key_start_one_assessment(api: Api, bank: Bank, pool: Pool) -> None:
    start = {"track": SLUG}
    replies = await send_all([lambda: api.post("/assessments", start, Idempotency_Key="s")] * REQUESTS)
    assert set(kinds(replies)) <= {"201", "409 idempotency-key-in-flight"}
    assert len({reply.raw for reply in replies if reply.status == 201}) == 1
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 1
    assert await pool.fetchval("SELECT count(*) FROM assessment_questions") == 10


async def test_a_hundred_starts_without_a_key_start_one_assessment(api: Api, bank: Bank, pool: Pool) -> None:
    replies = await send_all([lambda: api.post("/assessments", {"track": SLUG})] * REQUESTS)
    assert kinds(replies) == {"201": 1, "200": REQUESTS - 1}
    assert len({reply.body["assessment_id"] for reply in replies}) == 1
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 1


@pytest.mark.parametrize("endpoint", ["submit", "start"])
async def test_a_request_is_refused_at_once_while_another_holds_its_key(
    api: Api, path: str, pool: Pool, endpoint: str
) -> None:
    """Another connection holds the lock of the key, as a request in the middle of its transaction does."""
    target, body = (f"{path}/submit", None) if endpoint == "submit" else ("/assessments", {"track": SLUG})
    async with pool.acquire() as first, first.transaction():
        assert await idempotency.try_lock(first, IdempotencyKey("student-1", target, "held"))
        refused = await asyncio.wait_for(api.post(target, body, Idempotency_Key="held"), SEND_SECONDS)
    assert kinds([refused]) == {"409 idempotency-key-in-flight": 1}
    assert refused.headers["Retry-After"]
    assert (await api.post(target, body, Idempotency_Key="held")).status in (200, 202)


async def test_a_unique_constraint_prevents_a_second_answer_for_a_key(pool: Pool, api: Api, path: str) -> None:
    """Even for a writer that does not take the lock."""
    assert (await api.post(f"{path}/submit", Idempotency_Key="k")).status == 202
    copy = "INSERT INTO idempotency_keys SELECT owner, path, key, fingerprint, status, location, 'x', now(), now()"
    with pytest.raises(asyncpg.UniqueViolationError, match="idempotency_keys_once_key"):
        await pool.execute(f"{copy} FROM idempotency_keys")


async def test_a_key_is_kept_for_a_day_at_least(pool: Pool, api: Api, path: str) -> None:
    await api.post(f"{path}/submit", Idempotency_Key="k")
    age = "UPDATE idempotency_keys SET expires_at = expires_at - make_interval(secs => $1)"
    await pool.execute(age, 24 * 3600)
    assert await idempotency.delete_expired(pool, 10) == 0
    await pool.execute(age, KEEP_SECONDS)
    assert await idempotency.delete_expired(pool, 10) == 1
