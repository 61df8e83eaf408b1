"""Credentials: written by admins, read by all, with every version kept."""

from typing import Any
from uuid import uuid4

from app.domain.recommendation.credentials import CredentialBody
from app.repositories import credentials
from app.repositories.sql import Pool
from tests.api import Api
from tests.web.problems import invalid, problem

CREDENTIAL = {
    "title": "Hive Keeping",
    "provider": "Garden School",
    "url": "https://garden.example/hives",
    "level": "beginner",
    "skills": ["hives"],
    "description": "How to keep a hive. Where to put it.",
    "language": "en",
    "external_id": "hive-1",
}


async def create(api: Api, **changed: Any) -> str:
    """The path of a new credential."""
    return (await api.as_("admin").post("/credentials", CREDENTIAL | changed)).headers["Location"]


async def test_a_credential_is_created_and_read_by_all(api: Api) -> None:
    created = await api.as_("admin").post("/credentials", CREDENTIAL)
    assert created.status == 201
    known = {"credential_id": created.body["credential_id"], "version": 1, "sample": False}
    assert created.body == CREDENTIAL | known
    assert created.headers["Location"] == f"/credentials/{created.body['credential_id']}"
    for caller in (api, api.as_("advisor"), api.as_("admin")):
        assert (await caller.get(created.headers["Location"])).body == created.body
        assert (await caller.get("/credentials")).body == {"items": [created.body], "next_cursor": None}


async def test_each_invalid_field_is_pointed_at(api: Api) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"title": ""}, "/title"), ({"title": "t" * 301}, "/title"), ({"title": 1}, "/title"),
        ({"provider": ""}, "/provider"),
        ({"provider": "p" * 301}, "/provider"), ({"level": "expert"}, "/level"), ({"level": None}, "/level"),
        ({"url": "ftp://garden.example"}, "/url"), ({"url": "garden"}, "/url"),
        ({"url": "javascript:alert(1)"}, "/url"), ({"url": "https://a:b@garden.example"}, "/url"),
        ({"url": "https://["}, "/url"),
        ({"url": "https://"}, "/url"), ({"url": 7}, "/url"), ({"url": "https://garden.example/" + "a" * 2000}, "/url"),
        ({"skills": ["s"] * 51}, "/skills"), ({"skills": [""]}, "/skills/0"), ({"description": " "}, "/description"),
        ({"language": "English"}, "/language"), ({"language": "en-us"}, "/language"), ({"language": ""}, "/language"),
        ({"external_id": ""}, "/external_id"), ({"external_id": "\u200b"}, "/external_id"),
        ({"external_id": "i" * 201}, "/external_id"),
        ({"description": "d" * 10_001}, "/description"), ({"version": 3}, "/version"),
        ({"credential_id": "x"}, "/credential_id"),
    ]  # fmt: skip
    for changed, pointer in wrong:
        assert invalid(await api.as_("admin").post("/credentials", CREDENTIAL | changed)) == [pointer], changed
    lacking = {"title": "T"}
    pointers = invalid(await api.as_("admin").post("/credentials", lacking))
    assert sorted(pointers) == ["/provider"]
    assert (await api.get("/credentials")).body["items"] == []


async def test_a_skill_with_a_separator_is_pointed_at_and_one_that_was_stored_before_may_stay(
    api: Api, pool: Pool
) -> None:
    admin, wrong = api.as_("admin"), {"skills": ["bees", "hives, honey"]}
    assert invalid(await admin.post("/credentials", CREDENTIAL | wrong)) == ["/skills/1"]
    path = await create(api)
    assert invalid(await admin.patch(path, wrong)) == ["/skills/1"]
    stored = uuid4()
    async with pool.acquire() as conn:
        fields = CREDENTIAL | {"skills": ["hives, honey"], "external_id": None}
        await credentials.create(conn, stored, CredentialBody.model_validate(fields))
    assert (await admin.patch(f"/credentials/{stored}", {"title": "Hives"})).body["skills"] == ["hives, honey"]


async def test_only_title_and_provider_are_needed(api: Api, pool: Pool) -> None:
    created = await api.as_("admin").post("/credentials", {"title": "Bees. Honey", "provider": "Garden School"})
    assert created.status == 201
    empty: dict[str, Any] = {"url": "", "level": "any", "skills": [], "description": ""}
    assert created.body.items() >= (empty | {"language": None, "external_id": None}).items()
    passages = [row["text"] for row in await pool.fetch("SELECT text FROM passages")]
    assert passages == ["Bees. Honey"], "the title stands in for the description"
    patched = await api.as_("admin").patch(f"/credentials/{created.body['credential_id']}", {"description": "Both."})
    assert patched.body["version"] == 2
    assert await pool.fetchval("SELECT array_agg(text ORDER BY version) FROM passages") == ["Bees. Honey", "Both."]


