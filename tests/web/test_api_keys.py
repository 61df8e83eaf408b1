"""API keys over HTTP: made, listed, used, rotated, revoked; who may, and what is never shown."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain.api_key import PATTERN, hash_of
from app.repositories.sql import Pool
from tests.api import Api, Reply
from tests.api_keys import new_api_key, with_key
from tests.bank import SLUG, Bank
from tests.web.problems import problem

BODY = {"name": "Learning platform", "roles": ["advisor"], "expires_in_days": 90}


@pytest.fixture
def admin(api: Api) -> Api:
    """An admin with a token."""
    return api.as_("admin")


async def make(admin: Api, **changed: Any) -> dict[str, Any]:
    """The answer to making a key."""
    reply = await admin.post("/api-keys", BODY | changed)
    assert reply.status == 201, reply.raw
    body: dict[str, Any] = reply.body
    return body


def seconds_left(body: dict[str, Any]) -> float:
    """Seconds until the key expires."""
    return (datetime.fromisoformat(body["expires_at"]) - datetime.now(UTC)).total_seconds()


async def test_a_key_is_made_and_lets_its_holder_in_with_its_roles(admin: Api, bank: Bank) -> None:
    made = await admin.post("/api-keys", BODY)
    assert (made.status, made.headers["Cache-Control"]) == (201, "no-store")
    body = made.body
    assert made.headers["Location"] == f"/api-keys/{body['key_id']}"
    assert body["key"].startswith(f"assay_{body['key_id']}_") and re.fullmatch(PATTERN, body["key"])
    assert (body["name"], body["roles"], body["created_by"]) == (BODY["name"], ["advisor"], "admin-1")
    assert (body["last_used_at"], body["replaced_by"]) == (None, None)
    assert seconds_left(body) == pytest.approx(90 * 86_400, abs=60)
    holder = with_key(admin, body["key"])
    assert (await holder.get("/questions")).status == 200
    problem(await holder.post("/tracks", {}), 403, "forbidden")


async def test_a_key_is_a_caller_of_its_own(admin: Api, bank: Bank, pool: Pool) -> None:
    made = await make(admin, roles=["student", "admin"])
    holder = with_key(admin, made["key"])
    started = await holder.post("/assessments", {"track": SLUG})
    assert started.status == 201
    assert await pool.fetchval("SELECT owner FROM assessments") == f"key:{made['key_id']}"
    assert (await holder.delete(f"/tracks/{SLUG}")).status == 204
    assert await pool.fetchval("SELECT actor FROM audit_log WHERE entity = 'track'") == f"key:{made['key_id']}"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", " "), ("name", "a\nb"), ("name", "\u3164"), ("name", "x" * 301), ("name", 1),
        ("name", None), ("roles", []), ("roles", "admin"), ("roles", ["king"]), ("roles", ["admin", 1]),
        ("roles", ["admin"] * 11), ("expires_in_days", 0), ("expires_in_days", -1), ("expires_in_days", 1e-300),
        ("expires_in_days", 3651), ("expires_in_days", 1e300), ("expires_in_days", "90"), ("expires_in_days", True),
        ("expires_in_days", None), ("key_id", "x"), ("secret", "x"),
    ],
)  # fmt: skip
async def test_a_wrong_body_is_refused_and_makes_nothing(admin: Api, pool: Pool, field: str, value: Any) -> None:
    refused = problem(await admin.post("/api-keys", BODY | {field: value}), 422, "invalid-fields")
    assert refused["errors"][0]["pointer"].startswith(f"/{field}")
    assert await pool.fetchval("SELECT count(*) FROM api_keys") == 0


@pytest.mark.parametrize("field", BODY)
async def test_every_field_is_needed(admin: Api, field: str) -> None:
    body = {name: value for name, value in BODY.items() if name != field}
    refused = problem(await admin.post("/api-keys", body), 422, "invalid-fields")
    assert refused["errors"][0]["pointer"] == f"/{field}"


@pytest.mark.parametrize("overlap", [-1, 2_592_001, 1.5, "60", None, True])
async def test_a_wrong_overlap_is_refused_and_changes_nothing(admin: Api, pool: Pool, overlap: Any) -> None:
    made = await make(admin)
    rotate = f"/api-keys/{made['key_id']}/rotate"
    for body in ({"overlap_seconds": overlap}, {}, {"overlap_seconds": 0, "name": "x"}):
        problem(await admin.post(rotate, body), 422, "invalid-fields")
    assert await pool.fetchval("SELECT count(*) FROM api_keys") == 1


async def test_no_answer_but_the_first_and_no_row_shows_the_key_or_its_hash(admin: Api, pool: Pool) -> None:
    made = await make(admin)
    rotated = (await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 60})).body
    keys = [made["key"], rotated["key"]]
    assert (await with_key(admin, made["key"]).get("/tracks")).status == 200
    listed, shown = await admin.get("/api-keys"), await admin.get(f"/api-keys/{made['key_id']}")
    assert {item["key_id"] for item in listed.body["items"]} == {made["key_id"], rotated["key_id"]}
    assert listed.body["items"][0].keys() == shown.body.keys() == made.keys() - {"key"}
    audit = await pool.fetchval("SELECT json_agg(l)::text FROM audit_log l")
    stored = await pool.fetchval("SELECT json_agg(k)::text FROM api_keys k")
    for key in keys:
        secret = key.rsplit("_", 1)[1][:64]
        for text in (listed.raw.decode(), shown.raw.decode(), audit, stored):
            assert secret not in text
        for text in (listed.raw.decode(), shown.raw.decode(), audit):
            assert hash_of(key).hex() not in text


async def test_keys_are_listed_newest_first_in_pages(admin: Api) -> None:
    made = [(await make(admin, name=f"key {number}"))["key_id"] for number in range(5)]
    pages: list[list[str]] = []
    query = "?limit=2"
    while query:
        page = (await admin.get(f"/api-keys{query}")).body
        pages.append([item["key_id"] for item in page["items"]])
        query = f"?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [key_id for page in pages for key_id in page] == made[::-1]
    problem(await admin.get("/api-keys?cursor=x"), 400, "bad-query")
    problem(await admin.get("/api-keys?limit=0"), 400, "bad-query")


async def test_a_revoked_key_is_refused_at_once_and_gone(admin: Api) -> None:
    made = await make(admin)
    holder = with_key(admin, made["key"])
    assert (await holder.get("/tracks")).status == 200
    path = f"/api-keys/{made['key_id']}"
    deleted = await admin.delete(path)
    assert (deleted.status, deleted.raw) == (204, b"")
    problem(await holder.get("/tracks"), 401, "unauthenticated")
    problem(await admin.delete(path), 404, "not-found")
    problem(await admin.get(path), 404, "not-found")
    problem(await admin.post(f"{path}/rotate", {"overlap_seconds": 0}), 404, "not-found")
    assert (await admin.get("/api-keys")).body["items"] == []


async def test_a_key_expires_to_the_second(admin: Api) -> None:
    made = await make(admin, expires_in_days=2 / 86_400)
    holder = with_key(admin, made["key"])
    end = datetime.fromisoformat(made["expires_at"]).timestamp()
    answers: list[tuple[float, int, float]] = []
    while time.time() < end + 0.5:
        began, reply = time.time(), await holder.get("/tracks")
        answers.append((began, reply.status, time.time()))
        await asyncio.sleep(0.02)
    assert {status for began, status, _ in answers if began >= end} == {401}
    assert {status for _, status, ended in answers if ended < end} <= {200}
    assert (await admin.get("/api-keys")).body["items"][0]["key_id"] == made["key_id"]


async def test_after_a_rotation_both_keys_are_valid_for_the_overlap(admin: Api) -> None:
    made = await make(admin)
    rotated = await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 2})
    new = rotated.body
    assert rotated.status == 201 and rotated.headers["Location"] == f"/api-keys/{new['key_id']}"
    assert new["key_id"] != made["key_id"] and new["key"] != made["key"]
    assert [new[name] for name in ("name", "roles")] == [made[name] for name in ("name", "roles")]
    assert seconds_left(new) == pytest.approx(90 * 86_400, abs=60)
    replaced = (await admin.get(f"/api-keys/{made['key_id']}")).body
    assert replaced["replaced_by"] == new["key_id"]
    end = datetime.fromisoformat(replaced["expires_at"]).timestamp()
    old_holder, new_holder = with_key(admin, made["key"]), with_key(admin, new["key"])
    assert [(await holder.get("/questions")).status for holder in (old_holder, new_holder)] == [200, 200]
    await asyncio.sleep(max(0.0, end - time.time()) + 0.01)
    problem(await old_holder.get("/questions"), 401, "unauthenticated")
    assert (await new_holder.get("/questions")).status == 200


async def test_a_rotation_never_makes_the_old_key_last_longer(admin: Api) -> None:
    made = await make(admin, expires_in_days=1)
    await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 2_592_000})
    assert (await admin.get(f"/api-keys/{made['key_id']}")).body["expires_at"] == made["expires_at"]
    await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 0})
    again = await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 600})
    assert seconds_left((await admin.get(f"/api-keys/{made['key_id']}")).body) <= 0
    # Whoever has lost the answer to a rotation repeats it.
    assert seconds_left(again.body) == pytest.approx(86_400, abs=60)


async def test_without_overlap_the_old_key_ends_at_once(admin: Api) -> None:
    made = await make(admin)
    holder = with_key(admin, made["key"])
    assert (await holder.get("/questions")).status == 200
    await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 0})
    problem(await holder.get("/questions"), 401, "unauthenticated")


async def test_a_key_of_an_admin_makes_no_key_that_outlives_it(admin: Api, pool: Pool) -> None:
    made = await new_api_key(pool, "admin", lifetime=timedelta(hours=1))
    holder = with_key(admin, made.key)
    refused = problem(await holder.post("/api-keys", BODY), 422, "invalid-fields")
    assert refused["errors"][0]["pointer"] == "/expires_in_days"
    other = await make(holder, roles=["student"], expires_in_days=1 / 48)
    assert other["created_by"] == f"key:{made.record.key_id}"
    # Not by rotating itself, or a long-lived one, either.
    long = await make(admin)
    for key_id in (made.record.key_id, long["key_id"]):
        rotated = await holder.post(f"/api-keys/{key_id}/rotate", {"overlap_seconds": 600})
        assert rotated.status == 201 and seconds_left(rotated.body) <= 3600
    # A person's rotation restores the lifetime.
    again = await admin.post(f"/api-keys/{rotated.body['key_id']}/rotate", {"overlap_seconds": 0})
    assert seconds_left(again.body) == pytest.approx(90 * 86_400, abs=60)


async def test_a_key_may_revoke_itself(admin: Api, pool: Pool) -> None:
    made = await new_api_key(pool, "admin")
    holder = with_key(admin, made.key)
    assert (await holder.delete(f"/api-keys/{made.record.key_id}")).status == 204
    problem(await holder.get("/api-keys"), 401, "unauthenticated")


async def test_every_change_is_audited(admin: Api, pool: Pool) -> None:
    made = await make(admin)
    new = (await admin.post(f"/api-keys/{made['key_id']}/rotate", {"overlap_seconds": 60})).body
    await admin.delete(f"/api-keys/{made['key_id']}")
    rows = await pool.fetch("SELECT actor, action, key, after FROM audit_log WHERE entity = 'api_key' ORDER BY id")
    assert [(row["actor"], row["action"], row["key"]) for row in rows] == [
        ("admin-1", "create", made["key_id"]),
        ("admin-1", "create", new["key_id"]),
        ("admin-1", "rotate", made["key_id"]),
        ("admin-1", "revoke", made["key_id"]),
    ]
    assert rows[2]["after"]["replaced_by"] == new["key_id"] and rows[3]["after"]["revoked_at"]


async def test_an_idempotency_key_is_not_taken_since_the_answer_is_not_stored(admin: Api, pool: Pool) -> None:
    replies: list[Reply] = [await admin.post("/api-keys", BODY, Idempotency_Key="once") for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].body["key"] != replies[1].body["key"]
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0
