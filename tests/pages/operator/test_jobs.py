"""The pages of jobs: a list with filters, one job, and retrying what was given up."""

from uuid import UUID, uuid4

from app.domain.errors import PermanentError
from app.domain.states import JobStatus, JobType
from app.repositories import jobs
from app.repositories.sql import Pool
from tests.bank import SLUG, Bank
from tests.dead_letters import ERROR, fail_all_jobs, fail_job, read_state, retry
from tests.job_runner import claim_job, job_id, submit
from tests.pages.conftest import Person
from tests.pages.operator.conftest import values_of

HOSTILE = "<script>alert(1)</script>\u202e 👩‍🚀 e\u0301 " + "x" * 20_000


async def _failed(pool: Pool, bank: Bank, *owners: str) -> list[UUID]:
    return [await fail_job(pool, await submit(pool, bank, owner), JobType.GPT) for owner in owners]


async def _audited(pool: Pool) -> set[str]:
    return {row["key"] for row in await pool.fetch("SELECT key FROM audit_log WHERE action = 'retry'")}


async def test_the_list_begins_with_what_was_given_up_and_filters_by_the_address(
    operator: Person, pool: Pool, bank: Bank
) -> None:
    failed = (await _failed(pool, bank, "student-1"))[0]
    rag = await job_id(pool, (await read_state(pool, await submit(pool, bank, "student-2"))).row["id"], JobType.RAG)
    page = await operator.get("/dashboard/jobs")
    assert str(failed) in page.html and str(rag) not in page.html and ERROR.detail in page.text
    everything = await operator.get("/dashboard/jobs?status=&type=&track=")
    assert str(failed) in everything.html and str(rag) in everything.html
    waiting = await operator.get(f"/dashboard/jobs?status=queued&type=rag&track={SLUG}")
    assert str(rag) in waiting.html and str(failed) not in waiting.html
    assert "No job matches" in (await operator.get("/dashboard/jobs?status=queued&track=no-such-track")).text
    assert (await operator.get("/dashboard/jobs?status=lost")).status == 400


async def test_a_long_list_goes_on_with_the_same_filters(operator: Person, pool: Pool, bank: Bank) -> None:
    for number in range(18):
        await submit(pool, bank, f"student-{number}")
    first = await operator.get("/dashboard/jobs?status=queued&type=")
    assert first.html.count('<th scope="row">') == 50
    path = first.html.split('" rel="next"')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
    rest = await operator.get(f"/dashboard/jobs{path}")
    assert "status=queued" in path and rest.html.count('<th scope="row">') == 4 and 'rel="next"' not in rest.html


async def test_one_job_is_retried_and_its_page_shown(operator: Person, pool: Pool, bank: Bank) -> None:
    failed = (await _failed(pool, bank, "student-1"))[0]
    assert ERROR.detail in (await operator.get(f"/dashboard/jobs/{failed}")).text
    answer = await operator.post(f"/dashboard/jobs/{failed}/retry", {})
    assert (answer.status, answer.target) == (303, f"/dashboard/jobs/{failed}?done=job-retried")
    assert "waiting" in (await operator.get(answer.target)).text
    assert await _audited(pool) == {str(failed)}
    again = await operator.post(f"/dashboard/jobs/{failed}/retry", {})
    assert again.status == 409 and "0 of 1 job queued again" in again.text


async def test_the_dry_run_says_how_many_and_which_and_changes_nothing(
    operator: Person, pool: Pool, bank: Bank
) -> None:
    failed = await _failed(pool, bank, "student-1", "student-2")
    page = await operator.get("/dashboard/jobs/retry")
    assert "2 jobs match" in page.text and values_of(page, "job") == [str(job) for job in failed]
    assert "No failed job matches" in (await operator.get("/dashboard/jobs/retry?type=rag")).text
    assert "No failed job matches" in (await operator.get("/dashboard/jobs/retry?track=another")).text
    assert "2 jobs match" in (await operator.get(f"/dashboard/jobs/retry?type=gpt&track={SLUG}")).text
    assert await _audited(pool) == set()


