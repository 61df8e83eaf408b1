"""Errors that an endpoint reports in a response with status 200, as gateways in front of several providers do."""

import re
from typing import Any

import openai

_SPENT = "insufficient_quota"
# What an error says, and the status that it has where it comes with one. The first that fits counts.
_STATUSES = tuple(
    (re.compile(words, re.IGNORECASE), status)
    for words, status in (
        (_SPENT, 429),
        (r"rate.?limit|too.many.requests|resource.?(has been )?exhausted|throttl", 429),
        (r"api.?key|authenticat|unauthori[sz]ed|permission|forbidden|access.denied", 401),
        (r"content.?(filter|policy|management)|moderation", 400),
        (r"context.?(length|window|size)|maximum.(context|input|prompt)|too.(long|large|many.tokens)", 400),
        (r"model.{0,80}(not.(found|exist|available)|does not exist)|unknown.model", 404),
        (r"overload|unavailable|time.?out|timed.out|capacity|try.again", 503),
        (r"invalid.?(request|argument)|bad.request|unsupported|not.supported", 400),
    )
)
_SPENT_WORDS = re.compile(r"(exceeded|out of).{0,20}quota|billing|insufficient.?(credit|balance|fund)", re.IGNORECASE)
_UNKNOWN = 500
# More is not searched: an endpoint may send anything.
_MAX_READ = 10_000


def raise_for_error(body: Any, response: Any) -> None:
    """Raises the error of a body, if it has one, as the SDK raises it where the response has the error's status.

    Raises:
        openai.APIStatusError: the body has an error. `response` gets its status.
    """
    error = _error(body)
    if not error:
        return
    fields = error if isinstance(error, dict) else {"message": str(error)}
    status, spent = _classify(fields)
    response.status_code = status
    known = {**fields, "code": _SPENT} if spent else fields
    raise openai.APIStatusError("an error in a response with status 200", response=response, body=known)


def _error(body: Any) -> Any:
    if getattr(body, "object", None) == "error":
        return body.model_dump()
    choices = getattr(body, "choices", None)
    choice = choices[0] if isinstance(choices, list) and choices else None
    return getattr(body, "error", None) or getattr(choice, "error", None)


def _classify(error: dict[str, Any]) -> tuple[int, bool]:
    """The error's status, and whether the account has nothing left to pay with."""
    texts = [str(error[name])[:_MAX_READ] for name in ("code", "status", "message", "type") if error.get(name)]
    for text in texts:
        for words, status in _STATUSES:
            if words.search(text):
                return _stated_status(error) or status, _SPENT in text
        if _SPENT_WORDS.search(text):
            return 429, True
    return _stated_status(error) or _UNKNOWN, False


def _stated_status(error: dict[str, Any]) -> int | None:
    texts = (str(error.get(name)) for name in ("status", "status_code", "code"))
    return next((int(text) for text in texts if re.fullmatch("[45][0-9]{2}", text)), None)
