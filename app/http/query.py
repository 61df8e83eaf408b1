"""Reading query parameters. A value that cannot be understood is refused with a 400 that names the parameter."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn, TypeVar
from uuid import UUID

from aiohttp import web

from app.domain.period import InvalidPeriod, Period, parse_open_period, parse_period
from app.domain.states import ReviewOrder
from app.domain.text import storable
from app.http.problems import BAD_QUERY, RequestProblem
from app.services.paging import InvalidCursor, decode_cursor
from app.services.results.reviews import Place, place

_Choice = TypeVar("_Choice", bound=StrEnum)

_BAD_CURSOR = "cursor is not a cursor of this list"


def bad_query(detail: str) -> NoReturn:
    """Refuses the request because of its query."""
    raise RequestProblem(BAD_QUERY, detail)


def query_limit(request: web.Request) -> int:
    """`limit`, from 1 to 100; 50 if it is not sent."""
    text = request.query.get("limit", "50")
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        bad_query("limit must be a whole number from 1 to 100")
    return int(text)


def query_integer(request: web.Request, name: str) -> int | None:
    """An integer from 1 that fits a database column, or None."""
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < int(text[:10]) < 2**31 and len(text) <= 10):
        bad_query(f"{name} must be a whole number from 1 to {2**31 - 1}")
    return int(text)


def query_boolean(request: web.Request, name: str) -> bool | None:
    """`true` or `false`, or None."""
    text = request.query.get(name)
    if text is not None and text not in ("true", "false"):
        bad_query(f"{name} must be true or false")
    return None if text is None else text == "true"


def query_choice(request: web.Request, name: str, choices: type[_Choice]) -> _Choice | None:
    """One of the choices, or None."""
    text = request.query.get(name)
    try:
        return choices(text) if text is not None else None
    except ValueError:
        bad_query(f"{name} must be one of {', '.join(choices)}")


def query_text(request: web.Request, name: str) -> str | None:
    """A text that can be compared in the database, or None."""
    text = request.query.get(name)
    if text is not None and not storable(text):
        bad_query(f"{name} must not contain NUL characters or lone surrogates")
    return text


def query_period(request: web.Request) -> Period:
    """The period from `from` to `to`."""
    try:
        return parse_period(request.query.get("from"), request.query.get("to"), datetime.now(UTC))
    except InvalidPeriod as error:
        bad_query(str(error))


def query_open_period(request: web.Request) -> tuple[datetime | None, datetime | None]:
    """`from` and `to`, each None if it is not sent."""
    try:
        return parse_open_period(request.query.get("from"), request.query.get("to"))
    except InvalidPeriod as error:
        bad_query(str(error))


def query_cursor(request: web.Request, count: int, name: str = "cursor") -> list[str] | None:
    """The sort values in `cursor`, or in another parameter, or None."""
    cursor = request.query.get(name)
    if cursor is None:
        return None
    try:
        values = decode_cursor(cursor, count)
    except InvalidCursor:
        bad_query(_BAD_CURSOR)
    if not all(map(storable, values)):
        bad_query(_BAD_CURSOR)
    return values


def query_cursor_id(request: web.Request) -> UUID | None:
    """The id in `cursor`, for lists that are sorted by id, or None."""
    values = query_cursor(request, 1)
    try:
        return UUID(values[0]) if values else None
    except ValueError:
        bad_query(_BAD_CURSOR)


def query_cursor_integer(request: web.Request) -> int | None:
    """The integer in `cursor`, for lists that are sorted by a number, or None."""
    values = query_cursor(request, 1)
    if values is None:
        return None
    if not (values[0].isascii() and values[0].isdigit() and len(values[0]) < 10):
        bad_query(_BAD_CURSOR)
    return int(values[0])


def query_cursor_time(request: web.Request) -> tuple[datetime, UUID] | None:
    """The time and the id in `cursor`, for lists that are sorted by both, or None."""
    values = query_cursor(request, 2)
    try:
        # Our own cursors name their time zone. Another time that can be parsed is one that Postgres can compare.
        return (datetime.fromisoformat(values[0]).astimezone(UTC), UUID(values[1])) if values else None
    except (ValueError, OverflowError):
        bad_query(_BAD_CURSOR)


def query_review_place(request: web.Request, order: ReviewOrder, name: str = "cursor") -> Place | None:
    """The place in the review queue that `cursor` or another parameter names, which has to be one of this order, or
    None."""
    values = query_cursor(request, 4, name)
    try:
        return place(order, values) if values else None
    except InvalidCursor:
        bad_query(f"{name} is not a cursor of this list in this order")
