"""From start to result over HTTP."""

from uuid import UUID

import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.repositories.sql import Pool
from app.settings import Settings
from assay_client import AssayClient
from tests.api import Api, token
from tests.bank import SLUG, Bank
from tests.job_runner import job_runner, run_due_jobs


async def test_a_student_gets_from_start_to_result(api: Api, bank: Bank, pool: Pool, settings: Settings) -> None:
    answers = {UUID(response["question_id"]): response["answer"] for response in bank.all_answers()}
    async with AssayClient(str(api.client.make_url("")), token("student-1", "student")) as assay:
        assessment_id = (await assay.start(SLUG)).assessment_id
        saved = await assay.save(assessment_id, answers)
        assert (saved.saved, saved.answered, saved.total) == (10, 10, 10)
        submitted = await assay.submit(assessment_id)
        assert submitted.scores.theoretical.score == pytest.approx(2.0)

        embedder = OfflineEmbedder()
        running = job_runner(pool, settings.secret("redis_url"), embedder)
        await run_due_jobs(pool, running)
        await running.job_queue.redis.aclose()
        await embedder.close()

        status = await assay.status(assessment_id)
        assert (status.status, status.overall_progress) == ("completed", 100.0)
        result = await assay.wait_for_result(assessment_id)
    assert [reason.code for reason in result.degraded_reasons] == ["essay_scored_locally", "recommendations_fallback"]
