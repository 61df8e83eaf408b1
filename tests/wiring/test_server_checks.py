"""The checks of `assay doctor` of real servers: Postgres and Valkey in the states that people have them in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NoReturn
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis

from app.lifecycle import cancel_and_wait
from app.local.embedded import ServerUrls
from app.repositories.database_facts import DatabaseFacts, Pooler
from app.repositories.migrations import known_migrations
from app.repositories.sql import Pool
from app.services.checks.check import Check, CheckStatus
from app.services.checks.postgres import judge_database, judge_pooler
from app.setting_types import DatabasePooler
from app.settings import load_settings
from app.wiring.checks import run_checks
from app.wiring.pool import open_pool
from tests.conftest import with_database
from tests.fakes.conditions import until
from tests.pgbouncer import pgbouncer

OK, FAILED = CheckStatus.OK, CheckStatus.FAILED


async def checks(part: str, **settings: Any) -> dict[str, Check]:
    """The outcomes of one part's checks by name; the others' are left out."""
    outcomes = [check async for check in run_checks(load_settings({}, **settings))]
    return {check.name: check for check in outcomes if check.name.split()[0] == part or check.name == "migrations"}


def failures(outcomes: dict[str, Check]) -> dict[str, str]:
    """What was seen and what to do of each check that failed."""
    return {name: f"{check.seen}; {check.action}" for name, check in outcomes.items() if check.status is FAILED}


@asynccontextmanager
async def database(servers: ServerUrls, options: str = "", *statements: str) -> AsyncIterator[str]:
    """A new database of the server, removed after the test."""
    admin = await asyncpg.connect(servers.superuser_url)
    await admin.execute(f"CREATE DATABASE doctor TEMPLATE template0 {options}")
    try:
        for statement in statements:
            await admin.execute(statement)
        yield with_database(servers.superuser_url, "doctor")
    finally:
        await admin.execute("DROP DATABASE doctor WITH (FORCE)")
        await admin.execute("DROP ROLE IF EXISTS clerk")
        await admin.close()


def as_clerk(url: str) -> str:
    """The URL with a role that may do nothing in particular."""
    return url.replace(urlsplit(url).netloc.rpartition("@")[0], "clerk:a-pass-word")


async def test_a_migrated_database_is_all_right(database_url: str) -> None:
    outcomes = await checks("postgres", database_url=database_url)
    assert failures(outcomes) == {} and {check.status for check in outcomes.values()} == {OK}
    assert outcomes["postgres"].seen.startswith("PostgreSQL ") and outcomes["postgres pooler"].seen == "none"
    assert list(outcomes) == [
        "postgres", "postgres writes", "postgres encoding", "postgres vector", "postgres rights", "migrations",
        "postgres pooler", "postgres connections",
    ]  # fmt: skip


async def test_a_database_that_is_not_migrated(servers: ServerUrls) -> None:
    async with database(servers) as url:
        outcomes = await checks("postgres", database_url=url)
    assert failures(outcomes) == {"migrations": "none is applied; run `assay migrate`"}
    assert "`assay migrate` installs it" in outcomes["postgres vector"].seen


async def test_a_read_only_database(servers: ServerUrls) -> None:
    async with database(servers, "", "ALTER DATABASE doctor SET default_transaction_read_only = on") as url:
        outcomes = await checks("postgres", database_url=url)
    assert "default_transaction_read_only" in failures(outcomes)["postgres writes"]


async def test_a_database_of_another_encoding(servers: ServerUrls) -> None:
    async with database(servers, "ENCODING SQL_ASCII LOCALE 'C' LOCALE_PROVIDER libc") as url:
        outcomes = await checks("postgres", database_url=url)
    assert "SQL_ASCII" in failures(outcomes)["postgres encoding"]


async def test_a_role_without_rights_in_an_empty_database(servers: ServerUrls) -> None:
    async with database(servers, "", "CREATE ROLE clerk LOGIN PASSWORD 'a-pass-word'") as url:
        failed = failures(await checks("postgres", database_url=as_clerk(url)))
    assert "clerk may not install the extension vector; run `CREATE EXTENSION vector`" in failed["postgres vector"]
    assert "clerk may not create tables; run `GRANT CREATE" in failed["postgres rights"]


async def test_a_role_that_may_not_read_the_tables(database_url: str) -> None:
    admin = await asyncpg.connect(database_url)
    await admin.execute("CREATE ROLE clerk LOGIN PASSWORD 'a-pass-word'")
    failed = failures(await checks("postgres", database_url=as_clerk(database_url)))
    assert "clerk may not read and write _yoyo_migration, " in failed["postgres rights"]
    assert failed["migrations"] == "which are applied may not be read; see postgres rights"
    await admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clerk")
    assert failures(await checks("postgres", database_url=as_clerk(database_url))) == {}
    await admin.execute("REVOKE DELETE ON scores FROM clerk")
    failed = failures(await checks("postgres", database_url=as_clerk(database_url)))
    assert (
        "clerk may not read and write scores; run `GRANT SELECT, INSERT, UPDATE, DELETE ON scores TO clerk`"
        in (failed["postgres rights"])
    )
    await admin.execute("DROP OWNED BY clerk; DROP ROLE clerk")
    await admin.close()


@pytest.mark.parametrize("url", ["postgresql://u:p4ss@127.0.0.1:1/d", "postgresql://u:p4ss@no-such-host.invalid/d"])
async def test_a_postgres_that_cannot_be_reached(url: str) -> None:
    outcomes = await checks("postgres", database_url=url)
    (line,) = failures(outcomes).values()
    assert line.startswith(("connection refused by 127.0.0.1", "the host name cannot be resolved"))
    assert "p4ss" not in str(outcomes)


FACTS = DatabaseFacts(
    version="16.1", version_number=160001, encoding="UTF8", is_standby=False, is_read_only=False, role="assay",
    database="assay", schema="public", vector_version="0.8", vector_schema="public", finds_vector=True,
    available_vector="0.8", may_create_extension=False, may_create_tables=False, refused_tables=(), max_connections=100,
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("postgres", replace(FACTS, version="13.2", version_number=130002)),
        ("postgres writes", replace(FACTS, is_standby=True, is_read_only=True)),
        ("postgres vector", replace(FACTS, vector_version=None, available_vector=None, may_create_extension=True)),
    ],
)
def test_facts_that_the_tests_server_cannot_have(name: str, facts: DatabaseFacts) -> None:
    known = known_migrations()
    assert [check.name for check in judge_database(FACTS, known) if check.status is not OK] == []
    assert [check.name for check in judge_database(facts, known) if check.status is FAILED] == [name]


def test_migrations_of_another_version_are_mentioned() -> None:
    *_, migrations = judge_database(FACTS, known_migrations() | {"9999.later"})
    assert migrations.status is CheckStatus.WARNING


@pytest.mark.parametrize(
    ("pooler", "setting", "status"),
    [
        (Pooler.NONE, "auto", OK),
        (Pooler.NONE, "session", OK),
        (Pooler.NONE, "transaction", CheckStatus.WARNING),
        (Pooler.FOUND, "auto", OK),
        (Pooler.FOUND, "session", OK),
        (Pooler.FOUND, "transaction", OK),
        (Pooler.MIXES_SESSIONS, "auto", OK),
        (Pooler.MIXES_SESSIONS, "session", FAILED),
        (Pooler.MIXES_SESSIONS, "transaction", OK),
    ],
)
def test_a_pooler_and_its_setting_belong_together(pooler: Pooler, setting: DatabasePooler, status: CheckStatus) -> None:
    assert judge_pooler(pooler, setting).status is status


@pytest.mark.parametrize(
    ("mode", "pool_size"), [("session", 20), ("session", 1), ("transaction", 20), ("transaction", 1)]
)
async def test_databases_behind_a_pgbouncer(database_url: str, mode: str, pool_size: int) -> None:
    """Also where it has a single session."""
    mixes = mode == "transaction"
    async with pgbouncer(database_url, mode, pool_size) as url:
        outcomes = await checks("postgres", database_url=url, database_pool_size=8)
        assert {check.status for check in outcomes.values()} == {OK}
        outcomes = await checks("postgres", database_url=url)
        assert (outcomes["postgres connections"].status is OK) == mixes
        assert ("another session" in outcomes["postgres pooler"].seen) == mixes
        for setting in ("session", "transaction"):
            outcomes = await checks("postgres", database_url=url, database_pooler=setting)
            expected = FAILED if mixes and setting == "session" else OK
            assert outcomes["postgres pooler"].status is expected


async def test_connections_of_all_processes_have_to_fit(database_url: str) -> None:
    """The tests' server allows 197."""
    settings = load_settings({}, database_url=database_url)
    for processes, size, fits, action in (
        (2, 16, True, ""),
        (12, 16, True, ""),
        (13, 16, False, "DATABASE_POOL_SIZE to 15"),
        (150, 16, False, "fewer processes"),
    ):
        checking = run_checks(settings.with_values(database_pool_size=size), processes)
        (check,) = [check async for check in checking if check.name == "postgres connections"]
        assert (check.status is OK) == fits and f"{processes} processes" in check.seen
        assert action in (check.action or "")


