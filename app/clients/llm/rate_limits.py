"""A model provider's rate limits, read from its response headers, and how long calls wait because of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.domain.retry_after import parse_retry_after

# Longer times are cut to this.
_DAY = 86_400.0
# Larger numbers of requests or tokens left are cut to this.
_MAX_LEFT = 10**12
# Seconds that all calls wait after "too many requests" without a time.
_DEFAULT_HOLD = 1.0
# Seconds that calls wait for a limit at most: a wrong header must not stop the scoring for a day.
MAX_HOLD_SECONDS = 3600.0
# Two forms are in use: "6m0s" (also "120ms", "1h2m3.5s"), and a plain number of seconds.
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_PARTS = re.compile(f"({_NUMBER})(d|h|ms|m|s|us|µs|ns)")
_DURATION = re.compile(f"(?:{_PARTS.pattern})+")
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class CallOutcome(Enum):
    """What a call shows about the state of its provider."""

    # An answer of any kind, unusable ones and refusals included.
    ANSWERED = "answered"
    RATE_LIMITED = "rate_limited"
    # No answer in time, no connection, or a failure of the provider's own (5xx).
    UNAVAILABLE = "unavailable"
    # The call ended on this side and shows nothing.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Limits:
    """The requests and tokens that the provider says are left, and the seconds until its limits are reset; None where
    it says nothing."""

    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests_seconds: float | None = None
    reset_tokens_seconds: float | None = None


@dataclass(frozen=True)
class CallReport:
    """What a call has shown of its provider. `retry_after` is the time in seconds that the provider asked for."""

    outcome: CallOutcome
    retry_after: float | None = None
    limits: Limits | None = None


def parse_limits(headers: Mapping[str, str]) -> Limits | None:
    """The limits in the headers `x-ratelimit-…`; None where there are none. Malformed values count as absent, and times
    are cut to a day. The headers are looked up in lower case."""

    def left(of: str) -> int | None:
        value = headers.get(f"x-ratelimit-remaining-{of}", "").strip()
        return min(int(value), _MAX_LEFT) if re.fullmatch("[0-9]{1,18}", value) else None

    def reset(of: str) -> float | None:
        return _duration(headers.get(f"x-ratelimit-reset-{of}", ""))

    limits = Limits(left("requests"), left("tokens"), reset("requests"), reset("tokens"))
    return None if limits == Limits() else limits


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the provider asks to wait, a day at most; None where it does not ask. `now` is in Unix seconds."""
    value = headers.get("retry-after", "").strip()
    seconds = parse_retry_after(value, now)
    # HTTP knows only whole seconds; some providers are more exact.
    return _duration(value) if seconds is None else min(seconds, _DAY)


def hold_seconds(report: CallReport, tokens: int) -> float:
    """How many seconds all calls wait after this one, which needed so many tokens: as the provider asked, an hour at
    most. After "too many requests" they also wait until the limit is reset that was too low for the call, or both where
    the provider does not say how much is left."""
    wait = report.retry_after or 0.0
    if report.outcome is CallOutcome.RATE_LIMITED:
        limits = report.limits or Limits()
        resets = (
            (limits.remaining_requests, 1, limits.reset_requests_seconds),
            (limits.remaining_tokens, tokens, limits.reset_tokens_seconds),
        )
        spent = [reset for left, need, reset in resets if reset is not None and (left is None or left < need)]
        wait = max(wait, *spent, 0.0) or _DEFAULT_HOLD
    return min(wait, MAX_HOLD_SECONDS)


def _duration(value: str) -> float | None:
    """Seconds, a day at most; None where the value is not a duration."""
    value = value.strip()
    if re.fullmatch(_NUMBER, value):
        return min(float(value), _DAY)
    if not _DURATION.fullmatch(value):
        return None
    return min(sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(value)), _DAY)
