"""A student's first page: open assessments, tracks to start, and finished ones."""

import json

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.pages.conftest import NewPerson
from tests.scored_assessments import completed_assessment

HOME = "/dashboard"


async def test_an_open_assessment_says_how_much_time_and_how_many_answers_there_are(
    person: NewPerson, path: str, api: Api, bank: Bank
) -> None:
    await api.patch(f"{path.removeprefix('/dashboard')}/responses", {"responses": bank.answers(right="B", text="x")})
    shown = await (await person("student-1", "student")).get(HOME)
    assert "2 of 10 answered" in shown.text
    assert "23 hours left" in shown.text
    assert "Continue Gardener" in shown.text
    assert "You have this one open." in shown.text
    assert "Start Gardener" not in shown.text


async def test_a_track_says_what_it_asks_and_which_attempts_are_left(person: NewPerson, bank: Bank, pool: Pool) -> None:
    await pool.execute("UPDATE tracks SET attempts = 2, retake_after_hours = 48 WHERE slug = $1", SLUG)
    student = await person("student-1", "student")
    shown = await student.get(HOME)
    assert "10 questions: 3 about what you know, 5 about yourself, 2 essays. 2 attempts of 2 left." in shown.text
    assert "You have 24 hours from the start, and can leave and come back." in shown.text
    await completed_assessment(pool, bank)
    shown = await student.get(HOME)
    assert "1 attempt of 2 left." in shown.text
    assert "You can start it again from" in shown.text
    assert "Start Gardener" not in shown.text


async def test_a_start_that_is_refused_is_explained_on_the_page(person: NewPerson, bank: Bank, pool: Pool) -> None:
    await pool.execute("UPDATE tracks SET attempts = 1 WHERE slug = $1", SLUG)
    await completed_assessment(pool, bank)
    student = await person("student-1", "student")
    refused = await student.post("/dashboard/assessments", {"track": SLUG})
    assert (refused.status, "You have used all attempts at this track." in refused.text) == (409, True)
    assert "You have used your only attempt." in refused.text
    unknown = await student.post("/dashboard/assessments", {"track": "<b>"})
    assert (unknown.status, "This track is not offered any more." in unknown.text) == (404, True)
    await pool.execute("UPDATE tracks SET attempts = 9, retake_after_hours = 5 WHERE slug = $1", SLUG)
    too_soon = await student.post("/dashboard/assessments", {"track": SLUG})
    assert (too_soon.status, "You cannot start this track again yet." in too_soon.text) == (409, True)
    assert int(too_soon.headers["Retry-After"]) > 0


async def test_finished_assessments_have_their_percentage_and_come_in_pages(
    person: NewPerson, bank: Bank, pool: Pool
) -> None:
    done = await completed_assessment(pool, bank)
    others = await completed_assessment(pool, bank, "student-2")
    student = await person("student-1", "student")
    shown = await student.get(HOME)
    assert "Gardener Finished" in shown.text
    assert f"/dashboard/assessments/{done}" in shown.html
    assert str(others) not in shown.html
    percentage = await pool.fetchval(
        "SELECT body #>> '{overall,percentage}' FROM results WHERE assessment_id = $1", done
    )
    assert f"{float(percentage):.0f} %" in shown.text
    assert "Older ones" not in shown.text
    await pool.execute(
        "INSERT INTO assessments (id, owner, track_id, status, created_at, expires_at, completed_at)"
        " SELECT gen_random_uuid(), 'student-1', id, 'expired', now() - n * interval '1 day', now(), now()"
        " FROM tracks, generate_series(1, 25) AS n"
    )
    shown = await student.get(HOME)
    assert shown.text.count("Not submitted in time") == 19
    older = shown.html.split('href="/dashboard?cursor=')[1].split('"')[0]
    rest = await student.get(f"{HOME}?cursor={older}")
    assert rest.text.count("Not submitted in time") == 6
    assert (await student.get(f"{HOME}?cursor=nonsense")).status == 400


async def test_names_are_shown_as_text(person: NewPerson, path: str, pool: Pool) -> None:
    hostile = "<script>alert(1)</script> \u202eשלום 👩🏽‍💻"
    await pool.execute("UPDATE tracks SET name = $1, description = $2", hostile, hostile)
    shown = await (await person("student-1", "student")).get(HOME)
    assert "<script>alert" not in shown.html
    assert shown.html.count("&lt;script&gt;alert(1)&lt;/script&gt; \u202eשלום 👩🏽‍💻") >= 3


async def test_a_student_downloads_all_of_their_data(person: NewPerson, bank: Bank, pool: Pool) -> None:
    done = await completed_assessment(pool, bank)
    await completed_assessment(pool, bank, "student-2")
    shown = await (await person("student-1", "student")).get("/dashboard/my-data.json")
    assert "attachment" in shown.headers["Content-Disposition"]
    data = json.loads(shown.html)
    assert data["sub"] == "student-1"
    assert [assessment["assessment_id"] for assessment in data["assessments"]] == [str(done)]


async def test_others_see_where_they_can_go(person: NewPerson) -> None:
    shown = await (await person("author-1", "author")).get(HOME)
    assert "Your pages" in shown.text
    assert "Start" not in shown.text
