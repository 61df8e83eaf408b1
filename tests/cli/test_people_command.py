"""`assay people` exports and erases people, without a server, a worker and a secret."""

import asyncio
import json
import stat
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from app.cli import people as command_module
from app.cli.main import main
from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue, owner_digest
from app.domain.job.notification import JobNotification
from app.domain.principal import principal_of
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.services import erasure
from tests.bank import Bank, create_bank
from tests.cli.conftest import Command
from tests.scored_assessments import completed_assessment

People = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]
SUB = "ada lovelace"
ISSUER = "https://idp.example"
IDENTITY_PROVIDER = {"JWT_JWKS_URL": f"{ISSUER}/jwks", "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": "assay"}


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


@pytest.fixture
def assay_people(command: Command, database_url: str) -> People:
    """Runs `assay people` over the test's own database."""

    async def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {"DATABASE_URL": database_url} | settings
        return await asyncio.to_thread(command.run, "people", *arguments, **environment)

    return run


async def audit_lines(pool: Pool) -> list[tuple[str, str, str]]:
    rows = await pool.fetch("SELECT actor, action, key FROM audit_log WHERE entity = 'person' ORDER BY id")
    return [(row["actor"], row["action"], row["key"]) for row in rows]


async def test_an_export_is_printed_or_written_to_a_new_private_file(
    assay_people: People, pool: Pool, bank: Bank, tmp_path: Path
) -> None:
    assessment_id = await completed_assessment(pool, bank, SUB)
    printed = await assay_people("export", SUB)
    assert (printed.returncode, printed.stderr) == (0, "")
    exported = json.loads(printed.stdout)
    assert (exported["sub"], [line["assessment_id"] for line in exported["assessments"]]) == (SUB, [str(assessment_id)])
    file = tmp_path / "ada.json"
    written = await assay_people("export", SUB, "--output", str(file))
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert json.loads(file.read_text("utf-8"))["assessments"] == exported["assessments"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await audit_lines(pool) == [("assay people export", "export", SUB)] * 2
    again = await assay_people("export", SUB, "--output", str(file))
    assert (again.returncode, again.stderr) == (1, f"assay: {file}: File exists\n")
    unknown, other = await assay_people("export", "nobody", "--output", str(tmp_path / "nobody.json")), tmp_path / "n"
    assert (unknown.returncode, unknown.stderr) == (1, "assay: nobody: nothing is stored of this person\n")
    missing = await assay_people("export", SUB, "--output", str(other / "ada.json"))
    assert (missing.returncode, missing.stderr) == (1, f"assay: {other}/ada.json: No such file or directory\n")
    assert not (tmp_path / "nobody.json").exists()
    assert len(await audit_lines(pool)) == 2


async def test_an_erasure_needs_no_worker_and_prints_its_receipt(
    assay_people: People, pool: Pool, bank: Bank, redis_url: str
) -> None:
    for _ in range(2):
        await completed_assessment(pool, bank, SUB)
    kept = await completed_assessment(pool, bank, "student-2")
    other = await erasure.request_erasure(pool, "admin-1", "student-2")
    redis = job_queue.connect(redis_url)
    await JobQueue(redis).notify([JobNotification(kept, JobType.GPT, 0, SUB)])
    done = await assay_people("erase", SUB, "--yes", REDIS_URL=redis_url)
    assert done.returncode == 0 and "REDIS_URL" not in done.stderr
    receipt = json.loads(done.stdout)
    assert (receipt["status"], receipt["counts"]["assessments"]) == ("completed", 2)
    assert [row["id"] for row in await pool.fetch("SELECT id FROM assessments")] == [kept]
    assert [key async for key in redis.scan_iter(f"assay:turn:*{owner_digest(SUB)}")] == []
    await redis.aclose()
    # The pending erasure of somebody else is left to the workers.
    assert (await erasure.find_erasure(pool, other.erasure_id)).completed_at is None
    assert await audit_lines(pool) == [
        ("admin-1", "erase", str(other.erasure_id)),
        ("assay people erase", "erase", receipt["erasure_id"]),
    ]
    again = await assay_people("erase", SUB, "--yes")
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr == f"assay: {SUB}: nothing is stored of this person\n"


async def test_without_redis_the_person_is_erased_all_the_same(assay_people: People, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, SUB)
    done = await assay_people("erase", SUB, "--yes", REDIS_URL="redis://127.0.0.1:1/0")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "completed")
    assert "\nassay: REDIS_URL: " in done.stderr


async def test_people_of_an_identity_provider_are_named_as_over_http(
    assay_people: People, pool: Pool, bank: Bank
) -> None:
    principal = principal_of(SUB, ISSUER)
    await completed_assessment(pool, bank, principal)
    assert (await assay_people("export", SUB)).returncode == 1
    named, trusted = (
        await assay_people("export", SUB, "--issuer", ISSUER),
        await assay_people("export", SUB, **IDENTITY_PROVIDER),
    )
    for done in (named, trusted):
        assert done.returncode == 0 and json.loads(done.stdout)["issuer"] == ISSUER
    assert (await assay_people("export", SUB, "--issuer", "", **IDENTITY_PROVIDER)).returncode == 1
    assert (await assay_people("erase", SUB, "--yes", **IDENTITY_PROVIDER)).returncode == 0
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 0


async def test_an_erasure_that_others_hold_up_is_left_to_the_workers(
    pool: Pool, bank: Bank, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assessment_id: UUID = await completed_assessment(pool, bank, SUB)
    monkeypatch.setattr(command_module, "_PATIENCE_SECONDS", 0.0)
    monkeypatch.setenv("DATABASE_URL", database_url)
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM async_jobs WHERE assessment_id = $1 FOR UPDATE", assessment_id)
        assert await asyncio.to_thread(main, ["people", "erase", SUB, "--yes"]) == 1
    output = capsys.readouterr()
    assert json.loads(output.out)["status"] == "pending"
    assert output.err.endswith("others are writing to what is to be deleted; workers go on, or run this again\n")
    assert await asyncio.to_thread(main, ["people", "erase", SUB, "--yes"]) == 0
    assert await pool.fetchval("SELECT count(*) FROM erasures") == 1


@pytest.mark.parametrize("arguments", [("erase", SUB), ("export",), ("forget", SUB)])
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["people", *arguments])
    output = capsys.readouterr()
    assert (end.value.code, output.out, "usage: assay people" in output.err) == (2, "", True)
