"""The openai SDK as all models of this service use it: how it is opened, and what its errors mean. Imported by workers
only: the SDK takes half a second and tens of megabytes."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import aiohttp
import openai
from openai._legacy_response import LegacyAPIResponse

from app.clients.llm.rate_limits import Outcome, Seen, limits_of, retry_after_of
from app.domain.errors import JobError, PermanentError, TransientError

# Timeouts, conflicts, too many requests and the provider's own failures pass; everything else 4xx lasts.
_PASSING_STATUSES = frozenset({408, 409, 429})
# What reading an answer of another form raises: the SDK does not check what it gets.
_NOT_THE_AGREED_FORM = (AttributeError, LookupError, TypeError, ValueError)
_OUTCOMES = {
    "model_rate_limited": Outcome.RATE_LIMITED,
    "model_timeout": Outcome.UNAVAILABLE,
    "model_unreachable": Outcome.UNAVAILABLE,
    "model_unavailable": Outcome.UNAVAILABLE,
}

_Answer = TypeVar("_Answer")
_Reply = TypeVar("_Reply")


def open_client(api_key: str, base_url: str | None, seconds: float) -> openai.AsyncOpenAI:
    """A client of the endpoint. The SDK's own limit of so many seconds is for each read."""
    # Whoever calls tries again; a second counter in the SDK would multiply the tries.
    # By aiohttp a call takes 4 ms of CPU, by the SDK's own transport 7, when 200 are in flight.
    return openai.AsyncOpenAI(
        api_key=api_key,
        base_url=base_url,
        timeout=seconds,
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(timeout=seconds),
    )


async def hear(
    asked: Awaitable[LegacyAPIResponse[_Answer]], seconds: float, read: Callable[[_Answer], _Reply]
) -> tuple[_Reply | JobError, Mapping[str, str]]:
    """What `read` makes of the answer, or why there is none within so many seconds; and the answer's headers."""
    headers: Mapping[str, str] = {}
    try:
        # The SDK's own limit is for each read: an answer that drips would never end.
        async with asyncio.timeout(seconds):
            answered = await asked
        headers = answered.headers
        return read(answered.parse()), headers
    except TimeoutError:
        return _too_late(), headers
    except openai.APIError as error:
        return _trouble_of(error), _headers_of(error) or headers
    except _NOT_THE_AGREED_FORM:
        return unusable("did not have the agreed form"), headers


def seen_of(trouble: JobError | None, headers: Mapping[str, str]) -> Seen:
    """What a call has shown of its provider."""
    outcome = _OUTCOMES.get(trouble.code, Outcome.ANSWERED) if trouble else Outcome.ANSWERED
    asked = trouble.retry_after if isinstance(trouble, TransientError) else None
    return Seen(outcome, asked, limits_of(headers))


def unusable(why: str) -> TransientError:
    """An answer that is of no use."""
    return TransientError("model_answer_unusable", f"the model's answer {why}")


def elapsed_ms(started: float) -> int:
    """Milliseconds since that time of the monotonic clock."""
    return round((time.monotonic() - started) * 1000)


def _headers_of(error: openai.APIError) -> Mapping[str, str]:
    """The headers of the answer that the error is; none where there was no answer."""
    return error.response.headers if isinstance(error, openai.APIStatusError) else {}


def _too_late() -> TransientError:
    """No answer in time."""
    return TransientError("model_timeout", "the model did not answer in time")


def _trouble_of(error: openai.APIError) -> JobError:
    """What an error of the SDK means."""
    if isinstance(error, openai.APITimeoutError) and not _cut(error):
        return _too_late()
    if isinstance(error, openai.APIStatusError):
        return _status_trouble(error)
    if isinstance(error, openai.APIResponseValidationError):
        return unusable("did not have the agreed form")
    return TransientError("model_unreachable", "the model could not be reached")


def _cut(error: openai.APITimeoutError) -> bool:
    """Whether the connection was cut, which the SDK reports as a timeout when it goes by aiohttp."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    return isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, aiohttp.ServerTimeoutError)


def _status_trouble(error: openai.APIStatusError) -> JobError:
    if error.code == "insufficient_quota":
        return PermanentError("model_quota_spent", "the model's quota is spent")
    if error.status_code == 429:
        return TransientError("model_rate_limited", "the model is asked too often", _retry_after(error))
    if error.status_code in _PASSING_STATUSES or error.status_code >= 500:
        return TransientError("model_unavailable", "the model is not available", _retry_after(error))
    return PermanentError("model_refused_request", f"the model refused the request (status {error.status_code})")


def _retry_after(error: openai.APIStatusError) -> float | None:
    return retry_after_of(error.response.headers, time.time())
