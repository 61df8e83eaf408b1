"""Assessments whose essays have given scores, stored without a scorer."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import orjson

from app.domain.essay.score import EssayScore
from app.domain.records.jobs import ClaimedJob
from app.domain.result.model import Reason, Recommendation, RecommendationSource
from app.domain.states import JobStatus, JobType, ReasonCode
from app.repositories import jobs, scores
from app.repositories.sql import Pool
from app.services.jobs.claimed_run import read_claimed_run
from app.services.results.fuse import FusionJob
from tests.bank import Bank
from tests.domain.builders import dimensions, numbered_id
from tests.job_runner import submit

SCORED_LOCALLY = Reason(code=ReasonCode.ESSAY_SCORED_LOCALLY, stage="gpt", detail="estimated locally")
UNSCORED = Reason(code=ReasonCode.ESSAY_UNSCORED, stage="gpt", detail="not scored")
# Scores of essays by the names of the questions; None for an essay that could not be scored.
Essays = Mapping[str, EssayScore | None]


def essay_score(scorer: str, percent: int, *flags: str, dropped_quotes: int = 0) -> EssayScore:
    """A score of so many percent (a multiple of four)."""
    return EssayScore(
        scorer=scorer, model=f"{scorer}-model", prompt_version="p1", confidence=0.5, flags=flags,
        dimensions=dimensions(*[percent // 4] * 4), dropped_quotes=dropped_quotes,
    )  # fmt: skip


ESSAY_SCORES: Essays = {"essay": essay_score("gpt", 40), "essay_two": essay_score("gpt", 80)}


async def claimed_job_of_run(pool: Pool, assessment_id: UUID, run: int, job_type: JobType) -> ClaimedJob:
    """The job, claimed."""
    statement = "SELECT id FROM async_jobs WHERE assessment_id = $1 AND run = $2 AND job_type = $3"
    job = await jobs.claim(pool, await pool.fetchval(statement, assessment_id, run, job_type), 15)
    assert job
    return job


async def claimed_fusion(
    pool: Pool,
    bank: Bank,
    assessment_id: UUID,
    essays: Essays = ESSAY_SCORES,
    *,
    run: int = 1,
    reasons: Iterable[Reason] = (),
) -> ClaimedJob:
    """The claimed fusion job of a run whose essays have these scores and whose search found one credential."""
    gpt = await claimed_job_of_run(pool, assessment_id, run, JobType.GPT)
    questions = {question.question_id: question for question in (await read_claimed_run(pool, gpt)).questions}
    for name, score in essays.items():
        question = questions[bank.ids[name]]
        if score:
            assert await scores.store_essay_score(pool, gpt, question, score)
        else:
            assert await scores.store_unscored(pool, gpt, question, ReasonCode.ESSAY_UNSCORED)
    assert await jobs.finish(pool, gpt, JobStatus.COMPLETED, None, None, reasons)
    rag = await claimed_job_of_run(pool, assessment_id, run, JobType.RAG)
    output = {"recommendations": [await _recommendation(pool)]}
    assert await jobs.finish(pool, rag, JobStatus.COMPLETED, None, output, [])
    return await claimed_job_of_run(pool, assessment_id, run, JobType.FUSION)


async def completed_assessment(
    pool: Pool,
    bank: Bank,
    owner: str = "student-1",
    essays: Essays = ESSAY_SCORES,
    *,
    answers: list[dict[str, Any]] | None = None,
    reasons: Iterable[Reason] = (),
) -> UUID:
    """The id of a completed assessment."""
    assessment_id = await submit(pool, bank, owner, answers)
    job = await claimed_fusion(pool, bank, assessment_id, essays, reasons=reasons)
    assert await FusionJob(pool).run(job)
    return assessment_id


async def newest_result(pool: Pool, assessment_id: UUID) -> dict[str, Any]:
    """The newest result as it is stored."""
    newest = "SELECT body FROM results WHERE assessment_id = $1 ORDER BY run DESC LIMIT 1"
    result: dict[str, Any] = orjson.loads(await pool.fetchval(newest, assessment_id))
    return result


def line_of(result: Mapping[str, Any], question_id: UUID) -> dict[str, Any]:
    """The question's line in a result."""
    parts = result["breakdown"].values()
    lines: list[dict[str, Any]] = [line for part in parts for line in part["questions"]]
    (line,) = (line for line in lines if line["question_id"] == str(question_id))
    return line


async def _recommendation(pool: Pool) -> dict[str, Any]:
    row = await pool.fetchrow("SELECT c.id, v.title, v.description FROM credentials c JOIN credential_versions v"
                              " ON v.credential_id = c.id ORDER BY v.title LIMIT 1")  # fmt: skip
    assert row
    source = RecommendationSource(
        passage_id=numbered_id(1), credential_version=1, quote=row["description"][:3], start=0, end=3, similarity=None
    )  # fmt: skip
    recommendation = Recommendation(
        rank=1, credential_id=row["id"], title=row["title"], provider="Garden School", url="https://garden.example",
        relevance=0.5, reason="So.", sources=(source,),
    )  # fmt: skip
    return recommendation.model_dump(mode="json")
