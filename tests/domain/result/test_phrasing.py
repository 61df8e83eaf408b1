"""A summary in a model's words: what is asked, and which sentences of the answer may stand."""

import json
from typing import Any

import pytest

from app.domain.errors import TransientError
from app.domain.essay.model_prompt import fingerprint
from app.domain.phrasing import SUMMARY_VERSION, phrasing_prompt, read_phrasing, rephrased
from app.domain.result.fusion import fuse
from app.domain.result.model import SummarySentence
from tests.domain.making import facts, line
from tests.domain.result.facts import FACTS

TWO = (FACTS["total"], FACTS["theory"])
TOTAL, THEORY = "Overall, you scored 64.5 %: 2.71 of 4.2 points.", "For theory, you earned 2 of 3.2 points (62.5 %)."


def answer(*sentences: dict[str, Any]) -> str:
    return json.dumps({"sentences": sentences})


def sentence(number: int, text: str, *sources: str) -> dict[str, Any]:
    return {"number": number, "text": text, "sources": sources}


def told(*sentences: dict[str, Any]) -> list[str]:
    """The texts of both sentences as they stand in the end, each with the sources of its fact."""
    read = read_phrasing(answer(*sentences), TWO, "m")
    assert [each.sources for each in read] == [fact.sources for fact in TWO]
    assert [each.plain for each in read] == [fact.text for fact in TWO]
    return [each.text for each in read]


def test_each_fact_is_asked_about_with_its_sources_under_short_names() -> None:
    asked = json.loads(phrasing_prompt(TWO).user)["facts"]
    assert asked == [
        {"number": 1, "about": "total", "sentence": FACTS["total"].text, "sources": ["s1", "s2"]},
        {"number": 2, "about": "part", "sentence": FACTS["theory"].text, "sources": ["s1"]},
    ]


def test_the_schema_is_one_that_providers_take_as_strict() -> None:
    schema = phrasing_prompt(TWO).schema
    inner = schema["properties"]["sentences"]["items"]
    for each in (schema, inner):
        assert (each["required"], each["additionalProperties"]) == (list(each["properties"]), False)


def test_equal_facts_ask_the_same_whatever_their_questions_are() -> None:
    others = [type(fact)(fact.kind, fact.text, tuple(f"{source}9" for source in fact.sources)) for fact in TWO]
    asked = {fingerprint(phrasing_prompt(each), "m") for each in (TWO, others)}
    assert len(asked) == 1
    assert asked.isdisjoint({fingerprint(phrasing_prompt(TWO[:1]), "m"), fingerprint(phrasing_prompt(TWO), "other")})


def test_what_passes_stands_with_who_phrased_it_and_the_plain_sentence() -> None:
    read = read_phrasing(answer(sentence(2, THEORY, "s1"), sentence(1, f" {TOTAL} ", "s2", "s1")), TWO, "m")
    assert [each.text for each in read] == [TOTAL, THEORY]
    for each, fact in zip(read, TWO, strict=True):
        assert each.phrased
        assert tuple(dict(each.phrased).values()) == ("m", SUMMARY_VERSION, fact.text)


@pytest.mark.parametrize(
    "wrong",
    [
        (),
        (sentence(2, THEORY, "s1"), sentence(2, THEORY, "s1")),
        (sentence(3, THEORY, "s1"),),
        (sentence(0, THEORY, "s1"),),
        (sentence(2, THEORY),),
        (sentence(2, THEORY, "s2"),),
        (sentence(2, THEORY, "s1", "s2"),),
        (sentence(2, THEORY, "s1", "s9"),),
        (sentence(2, THEORY, "score:1"),),
        (sentence(2, TOTAL, "s1"),),
        (sentence(2, "For theory, you earned 3.2 of 3.2 points (100 %).", "s1"),),
        (sentence(2, "", "s1"),),
    ],
)
def test_what_does_not_is_replaced_and_the_rest_stands(wrong: tuple[dict[str, Any], ...]) -> None:
    assert told(sentence(1, TOTAL, "s1", "s2"), *wrong) == [TOTAL, FACTS["theory"].text]


def test_part_of_the_sources_does_not_bear_a_total() -> None:
    assert told(sentence(1, TOTAL, "s1"), sentence(2, THEORY, "s1")) == [FACTS["total"].text, THEORY]


def test_a_plain_sentence_that_is_repeated_is_nobodys_phrasing() -> None:
    read = read_phrasing(answer(sentence(2, FACTS["theory"].text, "s1")), TWO, "m")
    assert [each.phrased for each in read] == [None, None]
    assert "phrased" not in read[1].model_dump_json()


@pytest.mark.parametrize(
    "raw", ["", "{}", "[]", "Sure!", '{"sentences": [{"number": "1", "text": "x", "sources": []}]}', "[" * 100_000]
)
def test_an_answer_of_another_form_is_of_no_use(raw: str) -> None:
    with pytest.raises(TransientError) as refused:
        read_phrasing(raw, TWO, "m")
    assert refused.value.code == "model_answer_unusable"


def test_a_result_takes_over_what_says_the_same_of_the_same_and_nothing_else() -> None:
    plain = fuse(facts((line(1, 2.0, 3.2),)))
    total, theory, strengths = plain.summary
    assert (total.text, theory.text) == (
        "You earned 2 of 3.2 points (62.5 %).", "Your theory answers earned 2 of 3.2 points (62.5 %)."
    )  # fmt: skip
    (phrased,) = read_phrasing(answer(sentence(1, THEORY, "s1")), TWO[1:], "m")
    moved = phrased.model_copy(update={"sources": theory.sources})
    assert rephrased(plain, [phrased]) == plain
    assert rephrased(plain, [moved]).summary == (total, moved, strengths)
    assert rephrased(rephrased(plain, [moved]), []).summary == (total, moved, strengths)
    other = fuse(facts((line(1, 2.5, 3.2),)))
    assert rephrased(other, [moved]) == other


def test_plain_sentences_are_written_as_ever() -> None:
    written = '{"text":"So.","sources":["score:1"]}'
    assert SummarySentence(text="So.", sources=("score:1",)).model_dump_json() == written
    assert SummarySentence.model_validate_json(written).phrased is None
