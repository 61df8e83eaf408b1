"""The whole way of a result, for advisors and admins: it shows keys, prompts and what models answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.domain.assessment.questions import Question
from app.domain.assessment.rule_scoring import QuestionScore
from app.domain.recommendation.search_trace import RetrievalTrace
from app.domain.records.jobs import RunInputs
from app.domain.records.trace import TracedModelCall, Rule, TracedDelivery, TracedJob, TracedOverride, TraceRows, rule_of
from app.domain.result.model import EssayLine, Reason, Result
from app.domain.states import JobType
from app.domain.values import Frozen


class PromptView(Frozen):
    """What a model is asked by this version of the prompt. Each call about an essay adds to the instructions a random
    word, which is not kept."""

    version: str
    system: str
    user: str


class TracedQuestionView(Frozen):
    """A question with its key, what was answered, and what came of that: the machine's score by its rule, and people's
    in the order in which they were given. Scores are those that the run went by; `scored_in_run` says of an essay
    whether this run scored it or took the score over. `prompt` is that of an essay with an answer."""

    question: Question
    answer: str | int | float | tuple[str, ...] | None
    rule: Rule
    rule_score: QuestionScore | None
    essay_score: EssayLine | None
    scored_in_run: bool | None
    overrides: tuple[TracedOverride, ...]
    prompt: PromptView | None


class TracedCallView(TracedModelCall):
    """A call of a model with its raw answer; `of_this_run` is false where an answer bought elsewhere was used.
    `as_shown` says whether it asked exactly the prompt that its question shows: an older version asked another, and a
    probe asks something else."""

    as_shown: bool


class TraceView(Frozen):
    """The whole way of a run's result. `degraded_reasons` are those of the result, where there is one; each job has its
    own besides. `retrieval` is null where nothing was searched, or before that was kept."""

    assessment_id: UUID
    track: str
    run: int
    began_at: datetime
    completed_at: datetime | None
    degraded_reasons: tuple[Reason, ...]
    tokens: int
    cost_usd: float
    jobs: tuple[TracedJob, ...]
    questions: tuple[TracedQuestionView, ...]
    model_calls: tuple[TracedCallView, ...]
    retrieval: RetrievalTrace | None
    recommended: tuple[UUID, ...]
    deliveries: tuple[TracedDelivery, ...]


@dataclass(frozen=True)
class ShownPrompts:
    """The prompts that are shown, by question; `asked` has the questions by the prompts' fingerprints (hex)."""

    essays: Mapping[UUID, PromptView]
    asked: Mapping[str, UUID]


def trace_view(number: int, run: RunInputs, rows: TraceRows, result: Result | None, prompts: ShownPrompts) -> TraceView:
    """The way of a run."""
    searched = (run.jobs[JobType.RAG].output or {}).get("retrieval")
    return TraceView(
        assessment_id=run.assessment_id,
        track=run.track,
        run=number,
        began_at=run.began_at,
        completed_at=result.completed_at if result else None,
        degraded_reasons=result.degraded_reasons if result else (),
        tokens=run.tokens,
        cost_usd=round(run.cost_usd, 6),
        jobs=rows.jobs,
        questions=tuple(_question_view(question, run, rows, prompts.essays) for question in run.questions),
        model_calls=tuple(_call_view(call, prompts.asked) for call in rows.calls),
        retrieval=RetrievalTrace.model_validate(searched) if searched else None,
        recommended=tuple(each.credential_id for each in result.recommendations) if result else (),
        deliveries=rows.deliveries,
    )


def _question_view(
    question: Question, run: RunInputs, rows: TraceRows, prompts: Mapping[UUID, PromptView]
) -> TracedQuestionView:
    wanted = question.question_id
    answer = run.answers.get(wanted)
    by_rule = (line for lines in run.rule_scores.values() for line in lines if line.question_id == wanted)
    essay = next((line for line in run.essays if line.question_id == wanted), None)
    return TracedQuestionView(
        question=question,
        answer=answer,
        rule=rule_of(question, answer),
        rule_score=next(by_rule, None),
        essay_score=essay,
        scored_in_run=wanted in run.settled if essay else None,
        overrides=tuple(override for override in rows.overrides if override.question_id == wanted),
        prompt=prompts.get(wanted),
    )


def _call_view(call: TracedModelCall, asked: Mapping[str, UUID]) -> TracedCallView:
    """The call, of the question that asks the same where it was bought for another."""
    fingerprint = call.fingerprint or ""
    told = dict(call) | {"question_id": call.question_id or asked.get(fingerprint)}
    return TracedCallView(**told, as_shown=fingerprint in asked)
