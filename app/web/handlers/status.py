"""Handlers for the status of an assessment: polls, long polls and server-sent events."""

import asyncio
import math
import time
from contextlib import suppress
from uuid import UUID

import structlog
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from app.domain.errors import CallerError
from app.http.access import unauthenticated
from app.http.app_keys import ACCESS, CHANGE_HUB, CONTEXT, TIME_LIMIT
from app.http.problems import RequestProblem
from app.http.request_values import path_id
from app.http.server_connections import begin_stream, cancelled_on_disconnect
from app.http.tokens import CHALLENGE, Refusal
from app.services.assessments.change_hub import Waiter
from app.services.assessments.status import Status, read_status
from app.services.caller import Access, Caller
from app.web.entity_tags import client_has, waits_for_change
from app.web.replies import status_headers, status_reply, unchanged_reply
from app.web.waiting import Wait, requested_wait

log = structlog.get_logger()

# Seconds that reading and answering may take besides the wait.
_ANSWER_SECONDS = 20
# Seconds between comments that keep proxies from closing an idle event stream.
_PING_SECONDS = 15
# Seconds from one event of a stream to the next.
_SECONDS_BETWEEN_EVENTS = 0.2
# Seconds until a client of an event stream that does not read is cut off.
_SEND_SECONDS = 30


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
        return _with_preference(status_reply(request, await read_status(pool, assessment_id, access)), wait)
    deadline = min(_extend_time_limit(request, wait.seconds), _credential_end(access.caller))
    with await _watch(request, assessment_id) as waiter, cancelled_on_disconnect(request):
        status: Status | None = await waiter.read(access)
        while status and not status.is_final_and_idle and waits_for_change(request, status.tag):
            # Neither the status nor a timer is kept while waiting: ten thousand of them need a lot of memory.
            revision, tag, status = status.revision, status.tag, None
            request[TIME_LIMIT].reschedule(None)
            status = await waiter.wait_for_newer(revision, deadline)
            _extend_time_limit(request, 0)
            if waiter.ended:
                raise unauthenticated(Refusal("the token is not valid any more", CHALLENGE))
            if status is None and client_has(request, tag):
                # Not read again: where many clients wait, many waits end each second.
                return _with_preference(unchanged_reply(tag), wait)
        return _with_preference(status_reply(request, status or await waiter.read(access)), wait)


async def stream_events(request: web.Request) -> web.StreamResponse:
    """The status as server-sent events: the present one at once, then each change, until it is final. The stream ends
    with the caller's token too."""
    access, assessment_id = request[ACCESS], path_id(request, "assessment_id")
    with await _watch(request, assessment_id) as waiter:
        status = await waiter.read(access)
        last_seen = request.headers.get("Last-Event-ID", "").strip()
        if status.is_final_and_idle and last_seen == str(status.revision):
            return web.Response(status=204, headers=status_headers(status))
        stream = EventSourceResponse(ping_interval=_PING_SECONDS, send_timeout=_SEND_SECONDS)
        stream.headers["Cache-Control"] = "private, no-cache"
        request[TIME_LIMIT].reschedule(None)
        await begin_stream(stream, request)
        # A client that has gone, or does not read, cannot be answered any more.
        with cancelled_on_disconnect(request), suppress(ConnectionError, TimeoutError):
            async with stream:
                await _send_changes(stream, waiter, access, status, last_seen)
    return stream


async def _watch(request: web.Request, assessment_id: UUID) -> Waiter:
    """Registers the client; an unknown assessment and a refusal are answered before a lack of places."""
    access = request[ACCESS]
    try:
        return request.app[CHANGE_HUB].watch(assessment_id, access.caller.principal)
    except CallerError:
        await read_status(request.app[CONTEXT].pool, assessment_id, access)
        raise


async def _send_changes(
    stream: EventSourceResponse, waiter: Waiter, access: Access, status: Status, last_seen: str
) -> None:
    """Sends what the client has not seen yet, until the status is final, the credential ends or the process stops."""
    newest: Status | None = status
    credential_end = _credential_end(access.caller)
    deadline = credential_end if math.isfinite(credential_end) else None
    while newest:
        revision = newest.revision
        if str(revision) != last_seen:
            await stream.send(newest.rendered(access).body, id=str(revision), event="status")
        if newest.is_final_and_idle:
            return
        # The status is not kept while waiting.
        newest = None
        # Changes that come meanwhile are sent as one.
        await asyncio.sleep(_SECONDS_BETWEEN_EVENTS)
        newest = await waiter.wait_for_newer(revision, deadline)
        if waiter.ended or asyncio.get_running_loop().time() >= credential_end:
            log.debug("stream_ended_with_credential", revoked=waiter.ended)
            return


def _credential_end(caller: Caller) -> float:
    """When the caller's credential ends (event loop time)."""
    return asyncio.get_running_loop().time() + caller.expires_at - time.time()


def _with_preference(reply: web.Response, wait: Wait) -> web.Response:
    if wait.preference:
        reply.headers["Preference-Applied"] = wait.preference
    return reply


def _extend_time_limit(request: web.Request, seconds: float) -> float:
    """Lets the request wait for so many seconds and be answered then; returns the end of the wait (event loop time)."""
    deadline = asyncio.get_running_loop().time() + seconds
    request[TIME_LIMIT].reschedule(deadline + _ANSWER_SECONDS)
    return deadline
