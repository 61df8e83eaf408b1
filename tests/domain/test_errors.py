"""Errors of callers, and transient and permanent failures of jobs."""

import pytest

from app.domain.errors import (
    CallerError,
    FieldError,
    InvalidFields,
    JobError,
    NotFound,
    PermanentError,
    TransientError,
)


def test_a_caller_error_has_a_detail_for_the_caller() -> None:
    error = NotFound("there is no such track")
    assert (error.detail, str(error)) == ("there is no such track", "there is no such track")
    assert isinstance(error, CallerError)


def test_invalid_fields_keep_all_errors_of_any_iterable() -> None:
    errors = [FieldError("/a", "must be a text"), FieldError("/b", "is too long")]
    error = InvalidFields(iter(errors))
    assert (error.errors, error.detail) == (tuple(errors), "not acceptable: 2 fields of the body")


def test_a_transient_error_may_have_a_time_to_retry() -> None:
    assert TransientError("rate_limited", "too many calls", retry_after=1.5).retry_after == 1.5
    assert TransientError("timeout", "no answer in time").retry_after is None


@pytest.mark.parametrize("kind", [TransientError, PermanentError])
def test_a_job_error_has_a_code_and_a_detail_and_is_no_caller_error(kind: type[JobError]) -> None:
    job_error = kind("timeout", "no answer in time")
    assert (job_error.code, job_error.detail, str(job_error)) == (
        "timeout",
        "no answer in time",
        "timeout: no answer in time",
    )
    assert not isinstance(job_error, CallerError)


def test_no_job_error_is_both_transient_and_permanent() -> None:
    assert not issubclass(TransientError, PermanentError)
    assert not issubclass(PermanentError, TransientError)
