"""Answering an assessment with forms, as without scripts, and what scripts get."""

import asyncio
import json
import re
from html import unescape
from uuid import UUID

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC, Bank
from tests.pages.conftest import NewPerson, Person, Shown

JSON = {"Accept": "application/json"}


def fields(shown: Shown) -> dict[str, str]:
    """The fields of the page's form with what it shows, of choices only the hidden ones."""
    texts = re.findall(r'<textarea name="([^"]+)"[^>]*>\n(.*?)</textarea>', shown.html, re.DOTALL)
    others = re.findall(
        r'<input type="(?:hidden|text)"(?: inputmode="decimal")? name="([^"]+)" value="([^"]*)"', shown.html
    )
    return {name: unescape(value) for name, value in [*others, *texts] if name != "csrf"}


async def answers(pool: Pool) -> dict[UUID, object]:
    """All saved answers by question."""
    rows = await pool.fetch("SELECT question_id, answer::text AS answer FROM responses")
    return {row["question_id"]: json.loads(row["answer"]) for row in rows}


async def test_all_kinds_of_answers_are_saved_and_cleared(person: NewPerson, path: str, bank: Bank, pool: Pool) -> None:
    student = await person("student-1", "student")
    sent = [
        (f"answer-{bank.ids[name]}", value)
        for name, value in (
            *(("right", "B"), ("several", "A"), ("several", "C"), ("several", ""), ("single", "A")),
            *(
                ("multiple", "A"),
                ("multiple", ""),
                ("scale", "3"),
                ("number", "4.5"),
                ("text", "roses"),
                ("essay", "Up."),
            ),
        )
    ]
    saved = await student.post(f"{path}/responses", sent)
    assert (saved.status, saved.target) == (303, f"{path}?done=answers-saved")
    assert await answers(pool) == {
        bank.ids[name]: value
        for name, value in (
            *(("right", "B"), ("several", ["A", "C"]), ("single", "A"), ("multiple", ["A"]), ("scale", 3)),
            *(("number", 4.5), ("text", "roses"), ("essay", "Up.")),
        )
    }
    shown = await student.get(path)
    assert shown.html.count(" checked>") == 6
    cleared = await student.post(f"{path}/responses", [(name, "") for name, _ in sent])
    assert cleared.status == 303
    assert await answers(pool) == {}


async def test_only_what_was_changed_in_a_form_is_saved(
    person: NewPerson, path: str, bank: Bank, pool: Pool, api: Api
) -> None:
    """A form that was opened before another window saved something does not take that back."""
    student = await person("student-1", "student")
    crlf = "one\r\ntwo"
    api_path = path.removeprefix("/dashboard")
    await api.patch(f"{api_path}/responses", {"responses": bank.answers(essay=crlf, text="old", number=4)})
    stale = fields(await student.get(path))
    await api.patch(f"{api_path}/responses", {"responses": bank.answers(text="new", right="B")})
    essay_two = f"answer-{bank.ids['essay_two']}"
    saved = await student.post(f"{path}/responses", {**stale, essay_two: "mine", "then": "review"})
    assert saved.target == f"{path}/review"
    assert await answers(pool) == {
        bank.ids[name]: value
        for name, value in (("essay", crlf), ("text", "new"), ("number", 4), ("right", "B"), ("essay_two", "mine"))
    }


async def test_what_does_not_fit_is_shown_beside_its_field_and_kept(
    person: NewPerson, path: str, bank: Bank, pool: Pool
) -> None:
    student = await person("student-1", "student")
    number, essay, text = (f"answer-{bank.ids[name]}" for name in ("number", "essay", "text"))
    sent = {number: '"><b>many', essay: "x" * 2001, text: "fine"}
    refused = await student.post(f"{path}/responses", {**fields(await student.get(path)), **sent})
    assert refused.status == 422
    assert "Your answer must be a number." in refused.text
    assert "Your answer is longer than 2000 characters." in refused.text
    assert refused.html.count('aria-invalid="true"') == 2
    assert {name: fields(refused)[name] for name in sent} == sent
    assert "<b>many" not in refused.html
    assert await answers(pool) == {}
    scripted = await student.post(f"{path}/responses", sent, **JSON)
    assert scripted.status == 422
    assert json.loads(scripted.html) == {
        "errors": {number: "Your answer must be a number.", essay: "Your answer is longer than 2000 characters."}
    }


