"""The language model, through the openai SDK against any endpoint that speaks its API. Imported by workers only:
the SDK takes half a second and tens of megabytes."""

import asyncio
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import openai
from openai.types.chat import ChatCompletion

from app.domain.errors import LastingTrouble, PassingTrouble, Trouble
from app.domain.essay_prompt import EssayPrompt

# Timeouts, conflicts, too many requests and the provider's own failures pass; everything else 4xx lasts.
_PASSING_STATUSES = frozenset({408, 409, 429})
# What reading an answer of another form raises: the SDK does not check what it gets.
_NOT_THE_AGREED_FORM = (AttributeError, LookupError, TypeError, ValueError)
# No call is that long.
_MOST_TOKENS = 10_000_000


@dataclass(frozen=True)
class ModelReply:
    """What came back of one call: the raw answer, or the trouble instead of it."""

    outcome: str
    latency_ms: int
    answer: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    trouble: Trouble | None = None


class EssayModel:
    """Asks one model about essays."""

    provider = "openai"

    def __init__(self, api_key: str, base_url: str | None, model: str, seconds: float) -> None:
        self.name = model
        self._seconds = seconds
        # The pipeline tries again; a second counter in the SDK would multiply the tries.
        self._client = openai.AsyncOpenAI(api_key=api_key, base_url=base_url, timeout=seconds, max_retries=0)

    async def ask(self, prompt: EssayPrompt) -> ModelReply:
        """The model's reply; failures are part of it, so that each call can be accounted for."""
        started = time.monotonic()
        try:
            # The SDK's own limit is for each read: an answer that drips would never end.
            async with asyncio.timeout(self._seconds):
                completion = await self._complete(prompt)
            return _reply(completion, _elapsed(started))
        except TimeoutError:
            trouble: Trouble = _too_late()
        except openai.APIError as error:
            trouble = _trouble(error)
        except _NOT_THE_AGREED_FORM:
            trouble = _unusable("did not have the agreed form")
        return ModelReply(trouble.code, _elapsed(started), trouble=trouble)

    async def _complete(self, prompt: EssayPrompt) -> ChatCompletion:
        return await self._client.chat.completions.create(
            model=self.name,
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "essay_score", "strict": True, "schema": prompt.schema},
            },
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


def _reply(completion: ChatCompletion, latency_ms: int) -> ModelReply:
    answer, trouble = _content(completion)
    return ModelReply(
        outcome=trouble.code if trouble else "answered",
        latency_ms=latency_ms,
        answer=answer.replace("\0", "\ufffd") if answer else answer,
        tokens_in=_tokens(completion, "prompt_tokens"),
        tokens_out=_tokens(completion, "completion_tokens"),
        trouble=trouble,
    )


def _tokens(completion: ChatCompletion, name: str) -> int:
    """What the provider says was used; 0 where it says nothing that can be true."""
    told = getattr(completion.usage, name, None)
    return told if isinstance(told, int) and 0 <= told <= _MOST_TOKENS else 0


def _content(completion: ChatCompletion) -> tuple[str | None, Trouble | None]:
    choice = completion.choices[0] if completion.choices else None
    if choice is None:
        return None, _unusable("was empty")
    content = choice.message.content
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return choice.message.refusal, LastingTrouble("model_refused", "the model refused to score this essay")
    if choice.finish_reason == "length":
        return content, _unusable("was cut off")
    if not content:
        return None, _unusable("was empty")
    # Postgres stores no NUL in any text.
    return content, _unusable("had a NUL in it") if "\0" in content or "\\u0000" in content else None


def _too_late() -> PassingTrouble:
    return PassingTrouble("model_timeout", "the model did not answer in time")


def _unusable(why: str) -> PassingTrouble:
    return PassingTrouble("model_answer_unusable", f"the model's answer {why}")


def _trouble(error: openai.APIError) -> Trouble:
    if isinstance(error, openai.APITimeoutError):
        return _too_late()
    if isinstance(error, openai.APIStatusError):
        return _status_trouble(error)
    if isinstance(error, openai.APIResponseValidationError):
        return _unusable("did not have the agreed form")
    return PassingTrouble("model_unreachable", "the model could not be reached")


def _status_trouble(error: openai.APIStatusError) -> Trouble:
    if error.code == "insufficient_quota":
        return LastingTrouble("model_quota_spent", "the model's quota is spent")
    if error.status_code == 429:
        return PassingTrouble("model_rate_limited", "the model is asked too often", _retry_after(error))
    if error.status_code in _PASSING_STATUSES or error.status_code >= 500:
        return PassingTrouble("model_unavailable", "the model is not available", _retry_after(error))
    return LastingTrouble("model_refused_request", f"the model refused the request (status {error.status_code})")


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds, of either form that HTTP has: a number, or a date."""
    value: str = error.response.headers.get("retry-after", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        return _seconds_until(value)


def _seconds_until(date: str) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
