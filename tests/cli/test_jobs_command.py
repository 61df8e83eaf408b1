"""`assay jobs` lists jobs and retries failed ones, without a server and without a secret."""

import asyncio
import json
import subprocess
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from app.cli.jobs import ACTOR, retry
from app.cli.main import main
from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.domain.states import JobType
from app.repositories.sql import Pool
from app.settings import load_settings
from tests.bank import Bank, create_bank
from tests.cli.conftest import Command
from tests.dead_letters import ERROR, ERROR_BODY, GPT_REASON, RAG_REASON, fail_job, read_state
from tests.job_runner import job_id, submit

Jobs = Callable[..., Awaitable["subprocess.CompletedProcess[str]"]]


@pytest.fixture
async def bank(pool: Pool) -> Bank:
    """The small track."""
    return await create_bank(pool)


@pytest.fixture
def assay_jobs(command: Command, database_url: str) -> Jobs:
    """Runs `assay jobs` over the test's own database."""

    async def run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        environment = {"DATABASE_URL": database_url} | settings
        return await asyncio.to_thread(command.run, "jobs", *arguments, **environment)

    return run


async def all_failed(pool: Pool, bank: Bank, owner: str) -> dict[JobType, UUID]:
    """The jobs of an assessment, all of them failed."""
    assessment_id = await submit(pool, bank, owner)
    return {job_type: await fail_job(pool, assessment_id, job_type) for job_type in JobType}


async def test_the_list_shows_failed_jobs_with_their_errors(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    gpt = await fail_job(pool, await submit(pool, bank), JobType.GPT, GPT_REASON)
    done = await assay_jobs("list", "--status", "failed", "--job-type", "gpt")
    assert (done.returncode, done.stderr) == (0, "")
    header, line = done.stdout.splitlines()
    assert header.split()[:4] == ["job", "type", "status", "run"]
    for part in (str(gpt), "gpt", "failed", "1/4", "gardener", f"{ERROR.code}: {ERROR.detail}"):
        assert part in line
    none = await assay_jobs("list", "--status", "failed", "--job-type", "rag")
    assert (none.returncode, none.stdout) == (0, "no jobs\n")


async def test_the_list_as_json_is_what_the_api_shows(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
    rows = await pool.fetch("SELECT id FROM async_jobs ORDER BY created_at DESC, id DESC")
    lines = (await assay_jobs("list", "--json")).stdout.splitlines()
    shown = [json.loads(line) for line in lines]
    assert [job["job_id"] for job in shown] == [str(row["id"]) for row in rows]
    assert {job["assessment_id"] for job in shown} == {str(assessment_id)}
    assert [job["error"] for job in shown if job["job_type"] == "gpt"] == [ERROR_BODY]
    assert (await assay_jobs("list", "--json", "--limit", "2")).stdout.splitlines() == lines[:2]


async def test_a_retry_queues_the_job_and_wakes_the_workers(
    assay_jobs: Jobs, pool: Pool, bank: Bank, redis_url: str
) -> None:
    assessment_id = await submit(pool, bank)
    gpt = await fail_job(pool, assessment_id, JobType.GPT, GPT_REASON)
    done = await assay_jobs("retry", str(gpt), REDIS_URL=redis_url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{gpt}: queued again\n1 of 1 job queued again\n"
    assert (await read_state(pool, assessment_id)).due == {"gpt", "rag"}
    queue = JobQueue(job_queue.connect(redis_url))
    assert (await queue.queue_lengths())[JobType.GPT] == 1
    await queue.redis.aclose()
    assert await pool.fetchval("SELECT actor FROM audit_log WHERE entity = 'job'") == ACTOR


async def test_jobs_that_cannot_be_retried_are_named(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    assessment_id = await submit(pool, bank)
    rag = await fail_job(pool, assessment_id, JobType.RAG, RAG_REASON)
    waiting, unknown = await job_id(pool, assessment_id, JobType.GPT), uuid4()
    done = await assay_jobs("retry", str(waiting), str(unknown), str(rag))
    assert (done.returncode, done.stdout) == (1, f"{rag}: queued again\n1 of 3 jobs queued again\n")
    assert done.stderr.splitlines() == [
        f"assay: {waiting}: only a failed job can be retried; this one is queued",
        f"assay: {unknown}: there is no such job",
    ]


async def test_all_retries_the_failed_jobs_of_newest_runs(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    """Jobs that one new run tries again together are all named."""
    first, second = [await all_failed(pool, bank, f"student-{number}") for number in (1, 2)]
    done = await assay_jobs("retry", "--all")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert {line.split(":")[0] for line in lines[:-1]} == {str(job) for job in (*first.values(), *second.values())}
    assert (len(lines), lines[-1]) == (7, "6 of 6 jobs queued again")
    runs = "SELECT count(*), min(run), max(run) FROM assessments WHERE status = 'failed'"
    assert tuple(await pool.fetchrow(runs) or ()) == (2, 2, 2)
    again = await assay_jobs("retry", "--all")
    assert (again.returncode, again.stdout) == (0, "0 of 0 jobs queued again\n")


async def test_a_job_named_twice_is_retried_once(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    failed = await all_failed(pool, bank, "student-1")
    twice = [str(job) for job in failed.values()] * 2
    done = await assay_jobs("retry", *twice)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "3 of 3 jobs queued again")
    assert await pool.fetchval("SELECT max(run) FROM async_jobs") == 2


async def test_a_retry_succeeds_without_redis_and_says_so(assay_jobs: Jobs, pool: Pool, bank: Bank) -> None:
    gpt = await fail_job(pool, await submit(pool, bank), JobType.GPT, GPT_REASON)
    done = await assay_jobs("retry", str(gpt), REDIS_URL="redis://:p4ss@127.0.0.1:1")
    assert (done.returncode, len(done.stderr.splitlines())) == (0, 1)
    assert done.stderr.startswith("assay: REDIS_URL: ") and "p4ss" not in done.stderr


async def test_more_jobs_than_one_call_retries_are_a_failure(
    pool: Pool, bank: Bank, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = load_settings(database_url=database_url)
    for number in range(3):
        await fail_job(pool, await submit(pool, bank, f"student-{number}", []), JobType.GPT, GPT_REASON)
    assert not await retry(settings, [], limit=2)
    output = capsys.readouterr()
    assert output.out.splitlines()[-1] == "2 of 2 jobs queued again"
    assert output.err == "assay: there are more failed jobs; run this again for the rest\n"
    assert await retry(settings, [], limit=2)
    assert capsys.readouterr().out.splitlines()[-1] == "1 of 1 job queued again"


@pytest.mark.parametrize(
    "arguments",
    [(), ("retry",), ("retry", "x"), ("retry", "--all", str(UUID(int=1))), ("list", "--limit", "0"),
     ("list", "--limit", "-1"), ("list", "--status", "dead"), ("list", "--job-type", "essay")],
)  # fmt: skip
def test_wrong_arguments_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["jobs", *arguments])
    output = capsys.readouterr()
    assert (end.value.code, output.out, "usage: assay jobs" in output.err) == (2, "", True)
