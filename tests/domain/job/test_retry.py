"""The delays before retries, and the ways to retry a job that has failed for good."""

from itertools import product

import pytest

from app.domain.errors import CallerError, Conflict, JobNotFailed, JobOfOlderRun
from app.domain.job.retry import RetryPlan, backoff_seconds, failed_job_ids, plan_retry
from app.domain.records.jobs import JobState, NewestRun
from app.domain.states import JobStatus, JobType
from tests.domain.builders import numbered_id

QUEUED, RUNNING, DONE, FAILED = JobStatus
GPT, RAG, FUSION = numbered_id(1), numbered_id(2), numbered_id(3)


def test_backoff_is_doubled_jittered_and_limited() -> None:
    assert [backoff_seconds(2, tries, 1.0) for tries in (1, 2, 3, 9, 5000)] == [2, 4, 8, 300, 300]
    assert [backoff_seconds(2, tries, 0.0) for tries in (1, 2, 9)] == [1, 2, 150]


def run(gpt: JobStatus, rag: JobStatus, fusion: JobStatus) -> NewestRun:
    statuses = zip((GPT, RAG, FUSION), JobType, (gpt, rag, fusion), strict=True)
    return NewestRun(numbered_id(99), 2, tuple(JobState(*values) for values in statuses))


@pytest.mark.parametrize("other", [QUEUED, RUNNING])
def test_while_fusion_waits_for_another_job_a_retry_stays_in_the_run(other: JobStatus) -> None:
    assert plan_retry(GPT, run(FAILED, other, QUEUED)) is RetryPlan.SAME_RUN
    assert plan_retry(RAG, run(other, FAILED, QUEUED)) is RetryPlan.SAME_RUN


@pytest.mark.parametrize("fusion", [QUEUED, RUNNING])
def test_a_run_whose_fusion_is_due_or_running_takes_no_retry(fusion: JobStatus) -> None:
    for other in (DONE, FAILED):
        with pytest.raises(Conflict):
            plan_retry(GPT, run(FAILED, other, fusion))


def test_any_failed_job_of_a_run_that_is_over_starts_a_new_run() -> None:
    for statuses in product((DONE, FAILED), repeat=3):
        newest = run(*statuses)
        failed = {job.id for job in newest.jobs if job.status is FAILED}
        assert failed_job_ids(newest) == failed
        assert all(plan_retry(job_id, newest) is RetryPlan.NEW_RUN for job_id in failed)


@pytest.mark.parametrize("status", [QUEUED, RUNNING, DONE])
def test_only_a_failed_job_can_be_retried(status: JobStatus) -> None:
    with pytest.raises(JobNotFailed, match=status):
        plan_retry(GPT, run(status, FAILED, QUEUED))


def test_a_job_of_an_older_run_cannot_be_retried() -> None:
    with pytest.raises(JobOfOlderRun, match="is 2"):
        plan_retry(numbered_id(4), run(FAILED, FAILED, FAILED))


def test_a_new_run_starts_exactly_when_all_jobs_have_ended() -> None:
    for statuses in product(JobStatus, repeat=3):
        for job_id in (GPT, RAG, FUSION):
            try:
                plan = plan_retry(job_id, run(*statuses))
            except CallerError:
                continue
            assert (plan is RetryPlan.NEW_RUN) == all(status.ended for status in statuses)
