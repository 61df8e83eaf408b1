"""Saving responses: some of them, again, removing them, and invalid ones."""

from typing import Any
from uuid import uuid4

import orjson
import pytest

from app.repositories.sql import Pool
from tests.api import Api
from tests.bank import SLUG, Bank
from tests.web.problems import invalid, problem

NESTED = {"id": "A"}
# For each question, answers that fit as they are, and ones that don't with where it says so.
FITTING: dict[str, list[Any]] = {
    "right": ["A", ["A"], ["A", "B", "C"]],
    "single": ["C"],
    "multiple": [["A"], ["C", "A"]],
    "scale": [1, 5, 3.0],
    "number": [0, -7, 3.25, 1e15],
    "text": ["roses", "🌹" * 20_000, "line\nbreak\ttab"],
    "essay": ["Up.", "é" * 2000],
}
MISFITS: dict[str, list[tuple[Any, str]]] = {
    "right": [
        ("D", ""),
        ("a", ""),
        (1, ""),
        (True, ""),
        (NESTED, ""),
        (["A", "D"], "/1"),
        ([1, "A"], "/0"),
        (["A", "A"], ""),
    ],
    "single": [("D", ""), (["A"], ""), (0, ""), (False, ""), (NESTED, "")],
    "multiple": [
        ("D", ""),
        (["D"], "/0"),
        (["A", None], "/1"),
        (["A", ["B"]], "/1"),
        (["B", "B"], ""),
        (3, ""),
        (NESTED, ""),
    ],
    "scale": [(0, ""), (6, ""), (1.5, ""), ("3", ""), (True, ""), ([3], ""), (NESTED, "")],
    "number": [("4", ""), (True, ""), (1e16, ""), (-1e300, ""), ([1], ""), (NESTED, ""), (" 4", "")],
    "text": [(1, ""), (True, ""), (["roses"], ""), (NESTED, ""), ("r" * 20_001, "")],
    "essay": [(1, ""), (["Up."], ""), (NESTED, ""), ("e" * 2001, ""), (False, "")],
}
EMPTY: list[Any] = [None, "", []]


async def stored(pool: Pool) -> list[Any]:
    """All saved answers, and the counters that a save raises."""
    rows = await pool.fetch("SELECT question_id, answer, saved_at FROM responses ORDER BY question_id")
    return [*map(tuple, rows), tuple(await pool.fetchrow("SELECT revision, responses_version FROM assessments") or ())]


@pytest.fixture
def responses(path: str) -> str:
    """The path to save responses at."""
    return f"{path}/responses"


async def test_answers_are_saved_and_shown(api: Api, path: str, responses: str, bank: Bank) -> None:
    saved = await api.patch(responses, {"responses": bank.answers(right="B", number=4.5)})
    assert saved.status == 200
    assert saved.body == {"assessment_id": path.rsplit("/", 1)[1], "saved": 2, "answered": 2, "total": 10}
    more = await api.patch(responses, {"responses": bank.answers(right=["A"], text="roses")})
    assert (more.body["saved"], more.body["answered"]) == (2, 3)
    shown = {answer["question_id"]: answer for answer in (await api.get(path)).body["responses"]}
    expected = {"right": ["A"], "number": 4.5, "text": "roses"}
    assert {name: shown[str(bank.ids[name])]["answer"] for name in expected} == expected
    assert all(set(answer) == {"question_id", "answer", "saved_at"} for answer in shown.values())


async def test_valid_answers_are_saved_unchanged(api: Api, path: str, responses: str, bank: Bank) -> None:
    for name, answers in FITTING.items():
        for answer in answers:
            reply = await api.patch(responses, {"responses": bank.answers(**{name: answer})})
            assert reply.status == 200, (name, answer, reply.raw)
            kept = {saved["question_id"]: saved["answer"] for saved in (await api.get(path)).body["responses"]}
            assert kept[str(bank.ids[name])] == answer, name


async def test_invalid_answers_are_pointed_at_and_nothing_is_saved(
    api: Api, responses: str, bank: Bank, pool: Pool
) -> None:
    await api.patch(responses, {"responses": bank.answers(text="before")})
    before = await stored(pool)
    for name, misfits in MISFITS.items():
        for answer, where in misfits:
            other = "number" if name == "several" else "several"
            fine = bank.answers(**{other: ["A"]})
            reply = await api.patch(responses, {"responses": [*fine, *bank.answers(**{name: answer})]})
            assert invalid(reply) == [f"/responses/1/answer{where}"], (name, answer)
    assert await stored(pool) == before


async def test_all_errors_of_a_body_are_reported_at_once(api: Api, responses: str, bank: Bank) -> None:
    body = {"responses": [*bank.answers(right="Z", scale=9, text="fine"), {"question_id": str(uuid4()), "answer": 1}]}
    assert invalid(await api.patch(responses, body)) == [
        "/responses/0/answer", "/responses/1/answer", "/responses/3/question_id"
    ]  # fmt: skip


async def test_repeating_a_save_changes_nothing(api: Api, responses: str, bank: Bank, pool: Pool) -> None:
    body = {"responses": bank.all_answers()}
    first = await api.patch(responses, body)
    before = await stored(pool)
    assert (await api.patch(responses, body)).raw == first.raw
    assert await stored(pool) == before


