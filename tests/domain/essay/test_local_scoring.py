"""The local estimate with made-up vectors: what must hold whatever the texts are."""

import hashlib
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.essay.local_scoring import MAX_CONFIDENCE, estimate, texts_to_embed
from app.domain.essay.score import Dimension, EssayScore
from app.domain.text import words
from tests.domain.builders import quick

PROMPT = "How would you keep a slow consumer from being flooded by its producer? Give two ways."
MODEL = (
    "A bounded queue between both makes the producer wait when it is full. "
    "The consumer can also grant credits, so that only as many messages are sent as it can hold. "
    "Dropping or sampling messages is acceptable where the newest value replaces the older ones."
)
ANSWER = (
    "I would put a bounded queue between the two, and when it is full the producer has to wait. "
    "Another way is that the consumer asks for messages when it is ready for more of them. "
    "Then nothing is lost, but the producer must be able to slow down."
)
# All that the rationales may say of themselves.
TEMPLATE = set(
    words(
        "By meaning, the answer is near the question and the reference answer. Meets about of ideas of the "
        "reference answer, in word words. word words in a sentence on average; the most frequent word is of its "
        "content words; capitals in longer words. Uses of the reference answer's terms, by weight. part parts "
        "repeated from the question or the answer not counted. Few of its words form English sentences."
    )
)

WORDS = [*set(words(PROMPT + MODEL + ANSWER))]
AWKWARD = [
    "e\u0301",
    "👩🏽‍💻",
    "שלום.",
    "\u200b",
    "\r\n",
    "\n\n",
    "\x00",
    "...",
    "?!",
    "A" * 700,
    "ﬁn",
    "\u202eabc",
    "İ",
]
texts = st.lists(st.one_of(st.sampled_from(WORDS), st.sampled_from(AWKWARD), st.text(max_size=6))).map(" ".join)
stored = texts.filter(bool)
answers = texts.filter(lambda text: bool(text.strip()))


@dataclass(frozen=True)
class MadeUp:
    """A reading with a token for each word, whose state a hash of the word gives."""

    states: NDArray[np.float16]
    spans: tuple[tuple[int, int], ...]


def made_up(text: str) -> MadeUp:
    found = list(re.finditer(r"\w+", text))
    rows = np.zeros((len(found), 64), np.float16)
    for row, word in zip(rows, found, strict=True):
        row[hashlib.sha256(word.group().casefold().encode(errors="replace")).digest()[0] % 64] = 1.0
    return MadeUp(rows, tuple(word.span() for word in found))


def scored(prompt: str, model_answer: str, answer: str) -> EssayScore:
    readings = {text: made_up(text) for text in texts_to_embed(prompt, model_answer, answer)}
    return estimate(prompt, model_answer, answer, readings)


def dimensions(score: EssayScore) -> list[Dimension]:
    every = score.dimensions
    return [every.relevance, every.depth, every.clarity, every.technical]


@quick
@given(stored, stored, answers)
def test_points_and_confidence_stay_in_their_ranges(prompt: str, model_answer: str, answer: str) -> None:
    score = scored(prompt, model_answer, answer)
    assert all(0 <= one.score <= 25 for one in dimensions(score))
    assert 0 <= score.confidence <= MAX_CONFIDENCE
    assert (score.scorer, score.model, score.prompt_version) == ("local", "local-2", "local-2")


@quick
@given(answers)
def test_quotes_stand_in_the_answer_where_they_say(answer: str) -> None:
    for one in dimensions(scored(PROMPT, MODEL, answer)):
        assert len(one.evidence) <= 3
        assert all(answer[quote.start : quote.end] == quote.quote for quote in one.evidence)


@quick
@given(st.lists(st.sampled_from([*MODEL.split(". "), *ANSWER.split(". "), *AWKWARD]), min_size=1))
def test_quotes_stand_in_answers_that_earn_some(parts: list[str]) -> None:
    answer = "\u200f" + "\r\n\t".join(parts)
    for one in dimensions(scored(PROMPT, MODEL, answer)):
        assert all(answer[quote.start : quote.end] == quote.quote for quote in one.evidence)


