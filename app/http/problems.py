"""Errors as `application/problem+json` (RFC 9457): the types of problems, and the errors that they stand for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from app.domain import errors
from app.domain.errors import CallerError, FieldError, InvalidFields
from app.http.app_keys import REQUEST_ID
from app.repositories.sql import DATABASE_UNAVAILABLE


@dataclass(frozen=True)
class ProblemType:
    """A type of problem; its name and status never change."""

    status: int
    name: str
    title: str
    retry_after: int | None = None

    @property
    def uri(self) -> str:
        """The `type` member."""
        return f"/problems/{self.name}"


class RequestProblem(Exception):
    """A request that cannot be understood, or has no valid token."""

    def __init__(self, kind: ProblemType, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})


MALFORMED = ProblemType(400, "malformed-request", "The request cannot be read")
BAD_QUERY = ProblemType(400, "bad-query", "A query parameter is not valid")
BAD_FORM = ProblemType(403, "bad-form", "The form was not sent from a page of your session")
BAD_KEY = ProblemType(400, "bad-idempotency-key", "The Idempotency-Key is not valid")
UNAUTHENTICATED = ProblemType(401, "unauthenticated", "A valid bearer token is needed")
RATE_LIMITED = ProblemType(429, "rate-limited", "Too many requests")
REQUEST_TIMEOUT = ProblemType(408, "request-timeout", "The request did not arrive in time")
TOO_LARGE = ProblemType(413, "body-too-large", "The body is larger than 1 MiB")
ADDRESS_TOO_LONG = ProblemType(414, "address-too-long", "The address is longer than 8,190 bytes")
WRONG_MEDIA = ProblemType(415, "unsupported-media-type", "The body must be application/json")
HEADERS_TOO_LARGE = ProblemType(431, "headers-too-large", "A header is longer than 8 KiB, or there are more than 128")
METHOD_NOT_ALLOWED = ProblemType(405, "method-not-allowed", "The resource does not support this method")
NO_SUCH_PATH = ProblemType(404, "not-found", "There is no such resource")
UNAVAILABLE = ProblemType(503, "storage-unavailable", "The database is not available", retry_after=2)
NO_TOKEN_KEYS = ProblemType(503, "token-keys-unavailable", "Tokens cannot be verified at the moment", retry_after=5)
INTERNAL = ProblemType(500, "internal-error", "Something went wrong on our side")
_TOO_MANY_WAITS = ProblemType(429, "too-many-waits", "Too many requests wait for changes", retry_after=5)

TYPE_OF_ERROR: dict[type[CallerError], ProblemType] = {
    errors.NotFound: NO_SUCH_PATH,
    errors.Forbidden: ProblemType(403, "forbidden", "You are not allowed to do this"),
    errors.InvalidFields: ProblemType(422, "invalid-fields", "Some fields are not valid"),
    errors.SlugTaken: ProblemType(409, "slug-taken", "The slug is in use"),
    errors.ExternalIdTaken: ProblemType(409, "external-id-taken", "The external id is in use"),
    errors.TrackIsDeleted: ProblemType(409, "track-deleted", "The track was deleted"),
    errors.BankTooSmall: ProblemType(409, "bank-too-small", "The track has too few questions"),
    errors.AttemptsUsed: ProblemType(409, "attempts-used", "No attempt at the track is left"),
    errors.RetakeTooSoon: ProblemType(409, "retake-too-soon", "The pause before the next attempt is not over"),
    errors.AlreadySubmitted: ProblemType(409, "already-submitted", "The assessment was submitted already"),
    errors.AssessmentExpired: ProblemType(410, "assessment-expired", "The time for the assessment is over"),
    errors.NotSubmitted: ProblemType(409, "not-submitted", "The assessment was not submitted yet"),
    errors.AssessmentFailed: ProblemType(409, "assessment-failed", "The assessment has no result"),
    errors.NoResultYet: ProblemType(409, "no-result-yet", "The result is still being made", retry_after=1),
    errors.NothingToConfirm: ProblemType(409, "nothing-to-confirm", "The machine has given no score"),
    errors.NothingToAppeal: ProblemType(409, "nothing-to-appeal", "The question has no score"),
    errors.AlreadyAppealed: ProblemType(409, "already-appealed", "The question was appealed before"),
    errors.AppealTooLate: ProblemType(409, "appeal-too-late", "The time for appeals is over"),
    errors.AppealAnswered: ProblemType(409, "appeal-answered", "The appeal was answered already"),
    errors.ReservedByOther: ProblemType(409, "reserved", "Another person holds this item", retry_after=60),
    errors.RunInProgress: ProblemType(409, "run-in-progress", "A run of the jobs is in progress", retry_after=1),
    errors.JobNotFailed: ProblemType(409, "job-not-failed", "The job has not failed"),
    errors.JobOfOlderRun: ProblemType(409, "job-of-older-run", "A later run has replaced the run of this job"),
    errors.NoWebhook: ProblemType(409, "no-webhook", "No webhook is registered"),
    errors.BeingSent: ProblemType(409, "being-sent", "The message is being sent", retry_after=2),
    errors.RedeliveredTooSoon: ProblemType(
        429, "redelivered-too-soon", "The message was redelivered a moment ago", retry_after=5
    ),
    errors.SubscriptionLimit: ProblemType(409, "subscription-limit", "There are too many service-wide webhooks"),
    errors.RedeliveryLimit: ProblemType(409, "redelivery-limit", "The message was redelivered too often"),
    errors.KeyReused: ProblemType(422, "idempotency-key-reused", "The Idempotency-Key was used with another payload"),
    errors.KeyInFlight: ProblemType(
        409, "idempotency-key-in-flight", "A request with this Idempotency-Key still runs", retry_after=1
    ),
    errors.QueueFull: ProblemType(503, "queue-full", "Too many submissions wait", retry_after=5),
    errors.OwnerSubmissionLimit: ProblemType(
        429, "too-many-submissions", "Too many of your submissions wait for their result", retry_after=5
    ),
    errors.OwnerStartLimit: ProblemType(429, "too-many-starts", "You have started too many assessments today"),
    errors.OwnerKeyLimit: ProblemType(429, "too-many-idempotency-keys", "Too many of your Idempotency-Keys are kept"),
    errors.CallerWaitLimit: _TOO_MANY_WAITS,
    errors.AssessmentWaitLimit: _TOO_MANY_WAITS,
    errors.ServerWaitLimit: ProblemType(503, "too-many-waiting", "Too many clients wait", retry_after=5),
    errors.ExportLimit: ProblemType(503, "too-many-exports", "Too many exports are being written", retry_after=10),
    errors.Conflict: ProblemType(409, "conflict", "Another request changed the same resource", retry_after=1),
}
_OTHERS = (
    *(MALFORMED, BAD_QUERY, BAD_KEY, UNAUTHENTICATED, METHOD_NOT_ALLOWED, REQUEST_TIMEOUT, TOO_LARGE, ADDRESS_TOO_LONG),
    *(WRONG_MEDIA, RATE_LIMITED, HEADERS_TOO_LARGE, BAD_FORM),
)
ALL = tuple(dict.fromkeys((*TYPE_OF_ERROR.values(), *_OTHERS, UNAVAILABLE, NO_TOKEN_KEYS, INTERNAL)))
_OF_STATUS = {404: NO_SUCH_PATH, 405: METHOD_NOT_ALLOWED, 413: TOO_LARGE, 415: WRONG_MEDIA}

# As many as a body may have responses. More would make the answer many times as long as a body of 1 MiB.
_MAX_FIELDS = 500


@dataclass(frozen=True)
class Problem:
    """What an error means for the client: its type, what is wrong in this case, headers, and the invalid fields."""

    kind: ProblemType
    detail: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[FieldError, ...] = ()

    @property
    def response_headers(self) -> dict[str, str]:
        """The headers of the answer: these, and when to try again where the type of the problem says so."""
        retry_after = self.kind.retry_after
        return ({} if retry_after is None else {"Retry-After": str(retry_after)}) | dict(self.headers)


def problem_of(error: Exception) -> Problem:
    """What the error means."""
    match error:
        case RequestProblem():
            return Problem(error.kind, error.detail, error.headers)
        case InvalidFields():
            return Problem(TYPE_OF_ERROR[InvalidFields], error.detail, fields=error.errors[:_MAX_FIELDS])
        case CallerError():
            headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            return Problem(TYPE_OF_ERROR[type(error)], error.detail, headers)
        case web.HTTPException():
            kind = _OF_STATUS.get(error.status) or ProblemType(error.status, "malformed-request", error.reason)
            allow = error.headers.get("Allow")
            return Problem(kind, kind.title, {"Allow": allow} if allow else {})
        case _ if isinstance(error, DATABASE_UNAVAILABLE):
            return Problem(UNAVAILABLE, "try again soon")
        case _:
            return Problem(INTERNAL, "the request id helps to find the cause")


def problem_response(problem: Problem, request: web.BaseRequest, public_url: str) -> web.Response:
    """The answer to a request with this problem, from a server whose clients use the address `public_url`."""
    kind, path = problem.kind, request.rel_url.raw_path
    body: dict[str, Any] = {
        "type": kind.uri,
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": public_url + (path if path.startswith("/") else f"/{path}"),  # `OPTIONS *` has no path
        "request_id": request[REQUEST_ID],
    }
    if kind is TYPE_OF_ERROR[InvalidFields]:
        body["errors"] = [{"pointer": invalid.pointer, "detail": invalid.detail} for invalid in problem.fields]
    response = web.Response(
        status=kind.status,
        body=orjson.dumps(body),
        content_type="application/problem+json",
        headers=problem.response_headers,
    )
    if kind is REQUEST_TIMEOUT:
        response.force_close()
    return response
