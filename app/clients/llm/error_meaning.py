"""What an error of an endpoint means, by what it says. Endpoints and gateways use the statuses of HTTP differently, and
some send errors with status 200."""

import re
from collections.abc import Mapping
from typing import Any

from app.clients.llm.provider_messages import message_text

PAYMENT_REQUIRED = 402
_BAD_REQUEST = 400
# What an error says, and the status that means it. The first that fits counts; the last says nothing in particular.
_MEANINGS = tuple(
    (re.compile(words, re.IGNORECASE), status)
    for words, status in (
        (r"insufficient.?quota", PAYMENT_REQUIRED),
        (r"rate.?limit|too.many.requests|resource.?(has been )?exhausted|throttl|try (again )?in \d", 429),
        (
            r"(exceeded|out of).{0,20}(quota|budget)|budget.{0,20}exceeded|key limit exceeded|billing|credit balance"
            r"|(insufficient|more).?(credit|balance|fund)",
            PAYMENT_REQUIRED,
        ),
        (r"(api|subscription).?key|authenticat|unauthori[sz]ed|permission|forbidden|access.denied", 401),
        (r"content.?(filter|policy|management)|moderation", _BAD_REQUEST),
        (
            r"context.?(length|window|size)|maximum.(context|input|prompt)|too.(long|large|many.tokens)",
            _BAD_REQUEST,
        ),
        (r"(model|deployment).{0,80}not.?(found|exist|available)|unknown.model|not.?found.?error", 404),
        (r"overload|unavailable|time.?out|timed.out|capacity|try.again|busy|loading model", 503),
        (r"invalid.?(request|argument)|bad.?request|unsupported|not.supported", _BAD_REQUEST),
    )
)
# More is not searched: an endpoint may send anything.
_MAX_READ = 10_000
_STATUS_NAMES = ("status", "statusCode", "status_code", "code")


def meaning(error: object) -> int | None:
    """The status that fits what an error's body says; None if it says nothing that is known."""
    place = _place(error)
    return None if place is None else _MEANINGS[place][1]


def is_unexplained(error: object) -> bool:
    """Whether an error's body gives no reason that is known, so that the reason may be a parameter."""
    return _place(error) in (None, len(_MEANINGS) - 1)


def stated_status(error: Mapping[str, Any]) -> int | None:
    """The status of HTTP that an error's body names."""
    texts = (str(error.get(name)) for name in _STATUS_NAMES)
    return next((int(text) for text in texts if re.fullmatch("[45][0-9]{2}", text)), None)


def _place(error: object) -> int | None:
    fields = error if isinstance(error, Mapping) else {}
    texts = [str(fields[name])[:_MAX_READ] for name in ("code", "status", "type") if fields.get(name)]
    texts.append(message_text(error)[:_MAX_READ])
    places = (place for place, (words, _) in enumerate(_MEANINGS) if any(map(words.search, texts)))
    return next(places, None)
