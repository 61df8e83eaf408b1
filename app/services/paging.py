"""Pages of lists. A cursor is an opaque text that holds the sort values of a page's last row."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

_Row = TypeVar("_Row")


class InvalidCursor(ValueError):
    """The text is not a cursor of this list."""


def first_page(
    rows: Sequence[_Row], limit: int, sort_values: Callable[[_Row], Sequence[str]]
) -> tuple[list[_Row], str | None]:
    """The first `limit` rows, and the cursor of the next page if there are more rows."""
    page = list(rows[:limit])
    return page, encode_cursor(sort_values(page[-1])) if len(rows) > limit else None


def newest_first(created_at: datetime, row_id: UUID) -> tuple[str, str]:
    """The sort values of a row in a list that is sorted by time and id."""
    return created_at.isoformat(), str(row_id)


def encode_cursor(values: Sequence[str]) -> str:
    """The cursor that holds these sort values."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, count: int) -> list[str]:
    """The `count` sort values that a cursor holds.

    Raises:
        InvalidCursor: it does not hold that many.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise InvalidCursor from error
    if not isinstance(values, list) or len(values) != count or not all(isinstance(value, str) for value in values):
        raise InvalidCursor
    return values
