"""The local estimate with synthetic embeddings: properties that hold for any texts."""

import hashlib
import re
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.domain.essay.local_scoring import MAX_CONFIDENCE, estimate, texts_to_embed
from app.domain.essay.local_scoring.rationales import level
from app.domain.essay.score import Dimension, DimensionName, EssayScore
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
# All words that the rationales may contain.
TEMPLATE = set(
    words(
        "Nothing Little Some A good part Most Nearly all of it seems to answer the question. what makes a complete "
        "answer was found. what counts is said in a readable way. what was expected seems to be said correctly, in the "
        "terms of the subject. By meaning, the answer is far from partly near the question and near the expected "
        "answer. Much of it is about something else. Of idea ideas of the expected answer, met with and missing. word "
        "words count. No idea is met. word words in a sentence on average; the most frequent word is of its content "
        "words; capitals in longer words. The answer uses few some most of the expected terms. part parts repeated "
        "from the question or the answer not counted. Few of its words form English sentences. The answer itself calls "
        "what it says false. In one statement, two things seem to have changed places. A number, a unit or a name "
        "seems to be another than it should be. Something seems to be denied that should not be. Something seems to be "
        "the opposite of what it should be."
    )
)
QUOTED = re.compile("“(.+?)( …)?”", re.DOTALL)

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
class WordEmbeddings:
    """The embeddings of a text: a token for each word, whose state depends on a hash of the word."""

    states: NDArray[np.float16]
    spans: tuple[tuple[int, int], ...]


def embed(text: str) -> WordEmbeddings:
    matches = list(re.finditer(r"\w+", text))
    rows = np.zeros((len(matches), 64), np.float16)
    for row, match in zip(rows, matches, strict=True):
        row[hashlib.sha256(match.group().casefold().encode(errors="replace")).digest()[0] % 64] = 1.0
    return WordEmbeddings(rows, tuple(match.span() for match in matches))


def scored(prompt: str, model_answer: str, answer: str) -> EssayScore:
    embeddings = {text: embed(text) for text in texts_to_embed(prompt, model_answer, answer)}
    return estimate(prompt, model_answer, answer, embeddings)


def dimensions(score: EssayScore) -> list[Dimension]:
    return [getattr(score.dimensions, name) for name in DimensionName]


@quick
@given(stored, stored, answers)
def test_points_and_confidence_stay_in_their_ranges(prompt: str, model_answer: str, answer: str) -> None:
    score = scored(prompt, model_answer, answer)
    assert all(0 <= dimension.score <= 25 for dimension in dimensions(score))
    assert 0 <= score.confidence <= MAX_CONFIDENCE
    assert (score.scorer, score.model, score.prompt_version) == ("local", "local-4", "local-4")
    assert all(dimension.score % 5 == 0 for dimension in dimensions(score))
    assert (score.dimensions.total % 10, round(10 * score.confidence, 6) % 1) == (0, 0)


@quick
@given(answers)
def test_quotes_are_cut_out_of_the_answer(answer: str) -> None:
    for dimension in dimensions(scored(PROMPT, MODEL, answer)):
        assert len(dimension.evidence) <= 3
        assert all(answer[quote.start : quote.end] == quote.quote for quote in dimension.evidence)


@quick
@given(st.lists(st.sampled_from([*MODEL.split(". "), *ANSWER.split(". "), *AWKWARD]), min_size=1))
def test_quotes_are_cut_out_of_answers_that_earn_points(parts: list[str]) -> None:
    answer = "\u200f" + "\r\n\t".join(parts)
    for dimension in dimensions(scored(PROMPT, MODEL, answer)):
        assert all(answer[quote.start : quote.end] == quote.quote for quote in dimension.evidence)


@quick
@given(answers)
def test_the_same_answer_gets_the_same_estimate(answer: str) -> None:
    assert scored(PROMPT, MODEL, answer) == scored(PROMPT, MODEL, answer)


@quick
@given(stored, answers)
def test_rationales_do_not_reveal_the_reference_answer(model_answer: str, answer: str) -> None:
    for dimension in dimensions(scored(PROMPT, model_answer, answer)):
        for quote in QUOTED.finditer(dimension.rationale):
            assert quote[1] in answer
        own_words = QUOTED.sub("", dimension.rationale)
        assert {word for word in words(own_words) if not word.isdigit()} <= TEMPLATE


@quick
@given(stored, stored, answers)
def test_quotes_of_the_evidence_say_nothing_about_the_reference_answer(one: str, other: str, answer: str) -> None:
    pairs = zip(*(dimensions(scored(PROMPT, model_answer, answer)) for model_answer in (one, other)), strict=True)
    for first, second in pairs:
        assert first.evidence == second.evidence or not (first.evidence and second.evidence)


