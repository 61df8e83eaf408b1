"""The summary of a result: plain sentences, each with its sources."""

from collections.abc import Sequence

from app.domain.result.model import (
    Breakdown,
    EssayLine,
    EssaySummary,
    Overall,
    QuestionLine,
    Recommendation,
    RulePart,
    SkillEstimate,
    SummarySentence,
)
from app.domain.result.score_range import score_range, unscored_points
from app.domain.text import count_of


def summarize_in_words(
    overall: Overall,
    breakdown: Breakdown,
    skills: Sequence[SkillEstimate],
    recommendations: Sequence[Recommendation],
) -> tuple[SummarySentence, ...]:
    """The sentences a student reads first: the total, the points of each part, what is missing, what people scored,
    strengths, gaps, and the first recommendation."""
    sentences = (
        _total(overall, breakdown),
        *(_part(name, summary) for name, summary in _parts(breakdown)),
        _unanswered(breakdown),
        _unscored(breakdown),
        _scored_by_people(breakdown),
        _confirmed_by_people(breakdown),
        _strengths(skills),
        _gaps(skills),
        _advice(recommendations),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _total(overall: Overall, breakdown: Breakdown) -> SummarySentence | None:
    if overall.score is None:
        return None
    sources = tuple(source for _, summary in _parts(breakdown) for source in _sources(summary))
    return _sentence(f"You earned {_in_points(overall.score, overall.max_score, overall.percentage)}.", sources)


def _part(name: str, summary: RulePart | EssaySummary) -> SummarySentence | None:
    if summary.score is None or not summary.max_score:
        return None
    earned = _in_points(summary.score, summary.max_score, summary.percentage)
    return _sentence(f"Your {name} answers earned {earned}.", _sources(summary))


def _unanswered(breakdown: Breakdown) -> SummarySentence | None:
    missing = [line for line in _lines(breakdown) if line.missing and not line.override]
    return _sentence(
        f"{count_of(len(missing), 'question')} had no answer and earned no points.", _score_sources(missing)
    )


def _unscored(breakdown: Breakdown) -> SummarySentence | None:
    lines = [line for line in breakdown.essay.questions if line.points is None]
    total = score_range(breakdown)
    text = f"{count_of(len(lines), 'essay')} could not be scored"
    if total and unscored_points(breakdown):
        low, high, them = _plain(total.low), _plain(total.high), "it" if len(lines) == 1 else "them"
        text += f", so the total is provisional: {low} % with no points for {them}, {high} % with all"
    return _sentence(f"{text}.", _score_sources(lines))


def _scored_by_people(breakdown: Breakdown) -> SummarySentence | None:
    lines = [line for line in _lines(breakdown) if line.override and not line.override.confirmed]
    verb = "was" if len(lines) == 1 else "were"
    return _sentence(
        f"{count_of(len(lines), 'question')} {verb} scored by a person, whose score counts.", _score_sources(lines)
    )


def _confirmed_by_people(breakdown: Breakdown) -> SummarySentence | None:
    lines = [line for line in _lines(breakdown) if line.override and line.override.confirmed]
    verb = "was" if len(lines) == 1 else "were"
    return _sentence(f"{count_of(len(lines), 'score')} {verb} confirmed by a person.", _score_sources(lines))


def _strengths(skills: Sequence[SkillEstimate]) -> SummarySentence | None:
    strengths = [skill for skill in reversed(skills) if not skill.gap][:3]
    return _sentence(f"You showed most of {_listed(strengths)}.", _skill_sources(strengths))


def _gaps(skills: Sequence[SkillEstimate]) -> SummarySentence | None:
    gaps = [skill for skill in skills if skill.gap][:3]
    return _sentence(f"There is most to gain in {_listed(gaps)}.", _skill_sources(gaps))


def _advice(recommendations: Sequence[Recommendation]) -> SummarySentence | None:
    if not recommendations:
        return None
    first = recommendations[0]
    sources = tuple(f"passage:{source.passage_id}" for source in first.sources)
    return _sentence(f"A good next step is “{first.title}” by {first.provider}.", sources)


def _sentence(text: str, sources: tuple[str, ...]) -> SummarySentence | None:
    """The sentence; None without sources, because every sentence names what it rests on."""
    return SummarySentence(text=text, sources=sources) if sources else None


def _parts(breakdown: Breakdown) -> tuple[tuple[str, RulePart | EssaySummary], ...]:
    return (
        ("theory", breakdown.theoretical),
        ("profile", breakdown.profile),
        ("essay", breakdown.essay),
    )


def _lines(breakdown: Breakdown) -> list[QuestionLine | EssayLine]:
    return [line for _, summary in _parts(breakdown) for line in summary.questions]


def _sources(summary: RulePart | EssaySummary) -> tuple[str, ...]:
    return _score_sources([line for line in summary.questions if line.points is not None])


def _score_sources(lines: Sequence[QuestionLine | EssayLine]) -> tuple[str, ...]:
    return tuple(f"score:{line.question_id}" for line in lines)


def _in_points(score: float, maximum: float, percent: float | None) -> str:
    return f"{_plain(score)} of {_plain(maximum)} points ({_plain(percent or 0.0)} %)"


def _plain(number: float) -> str:
    """A number as the result shows it, never with an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _listed(skills: Sequence[SkillEstimate]) -> str:
    return ", ".join(f"{skill.skill} ({round(100 * skill.level)} %)" for skill in skills)


def _skill_sources(skills: Sequence[SkillEstimate]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(source for skill in skills for source in skill.sources))
