"""What the application and a request carry."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from app.http.auth import TokenVerifier
from app.http.background import Background
from app.http.metrics import Metrics
from app.services.assessments.change_hub import ChangeHub
from app.services.assessments.submit import Submitter
from app.wiring.context import Context

CONTEXT = web.AppKey("context", Context)
VERIFIER = web.AppKey("verifier", TokenVerifier)
SUBMITTER = web.AppKey("submitter", Submitter)
BACKGROUND = web.AppKey("background", Background)
METRICS = web.AppKey("metrics", Metrics)
# Made when it is first asked for: it takes as long as a tenth of a start.
DOCUMENT: web.AppKey[Callable[[], bytes]] = web.AppKey("document")
# The ids of the requests that are being answered.
IN_PROGRESS: web.AppKey[set[int]] = web.AppKey("in_progress")
STOPPING = web.AppKey("stopping", asyncio.Event)
FOLLOWING = web.AppKey("following", ChangeHub)
# When a request is cut off; a handler that waits for its client's sake puts it off.
TIME_LIMIT = web.RequestKey("time_limit", asyncio.Timeout)
REQUEST_ID = web.RequestKey("request_id", str)
