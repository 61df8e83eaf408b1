"""Skill levels, estimated from the scores of the questions that ask for the skills."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from app.domain.recommendation.word_forms import Forms, fold
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
    """An estimate for each skill that a question asks for, lowest level first. Names are compared as in searches, so
    "http" and "HTTP" are one skill, by its commonest name."""
    by_skill: dict[Forms, list[SkillEvidence]] = {}
    names: dict[Forms, Counter[str]] = {}
    for question in evidence:
        for forms, name in {_compared(skill): skill for skill in sorted(question.skills)}.items():
            by_skill.setdefault(forms, []).append(question)
            names.setdefault(forms, Counter())[name] += 1
    estimates = [_estimate(_commonest(names[forms]), questions) for forms, questions in by_skill.items()]
    return tuple(sorted(estimates, key=lambda estimate: (estimate.level, estimate.skill)))


def _compared(skill: str) -> Forms:
    return fold(skill) or (skill,)


def _commonest(names: Counter[str]) -> str:
    """The name with most questions; of equal ones the first by the alphabet."""
    return min(names, key=lambda name: (-names[name], name))


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
