"""Answers to appeals: by another person where there is one, once, and never with fewer points."""

from typing import Any
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.appeals import REPLY, answer, change, made, queue_reasons, result_line
from tests.bank import Bank
from tests.scored_assessments import completed_assessment, essay_score, line_of
from tests.web.problems import invalid, problem
from tests.web.results.test_overrides import put

UPHELD = {"decision": "upheld", "reply": REPLY}


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def test_a_changed_score_is_an_override(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    before = (await api.get(f"/assessments/{assessment_id}/result")).body
    changed = await change(advisor, await made(api, assessment_id, essay), 0.9)
    assert (changed.body["status"], changed.body["points_by"]) == ("changed", "advisor-1")
    after = (await api.get(f"/assessments/{assessment_id}/result")).body
    override = line_of(after, essay)["override"]
    assert override == {"score": 0.9, "reason": REPLY, "by": "advisor-1", "at": override["at"]}
    assert after["overall"]["score"] == pytest.approx(before["overall"]["score"] + 0.5)
    audit = await pool.fetch("SELECT action, entity, key, actor, after ->> 'reason' FROM audit_log ORDER BY id")
    key = f"{assessment_id}/{essay}"
    assert [tuple(line) for line in audit] == [
        ("override", "score", key, "advisor-1", REPLY), ("answer", "appeal", key, "advisor-1", REPLY),
    ]  # fmt: skip


async def test_points_may_be_changed_by_dimension(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    of_theory = await made(api, assessment_id, bank.ids["right"])
    of_essay = await made(api, assessment_id, essay)
    by_dimension: dict[str, Any] = {"decision": "changed", "dimensions": {"depth": 25}}
    assert invalid(await answer(advisor, of_theory, **by_dimension)) == ["/dimensions"]
    assert invalid(await answer(advisor, of_essay, **by_dimension | {"dimensions": {"depth": 0}})) == ["/dimensions"]
    assert (await answer(advisor, of_essay, **by_dimension)).status == 200
    line = await result_line(api, assessment_id, essay)
    assert (line["override"]["score"], line["override"]["dimensions"]["depth"]) == (0.55, 25)


async def test_no_appeal_lowers_a_score(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    """Neither the machine's nor that of a person."""
    assessment_id, essay, right = await completed_assessment(pool, bank), bank.ids["essay"], bank.ids["right"]
    await put(api.as_("advisor", sub="advisor-2"), assessment_id, right, 0.75)
    for question, lower, same in ((essay, 0.39, 0.4), (right, 0.74, 0.75)):
        appeal_id = await made(api, assessment_id, question)
        reply = await change(advisor, appeal_id, lower)
        assert invalid(reply) == ["/score"]
        assert reply.body["errors"][0]["detail"].startswith(f"an appeal never lowers a score: {same} points count")
        assert (await result_line(api, assessment_id, question))["appeal"]["status"] == "open"
        assert (await change(advisor, appeal_id, same)).status == 200
    rows = await pool.fetch("SELECT score FROM score_overrides ORDER BY id")
    assert [row["score"] for row in rows] == [0.75, 0.4, 0.75]


async def test_nobody_answers_twice_nor_their_own(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    appeal_id = await made(api, assessment_id, bank.ids["essay"])
    own = api.as_("advisor", "student", sub="student-1")
    problem(await answer(own, appeal_id, decision="upheld"), 403, "forbidden")
    assert (await answer(advisor, appeal_id, decision="upheld")).status == 200
    for body in (UPHELD, {"decision": "changed", "score": 1}):
        problem(await answer(advisor, appeal_id, **body), 409, "appeal-answered")
    assert (await result_line(api, assessment_id, bank.ids["essay"]))["override"] is None


async def test_another_person_answers_where_there_is_one(api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    first, second = api.as_("advisor", sub="ada"), api.as_("advisor", sub="ben")
    await put(first, assessment_id, essay, 0.5)
    await first.put(f"/assessments/{assessment_id}/scores/{bank.ids['right']}/review", {"agree": True})
    by_first, confirmed = await made(api, assessment_id, essay), await made(api, assessment_id, bank.ids["right"])
    # What keys, students, people who are gone and those who have not been seen for long did makes no other person.
    await pool.execute(
        "INSERT INTO audit_log (actor, action, entity, key, at) VALUES ('key:1', 'override', 'score', 'x', now()),"
        " ('student-1', 'rescore', 'assessment', 'x', now()), ('erased-1', 'override', 'score', 'x', now()),"
        " ('ben', 'create', 'track', 'x', now()), ('ben', 'override', 'score', 'x', now() - interval '91 days')"
    )
    assert (await answer(first, confirmed, decision="upheld")).status == 200
    await second.post(f"/reviews/{assessment_id}/{essay}/reserve")
    refused = problem(await answer(first, by_first, decision="upheld"), 403, "forbidden")
    assert refused["detail"] == "the points that count are yours; another advisor or admin has to answer this appeal"
    assert (await change(second, by_first, 0.6)).status == 200


async def test_other_reasons_stay_in_the_queue(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    doubted = essay_score("gpt", 40, "suspected_injection")
    assessment_id = await completed_assessment(pool, bank, essays={"essay": doubted, "essay_two": doubted})
    essays = [str(bank.ids[name]) for name in ("essay", "essay_two")]
    appeals = [await made(api, assessment_id, UUID(essay)) for essay in essays]
    assert await queue_reasons(advisor) == {essay: ["suspected_injection", "appeal"] for essay in essays}
    await advisor.post(f"/reviews/{assessment_id}/{essays[0]}/reserve")
    await answer(advisor, appeals[0], decision="upheld")
    assert await pool.fetchval("SELECT count(*) FROM review_reservations") == 0
    await change(advisor, appeals[1], 2)
    assert await queue_reasons(advisor) == {essays[0]: ["suspected_injection"]}
    assert await pool.fetchval("SELECT needs_review FROM assessments")


async def test_appeals_come_in_pages(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    names = ("essay", "right", "several", "scale")
    ids = [await made(api, assessment_id, bank.ids[name]) for name in names]
    await answer(advisor, ids[1], decision="upheld")
    await change(advisor, ids[2], 1)

    async def listed(query: str) -> list[str]:
        items, cursor = [], ""
        while True:
            page = (await advisor.get(f"/appeals?limit=1{query}{cursor}")).body
            items += [item["appeal_id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return items
            cursor = f"&cursor={page['next_cursor']}"

    assert await listed("") == ids
    assert await listed("&status=open") == [ids[0], ids[3]]
    assert await listed("&status=upheld") == [ids[1]]
    assert await listed("&status=changed") == [ids[2]]
    assert await listed("&status=answered") == [ids[1], ids[2]]
