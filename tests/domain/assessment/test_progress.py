"""Progress: the four stages, their weights, and which of them count as done."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.assessment.progress import JobProgress, Stage, overall_progress, stages
from app.domain.states import AssessmentStatus, JobStatus, JobType
from tests.domain.builders import quick

_SUBMITTED = AssessmentStatus.SUBMITTED


def jobs(
    gpt: JobStatus = JobStatus.QUEUED,
    rag: JobStatus = JobStatus.QUEUED,
    fusion: JobStatus = JobStatus.QUEUED,
    essays: tuple[int, int] = (0, 3),
) -> list[JobProgress]:
    return [
        JobProgress(JobType.GPT, gpt, *essays),
        JobProgress(JobType.RAG, rag, 0, 1),
        JobProgress(JobType.FUSION, fusion, 0, 1),
    ]


def shown(stage: Stage) -> tuple[str, int, str, float]:
    return stage.name.value, stage.weight, stage.status.value, stage.percentage


def test_the_documented_example() -> None:
    progress = stages(_SUBMITTED, jobs(gpt=JobStatus.IN_PROGRESS, essays=(2, 3)))
    assert [shown(stage) for stage in progress] == [
        ("rule_score", 20, "completed", 100.0),
        ("gpt", 30, "in_progress", 66.7),
        ("rag", 30, "queued", 0.0),
        ("fusion", 20, "queued", 0.0),
    ]
    assert overall_progress(progress) == 40.0


@pytest.mark.parametrize("status", [AssessmentStatus.IN_PROGRESS, AssessmentStatus.EXPIRED])
def test_nothing_is_done_before_the_submission(status: AssessmentStatus) -> None:
    progress = stages(status, [])
    assert {(stage.status, stage.percentage) for stage in progress} == {(JobStatus.QUEUED, 0.0)}
    assert overall_progress(progress) == 0.0


def test_each_stage_counts_by_its_weight() -> None:
    done = JobStatus.COMPLETED
    assert overall_progress(stages(_SUBMITTED, jobs())) == 20.0
    assert overall_progress(stages(_SUBMITTED, jobs(gpt=done))) == 50.0
    assert overall_progress(stages(_SUBMITTED, jobs(rag=done))) == 50.0
    assert overall_progress(stages(_SUBMITTED, jobs(fusion=done))) == 40.0
    assert overall_progress(stages(_SUBMITTED, jobs(done, done, done))) == 100.0


def test_a_failed_stage_counts_as_done() -> None:
    gpt = stages(_SUBMITTED, jobs(gpt=JobStatus.FAILED, essays=(1, 3)))[1]
    assert (gpt.status, gpt.percentage) == (JobStatus.FAILED, 100.0)


def test_a_completed_stage_is_done_whatever_its_units_say() -> None:
    assert stages(_SUBMITTED, jobs(gpt=JobStatus.COMPLETED, essays=(0, 3)))[1].percentage == 100.0


def test_the_order_of_jobs_changes_nothing() -> None:
    all_jobs = jobs(gpt=JobStatus.FAILED, rag=JobStatus.IN_PROGRESS)
    assert stages(_SUBMITTED, reversed(all_jobs)) == stages(_SUBMITTED, all_jobs)


@quick
@given(st.integers(1, 100), st.data())
def test_another_finished_essay_never_lowers_the_progress(total: int, data: st.DataObject) -> None:
    done = data.draw(st.integers(0, total - 1))
    before, after = (
        overall_progress(stages(_SUBMITTED, jobs(gpt=JobStatus.IN_PROGRESS, essays=(count, total))))
        for count in (done, done + 1)
    )
    assert 20.0 <= before <= after <= 50.0


@quick
@given(*[st.sampled_from(JobStatus)] * 3, st.integers(0, 3))
def test_overall_progress_is_the_weighted_sum_of_the_stages(
    gpt: JobStatus, rag: JobStatus, fusion: JobStatus, done: int
) -> None:
    progress = stages(_SUBMITTED, jobs(gpt, rag, fusion, (done, 3)))
    by_hand = 0.2 * 100 + 0.3 * progress[1].percentage + 0.3 * progress[2].percentage + 0.2 * progress[3].percentage
    assert overall_progress(progress) == pytest.approx(by_hand, abs=0.051)
    assert 20.0 <= overall_progress(progress) <= 100.0
