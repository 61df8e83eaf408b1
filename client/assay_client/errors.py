"""What the service answers when it does not do what was asked, and its silence."""

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, ValidationError

# A problem that has no type of its own (RFC 9457): of whoever stands between the client and the service, or of nobody.
_NO_TYPE = "about:blank"


class FieldError(BaseModel):
    """What is wrong with one field; `pointer` is a JSON Pointer into the request body."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pointer: str
    detail: str


class Problem(BaseModel):
    """An `application/problem+json` body. `status` is None where nothing was answered, `retry_after` (s) what the
    answer asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: str = _NO_TYPE
    title: str
    status: int | None
    detail: str | None = None
    errors: tuple[FieldError, ...] = ()
    request_id: str | None = None
    retry_after: float | None = None


class AssayError(Exception):
    """The service answered with a problem, which asking again does not change."""

    def __init__(self, asked: str, problem: Problem) -> None:
        super().__init__(f"{asked}: {_said(problem)}")
        self.asked = asked
        self.problem = problem


class AssayUnavailable(AssayError):
    """Tries and time are used up, and `problem` is the last one. Ask again later; with `idempotency_key`, where there
    is one, nothing is done twice."""

    def __init__(self, asked: str, problem: Problem, idempotency_key: str | None) -> None:
        super().__init__(asked, problem)
        self.idempotency_key = idempotency_key


def silence(reason: str) -> Problem:
    """What stands for a problem where no answer came."""
    return Problem(title="No answer", status=None, detail=reason)


def unreadable(status: int, reason: str) -> Problem:
    """What stands for a problem where the answer is no answer of this service."""
    return Problem(title="The answer cannot be read", status=status, detail=reason)


def read_problem(status: int, raw: bytes, retry_after: float | None, request_id: str | None) -> Problem:
    """The problem that an answer tells; whatever else the body is, such as a proxy's page, is left out."""
    try:
        told = Problem.model_validate_json(raw)
    except ValidationError:
        told = Problem(title=_phrase(status), status=status, request_id=request_id)
    return told.model_copy(update={"status": status, "retry_after": retry_after})


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown status"


def _said(problem: Problem) -> str:
    parts = [problem.title if problem.status is None else f"{problem.status} {problem.title}"]
    parts += [problem.detail] if problem.detail and problem.detail != problem.title else []
    fields = "; ".join(f"{fault.pointer} {fault.detail}" for fault in problem.errors[:5])
    parts += [fields] if fields else []
    parts += [f"request {problem.request_id}"] if problem.request_id else []
    return ": ".join(parts)
