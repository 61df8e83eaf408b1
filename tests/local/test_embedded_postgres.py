"""The embedded Postgres starts, stops, and survives kills and stale files."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from app.local.embedded import EmbeddedPostgres, EmbeddedServerError
from app.local.embedded.processes import wait_until

from .users import StartUser


@pytest.fixture(scope="module")
def running_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("running")


@pytest.fixture(scope="module")
def running(running_folder: Path) -> Iterator[EmbeddedPostgres]:
    """One server for the tests that leave it as it was."""
    postgres = EmbeddedPostgres(running_folder, durable=False)
    postgres.start()
    yield postgres
    postgres.stop()


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(statement)


def query(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement).fetchone()
        assert row is not None
        return row[0]


def test_a_restart_keeps_url_and_data(postgres: EmbeddedPostgres) -> None:
    url = postgres.start()
    execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.stop()
    assert not postgres.running() and postgres.pid() is None
    assert postgres.start() == url
    assert query(url, "SELECT answer FROM kept") == 42


def test_starting_twice_starts_once(running: EmbeddedPostgres) -> None:
    url, pid = running.start(), running.pid()
    assert running.start() == url
    assert running.pid() == pid


def test_another_object_finds_the_server_and_stops_it(postgres: EmbeddedPostgres, folder: Path) -> None:
    url = postgres.start()
    other = EmbeddedPostgres(folder)
    assert other.running() and other.start() == url
    other.stop()
    assert not postgres.running()


def test_extensions_and_settings_of_the_service(new_folder: Path) -> None:
    new_folder.mkdir(parents=True)
    url = EmbeddedPostgres(new_folder).start()
    execute(url, "CREATE EXTENSION pg_trgm")
    assert query(url, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1
    assert query(url, "SELECT lower('ÄÖÜ')") == "äöü"
    assert [query(url, f"SHOW {name}") for name in ("TimeZone", "fsync", "server_encoding")] == [
        "UTC",
        "on",
        "UTF8",
    ]


def test_fsync_may_be_off(running: EmbeddedPostgres) -> None:
    url = running.start()
    assert [query(url, f"SHOW {name}") for name in ("fsync", "synchronous_commit")] == ["off", "off"]


def test_only_the_password_opens_it(running: EmbeddedPostgres, running_folder: Path) -> None:
    url = running.start()
    secret = urlsplit(url).password
    assert secret
    for wrong in (url.replace(secret, "guess"), url.replace(f":{secret}", "")):
        with pytest.raises(psycopg.OperationalError, match="password"):
            execute(wrong, "SELECT 1")
    assert (running_folder / "postgres.password").stat().st_mode & 0o777 == 0o600


def test_ctrl_c_in_the_terminal_does_not_reach_it(running: EmbeddedPostgres) -> None:
    pid = running.pid()
    assert pid is not None
    assert os.getsid(pid) != os.getsid(0)


def test_committed_data_survives_a_kill(folder: Path) -> None:
    postgres = EmbeddedPostgres(folder)
    url = postgres.start()
    execute(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    postgres.kill()
    assert not postgres.running()
    assert query(postgres.start(), "SELECT answer FROM kept") == 42


def test_busy_children_of_a_killed_server_do_not_delay_the_next(postgres: EmbeddedPostgres) -> None:
    with closing(psycopg.connect(postgres.start())) as connection:
        busy = b"SELECT count(md5(n::text)) FROM generate_series(1, 1000000000) AS n"
        connection.pgconn.send_query(busy)
        postgres.kill()
        assert query(postgres.start(), "SELECT 1") == 1


def test_a_stale_pid_that_belongs_to_another_process(
    postgres: EmbeddedPostgres, folder: Path, other_process: subprocess.Popen[bytes]
) -> None:
    postgres.start()
    pid_file, killed = folder / "postgres" / "postmaster.pid", postgres.pid()
    postgres.kill()
    pid_file.write_text(pid_file.read_text().replace(str(killed), str(other_process.pid), 1))
    assert postgres.pid() is None
    postgres.stop()
    assert query(postgres.start(), "SELECT 1") == 1
    assert other_process.poll() is None


def test_an_empty_pid_file(postgres: EmbeddedPostgres, folder: Path) -> None:
    (folder / "postgres" / "postmaster.pid").touch()
    assert query(postgres.start(), "SELECT 1") == 1


def test_an_interrupted_initdb_is_repeated(new_folder: Path, start_user: StartUser) -> None:
    user = start_user(new_folder)
    assert wait_until(lambda: any(new_folder.glob("*/PG_VERSION")), 30)
    user.kill()
    assert not (new_folder / "postgres").exists()
    assert query(EmbeddedPostgres(new_folder, durable=False).start(), "SELECT 1") == 1


def test_a_path_too_long_for_a_socket(folder: Path) -> None:
    long = folder / ("long" * 30)
    long.mkdir()
    (folder / "postgres").rename(long / "postgres")
    (folder / "postgres.password").rename(long / "postgres.password")
    postgres = EmbeddedPostgres(long, durable=False)
    try:
        postgres.start()
        assert query(postgres.superuser_url(), "SHOW unix_socket_directories") == ""
    finally:
        postgres.stop()


def test_a_path_with_blanks_and_quotes(folder: Path) -> None:
    odd = folder.with_name("it's odd")
    folder.rename(odd)
    postgres = EmbeddedPostgres(odd, durable=False)
    try:
        postgres.start()
        assert query(postgres.superuser_url(), "SHOW unix_socket_directories") == f'"{odd}/postgres"'
    finally:
        postgres.stop()


def test_a_taken_port_is_not_used(postgres: EmbeddedPostgres) -> None:
    first = urlsplit(postgres.start()).port
    postgres.stop()
    with socket.create_server(("127.0.0.1", first or 0)):
        second = postgres.start()
    assert urlsplit(second).port != first
    assert query(second, "SELECT 1") == 1


def test_an_error_includes_the_log(postgres: EmbeddedPostgres, folder: Path) -> None:
    with (folder / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("work_mem = 'plenty'\n")
    with pytest.raises(EmbeddedServerError, match='invalid value for parameter "work_mem": "plenty"'):
        postgres.start()


def test_a_dropped_database_is_created_again(running: EmbeddedPostgres) -> None:
    url = running.start()
    with psycopg.connect(url, dbname="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE assay WITH (FORCE)")
    assert query(running.start(), "SELECT current_database()") == "assay"


def test_the_service_has_a_role_that_may_nothing_but_own_its_database(running: EmbeddedPostgres) -> None:
    url = running.start()
    rights = "SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls FROM pg_roles"
    assert query(url, f"{rights} WHERE rolname = current_user") is False
    assert query(url, "SELECT pg_get_userbyid(datdba) = current_user FROM pg_database WHERE datname = 'assay'") is True
    for statement in (
        "SELECT pg_read_file('postgresql.conf')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "CREATE ROLE other",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            execute(url, statement)


def test_the_role_of_the_service_takes_over_what_the_superuser_owned(postgres: EmbeddedPostgres) -> None:
    """Data folders of earlier versions belong to the superuser."""
    postgres.start()
    superuser = postgres.superuser_url()
    execute(superuser, "CREATE TABLE old (id bigserial PRIMARY KEY); CREATE VIEW seen AS SELECT id FROM old")
    execute(
        superuser, "CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'; INSERT INTO old DEFAULT VALUES"
    )
    url = postgres.start()
    execute(url, "ALTER TABLE old ADD COLUMN added integer; DROP FUNCTION one(); DROP VIEW seen")
    execute(url, "INSERT INTO old DEFAULT VALUES")
    assert query(url, "SELECT count(*) FROM old") == 2
    assert query(url, "SELECT '[1,2]'::vector <-> '[1,3]'::vector") == 1
