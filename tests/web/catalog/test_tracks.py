"""Tracks: written by admins, read by all."""

from typing import Any

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG
from tests.web.problems import invalid, problem

TRACK = {
    "slug": "beekeeper",
    "name": "Beekeeper",
    "description": "Keeps bees.",
    "skills": ["hives", "honey"],
    "question_mix": {"theoretical": 1, "profile": 2, "essay": 0},
    "attempts": 3,
    "retake_after_hours": 24,
    "show_correct": "last_attempt",
    "show_explanations": False,
}
DEFAULTS: dict[str, Any] = {
    "description": "",
    "skills": [],
    "attempts": None,
    "retake_after_hours": 0,
    "show_correct": "always",
    "show_explanations": True,
    "sample": False,
}


def track(**changed: Any) -> dict[str, Any]:
    """A valid body with some fields changed."""
    return TRACK | changed


async def test_a_track_is_created_and_read_by_all(api: Api) -> None:
    created = await api.as_("admin").post("/tracks", TRACK)
    assert (created.status, created.headers["Location"]) == (201, "/tracks/beekeeper")
    assert created.body == TRACK | {"sample": False}
    for caller in (api, api.as_("advisor"), api.as_("admin")):
        read = await caller.get("/tracks/beekeeper")
        assert (read.status, read.body) == (200, created.body)
    assert (await api.get("/tracks")).body == {"items": [created.body], "next_cursor": None}


async def test_optional_fields_have_defaults(api: Api) -> None:
    least = {"slug": "a", "name": "A", "question_mix": {"essay": 1}}
    created = await api.as_("admin").post("/tracks", least)
    mix = {"theoretical": 0, "profile": 0, "essay": 1}
    assert created.body == least | DEFAULTS | {"question_mix": mix}


async def test_the_longest_fields_are_accepted(api: Api) -> None:
    most = track(slug="a" * 64, name="ü" * 300, description="🐝" * 10_000, skills=["s" * 64] * 50)
    created = await api.as_("admin").post("/tracks", most)
    assert (created.status, created.body["description"]) == (201, "🐝" * 10_000)


async def test_each_invalid_field_is_pointed_at(api: Api) -> None:
    wrong: list[tuple[Any, str]] = [
        (track(slug="a" * 65), "/slug"), (track(slug="Bee"), "/slug"), (track(slug=""), "/slug"),
        (track(slug="a b"), "/slug"),
        (track(slug="a\n"), "/slug"), (track(slug=1), "/slug"), (track(slug=None), "/slug"),
        (track(slug="a/b"), "/slug"),
        (track(name=""), "/name"), (track(name="n" * 301), "/name"), (track(name=[]), "/name"),
        (track(description="d" * 10_001), "/description"), (track(description=None), "/description"),
        (track(skills="hives"), "/skills"), (track(skills=["s"] * 51), "/skills"),
        (track(skills=["s" * 65]), "/skills/0"),
        (track(skills=["s", ""]), "/skills/1"), (track(skills=["s", 1]), "/skills/1"), (track(skills={}), "/skills"),
        (track(question_mix={}), "/question_mix"), (track(question_mix=3), "/question_mix"),
        (track(question_mix={"essay": 0}), "/question_mix"), (track(question_mix={"essay": -1}), "/question_mix/essay"),
        (track(question_mix={"essay": 101}), "/question_mix/essay"),
        (track(question_mix={"essay": 1.5}), "/question_mix/essay"),
        (track(question_mix={"essay": "1"}), "/question_mix/essay"),
        (track(question_mix={"essay": True}), "/question_mix/essay"),
        (track(question_mix={"essay": 1, "oral": 1}), "/question_mix/oral"),
        (track(attempts=0), "/attempts"), (track(attempts=1.5), "/attempts"), (track(attempts="3"), "/attempts"),
        (track(attempts=1001), "/attempts"), (track(attempts=True), "/attempts"),
        (track(retake_after_hours=-0.1), "/retake_after_hours"),
        (track(retake_after_hours=None), "/retake_after_hours"),
        (track(retake_after_hours=8785), "/retake_after_hours"), (track(retake_after_hours="1"), "/retake_after_hours"),
        (track(show_correct="sometimes"), "/show_correct"), (track(show_correct=None), "/show_correct"),
        (track(show_explanations=None), "/show_explanations"), (track(show_explanations=1), "/show_explanations"),
        (track(sample=True), "/sample"), (track(**{"a/b~c": 1}), "/a~1b~0c"),
    ]  # fmt: skip
    admin = api.as_("admin")
    for body, pointer in wrong:
        assert invalid(await admin.post("/tracks", body)) == [pointer], body
    assert sorted(invalid(await admin.post("/tracks"))) == ["/name", "/question_mix", "/slug"]
    assert (await api.get("/tracks")).body["items"] == []


