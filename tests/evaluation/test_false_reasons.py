"""Which reasons are false by the labels of their query."""

from typing import Any

import pytest

from app.domain.recommendation.claims import Claim, ClaimKind
from app.evaluation.false_reasons import find_false_reasons
from app.evaluation.labelled_queries import LabelledQuery
from app.services.recommendations.evaluate_retrieval import GivenReason
from tests.domain.builders import numbered_id
from tests.evaluation.test_labelled_queries import QUERY

_LABELS: dict[str, Any] = {"refused": ["Water"], "named": ["roses"], "unwanted": ["slugs"]}


def faults(claim: Claim, title: str = "Soil", similarity: float | None = 0.5, **labels: Any) -> tuple[str, ...]:
    """What is false about a reason that makes one claim."""
    query = LabelledQuery.model_validate(QUERY | _LABELS | labels)
    false = list(find_false_reasons(query, [GivenReason(numbered_id(1), (claim,), similarity)], [title]))
    return false[0].faults if false else ()


@pytest.mark.parametrize(
    "claim",
    [
        Claim(ClaimKind.GAP, ("soil", "Water")), Claim(ClaimKind.WISH, ("rose",)), Claim(ClaimKind.GOAL, ("roses",)),
        Claim(ClaimKind.TRACK, ("soil",)), Claim(ClaimKind.LEVEL), Claim(ClaimKind.NEAR), Claim(ClaimKind.WORDS),
    ],
)  # fmt: skip
def test_true_claims_have_no_faults(claim: Claim) -> None:
    assert faults(claim) == ()


@pytest.mark.parametrize(
    ("claim", "fault"),
    [
        (Claim(ClaimKind.GAP, ("roses",)), "roses is no gap"),
        (Claim(ClaimKind.WISH, ("soil",)), "soil was not named"),
        (Claim(ClaimKind.GOAL, ("soil",)), "soil was not named"),
        (Claim(ClaimKind.TRACK, ("roses",)), "the track does not ask for roses"),
    ],
)
def test_claims_without_a_source_are_false(claim: Claim, fault: str) -> None:
    assert faults(claim) == (fault,)


def test_a_reason_for_what_is_not_wanted_is_false() -> None:
    assert faults(Claim(ClaimKind.NEAR), "Water") == ("the student refuses or holds it",)
    assert faults(Claim(ClaimKind.TRACK, ("slugs",)), skills_of_track=["slugs"]) == ("slugs is not wanted",)
    assert faults(Claim(ClaimKind.GAP, ("soil",)), gaps=[{"skill": "soil", "level": 0.6}]) == ("soil is no gap",)
    assert faults(Claim(ClaimKind.LEVEL), level=None) == ("no level was chosen",)
    assert faults(Claim(ClaimKind.NEAR), similarity=0.29) == ("it is not near",)
    assert faults(Claim(ClaimKind.NEAR), similarity=None) == ("it is not near",)
