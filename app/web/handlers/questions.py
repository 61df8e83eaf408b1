"""The question bank, keys included: for staff only."""

from typing import Any

from aiohttp import web

from app.domain.assessment.questions import BODY_OF_TYPE
from app.domain.checking import checked
from app.domain.errors import FieldError, InvalidFields
from app.domain.records.assessments import StoredAnswer
from app.domain.states import QuestionType, Role
from app.http.keys import CONTEXT
from app.repositories import questions
from app.repositories.sql import Connection
from app.schemas import QuestionPage, question_view
from app.schemas.requests import NEW_OF_TYPE, NewQuestion
from app.services import paging
from app.services.catalog import tracks_and_questions
from app.services.idempotency import run_idempotently
from app.web.parsing import attempt_of, identify, path_id, query_cursor_id, query_limit, query_text, read_object
from app.web.replies import answer, json_reply, stored_reply


async def list_questions(request: web.Request) -> web.StreamResponse:
    """A page of active questions, of one track or of all."""
    (await identify(request)).require(Role.ADVISOR, Role.ADMIN)
    limit = query_limit(request)
    track, after = query_text(request, "track"), query_cursor_id(request)
    found = await questions.page(request.app[CONTEXT].pool, track, after, limit + 1)
    page, cursor = paging.cut(found, limit, lambda question: (str(question.question_id),))
    return json_reply(QuestionPage(items=tuple(question_view(question) for question in page), next_cursor=cursor))


async def show_question(request: web.Request) -> web.StreamResponse:
    """One active question in its present version."""
    caller = await identify(request)
    question = await tracks_and_questions.find_question(request.app[CONTEXT].pool, path_id(request, "question_id"))
    caller.require(Role.ADVISOR, Role.ADMIN)
    return json_reply(question_view(question))


async def create_question(request: web.Request) -> web.StreamResponse:
    """A new question."""
    caller = await identify(request)
    caller.require(Role.ADMIN)
    value = await read_object(request)
    new = _new_question(value)
    body = BODY_OF_TYPE[new.type].model_validate(new.model_dump(exclude={"track"}))

    async def work(conn: Connection) -> StoredAnswer:
        question = await tracks_and_questions.create_question(conn, caller.sub, new.track, body)
        return answer(question_view(question), 201, f"/questions/{question.question_id}")

    return stored_reply(await run_idempotently(request.app[CONTEXT].pool, attempt_of(request, caller, value), work))


async def patch_question(request: web.Request) -> web.StreamResponse:
    """A new version of a question."""
    caller = await identify(request)
    pool = request.app[CONTEXT].pool
    question = await tracks_and_questions.find_question(pool, path_id(request, "question_id"))
    caller.require(Role.ADMIN)
    changes = await read_object(request)
    changed = await tracks_and_questions.patch_question(pool, caller.sub, question.question_id, changes)
    return json_reply(question_view(changed))


async def delete_question(request: web.Request) -> web.StreamResponse:
    """Takes a question out of the bank."""
    caller = await identify(request)
    pool = request.app[CONTEXT].pool
    question = await tracks_and_questions.find_question(pool, path_id(request, "question_id"))
    caller.require(Role.ADMIN)
    await tracks_and_questions.delete_question(pool, caller.sub, question.question_id)
    return web.Response(status=204)


def _new_question(value: dict[str, Any]) -> NewQuestion:
    try:
        kind = QuestionType(str(value.get("type")))
    except ValueError:
        raise InvalidFields([FieldError("/type", "must be theoretical, profile or essay")]) from None
    return checked(NEW_OF_TYPE[kind], value)
