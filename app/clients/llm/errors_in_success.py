"""Errors that an endpoint reports in a response with status 200, as gateways in front of several providers do."""

from typing import Any

import openai

from app.clients.llm.error_meaning import PAYMENT_REQUIRED, meaning, stated_status
from app.clients.llm.provider_messages import message_text

_UNKNOWN = 500
# What reading a body raises that is no JSON.
_UNREADABLE = (openai.APIError, ValueError)


def find_error(response: Any) -> openai.APIStatusError | None:
    """The error in a response, as the SDK raises it where the response has the error's status; None if there is none.
    With an error, the response gets its status."""
    try:
        fields = _find_fields(response.parse(), response.http_response)
    except _UNREADABLE:
        return None
    if fields is None:
        return None
    means = meaning(fields)
    status = means if means == PAYMENT_REQUIRED else stated_status(fields) or means or _UNKNOWN
    response.http_response.status_code = status
    return openai.APIStatusError("an error in a response with status 200", response=response.http_response, body=fields)


def _find_fields(body: Any, response: Any) -> dict[str, Any] | None:
    choices = getattr(body, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    error = getattr(body, "error", None) or getattr(choice, "error", None)
    if error and error is not True:
        return error if isinstance(error, dict) else {"message": str(error)}
    if choices or getattr(body, "data", None):
        return None
    # No answer at all: whatever is a message then is one of an error.
    whole = response.json()
    first = whole[0] if isinstance(whole, list) and whole else whole
    inner = first.get("error") if isinstance(first, dict) else None
    fields = inner if isinstance(inner, dict) else first
    return fields if isinstance(fields, dict) and message_text(fields) else None
