"""The time that numbers are asked of."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MOST_DAYS = 366
USUAL_DAYS = 30
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


class BadPeriod(ValueError):
    """The texts name no time that can be asked of; the message says why."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to `end`, which is excluded; in UTC, of `MOST_DAYS` at most."""

    start: datetime
    end: datetime


def period_of(start: str | None, end: str | None, now: datetime) -> Period:
    """The time between two texts, each an RFC 3339 time or a date; a date at the end counts as a whole. Without an end
    it is up to now; without a start, from `USUAL_DAYS` before the end.

    Raises:
        BadPeriod: a text is neither, the start is after the end, or they are too far apart.
    """
    try:
        until = now if end is None else _moment("to", end, days=1)
        since = until - timedelta(days=USUAL_DAYS) if start is None else _moment("from", start)
    except OverflowError:
        raise BadPeriod("from and to must be times that a calendar has") from None
    if since > until:
        raise BadPeriod("from must not be after to")
    if until - since > timedelta(days=MOST_DAYS):
        raise BadPeriod(f"from and to must not be more than {MOST_DAYS} days apart")
    return Period(since, until)


def _moment(name: str, text: str, days: int = 0) -> datetime:
    """The time; of a date, its midnight, so many days later."""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=days)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        pass
    raise BadPeriod(f"{name} must be a date or an RFC 3339 time with its zone")
