"""Essay scores, the model calls behind them and their daily budget, and essays that still need a model's score."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.essay.score import EssayScore
from app.domain.records.jobs import ClaimedJob
from app.domain.states import ReasonCode
from app.domain.values import points
from app.repositories.sql import Executor, affected, statements

_SQL = statements("scores")


@dataclass(frozen=True)
class ModelCall:
    """A call of a model. `cost_usd` is None if the model's price is not known, `question_id` if the call was about no
    single question, `assessment_id` and `run` if it was for no assessment, such as to embed credentials."""

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
    provider_message: str | None = None


@dataclass(frozen=True)
class DegradedResult:
    """The newest run of an assessment, and its essays that neither a model nor a person has scored."""

    assessment_id: UUID
    run: int
    owner: str
    question_ids: tuple[UUID, ...]


async def store_essay_score(db: Executor, job: ClaimedJob, question: Question, score: EssayScore) -> bool:
    """Stores an essay's score in points of the question's weight; False if the lease is lost."""
    weight = question.body.weight
    detail = score.model_dump(mode="json", include={"dimensions", "flags", "dropped_quotes", "second_opinion"})
    # Only where there are some, because the versions before these fields would not read them.
    detail |= {"repairs": score.repairs} if score.repairs else {}
    detail |= {"suspicion": score.suspicion.model_dump(mode="json")} if score.suspicion else {}
    scored_by = (score.scorer, score.model, score.prompt_version, score.confidence, score.figures)
    return await _store(db, job, question, points(weight, score.share), None, detail, *scored_by)


async def store_unscored(db: Executor, job: ClaimedJob, question: Question, reason: ReasonCode) -> bool:
    """Stores why an essay has no score; False if the lease is lost."""
    return await _store(db, job, question, None, reason, None, None, None, None, None, None)


async def record_model_call(db: Executor, call: ModelCall) -> None:
    """Stores what a call answered and cost."""
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
        call.provider_message,
    )


async def count_model_calls(db: Executor) -> list[tuple[str, str, int]]:
    """The numbers of all calls so far, by model and outcome."""
    return [(row["model"], row["outcome"], row["calls"]) for row in await db.fetch(_SQL["count_model_calls"])]


async def find_cached_answers(
    db: Executor, fingerprints: Sequence[bytes], of_run: tuple[UUID, int] | None
) -> dict[bytes, str]:
    """Usable answers that the model has given before, by the prompt's fingerprint; with `of_run` only those of one
    assessment's run."""
    assessment_id, run = of_run or (None, None)
    rows = await db.fetch(_SQL["find_cached_answers"], fingerprints, of_run is not None, assessment_id, run)
    return {row["fingerprint"]: row["answer"] for row in rows}


@dataclass(frozen=True)
class Reservation:
    """What became of dollars to be reserved on a day: whether they are, and if not, whether the owner's share or the
    whole budget has no room."""

    day: date
    reserved: bool
    within_share: bool


async def reserve_budget(
    db: Executor, dollars: float, budget: float, owner: str | None = None, share: float = 0.0
) -> Reservation:
    """Reserves dollars of today's budget, of which the owner may take up `share` dollars."""
    row = await db.fetchrow(_SQL["reserve_budget"], dollars, budget, owner, share)
    if row is None:
        raise RuntimeError("the statement always returns a row")
    reservation = Reservation(row["day"], row["reserved"], row["within_share"])
    if owner is not None and reservation.within_share and not reservation.reserved:
        await db.execute(_SQL["give_back_share"], reservation.day, dollars, owner)
    return reservation


async def book_actual_cost(db: Executor, day: date, reserved: float, cost: float, owner: str | None = None) -> None:
    """Replaces a reservation by what the call cost."""
    await db.execute(_SQL["book_actual_cost"], day, reserved, cost, owner)


async def delete_old_shares(db: Executor, limit: int) -> int:
    """Deletes up to `limit` records of what owners spent on former days; returns how many."""
    return affected(await db.execute(_SQL["delete_old_shares"], limit))


async def spent_today(db: Executor) -> float:
    """The cost of today's calls so far in dollars, without calls in flight."""
    dollars: float = await db.fetchval(_SQL["spent_today"])
    return dollars


async def take_rescoring_turn(db: Executor, seconds: float) -> bool:
    """Whether this worker is the one that rescores degraded essays for the next `seconds`."""
    return await db.fetchval(_SQL["take_rescoring_turn"], seconds) is not None


async def find_degraded(db: Executor, max_age: float, tries: int, limit: int) -> list[DegradedResult]:
    """Assessments completed within `max_age` seconds, oldest first, with essays that were tried fewer than `tries`
    times."""
    rows = await db.fetch(_SQL["find_degraded"], max_age, tries, limit)
    return [DegradedResult(row["assessment_id"], row["run"], row["owner"], tuple(row["question_ids"])) for row in rows]


async def reserve_essays(db: Executor, assessment_id: UUID, question_ids: Sequence[UUID], seconds: float) -> list[UUID]:
    """Reserves essays for this worker for so many seconds; returns those that no other worker has reserved."""
    rows = await db.fetch(_SQL["reserve_essays"], assessment_id, question_ids, seconds)
    return [row["question_id"] for row in rows]


async def record_rescore_try(
    db: Executor, assessment_id: UUID, question_id: UUID, pause: float, *, counted: bool
) -> None:
    """Ends a try of an essay; the next is due after `pause` seconds, doubled with each try that counted."""
    await db.execute(_SQL["record_rescore_try"], assessment_id, question_id, counted, pause)


async def _store(
    db: Executor, job: ClaimedJob, question: Question, score: float | None, reason: str | None, *detail: object
) -> bool:
    values = (job.id, job.fence, question.question_id, question.version, score, question.body.weight, reason, *detail)
    return await db.fetchval(_SQL["store_essay_score"], *values) is not None
