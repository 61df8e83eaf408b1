"""Deleted tracks and questions are restored by authors and admins."""

import asyncio
from uuid import uuid4

from app import sample_data
from app.repositories.sql import Pool
from app.services.catalog.seed import seed
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.web.problems import invalid, problem

TRACK, RESTORE = f"/tracks/{SLUG}", f"/tracks/{SLUG}/restore"


async def audited(pool: Pool) -> list[tuple[str, ...]]:
    rows = await pool.fetch("SELECT actor, entity, key FROM audit_log WHERE action = 'restore' ORDER BY id")
    return [tuple(row) for row in rows]


async def active_questions(api: Api) -> set[str]:
    items = (await api.as_("author").get(f"/questions?track={SLUG}")).body["items"]
    return {question["question_id"] for question in items}


async def test_a_track_comes_back_with_the_questions_that_were_deleted_with_it(
    api: Api, bank: Bank, pool: Pool
) -> None:
    author, retired = api.as_("author"), str(bank.ids["text"])
    await author.delete(f"/questions/{retired}")
    before, questions = (await api.get(TRACK)).body, await active_questions(api)
    assert (await author.delete(TRACK)).status == 204
    problem(await api.get(TRACK), 404, "not-found")
    assert await active_questions(api) == set()
    restored = await author.post(RESTORE)
    assert (restored.status, restored.body) == (200, before)
    assert (await api.get(TRACK)).body == before
    assert await active_questions(api) == questions == {str(id_) for id_ in bank.ids.values()} - {retired}
    assert await audited(pool) == [("author-1", "track", SLUG)]


async def test_attempts_before_a_delete_count_after_the_restore(api: Api, path: str) -> None:
    author = api.as_("author")
    await author.patch(TRACK, {"attempts": 1})
    await api.post(f"{path}/submit")
    await author.delete(TRACK)
    await author.post(RESTORE)
    problem(await api.post("/assessments", {"track": SLUG}), 409, "attempts-used")


async def test_a_question_comes_back_in_its_newest_version(api: Api, bank: Bank, pool: Pool) -> None:
    author, question = api.as_("author"), f"/questions/{bank.ids['right']}"
    changed = (await author.patch(question, {"prompt": "Which soil holds water?"})).body
    await author.delete(question)
    problem(await author.get(question), 404, "not-found")
    restored = await author.post(f"{question}/restore")
    assert (restored.status, restored.body) == (200, changed)
    assert (await author.get(question)).body == changed
    assert await audited(pool) == [("author-1", "question", str(bank.ids["right"]))]
    assert (await api.post("/assessments", {"track": SLUG})).status == 201


async def test_what_is_active_stays_as_it_is(api: Api, bank: Bank, pool: Pool) -> None:
    admin, question = api.as_("admin"), f"/questions/{bank.ids['right']}"
    for path in (TRACK, question):
        restored = await admin.post(f"{path}/restore", {})
        assert (restored.status, restored.body) == (200, (await admin.get(path)).body)
    assert await audited(pool) == []


async def test_a_retired_question_of_a_deleted_track_waits_for_its_track(api: Api, bank: Bank, pool: Pool) -> None:
    author, question = api.as_("author"), f"/questions/{bank.ids['right']}"
    await author.delete(question)
    await author.delete(TRACK)
    detail = problem(await author.post(f"{question}/restore"), 409, "track-deleted")["detail"]
    assert f"POST {RESTORE}" in detail
    problem(await author.get(question), 404, "not-found")
    await author.post(RESTORE)
    assert (await author.post(f"{question}/restore")).status == 200
    assert [entity for _, entity, _ in await audited(pool)] == ["track", "question"]


async def test_only_authors_and_admins_restore(api: Api, bank: Bank, pool: Pool) -> None:
    admin, paths = api.as_("admin"), [TRACK, f"/questions/{bank.ids['right']}"]
    for path in reversed(paths):
        await admin.delete(path)
    for caller in (api, api.as_("advisor"), api.as_("teacher")):
        for path in paths:
            problem(await caller.post(f"{path}/restore"), 403, "forbidden")
            problem(await caller.post(f"{path}/restore", {"unknown": 1}), 403, "forbidden")
        problem(await caller.post("/tracks/nobody/restore"), 404, "not-found")
        problem(await caller.post(f"/questions/{uuid4()}/restore"), 404, "not-found")
    assert await audited(pool) == []


async def test_unknown_ones_and_bad_bodies(api: Api, bank: Bank) -> None:
    author = api.as_("author")
    problem(await author.post("/tracks/nobody/restore"), 404, "not-found")
    problem(await author.post(f"/questions/{uuid4()}/restore"), 404, "not-found")
    problem(await author.post("/questions/x/restore"), 404, "not-found")
    await author.delete(TRACK)
    assert invalid(await author.post(RESTORE, {"questions": []})) == ["/questions"]
    problem(await api.get(TRACK), 404, "not-found")


async def test_restores_at_the_same_moment_are_one(api: Api, bank: Bank, pool: Pool) -> None:
    author, question = api.as_("author"), f"/questions/{bank.ids['right']}"
    await author.delete(question)
    await author.delete(TRACK)
    replies = await asyncio.gather(*(author.post(RESTORE) for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    replies = await asyncio.gather(*(author.post(f"{question}/restore") for _ in range(10)))
    assert {reply.status for reply in replies} == {200}
    assert [entity for _, entity, _ in await audited(pool)] == ["track", "question"]


async def test_of_several_deleted_tracks_of_a_slug_the_last_one_is_restored(api: Api, bank: Bank, pool: Pool) -> None:
    """An earlier version let a deleted track's slug be used again."""
    author = api.as_("author")
    await author.delete(TRACK)
    older = "INSERT INTO tracks (slug, name, question_mix, deleted_at) VALUES ($1, $2, '{\"essay\": 1}', $3)"
    await pool.execute(older.replace("$3", "now() - interval '1 day'"), SLUG, "Older")
    assert (await author.post(RESTORE)).body["name"] == "Gardener"
    assert (await author.post(RESTORE)).body["name"] == "Gardener"


async def test_sample_tracks_that_were_deleted_stay_deleted_when_the_service_starts(api: Api, pool: Pool) -> None:
    rows = sample_data.tracks(), sample_data.questions(), sample_data.credentials()
    await seed(pool, *rows, lambda _: None)
    slug = rows[0][0]["slug"]
    await api.as_("admin").delete(f"/tracks/{slug}")
    assert await seed(pool, *rows, lambda _: None) == 0
    problem(await api.get(f"/tracks/{slug}"), 404, "not-found")