@quick
@given(st.lists(st.tuples(stored, answers), min_size=2, max_size=6))
def test_the_same_rationale_never_comes_with_other_points(pairs: list[tuple[str, str]]) -> None:
    seen: dict[tuple[DimensionName, str], int] = {}
    for model_answer, answer in pairs:
        dimensions_by_name = scored(PROMPT, model_answer, answer).dimensions
        for name in DimensionName:
            dimension: Dimension = getattr(dimensions_by_name, name)
            # The first sentence alone says how many points there are.
            said = (name, dimension.rationale.split(".")[0])
            assert seen.setdefault(said, dimension.score) == dimension.score


def test_each_number_of_points_has_words_of_its_own() -> None:
    for name in DimensionName:
        assert len({level(name, points) for points in range(0, 26, 5)}) == 6


@quick
@given(answers)
def test_repeating_the_answer_earns_no_more(answer: str) -> None:
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
    # 40 pieces of each of the three texts, at least one in a window.
    assert len(needed) == len(set(needed)) <= 120
    assert all(len(text.split()) <= 70 for text in needed)
    assert all(text.strip() for text in needed)


@quick
@given(stored, stored, answers)
def test_exactly_the_listed_texts_are_needed(prompt: str, model_answer: str, answer: str) -> None:
    needed = texts_to_embed(prompt, model_answer, answer)
    assume(needed)
    embeddings = {text: embed(text) for text in needed}
    estimate(prompt, model_answer, answer, embeddings)
    del embeddings[needed[-1]]
    with pytest.raises(KeyError):
        estimate(prompt, model_answer, answer, embeddings)


def test_a_long_answer_is_sampled_to_its_end() -> None:
    needed = texts_to_embed(PROMPT, MODEL, " ".join(f"This is sentence {number}." for number in range(400)))
    assert any("This is sentence 0." in text for text in needed)
    assert any("This is sentence 390." in text for text in needed)


@pytest.mark.parametrize("blank", ["", " \r\n\t\u2003"])
def test_a_blank_answer_is_refused(blank: str) -> None:
    with pytest.raises(ValueError, match="blank"):
        estimate(PROMPT, MODEL, blank, {})


def test_the_exact_figures_are_kept_for_staff() -> None:
    score = scored(PROMPT, MODEL, MODEL)
    figures = score.figures
    assert figures is not None
    assert (figures["ideas"], figures["ideas_met"], figures["term_share"]) == (3, 3, 1)
    assert figures["reference_similarity"] == pytest.approx(1)
    assert abs(figures["estimate"] - score.dimensions.total) <= 5
    assert 0 <= figures["confidence"] - score.confidence < 0.1


def test_the_rationales_say_how_much_in_words() -> None:
    copied, unrelated = (scored(PROMPT, MODEL, text).dimensions for text in (MODEL, "I grow tomatoes and beans."))
    assert "Of 3 ideas of the expected answer, 3 met, with “" in copied.depth.rationale
    assert "0 missing" in copied.depth.rationale
    assert "uses most of the expected terms" in copied.technical.rationale
    assert "and near the expected answer." in copied.relevance.rationale
    assert "uses few of" in unrelated.technical.rationale
    assert "Of 3 ideas of the expected answer, 0 met; 3 missing." in unrelated.depth.rationale


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (f"{MODEL} None of this is true.", "calls what it says false"),
        (MODEL.replace("between both makes", "between both never makes"), "seems to be denied"),
    ],
)
def test_the_rationale_says_what_was_off(answer: str, said: str) -> None:
    assert said in scored(PROMPT, MODEL, answer).dimensions.technical.rationale


def test_a_sentence_that_repeats_the_question_counts_if_it_answers_it() -> None:
    """The whole sentence was left out, so that the right answer got no points."""
    question = "What is the alternative way to solve a problem that is usually solved by recursion?"
    right, copy = (
        scored(question, "Iteration.", text).dimensions
        for text in (
            "Iteration is the alternative way to solve a problem that is usually solved by recursion.",
            "The alternative way to solve a problem that is usually solved by recursion.",
        )
    )
    assert right.total > copy.total == 0


def test_word_endings_do_not_hide_a_term() -> None:
    plain = scored(PROMPT, "Index the table.", "I would be indexing both of the tables.")
    assert plain.figures and plain.figures["term_share"] == 1


def test_shouting_and_endless_sentences_cost_clarity() -> None:
    gardening = "Tomatoes need a lot of sun."
    good, loud, endless = (
        scored(PROMPT, gardening, text).dimensions.clarity.score
        for text in (ANSWER, ANSWER.upper(), ANSWER.replace(".", " and"))
    )
    assert good > loud
    assert good > endless


def test_confidence_is_lower_for_very_short_and_very_long_texts_and_other_languages() -> None:
    usual = scored(PROMPT, MODEL, ANSWER).confidence
    long = " ".join(f"In case {number} the producer has to wait for it." for number in range(200))
    for other in (
        ANSWER[:44],
        long,
        "Ich würde eine begrenzte Warteschlange nehmen. " + ANSWER.replace(" ", "x "),
    ):
        assert scored(PROMPT, MODEL, other).confidence < usual
