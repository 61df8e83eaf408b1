"""Rescoring: a new run scores all essays again while the former result stays visible."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations as managing
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_all_jobs, read_state
from tests.job_runner import submit
from tests.scored_assessments import claimed_fusion, completed_assessment, essay_score, newest_result
from tests.web.conftest import Serve
from tests.web.notifications import notified_queues, published_changes
from tests.web.problems import invalid, problem
from tests.web.test_outages import NO_REDIS
from tests.webhooks import SECRET, UNREACHABLE_URL

TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"
BODY = {"reason": "The rubric was wrong."}
AGAIN = {"essay": essay_score("gpt", 20), "essay_two": essay_score("gpt", 20)}


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def rescore(caller: Api, assessment_id: UUID, body: Any = BODY, **headers: str) -> Reply:
    return await caller.post(f"/assessments/{assessment_id}/rescore", body, **headers)


async def test_it_starts_a_run_of_all_jobs_and_answers_with_the_status(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    before = await read_state(pool, assessment_id)
    reply = await rescore(advisor, assessment_id, traceparent=TRACE, X_Request_ID="again-1")
    path = f"/assessments/{assessment_id}/status"
    assert (reply.status, reply.headers["Location"], int(reply.headers["Retry-After"]) >= 1) == (202, path, True)
    assert (await advisor.get(path)).body == reply.body
    shown = reply.body
    assert (shown["status"], shown["run"], shown["rescoring"], shown["overall_progress"]) == (
        "completed",
        2,
        True,
        100.0,
    )
    assert {job["job_type"]: job["status"] for job in shown["jobs"]} == dict.fromkeys(JobType, "queued")
    during = await read_state(pool, assessment_id)
    assert (during.row["revision"], during.row["remaining"]) == (before.row["revision"] + 1, 2)
    assert (during.due, during.row["completed_at"]) == ({"gpt", "rag"}, before.row["completed_at"])
    assert {kind.value: job["mode"] for kind, job in during.jobs.items()} == {
        "gpt": "rescore", "rag": "missing", "fusion": "missing"
    }  # fmt: skip
    for kind, job in during.jobs.items():
        former = before.jobs[kind]
        assert (job["units_total"], job["units_done"], job["attempts"], job["max_attempts"], job["output"]) == (
            former["units_total"], 0, 0, 4, None
        )  # fmt: skip
        assert (job["traceparent"], job["request_id"], job["id"] != former["id"]) == (TRACE, "again-1", True)


async def test_without_a_trace_context_the_former_runs_is_kept(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    before = (await read_state(pool, assessment_id)).jobs
    await rescore(advisor, assessment_id)
    after = (await read_state(pool, assessment_id)).jobs
    assert [after[kind]["traceparent"] for kind in JobType] == [before[kind]["traceparent"] for kind in JobType]


async def test_the_result_stands_until_the_new_one_replaces_it(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    former = await advisor.get(f"/assessments/{assessment_id}/result")
    await rescore(advisor, assessment_id)
    job = await claimed_fusion(pool, bank, assessment_id, AGAIN, run=2)
    assert (await advisor.get(f"/assessments/{assessment_id}/result")).raw == former.raw
    assert await FusionJob(pool).run(job)
    result = await newest_result(pool, assessment_id)
    assert (former.body["breakdown"]["essay"]["score"], result["breakdown"]["essay"]["score"]) == (2.0, 0.6)
    status = (await advisor.get(f"/assessments/{assessment_id}/status")).body
    assert (status["status"], status["rescoring"], status["run"]) == ("completed", False, 2)
    messages = await pool.fetch("SELECT run, edition, event_type FROM webhook_deliveries ORDER BY run")
    assert [tuple(row) for row in messages] == [(1, 0, "assessment.completed"), (2, 0, "assessment.rescored")]
    assert (await rescore(advisor, assessment_id)).body["run"] == 3


async def test_a_failed_assessment_can_be_scored_again(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    await fail_all_jobs(pool, assessment_id)
    reply = await rescore(advisor, assessment_id)
    assert (reply.status, reply.body["status"], reply.body["rescoring"]) == (202, "failed", True)
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id, AGAIN, run=2))
    assert (await advisor.get(f"/assessments/{assessment_id}/status")).body["status"] == "completed"


async def test_one_run_at_a_time(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    problem(await rescore(advisor, assessment_id), 409, "run-in-progress")
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id))
    assert (await rescore(advisor, assessment_id)).status == 202
    refused = await rescore(advisor, assessment_id)
    problem(refused, 409, "run-in-progress")
    assert int(refused.headers["Retry-After"]) >= 1
    job = await claimed_fusion(pool, bank, assessment_id, AGAIN, run=2)
    problem(await rescore(advisor, assessment_id), 409, "run-in-progress")
    assert await FusionJob(pool).run(job)
    assert await pool.fetchval("SELECT count(*) FROM async_jobs") == 6
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'rescore'") == 1


async def test_what_was_never_submitted_cannot_be_scored_again(advisor: Api, path: str, pool: Pool) -> None:
    assessment_id = UUID(path.rsplit("/", 1)[1])
    problem(await rescore(advisor, assessment_id), 409, "not-submitted")
    await pool.execute("UPDATE assessments SET expires_at = now()")
    problem(await rescore(advisor, assessment_id), 410, "assessment-expired")
    assert await pool.fetchval("SELECT run FROM assessments") == 1


async def test_the_person_and_the_reason_are_audited(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await rescore(advisor, assessment_id)
    row = await pool.fetchrow("SELECT actor, action, key, after FROM audit_log WHERE entity = 'assessment'")
    assert row and tuple(row) == ("advisor-1", "rescore", str(assessment_id), {"run": 2, "reason": BODY["reason"]})


async def test_a_reason_is_needed_and_nothing_else(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    for wrong in ("", " \n", "x" * 2001, None, 1):
        assert invalid(await rescore(advisor, assessment_id, {"reason": wrong})) == ["/reason"]
    assert invalid(await rescore(advisor, assessment_id, None)) == ["/reason"]
    assert invalid(await rescore(advisor, assessment_id, BODY | {"model": "x"})) == ["/model"]
    assert (await rescore(advisor, assessment_id, {"reason": "x" * 2000})).status == 202


async def test_the_order_of_the_checks(api: Api, advisor: Api, path: str, pool: Pool, bank: Bank) -> None:
    problem(await rescore(advisor, uuid4()), 404, "not-found")
    problem(await api.send_raw("POST", f"{path}/rescore", b"{", {}), 403, "forbidden")
    assert invalid(await rescore(advisor, UUID(path.rsplit("/", 1)[1]), {})) == ["/reason"]
    assessment_id = await completed_assessment(pool, bank, "student-2")
    first = await rescore(advisor, assessment_id, Idempotency_Key="k")
    again = await rescore(advisor, assessment_id, Idempotency_Key="k")
    assert (again.raw, again.headers["Idempotent-Replayed"]) == (first.raw, "true")
    problem(
        await rescore(advisor, assessment_id, {"reason": "Other."}, Idempotency_Key="k"), 422, "idempotency-key-reused"
    )


async def test_the_change_is_published_and_the_workers_notified_once(
    advisor: Api, pool: Pool, bank: Bank, redis_url: str
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    async with published_changes(redis_url) as changed:
        await rescore(advisor, assessment_id, Idempotency_Key="k")
    assert (changed, await notified_queues(advisor, redis_url)) == ({assessment_id}, {JobType.GPT, JobType.RAG})


async def test_a_rescore_works_without_redis(serve: Serve, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    api = await serve(redis_url=NO_REDIS)
    assert (await rescore(api.as_("advisor"), assessment_id)).status == 202
    assert (await read_state(pool, assessment_id)).due == {"gpt", "rag"}


async def test_the_track_can_be_started_again_meanwhile(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    """A run beside a final status does not make the assessment an open one."""
    await rescore(advisor, await completed_assessment(pool, bank))
    assert (await api.post("/assessments", {"track": SLUG})).status == 201
