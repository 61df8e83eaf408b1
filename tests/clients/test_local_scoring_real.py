"""The local estimate with real vectors: the claims its constants were set for, on the sample students' essays."""

import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.clients.embeddings import OfflineEmbedder
from app.domain.essay import EssayScore
from app.domain.local_scoring import estimate, texts_to_embed
from app.domain.text import words

SAMPLES = Path(__file__).parents[2] / "app" / "sample_data"
Question = dict[str, Any]
Estimate = Callable[[Question, str], Awaitable[EssayScore]]

ESSAYS: dict[str, Question] = {
    question["key"]: question
    for question in json.loads((SAMPLES / "questions.json").read_text(encoding="utf-8"))
    if question["type"] == "essay"
}
STUDENTS: list[dict[str, Any]] = json.loads((SAMPLES / "students.json").read_text(encoding="utf-8"))
GARDEN = (
    "Tomatoes need a lot of sun and regular water. I grow mine against a south wall, because it keeps the warmth "
    "in the evening. In June the side shoots have to be removed, or the plant puts all its strength into leaves. "
    "When the first fruits are red, I pick them early in the morning, and my mother makes a sauce from them."
)

every_essay = pytest.mark.parametrize("question", ESSAYS.values(), ids=ESSAYS.keys())


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def score() -> AsyncIterator[Estimate]:
    embedder = OfflineEmbedder()

    async def scored(question: Question, answer: str) -> EssayScore:
        needed = texts_to_embed(question["prompt"], question["model_answer"], answer)
        vectors = dict(zip(needed, await embedder.embed(needed), strict=True))
        return estimate(question["prompt"], question["model_answer"], answer, vectors)

    yield scored
    await embedder.close()


def answer_of(strength: str, question: Question) -> str | None:
    found = (student["answers"].get(question["key"]) for student in STUDENTS if student["strength"] == strength)
    return next((answer for answer in found if answer), None)


def strong(question: Question) -> str:
    answer = answer_of("strong", question)
    assert answer is not None
    return answer


def answers_to(question: Question) -> list[str]:
    found = (answer_of(strength, question) for strength in ("strong", "middling"))
    return [answer for answer in found if answer]


@every_essay
async def test_stronger_students_get_more(score: Estimate, question: Question) -> None:
    answers = [answer_of(strength, question) for strength in ("strong", "middling", "weak")]
    totals = [(await score(question, answer)).dimensions.total for answer in answers if answer]
    assert 70 <= totals[0] <= 95
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == len(totals) >= 2


@every_essay
async def test_a_copy_of_the_reference_answer_gets_nearly_all(score: Estimate, question: Question) -> None:
    assert 85 <= (await score(question, question["model_answer"])).dimensions.total <= 100


@every_essay
async def test_essays_on_other_subjects_get_little(score: Estimate, question: Question) -> None:
    assert (await score(question, GARDEN)).dimensions.total == 0
    others = [answer for one in ESSAYS.values() if one is not question for answer in answers_to(one)]
    totals = sorted([(await score(question, other)).dimensions.total for other in others])
    # Two questions of one trade can be near neighbours (a plan of tests, a plan of an experiment): one exception.
    assert totals[-2] < 25
    assert totals[-1] <= 33


@every_essay
async def test_copying_the_question_earns_little(score: Estimate, question: Question) -> None:
    for copy in (question["prompt"], f"Let me repeat the question first. {question['prompt']} That is a good one."):
        assert (await score(question, copy)).dimensions.total < 15


@every_essay
async def test_a_list_of_the_right_terms_is_held_down(score: Estimate, question: Question) -> None:
    terms = [word for word in dict.fromkeys(words(question["model_answer"])) if len(word) > 4]
    for listed in (", ".join(terms), ". ".join(" ".join(terms[at : at + 8]) for at in range(0, len(terms), 8))):
        assert (await score(question, listed)).dimensions.total < 20


@every_essay
async def test_gibberish_gets_nearly_nothing(score: Estimate, question: Question) -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    letters = "".join(dice.choice("abcdefghijklmnopqrstuvwxyz    .") for _ in range(600))
    for gibberish in (letters, "asdf jkl; qwer " * 40, "I don't know."):
        assert (await score(question, gibberish)).dimensions.total <= 5


@every_essay
async def test_saying_it_twice_is_no_better(score: Estimate, question: Question) -> None:
    for once in answers_to(question):
        twice = await score(question, f"{once}\n\n{once}")
        assert twice.dimensions.total <= (await score(question, once)).dimensions.total


async def test_an_answer_in_another_language_is_estimated_with_little_confidence(score: Estimate) -> None:
    german = (
        "Zuerst würde ich herausfinden, was die langsamen Anfragen gemeinsam haben, und dann die Ursache Schritt "
        "für Schritt eingrenzen. Danach prüfe ich, ob die Änderung geholfen hat, und richte eine Warnung ein."
    )
    assert (await score(ESSAYS["be-e-slow-endpoint"], german)).confidence < 0.15


async def test_an_essay_is_estimated_in_well_under_a_second(score: Estimate) -> None:
    question = ESSAYS["be-e-slow-endpoint"]
    await score(question, question["model_answer"])
    start = time.perf_counter()
    await score(question, strong(question).replace("the", "this"))
    assert time.perf_counter() - start < 1.0
