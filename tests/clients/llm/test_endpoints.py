"""Endpoints that do not accept every parameter: each refusal brings one more request, and is remembered."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.clients.llm.chat import ChatModel
from app.clients.llm.endpoint import EndpointOptions
from app.domain.essay.prompt import EssayPrompt, build_prompt
from app.domain.essay.visible_text import visible_text
from app.services.essays.llm_calls import PROBE
from tests.fakes import endpoints
from tests.fakes.endpoints import Refusal, output_of, refusing
from tests.fakes.model_server import ModelServer, model_server

ESSAY = "The planet turns. response_format max_tokens reasoning_effort"
# What each kind of endpoint is sent in the end, and how many requests it refused before: the form of the output, the
# parameters of the limit, and the effort.
KINDS: dict[str, tuple[Refusal, tuple[str | None, set[str], str | None], int]] = {
    "OpenAI": (endpoints.openai_reasoning, ("json_schema", {"max_completion_tokens"}, None), 1),
    "old vLLM": (endpoints.old_vllm, ("json_schema", set(), "minimal"), 2),
    "FastAPI": (endpoints.fastapi, (None, {"max_tokens"}, None), 4),
    "Mistral": (endpoints.mistral, ("json_schema", {"max_tokens"}, "minimal"), 1),
    "llama.cpp": (endpoints.llama_cpp, ("json_object", {"max_completion_tokens"}, "minimal"), 1),
    "DeepSeek": (endpoints.deepseek, ("json_object", {"max_completion_tokens"}, "minimal"), 1),
    "Ollama": (endpoints.ollama, ("json_schema", {"max_completion_tokens"}, None), 1),
    "LM Studio": (endpoints.lm_studio, ("json_schema", {"max_completion_tokens"}, "minimal"), 0),
    "OpenRouter": (endpoints.openrouter, (None, {"max_completion_tokens"}, "minimal"), 2),
    "LiteLLM": (endpoints.litellm, (None, set(), "minimal"), 4),
}


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    async with model_server() as server:
        yield server


@pytest.fixture
def prompt() -> EssayPrompt:
    return build_prompt(PROBE, visible_text(ESSAY))


def sent(body: dict[str, Any]) -> tuple[str | None, set[str], str | None]:
    limits = {name for name in body if name.startswith("max_")}
    return output_of(body), limits, body.get("reasoning_effort")


@pytest.mark.parametrize(("refusal", "accepted", "refused"), KINDS.values(), ids=KINDS)
async def test_what_an_endpoint_refuses_is_not_sent_again(
    provider: ModelServer,
    prompt: EssayPrompt,
    refusal: Refusal,
    accepted: tuple[str | None, set[str], str | None],
    refused: int,
) -> None:
    provider.default = refusing(refusal)
    model = ChatModel("sk-test", provider.url, "m", 20, options=EndpointOptions(effort="minimal"))
    replies = [await model.ask(prompt) for _ in range(3)]
    await model.close()
    assert [reply.outcome for reply in replies] == ["answered"] * 3
    assert len(provider.requests) == refused + 3
    assert [sent(body) for body in provider.requests[refused:]] == [accepted] * 3


async def test_a_refusal_for_another_reason_is_not_remembered(provider: ModelServer, prompt: EssayPrompt) -> None:
    message = f"The content is not allowed: {ESSAY}"
    provider.default = refusing(lambda body: (400, {"error": {"message": message, "code": "content_filter"}}))
    model = ChatModel("sk-test", provider.url, "m", 20, options=EndpointOptions(effort="low"))
    assert (await model.ask(prompt)).outcome == "model_refused_request"
    assert len(provider.requests) <= 6, "each form was sent once at most"
    provider.default = ModelServer().default
    assert (await model.ask(prompt)).outcome == "answered"
    await model.close()
    assert sent(provider.requests[-1]) == ("json_schema", {"max_completion_tokens"}, "low")


OUTPUT_REFUSALS = [
    (400, "Response format is not supported"), (400, "JSON mode is not enabled for this model"),
    (400, "guided_json is not supported"), (400, "Structured generation is unavailable"), (400, "schema too complex"),
    (400, "Unknown name 'strict' at 'generation_config.response_schema'"), (501, "response_format: not implemented"),
    (400, "invalid format: expected 'json' or a JSON schema"), (422, "Input validation error: grammar is disabled"),
    (500, "failed to load model vocabulary required for format"), (400, "responseFormat: bad value"),
]  # fmt: skip
LIMIT_REFUSALS = [
    (422, "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096."),
    (400, "Unable to submit request because it has a maxOutputTokens value of 80000"),
    (400, "The maximum tokens you requested exceeds the model limit of 4096."),
    (400, "You requested a total of 9000 tokens: 1000 from the input messages and 8000 tokens for the completion."),
    (400, "max tokens must be less than or equal to 4096"), (400, "requested 8000 output tokens, at most 4096 allowed"),
    (501, "max_completion_tokens is not implemented"), (400, "maximum number of generated tokens is 4096"),
]  # fmt: skip
CASES = [
    *((status, words, "response_format") for status, words in OUTPUT_REFUSALS),
    *((status, words, "max_") for status, words in LIMIT_REFUSALS),
]


@pytest.mark.parametrize("in_success", [False, True], ids=["", "in a 200"])
@pytest.mark.parametrize(("status", "words", "parameter"), CASES, ids=[words[:40] for _, words, _ in CASES])
async def test_a_refusal_in_other_words_is_understood(
    provider: ModelServer, prompt: EssayPrompt, status: int, words: str, parameter: str, in_success: bool
) -> None:
    body = {"error": {"message": words, "code": status}}
    provider.default = refusing(
        lambda sent: (200 if in_success else status, body) if any(name.startswith(parameter) for name in sent) else None
    )
    model = ChatModel("sk-test", provider.url, "m", 20, options=EndpointOptions(effort="low"))
    assert [(await model.ask(prompt)).outcome for _ in range(2)] == ["answered"] * 2
    await model.close()
    assert len(provider.requests) == 4
    output, limits, effort = sent(provider.requests[-1])
    expected = (None, {"max_completion_tokens"}) if parameter == "response_format" else ("json_schema", set())
    assert ((output, limits), effort) == (expected, "low")


@pytest.mark.parametrize("in_success", [False, True], ids=["", "in a 200"])
async def test_a_refusal_without_a_reason_brings_a_request_without_parameters(
    provider: ModelServer, prompt: EssayPrompt, in_success: bool
) -> None:
    refusal: Refusal = lambda body: (  # noqa: E731
        (200 if in_success else 422, {"error": {"message": "Extra inputs are not permitted", "code": 422}})
        if len(body) > 2
        else None
    )
    provider.default = refusing(refusal)
    model = ChatModel("sk-test", provider.url, "m", 20, options=EndpointOptions(effort="low"))
    for requests in (2, 4):
        assert (await model.ask(prompt)).outcome == "answered"
        assert len(provider.requests) == requests
    provider.default = ModelServer().default
    assert (await model.ask(prompt)).outcome == "answered"
    assert len(provider.requests[-1]) == 5, "the refusals may have been about the essays"
    provider.default = refusing(refusal)
    for requests in (7, 9, 11, 12, 13):
        assert (await model.ask(prompt)).outcome == "answered"
        assert len(provider.requests) == requests
    await model.close()


@pytest.mark.parametrize(
    "message",
    ["The content management policy was violated", "maximum context length is 4096 tokens", "Incorrect API key"],
)
async def test_a_refusal_with_another_reason_stands(provider: ModelServer, prompt: EssayPrompt, message: str) -> None:
    provider.default = refusing(lambda _: (400, {"error": {"message": message}}))
    model = ChatModel("sk-test", provider.url, "m", 20)
    assert (await model.ask(prompt)).outcome == "model_refused_request"
    await model.close()
    assert len(provider.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 429, 503])
async def test_other_statuses_bring_no_other_form(provider: ModelServer, prompt: EssayPrompt, status: int) -> None:
    body = {"error": {"message": "response_format", "param": "response_format"}}
    provider.default = refusing(lambda _: (status, body))
    model = ChatModel("sk-test", provider.url, "m", 20)
    assert (await model.ask(prompt)).error is not None
    await model.close()
    assert len(provider.requests) == 1


async def test_a_form_that_was_chosen_is_kept(provider: ModelServer, prompt: EssayPrompt) -> None:
    provider.default = refusing(endpoints.openrouter)
    for chosen, kind in (("schema", "json_schema"), ("object", "json_object"), ("none", None)):
        options = EndpointOptions(structured_output=chosen, max_tokens=0)  # type: ignore[arg-type]  # of a loop
        model = ChatModel("sk-test", provider.url, "m", 20, options=options)
        assert (await model.ask(prompt)).outcome == ("answered" if kind is None else "model_refused_request")
        await model.close()
        assert sent(provider.requests[-1]) == (kind, set(), None)
    assert len(provider.requests) == 3


@pytest.mark.parametrize("extra_query", [{}, {"api-version": "2024-10-21"}])
async def test_azure(provider: ModelServer, prompt: EssayPrompt, extra_query: dict[str, str]) -> None:
    seen = []

    async def behave(request: Any, body: dict[str, Any]) -> Any:
        seen.append((request.path_qs, request.headers.get("api-key"), request.headers.get("Authorization")))
        return await ModelServer().default(request, body)

    provider.default = behave
    address = (
        provider.url.removesuffix("/v1") + "/openai/deployments/m" + ("" if extra_query else "/?api-version=2024-10-21")
    )
    model = ChatModel("az-key", address, "m", 20, options=EndpointOptions(extra_query=extra_query))
    assert (await model.ask(prompt)).outcome == "answered"
    await model.close()
    assert seen == [("/openai/deployments/m/chat/completions?api-version=2024-10-21", "az-key", None)]


@pytest.mark.parametrize("end", ["/chat/completions", "/embeddings/", "/responses", "/"])
async def test_the_path_of_a_call_at_the_end_of_an_address_is_removed(
    provider: ModelServer, prompt: EssayPrompt, end: str
) -> None:
    seen = []

    async def behave(request: Any, body: dict[str, Any]) -> Any:
        seen.append(request.path_qs)
        return await ModelServer().default(request, body)

    provider.default = behave
    model = ChatModel("sk-test", f"{provider.url}{end}?x=1", "m", 20)
    assert (await model.ask(prompt)).outcome == "answered"
    await model.close()
    assert seen == ["/v1/chat/completions?x=1"]


async def test_any_other_query_leaves_the_key_in_its_usual_header(provider: ModelServer, prompt: EssayPrompt) -> None:
    seen = []

    async def behave(request: Any, body: dict[str, Any]) -> Any:
        seen.append((request.path_qs, request.headers.get("api-key"), request.headers.get("Authorization")))
        return await ModelServer().default(request, body)

    provider.default = behave
    model = ChatModel("key-1", provider.url + "?team=a%20b", "m", 20, options=EndpointOptions(extra_query={"x": "1"}))
    assert (await model.ask(prompt)).outcome == "answered"
    await model.close()
    assert seen == [("/v1/chat/completions?team=a+b&x=1", None, "Bearer key-1")]
