"""Retries of a failed job after its assessment is over: a new run takes over the completed jobs, and its result
replaces the former one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.errors import JobNotFailed
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from app.schemas import StatusView, status_view
from app.services.assessments.submit import Origin
from app.services.jobs.runner import JobRunner
from app.services.recommendations import embed_credentials
from tests.bank import ESSAY, Bank
from tests.dead_letters import (
    ERROR,
    GPT_REASON,
    RAG_REASON,
    AssessmentState,
    fail_job,
    fail_with_one_score,
    read_state,
    retry,
    retry_error,
    worker,
)
from tests.fakes.model_server import ModelServer, essay_of, failure
from tests.job_runner import job_id, run_due_jobs, submit
from tests.scored_assessments import newest_result

SECOND = f"{ESSAY} This is the second essay."
KEPT = ("attempts", "max_attempts", "output", "reasons", "units_done", "units_total", "started_at", "completed_at",
        "created_at", "traceparent", "request_id")  # fmt: skip


@pytest.fixture
async def running(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder, provider: ModelServer, bank: Bank
) -> AsyncIterator[JobRunner]:
    """A job runner that calls the provider's model."""
    await embed_credentials.embed_passages(pool, embedder)
    async with worker(pool, redis_url, embedder, provider) as running:
        yield running


def view(seen: AssessmentState) -> StatusView:
    return status_view(seen.status)


async def without_recommendations(pool: Pool, bank: Bank, running: JobRunner) -> tuple[UUID, UUID]:
    """A completed assessment whose `rag` job has failed, and that job."""
    assessment_id = await submit(pool, bank)
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    await run_due_jobs(pool, running)
    return assessment_id, rag


async def failed_assessment(pool: Pool, bank: Bank, running: JobRunner) -> tuple[UUID, UUID]:
    """A failed assessment, and its fusion job."""
    assessment_id = await submit(pool, bank)
    for job_type in (JobType.GPT, JobType.RAG):
        await running.run(await job_id(pool, assessment_id, job_type))
    return assessment_id, await fail_job(pool, assessment_id, JobType.FUSION)


