"""What overlap of words cannot see: other numbers and names, swapped roles, denials, and answers that disclaim
themselves; and that paraphrases are not taken for any of it."""

import pytest

from app.domain.essay.local_scoring.contradictions import Contradiction, find_contradictions
from app.domain.essay.local_scoring.disclaimers import disclaimed_share
from app.domain.essay.local_scoring.quantities import find_facts
from app.domain.essay.local_scoring.roles import are_swapped, has_opposite

PROMPT = "How does it work?"


def found(reference: str, answer: str) -> set[Contradiction]:
    return set(find_contradictions(PROMPT, reference, [reference], [answer]))


@pytest.mark.parametrize(
    ("reference", "answer", "kind"),
    [
        ("The cache holds 64 pages for each process.", "The cache holds 16 pages for each process.", "facts"),
        ("A timeout of 500 ms ends the request.", "A timeout of 500 s ends the request.", "facts"),
        ("The browser opens a TCP connection first.", "The browser opens a UDP connection first.", "facts"),
        ("The client waits for the server.", "The server waits for the client.", "swapped"),
        ("Memory is faster than disk.", "Disk is faster than memory.", "swapped"),
        ("It locks the row before it reads the table.", "It reads the table before it locks the row.", "swapped"),
        ("The queue keeps the order of messages.", "The queue does not keep the order of messages.", "denied"),
        ("A higher price lowers the demand for goods.", "A lower price lowers the demand for goods.", "opposite"),
        ("No, packets may be lost.", "Yes, packets may be lost.", "opposite"),
    ],
)
def test_a_falsified_sentence_is_noticed(reference: str, answer: str, kind: str) -> None:
    assert kind in found(reference, answer)


@pytest.mark.parametrize(
    ("reference", "answer"),
    [
        ("The cache holds 64 pages for each process.", "Each process has 64 pages in the cache."),
        ("A timeout of 500 ms ends the request.", "The request ends after half a second, i.e. a timeout of 0.5 s."),
        ("The client awaits the server.", "The server is awaited by the client."),
        ("Memory is faster than disk.", "Disk is slower than memory."),
        ("There is a path with the bulb and the battery.", "There is a path with the battery and the bulb."),
        ("The terminals are not connected.", "The terminals are separate and have a gap between them."),
        ("The price rises when the supply falls.", "If there is less supply, goods cost more."),
    ],
)
def test_a_paraphrase_is_not_taken_for_a_contradiction(reference: str, answer: str) -> None:
    assert found(reference, answer) == set()


@pytest.mark.parametrize(
    ("sentences", "share"),
    [
        (["Iron floats.", "All of this is false."], 1.0),
        (["Iron floats on water.", "None of that is true."], 1.0),
        (["Iron floats on water.", "In fact, the opposite is true."], 1.0),
        (["It is not true that iron floats."], 1.0),
        (["Iron sinks.", "It is false that iron floats here today."], 0.8),
        (["It is false positives that cost most."], 0.0),
        (["This is wrong in a few cases only."], 0.0),
    ],
)
def test_what_a_text_calls_false_is_found(sentences: list[str], share: float) -> None:
    assert disclaimed_share(sentences) == pytest.approx(share)


def test_units_are_converted() -> None:
    values = [fact.value for text in ("0.5 s", "500 ms", "half a second") for fact in find_facts(text)]
    assert values[0] == pytest.approx(values[1])


def test_numbers_of_the_question_are_no_contradiction() -> None:
    reference, answer = "With 3 nodes, 2 must agree on a value.", "With 5 nodes, 2 must agree on a value."
    assert find_contradictions("What if there are 3 or 5 nodes?", reference, [reference], [answer]) == {}


def test_opposites_cancel_each_other_within_a_clause() -> None:
    assert not has_opposite("More heat makes less ice.", "Less heat makes more ice.")
    assert has_opposite("More heat makes less ice.", "Less heat makes less ice.")
    assert not are_swapped("More heat makes less ice.", "Less heat makes more ice.")
