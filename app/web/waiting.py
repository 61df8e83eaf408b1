"""How long a client is willing to wait: `?wait=`, or `Prefer: wait=` (RFC 7240)."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from app.http.query import bad_query

_MAX_SECONDS = 60
_INTEGER = re.compile(r"[0-9]{1,9}")
# One preference of a `Prefer` header: its name, its value, and parameters, which are ignored.
_PREFERENCE = re.compile(r'\s*([^\s=;,"]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?\s*(?:;(?:[^,"]|"[^"]*")*)?(?:,|$)')


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds to wait, and the value of `Preference-Applied` if they come from `Prefer`."""

    seconds: int = 0
    preference: str | None = None


def requested_wait(request: web.Request) -> Wait:
    """How long the request is to wait; `?wait` beats `Prefer`.

    Raises:
        RequestProblem: `?wait` is not a whole number of seconds from 0 to 60.
    """
    # Not `request.query`: the request keeps what it parsed, which costs memory while thousands of them wait.
    query = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    values = [value for name, value in query if name == "wait"]
    if values:
        seconds = _parse_seconds(values[0])
        if seconds is None or len(values) > 1:
            bad_query(f"wait must be a whole number of seconds from 0 to {_MAX_SECONDS}")
        return Wait(seconds)
    preferred = _preferred_seconds(request.headers.getall("Prefer", []))
    return Wait(preferred, f"wait={preferred}") if preferred is not None else Wait()


def _preferred_seconds(headers: list[str]) -> int | None:
    """The first `wait` counts; an invalid one is ignored."""
    for name, quoted, bare in _PREFERENCE.findall(",".join(headers)):
        if name.lower() == "wait":
            return _parse_seconds(quoted or bare)
    return None


def _parse_seconds(text: str) -> int | None:
    seconds = int(text) if _INTEGER.fullmatch(text) else None
    return seconds if seconds is not None and seconds <= _MAX_SECONDS else None
