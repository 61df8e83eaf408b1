"""Parameters, headers and hand-written schemas of the OpenAPI document, by the names that the route table uses."""

from typing import Any

from app.domain.states import AppealFilter, AssessmentStatus, AuditEntity, JobStatus, JobType, ReviewOrder, ReviewReason
from app.http import problems
from app.http.exports import MEDIA_TYPES, Format

JsonSchema = dict[str, Any]

_TEXT: JsonSchema = {"type": "string"}
_MOMENT: JsonSchema = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
_POSITIVE: JsonSchema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}

# Query parameters: schema and description. Where a name has another meaning on one path, the path comes first.
QUERY: dict[str, tuple[JsonSchema, str]] = {
    "limit": ({"type": "integer", "minimum": 1, "maximum": 100, "default": 50}, "page size"),
    "cursor": ({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}, "`next_cursor` of the page before"),
    "track": (_TEXT, "only of this track"),
    "external_id": (_TEXT, "only the credential with this external id"),
    "status": ({"type": "string", "enum": [*AssessmentStatus]}, "only with this status"),
    "/jobs status": (
        {"type": "string", "enum": [*JobStatus]},
        "only with this status; failed jobs are the dead letters",
    ),
    "/appeals status": (
        {"type": "string", "enum": [*AppealFilter]},
        "only with this status; `answered` are those that were upheld or changed",
    ),
    "job_type": ({"type": "string", "enum": [*JobType]}, "only of this type"),
    "degraded": ({"type": "boolean"}, "only degraded ones, or only others"),
    "needs_review": (
        {"type": "boolean"},
        "only those with an essay that a person has to look at (its score is doubtful, or it has none), or only "
        "others; for advisors and admins",
    ),
    "reason": ({"type": "string", "enum": [*ReviewReason]}, "only for this reason, perhaps beside others"),
    "order": (
        {"type": "string", "enum": [*ReviewOrder], "default": ReviewOrder.OLDEST},
        "longest waiting first, least confident first, or shuffled, in the same order for everybody",
    ),
    "from": (_MOMENT, "the beginning; 30 days before the end by default"),
    "to": (
        _MOMENT,
        "the end, excluded; a date counts as a whole day; now by default; at most 366 days after the beginning",
    ),
    "version": (_POSITIVE, "this version, also of a deleted one; the newest by default"),
    "run": (_POSITIVE, "this run, with a result or without; the newest that has a result by default"),
    "format": (
        {"type": "string", "enum": [*Format], "default": "json"},
        "statistics as JSON, or a file of single rows; beats `Accept`",
    ),
    "issuer": (
        _TEXT,
        "the issuer of the person's tokens (`iss`), where it is not the present one; empty for people who were stored "
        "when the deployment had `JWT_SECRET`",
    ),
    "actor": (_TEXT, "only by this person (their `sub`), API key (`key:<id>`) or command"),
    "entity": ({"type": "string", "enum": [*AuditEntity]}, "only of this kind of thing"),
    "key": (_TEXT, "only of the thing with this id or slug"),
    "/audit from": (_MOMENT, "the beginning; that of the log by default"),
    "/audit to": (_MOMENT, "the end, excluded; a date counts as a whole day; now by default"),
    "/gradebook from": (_MOMENT, "only assessments that were started from then on; all by default"),
    "/gradebook to": (_MOMENT, "only assessments that were started before; a date counts as a whole day"),
    "/gradebook format": (
        {"type": "string", "enum": [*Format], "default": "json"},
        "one JSON document, JSON lines, or a CSV file; beats `Accept`",
    ),
    "/audit format": (
        {"type": "string", "enum": [*Format], "default": "jsonl"},
        "JSON lines, also for `json`, or a CSV file; beats `Accept`",
    ),
    "wait": (
        {"type": "integer", "minimum": 0, "maximum": 60, "default": 0},
        "seconds to wait: with `If-None-Match` until the status differs from that tag (304 if it does not), without it "
        "until the status is final",
    ),
}


def _header_parameter(name: str, description: str, schema: JsonSchema = _TEXT) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


IDEMPOTENCY_KEY = _header_parameter(
    "Idempotency-Key",
    "Makes it safe to repeat the request: 1 to 255 visible ASCII characters, quoted or bare, kept for at least 24 h. "
    "The stored answer comes back with `Idempotent-Replayed: true`.",
    {"type": "string", "pattern": r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'},
)
IF_NONE_MATCH = _header_parameter(
    "If-None-Match", "Tags that the client has, or `*`: the answer is 304 if the present tag is among them."
)
PREFER = _header_parameter("Prefer", "`wait=N`, like the parameter `wait`, which beats it (RFC 7240).")
LAST_EVENT_ID = _header_parameter(
    "Last-Event-ID", "The id of the last event that the client has seen; 204 if that was the final one."
)

SECURITY_SCHEMES: dict[str, JsonSchema] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT or API key",
        "description": "A JWT with the claims `sub`, `roles` and `exp`, or an API key (`assay_<id>_<secret>`), which "
        "an admin makes with `POST /api-keys`",
    },
    "metrics": {"type": "http", "scheme": "bearer", "description": "The METRICS_TOKEN of the server, if it has one"},
}
RESPONSE_HEADERS: dict[str, dict[str, Any]] = {
    "ETag": {"description": "The revision; it grows with each visible change", "schema": _TEXT},
    "Location": {"description": "The resource to read next", "schema": _TEXT},
    "Retry-After": {"description": "Seconds", "schema": {"type": "integer", "minimum": 1}},
    "RateLimit": {"description": "How many requests are left, and the seconds until all are", "schema": _TEXT},
    "RateLimit-Policy": {"description": "How many requests are allowed in how many seconds", "schema": _TEXT},
    "Preference-Applied": {"description": "The `wait` that was applied from `Prefer`", "schema": _TEXT},
    "Idempotent-Replayed": {"description": "The answer was stored before", "schema": {"const": "true"}},
    "WWW-Authenticate": {"description": "How to authenticate", "schema": _TEXT},
}

PROBLEM: JsonSchema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "request_id"],
    "properties": {
        "type": {"type": "string", "enum": [kind.uri for kind in problems.ALL]},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "instance": _TEXT,
        "request_id": _TEXT,
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {"pointer": _TEXT, "detail": _TEXT},
            },
        },
    },
}
_READINESS: JsonSchema = {
    "type": "object",
    "required": ["postgres", "migrations", "redis"],
    # The last only with DATABASE_READ_URL.
    "properties": dict.fromkeys(("postgres", "migrations", "redis", "replica"), _TEXT),
}
# Successful answers that are not made by a model, by path: the schema by media type.
OTHER_CONTENT: dict[str, dict[str, JsonSchema]] = {
    "/healthz": {"application/json": {"type": "object"}},
    "/readyz": {"application/json": _READINESS},
    "/metrics": {"text/plain": _TEXT},
    "/openapi.json": {"application/json": {"type": "object"}},
    "/docs": {"text/html": _TEXT},
    "/assessments/{assessment_id}/events": {"text/event-stream": _TEXT},
    "/me/export": {"application/json": {"type": "object"}},
    "/people/{sub}/export": {"application/json": {"type": "object"}},
    "/audit": {MEDIA_TYPES[Format.JSONL]: _TEXT, MEDIA_TYPES[Format.CSV]: _TEXT},
    "/gradebook": {MEDIA_TYPES[Format.CSV]: _TEXT, MEDIA_TYPES[Format.JSONL]: _TEXT},
    "/analytics/feedback": {MEDIA_TYPES[Format.CSV]: _TEXT, MEDIA_TYPES[Format.JSONL]: _TEXT},
}
