"""Handlers for operators: liveness, readiness and metrics."""

from dataclasses import asdict

from aiohttp import web

from app.http.app_keys import CONTEXT, METRICS, READ_POOLS, REDIS_CHECK
from app.services.operations import check_readiness, count_jobs, count_model_calls

_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


async def alive(request: web.Request) -> web.StreamResponse:
    """Whether the process answers; it uses neither the database nor Redis."""
    return web.json_response({"status": "ok"})


async def ready(request: web.Request) -> web.StreamResponse:
    """Whether the server can serve: the state of Postgres, its migrations and Redis. A replica that cannot be
    used is named and harmless."""
    context = request.app[CONTEXT]
    readiness = await check_readiness(context.pool, request.app[REDIS_CHECK])
    state = asdict(readiness)
    if (replica := request.app[READ_POOLS].state) is not None:
        state["replica"] = replica
    if readiness.ready:
        return web.json_response(state)
    return web.json_response(state, status=503, headers={"Retry-After": "2"})


async def metrics(request: web.Request) -> web.StreamResponse:
    """The metrics in Prometheus' text format; without the numbers from Postgres while it is unavailable."""
    pool = request.app[CONTEXT].pool
    jobs, model_calls = await count_jobs(pool), await count_model_calls(pool)
    redis_is_up = await request.app[REDIS_CHECK].is_ok()
    body = request.app[METRICS].render(
        jobs, model_calls, redis_is_up=redis_is_up, replica=request.app[READ_POOLS].state
    )
    return web.Response(body=body, headers={"Content-Type": _METRICS_TYPE})
