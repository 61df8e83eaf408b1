"""The `rag` job: by meaning, by words, by the standing list, or with nothing; and every quote is in its source."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from app.clients.llm.embedder import Embedder, EmbeddingUnavailable, Vector
from app.clients.llm.offline_embedder import OfflineEmbedder
from app.domain.recommendation.credentials import CredentialBody
from app.domain.states import CredentialLevel, JobType
from app.repositories import credentials, passages
from app.repositories.sql import Pool
from app.services.catalog.skill_aliases import replace as replace_aliases
from app.services.jobs.rescore import rescore
from app.services.recommendations import embed_credentials
from app.services.results import override
from tests.bank import CREDENTIALS, Bank, create_bank, credential
from tests.job_runner import NO_ORIGIN, job_id, job_runner, run_due_jobs, submit

# Questions are drawn in any order, and the order of the interests in the query follows that of the questions.
SAME_ORDER = """UPDATE assessment_questions a SET position = p.place + 100
FROM (SELECT id, rank() OVER (ORDER BY id) AS place FROM questions) AS p
WHERE p.id = a.question_id AND a.position < 100"""


class BrokenEmbedder:
    """An embedder that does not work."""

    name = "broken"

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Raises an error."""
        raise EmbeddingUnavailable("not installed")

    async def close(self) -> None:
        """Does nothing."""


