"""Runs the checks of `assay doctor` over what the settings name, side by side and each within its time limit."""

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from app.clients.llm.offline_embedder import OfflineEmbedder
from app.lifecycle import cancel_and_wait
from app.network_errors import describe_error
from app.open_files import open_file_limit
from app.repositories.sql import Pool
from app.services.checks import models
from app.services.checks.check import Check, CheckStatus, failed, warning
from app.services.checks.credential_vectors import check_credential_vectors
from app.services.checks.openid import check_openid_provider
from app.services.checks.postgres import check_migrate_database, check_postgres, check_replica
from app.services.checks.redis import check_redis
from app.services.checks.service import check_listening, check_open_files, check_public_url
from app.services.checks.token_keys import check_token_keys
from app.services.checks.webhook_secrets import check_webhook_secrets
from app.services.model_account import TokenPrice
from app.settings import Settings, WrongSetting
from app.wiring.context import connect_redis, secret_cipher
from app.wiring.embedder import embedding_seconds
from app.wiring.models import endpoint_options
from app.wiring.pool import open_pool

# More than the limits of all connections and statements of a check together.
_SECONDS = 15.0
_ACQUIRE_SECONDS = 5.0
# For a model besides OPENAI_TIMEOUT: the SDK is imported first.
_SECONDS_AROUND_A_CALL = 10.0
# Secrets of fewer characters are not looked for in a text: they are in too many words.
_SHORTEST_SECRET = 4
_LONGEST_TEXT = 400
_SERVER_ACTIONS = {
    "postgres": "check DATABASE_URL, and that the server runs and lets this machine connect",
    "migrate database": "check MIGRATE_DATABASE_URL, and that the server runs and lets this machine connect",
    "replica": "check DATABASE_READ_URL, and that the server runs and lets this machine connect",
    "redis": "check REDIS_URL, and that the server runs and lets this machine connect",
}

# The fewest processes of a service.
A_SERVER_AND_A_WORKER = 2

_Checking = Coroutine[Any, Any, list[Check]]


async def run_checks(settings: Settings, processes: int = A_SERVER_AND_A_WORKER) -> AsyncIterator[Check]:
    """The outcome of each check, in order, as soon as it and those before it have ended. Servers and models that are
    not set are left out, except a missing language model, which is worth a warning. `processes` are those of
    servers and workers together."""
    tasks = [asyncio.create_task(checking) for checking in _plan(settings, processes)]
    try:
        for task in tasks:
            for check in await task:
                yield _presentable(check, settings)
    finally:
        await cancel_and_wait(*tasks)


def _plan(settings: Settings, processes: int) -> list[_Checking]:
    plan = [_limited("listen", _SECONDS, _check_server_process(settings))]
    if settings.public_url:
        plan.append(_limited("public url", _SECONDS, _check_public_url(settings.public_url)))
    if settings.database_url is not None:
        plan.append(_limited("postgres", _SECONDS, _check_postgres(settings, processes)))
    if settings.migrate_database_url is not None:
        plan.append(_limited("migrate database", _SECONDS, _check_migrate_database(settings)))
    if settings.database_read_url is not None:
        plan.append(_limited("replica", _SECONDS, _check_replica(settings)))
    if settings.redis_url is not None:
        plan.append(_limited("redis", _SECONDS, _check_redis(settings)))
    if settings.jwt_jwks_url is not None:
        plan.append(_limited("jwks", _SECONDS, _check_token_keys(settings.jwt_jwks_url)))
    if settings.oidc_issuer is not None and settings.oidc_client_id is not None:
        checking = _check_openid_provider(settings.oidc_issuer, settings.oidc_client_id)
        plan.append(_limited("openid provider", _SECONDS, checking))
    return plan + _plan_models(settings)


def _plan_models(settings: Settings) -> list[_Checking]:
    plan = []
    seconds = settings.openai_timeout + _SECONDS_AROUND_A_CALL
    key = settings.openai_api_key
    for name in settings.models if key else ():
        plan.append(_limited(f"model {name}", seconds, _check_model(settings, name)))
    if not key:
        plan.append(_say_that_no_model_is_set(settings))
    if settings.embedding_model and key:
        name = settings.embedding_model
        plan.append(_limited(f"embeddings {name}", seconds, _check_embedding_model(settings, name)))
    else:
        plan.append(_limited("embeddings offline", _SECONDS, _check_offline_embedder(settings)))
    return plan


async def _limited(name: str, seconds: float, checking: _Checking) -> list[Check]:
    """What the checks see; a failed check where they do not end in time or fail as a whole."""
    action = _SERVER_ACTIONS.get(name, "check the settings of models, and the network")
    try:
        async with asyncio.timeout(seconds):
            return await checking
    except WrongSetting as error:
        return [failed(name, str(error), "correct the setting")]
    except TimeoutError:
        return [failed(name, "no answer in time", action)]
    except Exception as error:  # whatever it is, the other checks go on
        return [failed(name, describe_error(error), action)]


async def _check_server_process(settings: Settings) -> list[Check]:
    return [
        await check_listening(settings.host, settings.port),
        check_open_files(settings.max_connections, open_file_limit()),
    ]


