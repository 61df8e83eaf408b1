"""The `rag` job: by meaning, by words, by the standing list, or nothing; and every quote stands in its source."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from app.clients.llm.embeddings_local import Embedder, EmbeddingUnavailable, OfflineEmbedder, Vector
from app.domain.states import JobType, Level
from app.repositories import credentials, passages
from app.repositories.sql import Pool
from app.services.jobs.rescore import rescore
from app.services.recommendations import embed_credentials
from app.services.results import override
from tests.bank import CREDENTIALS, Bank, credential, plant
from tests.pipelines import FROM_NOWHERE, job_id, pipeline, run_all, submit

# Questions are drawn in any order, and what a student says is looked for in the order in which it was said.
SAME_ORDER = """UPDATE assessment_questions a SET position = p.place + 100
FROM (SELECT id, rank() OVER (ORDER BY id) AS place FROM questions) AS p
WHERE p.id = a.question_id AND a.position < 100"""


class BrokenEmbedder:
    """A runtime that is not there."""

    name = "broken"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Never."""
        raise EmbeddingUnavailable("not installed")

    async def close(self) -> None:
        """Nothing to close."""


async def recommended(
    pool: Pool, redis_url: str, embedder: Embedder, bank: Bank, **answers: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The whole result, and the reasons of the job alone."""
    assessment_id = await submit(pool, bank, answers=bank.answers(**answers))
    running = pipeline(pool, redis_url, embedder, fallback="none")
    await run_all(pool, running)
    await running.job_queue.redis.aclose()
    rag = await pool.fetchrow(
        "SELECT status, reasons FROM async_jobs WHERE id = $1", await job_id(pool, assessment_id, JobType.RAG)
    )
    assert rag is not None and rag["status"] == "completed"
    body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1", assessment_id)
    return orjson.loads(body), rag["reasons"]


async def quoted_right(pool: Pool, recommendations: list[dict[str, Any]]) -> None:
    """Each quote is cut out of the description that it names; one recommendation for each credential."""
    for one in recommendations:
        for source in one["sources"]:
            known = await credentials.find(pool, UUID(one["credential_id"]), source["credential_version"])
            assert known and known.body.description[source["start"] : source["end"]] == source["quote"]
    assert len({one["credential_id"] for one in recommendations}) == len(recommendations) <= 5
    assert [one["rank"] for one in recommendations] == list(range(1, len(recommendations) + 1))
    relevance = [one["relevance"] for one in recommendations]
    assert relevance == sorted(relevance, reverse=True) and all(0 <= value <= 1 for value in relevance)


async def test_by_meaning(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder) -> None:
    assert await embed_credentials.embed_passages(pool, embedder) == 3
    assert await embed_credentials.embed_passages(pool, embedder) == 0
    result, reasons = await recommended(pool, redis_url, embedder, bank, right="A", several=["A", "B"], partial="A")
    assert reasons == []
    found = result["recommendations"]
    await quoted_right(pool, found)
    assert {one["title"] for one in found} == {title for title, _, _ in CREDENTIALS}
    assert all(0 < one["sources"][0]["similarity"] <= 1 for one in found)


async def test_the_nearest_in_meaning_comes_first(pool: Pool, bank: Bank, embedder: OfflineEmbedder) -> None:
    """Without a word in common."""
    await embed_credentials.embed_passages(pool, embedder)
    (vector,) = await embedder.embed(["Vessels inside of flowers and trees under a magnifying lens"])
    found = await passages.search_by_vector(pool, vector, embedder.name, dict.fromkeys(Level, 0.0), 3)
    assert found[0].title == "Botany Foundations"
    assert [one.similarity or 0 for one in found] == sorted((one.similarity or 0 for one in found), reverse=True)


async def test_vectors_of_another_model_are_not_compared(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    await embed_credentials.embed_passages(pool, embedder)
    await pool.execute("UPDATE passage_vectors SET model = 'another'")
    _, reasons = await recommended(pool, redis_url, embedder, bank)
    assert [reason["code"] for reason in reasons] == ["recommendations_fallback"]
    assert await embed_credentials.embed_passages(pool, embedder) == 3


async def test_by_words_where_there_are_no_vectors(pool: Pool, bank: Bank, redis_url: str) -> None:
    result, reasons = await recommended(pool, redis_url, BrokenEmbedder(), bank)
    assert [(reason["code"], reason["stage"]) for reason in reasons] == [("recommendations_fallback", "rag")]
    assert len(result["recommendations"]) == 3
    await quoted_right(pool, result["recommendations"])
    with pytest.raises(EmbeddingUnavailable):
        await embed_credentials.embed_passages(pool, BrokenEmbedder())


async def test_the_standing_list_where_no_word_is_found(pool: Pool, bank: Bank, redis_url: str) -> None:
    await pool.execute("UPDATE passages SET search = ''")
    result, reasons = await recommended(pool, redis_url, BrokenEmbedder(), bank)
    assert "standing list" in reasons[0]["detail"]
    assert len(result["recommendations"]) == 3
    await quoted_right(pool, result["recommendations"])


async def test_an_empty_catalogue(pool: Pool, redis_url: str, embedder: OfflineEmbedder) -> None:
    bank = await plant(pool, catalogue=False)
    result, reasons = await recommended(pool, redis_url, embedder, bank)
    assert [reason["code"] for reason in reasons] == ["recommendations_unavailable"]
    assert (result["recommendations"], result["status"], result["degraded"]) == ([], "completed", True)


async def test_a_person_s_score_in_theory_counts_in_the_next_search(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    result, _ = await recommended(pool, redis_url, embedder, bank, right="A")
    assessment_id = UUID(result["assessment_id"])
    assert any("soil" in one["reason"] and "gaps" in one["reason"] for one in result["recommendations"])
    for name, points in (("right", 1.0), ("several", 2.0), ("partial", 2.0)):
        question = await override.find_question(pool, assessment_id, bank.ids[name])
        await override.override(
            pool, assessment_id, override.ScoreOverride(question, points, "Well argued.", "advisor-1")
        )
    async with pool.acquire() as conn, conn.transaction():
        await rescore(conn, "advisor-1", assessment_id, "after the overrides", 4, FROM_NOWHERE)
    running = pipeline(pool, redis_url, embedder, fallback="none")
    await run_all(pool, running)
    await running.job_queue.redis.aclose()
    body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1 AND run = 2", assessment_id)
    reasons = [one["reason"] for one in orjson.loads(body)["recommendations"]]
    assert reasons and not any("gaps" in reason for reason in reasons)


async def test_what_has_nothing_to_do_with_the_student_is_not_recommended(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder
) -> None:
    bank = await plant(pool, catalogue=False)
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), credential("Pastry Chef", "baking", "Puff pastry, sugar, an exam."))
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    result, reasons = await recommended(pool, redis_url, embedder, bank)
    assert [reason["code"] for reason in reasons] == ["recommendations_unavailable"]
    assert result["recommendations"] == []


async def test_five_at_most_one_for_each_credential_in_code_points(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    async with pool.acquire() as conn:
        for number in range(7):
            text = f"🌱 Soil and water, part {number}. " + "Clay hölds water 💧 in the soil for weeks. " * 60
            await credentials.create(conn, uuid4(), credential(f"Soil {number}", "soil", text.strip()))
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    result, reasons = await recommended(pool, redis_url, embedder, bank, right="A")
    assert (len(result["recommendations"]), reasons) == (5, [])
    await quoted_right(pool, result["recommendations"])


async def test_what_is_found_does_not_depend_on_the_essays(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    """Before and after the essays are scored, in either order."""
    await embed_credentials.embed_passages(pool, embedder)
    running = pipeline(pool, redis_url, embedder)
    outputs = []
    for owner, order in (("a", (JobType.GPT, JobType.RAG)), ("b", (JobType.RAG, JobType.GPT))):
        assessment_id = await submit(pool, bank, owner)
        await pool.execute(SAME_ORDER)
        for job_type in order:
            await running.run(await job_id(pool, assessment_id, job_type))
        rag = await job_id(pool, assessment_id, JobType.RAG)
        outputs.append(await pool.fetchval("SELECT output FROM async_jobs WHERE id = $1", rag))
    await running.job_queue.redis.aclose()
    assert outputs[0] == outputs[1]


async def test_quotes_stay_true_when_the_credential_changes(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    result, _ = await recommended(pool, redis_url, BrokenEmbedder(), bank)
    for one in result["recommendations"]:
        async with pool.acquire() as conn:
            changed = credential("Another title", "soil", "Another text altogether.")
            assert await credentials.add_version(conn, UUID(one["credential_id"]), changed) == 2
            assert await credentials.delete(conn, UUID(one["credential_id"]))
    await quoted_right(pool, result["recommendations"])
