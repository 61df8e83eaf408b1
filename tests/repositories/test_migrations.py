"""Migrations: applied, rolled back and applied again, by several processes at once, and after one was killed."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from yoyo import read_migrations

from app.database_url import parse_database_url
from app.local.embedded import ServerUrls
from app.repositories.migrations import MIGRATIONS, MigrationFailed, known_migrations, migrate, open_backend
from app.repositories.sql import Pool
from tests.bank import Bank
from tests.conftest import with_database
from tests.job_runner import submit

ROOT = Path(__file__).parents[2]
# Everything in a database except yoyo's own tables.
SCHEMA = """
SELECT 'column',
       table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || coalesce(column_default, '')
FROM information_schema.columns
WHERE table_schema = 'public' AND table_name NOT LIKE '%yoyo%'
UNION ALL SELECT 'constraint', conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%yoyo%'
UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '%yoyo%'
UNION ALL SELECT 'trigger', tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT 'extension', extname FROM pg_extension WHERE extname <> 'plpgsql'
ORDER BY 1, 2
"""


@pytest.fixture
async def empty_url(servers: ServerUrls) -> AsyncIterator[str]:
    """An empty database."""
    name = f"empty_{uuid4().hex}"
    admin = await asyncpg.connect(servers.superuser_url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    yield with_database(servers.superuser_url, name)
    await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await admin.close()


async def schema(url: str) -> list[tuple[str, str]]:
    conn = await asyncpg.connect(url)
    objects = [(row[0], row[1]) for row in await conn.fetch(SCHEMA)]
    await conn.close()
    return objects


def roll_back(url: str) -> None:
    backend = open_backend(parse_database_url(url))
    with backend.lock():
        backend.rollback_migrations(backend.to_rollback(read_migrations(str(MIGRATIONS))))
    backend.connection.close()


async def test_migrations_apply_roll_back_and_apply_again(empty_url: str) -> None:
    empty = await schema(empty_url)
    assert await asyncio.to_thread(migrate, empty_url) == len(known_migrations()) >= 7
    full = await schema(empty_url)
    await asyncio.to_thread(roll_back, empty_url)
    assert await schema(empty_url) == empty
    assert await asyncio.to_thread(migrate, empty_url) == len(known_migrations())
    assert await schema(empty_url) == full
    assert await asyncio.to_thread(migrate, empty_url) == 0


def test_each_migration_has_a_rollback() -> None:
    rollbacks = {path.name.removesuffix(".rollback.sql") for path in MIGRATIONS.glob("*.rollback.sql")}
    assert rollbacks == known_migrations()


async def run_migrate(url: str) -> tuple[int, str]:
    """Runs `assay migrate`; its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "app", "migrate",
        cwd=ROOT, env={"DATABASE_URL": url}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_of_three_processes_only_one_migrates(empty_url: str) -> None:
    results = await asyncio.gather(*(run_migrate(empty_url) for _ in range(3)))
    assert [status for status, _ in results] == [0, 0, 0], results
    assert sorted(int(output.splitlines()[-1].split()[0]) for _, output in results) == [0, 0, len(known_migrations())]


async def test_the_lock_of_a_killed_process_stops_no_one(empty_url: str) -> None:
    """It held yoyo's own lock, and had applied some of the migrations."""
    await asyncio.to_thread(migrate, empty_url)
    conn = await asyncpg.connect(empty_url)
    await conn.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 4711)")
    last = max(known_migrations())
    await conn.execute((MIGRATIONS / f"{last}.rollback.sql").read_text())
    await conn.execute("DELETE FROM _yoyo_migration WHERE migration_id = $1", last)
    await conn.close()
    assert await asyncio.to_thread(migrate, empty_url) == 1


async def test_stored_run_modes_are_renamed_and_renamed_back(pool: Pool, bank: Bank) -> None:
    await submit(pool, bank)
    await pool.execute(
        "UPDATE async_jobs SET mode = CASE job_type WHEN 'gpt' THEN 'rescore' WHEN 'rag' THEN 'cached' ELSE mode END"
    )
    modes = "SELECT array_agg(mode::text ORDER BY job_type DESC) FROM async_jobs"
    for name, stored in (
        ("0016.rename-run-modes.rollback", ["bought", "anew", "needed"]),
        ("0016.rename-run-modes", ["cached", "rescore", "missing"]),
    ):
        await pool.execute((MIGRATIONS / f"{name}.sql").read_text())
        assert await pool.fetchval(modes) == stored


async def test_an_unavailable_database_gives_one_line_without_the_password() -> None:
    with pytest.raises(MigrationFailed) as raised:
        await asyncio.to_thread(migrate, "postgresql://nobody:secret@127.0.0.1:1/none")
    assert "\n" not in str(raised.value) and "secret" not in str(raised.value)


async def test_a_lock_that_is_not_released_has_a_time_limit_and_a_name(empty_url: str) -> None:
    """As older versions take it behind a pooler, where its session outlives the process."""
    holder = await asyncpg.connect(empty_url, server_settings={"application_name": "stuck migrate"})
    await holder.execute("SELECT pg_advisory_lock(7046029254386353087)")
    reported: list[str] = []
    with pytest.raises(MigrationFailed, match=f"stuck migrate .Postgres process {holder.get_server_pid()}, .*0.5 s"):
        await asyncio.to_thread(migrate, empty_url, 0.5, reported.append)
    assert len(reported) == 1 and "stuck migrate" in reported[0]
    await holder.close()
    assert await asyncio.to_thread(migrate, empty_url) == len(known_migrations())


async def test_missing_rights_and_encodings_are_explained_in_one_line(empty_url: str, servers: ServerUrls) -> None:
    admin = await asyncpg.connect(empty_url)
    name, ascii_name = f"guest_{uuid4().hex}", f"ascii_{uuid4().hex}"
    await admin.execute(f"CREATE ROLE {name} LOGIN PASSWORD 'secret'")
    guest = re.sub("//.*@", f"//{name}:secret@", empty_url)
    with pytest.raises(MigrationFailed) as refused:
        await asyncio.to_thread(migrate, guest)
    assert f"GRANT CREATE ON SCHEMA public TO {name}" in str(refused.value)
    assert "CREATE EXTENSION vector" in str(refused.value) and "\n" not in str(refused.value)
    await admin.execute(f"GRANT CREATE ON SCHEMA public TO {name}")
    await admin.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector SCHEMA extensions")
    with pytest.raises(MigrationFailed, match=f"GRANT USAGE ON SCHEMA extensions TO {name}`, and have .* search_path"):
        await asyncio.to_thread(migrate, guest)
    await admin.execute("ALTER EXTENSION vector SET SCHEMA public")
    assert await asyncio.to_thread(migrate, guest) == len(known_migrations())
    await admin.execute(
        f"CREATE DATABASE {ascii_name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"
        " LOCALE_PROVIDER libc TEMPLATE template0"
    )
    with pytest.raises(MigrationFailed, match=r"SQL_ASCII: .*ENCODING 'UTF8'"):
        await asyncio.to_thread(migrate, with_database(servers.superuser_url, ascii_name))
    await admin.execute(f"DROP DATABASE {ascii_name}")
    await admin.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")
    await admin.close()


async def test_nothing_to_migrate_needs_no_right_and_no_lock(empty_url: str) -> None:
    await asyncio.to_thread(migrate, empty_url)
    holder = await asyncpg.connect(empty_url)
    await holder.execute("SELECT pg_advisory_lock(7046029254386353087)")
    assert await asyncio.to_thread(migrate, empty_url, 0.0) == 0
    await holder.close()