async def _check_public_url(url: str) -> list[Check]:
    return [await check_public_url(url)]


async def _check_postgres(settings: Settings, processes: int) -> list[Check]:
    async with _open_pool(settings.secret("database_url")) as pool:
        return [
            *await check_postgres(pool, settings.database_pooler, settings.database_pool_size, processes),
            *await check_webhook_secrets(pool, secret_cipher(settings)),
            *await check_credential_vectors(pool),
        ]


async def _check_migrate_database(settings: Settings) -> list[Check]:
    urls = settings.migrate_database_url, settings.database_url
    direct, service = (_open_pool(url.get_secret_value() if url else "postgresql://") for url in urls)
    async with direct as direct_pool, service as service_pool:
        return [await check_migrate_database(direct_pool, service_pool)]


async def _check_replica(settings: Settings) -> list[Check]:
    urls = settings.database_read_url, settings.database_url
    replica, service = (_open_pool(url.get_secret_value() if url else "postgresql://") for url in urls)
    async with replica as replica_pool, service as service_pool:
        return [await check_replica(replica_pool, service_pool, settings.database_read_max_lag)]


def _open_pool(url: str) -> AbstractAsyncContextManager[Pool]:
    """As if there was a transaction pooler, which works without one, too."""
    return open_pool(url, "assay doctor", 2, _ACQUIRE_SECONDS, pooler="transaction")


async def _check_redis(settings: Settings) -> list[Check]:
    async with aclosing(connect_redis(settings)) as redis:
        return await check_redis(redis)


async def _check_token_keys(url: str) -> list[Check]:
    return [await check_token_keys(url)]


async def _check_openid_provider(issuer: str, client_id: str) -> list[Check]:
    return [await check_openid_provider(issuer, client_id)]


async def _check_model(settings: Settings, name: str) -> list[Check]:
    # Imported here: the SDK takes half a second, and is not needed without a key.
    from app.clients.llm.chat import ChatModel

    options, seconds = endpoint_options(settings), settings.openai_timeout
    model = ChatModel(_key(settings), settings.openai_base_url, name, seconds, options=options)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(model.close)
        return [
            await models.check_chat_model(model, _price(settings, name), settings.openai_timeout, model.replaced_forms)
        ]


async def _check_embedding_model(settings: Settings, name: str) -> list[Check]:
    from app.clients.llm.embeddings_api import EmbeddingModel

    options, seconds = endpoint_options(settings), embedding_seconds(settings)
    model = EmbeddingModel(_key(settings), settings.openai_base_url, name, seconds, options=options)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(model.close)
        return [await models.check_embedding_model(name, model.ask, _price(settings, name), seconds)]


async def _check_offline_embedder(settings: Settings) -> list[Check]:
    embedder = OfflineEmbedder()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(embedder.close)
        check = await models.check_offline_embedder(embedder)
    if settings.embedding_model and check.status is CheckStatus.OK:
        action = "set OPENAI_API_KEY, or unset EMBEDDING_MODEL"
        return [warning(check.name, f"{check.seen}; EMBEDDING_MODEL has no effect without a key", action)]
    return [check]


async def _say_that_no_model_is_set(settings: Settings) -> list[Check]:
    without = "get the local estimate" if settings.essay_fallback == "local" else "get no score"
    also = "; RECOMMEND_WITH_MODEL has no effect" if settings.recommend_with_model else ""
    seen = f"no key is set, so essays {without}{also}"
    return [warning("model", seen, "set OPENAI_API_KEY to have a model score them")]


def _key(settings: Settings) -> str:
    return settings.openai_api_key.get_secret_value() if settings.openai_api_key else ""


def _price(settings: Settings, name: str) -> TokenPrice | None:
    price = settings.model_prices.get(name)
    return TokenPrice(price.input, price.output) if price else None


def _presentable(check: Check, settings: Settings) -> Check:
    """The check in one line without secrets: a server's error text may repeat what it was sent."""
    seen = " ".join(check.seen.split())
    if check.status is not CheckStatus.OK:
        for secret in _secrets(settings):
            seen = seen.replace(secret, "****")
        seen = re.sub(r"\bsk-[\w*-]+", "****", seen)
    return replace(check, seen=seen if len(seen) <= _LONGEST_TEXT else f"{seen[:_LONGEST_TEXT]}…")


def _secrets(settings: Settings) -> list[str]:
    """Secrets of the settings and passwords in their URLs, as written and as decoded; the longest first, so that none
    is cut by a part of it."""
    values = [getattr(settings, name) for name in Settings.model_fields]
    texts = [value.get_secret_value() if isinstance(value, SecretStr) else value for value in values]
    urls = [text for text in texts if isinstance(text, str) and "://" in text]
    secrets = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
    secrets |= {secret for url in urls for secret in re.findall(r"://[^/@\s]*?:([^/@\s]+)@", url)}
    secrets |= {secret for url in urls for secret in re.findall(r"[?&]password=([^&\s]+)", url)}
    secrets |= {unquote(secret) for secret in secrets}
    return sorted((secret for secret in secrets if len(secret) >= _SHORTEST_SECRET), key=len, reverse=True)
