"""The OpenAPI 3.1 document, made from the table of routes and the models that parse and render."""

import re
from functools import cache
from types import UnionType
from typing import Any, get_args

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from app.domain.states import Role
from app.http import problems
from app.web.routes import ROUTES, Route, Shape

_REF = "#/components/schemas/{model}"
_MOMENT = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_QUERY: dict[str, dict[str, Any]] = {
    "limit": {"schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}, "description": "page size"},
    "cursor": {
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
        "description": "`next_cursor` of the page before",
    },
    "track": {"schema": {"type": "string"}, "description": "only of this track"},
    "status": {
        "schema": {"type": "string", "enum": ["in_progress", "submitted", "completed", "failed", "expired"]},
        "description": "only with this status",
    },
    "/jobs status": {
        "schema": {"type": "string", "enum": ["queued", "in_progress", "completed", "failed"]},
        "description": "only with this status; failed ones are the dead letters",
    },
    "job_type": {"schema": {"type": "string", "enum": ["gpt", "rag", "fusion"]}, "description": "only of this type"},
    "degraded": {"schema": {"type": "boolean"}, "description": "only degraded ones, or only others"},
    "needs_review": {
        "schema": {"type": "boolean"},
        "description": "only those with an essay that waits for a person (its score is in doubt, or it has none), or "
        "only others; advisors and admins may ask",
    },
    "from": {"schema": _MOMENT, "description": "the beginning; 30 days before the end if not given"},
    "to": {
        "schema": _MOMENT,
        "description": "the end, excluded; a date counts as a whole; now if not given; 366 days after the beginning at "
        "most",
    },
    "version": {
        "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
        "description": "a named version, kept after a delete",
    },
}
_QUERY["run"] = {
    "schema": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    "description": "a named run, with a result or without; the newest that has one if not given",
}
_QUERY["format"] = {
    "schema": {"type": "string", "enum": ["json", "csv", "jsonl"], "default": "json"},
    "description": "numbers, or what they are of one by one; beats `Accept`",
}
_QUERY["wait"] = {
    "schema": {"type": "integer", "minimum": 0, "maximum": 60, "default": 0},
    "description": "seconds: answers once the status differs from `If-None-Match` (304 at the end of the wait), or "
    "without that, once it is final",
}
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "description": "`wait=N` as the parameter of that name, which beats it (RFC 7240).",
    "schema": {"type": "string"},
}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The last event that was seen; 204 where it was the final one.",
    "schema": {"type": "string"},
}
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes a repeated request safe: 1 to 255 visible ASCII characters, quoted or bare, kept 24 h at "
    "least. The stored answer comes back with `Idempotent-Replayed: true`.",
    "schema": {"type": "string", "pattern": r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'},
}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "Tags that the client has, or `*`: 304 where the present one is among them.",
    "schema": {"type": "string"},
}
_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {"description": "The revision; it grows with each visible change", "schema": {"type": "string"}},
    "Location": {"description": "Where to go from here", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}},
    "Preference-Applied": {"description": "The `wait` that was taken from `Prefer`", "schema": {"type": "string"}},
    "Idempotent-Replayed": {"description": "The answer was stored before", "schema": {"const": "true"}},
    "WWW-Authenticate": {"description": "How to authenticate", "schema": {"type": "string"}},
}
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "enum": [kind.uri for kind in problems.ALL]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_READINESS = {
    "type": "object",
    "required": ["postgres", "migrations", "redis"],
    "properties": {name: {"type": "string"} for name in ("postgres", "migrations", "redis")},
}
_OTHER_CONTENT: dict[str, dict[str, Any]] = {
    "/healthz": {"application/json": {"schema": {"type": "object"}}},
    "/readyz": {"application/json": {"schema": _READINESS}},
    "/metrics": {"text/plain": {"schema": {"type": "string"}}},
    "/openapi.json": {"application/json": {"schema": {"type": "object"}}},
    "/docs": {"text/html": {"schema": {"type": "string"}}},
    "/assessments/{assessment_id}/events": {"text/event-stream": {"schema": {"type": "string"}}},
    "/analytics/feedback": {media: {"schema": {"type": "string"}} for media in ("text/csv", "application/x-ndjson")},
}
_REASONS = {
    200: "Done", 201: "Created", 202: "Accepted; follow the `Location`", 204: "Done", 304: "Nothing new",
    400: "Cannot be read", 401: "No valid token", 403: "Not allowed", 404: "Not there", 409: "Not in this state",
    410: "Too late", 413: "Body over 1 MiB", 415: "Not JSON", 422: "Fields not acceptable", 429: "Too many",
    503: "Try again soon",
}  # fmt: skip


