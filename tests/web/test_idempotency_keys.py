"""Idempotency keys, on every route that accepts them."""

import re
from typing import Any
from uuid import UUID

import orjson
import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from app.web.routes import ROUTES
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.dead_letters import fail_all_jobs, fail_job
from tests.job_runner import submit
from tests.scored_assessments import completed_assessment
from tests.subscriptions import insert_subscription_delivery, new_subscription
from tests.web.catalog.test_credentials import CREDENTIAL
from tests.web.catalog.test_questions import PROFILE
from tests.web.catalog.test_tracks import TRACK
from tests.web.problems import invalid, problem
from tests.webhooks import insert_delivery

# Each keyed route with who calls it, a payload, and another one.
CASES: dict[str, tuple[str, Any, Any]] = {
    "/tracks": ("admin", TRACK, TRACK | {"slug": "other"}),
    "/questions": ("admin", PROFILE, PROFILE | {"prompt": "Other?"}),
    "/credentials": ("admin", CREDENTIAL, CREDENTIAL | {"title": "Other"}),
    "/assessments": ("student", {"track": SLUG}, {"track": "other"}),
    "/assessments/{assessment_id}/submit": ("student", {}, {"responses": []}),
    "/assessments/{assessment_id}/rescore": ("advisor", {"reason": "A new rubric."}, {"reason": "Doubts."}),
    "/assessments/{assessment_id}/feedback": (
        "advisor",
        {"relevance": 1, "acceptance": 5},
        {"relevance": 2, "acceptance": 5},
    ),
    # Their bodies have no fields, so there is no other that a server would read as far as the key.
    "/jobs/{job_id}/retry": ("admin", {}, None),
    "/assessments/{assessment_id}/webhook/deliveries/{delivery_id}/redeliver": ("student", {}, None),
    "/webhooks/{subscription_id}/deliveries/{delivery_id}/redeliver": ("admin", {}, None),
    "/assessments/{assessment_id}/scores/{question_id}/appeal": ("student", {"text": "Look!"}, {"text": "Please!"}),
}


@pytest.fixture(params=CASES)
async def case(request: pytest.FixtureRequest, api: Api, bank: Bank, pool: Pool) -> tuple[Api, str, Any, Any]:
    """A caller, a path, and two payloads."""
    role, payload, other = CASES[request.param]
    path = request.param
    if "{assessment_id}" in path:
        started = await api.post("/assessments", {"track": SLUG})
        assessment_id = UUID(started.body["assessment_id"])
        if path.endswith("/rescore"):
            await api.post(f"/assessments/{assessment_id}/submit")
            await fail_all_jobs(pool, assessment_id)
        if path.endswith(("/feedback", "/appeal")):
            assessment_id = await completed_assessment(pool, bank)
        delivery_id = await insert_delivery(pool, assessment_id) if "{delivery_id}" in path else None
        path = path.format(assessment_id=assessment_id, delivery_id=delivery_id, question_id=bank.ids["essay"])
    if "{subscription_id}" in path:
        subscription_id = await new_subscription(pool)
        delivery_id = await insert_subscription_delivery(pool, await submit(pool, bank), subscription_id)
        path = path.format(subscription_id=subscription_id, delivery_id=delivery_id)
    if "{job_id}" in path:
        path = path.format(job_id=await fail_job(pool, await submit(pool, bank), JobType.GPT))
    return api.as_(role), path, payload, other


def shown(reply: Reply) -> tuple[int, str | None, str | None, str | None, bytes]:
    """The parts of an answer that a replay repeats."""
    names = ("Location", "Retry-After", "Content-Type")
    return (reply.status, *(reply.headers.get(name) for name in names), reply.raw)  # type: ignore[return-value]


async def test_every_post_accepts_a_key() -> None:
    keyed = {route.path for route in ROUTES if route.keyed}
    # Their answers hold a secret, which is not to be stored with them, and repeating them does no harm.
    unkeyed = {"/assessments/{assessment_id}/webhook", "/webhooks", "/api-keys", "/api-keys/{key_id}/rotate"}
    # They create nothing, and repeating them changes nothing more.
    unkeyed |= {"/tracks/{slug}/restore", "/questions/{question_id}/restore"}
    unkeyed |= {"/reviews/{assessment_id}/{question_id}/reserve"}
    assert keyed == set(CASES) == {route.path for route in ROUTES if route.method == "POST"} - unkeyed


async def test_a_repeated_request_is_answered_byte_for_byte(case: tuple[Api, str, Any, Any]) -> None:
    caller, path, payload, _ = case
    first = await caller.post(path, payload, Idempotency_Key="key-1")
    assert (first.status in (201, 202), "Idempotent-Replayed" in first.headers) == (True, False)
    for key in ("key-1", '"key-1"', ' "key-1" '):
        again = await caller.post(path, payload, Idempotency_Key=key)
        assert (again.headers["Idempotent-Replayed"], shown(again)) == ("true", shown(first))


