"""Opens the language models that a worker uses, by its settings."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from app.clients.llm.endpoint import EndpointOptions
from app.repositories.sql import Pool
from app.services.essays.llm_calls import PaidModel
from app.services.model_account import ModelAccount, TokenPrice
from app.services.system_state import ModelSetup
from app.settings import Settings
from app.wiring.context import Context


@asynccontextmanager
async def open_models(context: Context) -> AsyncIterator[tuple[PaidModel, ...]]:
    """The model that scores essays and, if set, the one for a second opinion; none without a key."""
    async with AsyncExitStack() as stack:
        names = context.settings.models if context.settings.openai_api_key else ()
        yield tuple([await _open(context, stack, name) for name in names])


def model_account(pool: Pool, settings: Settings, model_name: str) -> ModelAccount:
    """The account that calls of this model are paid from."""
    price = settings.model_prices.get(model_name)
    token_price = TokenPrice(price.input, price.output) if price else None
    return ModelAccount(pool, token_price, settings.model_budget_usd, settings.owner_budget_share)


def endpoint_options(settings: Settings) -> EndpointOptions:
    """How the models' endpoint is used."""
    return EndpointOptions(
        structured_output=settings.openai_structured_output,
        max_tokens=settings.openai_max_tokens,
        effort=settings.openai_effort,
        extra_query=settings.openai_extra_query,
        dimensions=settings.embedding_dimensions,
    )


def model_setup(settings: Settings) -> ModelSetup:
    """The models of this deployment, as the page of its state shows them."""
    names = settings.models if settings.openai_api_key else ()
    return ModelSetup(names, settings.openai_base_url, settings.model_budget_usd)


async def _open(context: Context, stack: AsyncExitStack, name: str) -> PaidModel:
    # Imported here: the SDK takes half a second, and a worker without a key does not need it.
    from app.clients.llm.chat import ChatModel
    from app.clients.llm.gate import ModelGate, gate_name

    settings = context.settings
    key = settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""
    gate = ModelGate(context.job_queue.redis, gate_name(settings.openai_base_url, name), settings.openai_timeout)
    stack.push_async_callback(gate.close)
    model = ChatModel(key, settings.openai_base_url, name, settings.openai_timeout, gate, endpoint_options(settings))
    stack.push_async_callback(model.close)
    return PaidModel(model, model_account(context.pool, settings, name))
