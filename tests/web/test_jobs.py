"""Dead letters as an admin lists and retries them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.states import QUEUES, AssessmentStatus, JobStatus, JobType
from app.http.app_keys import WORKER_NOTIFIER
from app.repositories import jobs
from app.repositories.sql import Pool
from app.settings import Settings
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.dead_letters import ERROR, ERROR_BODY, GPT_REASON, RAG_REASON, fail_job
from tests.job_runner import claim_job, job_id, submit
from tests.web.assessments.test_lists import all_pages, cursor_of
from tests.web.problems import invalid, problem

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


@pytest.fixture
def admin(api: Api) -> Api:
    """An admin."""
    return api.as_("admin")


@pytest.fixture
async def gpt(pool: Pool, bank: Bank) -> UUID:
    """A failed job of an assessment that waits for another."""
    return await fail_job(pool, await submit(pool, bank), JobType.GPT, GPT_REASON)


@pytest.fixture
async def rag(pool: Pool, bank: Bank) -> UUID:
    """A failed job of an assessment that failed."""
    assessment_id = await submit(pool, bank, "student-2")
    failed = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    job = await claim_job(pool, assessment_id, JobType.GPT)
    assert await jobs.finish(pool, job, JobStatus.COMPLETED, None, None, [])
    await fail_job(pool, assessment_id, JobType.FUSION)
    return failed


def at(text: str) -> datetime:
    """A time in a body."""
    return datetime.fromisoformat(text)


async def listed(admin: Api, query: str) -> list[dict[str, Any]]:
    reply = await admin.get(f"/jobs?{query}")
    assert (reply.status, reply.body["next_cursor"]) == (200, None)
    items: list[dict[str, Any]] = reply.body["items"]
    return items


async def test_a_dead_letter_shows_its_job_and_its_error(admin: Api, gpt: UUID, pool: Pool) -> None:
    (shown,) = await listed(admin, "status=failed")
    row = await pool.fetchrow("SELECT * FROM async_jobs WHERE id = $1", gpt)
    assert row is not None
    assert shown == {
        "job_id": str(gpt), "assessment_id": str(row["assessment_id"]), "track": SLUG, "run": 1, "job_type": "gpt",
        "status": "failed", "attempts": 1, "max_attempts": 4, "crashes": 0, "created_at": shown["created_at"],
        "started_at": shown["started_at"], "completed_at": shown["completed_at"], "run_after": None,
        "error": ERROR_BODY, "request_id": None, "traceparent": row["traceparent"],
    }  # fmt: skip
    assert [at(shown[name]) for name in ("created_at", "started_at", "completed_at")] == [
        row["created_at"], row["started_at"], row["completed_at"]
    ]  # fmt: skip


async def test_a_waiting_job_shows_when_it_is_due(admin: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    held = await claim_job(pool, assessment_id, JobType.GPT)
    await jobs.retry_later(pool, held, 60, ERROR, charged=True)
    await claim_job(pool, assessment_id, JobType.RAG)
    shown = {job["job_type"]: job for job in await listed(admin, "")}
    assert at(shown["gpt"]["run_after"]) > datetime.now(UTC) + timedelta(seconds=30)
    assert shown["rag"]["status"] == "in_progress" and shown["rag"]["run_after"] is None
    assert (shown["rag"]["run_after"], shown["fusion"]["run_after"]) == (None, None)
    assert (shown["gpt"]["error"], shown["rag"]["error"]) == (ERROR_BODY, None)


async def test_filters_by_status_and_type(admin: Api, gpt: UUID, rag: UUID) -> None:
    every = [(job["job_type"], job["status"]) for job in await listed(admin, "")]
    assert len(every) == 6
    for status in JobStatus:
        matches = await listed(admin, f"status={status}")
        assert [(job["job_type"], job["status"]) for job in matches] == [job for job in every if job[1] == status]
        for job_type in JobType:
            matches = await listed(admin, f"status={status}&job_type={job_type}")
            assert len(matches) == every.count((job_type, status))
    assert len(await listed(admin, "job_type=fusion")) == 2


async def test_pages_are_complete_and_newest_first(admin: Api, pool: Pool, bank: Bank) -> None:
    """The statement looks up each status on its own, and jobs of the same time are sorted by id."""
    for number in range(4):
        await fail_job(pool, await submit(pool, bank, f"student-{number}", []), JobType.RAG, RAG_REASON)
    await pool.execute("UPDATE async_jobs SET created_at = date_trunc('hour', now()) WHERE job_type = 'gpt'")
    rows = await pool.fetch("SELECT id, status FROM async_jobs ORDER BY created_at DESC, id DESC")
    for query, ids in (
        ("/jobs", [str(row["id"]) for row in rows]),
        ("/jobs?status=queued", [str(row["id"]) for row in rows if row["status"] == "queued"]),
    ):
        for limit in (1, 5, 100):
            pages = await all_pages(admin, query, limit)
            assert [job["job_id"] for page in pages for job in page] == ids
            assert {len(page) for page in pages[:-1]} <= {limit}


@pytest.mark.parametrize(
    "query",
    ["status=dead", "status=", "status=FAILED", "status=submitted", "job_type=essay", "job_type=%00", "limit=0",
     "limit=101", "limit=x", "cursor=x", "cursor=", f"cursor={cursor_of('now', 'x')}",
     f"cursor={cursor_of('2026-01-01T00:00:00+00:00', 'x')}"],
)  # fmt: skip
async def test_invalid_queries_are_refused(admin: Api, query: str) -> None:
    problem(await admin.get(f"/jobs?{query}"), 400, "bad-query")


async def test_a_retry_before_the_end_continues_the_same_job(admin: Api, gpt: UUID, pool: Pool) -> None:
    reply = await admin.post(f"/jobs/{gpt}/retry", traceparent=TRACE, X_Request_ID="retry-1")
    assert (reply.status, reply.body["job_id"], reply.body["status"]) == (202, str(gpt), "queued")
    assert reply.headers["Location"] == f"/assessments/{reply.body['assessment_id']}/status"
    assert int(reply.headers["Retry-After"]) >= 1
    assert (reply.body["traceparent"], reply.body["request_id"]) == (TRACE, "retry-1")
    status = (await admin.get(reply.headers["Location"])).body
    assert (status["status"], status["run"], status["jobs"][0]["max_attempts"]) == ("submitted", 1, 5)
    assert await listed(admin, "status=failed") == []


async def test_a_retry_after_the_end_starts_a_new_run(admin: Api, rag: UUID) -> None:
    reply = await admin.post(f"/jobs/{rag}/retry")
    assert (reply.status, reply.body["job_type"], reply.body["run"], reply.body["attempts"]) == (202, "rag", 2, 0)
    assert reply.body["job_id"] != str(rag)
    status = await admin.get(reply.headers["Location"])
    assert (status.body["status"], status.body["rescoring"], status.body["overall_progress"]) == ("failed", True, 100.0)
    assert [job["status"] for job in status.body["jobs"]] == ["completed", "queued", "queued"]
    assert status.body["jobs"][1]["job_id"] == reply.body["job_id"]
    assert "Retry-After" in status.headers
    problem(await admin.post(f"/jobs/{rag}/retry"), 409, "job-of-older-run")


async def test_a_job_that_cannot_be_retried_is_refused(admin: Api, gpt: UUID, pool: Pool, bank: Bank) -> None:
    problem(await admin.post(f"/jobs/{uuid4()}/retry"), 404, "not-found")
    problem(await admin.post("/jobs/1/retry"), 404, "not-found")
    assert invalid(await admin.post(f"/jobs/{gpt}/retry", {"force": True})) == ["/force"]
    assert (await admin.post(f"/jobs/{gpt}/retry")).status == 202
    detail = problem(await admin.post(f"/jobs/{gpt}/retry"), 409, "job-not-failed")["detail"]
    assert "queued" in detail
    held = await jobs.claim(pool, gpt, 15)
    assert held and await jobs.finish(pool, held, JobStatus.FAILED, ERROR, None, [])
    other = await claim_job(pool, held.assessment_id, JobType.RAG)
    assert await jobs.finish(pool, other, JobStatus.COMPLETED, None, None, [])
    reply = await admin.post(f"/jobs/{gpt}/retry")
    problem(reply, 409, "conflict")
    assert int(reply.headers["Retry-After"]) >= 1


async def test_a_key_makes_a_repeated_retry_safe(admin: Api, rag: UUID, pool: Pool) -> None:
    first = await admin.post(f"/jobs/{rag}/retry", Idempotency_Key="again")
    same = await admin.post(f"/jobs/{rag}/retry", {}, Idempotency_Key='"again"')
    assert (same.status, same.raw, same.headers["Idempotent-Replayed"]) == (202, first.raw, "true")
    assert same.headers["Location"] == first.headers["Location"]
    assert await pool.fetchval("SELECT max(run) FROM async_jobs") == 2
    other = admin.as_("admin", sub="admin-2")
    problem(await other.post(f"/jobs/{rag}/retry", Idempotency_Key="again"), 409, "job-of-older-run")


async def test_a_refused_retry_changes_nothing(admin: Api, pool: Pool, bank: Bank) -> None:
    waiting = await job_id(pool, await submit(pool, bank), JobType.GPT)
    problem(await admin.post(f"/jobs/{waiting}/retry", Idempotency_Key="k"), 409, "job-not-failed")
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE entity = 'job'") == 0


async def test_workers_are_notified_after_a_retry_but_not_after_its_replay(
    admin: Api, rag: UUID, settings: Settings
) -> None:
    jobs_in_redis = JobQueue(job_queue.connect(settings.secret("redis_url")))
    notifier = admin.client.app[WORKER_NOTIFIER]
    for replayed, messages in ((None, 1), ("true", 0)):
        await jobs_in_redis.redis.flushall()
        reply = await admin.post(f"/jobs/{rag}/retry", Idempotency_Key="k")
        await notifier.finish(5)
        assert reply.headers.get("Idempotent-Replayed") == replayed
        assert await jobs_in_redis.queue_lengths() == dict.fromkeys(QUEUES, 0) | {JobType.RAG: messages}
    await jobs_in_redis.redis.aclose()


async def test_a_retry_is_audited(admin: Api, gpt: UUID, pool: Pool) -> None:
    await admin.post(f"/jobs/{gpt}/retry")
    row = await pool.fetchrow("SELECT actor, action, key FROM audit_log WHERE entity = 'job'")
    assert row and tuple(row) == ("admin-1", "retry", str(gpt))


async def test_the_openapi_document_lists_the_filter_values(api: Api) -> None:
    paths = (await api.get("/openapi.json")).body["paths"]
    enums = {
        (path, parameter["name"]): set(parameter["schema"]["enum"])
        for path in ("/jobs", "/assessments")
        for parameter in paths[path]["get"]["parameters"]
        if "enum" in parameter["schema"]
    }
    assert enums == {
        ("/jobs", "status"): set(JobStatus),
        ("/jobs", "job_type"): set(JobType),
        ("/assessments", "status"): set(AssessmentStatus),
    }
