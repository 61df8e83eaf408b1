"""The HTTP server: its application, and serving it until the process is told to stop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from socket import socket

import structlog
from aiohttp import web

from app.clients.jwks.key_cache import KeyCache, RefreshTimes, updated
from app.clients.redis.key_feed import KeyFeed
from app.http.access import abort_unchecked_stream, guarded
from app.http.app_keys import (
    API_KEYS,
    CHANGE_HUB,
    CONTEXT,
    CORS,
    GRADEBOOKS,
    METRICS,
    METRICS_TOKEN,
    OIDC,
    OPENAPI_DOCUMENT,
    PUBLIC_URL,
    RATE_LIMITS,
    READ_POOLS,
    REDIS_CHECK,
    REQUESTS_IN_PROGRESS,
    SIGN_IN_WITH_TOKEN,
    STOPPING,
    SUBMITTER,
    SYSTEM_WATCH,
    TRUSTED_PROXIES,
    VERIFIER,
    WORKER_NOTIFIER,
)
from app.http.client_address import TrustedProxies
from app.http.cors import Cors
from app.http.metrics import Metrics
from app.http.middlewares import handle_request, prepare_response
from app.http.oidc import open_id_sign_in
from app.http.rate_limits import RateLimits
from app.http.server_connections import Runner
from app.http.tokens import KeySetVerifier, SharedSecretVerifier
from app.http.worker_notifier import WorkerNotifier
from app.network_errors import address_error
from app.open_files import connections_that_fit
from app.pages.setup import add_pages
from app.services.api_keys.verification import open_key_verifier
from app.services.assessments.change_hub import open_change_hub
from app.services.assessments.submit import SubmissionLimits, Submitter
from app.services.operations import RedisCheck
from app.services.results.gradebooks import Gradebooks
from app.services.system_state import SystemWatch
from app.settings import Settings
from app.supervision.service_process import ALONE, ServiceProcess
from app.web.openapi import document
from app.web.routes import ROUTES, find_target
from app.wiring.context import open_context
from app.wiring.models import model_setup
from app.wiring.read_pools import open_read_pools

log = structlog.get_logger()

_MAX_BODY_BYTES = 1024 * 1024
# A request that waits longer for a connection is answered with 503: the server is as busy as it can be.
_ACQUIRE_SECONDS = 3.0
# Notifying takes milliseconds; the workers' relay makes up for what is cut off.
_NOTIFY_SECONDS = 5
# Connections of a burst that may wait to be accepted; the kernel refuses more.
_BACKLOG = 1024
# Seconds that the server goes on serving after it was told to stop. First it still accepts, since closing the listening
# socket resets connections that the kernel has accepted already. Then it still reads from open connections, on which
# requests may be on their way. Its answers close their connections, so that clients send no more.
_ACCEPT_SECONDS = 0.2
_READ_SECONDS = 0.5
_SLEEPS = 20
# Seconds between checks whether requests are still in progress.
_CHECK_SECONDS = 0.05


def create_app(
    settings: Settings,
    key_times: RefreshTimes | None = None,
    process: ServiceProcess = ALONE,
    *,
    sign_in_by_role: bool = False,
) -> web.Application:
    """The server's application, in the only process or one of several. `key_times` are those of the keys from
    JWT_JWKS_URL. With `sign_in_by_role`, everybody on this machine may sign in as any role.

    Raises:
        WrongSetting: a setting that the server needs is missing.
    """
    app = web.Application(middlewares=[handle_request], client_max_size=_MAX_BODY_BYTES)
    _add_verifier(app, settings, key_times or RefreshTimes())
    app[METRICS] = Metrics(process)
    app[METRICS_TOKEN] = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    app[OPENAPI_DOCUMENT] = lambda: document(settings.public_url)
    app[PUBLIC_URL] = settings.public_url
    app[RATE_LIMITS] = RateLimits(settings.rate_limit, settings.rate_limit_address)
    app[TRUSTED_PROXIES] = TrustedProxies(settings.trusted_proxies)
    app[CORS] = Cors(settings.cors_origins)
    app[OIDC] = open_id_sign_in(settings)
    app[SIGN_IN_WITH_TOKEN] = settings.sign_in_with_token
    app[STOPPING] = asyncio.Event()
    app[REQUESTS_IN_PROGRESS] = set()
    for route in ROUTES:
        handler = guarded(route.handler, route.access, find_target(route))
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, route.path, handler)
    add_pages(app, sign_in_by_role=sign_in_by_role)
    app.on_response_prepare.extend((abort_unchecked_stream, prepare_response))
    app.cleanup_ctx.append(lambda app: _resources(app, settings, process.session_name("serve")))
    return app


async def _resources(app: web.Application, settings: Settings, name: str) -> AsyncIterator[None]:
    async with open_context(settings, name, _ACQUIRE_SECONDS) as context:
        app[CONTEXT] = context
        app[WORKER_NOTIFIER] = WorkerNotifier(context.job_queue)
        app[REDIS_CHECK] = RedisCheck(context.job_queue)
        app[SYSTEM_WATCH] = SystemWatch(context.pool, context.job_queue, app[REDIS_CHECK], model_setup(settings))
        limits = SubmissionLimits(
            settings.max_queued_assessments, settings.owner_max_waiting, settings.job_max_attempts
        )
        app[SUBMITTER] = Submitter(context.pool, limits, settings.public_url)
        async with (
            open_read_pools(settings, context.pool, f"{name} reads") as app[READ_POOLS],
            open_change_hub(context.pool, context.change_feed) as app[CHANGE_HUB],
            open_key_verifier(context.pool, KeyFeed(context.job_queue.redis), app[CHANGE_HUB]) as app[API_KEYS],
        ):
            app[GRADEBOOKS] = Gradebooks(app[READ_POOLS], settings.database_pool_size)
            yield
        await app[WORKER_NOTIFIER].finish(_NOTIFY_SECONDS)


def _add_verifier(app: web.Application, settings: Settings, key_times: RefreshTimes) -> None:
    issuer, audience = settings.jwt_issuer, settings.jwt_audience
    if settings.jwt_jwks_url is None or issuer is None or audience is None:
        app[VERIFIER] = SharedSecretVerifier(settings.secret("jwt_secret"), issuer, audience)
        return
    cache = KeyCache(settings.jwt_jwks_url, key_times)
    app[VERIFIER] = KeySetVerifier(cache, issuer, audience)
    app.cleanup_ctx.append(lambda _: updated(cache))


async def serve(
    settings: Settings, stop: asyncio.Event, process: ServiceProcess = ALONE, *, sign_in_by_role: bool = False
) -> None:
    """Serves until `stop` is set; requests in progress then have SHUTDOWN_TIMEOUT to end. Alone, it listens on HOST and
    PORT; one of several processes listens on the sockets that they share. With `sign_in_by_role`, everybody on this
    machine may sign in as any role.

    Raises:
        WrongSetting: a setting that the server needs is missing.
        UnusableSetting: HOST and PORT cannot be listened on.
    """
    app = create_app(settings, process=process, sign_in_by_role=sign_in_by_role)
    connections = connections_that_fit(settings.max_connections, settings.database_pool_size)
    runner = Runner(app, max_connections=connections, access_log=None, shutdown_timeout=settings.shutdown_timeout)
    await runner.setup()
    try:
        sites = await _listen(runner, settings, process.sockets)
        if settings.secrets_key is None:
            log.warning("webhook_secrets_in_clear", setting="SECRETS_KEY")
        addresses = [f"{host}:{port}" for host, port, *_ in runner.addresses]
        process.announce("serving", addresses=addresses, max_connections=connections)
        await stop.wait()
        log.info("stopping")
        app[STOPPING].set()
        app[CHANGE_HUB].stop()
        await _serve_arrived_requests(sites, settings.shutdown_timeout)
        await _wait_for_requests(app[REQUESTS_IN_PROGRESS], settings.shutdown_timeout)
    finally:
        await runner.cleanup()


async def _listen(runner: Runner, settings: Settings, shared: Sequence[socket]) -> Sequence[web.BaseSite]:
    """Starts to accept connections, on `shared` sockets or else on HOST and PORT.

    Raises:
        UnusableSetting: it cannot be listened on.
    """
    sites: list[web.BaseSite] = [web.SockSite(runner, sock, backlog=_BACKLOG) for sock in shared]
    if not sites:
        sites = [web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG)]
    try:
        for site in sites:
            await site.start()
    except OSError as error:
        raise address_error(settings.host, settings.port, error) from error
    return sites


async def _serve_arrived_requests(sites: Sequence[web.BaseSite], shutdown_timeout: int) -> None:
    await _sleep_in_steps(_ACCEPT_SECONDS)
    for site in sites:
        await site.stop()
    await _sleep_in_steps(min(_READ_SECONDS, shutdown_timeout / 2))


async def _wait_for_requests(in_progress: set[int], seconds: float) -> None:
    """Waits until no request is in progress. aiohttp waits too, but no longer reads the rest of a body by then."""
    for _ in range(round(seconds / _CHECK_SECONDS)):
        if not in_progress:
            return
        await asyncio.sleep(_CHECK_SECONDS)


async def _sleep_in_steps(seconds: float) -> None:
    """Many short sleeps: on a busy event loop one long sleep may be over before the sockets were read even once."""
    for _ in range(_SLEEPS):
        await asyncio.sleep(seconds / _SLEEPS)
