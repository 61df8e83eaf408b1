"""The server: its application, assembled from the routes, and serving it until told to stop."""

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from app.http.access import check_before_sending, guarded
from app.http.app_keys import (
    BACKGROUND,
    CHANGE_HUB,
    CONTEXT,
    METRICS,
    OPENAPI_DOCUMENT,
    REQUESTS_IN_PROGRESS,
    STOPPING,
    SUBMITTER,
    VERIFIER,
)
from app.http.background import Background
from app.http.connections import Runner
from app.http.metrics import Metrics
from app.http.middlewares import handle_request, prepare_response
from app.http.tokens import SharedSecretVerifier, TokenVerifier
from app.services.assessments.change_hub import open_change_hub
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.settings import Settings, address_error
from app.web.openapi import document
from app.web.routes import ROUTES, find_target
from app.wiring.context import open_context

log = structlog.get_logger()

BODY_BYTES = 1024 * 1024
# Requests are short; more connections would only queue inside Postgres instead of here.
CONNECTIONS = 16
# A caller who would wait longer for a connection is told to come back: the server is as busy as it can be.
_ACQUIRE_SECONDS = 3.0
# Rings and stamps take milliseconds; the sweeper makes up for those that are cut off.
_BACKGROUND_SECONDS = 5
# Connections that wait to be accepted: a burst of clients, all of whom would be turned away beyond it.
_BACKLOG = 1024
# Seconds, while stopping. First for what the kernel has taken already: it would be reset with the listening socket.
# Then for requests on their way on connections that are open: those would be cut off. Answers say that the connection
# ends, so clients leave.
_ACCEPTING = 0.2
_READING = 0.5
_LOOKS = 20
# Between looks at what is still in progress.
_LOOK_SECONDS = 0.05


def create_app(settings: Settings) -> web.Application:
    """The server's application.

    Raises:
        WrongSetting: a setting that the server needs is missing.
    """
    app = web.Application(middlewares=[handle_request], client_max_size=BODY_BYTES)
    app[VERIFIER] = _verifier(settings)
    app[METRICS] = Metrics()
    app[OPENAPI_DOCUMENT] = document
    app[BACKGROUND] = Background()
    app[STOPPING] = asyncio.Event()
    app[REQUESTS_IN_PROGRESS] = set()
    for route in ROUTES:
        handler = guarded(route.handler, route.access, find_target(route))
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, route.path, handler)
    app.on_response_prepare.extend((check_before_sending, prepare_response))
    app.cleanup_ctx.append(lambda app: _resources(app, settings))
    return app


async def _resources(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    async with open_context(settings, "assay serve", CONNECTIONS, _ACQUIRE_SECONDS) as context:
        app[CONTEXT] = context
        limits = SubmissionLimits(settings.max_queued_assessments, settings.job_max_attempts)
        app[SUBMITTER] = Submitter(context.pool, limits)
        async with open_change_hub(context.pool, context.change_feed) as app[CHANGE_HUB]:
            yield
        await app[BACKGROUND].finish(_BACKGROUND_SECONDS)


def _verifier(settings: Settings) -> TokenVerifier:
    return SharedSecretVerifier(settings.secret("jwt_secret"), settings.jwt_issuer, settings.jwt_audience)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves on HOST and PORT until `stop` is set; then ends what runs within SHUTDOWN_TIMEOUT.

    Raises:
        WrongSetting: a setting that the server needs is missing.
        UnusableSetting: HOST and PORT cannot be listened on.
    """
    app = create_app(settings)
    runner = Runner(app, access_log=None, shutdown_timeout=settings.shutdown_timeout)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG)
        try:
            await site.start()
        except OSError as error:
            raise address_error(settings.host, settings.port, error) from error
        log.info("serving", addresses=[f"{host}:{port}" for host, port, *_ in runner.addresses])
        await stop.wait()
        log.info("stopping")
        app[STOPPING].set()
        app[CHANGE_HUB].stop()
        await _serve_what_arrived(site, settings.shutdown_timeout)
        await _finish(app[REQUESTS_IN_PROGRESS], settings.shutdown_timeout)
    finally:
        await runner.cleanup()


async def _serve_what_arrived(site: web.TCPSite, seconds: int) -> None:
    await _let_arrive(_ACCEPTING)
    await site.stop()
    await _let_arrive(min(_READING, seconds / 2))


async def _finish(requests: set[int], seconds: float) -> None:
    """Waits for what is in progress. aiohttp would wait too, but by then hears nothing more of a body on its way."""
    for _ in range(round(seconds / _LOOK_SECONDS)):
        if not requests:
            return
        await asyncio.sleep(_LOOK_SECONDS)


async def _let_arrive(seconds: float) -> None:
    """Many short waits: a busy loop may find one long wait over before it has looked at its sockets even once."""
    for _ in range(_LOOKS):
        await asyncio.sleep(seconds / _LOOKS)
