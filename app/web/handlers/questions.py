"""Handlers for questions of tracks, with their answer keys: list, show, create, change, delete,
restore."""

from typing import Any

from aiohttp import web

from app.domain.assessment.questions import BODY_OF_TYPE
from app.domain.body_validation import validate_body
from app.domain.errors import FieldError, InvalidFields
from app.domain.idempotency import StoredReply
from app.domain.records.catalog import BankQuestion
from app.domain.states import QuestionType
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_cursor_id, query_limit, query_text
from app.http.request_values import path_id
from app.repositories.sql import Connection
from app.schemas import QuestionPage, question_view
from app.schemas.requests import NEW_OF_TYPE, NewQuestion, RestoreBody
from app.services.catalog import questions
from app.services.idempotency import run_idempotently
from app.web.replies import json_reply, storable_answer, stored_reply
from app.web.request_parsing import idempotent_request, read_object


async def list_questions(request: web.Request) -> web.StreamResponse:
    """A page of active questions, of one track or of all."""
    limit, after, track = query_limit(request), query_cursor_id(request), query_text(request, "track")
    page, cursor = await questions.page(request.app[CONTEXT].pool, track, after, limit)
    return json_reply(QuestionPage(items=tuple(question_view(question) for question in page), next_cursor=cursor))


async def show_question(request: web.Request) -> web.StreamResponse:
    """The newest version of an active question."""
    return json_reply(question_view(await find_question(request)))


async def create_question(request: web.Request) -> web.StreamResponse:
    """Creates a question."""
    payload = await read_object(request)
    new = _new_question(payload)
    body = BODY_OF_TYPE[new.type].model_validate(new.model_dump(exclude={"track"}))

    async def create(conn: Connection) -> StoredReply:
        question = await questions.create(conn, request[ACCESS].caller.principal, new.track, body)
        return storable_answer(question_view(question), 201, f"/questions/{question.question_id}")

    answer = await run_idempotently(request.app[CONTEXT].pool, idempotent_request(request, payload), create)
    return stored_reply(answer)


async def patch_question(request: web.Request) -> web.StreamResponse:
    """Changes some fields of a question, which makes a new version."""
    question = await find_question(request)
    changes, pool = await read_object(request), request.app[CONTEXT].pool
    changed = await questions.patch(pool, request[ACCESS].caller.principal, question.question_id, changes)
    return json_reply(question_view(changed))


async def delete_question(request: web.Request) -> web.StreamResponse:
    """Deletes a question; assessments that have it keep it."""
    question = await find_question(request)
    await questions.delete(request.app[CONTEXT].pool, request[ACCESS].caller.principal, question.question_id)
    return web.Response(status=204)


async def restore_question(request: web.Request) -> web.StreamResponse:
    """Restores a deleted question; an active question stays as it is."""
    pool, question_id = request.app[CONTEXT].pool, path_id(request, "question_id")
    await questions.check_known(pool, question_id)
    validate_body(RestoreBody, await read_object(request))
    restored = await questions.restore(pool, request[ACCESS].caller.principal, question_id)
    return json_reply(question_view(restored))


async def find_known_question(request: web.Request) -> None:
    """Returns if the path names a question, deleted or not. Raises `NotFound`."""
    await questions.check_known(request.app[CONTEXT].pool, path_id(request, "question_id"))


async def find_question(request: web.Request) -> BankQuestion:
    """The active question that the path names. Raises `NotFound`."""
    return await questions.find(request.app[CONTEXT].pool, path_id(request, "question_id"))


def _new_question(payload: dict[str, Any]) -> NewQuestion:
    try:
        question_type = QuestionType(str(payload.get("type")))
    except ValueError:
        raise InvalidFields([FieldError("/type", "must be theoretical, profile or essay")]) from None
    return validate_body(NEW_OF_TYPE[question_type], payload)
