"""Handlers for the status of an assessment: polls, long polls and server-sent events."""

import asyncio

from aiohttp import web

from app.http.access import unauthenticated
from app.http.app_keys import ACCESS, CHANGE_HUB, CONTEXT, TIME_LIMIT
from app.http.problems import RequestProblem
from app.http.request_values import path_id
from app.http.server_connections import cancelled_on_disconnect
from app.http.status_stream import credential_end, stream_status, watch
from app.http.tokens import CHALLENGE, Refusal
from app.services.assessments.status import Status, read_status, tag_of
from app.web.entity_tags import client_has, waits_for_change
from app.web.replies import status_reply, unchanged_reply
from app.web.waiting import Wait, requested_wait

# Seconds that reading and answering may take besides the wait.
_ANSWER_SECONDS = 20


async def show_status(request: web.Request) -> web.StreamResponse:
    """The status of an assessment; with `wait`, as soon as it has changed."""
    access, assessment_id, pool = request[ACCESS], path_id(request, "assessment_id"), request.app[CONTEXT].pool
    try:
        wait = requested_wait(request)
    except RequestProblem:
        # An unknown assessment and a refusal are answered before a bad query.
        await read_status(pool, assessment_id, access)
        raise
    if not wait.seconds:
        status = await request.app[CHANGE_HUB].read(assessment_id, access)
        return _with_preference(status_reply(request, status), wait)
    deadline = min(_extend_time_limit(request, wait.seconds), credential_end(access.caller))
    with await watch(request, assessment_id) as waiter, cancelled_on_disconnect(request):
        newest: Status | None = None
        revision = waiter.known_revision(access)
        if revision is None or not waits_for_change(request, tag_of(revision)):
            newest = await waiter.read(access)
            revision = _awaited_revision(request, newest)
        while revision is not None:
            # Neither the status nor a timer is kept while waiting: ten thousand of them need a lot of memory.
            newest = None
            request[TIME_LIMIT].reschedule(None)
            newest = await waiter.wait_for_newer(revision, deadline)
            _extend_time_limit(request, 0)
            if waiter.ended:
                raise unauthenticated(Refusal("the token is not valid any more", CHALLENGE))
            if newest is None and client_has(request, tag_of(revision)):
                # Not read again: where many clients wait, many waits end each second.
                return _with_preference(unchanged_reply(tag_of(revision)), wait)
            revision = _awaited_revision(request, newest) if newest else None
        return _with_preference(status_reply(request, newest or await waiter.read(access)), wait)


async def stream_events(request: web.Request) -> web.StreamResponse:
    """The status as server-sent events: the present one at once, then each change, until it is final. The stream ends
    with the caller's token too."""
    return await stream_status(request, path_id(request, "assessment_id"))


def _awaited_revision(request: web.Request, status: Status) -> int | None:
    """The revision than which the request waits for a newer one; None if it is answered with this status."""
    waits = not status.is_final_and_idle and waits_for_change(request, status.tag)
    return status.revision if waits else None


def _with_preference(reply: web.Response, wait: Wait) -> web.Response:
    if wait.preference:
        reply.headers["Preference-Applied"] = wait.preference
    return reply


def _extend_time_limit(request: web.Request, seconds: float) -> float:
    """Lets the request wait for so many seconds and be answered then; returns the end of the wait (event loop time)."""
    deadline = asyncio.get_running_loop().time() + seconds
    request[TIME_LIMIT].reschedule(deadline + _ANSWER_SECONDS)
    return deadline
