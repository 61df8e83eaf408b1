"""Rate-limit headers of the provider, valid and malformed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clients.llm.rate_limits import CallOutcome, CallReport, Limits, hold_seconds, parse_limits, retry_after_seconds
from tests.domain.builders import NOON, quick

DAY = 86_400
NAMES = [f"x-ratelimit-{what}-{of}" for what in ("remaining", "reset") for of in ("requests", "tokens")]
# Many texts that are almost numbers or durations.
almost_numbers = st.text(st.sampled_from("0123456789.smhdnuµ+-eE _,١"), max_size=12) | st.text(max_size=12)


def reset_of(value: str) -> float | None:
    limits = parse_limits({"x-ratelimit-reset-tokens": value})
    return limits.reset_tokens_seconds if limits else None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("1s", 1),
        ("6m0s", 360),
        ("120ms", 0.12),
        ("1h2m3.5s", 3723.5),
        ("1d", DAY),
        ("850µs", 0.00085),
        ("17", 17),
        ("0.25", 0.25),
        (" 2s ", 2),
        ("0s", 0),
        ("48h", DAY),
        ("99999999999", DAY),
        ("9" * 5000, None),
        ("-1s", None),
        ("-5", None),
        ("1e9", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("s", None),
        ("1 s", None),
        ("1s!", None),
        ("1m2", None),
        ("2026-03-01T12:00:00Z", None),
        ("１s", None),
    ],
)
def test_a_time_is_parsed_or_ignored(value: str, seconds: float | None) -> None:
    assert reset_of(value) == (None if seconds is None else pytest.approx(seconds))


@quick
@given(st.integers(0, 20), st.integers(0, 59), st.integers(0, 59_999))
def test_a_duration_is_the_sum_of_its_parts(hours: int, minutes: int, milliseconds: int) -> None:
    assert reset_of(f"{hours}h{minutes}m{milliseconds / 1000}s") == pytest.approx(
        hours * 3600 + minutes * 60 + milliseconds / 1000
    )


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("0", 0),
        ("150000", 150_000),
        (" 7 ", 7),
        ("9" * 18, 10**12),
        ("9" * 5000, None),
        ("-1", None),
        ("1.5", None),
        ("", None),
        ("１", None),
    ],
)
def test_what_is_left_is_parsed_or_ignored(value: str, left: int | None) -> None:
    limits = parse_limits({"x-ratelimit-remaining-requests": value, "x-ratelimit-reset-requests": "1s"})
    assert limits == Limits(remaining_requests=left, reset_requests_seconds=1)


def test_each_header_sets_its_field() -> None:
    limits = parse_limits(dict(zip(NAMES, ["1", "2", "3s", "4s"], strict=True)))
    assert limits == Limits(1, 2, 3, 4)


def test_without_valid_headers_there_are_no_limits() -> None:
    assert parse_limits({"content-type": "application/json"}) is None
    assert parse_limits(dict.fromkeys(NAMES, "soon")) is None


@quick
@given(st.dictionaries(st.sampled_from(NAMES), almost_numbers))
def test_the_limits_of_any_headers_are_within_bounds(headers: dict[str, str]) -> None:
    limits = parse_limits(headers) or Limits()
    assert all(left is None or 0 <= left <= 10**12 for left in (limits.remaining_requests, limits.remaining_tokens))
    resets = (limits.reset_requests_seconds, limits.reset_tokens_seconds)
    assert all(reset is None or 0 <= reset <= DAY for reset in resets)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "20s"}, 20),
        ({"retry-after": "999999999"}, DAY),
        ({"retry-after": "Sun, 01 Mar 2026 12:02:00 GMT"}, 120),
        ({"retry-after": "Sun Mar  1 12:02:00 2026"}, 120),
        ({"retry-after": "Sun, 01 Mar 2026 11:00:00 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-3"}, None),
    ],
)
def test_retry_after_in_any_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers, NOON.timestamp()) == seconds


@quick
@given(almost_numbers)
def test_any_retry_after_gives_seconds_or_nothing(value: str) -> None:
    seconds = retry_after_seconds({"retry-after": value}, NOON.timestamp())
    assert seconds is None or 0 <= seconds <= DAY


@pytest.mark.parametrize(
    ("report", "seconds"),
    [
        (CallReport(CallOutcome.ANSWERED), 0),
        (CallReport(CallOutcome.UNAVAILABLE, 5), 5),
        (CallReport(CallOutcome.ANSWERED, limits=Limits(0, 0, 9, 9)), 0),
        (CallReport(CallOutcome.RATE_LIMITED), 1),
        (CallReport(CallOutcome.RATE_LIMITED, 0), 1),
        (CallReport(CallOutcome.RATE_LIMITED, 3, Limits(0, 500, 9, 99)), 9),
        (CallReport(CallOutcome.RATE_LIMITED, 3, Limits(5, 99, 9, 12)), 12),
        (CallReport(CallOutcome.RATE_LIMITED, 30, Limits(0, 0, 9, 12)), 30),
        (CallReport(CallOutcome.RATE_LIMITED, None, Limits(None, None, 9, 12)), 12),
        (CallReport(CallOutcome.RATE_LIMITED, float(DAY)), 3600),
    ],
)
def test_how_long_all_calls_are_held_back(report: CallReport, seconds: float) -> None:
    assert hold_seconds(report, tokens=100) == seconds
