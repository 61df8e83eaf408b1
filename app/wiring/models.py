"""The language models of a worker, opened by its settings."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from app.services.essays.llm_calls import PaidModel, Price
from app.services.phrase_summary import Phrasing
from app.wiring.context import Context

# Seconds for the call that phrases a summary, which a student waits for, and before it at the gate: the plain sentences
# are there at once.
_PHRASING_SECONDS = 15.0
_PHRASING_AT_GATE = 2.0


@asynccontextmanager
async def open_models(context: Context) -> AsyncIterator[tuple[PaidModel, ...]]:
    """The model that scores, and the one that gives a second opinion; none without a key."""
    async with AsyncExitStack() as stack:
        names = context.settings.models if context.settings.openai_api_key else ()
        yield tuple([await _open(context, stack, name, context.settings.openai_timeout) for name in names])


@asynccontextmanager
async def open_phrasing(context: Context) -> AsyncIterator[Phrasing | None]:
    """The model that phrases summaries, with a shorter time for each call; None without a key or the model's name."""
    settings = context.settings
    if settings.openai_api_key is None or settings.summary_model is None:
        yield None
        return
    seconds = min(settings.openai_timeout, _PHRASING_SECONDS)
    async with AsyncExitStack() as stack:
        yield Phrasing(await _open(context, stack, settings.summary_model, seconds, _PHRASING_AT_GATE))


async def _open(
    context: Context, stack: AsyncExitStack, name: str, seconds: float, gate_seconds: float | None = None
) -> PaidModel:
    # Imported here: the SDK takes half a second, and a worker without a key does not need it.
    from app.clients.llm.chat import EssayModel
    from app.clients.llm.gate import ModelGate, gate_name

    settings = context.settings
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    # All calls of a model share its gate, which counts them for as long as the longest may take.
    gate = ModelGate(context.job_queue.redis, gate_name(settings.openai_base_url, name), settings.openai_timeout)
    stack.push_async_callback(gate.close)
    model = EssayModel(key, settings.openai_base_url, name, seconds, gate, gate_seconds)
    stack.push_async_callback(model.close)
    price = settings.model_prices.get(name)
    known = Price(price.input, price.output) if price else None
    return PaidModel(context.pool, model, known, settings.model_budget_usd)
