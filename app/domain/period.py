"""The period that analytics are asked for: parsed from the `from` and `to` of a query."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MAX_DAYS = 366
DEFAULT_DAYS = 30
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE)


class InvalidPeriod(ValueError):
    """`from` and `to` are no valid period; the message says why."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` up to `end`, which is excluded; both in UTC, at most `MAX_DAYS` apart."""

    start: datetime
    end: datetime


def parse_period(start: str | None, end: str | None, now: datetime) -> Period:
    """The period between two texts, each an RFC 3339 time or a date; a date as `end` includes that whole day. The
    default end is now, the default start `DEFAULT_DAYS` before the end.

    Raises:
        InvalidPeriod: a text is neither a time nor a date, the start is after the end, or they are too far apart.
    """
    try:
        until = now if end is None else _parse_time("to", end, days=1)
        since = until - timedelta(days=DEFAULT_DAYS) if start is None else _parse_time("from", start)
    except OverflowError:
        raise InvalidPeriod("from and to must be times that exist in the calendar") from None
    if since > until:
        raise InvalidPeriod("from must not be after to")
    if until - since > timedelta(days=MAX_DAYS):
        raise InvalidPeriod(f"from and to must not be more than {MAX_DAYS} days apart")
    return Period(since, until)


def parse_open_period(start: str | None, end: str | None) -> tuple[datetime | None, datetime | None]:
    """The beginning and the end, which is excluded; None is no limit. A date as `end` includes that whole day.

    Raises:
        InvalidPeriod: a text is neither a time nor a date, or the start is after the end.
    """
    try:
        since = None if start is None else _parse_time("from", start)
        until = None if end is None else _parse_time("to", end, days=1)
    except OverflowError:
        raise InvalidPeriod("from and to must be times that exist in the calendar") from None
    if since is not None and until is not None and since > until:
        raise InvalidPeriod("from must not be after to")
    return since, until


def _parse_time(name: str, text: str, days: int = 0) -> datetime:
    """The time in UTC; for a date, midnight `days` days later."""
    try:
        if _DATE.fullmatch(text):
            return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=days)
        if _TIME.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except ValueError:
        pass
    raise InvalidPeriod(f"{name} must be a date or an RFC 3339 time with its zone")
