"""Appeals: the owner asks for a person, once for each question; a person answers, and the points never fall."""

from typing import Any

import pytest

from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from app.services.webhooks import registrations
from tests.api import Api
from tests.appeals import REPLY, TEXT, answer, appeal, change, made, queue_reasons, result_line
from tests.bank import Bank
from tests.fakes.webhook_receiver import webhook_receiver
from tests.job_runner import submit
from tests.scored_assessments import claimed_fusion, completed_assessment, essay_score
from tests.web.conftest import Serve
from tests.web.notifications import notified_queues, published_changes
from tests.web.problems import invalid, problem
from tests.webhooks import SECRET, open_delivery, send_all, verify

STATE = "SELECT revision, needs_review FROM assessments WHERE id = $1"


@pytest.fixture
def advisor(api: Api) -> Api:
    """An advisor."""
    return api.as_("advisor")


async def test_the_owner_appeals_and_reads_the_answer(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    revision = await pool.fetchval("SELECT revision FROM assessments")
    reply = await appeal(api, assessment_id, essay)
    shown = {"appeal_id": reply.body["appeal_id"], "status": "open", "text": TEXT, "reply": None, "answered_at": None}
    shown["created_at"] = reply.body["created_at"]
    assert reply.status == 201
    assert reply.body == shown | {"assessment_id": str(assessment_id), "question_id": str(essay)}
    assert reply.headers["Location"] == f"/assessments/{assessment_id}/result"
    assert (await result_line(api, assessment_id, essay))["appeal"] == shown
    assert await queue_reasons(advisor) == {str(essay): ["appeal"]}
    assert tuple(await pool.fetchrow(STATE, assessment_id) or ()) == (revision + 1, True)
    (item,) = (await advisor.get("/appeals?status=open")).body["items"]
    assert item == reply.body | {
        "question_type": "essay", "track": item["track"], "owner": "student-1", "owner_issuer": None,
        "answered_by": None, "points_by": None,
    }  # fmt: skip
    answered = await answer(advisor, shown["appeal_id"], decision="upheld")
    done = {"status": "upheld", "reply": REPLY, "answered_at": answered.body["answered_at"]}
    assert (answered.status, answered.body) == (200, item | done | {"answered_by": "advisor-1"})
    line = await result_line(api, assessment_id, essay)
    assert (line["appeal"], line["override"]) == (shown | done, None)
    assert "advisor-1" not in str(line)
    assert await queue_reasons(advisor) == {}
    assert tuple(await pool.fetchrow(STATE, assessment_id) or ()) == (revision + 2, False)


async def test_a_question_is_appealed_once(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    """Neither the answer nor a new result opens it again."""
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    appeal_id = await made(api, assessment_id, essay)
    problem(await appeal(api, assessment_id, essay), 409, "already-appealed")
    await answer(advisor, appeal_id, decision="upheld")
    problem(await appeal(api, assessment_id, essay), 409, "already-appealed")
    await advisor.post(f"/assessments/{assessment_id}/rescore", {"reason": "So."})
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id, run=2))
    problem(await appeal(api, assessment_id, essay), 409, "already-appealed")
    assert (await result_line(api, assessment_id, essay))["appeal"]["status"] == "upheld"
    await made(api, assessment_id, bank.ids["essay_two"])
    await made(api, assessment_id, bank.ids["scale"])


