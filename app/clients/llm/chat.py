"""The language model, through the openai SDK against any endpoint that speaks its API. Imported by workers only:
the SDK takes half a second and tens of megabytes."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass

from openai._legacy_response import LegacyAPIResponse
from openai.types.chat import ChatCompletion

from app.clients.llm.gate import ModelGate
from app.clients.llm.openai_sdk import elapsed_ms, hear, open_client, seen_of, unusable
from app.clients.llm.rate_limits import Seen
from app.domain.errors import JobError, PermanentError, TransientError
from app.domain.essay.model_prompt import Prompt

# Room for a model that thinks before it answers; the answer itself has a few hundred.
_MOST_ANSWER_TOKENS = 8_000
# What a usual answer takes of the provider's limits.
_ANSWER_TOKENS = 1_000
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
    trouble: JobError | None = None


class EssayModel:
    """Asks one model, about essays above all."""

    provider = "openai"

    def __init__(
        self,
        api_key: str,
        base_url: str | None,
        model: str,
        seconds: float,
        gate: ModelGate | None = None,
        gate_seconds: float | None = None,
    ) -> None:
        """A call takes at most so many seconds; with a `gate` it leaves when that lets it, or not at all if it would
        have to wait there longer than `gate_seconds`."""
        self.name = model
        self._gate = gate
        self._gate_seconds = gate_seconds
        self._seconds = seconds
        self._client = open_client(api_key, base_url, seconds)

    async def ask(self, prompt: Prompt) -> ModelReply:
        """The model's reply; failures are part of it, so that each call can be accounted for.

        Raises:
            PassingTrouble: the gate is closed, so nothing was sent.
        """
        if self._gate is None:
            return (await self._ask(prompt))[0]
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._gate_seconds):
                    call = await stack.enter_async_context(self._gate.call(prompt.tokens + _ANSWER_TOKENS))
            except TimeoutError:
                raise TransientError("model_rate_limited", "the model is asked too often") from None
            reply, seen = await self._ask(prompt)
            call.saw(seen)
        return reply

    async def _ask(self, prompt: Prompt) -> tuple[ModelReply, Seen]:
        started = time.monotonic()
        read, headers = await hear(
            self._complete(prompt), self._seconds, lambda answer: _reply(answer, elapsed_ms(started))
        )
        reply = _failed(read, started) if isinstance(read, JobError) else read
        return reply, seen_of(reply.trouble, headers)

    async def _complete(self, prompt: Prompt) -> LegacyAPIResponse[ChatCompletion]:
        return await self._client.chat.completions.with_raw_response.create(
            model=self.name,
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
            },
            max_completion_tokens=_MOST_ANSWER_TOKENS,
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


def _failed(trouble: JobError, started: float) -> ModelReply:
    return ModelReply(trouble.code, elapsed_ms(started), trouble=trouble)


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


def _content(completion: ChatCompletion) -> tuple[str | None, JobError | None]:
    choice = completion.choices[0] if completion.choices else None
    if choice is None:
        return None, unusable("was empty")
    content = choice.message.content
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return choice.message.refusal, PermanentError("model_refused", "the model refused to answer")
    if choice.finish_reason == "length":
        return content, unusable("was cut off")
    if not content:
        return None, unusable("was empty")
    # Postgres stores no NUL in any text.
    return content, unusable("had a NUL in it") if "\0" in content or "\\u0000" in content else None
