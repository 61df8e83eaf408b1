"""The local estimate with real vectors, on the sample students' essays, which its regression was not trained on."""

import json
import random
import re
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from app.clients.llm.embeddings_local import OfflineEmbedder
from app.domain.essay.local_scoring import estimate, texts_to_embed
from app.domain.essay.score import EssayScore
from app.domain.text import sentences, words

SAMPLES = Path(__file__).parents[3] / "app" / "sample_data"
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

# Prompt, reference answer, a right answer and a false one in the same words.
CONTRADICTIONS = (
    (
        "Is UDP reliable?",
        "No, UDP is not reliable. It does not acknowledge packets, and lost packets are not sent again.",
        "No, it is not reliable: packets are not acknowledged, and what is lost is not sent again.",
        "Yes, it is reliable: packets are acknowledged, and what is lost is sent again.",
    ),
    (
        "What does an index on a column do to reading and writing?",
        "An index makes queries on the column faster, because the database finds rows without reading the whole "
        "table. Writes become slower, because the index has to be kept up to date.",
        "Queries on that column get faster, since the database does not have to read the whole table. Writes get "
        "slower, because the index must be updated too.",
        "Queries on that column never get faster, since the database can not find rows without reading the whole "
        "table. Writes do not get slower, because the index must not be updated.",
    ),
    (
        "How does the body keep its temperature when it is hot?",
        "Blood vessels near the skin widen, so that more heat is given off, and sweat cools the skin as it evaporates.",
        "The blood vessels in the skin widen and give off more heat, and sweating cools the skin by evaporation.",
        "The blood vessels in the skin do not widen and never give off more heat, and sweating does not cool the skin.",
    ),
    (
        "Why do prices rise when supply falls?",
        "When supply falls and demand stays the same, buyers compete for fewer goods, so sellers can ask for more.",
        "If there is less supply and the same demand, buyers compete for the fewer goods and sellers can ask for more.",
        "If there is less supply and the same demand, buyers do not compete for them and sellers can not ask more.",
    ),
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


def denied(text: str) -> str:
    """The text with a denial in each sentence, or without the one it had."""
    return "\n".join(_denied(sentence.text) for sentence in sentences(text))


def _denied(text: str) -> str:
    verb = re.compile(r"\b(is|are|was|were|can|could|will|would|should|must|may|has|have|does|do)\b(\s+not\b)?", re.I)
    turned, count = verb.subn(lambda found: found[1] if found[2] else f"{found[1]} not", text, count=1)
    return turned if count else f"It is not true that {text}"


def answers_to(question: Question) -> list[str]:
    found = (answer_of(strength, question) for strength in ("strong", "middling"))
    return [answer for answer in found if answer]


# Who answers well in words of their own can come out level with a duller answer in the reference answer's words, so
# that the order is not the claim for a single essay: the distance to weak answers is.
@every_essay
async def test_weak_answers_get_much_less(score: Estimate, question: Question) -> None:
    answers = {strength: answer_of(strength, question) for strength in ("strong", "middling", "weak")}
    totals = {name: (await score(question, answer)).dimensions.total for name, answer in answers.items() if answer}
    assert 65 <= totals["strong"] <= 95
    assert 35 <= totals["middling"] <= totals["strong"] + 5
    assert totals.get("weak", 0) <= min(totals["strong"], totals["middling"]) - 15


async def test_on_the_whole_stronger_students_get_more(score: Estimate) -> None:
    means = []
    for strength in ("strong", "middling", "weak"):
        pairs = [(one, answer_of(strength, one)) for one in ESSAYS.values()]
        means.append(statistics.mean([(await score(one, it)).dimensions.total for one, it in pairs if it]))
    assert means[0] > means[1] + 8
    assert means[1] > means[2] + 20


@every_essay
async def test_a_copy_of_the_reference_answer_gets_nearly_all(score: Estimate, question: Question) -> None:
    assert (await score(question, question["model_answer"])).dimensions.total >= 95


@every_essay
async def test_essays_on_other_subjects_get_little(score: Estimate, question: Question) -> None:
    assert (await score(question, GARDEN)).dimensions.total <= 15
    others = [answer for one in ESSAYS.values() if one is not question for answer in answers_to(one)]
    totals = sorted([(await score(question, other)).dimensions.total for other in others])
    # Two questions of one trade can be near neighbours: a plan of tests, a plan of an experiment.
    assert statistics.median(totals) <= 10
    assert totals[-3] <= 35
    assert totals[-1] <= 45


@every_essay
async def test_copying_the_question_earns_little(score: Estimate, question: Question) -> None:
    for copy in (question["prompt"], f"Let me repeat the question first. {question['prompt']} That is a good one."):
        assert (await score(question, copy)).dimensions.total < 15
    padding = "It is a very interesting question, and there are many points of view on it that have to be considered."
    assert (await score(question, f"{question['prompt']} {padding}")).dimensions.total < 25


@every_essay
async def test_a_list_of_the_right_terms_is_held_down(score: Estimate, question: Question) -> None:
    terms = [word for word in dict.fromkeys(words(question["model_answer"])) if len(word) > 4]
    for listed in (", ".join(terms), ". ".join(" ".join(terms[at : at + 8]) for at in range(0, len(terms), 8))):
        assert (await score(question, listed)).dimensions.total < 20


@every_essay
async def test_gibberish_gets_nearly_nothing(score: Estimate, question: Question) -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    letters = "".join(dice.choice("abcdefghijklmnopqrstuvwxyz    .") for _ in range(600))
    for gibberish in (letters, "asdf jkl; qwer " * 40, "I don't know.", "No response."):
        assert (await score(question, gibberish)).dimensions.total <= 12


@every_essay
async def test_the_same_words_in_no_order_get_less(score: Estimate, question: Question) -> None:
    dice = random.Random(11)  # noqa: S311 - no secret
    totals = []
    for _ in range(3):
        mixed = strong(question).split()
        dice.shuffle(mixed)
        totals.append((await score(question, " ".join(mixed))).dimensions.total)
    assert statistics.mean(totals) <= 0.65 * (await score(question, strong(question))).dimensions.total


@every_essay
async def test_the_opposite_in_the_same_words_gets_less(score: Estimate, question: Question) -> None:
    genuine = (await score(question, strong(question))).dimensions.total
    assert (await score(question, denied(strong(question)))).dimensions.total <= 0.8 * genuine


async def test_false_statements_in_the_right_words_get_less(score: Estimate) -> None:
    for prompt, reference, right, wrong in CONTRADICTIONS:
        question = {"prompt": prompt, "model_answer": reference}
        one, other = [(await score(question, text)).dimensions.total for text in (right, wrong)]
        assert other <= 0.75 * one, wrong


@every_essay
async def test_hidden_characters_earn_nothing(score: Estimate, question: Question) -> None:
    plain = (await score(question, strong(question))).dimensions.total
    for hidden in ("\u200b", "\u00ad", "\u202e"):
        text = strong(question).replace(" ", f"{hidden} ")
        assert (await score(question, text)).dimensions.total <= plain + 5


@every_essay
async def test_a_very_long_text_is_estimated_in_time_and_not_highly(score: Estimate, question: Question) -> None:
    terms = [word for word in words(question["model_answer"]) if len(word) > 3]
    dice = random.Random(3)  # noqa: S311 - no secret
    for text in (" ".join(dice.choice(terms) for _ in range(2_500)), f"{question['prompt']} {GARDEN} " * 40):
        assert (await score(question, text[:20_000])).dimensions.total <= 25


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


async def test_tokens_come_with_their_places_and_outlast_being_remembered() -> None:
    embedder = OfflineEmbedder()
    text = "Queues smooth bursts; \u00fcber 3\u202f% of them."
    first, again = [(await embedder.embed([text]))[0] for _ in range(2)]
    assert len(first.states) == len(first.spans)
    assert np.allclose(np.linalg.norm(first.states.astype(np.float32), axis=1), 1.0, atol=2e-3)
    assert [text[start:end] for start, end in first.spans][:4] == ["Queue", "s", "smooth", "bursts"]
    assert np.array_equal(first.states, again.states)
    assert first.spans == again.spans
    await embedder.close()
