"""The question bank, keys included: for staff only."""

from typing import Any

from aiohttp import web

from app.domain.assessment.questions import BODY_OF_TYPE
from app.domain.body_validation import validate_body
from app.domain.errors import FieldError, InvalidFields
from app.domain.records.assessments import BankQuestion, StoredAnswer
from app.domain.states import QuestionType
from app.http.app_keys import ACCESS, CONTEXT
from app.repositories.sql import Connection
from app.schemas import QuestionPage, question_view
from app.schemas.requests import NEW_OF_TYPE, NewQuestion
from app.services.catalog import questions
from app.services.idempotency import run_idempotently
from app.web.parsing import attempt_of, path_id, query_cursor_id, query_limit, query_text, read_object
from app.web.replies import answer, json_reply, stored_reply


async def list_questions(request: web.Request) -> web.StreamResponse:
    """A page of active questions, of one track or of all."""
    limit = query_limit(request)
    track, after = query_text(request, "track"), query_cursor_id(request)
    page, cursor = await questions.page(request.app[CONTEXT].pool, track, after, limit)
    return json_reply(QuestionPage(items=tuple(question_view(question) for question in page), next_cursor=cursor))


async def show_question(request: web.Request) -> web.StreamResponse:
    """One active question in its present version."""
    return json_reply(question_view(await find_question(request)))


async def create_question(request: web.Request) -> web.StreamResponse:
    """A new question."""
    caller = request[ACCESS].caller
    value = await read_object(request)
    new = _new_question(value)
    body = BODY_OF_TYPE[new.type].model_validate(new.model_dump(exclude={"track"}))

    async def work(conn: Connection) -> StoredAnswer:
        question = await questions.create(conn, caller.sub, new.track, body)
        return answer(question_view(question), 201, f"/questions/{question.question_id}")

    return stored_reply(await run_idempotently(request.app[CONTEXT].pool, attempt_of(request, caller, value), work))


async def patch_question(request: web.Request) -> web.StreamResponse:
    """A new version of a question."""
    caller, pool = request[ACCESS].caller, request.app[CONTEXT].pool
    question = await find_question(request)
    changes = await read_object(request)
    changed = await questions.patch(pool, caller.sub, question.question_id, changes)
    return json_reply(question_view(changed))


async def delete_question(request: web.Request) -> web.StreamResponse:
    """Takes a question out of the bank."""
    caller, pool = request[ACCESS].caller, request.app[CONTEXT].pool
    question = await find_question(request)
    await questions.delete(pool, caller.sub, question.question_id)
    return web.Response(status=204)


async def find_question(request: web.Request) -> BankQuestion:
    """The active question that the path names. Raises `NotFound`."""
    return await questions.find(request.app[CONTEXT].pool, path_id(request, "question_id"))


def _new_question(value: dict[str, Any]) -> NewQuestion:
    try:
        kind = QuestionType(str(value.get("type")))
    except ValueError:
        raise InvalidFields([FieldError("/type", "must be theoretical, profile or essay")]) from None
    return validate_body(NEW_OF_TYPE[kind], value)
