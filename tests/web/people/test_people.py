"""People over HTTP: exporting and erasing one."""

from pathlib import Path
from urllib.parse import quote

import pytest

from app.clients.redis import job_queue
from app.clients.redis.job_queue import JobQueue
from app.repositories.sql import Pool
from app.services import erasure
from tests.api import Api
from tests.bank import SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, SLUG, Bank
from tests.fakes.tokens.identity_provider import AUDIENCE, ISSUER, identity_provider, rsa_key
from tests.scored_assessments import completed_assessment
from tests.services.test_erasure import NOT_OF_PEOPLE, TABLES
from tests.web.conftest import Serve
from tests.web.people.test_principals import with_token
from tests.web.problems import problem

# What a path must not take apart or read in another way.
ODD = "a/b c?d#e%2F@é.example"


@pytest.fixture
def admin(api: Api) -> Api:
    return api.as_("admin")


async def work(pool: Pool, redis_url: str) -> None:
    """Does what the workers do."""
    redis = job_queue.connect(redis_url)
    while await erasure.erase_next(pool, JobQueue(redis)):
        pass
    await redis.aclose()


@pytest.mark.parametrize("sub", ["ada", ODD])
async def test_an_erasure_has_a_receipt(admin: Api, pool: Pool, bank: Bank, redis_url: str, sub: str) -> None:
    await completed_assessment(pool, bank, sub)
    kept = await completed_assessment(pool, bank, "student-2")
    path = f"/people/{quote(sub, safe='')}"
    requested = await admin.delete(path)
    assert (requested.status, requested.body["status"]) == (202, "pending")
    location = requested.headers["Location"]
    assert location == f"/erasures/{requested.body['erasure_id']}"
    assert (await admin.delete(path)).headers["Location"] == location
    assert (await admin.get(location)).body["completed_at"] is None
    await work(pool, redis_url)
    receipt = await admin.get(location)
    assert (receipt.status, receipt.body["status"], receipt.body["counts"]["assessments"]) == (200, "completed", 1)
    assert receipt.body["sent_to_models"] == []
    problem(await admin.delete(path), 404, "not-found")
    problem(await admin.get(f"{path}/export"), 404, "not-found")
    assert [row["id"] for row in await pool.fetch("SELECT id FROM assessments")] == [kept]


async def test_an_export_has_what_is_stored_of_the_person_and_of_nobody_else(api: Api, pool: Pool, bank: Bank) -> None:
    ids = {str(await completed_assessment(pool, bank, ODD)) for _ in range(2)}
    await completed_assessment(pool, bank, "student-2")
    await pool.execute("UPDATE tracks SET show_correct = 'never'")
    exported = await api.as_("admin").get(f"/people/{quote(ODD, safe='')}/export")
    own = await api.as_("student", sub=ODD).get("/me/export")
    for reply in (exported, own):
        assert (reply.status, reply.body["sub"], reply.body["issuer"]) == (200, ODD, None)
        assert {line["assessment_id"] for line in reply.body["assessments"]} == ids
        assert all(len(line["responses"]) == 10 and line["results"] for line in reply.body["assessments"])
        assert b"student-2" not in reply.raw
    # What the track withholds from students is in the admin's alone, and keys and model answers are in none.
    corrects = [
        {score["correct"] for line in reply.body["assessments"] for score in line["scores"]}
        for reply in (exported, own)
    ]
    assert True in corrects[0]
    assert corrects[1] == {None}
    for secret in (SECRET_MODEL_ANSWER, SECRET_RUBRIC, SECRET_EXPLANATION):
        assert secret.encode() not in exported.raw + own.raw


async def test_a_person_is_erased_with_their_issuer_alone(serve: Serve, pool: Pool, bank: Bank, redis_url: str) -> None:
    async with identity_provider(rsa_key().public()) as provider:
        api = await serve(jwt_secret=None, jwt_jwks_url=provider.url, jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
        student = with_token(api, ISSUER, "ada", "student")
        admin = with_token(api, ISSUER, "root", "admin")
        assert (await student.post("/assessments", {"track": SLUG})).status == 201
        await completed_assessment(pool, bank, "ada")
        exported = await admin.get("/people/ada/export")
        assert (exported.body["sub"], exported.body["issuer"]) == ("ada", ISSUER)
        assert b'"key":"ada"' in (await admin.get("/audit?entity=person&key=ada")).raw
        assert (await admin.delete("/people/ada")).status == 202
        await work(pool, redis_url)
        assert [row["owner"] for row in await pool.fetch("SELECT owner FROM assessments")] == ["ada"]
        assert (await admin.get("/people/ada/export")).status == 404
        assert (await admin.get("/people/ada/export?issuer=")).status == 200
        assert (await admin.delete("/people/ada?issuer=")).status == 202
        await work(pool, redis_url)
        assert await pool.fetchval("SELECT count(*) FROM assessments") == 0


async def test_a_person_of_whom_nothing_is_stored_is_unknown(admin: Api, pool: Pool) -> None:
    for sub in ("nobody", quote(ODD, safe=""), "a%09b", "%00"):
        problem(await admin.delete(f"/people/{sub}"), 404, "not-found")
        problem(await admin.get(f"/people/{sub}/export"), 404, "not-found")
    own = await admin.as_("student", sub="nobody").get("/me/export")
    assert (own.status, own.body["assessments"], own.body["stored"]["audit_log"]) == (200, [], [])
    assert (
        await pool.fetchval("SELECT count(*) FROM audit_log") + await pool.fetchval("SELECT count(*) FROM erasures")
        == 0
    )


async def test_the_log_says_who_exported_whom(admin: Api, pool: Pool, bank: Bank, redis_url: str) -> None:
    await completed_assessment(pool, bank, "ada")
    await admin.as_("student", sub="ada").get("/me/export")
    exported = await admin.get("/people/ada/export")
    assert len(exported.body["stored"]["exported_by_staff"]) == 1
    rows = await pool.fetch("SELECT actor, action, entity, key FROM audit_log")
    assert [tuple(row) for row in rows] == [("admin-1", "export", "person", "ada")]
    assert (await admin.delete("/people/ada")).status == 202
    assert (await admin.get("/people/ada/export")).body["stored"]["erasure_requested_at"]
    await work(pool, redis_url)
    keys = [row["key"] for row in await pool.fetch("SELECT key FROM audit_log WHERE action = 'export'")]
    assert len(keys) == 2 and keys[0] == keys[1] and keys[0].startswith("erased-")


async def test_nobody_but_admins_learns_who_is_stored(api: Api, pool: Pool, bank: Bank) -> None:
    await completed_assessment(pool, bank, "ada")
    for role in ("student", "advisor", "author"):
        for sub in ("ada", "nobody"):
            problem(await api.as_(role).delete(f"/people/{sub}"), 403, "forbidden")


async def test_the_guide_names_every_table_of_people(pool: Pool) -> None:
    text = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text("utf-8")
    tables = {row["relname"] for row in await pool.fetch(TABLES) if "yoyo" not in row["relname"]}
    assert len(tables) > 20
    assert {table for table in tables - NOT_OF_PEOPLE if f"`{table}`" not in text} == set()
