"""The middleware around every request: its id, its caller, rate and time limits, errors as problems, a log line and a
measurement."""

import asyncio
import math
import re
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog
from aiohttp import web

from app.domain.text import count_of
from app.http.access import Handler, identify
from app.http.app_keys import (
    CLIENT_ADDRESS,
    CORS,
    ERROR_PAGE,
    IDENTITY,
    METRICS,
    PUBLIC_URL,
    QUOTA,
    RATE_LIMITS,
    REQUEST_ID,
    REQUESTS_IN_PROGRESS,
    STOPPING,
    TIME_LIMIT,
    TRUSTED_PROXIES,
)
from app.http.problems import RATE_LIMITED, RequestProblem, problem_of, problem_response
from app.http.sessions import ASSETS, identify_by_session, is_page, wants_json
from app.outages import report_database_error
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.services.caller import Caller

log = structlog.get_logger()

_ACCEPTED_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
# Seconds for the answer to a request. Statements time out earlier; a client that waits longer has usually gone.
ANSWER_SECONDS = 20.0
# What nginx logs when a client has closed its connection; nobody receives it.
_CLIENT_GONE = 499
# Balancers and monitors ask often, and from one address.
NOT_LIMITED = frozenset(("/healthz", "/readyz", "/metrics"))


class ClientGone(Exception):
    """The client has closed its connection before its answer has begun."""


@web.middleware
async def handle_request(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Gives the request its id and time limit, answers errors as problems, and records the outcome."""
    started = time.monotonic()
    request.app[REQUESTS_IN_PROGRESS].add(id(request))
    # Not as a context manager, which takes half a kilobyte while a request waits.
    outer: Mapping[str, Any] = {}
    try:
        outer = structlog.contextvars.bind_contextvars(request_id=begin_request(request.app, request))
        response = await _answer(request, handler)
        if request.app[STOPPING].is_set():
            response.force_close()
        _record(request, response.status, time.monotonic() - started)
        return response
    finally:
        structlog.contextvars.reset_contextvars(**outer)
        request.app[REQUESTS_IN_PROGRESS].discard(id(request))


def begin_request(app: web.Application, request: web.BaseRequest) -> str:
    """Gives the request its client's address, the quota of that address, and its id, which is returned: the one that
    the client sent, if its form is accepted, else a new one."""
    address = request[CLIENT_ADDRESS] = app[TRUSTED_PROXIES].client_address(request)
    request[QUOTA] = app[RATE_LIMITS].of_address(address)
    sent = request.headers.get("X-Request-ID", "")
    request[REQUEST_ID] = sent if _ACCEPTED_ID.fullmatch(sent) else str(uuid4())
    return request[REQUEST_ID]


async def prepare_response(request: web.Request, response: web.StreamResponse) -> None:
    """Adds the common headers just before an answer is sent (a signal handler for `on_response_prepare`). Paths in
    `Location` become addresses under PUBLIC_URL, because the proxy may have removed a part of the path."""
    if response.headers.get("Location", "").startswith("/"):
        response.headers["Location"] = request.app[PUBLIC_URL] + response.headers["Location"]
    add_common_headers(request.app, request, response)


def add_common_headers(app: web.Application, request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Adds the headers of every answer."""
    headers, quota = response.headers, request[QUOTA]
    headers["X-Request-ID"] = request[REQUEST_ID]
    headers["Server"] = "assay"
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Cache-Control", "no-store")
    if quota:
        headers.update(quota.headers())
    if app[TRUSTED_PROXIES].is_https(request):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    app[CORS].add_headers(request, response)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        async with asyncio.timeout(ANSWER_SECONDS) as limit:
            request[TIME_LIMIT] = limit
            await _admit(request)
            return request.app[CORS].preflight(request) or await handler(request)
    except ClientGone:
        log.debug("client_gone")
        return web.Response(status=_CLIENT_GONE)
    except Exception as error:
        response = _error_response(error, request)
        if response.status == web.HTTPServiceUnavailable.status_code:
            # There may be thousands of them; the line of each request has its status.
            if isinstance(error, DATABASE_UNAVAILABLE):
                report_database_error(error, "a request")
        elif response.status >= web.HTTPInternalServerError.status_code:
            log.error("request_failed", status=response.status, exc_info=error)
        return response


def _error_response(error: Exception, request: web.Request) -> web.Response:
    """A page for those who look at pages, else a problem."""
    problem = problem_of(error)
    if is_page(request) and not wants_json(request):
        return request.app[ERROR_PAGE](request, problem)
    return problem_response(problem, request, request.app[PUBLIC_URL])


async def _admit(request: web.Request) -> None:
    """Finds out who the caller is, and counts the request.

    Raises:
        RequestProblem: the caller, or the address that sends no valid token, has sent too many.
    """
    if request.path in NOT_LIMITED or request.path.startswith(ASSETS):
        return
    # The token is verified before anything is counted, or whoever sends bad ones could use up what the callers behind
    # the same address have.
    identity = request[IDENTITY] = await (identify_by_session if is_page(request) else identify)(request)
    if isinstance(identity, Caller):
        request[QUOTA] = request.app[RATE_LIMITS].of_caller(identity.principal)
    quota = request[QUOTA]
    seconds = math.ceil(quota.take()) if quota else 0
    if seconds:
        detail = f"send the next request in {count_of(seconds, 'second')}"
        raise RequestProblem(RATE_LIMITED, detail, {"Retry-After": str(seconds)})


def _record(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "none"
    request.app[METRICS].requests.labels(request.method if resource else "any", route, str(status)).observe(seconds)
    log.info(
        "request",
        method=request.method,
        route=route,
        status=status,
        ms=round(seconds * 1000, 1),
        address=request[CLIENT_ADDRESS],
    )