async def recommended(
    pool: Pool, redis_url: str, embedder: Embedder, bank: Bank, **answers: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The result of a new assessment, and the degraded reasons of its `rag` job."""
    assessment_id = await submit(pool, bank, answers=bank.answers(**answers))
    running = job_runner(pool, redis_url, embedder, fallback="none")
    await run_due_jobs(pool, running)
    await running.job_queue.redis.aclose()
    rag = await pool.fetchrow(
        "SELECT status, reasons FROM async_jobs WHERE id = $1", await job_id(pool, assessment_id, JobType.RAG)
    )
    assert rag is not None and rag["status"] == "completed"
    body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1", assessment_id)
    return orjson.loads(body), rag["reasons"]


async def check_recommendations(pool: Pool, recommendations: list[dict[str, Any]]) -> None:
    """Checks the quotes, and that ranks and relevances are in order; one recommendation for each credential."""
    for line in recommendations:
        for source in line["sources"]:
            quoted = await credentials.find(pool, UUID(line["credential_id"]), source["credential_version"])
            assert quoted and quoted.body.quoted_text[source["start"] : source["end"]] == source["quote"]
    assert len({line["credential_id"] for line in recommendations}) == len(recommendations) <= 5
    assert [line["rank"] for line in recommendations] == list(range(1, len(recommendations) + 1))
    relevance = [line["relevance"] for line in recommendations]
    assert relevance == sorted(relevance, reverse=True) and all(0 <= value <= 1 for value in relevance)


async def test_recommending_by_meaning(pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder) -> None:
    assert await embed_credentials.embed_passages(pool, embedder) == 3
    assert await embed_credentials.embed_passages(pool, embedder) == 0
    result, reasons = await recommended(pool, redis_url, embedder, bank, right="A", several=["A", "B"], partial="A")
    assert reasons == []
    recommendations = result["recommendations"]
    await check_recommendations(pool, recommendations)
    assert {line["title"] for line in recommendations} == {title for title, _, _ in CREDENTIALS}
    assert all(0 < line["sources"][0]["similarity"] <= 1 for line in recommendations)


async def test_a_job_reads_what_the_student_wants_and_refuses(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    """With what each question is for, which is stored beside its body."""
    await embed_credentials.embed_passages(pool, embedder)
    result, _ = await recommended(pool, redis_url, embedder, bank, right="A", text="Botany, please.")
    wished = {line["title"]: line["reason"] for line in result["recommendations"]}
    assert wished["Botany Foundations"].endswith("that you named.")
    result, _ = await recommended(pool, redis_url, embedder, bank, right="A", text="Botany, please, but no soil.")
    assert "Soil Science Basics" in wished
    assert {line["title"] for line in result["recommendations"]} == wished.keys() - {"Soil Science Basics"}


async def test_the_nearest_in_meaning_comes_first(pool: Pool, bank: Bank, embedder: OfflineEmbedder) -> None:
    """Query and passage have no word in common."""
    await embed_credentials.embed_passages(pool, embedder)
    (vector,) = await embedder.embed(["Vessels inside of flowers and trees under a magnifying lens"])
    recommendations = await passages.search_vectors(pool, vector, embedder.name, dict.fromkeys(CredentialLevel, 0.0), 3)
    assert recommendations[0].title == "Botany Foundations"
    assert [line.similarity or 0 for line in recommendations] == sorted(
        (line.similarity or 0 for line in recommendations), reverse=True
    )


async def test_vectors_of_another_model_are_not_compared(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    await embed_credentials.embed_passages(pool, embedder)
    await pool.execute("UPDATE passage_vectors SET model = 'another'")
    _, reasons = await recommended(pool, redis_url, embedder, bank)
    assert [reason["code"] for reason in reasons] == ["recommendations_fallback"]
    assert await embed_credentials.embed_passages(pool, embedder) == 3


async def test_recommending_by_words_if_there_are_no_vectors(pool: Pool, bank: Bank, redis_url: str) -> None:
    result, reasons = await recommended(pool, redis_url, BrokenEmbedder(), bank)
    assert [(reason["code"], reason["stage"]) for reason in reasons] == [("recommendations_fallback", "rag")]
    assert len(result["recommendations"]) == 3
    await check_recommendations(pool, result["recommendations"])
    with pytest.raises(EmbeddingUnavailable):
        await embed_credentials.embed_passages(pool, BrokenEmbedder())


async def test_the_standing_list_is_used_if_no_word_matches(pool: Pool, bank: Bank, redis_url: str) -> None:
    await pool.execute("UPDATE passages SET search = ''")
    result, reasons = await recommended(pool, redis_url, BrokenEmbedder(), bank)
    assert "standing list" in reasons[0]["detail"]
    assert len(result["recommendations"]) == 3
    await check_recommendations(pool, result["recommendations"])


async def test_without_credentials_the_reason_is_recommendations_unavailable(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder
) -> None:
    bank = await create_bank(pool, with_credentials=False)
    result, reasons = await recommended(pool, redis_url, embedder, bank)
    assert [reason["code"] for reason in reasons] == ["recommendations_unavailable"]
    assert (result["recommendations"], result["status"], result["degraded"]) == ([], "completed", True)


async def test_an_override_of_a_theoretical_question_counts_in_the_next_search(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    result, _ = await recommended(pool, redis_url, embedder, bank, right="A")
    assessment_id = UUID(result["assessment_id"])
    assert any("soil" in line["reason"] and "gaps" in line["reason"] for line in result["recommendations"])
    for name, points in (("right", 1.0), ("several", 2.0), ("partial", 2.0)):
        question = await override.find_question(pool, assessment_id, bank.ids[name])
        await override.override(
            pool, assessment_id, override.ScoreOverride(question, points, "Well argued.", "advisor-1")
        )
    async with pool.acquire() as conn, conn.transaction():
        await rescore(conn, "advisor-1", assessment_id, "after the overrides", 4, NO_ORIGIN)
    running = job_runner(pool, redis_url, embedder, fallback="none")
    await run_due_jobs(pool, running)
    await running.job_queue.redis.aclose()
    body = await pool.fetchval("SELECT body FROM results WHERE assessment_id = $1 AND run = 2", assessment_id)
    reasons = [line["reason"] for line in orjson.loads(body)["recommendations"]]
    assert reasons and not any("gaps" in reason for reason in reasons)


async def test_a_credential_that_has_nothing_to_do_with_the_student_is_not_recommended(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder
) -> None:
    bank = await create_bank(pool, with_credentials=False)
    async with pool.acquire() as conn:
        await credentials.create(conn, uuid4(), credential("Pastry Chef", "baking", "Puff pastry, sugar, an exam."))
    while await embed_credentials.embed_passages(pool, embedder):
        pass
    result, reasons = await recommended(pool, redis_url, embedder, bank)
    assert [reason["code"] for reason in reasons] == ["recommendations_unavailable"]
    assert result["recommendations"] == []


async def test_a_row_with_a_title_alone_is_found_by_meaning_and_described_by_it(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    """Without skills, a level, an address and a description; the title has no word in common with the query."""
    await pool.execute("UPDATE passages SET present = false")
    await pool.execute("DELETE FROM passage_vectors")
    async with pool.acquire() as conn, conn.transaction():
        body = CredentialBody(title="Fertilising the ground where vegetables grow", provider="Garden School")
        await credentials.create(conn, uuid4(), body)
    await embed_credentials.embed_passages(pool, embedder)
    result, _ = await recommended(pool, redis_url, embedder, bank, right="A", text="Soil, please.")
    (recommendation,) = result["recommendations"]
    await check_recommendations(pool, [recommendation])
    assert (recommendation["title"], recommendation["url"]) == (body.title, "")
    assert recommendation["sources"][0]["quote"] == body.title
    assert recommendation["reason"].startswith("Its title is near to what the track asks for")


async def test_a_job_compares_skills_by_the_imported_names_and_prefers_the_students_language(
    pool: Pool, redis_url: str, embedder: OfflineEmbedder
) -> None:
    bank = await create_bank(pool, with_credentials=False)
    await replace_aliases(pool, "author-1", [("Erdkunde", "soil")])
    async with pool.acquire() as conn, conn.transaction():
        for language, provider in (("de", "Gartenschule"), ("en", "Garden School")):
            body = CredentialBody(
                title="Soil and Earth", provider=provider, skills=("Erdkunde",), description="All about soil.",
                language=language,
            )  # fmt: skip
            await credentials.create(conn, uuid4(), body)
    await embed_credentials.embed_passages(pool, embedder)
    answers = {"right": "B", "text": "I would like to know more about the soil that plants live in, and not only that."}
    result, _ = await recommended(pool, redis_url, embedder, bank, **answers)
    first, second = result["recommendations"]
    assert (first["provider"], second["provider"]) == ("Garden School", "Gartenschule")
    assert first["relevance"] > second["relevance"]
    assert first["reason"].startswith("Covers soil, where your theory score showed gaps.")


async def test_there_are_five_at_most_one_for_each_credential_with_quotes_in_code_points(
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
    await check_recommendations(pool, result["recommendations"])


async def test_recommendations_do_not_depend_on_the_essay_scores(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    """The job runs before the essays are scored, or after it."""
    await embed_credentials.embed_passages(pool, embedder)
    running = job_runner(pool, redis_url, embedder)
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


async def test_quotes_stay_valid_when_the_credential_changes(
    pool: Pool, bank: Bank, redis_url: str, embedder: OfflineEmbedder
) -> None:
    result, _ = await recommended(pool, redis_url, BrokenEmbedder(), bank)
    for line in result["recommendations"]:
        async with pool.acquire() as conn:
            changed = credential("Another title", "soil", "Another text altogether.")
            assert await credentials.add_version(conn, UUID(line["credential_id"]), changed) == 2
            assert await credentials.delete(conn, UUID(line["credential_id"]))
    await check_recommendations(pool, result["recommendations"])
