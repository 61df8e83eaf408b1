"""What a student reads about single theoretical questions, as the track says."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from app.repositories.sql import Pool
from app.schemas.webhook_message import EventData
from tests.api import Api
from tests.bank import SECRET_EXPLANATION, SLUG, Bank
from tests.job_runner import Finish
from tests.web.problems import problem

SOILS = ("A", "B", "C")
THEORY = ("right", "several", "partial")
# The questions of the track of `exam`, each about a skill of its own.
EXAM, SKILLS = "exam", ("soil", "water", "botany", "compost")


async def set_track(api: Api, slug: str = SLUG, **fields: Any) -> None:
    assert (await api.as_("author").patch(f"/tracks/{slug}", fields)).status == 200


async def take(api: Api, finish: Finish, answers: list[dict[str, Any]], slug: str = SLUG) -> tuple[str, dict[str, Any]]:
    """The path of a completed assessment, and what the student read about it, by the end of the path."""
    path = (await api.post("/assessments", {"track": slug})).headers["Location"]
    submitted = await api.post(f"{path}/submit", {"responses": answers}, Idempotency_Key="once")
    assert submitted.status == 202, submitted.raw
    await finish()
    ends = {end: await api.get(f"{path}/{end}") for end in ("status", "result")}
    return path, {"submit": submitted.body, **{end: reply.body for end, reply in ends.items()}}


def theory_lines(bodies: Mapping[str, Any]) -> dict[str, dict[str, dict[str, Any]]]:
    """The lines of the theoretical questions by question, in each of the bodies."""
    parts = {name: body["breakdown" if name == "result" else "scores"] for name, body in bodies.items()}
    return {
        name: {line["question_id"]: line for line in part["theoretical"]["questions"]} for name, part in parts.items()
    }


def shown(bodies: Mapping[str, Any], bank: Bank) -> set[str]:
    """In which of the bodies points and correctness of the question `right` are shown."""
    lines = {name: by_id[str(bank.ids["right"])] for name, by_id in theory_lines(bodies).items()}
    values = {name: (line["score"], line["correct"]) for name, line in lines.items()}
    assert set(values.values()) <= {(1.0, True), (None, None)}
    assert {name: line["max_score"] for name, line in lines.items()} == dict.fromkeys(lines, 1.0)
    return {name for name, value in values.items() if value != (None, None)}


@pytest.mark.parametrize(
    ("fields", "shows"),
    [
        ({}, True),
        ({"show_correct": "always", "attempts": 3}, True),
        ({"show_correct": "never"}, False),
        ({"show_correct": "never", "attempts": 1}, False),
        ({"show_correct": "last_attempt"}, False),
        ({"show_correct": "last_attempt", "attempts": 2}, False),
        ({"show_correct": "last_attempt", "attempts": 1}, True),
    ],
)
async def test_the_track_says_what_students_read(
    api: Api, bank: Bank, finish: Finish, fields: dict[str, Any], shows: bool
) -> None:
    await set_track(api, **fields)
    path, bodies = await take(api, finish, bank.all_answers())
    assert shown(bodies, bank) == ({"submit", "status", "result"} if shows else set())
    explanations = {line["explanation"] for line in theory_lines(bodies)["result"].values()}
    assert explanations == {SECRET_EXPLANATION if shows else None}
    for name, body in bodies.items():
        totals = body["breakdown" if name == "result" else "scores"]["theoretical"]
        assert (totals["score"], totals["max_score"], totals["percentage"]) == (2.0, 5.0, 40.0)
    events = (await api.get(f"{path}/events")).raw.decode()
    assert ('"correct":true' in events) is shows
    staff = {end: (await api.as_("advisor").get(f"{path}/{end}")).body for end in ("status", "result")}
    assert shown(staff, bank) == {"status", "result"}
    assert theory_lines(staff)["result"][str(bank.ids["right"])]["explanation"] == SECRET_EXPLANATION


async def test_profile_questions_and_essays_are_always_shown(api: Api, bank: Bank, finish: Finish) -> None:
    await set_track(api, show_correct="never")
    _, bodies = await take(api, finish, bank.all_answers())
    breakdown = bodies["result"]["breakdown"]
    assert [line["score"] for line in breakdown["profile"]["questions"]] == [1.0] * 5
    assert all(line["score"] is not None for line in breakdown["essay"]["questions"])
    assert {line["explanation"] for line in breakdown["profile"]["questions"]} == {None}


async def test_explanations_can_be_withheld_alone(api: Api, bank: Bank, finish: Finish) -> None:
    await set_track(api, show_explanations=False)
    path, bodies = await take(api, finish, bank.all_answers())
    assert shown(bodies, bank) == {"submit", "status", "result"}
    assert {line["explanation"] for line in theory_lines(bodies)["result"].values()} == {None}
    staff = (await api.as_("admin").get(f"{path}/result")).body
    assert {line["explanation"] for line in theory_lines({"result": staff})["result"].values()} == {SECRET_EXPLANATION}


async def test_only_the_last_attempt_is_shown(api: Api, bank: Bank, finish: Finish) -> None:
    await set_track(api, show_correct="last_attempt", attempts=2)
    first, bodies = await take(api, finish, bank.all_answers())
    assert shown(bodies, bank) == set()
    _, bodies = await take(api, finish, bank.all_answers())
    assert shown(bodies, bank) == {"submit", "status", "result"}
    assert theory_lines(bodies)["result"][str(bank.ids["right"])]["explanation"] == SECRET_EXPLANATION
    assert shown({"result": (await api.get(f"{first}/result")).body}, bank) == set()
    problem(await api.post("/assessments", {"track": SLUG}), 409, "attempts-used")


async def test_attempts_of_an_earlier_version_are_not_the_last_one(
    api: Api, bank: Bank, finish: Finish, pool: Pool
) -> None:
    await set_track(api, show_correct="last_attempt", attempts=1)
    path, _ = await take(api, finish, bank.all_answers())
    await pool.execute("UPDATE assessments SET attempt = NULL")
    assert shown({"result": (await api.get(f"{path}/result")).body}, bank) == set()


@pytest.mark.parametrize(("before", "after"), [("always", "never"), ("never", "always")])
async def test_a_stored_answer_is_replayed_as_it_was(
    api: Api, bank: Bank, finish: Finish, before: str, after: str
) -> None:
    await set_track(api, show_correct=before)
    path, bodies = await take(api, finish, bank.all_answers())
    await set_track(api, show_correct=after)
    again = await api.post(f"{path}/submit", {"responses": bank.all_answers()}, Idempotency_Key="once")
    assert (again.headers["Idempotent-Replayed"], again.body) == ("true", bodies["submit"])
    now = {end: (await api.get(f"{path}/{end}")).body for end in ("status", "result")}
    assert shown(now, bank) == ({"status", "result"} if after == "always" else set())


async def test_a_persons_score_of_a_theoretical_question_is_withheld_too(api: Api, bank: Bank, finish: Finish) -> None:
    await set_track(api, show_correct="never")
    path, _ = await take(api, finish, bank.all_answers())
    override = {"score": 1.5, "reason": "B alone is half right."}
    url = f"{path}/scores/{bank.ids['several']}/override"
    overridden = (await api.as_("advisor").put(url, override)).body
    assert theory_lines({"result": overridden})["result"][str(bank.ids["several"])]["override"]["score"] == 1.5
    result = (await api.get(f"{path}/result")).body
    line = theory_lines({"result": result})["result"][str(bank.ids["several"])]
    assert (line["score"], line["correct"], line["override"]) == (None, None, None)
    assert result["breakdown"]["theoretical"]["score"] == 3.5
    assert "half right" not in str(result)


async def test_the_result_is_stored_whole(api: Api, bank: Bank, finish: Finish, pool: Pool) -> None:
    await set_track(api, show_correct="never")
    await take(api, finish, bank.all_answers())
    stored = json.loads(await pool.fetchval("SELECT body FROM results"))
    assert shown({"result": stored}, bank) == {"result"}


def test_webhook_messages_have_no_single_questions() -> None:
    assert not {"breakdown", "scores", "skills"} & set(EventData.model_fields)


async def create_exam(api: Api) -> list[str]:
    """A track of four theoretical questions of the same weight, each about a skill of its own; their ids."""
    author = api.as_("author")
    mix = {"theoretical": len(SKILLS), "essay": 1}
    created = await author.post("/tracks", {"slug": EXAM, "name": "Exam", "skills": SKILLS, "question_mix": mix})
    assert created.status == 201, created.raw
    essay = {
        "track": EXAM, "type": "essay", "prompt": "Why?", "model_answer": "Because.", "skills": ["soil"],
        "rubric": dict.fromkeys(("relevance", "depth", "clarity", "technical"), "All."),
    }  # fmt: skip
    assert (await author.post("/questions", essay)).status == 201
    options = [{"id": soil, "text": f"Soil {soil}"} for soil in SOILS]
    question = {"track": EXAM, "type": "theoretical", "prompt": "Which?", "options": options, "correct_options": ["B"]}
    replies = [await author.post("/questions", question | {"skills": [skill]}) for skill in SKILLS]
    return [reply.body["question_id"] for reply in replies]


async def everything_read(api: Api, finish: Finish, questions: list[str], right: int, sub: str) -> str:
    """All that a student reads who answers A to each question, of which `right` has that key; without what always
    differs: ids, times, and the order of the questions."""
    for number, question_id in enumerate(questions):
        key = ["A"] if number == right else ["B"]
        changed = await api.as_("author").patch(f"/questions/{question_id}", {"correct_options": key})
        assert changed.status == 200
    student = api.as_("student", sub=sub)
    answers = [{"question_id": question_id, "answer": "A"} for question_id in questions]
    path, bodies = await take(student, finish, answers, EXAM)
    events = (await student.get(f"{path}/events")).raw.decode()
    assert bodies["submit"]["scores"]["theoretical"]["score"] == 1.0
    others = [(await student.get(end)).body for end in (path, "/assessments", f"{path}/webhook/deliveries")]
    everything = [bodies, json.loads(re.findall("data: (.*)", events)[-1]), *others]
    return json.dumps(canonical(everything, set(questions)), indent=1)


def canonical(value: Any, kept: set[str]) -> Any:
    """The value with sorted lists, and without ids other than those `kept`, times and versions."""
    if isinstance(value, dict):
        volatile = ("duration_ms", "stages", "version", "revision", "owner")
        return {key: canonical(inner, kept) for key, inner in value.items() if key not in volatile}
    if isinstance(value, list):
        return sorted((canonical(inner, kept) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    if isinstance(value, str):
        value = re.sub(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda id_: id_[0] if id_[0] in kept else "", value
        )
        return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "", value)
    return value


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({"show_correct": "never", "attempts": 3}, True),
        ({"show_correct": "last_attempt", "attempts": 3}, True),
        ({"show_correct": "last_attempt"}, True),
        ({"show_correct": "always"}, False),
    ],
)
async def test_nothing_depends_on_which_questions_were_right(
    api: Api, bank: Bank, finish: Finish, fields: dict[str, Any], same: bool
) -> None:
    """Two students get the same points for different questions. Skills, summary, recommendations and all else that they
    read are the same."""
    questions = await create_exam(api)
    await set_track(api, EXAM, **fields)
    first = await everything_read(api, finish, questions, 0, "amy")
    second = await everything_read(api, finish, questions, 2, "ben")
    if same:
        assert first == second
    else:
        assert first != second


async def find_keys(api: Api, finish: Finish, questions: list[str], limit: int) -> tuple[dict[str, str], int]:
    """The keys that a student finds by starting again and trying the next option of each question, and the attempts."""
    keys: dict[str, str] = {}
    for attempt in range(limit):
        started = await api.post("/assessments", {"track": EXAM})
        if started.status == 409:
            return keys, attempt
        tried = {question_id: keys.get(question_id, SOILS[attempt % len(SOILS)]) for question_id in questions}
        answers = [{"question_id": question_id, "answer": option} for question_id, option in tried.items()]
        path = started.headers["Location"]
        submitted = await api.post(f"{path}/submit", {"responses": answers})
        await finish()
        lines = {
            **theory_lines({"submit": submitted.body}),
            **theory_lines({"status": (await api.get(f"{path}/status")).body}),
        }
        for by_id in lines.values():
            keys |= {question_id: tried[question_id] for question_id, line in by_id.items() if line["correct"]}
    return keys, limit


@pytest.mark.parametrize(
    ("fields", "revealed"),
    [({}, len(SKILLS)), ({"show_correct": "never", "attempts": 3}, 0), ({"show_correct": "last_attempt"}, 0)],
)
async def test_keys_are_not_found_by_starting_again(
    api: Api, bank: Bank, finish: Finish, fields: dict[str, Any], revealed: int
) -> None:
    questions = await create_exam(api)
    await set_track(api, EXAM, **fields)
    keys, attempts = await find_keys(api, finish, questions, 6)
    assert (len(keys), attempts) == (revealed, fields.get("attempts", 6))