async def test_a_request_is_repeated_with_its_ids_in_upper_case(case: tuple[Api, str, Any, Any]) -> None:
    caller, path, payload, _ = case
    first = await caller.post(path, payload, Idempotency_Key="key-1")
    spelled = re.sub(r"[0-9a-f-]{36}", lambda match: match[0].upper(), path)
    again = await caller.post(spelled, payload, Idempotency_Key="key-1")
    assert (again.headers["Idempotent-Replayed"], shown(again)) == ("true", shown(first))


async def test_a_submission_is_repeated_with_ids_of_questions_in_upper_case(api: Api, path: str, bank: Bank) -> None:
    responses = bank.answers(right="B")
    first = await api.post(f"{path}/submit", {"responses": responses}, Idempotency_Key="key-1")
    spelled = [line | {"question_id": line["question_id"].upper()} for line in responses]
    again = await api.post(f"{path}/submit", {"responses": spelled}, Idempotency_Key="key-1")
    assert (again.headers["Idempotent-Replayed"], shown(again)) == ("true", shown(first))


async def test_a_key_with_another_payload_is_refused(case: tuple[Api, str, Any, Any]) -> None:
    caller, path, payload, other = case
    await caller.post(path, payload, Idempotency_Key="key-1")
    if other is not None:
        problem(await caller.post(path, other, Idempotency_Key="key-1"), 422, "idempotency-key-reused")


async def test_keys_of_the_wrong_form_are_refused_and_nothing_is_done(
    case: tuple[Api, str, Any, Any], pool: Pool
) -> None:
    caller, path, payload, _ = case
    wrong = ["", '""', '"', '"a', "a b", '"a b"', "k" * 256, f'"{"k" * 256}"', "é", '"\\x"', '"a"b"', '"a";p=1', "a\tb"]
    for key in wrong:
        problem(await caller.post(path, payload, Idempotency_Key=key), 400, "bad-idempotency-key")
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    assert (await caller.post(path, payload, Idempotency_Key="k" * 255)).status in (201, 202)


async def test_a_refused_request_leaves_its_key_free(case: tuple[Api, str, Any, Any]) -> None:
    caller, path, payload, _ = case
    assert invalid(await caller.post(path, payload | {"unknown": 1}, Idempotency_Key="key-1")) == ["/unknown"]
    assert (await caller.post(path, payload, Idempotency_Key="key-1")).status in (201, 202)


async def test_two_keys_in_one_request_are_refused(api: Api) -> None:
    sent = [("Authorization", api.as_("admin").bearer), ("Content-Type", "application/json")]
    for keys, status in ((("a", "b"), 400), (("a", "a"), 400), (("a",), 201)):
        headers = [*sent, *(("Idempotency-Key", key) for key in keys)]
        async with api.client.post("/tracks", data=orjson.dumps(TRACK), headers=headers) as answer:
            assert answer.status == status


async def test_keys_belong_to_a_caller_and_a_path(api: Api, bank: Bank) -> None:
    first = await api.post("/assessments", {"track": SLUG}, Idempotency_Key="key-1")
    other = await api.as_("student", sub="student-2").post("/assessments", {"track": SLUG}, Idempotency_Key="key-1")
    submitted = await api.post(f"{first.headers['Location']}/submit", {}, Idempotency_Key="key-1")
    assert [reply.status for reply in (first, other, submitted)] == [201, 201, 202]
    assert not any("Idempotent-Replayed" in reply.headers for reply in (first, other, submitted))


async def test_payloads_are_compared_as_values(api: Api, path: str) -> None:
    admin = api.as_("admin")
    first = await admin.post("/credentials", CREDENTIAL, Idempotency_Key="key-1")
    turned = dict(reversed(CREDENTIAL.items()))
    assert (await admin.post("/credentials", turned, Idempotency_Key="key-1")).raw == first.raw
    nothing = await api.post(f"{path}/submit", Idempotency_Key="key-2")
    assert (await api.post(f"{path}/submit", {}, Idempotency_Key="key-2")).raw == nothing.raw


async def test_a_start_is_replayed_although_the_assessment_has_changed(api: Api, bank: Bank) -> None:
    first = await api.post("/assessments", {"track": SLUG}, Idempotency_Key="key-1")
    path = first.headers["Location"]
    await api.patch(f"{path}/responses", {"responses": bank.answers(right="B")})
    await api.post(f"{path}/submit")
    again = await api.post("/assessments", {"track": SLUG}, Idempotency_Key="key-1")
    assert (again.headers["Idempotent-Replayed"], shown(again)) == ("true", shown(first))
