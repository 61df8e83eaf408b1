"""Filters of the operators' lists, which are in the address; a form sends those that nobody has chosen as empty."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from aiohttp import web

from app.http.app_keys import CONTEXT
from app.http.query import query_choice, query_text
from app.services.catalog import tracks

_Choice = TypeVar("_Choice", bound=StrEnum)

# Rows of a page.
ROWS = 50
_TRACKS = 100


def chosen(request: web.Request, name: str, choices: type[_Choice]) -> _Choice | None:
    """The choice that the filter names; None for all."""
    return query_choice(request, name, choices) if request.query.get(name) else None


def typed(request: web.Request, name: str) -> str | None:
    """The text of the filter, without spaces around it; None for all."""
    text = query_text(request, name)
    return text.strip() or None if text else None


def next_page(request: web.Request, cursor: str | None) -> str | None:
    """The query of the next page of the list with the same filters; None if there is none."""
    if cursor is None:
        return None
    kept = [(name, text) for name, text in request.query.items() if name not in ("cursor", "done")]
    return f"?{urlencode([*kept, ('cursor', cursor)])}"


def filter_query(values: Iterable[tuple[str, str | None]]) -> str:
    """The query with those of the filters that are set; empty without any."""
    query = urlencode([(name, text) for name, text in values if text])
    return f"?{query}" if query else ""


async def track_names(request: web.Request) -> dict[str, str]:
    """The names of the tracks that one can filter by, by slug."""
    page, _ = await tracks.page(request.app[CONTEXT].pool, None, _TRACKS)
    return {track.body.slug: track.body.name for track in page}


def number_or_text(text: str) -> object:
    """The number; the text itself where it is none, which is refused with the other fields."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number
