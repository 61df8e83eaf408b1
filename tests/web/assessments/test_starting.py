"""Starting an assessment, or resuming the open one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.web.conftest import Serve
from tests.web.problems import invalid, problem

SHOWN = {"question_id", "version", "type", "prompt", "options", "input", "scale", "max_characters", "weight"}


async def test_a_start_shows_everything_that_the_student_needs(api: Api, bank: Bank) -> None:
    started = await api.post("/assessments", {"track": SLUG})
    body = started.body
    assert (started.status, started.headers["Location"]) == (201, f"/assessments/{body['assessment_id']}")
    assert (body["track"], body["status"], body["responses"]) == (SLUG, "in_progress", [])
    lasts = datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(body["created_at"])
    assert (lasts, body["created_at"][-1]) == (timedelta(hours=24), "Z")
    assert {UUID(question["question_id"]) for question in body["questions"]} == set(bank.ids.values())
    assert all(set(question) == SHOWN for question in body["questions"])
    by_prompt = {question["prompt"]: question for question in body["questions"]}
    assert by_prompt["Your scale?"]["scale"] == {"min": 1, "max": 5}
    assert (by_prompt["Your single?"]["input"], len(by_prompt["Your single?"]["options"])) == ("single", 3)
    assert by_prompt["How does water rise in a tree?"]["max_characters"] == 2000
    assert (await api.get(started.headers["Location"])).body == body


async def test_a_second_start_resumes_with_what_was_saved(api: Api, path: str, bank: Bank) -> None:
    await api.patch(f"{path}/responses", {"responses": bank.answers(right="B")})
    resumed = await api.post("/assessments", {"track": SLUG})
    assert (resumed.status, resumed.headers["Location"]) == (200, path)
    assert resumed.body == (await api.get(path)).body
    assert resumed.body["responses"][0]["answer"] == "B"


async def test_other_students_and_later_starts_get_a_new_assessment(api: Api, path: str) -> None:
    other = await api.as_("student", sub="student-2").post("/assessments", {"track": SLUG})
    assert (other.status, other.headers["Location"] != path) == (201, True)
    await api.post(f"{path}/submit")
    again = await api.post("/assessments", {"track": SLUG})
    assert (again.status, again.headers["Location"] != path) == (201, True)


async def test_questions_are_drawn_at_random_as_the_mix_says(api: Api, bank: Bank) -> None:
    mix = {"theoretical": 1, "profile": 2, "essay": 1}
    await api.as_("admin").patch(f"/tracks/{SLUG}", {"question_mix": mix})
    drawn = set()
    for number in range(12):
        started = await api.as_("student", sub=f"drawer-{number}").post("/assessments", {"track": SLUG})
        types = [question["type"] for question in started.body["questions"]]
        assert {kind: types.count(kind) for kind in mix} == mix
        drawn.add(frozenset(question["question_id"] for question in started.body["questions"]))
    assert len(drawn) > 1


async def test_pinned_questions_are_always_drawn(api: Api, bank: Bank) -> None:
    admin, names = api.as_("admin"), ("partial", "scale", "text", "essay_two")
    await admin.patch(f"/tracks/{SLUG}", {"question_mix": {"theoretical": 1, "profile": 3, "essay": 1}})
    for name in names:
        assert (await admin.patch(f"/questions/{bank.ids[name]}", {"pinned": True})).body["pinned"]
    drawn = []
    for number in range(12):
        started = await api.as_("student", sub=f"drawer-{number}").post("/assessments", {"track": SLUG})
        drawn.append({question["question_id"] for question in started.body["questions"]})
        assert all("pinned" not in question for question in started.body["questions"])
    assert all(ids >= {str(bank.ids[name]) for name in names} for ids in drawn)
    assert len(set(map(frozenset, drawn))) > 1


async def test_more_pinned_questions_than_the_mix_has_room_for_are_drawn_at_random(api: Api, bank: Bank) -> None:
    admin, names = api.as_("admin"), ("right", "several")
    await admin.patch(f"/tracks/{SLUG}", {"question_mix": {"theoretical": 1}})
    for name in names:
        await admin.patch(f"/questions/{bank.ids[name]}", {"pinned": True})
    drawn = set()
    for number in range(16):
        started = await api.as_("student", sub=f"drawer-{number}").post("/assessments", {"track": SLUG})
        drawn.add(started.body["questions"][0]["question_id"])
    assert drawn == {str(bank.ids[name]) for name in names}


async def test_a_track_with_too_few_questions_cannot_be_started(api: Api, bank: Bank, pool: Pool) -> None:
    mix = {"theoretical": 4, "profile": 7, "essay": 2}
    await api.as_("admin").patch(f"/tracks/{SLUG}", {"question_mix": mix})
    detail = problem(await api.post("/assessments", {"track": SLUG}), 409, "bank-too-small")["detail"]
    assert "4 theoretical questions needed, 3 available" in detail
    assert "7 profile questions needed, 5 available" in detail
    assert "essay" not in detail
    assert await pool.fetchval("SELECT count(*) FROM assessments") == 0


async def test_unknown_tracks_and_invalid_bodies(api: Api, bank: Bank) -> None:
    for track in ("nobody", "", "UPPER", "é", "a/b"):
        problem(await api.post("/assessments", {"track": track}), 404, "not-found")
    wrong: list[tuple[Any, str]] = [
        ({}, "/track"), ({"track": None}, "/track"), ({"track": 1}, "/track"), ({"track": [SLUG]}, "/track"),
        ({"track": "a" * 65}, "/track"), ({"track": SLUG, "owner": "student-2"}, "/owner"), ([], ""), ("x", ""),
        (7, ""),
    ]  # fmt: skip
    for body, pointer in wrong:
        assert invalid(await api.post("/assessments", body)) == [pointer], body
    assert (await api.get("/assessments")).body["items"] == []


async def test_after_an_expired_assessment_a_new_one_starts(api: Api, path: str, pool: Pool) -> None:
    await pool.execute("UPDATE assessments SET expires_at = now()")
    started = await api.post("/assessments", {"track": SLUG})
    assert (started.status, started.headers["Location"] != path) == (201, True)
    listed = (await api.get("/assessments")).body["items"]
    assert [line["status"] for line in listed] == ["in_progress", "expired"]


async def test_the_time_to_answer_is_a_setting(serve: Serve, bank: Bank) -> None:
    body = (await (await serve(assessment_ttl=90)).post("/assessments", {"track": SLUG})).body
    lasts = datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(body["created_at"])
    assert lasts == timedelta(seconds=90)
