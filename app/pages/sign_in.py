"""Signing in and out."""

import ipaddress
import re
from urllib.parse import urlencode

from aiohttp import web

from app.domain.states import Role
from app.http.access import identify_person
from app.http.app_keys import CONTEXT, IDENTITY, OIDC, SESSION, SIGN_IN_WITH_TOKEN
from app.http.sessions import PAGES, delete_session_cookie, set_session_cookie
from app.http.tokens import Refusal
from app.pages.forms import CSRF_FIELD, check_origin, read_form
from app.pages.rendering import redirect, render
from app.services import sessions
from app.services.caller import Caller

SIGN_IN = f"{PAGES}/sign-in"
# Whether everybody who reaches the server may sign in as any role: for a demonstration on this machine only.
SIGN_IN_BY_ROLE: web.AppKey[bool] = web.AppKey("sign_in_by_role")
# A page of our own: a path that cannot be read as another host.
_OWN_PAGE = re.compile(rf"{PAGES}(?:/[A-Za-z0-9/_.~%-]*)?(?:\?[A-Za-z0-9/_.~%&=+-]*)?")
# Characters of a page's address to go on to: with it in a cookie, browsers take no cookie of more than 4 KiB.
_MAX_TARGET = 2000


async def show_sign_in(request: web.Request) -> web.StreamResponse:
    """The ways to sign in."""
    if isinstance(request[IDENTITY], Caller):
        return redirect(own_page(request.query.get("next")))
    return sign_in_page(request, request.query.get("next"))


async def sign_in_with_token(request: web.Request) -> web.StreamResponse:
    """Begins a session for the holder of a bearer token."""
    if not request.app[SIGN_IN_WITH_TOKEN]:
        raise web.HTTPNotFound
    form = await read_form(request)
    target = form.get("next")
    identity = await identify_person(request.app, form.get("token", "").strip())
    if isinstance(identity, Refusal):
        return sign_in_page(request, target, identity.detail)
    return await begin_session(request, identity, target)


async def sign_in_as(request: web.Request) -> web.StreamResponse:
    """Begins a session of the demonstration's person with a role."""
    form = await read_form(request)
    if not by_role(request) or form.get("role") not in list(Role):
        raise web.HTTPNotFound
    role = Role(form["role"])
    return await begin_session(request, Caller(f"demo-{role}", frozenset({role})), form.get("next"))


async def sign_out(request: web.Request) -> web.StreamResponse:
    """Ends the session."""
    session_id = request[SESSION]
    if session_id:
        await sessions.end(request.app[CONTEXT].pool, session_id)
    response = redirect(f"{SIGN_IN}?done=signed-out")
    delete_session_cookie(request, response)
    return response


async def begin_session(request: web.Request, caller: Caller, target: str | None) -> web.Response:
    """Begins a new session, in place of the one that the browser may have, and goes on to the page `target`."""
    pool, former = request.app[CONTEXT].pool, request[SESSION]
    session_id, expires_at = await sessions.begin(pool, caller)
    if former:
        await sessions.end(pool, former)
    response = redirect(own_page(target))
    set_session_cookie(request, response, session_id, expires_at)
    return response


def own_page(target: str | None) -> str:
    """The target if it is one of our pages, else the first page after signing in."""
    if not target or len(target) > _MAX_TARGET:
        return PAGES
    is_own = _OWN_PAGE.fullmatch(target) and ".." not in target and not target.startswith(SIGN_IN)
    return target if is_own else PAGES


def by_role(request: web.Request) -> bool:
    """Whether one may sign in by a button for each role: only through an address of this machine, since other names
    may be another site's that leads here (DNS rebinding)."""
    if not request.app[SIGN_IN_BY_ROLE]:
        return False
    try:
        # Raises as well: the client can write anything into `Host`.
        host = request.url.host or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def ask_to_sign_in(request: web.Request) -> web.Response:
    """Leads somebody without a session to the page to sign in. What they have typed into a form is shown, so that
    nothing is lost."""
    if request.method in ("GET", "HEAD"):
        return redirect(f"{SIGN_IN}?{urlencode({'next': request.path_qs})}")
    check_origin(request)
    texts = [text for name, text in (await read_form(request)).items() if name != CSRF_FIELD and text.strip()]
    return render(request, "signed_out.html", {"texts": texts}, status=401)


def sign_in_page(request: web.Request, target: str | None, error: str | None = None) -> web.Response:
    """The ways to sign in, which lead on to the page `target`; an `error` says why nobody is signed in."""
    values = {
        "error": error,
        "next": own_page(target),
        "by_role": by_role(request),
        "by_provider": request.app[OIDC] is not None,
        "by_token": request.app[SIGN_IN_WITH_TOKEN],
        "role_names": [str(role) for role in Role],
    }
    return render(request, "sign_in.html", values, status=422 if error else 200)
