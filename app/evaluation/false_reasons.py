"""Which of the reasons that were given are false by the labels of their query."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.domain.recommendation.claims import MIN_SIMILARITY, Claim, ClaimKind
from app.domain.recommendation.skill_aliases import default_aliases
from app.domain.result.skills import GAP_BELOW
from app.evaluation.labelled_queries import LabelledQuery
from app.services.recommendations.evaluate_retrieval import GivenReason


@dataclass(frozen=True)
class FalseReason:
    """A reason with what is false about it."""

    query: str
    title: str
    faults: tuple[str, ...]


def find_false_reasons(
    labelled: LabelledQuery, reasons: Sequence[GivenReason], titles: Sequence[str]
) -> Iterator[FalseReason]:
    """The false ones among the reasons for these titles. A reason is false if it is for something that the student
    does not want or already holds, or if one of its claims is: a gap that theory does not show, a wish that was not
    named, a skill that is not wanted, a level that was not chosen, or nearness below the threshold."""
    for reason, title in zip(reasons, titles, strict=True):
        faults = ["the student refuses or holds it"] if title in labelled.refused else []
        faults += [fault for claim in reason.claims for fault in _faults(claim, reason, labelled)]
        if faults:
            yield FalseReason(labelled.id, title, tuple(faults))


def _faults(claim: Claim, reason: GivenReason, labelled: LabelledQuery) -> Iterator[str]:
    gaps = [gap.skill for gap in labelled.gaps if gap.level < GAP_BELOW]
    for skill in claim.skills:
        if _has(labelled.unwanted, skill):
            yield f"{skill} is not wanted"
        if claim.kind is ClaimKind.GAP and not _has(gaps, skill):
            yield f"{skill} is no gap"
        if claim.kind in (ClaimKind.WISH, ClaimKind.GOAL) and not _has(labelled.named or (), skill):
            yield f"{skill} was not named"
        if claim.kind is ClaimKind.TRACK and not _has(labelled.skills_of_track, skill):
            yield f"the track does not ask for {skill}"
    if claim.kind is ClaimKind.LEVEL and labelled.level is None:
        yield "no level was chosen"
    if claim.kind is ClaimKind.NEAR and (reason.similarity is None or reason.similarity < MIN_SIMILARITY):
        yield "it is not near"


def _has(skills: Sequence[str], skill: str) -> bool:
    return any(default_aliases().same_skill(skill, other) for other in skills)