async def test_a_new_run_takes_over_completed_jobs(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id, rag = await without_recommendations(pool, bank, running)
    before = await read_state(pool, assessment_id)
    retried = await retry(pool, rag, origin=Origin("00-trace-01", "request-2"))
    during = await read_state(pool, assessment_id)
    assert during.states == {"gpt": "completed", "rag": "queued", "fusion": "queued"}
    assert (during.row["run"], during.row["remaining"], during.due) == (2, 1, {"rag"})
    former, kept = before.jobs[JobType.GPT], during.jobs[JobType.GPT]
    assert kept["id"] != former["id"]
    assert [kept[name] for name in KEPT] == [former[name] for name in KEPT]
    queued = during.jobs[JobType.RAG]
    assert (queued["fence"], queued["attempts"], queued["max_attempts"], queued["units_done"]) == (0, 0, 4, 0)
    assert {(job["traceparent"], job["request_id"]) for job in during.jobs.values() if job is not kept} == {
        ("00-trace-01", "request-2")
    }
    assert (retried.job.job_id, retried.job.run, [due.job_id for due in retried.notifications]) == (
        queued["id"], 2, [queued["id"]]
    )  # fmt: skip


async def test_the_former_result_stays_until_the_new_one_replaces_it(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer
) -> None:
    assessment_id, rag = await without_recommendations(pool, bank, running)
    before = await read_state(pool, assessment_id)
    result = await newest_result(pool, assessment_id)
    assert (before.reasons, result["recommendations"]) == ([RAG_REASON.code], [])
    new = (await retry(pool, rag)).job.job_id
    shown = [await read_state(pool, assessment_id)]
    await running.run(new)
    shown.append(await read_state(pool, assessment_id))
    for seen in shown:
        assert (view(seen).status, view(seen).run, view(seen).rescoring) == ("completed", 2, True)
        assert (view(seen).overall_progress, seen.reasons) == (100.0, before.reasons)
        assert seen.row["completed_at"] == before.row["completed_at"]
    assert await newest_result(pool, assessment_id) == result
    await run_due_jobs(pool, running)
    after, replaced = await read_state(pool, assessment_id), await newest_result(pool, assessment_id)
    assert (view(after).status, view(after).rescoring, view(after).degraded) == ("completed", False, False)
    assert (after.reasons, len(replaced["recommendations"])) == ([], 3)
    assert after.row["completed_at"] == before.row["completed_at"]
    assert replaced["breakdown"]["essay"] == result["breakdown"]["essay"]
    revisions = [seen.row["revision"] for seen in (before, *shown, after)]
    assert revisions == sorted(set(revisions))
    assert len(provider.requests) == 2
    assert [row["run"] for row in await pool.fetch("SELECT run FROM results ORDER BY run")] == [1, 2]


async def test_essays_without_a_score_are_scored_in_the_new_run(
    pool: Pool, bank: Bank, failing_runner: JobRunner, running: JobRunner, provider: ModelServer
) -> None:
    assessment_id = await submit(pool, bank)
    await run_due_jobs(pool, failing_runner)
    assert (await newest_result(pool, assessment_id))["breakdown"]["essay"]["score"] is None
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    await retry(pool, gpt)
    during = await read_state(pool, assessment_id)
    assert during.states == {"gpt": "queued", "rag": "completed", "fusion": "queued"}
    await run_due_jobs(pool, running)
    essays = (await newest_result(pool, assessment_id))["breakdown"]["essay"]
    assert (essays["score"], essays["max_score"], essays["unscored"]) == (pytest.approx(2.4), 3.0, 0)
    assert ((await read_state(pool, assessment_id)).reasons, len(provider.requests)) == ([], 2)
    rows = await pool.fetch("SELECT run, score FROM scores WHERE score_type = 'essay_gpt' ORDER BY run, max_score")
    assert [tuple(row) for row in rows] == [(1, None), (1, None), (2, 0.8), (2, 1.6)]


async def test_scores_of_the_former_run_are_kept_and_not_paid_for_again(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer
) -> None:
    answers = [*bank.all_answers()[:-1], *bank.answers(essay_two=SECOND)]
    assessment_id = await submit(pool, bank, answers=answers)
    gpt = await fail_with_one_score(pool, assessment_id, bank.ids["essay"])
    await run_due_jobs(pool, running)
    await retry(pool, gpt)
    assert (await read_state(pool, assessment_id)).jobs[JobType.GPT]["units_done"] == 1
    await run_due_jobs(pool, running)
    assert [essay_of(request) for request in provider.requests] == [SECOND]
    essays = (await newest_result(pool, assessment_id))["breakdown"]["essay"]
    assert [(line["score"], line["model"]) for line in sorted(essays["questions"], key=lambda e: e["max_score"])] == [
        (0.4, "m"), (1.6, "gpt-test")
    ]  # fmt: skip


async def test_essays_that_a_completed_job_could_not_score_keep_their_reason(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer
) -> None:
    """In two further runs: what a run took over is taken over again."""

    async def refuse_second(request: Any, body: dict[str, Any]) -> Any:
        return await (failure(400)(request, body) if essay_of(body) == SECOND else good(request, body))

    good, provider.default = provider.default, refuse_second
    answers = [*bank.all_answers()[:-1], *bank.answers(essay_two=SECOND)]
    assessment_id = await submit(pool, bank, answers=answers)
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    await run_due_jobs(pool, running)
    calls = len(provider.requests)
    for run in (2, 3):
        new = (await retry(pool, rag)).job.job_id
        held = await jobs.claim(pool, new, 15)
        assert held and await jobs.finish(pool, held, JobStatus.FAILED, ERROR, None, [RAG_REASON])
        await run_due_jobs(pool, running)
        result, rag = await newest_result(pool, assessment_id), new
        assert result["breakdown"]["essay"]["unscored"] == 1
        assert [reason["code"] for reason in result["degraded_reasons"]] == ["essay_unscored", RAG_REASON.code]
        seen = await read_state(pool, assessment_id)
        assert (seen.row["run"], seen.states["fusion"]) == (run, "completed")
    assert len(provider.requests) == calls


async def test_a_retry_completes_a_failed_assessment(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id, fusion = await failed_assessment(pool, bank, running)
    before = await read_state(pool, assessment_id)
    assert (view(before).status, before.row["completed_at"] is not None) == ("failed", True)
    retried = await retry(pool, fusion)
    during = await read_state(pool, assessment_id)
    assert during.states == {"gpt": "completed", "rag": "completed", "fusion": "queued"}
    assert (view(during).status, view(during).rescoring, during.row["remaining"]) == ("failed", True, 0)
    assert (during.due, [due.queue for due in retried.notifications]) == ({"fusion"}, [JobType.FUSION])
    await run_due_jobs(pool, running)
    after = await read_state(pool, assessment_id)
    assert (view(after).status, view(after).rescoring) == ("completed", False)
    assert after.row["completed_at"] > before.row["completed_at"]
    assert (await newest_result(pool, assessment_id))["overall"]["max_score"] == 13.0


async def test_a_retry_of_one_failed_job_retries_them_all(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
    await running.run(await job_id(pool, assessment_id, JobType.RAG))
    fusion = await fail_job(pool, assessment_id, JobType.FUSION)
    retried = await retry(pool, fusion)
    during = await read_state(pool, assessment_id)
    assert during.states == {"gpt": "queued", "rag": "completed", "fusion": "queued"}
    assert (during.due, during.row["remaining"]) == ({"gpt"}, 1)
    assert (retried.job.job_type, retried.job.run_after) == ("fusion", None)
    assert retried.retried_ids == {gpt, fusion}
    await run_due_jobs(pool, running)
    assert view(await read_state(pool, assessment_id)).status == "completed"


async def test_a_later_run_without_a_result_keeps_the_former_one(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id, rag = await without_recommendations(pool, bank, running)
    result = await newest_result(pool, assessment_id)
    before = await read_state(pool, assessment_id)
    await running.run((await retry(pool, rag)).job.job_id)
    during = await read_state(pool, assessment_id)
    held = await jobs.claim(pool, during.jobs[JobType.FUSION]["id"], 15)
    assert held and await jobs.fail_assessment(pool, held, ERROR)
    after = await read_state(pool, assessment_id)
    assert (view(after).status, view(after).run, view(after).rescoring) == ("completed", 2, False)
    assert (after.states["fusion"], after.reasons) == ("failed", before.reasons)
    assert after.row["revision"] > during.row["revision"] + 1
    assert after.row["completed_at"] == before.row["completed_at"]
    assert await newest_result(pool, assessment_id) == result
    await retry(pool, held.id)
    await run_due_jobs(pool, running)
    again = await read_state(pool, assessment_id)
    assert (view(again).run, again.reasons) == (3, [])
    assert len((await newest_result(pool, assessment_id))["recommendations"]) == 3


async def test_a_failed_assessment_stays_failed_if_a_later_run_fails(
    pool: Pool, bank: Bank, running: JobRunner
) -> None:
    assessment_id, fusion = await failed_assessment(pool, bank, running)
    before = await read_state(pool, assessment_id)
    held = await jobs.claim(pool, (await retry(pool, fusion)).job.job_id, 15)
    assert held and await jobs.fail_assessment(pool, held, ERROR)
    after = await read_state(pool, assessment_id)
    assert (view(after).status, view(after).rescoring) == ("failed", False)
    assert after.row["completed_at"] == before.row["completed_at"]


async def test_a_job_that_fails_in_a_later_run_is_retried_in_that_run(
    pool: Pool, bank: Bank, failing_runner: JobRunner, running: JobRunner
) -> None:
    """While the other job of that run is queued; the reasons that are shown are those of the former result."""
    assessment_id = await submit(pool, bank)
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    await run_due_jobs(pool, failing_runner)
    shown = (await read_state(pool, assessment_id)).reasons
    assert shown == ["essay_unscored", "recommendations_unavailable"]
    await retry(pool, rag)
    gpt = (await read_state(pool, assessment_id)).jobs[JobType.GPT]["id"]
    await failing_runner.run(gpt)
    assert (await read_state(pool, assessment_id)).states == {"gpt": "failed", "rag": "queued", "fusion": "queued"}
    assert (await retry(pool, gpt)).job.job_id == gpt
    seen = await read_state(pool, assessment_id)
    assert (seen.row["run"], seen.row["remaining"], seen.reasons, seen.due) == (2, 2, shown, {"gpt", "rag"})
    await run_due_jobs(pool, running)
    assert (await read_state(pool, assessment_id)).reasons == []
    assert (await newest_result(pool, assessment_id))["breakdown"]["essay"]["unscored"] == 0


async def test_the_duration_is_counted_from_the_start_of_the_run(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id, fusion = await failed_assessment(pool, bank, running)
    await pool.execute("UPDATE assessments SET submitted_at = submitted_at - $1::interval", timedelta(hours=1))
    await pool.execute("UPDATE async_jobs SET created_at = created_at - $1::interval", timedelta(hours=1))
    await retry(pool, fusion)
    await pool.execute("UPDATE async_jobs SET created_at = created_at - interval '1 min' WHERE run = 2")
    await run_due_jobs(pool, running)
    duration = (await newest_result(pool, assessment_id))["processing"]["duration_ms"]
    assert 60_000 <= duration < 600_000


async def test_completed_jobs_cannot_be_retried_in_either_run(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id, rag = await without_recommendations(pool, bank, running)
    assert await retry_error(pool, await job_id(pool, assessment_id, JobType.GPT)) is JobNotFailed
    await retry(pool, rag)
    taken = (await read_state(pool, assessment_id)).jobs
    assert [await retry_error(pool, taken[job_type]["id"]) for job_type in JobType] == [JobNotFailed] * 3
    assert await jobs.claim(pool, taken[JobType.GPT]["id"], 15) is None


async def test_without_an_origin_jobs_keep_that_of_the_former_run(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id, rag = await without_recommendations(pool, bank, running)
    former = (await read_state(pool, assessment_id)).jobs
    await retry(pool, rag)
    new = (await read_state(pool, assessment_id)).jobs
    assert [new[job_type]["traceparent"] for job_type in JobType] == [
        former[job_type]["traceparent"] for job_type in JobType
    ]
    assert new[JobType.RAG]["traceparent"].startswith("00-")
