"""Handlers for the review queue: list what needs a person, hold an item, hand it back."""

from uuid import UUID

from aiohttp import web

from app.domain.body_validation import validate_body
from app.domain.states import ReviewOrder, ReviewReason
from app.http.app_keys import ACCESS, CONTEXT
from app.http.query import query_choice, query_limit, query_review_place, query_text
from app.http.request_values import path_id
from app.schemas import review_page
from app.schemas.requests import ReserveBody
from app.services.results import override, reviews
from app.web.replies import json_reply
from app.web.request_parsing import read_object


async def list_reviews(request: web.Request) -> web.StreamResponse:
    """A page of the questions that need a person, with reasons; without `order`, longest waiting first."""
    track, reason = query_text(request, "track"), query_choice(request, "reason", ReviewReason)
    order = query_choice(request, "order", ReviewOrder) or ReviewOrder.OLDEST
    after, limit = query_review_place(request, order), query_limit(request)
    return json_reply(review_page(*await reviews.page(request.app[CONTEXT].pool, order, track, reason, after, limit)))


async def reserve_review(request: web.Request) -> web.StreamResponse:
    """Holds an item for 15 minutes, or for 15 minutes more, so that nobody else reviews it meanwhile."""
    place = await _find_item(request)
    validate_body(ReserveBody, await read_object(request))
    return json_reply(await reviews.reserve(request.app[CONTEXT].pool, *place, request[ACCESS].caller.principal))


async def release_review(request: web.Request) -> web.StreamResponse:
    """Hands an item back, so that others can hold it."""
    place = await _find_item(request)
    await reviews.release(request.app[CONTEXT].pool, *place, request[ACCESS].caller.principal)
    return web.Response(status=204)


async def _find_item(request: web.Request) -> tuple[UUID, UUID]:
    place = path_id(request, "assessment_id"), path_id(request, "question_id")
    await override.find_question(request.app[CONTEXT].pool, *place, request[ACCESS])
    return place
