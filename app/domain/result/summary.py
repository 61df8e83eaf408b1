"""A result in plain sentences, each with its sources."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.domain.result.model import (
    Breakdown,
    EssaySummary,
    Overall,
    Recommendation,
    Result,
    RulePart,
    SkillEstimate,
    SummarySentence,
)


class FactKind(StrEnum):
    """What a sentence is about."""

    TOTAL = "total"
    PART = "part"
    UNANSWERED = "unanswered"
    UNSCORED = "unscored"
    SCORED_BY_PEOPLE = "scored_by_people"
    STRENGTHS = "strengths"
    GAPS = "gaps"
    ADVICE = "advice"


@dataclass(frozen=True, slots=True)
class Fact:
    """A plain sentence, what it rests on, and the names in it as the bank and the catalogue have them, in order."""

    kind: FactKind
    text: str
    sources: tuple[str, ...]
    names: tuple[str, ...] = ()


# What a sentence says, its sources, and the names in it; without the first two it is left out.
Draft = tuple[str, tuple[str, ...]] | tuple[str, tuple[str, ...], tuple[str, ...]]
_NOTHING: Draft = ("", ())


def summarize_in_words(
    overall: Overall,
    breakdown: Breakdown,
    skills: Sequence[SkillEstimate],
    recommendations: Sequence[Recommendation],
) -> tuple[SummarySentence, ...]:
    """What a student should read first: the total, each part, strengths, gaps, what is missing, what people scored, the
    first advice."""
    facts = _facts(overall, breakdown, skills, recommendations)
    return tuple(SummarySentence(text=fact.text, sources=fact.sources) for fact in facts)


def summary_facts(result: Result) -> tuple[Fact, ...]:
    """What the plain sentences of this result say, in their order."""
    return _facts(result.overall, result.breakdown, result.skills, result.recommendations)


def _facts(
    overall: Overall,
    breakdown: Breakdown,
    skills: Sequence[SkillEstimate],
    recommendations: Sequence[Recommendation],
) -> tuple[Fact, ...]:
    drafts = (
        (FactKind.TOTAL, _total(overall, breakdown)),
        *((FactKind.PART, _part(name, summary)) for name, summary in _parts(breakdown)),
        (FactKind.UNANSWERED, _unanswered(breakdown)),
        (FactKind.UNSCORED, _unscored(breakdown.essay)),
        (FactKind.SCORED_BY_PEOPLE, _scored_by_people(breakdown)),
        (FactKind.STRENGTHS, _strengths(skills)),
        (FactKind.GAPS, _gaps(skills)),
        (FactKind.ADVICE, _advice(recommendations)),
    )
    return tuple(Fact(kind, *draft) for kind, draft in drafts if draft[0] and draft[1])


def _total(overall: Overall, breakdown: Breakdown) -> Draft:
    if overall.score is None:
        return _NOTHING
    sources = tuple(source for _, summary in _parts(breakdown) for source in _sources(summary))
    return f"You earned {_in_points(overall.score, overall.max_score, overall.percentage)}.", sources


def _part(name: str, summary: RulePart | EssaySummary) -> Draft:
    if summary.score is None or not summary.count:
        return _NOTHING
    earned = _in_points(summary.score, summary.max_score, summary.percentage)
    return f"Your {name} answers earned {earned}.", _sources(summary)


def _unanswered(breakdown: Breakdown) -> Draft:
    missing = [
        line for _, summary in _parts(breakdown) for line in summary.questions if line.missing and not line.override
    ]
    text = f"{_counted(missing, 'question')} had no answer and earned no points." if missing else ""
    return text, tuple(f"score:{line.question_id}" for line in missing)


def _unscored(essay: EssaySummary) -> Draft:
    lines = [line for line in essay.questions if line.points is None]
    text = f"{_counted(lines, 'essay')} could not be scored: neither for nor against you." if lines else ""
    return text, tuple(f"score:{line.question_id}" for line in lines)


def _scored_by_people(breakdown: Breakdown) -> Draft:
    lines = [line for _, summary in _parts(breakdown) for line in summary.questions if line.override]
    verb = "was" if len(lines) == 1 else "were"
    text = f"{_counted(lines, 'question')} {verb} scored by a person, whose score counts." if lines else ""
    return text, tuple(f"score:{line.question_id}" for line in lines)


def _strengths(skills: Sequence[SkillEstimate]) -> Draft:
    strong = [skill for skill in reversed(skills) if not skill.gap][:3]
    text = f"You showed most of {_listed(strong)}." if strong else ""
    return text, _skill_sources(strong), tuple(skill.skill for skill in strong)


def _gaps(skills: Sequence[SkillEstimate]) -> Draft:
    gaps = [skill for skill in skills if skill.gap][:3]
    text = f"There is most to gain in {_listed(gaps)}." if gaps else ""
    return text, _skill_sources(gaps), tuple(skill.skill for skill in gaps)


def _advice(recommendations: Sequence[Recommendation]) -> Draft:
    if not recommendations:
        return _NOTHING
    first = recommendations[0]
    text = f"A good next step is “{first.title}” by {first.provider}."
    sources = tuple(f"passage:{source.passage_id}" for source in first.sources)
    return text, sources, (first.title, first.provider)


def _parts(breakdown: Breakdown) -> tuple[tuple[str, RulePart | EssaySummary], ...]:
    return (
        ("theory", breakdown.theoretical),
        ("profile", breakdown.profile),
        ("essay", breakdown.essay),
    )


def _sources(summary: RulePart | EssaySummary) -> tuple[str, ...]:
    return tuple(f"score:{line.question_id}" for line in summary.questions if line.points is not None)


def _in_points(score: float, maximum: float, percent: float | None) -> str:
    return f"{_plain(score)} of {_plain(maximum)} points ({_plain(percent or 0.0)} %)"


def _plain(number: float) -> str:
    """A number as the result shows it, never with an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _counted(things: Sequence[object], name: str) -> str:
    return f"1 {name}" if len(things) == 1 else f"{len(things)} {name}s"


def _listed(skills: Sequence[SkillEstimate]) -> str:
    return ", ".join(f"{skill.skill} ({round(100 * skill.level)} %)" for skill in skills)


def _skill_sources(skills: Sequence[SkillEstimate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for skill in skills for source in skill.sources))
