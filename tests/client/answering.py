"""What a fake server answers, and faults before a real one."""

from typing import Any
from uuid import UUID

import aiohttp
import orjson
from aiohttp import web

from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, raw

ID = UUID("0e1f6f0e-5d5e-4c62-9b3a-5a4f3c1c9a77")
AT = "2026-01-02T03:04:05Z"
_SCORES = {"score": 1.0, "max_score": 2.0, "percentage": 50.0, "count": 1, "missing": 0, "questions": []}
SUBMISSION = {
    "assessment_id": str(ID),
    "status": "submitted",
    "submitted_at": AT,
    "degraded": False,
    "degraded_reasons": [],
    "scores": {
        "theoretical": _SCORES,
        "profile": _SCORES,
        "essay": {"status": "queued", "count": 1, "missing": 0},
    },
    "jobs": [],
    "links": {"self": "/a", "status": "/b", "events": "/c", "result": "/d"},
}
HALF_AN_ANSWER = raw(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"asse')


def status(progress: float, final: bool = False, **changed: Any) -> dict[str, Any]:
    """The body of a status."""
    return {
        "assessment_id": str(ID),
        "status": "completed" if final else "submitted",
        "submitted_at": AT,
        "completed_at": AT if final else None,
        "run": 1,
        "rescoring": False,
        "degraded": False,
        "degraded_reasons": [],
        "overall_progress": progress,
        "stages": [],
        "jobs": [],
        "scores": None,
        "webhook_url": None,
    } | changed


def json(body: Any, code: int = 200, **headers: str) -> Behaviour:
    """A JSON answer; header names with underscores for dashes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(code, {"Content-Type": "application/json"} | named, orjson.dumps(body))


def problem(code: int, name: str, **headers: str) -> Behaviour:
    """A problem as the product answers it."""
    body = {"type": f"/problems/{name}", "title": name, "status": code, "detail": "told so", "request_id": "r-1"}
    return json(body, code, **headers)


def lost(url: str) -> Behaviour:
    """Has the server at `url` do what is asked, and cuts the connection instead of answering."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        await _passed_on(url, request)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return behave


def passed_on(url: str) -> Behaviour:
    """The answer of the server at `url`."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        return await _passed_on(url, request)

    return behave


def keys(fake: WebhookReceiver) -> list[str | None]:
    """The idempotency keys of what came."""
    return [received.headers.get("Idempotency-Key") for received in fake.requests]


async def _passed_on(url: str, request: web.BaseRequest) -> web.Response:
    kept = {name: request.headers[name] for name in _KEPT if name in request.headers}
    body = await request.read()
    async with (
        aiohttp.ClientSession() as session,
        session.request(request.method, url + request.raw_path, data=body or None, headers=kept) as reply,
    ):
        headers = {name: reply.headers[name] for name in _KEPT_BACK if name in reply.headers}
        return web.Response(status=reply.status, body=await reply.read(), headers=headers)


_KEPT = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match")
_KEPT_BACK = ("Content-Type", "ETag", "Retry-After", "Location")