def document() -> bytes:
    """The document as JSON."""
    return _made()


@cache
def _made() -> bytes:
    return orjson.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "Assay", "version": "0.1.0", "description": _description()},
            "paths": _paths(),
            "components": {
                "schemas": _schemas(),
                "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        }
    )


def _description() -> str:
    types = "\n".join(f"- `{kind.uri}` ({kind.status}): {kind.title}" for kind in problems.ALL)
    return (
        "Scores assessments by rule at once, essays by a language model in the background, and recommends "
        "micro-credentials, each with what it rests on.\n\n"
        f"Errors are `application/problem+json`. Their types:\n{types}"
    )


def _schemas() -> dict[str, Any]:
    shapes = [shape for route in ROUTES for shape in (route.body, *route.success.values())]
    models = dict.fromkeys(model for shape in shapes for model in _models(shape))
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REF)
    return {**found["$defs"], "Problem": _PROBLEM}


def _paths() -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        if route.documented:
            paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return paths


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "description": str(route.access),
        "tags": [route.path.split("/")[1]],
        "parameters": _parameters(route),
        "responses": _responses(route),
    }
    if route.body is not None:
        content = {"application/json": {"schema": _body(route)}}
        operation["requestBody"] = {"required": route.body_required and not route.patch, "content": content}
    if not route.access.public:
        operation["security"] = [{"bearer": []}]
        operation["x-roles"] = [role for role in Role if role in route.access.roles]
        operation["x-owner"] = route.access.owner
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    path = [{"name": name, "in": "path", "required": True, "schema": _path_schema(name)} for name in names]
    # A name means the same everywhere, but for those that stand in the table with their path.
    meanings = {name: _QUERY.get(f"{route.path} {name}") or _QUERY[name] for name in route.query}
    query = [{"name": name, "in": "query", "required": False, **meaning} for name, meaning in meanings.items()]
    headers = [_KEY] * route.keyed + [_IF_NONE_MATCH] * (304 in route.success)
    headers += [_PREFER] * ("wait" in route.query) + [_LAST_EVENT_ID] * route.path.endswith("/events")
    return [*path, *query, *headers]


def _path_schema(name: str) -> dict[str, str]:
    return {"type": "string", "format": "uuid"} if name.endswith("_id") else {"type": "string"}


def _responses(route: Route) -> dict[str, Any]:
    told = {str(status): _success(route, status, shape) for status, shape in route.success.items()}
    content = {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}}
    refused = [] if route.access.public else sorted({*_usual_problems(route), *route.problems} - set(route.success))
    return told | {str(status): _answer(route, status) | {"content": content} for status in refused}


def _usual_problems(route: Route) -> set[int]:
    usual = {401, 403, 503}
    if "{" in route.path or route.path == "/assessments":
        usual.add(404)
    if route.query or route.keyed or route.body:
        usual.add(400)
    return usual | ({413, 415, 422} if route.body else set())


def _success(route: Route, status: int, shape: Shape | None) -> dict[str, Any]:
    content = {"application/json": {"schema": _reference(shape)}} if shape is not None else {}
    if status != 204:
        content |= _OTHER_CONTENT.get(route.path, {})
    return _answer(route, status) | ({"content": content} if content else {})


def _answer(route: Route, status: int) -> dict[str, Any]:
    names = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}.get(status, ())
    if status in route.success and not route.access.public:
        # Where the answer may still have to be waited for, they tell of the wait.
        told = () if status == 200 and 202 in route.success else route.headers
        names = (*told, *(("Location", "Idempotent-Replayed") if route.keyed else ()))
    headers = {name: _HEADERS[name] for name in names}
    return {"description": _REASONS[status]} | ({"headers": headers} if headers else {})


def _body(route: Route) -> dict[str, Any]:
    """A reference, or for a patch the same fields with none of them required."""
    if not route.patch:
        return _reference(route.body)
    variants = []
    for model in _models(route.body):
        schema = model.model_json_schema(ref_template=_REF)
        schema.pop("$defs", None)
        variants.append({**schema, "required": []})
    return variants[0] if len(variants) == 1 else {"anyOf": variants}


def _reference(shape: Shape | None) -> dict[str, Any]:
    references = [{"$ref": _REF.format(model=model.__name__)} for model in _models(shape)]
    return references[0] if len(references) == 1 else {"anyOf": references}


def _models(shape: Shape | None) -> tuple[type[BaseModel], ...]:
    if shape is None:
        return ()
    return get_args(shape) if isinstance(shape, UnionType) else (shape,)
