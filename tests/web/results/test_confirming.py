"""Confirming the machine's score, and overriding it by dimension: both count like a person's score."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from app.repositories.sql import Pool
from app.services.webhooks import registrations as managing
from tests.api import Api, Reply
from tests.bank import Bank
from tests.scored_assessments import SCORED_LOCALLY, UNSCORED, completed_assessment, essay_score, line_of
from tests.web.problems import invalid, problem
from tests.web.results.test_overrides import path_of, put, state
from tests.webhooks import SECRET, UNREACHABLE_URL

AGREE = {"agree": True}
DOUBTED = essay_score("gpt", 40).model_copy(update={"confidence": 0.2})
ROWS = "SELECT score, machine_score, max_score, scorer, confirmed, dimensions, actor FROM score_overrides ORDER BY id"


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def confirm(caller: Api, assessment_id: UUID, question_id: UUID, body: Any = AGREE) -> Reply:
    return await caller.put(f"/assessments/{assessment_id}/scores/{question_id}/review", body)


async def by_dimension(caller: Api, assessment_id: UUID, question_id: UUID, **dimensions: Any) -> Reply:
    return await caller.put(path_of(assessment_id, question_id), {"dimensions": dimensions, "reason": "So."})


async def test_a_confirmed_score_counts_and_is_not_provisional(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    essays = {"essay": DOUBTED, "essay_two": essay_score("gpt", 80)}
    assessment_id, essay = await completed_assessment(pool, bank, essays=essays), bank.ids["essay"]
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    before = (await api.get(f"/assessments/{assessment_id}/result")).body
    doubted = line_of(before, essay)
    assert (doubted["provisional"], doubted["flags"], before["overall"]["provisional"]) == (
        True,
        ["low_confidence"],
        False,
    )
    reply = await confirm(advisor, assessment_id, essay)
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-cache")
    assert (await advisor.get(f"/assessments/{assessment_id}/result")).raw == reply.raw
    line = line_of(reply.body, essay)
    assert line["override"] == {
        "score": 0.4, "reason": "The machine's score was confirmed.", "by": "advisor-1", "at": line["override"]["at"],
        "confirmed": True,
    }  # fmt: skip
    assert line == doubted | {"override": line["override"], "provisional": False}
    assert (reply.body["overall"], reply.body["breakdown"]["profile"]) == (
        before["overall"],
        before["breakdown"]["profile"],
    )
    assert "1 score was confirmed by a person." in [sentence["text"] for sentence in reply.body["summary"]]
    (row,) = await pool.fetch(ROWS)
    assert tuple(row) == (0.4, 0.4, 1.0, "gpt", True, None, "advisor-1")
    audit = await pool.fetchrow("SELECT actor, action, entity, key, after FROM audit_log WHERE entity = 'score'")
    assert audit and tuple(audit) == ("advisor-1", "confirm", "score", f"{assessment_id}/{essay}", line["override"])
    events = await pool.fetch("SELECT event_type FROM webhook_deliveries ORDER BY edition")
    assert [row["event_type"] for row in events] == ["assessment.completed", "assessment.rescored"]
    assert not (await state(pool, assessment_id))["needs_review"]
    trace = (await advisor.get(f"/assessments/{assessment_id}/trace")).body
    assert [made["confirmed"] for question in trace["questions"] for made in question["overrides"]] == [True]


async def test_a_confirmed_estimate_is_not_degraded_any_more(advisor: Api, pool: Pool, bank: Bank) -> None:
    essays = {"essay": essay_score("local", 40), "essay_two": essay_score("local", 80)}
    assessment_id = await completed_assessment(pool, bank, essays=essays, reasons=[SCORED_LOCALLY])
    half = (await confirm(advisor, assessment_id, bank.ids["essay"])).body
    detail = half["degraded_reasons"][0]["detail"]
    assert detail == "estimated locally; 1 of these 2 was scored or confirmed by a person"
    assert not (await confirm(advisor, assessment_id, bank.ids["essay_two"])).body["degraded"]


async def test_scores_by_rule_can_be_confirmed_too(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    for name in ("several", "scale"):
        line = line_of((await confirm(advisor, assessment_id, bank.ids[name])).body, bank.ids[name])
        assert line["override"]["score"] == line["score"]


async def test_repeating_a_confirmation_changes_nothing_and_the_newest_review_counts(
    api: Api, advisor: Api, pool: Pool, bank: Bank
) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    first = await confirm(advisor, assessment_id, essay)
    before = await state(pool, assessment_id)
    assert (await confirm(advisor, assessment_id, essay)).raw == first.raw
    assert (await state(pool, assessment_id), len(await pool.fetch(ROWS))) == (before, 1)
    # An override with the same points is a judgement of its own.
    override = line_of((await put(advisor, assessment_id, essay, 0.4)).body, essay)["override"]
    assert "confirmed" not in override
    again = line_of((await confirm(api.as_("admin"), assessment_id, essay)).body, essay)["override"]
    assert (again["by"], again["confirmed"], len(await pool.fetch(ROWS))) == ("admin-1", True, 3)


async def test_there_has_to_be_a_score_to_confirm(advisor: Api, pool: Pool, bank: Bank, path: str) -> None:
    essays = {"essay": None, "essay_two": essay_score("gpt", 80)}
    assessment_id = await completed_assessment(pool, bank, "student-2", essays=essays, reasons=[UNSCORED])
    problem(await confirm(advisor, assessment_id, bank.ids["essay"]), 409, "nothing-to-confirm")
    await put(advisor, assessment_id, bank.ids["essay"], 0.5)
    problem(await confirm(advisor, assessment_id, bank.ids["essay"]), 409, "nothing-to-confirm")
    problem(await confirm(advisor, UUID(path.rsplit("/", 1)[1]), bank.ids["essay"]), 409, "not-submitted")
    problem(await confirm(advisor, assessment_id, uuid4()), 404, "not-found")
    for body in ({"agree": False}, {"agree": 1}, {"agree": "true"}, {"agree": None}, {}):
        assert invalid(await confirm(advisor, assessment_id, bank.ids["essay_two"], body)) == ["/agree"], body
    assert invalid(await confirm(advisor, assessment_id, bank.ids["essay_two"], AGREE | {"by": "x"})) == ["/by"]


@pytest.mark.parametrize("roles", [("student", "advisor"), ("student", "admin"), ("advisor",)])
async def test_nobody_confirms_their_own_score(api: Api, pool: Pool, bank: Bank, roles: tuple[str, ...]) -> None:
    assessment_id = await completed_assessment(pool, bank, "ada")
    ada = api.as_(*roles, sub="ada")
    for body in (AGREE, {"unknown": 1}):
        reply = await confirm(ada, assessment_id, bank.ids["essay"], body)
        assert "your own" in problem(reply, 403, "forbidden")["detail"]
    problem(await by_dimension(ada, assessment_id, bank.ids["essay"], depth=25), 403, "forbidden")
    assert await pool.fetch(ROWS) == []


async def test_points_by_dimension_count_together(advisor: Api, pool: Pool, bank: Bank) -> None:
    """What is left out keeps the points that a person, or else the machine, gave it."""
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay_two"]
    line = line_of((await by_dimension(advisor, assessment_id, essay, relevance=25, depth=0)).body, essay)
    dimensions = {"relevance": 25, "depth": 0, "clarity": 20, "technical": 20}
    assert (line["override"]["score"], line["override"]["dimensions"]) == (1.3, dimensions)
    assert (line["score"], line["dimensions"]["depth"]["score"]) == (1.6, 20)
    line = line_of((await by_dimension(advisor, assessment_id, essay, clarity=25)).body, essay)
    assert (line["override"]["score"], line["override"]["dimensions"]) == (1.4, dimensions | {"clarity": 25})
    again = await state(pool, assessment_id)
    assert (await by_dimension(advisor, assessment_id, essay, clarity=25)).status == 200
    assert await state(pool, assessment_id) == again
    stored = [row["dimensions"] for row in await pool.fetch(ROWS)]
    assert stored == [dimensions, dimensions | {"clarity": 25}]
    # An override in total says nothing about the dimensions.
    assert "dimensions" not in line_of((await put(advisor, assessment_id, essay, 1.4)).body, essay)["override"]
    everything = dict.fromkeys(dimensions, 25)
    line = line_of((await by_dimension(advisor, assessment_id, essay, **everything)).body, essay)
    assert (line["override"]["score"], line["override"]["dimensions"]) == (2.0, everything)


async def test_an_essay_without_a_score_needs_all_dimensions(advisor: Api, pool: Pool, bank: Bank) -> None:
    essays = {"essay": None, "essay_two": essay_score("gpt", 80)}
    assessment_id = await completed_assessment(pool, bank, essays=essays, reasons=[UNSCORED])
    reply = await by_dimension(advisor, assessment_id, bank.ids["essay"], depth=5, clarity=5)
    assert invalid(reply) == ["/dimensions/relevance", "/dimensions/technical"]
    points = {"relevance": 5, "depth": 5, "clarity": 5, "technical": 5}
    whole = (await by_dimension(advisor, assessment_id, bank.ids["essay"], **points)).body
    assert (line_of(whole, bank.ids["essay"])["override"]["score"], whole["degraded"]) == (0.2, False)


async def test_wrong_dimensions_are_refused(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    for wrong in (-1, 26, 2.5, "1", None, True):
        assert invalid(await by_dimension(advisor, assessment_id, essay, depth=wrong)) == ["/dimensions/depth"], wrong
    assert invalid(await by_dimension(advisor, assessment_id, essay)) == ["/dimensions"]
    (pointer,) = invalid(await by_dimension(advisor, assessment_id, essay, style=1))
    assert pointer.startswith("/dimensions/style")
    assert invalid(await by_dimension(advisor, assessment_id, bank.ids["right"], depth=1)) == ["/dimensions"]
    both = {"dimensions": {"depth": 1}, "score": 1, "reason": "So."}
    assert invalid(await advisor.put(path_of(assessment_id, essay), both)) == ["/score"]
    assert invalid(await advisor.put(path_of(assessment_id, essay), {"dimensions": {"depth": 1}})) == ["/reason"]
    assert await pool.fetch(ROWS) == []
