"""What every refusal looks like."""

from typing import Any

from tests.api import Reply

# Words that only a traceback, a statement or a connection string would bring into an answer.
_INSIDE = (b"Traceback", b'File "', b"asyncpg", b"SELECT ", b"INSERT ", b"UPDATE ", b"postgresql://", b"127.0.0.1")


def problem(reply: Reply, status: int, name: str) -> dict[str, Any]:
    """The problem in the reply, which must be one of this status and type and give nothing away."""
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json"), reply.raw
    body: dict[str, Any] = reply.body
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(body)
    assert (body["type"], body["status"]) == (f"/problems/{name}", status), body
    assert body["request_id"] == reply.headers["X-Request-ID"]
    assert not [word for word in _INSIDE if word in reply.raw], reply.raw
    return body


def invalid(reply: Reply) -> list[str]:
    """The pointers of a 422."""
    return [fault["pointer"] for fault in problem(reply, 422, "invalid-fields")["errors"]]
