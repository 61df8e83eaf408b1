"""Items of the review queue: they come and go with each result that is stored, whichever version of the code does."""

from uuid import UUID

import orjson
import pytest

from app.domain.essay.score import EssayScore, SecondOpinion
from app.repositories.migrations import MIGRATIONS
from app.repositories.results import overrides
from app.repositories.sql import Pool
from app.services.results import override
from app.services.results.fuse import FusionJob
from app.services.results.override import ScoreOverride
from tests.bank import Bank
from tests.job_runner import submit
from tests.scored_assessments import claimed_fusion, completed_assessment, essay_score, line_of, newest_result

NEAR, FAR = SecondOpinion(model="second", total=60), SecondOpinion(model="second", total=61)


def doubted(*flags: str, confidence: float = 0.5, second: SecondOpinion | None = None) -> EssayScore:
    """A score of 40 % with these doubts."""
    update = {"confidence": confidence, "second_opinion": second}
    return essay_score("gpt", 40, *flags).model_copy(update=update)


SCORES: dict[str, tuple[EssayScore | None, list[str]]] = {
    "without doubt": (doubted("quote_not_found", "second_opinion_missing"), []),
    "at the bound": (doubted(confidence=0.3), []),
    "under the bound": (doubted(confidence=0.29), ["low_confidence"]),
    "two models differ": (doubted("needs_review", second=FAR), ["models_differ"]),
    "two models agree": (doubted(second=NEAR), []),
    "no evidence": (doubted("needs_review", "no_evidence"), ["low_confidence"]),
    "no evidence for models that agree": (doubted("needs_review", second=NEAR), ["low_confidence"]),
    "injection": (doubted("suspected_injection"), ["suspected_injection"]),
    "not checked": (doubted("injection_check_failed", "needs_review"), ["injection_check_failed"]),
    "everything": (
        doubted("needs_review", "suspected_injection", confidence=0.2, second=FAR),
        ["models_differ", "low_confidence", "suspected_injection"],
    ),
    "not checked, and models differ": (
        doubted("injection_check_failed", "needs_review", second=FAR), ["models_differ", "injection_check_failed"],
    ),
    "unscored": (None, ["unscored"]),
}  # fmt: skip


async def items(pool: Pool) -> dict[UUID, list[str]]:
    """The reasons of the items, by question."""
    return {row["question_id"]: row["reasons"] for row in await pool.fetch("SELECT * FROM review_items")}


async def override_score(pool: Pool, assessment_id: UUID, question_id: UUID) -> None:
    question = await override.find_question(pool, assessment_id, question_id)
    await override.override(pool, assessment_id, ScoreOverride(question, 0.5, "So.", "advisor-1"))


@pytest.mark.parametrize("name", SCORES)
async def test_a_doubtful_score_waits_for_a_person_with_its_reasons(pool: Pool, bank: Bank, name: str) -> None:
    score, reasons = SCORES[name]
    assessment_id = await completed_assessment(pool, bank, essays={"essay": score, "essay_two": doubted()})
    essay = bank.ids["essay"]
    assert await items(pool) == ({essay: reasons} if reasons else {})
    row = await pool.fetchrow("SELECT a.needs_review, i.confidence, i.track_id = a.track_id AS same_track"
                              " FROM assessments a LEFT JOIN review_items i ON i.assessment_id = a.id")  # fmt: skip
    confidence = score.confidence if score and reasons else None
    assert row and tuple(row) == (bool(reasons), confidence, True if reasons else None)
    async with pool.acquire() as conn:
        newest = await overrides.read_newest_result(conn, assessment_id)
    lines = {line.question_id: line for line in newest.result.breakdown.essay.questions}
    assert lines[essay].needs_review == bool(reasons)
    assert lines[essay].is_provisional == (score is None or score.confidence < 0.3)
    await override_score(pool, assessment_id, essay)
    assert await items(pool) == {}
    assert not await pool.fetchval("SELECT needs_review FROM assessments")


async def test_the_bound_is_that_of_the_process(pool: Pool, bank: Bank) -> None:
    for bound, expected in ((0.0, []), (0.5, []), (0.51, ["low_confidence"]), (1.0, ["low_confidence"])):
        assessment_id = await submit(pool, bank, f"student-{bound}")
        assert await FusionJob(pool, bound).run(await claimed_fusion(pool, bank, assessment_id))
        line = line_of(await newest_result(pool, assessment_id), bank.ids["essay"])
        reasons = await pool.fetchval("SELECT max(reasons) FROM review_items WHERE assessment_id = $1", assessment_id)
        assert (line["flags"], reasons or []) == (expected, expected)


async def test_an_item_keeps_its_age_and_place_and_an_appeal_stays(pool: Pool, bank: Bank) -> None:
    essays = {"essay": None, "essay_two": doubted("suspected_injection")}
    assessment_id = await completed_assessment(pool, bank, essays=essays)
    essay, two = bank.ids["essay"], bank.ids["essay_two"]
    appeal = "UPDATE review_items SET reasons = reasons || '{appeal}', created_at = '2020-01-01' WHERE question_id = $1"
    await pool.execute(appeal, essay)
    place = "SELECT created_at, shuffle_key FROM review_items WHERE question_id = $1"
    before = await pool.fetchrow(place, essay)
    await override_score(pool, assessment_id, two)
    assert await items(pool) == {essay: ["unscored", "appeal"]}
    await override_score(pool, assessment_id, essay)
    assert await items(pool) == {essay: ["appeal"]}
    assert await pool.fetchrow(place, essay) == before
    assert await pool.fetchval("SELECT needs_review FROM assessments")


async def test_the_migration_queues_what_was_stored_before(pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, essays={"essay": None, "essay_two": doubted("suspected_injection")})
    before = await items(pool)
    await pool.execute("DELETE FROM review_items; UPDATE assessments SET needs_review = false")
    text = next(MIGRATIONS.glob("*.queue-reviews.sql")).read_text("utf-8")
    backfill = text[text.index("INSERT INTO review_items (assessment_id") : text.index("ALTER TABLE audit_log")]
    await pool.execute(backfill)
    assert (await items(pool), len(before)) == (before, 2)
    assert await pool.fetchval("SELECT needs_review FROM assessments")


async def test_what_an_earlier_version_stores_is_queued_too(pool: Pool, bank: Bank) -> None:
    """Its results have no flag `low_confidence`, and the statement of its fusion knows no items."""
    await completed_assessment(pool, bank)
    body = orjson.loads(await pool.fetchval("SELECT body FROM results"))
    for line in body["breakdown"]["essay"]["questions"]:
        line |= {"score": None, "reason": "essay_unscored", "confidence": None, "scorer": None, "dimensions": None}
        del line["second_opinion"]
    await pool.execute("UPDATE results SET body = $1", orjson.dumps(body).decode())
    assert await items(pool) == {bank.ids[name]: ["unscored"] for name in ("essay", "essay_two")}