async def test_only_the_jobs_of_the_dry_run_are_retried_as_they_are_now(
    operator: Person, pool: Pool, bank: Bank
) -> None:
    first, second = await _failed(pool, bank, "student-1", "student-2")
    page = await operator.get("/dashboard/jobs/retry")
    later = (await _failed(pool, bank, "student-3"))[0]
    await retry(pool, first)
    answer = await operator.post("/dashboard/jobs/retry", [("job", job) for job in values_of(page, "job")])
    assert answer.status == 200 and "1 of 2 jobs queued again" in answer.text and "only a failed job" in answer.text
    states = {row["id"]: row["status"] for row in await pool.fetch("SELECT id, status FROM async_jobs")}
    assert (states[first], states[second], states[later]) == ("queued", "queued", "failed")
    actors = await pool.fetch("SELECT key, actor FROM audit_log WHERE action = 'retry' ORDER BY id")
    assert [row["key"] for row in actors] == [str(first), str(second)]


async def test_a_job_that_the_new_run_of_another_covers_counts_and_is_audited(
    operator: Person, pool: Pool, bank: Bank
) -> None:
    assessment_id = await submit(pool, bank)
    await fail_all_jobs(pool, assessment_id)
    page = await operator.get("/dashboard/jobs/retry")
    answer = await operator.post("/dashboard/jobs/retry", [("job", job) for job in values_of(page, "job")])
    assert "3 of 3 jobs queued again" in answer.text
    assert (await read_state(pool, assessment_id)).row["run"] == 2
    assert await _audited(pool) == set(values_of(page, "job"))


async def test_a_form_names_from_one_to_a_hundred_jobs(operator: Person) -> None:
    for ids in ([], ["no id"], [str(uuid4()) for _ in range(101)]):
        assert (await operator.post("/dashboard/jobs/retry", [("job", text) for text in ids])).status == 422
    unknown = await operator.post("/dashboard/jobs/retry", [("job", str(uuid4()))])
    assert unknown.status == 200 and "there is no such job" in unknown.text


async def test_errors_show_as_text(operator: Person, pool: Pool, bank: Bank) -> None:
    job = await claim_job(pool, await submit(pool, bank), JobType.RAG)
    assert await jobs.finish(pool, job, JobStatus.FAILED, PermanentError("test", HOSTILE), None, [])
    for path in ("", "/retry", f"/{job.id}"):
        page = await operator.get(f"/dashboard/jobs{path}")
        assert page.status == 200 and "<script>alert" not in page.html and "<script>alert(1)</script>" in page.text


async def test_nobody_else_sees_or_retries_jobs(others: list[Person], pool: Pool, bank: Bank) -> None:
    failed = (await _failed(pool, bank, "student-1"))[0]
    for person in others:
        for path in ("/dashboard/jobs", "/dashboard/jobs/retry", f"/dashboard/jobs/{failed}"):
            assert (await person.get(path)).status == 403
        assert (await person.get(f"/dashboard/jobs/{uuid4()}")).status == 404
        assert (await person.post(f"/dashboard/jobs/{failed}/retry", {})).status == 403
        assert (await person.post("/dashboard/jobs/retry", [("job", str(failed))])).status == 403
    assert (await read_state(pool, (await pool.fetchval("SELECT id FROM assessments")))).jobs[JobType.GPT][
        "status"
    ] == "failed"


async def test_a_form_without_its_token_changes_nothing(operator: Person, pool: Pool, bank: Bank) -> None:
    failed = (await _failed(pool, bank, "student-1"))[0]
    for path in (f"/dashboard/jobs/{failed}/retry", "/dashboard/jobs/retry"):
        assert (await operator.post(path, [("job", str(failed))], csrf="wrong")).status == 403
    assert await _audited(pool) == set()
