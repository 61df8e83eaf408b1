"""Who may do what: every route, every kind of caller, things that exist and things that don't."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.domain.states import JobType
from app.pages.routes import ROUTES as PAGE_ROUTES
from app.repositories.sql import Pool
from app.services.erasure import request_erasure
from app.web.route import Route
from app.web.routes import ROUTES
from tests.api import Api, Reply
from tests.api_keys import new_api_key
from tests.appeals import insert_appeal
from tests.bank import SLUG, Bank
from tests.job_runner import job_id, submit
from tests.subscriptions import insert_subscription_delivery, new_subscription
from tests.web.problems import problem
from tests.web.roles_of_routes import ALLOWED, PUBLIC
from tests.webhooks import insert_delivery

DOCS_ASSET = "/docs/{name:docs\\.js|swagger-ui-bundle\\.js|swagger-ui\\.css}"
# Pages have a test of their own; their styles and scripts are the same for everybody.
PAGE_PATHS = {route.path for route in PAGE_ROUTES} | {"/dashboard/assets/{version}/{name}", "/favicon.ico"}
WRITES = ("POST", "PUT", "PATCH")
GUARDED = [route for route in ROUTES if not route.access.public]


@dataclass(frozen=True)
class Ids:
    """What stands in paths, by the names of path parameters."""

    slug: str
    question_id: str
    credential_id: str
    assessment_id: str
    job_id: str
    delivery_id: str
    subscription_id: str
    subscription_delivery_id: str
    key_id: str
    erasure_id: str
    appeal_id: str
    sub: str

    def path(self, route: Route) -> str:
        """The route's path to them."""
        return self._template(route).format(**vars(self))

    def with_one_unknown(self, route: Route) -> list["Ids"]:
        """These ids with each one of the route's path parameters replaced by an unknown id. Not `sub`: everybody but
        admins gets 403 for any, so that nobody else learns who is stored."""
        return [
            replace(self, **{name: str(uuid4())})
            for name in vars(self)
            if f"{{{name}}}" in self._template(route) and name != "sub"
        ]

    @staticmethod
    def _template(route: Route) -> str:
        """The route's path, in which deliveries to an assessment and to a subscription have names of their own."""
        of_subscription = route.path.startswith("/webhooks/")
        return route.path.replace("{delivery_id}", "{subscription_delivery_id}") if of_subscription else route.path


@pytest.fixture
async def ids(path: str, bank: Bank, pool: Pool) -> Ids:
    """Something of each kind; the assessment belongs to `student-1`."""
    credential = await pool.fetchval("SELECT id FROM credentials LIMIT 1")
    job = await job_id(pool, await submit(pool, bank, "student-3"), JobType.GPT)
    assessment_id = path.rsplit("/", 1)[1]
    delivery = await insert_delivery(pool, UUID(assessment_id))
    subscription = await new_subscription(pool)
    delivery_to_subscription = await insert_subscription_delivery(pool, UUID(assessment_id), subscription)
    key = (await new_api_key(pool, "student")).record.key_id
    erasure = (await request_erasure(pool, "admin-1", "student-3")).erasure_id
    return Ids(
        SLUG,
        str(bank.ids["right"]),
        str(credential),
        assessment_id,
        str(job),
        str(delivery),
        str(subscription),
        str(delivery_to_subscription),
        str(key),
        str(erasure),
        str(await insert_appeal(pool, UUID(assessment_id), bank.ids["right"])),
        "student-3",
    )


def callers(api: Api) -> dict[str, Api]:
    """A caller of each kind that has a valid token; nobody knows the role `teacher`."""
    return {
        "owner": api,
        "other": api.as_("student", sub="student-2"),
        "advisor": api.as_("advisor"),
        "author": api.as_("author"),
        "admin": api.as_("admin"),
        "without a known role": api.as_("teacher"),
    }


async def send(caller: Api, route: Route, path: str) -> Reply:
    """The answer to a request that changes nothing, since its body is refused; of a stream only the beginning."""
    body = {"unknown": 1} if route.method in WRITES else None
    if not route.path.endswith("/events"):
        return await caller.send(route.method, path, body)
    async with caller.client.get(path, headers={"Authorization": caller.bearer}) as answer:
        return Reply(answer.status, answer.headers, b"" if answer.status == 200 else await answer.read())


def test_the_contracts_table_has_every_route() -> None:
    assert {(route.method, route.path) for route in GUARDED} == set(ALLOWED)
    assert {route.path for route in ROUTES if route.access.public} == PUBLIC | {DOCS_ASSET}


