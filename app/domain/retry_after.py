"""Parsing the HTTP header Retry-After."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime


def parse_retry_after(retry_after: str | None, now: float) -> float | None:
    """The seconds that a Retry-After header asks for, as a number or as a date; None if it is missing or malformed.
    There is no upper limit. `now` is in Unix seconds."""
    if retry_after is None:
        return None
    if re.fullmatch("[0-9]{1,18}", retry_after):
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        # One of HTTP's three date formats names no zone; all of them are in UTC.
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError):
        return None
