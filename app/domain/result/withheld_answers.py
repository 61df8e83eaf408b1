"""Skills and recommendations for students who must not learn which theoretical questions they answered correctly.

A skill that one question asks for would show it, and several skills together may show more. So each question counts
with the share of points that all theoretical questions earned together, which students read anyway.
"""

from collections.abc import Iterator, Sequence

from app.domain.result.model import EssayLine, QuestionLine, Result
from app.domain.result.skills import SkillEvidence, estimate_skills
from app.domain.result.summary import summarize_in_words
from app.domain.values import points, sum_of_points


def averaged(theory: Sequence[QuestionLine]) -> tuple[QuestionLine, ...]:
    """The theoretical questions that have points, each with the share of them that all earned together."""
    maximum = sum_of_points(line.max_score for line in theory)
    if not maximum:
        return ()
    share = sum_of_points(line.points for line in theory) / maximum
    return tuple(
        line.model_copy(update={"score": points(line.max_score, share), "correct": None, "override": None})
        for line in theory
        if line.max_score
    )


def without_single_answers(result: Result) -> Result:
    """The result with skills and a summary that say nothing about single theoretical questions."""
    skills = estimate_skills(_evidence(result))
    summary = summarize_in_words(result.overall, result.breakdown, skills, result.recommendations)
    return result.model_copy(update={"skills": skills, "summary": summary})


def _evidence(result: Result) -> Iterator[SkillEvidence]:
    theory, essays = averaged(result.breakdown.theoretical.questions), result.breakdown.essay.questions
    scored: tuple[QuestionLine | EssayLine, ...] = (*theory, *essays)
    lines = {f"score:{line.question_id}": line for line in scored}
    for estimate in result.skills:
        for source in estimate.sources:
            line = lines.get(source)
            if line is not None and line.share is not None:
                yield SkillEvidence(line.question_id, (estimate.skill,), line.share, line.max_score)
