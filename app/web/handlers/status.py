"""Following an assessment: polls, long polls, event streams."""

import asyncio
from contextlib import suppress

from aiohttp import web
from aiohttp_sse import EventSourceResponse

from app.http.app_keys import ACCESS, CHANGE_HUB, CONTEXT, TIME_LIMIT
from app.http.connections import ending_with_client
from app.http.problems import RequestProblem
from app.services.assessments.change_hub import Waiter
from app.services.assessments.status import Status, read_status
from app.web.parsing import path_id
from app.web.replies import knows, matches, status_headers, status_reply, tags, unchanged_reply
from app.web.waiting import Wait, asked_wait

# Seconds that answering takes at most, beyond the wait.
_MARGIN = 20
# Seconds until an event stream that has nothing to say shows that it lives.
_HEARTBEAT = 15
# Seconds that a client may leave what was sent unread.
_UNREAD = 30


async def show_status(request: web.Request) -> web.StreamResponse:
    """How far the assessment is; with `wait`, once it has changed."""
    access, assessment_id = request[ACCESS], path_id(request, "assessment_id")
    pool = request.app[CONTEXT].pool
    try:
        wait = asked_wait(request)
    except RequestProblem:
        # Whether the caller may see the assessment at all is said first.
        await read_status(pool, assessment_id, access)
        raise
    if not wait.seconds:
        return _reply(request, await read_status(pool, assessment_id, access), wait)
    deadline = _allow(request, wait.seconds)
    with request.app[CHANGE_HUB].watch(assessment_id, access.caller.sub) as follower, ending_with_client(request):
        status: Status | None = await follower.read(access)
        while status and _waits(request, status):
            # Neither the status nor a timer is kept while waiting: ten thousand of them are a lot of memory.
            revision, tag, status = status.revision, status.tag, None
            request[TIME_LIMIT].reschedule(None)
            status = await follower.wait_for_newer(revision, deadline)
            _allow(request, 0)
            if status is None and knows(request, tag):
                # Not read once more: where many wait, many waits end each second.
                return _applied(unchanged_reply(tag), wait)
        return _reply(request, status or await follower.read(access), wait)


def _reply(request: web.Request, status: Status, wait: Wait) -> web.StreamResponse:
    return _applied(status_reply(request, status), wait)


def _applied(reply: web.Response, wait: Wait) -> web.Response:
    if wait.applied:
        reply.headers["Preference-Applied"] = wait.applied
    return reply


def _waits(request: web.Request, status: Status) -> bool:
    """Whether there is something to wait for: a status that the client does not have, or the final one."""
    known = tags(request.headers.getall("If-None-Match", []))
    return not status.settled and (not known or matches(known, status.tag)) and "*" not in known


async def stream_events(request: web.Request) -> web.StreamResponse:
    """The status as server-sent events: at once, then each change, until it is final."""
    access, assessment_id = request[ACCESS], path_id(request, "assessment_id")
    with request.app[CHANGE_HUB].watch(assessment_id, access.caller.sub) as follower:
        status = await follower.read(access)
        last_seen = request.headers.get("Last-Event-ID", "").strip()
        if status.settled and last_seen == str(status.revision):
            return web.Response(status=204, headers=status_headers(status))
        stream = EventSourceResponse(ping_interval=_HEARTBEAT, send_timeout=_UNREAD)
        stream.headers["Cache-Control"] = "private, no-cache"
        request[TIME_LIMIT].reschedule(None)
        await stream.prepare(request)
        # Nothing can be answered any more to who went away, or left for too long what was sent unread.
        with ending_with_client(request), suppress(ConnectionError, TimeoutError):
            async with stream:
                await _send_changes(stream, follower, status, last_seen)
    return stream


async def _send_changes(stream: EventSourceResponse, follower: Waiter, status: Status, last_seen: str) -> None:
    """Sends what the client has not seen yet, and ends with the final status, or when the process stops."""
    newest: Status | None = status
    while newest:
        revision = newest.revision
        if str(revision) != last_seen:
            await stream.send(newest.body, id=str(revision), event="status")
        if newest.settled:
            return
        newest = None
        newest = await follower.wait_for_newer(revision, None)


def _allow(request: web.Request, seconds: float) -> float:
    """Lets the request wait so long, and be answered then; returns the end of the wait (by the loop's clock)."""
    deadline = asyncio.get_running_loop().time() + seconds
    request[TIME_LIMIT].reschedule(deadline + _MARGIN)
    return deadline
