"""An essay that could not be scored never raises the result in silence."""

from collections.abc import AsyncIterator

import orjson
import pytest

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.result.model import Result
from app.repositories.sql import Pool
from app.services.jobs.runner import JobRunner
from tests.api import Api
from tests.bank import SECOND_ESSAY, SLUG, Bank
from tests.job_runner import job_runner, run_due_jobs
from tests.scored_assessments import UNSCORED, completed_assessment, essay_score
from tests.web.results.test_overrides import put
from tests.webhooks import UNREACHABLE_URL, open_delivery, send_all

ALL_RIGHT = {"right": "B", "several": ["A", "B"], "partial": ["A", "B"], "essay": "No model reads this."}


@pytest.fixture
async def without_fallback(pool: Pool, redis_url: str) -> AsyncIterator[JobRunner]:
    """A worker without a model and with ESSAY_FALLBACK=none."""
    embedder = OfflineEmbedder()
    runner = job_runner(pool, redis_url, embedder, fallback="none")
    yield runner
    await runner.job_queue.redis.aclose()
    await embedder.close()


async def test_a_result_without_an_essays_score_says_that_it_is_provisional(
    api: Api, pool: Pool, bank: Bank, without_fallback: JobRunner
) -> None:
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    await api.post(f"{path}/webhook", {"webhook_url": UNREACHABLE_URL})
    await api.post(f"{path}/submit", {"responses": bank.answers(**ALL_RIGHT)})
    await run_due_jobs(pool, without_fallback)
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    result, status = (await api.get(f"{path}/result")).body, (await api.get(f"{path}/status")).body
    # 5 of 5 points of theory, none of the 5 of the unanswered profile, 0 of 2 of the missing essay; 1 is not known.
    assert result["overall"] == {
        "score": 5.0, "max_score": 12.0, "percentage": 41.7, "provisional": True, "range": {"low": 38.5, "high": 46.2},
    }  # fmt: skip
    lines = {line["question_id"]: line for line in result["breakdown"]["essay"]["questions"]}
    unscored, missing = (lines[str(bank.ids[name])] for name in ("essay", "essay_two"))
    assert (unscored["score"], unscored["reason"], unscored["provisional"]) == (None, "essay_unscored", True)
    assert (missing["score"], missing["missing"], missing["provisional"]) == (0.0, True, False)
    texts = [line["text"] for line in result["summary"]]
    provisional = "the total is provisional: 38.5 % with no points for it, 46.2 % with all"
    assert f"1 essay could not be scored, so {provisional}." in texts
    message = orjson.loads(await pool.fetchval("SELECT body FROM webhook_deliveries"))
    assert message["data"]["overall"] == result["overall"]
    for shown in (result, status, message["data"]):
        assert shown["degraded"]
        assert "essay_unscored" in [reason["code"] for reason in shown["degraded_reasons"]]
    (line,) = (await api.as_("advisor").get("/assessments?needs_review=true")).body["items"]
    assert (line["assessment_id"], line["degraded"]) == (result["assessment_id"], True)


GERMAN = (
    "Ich würde die Warteschlange zwischen beiden begrenzen, damit der Produzent wartet, wenn sie voll ist, und der "
    "Konsument nicht überlastet wird."
)


async def test_an_essay_in_another_language_has_no_score_without_a_model(
    api: Api, pool: Pool, bank: Bank, redis_url: str
) -> None:
    embedder = OfflineEmbedder()
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    responses = bank.answers(**{**ALL_RIGHT, "essay": GERMAN, "essay_two": SECOND_ESSAY})
    await api.post(f"{path}/submit", {"responses": responses})
    runner = job_runner(pool, redis_url, embedder)
    await run_due_jobs(pool, runner)
    await runner.job_queue.redis.aclose()
    await embedder.close()
    result = (await api.get(f"{path}/result")).body
    lines = {line["question_id"]: line for line in result["breakdown"]["essay"]["questions"]}
    foreign, english = (lines[str(bank.ids[name])] for name in ("essay", "essay_two"))
    assert (foreign["score"], foreign["reason"], foreign["provisional"]) == (None, "language_not_supported", True)
    assert english["scorer"] == "local"
    assert result["overall"]["provisional"]
    assert result["overall"]["range"]["low"] < result["overall"]["range"]["high"]
    codes = {reason["code"] for reason in result["degraded_reasons"]}
    assert {"language_not_supported", "essay_scored_locally"} <= codes
    assert "essay_unscored" not in codes
    (item,) = (await api.as_("advisor").get("/assessments?needs_review=true")).body["items"]
    assert item["assessment_id"] == result["assessment_id"]
    after = (await put(api.as_("advisor"), result["assessment_id"], bank.ids["essay"], 1.0)).body
    assert "language_not_supported" not in {reason["code"] for reason in after["degraded_reasons"]}


async def test_a_persons_score_ends_it(api: Api, pool: Pool, bank: Bank) -> None:
    essays = {"essay": None, "essay_two": essay_score("gpt", 50)}
    assessment_id = await completed_assessment(pool, bank, "student-1", essays, reasons=[UNSCORED])
    before = (await api.get(f"/assessments/{assessment_id}/result")).body["overall"]
    assert (before["provisional"], before["range"]["low"] < before["percentage"]) == (True, True)
    after = (await put(api.as_("advisor"), assessment_id, bank.ids["essay"], 1.0)).body
    assert after["overall"]["percentage"] == before["range"]["high"]
    assert after["overall"]["provisional"] is False
    assert after["overall"]["range"] == dict.fromkeys(("low", "high"), before["range"]["high"])
    assert [line["provisional"] for line in after["breakdown"]["essay"]["questions"]] == [False, False]


async def test_results_of_earlier_and_later_versions_are_read(api: Api, pool: Pool, bank: Bank) -> None:
    """The total of the results that are stored has never had these fields, and a later version may add its own."""
    essays = {"essay": None, "essay_two": essay_score("gpt", 50)}
    assessment_id = await completed_assessment(pool, bank, "student-1", essays, reasons=[UNSCORED])
    body = orjson.loads(await pool.fetchval("SELECT body FROM results"))
    assert set(body) == set(Result.model_fields)
    assert set(body["overall"]) == {"score", "max_score", "percentage"}
    before = (await api.get(f"/assessments/{assessment_id}/result")).body
    assert before["overall"]["provisional"]
    body["added_later"] = body["overall"]["added_later"] = body["breakdown"]["essay"]["questions"][0]["later"] = 1
    await pool.execute("UPDATE results SET body = $1", orjson.dumps(body).decode())
    assert (await api.get(f"/assessments/{assessment_id}/result")).body == before
    assert (await api.as_("advisor").get(f"/assessments/{assessment_id}/trace")).status == 200
