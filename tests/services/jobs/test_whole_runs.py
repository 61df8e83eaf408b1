"""Whole runs from submission to result, with failures in between, as the status and the database show them."""

from typing import Any
from uuid import UUID

import pytest

from app.domain.records.jobs import JobFailure
from app.domain.states import AssessmentStatus, JobType
from app.repositories import assessments, jobs
from app.repositories.sql import Pool
from app.schemas import status_view
from app.services.jobs.runner import JobRunner
from tests.bank import ESSAY, Bank
from tests.fakes.model_server import ModelServer, essay_of, failure, scores
from tests.fakes.unguarded_statements import without_fence
from tests.job_runner import claim_job, job_id, run_due_jobs, submit
from tests.scored_assessments import newest_result

SECOND = f"{ESSAY} Again."


async def progress(pool: Pool, assessment_id: UUID) -> tuple[float, int]:
    """Overall progress and revision."""
    record = await assessments.read_status(pool, assessment_id)
    assert record is not None
    return status_view(record).overall_progress, record.revision


async def test_the_overall_score_is_the_sum_of_its_parts(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id = await submit(pool, bank)
    await run_due_jobs(pool, running)
    result = await newest_result(pool, assessment_id)
    breakdown, overall = result["breakdown"], result["overall"]
    parts = [breakdown[name] for name in ("theoretical", "profile", "essay")]
    assert overall["score"] == pytest.approx(sum(part["score"] for part in parts))
    assert overall["max_score"] == sum(part["max_score"] for part in parts) == 13.0
    assert breakdown["theoretical"]["score"] == pytest.approx(2.0)
    assert breakdown["essay"]["score"] == pytest.approx(0.8 * 3)
    assert set(result["processing"]["stages"]) == {"gpt", "rag", "fusion"}
    assert result["processing"]["tokens"] == 2200
    known = {f"score:{question_id}" for question_id in bank.ids.values()}
    known |= {
        f"passage:{source['passage_id']}"
        for recommendation in result["recommendations"]
        for source in recommendation["sources"]
    }
    assert all(sentence["sources"] and set(sentence["sources"]) <= known for sentence in result["summary"])


async def test_the_result_has_the_reasons_of_all_stages(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer
) -> None:
    provider.default = failure(401)
    assessment_id = await submit(pool, bank, answers=bank.answers(essay=ESSAY))
    await run_due_jobs(pool, running)
    result = await newest_result(pool, assessment_id)
    assert [reason["code"] for reason in result["degraded_reasons"]] == [
        "missing_responses",
        "essay_scored_locally",
        "recommendations_fallback",
    ]
    record = await assessments.read_status(pool, assessment_id)
    assert record and [reason.code for reason in record.degraded_reasons] == [
        reason["code"] for reason in result["degraded_reasons"]
    ]


async def test_running_fusion_twice_changes_nothing(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id = await submit(pool, bank)
    await run_due_jobs(pool, running)
    before = await newest_result(pool, assessment_id), await progress(pool, assessment_id)
    await running.run(await job_id(pool, assessment_id, JobType.FUSION))
    assert (await newest_result(pool, assessment_id), await progress(pool, assessment_id)) == before
    assert await pool.fetchval("SELECT count(*) FROM results") == 1


async def test_a_failed_fusion_keeps_the_scores_by_rule(pool: Pool, bank: Bank, running: JobRunner) -> None:
    assessment_id = await submit(pool, bank)
    for job_type in (JobType.GPT, JobType.RAG):
        await running.run(await job_id(pool, assessment_id, job_type))
    await pool.execute("DELETE FROM scores WHERE question_id = $1 AND score_type = 'essay_gpt'", bank.ids["essay"])
    await run_due_jobs(pool, running)
    record = await assessments.read_status(pool, assessment_id)
    assert record is not None
    assert (record.status, record.jobs[-1].status) == (AssessmentStatus.FAILED, "failed")
    assert record.jobs[-1].error == JobFailure(
        code="scores_incomplete", detail="some questions have neither a score nor a reason for its absence"
    )
    assert sum(line.score or 0 for line in record.rule_scores[next(iter(record.rule_scores))]) >= 2.0
    assert status_view(record).overall_progress == 100.0
    assert await pool.fetchval("SELECT count(*) FROM results") == 0


async def test_progress_and_revision_never_go_down(
    pool: Pool, bank: Bank, running: JobRunner, provider: ModelServer
) -> None:
    """After every step of a run with retries, a crash, and a worker that hands the job back."""

    async def fail_second(request: Any, body: dict[str, Any]) -> Any:
        behave = scores(20) if essay_of(body) == ESSAY else failure(500)
        return await behave(request, body)

    provider.default = fail_second
    answers = [*bank.all_answers()[:-1], *bank.answers(essay_two=SECOND)]
    assessment_id = await submit(pool, bank, answers=answers)
    gpt = await job_id(pool, assessment_id, JobType.GPT)
    seen = [await progress(pool, assessment_id)]

    async def read_progress() -> None:
        seen.append(await progress(pool, assessment_id))

    held = await claim_job(pool, assessment_id, JobType.GPT)
    await read_progress()
    await jobs.release(pool, held)
    await read_progress()
    held = await claim_job(pool, assessment_id, JobType.GPT)
    await pool.execute("UPDATE async_jobs SET lease_expires_at = now() - interval '1 s' WHERE id = $1", gpt)
    for _ in range(4):
        await running.run(gpt)
        await read_progress()
    for job_type in (JobType.RAG, JobType.FUSION):
        await running.run(await job_id(pool, assessment_id, job_type))
        await read_progress()
    assert [step[0] for step in seen] == [20, 20, 20, 35, 35, 35, 50, 80, 100]
    revisions = [step[1] for step in seen]
    assert revisions == sorted(set(revisions))


async def test_a_stored_score_is_not_replaced(pool: Pool, bank: Bank, running: JobRunner) -> None:
    """Not even by a worker that has lost its lease and gets past the fence."""
    assessment_id = await submit(pool, bank)
    stale = await claim_job(pool, assessment_id, JobType.GPT)
    await jobs.release(pool, stale)
    await running.run(stale.id)
    before = await pool.fetch("SELECT * FROM scores ORDER BY question_id, score_type")
    assert not await jobs.renew(without_fence(pool), stale, 15)
    assert await pool.fetch("SELECT * FROM scores ORDER BY question_id, score_type") == before


async def test_a_job_that_finds_no_score_for_any_essay_fails(pool: Pool, bank: Bank, running: JobRunner) -> None:
    """An earlier worker stored that no essay has a score, and stopped before it could end the job."""
    assessment_id = await submit(pool, bank)
    job = await claim_job(pool, assessment_id, JobType.GPT)
    await pool.execute(
        """INSERT INTO scores (assessment_id, run, question_id, question_version, score_type, max_score, reason)
           SELECT $1, 1, id, 1, 'essay_gpt', 1, 'essay_unscored' FROM questions WHERE type = 'essay'""",
        assessment_id,
    )
    await jobs.release(pool, job)
    await running.run(job.id)
    row = await pool.fetchrow("SELECT status, error FROM async_jobs WHERE id = $1", job.id)
    assert row and (row["status"], row["error"]["code"]) == ("failed", "essays_unscored")
