"""Behaviours of well-known kinds of endpoints towards parameters that they do not know, in their own words."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from tests.fakes.model_server import Behaviour, scores

# The body of the response to a request that is refused; None where it is accepted.
Refusal = Callable[[dict[str, Any]], tuple[int, object] | None]


def refusing(refusal: Refusal, behaviour: Behaviour | None = None) -> Behaviour:
    """Refuses as `refusal` says, and else behaves as given: with good scores by default."""

    async def behave(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        refused = refusal(body)
        if refused:
            return web.json_response(refused[1], status=refused[0])
        return await (behaviour or scores(20))(request, body)

    return behave


def output_of(body: dict[str, Any]) -> str | None:
    """The form of the answer that a request asks for."""
    kind: str | None = body.get("response_format", {}).get("type")
    return kind


def openai_reasoning(body: dict[str, Any]) -> tuple[int, object] | None:
    """A model of OpenAI that does not know one level of effort."""
    if body.get("reasoning_effort") == "minimal":
        message = "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model."
        return 400, {"error": {"message": message, "param": "reasoning_effort", "code": "unsupported_value"}}
    return None


def old_vllm(body: dict[str, Any]) -> tuple[int, object] | None:
    """An old vLLM: extra fields are forbidden, and the context is short."""
    if "max_completion_tokens" in body:
        message = "[{'type': 'extra_forbidden', 'loc': ('body', 'max_completion_tokens')}]"
        return 400, {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
    if body.get("max_tokens", 0) > 2048:
        message = (
            "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens (1000 in the "
            "messages, 8000 in the completion). Please reduce the length of the messages or completion."
        )
        return 400, {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
    return None


def fastapi(body: dict[str, Any]) -> tuple[int, object] | None:
    """A server with strict models: 422 with the place of each field."""
    unknown = [name for name in ("response_format", "max_completion_tokens", "reasoning_effort") if name in body]
    detail = [{"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted"}
              for name in unknown]  # fmt: skip
    return (422, {"detail": detail}) if unknown else None


def mistral(body: dict[str, Any]) -> tuple[int, object] | None:
    """Mistral: the same within a message."""
    if "max_completion_tokens" not in body:
        return None
    detail = [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"], "msg": "Extra inputs", "input": 1}]
    return 422, {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error", "code": None}


def llama_cpp(body: dict[str, Any]) -> tuple[int, object] | None:
    """llama.cpp with a schema that it cannot turn into a grammar."""
    if output_of(body) == "json_schema":
        message = "Failed to parse grammar"
        return 400, {"error": {"code": 400, "message": message, "type": "invalid_request_error"}}
    return None


def deepseek(body: dict[str, Any]) -> tuple[int, object] | None:
    """DeepSeek: any JSON object, but no schema."""
    if output_of(body) == "json_schema":
        message = "This response_format type is unavailable now"
        return 400, {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}
    return None


def ollama(body: dict[str, Any]) -> tuple[int, object] | None:
    """Ollama with a model that does not think."""
    if "reasoning_effort" in body:
        return 400, {"error": {"message": '"llama3.2" does not support thinking', "type": "api_error"}}
    return None


def lm_studio(body: dict[str, Any]) -> tuple[int, object] | None:
    """LM Studio: a schema or plain text."""
    if output_of(body) == "json_object":
        return 400, {"error": "'response_format.type' must be 'json_schema' or 'text'"}
    return None


def openrouter(body: dict[str, Any]) -> tuple[int, object] | None:
    """OpenRouter where no provider of the model knows structured outputs."""
    if "response_format" in body:
        return 404, {"error": {"message": "No endpoints found that support structured outputs", "code": 404}}
    return None


def litellm(body: dict[str, Any]) -> tuple[int, object] | None:
    """LiteLLM before a model that knows neither."""
    unknown = [name for name in ("response_format", "max_completion_tokens", "max_tokens") if name in body]
    message = f"litellm.UnsupportedParamsError: ollama does not support parameters: {unknown}, for model=x."
    return (400, {"error": {"message": message, "type": "None", "param": "None", "code": "400"}}) if unknown else None
