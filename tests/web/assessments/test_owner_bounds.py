"""One student's submissions, starts and idempotency keys are bounded; nobody else notices, and each refusal says when
to come back. The checks come in the order of all routes: body, replay, state, capacity."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app.repositories.sql import Pool
from app.services.idempotency import MAX_KEYS
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.job_runner import Finish
from tests.services.assessments.test_owner_bounds import create_tracks
from tests.web.conftest import Serve
from tests.web.problems import invalid, problem

HOUR = 3600
_INSERT_KEYS = """
INSERT INTO idempotency_keys (owner, path, key, fingerprint, status, body, expires_at)
SELECT $1, '/elsewhere', 'key-' || n, '', 201, '{}', now() + n * interval '1 minute'
FROM generate_series(60, $2 + 59) AS n
"""


async def begin(api: Api, slug: str) -> str:
    """The path of an assessment that is started now."""
    started = await api.post("/assessments", {"track": slug})
    assert started.status == 201, started.raw
    return started.headers["Location"]


async def test_a_student_may_have_five_submissions_waiting(api: Api, pool: Pool, bank: Bank, finish: Finish) -> None:
    paths = [await begin(api, slug) for slug in await create_tracks(pool, 6)]
    for path in paths[:5]:
        assert (await api.post(f"{path}/submit", Idempotency_Key="k")).status == 202
    last = f"{paths[5]}/submit"
    refused = await api.post(last)
    assert "5 submissions" in problem(refused, 429, "too-many-submissions")["detail"]
    assert int(refused.headers["Retry-After"]) >= 1
    written = "SELECT count(*) FILTER (WHERE status = 'submitted') = 5 AND max(revision) = 2 FROM assessments"
    assert await pool.fetchval(written)
    # What comes before the capacity.
    assert invalid(await api.post(last, {"responses": [{}]})) != []
    assert invalid(await api.post(last, {"responses": [{"question_id": str(uuid4()), "answer": "x"}]})) != []
    replayed = await api.post(f"{paths[0]}/submit", Idempotency_Key="k")
    assert (replayed.status, replayed.headers["Idempotent-Replayed"]) == (202, "true")
    problem(await api.post(f"{paths[0]}/submit"), 409, "already-submitted")
    problem(await api.as_("student", sub="student-2").post(last), 403, "forbidden")
    # Others, and the student once a result is there.
    other = api.as_("student", sub="student-2")
    assert (await other.post(f"{await begin(other, 'track-0')}/submit")).status == 202
    await finish()
    assert (await api.post(last)).status == 202


async def test_the_number_of_waiting_submissions_is_a_setting(serve: Serve, pool: Pool, bank: Bank) -> None:
    api = await serve(owner_max_waiting=1)
    paths = [await begin(api, slug) for slug in await create_tracks(pool, 2)]
    statuses = [(await api.post(f"{path}/submit")).status for path in paths]
    assert statuses == [202, 429]


async def test_a_full_queue_is_503_only_for_those_who_may_still_submit(serve: Serve, pool: Pool) -> None:
    api = await serve(owner_max_waiting=1, max_queued_assessments=1)
    paths = [await begin(api, slug) for slug in await create_tracks(pool, 2)]
    assert (await api.post(f"{paths[0]}/submit")).status == 202
    problem(await api.post(f"{paths[1]}/submit"), 429, "too-many-submissions")
    other = api.as_("student", sub="student-2")
    problem(await other.post(f"{await begin(other, 'track-0')}/submit"), 503, "queue-full")


async def test_a_student_may_start_fifty_assessments_within_a_day(api: Api, pool: Pool, bank: Bank) -> None:
    slugs = await create_tracks(pool, 51)
    for slug in slugs[:50]:
        await begin(api, slug)
    started = "SELECT count(*) FROM assessments WHERE owner = 'student-1'"
    refused = await api.post("/assessments", {"track": slugs[50]})
    assert "50 assessments" in problem(refused, 429, "too-many-starts")["detail"]
    assert 23 * HOUR < int(refused.headers["Retry-After"]) <= 24 * HOUR
    assert await pool.fetchval(started) == 50
    # What comes before the capacity, and what starts nothing.
    assert invalid(await api.post("/assessments", {"track": 1})) == ["/track"]
    problem(await api.post("/assessments", {"track": "nowhere"}), 404, "not-found")
    assert (await api.post("/assessments", {"track": slugs[7]})).status == 200
    assert (await api.as_("student", sub="student-2").post("/assessments", {"track": slugs[50]})).status == 201


async def test_a_refused_start_says_when_the_next_one_is_permitted(serve: Serve, pool: Pool) -> None:
    api = await serve(owner_starts_per_day=2)
    slugs = await create_tracks(pool, 4)
    for hours, slug in ((20, slugs[0]), (5, slugs[1])):
        path = await begin(api, slug)
        await pool.execute(
            "UPDATE assessments SET created_at = created_at - $2::interval WHERE id::text = $1",
            path.rsplit("/", 1)[1], timedelta(hours=hours),
        )  # fmt: skip
    refused = await api.post("/assessments", {"track": slugs[2]})
    problem(refused, 429, "too-many-starts")
    assert 4 * HOUR - 120 < int(refused.headers["Retry-After"]) <= 4 * HOUR
    await pool.execute("UPDATE assessments SET created_at = created_at - interval '4 hours'")
    await begin(api, slugs[2])
    problem(await api.post("/assessments", {"track": slugs[3]}), 429, "too-many-starts")


async def test_a_refused_start_with_a_key_may_be_sent_again(serve: Serve, pool: Pool) -> None:
    """Only successful answers are kept for a key."""
    api = await serve(owner_starts_per_day=1)
    slugs = await create_tracks(pool, 2)
    await begin(api, slugs[0])
    for _ in range(2):
        refused = await api.post("/assessments", {"track": slugs[1]}, Idempotency_Key="again")
        problem(refused, 429, "too-many-starts")
    await pool.execute("UPDATE assessments SET created_at = created_at - interval '25 hours'")
    assert (await api.post("/assessments", {"track": slugs[1]}, Idempotency_Key="again")).status == 201


async def test_a_thousand_keys_are_kept_for_one_caller(api: Api, pool: Pool, bank: Bank) -> None:
    first = await api.post("/assessments", {"track": SLUG}, Idempotency_Key="first")
    path = first.headers["Location"]
    await pool.execute(_INSERT_KEYS, "student-1", MAX_KEYS - 1)

    def check(refused: Reply) -> None:
        assert "1000 idempotency keys" in problem(refused, 429, "too-many-idempotency-keys")["detail"]
        assert 59 * 60 < int(refused.headers["Retry-After"]) <= 60 * 60

    check(await api.post("/assessments", {"track": SLUG}, Idempotency_Key="new"))
    check(await api.post(f"{path}/submit", Idempotency_Key="new"))
    assert await pool.fetchval("SELECT status FROM assessments") == "in_progress"
    # What comes before the capacity.
    assert invalid(await api.post(f"{path}/submit", {"x": 1}, Idempotency_Key="new")) != []
    replayed = await api.post("/assessments", {"track": SLUG}, Idempotency_Key="first")
    assert (replayed.raw, replayed.headers["Idempotent-Replayed"]) == (first.raw, "true")
    problem(await api.post("/assessments", {"track": "other"}, Idempotency_Key="first"), 422, "idempotency-key-reused")
    # Without a key, and for others.
    assert (
        await api.as_("student", sub="student-2").post("/assessments", {"track": SLUG}, Idempotency_Key="n")
    ).status == 201
    assert (await api.post(f"{path}/submit")).status == 202
    problem(await api.post(f"{path}/submit", Idempotency_Key="new"), 409, "already-submitted")
    await pool.execute("DELETE FROM idempotency_keys WHERE key = 'key-60'")
    assert (await api.post("/assessments", {"track": SLUG}, Idempotency_Key="new")).status == 201


@pytest.mark.parametrize("role", ["author", "admin"])
async def test_keys_are_bounded_whatever_they_are_for(api: Api, pool: Pool, role: str) -> None:
    caller = api.as_(role)
    await pool.execute(_INSERT_KEYS, f"{role}-1", MAX_KEYS)
    track = {"slug": "new", "name": "New", "question_mix": {"profile": 1}}
    problem(await caller.post("/tracks", track, Idempotency_Key="k"), 429, "too-many-idempotency-keys")
    assert await pool.fetchval("SELECT count(*) FROM tracks") == 0
    assert (await caller.post("/tracks", track)).status == 201
