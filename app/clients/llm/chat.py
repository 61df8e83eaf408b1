"""The language model, through the openai SDK against any endpoint that speaks its API. Imported only where a model is
set up: the SDK takes half a second and tens of megabytes."""

import re
from collections.abc import Sequence
from typing import Any

from openai.types.chat import ChatCompletion

from app.clients.llm.endpoint import OMITTED, FormsOfCall, Parameter
from app.clients.llm.openai_sdk import OpenAIModel, RawResponse, Request, token_count, unusable_answer
from app.clients.llm.replies import ChatReply
from app.domain.errors import JobError, PermanentError
from app.domain.model_prompt import ModelPrompt

_STRUCTURED_OUTPUT, _MAX_TOKENS, _EFFORT = "OPENAI_STRUCTURED_OUTPUT", "OPENAI_MAX_TOKENS", "OPENAI_EFFORT"
_SCHEMA_WORDS = re.compile(
    "response.?(format|mime)|schema|structured|json.?(mode|object)|guided|grammar|additionalprop"
    "|(invalid|required for) format",
    re.I,
)
_LIMIT_WORDS = re.compile(
    "max[a-z]*[ _-]?(number.of.)?(completion|output|new|generated)?[ _-]?tokens|output.tokens|(in|for) the completion",
    re.I,
)
_EFFORT_WORDS = re.compile("effort|thinking|reasoning", re.I)
# What a usual answer takes of the provider's limits.
_ANSWER_TOKENS = 1_000
# The code of the repair, and the types of parts that are no answer.
_PARTS_JOINED = "parts_joined"
_THOUGHT_TYPES = re.compile("think|thought|reason", re.I)


class ChatModel(OpenAIModel):
    """One language model of the endpoint."""

    async def ask(self, prompt: ModelPrompt) -> ChatReply:
        """The model's answer; failures are part of the reply, so that each call can be accounted for.

        Raises:
            TransientError: the gate is closed, so nothing was sent.
        """
        tokens = prompt.tokens + _ANSWER_TOKENS
        return await self._call(Request(tokens, lambda forms: self._complete(prompt, forms), _read_reply, ChatReply))

    def _parameters(self) -> Sequence[Parameter]:
        form = self._options.structured_output
        # A form that the operator has chosen is not replaced by another.
        outputs = ("schema", "object", OMITTED) if form == "auto" else (OMITTED if form == "none" else form,)
        limits = ("max_completion_tokens", "max_tokens", OMITTED) if self._options.max_tokens else (OMITTED,)
        efforts = (self._options.effort, OMITTED) if self._options.effort else (OMITTED,)
        return (
            Parameter(_STRUCTURED_OUTPUT, _SCHEMA_WORDS, outputs),
            Parameter(_MAX_TOKENS, _LIMIT_WORDS, limits),
            Parameter(_EFFORT, _EFFORT_WORDS, efforts),
        )

    async def _complete(self, prompt: ModelPrompt, forms: FormsOfCall) -> RawResponse[ChatCompletion]:
        parameters: dict[str, Any] = {}
        if forms[_STRUCTURED_OUTPUT] == "schema":
            schema = {"name": prompt.name, "strict": True, "schema": prompt.schema}
            parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif forms[_STRUCTURED_OUTPUT] == "object":
            parameters["response_format"] = {"type": "json_object"}
        if forms[_MAX_TOKENS] != OMITTED:
            parameters[forms[_MAX_TOKENS]] = self._options.max_tokens
        if forms[_EFFORT] != OMITTED:
            parameters["reasoning_effort"] = forms[_EFFORT]
        response: RawResponse[ChatCompletion] = await self._client.chat.completions.with_raw_response.create(
            extra_headers=self._headers,
            model=self.name,
            messages=[{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            **parameters,
        )
        return response


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
    refusal = choice.message.refusal or next((part["refusal"] for part in parts if _is(part, "refusal")), None)
    if refusal or choice.finish_reason == "content_filter":
        return refusal, PermanentError("model_refused", "the model refused to answer")
    if choice.finish_reason == "length":
        return content, unusable_answer("was cut off")
    if not content:
        return None, unusable_answer("was empty")
    # Postgres stores no NUL in any text.
    return content, unusable_answer("had a NUL in it") if "\0" in content or "\\u0000" in content else None


def _parts(completion: ChatCompletion) -> list[Any]:
    """The parts of an answer that some servers send as a list, or the only part; empty if it is one text."""
    content: Any = completion.choices[0].message.content if completion.choices else None
    return content if isinstance(content, list) else [content] if isinstance(content, dict) else []


def _join_parts(parts: list[Any]) -> str:
    """The texts of the parts.

    Raises:
        AttributeError, ValueError: a part is neither a text nor a thought nor a refusal.
    """
    answers = (part for part in parts if not _is_thought(part) and not _is(part, "refusal"))
    texts = [part if isinstance(part, str) else part.get("text") for part in answers]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a part without text")
    return "".join(texts)


def _is_thought(part: Any) -> bool:
    return isinstance(part, dict) and bool(part.get("thought") or _THOUGHT_TYPES.search(str(part.get("type"))))


def _is(part: Any, name: str) -> bool:
    return isinstance(part, dict) and part.get("type") == name
