"""`assay jobs`: dead letters listed and retried from a terminal, without a server and without a secret."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from app.cli.jobs import ACTOR, retry
from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.settings import load_settings
from tests.bank import Bank, plant
from tests.cli.conftest import Command
from tests.dead_letters import ERROR, GPT_GONE, RAG_GONE, fail, see
from tests.pipelines import job_id, submit

Jobs = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await plant(pool)


@pytest.fixture
def assay_jobs(command: Command, database_url: str) -> Jobs:
    """Runs `assay jobs` over the test's own database."""

    async def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        told = {"DATABASE_URL": database_url} | settings
        return await asyncio.to_thread(command.run, "jobs", *arguments, **told)

    return run


async def all_failed(pool: Pool, bank: Bank, owner: str) -> dict[JobType, UUID]:
    """The jobs of an assessment that failed in every way."""
    assessment_id = await submit(pool, bank, owner)
    return {job_type: await fail(pool, assessment_id, job_type) for job_type in JobType}


async def test_the_list_shows_dead_letters_whole(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    gpt = await fail(pool, await submit(pool, bank), JobType.GPT, GPT_GONE)
    done = await assay_jobs("list", "--status", "failed", "--job-type", "gpt")
    assert (done.returncode, done.stderr) == (0, "")
    header, line = done.stdout.splitlines()
    assert header.split()[:4] == ["job", "type", "status", "run"]
    for part in (str(gpt), "gpt", "failed", "1/4", "gardener", f"{ERROR['code']}: {ERROR['detail']}"):
        assert part in line
    none = await assay_jobs("list", "--status", "failed", "--job-type", "rag")
    assert (none.returncode, none.stdout) == (0, "no jobs\n")


async def test_the_list_as_json_is_what_the_api_shows(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    await fail(pool, assessment_id, JobType.GPT, GPT_GONE)
    rows = await pool.fetch("SELECT id FROM async_jobs ORDER BY created_at DESC, id DESC")
    lines = (await assay_jobs("list", "--json")).stdout.splitlines()
    shown = [json.loads(line) for line in lines]
    assert [job["job_id"] for job in shown] == [str(row["id"]) for row in rows]
    assert {job["assessment_id"] for job in shown} == {str(assessment_id)}
    assert [job["error"] for job in shown if job["job_type"] == "gpt"] == [ERROR]
    assert (await assay_jobs("list", "--json", "--limit", "2")).stdout.splitlines() == lines[:2]


async def test_a_retry_queues_the_job_and_wakes_the_workers(
    assay_jobs: Jobs, pool: Pool, bank: Bank, redis_url: str
) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await fail(pool, assessment_id, JobType.GPT, GPT_GONE)
    done = await assay_jobs("retry", str(gpt), REDIS_URL=redis_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{gpt}: queued again\n1 of 1 job(s) queued again\n"
    assert (await see(pool, assessment_id)).due == {"gpt", "rag"}
    bell = JobQueue(job_queue.connect(redis_url))
    assert (await bell.queue_lengths())[JobType.GPT] == 1
    await bell.redis.aclose()
    assert await pool.fetchval("SELECT actor FROM audit_log WHERE entity = 'job'") == ACTOR


async def test_what_was_not_retried_is_said_and_the_rest_is_done(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    rag = await fail(pool, assessment_id, JobType.RAG, RAG_GONE)
    waiting, unknown = await job_id(pool, assessment_id, JobType.GPT), uuid4()
    done = await assay_jobs("retry", str(waiting), str(unknown), str(rag))
    assert (done.returncode, done.stdout) == (1, f"{rag}: queued again\n1 of 3 job(s) queued again\n")
    assert done.stderr.splitlines() == [
        f"assay: {waiting}: only a failed job can be retried; this one is queued",
        f"assay: {unknown}: there is no such job",
    ]


async def test_all_are_those_of_newest_runs(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    """Those that one new run tries again together are all answered by it."""
    first, second = [await all_failed(pool, bank, f"student-{number}") for number in (1, 2)]
    done = await assay_jobs("retry", "--all")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert {line.split(":")[0] for line in lines[:-1]} == {str(job) for job in (*first.values(), *second.values())}
    assert (len(lines), lines[-1]) == (7, "6 of 6 job(s) queued again")
    runs = "SELECT count(*), min(run), max(run) FROM assessments WHERE status = 'failed'"
    assert tuple(await pool.fetchrow(runs) or ()) == (2, 2, 2)
    again = await assay_jobs("retry", "--all")
    assert (again.returncode, again.stdout) == (0, "0 of 0 job(s) queued again\n")


async def test_a_job_named_twice_is_retried_once(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    failed = await all_failed(pool, bank, "student-1")
    named = [str(job) for job in failed.values()] * 2
    done = await assay_jobs("retry", *named)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "3 of 3 job(s) queued again")
    assert await pool.fetchval("SELECT max(run) FROM async_jobs") == 2


async def test_redis_is_not_needed(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    gpt = await fail(pool, await submit(pool, bank), JobType.GPT, GPT_GONE)
    done = await assay_jobs("retry", str(gpt), REDIS_URL="redis://127.0.0.1:1")
    assert (done.returncode, "redis_unavailable" in done.stderr) == (0, True)


async def test_more_than_one_call_retries_is_no_success(
    pool: Pool, bank: Bank, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings(database_url=database_url)
    for number in range(3):
        await fail(pool, await submit(pool, bank, f"student-{number}", []), JobType.GPT, GPT_GONE)
    assert not await retry(settings, [], most=2)
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "2 of 2 job(s) queued again"
    assert said.err == "assay: there are more failed jobs; run this again for the rest\n"
    assert await retry(settings, [], most=2)
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 1 job(s) queued again"


@pytest.mark.parametrize(
    "arguments",
    [(), ("retry",), ("retry", "x"), ("retry", "--all", str(UUID(int=1))), ("list", "--limit", "0"),
     ("list", "--limit", "-1"), ("list", "--status", "dead"), ("list", "--job-type", "essay")],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(assay_jobs: Jobs, arguments: tuple[str, ...]) -> None:
    done = await assay_jobs(*arguments)
    assert (done.returncode, done.stdout, "usage: assay jobs" in done.stderr) == (2, "", True)


async def test_without_a_database_nothing_is_done(command: Command) -> None:
    for arguments in (("list",), ("retry", "--all")):
        done = await asyncio.to_thread(command.run, "jobs", *arguments)
        assert (done.returncode, done.stderr) == (2, "assay: DATABASE_URL is not set\n")
        away = await asyncio.to_thread(command.run, "jobs", *arguments, DATABASE_URL="postgresql://127.0.0.1:1/d")
        assert (away.returncode, len(away.stderr.splitlines())) == (1, 1)
