"""Pages for questions: list, create, change, preview, retire, restore."""

from uuid import UUID

from aiohttp import web

from app.domain.assessment.questions import BODY_OF_TYPE, Question, QuestionBody
from app.domain.body_validation import validate_body
from app.domain.errors import Conflict, InvalidFields, NotFound, TrackIsDeleted
from app.domain.records.catalog import BankQuestion, Track
from app.domain.states import QuestionType
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_choice, query_cursor_id, query_cursor_integer, query_limit, query_text
from app.http.request_values import path_id
from app.http.sessions import PAGES
from app.pages.author.question_changes import INPUTS, PURPOSES, changes
from app.pages.author.question_form import (
    NEW_QUESTION,
    option_rows,
    question_fields,
    question_values,
    typed_question,
)
from app.pages.author.targets import find_known_question, find_question
from app.pages.form_values import FormValues
from app.pages.forms import Form, read_form
from app.pages.rendering import redirect, render
from app.pages.shown_question import shown_question
from app.services import analytics
from app.services.catalog import questions, tracks

QUESTIONS = f"{PAGES}/questions"
_TRACKS = 100
_STALE = (
    "Somebody has saved another version meanwhile. It is shown as students see it; the form has what you have typed. "
    "Save again to put that in its place."
)
# A preview belongs to no question.
_NO_ID = UUID(int=0)


async def list_questions(request: web.Request) -> web.StreamResponse:
    """Active questions, or retired ones, of a track and type or of all, with how often they were answered."""
    pool = request.app[CONTEXT].pool
    track, retired = query_text(request, "track") or None, request.query.get("state") == "retired"
    kind = query_choice(request, "type", QuestionType) if request.query.get("type") else None
    rows, cursor = await questions.page(
        pool, track, query_cursor_id(request), query_limit(request), kind, deleted=retired
    )
    known, _ = await tracks.page(pool, None, _TRACKS)
    values = {
        "rows": rows,
        "next": str(request.rel_url.update_query(cursor=cursor)) if cursor else None,
        "tracks": [(row.body.slug, row.body.name) for row in known],
        "track": track or "",
        "kind": kind or "",
        "retired": retired,
        "types": tuple(QuestionType),
        "statistics": await analytics.summarize_questions(pool, track) if track else {},
    }
    return render(request, "author/questions.html", values)


async def show_new_question(request: web.Request) -> web.StreamResponse:
    """An empty form for a question of the track and type that were chosen."""
    track, kind = query_text(request, "track") or "", query_choice(request, "type", QuestionType)
    chosen = await tracks.find(request.app[CONTEXT].pool, track)
    return _new_page(request, chosen, kind or QuestionType.THEORETICAL, NEW_QUESTION)


async def create_question(request: web.Request) -> web.StreamResponse:
    """Creates the question of the form, shows it as students would see it, or adds rows for options."""
    track, kind = query_text(request, "track") or "", query_choice(request, "type", QuestionType)
    kind, form = kind or QuestionType.THEORETICAL, await read_form(request)
    chosen = await tracks.find(request.app[CONTEXT].pool, track)
    if form.get("then") == "rows":
        return _new_page(request, chosen, kind, typed_question(kind, form), more_rows=True)
    try:
        body = validate_body(BODY_OF_TYPE[kind], question_fields(kind, form))
    except InvalidFields as error:
        return _new_page(request, chosen, kind, typed_question(kind, form, error))
    if form.get("then") == "preview":
        return _new_page(request, chosen, kind, typed_question(kind, form), preview=body)
    async with request.app[CONTEXT].pool.acquire() as conn, conn.transaction():
        question = await questions.create(conn, request[ACCESS].caller.principal, track, body)
    return redirect(f"{QUESTIONS}/{question.question_id}?done=created")


async def show_question(request: web.Request) -> web.StreamResponse:
    """The question as students see it, how it does, and its form."""
    question = await find_question(request)
    return await _question_page(request, question, question_values(question.body), question.body)


