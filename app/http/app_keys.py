"""Typed keys of what the application and each request carry (aiohttp's `AppKey` and `RequestKey`)."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from app.http.background import BackgroundTasks
from app.http.metrics import Metrics
from app.http.tokens import TokenVerifier
from app.services.assessments.change_hub import ChangeHub
from app.services.assessments.submit import Submitter
from app.services.caller import Access
from app.services.operations import RedisCheck
from app.wiring.context import Context

CONTEXT = web.AppKey("context", Context)
VERIFIER = web.AppKey("verifier", TokenVerifier)
SUBMITTER = web.AppKey("submitter", Submitter)
BACKGROUND = web.AppKey("background", BackgroundTasks)
METRICS = web.AppKey("metrics", Metrics)
# A function, called at the first request for it: making the document takes a tenth of the server's start.
OPENAPI_DOCUMENT: web.AppKey[Callable[[], bytes]] = web.AppKey("openapi_document")
# The address under which clients reach this server, without a slash at its end; empty if it is not known.
PUBLIC_URL = web.AppKey("public_url", str)
# `id()` of each request that is being answered.
REQUESTS_IN_PROGRESS: web.AppKey[set[int]] = web.AppKey("requests_in_progress")
# Set when the process has been told to stop.
STOPPING = web.AppKey("stopping", asyncio.Event)
CHANGE_HUB = web.AppKey("change_hub", ChangeHub)
REDIS_CHECK = web.AppKey("redis_check", RedisCheck)

REQUEST_ID = web.RequestKey("request_id", str)
# Ends the request; a handler that waits on behalf of its client postpones it.
TIME_LIMIT = web.RequestKey("time_limit", asyncio.Timeout)
# The caller, and whose assessments the request may reach; there on every route that is not public.
ACCESS = web.RequestKey("access", Access)
