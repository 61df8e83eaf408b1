"""Overrides: a person's score counts at once and in later runs, and is announced."""

from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from app.domain.states import WEBHOOKS
from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations as managing
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_all_jobs
from tests.job_runner import submit
from tests.scored_assessments import (
    SCORED_LOCALLY,
    UNSCORED,
    claimed_fusion,
    completed_assessment,
    essay_score,
    line_of,
    newest_result,
)
from tests.web.conftest import Serve
from tests.web.notifications import notified_queues, published_changes
from tests.web.problems import invalid, problem
from tests.web.test_outages import NO_REDIS
from tests.webhooks import SECRET, UNREACHABLE_URL, open_delivery, send_all

REASON = "The essay says it in other words."
STATE = "SELECT revision, overrides_version, completed_at, degraded, needs_review FROM assessments WHERE id = $1"
ROWS = "SELECT * FROM score_overrides ORDER BY id"


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


def path_of(assessment_id: object, question_id: object) -> str:
    return f"/assessments/{assessment_id}/scores/{question_id}/override"


async def put(caller: Api, assessment_id: UUID, question_id: UUID, score: Any, reason: Any = REASON) -> Reply:
    return await caller.put(path_of(assessment_id, question_id), {"score": score, "reason": reason})


async def state(pool: Pool, assessment_id: UUID) -> dict[str, Any]:
    row = await pool.fetchrow(STATE, assessment_id)
    assert row
    return dict(row)


