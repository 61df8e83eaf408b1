"""From start to result over HTTP."""

import pytest

from app.clients.embeddings import OfflineEmbedder
from app.repositories.sql import Pool
from app.settings import Settings
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.pipelines import pipeline, run_all


async def test_a_student_comes_to_a_result(api: Api, bank: Bank, pool: Pool, settings: Settings) -> None:
    started = await api.post("/assessments", {"track": SLUG})
    path = f"/assessments/{started.body['assessment_id']}"
    assert (started.status, started.headers["Location"]) == (201, path)
    saved = await api.patch(f"{path}/responses", {"responses": bank.all_answers()})
    assert (saved.body["saved"], saved.body["answered"], saved.body["total"]) == (10, 10, 10)
    submitted = await api.post(f"{path}/submit")
    assert submitted.status == 202
    assert submitted.body["scores"]["theoretical"]["score"] == pytest.approx(2.0)

    embedder = OfflineEmbedder()
    running = pipeline(pool, settings.secret("redis_url"), embedder)
    await run_all(pool, running)
    await running.doorbell.redis.aclose()
    await embedder.close()

    status = await api.get(f"{path}/status")
    assert (status.body["status"], status.body["overall_progress"]) == ("completed", 100.0)
    result = await api.get(f"{path}/result")
    assert result.status == 200
    assert [reason["code"] for reason in result.body["degraded_reasons"]] == [
        "essay_scored_locally",
        "recommendations_fallback",
    ]
