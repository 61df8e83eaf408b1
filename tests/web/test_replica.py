"""DATABASE_READ_URL: a real streaming replica, and the primary in its place while it is away, behind or another."""

from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from app.http.app_keys import READ_POOLS
from app.local.embedded import ServerUrls
from app.repositories.replication import read_position
from app.repositories.sql import Pool
from app.services.checks.check import CheckStatus
from app.services.read_pools import ReadPools
from app.settings import load_settings
from app.wiring.checks import run_checks
from app.wiring.pool import open_pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.conftest import with_database
from tests.fakes.conditions import until
from tests.replica import Replica, streaming_replica
from tests.web.conftest import Serve


@pytest.fixture(scope="module")
def streaming(servers: ServerUrls, migrated_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A replica of the tests' server."""
    with streaming_replica(tmp_path_factory.mktemp("replica"), servers.superuser_url) as replica:
        yield replica


@pytest.fixture
async def replica(streaming: Replica, pool: Pool, database_url: str) -> AsyncIterator[Pool]:
    """A pool of the replica, which has all that the primary has."""
    async with open_pool(streaming.url(database_url), "tests", 4) as replica:
        await caught_up(pool, replica)
        yield replica


async def caught_up(primary: Pool, replica: Pool) -> None:
    """Returns once the replica has what the primary has now."""
    # The tests' server commits before it has written its log. A commit that waits for the log writes it up to there; it
    # waits only if its transaction has something in the log.
    await primary.execute(
        "SELECT set_config('synchronous_commit', 'on', true), pg_logical_emit_message(true, 'tests', 'written')"
    )
    wanted = (await read_position(primary)).written or 0

    async def has_it() -> bool:
        return ((await read_position(replica)).written or 0) >= wanted

    await until(has_it)


@pytest.fixture
async def paused(replica: Pool, streaming: Replica, servers: ServerUrls) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection to the replica, which follows no more until the test ends."""
    admin = await asyncpg.connect(streaming.url(servers.superuser_url))
    await admin.execute("SELECT pg_wal_replay_pause()")
    yield admin
    await admin.execute("SELECT pg_wal_replay_resume()")
    await admin.close()


async def serving(serve: Serve, url: str) -> Api:
    """A server that uses the replica."""
    settings = load_settings({}, database_read_url=url, database_read_max_lag=3600)
    api = await serve(
        database_read_url=settings.database_read_url, database_read_max_lag=settings.database_read_max_lag
    )
    await reads_of(api).check()
    assert reads_of(api).state == "ok"
    return api


def reads_of(api: Api) -> ReadPools:
    """The pools of the server."""
    return api.client.server.app[READ_POOLS]  # type: ignore[attr-defined, no-any-return]  # it serves one application


async def seen(staff: Api, path: str) -> int:
    """How many assessments an answer speaks of."""
    reply = await staff.get(path)
    assert reply.status == 200, reply.raw
    if path.startswith("/gradebook"):
        return len(reply.raw.splitlines()) - 1
    return int(reply.body["assessments"]["count"]) if "analytics" in path else len(reply.body["items"])


OLD = ("/analytics/overview", "/gradebook?format=csv", "/assessments")


async def test_statistics_come_from_the_replica_and_what_one_has_written_from_the_primary(
    serve: Serve, bank: Bank, streaming: Replica, paused: asyncpg.Connection, pool: Pool, database_url: str,
    replica: Pool,
) -> None:  # fmt: skip
    api = await serving(serve, streaming.url(database_url))
    staff = api.as_("advisor")
    created = await api.post("/assessments", {"track": SLUG})
    assert created.status == 201
    assert [await seen(staff, path) for path in OLD] == [0, 0, 0]
    assert await seen(api, "/assessments") == 1
    assert await seen(staff, "/assessments?needs_review=false") == 1
    assert (await api.get(f"/assessments/{created.body['assessment_id']}/status")).status == 200
    await paused.execute("SELECT pg_wal_replay_resume()")
    await caught_up(pool, replica)
    assert [await seen(staff, path) for path in OLD] == [1, 1, 1]


async def test_without_the_replica_the_primary_answers(
    serve: Serve, bank: Bank, streaming: Replica, replica: Pool, pool: Pool, database_url: str
) -> None:
    api = await serving(serve, streaming.url(database_url))
    staff = api.as_("advisor")
    assert (await api.post("/assessments", {"track": SLUG})).status == 201
    for path in OLD:
        # After a restart it may begin with an older state.
        await caught_up(pool, replica)
        await reads_of(api).check()
        assert reads_of(api).state == "ok" and await seen(staff, path) == 1
        streaming.stop()
        try:
            assert await seen(staff, path) == 1
            assert reads_of(api).state == "not reachable"
            ready = await api.get("/readyz")
            assert (ready.status, ready.body["replica"], ready.body["postgres"]) == (200, "not reachable", "ok")
            assert b"assay_replica_used 0.0" in (await api.get("/metrics")).raw
        finally:
            streaming.start()
        await reads_of(api).check()
    assert (await api.get("/readyz")).body["replica"] == "ok"
    assert b"assay_replica_used 1.0" in (await api.get("/metrics")).raw


async def test_a_server_without_a_replica_says_nothing_of_one(serve: Serve) -> None:
    api = await serve()
    assert "replica" not in (await api.get("/readyz")).body
    assert b"\nassay_replica_used " not in (await api.get("/metrics")).raw


async def test_a_replica_that_is_too_far_behind_is_not_used(
    pool: Pool, replica: Pool, paused: asyncpg.Connection
) -> None:
    now = 0.0
    reads = ReadPools(pool, replica, 30.0, lambda: now)
    assert reads.pool is pool and reads.state == "not checked yet"
    await reads.check()
    assert reads.pool is replica
    # Nothing has changed for an hour.
    now = 3600.0
    await reads.check()
    assert reads.pool is replica
    await pool.execute("CREATE TABLE written (); DROP TABLE written")
    await reads.check()
    assert reads.pool is replica
    now = 3629.0
    await reads.check()
    assert reads.pool is replica
    now = 3631.0
    await reads.check()
    assert reads.pool is pool and reads.state == "too far behind"
    await paused.execute("SELECT pg_wal_replay_resume()")
    await caught_up(pool, replica)
    await reads.check()
    assert reads.pool is replica


async def test_another_database_is_never_used(
    pool: Pool, replica: Pool, streaming: Replica, servers: ServerUrls, database_url: str
) -> None:
    primary = ReadPools(pool, pool)
    await primary.check()
    assert primary.state == "not a standby of DATABASE_URL"
    async with open_pool(streaming.url(with_database(servers.superuser_url, "postgres")), "tests", 2) as other:
        reads = ReadPools(pool, other)
        await reads.check()
        assert reads.state == "not a standby of DATABASE_URL" and reads.pool is pool


async def test_doctor_checks_the_replica(
    replica: Pool, streaming: Replica, paused: asyncpg.Connection, pool: Pool, database_url: str
) -> None:
    async def outcome(url: str) -> tuple[CheckStatus, str]:
        settings = load_settings({}, database_url=database_url, database_read_url=url)
        (check,) = [check async for check in run_checks(settings) if check.name == "replica"]
        return check.status, check.seen

    await paused.execute("SELECT pg_wal_replay_resume()")
    assert await outcome(streaming.url(database_url)) == (CheckStatus.OK, "a standby that is up to date")
    await paused.execute("SELECT pg_wal_replay_pause()")
    await pool.execute("CREATE TABLE written (); DROP TABLE written")
    status, said = await outcome(streaming.url(database_url))
    assert status is CheckStatus.WARNING and "not caught up" in said
    assert (await outcome(database_url))[0] is CheckStatus.FAILED
    status, said = await outcome("postgresql://u:p4ss@127.0.0.1:1/d")
    assert status is CheckStatus.FAILED and "refused" in said
