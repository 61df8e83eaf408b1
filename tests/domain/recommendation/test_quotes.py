"""What is quoted of a credential: what it teaches, rather than prerequisites and exams."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import sample_data
from app.domain.recommendation.credentials import passages
from app.domain.recommendation.quotes import Passage, choose_quote, is_demand
from app.domain.recommendation.skill_aliases import default_aliases
from app.domain.text import sentences
from tests.domain.builders import awkward_texts, numbered_id, quick

_LABELS = Path(__file__).parents[2] / "data/retrieval/demands.json"


def passages_of(description: str) -> list[Passage]:
    """The passages as the search has them."""
    return [
        Passage(numbered_id(number), span.start, span.end, span.text)
        for number, span in enumerate(passages(description))
    ]


def quoted(description: str, *skills: str) -> str:
    """The text of the quote."""
    quote = choose_quote(passages_of(description), skills, default_aliases())
    assert description[quote.start : quote.end] == quote.text
    return quote.text


@pytest.mark.parametrize(
    "demand",
    [
        "Some knowledge of SQL is required.", "Participants should know the basics of soil.",
        "The exam asks forty questions about soil.", "Two years of experience are recommended.",
        "The certificate is renewed every year.", "Assessment is by a project on soil.",
        "No previous experience with soil is needed.", "Prerequisites: soil.", "It takes about ten hours.",
    ],
)  # fmt: skip
def test_prerequisites_and_exams_are_not_quoted(demand: str) -> None:
    taught = "Learners plan gardens by season."
    assert is_demand(demand) and not is_demand(taught)
    assert quoted(f"{demand} {taught}", "soil") == quoted(f"{taught} {demand}", "soil") == taught


@pytest.mark.parametrize(
    "sentence",
    [
        "Covers soil, water, seeds, tools and the exam of the guild.", "The exam on soil.",
        "Clay, sand, loam, silt, peat and chalk have to be told apart in the exam.", "Teaches what a soil test shows.",
    ],
)  # fmt: skip
def test_a_sentence_on_what_is_taught_may_mention_the_exam(sentence: str) -> None:
    assert not is_demand(sentence)


def test_a_sentence_without_an_end_takes_no_long_time() -> None:
    """In characters that are read, because time says little on a busy machine: what follows makes no difference."""
    start = "No " * 200
    assert is_demand(start) == is_demand(f"{start}{'no ' * 3_000}") == is_demand(f"{start}experience is required")


def test_the_part_that_says_most_of_the_skills_is_quoted_or_else_the_first() -> None:
    text = "All about gardens. An exam concludes it. Water is saved in barrels. Soils are compared, and water is saved."
    assert quoted(text, "water", "soil") == "Water is saved in barrels. Soils are compared, and water is saved."
    assert quoted(text) == quoted(text, "mulching") == "All about gardens."


def test_a_description_of_nothing_but_demands_is_quoted_all_the_same() -> None:
    text = "The exam has forty questions. Two years of experience are required."
    assert quoted(text, "soil") == text


def test_of_equal_parts_the_one_whose_words_match_is_quoted() -> None:
    """Where PostgreSQL's stems see more than our folded words."""
    first, second = Passage(numbered_id(1), 0, 5, "Soil."), Passage(numbered_id(2), 6, 17, "Irrigating.", shared=0.1)
    assert choose_quote([first, second], ("irrigation",), default_aliases()) == second


@quick
@given(st.lists(st.one_of(awkward_texts, st.just("An exam ends it. "))).map("".join).filter(sentences))
def test_a_quote_is_always_in_its_passage(text: str) -> None:
    quote = choose_quote(passages_of(text), ("exam",), default_aliases())
    passage = next(passage for passage in passages_of(text) if passage.passage_id == quote.passage_id)
    assert passage.start <= quote.start < quote.end <= passage.end
    assert text[quote.start : quote.end] == quote.text


def test_few_quotes_of_the_sample_credentials_have_demands() -> None:
    """For each skill of each credential, by labels of the sentences; whole passages would have four times as many."""
    labels = {sample_data.sample_id(key): label for key, label in json.loads(_LABELS.read_text("utf-8")).items()}
    whole = cut = count = 0
    for key, body in sample_data.credentials():
        spans = sentences(body["description"])
        demands = [span for letter, span in zip(labels[key], spans, strict=True) if letter == "D"]
        for skill in body["skills"]:
            parts = passages_of(body["description"])
            quote = choose_quote(parts, (skill,), default_aliases())
            passage = next(part for part in parts if part.passage_id == quote.passage_id)
            whole += any(passage.start <= span.start < passage.end for span in demands)
            cut += any(quote.start <= span.start < quote.end for span in demands)
            count += 1
    assert cut / count < 0.06 and whole / count > 0.2, (cut / count, whole / count)
