"""What every request goes through."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from aiohttp import web

from app.http.keys import IN_PROGRESS, METRICS, REQUEST_ID, STOPPING, TIME_LIMIT
from app.http.problems import problem

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_SANE_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
# A caller that waits longer has gone; its statements are cut off before that.
_REQUEST_SECONDS = 20


@web.middleware
async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request its id, answers errors as problems, and leaves a log line and a measurement."""
    started = time.monotonic()
    request.app[IN_PROGRESS].add(id(request))
    try:
        return await _observed(request, handler, started)
    finally:
        request.app[IN_PROGRESS].discard(id(request))


async def _observed(request: web.Request, handler: Handler, started: float) -> web.StreamResponse:
    with structlog.contextvars.bound_contextvars(request_id=admit(request)):
        response = await _answered(request, handler)
        if not response.prepared:
            sign(request, response)
        if request.app[STOPPING].is_set():
            response.force_close()
        _record(request, response.status, time.monotonic() - started)
    return response


def admit(request: web.BaseRequest) -> str:
    """The request's id: the caller's, if it is sane, else one of our own."""
    given = request.headers.get("X-Request-ID", "")
    request[REQUEST_ID] = given if _SANE_ID.fullmatch(given) else str(uuid4())
    return request[REQUEST_ID]


def sign(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Adds what every answer carries."""
    response.headers["X-Request-ID"] = request[REQUEST_ID]
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Cache-Control", "no-store")


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        async with asyncio.timeout(_REQUEST_SECONDS) as limit:
            request[TIME_LIMIT] = limit
            return await handler(request)
    except Exception as error:
        response = problem(error, request)
        if response.status == web.HTTPServiceUnavailable.status_code:
            # Not a fault of ours, and there may be thousands of them: no traceback.
            log.warning("request_turned_away", error=type(error).__name__)
        elif response.status >= web.HTTPInternalServerError.status_code:
            log.error("request_failed", status=response.status, exc_info=error)
        return response


def _record(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    request.app[METRICS].requests.labels(request.method if resource else "any", route, str(status)).observe(seconds)
    log.info("request", method=request.method, route=route, status=status, ms=round(seconds * 1000, 1))
