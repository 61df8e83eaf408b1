"""Answering an assessment: its questions, saving answers, the review before the submission, and submitting."""

from collections.abc import Sequence
from uuid import UUID

from aiohttp import web

from app.domain.errors import AlreadySubmitted, AssessmentExpired, CallerError, InvalidFields
from app.domain.records.assessments import Assessment
from app.domain.states import AssessmentStatus
from app.http.app_keys import ACCESS, CONTEXT, METRICS, SUBMITTER
from app.http.notifications import notify_workers, publish_change
from app.http.problems import problem_of
from app.http.request_values import origin_of, path_id
from app.http.sessions import PAGES, wants_json
from app.pages.forms import read_form
from app.pages.rendering import redirect, render
from app.pages.shown_question import QuestionField
from app.pages.student import answer_form
from app.pages.student.outcome import show_outcome
from app.pages.student.wording import duration
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
    return _questions_page(request, assessment, answer_form.question_fields(assessment))


async def save_responses(request: web.Request) -> web.StreamResponse:
    """Saves the answers of the form that were changed in it, for a script or for somebody without scripts."""
    assessment, form = await find_permitted_assessment(request), await read_form(request)
    answers = answer_form.changed_answers(assessment, form)
    try:
        saved = await responses.save(request.app[CONTEXT].pool, assessment, answers)
    except InvalidFields as error:
        if wants_json(request):
            return web.json_response({"errors": answer_form.errors_by_field(answers, error)}, status=422)
        fields = answer_form.with_errors(answer_form.question_fields(assessment), form, answers, error)
        return _questions_page(request, assessment, fields, status=422)
    except (AlreadySubmitted, AssessmentExpired):
        if wants_json(request):
            raise
        return redirect(_path(assessment.id))
    publish_change(request.app, assessment.id)
    if wants_json(request):
        return web.json_response(text=saved.model_dump_json())
    if form.get("then") == "review":
        return redirect(f"{_path(assessment.id)}/review")
    return redirect(_path(assessment.id, "answers-saved"))


async def show_review(request: web.Request) -> web.StreamResponse:
    """What is answered and what is not, and the button to submit."""
    assessment = await find_permitted_assessment(request)
    if assessment.status is not AssessmentStatus.IN_PROGRESS:
        return redirect(_path(assessment.id))
    return _review_page(request, assessment)


async def submit_assessment(request: web.Request) -> web.StreamResponse:
    """Submits the saved answers; a second submission leads to the same page."""
    access, submitter, assessment_id = request[ACCESS], request.app[SUBMITTER], path_id(request, "assessment_id")
    no_key = IdempotentRequest(None, None)
    draft = await submitter.read_draft(assessment_id, access, no_key)
    try:
        submitted = await submitter.submit(draft, access, no_key, [], origin_of(request))
    except (AlreadySubmitted, AssessmentExpired):
        return redirect(_path(assessment_id))
    except CallerError as error:
        # There is no place for it now; nothing is lost.
        return _review_page(request, draft.assessment, error)
    request.app[METRICS].submissions.inc()
    publish_change(request.app, assessment_id)
    notify_workers(request.app, submitted.notifications)
    return redirect(_path(assessment_id))


def _questions_page(
    request: web.Request, assessment: Assessment, fields: Sequence[QuestionField], *, status: int = 200
) -> web.Response:
    seconds_left = (assessment.expires_at - assessment.now).total_seconds()
    values = {
        "assessment": assessment,
        "questions": fields,
        "errors": [field for field in fields if field.error],
        "path": _path(assessment.id),
        "seconds_left": max(0, int(seconds_left)),
        "time_left": duration(seconds_left),
    }
    return render(request, "student/questions.html", values, status=status)


def _review_page(request: web.Request, assessment: Assessment, error: CallerError | None = None) -> web.Response:
    fields = answer_form.question_fields(assessment)
    problem = problem_of(error) if error else None
    values = {
        "assessment": assessment,
        "questions": fields,
        "unanswered": [field for field in fields if not field.is_answered],
        "path": _path(assessment.id),
        "time_left": duration((assessment.expires_at - assessment.now).total_seconds()),
        "problem": problem,
    }
    response = render(request, "student/review.html", values, status=problem.kind.status if problem else 200)
    response.headers.update(problem.response_headers if problem else {})
    return response


def _path(assessment_id: UUID, done: str | None = None) -> str:
    return f"{PAGES}/assessments/{assessment_id}" + (f"?done={done}" if done else "")
