"""The language model, through the openai SDK against any endpoint that speaks its API. Imported by workers only:
the SDK takes half a second and tens of megabytes."""

import time
from dataclasses import dataclass
from typing import Any

import openai
from openai.types.chat import ChatCompletion

from app.domain.errors import LastingTrouble, PassingTrouble, Trouble
from app.domain.essay_prompt import EssayPrompt

# Timeouts, conflicts, too many requests and the provider's own failures pass; everything else 4xx lasts.
_PASSING_STATUSES = frozenset({408, 409, 429})


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
            completion = await self._client.chat.completions.create(
                model=self.name,
                messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "essay_score", "strict": True, "schema": prompt.schema},
                },
            )
        except openai.APIError as error:
            trouble = _trouble(error)
            return ModelReply(trouble.code, _elapsed(started), trouble=trouble)
        return _reply(completion, _elapsed(started))

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


def _reply(completion: ChatCompletion, latency_ms: int) -> ModelReply:
    usage = completion.usage
    spent = {
        "tokens_in": usage.prompt_tokens if usage else 0,
        "tokens_out": usage.completion_tokens if usage else 0,
    }
    answer, trouble = _content(completion)
    return ModelReply(trouble.code if trouble else "answered", latency_ms, answer, trouble=trouble, **spent)


def _content(completion: ChatCompletion) -> tuple[str | None, Trouble | None]:
    choice = completion.choices[0] if completion.choices else None
    if choice is None:
        return None, PassingTrouble("model_answer_unusable", "the model's answer was empty")
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return choice.message.refusal, LastingTrouble("model_refused", "the model refused to score this essay")
    if choice.finish_reason == "length":
        return choice.message.content, PassingTrouble("model_answer_unusable", "the model's answer was cut off")
    if not choice.message.content:
        return None, PassingTrouble("model_answer_unusable", "the model's answer was empty")
    return choice.message.content, None


def _trouble(error: openai.APIError) -> Trouble:
    if isinstance(error, openai.APITimeoutError):
        return PassingTrouble("model_timeout", "the model did not answer in time")
    if isinstance(error, openai.APIStatusError):
        return _status_trouble(error)
    if isinstance(error, openai.APIResponseValidationError):
        return PassingTrouble("model_answer_unusable", "the model's answer did not have the agreed form")
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
    value: Any = error.response.headers.get("retry-after")
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return None


def _elapsed(started: float) -> int:
    return round((time.monotonic() - started) * 1000)
