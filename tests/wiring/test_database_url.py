"""DATABASE_URL: what it may say, for all commands alike, and what is refused by name."""

import socket

import psycopg
import pytest

from app.database_url import parse_database_url
from app.settings import WrongSetting, load_settings
from app.wiring.pool import open_pool


@pytest.mark.parametrize(
    "query",
    [
        "channel_binding=prefer&connect_timeout=3",
        "application_name=mine",
        "options=-c%20search_path%3Dpublic",
        "gssencmode=disable",
    ],
)
async def test_options_of_libpq_work_everywhere(database_url: str, query: str) -> None:
    url = f"{database_url}?{query}"
    async with open_pool(url, "tests", 1) as pool:
        served = await pool.fetchrow("SELECT current_setting('application_name'), current_setting('search_path')")
    with psycopg.connect(**parse_database_url(url).for_libpq(), autocommit=True) as connection:
        migrated = connection.execute(
            "SELECT current_setting('application_name'), current_setting('search_path')"
        ).fetchone()
    assert served is not None and migrated is not None
    assert ("mine" in query, served[1] == "public") == (served[0] == "mine", "search_path" in query)
    assert migrated[1] == served[1]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("pgbouncer=true", "pgbouncer"),
        ("statement_timeout=5", "statement_timeout"),
        ("connect_timeout=soon", "connect_timeout"),
        ("target_session_attrs=standby", "target_session_attrs"),
        ("channel_binding=require", "channel_binding"),
        ("sslmode=yes", "sslmode"),
        ("port=http", "port"),
        ("host=a,b,c&port=1,2", "port"),
        ("sslmode", "option"),
    ],
)
def test_others_are_refused_by_name(query: str, named: str) -> None:
    with pytest.raises(WrongSetting) as refused:
        load_settings(database_url=f"postgresql://me:hidden@127.0.0.1/d?{query}")
    assert str(refused.value).startswith("DATABASE_URL: ") and named in str(refused.value)
    assert "hidden" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "hosts", "user", "password", "database"),
    [
        ("postgres://u:p%40%2F@h/d", (("h", 5432),), "u", "p@/", "d"),
        ("postgresql://u:a:b@h1:1,h2:2/d", (("h1", 1), ("h2", 2)), "u", "a:b", "d"),
        ("postgresql://u@[::1]:7,[fe80::2]/d", (("::1", 7), ("fe80::2", 5432)), "u", None, "d"),
        ("postgresql:///d?host=/run/pg&port=5433&user=me", (("/run/pg", 5433),), "me", None, "d"),
        ("postgresql://%2Frun/d", (("/run", 5432),), None, None, "d"),
        ("postgresql://", (), None, None, None),
    ],
)  # fmt: skip
def test_parts_of_a_url(
    url: str, hosts: tuple[tuple[str, int], ...], user: str | None, password: str | None, database: str | None
) -> None:
    parsed = parse_database_url(url)
    assert (parsed.hosts, parsed.user, parsed.password, parsed.database) == (hosts, user, password, database)


async def test_the_next_host_is_used_where_one_does_not_answer(database_url: str) -> None:
    """Neither a closed port nor a server that stays silent keeps the others from being tried."""
    address = database_url.split("@")[1].split("/")[0]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hosts = f"127.0.0.1:1,127.0.0.1:{silent.getsockname()[1]},{address}"
        async with open_pool(f"{database_url.replace(address, hosts)}?connect_timeout=1", "tests", 1) as pool:
            assert await pool.fetchval("SELECT 1") == 1
