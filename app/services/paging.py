"""Cursors: an opaque text that names the last line of a page."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

Line = TypeVar("Line")


class BadCursor(ValueError):
    """The text is no cursor of this list."""


def encode(values: Sequence[str]) -> str:
    """A cursor for the line with these sort values."""
    return base64.urlsafe_b64encode(json.dumps(list(values)).encode()).decode().rstrip("=")


def decode(cursor: str, count: int) -> list[str]:
    """The `count` sort values in a cursor.

    Raises:
        BadCursor: it has none.
    """
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor("is no cursor of this list") from error
    if not isinstance(values, list) or len(values) != count or not all(isinstance(value, str) for value in values):
        raise BadCursor("is no cursor of this list")
    if any("\x00" in value for value in values):
        raise BadCursor("is no cursor of this list")
    return values


def cut(lines: Sequence[Line], limit: int, position: Callable[[Line], Sequence[str]]) -> tuple[list[Line], str | None]:
    """The first `limit` lines, and a cursor where there are more."""
    page = list(lines[:limit])
    return page, encode(position(page[-1])) if len(lines) > limit else None