async def test_a_busy_pgbouncer(database_url: str) -> None:
    """Others take its sessions all the time. Chance decides which one a transaction gets, so a single look may see the
    same ones; then the check says that they seem to be kept, which is as safe."""
    async with pgbouncer(database_url, "transaction", 4) as url, open_pool(url, "tests", 4) as pool:
        others = [asyncio.create_task(ask_for_ever(pool)) for _ in range(4)]

        async def seen() -> bool:
            outcomes = await checks("postgres", database_url=url)
            assert outcomes["postgres pooler"].status is OK
            return "another session" in outcomes["postgres pooler"].seen

        await until(seen)
        await cancel_and_wait(*others)


async def ask_for_ever(pool: Pool) -> NoReturn:
    """Uses a session of the pool again and again."""
    while True:
        await pool.fetchval("SELECT 1")


async def test_the_database_to_migrate(servers: ServerUrls, database_url: str) -> None:
    async def check(migrate_url: str, url: str = database_url) -> Check:
        return (await checks("migrate", database_url=url, migrate_database_url=migrate_url))["migrate database"]

    assert (await check(database_url)).status is OK
    other = await check(servers.database_url)
    assert other.status is FAILED and "another database" in other.seen
    refused = await check("postgresql://assay:p4ss@127.0.0.1:1/d")
    assert refused.status is FAILED and refused.seen == "connection refused by 127.0.0.1 port 1"
    assert (await check(database_url, "postgresql://assay:p4ss@127.0.0.1:1/d")).status is CheckStatus.WARNING
    async with pgbouncer(database_url, "session") as url:
        assert (await check(database_url, url)).status is OK
        assert (await check(url)).status is CheckStatus.WARNING
    async with pgbouncer(database_url, "transaction") as url:
        assert (await check(database_url, url)).status is OK
        pooled = await check(url)
        assert pooled.status is FAILED and "pooler" in pooled.seen


