"""Responses of a fake service, and faults in front of the real one."""

import json
from typing import Any
from uuid import UUID

import aiohttp
from aiohttp import web

from tests.fakes.webhook_receiver import Behaviour, WebhookReceiver, answer, raw

ID = UUID("0e1f6f0e-5d5e-4c62-9b3a-5a4f3c1c9a77")
TIME = "2026-01-02T03:04:05Z"
_SCORES = {"score": 1.0, "max_score": 2.0, "percentage": 50.0, "count": 1, "missing": 0, "questions": []}
SUBMISSION = {
    "assessment_id": str(ID),
    "status": "submitted",
    "submitted_at": TIME,
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
TRUNCATED = raw(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"asse')
_REQUEST_HEADERS = ("Authorization", "Content-Type", "Idempotency-Key", "If-None-Match")
_RESPONSE_HEADERS = ("Content-Type", "ETag", "Retry-After", "Location")


def status_body(progress: float, final: bool = False, **fields: Any) -> dict[str, Any]:
    """The body of a status; `fields` replace or add some."""
    return {
        "assessment_id": str(ID),
        "status": "completed" if final else "submitted",
        "submitted_at": TIME,
        "completed_at": TIME if final else None,
        "run": 1,
        "rescoring": False,
        "degraded": False,
        "degraded_reasons": [],
        "overall_progress": progress,
        "stages": [],
        "jobs": [],
        "scores": None,
        "webhook_url": None,
    } | fields


def json_response(body: Any, code: int = 200, **headers: str) -> Behaviour:
    """A JSON response; header names have underscores instead of hyphens."""
    renamed = {name.replace("_", "-"): value for name, value in headers.items()}
    return answer(code, {"Content-Type": "application/json"} | renamed, json.dumps(body).encode())


def problem_response(code: int, name: str, **headers: str) -> Behaviour:
    """A problem document like the service's; header names have underscores instead of hyphens."""
    body = {"type": f"/problems/{name}", "title": name, "status": code, "detail": "as scripted", "request_id": "r-1"}
    return json_response(body, code, **headers)


def forward(url: str) -> Behaviour:
    """Forwards the request to the server at `url`, and its response back."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        return await _forward(url, request)

    return behave


def lose_response(url: str) -> Behaviour:
    """Forwards the request to the server at `url`, and cuts the connection instead of sending its response back."""

    async def behave(request: web.BaseRequest) -> web.StreamResponse:
        await _forward(url, request)
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    return behave


def idempotency_keys(fake: WebhookReceiver) -> list[str | None]:
    """The idempotency keys of the requests so far."""
    return [received.headers.get("Idempotency-Key") for received in fake.requests]


async def _forward(url: str, request: web.BaseRequest) -> web.Response:
    headers = {name: request.headers[name] for name in _REQUEST_HEADERS if name in request.headers}
    body = await request.read()
    async with (
        aiohttp.ClientSession() as session,
        session.request(request.method, url + request.raw_path, data=body or None, headers=headers) as response,
    ):
        returned = {name: response.headers[name] for name in _RESPONSE_HEADERS if name in response.headers}
        return web.Response(status=response.status, body=await response.read(), headers=returned)