async def test_radio_buttons_and_checkboxes_show_nothing_but_whether_several_fit(
    person: NewPerson, path: str, bank: Bank
) -> None:
    shown = await (await person("student-1", "student")).get(path)
    kinds = {name: set(re.findall(rf'type="(\w+)" name="answer-{bank.ids[name]}"', shown.html)) for name in bank.ids}
    assert {name for name, kind in kinds.items() if kind == {"radio"}} == {"right", "single", "scale"}
    assert {name for name, kind in kinds.items() if kind == {"checkbox", "hidden"}} == {
        "several",
        "partial",
        "multiple",
    }
    for secret in (SECRET_EXPLANATION, SECRET_MODEL_ANSWER, SECRET_RUBRIC):
        assert secret[:20] not in shown.text


async def test_the_review_names_what_is_unanswered(person: NewPerson, path: str, bank: Bank) -> None:
    student = await person("student-1", "student")
    numbers = {f"answer-{bank.ids[name]}": "3" for name in ("scale", "number")}
    await student.post(f"{path}/responses", {f"answer-{bank.ids[name]}": "B" for name in bank.ids} | numbers)
    await student.post(f"{path}/responses", {f"answer-{bank.ids['essay']}": ""})
    shown = await student.get(f"{path}/review")
    assert "1 of 10 questions has no answer" in shown.text
    number = shown.html.split(f'href="{path}#question-')[1].split('"')[0]
    form = await student.get(path)
    assert f'name="answer-{bank.ids["essay"]}"' in form.html.split(f'id="question-{number}"')[1].split("</fieldset>")[0]


async def submit_twice(student: Person, path: str) -> list[Shown]:
    csrf = await student.csrf()
    return await asyncio.gather(*(student.post(f"{path}/submit", {}, csrf=csrf) for _ in range(2)))


async def test_submitting_twice_is_one_submission(person: NewPerson, path: str, pool: Pool) -> None:
    student = await person("student-1", "student")
    for answer in await submit_twice(student, path):
        assert (answer.status, answer.target) == (303, path)
    assert await pool.fetchval("SELECT count(*) FROM async_jobs WHERE job_type = 'gpt'") == 1
    assert (await student.get(f"{path}/review")).target == path
    late = await student.post(f"{path}/responses", {}, **JSON)
    assert (late.status, json.loads(late.html)["type"]) == (409, "/problems/already-submitted")
    assert (await student.post(f"{path}/responses", {})).target == path
    shown = await student.get(path)
    assert "Reading your essays (30 % of the work)" in shown.text
    assert '<meta http-equiv="refresh"' in shown.html


async def test_after_the_time_nothing_is_saved_and_the_page_says_why(
    person: NewPerson, path: str, bank: Bank, pool: Pool
) -> None:
    student = await person("student-1", "student")
    await pool.execute("UPDATE assessments SET created_at = now() - interval '2 days', expires_at = now()")
    late = await student.post(f"{path}/responses", {f"answer-{bank.ids['text']}": "x"}, **JSON)
    assert (late.status, json.loads(late.html)["type"]) == (410, "/problems/assessment-expired")
    assert (await student.post(f"{path}/submit", {})).target == path
    assert "The time for this assessment was over before it was submitted." in (await student.get(path)).text


async def test_a_submission_without_a_place_is_explained(person: NewPerson, path: str, pool: Pool) -> None:
    student = await person("student-1", "student")
    await pool.execute(
        "INSERT INTO assessments (id, owner, track_id, status, expires_at, submitted_at, remaining)"
        " SELECT gen_random_uuid(), 'student-1', id, 'submitted', now() + interval '1 day', now(), 2"
        " FROM tracks, generate_series(1, 100)"
    )
    refused = await student.post(f"{path}/submit", {})
    assert refused.status == 429
    assert "Your answers are saved; wait a little and submit again." in refused.text
    assert int(refused.headers["Retry-After"]) > 0