async def test_the_persons_score_counts_and_the_machines_stays(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    before = await newest_result(pool, assessment_id)
    reply = await put(advisor, assessment_id, essay, 0.9)
    after = reply.body
    assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-cache")
    assert (await advisor.get(f"/assessments/{assessment_id}/result")).raw == reply.raw
    line = line_of(after, essay)
    override = {"score": 0.9, "reason": REASON, "by": "advisor-1", "at": line["override"]["at"]}
    assert line == line_of(before, essay) | {"override": override, "provisional": False, "appeal": None}
    assert (line["score"], line["scorer"]) == (0.4, "gpt")
    assert (before["breakdown"]["essay"]["score"], after["breakdown"]["essay"]["score"]) == (2.0, 2.5)
    assert after["breakdown"]["essay"]["percentage"] == 83.3
    assert after["overall"]["score"] == pytest.approx(before["overall"]["score"] + 0.5)
    botany = [skill["level"] for result in (before, after) for skill in result["skills"] if skill["skill"] == "botany"]
    assert botany == [0.667, 0.833]
    assert "Your essay answers earned 2.5 of 3 points (83.3 %)." in [sentence["text"] for sentence in after["summary"]]
    same = ("completed_at", "processing", "recommendations", "degraded_reasons", "status", "assessment_id", "track")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert len(after["recommendations"]) == 1


async def test_an_override_is_stored_and_audited(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    before = await state(pool, assessment_id)
    override = line_of((await put(advisor, assessment_id, essay, 0.9)).body, essay)["override"]
    raised = {"revision": before["revision"] + 1, "overrides_version": 1}
    assert await state(pool, assessment_id) == before | raised
    (row,) = await pool.fetch(ROWS)
    assert (row["question_id"], row["score"], row["max_score"], row["machine_score"]) == (essay, 0.9, 1.0, 0.4)
    assert (row["scorer"], row["reason"], row["actor"]) == ("gpt", REASON, "advisor-1")
    audit = await pool.fetchrow("SELECT actor, action, entity, key, after FROM audit_log WHERE entity = 'score'")
    assert audit and tuple(audit) == ("advisor-1", "override", "score", f"{assessment_id}/{essay}", override)


async def test_an_unscored_essay_can_be_scored_by_a_person(advisor: Api, pool: Pool, bank: Bank) -> None:
    """A scored essay counts in score and maximum; the reason disappears with the last unscored essay."""
    essays = {"essay": None, "essay_two": None}
    assessment_id = await completed_assessment(pool, bank, essays=essays, reasons=[UNSCORED])
    half = (await put(advisor, assessment_id, bank.ids["essay"], 0.5)).body
    assert (half["degraded"], half["breakdown"]["essay"]["unscored"]) == (True, 1)
    assert half["degraded_reasons"][0]["detail"] == "not scored; 1 of these 2 was scored by a person"
    assert (half["breakdown"]["essay"]["score"], half["breakdown"]["essay"]["max_score"]) == (0.5, 1.0)
    whole = (await put(advisor, assessment_id, bank.ids["essay_two"], 2)).body
    assert (whole["degraded"], whole["degraded_reasons"], whole["overall"]["max_score"]) == (False, [], 13.0)
    status = (await advisor.get(f"/assessments/{assessment_id}/status")).body
    assert (status["degraded"], status["degraded_reasons"]) == (False, [])
    line = line_of(whole, bank.ids["essay"])
    assert (line["score"], line["reason"]) == (None, "essay_unscored")
    assert {row["machine_score"] for row in await pool.fetch(ROWS)} == {None}
    again = (await put(advisor, assessment_id, bank.ids["essay"], 0)).body
    assert (again["degraded"], again["breakdown"]["essay"]["score"]) == (False, 2.0)


async def test_scores_by_rule_can_be_overridden_too(advisor: Api, pool: Pool, bank: Bank) -> None:
    answers = [answer for answer in bank.all_answers() if answer["question_id"] != str(bank.ids["scale"])]
    assessment_id = await completed_assessment(pool, bank, answers=answers)
    before = await newest_result(pool, assessment_id)
    assert [reason["code"] for reason in before["degraded_reasons"]] == ["missing_responses"]
    theory = (await put(advisor, assessment_id, bank.ids["several"], 1.5)).body
    line = line_of(theory, bank.ids["several"])
    assert (line["score"], line["correct"], line["override"]["score"]) == (0.0, False, 1.5)
    assert theory["breakdown"]["theoretical"]["score"] == before["breakdown"]["theoretical"]["score"] + 1.5
    profile = (await put(advisor, assessment_id, bank.ids["scale"], 1)).body
    assert (profile["breakdown"]["profile"]["score"], profile["degraded"]) == (5.0, False)
    assert (profile["breakdown"]["profile"]["missing"], line_of(profile, bank.ids["scale"])["missing"]) == (1, True)
    assert [(row["machine_score"], row["scorer"]) for row in await pool.fetch(ROWS)] == [(0.0, None), (0.0, None)]
    status = (await advisor.get(f"/assessments/{assessment_id}/status")).body
    assert "override" not in str(status["scores"])


async def test_points_are_from_0_to_the_maximum(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay_two"]
    for score in (0, 2, 2.0, 1.999999, -0.0):
        override = line_of((await put(advisor, assessment_id, essay, score)).body, essay)["override"]
        assert str(override["score"]) == str(abs(float(score)))
    for wrong in (2.000001, 1000, 1001, -0.000001, 1e308, "1", True, None, [1]):
        assert invalid(await put(advisor, assessment_id, essay, wrong)) == ["/score"], wrong
    for text in (b"NaN", b"Infinity", b"1e999"):
        raw = b'{"reason": "So.", "score": ' + text + b"}"
        reply = await advisor.send_raw("PUT", path_of(assessment_id, essay), raw, {"Content-Type": "application/json"})
        assert reply.status in (400, 422)
    assert await pool.fetchval("SELECT count(*) FROM score_overrides") == 4


async def test_a_reason_is_needed(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    for wrong in ("", "x" * 2001, None, 1, "a\x00b"):
        assert invalid(await put(advisor, assessment_id, essay, 0.5, wrong)) == ["/reason"], wrong
    path = path_of(assessment_id, essay)
    assert invalid(await advisor.put(path, {"score": 0.5})) == ["/reason"]
    assert invalid(await advisor.put(path, {"score": 0.5, "reason": "So.", "by": "me"})) == ["/by"]
    assert sorted(invalid(await advisor.put(path, {}))) == ["/reason", "/score"]
    assert (await put(advisor, assessment_id, essay, 0.5, "ä" * 2000)).status == 200


async def test_questions_of_other_assessments_are_not_found(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    for place in ((assessment_id, uuid4()), (uuid4(), bank.ids["essay"]), (assessment_id, "x"), ("x", "y")):
        problem(await advisor.put(path_of(*place), {"score": 1, "reason": "So."}), 404, "not-found")
    # A question that came to the bank later.
    await pool.execute("INSERT INTO questions (id, track_id, type) SELECT $1, id, 'essay' FROM tracks", late := uuid4())
    problem(await put(advisor, assessment_id, late, 0), 404, "not-found")


async def test_permission_body_and_state_are_checked_in_this_order(api: Api, path: str, bank: Bank) -> None:
    assessment_id = UUID(path.rsplit("/", 1)[1])
    owner = await api.send_raw("PUT", path_of(assessment_id, bank.ids["essay"]), b"{", {})
    problem(owner, 403, "forbidden")
    for staff in (api.as_("advisor"), api.as_("admin")):
        assert invalid(await put(staff, assessment_id, bank.ids["essay"], 1.5)) == ["/score"]
        problem(await put(staff, assessment_id, bank.ids["essay"], 1), 409, "not-submitted")


async def test_there_is_nothing_to_override_before_the_result(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    waiting = await submit(pool, bank)
    reply = await put(advisor, waiting, bank.ids["right"], 1)
    problem(reply, 409, "no-result-yet")
    assert int(reply.headers["Retry-After"]) >= 1
    await fail_all_jobs(pool, waiting)
    problem(await put(advisor, waiting, bank.ids["right"], 1), 409, "assessment-failed")
    late = (await api.post("/assessments", {"track": SLUG})).body["assessment_id"]
    await pool.execute("UPDATE assessments SET expires_at = now() WHERE id = $1", UUID(late))
    problem(await put(advisor, UUID(late), bank.ids["right"], 1), 409, "not-submitted")
    assert await pool.fetch(ROWS) == []


async def test_repeating_an_override_changes_nothing(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    first = await put(advisor, assessment_id, essay, 0.9)
    before = await state(pool, assessment_id), await pool.fetchval("SELECT count(*) FROM webhook_deliveries")
    again = await put(advisor, assessment_id, essay, 0.9)
    assert (again.status, again.raw) == (200, first.raw)
    assert (await state(pool, assessment_id), await pool.fetchval("SELECT count(*) FROM webhook_deliveries")) == before
    assert (
        len(await pool.fetch(ROWS)) == await pool.fetchval("SELECT count(*) FROM audit_log WHERE entity = 'score'") == 1
    )
    others = [(advisor, 0.9, "Another reason."), (api.as_("admin"), 0.9, "Another reason."), (advisor, 0.8, REASON),
              (advisor, 0.9, REASON)]  # fmt: skip
    for count, (caller, score, reason) in enumerate(others, 2):
        new = line_of((await put(caller, assessment_id, essay, score, reason)).body, essay)["override"]
        assert (new["score"], new["reason"], new["by"]) == (score, reason, caller.sub)
        assert len(await pool.fetch(ROWS)) == count


async def test_a_webhook_gets_a_message_of_each_change(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    assert (await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)).notification
    for score in (0.9, 0.5):
        await put(advisor, assessment_id, essay, score)
    rows = await pool.fetch("SELECT run, edition, event_type FROM webhook_deliveries ORDER BY edition")
    rescored = "assessment.rescored"
    assert [tuple(row) for row in rows] == [(1, 0, "assessment.completed"), (1, 1, rescored), (1, 2, rescored)]
    async with open_delivery(pool) as sending:
        await send_all(pool, sending)
    bodies = await pool.fetch("SELECT body, created_at FROM webhook_deliveries WHERE edition = 2")
    message, result = orjson.loads(bodies[0]["body"]), await newest_result(pool, assessment_id)
    certain = {"provisional": False, "range": dict.fromkeys(("low", "high"), result["overall"]["percentage"])}
    assert message["data"]["overall"] == result["overall"] | certain
    assert message["data"]["completed_at"] == result["completed_at"]
    assert message["timestamp"] > result["completed_at"]


async def test_a_webhook_that_is_registered_later_gets_the_newest_result(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await put(advisor, assessment_id, bank.ids["essay"], 0.9)
    assert await pool.fetchval("SELECT count(*) FROM webhook_deliveries") == 0
    assert (await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)).notification
    assert (await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)).notification is None
    (row,) = await pool.fetch("SELECT run, edition, event_type FROM webhook_deliveries")
    assert tuple(row) == (1, 1, "assessment.rescored")


async def test_without_a_webhook_there_is_no_message(advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    await pool.execute("UPDATE assessments SET webhook_disabled_at = now(), webhook_disabled_reason = 'gone'")
    assert (await put(advisor, assessment_id, bank.ids["essay"], 0.9)).status == 200
    assert await pool.fetchval("SELECT count(*) FROM webhook_deliveries WHERE edition > 0") == 0


async def test_an_override_changes_the_tag_of_the_status(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    path = f"/assessments/{assessment_id}/status"
    tag = (await api.get(path)).headers["ETag"]
    assert (await api.get(path, If_None_Match=tag)).status == 304
    await put(advisor, assessment_id, bank.ids["essay"], 0.9)
    assert (await api.get(path, If_None_Match=tag)).status == 200


async def test_the_change_is_published_and_the_webhook_worker_notified(
    advisor: Api, pool: Pool, bank: Bank, redis_url: str
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    async with published_changes(redis_url) as changed:
        await put(advisor, assessment_id, bank.ids["essay"], 0.9)
    assert (changed, await notified_queues(advisor, redis_url)) == ({assessment_id}, set())
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    for _ in range(2):
        await put(advisor, assessment_id, bank.ids["essay"], 0.8)
    assert await notified_queues(advisor, redis_url) == {WEBHOOKS}


async def test_an_override_works_without_redis(serve: Serve, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    await managing.register(pool, assessment_id, UNREACHABLE_URL, SECRET)
    api = await serve(redis_url=NO_REDIS)
    reply = await put(api.as_("advisor"), assessment_id, essay, 0.9)
    assert (reply.status, line_of(reply.body, essay)["override"]["score"]) == (200, 0.9)
    # Its row says that it is due; a worker finds it there.
    assert await pool.fetchval("SELECT status FROM webhook_deliveries WHERE edition = 1") == "pending"


async def test_an_override_counts_in_later_runs(advisor: Api, pool: Pool, bank: Bank) -> None:
    estimated = {"essay": essay_score("local", 40), "essay_two": essay_score("local", 80)}
    assessment_id, essay = (
        await completed_assessment(pool, bank, essays=estimated, reasons=[SCORED_LOCALLY]),
        bank.ids["essay"],
    )
    override = line_of((await put(advisor, assessment_id, essay, 0.9)).body, essay)["override"]
    rescored = await advisor.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})
    assert rescored.status == 202
    while_running = (await put(advisor, assessment_id, bank.ids["essay_two"], 1.0)).body
    assert while_running["degraded_reasons"] == []
    job = await claimed_fusion(pool, bank, assessment_id, {"essay": essay_score("gpt", 20), "essay_two": None}, run=2)
    assert await FusionJob(pool).run(job)
    line = line_of(result := await newest_result(pool, assessment_id), essay)
    assert (line["score"], line["scorer"], line["override"]) == (0.2, "gpt", override)
    assert (result["breakdown"]["essay"]["score"], result["breakdown"]["essay"]["max_score"]) == (1.9, 3.0)
