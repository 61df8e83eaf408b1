"""The application: assembled here, and nothing else."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from app.context import open_context
from app.services.following import following
from app.services.submit import SubmissionLimits, Submitter
from app.settings import Settings, WrongSetting
from app.web.auth import SharedSecretVerifier, TokenVerifier
from app.web.background import Background
from app.web.keys import BACKGROUND, CONTEXT, DOCUMENT, FOLLOWING, IN_PROGRESS, METRICS, STOPPING, SUBMITTER, VERIFIER
from app.web.metrics import Metrics
from app.web.middlewares import observe
from app.web.openapi import document
from app.web.routes import ROUTES

BODY_BYTES = 1024 * 1024
# Requests are short; more connections would only queue inside Postgres instead of here.
CONNECTIONS = 16
# A caller who would wait longer for a connection is told to come back: the server is as busy as it can be.
_ACQUIRE_SECONDS = 3.0
# Rings and stamps take milliseconds; the sweeper makes up for those that are cut off.
_BACKGROUND_SECONDS = 5


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
        async with following(context.pool, context.changes) as app[FOLLOWING]:
            yield
        await app[BACKGROUND].finish(_BACKGROUND_SECONDS)


def _verifier(settings: Settings) -> TokenVerifier:
    if settings.jwt_jwks_url and not settings.jwt_secret:
        raise WrongSetting("JWT_JWKS_URL: not supported by this version yet; set JWT_SECRET")
    return SharedSecretVerifier(settings.secret("jwt_secret"), settings.jwt_issuer, settings.jwt_audience)
