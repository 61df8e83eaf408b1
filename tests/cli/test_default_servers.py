"""Without DATABASE_URL, commands use the servers of `make run` where they run; a DATABASE_URL that is set wins."""

import asyncio
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import jwt
import pytest
from redis import Redis

from app.domain.states import JobType
from app.local.embedded import ServerUrls, embedded_servers
from app.local.local_settings import get_or_create_secret
from app.repositories.migrations import migrate
from app.repositories.sql import Pool
from tests.bank import create_bank
from tests.cli.conftest import Command
from tests.conftest import SECRET
from tests.dead_letters import GPT_REASON, fail_job
from tests.job_runner import submit

COMMANDS = (
    ("serve",), ("worker",), ("migrate",), ("seed",), ("jobs", "list"), ("jobs", "retry", "--all"),
    ("webhooks", "list"), ("credentials", "reindex"),
)  # fmt: skip


@pytest.fixture(scope="module")
def deployment(command: Command) -> Iterator[ServerUrls]:
    """The embedded servers and the secret, as `make run` leaves them to other commands."""
    with embedded_servers(command.data_dir, durable=False) as urls:
        migrate(urls.database_url)
        get_or_create_secret(command.data_dir)
        yield urls


@pytest.mark.parametrize("arguments", COMMANDS)
def test_where_no_servers_run_the_error_says_what_to_do(
    command: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    folder = tmp_path / "data"
    done = command.run(*arguments, ASSAY_DATA_DIR=str(folder), JWT_SECRET=SECRET)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        f"assay: DATABASE_URL is not set, and no embedded servers run in {folder}: start them with `make run`, or set "
        "DATABASE_URL\n",
    )
    assert not folder.exists(), "nothing is started"


def test_a_token_without_any_secret(command: Command, tmp_path: Path) -> None:
    done = command.run("token", "--role", "student", ASSAY_DATA_DIR=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"assay: JWT_SECRET is not set, and `make run` has left no secret in {tmp_path}\n"


def test_commands_use_the_servers_that_run(command: Command, deployment: ServerUrls) -> None:
    for arguments, output in (
        (("migrate",), "0 migrations applied\n"),
        (("jobs", "list"), "no jobs\n"),
        (("jobs", "retry", "--all"), "0 of 0 jobs queued again\n"),
        (("webhooks", "list"), "no deliveries\n"),
        (("credentials", "reindex"), "0 passages embedded\n"),
    ):
        done = command.run(*arguments)
        assert (done.returncode, done.stdout) == (0, output), done.stderr


def test_a_server_and_a_worker_join_the_deployment(command: Command, deployment: ServerUrls) -> None:
    server, worker = command.start("serve", PORT="0"), command.start("worker")
    assert server.stdout and worker.stdout
    line = next(line for line in server.stdout if '"event": "serving"' in line)
    assert any('"event": "worker_started"' in line for line in worker.stdout)
    address = re.findall(r"127\.0\.0\.1:\d+", line)[0]
    token = command.run("token", "--role", "student", "--sub", "me").stdout.strip()
    request = Request(f"http://{address}/assessments", headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=20) as reply:  # noqa: S310
        assert reply.status == 200
    for process in (server, worker):
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_the_kept_secret_signs_tokens_of_this_deployment_alone(command: Command, deployment: ServerUrls) -> None:
    arguments = ("token", "--role", "student")
    kept = command.run(*arguments)
    assert jwt.decode(kept.stdout.strip(), get_or_create_secret(command.data_dir), algorithms=["HS256"])["roles"] == [
        "student"
    ]
    of_its_own = command.run(*arguments, JWT_SECRET=SECRET)
    assert jwt.decode(of_its_own.stdout.strip(), SECRET, algorithms=["HS256"])["roles"] == ["student"]
    elsewhere = command.run(*arguments, DATABASE_URL="postgresql://elsewhere/d")
    assert (elsewhere.returncode, elsewhere.stdout) == (2, "")
    assert elsewhere.stderr == "assay: JWT_SECRET is not set\n"


@pytest.mark.parametrize(
    ("part", "missing"), [("serve", "JWT_SECRET"), ("worker", "REDIS_URL"), ("demo", "JWT_SECRET")]
)
def test_a_given_database_is_never_combined_with_the_embedded_deployment(
    command: Command, deployment: ServerUrls, part: str, missing: str
) -> None:
    done = command.run(part, DATABASE_URL="postgresql://127.0.0.1:1/d")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"assay: {missing} is not set")


async def test_a_retry_in_a_given_database_does_not_wake_the_embedded_workers(
    command: Command, deployment: ServerUrls, pool: Pool, database_url: str
) -> None:
    gpt = await fail_job(pool, await submit(pool, await create_bank(pool)), JobType.GPT, GPT_REASON)
    done = await asyncio.to_thread(command.run, "jobs", "retry", str(gpt), DATABASE_URL=database_url)
    assert (done.returncode, done.stderr) == (0, "")
    with Redis.from_url(deployment.redis_url) as redis:
        # Only what a check of readiness may have left.
        assert set(redis.keys()) <= {b"assay:write-check"}
