"""Listing the assessments with an essay that needs a person's review."""

from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from tests.api import Api
from tests.bank import Bank
from tests.scored_assessments import UNSCORED, claimed_fusion, completed_assessment, essay_score
from tests.web.problems import problem
from tests.web.results.test_overrides import put


async def review(api: Api, wanted: str) -> list[str]:
    """The owners of the assessments in the list with this filter."""
    reply = await api.as_("advisor").get(f"/assessments?needs_review={wanted}")
    return [line["owner"] for line in reply.body["items"]]


async def test_doubtful_essays_are_listed_until_a_person_has_scored_them(api: Api, pool: Pool, bank: Bank) -> None:
    doubtful = {
        "essay": essay_score("gpt", 40, "needs_review"),
        "essay_two": essay_score("gpt", 80, "needs_review", "x"),
    }
    assessment_id = await completed_assessment(pool, bank, "student-1", doubtful)
    await completed_assessment(
        pool, bank, "student-2", {"essay": essay_score("gpt", 40, "x"), "essay_two": essay_score("gpt", 80)}
    )
    assert (await review(api, "true"), await review(api, "false")) == (["student-1"], ["student-2"])
    staff = (await api.as_("admin").get("/assessments")).body["items"]
    assert {line["owner"]: line["needs_review"] for line in staff} == {"student-1": True, "student-2": False}
    admin = api.as_("admin")
    await put(admin, assessment_id, bank.ids["right"], 0)
    await put(admin, assessment_id, bank.ids["essay"], 1)
    assert await review(api, "true") == ["student-1"]
    await put(admin, assessment_id, bank.ids["essay_two"], 1)
    assert await review(api, "true") == []
    await admin.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id, doubtful, run=2))
    assert await review(api, "true") == []


async def test_unscored_essays_are_listed(api: Api, pool: Pool, bank: Bank) -> None:
    """Until a person scores it, or a later run does."""
    unscored = {"essay": essay_score("gpt", 40), "essay_two": None}
    by_hand = await completed_assessment(pool, bank, "student-1", unscored, reasons=[UNSCORED])
    by_rescore = await completed_assessment(pool, bank, "student-2", unscored, reasons=[UNSCORED])
    await completed_assessment(pool, bank, "student-3")
    assert await review(api, "false") == ["student-3"]
    assert sorted(await review(api, "true")) == ["student-1", "student-2"]
    admin = api.as_("admin")
    await put(admin, by_hand, bank.ids["essay_two"], 1)
    assert await review(api, "true") == ["student-2"]
    await admin.post(f"/assessments/{by_rescore}/rescore", {"reason": "So."})
    assert await review(api, "true") == ["student-2"]
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, by_rescore, run=2))
    assert await review(api, "true") == []


async def test_students_neither_see_nor_filter_by_what_needs_a_review(api: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(
        pool, bank, "student-1", {"essay": essay_score("gpt", 40, "needs_review"), "essay_two": None}
    )
    (line,) = (await api.get("/assessments")).body["items"]
    assert line["needs_review"] is None
    for value in ("true", "false", "x"):
        problem(await api.get(f"/assessments?needs_review={value}"), 403, "forbidden")
    for value in ("", "1", "True"):
        problem(await api.as_("advisor").get(f"/assessments?needs_review={value}"), 400, "bad-query")
