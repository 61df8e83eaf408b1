"""What a model's provider says about its limits: headers become numbers, and numbers a time to wait."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from app.domain.retry_after import seconds_to_wait

# No limit of a provider lasts longer.
_DAY = 86_400.0
# More is no number of requests or tokens that anyone has left.
_MOST = 10**12
# Seconds that everybody waits after "too many requests" without a time.
_UNSAID = 1.0
# Seconds that anybody waits for a limit at most: a header that is wrong must not stop the scoring for a day.
LONGEST = 3600.0
# Two forms are in use: "6m0s" (also "120ms", "1h2m3.5s"), and a plain number of seconds.
_NUMBER = r"[0-9]{1,12}(?:\.[0-9]{1,12})?"
_PARTS = re.compile(f"({_NUMBER})(d|h|ms|m|s|us|µs|ns)")
_DURATION = re.compile(f"(?:{_PARTS.pattern})+")
_SECONDS = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class Outcome(Enum):
    """What a call says about its provider."""

    # An answer, whatever it is worth: also one that cannot be used, and a refusal.
    ANSWERED = "answered"
    RATE_LIMITED = "rate_limited"
    # No answer in time, no connection, or a failure of the provider's own (5xx).
    UNAVAILABLE = "unavailable"
    # Nothing: the call ended on this side.
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Limits:
    """What the provider says is left, and the seconds until that is forgotten; None where it says nothing."""

    remaining_requests: int | None = None
    remaining_tokens: int | None = None
    reset_requests_seconds: float | None = None
    reset_tokens_seconds: float | None = None


@dataclass(frozen=True)
class Seen:
    """What a call has shown. `retry_after` (s) is what the provider asked for."""

    outcome: Outcome
    retry_after: float | None = None
    limits: Limits | None = None


def limits_of(headers: Mapping[str, str]) -> Limits | None:
    """What the headers `x-ratelimit-…` say; None where there are none. What makes no sense counts as not said, and
    nothing lasts longer than a day. A mapping that minds the case of names is asked for them in lower case."""

    def left(of: str) -> int | None:
        value = headers.get(f"x-ratelimit-remaining-{of}", "").strip()
        return min(int(value), _MOST) if re.fullmatch("[0-9]{1,18}", value) else None

    def reset(of: str) -> float | None:
        return _duration(headers.get(f"x-ratelimit-reset-{of}", ""))

    limits = Limits(left("requests"), left("tokens"), reset("requests"), reset("tokens"))
    return None if limits == Limits() else limits


def retry_after_of(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the provider asks to wait, a day at most; None where it doesn't. `now` is in Unix seconds."""
    value = headers.get("retry-after", "").strip()
    seconds = seconds_to_wait(value, now)
    # HTTP knows only whole seconds; some providers are more exact.
    return _duration(value) if seconds is None else min(seconds, _DAY)


def hold_seconds(seen: Seen, tokens: int) -> float:
    """How long everybody waits after this call, which needed so many tokens: as the provider asked, an hour at most. Of
    "too many requests" also until that is reset which was not enough for the call, or, where that is not said, all."""
    asked = seen.retry_after or 0.0
    if seen.outcome is Outcome.RATE_LIMITED:
        told = seen.limits or Limits()
        resets = (
            (told.remaining_requests, 1, told.reset_requests_seconds),
            (told.remaining_tokens, tokens, told.reset_tokens_seconds),
        )
        spent = [reset for left, need, reset in resets if reset is not None and (left is None or left < need)]
        asked = max(asked, *spent, 0.0) or _UNSAID
    return min(asked, LONGEST)


def _duration(value: str) -> float | None:
    """Seconds, a day at most; None where the value is no duration."""
    value = value.strip()
    if re.fullmatch(_NUMBER, value):
        return min(float(value), _DAY)
    if not _DURATION.fullmatch(value):
        return None
    return min(sum(float(number) * _SECONDS[unit] for number, unit in _PARTS.findall(value)), _DAY)
