"""Answering an assessment: its questions, saving answers, the review before the submission, and submitting."""

from uuid import UUID

from aiohttp import web

from app.domain.assessment.questions import ProfileInput, Question
from app.domain.errors import AlreadySubmitted
from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus, QuestionType
from app.http.app_keys import ACCESS, CONTEXT, METRICS, SUBMITTER
from app.http.notifications import notify_workers, publish_change
from app.http.request_values import origin_of, path_id
from app.http.sessions import PAGES, wants_json
from app.pages.forms import Form, read_form
from app.pages.rendering import redirect, render
from app.pages.shown_question import answer_field, shown_question
from app.pages.student.outcome import show_outcome
from app.pages.targets import find_permitted_assessment
from app.services.assessments import responses
from app.services.idempotency import IdempotentRequest


async def show_assessment(request: web.Request) -> web.StreamResponse:
    """The questions while the assessment is open, then its progress, then the result."""
    assessment = await find_permitted_assessment(request)
    if assessment.status is not AssessmentStatus.IN_PROGRESS:
        return await show_outcome(request, assessment)
    if assessment.owner != request[ACCESS].caller.principal:
        return render(request, "advisor/being_answered.html", {"assessment": assessment})
    return render(request, "student/questions.html", _values(assessment))


async def save_responses(request: web.Request) -> web.StreamResponse:
    """Saves the answers of the form, for a script or for somebody without scripts."""
    assessment, form = await find_permitted_assessment(request), await read_form(request)
    saved = await responses.save(request.app[CONTEXT].pool, assessment, _answers(assessment, form))
    publish_change(request.app, assessment.id)
    if wants_json(request):
        return web.json_response(text=saved.model_dump_json())
    return redirect(_path(assessment.id) + ("/review" if form.get("then") == "review" else ""))


async def show_review(request: web.Request) -> web.StreamResponse:
    """What is answered and what is not, and the button to submit."""
    assessment = await find_permitted_assessment(request)
    if assessment.status is not AssessmentStatus.IN_PROGRESS:
        return redirect(_path(assessment.id))
    return render(request, "student/review.html", _values(assessment))


async def submit_assessment(request: web.Request) -> web.StreamResponse:
    """Submits the saved answers; a second submission leads to the same page."""
    access, submitter, assessment_id = request[ACCESS], request.app[SUBMITTER], path_id(request, "assessment_id")
    no_key = IdempotentRequest(None, None)
    draft = await submitter.read_draft(assessment_id, access, no_key)
    try:
        submitted = await submitter.submit(draft, access, no_key, [], origin_of(request))
    except AlreadySubmitted:
        return redirect(_path(assessment_id))
    request.app[METRICS].submissions.inc()
    publish_change(request.app, assessment_id)
    notify_workers(request.app, submitted.notifications)
    return redirect(_path(assessment_id))


def _values(assessment: Assessment) -> dict[str, object]:
    questions = [
        shown_question(question, assessment.answers.get(question.question_id)) for question in assessment.questions
    ]
    return {
        "assessment": assessment,
        "questions": questions,
        "unanswered": [question for question in questions if question["answer"] is None],
        "path": _path(assessment.id),
    }


def _answers(assessment: Assessment, form: Form) -> list[tuple[UUID, object]]:
    """The answers of the questions whose fields are in the form."""
    names = {answer_field(question.question_id): question for question in assessment.questions}
    return [
        (names[name].question_id, _answer(names[name], form.getall(name)))
        for name in dict.fromkeys(form)
        if name in names
    ]


def _answer(question: Question, values: list[str]) -> object:
    body = question.body
    if body.type is QuestionType.ESSAY:
        return values[-1]
    if body.type is QuestionType.THEORETICAL:
        chosen = [value for value in values if value]
        return chosen[0] if len(chosen) == 1 else chosen
    match body.input:
        case ProfileInput.MULTIPLE:
            return [value for value in values if value]
        case ProfileInput.NUMBER | ProfileInput.SCALE:
            return _number(values[-1])
        case _:
            return values[-1]


def _number(text: str) -> object:
    """The number; the text itself where it is none, which is refused with the other answers."""
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def _path(assessment_id: UUID) -> str:
    return f"{PAGES}/assessments/{assessment_id}"
