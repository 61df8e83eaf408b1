"""Skill levels, estimated from the scores of the questions that ask for the skills."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.domain.result.model import SkillEstimate

# Below this share of the points a skill counts as a gap: most courses ask for so much to pass.
GAP_BELOW = 0.6
# A question that earns no points still shows a skill as well as an ordinary one.
_WEIGHT_WITHOUT_POINTS = 1.0
# The normal quantile of 80 % intervals.
_Z = 1.2816


@dataclass(frozen=True, slots=True)
class SkillEvidence:
    """One scored question: the skills that it asks for, the share of the points that was earned (0–1), its weight."""

    question_id: UUID
    skills: tuple[str, ...]
    share: float
    weight: float


def estimate_skills(evidence: Iterable[SkillEvidence]) -> tuple[SkillEstimate, ...]:
    """An estimate for each skill that a question asks for, lowest level first."""
    by_skill: dict[str, list[SkillEvidence]] = {}
    for question in evidence:
        for skill in set(question.skills):
            by_skill.setdefault(skill, []).append(question)
    estimates = [_estimate(skill, questions) for skill, questions in by_skill.items()]
    return tuple(sorted(estimates, key=lambda estimate: (estimate.level, estimate.skill)))


def _estimate(skill: str, questions: list[SkillEvidence]) -> SkillEstimate:
    weights = [question.weight or _WEIGHT_WITHOUT_POINTS for question in questions]
    earned = math.fsum(question.share * weight for question, weight in zip(questions, weights, strict=True))
    level = round(min(1.0, earned / math.fsum(weights)), 3)
    low, high = _wilson(level, len(questions))
    return SkillEstimate(
        skill=skill,
        level=level,
        low=low,
        high=high,
        gap=level < GAP_BELOW,
        sources=tuple(f"score:{question.question_id}" for question in questions),
    )


def _wilson(share: float, count: int) -> tuple[float, float]:
    """Wilson's score interval: it stays within 0–1, and wide for few questions, where the normal interval collapses."""
    spread = _Z * _Z / count
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return round(max(0.0, middle - half), 3), round(min(1.0, middle + half), 3)
