"""Who may use a route: rules as data, checked in one place before the handler runs."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps

import structlog
from aiohttp import web

from app.clients.jwks.key_cache import KeysUnavailable
from app.domain.api_key import PREFIX as API_KEY_PREFIX
from app.domain.api_key import InvalidApiKey
from app.domain.errors import Forbidden
from app.domain.states import Role
from app.http.app_keys import ACCESS, API_KEYS, IDENTITY, METRICS_TOKEN, VERIFIER
from app.http.problems import NO_TOKEN_KEYS, UNAUTHENTICATED, RequestProblem
from app.http.tokens import CHALLENGE, NO_ROLE, BadToken, Refusal
from app.services.caller import Access, Caller

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# Loads what a path names, or raises `NotFound`.
FindTarget = Callable[[web.Request], Awaitable[object]]

_PLURALS = {role: f"{role}s" for role in Role}


@dataclass(frozen=True, kw_only=True)
class AccessRule:
    """Who may use a route: everybody if it is `public`, else callers with one of the `roles`, and with `owner` also
    students, for their own assessments. With `others_only`, nobody may use it for an assessment of their own. Query
    parameters in `staff_query` are for advisors and admins only. A public route with `metrics_token` needs
    METRICS_TOKEN where that is set."""

    public: bool = False
    metrics_token: bool = False
    roles: frozenset[Role] = frozenset()
    owner: bool = False
    others_only: bool = False
    staff_query: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.public == bool(self.roles or self.owner):
            raise ValueError("a rule is either public or names roles or the owner")
        if self.metrics_token and not self.public:
            raise ValueError("METRICS_TOKEN stands for no caller, so a route with it names neither roles nor owner")
        if self.owner and Role.STUDENT in self.roles:
            raise ValueError("a rule with `owner` lets students in for their own assessments only")
        if self.owner and self.others_only:
            raise ValueError("a rule is either for owners or for others only")

    def __str__(self) -> str:
        """The rule as a sentence for the callers of the API."""
        if self.public:
            return "No token is needed" + (", unless METRICS_TOKEN is set." if self.metrics_token else ".")
        names = [_PLURALS[role] for role in Role if role in self.roles]
        names += ["the student who owns the assessment"] * self.owner
        last = names.pop()
        callers = f"{', '.join(names)} and {last}" if names else last
        return f"Only for {callers}, and not for one's own assessment." if self.others_only else f"Only for {callers}."


PUBLIC = AccessRule(public=True)
MONITORING = AccessRule(public=True, metrics_token=True)
EVERYONE = AccessRule(roles=frozenset(Role))
STUDENTS = AccessRule(roles=frozenset({Role.STUDENT}))
STAFF = AccessRule(roles=frozenset({Role.ADVISOR, Role.ADMIN}))
# Nobody changes their own scores.
STAFF_FOR_OTHERS = AccessRule(roles=STAFF.roles, others_only=True)
AUTHORS = AccessRule(roles=frozenset({Role.AUTHOR, Role.ADMIN}))
# Those who may read questions with their keys, and analytics.
READERS = AccessRule(roles=STAFF.roles | AUTHORS.roles)
ADMINS = AccessRule(roles=frozenset({Role.ADMIN}))
OWNER = AccessRule(owner=True)
OWNER_OR_STAFF = AccessRule(owner=True, roles=STAFF.roles)
OWNER_OR_ADMIN = AccessRule(owner=True, roles=ADMINS.roles)


class OwnerNotChecked(Exception):
    """A handler answered without checking who owns the assessment. This is a bug, and the answer is not sent."""


def guarded(handler: Handler, rule: AccessRule, find_target: FindTarget | None) -> Handler:
    """The handler behind its rule: it runs only for callers whom the rule admits, with their `Access` as the request's
    `ACCESS`. For the others `find_target` decides between 404 for an unknown id and 403."""
    if rule.metrics_token:
        return _behind_metrics_token(handler)
    if rule.public:
        return handler

    @wraps(handler)
    async def guard(request: web.Request) -> web.StreamResponse:
        caller = _authenticated(request)
        if not _admits(rule, caller):
            if find_target:
                await find_target(request)
            raise Forbidden(str(rule) if caller.roles else NO_ROLE)
        if rule.staff_query and not caller.staff and not rule.staff_query.isdisjoint(request.query):
            raise Forbidden(f"only advisors and admins may send {', '.join(sorted(rule.staff_query))}")
        unchecked = rule.owner or rule.others_only
        access = Access(caller, _any_owner(rule, caller), rule.others_only, owner_checked=not unchecked)
        request[ACCESS] = access
        response = await handler(request)
        if not access.owner_checked:
            raise OwnerNotChecked("the handler did not check who owns the assessment")
        return response

    return guard


def _behind_metrics_token(handler: Handler) -> Handler:
    @wraps(handler)
    async def guard(request: web.Request) -> web.StreamResponse:
        expected = request.app[METRICS_TOKEN]
        if expected is not None:
            sent = _bearer_token(request)
            if isinstance(sent, Refusal):
                raise unauthenticated(sent)
            # A header may have bytes that are no text.
            if not hmac.compare_digest(sent.encode(errors="surrogateescape"), expected.encode()):
                log.info("token_refused", reason="it is not METRICS_TOKEN")
                raise unauthenticated(Refusal("the token is not valid", CHALLENGE))
        return await handler(request)

    return guard


async def identify(request: web.Request) -> Caller | Refusal:
    """The caller whose bearer token the request carries, or why there is none: no token, several, a bad one, or no keys
    to verify it with."""
    token = _bearer_token(request)
    if isinstance(token, Refusal):
        return token
    return await _verify(request.app, token)


async def identify_person(app: web.Application, token: str) -> Caller | Refusal:
    """The person with this bearer token, or why nobody can sign in with it: API keys belong to programs."""
    if token.startswith(API_KEY_PREFIX):
        return Refusal("an API key is for programs; sign in with a token of your own", CHALLENGE)
    identity = await _verify(app, token)
    if isinstance(identity, Caller) and not identity.roles:
        return Refusal(NO_ROLE, CHALLENGE)
    return identity


def _bearer_token(request: web.Request) -> str | Refusal:
    headers = request.headers.getall("Authorization", [])
    scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    if headers:
        log.info("token_refused", reason="the request does not have one bearer token")
    return Refusal("send one bearer token", 'Bearer realm="assay"')


async def _verify(app: web.Application, token: str) -> Caller | Refusal:
    try:
        if token.startswith(API_KEY_PREFIX):
            return await app[API_KEYS].verify(token)
        return await app[VERIFIER].verify(token)
    except InvalidApiKey as error:
        log.info("token_refused", reason=str(error))
        return Refusal("the token is not valid", CHALLENGE)
    except BadToken as error:
        log.info("token_refused", reason=error.reason)
        return Refusal(str(error), CHALLENGE)
    except KeysUnavailable:
        return Refusal("the keys of tokens cannot be fetched; try again soon")


async def abort_unchecked_stream(request: web.Request, response: web.StreamResponse) -> None:
    """Ends the connection of a stream that begins before the owner was checked (a signal handler for
    `on_response_prepare`): no other answer can be sent once a stream has prepared its head."""
    access = request.get(ACCESS)
    if access and not access.owner_checked and response.status < web.HTTPBadRequest.status_code:
        if request.transport:
            request.transport.abort()
        raise OwnerNotChecked("a stream was begun without checking who owns the assessment")


def unauthenticated(refusal: Refusal) -> RequestProblem:
    """The problem of a request without a caller."""
    if refusal.challenge is None:
        return RequestProblem(NO_TOKEN_KEYS, refusal.detail)
    return RequestProblem(UNAUTHENTICATED, refusal.detail, {"WWW-Authenticate": refusal.challenge})


def _authenticated(request: web.Request) -> Caller:
    identity = request[IDENTITY]
    if isinstance(identity, Refusal):
        raise unauthenticated(identity)
    return identity


def _admits(rule: AccessRule, caller: Caller) -> bool:
    return not caller.roles.isdisjoint(rule.roles) or (rule.owner and Role.STUDENT in caller.roles)


def _any_owner(rule: AccessRule, caller: Caller) -> bool:
    """Whether a role other than student lets the caller in: students never reach assessments of others."""
    return bool((rule.roles & caller.roles) - {Role.STUDENT})
