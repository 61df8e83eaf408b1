"""Migration 0017: results whose summaries a model had reworded get their plain sentences back."""

from typing import Any
from uuid import UUID

import orjson

from app.domain.states import AssessmentStatus
from app.repositories.migrations import MIGRATIONS
from app.repositories.sql import Pool
from app.services.results import override, trace
from app.services.results.override import ScoreOverride
from tests.bank import Bank
from tests.scored_assessments import completed_assessment, newest_result

MIGRATION = (MIGRATIONS / "0017.plain-summaries.sql").read_text()


def reworded(sentence: dict[str, Any]) -> dict[str, Any]:
    """The sentence as a former version stored it when a model had reworded it."""
    origin = {"model": "gpt-words", "prompt_version": "summary-1", "plain": sentence["text"]}
    return {"text": f"Reworded: {sentence['text']}", "sources": sentence["sources"], "phrased": origin}


async def with_reworded_summary(pool: Pool, bank: Bank) -> tuple[UUID, dict[str, Any]]:
    """An assessment with a stored result of that form, and the plain result."""
    assessment_id = await completed_assessment(pool, bank)
    plain = await newest_result(pool, assessment_id)
    first, second, *others = plain["summary"]
    stored = plain | {"summary": [first, reworded(second), *map(reworded, others)]}
    await pool.execute(
        "UPDATE results SET body = $2 WHERE assessment_id = $1", assessment_id, orjson.dumps(stored).decode()
    )
    assert "phrased" in str(await newest_result(pool, assessment_id))
    return assessment_id, plain


async def test_plain_sentences_replace_reworded_ones_and_the_rest_stays(pool: Pool, bank: Bank) -> None:
    assessment_id, plain = await with_reworded_summary(pool, bank)
    await pool.execute(MIGRATION)
    # The order of the fields as well.
    assert orjson.dumps(await newest_result(pool, assessment_id)) == orjson.dumps(plain)
    assert (await trace.read(pool, assessment_id, AssessmentStatus.COMPLETED, None)).run == 1


async def test_results_without_reworded_sentences_are_not_written(pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank)
    assert await pool.execute(MIGRATION) == "UPDATE 0"


async def test_the_result_can_be_overridden_afterwards(pool: Pool, bank: Bank) -> None:
    assessment_id, _ = await with_reworded_summary(pool, bank)
    await pool.execute(MIGRATION)
    question = await override.find_question(pool, assessment_id, bank.ids["essay"])
    assert (await override.override(pool, assessment_id, ScoreOverride(question, 1.0, "Better.", "advisor-1"))).changed
    summary = (await newest_result(pool, assessment_id))["summary"]
    assert summary[0]["text"] == "You earned 9.6 of 13 points (73.8 %)."
    assert {tuple(sentence) for sentence in summary} == {("text", "sources")}
