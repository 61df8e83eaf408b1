"""The three sorts of errors."""

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


def test_a_callers_error_carries_what_to_tell_the_caller() -> None:
    error = NotFound("there is no such track")
    assert (error.detail, str(error)) == ("there is no such track", "there is no such track")
    assert isinstance(error, CallerError)


def test_invalid_fields_keep_each_fault_of_any_iterable() -> None:
    faults = [FieldError("/a", "must be a text"), FieldError("/b", "is too long")]
    error = InvalidFields(iter(faults))
    assert (error.errors, error.detail) == (tuple(faults), "2 field(s) of the body are not acceptable")


def test_a_passing_trouble_may_say_when_to_try_again() -> None:
    assert TransientError("rate_limited", "too many calls", retry_after=1.5).retry_after == 1.5
    assert TransientError("timeout", "no answer in time").retry_after is None


@pytest.mark.parametrize("sort", [TransientError, PermanentError])
def test_a_trouble_has_a_code_and_a_detail_and_is_no_fault_of_the_caller(sort: type[JobError]) -> None:
    trouble = sort("timeout", "no answer in time")
    assert (trouble.code, trouble.detail, str(trouble)) == (
        "timeout",
        "no answer in time",
        "timeout: no answer in time",
    )
    assert not isinstance(trouble, CallerError)


def test_no_trouble_is_both_passing_and_lasting() -> None:
    assert not issubclass(TransientError, PermanentError)
    assert not issubclass(PermanentError, TransientError)
