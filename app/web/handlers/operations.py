"""For operators: alive, ready, metrics; and the documentation."""

from aiohttp import web

from app.clients.redis.job_queue import REDIS_UNAVAILABLE
from app.http.app_keys import CONTEXT, METRICS
from app.outages import report_database_error
from app.repositories import jobs, migrations
from app.repositories.sql import DATABASE_UNAVAILABLE
from app.wiring.context import Context

_AWAY = "not reachable"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def alive(request: web.Request) -> web.StreamResponse:
    """Alive; touches nothing."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.StreamResponse:
    """Whether the server can serve. Without Redis it can: the jobs start later."""
    context = request.app[CONTEXT]
    postgres, migrations = await _storage(context)
    body = {"postgres": postgres, "migrations": migrations, "redis": await _redis(context)}
    serves = postgres == "ok" and migrations == "ok"
    return web.json_response(body, status=200 if serves else 503, headers=None if serves else {"Retry-After": "2"})


async def metrics(request: web.Request) -> web.StreamResponse:
    """Prometheus' text format; the jobs' counts are left out while Postgres is away."""
    shown = request.app[METRICS]
    try:
        shown.show_jobs(await jobs.count_by_status(request.app[CONTEXT].pool))
    except DATABASE_UNAVAILABLE:
        shown.forget_jobs()
    return web.Response(body=shown.render(), headers={"Content-Type": _METRICS_TYPE})


async def _storage(context: Context) -> tuple[str, str]:
    try:
        applied = await migrations.applied_migrations(context.pool)
    except DATABASE_UNAVAILABLE as error:
        report_database_error(error, "/readyz")
        return _AWAY, "unknown"
    if not applied:
        return "ok", "none applied; run `assay migrate`"
    pending = len(migrations.known_migrations() - applied)
    return "ok", f"{pending} pending; run `assay migrate`" if pending else "ok"


async def _redis(context: Context) -> str:
    try:
        await context.job_queue.ping()
    except REDIS_UNAVAILABLE:
        return _AWAY
    return "ok"
