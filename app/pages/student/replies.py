"""What students say to a result: ratings, and appeals of single scores."""

from datetime import UTC, datetime

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.errors import (
    AlreadyAppealed,
    AppealTooLate,
    AssessmentFailed,
    CallerError,
    InvalidFields,
    NoResultYet,
    NothingToAppeal,
    NotSubmitted,
)
from app.domain.records.assessments import Assessment
from app.domain.records.feedback import NewFeedback
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.problems import problem_of
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.forms import field_errors, read_form
from app.pages.rendering import redirect
from app.pages.student.outcome import RefusedForm, show_outcome
from app.pages.targets import find_permitted_assessment
from app.schemas.requests import AppealBody, FeedbackBody
from app.services.results import appeals, feedback, override

_RATING_ERRORS = {
    "/relevance": "Choose how well it fits.",
    "/acceptance": "Choose how much you like it.",
    "/comment": "A comment has at most 2,000 characters.",
}
_NO_RESULT = (NotSubmitted, NoResultYet, AssessmentFailed)


async def rate(request: web.Request) -> web.StreamResponse:
    """Stores the reader's rating of the result, or of one of its recommendations."""
    assessment, form = await find_permitted_assessment(request), await read_form(request)
    fields = {name: form.get(name, "") for name in ("credential_id", "relevance", "acceptance", "comment")}
    body = {
        name: int(text) if text.isascii() and text.isdigit() and len(text) == 1 else text
        for name, text in fields.items()
        if text
    }
    try:
        rating = validate_body(FeedbackBody, body)
        new = NewFeedback(
            assessment_id=assessment.id,
            credential_id=rating.credential_id,
            author=request[ACCESS].caller.principal,
            relevance=rating.relevance,
            acceptance=rating.acceptance,
            comment=rating.comment,
        )
        async with request.app[CONTEXT].pool.acquire() as conn, conn.transaction():
            await feedback.rate(conn, new, request[ACCESS].audited_actor)
    except InvalidFields as error:
        texts = [_RATING_ERRORS.get(pointer, "This is not recommended any more.") for pointer in field_errors(error)]
        refused = RefusedForm(f"rating-{fields['credential_id']}", fields, " ".join(texts))
        return await show_outcome(request, assessment, refused)
    except _NO_RESULT:
        return redirect(f"{PAGES}/assessments/{assessment.id}")
    return redirect(f"{PAGES}/assessments/{assessment.id}?done=rated#rated-{rating.credential_id or 'result'}")


async def make_appeal(request: web.Request) -> web.StreamResponse:
    """Asks for a person about the score of a question."""
    context, assessment = request.app[CONTEXT], await find_permitted_assessment(request)
    question_id = path_id(request, "question_id")
    await override.find_question(context.pool, assessment.id, question_id)
    text = (await read_form(request)).get("text", "")
    days, actor = context.settings.appeal_days, request[ACCESS].audited_actor
    try:
        validate_body(AppealBody, {"text": text})
        async with context.pool.acquire() as conn, conn.transaction():
            made = await appeals.make(conn, assessment.id, question_id, text, days, datetime.now(UTC), actor)
    except InvalidFields:
        error = "Say in up to 5,000 characters why a person should look at the points."
        return await show_outcome(request, assessment, RefusedForm(f"appeal-{question_id}", {"text": text}, error))
    except (AlreadyAppealed, AppealTooLate, NothingToAppeal) as refusal:
        return await _refuse(request, assessment, f"appeal-{question_id}", text, refusal)
    except _NO_RESULT:
        return redirect(f"{PAGES}/assessments/{assessment.id}")
    publish_change(request.app, assessment.id)
    notify_workers(request.app, made.notifications)
    number = assessment.questions.index(assessment.questions_by_id[question_id]) + 1
    return redirect(f"{PAGES}/assessments/{assessment.id}?done=appealed#appeal-{number}")


async def find_question(request: web.Request) -> object:
    """The question of an assessment that the path names. Raises `NotFound`."""
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    return await override.find_question(request.app[CONTEXT].pool, *place)


async def _refuse(
    request: web.Request, assessment: Assessment, name: str, text: str, error: CallerError
) -> web.StreamResponse:
    problem = problem_of(error)
    detail = error.detail[:1].upper() + error.detail[1:]
    refused = RefusedForm(name, {"text": text}, f"{detail}.", problem.kind.status, problem.response_headers)
    return await show_outcome(request, assessment, refused)
