"""The language model, through the openai SDK against any endpoint that speaks its API. Imported only where a model is
set up: the SDK takes half a second and tens of megabytes."""

from typing import Any

from openai.types.chat import ChatCompletion

from app.clients.llm.openai_sdk import OpenAIModel, RawResponse, Request, token_count, unusable_answer
from app.clients.llm.replies import ChatReply
from app.domain.errors import JobError, PermanentError
from app.domain.essay.prompt import EssayPrompt

# Room for a model that thinks before it answers; the answer itself has a few hundred.
_MAX_ANSWER_TOKENS = 8_000
# What a usual answer takes of the provider's limits.
_ANSWER_TOKENS = 1_000
# The code of the repair, and the kinds of parts that are no answer.
_PARTS_JOINED = "parts_joined"
_THOUGHTS = frozenset({"thinking", "reasoning"})


class ChatModel(OpenAIModel):
    """One language model of the endpoint."""

    async def ask(self, prompt: EssayPrompt) -> ChatReply:
        """The model's answer; failures are part of the reply, so that each call can be accounted for.

        Raises:
            TransientError: the gate is closed, so nothing was sent.
        """
        tokens = prompt.tokens + _ANSWER_TOKENS
        return await self._call(Request(tokens, lambda: self._complete(prompt), _read_reply, ChatReply))

    async def _complete(self, prompt: EssayPrompt) -> RawResponse[ChatCompletion]:
        return await self._client.chat.completions.with_raw_response.create(
            model=self.name,
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
            },
            max_completion_tokens=_MAX_ANSWER_TOKENS,
        )


def _read_reply(completion: ChatCompletion) -> ChatReply:
    answer, error = _read_answer(completion)
    return ChatReply(
        error=error,
        answer=answer.replace("\0", "\ufffd") if answer else answer,
        repairs=(_PARTS_JOINED,) if _parts(completion) else (),
        tokens_in=token_count(completion.usage, "prompt_tokens"),
        tokens_out=token_count(completion.usage, "completion_tokens"),
    )


def _read_answer(completion: ChatCompletion) -> tuple[str | None, JobError | None]:
    choice = completion.choices[0] if completion.choices else None
    if choice is None:
        return None, unusable_answer("was empty")
    parts = _parts(completion)
    content = _join_parts(parts) if parts else choice.message.content
    if choice.message.refusal or choice.finish_reason == "content_filter":
        return choice.message.refusal, PermanentError("model_refused", "the model refused to answer")
    if choice.finish_reason == "length":
        return content, unusable_answer("was cut off")
    if not content:
        return None, unusable_answer("was empty")
    # Postgres stores no NUL in any text.
    return content, unusable_answer("had a NUL in it") if "\0" in content or "\\u0000" in content else None


def _parts(completion: ChatCompletion) -> list[Any]:
    """The parts of an answer that some servers send as a list; empty if it is one text."""
    content: Any = completion.choices[0].message.content if completion.choices else None
    return content if isinstance(content, list) else []


def _join_parts(parts: list[Any]) -> str:
    """The texts of the parts.

    Raises:
        ValueError: a part is neither a text nor a thought.
    """
    texts = [part.get("text") for part in parts if part.get("type") not in _THOUGHTS]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a part without text")
    return "".join(texts)
