"""The overview: every number, checked against a few assessments with known ends."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from tests.api import Api
from tests.appeals import change, made
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_job
from tests.job_runner import submit
from tests.scored_assessments import SCORED_LOCALLY, UNSCORED, completed_assessment, essay_score, newest_result
from tests.web.analytics.test_analytics import add_call, other_track, override_score

OVERVIEW = "/analytics/overview"
NO_SCORE: dict[str, Any] = {"count": 0, "mean": None, "missing": 0, "unscored": 0, "scorers": []}
NO_SCORES = dict.fromkeys(("theoretical", "profile", "essay_gpt"), NO_SCORE)


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def overview(advisor: Api, query: str = "") -> dict[str, Any]:
    reply = await advisor.get(f"{OVERVIEW}?{query}")
    assert reply.status == 200, reply.raw
    body: dict[str, Any] = reply.body
    return body


async def took(pool: Pool, assessment_id: UUID, seconds: float) -> None:
    """Sets how long after its submission the assessment was completed."""
    change = "UPDATE assessments SET completed_at = submitted_at + make_interval(secs => $2) WHERE id = $1"
    await pool.execute(change, assessment_id, seconds)


async def test_without_data_statistics_are_null(advisor: Api) -> None:
    body = await overview(advisor)
    assert (body["assessments"]["count"], set(body["assessments"]["statuses"].values())) == (0, {0})
    assert body["degraded"] == {"count": 0, "share": None, "reasons": {}, "reason_shares": {}}
    assert (body["mean_percentage"], body["scores"], body["jobs"]) == (None, NO_SCORES, [])
    assert body["latency"] == {"p50_ms": None, "p95_ms": None}
    assert body["appeals"] == {"open": 0, "upheld": 0, "changed": 0}
    assert body["feedback"]["results"] == {"count": 0, "relevance": None, "acceptance": None}
    assert (body["model_calls"]["calls"], body["model_calls"]["cost_usd"]) == (0, None)


async def test_appeals_by_status(advisor: Api, api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    ids = [await made(api, assessment_id, bank.ids[name]) for name in ("essay", "right", "several")]
    await change(advisor, ids[0], 1)
    assert (await overview(advisor))["appeals"] == {"open": 2, "upheld": 0, "changed": 1}


async def test_assessments_by_status_and_by_the_clock(advisor: Api, api: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, "student-1")
    failed = await submit(pool, bank, "student-2")
    for job_type in JobType:
        await fail_job(pool, failed, job_type)
    await submit(pool, bank, "student-3")
    for number in (4, 5):
        await api.as_("student", sub=f"student-{number}").post("/assessments", {"track": SLUG})
    await pool.execute("UPDATE assessments SET expires_at = now() WHERE owner = 'student-5'")
    body = (await overview(advisor))["assessments"]
    one_each = dict.fromkeys(("in_progress", "submitted", "completed", "failed", "expired"), 1)
    assert body == {"count": 5, "statuses": one_each}


async def test_degraded_assessments_count_once_for_each_reason(advisor: Api, pool: Pool, bank: Bank) -> None:
    essays = {"essay": essay_score("local", 40), "essay_two": None}
    await completed_assessment(pool, bank, "student-1", essays, reasons=[SCORED_LOCALLY, UNSCORED, UNSCORED])
    await completed_assessment(pool, bank, "student-2", essays, reasons=[SCORED_LOCALLY])
    for number in (3, 4):
        await completed_assessment(pool, bank, f"student-{number}")
    body = (await overview(advisor))["degraded"]
    assert (body["count"], body["share"]) == (2, 0.5)
    assert body["reasons"] == {"essay_scored_locally": 2, "essay_unscored": 1}
    assert body["reason_shares"] == {"essay_scored_locally": 0.5, "essay_unscored": 0.25}


async def test_means_over_all_tracks(advisor: Api, pool: Pool, bank: Bank) -> None:
    first = await completed_assessment(
        pool, bank, "student-1", {"essay": essay_score("gpt", 40), "essay_two": essay_score("gpt", 80)}
    )
    second = await completed_assessment(
        pool, bank, "student-2", {"essay": essay_score("gpt", 100), "essay_two": None}, reasons=[UNSCORED]
    )
    await other_track(pool)
    body = await overview(advisor)
    results = [(await newest_result(pool, assessment_id))["overall"]["percentage"] for assessment_id in (first, second)]
    assert body["mean_percentage"] == pytest.approx(sum(results) / 2, abs=0.006)
    assert {kind: group["mean"] for kind, group in body["scores"].items()} == {
        "theoretical": 50.0, "profile": 100.0, "essay_gpt": 73.33,
    }  # fmt: skip
    other = await overview(advisor, "track=other")
    assert (other["scores"]["essay_gpt"]["mean"], other["assessments"]["count"]) == (100.0, 1)
    assert (await overview(advisor, "track=x"))["scores"] == NO_SCORES


async def test_means_keep_apart_who_scored_and_what_was_not_scored(advisor: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, "student-1", {"essay": essay_score("gpt", 40), "essay_two": None})
    essays = {"essay": essay_score("gpt", 80), "essay_two": essay_score("local", 12)}
    reviewed = await completed_assessment(pool, bank, "student-2", essays)
    await override_score(pool, reviewed, bank.ids["essay_two"], 0.5)
    await other_track(pool)
    scores = (await overview(advisor))["scores"]
    assert scores["essay_gpt"] == {
        "count": 3, "mean": 44.0, "missing": 0, "unscored": 1,
        "scorers": [
            {"scorer": "gpt", "count": 2, "mean": 60.0},
            {"scorer": "local", "count": 1, "mean": 12.0},
            {"scorer": "person", "count": 1, "mean": 25.0},
        ],
    }  # fmt: skip
    assert scores["theoretical"]["scorers"] == []
    assert (scores["theoretical"]["missing"], scores["theoretical"]["count"]) == (0, 6)


async def test_how_long_results_take(advisor: Api, pool: Pool, bank: Bank) -> None:
    for number in range(1, 6):
        await took(pool, await completed_assessment(pool, bank, f"student-{number}"), number)
    failed = await submit(pool, bank, "student-6")
    for job_type in JobType:
        await fail_job(pool, failed, job_type)
    await took(pool, failed, 1000)
    assert (await overview(advisor))["latency"] == {"p50_ms": 3000.0, "p95_ms": 4800.0}


async def test_jobs_by_type_status_and_error_code(advisor: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, "student-1")
    for owner in ("student-2", "student-3"):
        await fail_job(pool, await submit(pool, bank, owner), JobType.RAG)
    await pool.execute("UPDATE async_jobs SET error = '{\"code\": \"other\", \"detail\": \"x\"}' WHERE id = "
                       "(SELECT id FROM async_jobs WHERE status = 'failed' LIMIT 1)")  # fmt: skip
    assert (await overview(advisor))["jobs"] == [
        {"job_type": "gpt", "ended": 1, "failed": 0, "codes": {}},
        {"job_type": "rag", "ended": 3, "failed": 2, "codes": {"test": 1, "other": 1}},
        {"job_type": "fusion", "ended": 1, "failed": 0, "codes": {}},
    ]


async def test_feedback_and_model_calls_are_summed(advisor: Api, api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    credential_id = await pool.fetchval("SELECT credential_id FROM recommendations")
    path = f"/assessments/{assessment_id}/feedback"
    for caller, relevance, more in ((api, 5, {}), (advisor, 2, {}), (api, 1, {"credential_id": str(credential_id)})):
        assert (await caller.post(path, {"relevance": relevance, "acceptance": 4} | more)).status == 201
    now = datetime.now(UTC) - timedelta(minutes=1)
    for model, cost in (("m", 0.25), ("m", None), ("n", 0.5)):
        await add_call(pool, assessment_id, model=model, cost=cost, at=now)
    body = await overview(advisor)
    assert body["feedback"] == {
        "results": {"count": 2, "relevance": 3.5, "acceptance": 4.0},
        "recommendations": {"count": 1, "relevance": 1.0, "acceptance": 4.0},
    }
    assert body["model_calls"] == {
        "calls": 3, "tokens_in": 300, "tokens_out": 30, "cost_usd": 0.75, "calls_without_cost": 1,
        "by_model": {"m": 2, "n": 1},
    }  # fmt: skip


async def test_only_the_period_counts(advisor: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank)
    await fail_job(pool, await submit(pool, bank, "student-2"), JobType.GPT)
    before = await overview(advisor, "to=2026-01-01")
    assert (before["assessments"]["count"], before["jobs"], before["mean_percentage"]) == (0, [], None)
    assert (await overview(advisor))["assessments"]["count"] == 2
