"""A result in plain sentences, each with its sources."""

from collections.abc import Sequence

from app.domain.result import (
    Breakdown,
    EssaySummary,
    Overall,
    Recommendation,
    SkillEstimate,
    SummarySentence,
)
from app.domain.rule_scoring import ScoreSummary

_NAMES = {"theoretical": "theory", "profile": "profile", "essay": "essay"}


def summarize_in_words(
    overall: Overall,
    breakdown: Breakdown,
    skills: Sequence[SkillEstimate],
    recommendations: Sequence[Recommendation],
) -> tuple[SummarySentence, ...]:
    """What a student should read first: the total, each part, strengths, gaps, what is missing, the first advice."""
    drafts = (
        _total(overall, breakdown),
        *(_part(name, summary) for name, summary in _parts(breakdown)),
        _unanswered(breakdown),
        _unscored(breakdown.essay),
        _strengths(skills),
        _gaps(skills),
        _advice(recommendations),
    )
    return tuple(SummarySentence(text=text, sources=sources) for text, sources in drafts if text and sources)


Draft = tuple[str, tuple[str, ...]]
_NOTHING: Draft = ("", ())


def _total(overall: Overall, breakdown: Breakdown) -> Draft:
    sources = tuple(source for _, summary in _parts(breakdown) for source in _sources(summary))
    return (
        f"You earned {overall.score:g} of {overall.max_score:g} points ({overall.percentage:g} %).",
        sources,
    )


def _part(name: str, summary: ScoreSummary | EssaySummary) -> Draft:
    if summary.score is None or not summary.count:
        return _NOTHING
    text = (
        f"Your {_NAMES[name]} answers earned {summary.score:g} of {summary.max_score:g} points "
        f"({summary.percentage:g} %)."
    )
    return text, _sources(summary)


def _unanswered(breakdown: Breakdown) -> Draft:
    missing = [line for _, summary in _parts(breakdown) for line in summary.questions if line.missing]
    text = f"{len(missing)} question(s) had no answer and earned no points." if missing else ""
    return text, tuple(f"score:{line.question_id}" for line in missing)


def _unscored(essay: EssaySummary) -> Draft:
    lines = [line for line in essay.questions if line.score is None]
    text = f"{len(lines)} essay(s) could not be scored and count neither for nor against you." if lines else ""
    return text, tuple(f"score:{line.question_id}" for line in lines)


def _strengths(skills: Sequence[SkillEstimate]) -> Draft:
    strong = [skill for skill in reversed(skills) if not skill.gap][:3]
    text = f"You showed most of {_listed(strong)}." if strong else ""
    return text, _skill_sources(strong)


def _gaps(skills: Sequence[SkillEstimate]) -> Draft:
    gaps = [skill for skill in skills if skill.gap][:3]
    text = f"There is most to gain in {_listed(gaps)}." if gaps else ""
    return text, _skill_sources(gaps)


def _advice(recommendations: Sequence[Recommendation]) -> Draft:
    if not recommendations:
        return _NOTHING
    first = recommendations[0]
    text = f"A good next step is “{first.title}” by {first.provider}."
    return text, tuple(f"passage:{source.passage_id}" for source in first.sources)


def _parts(breakdown: Breakdown) -> tuple[tuple[str, ScoreSummary | EssaySummary], ...]:
    return (
        ("theoretical", breakdown.theoretical),
        ("profile", breakdown.profile),
        ("essay", breakdown.essay),
    )


def _sources(summary: ScoreSummary | EssaySummary) -> tuple[str, ...]:
    return tuple(f"score:{line.question_id}" for line in summary.questions if line.score is not None)


def _listed(skills: Sequence[SkillEstimate]) -> str:
    return ", ".join(f"{skill.skill} ({round(100 * skill.level)} %)" for skill in skills)


def _skill_sources(skills: Sequence[SkillEstimate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for skill in skills for source in skill.sources))
