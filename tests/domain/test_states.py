"""Which statuses are final."""

from app.domain.states import AssessmentStatus, JobStatus


def test_an_assessment_ends_completed_failed_or_expired() -> None:
    assert [status.value for status in AssessmentStatus if status.final] == ["completed", "failed", "expired"]


def test_a_job_ends_completed_or_failed() -> None:
    assert [status.value for status in JobStatus if status.ended] == ["completed", "failed"]
