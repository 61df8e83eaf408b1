"""Scores that nothing supports: they keep their points, but not the confidence in them."""

import json
from typing import Any

import pytest

from app.domain.essay.score import DimensionName, EssayScore
from tests.bank import ESSAY
from tests.domain.essay.test_prompt import graded, read_raw

_FINDING = {"point": "Names cohesion.", "met": True}


def read_all(text: str = ESSAY, **dimension: Any) -> EssayScore:
    """The score of an answer that says the same in each dimension."""
    fields = {"findings": [], "quotes": [], "rationale": "", "score": 20} | dimension
    return read_raw(json.dumps({name.value: fields for name in DimensionName}), text)


@pytest.mark.parametrize(
    "dimension",
    [
        {},
        {"rationale": "Well argued."},
        {"score": 0},
        {"findings": [{"point": " .", "met": True}], "quotes": ["."]},
        {"quotes": ["I", "", " ", "it", "Water falls"]},
    ],
)
def test_a_score_without_any_support_needs_a_review(dimension: dict[str, Any]) -> None:
    score = read_all(f"I see. It is: {ESSAY}", **dimension)
    assert score.confidence == 0.2
    assert {"no_evidence", "needs_review"} <= set(score.flags)
    assert score.dimensions.total == 4 * dimension.get("score", 20)
    assert score.dimensions.depth.evidence == ()


@pytest.mark.parametrize(
    ("dimension", "confidence", "flags"),
    [
        ({"findings": [_FINDING], "quotes": ["Water rises"]}, 0.9, ()),
        ({"quotes": ["Water rises"]}, 0.9, ()),
        ({"findings": [_FINDING]}, 0.5, ("no_evidence",)),
        ({"findings": [_FINDING | {"met": False}], "score": 0}, 0.9, ()),
        ({"rationale": "You say nothing about water.", "score": 0}, 0.9, ()),
        ({"quotes": ["Water rises", "."]}, 0.9, ()),
    ],
)
def test_findings_and_quotes_support_a_score(
    dimension: dict[str, Any], confidence: float, flags: tuple[str, ...]
) -> None:
    score = read_all(**dimension)
    assert (score.confidence, score.flags) == (confidence, flags)


def test_each_dimension_without_support_costs_confidence() -> None:
    score = read_raw(json.dumps(graded(quotes=["."])))
    assert (score.confidence, score.flags) == (0.7, ("no_evidence",))


@pytest.mark.parametrize(
    ("text", "quote"), [("42.", "42."), ("Yes", "Yes"), ("水は上がる", "水は"), ("It is TCP", "is TCP")]
)
def test_a_short_quote_can_mean_something(text: str, quote: str) -> None:
    assert read_all(text, quotes=[quote]).flags == ()
