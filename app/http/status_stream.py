"""The status of an assessment as server-sent events, and watching it for a client."""

import asyncio
import math
import time
from contextlib import suppress
from uuid import UUID

import structlog
from aiohttp import web
from aiohttp_sse import EventSourceResponse

from app.domain.errors import CallerError
from app.http.app_keys import ACCESS, CHANGE_HUB, CONTEXT, TIME_LIMIT
from app.http.server_connections import begin_stream, cancelled_on_disconnect
from app.services.assessments.change_hub import Waiter
from app.services.assessments.status import Status, read_status
from app.services.caller import Access, Caller

log = structlog.get_logger()

# Seconds between comments that keep proxies from closing an idle event stream.
_PING_SECONDS = 15
# Seconds from one event of a stream to the next.
_SECONDS_BETWEEN_EVENTS = 0.2
# Seconds until a client of an event stream that does not read is cut off.
_SEND_SECONDS = 30
_CACHE_CONTROL = "private, no-cache"


async def stream_status(request: web.Request, assessment_id: UUID) -> web.StreamResponse:
    """The present status at once, then each change, until it is final. The stream ends with the caller's credential
    too."""
    access = request[ACCESS]
    with await watch(request, assessment_id) as waiter:
        status = await waiter.read(access)
        last_seen = request.headers.get("Last-Event-ID", "").strip()
        if status.is_final_and_idle and last_seen == str(status.revision):
            return web.Response(status=204, headers={"ETag": status.tag, "Cache-Control": _CACHE_CONTROL})
        stream = EventSourceResponse(ping_interval=_PING_SECONDS, send_timeout=_SEND_SECONDS)
        stream.headers["Cache-Control"] = _CACHE_CONTROL
        request[TIME_LIMIT].reschedule(None)
        await begin_stream(stream, request)
        # A client that has gone, or does not read, cannot be answered any more.
        with cancelled_on_disconnect(request), suppress(ConnectionError, TimeoutError):
            async with stream:
                await _send_changes(stream, waiter, access, status, last_seen)
    return stream


async def watch(request: web.Request, assessment_id: UUID) -> Waiter:
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
    end = credential_end(access.caller)
    deadline = end if math.isfinite(end) else None
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
        if waiter.ended or asyncio.get_running_loop().time() >= end:
            log.debug("stream_ended_with_credential", revoked=waiter.ended)
            return


def credential_end(caller: Caller) -> float:
    """When the caller's credential ends (event loop time)."""
    return asyncio.get_running_loop().time() + caller.expires_at - time.time()
