"""Essay scores and the model calls behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.essay.score import EssayScore
from app.domain.records.assessments import ClaimedJob
from app.domain.states import ReasonCode
from app.repositories.sql import Executor, statements

_SQL = statements("scores")


@dataclass(frozen=True)
class ModelCall:
    """One call of a model; `cost_usd` is None where the model's price is not known. What no question asked for has no
    question, and what no assessment needed, such as the catalogue's vectors, neither assessment nor run."""

    assessment_id: UUID | None
    run: int | None
    question_id: UUID | None
    fingerprint: bytes | None
    provider: str
    model: str
    prompt_version: str
    outcome: str
    latency_ms: int
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None
    answer: str | None = None


async def store_essay_score(db: Executor, job: ClaimedJob, question: Question, score: EssayScore) -> bool:
    """One essay's score, in points of the question's weight; False where the lease was lost."""
    weight = question.body.weight
    detail = score.model_dump(mode="json", include={"dimensions", "flags", "dropped_quotes", "second_opinion"})
    told = (detail, score.scorer, score.model, score.prompt_version, score.confidence)
    return await _store(db, job, question, min(weight, weight * score.share), None, *told)


async def store_unscored(db: Executor, job: ClaimedJob, question: Question, reason: ReasonCode) -> bool:
    """An essay that nobody could score: no number, with the reason; False where the lease was lost."""
    return await _store(db, job, question, None, reason, None, None, None, None, None)


async def record_model_call(db: Executor, call: ModelCall) -> None:
    """What a call answered and cost."""
    await db.execute(
        _SQL["record_model_call"],
        call.assessment_id,
        call.run,
        call.question_id,
        call.provider,
        call.model,
        call.prompt_version,
        call.outcome,
        call.tokens_in,
        call.tokens_out,
        call.cost_usd,
        call.latency_ms,
        call.answer,
        call.fingerprint,
    )


async def find_bought(db: Executor, fingerprints: Sequence[bytes], of_run: tuple[UUID, int] | None) -> dict[bytes, str]:
    """The usable answers that were bought already, by fingerprint; only those of one assessment's run where given."""
    assessment_id, run = of_run or (None, None)
    rows = await db.fetch(_SQL["find_bought"], fingerprints, of_run is not None, assessment_id, run)
    return {row["fingerprint"]: row["answer"] for row in rows}


async def _store(
    db: Executor, job: ClaimedJob, question: Question, score: float | None, reason: str | None, *told: object
) -> bool:
    place = (job.id, job.fence, question.question_id, question.version)
    return (
        await db.fetchval(_SQL["store_essay_score"], *place, score, question.body.weight, reason, *told)
    ) is not None
