"""Estimates of skills from the scores of the questions that ask for them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.domain.result.model import SkillEstimate

# Below this share of the points a skill counts as a gap: what most courses ask for to pass.
GAP_BELOW = 0.6
# Width of the range: four estimates in five lie inside, if questions were drawn at random.
_Z = 1.2816


@dataclass(frozen=True, slots=True)
class SkillEvidence:
    """One scored question: which skills it asks for and the share of its points that was earned, 0–1."""

    question_id: UUID
    skills: tuple[str, ...]
    share: float
    weight: float


def estimate_skills(evidence: Iterable[SkillEvidence]) -> tuple[SkillEstimate, ...]:
    """An estimate for each skill that a question asked for, least shown first."""
    by_skill: dict[str, list[SkillEvidence]] = {}
    for piece in evidence:
        for skill in set(piece.skills):
            by_skill.setdefault(skill, []).append(piece)
    estimates = [_estimate(skill, pieces) for skill, pieces in by_skill.items()]
    return tuple(sorted(estimates, key=lambda estimate: (estimate.level, estimate.skill)))


def _estimate(skill: str, pieces: list[SkillEvidence]) -> SkillEstimate:
    total = math.fsum(piece.weight for piece in pieces)
    level = round(min(1.0, math.fsum(piece.share * piece.weight for piece in pieces) / total), 3)
    low, high = _wilson(level, len(pieces))
    return SkillEstimate(
        skill=skill,
        level=level,
        low=low,
        high=high,
        gap=level < GAP_BELOW,
        sources=tuple(f"score:{piece.question_id}" for piece in pieces),
    )


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's score interval: stays within 0–1 and wide for few questions, where the normal one collapses."""
    spread = _Z * _Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return round(max(0.0, middle - half), 3), round(min(1.0, middle + half), 3)
