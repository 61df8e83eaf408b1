"""Ports, hosts and servers that cannot be used: one line that names the setting, without passwords."""

import socket
from collections.abc import Iterator
from uuid import uuid4

import pytest

from app.local.embedded import ServerUrls
from tests.cli.conftest import Command
from tests.conftest import SECRET

# Nobody listens on port 1.
NO_DATABASE = "postgresql://assay:p4ss@127.0.0.1:1/d"
NO_REDIS = "redis://:p4ss@127.0.0.1:1"
SERVERS = {"DATABASE_URL": NO_DATABASE, "REDIS_URL": NO_REDIS, "JWT_SECRET": SECRET}


@pytest.fixture
def taken_port() -> Iterator[str]:
    """A port on which another process listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def only_line(text: str) -> str:
    """The last line that is not of the log; there is no traceback."""
    assert "Traceback" not in text and "p4ss" not in text
    (line,) = [line for line in text.splitlines() if not line.startswith("{")]
    return line


def test_a_taken_port(command: Command, taken_port: str) -> None:
    message = f"assay: PORT: 127.0.0.1:{taken_port} is already in use"
    done = command.run("serve", PORT=taken_port, **SERVERS)
    assert (done.returncode, only_line(done.stderr)) == (1, message)
    done = command.run("serve", "--processes", "2", PORT=taken_port, **SERVERS)
    assert (done.returncode, only_line(done.stderr)) == (1, message)
    done = command.run("up", PORT=taken_port, JWT_SECRET=SECRET)
    assert (done.returncode, only_line(done.stderr)) == (1, message)


@pytest.mark.parametrize("part", ["serve", "worker"])
def test_several_processes_say_once_what_is_wrong(command: Command, part: str) -> None:
    wrong = {"serve": {"JWT_SECRET": ""}, "worker": {"REDIS_URL": ""}}
    message = {"serve": "assay: JWT_SECRET is not set", "worker": "assay: REDIS_URL is not set"}
    done = command.run_alone(part, "--processes", "3", **SERVERS | {"PORT": "0"} | wrong[part])
    assert (done.returncode, only_line(done.stderr)) == (2, message[part])
    done = command.run(part, "--processes", "0", **SERVERS)
    assert done.returncode == 2 and "--processes: must be a whole number above 0" in done.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_a_host_that_is_not_of_this_machine(command: Command, host: str) -> None:
    done = command.run("serve", HOST=host, PORT="0", **SERVERS)
    assert done.returncode == 1 and only_line(done.stderr).startswith(f"assay: HOST: cannot listen on {host}: ")
    done = command.run("serve", "--processes", "2", HOST=host, PORT="0", **SERVERS)
    assert done.returncode == 1 and only_line(done.stderr).startswith(f"assay: HOST: cannot listen on {host}: ")
    done = command.run("demo", HOST=host, JWT_SECRET=SECRET)
    assert done.returncode == 1 and only_line(done.stderr).startswith(f"assay: HOST: cannot listen on {host}: ")


@pytest.mark.parametrize(
    "arguments",
    [("migrate",), ("seed",), ("jobs", "list"), ("jobs", "retry", "--all"), ("webhooks", "list"),
     ("webhooks", "show", str(uuid4())), ("credentials", "reindex"), ("demo",)],
)  # fmt: skip
def test_a_database_that_is_unavailable(command: Command, arguments: tuple[str, ...]) -> None:
    done = command.run(*arguments, DATABASE_URL=NO_DATABASE, JWT_SECRET=SECRET)
    line = [line for line in done.stderr.splitlines() if "rows" not in line][-1]
    assert done.returncode == 1 and line.startswith("assay: DATABASE_URL: ")
    assert "p4ss" not in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_a_database_that_refuses_the_password_or_does_not_exist(command: Command, servers: ServerUrls) -> None:
    for url, reason in (
        (servers.superuser_url.replace("assay:", "assay:p4ss"), "password authentication failed"),
        (servers.superuser_url.rsplit("/", 1)[0] + "/nothing", 'database "nothing" does not exist'),
    ):
        for arguments in (("migrate",), ("jobs", "list")):
            done = command.run(*arguments, DATABASE_URL=url)
            line = only_line(done.stderr)
            assert done.returncode == 1 and line.startswith("assay: DATABASE_URL: ") and reason in line


@pytest.mark.parametrize("arguments", [("jobs", "list"), ("webhooks", "list"), ("jobs", "retry", "--all")])
def test_a_database_that_is_not_migrated(command: Command, servers: ServerUrls, arguments: tuple[str, ...]) -> None:
    done = command.run(*arguments, DATABASE_URL=servers.superuser_url)
    message = "assay: DATABASE_URL: the database is not migrated; run `assay migrate`"
    assert (done.returncode, only_line(done.stderr)) == (1, message)


def test_the_demo_needs_the_redis_that_is_set(command: Command) -> None:
    done = command.run("demo", REDIS_URL=NO_REDIS)
    assert done.returncode == 1 and only_line(done.stderr).startswith("assay: REDIS_URL: ")
    assert command.left_behind() == []


@pytest.mark.parametrize("url", ["redis://h?db=first", "redis://h?no_such_option=1"])
@pytest.mark.parametrize("part", ["serve", "worker"])
def test_a_redis_url_that_cannot_be_read(command: Command, part: str, url: str) -> None:
    done = command.run(part, **(SERVERS | {"REDIS_URL": url}))
    assert done.returncode == 2 and only_line(done.stderr).startswith("assay: REDIS_URL: ")


def test_the_server_needs_every_setting_of_a_given_database(command: Command) -> None:
    for missing in ("REDIS_URL", "JWT_SECRET"):
        done = command.run("serve", **{name: value for name, value in SERVERS.items() if name != missing})
        assert (done.returncode, only_line(done.stderr)) == (2, f"assay: {missing} is not set")
