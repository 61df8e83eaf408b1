"""Checks of replies that are problems."""

from typing import Any

from tests.api import Reply

# Words that come from a traceback, a statement or a connection string.
_INTERNALS = (b"Traceback", b'File "', b"asyncpg", b"SELECT ", b"INSERT ", b"UPDATE ", b"postgresql://", b"127.0.0.1")


def problem(reply: Reply, status: int, name: str) -> dict[str, Any]:
    """The problem in the reply, which must have this status and type and reveal no internals."""
    assert (reply.status, reply.headers["Content-Type"]) == (status, "application/problem+json"), reply.raw
    body: dict[str, Any] = reply.body
    assert {"type", "title", "status", "detail", "instance", "request_id"} <= set(body)
    assert (body["type"], body["status"]) == (f"/problems/{name}", status), body
    assert body["request_id"] == reply.headers["X-Request-ID"]
    assert not [word for word in _INTERNALS if word in reply.raw], reply.raw
    return body


def invalid(reply: Reply) -> list[str]:
    """The pointers of the invalid fields in the reply, which must be a 422."""
    return [field["pointer"] for field in problem(reply, 422, "invalid-fields")["errors"]]