async def save_question(request: web.Request) -> web.StreamResponse:
    """Writes a new version of the question, shows how students would see it, or adds rows for options."""
    question, form = await find_question(request), await read_form(request)
    kind, path = question.body.type, f"{QUESTIONS}/{question.question_id}"
    if form.get("then") == "rows":
        return await _question_page(request, question, typed_question(kind, form), question.body, more_rows=True)
    try:
        fields = question_fields(kind, form)
        body = validate_body(BODY_OF_TYPE[kind], fields)
        if form.get("then") == "preview":
            return await _question_page(request, question, typed_question(kind, form), body)
        if body == question.body:
            return redirect(f"{path}?done=unchanged")
        pool, actor = request.app[CONTEXT].pool, request[ACCESS].caller.principal
        await questions.patch(pool, actor, question.question_id, fields, read_version=_read_version(form))
    except Conflict:
        newer = await find_question(request)
        texts = {**typed_question(kind, form).texts, "version": str(newer.version)}
        return await _question_page(request, newer, FormValues(texts, {"": _STALE}), newer.body)
    except InvalidFields as error:
        return await _question_page(request, question, typed_question(kind, form, error), question.body)
    return redirect(f"{path}?done=saved")


async def show_versions(request: web.Request) -> web.StreamResponse:
    """The versions of an active or retired question, newest first, with what each has changed."""
    await find_known_question(request)
    question_id, pool = path_id(request, "question_id"), request.app[CONTEXT].pool
    try:
        await find_question(request)
        is_retired = False
    except NotFound:
        is_retired = True
    rows, cursor = await questions.versions(pool, question_id, query_cursor_integer(request), query_limit(request))
    shown = [
        {"version": version, "changes": changes(version, former), "is_first": former is None}
        for version, former in rows
    ]
    path = f"{QUESTIONS}/{question_id}"
    values = {"rows": shown, "cursor": cursor, "path": path, "is_retired": is_retired}
    return render(request, "author/versions.html", values)


async def retire_question(request: web.Request) -> web.StreamResponse:
    """Retires the question: no new assessment gets it."""
    question = await find_question(request)
    await questions.delete(request.app[CONTEXT].pool, request[ACCESS].caller.principal, question.question_id)
    return redirect(f"{QUESTIONS}?track={question.track}&done=retired")


async def restore_question(request: web.Request) -> web.StreamResponse:
    """Makes a retired question active again."""
    question_id, pool = path_id(request, "question_id"), request.app[CONTEXT].pool
    try:
        await questions.restore(pool, request[ACCESS].caller.principal, question_id)
    except TrackIsDeleted:
        raise TrackIsDeleted("restore the question's track first, in the list of tracks") from None
    return redirect(f"{QUESTIONS}/{question_id}?done=restored")


def _read_version(form: Form) -> int | None:
    """The version that was current when the page of the form was loaded."""
    text = form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _new_page(
    request: web.Request,
    track: Track,
    kind: QuestionType,
    values: FormValues,
    *,
    preview: QuestionBody | None = None,
    more_rows: bool = False,
) -> web.Response:
    shown = _shown_form(kind, values, preview, more_rows)
    slug = track.body.slug
    shown |= {"track": slug, "track_name": track.body.name, "path": f"{QUESTIONS}/new?track={slug}&type={kind}"}
    return render(request, "author/new_question.html", shown, status=values.status)


async def _question_page(
    request: web.Request, question: BankQuestion, values: FormValues, preview: QuestionBody, *, more_rows: bool = False
) -> web.Response:
    statistics = await analytics.summarize_questions(request.app[CONTEXT].pool, question.track)
    shown = _shown_form(question.body.type, values, preview, more_rows)
    shown |= {
        "question": question,
        "track": question.track,
        "path": f"{QUESTIONS}/{question.question_id}",
        "figures": statistics.get(question.question_id),
        "read_version": values.text("version") or question.version,
    }
    return render(request, "author/question.html", shown, status=values.status)


def _shown_form(
    kind: QuestionType, values: FormValues, preview: QuestionBody | None, more_rows: bool
) -> dict[str, object]:
    shown = shown_question(Question(question_id=_NO_ID, version=1, body=preview), None) if preview else None
    return {
        "kind": str(kind),
        "values": values,
        "rows": option_rows(values, more=more_rows),
        "preview": shown,
        "inputs": INPUTS,
        "purposes": PURPOSES,
    }
