"""What led to a result, readable: the timeline of its jobs, prompts and raw answers, candidates, and costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from aiohttp import web

from app.domain.essay.score import DimensionName
from app.domain.records.trace import Rule, TracedJob
from app.domain.states import JobType, QuestionType
from app.http.app_keys import CONTEXT
from app.http.query import query_integer
from app.http.sessions import PAGES
from app.pages.advisor.score_table import score_table
from app.pages.advisor.wording import shown_suspicion
from app.pages.rendering import render
from app.pages.targets import find_assessment
from app.schemas import TraceView
from app.schemas.trace import TracedCallView, TracedQuestionView
from app.services.results import trace

_JOBS: Mapping[JobType, str] = {
    JobType.GPT: "Scoring the essays",
    JobType.RAG: "Searching for recommendations",
    JobType.FUSION: "Putting the result together",
}
_RULES: Mapping[Rule, str] = {
    Rule.NO_ANSWER: "no answer, no points",
    Rule.ALL_OR_NOTHING: "all or nothing",
    Rule.PARTIAL_CREDIT: "partial credit",
    Rule.ANSWERED: "any answer earns the points",
    Rule.SCORER: "scored by a machine",
}


@dataclass(frozen=True)
class _Event:
    """Something that happened in the run, with the seconds since its beginning."""

    at: datetime
    after: float
    text: str


async def show_trace(request: web.Request) -> web.StreamResponse:
    """The trace of the newest run that has a result, or of the run in the address."""
    assessment = await find_assessment(request)
    run = query_integer(request, "run") if request.query.get("run") else None
    view = await trace.read(request.app[CONTEXT].pool, assessment.id, assessment.status, run)
    values = {
        "assessment": assessment,
        "trace": view,
        "events": _events(view),
        "questions": [_question_values(question, view) for question in view.questions],
        "other_calls": [call for call in view.model_calls if call.question_id is None],
        "candidates": _candidates(view),
        "runs": [number for number in range(1, assessment.run + 1) if number != view.run],
        "path": f"{PAGES}/assessments/{assessment.id}",
    }
    return render(request, "advisor/trace.html", values)


def _events(view: TraceView) -> list[_Event]:
    moments = [(view.began_at, f"Run {view.run} begins")]
    for job in view.jobs:
        moments += _job_moments(job)
    moments += [(call.created_at, _call_text(call)) for call in view.model_calls if call.of_this_run]
    if view.completed_at:
        moments.append((view.completed_at, "The result is there"))
    for question in view.questions:
        moments += [
            (override.at, f"{'Agreement' if override.confirmed else 'Points'} of a person")
            for override in question.overrides
        ]
    moments += [(delivery.created_at, f"Webhook message {delivery.type}") for delivery in view.deliveries]
    second = timedelta(seconds=1)
    return [_Event(at, (at - view.began_at) / second, text) for at, text in sorted(moments, key=lambda item: item[0])]


def _job_moments(job: TracedJob) -> list[tuple[datetime, str]]:
    name = _JOBS[job.job_type]
    attempt = f", attempt {job.attempts} of {job.max_attempts}" if job.attempts > 1 else ""
    moments = [(job.started_at, f"{name} begins{attempt}")] if job.started_at else []
    if job.completed_at:
        moments.append((job.completed_at, f"{name}: {job.error.detail if job.error else job.status}"))
    return moments


def _call_text(call: TracedCallView) -> str:
    return f"Answer of {call.model}: {call.outcome} after {call.latency_ms} ms"


def _question_values(question: TracedQuestionView, view: TraceView) -> dict[str, object]:
    calls = [call for call in view.model_calls if call.question_id == question.question.question_id]
    score = question.essay_score or question.rule_score
    return {
        "line": question,
        "body": question.question.body,
        "rule": _RULES[question.rule],
        "essay": question.question.body.type is QuestionType.ESSAY,
        "table": score_table(question.essay_score) if question.essay_score else None,
        "score": score.score if score else None,
        "suspicion": shown_suspicion(question.essay_score),
        "calls": calls,
        "dimension_names": tuple(DimensionName),
        "answer": _answer_text(question),
    }


def _answer_text(question: TracedQuestionView) -> str | None:
    """The answer in words: the texts of chosen options."""
    body, answer = question.question.body, question.answer
    if answer is None:
        return None
    options = {option.id: option.text for option in getattr(body, "options", ())}
    chosen = answer if isinstance(answer, tuple) else (answer,)
    return ", ".join(options.get(str(value), str(value)) for value in chosen)


def _candidates(view: TraceView) -> list[dict[str, object]]:
    recommended: frozenset[UUID] = frozenset(view.recommended)
    return [
        {"line": candidate, "recommended": candidate.credential_id in recommended}
        for candidate in (view.retrieval.candidates if view.retrieval else ())
    ]