async def test_an_external_id_belongs_to_one_active_credential(api: Api) -> None:
    path, admin = await create(api), api.as_("admin")
    problem(await admin.post("/credentials", CREDENTIAL | {"title": "Other"}), 409, "external-id-taken")
    other = await create(api, title="Other", external_id=None)
    problem(await admin.patch(other, {"external_id": "hive-1"}), 409, "external-id-taken")
    assert (await admin.patch(path, {"external_id": "hive-1", "title": "Hives"})).body["version"] == 2
    assert (await admin.delete(path)).status == 204
    assert (await admin.patch(other, {"external_id": "hive-1"})).body["external_id"] == "hive-1"
    assert (await api.get(path)).status == 404 and len((await api.get("/credentials")).body["items"]) == 1


async def test_a_credential_is_found_by_its_external_id(api: Api) -> None:
    path = await create(api, external_id="a/1 ö")
    await create(api, title="Other")
    found = (await api.get("/credentials?external_id=a/1%20%C3%B6")).body["items"]
    assert [f"/credentials/{item['credential_id']}" for item in found] == [path]
    assert (await api.get("/credentials?external_id=A/1")).body == {"items": [], "next_cursor": None}
    assert len((await api.get("/credentials")).body["items"]) == 2
    problem(await api.get("/credentials?external_id=%00"), 400, "bad-query")


async def test_every_version_stays_readable_even_after_a_delete(api: Api) -> None:
    path = await create(api)
    patched = await api.as_("admin").patch(path, {"title": "Hives", "description": "All about hives."})
    assert (patched.status, patched.body["version"], patched.body["title"]) == (200, 2, "Hives")
    assert (await api.get(path)).body == patched.body
    first = await api.get(f"{path}?version=1")
    assert first.body.items() >= (CREDENTIAL | {"version": 1}).items()
    assert (await api.as_("admin").delete(path)).status == 204
    problem(await api.get(path), 404, "not-found")
    assert (await api.get(f"{path}?version=1")).body == first.body
    assert (await api.get(f"{path}?version=2")).body == patched.body
    for reply in (await api.as_("admin").patch(path, {}), await api.as_("admin").delete(path)):
        problem(reply, 404, "not-found")
    assert (await api.get("/credentials")).body["items"] == []


async def test_invalid_and_unknown_versions(api: Api) -> None:
    path = await create(api)
    problem(await api.get(f"{path}?version=2"), 404, "not-found")
    problem(await api.get(f"{path}?version=2147483647"), 404, "not-found")
    for text in ("0", "-1", "1.0", "one", "", "2147483648", "9" * 5000, "%D9%A1", "1%00", "+1"):
        problem(await api.get(f"{path}?version={text}"), 400, "bad-query")


async def test_an_invalid_patch_writes_nothing(api: Api) -> None:
    path = await create(api)
    for changes, pointer in (
        ({"level": "expert"}, "/level"),
        ({"title": None}, "/title"),
        ({"version": 9}, "/version"),
    ):
        assert invalid(await api.as_("admin").patch(path, changes)) == [pointer]
    assert (await api.get(path)).body["version"] == 1


async def test_passages_are_cut_out_of_each_version(api: Api, pool: Pool) -> None:
    await api.as_("admin").patch(await create(api, description="🐝 One. Two."), {"description": "Three."})
    kept = await pool.fetchval(
        "SELECT bool_and(substr(v.description, p.starts_at + 1, p.ends_at - p.starts_at) = p.text)"
        " FROM passages p JOIN credential_versions v USING (credential_id, version)"
    )
    assert kept is True
    assert await pool.fetchval("SELECT array_agg(DISTINCT version ORDER BY version) FROM passages") == [1, 2]


async def test_each_write_leaves_an_audit_row(api: Api, pool: Pool) -> None:
    path = await create(api)
    await api.as_("admin").patch(path, {"title": "Hives"})
    await api.as_("admin").delete(path)
    rows = await pool.fetch("SELECT actor, action, entity, key, after ->> 'title' FROM audit_log ORDER BY id")
    expected = [("create", "Hive Keeping"), ("update", "Hives"), ("delete", None)]
    key = path.rsplit("/", 1)[1]
    assert [tuple(row) for row in rows] == [("admin-1", did, "credential", key, after) for did, after in expected]
