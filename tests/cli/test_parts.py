"""The commands of a deployment, and settings that stop a start."""

import fcntl
import shutil
import socket
import subprocess
from pathlib import Path

import jwt
import pytest

from app.local.embedded import ServerUrls
from tests.cli.conftest import Command
from tests.conftest import SECRET

_ROOT = Path(__file__).parents[2]


def test_config_prints_every_setting_and_no_secret(command: Command) -> None:
    hidden = {"JWT_SECRET": SECRET, "OPENAI_API_KEY": "sk-hidden", "DATABASE_URL": "postgresql://u:pw1@h/d"}
    done = command.run("config", **hidden, OPENAI_BASE_URL="https://u:pw2@model.example/v1")
    assert done.returncode == 0
    for name in ("DATABASE_URL", "JWT_SECRET", "OPENAI_MODEL", "WEBHOOK_RETRY_DELAYS", "CORS_ORIGINS", "RATE_LIMIT"):
        assert name in done.stdout
    assert "****@model.example/v1" in done.stdout
    for secret in (SECRET, "sk-hidden", "pw1", "pw2"):
        assert secret not in done.stdout


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("JWT_SECRET", "short"),
        ("DATABASE_URL", "mysql://elsewhere"),
        ("REDIS_URL", "http://elsewhere"),
        ("ESSAY_FALLBACK", "guess"),
        ("MODEL_PRICES", "{"),
        ("MODEL_PRICES", '{"m": {"in": -1, "out": 0}}'),
        ("JOB_LEASE_SECONDS", "0"),
        ("RATE_LIMIT", "many"),
        ("WEBHOOK_RETRY_DELAYS", "5,6"),
        ("WEBHOOK_ALLOWED_NETWORKS", "10.0.0.0/99"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_stops_the_start_with_its_name(command: Command, name: str, value: str) -> None:
    done = command.run("config", **{name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert "short" not in done.stderr.replace("shorter", "")


@pytest.mark.parametrize("part", ["serve", "worker", "migrate", "seed"])
def test_a_part_without_its_settings_does_not_start(command: Command, part: str) -> None:
    done = command.run(part)
    assert done.returncode == 2
    assert "is not set" in done.stderr


def test_the_server_does_not_start_without_a_secret(command: Command) -> None:
    done = command.run("serve", DATABASE_URL="postgresql://h/d", REDIS_URL="redis://h")
    assert (done.returncode, "JWT_SECRET" in done.stderr) == (2, True)


def test_a_token_names_role_and_person(command: Command) -> None:
    done = command.run("token", "--role", "admin", "--sub", "ada", JWT_SECRET=SECRET, JWT_AUDIENCE="assay")
    claims = jwt.decode(done.stdout.strip(), SECRET, algorithms=["HS256"], audience="assay")
    assert (claims["sub"], claims["roles"]) == ("ada", ["admin"])


def test_migrate_and_seed_can_be_repeated(command: Command, database_url: str) -> None:
    assert command.run("migrate", DATABASE_URL=database_url).stdout == "0 migration(s) applied\n"
    first = command.run("seed", DATABASE_URL=database_url)
    assert first.stdout == "201 row(s) of sample data added\n", first.stderr
    assert command.run("seed", DATABASE_URL=database_url).stdout == "0 row(s) of sample data added\n"


def test_migrate_says_in_one_line_what_is_wrong(command: Command, servers: ServerUrls) -> None:
    wrong = servers.database_url.replace("assay:", "assay:wrong")
    done = command.run("migrate", DATABASE_URL=wrong)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "wrong" not in done.stderr


def test_two_that_seed_at_once_both_succeed(command: Command, database_url: str) -> None:
    both = [command.start("seed", DATABASE_URL=database_url) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert sorted(outputs) == ["0 row(s) of sample data added\n", "201 row(s) of sample data added\n"]


def test_seed_says_that_the_schema_is_missing(command: Command, servers: ServerUrls) -> None:
    done = command.run("seed", DATABASE_URL=servers.database_url)
    assert (done.returncode, done.stderr) == (1, "assay: the database has no schema yet; run `assay migrate`\n")


@pytest.mark.parametrize(("part", "status"), [("serve", 1), ("up", 1)])
def test_a_taken_port_is_said_in_one_line(command: Command, part: str, status: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        urls = {"DATABASE_URL": "postgresql://127.0.0.1:1/d", "REDIS_URL": "redis://127.0.0.1:1"}
        done = command.run(part, PORT=port, JWT_SECRET=SECRET, **(urls if part == "serve" else {}))
    assert done.returncode == status
    last = done.stderr.splitlines()[-1]
    assert last.startswith("assay: ")
    assert port in last
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("--role", "king"), ("--role", "admin", "--seconds", "-5")])
def test_a_token_that_makes_no_sense_is_refused(command: Command, arguments: tuple[str, ...]) -> None:
    done = command.run("token", *arguments, JWT_SECRET=SECRET)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Role." not in done.stderr


def test_data_in_use_is_not_cleaned(tmp_path: Path) -> None:
    shutil.copy(_ROOT / "Makefile", tmp_path)
    (tmp_path / ".data").mkdir()
    with (tmp_path / ".data" / "users.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        refused = subprocess.run(["make", "clean-data"], cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S607
    assert (refused.returncode, "stop it first" in refused.stderr) == (2, True)
    assert (tmp_path / ".data").exists()
    subprocess.run(["make", "clean-data"], cwd=tmp_path, capture_output=True, check=True)  # noqa: S607
    assert not (tmp_path / ".data").exists()