@pytest.fixture
async def valkey(redis_url: str) -> AsyncIterator[Redis]:
    """The tests' Valkey, which is set back after the test."""
    client: Redis = Redis.from_url(redis_url)
    yield client
    await client.slaveof()
    await client.config_set("maxmemory", "0")
    await client.config_set("maxmemory-policy", "noeviction")
    await client.aclose()


async def test_a_valkey_that_is_all_right(redis_url: str, valkey: Redis) -> None:
    outcomes = await checks("redis", redis_url=redis_url)
    assert {check.status for check in outcomes.values()} == {OK} and "Valkey" in outcomes["redis"].seen
    assert await valkey.keys() == []


async def test_a_full_valkey(redis_url: str, valkey: Redis) -> None:
    await valkey.config_set("maxmemory", "1")
    failed = failures(await checks("redis", redis_url=redis_url))
    assert list(failed) == ["redis writes", "redis scripts"] and "memory is full" in failed["redis writes"]


async def test_a_valkey_that_evicts(redis_url: str, valkey: Redis) -> None:
    await valkey.config_set("maxmemory-policy", "allkeys-lru")
    outcomes = await checks("redis", redis_url=redis_url)
    assert failures(outcomes) == {} and outcomes["redis eviction"].status is CheckStatus.WARNING


async def test_a_replica(redis_url: str, valkey: Redis) -> None:
    await valkey.slaveof("127.0.0.1", 1)
    failed = failures(await checks("redis", redis_url=redis_url))
    assert "the server is a replica" in failed["redis writes"] and "primary" in failed["redis writes"]


async def test_a_user_who_may_not_run_scripts(redis_url: str, valkey: Redis) -> None:
    await valkey.acl_setuser(
        "clerk",
        enabled=True,
        passwords=["+a-pass-word"],
        keys=["*"],
        channels=["*"],
        categories=["+@all", "-@scripting"],
    )
    url = redis_url.replace(urlsplit(redis_url).netloc.rpartition("@")[0], "clerk:a-pass-word")
    failed = failures(await checks("redis", redis_url=url))
    await valkey.acl_deluser("clerk")
    assert list(failed) == ["redis scripts"] and "a-pass-word" not in str(failed)


async def test_a_redis_that_cannot_be_reached() -> None:
    outcomes = await checks("redis", redis_url="redis://:p4ssword@127.0.0.1:1")
    assert failures(outcomes)["redis"].startswith("connection refused") and "p4ssword" not in str(outcomes)
