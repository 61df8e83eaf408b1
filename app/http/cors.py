"""CORS: which pages of other origins may call the API from a browser, never with credentials of the browser."""

from collections.abc import Iterable

from aiohttp import web

_EXPOSED = ", ".join(
    ("ETag", "Location", "Retry-After", "X-Request-ID", "RateLimit", "RateLimit-Policy", "Preference-Applied",
     "Idempotent-Replayed")
)  # fmt: skip
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = ", ".join(
    ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer", "X-Request-ID",
     "traceparent")
)  # fmt: skip
# Seconds that a browser may remember the answer to a preflight; Chromium allows no more.
_MAX_AGE = "7200"


class Cors:
    """The origins whose pages may read answers."""

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._origins = frozenset(origins)

    def preflight(self, request: web.Request) -> web.Response | None:
        """The answer to the question of a browser whether a page may send a request; None if it is none, or the page
        may not. Any path is fine: an unknown one is answered when the request itself comes."""
        if (
            request.method != "OPTIONS"
            or "Access-Control-Request-Method" not in request.headers
            or request.headers.get("Origin") not in self._origins
        ):
            return None
        headers = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _REQUEST_HEADERS,
            "Access-Control-Max-Age": _MAX_AGE,
        }
        return web.Response(status=204, headers=headers)

    def add_headers(self, request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Lets the page read the answer, if its origin is one of ours."""
        if not self._origins:
            return
        origin, vary = request.headers.get("Origin"), response.headers.get("Vary", "")
        if "Origin" not in vary:
            response.headers["Vary"] = f"{vary}, Origin" if vary else "Origin"
        if origin in self._origins:
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