async def test_an_appeal_is_repeated_with_its_key(api: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    key = {"Idempotency-Key": "k"}
    first, second = [await appeal(api, assessment_id, essay, **key) for _ in range(2)]
    assert (first.raw, second.headers["Idempotent-Replayed"]) == (second.raw, "true")
    problem(await appeal(api, assessment_id, essay, "Another.", **key), 422, "idempotency-key-reused")
    assert await pool.fetchval("SELECT count(*) FROM appeals") == 1


async def test_the_time_for_appeals_ends(api: Api, serve: Serve, pool: Pool, bank: Bank) -> None:
    """It is counted from the result that is shown."""
    assessment_id = await completed_assessment(pool, bank)
    aged = "UPDATE results SET body = jsonb_set(body::jsonb, '{completed_at}', to_jsonb(now() - $1::interval))::json"
    await pool.execute(aged.replace("$1", "'14 days 1 minute'"))
    late = problem(await appeal(api, assessment_id, bank.ids["essay"]), 409, "appeal-too-late")
    assert late["detail"].startswith("the questions of this result could be appealed until 20")
    assert await pool.fetchval("SELECT count(*) FROM appeals") == 0
    await made(await serve(appeal_days=15), assessment_id, bank.ids["essay"])
    await pool.execute(aged.replace("$1", "'13 days 23 hours 59 minutes'"))
    await made(api, assessment_id, bank.ids["right"])
    problem(await appeal(await serve(appeal_days=0), assessment_id, bank.ids["several"]), 409, "appeal-too-late")


async def test_only_scores_of_a_result_are_appealed(api: Api, pool: Pool, bank: Bank) -> None:
    running = await submit(pool, bank, "student-1")
    problem(await appeal(api, running, bank.ids["essay"]), 409, "no-result-yet")
    unscored = {"essay": None, "essay_two": essay_score("gpt", 40)}
    assessment_id = await completed_assessment(pool, bank, essays=unscored)
    problem(await appeal(api, assessment_id, bank.ids["essay"]), 409, "nothing-to-appeal")
    await made(api, assessment_id, bank.ids["essay_two"])
    opened = (await api.post("/assessments", {"track": "gardener"})).body.get("assessment_id")
    assert opened is None or (await appeal(api, opened, bank.ids["essay"])).status in (404, 409)


async def test_bad_appeals_and_answers_are_refused(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, essay = await completed_assessment(pool, bank), bank.ids["essay"]
    for text in ("", " \n", "x" * 5001, None, 7):
        assert invalid(await appeal(api, assessment_id, essay, text)) == ["/text"]
    problem(await appeal(api.as_("student", sub="student-2"), assessment_id, essay), 403, "forbidden")
    problem(await appeal(advisor, assessment_id, essay), 403, "forbidden")
    appeal_id = await made(api, assessment_id, essay)
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"decision": "lowered"}, ["/decision"]),
        ({"decision": "upheld", "score": 1}, ["/score"]),
        ({"decision": "upheld", "dimensions": {"depth": 25}}, ["/dimensions"]),
        ({"decision": "upheld", "reply": " "}, ["/reply"]),
        ({"decision": "changed"}, ["/score"]),
        ({"decision": "changed", "score": 1.01}, ["/score"]),
        ({"decision": "changed", "dimensions": {}}, ["/dimensions"]),
        ({"decision": "changed", "score": 1, "dimensions": {"depth": 25}}, ["/dimensions"]),
    ]
    for body, pointers in wrong:
        assert invalid(await answer(advisor, appeal_id, **body)) == pointers, body
    for status in ("", "closed"):
        problem(await advisor.get(f"/appeals?status={status}"), 400, "bad-query")
    problem(await advisor.get("/appeals?cursor=x"), 400, "bad-query")
    assert (await result_line(api, assessment_id, essay))["appeal"]["status"] == "open"


async def test_each_appeal_and_answer_is_told_once(api: Api, advisor: Api, pool: Pool, bank: Bank) -> None:
    assessment_id, names = await completed_assessment(pool, bank), ("essay", "right")
    async with webhook_receiver() as receiver, open_delivery(pool) as delivery:
        await registrations.register(pool, assessment_id, receiver.url, SECRET)
        await send_all(pool, delivery)
        receiver.requests.clear()
        ids = [await made(api, assessment_id, bank.ids[name]) for name in names]
        # Their messages go out after an answer, and do not have it.
        await answer(advisor, ids[0], decision="upheld")
        await change(advisor, ids[1], 1)
        await send_all(pool, delivery)
    bodies = [verify(received) for received in receiver.requests]
    messages = [(body["type"], body["data"].get("appeal")) for body in bodies]
    expected: list[tuple[str, Any]] = [("assessment.rescored", None)]
    for appeal_id, name, decision in zip(ids, names, ("upheld", "changed"), strict=True):
        about = {"appeal_id": appeal_id, "question_id": str(bank.ids[name])}
        expected.append(("assessment.appealed", about | {"decision": None}))
        expected.append(("assessment.appeal_answered", about | {"decision": decision}))
    assert sorted(messages, key=str) == sorted(expected, key=str)
    assert all(body["data"]["run"] == 1 and body["data"]["overall"]["score"] for body in bodies)
    assert TEXT not in str(bodies) and REPLY not in str(bodies)


async def test_changes_are_published_and_workers_notified(
    api: Api, advisor: Api, pool: Pool, bank: Bank, redis_url: str
) -> None:
    assessment_id = await completed_assessment(pool, bank)
    await registrations.register(pool, assessment_id, "https://hooks.example/", SECRET)
    async with published_changes(redis_url) as appealed:
        appeal_id = await made(api, assessment_id, bank.ids["essay"])
    async with published_changes(redis_url) as answered:
        await answer(advisor, appeal_id, decision="upheld")
    assert appealed == answered == {assessment_id}
    assert await notified_queues(api, redis_url) == {"webhook"}