async def test_an_empty_answer_removes_the_saved_one(api: Api, path: str, responses: str, bank: Bank) -> None:
    for nothing in EMPTY:
        await api.patch(responses, {"responses": bank.all_answers()})
        cleared = await api.patch(responses, {"responses": bank.answers(**dict.fromkeys(bank.ids, nothing))})
        assert (cleared.body["saved"], cleared.body["answered"]) == (10, 0)
        assert (await api.get(path)).body["responses"] == []
        again = await api.patch(responses, {"responses": bank.answers(right=nothing)})
        assert (again.status, again.body["answered"]) == (200, 0)


async def test_an_empty_save_saves_nothing(api: Api, responses: str, bank: Bank) -> None:
    blank = await api.patch(responses, {"responses": bank.answers(text="  ", essay="\n")})
    assert (blank.body["saved"], blank.body["answered"]) == (2, 0)
    assert (await api.patch(responses, {"responses": []})).body["saved"] == 0
    assert invalid(await api.send("PATCH", responses)) == ["/responses"]


async def test_unknown_and_repeated_questions_are_refused(api: Api, responses: str, bank: Bank, pool: Pool) -> None:
    strange = [{"question_id": str(uuid4()), "answer": "A"}]
    assert invalid(await api.patch(responses, {"responses": strange})) == ["/responses/0/question_id"]
    twice = [*bank.answers(right="A"), *bank.answers(text="x"), *bank.answers(right="B")]
    assert invalid(await api.patch(responses, {"responses": twice})) == ["/responses/2/question_id"]
    assert (await stored(pool))[:-1] == []


async def test_bodies_of_the_wrong_shape(api: Api, responses: str, bank: Bank, pool: Pool) -> None:
    fine = bank.answers(right="B")[0]
    wrong: list[tuple[Any, list[str]]] = [
        ({}, ["/responses"]), ({"responses": None}, ["/responses"]), ({"responses": fine}, ["/responses"]),
        ({"responses": ["B"]}, ["/responses/0"]),
        ({"responses": [{}]}, ["/responses/0/question_id", "/responses/0/answer"]),
        ({"responses": [{"question_id": fine["question_id"]}]}, ["/responses/0/answer"]),
        ({"responses": [fine | {"question_id": "x"}]}, ["/responses/0/question_id"]),
        ({"responses": [fine | {"question_id": 7}]}, ["/responses/0/question_id"]),
        ({"responses": [fine | {"score": 1}]}, ["/responses/0/score"]), ({"responses": [], "extra": 1}, ["/extra"]),
        ([fine], [""]),
    ]  # fmt: skip
    for body, pointers in wrong:
        assert invalid(await api.patch(responses, body)) == pointers, body
    assert (await stored(pool))[:-1] == []


async def test_a_body_may_have_500_responses_and_no_more(api: Api, responses: str) -> None:
    many = [{"question_id": str(uuid4()), "answer": "A"} for _ in range(501)]
    assert len(invalid(await api.patch(responses, {"responses": many[:500]}))) == 500
    assert invalid(await api.patch(responses, {"responses": many})) == ["/responses"]
    assert invalid(await api.post(responses.replace("/responses", "/submit"), {"responses": many})) == ["/responses"]


async def test_the_longest_essay_is_twenty_thousand_characters(api: Api, bank: Bank) -> None:
    await api.as_("admin").patch(f"/questions/{bank.ids['essay']}", {"max_characters": 20_000})
    path = (await api.post("/assessments", {"track": SLUG})).headers["Location"] + "/responses"
    assert (await api.patch(path, {"responses": bank.answers(essay="é" * 20_000)})).status == 200
    assert (await api.patch(path, {"responses": bank.answers(essay="🌳" * 20_000)})).status == 200
    assert invalid(await api.patch(path, {"responses": bank.answers(essay="e" * 20_001)})) == ["/responses/0/answer"]


async def test_unstorable_texts_are_pointed_at(api: Api, responses: str, bank: Bank, pool: Pool) -> None:
    fine = orjson.dumps({"responses": bank.answers(right="B", text="HERE")})
    for text in (rb"a\u0000b", rb"\ud800", rb"\udc00x", rb"\udc00\ud800"):
        reply = await api.send_raw(
            "PATCH", responses, fine.replace(b"HERE", text), {"Content-Type": "application/json"}
        )
        assert invalid(reply) == ["/responses/1/answer"]
    assert (await stored(pool))[:-1] == []
    pair = fine.replace(b"HERE", rb"\ud83c\udf39")
    assert (await api.send_raw("PATCH", responses, pair, {"Content-Type": "application/json"})).status == 200


async def test_nobody_else_may_answer_or_read(api: Api, path: str, responses: str, bank: Bank) -> None:
    other, advisor, admin = api.as_("student", sub="student-2"), api.as_("advisor"), api.as_("admin", sub="student-1")
    for caller in (other, advisor, admin):
        problem(await caller.patch(responses, {"responses": bank.answers(right="B")}), 403, "forbidden")
    for end in ("", "/status", "/result"):
        problem(await other.get(path + end), 403, "forbidden")
