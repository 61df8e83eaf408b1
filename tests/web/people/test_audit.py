"""The audit log: read by admins, and everything that staff and API keys change is in it."""

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from app.repositories.sql import Pool
from app.services.results.fuse import FusionJob
from app.web.routes import ROUTES
from tests.api import Api, Reply
from tests.api_keys import new_api_key, with_key
from tests.appeals import appeal
from tests.bank import SLUG, Bank
from tests.scored_assessments import claimed_fusion, completed_assessment
from tests.web.catalog.test_tracks import TRACK
from tests.web.changes import OWNER_CHANGES, STAFF_CHANGES, World
from tests.web.problems import problem
from tests.webhooks import insert_delivery

WEBHOOK = {"webhook_url": "https://hooks.example/assay"}


def lines(raw: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in raw.splitlines()]


@pytest.fixture
def admin(api: Api) -> Api:
    return api.as_("admin")


async def test_the_log_says_who_changed_what_and_why(admin: Api, pool: Pool, bank: Bank) -> None:
    assessment_id = await completed_assessment(pool, bank)
    advisor = admin.as_("advisor", sub="grace")
    body = {"score": 0.5, "reason": '=Half of it, see "notes"'}
    assert (await advisor.put(f"/assessments/{assessment_id}/scores/{bank.ids['right']}/override", body)).status == 200
    assert (await admin.post("/tracks", TRACK)).status == 201
    reply = await admin.get("/audit")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/x-ndjson; charset=utf-8")
    overridden, created = lines(reply.raw)
    assert overridden.items() >= {
        "actor": "grace", "action": "override", "entity": "score", "key": f"{assessment_id}/{bank.ids['right']}",
        "reason": body["reason"],
    }.items()  # fmt: skip
    assert (created["actor"], created["key"], created["reason"], created["after"]["name"]) == (
        "admin-1", "beekeeper", None, "Beekeeper",
    )  # fmt: skip
    as_csv = await admin.get("/audit?format=csv")
    assert as_csv.headers["Content-Type"] == "text/csv; charset=utf-8"
    first, second, third = csv.DictReader(io.StringIO(as_csv.raw.decode(), newline=""))
    assert (third["action"], third["entity"]) == ("export", "audit_log")
    assert first["reason"] == f"'{body['reason']}"
    assert json.loads(second["after"]) == created["after"]


async def test_the_log_is_filtered_by_actor_thing_and_period(admin: Api, pool: Pool) -> None:
    await pool.executemany(
        "INSERT INTO audit_log (actor, action, entity, key, at) VALUES ($1, 'update', $2, $3, $4::text::timestamptz)",
        [("ada", "track", "a", "2026-01-01T12:00Z"), ("ada\thttps://idp.example", "question", "b", "2026-01-02T12:00Z"),
         ("adam", "track", "b", "2026-01-03T12:00Z")],
    )  # fmt: skip
    for query, keys in (
        ("", "abb"), ("actor=ada", "ab"), ("actor=adam", "b"), ("entity=track", "ab"), ("key=b", "bb"),
        ("from=2026-01-02&to=2026-02-01", "bb"), ("to=2026-01-02", "ab"), ("from=2026-01-02&to=2026-01-02", "b"),
        ("actor=ada&entity=question&from=2026-01-02T12:00:00Z&to=2026-01-02T12:00:01Z", "b"), ("actor=nobody", ""),
    ):  # fmt: skip
        assert "".join(line["key"] for line in lines((await admin.get(f"/audit?{query}")).raw)) == keys, query
    assert [line["actor"] for line in lines((await admin.get("/audit?entity=question")).raw)] == ["ada"]
    for query in ("entity=x", "from=x", "from=2026-01-02&to=2025-12-31", "format=xml", "actor=%00"):
        problem(await admin.get(f"/audit?{query}"), 400, "bad-query")


async def test_an_export_of_the_log_is_in_the_next_one(admin: Api, pool: Pool) -> None:
    assert lines((await admin.get("/audit")).raw) == []
    (exported,) = lines((await admin.get("/audit?from=2026-01-01")).raw)
    assert (exported["actor"], exported["action"], exported["entity"]) == ("admin-1", "export", "audit_log")


