"""What a reviewer does with an item: agree, set points, answer an appeal, skip it, or leave."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from aiohttp import web

from app.domain.errors import AppealAnswered, FieldError, InvalidFields, ReservedByOther
from app.http.app_keys import ACCESS, CONTEXT
from app.http.notifications import notify_workers, publish_change
from app.http.overriding import store_review
from app.http.query import query_review_place
from app.http.request_values import path_id
from app.http.sessions import wants_json
from app.pages.advisor.addresses import reviewing
from app.pages.advisor.item import (
    Typed,
    find_reviewed,
    hides_machine,
    is_appealed,
    render_held,
    render_item,
    reserve,
    version,
)
from app.pages.advisor.points_form import read_appeal_answer, read_points, shown_errors
from app.pages.advisor.queue import nearest
from app.pages.forms import CSRF_FIELD, Form, read_form
from app.pages.rendering import redirect
from app.services.results import appeals, reviews
from app.services.results.override import Confirmation
from app.services.results.reviewed_question import ReviewedQuestion

_CHANGED = "The points or the appeal have changed since you opened this page. Look at them again; nothing was saved."
# Stores what was decided.
_Decide = Callable[[web.Request, ReviewedQuestion, Form], Awaitable[None]]


async def agree(request: web.Request) -> web.StreamResponse:
    """Confirms the machine's score."""
    return await _handle(request, _confirm, appealed=False)


async def set_points(request: web.Request) -> web.StreamResponse:
    """Gives points in place of the machine's."""
    return await _handle(request, _override, appealed=False)


async def answer_appeal(request: web.Request) -> web.StreamResponse:
    """Answers the student's appeal, and changes the points if the form says so."""
    reviewed, person = await find_reviewed(request), request[ACCESS].caller.principal
    if reviewed.appeal and not is_appealed(reviewed):
        answered = await appeals.find(request.app[CONTEXT].pool, reviewed.appeal.appeal_id)
        if answered.answered_by != person:
            raise AppealAnswered("this appeal was answered already")
        # The same form twice, as a double click sends it.
        return await _go_on(request, await read_form(request), stays=False)
    return await _handle(request, _answer, appealed=True)


async def skip(request: web.Request) -> web.StreamResponse:
    """Gives the item back, and leads to the next."""
    reviewed = await find_reviewed(request)
    await _release(request, reviewed)
    return redirect(await _next(request, "skipped"))


async def release(request: web.Request) -> web.StreamResponse:
    """Gives the item back that the reader of a page has left, unless another page holds it for them since."""
    reviewed, until = await find_reviewed(request), (await read_form(request)).get("until", "")
    try:
        left = datetime.fromisoformat(until)
        if left.tzinfo is None:
            raise ValueError("a time without a zone")
    except ValueError:
        raise InvalidFields([FieldError("/until", "is no time")]) from None
    await _release(request, reviewed, left)
    return web.Response(status=204) if wants_json(request) else redirect(reviewing(request).address())


async def _handle(request: web.Request, decide: _Decide, *, appealed: bool) -> web.StreamResponse:
    """Stores a decision about points that the person has seen, while nobody else holds the item."""
    form, reviewed, work = await read_form(request), await find_reviewed(request), reviewing(request)
    person = request[ACCESS].caller.principal
    try:
        reservation = await reserve(request)
    except ReservedByOther as error:
        return await render_held(request, error, _texts(form))
    if form.get("seen") != version(reviewed, person) or is_appealed(reviewed) != appealed:
        return await render_item(request, reviewed, reservation, Typed(form, fault=_CHANGED), 409)
    hidden = hides_machine(work, reviewed, person)
    try:
        await decide(request, reviewed, form)
    except InvalidFields as error:
        return await render_item(request, reviewed, reservation, Typed(form, shown_errors(error)), 422)
    return await _go_on(request, form, stays=hidden)


async def _confirm(request: web.Request, reviewed: ReviewedQuestion, _: Form) -> None:
    by = request[ACCESS].caller.principal
    await store_review(request.app, reviewed.assessment_id, Confirmation(reviewed.question, by))


async def _override(request: web.Request, reviewed: ReviewedQuestion, form: Form) -> None:
    by = request[ACCESS].caller.principal
    keeps = not hides_machine(reviewing(request), reviewed, by)
    await store_review(request.app, reviewed.assessment_id, read_points(reviewed.question, form, by, keeps=keeps))


async def _answer(request: web.Request, reviewed: ReviewedQuestion, form: Form) -> None:
    context, access = request.app[CONTEXT], request[ACCESS]
    if reviewed.appeal is None:
        raise RuntimeError("an appealed question has an appeal")
    await appeals.find_answerable(context.pool, reviewed.appeal.appeal_id, access)
    new = read_appeal_answer(reviewed.question, form, access.caller.principal)
    below = context.settings.review_below_confidence
    answered = await appeals.answer(context.pool, reviewed.appeal.appeal_id, new, below)
    publish_change(request.app, reviewed.assessment_id)
    notify_workers(request.app, answered.notifications)


async def _release(request: web.Request, reviewed: ReviewedQuestion, until: datetime | None = None) -> None:
    pool, person = request.app[CONTEXT].pool, request[ACCESS].caller.principal
    try:
        await reviews.release(pool, reviewed.assessment_id, reviewed.question.question_id, person, until)
    except ReservedByOther:
        # Then there is nothing to give back.
        return


async def _go_on(request: web.Request, form: Form, *, stays: bool) -> web.StreamResponse:
    """Leads to the next item; or back to this one, to compare one's own points with those that were hidden."""
    if form.get("then") == "next" and not stays:
        return redirect(await _next(request, "points-saved"))
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    done = "points-to-compare" if stays else "points-saved"
    return redirect(reviewing(request).item(*place, at=request.query.get("at"), done=done))


async def _next(request: web.Request, done: str) -> str:
    work = reviewing(request)
    return await nearest(request, work, query_review_place(request, work.queue.order, "at"), done=done)


def _texts(form: Form) -> list[str]:
    return [text for name, text in form.items() if name not in (CSRF_FIELD, "seen", "then") and text.strip()]
