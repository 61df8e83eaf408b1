"""The language model, through the openai SDK against any endpoint that speaks its API. Imported by workers only:
the SDK takes half a second and tens of megabytes."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
import openai
from openai._legacy_response import LegacyAPIResponse
from openai.types.chat import ChatCompletion

from app.clients.model_gate import ModelGate
from app.clients.model_limits import Outcome, Seen, limits_of, retry_after_of
from app.domain.errors import LastingTrouble, PassingTrouble, Trouble
from app.domain.essay_prompt import EssayPrompt

# Timeouts, conflicts, too many requests and the provider's own failures pass; everything else 4xx lasts.
_PASSING_STATUSES = frozenset({408, 409, 429})
# What reading an answer of another form raises: the SDK does not check what it gets.
_NOT_THE_AGREED_FORM = (AttributeError, LookupError, TypeError, ValueError)
# Room for a model that thinks before it answers; the answer itself has a few hundred.
_MOST_ANSWER_TOKENS = 8_000
# What a usual answer takes of the provider's limits.
_ANSWER_TOKENS = 1_000
_OUTCOMES = {
    "model_rate_limited": Outcome.RATE_LIMITED,
    "model_timeout": Outcome.UNAVAILABLE,
    "model_unreachable": Outcome.UNAVAILABLE,
    "model_unavailable": Outcome.UNAVAILABLE,
}
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

    def __init__(
        self, api_key: str, base_url: str | None, model: str, seconds: float, gate: ModelGate | None = None
    ) -> None:
        """A call takes at most so many seconds; with a `gate` it leaves when that lets it."""
        self.name = model
        self._gate = gate
        self._seconds = seconds
        # The pipeline tries again; a second counter in the SDK would multiply the tries.
        # By aiohttp a call takes 4 ms of CPU, by the SDK's own transport 7, when 200 are in flight.
        self._client = openai.AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            timeout=seconds,
            max_retries=0,
            http_client=openai.DefaultAioHttpClient(timeout=seconds),
        )

    async def ask(self, prompt: EssayPrompt) -> ModelReply:
        """The model's reply; failures are part of it, so that each call can be accounted for.

        Raises:
            PassingTrouble: the gate is closed, so nothing was sent.
        """
        if self._gate is None:
            return (await self._ask(prompt))[0]
        async with self._gate.call(prompt.tokens + _ANSWER_TOKENS) as call:
            reply, seen = await self._ask(prompt)
            call.saw(seen)
        return reply

    async def _ask(self, prompt: EssayPrompt) -> tuple[ModelReply, Seen]:
        started = time.monotonic()
        headers: Mapping[str, str] = {}
        try:
            # The SDK's own limit is for each read: an answer that drips would never end.
            async with asyncio.timeout(self._seconds):
                answered = await self._complete(prompt)
            headers = answered.headers
            reply = _reply(answered.parse(), _elapsed(started))
        except TimeoutError:
            reply = _failed(_too_late(), started)
        except openai.APIError as error:
            headers = error.response.headers if isinstance(error, openai.APIStatusError) else headers
            reply = _failed(_trouble(error), started)
        except _NOT_THE_AGREED_FORM:
            reply = _failed(_unusable("did not have the agreed form"), started)
        return reply, _seen(reply.trouble, headers)

    async def _complete(self, prompt: EssayPrompt) -> LegacyAPIResponse[ChatCompletion]:
        return await self._client.chat.completions.with_raw_response.create(
            model=self.name,
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "essay_score", "strict": True, "schema": prompt.schema},
            },
            max_completion_tokens=_MOST_ANSWER_TOKENS,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


def _failed(trouble: Trouble, started: float) -> ModelReply:
    return ModelReply(trouble.code, _elapsed(started), trouble=trouble)


def _seen(trouble: Trouble | None, headers: Mapping[str, str]) -> Seen:
    outcome = _OUTCOMES.get(trouble.code, Outcome.ANSWERED) if trouble else Outcome.ANSWERED
    asked = trouble.retry_after if isinstance(trouble, PassingTrouble) else None
    return Seen(outcome, asked, limits_of(headers))


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
    if isinstance(error, openai.APITimeoutError) and not _cut(error):
        return _too_late()
    if isinstance(error, openai.APIStatusError):
        return _status_trouble(error)
    if isinstance(error, openai.APIResponseValidationError):
        return _unusable("did not have the agreed form")
    return PassingTrouble("model_unreachable", "the model could not be reached")


def _cut(error: openai.APITimeoutError) -> bool:
    """Whether the connection was cut, which the SDK reports as a timeout when it goes by aiohttp."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    return isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, aiohttp.ServerTimeoutError)


def _status_trouble(error: openai.APIStatusError) -> Trouble:
    if error.code == "insufficient_quota":
        return LastingTrouble("model_quota_spent", "the model's quota is spent")
    if error.status_code == 429:
        return PassingTrouble("model_rate_limited", "the model is asked too often", _retry_after(error))
    if error.status_code in _PASSING_STATUSES or error.status_code >= 500:
        return PassingTrouble("model_unavailable", "the model is not available", _retry_after(error))
    return LastingTrouble("model_refused_request", f"the model refused the request (status {error.status_code})")


def _retry_after(error: openai.APIStatusError) -> float | None:
    return retry_after_of(error.response.headers, time.time())


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
