"""Who may do what: the contract's table over every route, and the order in which things are checked."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.states import JobType
from app.repositories.sql import Pool
from app.web.routes import ROUTES, Route
from tests.api import Api, Reply
from tests.bank import SLUG, Bank
from tests.pipelines import job_id, submit
from tests.web.expecting import problem
from tests.webhooks import planted

OWNER, OTHER, ADVISOR, ADMIN = ("student", "student-1"), ("student", "student-2"), ("advisor", ""), ("admin", "")
EVERYONE = {OWNER, OTHER, ADVISOR, ADMIN}
STAFF = {ADVISOR, ADMIN}
# Who may, by method and path; it names every route that needs a token, or a test below fails.
ALLOWED = {
    ("GET", "/tracks"): EVERYONE,
    ("POST", "/tracks"): {ADMIN},
    ("GET", "/tracks/{slug}"): EVERYONE,
    ("PATCH", "/tracks/{slug}"): {ADMIN},
    ("DELETE", "/tracks/{slug}"): {ADMIN},
    ("GET", "/questions"): STAFF,
    ("POST", "/questions"): {ADMIN},
    ("GET", "/questions/{question_id}"): STAFF,
    ("PATCH", "/questions/{question_id}"): {ADMIN},
    ("DELETE", "/questions/{question_id}"): {ADMIN},
    ("GET", "/credentials"): EVERYONE,
    ("POST", "/credentials"): {ADMIN},
    ("GET", "/credentials/{credential_id}"): EVERYONE,
    ("PATCH", "/credentials/{credential_id}"): {ADMIN},
    ("DELETE", "/credentials/{credential_id}"): {ADMIN},
    ("POST", "/assessments"): {OWNER, OTHER},
    ("GET", "/assessments"): EVERYONE,
    ("GET", "/assessments/{assessment_id}"): {OWNER, *STAFF},
    ("PATCH", "/assessments/{assessment_id}/responses"): {OWNER},
    ("POST", "/assessments/{assessment_id}/submit"): {OWNER},
    ("GET", "/assessments/{assessment_id}/status"): {OWNER, *STAFF},
    ("GET", "/assessments/{assessment_id}/events"): {OWNER, *STAFF},
    ("GET", "/assessments/{assessment_id}/result"): {OWNER, *STAFF},
    ("POST", "/assessments/{assessment_id}/webhook"): {OWNER},
    ("GET", "/assessments/{assessment_id}/webhook"): {OWNER},
    ("DELETE", "/assessments/{assessment_id}/webhook"): {OWNER},
    ("GET", "/assessments/{assessment_id}/webhook/deliveries"): {OWNER, ADMIN},
    ("POST", "/assessments/{assessment_id}/webhook/deliveries/{delivery_id}/redeliver"): {OWNER, ADMIN},
    ("PUT", "/assessments/{assessment_id}/scores/{question_id}/override"): STAFF,
    ("POST", "/assessments/{assessment_id}/rescore"): STAFF,
    ("GET", "/assessments/{assessment_id}/trace"): STAFF,
    ("POST", "/assessments/{assessment_id}/feedback"): {OWNER, *STAFF},
    ("GET", "/analytics/overview"): STAFF,
    ("GET", "/analytics/feedback"): STAFF,
    ("GET", "/analytics/scores"): STAFF,
    ("GET", "/analytics/model-calls"): STAFF,
    ("GET", "/jobs"): {ADMIN},
    ("POST", "/jobs/{job_id}/retry"): {ADMIN},
}
WRITES = ("POST", "PUT", "PATCH")
GUARDED = [route for route in ROUTES if not route.public]


@dataclass(frozen=True)
class Places:
    """Things that exist, by the names of path parameters."""

    slug: str
    question_id: str
    credential_id: str
    assessment_id: str
    job_id: str
    delivery_id: str

    def path(self, route: Route) -> str:
        """The route's path to them."""
        return route.path.format(**vars(self))


@pytest.fixture
async def places(path: str, bank: Bank, pool: Pool) -> Places:
    """One of each; the assessment belongs to `student-1`."""
    credential = await pool.fetchval("SELECT id FROM credentials LIMIT 1")
    job = await job_id(pool, await submit(pool, bank, "student-3"), JobType.GPT)
    assessment_id = path.rsplit("/", 1)[1]
    delivery = await planted(pool, UUID(assessment_id))
    return Places(SLUG, str(bank.ids["right"]), str(credential), assessment_id, str(job), str(delivery))


async def answered(caller: Api, route: Route, path: str, body: Any) -> Reply:
    """The answer; of a stream, which ends with the assessment, only how it begins."""
    if not route.path.endswith("/events"):
        return await caller.send(route.method, path, body)
    async with caller.client.get(path, headers={"Authorization": caller.bearer}) as answer:
        return Reply(answer.status, answer.headers, b"" if answer.status == 200 else await answer.read())


def nowhere() -> Places:
    """Things that do not exist."""
    return Places("nobody", *(str(uuid4()) for _ in range(5)))


