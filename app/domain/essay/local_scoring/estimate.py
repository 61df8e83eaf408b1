"""The estimate: one regression says how many points, and each dimension's own measures where they are earned.

The rationales give counts and percentages only. Students read them, and the reference answer is used again.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from app.domain.essay.local_scoring.alignment import Readings
from app.domain.essay.local_scoring.discounts import ramp
from app.domain.essay.local_scoring.features import Features, measure
from app.domain.essay.local_scoring.regression import trained
from app.domain.essay.local_scoring.sharing import spread
from app.domain.essay.local_scoring.wording import joined, own_pieces, pieces, sampled, windows
from app.domain.essay.score import Dimension, Dimensions, EssayScore, Evidence
from app.domain.text import Span

VERSION = "local-2"

# The recall of an idea's words between which it goes from not met to certainly met.
_IDEA_FROM, _IDEA_TO = 0.35, 0.65

# The answer as a whole, nearness to the question and to the reference answer averaged.
_NEAR_FROM, _NEAR_TO = 0.20, 0.80

# Good answers in words of their own share a quarter to a third of the reference answer's terms by weight.
_TERMS_FULL = 0.40

# A quote longer than this says no longer which words it means.
_QUOTE_LIMIT = 600


def texts_to_embed(prompt: str, model_answer: str, answer: str) -> tuple[str, ...]:
    """The texts `estimate` needs readings of: the prompt and both answers in windows; none twice.

    At most 40 sentences of each, sampled evenly; sentences of more than 40 words in parts. Repetitions in the
    answer and what is copied from the prompt are left out.
    """
    parts = (sampled(pieces(prompt)), sampled(pieces(model_answer)), sampled(own_pieces(answer, prompt)))
    return tuple(dict.fromkeys(joined(window) for one in parts for window in windows(one)))


def estimate(prompt: str, model_answer: str, answer: str, readings: Readings) -> EssayScore:
    """An estimate of the answer's worth. Raises ValueError for a blank answer, KeyError without a reading."""
    if not answer.strip():
        raise ValueError("a blank answer is not estimated")
    features = measure(prompt, model_answer, answer, readings)
    share = trained().estimate(features.measures) if features.own else 0.0
    return EssayScore(
        scorer="local",
        model=VERSION,
        prompt_version=VERSION,
        confidence=_confidence(features, share),
        dimensions=_dimensions(features, round(100 * share)),
    )


@dataclass(frozen=True, slots=True)
class _Finding:
    """What a dimension's measures say: its share of all it could earn, why, and where."""

    share: float
    facts: str
    quoted: Iterable[int] = ()


def _dimensions(features: Features, total: int) -> Dimensions:
    findings = (_relevance(features), _depth(features), _clarity(features), _technical(features))
    points = spread(total, [finding.share for finding in findings])
    made = [_dimension(features, *one) for one in zip(findings, points, strict=True)]
    return Dimensions(relevance=made[0], depth=made[1], clarity=made[2], technical=made[3])


def _dimension(features: Features, finding: _Finding, points: int) -> Dimension:
    places = [place for place in finding.quoted if len(features.own[place].text) <= _QUOTE_LIMIT]
    return Dimension(
        score=points,
        rationale=finding.facts,
        evidence=tuple(_evidence(features.own[place]) for place in places),
    )


def _relevance(features: Features) -> _Finding:
    facts = (
        f"By meaning, the answer is {_percent(features.near_prompt)} near the question "
        f"and {_percent(features.near_reference)} near the reference answer."
    )
    best = sorted(range(len(features.own)), key=lambda place: -features.piece_nearness[place])
    share = ramp((features.near_prompt + features.near_reference) / 2, _NEAR_FROM, _NEAR_TO)
    quoted = [place for place in best if features.piece_nearness[place] >= _IDEA_FROM][:2]
    return _Finding(share, facts + _set_aside(features), quoted)


def _depth(features: Features) -> _Finding:
    met = [_idea_met(recall) for recall in features.idea_recall]
    facts = (
        f"Meets about {round(sum(met))} of {len(met)} ideas of the reference answer, "
        f"in {_counted(features.word_count, 'word')}."
    )
    pairs = zip(features.idea_recall, features.idea_piece, strict=True)
    best = [place for recall, place in sorted(pairs, reverse=True) if _idea_met(recall) >= 0.5]
    return _Finding(_part(sum(met), len(met)), facts, list(dict.fromkeys(best))[:3])


def _clarity(features: Features) -> _Finding:
    facts = (
        f"{_counted(round(features.sentence_words), 'word')} in a sentence on average; the most frequent "
        f"word is {_percent(features.repetition)} of its content words; "
        f"{_percent(features.shouting)} capitals in longer words."
    )
    held = " Few of its words form English sentences." if _prose(features) < 1.0 else ""
    tiring = [place for place, piece in enumerate(features.own) if len(piece.text.split()) >= 40]
    return _Finding(_readable(features) * _prose(features), facts + held, tiring[:1])


def _technical(features: Features) -> _Finding:
    facts = f"Uses {_percent(features.term_share)} of the reference answer's terms, by weight."
    best = sorted(range(len(features.own)), key=lambda place: -features.piece_terms[place])
    quoted = [place for place in best if features.piece_terms[place] > 0][:2]
    return _Finding(min(1.0, features.term_share / _TERMS_FULL), facts, quoted)


def _confidence(features: Features, share: float) -> float:
    """What training found to expect, less for what it has not seen: very long answers, and other languages."""
    known = trained().confidence(features.measures, share)
    whole = 1.0 - 0.4 * ramp(features.word_count, 600, 1500)
    language = 0.2 + 0.8 * ramp(features.glue_share, 0.04, 0.20)
    return round(known * whole * language, 2)


def _idea_met(recall: float) -> float:
    return ramp(recall, _IDEA_FROM, _IDEA_TO)


def _prose(features: Features) -> float:
    return 1.0 - max(features.measures["listing"], features.measures["disorder"])


def _readable(features: Features) -> float:
    # Prose that reads well has 10 to 25 words in a sentence; at 60 nobody follows, below 5 nothing is joined.
    flow = 1.0 - 0.5 * ramp(features.sentence_words, 25, 60) - 0.4 * (1 - ramp(features.sentence_words, 2, 7))
    # The topic's own word takes up to 10 %; few words make high shares by chance.
    variety = 1.0 - 0.5 * ramp(features.repetition, 0.12, 0.40)
    calm = 1.0 - 0.4 * ramp(features.shouting, 0.2, 0.8)
    return flow * variety * calm


def _set_aside(features: Features) -> str:
    if not features.set_aside:
        return ""
    return f" {_counted(features.set_aside, 'part')} repeated from the question or the answer not counted."


def _evidence(span: Span) -> Evidence:
    return Evidence(quote=span.text, start=span.start, end=span.end)


def _part(part: float, whole: int) -> float:
    return part / whole if whole else 0.0


def _percent(share: float) -> str:
    return f"{round(100 * min(1.0, max(0.0, share)))}%"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
