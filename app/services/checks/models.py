"""Checks of the language model and of embeddings, by one small call each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.clients.llm.embedder import DIMENSIONS, Embedder, EmbeddingUnavailable
from app.clients.llm.replies import EmbeddingReply
from app.domain.errors import JobError
from app.domain.essay.model_answer import read_answer
from app.domain.essay.prompt import build_prompt
from app.domain.essay.visible_text import visible_text
from app.services.checks.check import Check, failed, ok, warning
from app.services.essays.llm_calls import PROBE, LanguageModel
from app.services.model_account import TokenPrice

# Asks an embedding model for the vectors of texts that have about so many tokens.
AskForVectors = Callable[[Sequence[str], int], Awaitable[EmbeddingReply]]

# From this share of its time limit on, a model counts as slow.
_SLOW = 0.5
# The same of a request for one vector; usually there are many in a request.
_SLOW_EMBEDDING = 0.2
_TEXT, _TEXT_TOKENS = "A course about databases.", 6
_ADD_PRICE = "add its price to MODEL_PRICES, or costs stay unknown"
# What to do about an error of the model, by its code; other errors are temporary ones of the provider.
ACTIONS = {
    "model_refused_request": "check OPENAI_API_KEY, OPENAI_MODEL and OPENAI_BASE_URL",
    "model_quota_spent": "raise the quota at the provider",
    "model_rate_limited": "raise the limits at the provider, or try again later",
    "model_timeout": "raise OPENAI_TIMEOUT, or choose a faster model",
    "model_unreachable": "check OPENAI_BASE_URL, and that this machine may connect to it",
    "model_answer_unusable": "choose a model that follows a JSON schema, in OPENAI_MODEL; "
    "raise OPENAI_MAX_TOKENS if its answer was cut off",
    "model_refused": "choose another model in OPENAI_MODEL",
}
_EMBEDDING_ACTIONS = ACTIONS | {
    "model_refused_request": "check OPENAI_API_KEY, EMBEDDING_MODEL and OPENAI_BASE_URL",
    "model_timeout": "choose a faster EMBEDDING_MODEL, or unset it for the built-in one",
    "model_answer_unusable": "choose another EMBEDDING_MODEL",
    "embedding_length_wrong": f"set EMBEDDING_DIMENSIONS={DIMENSIONS} if the model can shorten its vectors",
}
_OTHER_ACTION = "try again later; if it stays, ask the provider"


async def check_chat_model(
    model: LanguageModel, price: TokenPrice | None, seconds: float, replaced_forms: Callable[[], Mapping[str, str]]
) -> Check:
    """Scores a tiny essay, by the same path as any other, and reads the answer as strictly. `seconds` is the time limit
    of a call; `replaced_forms` are those of parameters that the endpoint has refused."""
    name, essay = f"model {model.name}", visible_text(PROBE.model_answer)
    try:
        reply = await model.ask(build_prompt(PROBE, essay))
        if reply.error:
            raise reply.error
        read_answer(reply.answer or "", PROBE, essay, model.name)
    except JobError as error:
        return _failed(name, error, ACTIONS)
    cost = f"{price.dollars(reply.tokens_in, reply.tokens_out):.5f} dollars" if price else "price unknown"
    tokens = f"{reply.tokens_in} tokens in, {reply.tokens_out} out"
    seen = f"scored a tiny essay in {reply.latency_ms / 1000:.1f} s ({tokens}, {cost})"
    if replaced := replaced_forms():
        sent = ", ".join(f"{setting} `{form}`" for setting, form in replaced.items())
        return warning(name, f"{seen}, after refusing parameters", f"nothing: it works with {sent} (docs/models.md)")
    if reply.latency_ms > _SLOW * seconds * 1000:
        return warning(name, seen, f"raise OPENAI_TIMEOUT ({seconds:g} s), or choose a faster model")
    if price is None:
        return warning(name, seen, _ADD_PRICE)
    return ok(name, seen)


async def check_embedding_model(name: str, ask: AskForVectors, price: TokenPrice | None, seconds: float) -> Check:
    """Has a short text embedded by the provider, with one request. `seconds` is the time limit of a request."""
    name = f"embeddings {name}"
    try:
        reply = await ask([_TEXT], _TEXT_TOKENS)
        if reply.error:
            raise reply.error
    except JobError as error:
        return _failed(name, error, _EMBEDDING_ACTIONS)
    seen = f"a vector of {DIMENSIONS} numbers in {reply.latency_ms / 1000:.1f} s ({reply.tokens_in} tokens)"
    if reply.latency_ms > _SLOW_EMBEDDING * seconds * 1000:
        action = f"lower EMBEDDING_BATCH, since a request may take {seconds:g} s, or choose a faster EMBEDDING_MODEL"
        return warning(name, seen, action)
    return ok(name, seen) if price else warning(name, seen, _ADD_PRICE)


async def check_offline_embedder(embedder: Embedder) -> Check:
    """Has a short text embedded by the offline model."""
    name = "embeddings offline"
    try:
        await embedder.embed([_TEXT])
    except EmbeddingUnavailable as error:
        return failed(name, str(error), "install Assay again, with all its dependencies")
    return ok(name, f"{embedder.name} gave a vector of {DIMENSIONS} numbers")


def _failed(name: str, error: JobError, actions: Mapping[str, str]) -> Check:
    message = f": {error.provider_message}" if error.provider_message else ""
    return failed(name, f"{error.detail}{message}", actions.get(error.code, _OTHER_ACTION))
