"""Submitting: everything in one transaction, or nothing."""

import re
from datetime import datetime
from typing import Any
from uuid import uuid4

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import ESSAY, SLUG, Bank
from tests.web.conftest import Serve
from tests.web.problems import invalid, problem

PARTS = {"responses", "scores", "async_jobs", "idempotency_keys"}


async def written(pool: Pool) -> dict[str, int]:
    """The numbers of rows that submissions have written."""
    return {name: await pool.fetchval(f"SELECT count(*) FROM {name}") for name in PARTS}  # noqa: S608


async def test_the_answer_has_the_contracts_shape(api: Api, path: str, bank: Bank) -> None:
    await api.patch(f"{path}/responses", {"responses": bank.all_answers()})
    reply = await api.post(f"{path}/submit")
    body = reply.body
    assert (reply.status, reply.headers["Location"], reply.headers["Retry-After"]) == (202, f"{path}/status", "1")
    assert (body["assessment_id"], body["status"]) == (path.rsplit("/", 1)[1], "submitted")
    assert datetime.fromisoformat(body["submitted_at"]).utcoffset() is not None
    assert (body["degraded"], body["degraded_reasons"]) == (False, [])
    assert body["scores"]["essay"] == {"status": "queued", "count": 2, "missing": 0}
    assert [(job["job_type"], job["status"]) for job in body["jobs"]] == [
        ("gpt", "queued"), ("rag", "queued"), ("fusion", "queued")
    ]  # fmt: skip
    ends = {"self": "", "status": "/status", "events": "/events", "result": "/result"}
    assert body["links"] == {name: path + end for name, end in ends.items()}
    status = (await api.get(f"{path}/status")).body
    assert [job["job_id"] for job in status["jobs"]] == [job["job_id"] for job in body["jobs"]]
    assert status["submitted_at"] == body["submitted_at"]


async def test_theory_and_profile_are_scored_by_rule(api: Api, path: str, bank: Bank) -> None:
    body = (await api.post(f"{path}/submit", {"responses": bank.all_answers()})).body
    theory, profile = body["scores"]["theoretical"], body["scores"]["profile"]
    points = {question["question_id"]: (question["score"], question["correct"]) for question in theory["questions"]}
    assert {name: points[str(bank.ids[name])] for name in ("right", "several", "partial")} == {
        "right": (1.0, True), "several": (0.0, False), "partial": (1.0, False)
    }  # fmt: skip
    assert (theory["score"], theory["max_score"], theory["percentage"]) == (2.0, 5.0, 40.0)
    assert (profile["score"], profile["max_score"], profile["count"], profile["missing"]) == (5.0, 5.0, 5, 0)


async def test_missing_answers_are_a_reason(api: Api, path: str, bank: Bank) -> None:
    body = (await api.post(f"{path}/submit", {"responses": bank.answers(right="B", essay=ESSAY, text=" ")})).body
    assert body["degraded"] is True
    assert body["degraded_reasons"] == [
        {"code": "missing_responses", "stage": "rule_score", "detail": "8 of 10 questions have no answer"}
    ]
    scores = body["scores"]
    assert [scores[kind]["missing"] for kind in ("theoretical", "profile", "essay")] == [2, 5, 1]
    missing = {question["question_id"]: question["missing"] for question in scores["theoretical"]["questions"]}
    assert missing == {str(bank.ids["right"]): False, str(bank.ids["several"]): True, str(bank.ids["partial"]): True}


async def test_responses_in_the_body_replace_saved_ones(api: Api, path: str, bank: Bank) -> None:
    await api.patch(f"{path}/responses", {"responses": bank.answers(right="A", text="roses")})
    reply = await api.post(f"{path}/submit", {"responses": bank.answers(right="B", number=3)})
    assert reply.body["scores"]["theoretical"]["score"] == 1.0
    kept = {answer["question_id"]: answer["answer"] for answer in (await api.get(path)).body["responses"]}
    assert kept == {
        str(bank.ids[name]): answer for name, answer in {"right": "B", "text": "roses", "number": 3}.items()
    }


async def test_responses_in_the_body_can_remove_saved_ones(api: Api, path: str, bank: Bank) -> None:
    await api.patch(f"{path}/responses", {"responses": bank.answers(right="B", text="roses")})
    reply = await api.post(f"{path}/submit", {"responses": bank.answers(right=None)})
    assert reply.body["scores"]["theoretical"]["score"] == 0.0
    assert [answer["answer"] for answer in (await api.get(path)).body["responses"]] == ["roses"]


