"""A database that is or was read-only, and one whose transactions are serializable by default."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from pydantic import SecretStr

from app.repositories.sql import Pool
from app.wiring.pool import open_pool
from tests.bank import SLUG, Bank
from tests.conftest import with_database
from tests.web.conftest import Serve
from tests.web.problems import problem


@asynccontextmanager
async def default(database_url: str, name: str, value: str) -> AsyncIterator[None]:
    """Gives new sessions of the database another default."""
    admin = await asyncpg.connect(with_database(database_url, "postgres"))
    try:
        await admin.execute(f"ALTER DATABASE assay_tests SET {name} = '{value}'")
        yield
    finally:
        await admin.execute(f"ALTER DATABASE assay_tests RESET {name}")
        await admin.close()


async def test_a_read_only_database_is_an_outage_that_ends_by_itself(
    serve: Serve, path: str, bank: Bank, database_url: str
) -> None:
    answers = {"responses": bank.all_answers()}
    async with default(database_url, "default_transaction_read_only", "on"):
        # A server whose sessions all begin now.
        api = await serve()
        for reply in (
            await api.post("/assessments", {"track": SLUG}),
            await api.patch(f"{path}/responses", answers),
            await api.post(f"{path}/submit", answers),
        ):
            problem(reply, 503, "storage-unavailable")
            assert int(reply.headers["Retry-After"]) > 0
        assert (await api.get(path)).status == 200, "reading goes on"
        ready = await api.get("/readyz")
        assert (ready.status, ready.body["postgres"]) == (503, "read-only")
        # Sessions that have only read, and so have not shown that they are read-only.
        assert {reply.status for reply in await asyncio.gather(*(api.get(path) for _ in range(20)))} == {200}
    assert (await api.get("/readyz")).body["postgres"] == "ok"
    assert (await api.as_("student", sub="student-2").post("/assessments", {"track": SLUG})).status == 201
    assert (await api.patch(f"{path}/responses", answers)).status == 200
    assert (await api.post(f"{path}/submit")).status == 202


async def test_sessions_from_the_time_when_the_database_was_read_only_are_replaced(
    pool: Pool, bank: Bank, database_url: str
) -> None:
    change = "UPDATE tracks SET name = name"
    async with default(database_url, "default_transaction_read_only", "on"), open_pool(database_url, "t", 3) as own:
        await asyncio.gather(*(own.fetchval("SELECT pg_sleep(0.05)") for _ in range(3)))
        await pool.execute("ALTER DATABASE assay_tests RESET default_transaction_read_only")
        assert await own.execute(change) == "UPDATE 1", "a statement that stands alone is executed again"
        async with own.acquire() as conn, conn.transaction():
            assert await conn.execute(change) == "UPDATE 1"


async def test_the_host_that_can_be_written_to_is_chosen(database_url: str) -> None:
    address = database_url.split("@")[1].split("/")[0]
    both = database_url.replace(address, f"{address},{address}")
    async with default(database_url, "default_transaction_read_only", "on"):
        async with open_pool(both, "tests", 1) as pool:
            with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
                await pool.fetchval("SELECT 1")
        async with open_pool(f"{both}?target_session_attrs=any", "tests", 1) as pool:
            assert await pool.fetchval("SELECT 1") == 1


async def test_a_default_of_serializable_fails_no_request(serve: Serve, bank: Bank, database_url: str) -> None:
    async with default(database_url, "default_transaction_isolation", "serializable"):
        api = await serve()
        students = [api.as_("student", sub=f"student-{number}") for number in range(12)]
        started = await asyncio.gather(*(student.post("/assessments", {"track": SLUG}) for student in students))
        assert [reply.status for reply in started] == [201] * 12
        answers = {"responses": bank.all_answers()}
        paths = [reply.headers["Location"] for reply in started]
        pairs = zip(students, paths, strict=True)
        replies = await asyncio.gather(*(student.post(f"{path}/submit", answers) for student, path in pairs))
        assert [reply.status for reply in replies] == [202] * 12


async def test_serialization_failures_of_single_statements_are_tried_again(pool: Pool, bank: Bank) -> None:
    await pool.execute("CREATE SEQUENCE tries")
    await pool.execute(
        "CREATE FUNCTION fail_twice() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN"
        " IF nextval('tries') < 3 THEN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END IF;"
        " RETURN currval('tries'); END $$"
    )
    try:
        assert await pool.fetchval("SELECT fail_twice()") == 3
    finally:
        await pool.execute("DROP FUNCTION fail_twice; DROP SEQUENCE tries")


async def test_a_limit_of_time_of_the_database_is_an_outage(
    serve: Serve, path: str, bank: Bank, database_url: str, pool: Pool
) -> None:
    """Not an error of ours: a later try may succeed."""
    async with default(database_url, "lock_timeout", "20ms"):
        api = await serve()
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT FROM assessments FOR UPDATE")
            problem(await api.patch(f"{path}/responses", {"responses": bank.all_answers()}), 503, "storage-unavailable")
    assert (await api.patch(f"{path}/responses", {"responses": bank.all_answers()})).status == 200


async def test_a_server_that_refuses_the_options_of_a_connection_is_an_outage(serve: Serve, database_url: str) -> None:
    api = await serve(database_url=SecretStr(f"{database_url}?options=-c%20no_such_setting%3D1"))
    problem(await api.post("/assessments", {"track": SLUG}), 503, "storage-unavailable")
