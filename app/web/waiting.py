"""How long a client is willing to wait: `?wait=`, or `Prefer: wait=` (RFC 7240)."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from aiohttp import web

from app.web.parsing import bad_query

MOST_SECONDS = 60
_WHOLE = re.compile(r"[0-9]{1,9}")
# A preference of a `Prefer` header: its name and value, whatever parameters follow.
_PREFERENCE = re.compile(r'\s*([^\s=;,"]+)\s*(?:=\s*(?:"([^"]*)"|([^\s;,"]*)))?\s*(?:;(?:[^,"]|"[^"]*")*)?(?:,|$)')


@dataclass(frozen=True, slots=True)
class Wait:
    """Seconds to wait, and what `Preference-Applied` says of it: nothing unless it came from `Prefer`."""

    seconds: int = 0
    applied: str | None = None


def asked_wait(request: web.Request) -> Wait:
    """The request's wait; `?wait` beats `Prefer`.

    Raises:
        RequestProblem: `?wait` is no whole number of seconds from 0 to 60.
    """
    # Not `request.query`: what that keeps would be there as long as the request waits.
    query = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    asked = [value for name, value in query if name == "wait"]
    if asked:
        seconds = _seconds(asked[0])
        if seconds is None or len(asked) > 1:
            bad_query(f"wait must be a whole number of seconds from 0 to {MOST_SECONDS}")
        return Wait(seconds)
    preferred = _preferred(request.headers.getall("Prefer", []))
    return Wait(preferred, f"wait={preferred}") if preferred is not None else Wait()


def _preferred(headers: list[str]) -> int | None:
    """The first preference of that name counts; one that makes no sense is ignored."""
    for name, quoted, bare in _PREFERENCE.findall(",".join(headers)):
        if name.lower() == "wait":
            return _seconds(quoted or bare)
    return None


def _seconds(text: str) -> int | None:
    seconds = int(text) if _WHOLE.fullmatch(text) else None
    return seconds if seconds is not None and seconds <= MOST_SECONDS else None
