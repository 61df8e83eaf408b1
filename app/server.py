"""The server: its application, assembled from the routes, and serving it until told to stop."""

import asyncio
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from app.http.auth import SharedSecretVerifier, TokenVerifier
from app.http.background import Background
from app.http.connections import Runner
from app.http.keys import BACKGROUND, CONTEXT, DOCUMENT, FOLLOWING, IN_PROGRESS, METRICS, STOPPING, SUBMITTER, VERIFIER
from app.http.metrics import Metrics
from app.http.middlewares import observe
from app.services.assessments.change_hub import following
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.settings import Settings, WrongSetting
from app.web.openapi import document
from app.web.routes import ROUTES
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
    app = web.Application(middlewares=[observe], client_max_size=BODY_BYTES)
    app[VERIFIER] = _verifier(settings)
    app[METRICS] = Metrics()
    app[DOCUMENT] = document
    app[BACKGROUND] = Background()
    app[STOPPING] = asyncio.Event()
    app[IN_PROGRESS] = set()
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
        if route.method == "GET":
            app.router.add_route("HEAD", route.path, route.handler)
    app.cleanup_ctx.append(lambda app: _resources(app, settings))
    return app


async def _resources(app: web.Application, settings: Settings) -> AsyncIterator[None]:
    async with open_context(settings, "assay serve", CONNECTIONS, _ACQUIRE_SECONDS) as context:
        app[CONTEXT] = context
        limits = SubmissionLimits(settings.max_queued_assessments, settings.job_max_attempts)
        app[SUBMITTER] = Submitter(context.pool, limits)
        async with following(context.pool, context.change_feed) as app[FOLLOWING]:
            yield
        await app[BACKGROUND].finish(_BACKGROUND_SECONDS)


def _verifier(settings: Settings) -> TokenVerifier:
    if settings.jwt_jwks_url and not settings.jwt_secret:
        raise WrongSetting("JWT_JWKS_URL: not supported by this version yet; set JWT_SECRET")
    return SharedSecretVerifier(settings.secret("jwt_secret"), settings.jwt_issuer, settings.jwt_audience)


async def serve(settings: Settings, stop: asyncio.Event) -> None:
    """Serves on HOST and PORT until `stop` is set; then ends what runs within SHUTDOWN_TIMEOUT.

    Raises:
        WrongSetting: a setting that the server needs is missing.
        OSError: the address is taken.
    """
    app = create_app(settings)
    runner = Runner(app, access_log=None, shutdown_timeout=settings.shutdown_timeout)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG)
        await site.start()
        log.info("serving", addresses=[f"{host}:{port}" for host, port, *_ in runner.addresses])
        await stop.wait()
        log.info("stopping")
        app[STOPPING].set()
        app[FOLLOWING].stop()
        await _serve_what_arrived(site, settings.shutdown_timeout)
        await _finish(app[IN_PROGRESS], settings.shutdown_timeout)
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
