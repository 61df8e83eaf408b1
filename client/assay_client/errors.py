"""Errors of the service as exceptions, and the problem documents that they carry."""

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, ValidationError

# RFC 9457: the type of a problem without one. Such a problem comes from a proxy, or from this client.
_NO_TYPE = "about:blank"


class FieldError(BaseModel):
    """What is wrong with one field; `pointer` is a JSON Pointer into the request's body."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pointer: str
    detail: str


class Problem(BaseModel):
    """An `application/problem+json` document. `status` is None where there was no response; `retry_after` is how many
    seconds the service asks to wait."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = _NO_TYPE
    title: str
    status: int | None
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None
    retry_after: float | None = None


class AssayError(Exception):
    """The service responded with an error that a retry does not change. `request` is the method and path."""

    def __init__(self, request: str, problem: Problem) -> None:
        super().__init__(f"{request}: {_describe(problem)}")
        self.request = request
        self.problem = problem


class AssayUnavailable(AssayError):
    """All attempts failed, or the time for them is over; `problem` is that of the last attempt. Call again later: with
    `idempotency_key`, where there is one, nothing is done twice."""

    def __init__(self, request: str, problem: Problem, idempotency_key: str | None) -> None:
        super().__init__(request, problem)
        self.idempotency_key = idempotency_key


def no_response_problem(reason: str) -> Problem:
    """The problem of a request that got no response."""
    return Problem(title="No response", status=None, detail=reason)


def unreadable_problem(status: int, reason: str) -> Problem:
    """The problem of a response that cannot be one of this service."""
    return Problem(title="Unreadable response", status=status, detail=reason)


def parse_problem(status: int, body: bytes, retry_after: float | None, request_id: str | None) -> Problem:
    """The problem in a response's body; a body that is no problem document, such as a proxy's page, is left out."""
    try:
        problem = Problem.model_validate_json(body)
    except ValidationError:
        problem = Problem(title=_phrase(status), status=status, request_id=request_id)
    return problem.model_copy(update={"status": status, "retry_after": retry_after})


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown status"


def _describe(problem: Problem) -> str:
    parts = [problem.title if problem.status is None else f"{problem.status} {problem.title}"]
    parts += [problem.detail] if problem.detail and problem.detail != problem.title else []
    fields = "; ".join(f"{error.pointer} {error.detail}" for error in problem.errors[:5])
    parts += [fields] if fields else []
    parts += [f"request {problem.request_id}"] if problem.request_id else []
    return ": ".join(parts)
