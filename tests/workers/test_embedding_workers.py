"""Workers that embed with the provider's model: they search by meaning, and by words alone while it is unavailable."""

import math
import signal
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from app.domain.recommendation.query import weighted_mean
from app.domain.states import JobType
from app.repositories.passage_vectors import UnembeddedPassage
from app.repositories.sql import Pool
from app.services.recommendations.embedding_calls import cut_to_limit
from app.services.recommendations.search import embedded_text
from tests.bank import CREDENTIALS, Bank
from tests.fakes.conditions import until
from tests.fakes.embedding_answers import TOKENS, row, vectors
from tests.fakes.model_server import ModelServer, failure, hang
from tests.fakes.provider_faults import raw_body
from tests.job_runner import job_id, submit
from tests.workers.conftest import StartWorker
from tests.workers.test_worker_process import SECONDS, by_model, until_completed

NAME = "text-embedding-3-small"
EMBEDDED = "SELECT bool_and(model LIKE $1 || ' (%') FROM passage_vectors"


def with_embeddings(provider: ModelServer) -> dict[str, str]:
    """Settings of a worker that also embeds with the provider's model."""
    return by_model(provider) | {"EMBEDDING_MODEL": NAME}


async def until_embedded(pool: Pool) -> None:
    await until(lambda: pool.fetchval(EMBEDDED, NAME), SECONDS)


async def result_of(pool: Pool, bank: Bank, owner: str, **answers: Any) -> dict[str, Any]:
    """The result of a new assessment, with its id."""
    assessment_id = await submit(pool, bank, owner, bank.answers(**answers))
    await until_completed(pool, assessment_id)
    body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1", assessment_id)
    result: dict[str, Any] = orjson.loads(body)
    return result | {"id": assessment_id}


def reasons(result: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in result["degraded_reasons"]} - {"missing_responses"}


async def similarities(pool: Pool, assessment_id: UUID) -> dict[str, float]:
    """The similarities that the fake's vectors have, by title: between the query and each passage."""
    job = await job_id(pool, assessment_id, JobType.RAG)
    output = await pool.fetchval("SELECT output FROM async_jobs WHERE id = $1", job)
    parts = output["retrieval"]["meanings"]
    query = weighted_mean([unit(row(part["text"])) for part in parts], [part["weight"] for part in parts])
    assert query
    texts = {
        title: embedded_text(UnembeddedPassage(UUID(int=0), title, (skill,), text))
        for title, skill, text in CREDENTIALS
    }
    return {
        title: math.fsum(a * b for a, b in zip(query, unit(row(cut_to_limit(text))), strict=True))
        for title, text in texts.items()
    }


def mapped_libraries(pid: int) -> str:
    """The memory map of a process, with the libraries that it has loaded."""
    return Path(f"/proc/{pid}/maps").read_text()


def unit(numbers: list[float]) -> list[float]:
    return [number / math.hypot(*numbers) for number in numbers]


async def test_both_searches_find_and_calls_are_paid_for_while_essays_are_estimated_offline(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.embedding_default = vectors()
    provider.default = failure(401)
    prices = orjson.dumps({NAME: [2, 0]}).decode()
    worker = await start_worker(MODEL_PRICES=prices, **with_embeddings(provider))
    await until_embedded(pool)
    result = await result_of(pool, bank, "student-1", right="A", text="roses and clay", essay="Water rises in xylem.")
    assert reasons(result) == {"essay_scored_locally"}
    expected = await similarities(pool, result["id"])
    shown = {item["title"]: item["sources"][0]["similarity"] for item in result["recommendations"]}
    # Botany is neither asked for nor near enough.
    assert shown.keys() == expected.keys() - {"Botany Foundations"} and max(shown.values()) > 0.1
    assert shown == pytest.approx({title: expected[title] for title in shown}, abs=2e-4)
    calls = await pool.fetch("SELECT * FROM model_calls WHERE prompt_version = 'embedding' ORDER BY id")
    assert [(call["assessment_id"], call["tokens_in"]) for call in calls[:1]] == [(None, 3 * TOKENS)]
    assert {(call["assessment_id"], call["run"]) for call in calls[1:]} == {(result["id"], 1)}
    tokens = sum(call["tokens_in"] for call in calls[1:])
    assert result["processing"]["tokens"] == tokens > 0
    assert result["processing"]["cost_usd"] == pytest.approx(tokens * 2 / 1e6)
    assert await worker.end(signal.SIGTERM) == 0
    assert not any("sk-test" in line for line in worker.lines)
    assert not worker.has_logged("maintenance_raised") and not worker.has_logged("job_raised")


async def test_words_alone_find_while_the_provider_is_unavailable(
    start_worker: StartWorker, pool: Pool, bank: Bank, provider: ModelServer
) -> None:
    provider.embedding_default = vectors()
    worker = await start_worker(OPENAI_TIMEOUT="1", **with_embeddings(provider))
    await until_embedded(pool)
    limited = failure(429, headers={"Retry-After": "1"})
    faults = {"500": failure(500), "garbage": raw_body(b"\xff\xfe"), "hangs": hang(), "another length": vectors(1536)}
    for name, fault in faults.items():
        requests = len(provider.embedding_requests)
        if name == "another length":
            # The worker waits as long as the provider asks for, and then both searches find.
            provider.embedding_default = vectors()
            provider.embedding_script.append(limited)
            assert reasons(await result_of(pool, bank, "limited", right="A", text="roses")) == set()
            assert len(provider.embedding_requests) == requests + 2
        provider.embedding_default = fault
        result = await result_of(pool, bank, name, right="A", text=f"tulips {name}")
        assert reasons(result) == {"recommendations_fallback"}, name
        assert len(result["recommendations"]) == 3
        assert len(provider.embedding_requests) > requests, "the provider was not even called"
    assert worker.count_logged("embeddings_unavailable") == len(faults)
    assert any("1536 numbers, and 384 are needed" in line for line in worker.lines)
    assert not worker.has_logged("job_raised"), "an expected failure is no bug of the job"
    loaded = mapped_libraries(worker.process.pid)
    assert "/python" in loaded and "onnxruntime" not in loaded, "there was no essay to estimate"


async def test_a_model_without_a_key_has_no_effect_and_the_worker_logs_that(
    start_worker: StartWorker, pool: Pool, bank: Bank
) -> None:
    worker = await start_worker(EMBEDDING_MODEL=NAME)
    assert worker.has_logged("embedding_model_has_no_effect")
    offline = "SELECT bool_and(model LIKE 'all-MiniLM-L6-v2-int8 (%') FROM passage_vectors"
    await until(lambda: pool.fetchval(offline), SECONDS)