@quick
@given(answers)
def test_the_same_answer_gets_the_same_estimate(answer: str) -> None:
    assert scored(PROMPT, MODEL, answer) == scored(PROMPT, MODEL, answer)


@quick
@given(stored, answers)
def test_rationales_say_nothing_the_reference_answer_says(model_answer: str, answer: str) -> None:
    for one in dimensions(scored(PROMPT, model_answer, answer)):
        said = {word for word in words(one.rationale) if not word.isdigit()}
        assert said <= TEMPLATE


@quick
@given(answers)
def test_saying_it_twice_earns_no_more(answer: str) -> None:
    once, twice = (scored(PROMPT, MODEL, text) for text in (answer, f"{answer}\n{answer}"))
    assert twice.dimensions.total <= once.dimensions.total


@quick
@given(st.lists(st.sampled_from(PROMPT.split(". ")), min_size=1).map("\n".join))
def test_copies_of_the_question_earn_nothing(answer: str) -> None:
    score = scored(PROMPT, MODEL, answer)
    assert score.dimensions.total == 0
    assert "repeated from the question" in score.dimensions.relevance.rationale


@quick
@given(st.integers(1, 5_000), st.sampled_from([" ", ". ", "\n"]))
def test_what_is_embedded_is_bounded_and_has_no_duplicates(count: int, between: str) -> None:
    needed = texts_to_embed(PROMPT, MODEL, between.join(f"word{number}" for number in range(count)))
    # 40 thoughts of each of the three texts, at least one in a window.
    assert len(needed) == len(set(needed)) <= 120
    assert all(len(text.split()) <= 70 for text in needed)
    assert all(text.strip() for text in needed)


@quick
@given(stored, stored, answers)
def test_nothing_is_needed_beyond_what_is_asked_for(prompt: str, model_answer: str, answer: str) -> None:
    needed = texts_to_embed(prompt, model_answer, answer)
    assume(needed)
    readings = {text: made_up(text) for text in needed}
    estimate(prompt, model_answer, answer, readings)
    del readings[needed[-1]]
    with pytest.raises(KeyError):
        estimate(prompt, model_answer, answer, readings)


def test_a_long_answer_is_sampled_to_its_end() -> None:
    needed = texts_to_embed(PROMPT, MODEL, " ".join(f"This is sentence {number}." for number in range(400)))
    assert any("This is sentence 0." in text for text in needed)
    assert any("This is sentence 390." in text for text in needed)


@pytest.mark.parametrize("blank", ["", " \r\n\t\u2003"])
def test_a_blank_answer_is_refused(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        estimate(PROMPT, MODEL, blank, {})


def test_the_facts_in_the_rationales_are_counted_rightly() -> None:
    every = scored(PROMPT, MODEL, MODEL).dimensions
    assert "Meets about 3 of 3 ideas" in every.depth.rationale
    assert f"in {len(words(MODEL))} words" in every.depth.rationale
    assert every.technical.rationale.startswith("Uses 100%")
    assert re.search(r"100% near the reference answer", every.relevance.rationale)


def test_word_endings_do_not_hide_a_term() -> None:
    plain = scored(PROMPT, "Index the table.", "I would be indexing both of the tables.").dimensions
    assert plain.technical.rationale.startswith("Uses 100%")


def test_shouting_and_endless_sentences_cost_clarity() -> None:
    good, loud, endless = (
        scored(PROMPT, MODEL, text).dimensions.clarity.score
        for text in (ANSWER, ANSWER.upper(), ANSWER.replace(".", " and"))
    )
    assert good > loud
    assert good > endless


def test_confidence_is_lower_for_little_text_for_very_much_and_for_no_english() -> None:
    usual = scored(PROMPT, MODEL, ANSWER).confidence
    long = " ".join(f"In case {number} the producer has to wait for it." for number in range(200))
    for other in (
        ANSWER[:44],
        long,
        "Ich würde eine begrenzte Warteschlange nehmen. " + ANSWER.replace(" ", "x "),
    ):
        assert scored(PROMPT, MODEL, other).confidence < usual
