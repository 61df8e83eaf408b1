"""Points, shares and quotes of an essay's score."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.essay.score import Dimension, EssayScore, Evidence, find_quote
from tests.domain.builders import awkward_texts, dimensions, quick


@pytest.mark.parametrize(("scores", "share"), [((0, 0, 0, 0), 0.0), ((20, 17, 18, 16), 0.71), ((25, 25, 25, 25), 1.0)])
def test_the_share_is_the_sum_of_the_dimensions_over_100(scores: tuple[int, ...], share: float) -> None:
    score = EssayScore(scorer="gpt", model="m", prompt_version="p", confidence=0.5, dimensions=dimensions(*scores))
    assert (score.dimensions.total, score.share) == (sum(scores), share)


@pytest.mark.parametrize("score", [-1, 26])
def test_a_dimension_has_0_to_25_points(score: int) -> None:
    with pytest.raises(ValidationError):
        Dimension(score=score, rationale="")


def test_a_dimension_has_its_maximum() -> None:
    assert Dimension(score=20, rationale="").model_dump()["max_score"] == 25


@pytest.mark.parametrize("changes", [{"end": 4}, {"end": 6}, {"start": -1}, {"quote": "", "end": 2}])
def test_evidence_whose_span_does_not_fit_its_quote_is_refused(changes: dict[str, Any]) -> None:
    evidence = {"quote": "abc", "start": 2, "end": 5}
    assert Evidence.model_validate(evidence).quote == "abc"
    with pytest.raises(ValidationError):
        Evidence.model_validate(evidence | changes)


@quick
@given(awkward_texts.filter(bool), st.data())
def test_any_piece_of_a_text_is_found(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    quote = text[start : data.draw(st.integers(start + 1, len(text)))]
    evidence = find_quote(quote, text)
    assert evidence is not None
    assert evidence.start <= start
    assert text[evidence.start : evidence.end] == evidence.quote == quote


@pytest.mark.parametrize("quote", ["", "Water ", "water  rises", "é", "rises."])
def test_a_quote_that_differs_from_the_text_is_not_found(quote: str) -> None:
    assert find_quote(quote, "water rises, e\u0301") is None


def test_positions_are_in_code_points() -> None:
    assert find_quote("roots", "👩🏽‍💻 roots") == Evidence(quote="roots", start=5, end=10)
