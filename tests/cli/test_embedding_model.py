"""Commands that embed use the model of EMBEDDING_MODEL."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.repositories.sql import Pool
from tests.bank import create_bank
from tests.cli.conftest import Command
from tests.evaluation.test_labelled_queries import write_files
from tests.evaluation.test_retrieval_command import QUERIES, read_report
from tests.evaluation.test_retrieval_command import run_command as evaluate
from tests.fakes.embedding_answers import TOKENS, vectors
from tests.fakes.model_server import ModelServer, failure, model_server

NAME = "text-embedding-3-small"
MODELS = "SELECT DISTINCT model FROM passage_vectors WHERE model IS NOT NULL"
CALLS = "SELECT count(*), sum(tokens_in) AS tokens, sum(cost_usd)::float8 AS dollars FROM model_calls"


@pytest.fixture
async def provider() -> AsyncIterator[ModelServer]:
    """A model provider that answers with vectors."""
    async with model_server() as server:
        server.embedding_default = vectors()
        yield server


def environment(provider: ModelServer, database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "OPENAI_API_KEY": "sk-secret",
        "OPENAI_BASE_URL": provider.url,
        "EMBEDDING_MODEL": NAME,
        "MODEL_PRICES": json.dumps({NAME: [2, 0]}),
    }


async def run(command: Command, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command to its end."""
    return await asyncio.to_thread(command.run, *arguments, **settings)


async def models(pool: Pool) -> list[str]:
    return [row["model"] for row in await pool.fetch(MODELS)]


async def test_a_reindex_changes_the_model_and_other_models_embed_nothing_more(
    command: Command, pool: Pool, database_url: str, provider: ModelServer
) -> None:
    await create_bank(pool)
    settings = environment(provider, database_url)
    done = await run(command, "credentials", "reindex", **settings)
    assert (done.returncode, done.stdout, done.stderr) == (0, "3 passages embedded\n", "")
    assert await models(pool) == [f"{NAME} (title, skills, passage)"]
    calls = await pool.fetchrow(CALLS)
    assert calls and tuple(calls) == (1, 3 * TOKENS, pytest.approx(3 * TOKENS * 2 / 1e6))
    # Without the key, as it may happen with the sample data.
    done = await run(command, "seed", DATABASE_URL=database_url)
    assert (done.returncode, await models(pool)) == (0, [f"{NAME} (title, skills, passage)"])
    done = await run(command, "seed", **settings)
    assert done.returncode == 0
    assert await pool.fetchval("SELECT count(*) FROM passage_vectors WHERE model IS NULL") == 0


async def test_a_reindex_waits_as_long_as_the_provider_asks(
    command: Command, pool: Pool, database_url: str, provider: ModelServer
) -> None:
    """That may be longer than passages may be locked."""
    await create_bank(pool)
    provider.embedding_script.append(failure(429, headers={"Retry-After": "5"}))
    done = await run(command, "credentials", "reindex", **environment(provider, database_url))
    assert (done.returncode, done.stdout) == (0, "3 passages embedded\n")
    assert len(provider.embedding_requests) == 2
    assert "embeddings_unavailable" in done.stderr and "embeddings_available_again" in done.stderr


async def test_a_provider_that_refuses_changes_nothing(
    command: Command, pool: Pool, database_url: str, provider: ModelServer
) -> None:
    await create_bank(pool)
    assert (await run(command, "credentials", "reindex", **environment(provider, database_url))).returncode == 0
    provider.embedding_default = failure(401)
    settings = environment(provider, database_url) | {"EMBEDDING_MODEL": "text-embedding-3-large"}
    done = await run(command, "credentials", "reindex", **settings)
    assert done.returncode == 1 and "nothing can be embedded: the model refused the request (status 401)" in done.stderr
    assert "Traceback" not in done.stderr and "sk-secret" not in done.stderr
    chosen = await pool.fetchval("SELECT name FROM embedding_space")
    assert await models(pool) == [f"{NAME} (title, skills, passage)"] == [chosen]


async def test_evaluating_the_recommendations_of_the_model_that_is_set(
    tmp_path: Path, pool: Pool, database_url: str, provider: ModelServer
) -> None:
    await create_bank(pool)
    file, catalogue = write_files(tmp_path, QUERIES)
    done = await evaluate(tmp_path, str(file), "--catalogue", str(catalogue), **environment(provider, database_url))
    assert (done.returncode, done.stderr) == (0, "")
    assert NAME in json.dumps(read_report(tmp_path)) and len(provider.embedding_requests) > 1
    assert await pool.fetchval("SELECT count(*) FROM embedding_space") == 0, "an evaluation does not choose the model"


async def test_a_budget_needs_the_price(command: Command, provider: ModelServer, database_url: str) -> None:
    settings = environment(provider, database_url) | {"MODEL_BUDGET_USD": "1", "MODEL_PRICES": '{"gpt-5-mini": [1, 1]}'}
    done = await run(command, "credentials", "reindex", **settings)
    assert done.returncode == 2 and f"needs the price of {NAME} in MODEL_PRICES" in done.stderr
