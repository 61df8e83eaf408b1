"""Sessions of people in a browser: the cookie that holds the id, and the caller behind it.

Cookies count for pages alone and bearer tokens for the API alone, so neither can be used through the other.
"""

import time

from aiohttp import web

from app.http.app_keys import CONTEXT, SESSION, TRUSTED_PROXIES
from app.http.tokens import Refusal
from app.services import sessions
from app.services.caller import Caller

PAGES = "/dashboard"
# Styles and scripts: the same for everybody.
ASSETS = f"{PAGES}/assets/"
_NAME = "assay-session"
_NO_SESSION = Refusal("sign in first", 'Session realm="assay"')


def is_page(request: web.BaseRequest) -> bool:
    """Whether the request is for a page and not for the JSON API."""
    return request.path == "/" or request.path == PAGES or request.path.startswith(f"{PAGES}/")


def wants_json(request: web.BaseRequest) -> bool:
    """Whether one of the pages' scripts asks, which reads problems and not pages."""
    return "application/json" in request.headers.get("Accept", "")


async def identify_by_session(request: web.Request) -> Caller | Refusal:
    """The caller whose session the request's cookie names, or why there is none."""
    session_id = request.cookies.get(cookie_name(request, _NAME))
    caller = await sessions.find(request.app[CONTEXT].pool, session_id) if session_id else None
    request[SESSION] = session_id if caller else None
    return caller or _NO_SESSION


def set_session_cookie(request: web.Request, response: web.StreamResponse, session_id: str, expires_at: float) -> None:
    """Gives the browser the session's id until the session ends (unix time)."""
    set_cookie(request, response, _NAME, session_id, int(expires_at - time.time()))


def delete_session_cookie(request: web.Request, response: web.StreamResponse) -> None:
    """Has the browser forget the session's id."""
    set_cookie(request, response, _NAME, "", 0)


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str, seconds: int | None) -> None:
    """Sets a cookie that no script reads, and other sites do not send with forms; without `seconds`, until the browser
    is closed."""
    secure = request.app[TRUSTED_PROXIES].is_https(request)
    response.set_cookie(
        cookie_name(request, name), value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="Lax"
    )


def cookie_name(request: web.Request, name: str) -> str:
    """The cookie's name: over https it has the prefix that lets no other host and no http page set it (RFC 6265bis)."""
    return f"__Host-{name}" if request.app[TRUSTED_PROXIES].is_https(request) else name
