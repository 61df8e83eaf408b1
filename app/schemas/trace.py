"""The trace of a run in the API: everything that led to a result, for advisors and admins. It contains answer keys,
prompts and the models' raw answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.recommendation.search_trace import RetrievalTrace
from app.domain.records.jobs import RunInputs
from app.domain.records.trace import (
    Rule,
    TracedDelivery,
    TracedJob,
    TracedModelCall,
    TracedOverride,
    TraceRows,
    rule_of,
)
from app.domain.result.model import EssayLine, Reason, Result
from app.domain.states import JobType
from app.domain.values import Frozen, rounded_dollars


class PromptView(Frozen):
    """The prompt of this version. Each call adds a random word to the instructions, which is not stored."""

    version: str
    system: str
    user: str


class TracedQuestionView(Frozen):
    """A question with its answer key, its answer, its score and the rule of the score, and overrides in their order.
    Scores are those that the run used; `scored_in_run` is false if it took an essay's score over from an earlier run.
    `prompt` is that of an essay with an answer, `figures` are the exact ones behind a local estimate."""

    question: Question
    answer: str | int | float | tuple[str, ...] | None
    rule: Rule
    rule_score: QuestionScore | None
    essay_score: EssayLine | None
    figures: dict[str, float] | None
    scored_in_run: bool | None
    overrides: tuple[TracedOverride, ...]
    prompt: PromptView | None


class TracedCallView(TracedModelCall):
    """A call of a model with its raw answer; `of_this_run` is false if the run used an answer that another run cached.
    `as_shown` is true if the call had exactly the prompt that its question shows, which is not so for probes and older
    versions of the prompt."""

    as_shown: bool


class TraceView(Frozen):
    """Everything that led to a run's result. `degraded_reasons` are those of the result, if there is one; each job
    shows its own as well. `retrieval` is null if nothing was searched, or if the run is older than this field."""

    assessment_id: UUID
    track: str
    run: int
    began_at: datetime
    completed_at: datetime | None
    degraded_reasons: tuple[Reason, ...]
    tokens: int
    cost_usd: float | None
    jobs: tuple[TracedJob, ...]
    questions: tuple[TracedQuestionView, ...]
    model_calls: tuple[TracedCallView, ...]
    retrieval: RetrievalTrace | None
    recommended: tuple[UUID, ...]
    deliveries: tuple[TracedDelivery, ...]


@dataclass(frozen=True)
class ShownPrompts:
    """The prompts to show, by question, and the ids of the questions by the prompts' fingerprints (hex)."""

    by_question: Mapping[UUID, PromptView]
    question_ids: Mapping[str, UUID]


def trace_view(number: int, run: RunInputs, rows: TraceRows, result: Result | None, prompts: ShownPrompts) -> TraceView:
    """The trace of a run."""
    searched = (run.jobs[JobType.RAG].output or {}).get("retrieval")
    return TraceView(
        assessment_id=run.assessment_id,
        track=run.track,
        run=number,
        began_at=run.began_at,
        completed_at=result.completed_at if result else None,
        degraded_reasons=result.degraded_reasons if result else (),
        tokens=run.tokens,
        cost_usd=rounded_dollars(run.cost_usd),
        jobs=rows.jobs,
        questions=tuple(_question_view(question, run, rows, prompts.by_question) for question in run.questions),
        model_calls=tuple(_call_view(call, prompts.question_ids) for call in rows.calls),
        retrieval=RetrievalTrace.model_validate(searched) if searched else None,
        recommended=tuple(recommendation.credential_id for recommendation in result.recommendations) if result else (),
        deliveries=rows.deliveries,
    )


def _question_view(
    question: Question, run: RunInputs, rows: TraceRows, prompts: Mapping[UUID, PromptView]
) -> TracedQuestionView:
    question_id = question.question_id
    answer = run.answers.get(question_id)
    by_rule = (score for scores in run.rule_scores.values() for score in scores if score.question_id == question_id)
    essay = next((essay for essay in run.essays if essay.question_id == question_id), None)
    return TracedQuestionView(
        question=question,
        answer=answer,
        rule=rule_of(question, answer),
        rule_score=next(by_rule, None),
        essay_score=essay,
        figures=run.figures.get(question_id),
        scored_in_run=question_id in run.finished_essay_ids if essay else None,
        overrides=tuple(override for override in rows.overrides if override.question_id == question_id),
        prompt=prompts.get(question_id),
    )


def _call_view(call: TracedModelCall, question_ids: Mapping[str, UUID]) -> TracedCallView:
    """The call; one of another run is shown with the question of this run that has the same prompt."""
    fingerprint = call.fingerprint or ""
    fields = dict(call) | {"question_id": call.question_id or question_ids.get(fingerprint)}
    return TracedCallView(**fields, as_shown=fingerprint in question_ids)
