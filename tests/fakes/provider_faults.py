"""Faults of a provider by name: the behaviour, and the code of the error that it causes."""

import asyncio
import json
from typing import Any

from aiohttp import web

from tests.fakes.model_server import DIMENSIONS, Behaviour, essay_of, failure, reset, text


def answer(points: int = 20, **changes: Any) -> str:
    """A good answer, with changes in one dimension."""
    dimension = {"quotes": ["Water rises"], "rationale": "Well argued.", "score": points}
    return json.dumps(dict.fromkeys(DIMENSIONS, dimension) | {"depth": dimension | changes})


def raw_body(content: bytes, content_type: str = "application/json") -> Behaviour:
    """A response with status 200 and any body."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=content, content_type=content_type)

    return behave


def dripping() -> Behaviour:
    """A body that never ends and never pauses for long."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    return behave


def by_essay(behaviours: dict[str, Behaviour]) -> Behaviour:
    """A behaviour for each essay."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return await behaviours[essay_of(body)](request, body)

    return behave


TRANSIENT_FAULTS = {
    "too many requests": (failure(429), "model_rate_limited"),
    "server error": (failure(500), "model_unavailable"),
    "overloaded": (failure(529), "model_unavailable"),
    "request timeout": (failure(408), "model_unavailable"),
    "reset": (reset(), "model_unreachable"),
    "no json": (text("Sure! Here are the scores."), "model_answer_unusable"),
    "other json": (text('{"score": 5}'), "model_answer_unusable"),
    "truncated": (text(answer()[:80]), "model_answer_unusable"),
    "cut off": (text(answer(), finish_reason="length"), "model_answer_unusable"),
    "empty": (text(""), "model_answer_unusable"),
    "nothing": (text(None), "model_answer_unusable"),
    "too many points": (text(answer(26)), "model_answer_unusable"),
    "too few points": (text(answer(-1)), "model_answer_unusable"),
    "half points": (text(answer(score=12.5)), "model_answer_unusable"),
    "endless points": (text(answer().replace("20", "1e999")), "model_answer_unusable"),
    "a nul": (text(answer(rationale="Well\0argued")), "model_answer_unusable"),
    "a raw nul": (text("\0"), "model_answer_unusable"),
    "a lone surrogate": (text(answer(rationale="\ud800")), "model_answer_unusable"),
    "garbage": (raw_body(b"\xff\xfe\x00garbage"), "model_answer_unusable"),
    "a web page": (raw_body(b"<html>gateway</html>", "text/html"), "model_answer_unusable"),
    "a list": (raw_body(b"[]"), "model_answer_unusable"),
    "a text": (raw_body(b'"ok"'), "model_answer_unusable"),
    "no choices": (raw_body(b'{"choices": []}'), "model_answer_unusable"),
    "an empty choice": (raw_body(b'{"choices": [{}]}'), "model_answer_unusable"),
    "a strange choice": (raw_body(b'{"choices": [7]}'), "model_answer_unusable"),
    "a strange content": (raw_body(b'{"choices": [{"message": {"content": 7}}]}'), "model_answer_unusable"),
}

PERMANENT_FAULTS = {
    "quota": (failure(429, "insufficient_quota"), "model_quota_spent"),
    "key": (failure(401, "invalid_api_key"), "model_refused_request"),
    "bad request": (failure(400, "context_length_exceeded"), "model_refused_request"),
    "unknown model": (failure(404), "model_refused_request"),
    "refusal": (text(None, refusal="I cannot do that."), "model_refused"),
    "filter": (text("", finish_reason="content_filter"), "model_refused"),
}