async def test_the_body_is_optional(api: Api, bank: Bank) -> None:
    bodies: list[Any] = [None, {}, {"responses": []}]
    for number, body in enumerate(bodies):
        caller = api.as_("student", sub=f"submitter-{number}")
        path = (await caller.post("/assessments", {"track": SLUG})).headers["Location"]
        assert (await caller.post(f"{path}/submit", body)).status == 202


async def test_an_invalid_body_writes_nothing(api: Api, path: str, bank: Bank, pool: Pool) -> None:
    fine = bank.answers(right="B")
    wrong: list[tuple[Any, str]] = [
        ({"responses": [*fine, *bank.answers(scale=9)]}, "/responses/1/answer"),
        ({"responses": [*fine, {"question_id": str(uuid4()), "answer": "B"}]}, "/responses/1/question_id"),
        ({"responses": [*fine, *fine]}, "/responses/1/question_id"), ({"responses": {}}, "/responses"),
        ({"response": fine}, "/response"), ({"responses": fine, "force": True}, "/force"), ([], ""), ("x", ""),
    ]  # fmt: skip
    for body, pointer in wrong:
        assert invalid(await api.post(f"{path}/submit", body, Idempotency_Key="once")) == [pointer], body
    null = await api.send_raw("POST", f"{path}/submit", b"null", {"Content-Type": "application/json"})
    assert invalid(null) == [""]
    assert await written(pool) == dict.fromkeys(PARTS, 0)
    assert (await api.get(path)).body["status"] == "in_progress"


async def test_a_submission_locks_the_responses(api: Api, path: str, bank: Bank) -> None:
    await api.post(f"{path}/submit", {"responses": bank.answers(right="B")})
    before = (await api.get(path)).body
    assert (before["status"], before["submitted_at"] is not None) == ("submitted", True)
    problem(await api.patch(f"{path}/responses", {"responses": bank.answers(right="A")}), 409, "already-submitted")
    problem(await api.post(f"{path}/submit", {"responses": bank.answers(right="A")}), 409, "already-submitted")
    assert (await api.get(path)).body == before


async def test_a_full_queue_refuses_before_anything_is_written(serve: Serve, bank: Bank, pool: Pool) -> None:
    api = await serve(max_queued_assessments=1)
    first, second = api, api.as_("student", sub="student-2")
    paths = [(await caller.post("/assessments", {"track": SLUG})).headers["Location"] for caller in (first, second)]
    assert (await first.post(f"{paths[0]}/submit", {}, Idempotency_Key="once")).status == 202
    before = await written(pool)
    refused = await second.post(f"{paths[1]}/submit", {"responses": bank.all_answers()}, Idempotency_Key="once")
    problem(refused, 503, "queue-full")
    assert int(refused.headers["Retry-After"]) > 0
    assert await written(pool) == before
    problem(await first.post(f"{paths[0]}/submit"), 409, "already-submitted")
    assert (await first.post(f"{paths[0]}/submit", Idempotency_Key="once")).headers["Idempotent-Replayed"] == "true"
    await pool.execute("UPDATE assessments SET status = 'failed', completed_at = now() WHERE status = 'submitted'")
    assert (await second.post(f"{paths[1]}/submit", {}, Idempotency_Key="once")).status == 202


async def test_the_clients_trace_context_is_stored_with_the_jobs(api: Api, path: str, pool: Pool) -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await api.post(f"{path}/submit", {}, traceparent=trace, X_Request_ID="from-the-caller")
    rows = await pool.fetch("SELECT DISTINCT traceparent, request_id FROM async_jobs")
    assert [tuple(row) for row in rows] == [(trace, "from-the-caller")]


async def test_an_invalid_trace_context_is_replaced(api: Api, bank: Bank, pool: Pool) -> None:
    for number, trace in enumerate(("", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff-x", "\u00e9")):
        caller = api.as_("student", sub=f"tracer-{number}")
        path = (await caller.post("/assessments", {"track": SLUG})).headers["Location"]
        assert (await caller.post(f"{path}/submit", {}, traceparent=trace)).status == 202
    made = await pool.fetch("SELECT DISTINCT traceparent FROM async_jobs")
    assert len(made) == 4
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", row["traceparent"]) for row in made)
