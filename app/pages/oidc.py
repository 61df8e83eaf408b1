"""Signing in at the OpenID provider: to it, and back from it."""

import hmac
import secrets
from hashlib import sha256

import structlog
from aiohttp import web

from app.http.app_keys import OIDC, PUBLIC_URL, TRUSTED_PROXIES
from app.http.oidc import SignInFailed
from app.http.sessions import cookie_name, set_cookie
from app.pages.rendering import redirect
from app.pages.sign_in import SIGN_IN, begin_session, own_page, sign_in_page

log = structlog.get_logger()

CALLBACK = f"{SIGN_IN}/oidc/callback"
# Holds a random secret and the page to go on to while somebody is at the provider. State, nonce and verifier follow
# from the secret, so the answer counts for the browser alone in which the sign-in was begun.
_COOKIE = "assay-oidc"
_SECONDS = 600


async def begin(request: web.Request) -> web.StreamResponse:
    """Leads to the provider."""
    sign_in = request.app[OIDC]
    if sign_in is None:
        raise web.HTTPNotFound
    secret, target = secrets.token_urlsafe(32), own_page(request.query.get("next"))
    try:
        url = await sign_in.authorization_url(
            _redirect_uri(request), _derived(secret, "state"), _derived(secret, "nonce"), _derived(secret, "verifier")
        )
    except SignInFailed as error:
        return sign_in_page(request, target, str(error))
    response = redirect(url)
    set_cookie(request, response, _COOKIE, f"{secret}.{target}", _SECONDS)
    return response


async def finish(request: web.Request) -> web.StreamResponse:
    """Begins the session of somebody who comes back from the provider."""
    sign_in = request.app[OIDC]
    if sign_in is None:
        raise web.HTTPNotFound
    secret, _, target = request.cookies.get(cookie_name(request, _COOKIE), "").partition(".")
    try:
        code = _checked_code(request, secret, sign_in.issuer)
        nonce, verifier = _derived(secret, "nonce"), _derived(secret, "verifier")
        person = await sign_in.person(code, nonce, verifier, _redirect_uri(request))
    except SignInFailed as error:
        log.info("sign_in_failed", reason=str(error))
        response = sign_in_page(request, target, str(error))
    else:
        response = await begin_session(request, person, target)
    # Used up, whatever came of it.
    set_cookie(request, response, _COOKIE, "", 0)
    return response


def _checked_code(request: web.Request, secret: str, issuer: str) -> str:
    query = request.query
    state = query.get("state", "")
    if not secret or not hmac.compare_digest(state.encode(errors="replace"), _derived(secret, "state").encode()):
        raise SignInFailed("this sign-in was begun elsewhere or is too old; begin again")
    # Where the provider names itself in its answer (RFC 9207), the answer is from this one.
    if query.get("iss", issuer) != issuer:
        raise SignInFailed("the answer comes from another provider; begin again")
    if "error" in query or not query.get("code"):
        raise SignInFailed("the provider has not signed you in; begin again")
    return query["code"]


def _derived(secret: str, purpose: str) -> str:
    return hmac.new(secret.encode(errors="replace"), purpose.encode(), sha256).hexdigest()


def _redirect_uri(request: web.Request) -> str:
    """The address that the provider knows: PUBLIC_URL where it is set."""
    scheme = "https" if request.app[TRUSTED_PROXIES].is_https(request) else "http"
    return (request.app[PUBLIC_URL] or f"{scheme}://{request.host}") + CALLBACK