async def test_a_long_log_is_streamed_in_pages(admin: Api, pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO audit_log (actor, action, entity, key) SELECT 'ada', 'update', 'track', n::text"
        " FROM generate_series(1, 2500) AS n"
    )
    assert [line["key"] for line in lines((await admin.get("/audit")).raw)] == [str(n) for n in range(1, 2501)]


def test_every_route_that_changes_something_is_tried() -> None:
    changing = {(route.method, route.path) for route in ROUTES if route.method != "GET"}
    assert changing == STAFF_CHANGES.keys() | OWNER_CHANGES


@pytest.mark.parametrize(("method", "template"), STAFF_CHANGES, ids=lambda text: text)
async def test_every_change_by_staff_is_in_the_log(
    admin: Api, pool: Pool, bank: Bank, method: str, template: str
) -> None:
    path = await World(pool, bank, admin).path(template)
    actor = admin.as_("admin", sub="grace")
    if (method, template) == ("DELETE", "/reviews/{assessment_id}/{question_id}/reserve"):
        assert (await actor.post(path, {})).status == 200
    before = await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'grace'")
    reply = await actor.send(method, path, STAFF_CHANGES[method, template])
    assert reply.status < 300, reply.raw
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE actor = 'grace'") >= before + 1


async def test_every_change_by_an_api_key_that_owns_assessments_is_in_the_log(api: Api, pool: Pool, bank: Bank) -> None:
    made = await new_api_key(pool, "student")
    key, actor = with_key(api, made.key), f"key:{made.record.key_id}"
    path = (await key.post("/assessments", {"track": SLUG})).headers["Location"]
    assessment_id = path.rsplit("/", 1)[1]
    steps: list[Callable[[], Awaitable[Any]]] = [
        lambda: key.patch(f"{path}/responses", {"responses": bank.answers(right="A")}),
        lambda: key.post(f"{path}/webhook", WEBHOOK),
        lambda: key.delete(f"{path}/webhook"),
        lambda: key.post(f"{path}/submit"),
        lambda: complete_and_appeal(key, pool, bank, UUID(assessment_id)),
    ]
    for step in steps:
        assert (await step()).status < 300
    rows = await pool.fetch("SELECT action, entity, key FROM audit_log WHERE actor = $1 ORDER BY id", actor)
    assert [(row["action"], row["entity"]) for row in rows] == [
        ("create", "assessment"), ("update", "assessment"), ("create", "webhook"), ("delete", "webhook"),
        ("submit", "assessment"), ("create", "appeal"),
    ]  # fmt: skip
    assert {row["key"] for row in rows[:-1]} == {assessment_id}
    assert rows[-1]["key"] == f"{assessment_id}/{bank.ids['essay']}"


async def complete_and_appeal(caller: Api, pool: Pool, bank: Bank, assessment_id: UUID) -> Reply:
    """Has the owner appeal the submitted assessment as soon as it has a result."""
    assert await FusionJob(pool).run(await claimed_fusion(pool, bank, assessment_id))
    return await appeal(caller, assessment_id, bank.ids["essay"])


async def test_what_students_do_is_not_in_the_log(api: Api, pool: Pool, bank: Bank, path: str) -> None:
    assert (await api.patch(f"{path}/responses", {"responses": bank.answers(right="A")})).status == 200
    assert (await api.post(f"{path}/webhook", WEBHOOK)).status == 201
    assert (await api.delete(f"{path}/webhook")).status == 204
    delivery_id = await insert_delivery(pool, UUID(path.rsplit("/", 1)[1]))
    assert (await api.post(f"{path}/webhook/deliveries/{delivery_id}/redeliver", {})).status == 202
    assert (await api.post(f"{path}/submit")).status == 202
    assert (await complete_and_appeal(api, pool, bank, UUID(path.rsplit("/", 1)[1]))).status == 201
    assert await pool.fetchval("SELECT count(*) FROM audit_log") == 0


async def test_a_change_that_is_refused_is_not_in_the_log(api: Api, pool: Pool, bank: Bank) -> None:
    made = await new_api_key(pool, "student")
    key = with_key(api, made.key)
    path = (await key.post("/assessments", {"track": SLUG})).headers["Location"]
    replies = await asyncio.gather(*(key.post(f"{path}/submit") for _ in range(5)))
    assert sorted(reply.status for reply in replies) == [202, 409, 409, 409, 409]
    assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'submit'") == 1