async def test_nothing_is_served_that_is_not_in_the_table(api: Api) -> None:
    served = {(route.method, route.resource.canonical) for route in api.client.app.router.routes()}
    table = {(method, route.path) for route in ROUTES for method in {route.method, *["HEAD"] * (route.method == "GET")}}
    pages = {(method, path) for method, path in served if path in PAGE_PATHS}
    assert served - pages == {(method, path.replace(DOCS_ASSET, "/docs/{name}")) for method, path in table}


async def test_each_kind_of_caller_may_do_what_the_table_says_and_nothing_else(api: Api, ids: Ids) -> None:
    allowed: dict[tuple[str, str], set[str]] = {}
    for route in GUARDED:
        may = allowed.setdefault((route.method, route.path), set())
        for name, caller in callers(api).items():
            if route.method == "DELETE" and name in ALLOWED[route.method, route.path]:
                # Another test deletes.
                may.add(name)
                continue
            reply = await send(caller, route, ids.path(route))
            if reply.status == 403:
                problem(reply, 403, "forbidden")
            else:
                assert reply.status in (200, 409, 422), (route, name, reply.raw)
                may.add(name)
    assert allowed == ALLOWED


async def test_an_unknown_id_is_404_for_callers_who_are_refused_too(api: Api, ids: Ids) -> None:
    for route in GUARDED:
        for unknown in ids.with_one_unknown(route):
            for caller in callers(api).values():
                problem(await send(caller, route, unknown.path(route)), 404, "not-found")


async def test_every_route_but_the_public_ones_needs_a_valid_token(api: Api, ids: Ids) -> None:
    for route in GUARDED:
        for known_or_not in (ids, *ids.with_one_unknown(route)):
            for authorization in ("", f"{api.bearer}x"):
                headers = {"Authorization": authorization}
                reply = await api.send_raw(route.method, known_or_not.path(route), b"{", headers)
                problem(reply, 401, "unauthenticated")
                assert "WWW-Authenticate" in reply.headers


async def test_public_routes_need_no_token_and_look_at_none(api: Api) -> None:
    for path in (*PUBLIC, "/docs/docs.js"):
        for authorization in ("", "Bearer x", api.as_("teacher").bearer):
            assert (await api.send_raw("GET", path, None, {"Authorization": authorization})).status == 200


async def test_an_admin_may_delete(api: Api, ids: Ids) -> None:
    admin = api.as_("admin")
    deletes = [route for route in GUARDED if route.method == "DELETE" and "admin" in ALLOWED["DELETE", route.path]]
    statuses = {202 if route.path.startswith("/people/") else 204 for route in deletes}
    assert {(await admin.delete(ids.path(route))).status for route in deletes} == statuses
    for route in deletes:
        reply = await admin.delete(ids.path(route))
        if route.path.endswith("/reserve"):
            # Nothing of the assessment is deleted, so the path leads there as before.
            assert reply.status == 204
        elif route.path.startswith("/people/"):
            # The erasure is pending.
            assert reply.status == 202
        else:
            problem(reply, 404, "not-found")


async def test_an_owner_may_remove_a_webhook(api: Api, ids: Ids) -> None:
    assert (await api.delete(f"/assessments/{ids.assessment_id}/webhook")).status == 204


async def test_several_roles_add_up(api: Api, path: str) -> None:
    both = api.as_("student", "admin", sub="both")
    started = await both.post("/assessments", {"track": SLUG})
    assert started.status == 201
    assert (await both.get("/questions")).status == 200
    assert (await both.patch(f"{started.headers['Location']}/responses", {"responses": []})).status == 200
    problem(await both.patch(f"{path}/responses", {"responses": []}), 403, "forbidden")


async def test_only_staff_may_filter_by_what_needs_a_review(api: Api, path: str) -> None:
    problem(await api.get("/assessments?needs_review=true"), 403, "forbidden")
    assert (await api.as_("advisor").get("/assessments?needs_review=true")).status == 200
    assert (await api.as_("student", "admin", sub="both").get("/assessments?needs_review=false")).status == 200


async def test_permission_is_checked_before_the_body_and_the_idempotency_key(api: Api, ids: Ids) -> None:
    headers = {"Content-Type": "text/plain", "Idempotency-Key": '"'}
    for route in GUARDED:
        for name, caller in callers(api).items():
            if route.method in WRITES and name not in ALLOWED[route.method, route.path]:
                problem(await caller.send_raw(route.method, ids.path(route), b"{", headers), 403, "forbidden")


async def test_malformed_ids_are_unknown(api: Api, path: str) -> None:
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
