"""Checks come in one order: rate limit, token, existence, permission, body, replay, state, capacity."""

from dataclasses import replace
from uuid import uuid4

from app.setting_types import Rate
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.web.conftest import Serve
from tests.web.problems import problem

NO_TOKEN = {"Authorization": "Bearer a.b.c"}
# Wrong in a way that only reading the body shows.
BAD_BODY = {"responses": [{"question_id": "no id", "answer": 1}]}


async def submit(caller: Api, path: str, body: object = None, key: str = "key") -> Reply:
    return await caller.post(f"{path}/submit", body, Idempotency_Key=key)


async def test_each_check_comes_before_those_after_it(serve: Serve, bank: Bank) -> None:
    # One submission fills the queue.
    student = await serve(max_queued_assessments=1)
    stranger, unknown = student.as_("student", sub="student-2"), f"/assessments/{uuid4()}"
    path = (await student.post("/assessments", {"track": SLUG})).headers["Location"]
    waiting = (await stranger.post("/assessments", {"track": SLUG})).headers["Location"]
    first = await submit(student, path)
    assert first.status == 202

    problem(await submit(replace(student, headers=NO_TOKEN), unknown, BAD_BODY), 401, "unauthenticated")
    problem(await submit(student, unknown, BAD_BODY), 404, "not-found")
    problem(await submit(student.as_("advisor"), unknown, BAD_BODY), 404, "not-found")
    problem(await submit(student.as_("advisor"), path, BAD_BODY), 403, "forbidden")
    problem(await submit(stranger, path, BAD_BODY), 403, "forbidden")
    problem(await submit(student, path, BAD_BODY), 422, "invalid-fields")
    again = await submit(student, path)
    assert (again.status, again.raw, again.headers["Idempotent-Replayed"]) == (202, first.raw, "true")
    problem(await submit(student, path, key="another"), 409, "already-submitted")
    problem(await submit(stranger, waiting), 503, "queue-full")


async def test_the_rate_limit_comes_before_the_token(serve: Serve) -> None:
    student = await serve(rate_limit_address=Rate(1, 60), rate_limit=Rate(1, 60))
    for caller, first in ((replace(student, headers=NO_TOKEN), 401), (student, 404)):
        assert (await submit(caller, f"/assessments/{uuid4()}", BAD_BODY)).status == first
        problem(await submit(caller, f"/assessments/{uuid4()}", BAD_BODY), 429, "rate-limited")


async def test_the_body_comes_before_replay_and_replay_before_state(api: Api, path: str) -> None:
    first = await api.post(f"{path}/submit", {}, Idempotency_Key="once")
    assert first.status == 202
    reply = await api.post(f"{path}/submit", {"unknown": 1}, Idempotency_Key="once")
    problem(reply, 422, "invalid-fields")
    problem(await api.post(f"{path}/submit", {"responses": []}, Idempotency_Key="once"), 422, "idempotency-key-reused")
    assert (await api.post(f"{path}/submit", {}, Idempotency_Key="once")).raw == first.raw
    problem(await api.patch(f"{path}/responses", {"unknown": 1}), 422, "invalid-fields")
    problem(await api.patch(f"{path}/responses", {"responses": []}), 409, "already-submitted")