def test_the_table_names_every_guarded_route() -> None:
    assert {(route.method, route.path) for route in GUARDED} == set(ALLOWED)


async def test_each_role_may_do_what_the_table_says_and_nothing_else(api: Api, places: Places) -> None:
    may: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for route in GUARDED:
        for role, sub in EVERYONE:
            # A body that is refused by whoever is let through: nothing is changed on the way.
            body = None if route.method == "GET" else {"unknown": 1}
            if route.method != "DELETE" or (role, sub) not in ALLOWED[route.method, route.path]:
                reply = await answered(api.as_(role, sub=sub), route, places.path(route), body)
                if reply.status != 403:
                    assert reply.status in (200, 409, 422), (route, reply.raw)
                    may.setdefault((route.method, route.path), set()).add((role, sub))
                else:
                    problem(reply, 403, "forbidden")
    assert may == {key: allowed for key, allowed in ALLOWED.items() if key[0] != "DELETE"}


async def test_an_admin_may_delete(api: Api, places: Places) -> None:
    admin = api.as_("admin")
    deletes = [route for route in GUARDED if route.method == "DELETE" and ADMIN in ALLOWED["DELETE", route.path]]
    assert [(await admin.delete(places.path(route))).status for route in deletes] == [204] * 3
    for route in deletes:
        problem(await admin.delete(places.path(route)), 404, "not-found")


async def test_several_roles_add_up(api: Api, path: str) -> None:
    both = api.as_("student", "admin", sub="both")
    started = await both.post("/assessments", {"track": SLUG})
    assert started.status == 201
    assert (await both.get("/questions")).status == 200
    assert (await both.patch(f"{started.headers['Location']}/responses", {"responses": []})).status == 200
    problem(await both.patch(f"{path}/responses", {"responses": []}), 403, "forbidden")


async def test_every_guarded_route_refuses_without_a_token(api: Api, places: Places) -> None:
    anonymous = {"Authorization": ""}
    for where in (places, nowhere()):
        for route in GUARDED:
            reply = await api.send_raw(route.method, where.path(route), b"{", anonymous)
            problem(reply, 401, "unauthenticated")
            assert "WWW-Authenticate" in reply.headers


async def test_what_does_not_exist_is_told_before_who_may_and_what_the_body_is(api: Api) -> None:
    named = [route for route in GUARDED if "{" in route.path]
    for caller in (api, api.as_("advisor"), api.as_("admin"), api.as_("teacher")):
        for route in named:
            bad = b"not JSON" if route.method in WRITES else None
            reply = await caller.send_raw(route.method, nowhere().path(route), bad, {"Content-Type": "text/plain"})
            problem(reply, 404, "not-found")


async def test_who_may_is_told_before_what_the_body_is(api: Api, places: Places) -> None:
    callers = {"student": api.as_("student", sub="student-2"), "advisor": api.as_("advisor")}
    headers = {"Content-Type": "text/plain", "Idempotency-Key": '"'}
    for route in GUARDED:
        for role, caller in callers.items():
            if route.method in WRITES and not any(role == may for may, _ in ALLOWED[route.method, route.path]):
                problem(await caller.send_raw(route.method, places.path(route), b"{", headers), 403, "forbidden")
    other = callers["student"]
    problem(await other.send_raw("PATCH", f"/assessments/{places.assessment_id}/responses", b"{", {}), 403, "forbidden")
    problem(
        await other.send_raw("POST", f"/assessments/{places.assessment_id}/submit", b"{", headers), 403, "forbidden"
    )


async def test_the_body_comes_before_replay_and_replay_before_state(api: Api, path: str) -> None:
    first = await api.post(f"{path}/submit", {}, Idempotency_Key="once")
    assert first.status == 202
    reply = await api.post(f"{path}/submit", {"unknown": 1}, Idempotency_Key="once")
    problem(reply, 422, "invalid-fields")
    problem(await api.post(f"{path}/submit", {"responses": []}, Idempotency_Key="once"), 422, "idempotency-key-reused")
    assert (await api.post(f"{path}/submit", {}, Idempotency_Key="once")).raw == first.raw
    problem(await api.patch(f"{path}/responses", {"unknown": 1}), 422, "invalid-fields")
    problem(await api.patch(f"{path}/responses", {"responses": []}), 409, "already-submitted")


async def test_ids_that_are_none_are_unknown(api: Api, path: str) -> None:
    real = path.rsplit("/", 1)[1]
    odd: list[Any] = [
        "1",
        "x" * 500,
        "%00",
        "%ED%A0%80",
        real[:-1],
        real.replace("-", ""),
        f"{{{real}}}",
        f"urn:uuid:{real}",
    ]
    for text in odd:
        problem(await api.get(f"/assessments/{text}"), 404, "not-found")
        problem(await api.get(f"/credentials/{text}"), 404, "not-found")
        problem(await api.get(f"/tracks/{text}"), 404, "not-found")
    assert (await api.get(f"/assessments/{real.upper()}")).body["assessment_id"] == real
