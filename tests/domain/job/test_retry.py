"""How a failed job can be retried."""

from itertools import product

import pytest

from app.domain.errors import CallerError, Conflict, JobNotFailed, JobOfOlderRun
from app.domain.job.retry import RetryPlan, failed_job_ids, plan_retry
from app.domain.records.jobs import JobState, NewestRun
from app.domain.states import JobStatus, JobType
from tests.domain.builders import numbered_id

QUEUED, RUNNING, DONE, FAILED = JobStatus
GPT, RAG, FUSION = numbered_id(1), numbered_id(2), numbered_id(3)


def run(gpt: JobStatus, rag: JobStatus, fusion: JobStatus) -> NewestRun:
    statuses = zip((GPT, RAG, FUSION), JobType, (gpt, rag, fusion), strict=True)
    return NewestRun(numbered_id(99), 2, tuple(JobState(*each) for each in statuses))


@pytest.mark.parametrize("other", [QUEUED, RUNNING])
def test_while_fusion_waits_for_another_job_the_run_goes_on(other: JobStatus) -> None:
    assert plan_retry(GPT, run(FAILED, other, QUEUED)) is RetryPlan.SAME_RUN
    assert plan_retry(RAG, run(other, FAILED, QUEUED)) is RetryPlan.SAME_RUN


@pytest.mark.parametrize("fusion", [QUEUED, RUNNING])
def test_a_run_that_was_fanned_in_is_never_opened_again(fusion: JobStatus) -> None:
    for other in (DONE, FAILED):
        with pytest.raises(Conflict):
            plan_retry(GPT, run(FAILED, other, fusion))


def test_of_a_run_that_is_over_any_failed_job_starts_a_new_one() -> None:
    for statuses in product((DONE, FAILED), repeat=3):
        newest = run(*statuses)
        failed = {job.id for job in newest.jobs if job.status is FAILED}
        assert failed_job_ids(newest) == failed
        assert all(plan_retry(job_id, newest) is RetryPlan.NEW_RUN for job_id in failed)


@pytest.mark.parametrize("status", [QUEUED, RUNNING, DONE])
def test_only_a_failed_job_can_be_retried(status: JobStatus) -> None:
    with pytest.raises(JobNotFailed, match=status):
        plan_retry(GPT, run(status, FAILED, QUEUED))


def test_a_job_whose_place_a_later_run_took_cannot_be_retried() -> None:
    with pytest.raises(JobOfOlderRun, match="is 2"):
        plan_retry(numbered_id(4), run(FAILED, FAILED, FAILED))


def test_a_refusal_is_the_callers_and_a_new_run_never_leaves_anything_running() -> None:
    for statuses in product(JobStatus, repeat=3):
        for job_id in (GPT, RAG, FUSION):
            try:
                way = plan_retry(job_id, run(*statuses))
            except CallerError:
                continue
            assert (way is RetryPlan.NEW_RUN) == all(status.ended for status in statuses)
