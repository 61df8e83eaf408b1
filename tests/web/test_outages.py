"""Postgres or Redis unavailable: requests are answered with 503 or go on without Redis, and nothing is half done."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from app.http.server_connections import Runner
from app.local.embedded import EmbeddedValkey, ServerUrls
from app.repositories.migrations import migrate
from app.repositories.sql import Pool
from app.server import create_app
from app.settings import Settings, WrongSetting, load_settings
from app.web.route import Route
from app.web.routes import ROUTES
from app.wiring.pool import open_pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.conftest import with_database
from tests.fakes.conditions import until
from tests.fakes.counting_proxy import RoundTrips, counting_proxy
from tests.web.conftest import Serve
from tests.web.problems import problem
from tests.web.roles_of_routes import ALLOWED
from tests.web.test_idempotency_keys import CASES
from tests.web.test_roles import GUARDED, callers

# Nobody listens on port 1.
NO_POSTGRES = load_settings(database_url="postgresql://nobody:hidden@127.0.0.1:1/nothing").database_url
NO_REDIS = load_settings(redis_url="redis://:hidden@127.0.0.1:1").redis_url


BODIES = {path: payload for path, (_, payload, _) in CASES.items()} | {
    "/webhooks": {"url": "https://receiver.example/", "events": ["assessment.completed"]},
    "/api-keys": {"name": "A key", "roles": ["admin"], "expires_in_days": 1},
}
_IDS = (
    *("assessment_id", "question_id", "credential_id", "job_id", "delivery_id", "key_id", "erasure_id", "appeal_id"),
    "subscription_id",
)


async def ask(api: Api, route: Route) -> Any:
    """A request to the route by a caller who may use it, with a valid body."""
    caller = callers(api)[sorted(ALLOWED[route.method, route.path])[-1]]
    names = {name: str(uuid4()) for name in _IDS}
    payload = BODIES.get(route.path) if route.method == "POST" else None
    return await caller.send(route.method, route.path.format(slug=SLUG, sub="somebody", **names), payload)


async def test_without_postgres_every_route_answers_503(serve: Serve) -> None:
    api = await serve(database_url=NO_POSTGRES)
    for route in GUARDED:
        reply = await ask(api, route)
        body = problem(reply, 503, "storage-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        assert "hidden" not in str(body)


async def test_without_postgres_tokens_roles_and_bodies_are_still_checked(serve: Serve) -> None:
    api = await serve(database_url=NO_POSTGRES)
    problem(await api.send_raw("GET", "/tracks", None, {"Authorization": ""}), 401, "unauthenticated")
    problem(await api.get("/questions"), 403, "forbidden")
    problem(await api.as_("admin").post("/tracks", {"slug": 1}), 422, "invalid-fields")


async def test_without_postgres_the_public_routes_still_answer(serve: Serve) -> None:
    api = await serve(database_url=NO_POSTGRES)
    for route in ROUTES:
        if route.access.public and "{" not in route.path and route.path != "/readyz":
            assert (await api.get(route.path)).status == 200
    assert b"assay_jobs{" not in (await api.get("/metrics")).raw
    ready = await api.get("/readyz")
    assert (ready.status, int(ready.headers["Retry-After"]) > 0) == (503, True)
    assert ready.body == {"postgres": "not reachable", "migrations": "unknown", "redis": "ok"}


@pytest.fixture
async def spare(servers: ServerUrls) -> AsyncIterator[Settings]:
    """The URL of an empty database."""
    name = f"spare_{uuid4().hex}"
    admin = await asyncpg.connect(servers.superuser_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield load_settings(database_url=with_database(servers.superuser_url, name))
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def test_a_database_without_tables_is_not_ready(serve: Serve, spare: Settings) -> None:
    api = await serve(database_url=spare.database_url)
    ready = await api.get("/readyz")
    assert (ready.status, ready.body["postgres"]) == (503, "ok")
    assert ready.body["migrations"] == "none applied; run `assay migrate`"
    problem(await api.get("/tracks"), 503, "storage-unavailable")


async def test_a_database_of_an_older_version_is_not_ready(serve: Serve, spare: Settings) -> None:
    url = spare.secret("database_url")
    await asyncio.to_thread(migrate, url)
    api = await serve(database_url=spare.database_url)
    assert (await api.get("/readyz")).body == {"postgres": "ok", "migrations": "ok", "redis": "ok"}
    async with open_pool(url, "tests", 1) as pool:
        await pool.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0007%'")
    ready = await api.get("/readyz")
    assert (ready.status, ready.body["migrations"]) == (503, "1 pending; run `assay migrate`")


async def test_a_database_that_refuses_the_user_says_so(serve: Serve, migrated_url: str, pool: Pool) -> None:
    await pool.execute("CREATE ROLE clerk LOGIN PASSWORD 'a-pass-word'")
    for password in ("wrong", "a-pass-word"):
        url = migrated_url.replace(urlsplit(migrated_url).netloc.rpartition("@")[0], f"clerk:{password}")
        api = await serve(database_url=SecretStr(url))
        ready = await api.get("/readyz")
        assert ready.status == 503 and ready.body["postgres"].startswith("refuses the user or lacks a right")
    await pool.execute("DROP ROLE clerk")


async def test_connections_that_postgres_ends_are_replaced(api: Api, path: str, pool: Pool) -> None:
    await pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'assay serve'"
    )
    replies = [await api.get(f"{path}/status") for _ in range(20)]
    assert {reply.status for reply in replies} <= {200, 503}
    assert replies[-1].status == 200


async def test_without_redis_submissions_are_still_accepted(serve: Serve, bank: Bank, pool: Pool) -> None:
    api = await serve(redis_url=NO_REDIS)
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"]
    assert (await api.post(f"{path}/submit", {"responses": bank.all_answers()})).status == 202
    assert (await api.get(f"{path}/status")).body["status"] == "submitted"
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE status = 'queued'") == 3
    ready = await api.get("/readyz")
    assert (ready.status, ready.body) == (200, {"postgres": "ok", "migrations": "ok", "redis": "not reachable"})


async def test_a_redis_that_takes_no_writes_is_not_ok(serve: Serve, tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path, durable=False)
    url = await asyncio.to_thread(valkey.start)
    try:
        api = await serve(redis_url=SecretStr(url))
        async with Redis.from_url(url) as redis:
            await redis.execute_command("REPLICAOF", "127.0.0.1", 1)
            await _until_redis_is(api, "read-only")
            await redis.execute_command("REPLICAOF", "NO", "ONE")
            await redis.config_set("maxmemory", 1)
            await _until_redis_is(api, "out of memory")
            await redis.config_set("maxmemory", 0)
            await _until_redis_is(api, "ok")
    finally:
        await asyncio.to_thread(valkey.kill)


async def _until_redis_is(api: Api, state: str) -> None:
    async def shown() -> bool:
        ready = await api.get("/readyz")
        assert (ready.status, ready.body["postgres"]) == (200, "ok")
        return bool(ready.body["redis"] == state)

    await until(shown)


async def test_many_readiness_checks_cost_redis_one_write(serve: Serve, redis_url: str) -> None:
    traffic = RoundTrips(b"assay:write-check")
    async with counting_proxy(redis_url, traffic) as url:
        api = await serve(redis_url=SecretStr(url))
        replies = await asyncio.gather(*(api.get("/readyz") for _ in range(20)))
    assert {reply.body["redis"] for reply in replies} == {"ok"}
    assert traffic.count == 1


@pytest.fixture
async def closed_keys(pool: Pool) -> AsyncIterator[None]:
    """No idempotency key can be stored."""
    await pool.execute("ALTER TABLE idempotency_keys ADD CONSTRAINT closed CHECK (false) NOT VALID")
    yield
    await pool.execute("ALTER TABLE idempotency_keys DROP CONSTRAINT closed")


async def test_a_write_that_postgres_refuses_leaves_nothing_behind(
    api: Api, path: str, bank: Bank, pool: Pool, closed_keys: None
) -> None:
    reply = await api.post(f"{path}/submit", {"responses": bank.all_answers()}, Idempotency_Key="once")
    body = problem(reply, 500, "internal-error")
    assert body["detail"] == "the request id helps to find the cause"
    assert (await api.get(path)).body["responses"] == []
    assert await pool.fetchval("SELECT count(*) FROM async_jobs") == 0
    assert (await api.post(f"{path}/submit")).status == 202


async def test_no_server_without_what_it_needs(settings: Settings) -> None:
    for missing in ("database_url", "redis_url", "jwt_secret"):
        with pytest.raises(WrongSetting, match=f"{missing.upper()} is not set"):
            await Runner(create_app(settings.model_copy(update={missing: None})), max_connections=1).setup()
