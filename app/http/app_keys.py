"""Typed keys of what the application and each request carry (aiohttp's `AppKey` and `RequestKey`)."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aiohttp import web

from app.http.client_address import TrustedProxies
from app.http.cors import Cors
from app.http.metrics import Metrics
from app.http.rate_limits import Quota, RateLimits
from app.http.tokens import Refusal, TokenVerifier
from app.http.worker_notifier import WorkerNotifier
from app.services.api_keys.verification import ApiKeyVerifier
from app.services.assessments.change_hub import ChangeHub
from app.services.assessments.submit import Submitter
from app.services.caller import Access, Caller
from app.services.operations import RedisCheck
from app.services.read_pools import ReadPools
from app.services.results.gradebooks import Gradebooks
from app.services.system_state import SystemWatch
from app.wiring.context import Context

if TYPE_CHECKING:
    from app.http.oidc import OidcSignIn
    from app.http.problems import Problem

CONTEXT = web.AppKey("context", Context)
VERIFIER = web.AppKey("verifier", TokenVerifier)
API_KEYS = web.AppKey("api_keys", ApiKeyVerifier)
SUBMITTER = web.AppKey("submitter", Submitter)
WORKER_NOTIFIER = web.AppKey("worker_notifier", WorkerNotifier)
METRICS = web.AppKey("metrics", Metrics)
# What `/metrics` needs as its bearer token; None if it needs none.
METRICS_TOKEN: web.AppKey[str | None] = web.AppKey("metrics_token")
# A function, called at the first request for it: making the document takes a tenth of the server's start.
OPENAPI_DOCUMENT: web.AppKey[Callable[[], bytes]] = web.AppKey("openapi_document")
# The address under which clients reach this server, without a slash at its end; empty if it is not known.
PUBLIC_URL = web.AppKey("public_url", str)
RATE_LIMITS = web.AppKey("rate_limits", RateLimits)
TRUSTED_PROXIES = web.AppKey("trusted_proxies", TrustedProxies)
CORS = web.AppKey("cors", Cors)
# Signing in at an OpenID provider; None without one.
OIDC: web.AppKey["OidcSignIn | None"] = web.AppKey("oidc")
# Whether people may sign in to the pages with a bearer token.
SIGN_IN_WITH_TOKEN = web.AppKey("sign_in_with_token", bool)
# The page that shows a problem.
ERROR_PAGE: web.AppKey[Callable[[web.Request, "Problem"], web.Response]] = web.AppKey("error_page")
# `id()` of each request that is being answered.
REQUESTS_IN_PROGRESS: web.AppKey[set[int]] = web.AppKey("requests_in_progress")
# Set when the process has been told to stop.
STOPPING = web.AppKey("stopping", asyncio.Event)
# Only for what may be some seconds old.
READ_POOLS = web.AppKey("read_pools", ReadPools)
CHANGE_HUB = web.AppKey("change_hub", ChangeHub)
GRADEBOOKS = web.AppKey("gradebooks", Gradebooks)
REDIS_CHECK = web.AppKey("redis_check", RedisCheck)
SYSTEM_WATCH = web.AppKey("system_watch", SystemWatch)

REQUEST_ID = web.RequestKey("request_id", str)
# Where the request comes from.
CLIENT_ADDRESS = web.RequestKey("client_address", str)
# The caller with a valid token, or why there is none.
IDENTITY: web.RequestKey[Caller | Refusal] = web.RequestKey("identity")
# The id of the request's session, as its cookie has it; None without a valid one.
SESSION: web.RequestKey[str | None] = web.RequestKey("session")
# What the request counts against; None where nothing is limited.
QUOTA: web.RequestKey[Quota | None] = web.RequestKey("quota")
# Ends the request; a handler that waits on behalf of its client postpones it.
TIME_LIMIT = web.RequestKey("time_limit", asyncio.Timeout)
# The caller, and whose assessments the request may reach; there on every route that is not public.
ACCESS = web.RequestKey("access", Access)
