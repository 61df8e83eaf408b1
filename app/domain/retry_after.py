"""What the header Retry-After asks for."""

import re
from datetime import UTC
from email.utils import parsedate_to_datetime


def seconds_to_wait(retry_after: str | None, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, of either form: a number or a date. However many; None where it is
    missing or makes no sense. `now` is in Unix seconds."""
    if retry_after is None:
        return None
    if re.fullmatch("[0-9]{1,18}", retry_after):
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
        # Of the forms of HTTP's dates one names no zone; all of them mean UTC.
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now)
    except (ValueError, OverflowError):
        return None