async def test_a_slug_is_unique_also_after_a_delete(api: Api) -> None:
    admin = api.as_("admin")
    await admin.post("/tracks", TRACK)
    problem(await admin.post("/tracks", TRACK), 409, "slug-taken")
    deleted = await admin.delete("/tracks/beekeeper")
    assert (deleted.status, deleted.raw) == (204, b"")
    for reply in (await api.get("/tracks/beekeeper"), await admin.delete("/tracks/beekeeper")):
        problem(reply, 404, "not-found")
    problem(await admin.patch("/tracks/beekeeper", {}), 404, "not-found")
    problem(await api.post("/assessments", {"track": "beekeeper"}), 404, "not-found")
    detail = problem(await admin.post("/tracks", TRACK), 409, "slug-taken")["detail"]
    assert "POST /tracks/beekeeper/restore" in detail
    await admin.post("/tracks", track(slug="other"))
    detail = problem(await admin.patch("/tracks/other", {"slug": "beekeeper"}), 409, "slug-taken")["detail"]
    assert "POST /tracks/beekeeper/restore" in detail


async def test_a_patch_changes_only_the_fields_that_it_names(api: Api) -> None:
    admin = api.as_("admin")
    await admin.post("/tracks", TRACK)
    changed = await admin.patch("/tracks/beekeeper", {"name": "Apiarist", "skills": []})
    assert (changed.status, changed.body) == (200, TRACK | {"name": "Apiarist", "skills": [], "sample": False})
    assert (await admin.patch("/tracks/beekeeper", {})).body == changed.body
    assert (await api.get("/tracks/beekeeper")).body == changed.body


async def test_an_invalid_patch_changes_nothing(api: Api) -> None:
    admin = api.as_("admin")
    before = (await admin.post("/tracks", TRACK)).body
    for changes, pointer in (({"name": ""}, "/name"), ({"name": None}, "/name"), ({"unknown": 1}, "/unknown")):
        assert invalid(await admin.patch("/tracks/beekeeper", changes)) == [pointer]
    assert invalid(await admin.patch("/tracks/beekeeper", [])) == [""]
    await admin.post("/tracks", track(slug="other"))
    problem(await admin.patch("/tracks/beekeeper", {"slug": "other"}), 409, "slug-taken")
    assert (await api.get("/tracks/beekeeper")).body == before


async def test_assessments_show_the_new_slug_of_their_track(api: Api, path: str) -> None:
    assert (await api.as_("admin").patch(f"/tracks/{SLUG}", {"slug": "grower"})).body["slug"] == "grower"
    problem(await api.get(f"/tracks/{SLUG}"), 404, "not-found")
    assert (await api.get(path)).body["track"] == "grower"
    assert (await api.post("/assessments", {"track": "grower"})).headers["Location"] == path


async def test_assessments_of_a_deleted_track_can_be_finished(api: Api, path: str) -> None:
    assert (await api.as_("admin").delete(f"/tracks/{SLUG}")).status == 204
    assert (await api.get(path)).body["track"] == SLUG
    assert (await api.patch(f"{path}/responses", {"responses": []})).status == 200
    assert (await api.post(f"{path}/submit")).status == 202


async def test_each_write_leaves_an_audit_row(api: Api, pool: Pool) -> None:
    admin = api.as_("admin", sub="root")
    await admin.post("/tracks", TRACK)
    await admin.post("/tracks", TRACK)
    await admin.patch("/tracks/beekeeper", {"name": "Apiarist"})
    await admin.patch("/tracks/beekeeper", {"name": ""})
    await admin.delete("/tracks/beekeeper")
    rows = await pool.fetch("SELECT actor, action, entity, key, after ->> 'name' AS name FROM audit_log ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("root", "create", "track", "beekeeper", "Beekeeper"),
        ("root", "update", "track", "beekeeper", "Apiarist"),
        ("root", "delete", "track", "beekeeper", None),
    ]
